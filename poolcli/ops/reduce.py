"""One engine for every reduction that may be done in any order (max, min, sum): rows first, then columns, in bands.

A band of rows small enough for the cache is reduced over its rows (contiguous, vectorised) into a buffer, the buffer
over its columns. Margins of the buffer hold the fill value, so padding never copies the picture. Large overlapping
windows are doubled (runs of 1, 2, 4 ... values), which costs log2(k) passes instead of k; a pass goes over the band as
one long line, since what it computes across the ends of rows is never read (2.5 times as fast as row by row). Windows
of many rows take three passes whatever their size (van Herk 1992: running results from the ends of blocks of k rows).
"""

from collections.abc import Callable
from math import log2
from typing import Any

import numpy as np

from poolcli.ops.arrays import Array
from poolcli.ops.geometry import Axis
from poolcli.ops.threads import each, parts

BAND_BYTES = 1 << 19  # of row-reduced values: stays in the second-level cache
STRIP_BYTES = 1 << 18  # of rows whose columns are doubled together
SHORT_ROW = 4096  # up to so many values a row NumPy's own reduction of tiles is the faster one (1.1 ms against 1.4)
BLOCK_ROW_BYTES = 1 << 12  # from rows as long as this on, large windows run over blocks of rows
BLOCK_TAPS = 16  # ... and from as many taps on
MANY_TAPS = 64  # from so many on, windows that are fewer than that are reduced one by one
INTERLEAVED = 4  # up to so many channels the column step runs a channel at a time (5.9 ms against 25 ms for RGB)

Finish = Callable[[Array, slice, Array], None]
Planes = list[tuple[Array, Array]]  # what to reduce over its first axis, and where to


def reduce_windows(
    image: Array,
    axes: tuple[Axis, Axis],
    operation: np.ufunc,
    *,
    fill: Any,
    dtype: np.dtype[Any] | None = None,
    finish: Finish | None = None,
    result: np.dtype[Any] | None = None,
) -> Array:
    """Reduce every window of `image` (H x W x C) with `operation` (np.maximum, np.minimum or np.add).

    Returns rows.out x columns.out x C in `image`'s dtype, or that of `result`. `fill` stands for the padding. `dtype`
    is what the reduction is accumulated in, `finish(band, rows, out)` turns accumulated rows into the output rows `out`
    (an average's division); `band` may be `out` itself.
    """
    rows, columns = axes
    accumulator = image.dtype if dtype is None else dtype
    width, channels = image.shape[1:]
    out = np.empty((rows.out, columns.out, channels), image.dtype if result is None else result)
    reach = max(width + columns.before, (columns.out - 1) * columns.s + columns.span)
    row_bytes = reach * channels * accumulator.itemsize
    exact = operation is not np.add or accumulator.kind != "f"
    blocks = exact and rows.d == 1 and rows.k >= max(BLOCK_TAPS, 2 * rows.s) and row_bytes >= BLOCK_ROW_BYTES
    step = min(-(-rows.k // rows.s) if blocks else _band_rows(rows, row_bytes), rows.out)
    reduce_rows = _reduce_rows_by_blocks if blocks else _reduce_rows

    def reduce(outputs: range) -> None:
        size = min(step, len(outputs))
        buffer = np.full((size, reach, channels), fill, accumulator)
        middle = buffer[:, columns.before : columns.before + width]
        cells = None if accumulator == out.dtype else np.empty((size, columns.out, channels), accumulator)
        scratch = Scratch(accumulator)
        for start in outputs[::step]:
            stop = min(start + step, outputs.stop)
            band = _padded_rows(image, start * rows.s - rows.before, (stop - start - 1) * rows.s + rows.span, fill)
            reduce_rows(band, rows, operation, middle[: stop - start], scratch)
            target = out[start:stop] if cells is None else cells[: stop - start]
            _reduce_columns(buffer[: stop - start], columns, operation, target, scratch)
            if finish is not None:
                finish(target, slice(start, stop), out[start:stop])

    each(reduce, parts(rows.out, image.nbytes))
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


def column_planes(source: Array, target: Array) -> Planes:
    """Pairs of views to work on one after the other: channel by channel while they are few, else all at once."""
    if source.shape[2] > INTERLEAVED:
        return [(source, target)]
    return [(source[:, :, channel], target[:, :, channel]) for channel in range(source.shape[2])]


class Scratch:
    """Flat arrays that passes write to in turn, made when first needed: fresh memory costs more than a pass."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.arrays = [np.empty(0, dtype)] * 3

    def give(self, turn: int, size: int) -> Array:
        """Array number `turn`, with room for `size` values."""
        if self.arrays[turn].size < size:
            self.arrays[turn] = np.empty(size, self.dtype)
        return self.arrays[turn][:size]


def _reduce_rows(x: Array, axis: Axis, operation: np.ufunc, out: Array, scratch: Scratch) -> None:
    if axis.s == axis.k > 2 and axis.d == 1 and x[0].size <= SHORT_ROW:
        windows = x.reshape(len(out), axis.k, *x.shape[1:])
        operation.reduce(windows, axis=1, out=out, dtype=out.dtype)
        return
    if not doubles(axis.k, axis.s):
        _reduce_by_taps(x, axis, operation, out)
        return
    flat = np.ascontiguousarray(x).reshape(-1)
    run = doubled(flat, flat.size // len(x) * axis.d, axis.k, operation, scratch)
    out[...] = _tap(run.reshape(x.shape), 0, axis, out)


def _reduce_rows_by_blocks(x: Array, axis: Axis, operation: np.ufunc, out: Array, scratch: Scratch) -> None:
    """Windows that all hold the border between rows k - 1 and k: what is above it, and what is below, grow by rows."""
    k, s, n = axis.k, axis.s, len(out)
    above = scratch.give(0, x[:k].size).reshape(x[:k].shape)
    below = scratch.give(1, x[k - 1 :].size).reshape(x[k - 1 :].shape)  # below[i]: rows k ... k - 1 + i
    above[k - 1] = x[k - 1]
    for row in range(k - 2, -1, -1):
        operation(above[row + 1], x[row], out=above[row], dtype=scratch.dtype)
    out[0] = above[0]
    if n == 1:
        return
    below[1] = x[k]
    for row in range(2, len(below)):
        operation(below[row - 1], x[k - 1 + row], out=below[row], dtype=scratch.dtype)
    last = (n - 1) * s + 1
    operation(above[s:last:s], below[s:last:s], out=out[1:])


def _reduce_columns(x: Array, axis: Axis, operation: np.ufunc, out: Array, scratch: Scratch) -> None:
    if not doubles(axis.k, axis.s):
        for source, target in column_planes(x, out):
            _reduce_by_taps(source.swapaxes(0, 1), axis, operation, target.swapaxes(0, 1))
        return
    strip = max(1, STRIP_BYTES // x[0].nbytes)
    for start in range(0, len(x), strip):
        part, target = x[start : start + strip], out[start : start + strip]
        run = doubled(part.reshape(-1), x.shape[2] * axis.d, axis.k, operation, scratch).reshape(part.shape)
        for source, plane in column_planes(run, target) if axis.s > 1 else [(run, target)]:
            plane[...] = source[:, : (axis.out - 1) * axis.s + 1 : axis.s]


def doubles(k: int, s: int) -> bool:
    """Whether doubling takes fewer passes over the values than one pass for each of the k, of every s-th window."""
    return k > 2 and k - 2 > s * log2(k)


def _tap(x: Array, t: int, axis: Axis, out: Array) -> Array:
    """Value number t of every window."""
    return x[t * axis.d : t * axis.d + (len(out) - 1) * axis.s + 1 : axis.s]


def _reduce_by_taps(x: Array, axis: Axis, operation: np.ufunc, out: Array) -> None:
    """out[i] = the reduction of x[i * s + t * d] over the taps t < k."""
    if MANY_TAPS < axis.k > len(out):  # fewer calls: a row of 20 million values takes 0.1 s, not 50
        for i in range(len(out)):
            window = x[i * axis.s : i * axis.s + axis.span : axis.d]
            operation.reduce(window, axis=0, out=out[i], dtype=out.dtype)
        return
    if axis.k == 1:
        out[...] = _tap(x, 0, axis, out)
        return
    operation(_tap(x, 0, axis, out), _tap(x, 1, axis, out), out=out, dtype=out.dtype)
    for t in range(2, axis.k):
        operation(out, _tap(x, t, axis, out), out=out, dtype=out.dtype)


def doubled(flat: Array, unit: int, k: int, operation: np.ufunc, scratch: Scratch) -> Array:
    """The reduction of the k values, `unit` apart, from each value of `flat` on; the last ones are not set.

    A maximum may take a value twice: its runs grow to k / 2**n, rounded up. The runs of a sum are rounded down, and
    where twice the last one is a value short it is added.
    """
    overlapping = operation is not np.add
    run, width, valid = flat, 1, flat.size
    for n in reversed(range((k - 1).bit_length() if overlapping else k.bit_length() - 1)):
        wider = -(-k >> n) if overlapping else k >> n
        valid = flat.size - (wider - 1) * unit
        shift = (wider - width if overlapping else width) * unit
        longer = scratch.give(n % 2, flat.size)
        operation(run[:valid], run[shift : shift + valid], out=longer[:valid], dtype=scratch.dtype)
        if not overlapping and wider % 2:
            last = (wider - 1) * unit
            operation(longer[:valid], flat[last : last + valid], out=longer[:valid], dtype=scratch.dtype)
        run, width = longer, wider
    return run
