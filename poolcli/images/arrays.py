"""Arrays in files: .npy and .npz, how their axes lie, and arrays larger than memory by bands of rows."""

import math
import mmap
import sys
import tokenize
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from poolcli.errors import PictureError, said
from poolcli.images import numbers
from poolcli.images.formats import (
    FORMATS,
    MAX_FRAMES,
    SEPARATORS,
    START,
    ZARR,
    HeaderRead,
    ReadOptions,
    Request,
)
from poolcli.images.frame import Array, Frame, Meta, Picture
from poolcli.images.guard import decoding
from poolcli.records import dataclass

if TYPE_CHECKING:
    from zipfile import ZipInfo


_USUAL = {2: "hw", 3: "hwc"}  # what an array is taken for by its number of axes


def layout_of(shape: tuple[int, ...], layout: str | None, name: str) -> str:
    """`layout`, or the usual one for an array of this shape; PictureError when it has not as many axes."""
    axes = layout or _USUAL.get(len(shape))
    if axes is None or len(axes) != len(shape):
        problem = f"is not {layout}" if layout else "is no picture"
        way_out = "say --layout nchw for a batch of them" if len(shape) == 4 else "allowed are hw, hwc, chw and nchw"
        raise PictureError(f"{name}: an array of {len(shape)} dimensions, {spelled(shape)}, {problem}; {way_out}")
    if min(shape) < 1:
        raise PictureError(f"{name}: an array of {spelled(shape)} has no pixels; every side must be 1 or more")
    return axes


def spelled(shape: tuple[int, ...]) -> str:
    """`2 x 3`, or words where there is no axis."""
    return " x ".join(map(str, shape[:8])) or "a single value"


def to_frames(array: Array, layout: str) -> list[Array]:
    """Views of `array`, one for each picture in it: H x W, or H x W x C with C >= 2.

    >>> [frame.shape for frame in to_frames(np.zeros((5, 3, 8, 9)), "nchw")][:2]
    [(8, 9, 3), (8, 9, 3)]
    """
    pictures = list(array) if layout == "nchw" else [array]
    if layout in ("chw", "nchw"):
        pictures = [np.moveaxis(picture, 0, 2) for picture in pictures]
    return [picture[:, :, 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture for picture in pictures]


def from_frames(frames: Sequence[Array], layout: str | None) -> Array:
    """The array that holds `frames`, the other way round; without a layout H x W or H x W x C, as they are."""
    if layout in (None, "hw"):
        return frames[0]
    pictures = [frame[:, :, np.newaxis] if frame.ndim == 2 else frame for frame in frames]
    if layout == "hwc":
        return pictures[0]
    if len({picture.shape for picture in pictures}) > 1:
        raise PictureError("frames of several sizes are no one array; take one with --frame N, or write TIFF")
    moved = [np.moveaxis(picture, 2, 0) for picture in pictures]
    return np.stack(moved) if layout == "nchw" else moved[0]


DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
          "float16", "float32", "float64")  # fmt: skip
MOST_AXES = 32  # NumPy 1 holds no more
_HEADERS: dict[tuple[int, int], Callable[..., Any]] = {
    (1, 0): npy_format.read_array_header_1_0,
    (2, 0): npy_format.read_array_header_2_0,
}
# TokenError: NumPy takes what is no Python for a header of Python 2 and reads it as tokens.
_HEADER_ERRORS = (ValueError, KeyError, EOFError, OSError, TypeError, SyntaxError, MemoryError, RecursionError,
                  OverflowError, tokenize.TokenError)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Header:
    """What a .npy file says of its array: checked to be numbers, `size` bytes of them."""

    shape: tuple[int, ...]
    order: Literal["C", "F"]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(stream: BinaryIO, name: str) -> Header:
    """The header at the front of `stream`, which is left where the array begins; PictureError when there is none."""
    try:
        version = npy_format.read_magic(stream)
        shape, fortran, dtype = _HEADERS[version](stream)
    except _HEADER_ERRORS as error:
        why = said(error, 120)
        raise PictureError(f"{name}: the .npy header cannot be read ({why}); save it again with numpy.save") from error
    if dtype.newbyteorder("=").name not in DTYPES:
        raise PictureError(f"{name}: an array of {str(dtype)[:60]} cannot be pooled; allowed: {', '.join(DTYPES)}")
    if len(shape) > MOST_AXES or not all(type(side) is int and 0 <= side <= sys.maxsize for side in shape):
        sides = " x ".join(map(repr, shape))[:80]
        raise PictureError(f"{name}: the .npy header says that the array is {sides}, which none is; save it again")
    return Header(shape, "F" if fortran else "C", dtype)


def read_npy(stream: BinaryIO, name: str, *, mapped: bool) -> Array:
    """The array in `stream` as it lies there, read-only; `mapped` maps the file into memory instead of reading it.

    Raises PictureError when the header lies about the file, or the array is none of numbers.
    """
    header = read_header(stream, name)
    offset = stream.tell()
    held = stream.seek(0, 2) - offset
    if header.size > held:
        raise PictureError(
            f"{name}: the header promises {header.size} bytes of array and the file holds {held}; get it again"
        )
    if not mapped or not header.size:
        stream.seek(offset)
        return array_of(stream.read(header.size), header)
    try:
        content = mmap.mmap(stream.fileno(), offset + header.size, access=mmap.ACCESS_READ)
    except (OSError, ValueError, MemoryError) as error:
        raise PictureError(f"{name}: the array cannot be read ({error}); get the file again") from error
    return np.ndarray(header.shape, header.dtype, content, offset, order=header.order)


def array_of(content: bytes, header: Header) -> Array:
    """The array whose bytes these are."""
    return np.frombuffer(content, header.dtype).reshape(header.shape, order=header.order)


def native(pixels: Array) -> Array:
    """`pixels` in the machine's byte order, itself where it is."""
    if pixels.dtype == bool:
        # A byte that is neither 0 nor 1 would be a third truth value to NumPy's maxima and sums.
        truth: NDArray[np.bool_] = pixels.view(np.uint8) != 0
        return truth
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def let_go(pixels: Array) -> None:
    """Let the system drop from memory what was read of the file behind `pixels`."""
    base: Any = pixels
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def write_header(stream: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Begin a .npy file of this shape, whose values will follow in C order."""
    descr = npy_format.dtype_to_descr(dtype)
    npy_format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})


def write_npy(pixels: Array, stream: BinaryIO) -> None:
    """Write `pixels` to `stream` as .npy, in one piece and without a pickle; the stream need not seek."""
    contiguous = np.ascontiguousarray(pixels)
    write_header(stream, pixels.shape, contiguous.dtype)
    stream.write(contiguous.reshape(-1).view(np.uint8).data)


_HEAD = 1 << 14  # no header that is believed is longer
_UNNAMED = "arr_0"  # what numpy.savez calls an array without a name
_EPOCH = (1980, 1, 1, 0, 0, 0)  # so that equal arrays make equal archives


def read_array(stream: BinaryIO, request: Request) -> Picture:
    """The array of a .npy file; one in a file on disk is mapped into memory, not read."""
    array = read_npy(stream, request.name, mapped=request.on_disk)
    return Picture("NPY", request.taken(list(_frames(array, _UNNAMED, request))), file_mode=array.dtype.name)


def read_archive(stream: BinaryIO, request: Request) -> Picture:
    """Every array of a .npz file. `max_pixels` bounds their values together, at four a pixel.

    Raises PictureError for what is no array, and for more than the archive may unpack to.
    """
    if request.options.header_only:
        raise HeaderRead
    frames: list[Frame] = []
    values = 0
    import zipfile  # which takes as long to load as pooling a small picture

    with zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        _check_members(members, request.name)
        for member in members:
            with archive.open(member) as file:
                array = _unpacked(file, member.filename, request.name, values, request.options)
            values += array.size
            frames += _frames(array, member.filename.removesuffix(".npy"), request)
    return Picture("NPZ", request.taken(frames), file_mode=frames[0].mode)


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


def _unpacked(file: Any, member: str, name: str, before: int, options: ReadOptions) -> Array:
    """The array of one member: its header is read and judged before anything is unpacked."""
    called = f"{name}: {member[:80]}"
    head = BytesIO(file.read(_HEAD))
    header = read_header(head, called)
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
    return array_of(content, header)


def _frames(array: Array, array_name: str, request: Request) -> Iterator[Frame]:
    layout = layout_of(array.shape, request.options.layout, request.name)
    info = {"array": array_name, "layout": layout}
    for pixels in to_frames(native(array), layout):
        yield Frame(pixels, pixels.dtype.name, info=info)


def check_fits(picture: Picture, format: str, layout: str | None) -> None:
    """Raise PictureError when the frames of `picture` are no one array (of each name) in the layout."""
    if format in SEPARATORS:
        numbers.check_fits(picture, format)
        return
    for frames in _groups(picture, format):
        axes, pixels = _layout(frames, layout), frames[0].pixels
        if format == ZARR and "zarr" in frames[0].info:  # which has its own axes
            continue
        if len(frames) > 1 and axes != "nchw":
            raise PictureError(
                f"{len(frames)} frames do not fit into one {format}; take one with --frame N, or say --layout nchw"
            )
        if axes == "hw" and pixels.ndim == 3:
            raise PictureError(f"{pixels.shape[2]} channels do not fit into the layout hw; say --layout hwc or chw")


def write(picture: Picture, stream: BinaryIO, format: str, layout: str | None) -> Picture:
    """Write the frames as the arrays they came from, or as one array in `layout`; return the picture as written."""
    check_fits(picture, format, layout)
    groups = _groups(picture, format)
    if format in SEPARATORS:
        numbers.write(picture.frames[0].pixels, stream, format)
    elif format == "NPY":
        write_npy(_array(groups[0], layout), stream)
    else:
        import zipfile

        with zipfile.ZipFile(stream, "w") as archive:
            for frames in groups:
                member = zipfile.ZipInfo(f"{frames[0].info.get('array', _UNNAMED)}.npy", _EPOCH)
                with archive.open(member, "w", force_zip64=True) as file:
                    write_npy(_array(frames, layout), file)  # type: ignore[arg-type]
    written = (replace(frame, mode=frame.pixels.dtype.name, palette=None) for frame in picture.frames)
    return replace(picture, format=format, frames=tuple(written), meta=Meta())


def _groups(picture: Picture, format: str) -> list[list[Frame]]:
    """The frames that become one array: all for .npy, those of one name for .npz."""
    if format != "NPZ":
        return [list(picture.frames)]
    return [list(group) for _, group in groupby(picture.frames, lambda frame: frame.info.get("array", _UNNAMED))]


def _layout(frames: list[Frame], layout: str | None) -> str | None:
    """That of the array the frames came from; for pictures the given one."""
    own: str | None = frames[0].info.get("layout")
    return own or layout


def _array(frames: list[Frame], layout: str | None) -> Array:
    return from_frames([frame.pixels for frame in frames], _layout(frames, layout))


def mapped(source: Path, name: str, options: ReadOptions) -> tuple[Frame, ...] | None:
    """The pictures of a .npy as views of the file; None for other files, and where rows do not lie together (C order).

    Raises PictureError as `decode` does.
    """
    with decoding(source, name) as stream:
        start = stream.read(START)
        stream.seek(0)
        if not start.startswith(FORMATS["NPY"].starts) or read_header(stream, name).order != "C":
            return None
        stream.seek(0)
        array = read_npy(stream, name, mapped=True)
    layout = layout_of(array.shape, options.layout, name)
    pixels = to_frames(array, layout)
    frames = [Frame(each, each.dtype.name, info={"layout": layout}) for each in pixels]
    return Request(name, options=options).taken(frames)


class NpyFile:
    """A .npy file of pictures, written some rows at a time with the axes that they came with."""

    def __init__(self, stream: BinaryIO, frames: Sequence[Frame], layout: str | None) -> None:
        """`frames` are the pictures, of which only where they come from counts."""
        self._stream, self._count, self._begin = stream, len(frames), 0
        self._layout = _layout(list(frames), layout) or _USUAL[frames[0].pixels.ndim]

    def output(self, number: int, frame: Frame) -> "NpyRows":
        """What takes the rows of picture `number`, which are of this kind and size."""
        height, width, samples = (*frame.pixels.shape, 1)[:3]
        sides = {"n": self._count, "c": samples, "h": height, "w": width}
        shape = tuple(sides[axis] for axis in self._layout)
        if not self._begin:
            write_header(self._stream, shape, frame.pixels.dtype)
            self._begin = self._stream.tell()
        row = width * frame.pixels.dtype.itemsize
        if self._layout in ("hw", "hwc"):
            return NpyRows(self._stream, [self._begin], apart=False)
        begins = [self._begin + (number * samples + sample) * height * row for sample in range(samples)]
        return NpyRows(self._stream, begins, apart=True)

    def close(self) -> None:
        """Nothing is left to do."""


class NpyRows:
    """Takes the rows of one picture; `apart`: those of every sample begin at a place of their own."""

    def __init__(self, stream: BinaryIO, begins: list[int], *, apart: bool) -> None:
        self._stream, self._places, self._apart = stream, begins, apart

    def put(self, rows: Array) -> None:
        """The next ones, H x W or H x W x C."""
        samples = np.moveaxis(rows.reshape(*rows.shape[:2], -1), 2, 0) if self._apart else [rows]
        for number, values in enumerate(samples):
            self._stream.seek(self._places[number])
            self._places[number] += self._stream.write(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
