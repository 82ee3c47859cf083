"""Arrays in files as pictures: .npy holds one array, .npz several by name; each of one frame or, as nchw, of many."""

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from numpy.typing import NDArray

from poolcli.errors import PictureError
from poolcli.images import layouts, npy, numbers
from poolcli.images.formats import SEPARATORS
from poolcli.images.frame import Frame, Meta, Picture
from poolcli.images.guard import reading
from poolcli.images.options import MAX_FRAMES, ReadOptions

if TYPE_CHECKING:
    from zipfile import ZipInfo

_HEAD = 1 << 14  # no header that is believed is longer
_UNNAMED = "arr_0"  # what numpy.savez calls an array without a name
_EPOCH = (1980, 1, 1, 0, 0, 0)  # so that equal arrays make equal archives


def read_array(stream: BinaryIO, source: object, name: str, options: ReadOptions) -> Picture:
    """The array of a .npy file; one in a file on disk is mapped into memory, not read."""
    array = npy.read(stream, name, mapped=isinstance(source, Path))
    frames = _chosen(list(_frames(array, _UNNAMED, name, options)), name, options)
    return Picture("NPY", tuple(frames), stored_mode=array.dtype.name)


def read_archive(stream: BinaryIO, name: str, options: ReadOptions) -> Picture:
    """Every array of a .npz file. `options.max_pixels` bounds their values together, at four a pixel.

    Raises PictureError for what is no array, and for more than the archive may unpack to.
    """
    frames: list[Frame] = []
    values = 0
    import zipfile  # which takes as long to load as pooling a small picture

    with reading(name), zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        _check_members(members, name)
        for member in members:
            with archive.open(member) as file:
                array = _unpacked(file, member.filename, name, values, options)
            values += array.size
            frames += _frames(array, member.filename.removesuffix(".npy"), name, options)
    return Picture("NPZ", tuple(_chosen(frames, name, options)), stored_mode=frames[0].mode)


def _check_members(members: "list[ZipInfo]", name: str) -> None:
    names = [member.filename for member in members]
    if not names:
        raise PictureError(f"{name}: an archive without arrays; save it again with numpy.savez")
    if len(names) > MAX_FRAMES:
        raise PictureError(f"{name}: more than {MAX_FRAMES} arrays; put fewer into one archive")
    other = next((each for each in names if not each.endswith(".npy")), None)
    if other is not None:
        raise PictureError(f"{name}: '{other[:80]}' in the archive is no array; give one written by numpy.savez")
    if len(set(names)) < len(names):
        raise PictureError(f"{name}: two arrays of the archive have one name; save it again with numpy.savez")


def _unpacked(file: Any, member: str, name: str, before: int, options: ReadOptions) -> NDArray[Any]:
    """The array of one member: its header is read and judged before anything is unpacked."""
    called = f"{name}: {member[:80]}"
    head = BytesIO(file.read(_HEAD))
    header = npy.read_header(head, called)
    most = None if options.max_pixels is None else 4 * options.max_pixels
    values = before + header.size // header.dtype.itemsize
    if most is not None and values > most:
        raise PictureError(
            f"{name}: arrays of {values} values are more than the limit of {most}, four a pixel; "
            "if you trust the file, raise it with --max-pixels"
        )
    start = head.read()[: header.size]
    content = start + file.read(header.size - len(start))
    if len(content) < header.size:
        raise PictureError(
            f"{called}: the header promises {header.size} bytes of array and the archive holds {len(content)}"
        )
    return npy.array_of(content, header)


def _frames(array: NDArray[Any], array_name: str, name: str, options: ReadOptions) -> Iterator[Frame]:
    layout = layouts.layout_of(array.shape, options.layout, name)
    info = {"array": array_name, "layout": layout}
    for pixels in layouts.to_frames(npy.native(array), layout):
        yield Frame(pixels, pixels.dtype.name, info=info)


def _chosen(frames: list[Frame], name: str, options: ReadOptions) -> list[Frame]:
    if options.frame is None:
        return frames
    if options.frame >= len(frames):
        held = "1 frame, number 0" if len(frames) == 1 else f"{len(frames)} frames, 0 to {len(frames) - 1}"
        raise PictureError(f"{name}: no frame {options.frame}; the file has {held}")
    return [frames[options.frame]]


def check_fits(picture: Picture, format: str, layout: str | None) -> None:
    """Raise PictureError when the frames of `picture` are no one array (of each name) in the layout."""
    if format in SEPARATORS:
        numbers.check_fits(picture, format)
        return
    for frames in _groups(picture, format):
        if len(frames) > 1 and _layout(frames, layout) != "nchw":
            raise PictureError(
                f"{len(frames)} frames do not fit into one {format}; take one with --frame N, or say --layout nchw"
            )


def write(picture: Picture, stream: BinaryIO, format: str, layout: str | None) -> Picture:
    """Write the frames as the arrays they came from, or as one array in `layout`; return the picture as written."""
    check_fits(picture, format, layout)
    groups = _groups(picture, format)
    if format in SEPARATORS:
        numbers.write(picture.frames[0].pixels, stream, format)
    elif format == "NPY":
        npy.write(_array(groups[0], layout), stream)
    else:
        import zipfile

        with zipfile.ZipFile(stream, "w") as archive:
            for frames in groups:
                member = zipfile.ZipInfo(f"{frames[0].info.get('array', _UNNAMED)}.npy", _EPOCH)
                with archive.open(member, "w", force_zip64=True) as file:
                    npy.write(_array(frames, layout), file)  # type: ignore[arg-type]
    written = (replace(frame, mode=frame.pixels.dtype.name, palette=None) for frame in picture.frames)
    return replace(picture, format=format, frames=tuple(written), meta=Meta())


def _groups(picture: Picture, format: str) -> list[list[Frame]]:
    """The frames that become one array: all for .npy, those of one name for .npz."""
    if format != "NPZ":
        return [list(picture.frames)]
    return [list(group) for _, group in groupby(picture.frames, lambda frame: frame.info.get("array", _UNNAMED))]


def _layout(frames: list[Frame], layout: str | None) -> str | None:
    """That of the array the frames came from; for pictures the one asked for."""
    own: str | None = frames[0].info.get("layout")
    return own or layout


def _array(frames: list[Frame], layout: str | None) -> NDArray[Any]:
    return layouts.from_frames([frame.pixels for frame in frames], _layout(frames, layout))
