"""Adaptive polyphase sampling: the picture decides where the grid of kept pixels begins. Chaman & Dokmanic 2021.

A picture moved by a pixel has the same polyphase components in another order, so keeping the largest one keeps the
same pixels: under `wrap`, on sizes divisible by the stride, the output only moves. For that the norms are exact.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace

import numpy as np

from poolcli.ops.arrays import Array
from poolcli.ops.blur import blur_pool
from poolcli.ops.edges import edge_index, padded_band
from poolcli.ops.energy import energy
from poolcli.ops.extremes import max_pool
from poolcli.ops.geometry import Axes, Pair

_phases: ContextVar[list[Pair]] = ContextVar("where the grids of kept pixels begin, row and column, in this thread")


def aps_pool(image: Array, axes: Axes, *, edge: str) -> Array:
    """The component of the low-passed `image` (H x W x C) with the largest l2 norm over all channels, in its dtype.

    Of equal norms the first in the order (0,0), (1,0), (0,1), (1,1) ... of (row, column). Sizes that the stride does
    not divide are continued by the edge's rule.
    """
    rows, columns = axes
    dense = replace(rows, s=1, out=rows.n), replace(columns, s=1, out=columns.n)
    low = _continued(blur_pool(image, dense, edge=edge), axes, edge)
    phases = [(i, j) for j in range(columns.s) for i in range(rows.s)]
    components = [low[i :: rows.s, j :: columns.s] for i, j in phases]
    if len(phases) == 1:
        return low
    energies = [energy(component) for component in components]
    best = energies.index(max(energies))
    if (noted := _phases.get(None)) is not None:
        noted.append(phases[best])
    return np.ascontiguousarray(components[best])


@contextmanager
def chosen_phases() -> Iterator[list[Pair]]:
    """Within the block, in this thread: the phase that each layer chooses, (row, column), in the order of the layers.

    >>> from poolcli.recipe import as_recipe
    >>> with chosen_phases() as phases:
    ...     _ = as_recipe("aps:1/2")(np.array([[0, 0], [0, 9]]))
    >>> phases
    [(1, 1)]
    """
    phases: list[Pair] = []
    token = _phases.set(phases)
    try:
        yield phases
    finally:
        _phases.reset(token)


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
