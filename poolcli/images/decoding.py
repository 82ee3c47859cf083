"""A file or stream to frames of pixels: what it is, who reads it, and what is refused by name."""

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from poolcli.errors import PictureError, said
from poolcli.images import guard, metadata, numbers, png
from poolcli.images.formats import (
    FORMATS,
    KEEPS_LABELS,
    MAX_FRAMES,
    PNG,
    REFUSED,
    START,
    TIFF,
    Format,
    ReadOptions,
    Request,
    begun_by,
    is_zarr,
)
from poolcli.images.frame import NATIVE, PIXEL_MODES, Frame, Meta, Palette, Picture, to_array, turned, with_alpha
from poolcli.images.guard import decoding, own_memory, reading, taken
from poolcli.storage import Place, Url, fetched

if TYPE_CHECKING:  # loaded only for what is read by place
    from poolcli.images.tiled import Plane

# What others read: how these begin, at which byte, and what they are.
_UNREAD = (
    (b"\x76\x2f\x31\x01", 0, "an OpenEXR file"),
    (b"#?R", 0, "a Radiance HDR file"),
    (b"II\xbc\x01", 0, "a JPEG XR file"),
    (b"gimp xcf", 0, "a GIMP file"),
    (b"\xabKTX", 0, "a KTX texture"),
    (b"FLIF", 0, "a FLIF file"),
    (b"BPG\xfb", 0, "a BPG file"),
    (b"<svg", 0, "an SVG drawing"),
    (b"ftypcrx ", 4, "a Canon raw file"),
    (b"ftyp", 4, "a video or other MP4 file"),
    (b"\x1a\x45\xdf\xa3", 0, "a Matroska video"),
    (b"AVI ", 8, "an AVI video"),
)
_SHORTEST = 26  # bytes: no header of these formats is shorter, but QOI's 14, whose pixels are more

_ODD_COLOUR = rb'\bc\s+#(?![0-9A-Fa-f]{6}[\s"])'  # of an XPM: Pillow reads six digits only


def not_a_picture(start: bytes, stream: BinaryIO) -> str:
    """What a file is that no reader takes, as far as its first bytes say."""
    row = begun_by(start)
    if row is not None and row.refusal:
        return f"{row.name} {row.refusal}"
    for prefix, offset, what in _UNREAD:
        if start.startswith(prefix, offset):
            return f"{what}, which is not read; convert it to TIFF or PNG first"
    if row is None:
        return "not a picture that Pillow can read; give PNG, JPEG, TIFF, WebP, GIF ... or .npy"
    if len(start) < _SHORTEST:
        return f"a {row.name} that is cut short after {len(start)} bytes; get the file again"
    return f"a {row.name} that Pillow does not read ({_reason(row.name, stream)}); get it again, or convert it to PNG"


def _reason(format: str, stream: BinaryIO) -> str:
    """What the reader of `format` says against a file: Pillow keeps it for itself."""
    try:
        stream.seek(0)
        Image.OPEN[format][0](stream, "")
    except Exception as error:  # noqa: BLE001 (of any kind: it is only quoted)
        return said(error, 120)
    return "no reason given"


def check_depth(image: Image.Image, stream: BinaryIO, request: Request) -> None:
    """Refuse what Pillow would give other values for: 16 bits a channel, of which it reads the upper 8, and the like.

    Raises PictureError, or leaves a note where 8 bits are allowed.
    """
    if image.format == "PNG" or PIXEL_MODES[NATIVE.get(image.mode, image.mode)].dtype != "uint8":
        return
    if image.format == "XPM":
        stream.seek(0)
        if re.search(_ODD_COLOUR, stream.read(1 << 20)):
            raise request.refuse("an XPM of other colours than of six digits; convert it to PNG first")
    for codec, _, _, given in getattr(image, "tile", ())[:1]:
        if deep := _deep(codec, given if isinstance(given, tuple) else (given,)):
            _need_8_bits(f"{image.format} of {deep}", request)


def _deep(codec: str, given: tuple[Any, ...]) -> str | None:
    """What values a decoder of Pillow's with these arguments makes 8 bits of, if they are more."""
    if codec == "SGI16" or (codec == "sgi_rle" and given[-1] == 2) or str(given[0])[-4:-1] == ";16":
        return "16 bits a channel"
    if codec == "bcn" and str(given[-1]).startswith("BC6H"):
        return "16-bit floats (BC6H)"
    if codec == "dds_rgb" and max(mask.bit_count() for mask in given[1]) > 8:
        return f"{max(mask.bit_count() for mask in given[1])} bits a channel"
    return None


def _need_8_bits(what: str, request: Request) -> None:
    """PictureError, or where fewer bits are allowed a note."""
    if not request.options.allow_8bit:
        raise request.refuse(
            f"{what}, of which Pillow reads 8; convert it to TIFF or PNG, or allow that with --allow-8bit"
        )
    request.note(f"{what} was read as 8 bits")


# Modes in which pixels are names of colours, or one value means "transparent": what they are pooled as instead,
# when they are opaque and when they are not.
_EXPANDED = {"P": ("RGB", "RGBA"), "PA": ("RGBA", "RGBA"), "1": ("1", "LA"), "L": ("L", "LA"), "RGB": ("RGB", "RGBA")}
_WITH_ALPHA = tuple(name for name, mode in PIXEL_MODES.items() if mode.alpha)


def decode(
    source: Place | BinaryIO,
    *,
    name: str,
    indices: bool = False,
    options: ReadOptions = ReadOptions(),  # noqa: B008 (frozen)
) -> Picture:
    """The picture or arrays in `source`, recognized by its content, not its name; all its frames, or only one.

    Values are as they are stored: what cannot be read in its own depth is refused, unless `allow_8bit`. Frames are
    turned upright as EXIF says. Palettes are expanded to RGB or RGBA unless `indices` are to stay. `max_pixels`
    bounds the pixels of all frames together, before they are decoded (not of .npy, which cannot be larger than its
    file). `layout` says what the axes of arrays are (hw, hwc, chw, nchw; a frame for each n). `header_only` raises
    HeaderRead instead of decoding pixels. Raises PictureError, beginning with `name`, for everything that can be wrong.
    """
    request = Request(name, indices, options, isinstance(source, Path))
    if is_zarr(source):
        from poolcli.images.zarr import read as read_zarr

        return read_zarr(source, request)
    begun = taken(source)
    file = fetched(source) if isinstance(source, Url) else source
    with decoding(begun or file, name, options.max_pixels) as stream:
        picture = _picture(begun.image, stream, request) if begun else _read_file(stream, request)
    return replace(picture, notes=tuple(request.notes))


def weight(source: Place, name: str, options: ReadOptions) -> tuple[str, int, int] | None:
    """(format, pixels, bytes) of what can be read by place: a TIFF, a .npy, a Zarr; else None."""
    if is_zarr(source):
        from poolcli.images import zarr

        return "ZARR", *zarr.weight(source, name, options)
    if isinstance(source, Url):
        return None
    try:
        source.stat()
    except OSError:  # its decoder reports why
        return None
    from poolcli.images import arrays, tiled

    if not _is_tiff(source, name):
        frames = arrays.mapped(source, name, options)
        return ("NPY", 0, sum(frame.pixels.nbytes for frame in frames)) if frames else None
    pages = tiled.weight(source, Request(name, options=replace(options, max_pixels=None)))
    return ("TIFF", *pages) if pages else None


@contextmanager
def planes_of(
    source: Place, name: str, options: ReadOptions, *, indices: bool = False
) -> "Iterator[tuple[list[Plane], tuple[str, ...]]]":
    """The pictures in a TIFF, a .npy or a Zarr, none of them held, or in another file; notes for what is left out.

    `indices`: those of palettes, which are else refused. Raises PictureError as `decode` does, and of tiles when they
    are read.
    """
    if is_zarr(source):
        from poolcli.images import zarr

        yield zarr.planes_of(source, name, options), ()
        return
    from poolcli.images import arrays, tiled

    assert isinstance(source, Path)
    request = Request(name, indices, replace(options, max_pixels=None))
    if _is_tiff(source, name):
        with tiled.planes_of(source, request) as planes:
            yield planes, tuple(request.notes)
    elif frames := arrays.mapped(source, name, request.options):
        yield [tiled.of_array(frame, Meta(), number, mapped=True) for number, frame in enumerate(frames)], ()
    else:
        picture = decode(source, name=name, indices=indices, options=ReadOptions(options.frame, layout=options.layout))
        notes = dict.fromkeys(picture.notes)
        if picture.meta.exif:
            notes["the camera data in EXIF was dropped, since it is not written in tiles"] = None
        yield [tiled.of_array(frame, picture.meta, number) for number, frame in enumerate(picture.frames)], tuple(notes)


def _is_tiff(source: Path, name: str) -> bool:
    """Whether a file begins as a TIFF does."""
    with decoding(source, name) as stream:
        return stream.read(START).startswith(TIFF)


def _read_file(stream: BinaryIO, request: Request) -> Picture:
    start = stream.read(START)
    stream.seek(0)
    if not start:
        raise request.refuse("empty, 0 bytes; get the file again")
    if start.startswith(PNG):
        return _read_png(stream, request)
    if numbers.is_text(start, request.name):
        return numbers.read(stream, request)
    row = begun_by(start)
    if row is not None and row.reader:
        picture: Picture | None = resolve_name(f"poolcli.images.{row.reader}")(stream, request)
        if picture is not None:
            return picture
        stream.seek(0)
    image = identified(stream, row)
    if image is None:
        raise request.refuse(not_a_picture(start, stream))
    if image.format == "GIF" and image.mode == "L":
        return _read_grey_gif(image, stream, request)
    return _picture(image, stream, request)


def _read_grey_gif(image: Image.Image, stream: BinaryIO, request: Request) -> Picture:
    """A GIF whose first frame is grey or without colours: Pillow keeps no palette then, which later frames may need."""
    try:
        with reading(request.name):
            return _picture(image, stream, request)
    except PictureError:
        request.notes.clear()
        from poolcli.images.animations import ColourGif, with_colours

        stream.seek(0)
        return _picture(ColourGif(with_colours(stream.read())), stream, request)


def _read_png(stream: BinaryIO, request: Request) -> Picture:
    """The picture, if need be without the notes on it that are broken; of these the file is searched a second time."""
    try:
        with reading(request.name):
            return _png(stream, request)
    except PictureError:
        file, notes = png.without_broken_notes(stream)
        if not notes:
            raise
        request.notes.update(dict.fromkeys(notes))
        return _png(file, request)


def _png(stream: BinaryIO, request: Request) -> Picture:
    head = png.head(stream)
    if head is not None and head.broken:  # some of which Pillow passes over in silence
        raise request.refuse("a note on the picture is broken")
    if head is not None and png.is_animated(head):
        return _apng(stream, head, request)
    stream.seek(0)
    return _picture(guard.image_of(stream, "PNG"), stream, request, head)


def _apng(stream: BinaryIO, head: png.Head, request: Request) -> Picture:
    from poolcli.images import animations  # not loaded for single pictures

    file = animations.without_animation(stream)
    file.seek(0)
    image = guard.image_of(file, "PNG")
    frames, hidden, plays = animations.frames_of(stream, head, request, partial(_still, request))
    image.load()
    turn = metadata.orientation_of(image)
    meta = replace(metadata.gathered(image, request.notes, head), default_image=hidden, loop=plays)
    upright = tuple(replace(frame, pixels=turned(frame.pixels, turn)) for frame in frames)
    return Picture("PNG", upright, head.wide or image.mode, meta)


def _still(request: Request, stream: BinaryIO, indices: bool) -> Frame:
    """The only picture of a PNG."""
    image = guard.image_of(stream, "PNG")
    return _read(image, stream, replace(request, indices=indices), png.head(stream))


def _picture(image: Image.Image, stream: BinaryIO, request: Request, head: png.Head | None = None) -> Picture:
    """The frames of an image that Pillow has opened; `head` is that of a PNG."""
    if image.format == "PNG":
        head = head or png.head(stream)
    else:
        check_depth(image, stream, request)
    if image.format in ("JPEG", "MPO") and request.options.frame in (None, 0):
        guard.check(stream, request)  # before there is an array: it holds the file
    file_mode = head.wide or image.mode if head is not None else image.mode
    frames: list[Frame] = []
    for _ in _selected(image, request):
        frames.append(_read(image, stream, request, head))
        if len(frames) == 1:
            meta = metadata.gathered(image, request.notes, head)
    if image.format == "GIF":
        rows, columns = (max(sides) for sides in zip(*(frame.pixels.shape[:2] for frame in frames), strict=True))
        request.check_pixels(rows * columns * len(frames), together=len(frames) > 1)
        from poolcli.images.animations import one_canvas

        frames = [*one_canvas(frames, request.notes)]
        meta = replace(meta, loop=metadata.plays(image))  # which it says before any frame
    row = FORMATS.get(str(image.format))
    if row is not None and row.judge:
        meta = replace(meta, lossless=resolve_name(f"poolcli.images.{row.judge}")(stream))
    return Picture(str(image.format), tuple(frames), file_mode, meta)


def identified(stream: BinaryIO, row: Format | None = None) -> Image.Image | None:
    """An image as Pillow opens it, None if it does not; `row` is of the format that its first bytes say."""
    if row is not None and row.prefetched:
        with suppress(UnidentifiedImageError):
            return guard.image_of(stream, row.name)
    for plugins in (Image.preinit, Image.init):  # first the five common ones, which load in half the time
        plugins()
        try:
            return Image.open(stream, formats=[name for name in Image.ID if name not in REFUSED])
        except UnidentifiedImageError:
            continue
    return None


def _selected(image: Image.Image, request: Request) -> Iterator[None]:
    """Bring every wanted frame of `image` to the front, one after the other, as far as the limits allow."""
    if request.options.frame is not None:
        _go_to(image, request.options.frame, request)
        request.check_pixels(image.width * image.height)
        yield
        return
    row = FORMATS.get(str(image.format))
    several = row is not None and row.frames == "all"
    pixels = 0
    for number in itertools.count():
        if number == MAX_FRAMES:
            raise request.refuse(f"more than {MAX_FRAMES} frames; take single ones with --frame N")
        if number and not (several and _seek(image, number)):
            break
        pixels += image.width * image.height
        request.check_pixels(pixels, together=number > 0)
        yield
    _check_promise(image, number, several, request)


def _go_to(image: Image.Image, target: int, request: Request) -> None:
    if target >= MAX_FRAMES:
        raise request.refuse(f"no frame {target}; frames are numbered from 0 to at most {MAX_FRAMES - 1}")
    for number in range(1, target + 1):
        if not _seek(image, number):
            request.chosen(number)


def _seek(image: Image.Image, number: int) -> bool:
    row = FORMATS.get(str(image.format))
    if row is None or row.frames == "one":  # what Pillow calls frames of a PSD are its layers
        return False
    try:
        image.seek(number)
    except EOFError:
        return False
    return True


def _check_promise(image: Image.Image, read: int, several: bool, request: Request) -> None:
    # Only where the header says so: for GIF and TIFF Pillow would read the whole file again to count.
    promised = vars(image).get("n_frames", 1)
    if several and promised > read:
        raise request.refuse(f"{promised} frames are promised and {read} are there; get the file again")
    if promised > read:
        request.note(f"the first of {promised} pictures in the file was taken; --frame N takes another")
    sizes = image.info.get("sizes", ())
    if len(sizes) > 1:
        request.note(f"the largest of the {len(sizes)} sizes of the picture was taken")


def _read(image: Image.Image, stream: BinaryIO, request: Request, head: png.Head | None) -> Frame:
    """The frame at the front of `image`, upright and expanded, as an array of its own; `head` is that of a PNG."""
    if head is not None and head.depth == 16:
        return _read_wide(image, stream, head, request)
    if head is not None and (key := head.key) is not None:  # Pillow scales the pixels of 1 to 4 bits, not this
        scaled = tuple(value * (255 // ((1 << head.depth) - 1)) for value in key)
        image.info["transparency"] = scaled if len(scaled) > 1 else scaled[0]
    row = FORMATS.get(str(image.format))
    if row is not None and row.prefetched:
        own_memory(image)
    image.load()
    if image.mode != image.im.mode:  # a GIF's indices without their colours
        raise request.refuse("a frame without its colours; convert it to PNG first")
    info = {key: value for key, value in image.info.items() if key == "duration"}
    shown = _expanded(image, request)
    mode = NATIVE.get(shown.mode, shown.mode)
    if mode not in PIXEL_MODES:
        raise request.refuse(f"pixels of mode {shown.mode} cannot be pooled; convert it to PNG first")
    palette = _palette(shown) if shown.mode in ("P", "PA") else None
    turn = metadata.orientation_of(image)
    pixels = turned(to_array(shown), turn)
    return Frame(pixels, mode, PIXEL_MODES[mode].alpha, palette, info)


def _read_wide(image: Image.Image, stream: BinaryIO, head: png.Head, request: Request) -> Frame:
    """The only picture of a PNG of 16 bits a channel."""
    pixels = png.wide_pixels(image, stream, head.wide) if head.wide else to_array(image)
    mode, key = head.wide or "I;16", head.key
    if key is not None:
        mode = "RGBA;16" if head.wide else "LA;16"
        pixels = with_alpha(pixels, (pixels.reshape(*pixels.shape[:2], -1) != key).any(axis=2))
        request.note(f"transparent colour of {head.wide or 'I;16'} pooled as {mode}")
    pixels = turned(pixels, metadata.orientation_of(image))
    return Frame(pixels, mode, PIXEL_MODES[mode].alpha)


def _expanded(image: Image.Image, request: Request) -> Image.Image:
    if request.indices and image.mode in ("P", "PA") and not _composed(image, request):
        return image
    clear = image.has_transparency_data
    target = _EXPANDED.get(image.mode, (image.mode, image.mode))[clear]
    if target == image.mode:
        if clear and image.mode not in _WITH_ALPHA:
            request.note(f"the transparent colour of {image.mode} was dropped, since no mode has it and its bits")
        return image
    palette = image.mode in ("P", "PA")
    what, advice = ("palette", "" if request.indices else KEEPS_LABELS) if palette else ("transparent colour of", "")
    request.note(f"{what} {image.mode} pooled as {target}{advice}")
    return image.convert(target)


def _composed(image: Image.Image, request: Request) -> bool:
    """Whether the indices of `image` are given up: Pillow composes the frames after the first of a GIF in RGB."""
    composed = image.format == "GIF" and request.options.frame is None and getattr(image, "is_animated", False)
    if composed:
        request.note("the frames of an animated GIF are pooled as colours, not as labels")
    return composed


def _palette(image: Image.Image) -> Palette:
    mode = image.palette.mode if image.palette is not None else "RGB"
    transparency = image.info.get("transparency")
    return Palette(
        bytes(image.getpalette(mode) or b""),
        mode,
        transparency if isinstance(transparency, int | bytes) else None,
    )
