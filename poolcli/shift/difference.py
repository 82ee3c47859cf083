"""Shift an array, run something on it, measure what changed, in bands that stay in the cache. Knows no layer.

Differences are measured on one thread: the steps are so short that two spend twice the time, on waiting for each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import lru_cache, partial
from itertools import repeat
from math import floor, isfinite, log10, sqrt
from sys import float_info
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolcli.ops.arrays import Rows
from poolcli.ops.footprint import Footprint
from poolcli.shift.move import moved_rows, shifted_pair
from poolcli.shift.record import GIVEN, Aligned, Shift, Shifting, ShiftRow, Side

Array = NDArray[Any]
SIDE = tuple(field.name for field in fields(Side))


Layers = Callable[[Array], Array]
RowLayers = Callable[[tuple[int, int], Rows], Array]  # the same for a picture of (height, width) given by its rows
Cells = slice | NDArray[np.intp]
Footprints = Callable[[int, int], tuple[Footprint, Footprint] | None]


def measure(
    image: Array,
    shifting: Shifting,
    *,
    head: Layers | None,
    tail: Layers,
    footprints: Footprints,
    still: tuple[Array, Array],
    by_rows: RowLayers | None = None,
    alike: Sequence[ShiftRow] | None = None,
) -> tuple[ShiftRow, ...]:
    """Shift `image` as `shifting` says and measure what `head`, then `tail`, leave of the change.

    `head` is what runs at full resolution before the first down-sampling, `footprints(height, width)` says where the
    outputs lie, or None where they lie on no regular grid. `still` is (head(image), the output). `by_rows` does what
    `tail` does, where there is no `head`: the moved picture is never held whole. `alike` are the rows of another `tail`
    after the same `head`, whose `raw` and `dense` are taken. Raises PictureError when `crop` leaves nothing.
    """
    edge = shifting.edge
    peak = value_range(image)
    rows = []
    for shift, like in zip(shifting.shifts, alike or repeat(None), strict=False):
        pair: tuple[Array, Array | Rows]
        if by_rows is None or edge == "crop":
            pair = shifted_pair(image, *shift, edge)
            moved = _run(pair[1], head, tail)
        else:
            pair = image, partial(moved_rows, image, *shift, edge)
            moved = image, by_rows(image.shape[:2], pair[1])
        if edge == "crop":
            still = _run(pair[0], head, tail)
        lattice = footprints(*pair[0].shape[:2])
        scale = shifting.tolerance, peak
        before = (like.raw, like.dense) if like else _before(pair, (still[0], moved[0]) if head else None, *scale)
        rows.append(_measured(before, (still[1], moved[1]), shift, edge, pair[0].shape, lattice, *scale))
    return tuple(rows)


def measure_pair(
    pair: tuple[Array, Array],
    *,
    head: Layers | None,
    tail: Layers,
    footprints: Footprints,
    tolerance: float = 0,
) -> ShiftRow:
    """As `measure`, for two given pictures of one shape and dtype, of which the second is not known to have moved."""
    (dense, pooled), (other_dense, other) = _run(pair[0], head, tail), _run(pair[1], head, tail)
    lattice, scale = footprints(*pair[0].shape[:2]), (tolerance, value_range(pair[0]))
    before = _before(pair, (dense, other_dense) if head else None, *scale)
    return _measured(before, (pooled, other), (0, 0), GIVEN, pair[0].shape, lattice, *scale)


def _before(
    pair: tuple[Array, Array | Rows], filtered: tuple[Array, Array] | None, tolerance: float, peak: float
) -> tuple[Side, Side | None]:
    """How much two pictures differ, and what a head made of them, if there is one."""
    return compare(*pair, tolerance, peak), compare(*filtered, tolerance, peak) if filtered else None


def _measured(
    before: tuple[Side, Side | None],
    outputs: tuple[Array, Array],
    shift: Shift,
    edge: str,
    shape: tuple[int, ...],
    lattice: tuple[Footprint, Footprint] | None,
    tolerance: float,
    peak: float,
) -> ShiftRow:
    """The row of two outputs, for pictures of `shape` of which `before` tells how much they differ."""
    after = compare(*outputs, tolerance, peak)
    aligned = _align(outputs, shift, edge, shape, lattice, tolerance, peak) if lattice else None
    return _row(shift, edge, *before, after, aligned)


def _run(image: Array, head: Layers | None, tail: Layers) -> tuple[Array, Array]:
    dense = head(image) if head else image
    return dense, tail(dense)


def _row(shift: Shift, edge: str, raw: Side, dense: Side | None, pooled: Side, aligned: Aligned | None) -> ShiftRow:
    absorbed = 1 - pooled.changed / raw.changed if raw.changed else None
    gain = raw.fraction / pooled.fraction if raw.changed and pooled.changed else None
    before = dense or raw
    residual = min(pooled.mae / before.mae, float_info.max) if before.mae else None
    return ShiftRow(*shift, edge, raw, dense, pooled, aligned, absorbed, gain, residual)


def _align(
    outputs: tuple[Array, Array],
    shift: Shift,
    edge: str,
    shape: tuple[int, ...],
    lattice: tuple[Footprint, Footprint],
    tolerance: float,
    peak: float,
) -> Aligned | None:
    """The least change over the output shifts that the input shift can have caused; None without an interior."""
    sizes = shape[:2]
    rows, columns = (_overlaps(seen, d, n, edge) for seen, d, n in zip(lattice, reversed(shift), sizes, strict=True))
    found = []
    for dy, still_rows, rows_moved in rows:
        for dx, still_columns, columns_moved in columns:
            still, moved = outputs[0][still_rows][:, still_columns], outputs[1][rows_moved][:, columns_moved]
            side = compare(still, moved, tolerance, peak)
            found.append(Aligned(**{name: getattr(side, name) for name in SIDE}, dx=dx, dy=dy))
    return min(found, key=lambda side: (side.mae, side.changed, abs(side.dx) + abs(side.dy)), default=None)


def _overlaps(seen: Footprint, d: int, n: int, edge: str) -> list[tuple[int, Cells, Cells]]:
    """(output shift, cells of the still output, cells of the moved output) for a shift by d on an axis of n."""
    if edge == "wrap" and seen.cyclic:
        cells = np.arange(seen.size)
        return [(o, cells, (cells + o) % seen.size) for o in seen.output_shifts(d)]
    first, last = seen.interior(0, n)
    moved_first, moved_last = seen.interior(max(0, d), n + min(0, d))
    found: list[tuple[int, Cells, Cells]] = []
    for o in seen.output_shifts(d):
        low, high = max(moved_first, first + o), min(moved_last, last + o)
        if low < high:
            found.append((o, slice(low - o, high - o), slice(low, high)))
    return found


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
