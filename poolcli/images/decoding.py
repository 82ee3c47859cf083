"""Files and streams into pictures: whatever is wrong with a file comes out as one PictureError."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from poolcli.errors import PictureError
from poolcli.images import metadata
from poolcli.images.ahead import taken
from poolcli.images.canvas import one_canvas
from poolcli.images.formats import ARRAYS, FORMATS, REFUSED, START
from poolcli.images.frame import Frame, Palette, Picture
from poolcli.images.guard import hush, opened, pixel_limit, reading
from poolcli.images.modes import MODES, NATIVE, to_array
from poolcli.images.options import DEFAULT_MAX_PIXELS, MAX_FRAMES, ReadOptions

# Starts of files that are told by name rather than as "not a picture".
_REFUSED_STARTS = {b"%!PS": "EPS", b"\xc5\xd0\xd3\xc6": "EPS", b"%PDF": "PDF", b"\xd7\xcd\xc6\x9a": "WMF",
                   b"GRIB": "GRIB", b"BUFR": "BUFR", b"\x89HDF": "HDF5"}  # fmt: skip

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


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked of one file; `notes` collects in order, without repeats."""

    name: str
    labels: bool
    max_pixels: int | None
    frame: int | None
    notes: dict[str, None] = field(default_factory=dict)

    def refuse(self, sentence: str) -> PictureError:
        return PictureError(f"{self.name}: {sentence}")


def decode(
    source: Path | BinaryIO,
    *,
    name: str,
    labels: bool = False,
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
    frame: int | None = None,
    layout: str | None = None,
) -> Picture:
    """The picture or arrays in `source`, told by its content; all its frames, or only number `frame` from 0.

    Frames are turned upright as EXIF says. Palettes are expanded to RGB or RGBA unless `labels` asks for the
    indices. `max_pixels` bounds the pixels of all frames together, before they are decoded (not of .npy, which
    cannot be larger than its file). `layout` says what the axes of arrays are (hw, hwc, chw, nchw; a frame for each
    n). Raises PictureError, beginning with `name`, for everything that can be wrong.
    """
    hush()
    options = ReadOptions(frame, max_pixels, layout)
    request = _Request(name, labels, max_pixels, frame)
    if begun := taken(source):
        with begun.file, pixel_limit(max_pixels):
            return _picture(begun.image, request)
    with opened(source, name) as stream:
        with reading(name):
            start = stream.read(START)
            stream.seek(0)
        if not start:
            raise request.refuse("empty, 0 bytes; get the file again")
        if start.startswith(ARRAYS["NPY"]):
            from poolcli.images.arrays import read_array

            return read_array(stream, source, name, options)
        if start.startswith(ARRAYS["NPZ"]):
            from poolcli.images.arrays import read_archive

            return read_archive(stream, name, options)
        with pixel_limit(max_pixels):
            with reading(name):
                image = identified(stream)
            if image is None:
                raise request.refuse(_not_a_picture(start))
            return _picture(image, request)


def _picture(image: Image.Image, request: _Request) -> Picture:
    stored_mode = "I;16" if _is_wide_pgm(image) else image.mode
    _note_depth(image, request)
    frames = tuple(_read(image, request) for _ in _selected(image, request))
    if image.format == "GIF":
        rows, columns = (max(sides) for sides in zip(*(frame.pixels.shape[:2] for frame in frames), strict=True))
        _check_limit(rows * columns * len(frames), len(frames) > 1, request)
        frames = one_canvas(frames, request.notes)
    meta = metadata.gathered(image, request.name, request.notes)
    return Picture(str(image.format), frames, stored_mode, meta, tuple(request.notes))


def identified(stream: BinaryIO) -> Image.Image | None:
    for plugins in (Image.preinit, Image.init):  # first the five common ones, which load in half the time
        plugins()
        try:
            return Image.open(stream, formats=[name for name in Image.ID if name not in REFUSED])
        except UnidentifiedImageError:
            continue
    return None


def _not_a_picture(start: bytes) -> str:
    for prefix, format in _REFUSED_STARTS.items():
        if start.startswith(prefix):
            return f"{format} {FORMATS[format].refusal}"
    return "not a picture that Pillow can read; give PNG, JPEG, TIFF, WebP, GIF ... or .npy"


def _selected(image: Image.Image, request: _Request) -> Iterator[None]:
    """Bring every wanted frame of `image` to the front, one after the other, as far as the limits allow."""
    if request.frame is not None:
        _go_to(image, request.frame, request)
        _count_pixels(image, 0, request)
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
        pixels = _count_pixels(image, pixels, request)
        yield
    _check_promise(image, number, several, request)


def _go_to(image: Image.Image, wanted: int, request: _Request) -> None:
    if wanted >= MAX_FRAMES:
        raise request.refuse(f"no frame {wanted}; frames are numbered from 0 to at most {MAX_FRAMES - 1}")
    for number in range(1, wanted + 1):
        if not _seek(image, number, request):
            held = "1 frame, number 0" if number == 1 else f"{number} frames, 0 to {number - 1}"
            raise request.refuse(f"no frame {wanted}; the file has {held}")


def _seek(image: Image.Image, number: int, request: _Request) -> bool:
    row = FORMATS.get(str(image.format))
    if row is None or row.frames == "one":  # what Pillow calls frames of a PSD are its layers
        return False
    with reading(request.name):
        try:
            image.seek(number)
        except EOFError:
            return False
    return True


def _count_pixels(image: Image.Image, before: int, request: _Request) -> int:
    pixels = before + image.width * image.height
    _check_limit(pixels, before > 0, request)
    return pixels


def _check_limit(pixels: int, together: bool, request: _Request) -> None:
    if request.max_pixels is not None and pixels > request.max_pixels:
        what = f"frames of {pixels} pixels together are" if together else f"a picture of {pixels} pixels is"
        raise request.refuse(
            f"{what} more than the limit of {request.max_pixels}; if you trust the file, raise it with --max-pixels"
        )


def _check_promise(image: Image.Image, read: int, several: bool, request: _Request) -> None:
    # Only where the header says so: for GIF and TIFF Pillow would read the whole file again to count.
    promised = vars(image).get("n_frames", 1)
    if several and promised > read:
        raise request.refuse(f"{promised} frames are promised and {read} are there; get the file again")
    if promised > read:
        request.notes[f"the first of {promised} pictures in the file was taken; --frame N takes another"] = None


def _note_depth(image: Image.Image, request: _Request) -> None:
    """Say so where Pillow has no mode for 16 bits a channel and reads the upper 8."""
    for tile in getattr(image, "tile", ())[:1]:
        raw = tile[3][0] if isinstance(tile[3], tuple) and tile[3] else tile[3]
        mode = MODES.get(NATIVE.get(image.mode, image.mode))
        if isinstance(raw, str) and ";16" in raw and mode is not None and mode.dtype == "uint8":
            request.notes[f"16 bits a channel were read as 8, since Pillow has no {image.mode} of 16"] = None


def _read(image: Image.Image, request: _Request) -> Frame:
    """The frame at the front of `image`, upright and expanded, as an array of its own."""
    with reading(request.name):
        image.load()
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
        if _is_wide_pgm(image):
            pixels, mode = pixels.astype("uint16"), "I;16"
        return Frame(pixels, mode, MODES[mode].alpha, palette, info)


def _is_wide_pgm(image: Image.Image) -> bool:
    """Whether these are 16 bits that Pillow widens to 32."""
    return image.format == "PPM" and image.mode == "I"


def _info(image: Image.Image) -> Mapping[str, object]:
    info: dict[str, Any] = {key: image.info[key] for key in _OF_FRAME if key in image.info}
    if image.format == "GIF":
        info["disposal"] = getattr(image, "disposal_method", 0)
    return info


def _expanded(image: Image.Image, request: _Request) -> Image.Image:
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
    what = "palette " if image.mode in ("P", "PA") else "transparent colour of "
    request.notes[f"{what}{image.mode} pooled as {target}"] = None
    return image.convert(target)


def _composed(image: Image.Image, request: _Request) -> bool:
    """Whether the indices of `image` are given up: Pillow composes the frames after the first of a GIF in RGB."""
    composed = image.format == "GIF" and request.frame is None and getattr(image, "is_animated", False)
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
