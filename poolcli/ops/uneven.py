"""Max, min and sum over windows whose sizes differ: the engine for ordinary windows, tap after tap for others."""

from typing import Any

import numpy as np

from poolcli.ops.adaptive import AnyAxes, Spans
from poolcli.ops.arrays import Array
from poolcli.ops.geometry import Axis
from poolcli.ops.reduce import Finish, reduce_windows

BAND_VALUES = 1 << 18  # of the picture


def reduce_any(
    image: Array,
    axes: AnyAxes,
    operation: np.ufunc,
    *,
    fill: Any,
    dtype: np.dtype[Any] | None = None,
    finish: Finish | None = None,
) -> Array:
    """As `reduce_windows`, for windows of one size or of several."""
    rows, columns = axes
    if isinstance(rows, Axis) and isinstance(columns, Axis):
        return reduce_windows(image, (rows, columns), operation, fill=fill, dtype=dtype, finish=finish)
    out = np.empty((rows.out, columns.out, image.shape[2]), image.dtype)
    step = max(1, BAND_VALUES // (image.shape[1] * image.shape[2] * rows.s))
    for start in range(0, rows.out, step):
        outputs = slice(start, min(start + step, rows.out))
        seen, part = rows.part(outputs)
        between = _reduce_rows(image[seen], part, operation, dtype or image.dtype)
        cells = _reduce_rows(between.swapaxes(0, 1), columns, operation, between.dtype).swapaxes(0, 1)
        if finish is None:
            out[outputs] = cells
        else:
            finish(np.ascontiguousarray(cells), outputs, out[outputs])
    return out


def _reduce_rows(x: Array, spans: Axis | Spans, operation: np.ufunc, dtype: np.dtype[Any]) -> Array:
    starts, sizes = np.array(spans.starts()), np.array(spans.counts(padded=False))
    out: Array = x[starts].astype(dtype)
    for tap in range(1, spans.k):
        longer = sizes > tap
        if longer.all():
            operation(out, x[starts + tap], out=out, dtype=dtype)
        else:
            out[longer] = operation(out[longer], x[starts[longer] + tap], dtype=dtype)
    return out
