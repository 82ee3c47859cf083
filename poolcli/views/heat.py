"""Heat-maps: how much every pixel changes, in colours that grow lighter with the change, for every kind of eye."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LEVELS = 64
BAND_VALUES = 1 << 18

# Nine colours of viridis (van der Walt & Smith 2015), evenly spaced; what lies between is interpolated.
_ANCHORS = "440154 472d7b 3b528b 2c728e 21918c 28ae80 5ec962 addc30 fde725"


def palette() -> NDArray[np.uint8]:
    """The colours of the levels, LEVELS x 3, from no change (dark) to the largest (light).

    >>> palette()[[0, -1]].tolist()
    [[68, 1, 84], [253, 231, 37]]
    """
    anchors = np.array([list(bytes.fromhex(anchor)) for anchor in _ANCHORS.split()])
    position = np.linspace(0, len(anchors) - 1, LEVELS)
    channels = [np.interp(position, range(len(anchors)), anchors[:, channel]) for channel in range(3)]
    colours: NDArray[np.uint8] = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return colours


def change(a: Array, b: Array) -> NDArray[np.float32]:
    """The largest difference of any channel, for every pixel of two pictures of one shape (H x W [x C]).

    NaN equals NaN; a number against NaN or infinity is an infinite change.
    """
    out = np.empty(a.shape[:2], np.float32)
    step = max(1, BAND_VALUES * len(a) // a.size)
    for start in range(0, len(a), step):
        gaps = _gaps(a[start : start + step], b[start : start + step])
        if gaps.ndim == 3:  # channel by channel: a tenth of the time of max(axis=2)
            gaps = np.maximum.reduce([gaps[:, :, channel] for channel in range(gaps.shape[2])])
        with np.errstate(over="ignore"):
            out[start : start + step] = gaps
    return out


def _gaps(one: Array, other: Array) -> Array:
    """The size of every difference, in the type of unsigned integers, else in floats."""
    if one.dtype.kind == "u":
        unsigned: Array = np.maximum(one, other) - np.minimum(one, other)
        return unsigned
    with np.errstate(invalid="ignore", over="ignore"):
        gaps: Array = np.abs(one.astype(np.float64) - other.astype(np.float64))
        if one.dtype.kind == "f":
            gaps[(one == other) | (np.isnan(one) & np.isnan(other))] = 0
            gaps[np.isnan(gaps)] = np.inf
    return gaps


def peak_of(values: NDArray[np.float32]) -> float:
    """The largest finite change."""
    finite = values[np.isfinite(values)]
    return float(finite.max(initial=0))


def levels(values: NDArray[np.float32], peak: float) -> NDArray[np.uint8]:
    """Changes as indices into the palette: 0 only where nothing changes, the last from `peak` on."""
    if peak <= 0:
        return np.where(values > 0, LEVELS - 1, 0).astype(np.uint8)
    scaled: NDArray[np.uint8] = np.ceil(np.minimum(values / np.float32(peak), 1) * (LEVELS - 1)).astype(np.uint8)
    return scaled
