"""The windowed reduction: rows first into a buffer that stays in cache, then columns."""

from collections.abc import Callable, Iterator
from math import log2
from typing import Any

import numpy as np

from poolcli.ops.arrays import Array, each, full_range, parts, to_integers
from poolcli.ops.geometry import AnyAxes, Axis, Spans
from poolcli.records import dataclass

# One engine for every reduction that may be done in any order (max, min, sum): rows first, then columns, in bands.
# A band of rows small enough for the cache is reduced over its rows (contiguous, vectorised) into a buffer, the
# buffer over its columns. Margins of the buffer hold the fill value, so padding never copies the picture. Large
# overlapping windows are doubled (runs of 1, 2, 4 ... values), which costs log2(k) passes instead of k; a pass goes
# over the band as one long line, since what it computes across the ends of rows is never read (2.5 times as fast as
# row by row). Windows of many rows take three passes whatever their size (van Herk 1992: running results from the
# ends of blocks of k rows).

BAND_BYTES = 1 << 19  # of row-reduced values: stays in the second-level cache
STRIP_BYTES = 1 << 18  # of rows whose columns are doubled together
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
    fill: Any,
    accumulator: np.dtype[Any],
    finish: Finish | None,
    result: np.dtype[Any],
    *,
    band_bytes: int = BAND_BYTES,
    strip_bytes: int = STRIP_BYTES,
    block_row_bytes: int = BLOCK_ROW_BYTES,
    block_taps: int = BLOCK_TAPS,
) -> Array:
    """`reduce_any` of one size of windows that reach over less than the picture; `fill` stands for the padding.

    The numbers at the end cut the work, and change no result.
    """
    rows, columns = axes
    width, channels = image.shape[1:]
    out = np.empty((rows.out, columns.out, channels), result)
    reach, span = max(width + columns.before, columns.end + columns.before), rows.span
    row_bytes = reach * channels * accumulator.itemsize
    exact = operation is not np.add or accumulator.kind != "f"
    blocks = exact and rows.d == 1 and rows.k >= max(block_taps, 2 * rows.s) and row_bytes >= block_row_bytes
    step = min(-(-rows.k // rows.s) if blocks else _band_rows(rows, row_bytes, band_bytes), rows.out)
    reduce_rows = _reduce_rows_by_blocks if blocks else _reduce_rows

    def reduce(outputs: range) -> None:
        size = min(step, len(outputs))
        buffer = np.full((size, reach, channels), fill, accumulator)
        middle = buffer[:, columns.before : columns.before + width]
        cells = None if accumulator == out.dtype else np.empty((size, columns.out, channels), accumulator)
        scratch = Scratch(accumulator)
        for start in outputs[::step]:
            stop = min(start + step, outputs.stop)
            band = _padded_rows(image, start * rows.s - rows.before, (stop - start - 1) * rows.s + span, fill)
            reduce_rows(band, rows, operation, middle[: stop - start], scratch)
            target = out[start:stop] if cells is None else cells[: stop - start]
            _reduce_columns(buffer[: stop - start], columns, operation, target, scratch, strip_bytes)
            if finish is not None:
                finish(target, slice(start, stop), out[start:stop])

    each(reduce, parts(rows.out, image.nbytes))
    return out


def _band_rows(rows: Axis, row_bytes: int, band_bytes: int) -> int:
    """Output rows a band: what the cache holds, but never so few that overlapping windows read most rows twice."""
    return max(band_bytes // max(1, row_bytes), 2 * rows.span // rows.s, 8)


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


def column_planes(source: Array, target: Array, s: int) -> Planes:
    """Pairs of views to work on one after the other: channel by channel where they are few and every `s`-th column is
    taken, else all at once, since columns that follow one another are long lines (a ninth of the time for RGB).
    """
    if s == 1 or source.shape[2] > INTERLEAVED:
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


def _reduce_columns(x: Array, axis: Axis, operation: np.ufunc, out: Array, scratch: Scratch, strip_bytes: int) -> None:
    if not doubles(axis.k, axis.s):
        for source, target in column_planes(x, out, axis.s):
            _reduce_by_taps(source.swapaxes(0, 1), axis, operation, target.swapaxes(0, 1))
        return
    strip = max(1, strip_bytes // x[0].nbytes)
    for start in range(0, len(x), strip):
        part, target = x[start : start + strip], out[start : start + strip]
        run = doubled(part.reshape(-1), x.shape[2] * axis.d, axis.k, operation, scratch).reshape(part.shape)
        for source, plane in column_planes(run, target, axis.s):
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


# What the windows see, a block of outputs at a time: for reductions that need all values of a window at once.
# A block is small enough that its copies stay in the cache, whatever the sizes of the picture and of the window.
# Blocks inside the picture are views of it; at the border (`there` says which) the taps are gathered one by one.

GATHERED_BYTES = 1 << 24  # of taps at the border, which are copied one by one
BLOCK_BYTES = 1 << 19  # of copies of values, while a block is worked on: the second-level cache


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of outputs. `values` is kh x kw x rows x columns x C: what every tap sees.

    `there` is the same (or without channels, kh x kw x rows x columns x 1), False where a tap lies on padding or on
    what is ignored and its value means nothing; None where all are valid.
    """

    where: tuple[slice, slice]
    values: Array
    there: Array | None

    def planes(self) -> Iterator[tuple[Array, Array | bool]]:
        """(values, there) of tap after tap, row by row: rows x columns x C each."""
        for row in range(self.values.shape[0]):
            for column in range(self.values.shape[1]):
                yield self.values[row, column], True if self.there is None else self.there[row, column]

    def chunks(self, fill: object) -> Iterator[tuple[Array, Array | bool]]:
        """(values, there) of taps after taps, taps x rows x columns x C each, with `fill` for those on padding.

        One tap at a time where a block has many outputs, whole rows of a window where it has few: a window may be as
        large as the picture.
        """
        row_bytes = 8 * self.values[0].size  # in float64, which is what they are for
        width = 1 if row_bytes > BLOCK_BYTES else self.values.shape[1]
        height = max(1, BLOCK_BYTES // row_bytes)
        for row in range(0, self.values.shape[0], height):
            for column in range(0, self.values.shape[1], width):
                part = (slice(row, row + height), slice(column, column + width))
                values = self.values[part].reshape(-1, *self.values.shape[2:])
                if self.there is None:
                    yield values, True
                else:
                    there = self.there[part].reshape(-1, *self.there.shape[2:])
                    yield np.where(there, values, np.asarray(fill, values.dtype)), there

    def filled(self, fill: object) -> Array:
        """A copy of the values, taps x rows x columns x C, with `fill` for those on padding."""
        copy = np.array(self.values, order="C")
        if self.there is not None:
            np.copyto(copy, np.asarray(fill, copy.dtype), where=~self.there)
        return copy.reshape(-1, *copy.shape[2:])

    def counts(self) -> Array:
        """How many taps are there: rows x columns x C (or 1 for all channels), or 1 x 1 x 1 where all are."""
        taps = self.values.shape[0] * self.values.shape[1]
        return np.full((1, 1, 1), taps) if self.there is None else np.asarray(self.there.sum(axis=(0, 1)))


def side_by_side(values: Array) -> Array:
    """A copy of taps x rows x columns x C as rows x columns x C x taps, fit for NumPy's fast sorting.

    8 bits are widened to 16: a partition of 225 values takes 0.4 us in 16 bits, 3.5 us in 8, which has no vector form.
    """
    dtype = np.dtype(f"{values.dtype.kind}2") if values.itemsize == 1 else values.dtype
    return np.array(np.moveaxis(values, 0, -1), dtype, order="C")


def blocks(image: Array, axes: AnyAxes, *, bytes_per_output: int, valid: Array | None = None) -> Iterator[Block]:
    """The outputs of the windows `axes` on `image` (H x W x C), in blocks that take up to BLOCK_BYTES while in work.

    Only the `valid` values are there.
    """
    rows, columns = axes
    most = max(1, BLOCK_BYTES // (bytes_per_output * image.shape[2]))
    few = max(1, GATHERED_BYTES // (rows.most * columns.most * image[0, 0].nbytes))
    width = min(columns.out, most)
    for down, down_inside in _pieces(rows, max(1, most // width)):
        for across, across_inside in _pieces(columns, width):
            if down_inside and across_inside and isinstance(rows, Axis) and isinstance(columns, Axis):
                where = down, across
                there = None if valid is None else _view(valid, rows, columns, where)
                yield Block(where, _view(image, rows, columns, where), None if there is None or there.all() else there)
            else:
                yield from (_gathered(image, axes, where, valid) for where in _cut(down, across, few))


def _cut(down: slice, across: slice, most: int) -> Iterator[tuple[slice, slice]]:
    """A rectangle of outputs in rectangles of at most `most`."""
    width = min(across.stop - across.start, most)
    height = max(1, most // width)
    for top in range(down.start, down.stop, height):
        for left in range(across.start, across.stop, width):
            yield slice(top, min(top + height, down.stop)), slice(left, min(left + width, across.stop))


def _pieces(axis: Axis | Spans, step: int) -> Iterator[tuple[slice, bool]]:
    """Slices of at most `step` outputs, and whether all taps of their windows see the picture."""
    if isinstance(axis, Spans):
        yield from ((slice(start, min(start + step, axis.out)), False) for start in range(0, axis.out, step))
        return
    first = min(axis.out, max(0, -(-axis.before // axis.s)))
    last = max(first, min(axis.out, (axis.n - axis.span + axis.before) // axis.s + 1))
    for low, high, inside in ((0, first, False), (first, last, True), (last, axis.out, False)):
        for start in range(low, high, step):
            yield slice(start, min(start + step, high)), inside


def _view(image: Array, rows: Axis, columns: Axis, where: tuple[slice, slice]) -> Array:
    """The taps as kh x kw x rows x columns x C without a copy, for windows inside the picture."""
    (down, _), (across, _) = rows.part(where[0]), columns.part(where[1])
    windows = np.lib.stride_tricks.sliding_window_view(image[down, across], (rows.span, columns.span), axis=(0, 1))
    return windows[:: rows.s, :: columns.s, :, :: rows.d, :: columns.d].transpose(3, 4, 0, 1, 2)


def _gathered(image: Array, axes: AnyAxes, where: tuple[slice, slice], valid: Array | None) -> Block:
    (down, down_there), (across, across_there) = (taps_of(axis, part) for axis, part in zip(axes, where, strict=True))
    seen = down[:, None, :, None], across[None, :, None, :]
    there = (down_there[:, None, :, None] & across_there[None, :, None, :])[..., np.newaxis]
    return Block(where, image[seen], there if valid is None else there & valid[seen])


def taps_of(axis: Axis | Spans, outputs: slice) -> tuple[Array, Array]:
    """(which value every tap sees, whether it is one of the picture and the window): taps x outputs each.

    Of every window those taps that lie on the picture, in their order; windows with fewer of them than another have
    some that are not there.
    """
    if isinstance(axis, Spans):
        firsts, sizes, step = np.array(axis.firsts[outputs]), np.array(axis.sizes[outputs]), 1
    else:
        starts, step = np.array(axis.starts()[outputs]), axis.d
        before = np.maximum(0, -(starts // step))  # taps that lie before the picture
        firsts = starts + before * step
        sizes = np.clip((axis.n - 1 - firsts) // step + 1, 0, np.maximum(0, axis.k - before))
    taps = np.arange(max(1, sizes.max()))[:, np.newaxis]
    return np.clip(firsts + taps * step, 0, axis.n - 1), taps < sizes


def undefined(image: Array) -> float | int:
    """What a window without a value gives: NaN, or 0 where there is no NaN."""
    return np.nan if image.dtype.kind == "f" else 0


# Max, min and sum over windows of any kind: the engine for those of one size inside or a little over the border, tap
# after tap where sizes differ, running results from both ends for windows that reach over more than the picture.

BAND_VALUES = 1 << 18  # of the picture


def reduce_any(
    image: Array,
    axes: AnyAxes,
    operation: np.ufunc,
    *,
    valid: Array | None = None,
    dtype: np.dtype[Any] | None = None,
    finish: Finish | None = None,
    result: np.dtype[Any] | None = None,
    band_values: int = BAND_VALUES,
) -> Array:
    """Reduce windows of any size of `image` (H x W x C) with `operation`: np.maximum, np.minimum or np.add.

    Returns rows.out x columns.out x C in `image`'s dtype, or that of `result`; of the `valid` values alone. `dtype` is
    what the reduction is accumulated in, `finish(band, rows, out)` turns accumulated rows into the output rows `out`
    (an average's division); `band` may be `out` itself.
    """
    rows, columns = axes
    fill = neutral(operation, image.dtype)
    if valid is not None:
        image = np.where(valid, image, fill)
    result = image.dtype if result is None else result
    if isinstance(rows, Axis) and rows.span > rows.n:
        image = reduce_ends(image, rows, operation, fill, dtype or image.dtype)
        rows = _identity(rows.out)
    if isinstance(columns, Axis) and columns.span > columns.n:
        image = reduce_ends(image.swapaxes(0, 1), columns, operation, fill, dtype or image.dtype).swapaxes(0, 1)
        columns = _identity(columns.out)
    if isinstance(rows, Axis) and isinstance(columns, Axis):
        return reduce_windows(image, (rows, columns), operation, fill, dtype or image.dtype, finish, result)
    out = np.empty((rows.out, columns.out, image.shape[2]), result)
    step = max(1, band_values // (image.shape[1] * image.shape[2] * rows.s))
    for start in range(0, rows.out, step):
        outputs = slice(start, min(start + step, rows.out))
        seen, part = rows.part(outputs)
        between = _reduce_spans(image[seen], part, operation, dtype or image.dtype)
        cells = _reduce_spans(between.swapaxes(0, 1), columns, operation, between.dtype).swapaxes(0, 1)
        if finish is None:
            out[outputs] = cells
        else:
            finish(np.ascontiguousarray(cells), outputs, out[outputs])
    return out


def _identity(n: int) -> Axis:
    """Windows of one value each."""
    return Axis(n, 1, 1, 1, 0, 0, n)


def _reduce_spans(x: Array, spans: Axis | Spans, operation: np.ufunc, dtype: np.dtype[Any]) -> Array:
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


def neutral(operation: np.ufunc, dtype: np.dtype[Any]) -> Any:
    """The value of `dtype` that loses every maximum or minimum, or adds nothing."""
    if operation is np.add:
        return dtype.type(0)
    highest = operation is np.minimum
    if dtype.kind == "f":
        return dtype.type(np.inf if highest else -np.inf)
    return (
        dtype.type(highest) if dtype.kind == "b" else dtype.type(getattr(np.iinfo(dtype), "max" if highest else "min"))
    )


SUM_VALUES = 1 << 18  # of the picture, in float64: 2 MiB a copy
LARGEST_BAND = 1 << 21  # values: 16 MiB a copy
TILE = 1024  # columns, at least

Where = tuple[slice, slice]


def bands(shape: tuple[int, ...], axes: AnyAxes) -> Iterator[tuple[slice, slice, AnyAxes]]:
    """(output rows, the rows of an image of `shape` that they see, where their windows lie on these), downwards."""
    rows, columns = axes
    row_values, span = shape[1] * shape[2], min(rows.span, rows.n)
    step = max(1, (SUM_VALUES // row_values - span) // rows.s, 2 * span // rows.s)
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


def finite_range(values: Array) -> tuple[float, float]:
    """The smallest and the largest finite value; zeros where there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def overflowed(results: Array, image: Array, gain: float) -> bool:
    """Whether sums of the finite values of `image`, which `gain` bounds as a factor, may have left what results hold.

    The flags of the processor do not say it: they also rise from memory between windows, whatever it held before.
    """
    most = float(np.finfo(results.dtype).max)
    if image.dtype.kind != "f" and gain * full_range(image.dtype) <= most:
        return False
    if not results.size or (np.isfinite(results.max()) and np.isfinite(results.min())):
        return False
    largest = max(abs(value) for value in finite_range(image))
    return largest * gain > most


def rounded(values: Array, dtype: np.dtype[Any]) -> Array:
    """Float64 as `dtype`: integers rounded half up, held in range, NaN as 0."""
    return values.astype(dtype) if dtype.kind == "f" else to_integers(values, dtype)
