"""How much two arrays differ, in bands that stay in the cache.

On one thread: the steps are so short that two threads spend twice the time, on waiting for each other.
"""

from functools import lru_cache
from math import floor, isfinite, log10, sqrt
from sys import float_info
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolcli.ops.arrays import Rows
from poolcli.shift.record import Side

Array = NDArray[Any]

BAND_VALUES = 1 << 17
EXACT = 256  # squares of bytes whose sum float32 holds
FEW = 8  # channels


def value_range(image: Array) -> float:
    """The peak of PSNR: what an integer dtype can hold, or the range of the finite values of floats."""
    if image.dtype.kind == "b":
        return 1.0
    if image.dtype.kind != "f":
        info = np.iinfo(image.dtype)
        return float(info.max) - float(info.min)
    finite = image[np.isfinite(image)]
    return float(finite.max()) - float(finite.min()) if finite.size else 0.0


def compare(a: Array, b: Array | Rows, tolerance: float, peak: float) -> Side:
    """How much `a` and `b` (equal shapes, H x W or H x W x C) differ; NaN equals NaN, infinity infinity.

    `b` may be a function that gives the rows low ... high - 1 of it.

    >>> compare(np.array([[1, 2]], np.uint8), np.array([[1, 5]], np.uint8), 0, 255.0).mae
    1.5
    """
    pixels = a.shape[0] * a.shape[1]
    step = max(1, BAND_VALUES * len(a) // a.size)
    rows_of_b = b if callable(b) else lambda low, high: b[low:high]

    rows = ((low, min(low + step, len(a))) for low in range(0, len(a), step))
    found = [_differ(a[low:high], rows_of_b(low, high), tolerance) for low, high in rows]
    counts, sums, squares, maxima = zip(*found, strict=True)
    changed, total, total_squares, largest = int(sum(counts)), sum(sums), sum(squares), max(maxima)
    mae, rmse = min(total / a.size, float_info.max), sqrt(min(total_squares / a.size, float_info.max))
    psnr = 20 * (log10(peak) - log10(rmse)) if rmse and peak else None
    return Side(pixels, changed, changed / pixels, mae, rmse, largest, psnr)


def _differ(a: Array, b: Array, tolerance: float) -> tuple[float, ...]:
    """Of one band: changed pixels, and sum, sum of squares and maximum of the differences."""
    gaps = _gaps(a, b)
    figures = _byte_figures(gaps) if gaps.dtype == np.uint8 else _figures(gaps)
    return _count_pixels(gaps, tolerance), *figures


def _gaps(a: Array, b: Array) -> Array:
    """The size of every difference; integers in the unsigned type that holds them all."""
    if a.dtype.kind == "b":
        return (a ^ b).view(np.uint8)
    if a.dtype.kind in "ui":
        unsigned = np.dtype(f"u{a.dtype.itemsize}")
        gaps: Array = np.maximum(a, b).view(unsigned) - np.minimum(a, b).view(unsigned)
        return gaps
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.subtract(a, b, dtype=np.float64)
    np.abs(distance, out=distance)
    if isfinite(distance.max(initial=0)):
        return distance
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.where(same, 0.0, np.where(np.isnan(distance), np.inf, distance))


def _figures(gaps: Array) -> tuple[float, float, float]:
    """Sum, sum of squares and maximum of the finite gaps."""
    finite = gaps.ravel().astype(np.float64, copy=False)
    largest = float(finite.max(initial=0))
    if not isfinite(largest):
        finite = finite[np.isfinite(finite)]
        largest = float(finite.max(initial=0))
    with np.errstate(over="ignore"):
        return float(finite.sum()), float(np.einsum("i,i->", finite, finite)), largest


def _byte_figures(gaps: Array) -> tuple[float, float, float]:
    """The same of bytes, in less than half the time: float32 is exact for the squares of 256 of them (2 ** 24)."""
    values = np.empty((-(-gaps.size // EXACT), EXACT), np.float32)
    line = values.reshape(-1)
    line[: gaps.size] = gaps.reshape(-1)
    line[gaps.size :] = 0
    total = np.einsum("ij->i", values).sum(dtype=np.float64)
    squares = np.einsum("ij,ij->i", values, values).sum(dtype=np.float64)
    return float(total), float(squares), float(gaps.max(initial=0))


def _count_pixels(gaps: Array, tolerance: float) -> int:
    """Pixels of which any channel has a gap above the tolerance."""
    if gaps.dtype.kind == "u":  # whole numbers are compared as they are, not as the floats that a float makes of them
        tolerance = min(floor(min(tolerance, 2.0**64)), int(np.iinfo(gaps.dtype).max))
    over = gaps > tolerance
    if over.ndim == 2:
        return int(np.count_nonzero(over))
    channels = over.shape[2]
    if channels > FEW:
        return int(np.count_nonzero(over.any(axis=2)))
    line = over.reshape(-1)  # one pass a channel along the line is faster than pixel by pixel
    changed = line[: line.size - channels + 1].copy()
    for channel in range(1, channels):
        changed |= line[channel : channel + changed.size]
    changed &= _first_channel(changed.size, channels)  # three times as fast as counting every third value
    return int(np.count_nonzero(changed))


@lru_cache(maxsize=8)
def _first_channel(size: int, channels: int) -> Array:
    """True at the first value of every pixel."""
    first = np.zeros(size, bool)
    first[::channels] = True
    return first
