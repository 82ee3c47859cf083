"""Frames of pixels, their palettes, and the Pillow modes they come from and go to."""

import mmap
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from poolcli.errors import PictureError
from poolcli.images.guard import MEMORY
from poolcli.records import dataclass

if TYPE_CHECKING:
    from poolcli.images.tiff_pages import Page


Array = NDArray[Any]
Text = str | tuple[str, str, str]
"""A PNG text: the words alone, or the words, their language and the keyword in that language."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a palette picture: `colours` holds 3 (RGB), or 4 (RGBA, CMYK) bytes for every index.

    `transparency` is the index that is transparent, or one alpha byte for every index, or None.
    """

    colours: bytes
    mode: str = "RGB"
    transparency: int | bytes | None = None

    @property
    def transparent(self) -> bool:
        """Whether any index may be transparent.

        >>> Palette(bytes(6), transparency=1).transparent
        True
        """
        return self.transparency is not None or self.mode.endswith("A")


@dataclass(frozen=True, slots=True)
class Meta:
    """What came with the pixels and goes with them into the result, where the format has room for it.

    `exif` starts with the six bytes Exif\\0\\0 and holds no orientation, since that has been applied; `dpi` is
    (x, y), `aspect` the same without a unit; `iptc` a JPEG's IIM data; `colour` a PNG's chunks that say what values
    mean; `loop` how many times an animation plays, 0 for ever; `subsampling` Pillow's 0, 1, 2 or -1.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    aspect: tuple[int, int] | None = None
    colour: Mapping[bytes, bytes] = field(default_factory=dict)
    text: Mapping[str, Text] = field(default_factory=dict)
    comment: bytes | None = None
    loop: int | None = None
    default_image: bool = False  # an APNG's first frame, shown only where animation is not understood
    quantization: Mapping[int, Sequence[int]] | None = None
    subsampling: int = -1
    lossless: bool = False  # of formats that can be either: nothing was lost when it was written
    scale: float = 1.0  # a PFM's: what its values are to be multiplied by, which is left to who uses them


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture: `pixels` is H x W, or H x W x C with C >= 2, and may be read-only.

    `mode` is a row of `PIXEL_MODES`, or for arrays the name of the dtype; `alpha` says that the last channel is
    alpha; `info` holds what belongs to this frame alone, as its duration (ms). `peak` is the largest value
    of the file's depth where the dtype has room for more (1023 of 10 bits, the maxval of a PNM): values are as stored.
    `nodata` are the values that the file declares to stand for nothing, a tuple for a colour; `page` is what a TIFF
    says of this page.
    """

    pixels: Array
    mode: str
    alpha: bool = False
    palette: Palette | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    peak: int | None = None
    nodata: tuple[float | int | tuple[int, ...], ...] = ()
    page: "Page | None" = None

    @property
    def clear(self) -> bool:
        """Whether pixels of it may be transparent."""
        return self.alpha or (self.palette is not None and self.palette.transparent)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A file as it was read: its format, its frames, and in `notes` a sentence for every conversion made.

    `file_mode` is the mode in the file, before any conversion.
    """

    format: str
    frames: Sequence[Frame]
    file_mode: str
    meta: Meta = field(default_factory=Meta)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PixelMode:
    """One mode: dtype and channels of its array, the colour space that an ICC profile for it names.

    `narrow`: the mode of 8 bits a channel, for modes that Pillow does not have.
    """

    dtype: str
    channels: int = 1
    alpha: bool = False
    space: bytes = b"RGB "
    narrow: str = ""


PIXEL_MODES = {
    "1": PixelMode("bool", space=b"GRAY"),
    "L": PixelMode("uint8", space=b"GRAY"),
    "LA": PixelMode("uint8", 2, alpha=True, space=b"GRAY"),
    "La": PixelMode("uint8", 2, alpha=True, space=b"GRAY"),
    "I": PixelMode("int32", space=b"GRAY"),
    "F": PixelMode("float32", space=b"GRAY"),
    "I;16": PixelMode("uint16", space=b"GRAY"),
    "P": PixelMode("uint8"),
    "PA": PixelMode("uint8", 2, alpha=True),
    "RGB": PixelMode("uint8", 3),
    "RGBA": PixelMode("uint8", 4, alpha=True),
    "RGBa": PixelMode("uint8", 4, alpha=True),
    "RGBX": PixelMode("uint8", 4),
    "YCbCr": PixelMode("uint8", 3),
    "HSV": PixelMode("uint8", 3),
    "CMYK": PixelMode("uint8", 4, space=b"CMYK"),
    "LAB": PixelMode("uint8", 3, space=b"Lab "),
    "LA;16": PixelMode("uint16", 2, alpha=True, space=b"GRAY", narrow="LA"),
    "RGB;16": PixelMode("uint16", 3, narrow="RGB"),
    "RGBA;16": PixelMode("uint16", 4, alpha=True, narrow="RGBA"),
    "RGB;32F": PixelMode("float32", 3, narrow="RGB"),
}
WORDS = {
    "I;16": "16-bit grey",
    "LA;16": "16-bit grey with alpha",
    "RGB;16": "16-bit RGB",
    "RGBA;16": "16-bit RGBA",
    "I": "32-bit integers",
    "F": "32-bit floats",
    "RGB;32F": "RGB of 32-bit floats",
}

# The byte orders of 16 bits are the file's affair: as arrays they are all native.
NATIVE = {"I;16L": "I;16", "I;16B": "I;16", "I;16N": "I;16"}

# Where a mode goes when a format cannot hold it, nearest first; never from more bits to fewer, but for integers
# that all fit into 16 bits. P is not here: its way depends on its transparency.
_NEXT = {
    "1": ("L",),
    "L": ("RGB",),
    "LA": ("RGBA", "L"),
    "La": ("LA",),
    "PA": ("RGBA",),
    "RGBA": ("RGB",),
    "RGBa": ("RGBA",),
    "RGBX": ("RGB",),
    "CMYK": ("RGB",),
    "YCbCr": ("RGB",),
    "LAB": ("RGB",),
    "HSV": ("RGB",),
    "I": ("I;16",),
    "LA;16": ("RGBA;16", "I;16"),
    "RGBA;16": ("RGB;16",),
}
# The same with fewer bits: only where they are allowed.
_8_BITS = {"I;16": "L", "LA;16": "LA", "RGB;16": "RGB", "RGBA;16": "RGBA"}

# What an array is called when it has to become a picture: by dtype and channels.
NAMED = {
    (PIXEL_MODES[mode].dtype, PIXEL_MODES[mode].channels): mode
    for mode in ("1", "L", "LA", "RGB", "RGBA", "I", "F", "I;16", "LA;16", "RGB;16", "RGBA;16", "RGB;32F")
}

# A strip of 24,000 pixels stays below the size from which malloc asks the kernel for every block.
# 12 megapixels of RGB: 15 ms and no second copy, against 42 ms and one for np.asarray of the whole image.
_STRIP = 24_000


def _taken_over(image: Image.Image, memory: mmap.mmap) -> Array:
    """The pixels in the memory that an image was decoded into, which is none of its own any more."""
    width, height = image.size
    if image.mode != "RGB":
        return np.frombuffer(memory, np.uint8).reshape((height, width, 4) if image.mode == "RGBA" else (height, width))
    pixels = np.frombuffer(memory, np.uint8, 3 * height * width).reshape(height, width, 3)
    _copy_strips(image, pixels)
    end = -(-pixels.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    if hasattr(mmap, "MADV_DONTNEED") and end < len(memory):
        memory.madvise(mmap.MADV_DONTNEED, end)
    return pixels


def _copy_strips(image: Image.Image, pixels: Array) -> None:
    """Copy an image into `pixels`, which may be its own memory: no strip lies behind the one that it comes from."""
    width, height = image.size
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(height, top + rows)))
        pixels[top : top + rows] = np.asarray(strip)


def to_array(image: Image.Image) -> Array:
    """The pixels of `image` as H x W or H x W x C of native byte order; a and b of LAB run from 0 to 255.

    >>> to_array(Image.new("RGB", (4, 2))).shape
    (2, 4, 3)
    """
    mode = PIXEL_MODES[NATIVE.get(image.mode, image.mode)]
    dtype = np.dtype(mode.dtype)
    if (memory := vars(image).pop(MEMORY, None)) is not None:
        return _taken_over(image, memory)
    width, height = image.size
    if image.mode == "1":  # Pillow keeps any byte but 0 for True, which NumPy would count as that number
        truth: NDArray[np.bool_] = np.asarray(image).view(np.uint8) != 0
        return truth
    if mode.channels * dtype.itemsize <= 2 and mode.channels == 1:
        return np.asarray(image).astype(dtype, copy=False)
    pixels = np.empty((height, width, mode.channels) if mode.channels > 1 else (height, width), dtype)
    _copy_strips(image, pixels)
    return _signs_flipped(pixels) if image.mode == "LAB" else pixels


def _signs_flipped(pixels: Array) -> Array:
    """LAB with a and b from two's complement to 0 ... 255 or back, so that larger is larger in a maximum."""
    return pixels ^ np.array([0, 128, 128], np.uint8)


def to_image(frame: Frame) -> Image.Image:
    """`frame` as a Pillow image that shares its memory where Pillow can; TypeError for pixels not of its mode."""
    pixels, mode = frame.pixels, PIXEL_MODES[frame.mode]
    shape = pixels.shape[:2] if mode.channels == 1 else (*pixels.shape[:2], mode.channels)
    if pixels.dtype != mode.dtype or pixels.shape != shape:
        raise TypeError(f"pixels of {pixels.dtype} {pixels.shape} are not of mode {frame.mode}")
    if frame.mode == "LAB":
        pixels = _signs_flipped(pixels)
    if frame.mode == "I;16":
        pixels = pixels.astype("<u2", copy=False)  # what Pillow calls I;16 is little-endian on every machine
    raw = "1;8" if frame.mode == "1" else frame.mode
    height, width = shape[:2]
    data = np.ascontiguousarray(pixels)
    image = Image.frombuffer(frame.mode, (width, height), data, "raw", raw, 0, 1)
    if frame.palette is not None:
        count = int(pixels[..., 0].max() if pixels.ndim == 3 else pixels.max()) + 1
        # Black for indices without a colour, which formats cut.
        colours = frame.palette.colours.ljust(count * len(frame.palette.mode), b"\0")
        image.putpalette(colours, frame.palette.mode)
    return image


def as_pillow_mode(frame: Frame, format: str, arrays: Iterable[str] = ()) -> Frame:
    """`frame` itself, or an array given the mode that its dtype and channels are in `format`; PictureError if none.

    Arrays of a dtype among `arrays` stay what they are, where there is no mode for them.
    """
    if frame.mode in PIXEL_MODES:
        return frame
    channels = 1 if frame.pixels.ndim == 2 else frame.pixels.shape[2]
    mode = NAMED.get((frame.pixels.dtype.name, channels))
    if mode is None and frame.mode in arrays:
        return frame
    if mode is None:
        what = f"an array of {frame.pixels.dtype.name} with {channels} channel{'s' * (channels > 1)}"
        bytes_too = ", or bytes with --to-range clip or stretch" if ("uint8", channels) in NAMED else ""
        raise PictureError(f"{what} cannot be written as {format}; write .npy{bytes_too}")
    return replace(frame, mode=mode, alpha=PIXEL_MODES[mode].alpha)


def way_to(frame: Frame, allowed: Iterable[str], *, narrow: bool = False) -> list[str] | None:
    """The modes to convert `frame` to, one after the other, until one of `allowed` is reached; None when none is.

    `narrow` allows modes of 8 bits for those of 16, where nothing else helps.
    """
    way = _way(frame, set(allowed), narrow=False)
    return _way(frame, set(allowed), narrow=True) if way is None and narrow else way


def _way(frame: Frame, allowed: set[str], *, narrow: bool) -> list[str] | None:
    queue = deque([[frame.mode]])
    while queue:
        way = queue.popleft()
        if way[-1] in allowed:
            return way[1:]
        palette = ("RGBA" if frame.clear else "RGB",) if way[-1] == "P" else ()
        following = (*palette, *_NEXT.get(way[-1], ()), *([_8_BITS[way[-1]]] if narrow and way[-1] in _8_BITS else []))
        queue.extend([*way, mode] for mode in following if mode not in way)
    return None


def converted(frame: Frame, mode: str) -> Frame:
    """`frame` in another mode, by Pillow's own conversion; PictureError for integers that do not fit into 16 bits."""
    if frame.mode == "I" and mode == "I;16":
        low, high = int(frame.pixels.min()), int(frame.pixels.max())
        if low < 0 or high > 65_535:
            raise PictureError(f"32-bit integers from {low} to {high} do not fit into 16 bits; write TIFF or .npy")
        return replace(frame, pixels=frame.pixels.astype(np.uint16), mode=mode)
    if _8_BITS.get(frame.mode) == mode:
        return replace(frame, pixels=in_8_bits(frame.pixels, frame.peak), mode=mode, peak=None)
    if frame.mode in _8_BITS and mode in _8_BITS:
        return _among_16_bits(frame, mode)
    image = to_image(frame)
    if frame.palette is not None and frame.palette.transparency is not None:
        image.info["transparency"] = frame.palette.transparency
    return replace(frame, pixels=to_array(image.convert(mode)), mode=mode, alpha=PIXEL_MODES[mode].alpha, palette=None)


def _among_16_bits(frame: Frame, mode: str) -> Frame:
    """Gray repeated, alpha dropped or full, as `mode` needs it: Pillow has none of these modes."""
    pixels, target = frame.pixels if frame.pixels.ndim == 3 else frame.pixels[..., np.newaxis], PIXEL_MODES[mode]
    colours = pixels[..., :-1] if frame.alpha else pixels
    colours = np.repeat(colours, (target.channels - target.alpha) // colours.shape[2], axis=2)
    if target.alpha:
        full = np.full_like(colours[..., :1], 65_535 if frame.peak is None else frame.peak)
        colours = np.concatenate([colours, pixels[..., -1:] if frame.alpha else full], axis=2)
    return replace(frame, pixels=colours if target.channels > 1 else colours[..., 0], mode=mode, alpha=target.alpha)


def with_alpha(pixels: Array, opaque: NDArray[np.bool_]) -> Array:
    """`pixels` with one more channel: all that the dtype holds where they are `opaque`, else 0."""
    colours = pixels if pixels.ndim == 3 else pixels[..., np.newaxis]
    alpha = opaque[..., np.newaxis] * pixels.dtype.type(np.iinfo(pixels.dtype).max)
    return np.concatenate([colours, alpha], axis=2)


def turned(pixels: Array, orientation: int) -> Array:
    """`pixels` upright, as EXIF's orientation (1 to 8) says.

    >>> turned(np.array([[1, 2, 3]]), 6).tolist()
    [[1], [2], [3]]
    """
    if orientation > 4:
        pixels = pixels.swapaxes(0, 1)
    rows = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    columns = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return np.ascontiguousarray(pixels[rows, columns])


def in_8_bits(pixels: Array, peak: int | None) -> NDArray[np.uint8]:
    """16-bit values up to `peak` (None: 65535) as the nearest of 0 ... 255."""
    most = 65_535 if peak is None else peak
    nearest: NDArray[np.uint8] = ((pixels.astype(np.uint32) * 255 + most // 2) // most).astype(np.uint8)
    return nearest


_MOST = 256
_OPAQUE = 128  # alpha is all or nothing here; from this value on it is all


@dataclass(frozen=True, slots=True)
class _Reduced:
    """Indices H x W of `colours` (n x 3); `clear` marks the transparent pixels, None when there are none."""

    indices: NDArray[np.uint8]
    colours: NDArray[np.uint8]
    clear: NDArray[np.bool_] | None
    exact: bool


def with_palettes(frames: Sequence[Frame]) -> tuple[tuple[Frame, ...], bool]:
    """RGB or RGBA frames as P frames, each with its own palette; and whether every colour has stayed what it was.

    Transparent pixels get an index of their own in each frame, in a colour that no pixel of any frame has: Pillow's GIF
    writer takes a pixel of that colour for a transparent one.
    """
    reduced = [_reduced(frame.pixels) for frame in frames]
    key = _unused_colour([each.colours for each in reduced])
    palettes = (_with_palette(frame, each, key) for frame, each in zip(frames, reduced, strict=True))
    return tuple(palettes), all(each.exact for each in reduced)


def _reduced(pixels: Array) -> _Reduced:
    clear = pixels[..., 3] < _OPAQUE if pixels.shape[2] == 4 else None
    if clear is not None and not clear.any():
        clear = None
    binary = pixels.shape[2] == 3 or bool(np.isin(pixels[..., 3], (0, 255)).all())
    rgb = np.ascontiguousarray(pixels[..., :3])
    most = _MOST if clear is None else _MOST - 1
    shown = rgb if clear is None else rgb[~clear][None]
    exact = _exactly(rgb, shown, most)
    if exact is not None:
        return _Reduced(*exact, clear, binary)
    small = to_image(Frame(rgb, "RGB")).quantize(most)
    colours = np.array(small.getpalette(), np.uint8).reshape(-1, 3)
    return _Reduced(np.asarray(small), colours, clear, exact=False)


def _exactly(
    rgb: NDArray[np.uint8], shown: NDArray[np.uint8], most: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
    """Indices and colours when the pixels in `shown` have no more than `most` colours; the others get any index."""
    if shown.size == 0:
        return np.zeros(rgb.shape[:2], np.uint8), np.zeros((1, 3), np.uint8)
    counted = to_image(Frame(shown, "RGB")).getcolors(most)
    if counted is None:
        return None
    colours = np.array(sorted(colour for _, colour in counted), np.uint8)
    indices = np.searchsorted(_packed(colours), _packed(rgb))
    return np.minimum(indices, len(colours) - 1).astype(np.uint8), colours


def _packed(rgb: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """A colour as one number, so that colours can be compared, sorted and searched."""
    red, green, blue = (rgb[..., channel].astype(np.uint32) for channel in range(3))
    packed: NDArray[np.uint32] = np.bitwise_or(np.bitwise_or(red << 16, green << 8), blue, dtype=np.uint32)
    return packed


def _unused_colour(palettes: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    used = {int(colour) for palette in palettes for colour in _packed(palette)}
    free = next(colour for colour in range(1 << 24) if colour not in used)
    return np.array([free >> 16, free >> 8 & 255, free & 255], np.uint8)


def _with_palette(frame: Frame, reduced: _Reduced, key: NDArray[np.uint8]) -> Frame:
    indices, colours, transparency = reduced.indices, reduced.colours, None
    if reduced.clear is not None:
        transparency = len(colours)
        colours = np.vstack([colours, key])
        indices = np.where(reduced.clear, np.uint8(transparency), indices)
    palette = Palette(colours.tobytes(), "RGB", transparency)
    return replace(frame, pixels=indices, mode="P", alpha=False, palette=palette)


def colours_of(colormap: Sequence[int]) -> Array:
    """The colours of a TIFF's colour map, n x 3: in 8 bits where they say no more (c * 257, c * 256, c), else in 16."""
    colours = np.array(colormap, np.uint16).reshape(3, -1).T
    for step in (257, 256, 1):
        eighth = colours // step
        if eighth.max() < 256 and np.array_equal(eighth * step, colours):
            return eighth.astype(np.uint8)
    return colours


def coloured(pixels: Array, colours: Array) -> Array:
    """The colours of indices H x W, or of H x W x C whose further channels stay beside them."""
    if pixels.ndim == 2:
        expanded: Array = colours[pixels]
        return expanded
    return np.concatenate([colours[pixels[..., 0]], pixels[..., 1:].astype(colours.dtype)], axis=2)
