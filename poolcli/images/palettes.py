"""Palettes: the colours that indices stand for; and colours reduced to 256, exactly or by median cut."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolcli.images.frame import Frame, Palette
from poolcli.images.modes import to_image

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
    """RGB and RGBA frames as P frames, each with its own palette; and whether every colour has stayed what it was.

    Frames of other modes stay as they are. Transparent pixels get an index of their own in each frame, in a
    colour that no pixel of any frame has: Pillow's GIF writer takes a pixel of that colour for a transparent one.
    """
    reduced = {number: _reduced(frame.pixels) for number, frame in enumerate(frames) if frame.mode in ("RGB", "RGBA")}
    key = _unused_colour([entry.colours for entry in reduced.values()])
    palettes = tuple(
        _with_palette(frame, reduced[number], key) if number in reduced else frame
        for number, frame in enumerate(frames)
    )
    return palettes, all(entry.exact for entry in reduced.values())


def _reduced(pixels: NDArray[Any]) -> _Reduced:
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


def colours_of(colormap: Sequence[int]) -> NDArray[Any]:
    """The colours of a TIFF's colour map, n x 3: in 8 bits where they say no more (c * 257, c * 256, c), else in 16."""
    colours = np.array(colormap, np.uint16).reshape(3, -1).T
    for step in (257, 256, 1):
        eighth = colours // step
        if eighth.max() < 256 and np.array_equal(eighth * step, colours):
            return eighth.astype(np.uint8)
    return colours


def coloured(pixels: NDArray[Any], colours: NDArray[Any]) -> NDArray[Any]:
    """The colours of indices H x W, or of H x W x C whose further channels stay beside them."""
    if pixels.ndim == 2:
        found: NDArray[Any] = colours[pixels]
        return found
    return np.concatenate([colours[pixels[..., 0]], pixels[..., 1:].astype(colours.dtype)], axis=2)
