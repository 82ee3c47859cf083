"""Order statistics of windows: max and min with their indices, quantiles by networks, by counting or by sorting."""

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

import numpy as np

from poolcli.ops.arrays import Array
from poolcli.ops.geometry import AnyAxes, Axis, Spans
from poolcli.ops.ignored import values_of_windows, window_counts
from poolcli.ops.reduce import Block, bands, blocks, neutral, reduce_any, side_by_side, taps_of, undefined
from poolcli.records import dataclass

# Max and min pooling. Definitions: PyTorch MaxPool2d, ONNX MaxPool; the padding never wins, NaN always does.


def max_pool(image: Array, axes: AnyAxes, *, valid: Array | None = None) -> Array:
    """The largest (`valid`) value of every window of `image` (H x W x C), in its dtype."""
    return reduce_any(image, axes, np.maximum, valid=valid)


def min_pool(image: Array, axes: AnyAxes, *, valid: Array | None = None) -> Array:
    """The smallest (`valid`) value of every window of `image` (H x W x C), in its dtype."""
    return reduce_any(image, axes, np.minimum, valid=valid)


# Where the maximum of every window lies, as PyTorch's MaxPool2d(return_indices=True) gives it.


def max_indices(image: Array, axes: AnyAxes, valid: Array | None = None) -> Array:
    """Flat index row * W + column (int64) of the first maximum of every window of `image` (H x W x C), or the last NaN.

    A window without a value gets its first row and column that are not negative, perhaps no pixel at all.
    """
    rows, columns = axes
    width = image.shape[1]
    corner = np.add.outer(_first_positions(rows) * width, _first_positions(columns))[:, :, np.newaxis]
    out = np.empty((rows.out, columns.out, image.shape[2]), np.int64)
    for block in blocks(image, axes, valid=valid, bytes_per_output=32):
        down, across = (taps_of(axis, part)[0] for axis, part in zip(axes, block.where, strict=True))
        index = np.broadcast_to(corner[block.where], out[block.where].shape).copy()
        best = np.zeros(index.shape, image.dtype)
        empty = np.ones(index.shape, np.bool_)
        for tap, (values, there) in enumerate(block.planes()):
            row, column = divmod(tap, len(across))
            better = (empty | (values > best) | np.not_equal(values, values)) & there
            np.copyto(best, values, where=better)
            np.copyto(index, np.add.outer(down[row] * width, across[column])[:, :, np.newaxis], where=better)
            empty &= ~better
        out[block.where] = index
    return out


def _first_positions(axis: Axis | Spans) -> Array:
    starts = np.array(axis.starts())
    step = axis.d if isinstance(axis, Axis) else 1
    return np.where(starts < 0, starts % step, starts)


# Sorting without branches: a fixed list of (smaller, larger) exchanges, run on whole planes of values at once.
# For windows of up to some dozens of values this is the fastest way by far: every exchange is one vectorised minimum
# and one maximum. 3x3 median at every pixel of 12 megapixels: 0.03 s a channel, 0.5 s with a partition of every
# window.

LARGEST_NETWORK = 64  # values of a window; above it a partition of every window is as fast

Exchange = tuple[int, int, bool, bool]  # positions a < b, whether the smaller and the larger one is needed


@lru_cache(maxsize=64)
def network(n: int, ranks: tuple[int, ...]) -> tuple[Exchange, ...]:
    """The exchanges that put the values `ranks` of `n` into their sorted places: Batcher's odd-even merge sort 1968,
    without what those places do not depend on.

    >>> network(3, (1,))
    ((0, 1, True, True), (0, 2, False, True), (1, 2, True, False))
    """
    needed = set(ranks)
    exchanges: list[Exchange] = []
    for a, b in reversed(_merge_sort(n)):
        low, high = a in needed, b in needed
        if low or high:
            exchanges.append((a, b, low, high))
            needed |= {a, b}
    return tuple(reversed(exchanges))


def _merge_sort(n: int) -> list[tuple[int, int]]:
    exchanges = []
    p = 1
    while p < n:
        k = p
        while k:
            for j in range(k % p, n - k, 2 * k):
                for i in range(j, min(j + k, n - k)):
                    if i // (2 * p) == (i + k) // (2 * p):
                        exchanges.append((i, i + k))
            k //= 2
        p *= 2
    return exchanges


def select(values: Array, ranks: tuple[int, ...]) -> list[Array]:
    """The values that stand at the places `ranks` when `values` (n x ...) is sorted along its first axis.

    `values` is overwritten. A NaN among floats comes out at every place.
    """
    planes = list(values)
    spare = np.empty_like(planes[0])
    for a, b, low, high in network(len(planes), ranks):
        if low and high:
            np.minimum(planes[a], planes[b], out=spare)
            np.maximum(planes[a], planes[b], out=planes[b])
            planes[a], spare = spare, planes[a]
        else:
            target = a if low else b
            (np.minimum if low else np.maximum)(planes[a], planes[b], out=planes[target])
    return [planes[place] for place in ranks]


# Order among few values by counting: how often each value stands in every window is a sum, and sums are fast.
# What it costs grows with the number of different values and not with the window, which is what sorting does.

MOST_LEVELS = 256
SAMPLE = 61  # every so manieth value is read first


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
    for level in levels:
        hits = band <= level if or_smaller else band == level
        if valid is not None:
            hits &= valid
        yield level, window_counts(hits, axes)


# Median pooling. Definition: numpy.median; integers exactly, the mean of the middle two rounded half up.

PARTITION_COST = 0.7  # of a value of a window, in passes over a value of the picture (2.5 ns against 3.5)


@dataclass(frozen=True, slots=True)
class Rank:
    """Which two of n sorted values an output lies between, and what it is there: the median."""

    def places(self, n: Array) -> tuple[Array, Array]:
        """The places (from 0) of the values below and above, of n values each; the same where it is one of them."""
        return (n - 1) // 2, n // 2

    def between(self, below: Array, above: Array, n: Array) -> Array:
        """The output from the values at these places: their mean."""
        if below.dtype.kind != "f":  # rounded half up, which cannot overflow so
            return np.asarray((below | above) - ((below ^ above) >> 1))
        wide = np.promote_types(below.dtype, np.float32) if below.dtype == np.float16 else np.dtype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            mean: Array = (below.astype(wide) + above) / 2
            if not np.isfinite(mean).all():  # float64 has no room for the sum
                mean = np.where(np.isfinite(mean), mean, below / 2 + above / 2)
            return np.where(below == above, below, mean.astype(below.dtype))


@dataclass(frozen=True, slots=True)
class Quantile(Rank):
    """The value at the share `q` of the way from the smallest to the largest, linear between neighbours.

    `exact`: interpolate integers with q as a fraction; floats follow numpy.quantile.
    """

    exact: bool
    q: float

    def places(self, n: Array) -> tuple[Array, Array]:
        """As of any rank."""
        below, rest = self._split(n)
        return below, below + (rest > 0)

    def _split(self, n: Array) -> tuple[Array, Array]:
        """(q * (n - 1) rounded down, what that leaves): of integers in parts of the denominator of q as a decimal."""
        last = np.maximum(np.asarray(n, np.int64) - 1, 0)
        if not self.exact:  # as numpy.quantile, to the last bit
            place = last * self.q
            return np.floor(place).astype(np.int64), place - np.floor(place)
        share = Fraction(repr(self.q))
        different, of_each = np.unique(last, return_inverse=True)
        parts = [divmod(share.numerator * each, share.denominator) for each in different.tolist()]
        below, rest = (np.array(part)[of_each].reshape(last.shape) for part in zip(*parts, strict=True))
        return below, rest

    def between(self, below: Array, above: Array, n: Array) -> Array:
        """As of any rank; integers are rounded half up."""
        rest = self._split(n)[1]
        if self.exact:
            return self._between_integers(below, above, rest)
        low, high = below.astype(np.float64), above.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            gap = high - low
            value = np.where(rest >= 0.5, high - gap * (1 - rest), low + gap * rest)
            value = np.where(np.isfinite(gap), value, low * (1 - rest) + high * rest)
            value = np.where(low == high, low, value)  # of equal infinities, too
            return np.asarray(value.astype(below.dtype))

    def _between_integers(self, below: Array, above: Array, rest: Array) -> Array:
        """below + (above - below) * rest / denominator, which wraps around and back where the gap leaves the dtype."""
        parts = Fraction(repr(self.q)).denominator
        gap = above.astype(np.uint64) - below.astype(np.uint64)
        if parts * (2 * int(gap.max(initial=0)) + 1) >= 1 << 64:
            steps = (gap.astype(object) * rest * 2 + parts) // (2 * parts)
            return np.asarray((below.astype(object) + steps).astype(below.dtype))
        steps = (gap * rest.astype(np.uint64) * np.uint64(2) + np.uint64(parts)) // np.uint64(2 * parts)
        return (below.astype(np.uint64) + steps).astype(below.dtype)


def median_pool(image: Array, axes: AnyAxes, *, valid: Array | None = None) -> Array:
    """The median of every window of `image` (H x W x C), in its dtype; NaN where there is one, or no value (int: 0)."""
    return _rank_pool(image, axes, valid, Rank())


def quantile_pool(image: Array, axes: AnyAxes, *, q: float, valid: Array | None = None) -> Array:
    """The quantile `q` (0 to 1) of every window of `image` (H x W x C), in its dtype, linear between neighbours.

    Integers are interpolated exactly, with q as the decimal that it is written as, and rounded half up. NaN where there
    is one, or no value (int: 0). Source: numpy.quantile.
    """
    return _rank_pool(image, axes, valid, Quantile(image.dtype.kind != "f", q))


def _rank_pool(image: Array, axes: AnyAxes, valid: Array | None, rank: Rank) -> Array:
    if image.dtype.kind == "b":
        return _rank_pool(image.view(np.uint8), axes, valid, rank).view(np.bool_)
    rows, columns = axes
    if rows.most * columns.most <= LARGEST_NETWORK:
        return _by_sorting(image, axes, valid, rank)
    out = np.empty((rows.out, columns.out, image.shape[2]), image.dtype)
    for outputs, seen, part in bands(image.shape, axes):
        band, there = image[seen], None if valid is None else valid[seen]
        levels = worthwhile_levels(band, part, PARTITION_COST)
        if levels is None:
            out[outputs] = _by_sorting(band, part, there, rank)
        else:
            out[outputs] = _by_counting(band, part, there, levels, rank)
    return out


def _by_counting(band: Array, axes: AnyAxes, valid: Array | None, levels: Array, rank: Rank) -> Array:
    """The levels below which just not as many values lie as the places say."""
    n = (values_of_windows(axes) if valid is None else window_counts(valid, axes)).astype(np.int64)
    below, above = rank.places(n)
    places = np.zeros((2, axes[0].out, axes[1].out, band.shape[2]), np.intp)
    for _, smaller in counts(band, axes, valid, levels, or_smaller=True):
        places[0] += smaller <= below
        places[1] += smaller <= above
    last = len(levels) - 1
    value = rank.between(levels[np.minimum(places[0], last)], levels[np.minimum(places[1], last)], n)
    return np.where(n > 0, value, undefined(band)).astype(band.dtype)


def _by_sorting(image: Array, axes: AnyAxes, valid: Array | None, rank: Rank) -> Array:
    rows, columns = axes
    out = np.empty((rows.out, columns.out, image.shape[2]), image.dtype)
    for block in blocks(image, axes, valid=valid, bytes_per_output=rows.most * columns.most * image.itemsize):
        ranked = _ranked_inside if block.there is None else _ranked_at_border
        out[block.where] = ranked(block, rank)
    return out


def _ranked_inside(block: Block, rank: Rank) -> Array:
    planes = block.filled(0)
    n = np.asarray(len(planes))
    places = tuple(dict.fromkeys(int(place) for place in rank.places(n)))
    if n <= LARGEST_NETWORK:
        neighbours = select(planes, places)
        return neighbours[0] if len(neighbours) == 1 else rank.between(neighbours[0], neighbours[1], n)
    values = side_by_side(planes)
    values.partition(places, axis=-1)
    neighbours = [values[..., place] for place in places]
    value = np.array(neighbours[0]) if len(neighbours) == 1 else rank.between(neighbours[0], neighbours[1], n)
    if values.dtype.kind == "f":
        value[np.isnan(values).any(axis=-1)] = np.nan
    return value


def _ranked_at_border(block: Block, rank: Rank) -> Array:
    """Padding sorts behind everything; how many values there are differs from window to window."""
    is_float = block.values.dtype.kind == "f"
    values = np.sort(block.filled(np.nan if is_float else neutral(np.minimum, block.values.dtype)), axis=0)
    there = np.broadcast_to(block.counts(), values.shape[1:])

    def at(place: Array) -> Array:
        taken: Array = np.take_along_axis(values, np.maximum(place, 0)[np.newaxis], axis=0)[0]
        return taken

    below, above = rank.places(there)
    value = np.array(rank.between(at(below), at(above), there))
    if is_float:
        value[np.isnan(at(there - 1))] = np.nan
    value[there == 0] = undefined(values)
    return value
