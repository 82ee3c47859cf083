"""Order statistics of windows: max and min with their indices, medians by networks, by counting or by sorting."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from poolcli.ops.arrays import Array, highest, lowest
from poolcli.ops.geometry import AnyAxes, Axis, Spans
from poolcli.ops.ignored import values_of_windows, window_counts, without
from poolcli.ops.reduce import Block, bands, blocks, reduce_any, side_by_side, taps_of, undefined


def max_pool(image: Array, axes: AnyAxes, *, valid: Array | None = None) -> Array:
    """The largest (`valid`) value of every window of `image` (H x W x C), in its dtype."""
    least = lowest(image.dtype)
    return reduce_any(without(image, valid, least), axes, np.maximum, fill=least)


def min_pool(image: Array, axes: AnyAxes, *, valid: Array | None = None) -> Array:
    """The smallest (`valid`) value of every window of `image` (H x W x C), in its dtype."""
    most = highest(image.dtype)
    return reduce_any(without(image, valid, most), axes, np.minimum, fill=most)


def max_indices(image: Array, axes: AnyAxes, valid: Array | None = None) -> Array:
    """Flat index row * W + column (int64) of the first maximum of every window of `image` (H x W x C), or the last NaN.

    A window without a value gets its first row and column that are not negative, perhaps no pixel at all.
    """
    rows, columns = axes
    width = image.shape[1]
    corner = np.add.outer(_first_positions(rows) * width, _first_positions(columns))[:, :, np.newaxis]
    out = np.empty((rows.out, columns.out, image.shape[2]), np.int64)
    for block in blocks(image, axes, valid=valid, bytes_per_output=32):
        down, across = (taps_of(axis, part)[0] for axis, part in zip(axes, block.where, strict=True))
        index = np.broadcast_to(corner[block.where], out[block.where].shape).copy()
        best = np.zeros(index.shape, image.dtype)
        empty = np.ones(index.shape, np.bool_)
        for tap, (values, there) in enumerate(block.planes()):
            row, column = divmod(tap, len(across))
            better = (empty | (values > best) | np.not_equal(values, values)) & there
            np.copyto(best, values, where=better)
            np.copyto(index, np.add.outer(down[row] * width, across[column])[:, :, np.newaxis], where=better)
            empty &= ~better
        out[block.where] = index
    return out


def _first_positions(axis: Axis | Spans) -> Array:
    starts = np.array(axis.starts())
    step = axis.d if isinstance(axis, Axis) else 1
    return np.where(starts < 0, starts % step, starts)


LARGEST_NETWORK = 64  # values of a window; above it a partition of every window is as fast

Exchange = tuple[int, int, bool, bool]  # positions a < b, whether the smaller and the larger one is needed


@lru_cache(maxsize=64)
def network(n: int, wanted: tuple[int, ...]) -> tuple[Exchange, ...]:
    """The exchanges that put the values `wanted` of `n` into their sorted places: Batcher's odd-even merge sort 1968,
    without what those places do not depend on.

    >>> network(3, (1,))
    ((0, 1, True, True), (0, 2, False, True), (1, 2, True, False))
    """
    needed = set(wanted)
    kept: list[Exchange] = []
    for a, b in reversed(_merge_sort(n)):
        low, high = a in needed, b in needed
        if low or high:
            kept.append((a, b, low, high))
            needed |= {a, b}
    return tuple(reversed(kept))


def _merge_sort(n: int) -> list[tuple[int, int]]:
    pairs = []
    p = 1
    while p < n:
        k = p
        while k:
            for j in range(k % p, n - k, 2 * k):
                for i in range(j, min(j + k, n - k)):
                    if i // (2 * p) == (i + k) // (2 * p):
                        pairs.append((i, i + k))
            k //= 2
        p *= 2
    return pairs


def select(values: Array, wanted: tuple[int, ...]) -> list[Array]:
    """The values that stand at the places `wanted` when `values` (n x ...) is sorted along its first axis.

    `values` is overwritten. A NaN among floats comes out at every place.
    """
    planes = list(values)
    spare = np.empty_like(planes[0])
    for a, b, low, high in network(len(planes), wanted):
        if low and high:
            np.minimum(planes[a], planes[b], out=spare)
            np.maximum(planes[a], planes[b], out=planes[b])
            planes[a], spare = spare, planes[a]
        else:
            kept = a if low else b
            (np.minimum if low else np.maximum)(planes[a], planes[b], out=planes[kept])
    return [planes[place] for place in wanted]


MOST_LEVELS = 256
SAMPLE = 61  # every so manieth value is looked at first


def worthwhile_levels(band: Array, axes: AnyAxes, sort_cost: float, *, most: int | None = MOST_LEVELS) -> Array | None:
    """The different values of `band` in order, where counting each is cheaper than `sort_cost` a value of every window.

    Costs are in passes over a value of the picture. None where it is not, of more than `most`, and for floats.
    """
    rows, columns = axes
    sorting = sort_cost * rows.out * columns.out * rows.most * columns.most / (band.shape[0] * band.shape[1])
    limit = sorting if most is None else min(most, sorting)
    if band.dtype.kind == "f" or np.unique(band.reshape(-1)[::SAMPLE]).size > limit:
        return None
    levels = np.unique(band)
    return levels if levels.size <= limit else None


def counts(
    band: Array, axes: AnyAxes, valid: Array | None, levels: Array, *, or_smaller: bool
) -> Iterator[tuple[Array, Array]]:
    """(level, how many `valid` values of every window are it, or are it or smaller) for every level."""
    rows, columns = axes
    dtype = np.uint16 if rows.most * columns.most < 1 << 16 else np.uint32
    for level in levels:
        hits = band <= level if or_smaller else band == level
        if valid is not None:
            hits &= valid
        yield level, reduce_any(hits.astype(dtype), axes, np.add, fill=0)


PARTITION_COST = 0.7  # of a value of a window, in passes over a value of the picture (2.5 ns against 3.5)


def median_pool(image: Array, axes: AnyAxes, *, valid: Array | None = None) -> Array:
    """The median of every window of `image` (H x W x C), in its dtype; NaN where there is one, or no value (int: 0)."""
    if image.dtype.kind == "b":
        return median_pool(image.view(np.uint8), axes, valid=valid).view(np.bool_)
    rows, columns = axes
    if rows.most * columns.most <= LARGEST_NETWORK:
        return _by_sorting(image, axes, valid)
    out = np.empty((rows.out, columns.out, image.shape[2]), image.dtype)
    for outputs, seen, part in bands(image.shape, axes):
        band, there = image[seen], None if valid is None else valid[seen]
        levels = worthwhile_levels(band, part, PARTITION_COST)
        if levels is None:
            out[outputs] = _by_sorting(band, part, there)
        else:
            out[outputs] = _by_counting(band, part, there, levels)
    return out


def _by_counting(band: Array, axes: AnyAxes, valid: Array | None, levels: Array) -> Array:
    """The level below which just not half of the values lie; of an even number two such levels."""
    n = (values_of_windows(axes) if valid is None else window_counts(valid, axes)).astype(np.int64)
    places = np.zeros((2, axes[0].out, axes[1].out, band.shape[2]), np.intp)
    for _, smaller in counts(band, axes, valid, levels, or_smaller=True):
        places[0] += smaller <= (n - 1) // 2
        places[1] += smaller <= n // 2
    middle = _mean_of(list(levels[np.minimum(places, len(levels) - 1)]))
    return np.where(n > 0, middle, undefined(band)).astype(band.dtype)


def _by_sorting(image: Array, axes: AnyAxes, valid: Array | None) -> Array:
    rows, columns = axes
    out = np.empty((rows.out, columns.out, image.shape[2]), image.dtype)
    for block in blocks(image, axes, valid=valid, bytes_per_output=rows.most * columns.most * image.itemsize):
        out[block.where] = _middle_inside(block) if block.there is None else _middle_at_border(block)
    return out


def _middle_inside(block: Block) -> Array:
    planes = block.filled(0)
    n = len(planes)
    places = ((n - 1) // 2, n // 2) if n % 2 == 0 else (n // 2,)
    if n <= LARGEST_NETWORK:
        return _mean_of(select(planes, places))
    values = side_by_side(planes)
    values.partition(places, axis=-1)
    middle = _mean_of([values[..., place] for place in places])
    if values.dtype.kind == "f":
        middle[np.isnan(values).any(axis=-1)] = np.nan
    return middle


def _middle_at_border(block: Block) -> Array:
    """Padding sorts behind everything; how many values there are differs from window to window."""
    is_float = block.values.dtype.kind == "f"
    values = np.sort(block.filled(np.nan if is_float else highest(block.values.dtype)), axis=0)
    there = np.broadcast_to(block.counts(), values.shape[1:])

    def at(place: Array) -> Array:
        found: Array = np.take_along_axis(values, np.maximum(place, 0)[np.newaxis], axis=0)[0]
        return found

    middle = _mean_of([at((there - 1) // 2), at(there // 2)])
    if is_float:
        middle[np.isnan(at(there - 1))] = np.nan
    middle[there == 0] = undefined(values)
    return middle


def _mean_of(middle: list[Any]) -> Array:
    """The middle value itself, or the mean of two; (a | b) - ((a ^ b) >> 1) rounds half up and cannot overflow."""
    if len(middle) == 1:
        return np.array(middle[0])
    a, b = middle
    if a.dtype.kind != "f":
        return np.asarray((a | b) - ((a ^ b) >> 1))
    wide = np.promote_types(a.dtype, np.float32) if a.dtype == np.float16 else np.dtype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        mean: Array = ((a.astype(wide) + b) / 2).astype(a.dtype)
    return np.where(a == b, a, mean)
