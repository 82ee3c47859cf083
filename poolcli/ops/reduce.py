"""One engine for every reduction that may be done in any order (max, min, sum): rows first, then columns, in bands.

A band of rows small enough for the cache is reduced over its rows (contiguous, vectorised) into a buffer, the buffer
over its columns. Margins of the buffer hold the fill value, so padding never copies the picture; large overlapping
windows are doubled (1, 2, 4 ... values), which costs log2(k) passes instead of k.
"""

from collections.abc import Callable
from math import log2
from typing import Any

import numpy as np

from poolcli.ops.arrays import Array
from poolcli.ops.geometry import Axis

BAND_BYTES = 1 << 18  # of row-reduced values: stays in the second-level cache
INTERLEAVED = 4  # up to so many channels the column step runs a channel at a time (5.9 ms against 25 ms for RGB)

Finish = Callable[[Array, slice], Array]


def reduce_windows(
    image: Array,
    axes: tuple[Axis, Axis],
    operation: np.ufunc,
    *,
    fill: Any,
    dtype: np.dtype[Any] | None = None,
    finish: Finish | None = None,
) -> Array:
    """Reduce every window of `image` (H x W x C) with `operation` (np.maximum, np.minimum or np.add).

    Returns rows.out x columns.out x C in `image`'s dtype. `fill` stands for the padding. `dtype` is what the reduction
    is accumulated in, `finish(band, rows)` turns accumulated rows into output rows (an average's division).
    """
    rows, columns = axes
    accumulator = image.dtype if dtype is None else dtype
    width, channels = image.shape[1:]
    out = np.empty((rows.out, columns.out, channels), image.dtype)
    reach = max(width + columns.before, (columns.out - 1) * columns.s + columns.span)
    step = _band_rows(rows, reach * channels * accumulator.itemsize)
    buffer = np.full((min(step, rows.out), reach, channels), fill, accumulator)
    middle = buffer[:, columns.before : columns.before + width]
    cells = None if finish is None else np.empty((len(buffer), columns.out, channels), accumulator)
    for start in range(0, rows.out, step):
        stop = min(start + step, rows.out)
        band = _padded_rows(image, start * rows.s - rows.before, (stop - start - 1) * rows.s + rows.span, fill)
        _reduce_first_axis(band, rows, operation, middle[: stop - start])
        target = out[start:stop] if cells is None else cells[: stop - start]
        for source_plane, target_plane in column_planes(buffer[: stop - start], target):
            _reduce_first_axis(source_plane.swapaxes(0, 1), columns, operation, target_plane.swapaxes(0, 1))
        if finish is not None:
            out[start:stop] = finish(target, slice(start, stop))
    return out


def _band_rows(rows: Axis, row_bytes: int) -> int:
    """Output rows a band: what the cache holds, but never so few that overlapping windows read most rows twice."""
    return max(BAND_BYTES // max(1, row_bytes), 2 * rows.span // rows.s, 8)


def _padded_rows(image: Array, first: int, count: int, fill: Any) -> Array:
    """Rows first ... first + count of the image: a view inside it, a filled copy where it goes over the border."""
    height = len(image)
    if first >= 0 and first + count <= height:
        return image[first : first + count]
    band = np.full((count, *image.shape[1:]), fill, image.dtype)
    low, high = max(first, 0), min(first + count, height)
    if low < high:
        band[low - first : high - first] = image[low:high]
    return band


def column_planes(source: Array, target: Array) -> list[tuple[Array, Array]]:
    """Pairs of views to work on one after the other: channel by channel while they are few, else all at once."""
    if source.shape[2] > INTERLEAVED:
        return [(source, target)]
    return [(source[:, :, channel], target[:, :, channel]) for channel in range(source.shape[2])]


def _reduce_first_axis(x: Array, axis: Axis, operation: np.ufunc, out: Array) -> None:
    """out[i] = the reduction of x[i * s + t * d] over the taps t < k."""
    k, s, d, n = axis.k, axis.s, axis.d, len(out)

    def tap(values: Array, t: int) -> Array:
        return values[t * d : t * d + (n - 1) * s + 1 : s]

    if k == 1:
        out[...] = tap(x, 0)
    elif k - 2 <= s * log2(k):
        operation(tap(x, 0), tap(x, 1), out=out, dtype=out.dtype)
        for t in range(2, k):
            operation(out, tap(x, t), out=out, dtype=out.dtype)
    else:
        _reduce_by_doubling(x, k, d, operation, out, tap)


def _reduce_by_doubling(
    x: Array, k: int, d: int, operation: np.ufunc, out: Array, tap: Callable[[Array, int], Array]
) -> None:
    """Runs of 1, 2, 4 ... values; a maximum then takes two runs that overlap, a sum the runs of k's binary digits."""
    overlapping = operation is not np.add
    run, width, done = x, 1, 0
    while True:
        if not overlapping and k & width:
            out[...] = tap(run, 0) if done == 0 else operation(out, tap(run, done), dtype=out.dtype)
            done += width
        if 2 * width > k:
            break
        run = operation(run[: len(run) - width * d], run[width * d :], dtype=out.dtype)
        width *= 2
    if overlapping:
        operation(tap(run, 0), tap(run, k - width), out=out)
