"""Stochastic pooling: one value of every window, drawn with a probability proportional to it. Zeiler & Fergus 2013."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from poolcli.ops.adaptive import AnyAxes
from poolcli.ops.arrays import Array
from poolcli.ops.blocks import Block, blocks, undefined

Floats = NDArray[np.float64]


def stochastic_pool(image: Array, axes: AnyAxes, *, seed: int) -> Array:
    """One value of every window of `image` (H x W x C), drawn with a probability proportional to it.

    Negative values count as 0; where no value is above 0 all are as probable; infinity is drawn before any number,
    NaN gives NaN. A window without a value gives NaN (int: 0). The draw of an output depends on `seed` and the
    output's row, column and channel alone, so it is the same however the work is divided.
    """
    rows, columns = axes
    shape = (rows.out, columns.out, image.shape[2])
    out = np.empty(shape, image.dtype)
    for block in blocks(image, axes, bytes_per_output=64):
        out[block.where] = _drawn(block, draws(seed, block.where, shape))
    return out


def _drawn(block: Block, draw: Floats) -> Array:
    with np.errstate(invalid="ignore", over="ignore"):
        total = np.zeros(draw.shape)
        for _, weights in _weights(block, None):
            total += weights
        uniform = total == 0
        target, running = draw * np.where(uniform, block.counts(), total), np.zeros(draw.shape)
        drawn = np.full(draw.shape, undefined(block.values), block.values.dtype)
        waiting = np.ones(draw.shape, np.bool_)
        for values, weights in _weights(block, uniform):
            running += weights
            np.copyto(drawn, values, where=waiting & (weights > 0))
            waiting &= ~(running > target)  # where rounding lets none pass the target: the last possible value
    if block.values.dtype.kind == "f":
        drawn[np.isnan(total)] = np.nan
    return drawn


def _weights(block: Block, uniform: Array | None) -> Iterator[tuple[Array, Floats]]:
    """(values, weights) of tap after tap; `uniform` says where all values are as probable."""
    share = 1.0 / (block.values.shape[0] * block.values.shape[1])  # sums of the largest floats stay finite
    is_float = block.values.dtype.kind == "f"
    infinite = _any_infinity(block) if is_float else None
    for values, there in block.planes():
        weights = np.maximum(values.astype(np.float64), 0) * share
        if infinite is not None:
            np.copyto(weights, np.isposinf(values), where=infinite & ~np.isnan(values))
        if uniform is not None:
            weights = np.where(uniform, 1.0, weights)
        yield values, weights if there is True else np.where(there, weights, 0.0)


def _any_infinity(block: Block) -> Array:
    found = np.isposinf(block.values)
    return np.asarray((found if block.there is None else found & block.there).any(axis=(0, 1)))


def draws(seed: int, where: tuple[slice, slice], shape: tuple[int, int, int]) -> Floats:
    """A number from 0 up to but not 1 for every output `where` of `shape`: SplitMix64 (Steele, Lea & Flood 2014).

    The k-th number of a generator seeded with `seed`, where k counts the outputs row by row.
    """
    rows, columns = (np.arange(part.start, part.stop, dtype=np.uint64) for part in where)
    cells = rows[:, np.newaxis] * np.uint64(shape[1]) + columns
    counter = cells[:, :, np.newaxis] * np.uint64(shape[2]) + np.arange(1, shape[2] + 1, dtype=np.uint64)
    state: Array = counter * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return np.asarray((state >> np.uint64(11)) * 2.0**-53)
