"""Order among few values by counting: how often each value stands in every window is a sum, and sums are fast.

What it costs grows with the number of different values and not with the window, which is what sorting does.
"""

from collections.abc import Iterator

import numpy as np

from poolcli.ops.adaptive import AnyAxes
from poolcli.ops.arrays import Array
from poolcli.ops.uneven import reduce_any

MOST_LEVELS = 256
SAMPLE = 61  # every so manieth value is looked at first


def worthwhile_levels(band: Array, axes: AnyAxes, sort_cost: float, *, most: int | None = MOST_LEVELS) -> Array | None:
    """The different values of `band` in order, where counting each is cheaper than `sort_cost` a value of every window.

    Costs are in passes over a value of the picture. None where it is not, of more than `most`, and for floats.
    """
    rows, columns = axes
    sorting = sort_cost * rows.out * columns.out * rows.most * columns.most / (band.shape[0] * band.shape[1])
    limit = sorting if most is None else min(most, sorting)
    if band.dtype.kind == "f" or np.unique(band.reshape(-1)[::SAMPLE]).size > limit:
        return None
    levels = np.unique(band)
    return levels if levels.size <= limit else None


def counts(
    band: Array, axes: AnyAxes, valid: Array | None, levels: Array, *, or_smaller: bool
) -> Iterator[tuple[Array, Array]]:
    """(level, how many `valid` values of every window are it, or are it or smaller) for every level."""
    rows, columns = axes
    dtype = np.uint16 if rows.most * columns.most < 1 << 16 else np.uint32
    for level in levels:
        hits = band <= level if or_smaller else band == level
        if valid is not None:
            hits &= valid
        yield level, reduce_any(hits.astype(dtype), axes, np.add, fill=0)
