"""Files and streams into pictures: whatever is wrong with a file comes out as one PictureError."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from poolcli.errors import PictureError
from poolcli.images import apng, jpeg, metadata, numbers, png_read
from poolcli.images.ahead import taken
from poolcli.images.canvas import one_canvas
from poolcli.images.formats import ARRAYS, FORMATS, REFUSED, SIGNATURES, START, TIFF
from poolcli.images.frame import Frame, Palette, Picture
from poolcli.images.guard import hush, opened, pixel_limit, reading
from poolcli.images.modes import MODES, NATIVE, to_array, turned
from poolcli.images.options import DEFAULT_MAX_PIXELS, KEEPS_LABELS, MAX_FRAMES, HeaderRead, ReadOptions, Request
from poolcli.images.refusals import check_depth, check_header, not_a_picture

# Modules that read what Pillow does not, or not as it is stored, by what a file has at an offset. Their `read` gives
# None for what is left to Pillow.
_OWN = (
    (TIFF, 0, "tiff"),
    ((b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"P7", b"PF", b"Pf"), 0, "pnm"),
    ((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ", b"\xff\x0a", b"\0\0\0\x0cJXL "), 0, "codecs"),
    ((b"ftyp",), 4, "codecs"),
    ((b"SIMPLE  =",), 0, "fits"),
)

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
    source: Path | BinaryIO,
    *,
    name: str,
    labels: bool = False,
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
    frame: int | None = None,
    layout: str | None = None,
    allow_8bit: bool = False,
    header_only: bool = False,
) -> Picture:
    """The picture or arrays in `source`, told by its content; all its frames, or only number `frame` from 0.

    Values are as they are stored: what cannot be read in its own depth is refused, unless `allow_8bit`. Frames are
    turned upright as EXIF says. Palettes are expanded to RGB or RGBA unless `labels` asks for the indices. `max_pixels`
    bounds the pixels of all frames together, before they are decoded (not of .npy, which cannot be larger than its
    file). `layout` says what the axes of arrays are (hw, hwc, chw, nchw; a frame for each n). `header_only` raises
    HeaderRead instead of decoding pixels. Raises PictureError, beginning with `name`, for everything that can be wrong.
    """
    hush()
    request = Request(name, labels, ReadOptions(frame, max_pixels, layout, allow_8bit, header_only))
    if begun := taken(source):
        with begun.file, pixel_limit(max_pixels):
            return _picture(begun.image, begun.stream, request)
    with opened(source, name) as stream:
        with reading(name):
            start = stream.read(START)
            stream.seek(0)
        if not start:
            raise request.refuse("empty, 0 bytes; get the file again")
        if start.startswith(ARRAYS["NPY"]):
            from poolcli.images.arrays import read_array

            return read_array(stream, source, name, request.options)
        if start.startswith(ARRAYS["NPZ"]):
            from poolcli.images.arrays import read_archive

            if header_only:
                raise HeaderRead
            return read_archive(stream, name, request.options)
        if numbers.is_text(start, name):
            with reading(name):
                return numbers.read(stream, request)
        with pixel_limit(max_pixels):
            return _read_picture(stream, start, request)


def _read_picture(stream: BinaryIO, start: bytes, request: Request) -> Picture:
    if start.startswith(SIGNATURES["PNG"]):
        return _read_png(stream, request)
    for starts, offset, module in _OWN:
        if start.startswith(starts, offset):
            with reading(request.name):
                picture: Picture | None = import_module(f"poolcli.images.{module}").read(stream, request)
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
            file, notes = png_read.without_broken_notes(stream)
        if not notes:
            raise
        request.notes.update(dict.fromkeys(notes))
        return _png(file, request)


def _png(stream: BinaryIO, request: Request) -> Picture:
    with reading(request.name):
        head = png_read.head(stream)
        if head is not None and head.broken:  # some of which Pillow passes over in silence
            raise request.refuse("a note on the picture is broken")
        animated = head is not None and apng.is_animated(head)
        file = apng.without_animation(stream) if animated else stream
        file.seek(0)
        image = Image.open(file, formats=["PNG"])
    if not animated or head is None:
        return _picture(image, file, request)
    frames, hidden, plays = apng.frames_of(stream, head, request, partial(_still, request))
    with reading(request.name):
        image.load()
    turn = metadata.orientation_of(image, request.name, request.notes)
    meta = metadata.with_chunks(metadata.gathered(image, request.name, request.notes), head, request.notes)
    meta = replace(meta, default_image=hidden, loop=plays)
    upright = tuple(replace(frame, pixels=turned(frame.pixels, turn)) for frame in frames)
    return Picture("PNG", upright, head.wide or image.mode, meta, tuple(request.notes))


def _still(request: Request, stream: BinaryIO, labels: bool) -> Frame:
    """The only picture of a PNG."""
    with reading(request.name):
        image = Image.open(stream, formats=["PNG"])
    return _read(image, stream, replace(request, labels=labels))


def _picture(image: Image.Image, stream: BinaryIO, request: Request) -> Picture:
    stored_mode = image.mode
    head = png_read.head(stream) if image.format == "PNG" else None
    if head is not None:
        stored_mode = head.wide or stored_mode
    check_depth(image, stream, request)
    frames: list[Frame] = []
    for _ in _selected(image, request):
        frames.append(_read(image, stream, request))
        if len(frames) == 1:
            meta = metadata.gathered(image, request.name, request.notes)
    if head is not None:
        meta = metadata.with_chunks(meta, head, request.notes)
    if image.format == "GIF":
        rows, columns = (max(sides) for sides in zip(*(frame.pixels.shape[:2] for frame in frames), strict=True))
        request.check_pixels(rows * columns * len(frames), together=len(frames) > 1)
        frames = [*one_canvas(frames, request.notes)]
    if image.format in ("JPEG", "MPO") and request.options.frame in (None, 0):
        with reading(request.name):
            jpeg.check(stream, request)
    meta = replace(meta, loop=metadata.plays(image))  # which a GIF says before any frame
    if image.format in _LOSSLESS:
        module, function = _LOSSLESS[image.format]
        with reading(request.name):
            meta = replace(meta, lossless=getattr(import_module(f"poolcli.images.{module}"), function)(stream))
    return Picture(str(image.format), tuple(frames), stored_mode, meta, tuple(request.notes))


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


def _go_to(image: Image.Image, wanted: int, request: Request) -> None:
    if wanted >= MAX_FRAMES:
        raise request.refuse(f"no frame {wanted}; frames are numbered from 0 to at most {MAX_FRAMES - 1}")
    for number in range(1, wanted + 1):
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
    head = png_read.head(stream) if image.format == "PNG" else None
    if head is not None and head.depth == 16:
        return _read_wide(image, stream, head, request)
    if head is not None and (key := head.key()) is not None:  # Pillow scales the pixels of 1 to 4 bits, not this
        scaled = tuple(value * (255 // ((1 << head.depth) - 1)) for value in key)
        image.info["transparency"] = scaled if len(scaled) > 1 else scaled[0]
    with reading(request.name):
        image.load()
        if image.mode != image.im.mode:  # a GIF's indices without their colours
            raise request.refuse("a frame without its colours; convert it to PNG first")
    turn = _TURNS.get(metadata.orientation_of(image, request.name, request.notes))
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


def _read_wide(image: Image.Image, stream: BinaryIO, head: png_read.Head, request: Request) -> Frame:
    """The only picture of a PNG of 16 bits a channel."""
    with reading(request.name):
        pixels = png_read.wide_pixels(image, stream, head.wide) if head.wide else to_array(image)
    mode, key = head.wide or "I;16", head.key()
    if key is not None:
        mode = "RGBA;16" if head.wide else "LA;16"
        pixels = png_read.with_alpha(pixels, key, 65_535)
        request.note(f"transparent colour of {head.wide or 'I;16'} pooled as {mode}")
    pixels = turned(pixels, metadata.orientation_of(image, request.name, request.notes))
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
