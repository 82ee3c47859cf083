"""Adaptive polyphase sampling: the picture decides where the grid of kept pixels begins. Chaman & Dokmanic 2021.

A picture moved by a pixel has the same polyphase components in another order, so keeping the largest one keeps the
same pixels: under `wrap`, on sizes divisible by the stride, the output only moves. For that the norms are exact.
"""

from dataclasses import replace

import numpy as np

from poolcli.ops.arrays import Array
from poolcli.ops.blur import blur_pool
from poolcli.ops.edges import edge_index, padded_band
from poolcli.ops.energy import energy
from poolcli.ops.extremes import max_pool
from poolcli.ops.geometry import Axes


def aps_pool(image: Array, axes: Axes, *, edge: str) -> Array:
    """The component of the low-passed `image` (H x W x C) with the largest l2 norm over all channels, in its dtype.

    Of equal norms the first in the order (0,0), (1,0), (0,1), (1,1) ... of (row, column). Sizes that the stride does
    not divide are continued by the edge's rule.
    """
    rows, columns = axes
    dense = replace(rows, s=1, out=rows.n), replace(columns, s=1, out=columns.n)
    low = _continued(blur_pool(image, dense, edge=edge), axes, edge)
    components = [low[i :: rows.s, j :: columns.s] for j in range(columns.s) for i in range(rows.s)]
    return np.ascontiguousarray(max(components, key=energy)) if len(components) > 1 else low


def max_aps_pool(image: Array, dense: Axes, axes: Axes, *, edge: str) -> Array:
    """The maximum at every pixel, then `aps_pool`."""
    return aps_pool(max_pool(image, dense), axes, edge=edge)


def _continued(low: Array, axes: Axes, edge: str) -> Array:
    """`low` with rows below and columns to the right, so that all components have one size."""
    rows, columns = axes
    height, width = rows.out * rows.s, columns.out * columns.s
    if low.shape[:2] == (height, width):
        return low
    down, across = (edge_index(axis.n, 0, axis.out * axis.s - axis.n, edge) for axis in axes)
    return padded_band(low, down, (0, across), np.empty((height, width, low.shape[2]), low.dtype))
