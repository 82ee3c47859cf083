"""Sums of a function of the values, window by window: the function is applied a band of rows at a time."""

from collections.abc import Iterator

import numpy as np

from poolcli.ops.adaptive import AnyAxes
from poolcli.ops.arrays import Array
from poolcli.ops.uneven import reduce_any

BAND_VALUES = 1 << 18  # of the picture, in float64: 2 MiB a copy


def bands(image: Array, axes: AnyAxes) -> Iterator[tuple[slice, Array, AnyAxes]]:
    """(output rows, the rows of `image` that they see, where their windows lie on these), from top to bottom."""
    rows, columns = axes
    row_values = image.shape[1] * image.shape[2]
    step = max(1, (BAND_VALUES // row_values - rows.span) // rows.s, 2 * rows.span // rows.s)
    for start in range(0, rows.out, step):
        outputs = slice(start, min(start + step, rows.out))
        seen, part = rows.part(outputs)
        yield outputs, image[seen], (part, columns)


def sums(values: Array, axes: AnyAxes) -> Array:
    """The sum of every window of float64 `values`; the padding adds nothing."""
    return reduce_any(values, axes, np.add, fill=0)


def finite_range(values: Array) -> tuple[float, float]:
    """The smallest and the largest finite value; zeros where there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
