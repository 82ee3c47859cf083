"""What the windows see, a block of outputs at a time: for reductions that need all values of a window at once.

A block is small enough that its copies stay in the cache, whatever the sizes of the picture and of the window. Blocks
inside the picture are views of it; at the border (`there` says which) the taps are gathered one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from poolcli.ops.adaptive import AnyAxes, Spans
from poolcli.ops.arrays import Array
from poolcli.ops.geometry import Axis

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
