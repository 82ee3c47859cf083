"""Max, min and sum over windows of any kind: the engine for those of one size inside or a little over the border, tap
after tap where sizes differ, running results from both ends for windows that reach over more than the picture.
"""

from dataclasses import replace
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
    result: np.dtype[Any] | None = None,
) -> Array:
    """As `reduce_windows`, for windows of one size or of several, and of any size."""
    rows, columns = axes
    result = image.dtype if result is None else result
    if isinstance(rows, Axis) and rows.before < 0:  # windows of one value in the middle of others
        image, rows = image[-rows.before :], replace(rows, n=rows.n + rows.before, before=0)
    if isinstance(columns, Axis) and columns.before < 0:
        image, columns = image[:, -columns.before :], replace(columns, n=columns.n + columns.before, before=0)
    if isinstance(rows, Axis) and rows.exceeds:
        image = reduce_ends(image, rows, operation, fill, dtype or image.dtype)
        rows = _identity(rows.out)
    if isinstance(columns, Axis) and columns.exceeds:
        image = reduce_ends(image.swapaxes(0, 1), columns, operation, fill, dtype or image.dtype).swapaxes(0, 1)
        columns = _identity(columns.out)
    if isinstance(rows, Axis) and isinstance(columns, Axis):
        return reduce_windows(image, (rows, columns), operation, fill=fill, dtype=dtype, finish=finish, result=result)
    out = np.empty((rows.out, columns.out, image.shape[2]), result)
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


def _identity(n: int) -> Axis:
    """Windows of one value each."""
    return Axis(n, 1, 1, 1, 0, 0, n)


def _reduce_rows(x: Array, spans: Axis | Spans, operation: np.ufunc, dtype: np.dtype[Any]) -> Array:
    starts, sizes = np.array(spans.starts()), np.array(spans.counts(padded=False))
    if spans.k > spans.out and isinstance(spans, Spans):
        windows = (x[first : first + size] for first, size in zip(spans.firsts, spans.sizes, strict=True))
        return np.stack([operation.reduce(window, axis=0, dtype=dtype) for window in windows])
    out: Array = x[starts].astype(dtype)
    for tap in range(1, spans.k):
        longer = sizes > tap
        if longer.all():
            operation(out, x[starts + tap], out=out, dtype=dtype)
        else:
            out[longer] = operation(out[longer], x[starts[longer] + tap], dtype=dtype)
    return out


def reduce_ends(x: Array, axis: Axis, operation: np.ufunc, fill: Any, dtype: np.dtype[Any]) -> Array:
    """The windows `axis`, which reach over more than the rows of `x` (H x ...), reduced over these in `dtype`.

    Of the rows d apart that such a window meets it holds all up to one, or all from one on, if any: two running results
    give every window, so the cost does not grow with what lies beyond the picture.
    """
    n, apart = axis.n, min(axis.d, axis.n)
    starts = np.array(axis.starts())
    lasts = starts + (axis.k - 1) * axis.d
    begins = np.where(starts >= 0, starts, starts % axis.d)  # the first row that a window may hold
    ends = begins + (np.minimum(lasts, n - 1) - begins) // axis.d * axis.d
    whole, from_top = begins <= np.minimum(lasts, n - 1), starts < 0
    out = np.empty((axis.out, *x.shape[1:]), dtype)
    length = -(-n // apart) * apart
    step = max(1, BAND_VALUES // length // max(1, x[0, 0].size))
    for start in range(0, x.shape[1], step):
        columns = slice(start, start + step)
        lines = np.full((length, *x[0, columns].shape), fill, dtype)
        lines[:n] = x[:, columns]
        lines = lines.reshape(length // apart, apart, *lines.shape[1:])
        down = operation.accumulate(lines, axis=0).reshape(length, *lines.shape[2:])
        up = operation.accumulate(lines[::-1], axis=0)[::-1].reshape(length, *lines.shape[2:])
        out[whole & from_top, columns] = down[ends[whole & from_top]]
        out[whole & ~from_top, columns] = up[begins[whole & ~from_top]]
        out[~whole, columns] = np.asarray(fill, dtype)
    return out
