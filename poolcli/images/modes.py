"""Modes of pixels as arrays, Pillow's and those it lacks; and the crossing between images and arrays."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from poolcli.errors import PictureError
from poolcli.images.frame import Frame, Palette


@dataclass(frozen=True, slots=True)
class Mode:
    """One mode: dtype and channels of its array, the colour space that an ICC profile for it names.

    `narrow`: the mode of 8 bits a channel, for modes that Pillow does not have.
    """

    dtype: str
    channels: int = 1
    alpha: bool = False
    space: bytes = b"RGB "
    narrow: str = ""


MODES = {
    "1": Mode("bool", space=b"GRAY"),
    "L": Mode("uint8", space=b"GRAY"),
    "LA": Mode("uint8", 2, alpha=True, space=b"GRAY"),
    "La": Mode("uint8", 2, alpha=True, space=b"GRAY"),
    "I": Mode("int32", space=b"GRAY"),
    "F": Mode("float32", space=b"GRAY"),
    "I;16": Mode("uint16", space=b"GRAY"),
    "P": Mode("uint8"),
    "PA": Mode("uint8", 2, alpha=True),
    "RGB": Mode("uint8", 3),
    "RGBA": Mode("uint8", 4, alpha=True),
    "RGBa": Mode("uint8", 4, alpha=True),
    "RGBX": Mode("uint8", 4),
    "YCbCr": Mode("uint8", 3),
    "HSV": Mode("uint8", 3),
    "CMYK": Mode("uint8", 4, space=b"CMYK"),
    "LAB": Mode("uint8", 3, space=b"Lab "),
    "LA;16": Mode("uint16", 2, alpha=True, space=b"GRAY", narrow="LA"),
    "RGB;16": Mode("uint16", 3, narrow="RGB"),
    "RGBA;16": Mode("uint16", 4, alpha=True, narrow="RGBA"),
    "RGB;32F": Mode("float32", 3, narrow="RGB"),
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
_ARRAYS = {
    (MODES[mode].dtype, MODES[mode].channels): mode
    for mode in ("1", "L", "LA", "RGB", "RGBA", "I", "F", "I;16", "LA;16", "RGB;16", "RGBA;16", "RGB;32F")
}

# A strip of 24,000 pixels stays below the size from which malloc asks the kernel for every block.
# 12 megapixels of RGB: 15 ms and no second copy, against 42 ms and one for np.asarray of the whole image.
_STRIP = 24_000


def to_array(image: Image.Image) -> NDArray[Any]:
    """The pixels of `image` as H x W or H x W x C of native byte order; a and b of LAB run from 0 to 255.

    >>> to_array(Image.new("RGB", (4, 2))).shape
    (2, 4, 3)
    """
    mode = MODES[NATIVE.get(image.mode, image.mode)]
    dtype = np.dtype(mode.dtype)
    width, height = image.size
    if image.mode == "1":  # Pillow keeps any byte but 0 for True, which NumPy would count as that number
        truth: NDArray[np.bool_] = np.asarray(image).view(np.uint8) != 0
        return truth
    if mode.channels * dtype.itemsize <= 2 and mode.channels == 1:
        return np.asarray(image).astype(dtype, copy=False)
    pixels = np.empty((height, width, mode.channels) if mode.channels > 1 else (height, width), dtype)
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(height, top + rows)))
        pixels[top : top + rows] = np.asarray(strip)
    return _signs_flipped(pixels) if image.mode == "LAB" else pixels


def _signs_flipped(pixels: NDArray[Any]) -> NDArray[Any]:
    """LAB with a and b from two's complement to 0 ... 255 or back, so that larger is larger in a maximum."""
    return pixels ^ np.array([0, 128, 128], np.uint8)


def to_image(frame: Frame) -> Image.Image:
    """`frame` as a Pillow image that shares its memory where Pillow can; TypeError for pixels not of its mode."""
    pixels, mode = frame.pixels, MODES[frame.mode]
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
        image.putpalette(
            _long_enough(frame.palette, int(pixels[..., 0].max() if pixels.ndim == 3 else pixels.max())),
            frame.palette.mode,
        )
    return image


def _long_enough(palette: Palette, index: int) -> bytes:
    """The colours of `palette`, with black ones added until `index` has one: formats cut indices without a colour."""
    return palette.colours.ljust((index + 1) * len(palette.mode), b"\0")


def as_pillow_mode(frame: Frame, format: str, arrays: Iterable[str] = ()) -> Frame:
    """`frame` itself, or an array given the mode that its dtype and channels are in `format`; PictureError if none.

    Arrays of a dtype among `arrays` stay what they are, where there is no mode for them.
    """
    if frame.mode in MODES:
        return frame
    channels = 1 if frame.pixels.ndim == 2 else frame.pixels.shape[2]
    mode = _ARRAYS.get((frame.pixels.dtype.name, channels))
    if mode is None and frame.mode in arrays:
        return frame
    if mode is None:
        what = f"an array of {frame.pixels.dtype.name} with {channels} channel{'s' * (channels > 1)}"
        bytes_too = ", or bytes with --to-range clip or stretch" if ("uint8", channels) in _ARRAYS else ""
        raise PictureError(f"{what} cannot be written as {format}; write .npy{bytes_too}")
    return replace(frame, mode=mode, alpha=MODES[mode].alpha)


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
        following = (*_next(way[-1], frame.palette), *([_8_BITS[way[-1]]] if narrow and way[-1] in _8_BITS else []))
        queue.extend([*way, mode] for mode in following if mode not in way)
    return None


def _next(mode: str, palette: Palette | None) -> tuple[str, ...]:
    if mode == "P":
        return ("RGBA",) if palette is not None and palette.transparent else ("RGB",)
    return _NEXT.get(mode, ())


def converted(frame: Frame, mode: str) -> Frame:
    """`frame` in another mode, by Pillow's own conversion; PictureError for integers that do not fit into 16 bits."""
    if frame.mode == "I" and mode == "I;16":
        return replace(frame, pixels=_in_16_bits(frame.pixels), mode=mode)
    if _8_BITS.get(frame.mode) == mode:
        return replace(frame, pixels=in_8_bits(frame.pixels, frame.peak), mode=mode, peak=None)
    if frame.mode in _8_BITS and mode in _8_BITS:
        return _among_16_bits(frame, mode)
    image = to_image(frame)
    if frame.palette is not None and frame.palette.transparency is not None:
        image.info["transparency"] = frame.palette.transparency
    return replace(frame, pixels=to_array(image.convert(mode)), mode=mode, alpha=MODES[mode].alpha, palette=None)


def _among_16_bits(frame: Frame, mode: str) -> Frame:
    """Gray repeated, alpha dropped or full, as `mode` asks: Pillow has none of these modes."""
    pixels, target = frame.pixels if frame.pixels.ndim == 3 else frame.pixels[..., np.newaxis], MODES[mode]
    colours = pixels[..., :-1] if frame.alpha else pixels
    colours = np.repeat(colours, (target.channels - target.alpha) // colours.shape[2], axis=2)
    if target.alpha:
        full = np.full_like(colours[..., :1], 65_535 if frame.peak is None else frame.peak)
        colours = np.concatenate([colours, pixels[..., -1:] if frame.alpha else full], axis=2)
    return replace(frame, pixels=colours if target.channels > 1 else colours[..., 0], mode=mode, alpha=target.alpha)


def turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """`pixels` upright, as EXIF's orientation (1 to 8) says.

    >>> turned(np.array([[1, 2, 3]]), 6).tolist()
    [[1], [2], [3]]
    """
    if orientation > 4:
        pixels = pixels.swapaxes(0, 1)
    rows = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    columns = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return np.ascontiguousarray(pixels[rows, columns])


def in_8_bits(pixels: NDArray[Any], peak: int | None) -> NDArray[np.uint8]:
    """16-bit values up to `peak` (None: 65535) as the nearest of 0 ... 255."""
    most = 65_535 if peak is None else peak
    nearest: NDArray[np.uint8] = ((pixels.astype(np.uint32) * 255 + most // 2) // most).astype(np.uint8)
    return nearest


def _in_16_bits(pixels: NDArray[Any]) -> NDArray[np.uint16]:
    low, high = int(pixels.min()), int(pixels.max())
    if low < 0 or high > 65_535:
        raise PictureError(f"32-bit integers from {low} to {high} do not fit into 16 bits; write TIFF or .npy")
    return pixels.astype(np.uint16)
