"""Sums of a function of the values, window by window: the function is applied a band of rows at a time."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from poolcli.ops.adaptive import AnyAxes
from poolcli.ops.arrays import Array, to_integers
from poolcli.ops.uneven import reduce_any

BAND_VALUES = 1 << 18  # of the picture, in float64: 2 MiB a copy
LARGEST_BAND = 1 << 21  # values: 16 MiB a copy


def bands(image: Array, axes: AnyAxes) -> Iterator[tuple[slice, slice, AnyAxes]]:
    """(output rows, the rows of `image` that they see, where their windows lie on these), from top to bottom."""
    rows, columns = axes
    row_values = image.shape[1] * image.shape[2]
    step = max(1, (BAND_VALUES // row_values - rows.span) // rows.s, 2 * rows.span // rows.s)
    for start in range(0, rows.out, step):
        outputs = slice(start, min(start + step, rows.out))
        seen, part = rows.part(outputs)
        yield outputs, seen, (part, columns)


def has_large_windows(image: Array, axes: AnyAxes) -> bool:
    """Whether a band would be much of a large picture, for windows that overlap so little that it brings nothing."""
    rows, columns = axes
    seen = rows.out * columns.out * rows.k * columns.k
    return bool(rows.span * image[0].size > LARGEST_BAND) and seen <= 4 * image.shape[0] * image.shape[1]


def sums(values: Array, axes: AnyAxes) -> Array:
    """The sum of every window of float64 `values`; the padding adds nothing."""
    return reduce_any(values, axes, np.add, fill=0)


def finite_range(values: Array) -> tuple[float, float]:
    """The smallest and the largest finite value; zeros where there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def rounded(values: Array, dtype: np.dtype[Any]) -> Array:
    """Float64 as `dtype`: integers rounded half up, held in range, NaN as 0."""
    return values.astype(dtype) if dtype.kind == "f" else to_integers(values, dtype)
