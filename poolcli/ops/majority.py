"""Majority (mode) pooling, for masks and label maps: the most frequent value of every window, ties to the smallest."""

import numpy as np

from poolcli.ops.adaptive import AnyAxes
from poolcli.ops.arrays import Array, highest
from poolcli.ops.blocks import Block, blocks, undefined
from poolcli.ops.networks import select

LARGEST_NETWORK = 64  # values of a window


def majority_pool(image: Array, axes: AnyAxes) -> Array:
    """The most frequent value of every window of `image` (H x W x C), in its dtype; ties to the smallest.

    The padding does not vote; all NaN are one value, above every number. A window without a value gives NaN (int: 0).
    """
    if image.dtype.kind == "b":
        return majority_pool(image.view(np.uint8), axes).view(np.bool_)
    rows, columns = axes
    out = np.empty((rows.out, columns.out, image.shape[2]), image.dtype)
    for block in blocks(image, axes, bytes_per_output=rows.k * columns.k * image.itemsize):
        out[block.where] = _longest_run(_sorted(block), block.counts(), undefined(image))
    return out


def _sorted(block: Block) -> Array | list[Array]:
    """The values of every window in order, padding behind them."""
    is_float = block.values.dtype.kind == "f"
    values = block.filled(np.nan if is_float else highest(block.values.dtype))
    if len(values) <= LARGEST_NETWORK and not (is_float and np.isnan(values).any()):
        return select(values, tuple(range(len(values))))
    values.sort(axis=0)
    return values


def _longest_run(ordered: Array | list[Array], counts: Array, nothing: float) -> Array:
    """The value that stands most often in a row among the first `counts` of `ordered`, the first such value."""
    best = np.array(ordered[0])
    run = np.ones(best.shape, np.int32)
    most = run.copy()
    for place in range(1, len(ordered)):
        value, previous = ordered[place], ordered[place - 1]
        same = value == previous
        if best.dtype.kind == "f":
            same |= np.isnan(value) & np.isnan(previous)
        run *= same
        run += 1
        longer = (run > most) & (place < counts)
        np.copyto(best, value, where=longer)
        np.copyto(most, run, where=longer)
    return np.where(counts > 0, best, np.asarray(nothing, best.dtype))
