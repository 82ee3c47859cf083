"""A file or stream to frames of pixels: what it is, who reads it, and what is refused by name."""

import itertools
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from poolcli.errors import PictureError, said
from poolcli.images import guard, metadata, numbers, png
from poolcli.images.formats import (
    ARRAYS,
    FORMATS,
    KEEPS_LABELS,
    MAX_FRAMES,
    REFUSED,
    SIGNATURES,
    START,
    HeaderRead,
    ReadOptions,
    Request,
    is_zarr,
)
from poolcli.images.frame import MODES, NATIVE, Frame, Palette, Picture, to_array, turned
from poolcli.images.guard import hush, opened, own_memory, pixel_limit, reading, taken
from poolcli.storage import Place, Url, fetched

# Starts of files that are refused by name rather than as "not a picture".
_REFUSED_STARTS = {b"%!PS": "EPS", b"\xc5\xd0\xd3\xc6": "EPS", b"%PDF": "PDF", b"\xd7\xcd\xc6\x9a": "WMF",
                   b"GRIB": "GRIB", b"BUFR": "BUFR", b"\x89HDF": "HDF5"}  # fmt: skip

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
# Formats that Pillow reads, by how a file of them begins that it refuses.
_KNOWN = (
    (b"\x89PNG", 0, "PNG"), (b"\xff\xd8\xff", 0, "JPEG"), (b"GIF8", 0, "GIF"), (b"BM", 0, "BMP"), (b"WEBP", 8, "WEBP"),
    (b"8BPS", 0, "PSD"), (b"DDS ", 0, "DDS"), (b"\xff\x4f\xff\x51", 0, "JPEG2000"), (b"\0\0\0\x0cjP  ", 0, "JPEG2000"),
    (b"\0\0\1\0", 0, "ICO"), (b"\0\0\2\0", 0, "CUR"), (b"qoif", 0, "QOI"), (b"icns", 0, "ICNS"),
    (b"\x01\xda", 0, "SGI"),
)  # fmt: skip

_SHORTEST = 26  # bytes: no header of these formats is shorter, but QOI's 14, whose pixels are more

_PSD_CHANNELS = {0: 1, 1: 1, 2: 1, 3: 3, 4: 4, 8: 1, 9: 3}  # of the kinds of picture that are read
_ODD_COLOUR = re.compile(rb'\bc\s+#(?![0-9A-Fa-f]{6}[\s"])')  # of an XPM: Pillow reads six digits only


def not_a_picture(start: bytes, stream: BinaryIO) -> str:
    """What a file is that no reader takes, as far as its first bytes say."""
    for prefix, format in _REFUSED_STARTS.items():
        if start.startswith(prefix):
            return f"{format} {FORMATS[format].refusal}"
    for prefix, offset, what in _UNREAD:
        if start.startswith(prefix, offset):
            return f"{what}, which is not read; convert it to TIFF or PNG first"
    for prefix, offset, format in _KNOWN:
        if start.startswith(prefix, offset):
            if len(start) < _SHORTEST:
                return f"a {format} that is cut short after {len(start)} bytes; get the file again"
            return (
                f"a {format} that Pillow does not read ({_reason(format, stream)}); get it again, or convert it to PNG"
            )
    return "not a picture that Pillow can read; give PNG, JPEG, TIFF, WebP, GIF ... or .npy"


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
    if image.format == "PNG" or MODES[NATIVE.get(image.mode, image.mode)].dtype != "uint8":
        return
    if image.format == "XPM":
        stream.seek(0)
        if _ODD_COLOUR.search(stream.read(1 << 20)):
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


def check_header(start: bytes, request: Request) -> None:
    """PictureError for a Photoshop file of more than 8 bits, or of channels that are no picture together."""
    if not start.startswith(b"8BPS\0\1") or len(start) < 26:
        return
    channels, _, _, bits, kind = struct.unpack_from(">HIIHH", start, 12)
    if bits > 8:
        raise request.refuse(f"a PSD of {bits} bits a channel, which is not read; convert it to TIFF or PNG first")
    if kind not in _PSD_CHANNELS:
        raise request.refuse("a PSD of channels that are no grey, RGB, CMYK or Lab; convert it to TIFF first")
    more = channels - _PSD_CHANNELS[kind] - (kind == 3 and channels == 4)
    if more > 0:
        request.note(f"{more} more channel{'s' * (more > 1)} of the PSD {'were' if more > 1 else 'was'} left out")


def _need_8_bits(what: str, request: Request) -> None:
    """PictureError, or where fewer bits are allowed a note."""
    if not request.options.allow_8bit:
        raise request.refuse(
            f"{what}, of which Pillow reads 8; convert it to TIFF or PNG, or allow that with --allow-8bit"
        )
    request.note(f"{what} was read as 8 bits")


_LOSSLESS = {"WEBP": ("animations", "webp_is_lossless"), "AVIF": ("codecs", "avif_is_lossless")}  # who knows of a file

# How EXIF's orientations are undone.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Modes in which pixels are names of colours, or one value means "transparent": what they are pooled as instead,
# when they are opaque and when they are not.
_EXPANDED = {"P": ("RGB", "RGBA"), "PA": ("RGBA", "RGBA"), "1": ("1", "LA"), "L": ("L", "LA"), "RGB": ("RGB", "RGBA")}
_WITH_ALPHA = tuple(name for name, mode in MODES.items() if mode.alpha)
_OF_FRAME = ("duration", "disposal", "blend")


def decode(
    source: Place | BinaryIO,
    *,
    name: str,
    labels: bool = False,
    options: ReadOptions = ReadOptions(),  # noqa: B008 (frozen)
) -> Picture:
    """The picture or arrays in `source`, recognized by its content, not its name; all its frames, or only one.

    Values are as they are stored: what cannot be read in its own depth is refused, unless `allow_8bit`. Frames are
    turned upright as EXIF says. Palettes are expanded to RGB or RGBA unless `labels` keeps the indices. `max_pixels`
    bounds the pixels of all frames together, before they are decoded (not of .npy, which cannot be larger than its
    file). `layout` says what the axes of arrays are (hw, hwc, chw, nchw; a frame for each n). `header_only` raises
    HeaderRead instead of decoding pixels. Raises PictureError, beginning with `name`, for everything that can be wrong.
    """
    hush()
    request = Request(name, labels, options)
    if is_zarr(source):
        from poolcli.images.zarr import read as read_zarr

        return read_zarr(source, request)
    if isinstance(source, Url):
        source = fetched(source)
    if begun := taken(source):
        with begun.file, pixel_limit(options.max_pixels):
            return _picture(begun.image, begun.stream, request)
    with opened(source, name) as stream:
        with reading(name):
            start = stream.read(START)
            stream.seek(0)
        if not start:
            raise request.refuse("empty, 0 bytes; get the file again")
        if start.startswith(ARRAYS["NPY"]):
            from poolcli.images.arrays import read_array

            return read_array(stream, source, request)
        if start.startswith(ARRAYS["NPZ"]):
            from poolcli.images.arrays import read_archive

            if options.header_only:
                raise HeaderRead
            return read_archive(stream, request)
        if numbers.is_text(start, name):
            with reading(name):
                return numbers.read(stream, request)
        with pixel_limit(options.max_pixels):
            return _read_picture(stream, start, request)


def _read_picture(stream: BinaryIO, start: bytes, request: Request) -> Picture:
    if start.startswith(SIGNATURES["PNG"]):
        return _read_png(stream, request)
    for row in FORMATS.values():
        if row.reader and start.startswith(row.starts, row.at):
            with reading(request.name):
                module, _, function = row.reader.partition(":")
                picture: Picture | None = getattr(import_module(f"poolcli.images.{module}"), function)(stream, request)
            if picture is not None:
                return replace(picture, notes=tuple(request.notes))
            stream.seek(0)
    check_header(start, request)
    with reading(request.name):
        image = identified(stream)
    if image is None:
        raise request.refuse(not_a_picture(start, stream))
    if image.format == "GIF" and image.mode == "L":
        return _read_grey_gif(image, stream, request)
    return _picture(image, stream, request)


def _read_grey_gif(image: Image.Image, stream: BinaryIO, request: Request) -> Picture:
    """A GIF whose first frame is grey or without colours: Pillow keeps no palette then, which later frames may need."""
    try:
        return _picture(image, stream, request)
    except PictureError:
        request.notes.clear()
        with reading(request.name):
            from poolcli.images.animations import ColourGif, with_colours

            stream.seek(0)
            colours = ColourGif(with_colours(stream.read()))
        return _picture(colours, stream, request)


def _read_png(stream: BinaryIO, request: Request) -> Picture:
    """The picture, if need be without the notes on it that are broken; of these the file is searched a second time."""
    try:
        return _png(stream, request)
    except PictureError:
        with reading(request.name):
            file, notes = png.without_broken_notes(stream)
        if not notes:
            raise
        request.notes.update(dict.fromkeys(notes))
        return _png(file, request)


def _png(stream: BinaryIO, request: Request) -> Picture:
    with reading(request.name):
        head = png.head(stream)
        if head is not None and head.broken:  # some of which Pillow passes over in silence
            raise request.refuse("a note on the picture is broken")
        if head is not None and png.is_animated(head):
            return _apng(stream, head, request)
        stream.seek(0)
        image = Image.open(stream, formats=["PNG"])
    return _picture(image, stream, request)


def _apng(stream: BinaryIO, head: png.Head, request: Request) -> Picture:
    from poolcli.images import animations  # not loaded for single pictures

    with reading(request.name):
        file = animations.without_animation(stream)
        file.seek(0)
        image = Image.open(file, formats=["PNG"])
    frames, hidden, plays = animations.frames_of(stream, head, request, partial(_still, request))
    with reading(request.name):
        image.load()
    turn = metadata.orientation_of(image)
    meta = metadata.with_chunks(metadata.gathered(image, request.notes), head, request.notes)
    meta = replace(meta, default_image=hidden, loop=plays)
    upright = tuple(replace(frame, pixels=turned(frame.pixels, turn)) for frame in frames)
    return Picture("PNG", upright, head.wide or image.mode, meta, tuple(request.notes))


def _still(request: Request, stream: BinaryIO, labels: bool) -> Frame:
    """The only picture of a PNG."""
    with reading(request.name):
        image = Image.open(stream, formats=["PNG"])
    return _read(image, stream, replace(request, labels=labels))


def _picture(image: Image.Image, stream: BinaryIO, request: Request) -> Picture:
    file_mode = image.mode
    head = png.head(stream) if image.format == "PNG" else None
    if head is not None:
        file_mode = head.wide or file_mode
    check_depth(image, stream, request)
    frames: list[Frame] = []
    for _ in _selected(image, request):
        frames.append(_read(image, stream, request))
        if len(frames) == 1:
            meta = metadata.gathered(image, request.notes)
    if head is not None:
        meta = metadata.with_chunks(meta, head, request.notes)
    if image.format == "GIF":
        rows, columns = (max(sides) for sides in zip(*(frame.pixels.shape[:2] for frame in frames), strict=True))
        request.check_pixels(rows * columns * len(frames), together=len(frames) > 1)
        from poolcli.images.animations import one_canvas

        frames = [*one_canvas(frames, request.notes)]
    if image.format in ("JPEG", "MPO") and request.options.frame in (None, 0):
        with reading(request.name):
            guard.check(stream, request)
    meta = replace(meta, loop=metadata.plays(image))  # which a GIF says before any frame
    if image.format in _LOSSLESS:
        module, function = _LOSSLESS[image.format]
        with reading(request.name):
            meta = replace(meta, lossless=getattr(import_module(f"poolcli.images.{module}"), function)(stream))
    return Picture(str(image.format), tuple(frames), file_mode, meta, tuple(request.notes))


def identified(stream: BinaryIO) -> Image.Image | None:
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
        if number and not (several and _seek(image, number, request)):
            break
        pixels += image.width * image.height
        request.check_pixels(pixels, together=number > 0)
        yield
    _check_promise(image, number, several, request)


def _go_to(image: Image.Image, target: int, request: Request) -> None:
    if target >= MAX_FRAMES:
        raise request.refuse(f"no frame {target}; frames are numbered from 0 to at most {MAX_FRAMES - 1}")
    for number in range(1, target + 1):
        if not _seek(image, number, request):
            request.chosen(number)


def _seek(image: Image.Image, number: int, request: Request) -> bool:
    row = FORMATS.get(str(image.format))
    if row is None or row.frames == "one":  # what Pillow calls frames of a PSD are its layers
        return False
    with reading(request.name):
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
        request.notes[f"the first of {promised} pictures in the file was taken; --frame N takes another"] = None


def _read(image: Image.Image, stream: BinaryIO, request: Request) -> Frame:
    """The frame at the front of `image`, upright and expanded, as an array of its own."""
    head = png.head(stream) if image.format == "PNG" else None
    if head is not None and head.depth == 16:
        return _read_wide(image, stream, head, request)
    if head is not None and (key := head.key()) is not None:  # Pillow scales the pixels of 1 to 4 bits, not this
        scaled = tuple(value * (255 // ((1 << head.depth) - 1)) for value in key)
        image.info["transparency"] = scaled if len(scaled) > 1 else scaled[0]
    with reading(request.name):
        if image.format in SIGNATURES:
            own_memory(image)
        image.load()
        if image.mode != image.im.mode:  # a GIF's indices without their colours
            raise request.refuse("a frame without its colours; convert it to PNG first")
    turn = _TURNS.get(metadata.orientation_of(image))
    with reading(request.name):
        info = _info(image)
        upright = image if turn is None else image.transpose(turn)
        shown = _expanded(upright, request)
        mode = NATIVE.get(shown.mode, shown.mode)
        if mode not in MODES:
            raise request.refuse(f"pixels of mode {shown.mode} cannot be pooled; convert it to PNG first")
        palette = _palette(shown) if shown.mode in ("P", "PA") else None
        pixels = to_array(shown)
        return Frame(pixels, mode, MODES[mode].alpha, palette, info)


def _read_wide(image: Image.Image, stream: BinaryIO, head: png.Head, request: Request) -> Frame:
    """The only picture of a PNG of 16 bits a channel."""
    with reading(request.name):
        pixels = png.wide_pixels(image, stream, head.wide) if head.wide else to_array(image)
    mode, key = head.wide or "I;16", head.key()
    if key is not None:
        mode = "RGBA;16" if head.wide else "LA;16"
        pixels = png.with_alpha(pixels, key, 65_535)
        request.note(f"transparent colour of {head.wide or 'I;16'} pooled as {mode}")
    pixels = turned(pixels, metadata.orientation_of(image))
    return Frame(pixels, mode, MODES[mode].alpha)


def _info(image: Image.Image) -> Mapping[str, object]:
    info: dict[str, Any] = {key: image.info[key] for key in _OF_FRAME if key in image.info}
    if image.format == "GIF":
        info["disposal"] = getattr(image, "disposal_method", 0)
    return info


def _expanded(image: Image.Image, request: Request) -> Image.Image:
    if request.labels and image.mode in ("P", "PA") and not _composed(image, request):
        return image
    clear = image.has_transparency_data
    target = _EXPANDED.get(image.mode, (image.mode, image.mode))[clear]
    if target == image.mode:
        if clear and image.mode not in _WITH_ALPHA:
            request.notes[f"the transparent colour of {image.mode} was dropped, since no mode has it and its bits"] = (
                None
            )
        return image
    palette = image.mode in ("P", "PA")
    what, advice = ("palette", "" if request.labels else KEEPS_LABELS) if palette else ("transparent colour of", "")
    request.notes[f"{what} {image.mode} pooled as {target}{advice}"] = None
    return image.convert(target)


def _composed(image: Image.Image, request: Request) -> bool:
    """Whether the indices of `image` are given up: Pillow composes the frames after the first of a GIF in RGB."""
    composed = image.format == "GIF" and request.options.frame is None and getattr(image, "is_animated", False)
    if composed:
        request.notes["the frames of an animated GIF are pooled as colours, not as labels"] = None
    return composed


def _palette(image: Image.Image) -> Palette:
    mode = image.palette.mode if image.palette is not None else "RGB"
    transparency = image.info.get("transparency")
    return Palette(
        bytes(image.getpalette(mode) or b""),
        mode,
        transparency if isinstance(transparency, int | bytes) else None,
    )
