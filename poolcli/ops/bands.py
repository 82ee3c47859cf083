"""Sums of a function of the values, window by window: the function is applied a band of rows at a time."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from poolcli.ops.adaptive import AnyAxes
from poolcli.ops.arrays import Array, to_integers
from poolcli.ops.uneven import reduce_any

BAND_VALUES = 1 << 18  # of the picture, in float64: 2 MiB a copy
LARGEST_BAND = 1 << 21  # values: 16 MiB a copy
TILE = 1024  # columns, at least

Where = tuple[slice, slice]


def bands(shape: tuple[int, ...], axes: AnyAxes) -> Iterator[tuple[slice, slice, AnyAxes]]:
    """(output rows, the rows of an image of `shape` that they see, where their windows lie on these), downwards."""
    rows, columns = axes
    row_values, span = shape[1] * shape[2], min(rows.span, rows.n)
    step = max(1, (BAND_VALUES // row_values - span) // rows.s, 2 * span // rows.s)
    for start in range(0, rows.out, step):
        outputs = slice(start, min(start + step, rows.out))
        seen, part = rows.part(outputs)
        yield outputs, seen, (part, columns)


def tiles(shape: tuple[int, ...], axes: AnyAxes) -> Iterator[tuple[Where, Where, AnyAxes]]:
    """(outputs, what they see of an image of `shape`, where their windows lie on that): bands, cut into columns too."""
    columns = axes[1]
    step = max(1, TILE // columns.s, 3 * min(columns.span, columns.n) // columns.s)
    for down, down_seen, part in bands(shape, axes):
        for start in range(0, columns.out, step):
            across = slice(start, min(start + step, columns.out))
            across_seen, lying = columns.part(across)
            yield (down, across), (down_seen, across_seen), (part[0], lying)


def has_large_windows(image: Array, axes: AnyAxes) -> bool:
    """Whether a band would be much of a large picture, for windows that overlap so little that it brings nothing."""
    rows, columns = axes
    seen = rows.out * columns.out * rows.most * columns.most
    return bool(min(rows.span, rows.n) * image[0].size > LARGEST_BAND) and seen <= 4 * image.shape[0] * image.shape[1]


def sums(values: Array, axes: AnyAxes) -> Array:
    """The sum of every window of float64 `values`; the padding adds nothing."""
    return reduce_any(values, axes, np.add, fill=0)


def finite_range(values: Array) -> tuple[float, float]:
    """The smallest and the largest finite value; zeros where there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def overflowed(results: Array, image: Array, gain: float) -> bool:
    """Whether sums of the finite values of `image`, which `gain` bounds as a factor, may have left what results hold.

    The flags of the processor cannot tell: they also rise from memory between windows, whatever it held before.
    """
    if not results.size or (np.isfinite(results.max()) and np.isfinite(results.min())):
        return False
    largest = max(abs(value) for value in finite_range(image))
    return largest * gain > float(np.finfo(results.dtype).max)


def rounded(values: Array, dtype: np.dtype[Any]) -> Array:
    """Float64 as `dtype`: integers rounded half up, held in range, NaN as 0."""
    return values.astype(dtype) if dtype.kind == "f" else to_integers(values, dtype)
