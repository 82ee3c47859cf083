"""Shift an array, run something on it, measure what changed. Knows no layer, only callables and arrays."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from itertools import repeat
from sys import float_info
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolcli.ops.arrays import Rows
from poolcli.ops.footprint import Footprint
from poolcli.shift.asked import Shift, Shifting
from poolcli.shift.compare import compare, value_range
from poolcli.shift.move import moved_rows, shifted_pair
from poolcli.shift.record import GIVEN, Aligned, ShiftRow, Side

Array = NDArray[Any]
SIDE = tuple(field.name for field in fields(Side))


Layers = Callable[[Array], Array]
RowLayers = Callable[[tuple[int, int], Rows], Array]  # the same for a picture of (height, width) given by its rows
Cells = slice | NDArray[np.intp]
Footprints = Callable[[int, int], tuple[Footprint, Footprint] | None]


def measure(
    image: Array,
    shifting: Shifting,
    *,
    head: Layers | None,
    tail: Layers,
    footprints: Footprints,
    still: tuple[Array, Array],
    by_rows: RowLayers | None = None,
    alike: Sequence[ShiftRow] | None = None,
) -> tuple[ShiftRow, ...]:
    """Shift `image` as `shifting` says and measure what `head`, then `tail`, leave of the change.

    `head` is what runs at full resolution before the first down-sampling, `footprints(height, width)` says where the
    outputs lie, or None where they lie on no regular grid. `still` is (head(image), the output). `by_rows` does what
    `tail` does, where there is no `head`: the moved picture is never held whole. `alike` are the rows of another `tail`
    after the same `head`, whose `raw` and `dense` are taken. Raises PictureError when `crop` leaves nothing.
    """
    edge = shifting.edge
    peak = value_range(image)
    rows = []
    for shift, like in zip(shifting.shifts, alike or repeat(None), strict=False):
        pair: tuple[Array, Array | Rows]
        if by_rows is None or edge == "crop":
            pair = shifted_pair(image, *shift, edge)
            moved = _run(pair[1], head, tail)
        else:
            pair = image, partial(moved_rows, image, *shift, edge)
            moved = image, by_rows(image.shape[:2], pair[1])
        if edge == "crop":
            still = _run(pair[0], head, tail)
        lattice = footprints(*pair[0].shape[:2])
        scale = shifting.tolerance, peak
        before = (like.raw, like.dense) if like else _before(pair, (still[0], moved[0]) if head else None, *scale)
        rows.append(_measured(before, (still[1], moved[1]), shift, edge, pair[0].shape, lattice, *scale))
    return tuple(rows)


def measure_pair(
    pair: tuple[Array, Array],
    *,
    head: Layers | None,
    tail: Layers,
    footprints: Footprints,
    tolerance: float = 0,
) -> ShiftRow:
    """As `measure`, for two given pictures of one shape and dtype, of which the second is not known to have moved."""
    (dense, pooled), (other_dense, other) = _run(pair[0], head, tail), _run(pair[1], head, tail)
    lattice, scale = footprints(*pair[0].shape[:2]), (tolerance, value_range(pair[0]))
    before = _before(pair, (dense, other_dense) if head else None, *scale)
    return _measured(before, (pooled, other), (0, 0), GIVEN, pair[0].shape, lattice, *scale)


def _before(
    pair: tuple[Array, Array | Rows], filtered: tuple[Array, Array] | None, tolerance: float, peak: float
) -> tuple[Side, Side | None]:
    """How much two pictures differ, and what a head made of them, if there is one."""
    return compare(*pair, tolerance, peak), compare(*filtered, tolerance, peak) if filtered else None


def _measured(
    before: tuple[Side, Side | None],
    outputs: tuple[Array, Array],
    shift: Shift,
    edge: str,
    shape: tuple[int, ...],
    lattice: tuple[Footprint, Footprint] | None,
    tolerance: float,
    peak: float,
) -> ShiftRow:
    """The row of two outputs, for pictures of `shape` of which `before` tells how much they differ."""
    after = compare(*outputs, tolerance, peak)
    aligned = _align(outputs, shift, edge, shape, lattice, tolerance, peak) if lattice else None
    return _row(shift, edge, *before, after, aligned)


def _run(image: Array, head: Layers | None, tail: Layers) -> tuple[Array, Array]:
    dense = head(image) if head else image
    return dense, tail(dense)


def _row(shift: Shift, edge: str, raw: Side, dense: Side | None, pooled: Side, aligned: Aligned | None) -> ShiftRow:
    absorbed = 1 - pooled.changed / raw.changed if raw.changed else None
    gain = raw.fraction / pooled.fraction if raw.changed and pooled.changed else None
    before = dense or raw
    residual = min(pooled.mae / before.mae, float_info.max) if before.mae else None
    return ShiftRow(*shift, edge, raw, dense, pooled, aligned, absorbed, gain, residual)


def _align(
    outputs: tuple[Array, Array],
    shift: Shift,
    edge: str,
    shape: tuple[int, ...],
    lattice: tuple[Footprint, Footprint],
    tolerance: float,
    peak: float,
) -> Aligned | None:
    """The least change over the output shifts that the input shift can have caused; None without an interior."""
    sizes = shape[:2]
    rows, columns = (_overlaps(seen, d, n, edge) for seen, d, n in zip(lattice, reversed(shift), sizes, strict=True))
    found = []
    for dy, still_rows, rows_moved in rows:
        for dx, still_columns, columns_moved in columns:
            still, moved = outputs[0][still_rows][:, still_columns], outputs[1][rows_moved][:, columns_moved]
            side = compare(still, moved, tolerance, peak)
            found.append(Aligned(**{name: getattr(side, name) for name in SIDE}, dx=dx, dy=dy))
    return min(found, key=lambda side: (side.mae, side.changed, abs(side.dx) + abs(side.dy)), default=None)


def _overlaps(seen: Footprint, d: int, n: int, edge: str) -> list[tuple[int, Cells, Cells]]:
    """(output shift, cells of the still output, cells of the moved output) for a shift by d on an axis of n."""
    if edge == "wrap" and seen.cyclic:
        cells = np.arange(seen.size)
        return [(o, cells, (cells + o) % seen.size) for o in seen.output_shifts(d)]
    first, last = seen.interior(0, n)
    moved_first, moved_last = seen.interior(max(0, d), n + min(0, d))
    found: list[tuple[int, Cells, Cells]] = []
    for o in seen.output_shifts(d):
        low, high = max(moved_first, first + o), min(moved_last, last + o)
        if low < high:
            found.append((o, slice(low - o, high - o), slice(low, high)))
    return found
