"""Median pooling. Definition: numpy.median; integers exactly, the mean of the middle two rounded half up."""

from typing import Any

import numpy as np

from poolcli.ops.adaptive import AnyAxes
from poolcli.ops.arrays import Array, highest
from poolcli.ops.bands import bands
from poolcli.ops.blocks import Block, blocks, side_by_side, undefined
from poolcli.ops.ignored import values_of_windows, window_counts
from poolcli.ops.levels import counts, worthwhile_levels
from poolcli.ops.networks import LARGEST_NETWORK, select

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
