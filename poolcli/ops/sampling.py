"""Modes that take one pixel of a window: where the stride puts it, its centre, or one drawn by chance."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from poolcli.ops.arrays import Array
from poolcli.ops.geometry import AnyAxes
from poolcli.ops.reduce import Block, blocks, undefined


def taken_values(image: Array, axes: AnyAxes, *, valid: Array | None = None) -> Array:
    """The value of `image` (H x W x C) in every window of one value, `valid` or not."""
    rows, columns = axes
    return image[np.ix_(rows.starts(), columns.starts())]


# Stochastic pooling: one value of every window, drawn with a probability proportional to it. Zeiler & Fergus 2013.

Floats = NDArray[np.float64]

FEW_OUTPUTS = 64  # of a block: adding them tap by tap is slower than running along the taps


def stochastic_pool(image: Array, axes: AnyAxes, *, seed: int, valid: Array | None = None) -> Array:
    """One value of every window of `image` (H x W x C), drawn with a probability proportional to it.

    Negative values count as 0; where no value is above 0 all are as probable; infinity is drawn before any number,
    NaN gives NaN. A window without a value gives NaN (int: 0). The draw of an output depends on `seed` and the
    output's row, column and channel alone, so it is the same however the work is divided.
    """
    rows, columns = axes
    out = np.empty((rows.out, columns.out, image.shape[2]), image.dtype)
    share = 2.0 ** -(rows.most * columns.most).bit_length()  # sums of the largest floats stay finite
    for block in blocks(image, axes, valid=valid, bytes_per_output=64):
        out[block.where] = _drawn(block, draws(seed, block.where, image.shape[2]), share)
    return out


def _drawn(block: Block, draw: Floats, share: float) -> Array:
    """The first value at which the running sum of the weights passes the drawn share of the whole."""
    counts, width = block.counts(), block.values.shape[1]
    total = np.zeros(draw.shape)
    for weights in _weights(block, None, share):
        total = _running_sums(total, weights)[-1]
    uniform = total == 0
    whole = np.where(uniform, counts, total)
    target = np.minimum(draw * whole, np.nextafter(whole, 0))  # rounding must not lift it to the whole
    place, running = np.zeros(draw.shape, np.intp), np.zeros(draw.shape)
    for weights in _weights(block, uniform, share):
        sums = _running_sums(running, weights)
        place += np.count_nonzero(sums <= target, axis=0)
        running = sums[-1]
    place = np.minimum(place, width * block.values.shape[0] - 1)
    drawn = block.values[place // width, place % width, *np.ogrid[tuple(map(slice, draw.shape))]]
    empty = np.isnan(total) | (counts == 0)
    return np.where(empty, np.asarray(undefined(drawn), drawn.dtype), drawn)


def _running_sums(start: Floats, weights: Floats) -> Floats:
    """From the first to the last tap, in this order whatever the chunks are; in place of `weights`."""
    weights[0] += start
    if start.size < FEW_OUTPUTS:
        return np.add.accumulate(weights)
    for tap in range(1, len(weights)):
        weights[tap] += weights[tap - 1]
    return weights


def _weights(block: Block, uniform: Array | None, share: float) -> Iterator[Floats]:
    """The weights of taps after taps, times `share`; `uniform` says where all values are as probable."""
    infinite = _any_infinity(block) if block.values.dtype.kind == "f" else None
    for values, there in block.chunks(0):
        weights = np.maximum(values.astype(np.float64), 0) * share
        if infinite is not None:
            np.copyto(weights, np.isposinf(values), where=infinite & ~np.isnan(values))
        if uniform is not None:
            np.copyto(weights, there, where=uniform)
        yield weights


def _any_infinity(block: Block) -> Array | None:
    """Where an output's window holds infinity; None where none does."""
    infinite = [np.isposinf(values).any(axis=0) for values, _ in block.chunks(0)]
    where = np.logical_or.reduce(infinite)
    return where if where.any() else None


def draws(seed: int, where: tuple[slice, slice], channels: int) -> Floats:
    """A number from 0 up to but not 1 for every output `where`, of its row, column and channel and the seed alone.

    SplitMix64 (Steele, Lea & Flood 2014) in a chain: the number of channel c is number c of a generator seeded with
    number x of one seeded with number y of one seeded with `seed`, for row y and column x, all counted from 1.
    """
    rows, columns = (np.arange(part.start + 1, part.stop + 1, dtype=np.uint64) for part in where)
    of_rows = _split_mix(np.uint64(seed), rows)[:, np.newaxis]
    of_cells = _split_mix(of_rows, columns)[:, :, np.newaxis]
    numbers = _split_mix(of_cells, np.arange(1, channels + 1, dtype=np.uint64))
    return np.asarray((numbers >> np.uint64(11)) * 2.0**-53)


def _split_mix(seed: Array | np.uint64, k: Array) -> Array:
    """The k-th numbers of generators of these seeds."""
    state: Array = k * np.uint64(0x9E3779B97F4A7C15) + seed
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(state ^ (state >> np.uint64(31)))
