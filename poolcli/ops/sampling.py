"""Modes that sample: one pixel of every window, or every s-th pixel of a picture after a low-pass (anti-aliased)."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from math import inf

import numpy as np
from numpy.typing import NDArray

from poolcli.ops.arrays import Array
from poolcli.ops.convolve import correlate, edge_index, edge_value, padded_band, rows_at
from poolcli.ops.filters import binomial
from poolcli.ops.geometry import AnyAxes, Axes, Edge, Size
from poolcli.ops.means import sum_dtype
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


# BlurPool and MaxBlurPool: a binomial low-pass before the stride. Definition: Zhang 2019.
# The taps are (k - 1)-th binomial coefficients over their sum, a power of two, so integers are summed exactly and
# divided by a shift.

BAND_VALUES = 1 << 20  # of the picture


def blur_pool(image: Array, axes: Axes, *, edge: Edge, band_values: int = BAND_VALUES) -> Array:
    """The low-pass of `image` (H x W x C) at every s-th pixel from the first, in its dtype; integers rounded half up.

    Equal neighbourhoods give equal bits, wherever they lie.
    """
    beyond = edge_value(edge, image.dtype)
    edge = edge if isinstance(edge, str) else beyond.item()
    if image.dtype.kind == "b":
        return blur_pool(image.view(np.uint8), axes, edge=edge, band_values=band_values).view(np.bool_)
    rows, columns = axes
    out = np.empty((rows.out, columns.out, image.shape[2]), image.dtype)
    index = edge_index(rows.n, rows.before, rows.after, edge)
    step = max(1, band_values // (image.shape[1] * image.shape[2] * rows.s), rows.k)
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, rows.out, step):
            stop = min(start + step, rows.out)
            band = rows_at(image, index[start * rows.s : (stop - 1) * rows.s + rows.k], beyond)
            out[start:stop] = _blurred(band, axes, edge)
    return out


def _blurred(band: Array, axes: Axes, edge: Edge) -> Array:
    """The low-pass of whole rows; `band` holds what lies above and below already."""
    rows, columns = axes
    bits = rows.k + columns.k - 2  # the weights sum to 2 ** bits
    if band.dtype.kind == "f":
        return _weighted(band, axes, edge, np.result_type(band.dtype, np.float32), scaled=True)
    if band.dtype.itemsize < 8:
        sums = _weighted(band, axes, edge, sum_dtype(band.dtype, 1 << bits, 1 << bits))
        sums += (1 << bits) >> 1
        sums >>= bits
        return sums
    beyond = 0 if isinstance(edge, str) else int(edge)
    halves = (band >> 32, beyond >> 32), (band & 0xFFFFFFFF, beyond & 0xFFFFFFFF)
    high, low = (
        _weighted(part, axes, edge if isinstance(edge, str) else outside, band.dtype) for part, outside in halves
    )
    rest = high & ((1 << bits) - 1)
    result: Array = ((high >> bits) << 32) + (((rest << 32) + low + ((1 << bits) >> 1)) >> bits)
    return result


def _weighted(band: Array, axes: Axes, edge: Edge, dtype: np.dtype[np.generic], *, scaled: bool = False) -> Array:
    rows, columns = axes
    down, across = (np.array(binomial(k), np.float64) * (2.0 ** (1 - k) if scaled else 1) for k in (rows.k, columns.k))
    passes = down[:, np.newaxis], across[np.newaxis, :]
    return correlate(band, passes, (rows.s, columns.s), (0, 0, columns.before, columns.after), edge, dtype)


BLOCK_VALUES = 1 << 20  # float64 holds the sums of so many products of 32 bits, and of so many parts of 27
LIMB = 16  # bits of an integer that are multiplied at once
PART = 27  # bits of half a square's 54
LOWEST_EXPONENT = -1100  # of a float64, and some room


def energy(values: Array, *, block_values: int = BLOCK_VALUES) -> int | float:
    """The sum of squares: of integers as it is, of floats times a fixed power of two; infinity where not finite.

    A float's square is rounded to 53 bits, as a product of float64 is; the sum of these is exact.

    >>> energy(np.array([[-128, 3]], np.int8))
    16393
    >>> energy(np.array([0.5, 0.25])) == 5 * energy(np.array([0.25]))
    True
    """
    step = max(1, block_values * len(values) // values.size)
    of_block = _of_floats if values.dtype.kind == "f" else _of_integers
    return sum(of_block(values[start : start + step].ravel()) for start in range(0, len(values), step))


def _of_integers(values: Array) -> int:
    """Limbs of 16 bits, whose products float64 sums exactly."""
    sizes = np.abs(values.astype(np.int64)) if values.dtype.kind == "i" else values
    sizes = sizes.astype(np.uint64)  # the lowest int64 has no int64 of its size, but this one
    count = max(1, values.itemsize * 8 // LIMB)
    limbs = [((sizes >> np.uint64(LIMB * i)) & np.uint64(0xFFFF)).astype(np.float64) for i in range(count)]
    return sum(
        int(np.einsum("i,i->", a, b)) << (LIMB * (i + j)) for i, a in enumerate(limbs) for j, b in enumerate(limbs)
    )


def _of_floats(values: Array) -> int | float:
    """Mantissas squared, each added up with those of its exponent, as two halves."""
    mantissas, exponents = np.frexp(values.astype(np.float64))
    if not np.isfinite(mantissas).all():
        return inf
    squares = np.ldexp(mantissas * mantissas, 2 * PART)
    high = np.floor(np.ldexp(squares, -PART))
    low = squares - np.ldexp(high, PART)
    bins = exponents - LOWEST_EXPONENT
    sums = np.bincount(bins, high), np.bincount(bins, low)
    return sum(
        ((int(sums[0][place]) << PART) + int(sums[1][place])) << (2 * int(place)) for place in np.flatnonzero(sums[0])
    )


_phases: ContextVar[list[Size]] = ContextVar("where the grids of kept pixels begin, row and column, in this thread")


# Adaptive polyphase sampling: the picture decides where the grid of kept pixels begins. Chaman & Dokmanic 2021.
# A picture moved by a pixel has the same polyphase components in another order, so keeping the largest one keeps the
# same pixels: under `wrap`, on sizes divisible by the stride, the output only moves. For that the norms are exact.


def aps_pool(image: Array, axes: Axes, *, edge: Edge) -> Array:
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
def chosen_phases() -> Iterator[list[Size]]:
    """Within the block, in this thread: the phase that each layer chooses, (row, column), in the order of the layers.

    >>> from poolcli.recipe import as_recipe
    >>> with chosen_phases() as phases:
    ...     _ = as_recipe("aps:1/2")(np.array([[0, 0], [0, 9]]))
    >>> phases
    [(1, 1)]
    """
    phases: list[Size] = []
    token = _phases.set(phases)
    try:
        yield phases
    finally:
        _phases.reset(token)


def _continued(low: Array, axes: Axes, edge: Edge) -> Array:
    """`low` with rows below and columns to the right, so that all components have one size."""
    rows, columns = axes
    height, width = rows.out * rows.s, columns.out * columns.s
    if low.shape[:2] == (height, width):
        return low
    down, across = (edge_index(axis.n, 0, axis.out * axis.s - axis.n, edge) for axis in axes)
    out = np.empty((height, width, low.shape[2]), low.dtype)
    return padded_band(low, down, (0, across), out, edge_value(edge, low.dtype))
