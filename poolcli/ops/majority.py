"""Majority (mode) pooling, for masks and label maps: the most frequent pixel of every window.

The channels of a pixel become one unsigned number, which is its label; numbers have the order of the pixels, whose
first channel is compared first. So no output colour is in none of the inputs, and colours cost as much as numbers.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from poolcli.ops.arrays import Array
from poolcli.ops.geometry import AnyAxes
from poolcli.ops.ignored import window_counts
from poolcli.ops.order import LARGEST_NETWORK, counts, select, worthwhile_levels
from poolcli.ops.reduce import bands, blocks, neutral, reduce_any, side_by_side, tiles, undefined

SORT_COST = 3  # of a value of a window, in passes over a value of the picture (12 ns against 4)
FEW_LEVELS = 6  # where sorting costs no more than counting so few labels, they are not listed first

Votes = tuple[Array, Array]  # the label that won every window, and how many values of the window it has


def majority_pool(
    image: Array,
    axes: AnyAxes,
    *,
    per_channel: bool = False,
    ties: str = "smallest",
    alpha: bool = False,
    valid: Array | None = None,
) -> Array:
    """The most frequent (`valid`) pixel of every window of `image` (H x W x C), in its dtype; padding does not vote.

    `ties` go to the `smallest` or the `largest` pixel, channels compared in their order, or to the `first` in the
    window, row by row. `per_channel` votes on every channel by itself. With `alpha` the last channel is alpha, and all
    pixels of alpha 0 are one label, written as the smallest of them. All NaN are one value, above every number. `valid`
    is H x W x C, or x 1 for whole pixels. A window without a value gives NaN (integers: 0).
    """
    out = np.empty((axes[0].out, axes[1].out, image.shape[2]), image.dtype)
    whole = not per_channel and image.shape[2] > 1
    copies = whole or image.dtype.kind not in "bu"
    for outputs, seen, part in bands(image.shape, axes) if copies else [(slice(None), slice(None), axes)]:
        band, there = image[seen], None if valid is None else valid[seen]
        labels, pixels_of = _pixel_labels(band) if whole else _labels(band)
        if whole and alpha:
            winners, most = _vote_transparent(labels, band[:, :, -1:] == 0, part, ties, there)
        else:
            winners, most = _vote(labels, part, ties, there)
        out[outputs] = pixels_of(winners)
        if not most.all():
            np.copyto(out[outputs], np.asarray(undefined(image), image.dtype), where=most == 0)
            if whole and alpha and there is not None:  # alpha is not ignored: it is that of most pixels
                np.copyto(out[outputs][:, :, -1:], majority_pool(band[:, :, -1:], part, ties=ties), where=most == 0)
    return out


def _labels(values: Array) -> tuple[Array, Callable[[Array], Array]]:
    """Unsigned numbers of one size with `values` and in their order, and what makes values of them again."""
    dtype, sign = values.dtype, 1 << (8 * values.itemsize - 1)
    unsigned = np.dtype(f"u{dtype.itemsize}")
    if dtype.kind in "bu":
        return values.view(unsigned), lambda labels: labels.view(dtype)
    if dtype.kind == "i":
        return values.view(unsigned) ^ unsigned.type(sign), lambda labels: (labels ^ unsigned.type(sign)).view(dtype)
    numbers = np.where(np.isnan(values), dtype.type(np.nan), values + dtype.type(0)).view(unsigned)  # -0.0 is 0.0
    labels = np.where(numbers >= sign, ~numbers, numbers | unsigned.type(sign))
    return labels, lambda labels: np.where(labels >= sign, labels ^ unsigned.type(sign), ~labels).view(dtype)


def _pixel_labels(pixels: Array) -> tuple[Array, Callable[[Array], Array]]:
    """The same for whole pixels: rows x columns x C as rows x columns x 1."""
    parts, values_of = _labels(pixels)
    channels, bits = pixels.shape[2], 8 * parts.itemsize
    if channels * bits > 64:
        return _ranks(pixels, parts)
    wide = unsigned_of(channels * bits)
    labels = parts[:, :, :1].astype(wide)
    for channel in range(1, channels):
        labels <<= wide.type(bits)
        labels |= parts[:, :, channel : channel + 1]

    def pixels_of(labels: Array) -> Array:
        shifts = np.arange(channels - 1, -1, -1).astype(wide) * wide.type(bits)
        return values_of((labels >> shifts).astype(parts.dtype))

    return labels, pixels_of


def _ranks(pixels: Array, parts: Array) -> tuple[Array, Callable[[Array], Array]]:
    """The same for pixels of more than 64 bits: their places among those that are there."""
    ranks = np.zeros(parts.shape[0] * parts.shape[1], np.int64)
    examples = ranks
    for channel in range(parts.shape[2]):
        values, places = np.unique(parts[:, :, channel], return_inverse=True)
        _, examples, ranks = np.unique(ranks * values.size + places.reshape(-1), return_index=True, return_inverse=True)
    flat = pixels.reshape(-1, pixels.shape[2])
    labels = ranks.astype(np.uint32).reshape(*parts.shape[:2], 1)
    return labels, lambda labels: flat[examples[np.minimum(labels[:, :, 0], examples.size - 1)]]


def unsigned_of(bits: int) -> np.dtype[Any]:
    """The smallest unsigned type of so many bits, at most 64."""
    return np.dtype(f"u{next(size for size in (1, 2, 4, 8) if bits <= 8 * size)}")


def _vote_transparent(labels: Array, clear: Array, axes: AnyAxes, ties: str, valid: Array | None) -> Votes:
    """A vote in which all pixels of alpha 0 (`clear`) have one label, the smallest of those in the window."""
    clear = clear if valid is None else clear & valid
    of_clear = labels[clear]
    if of_clear.size == 0 or (of_clear == of_clear[0]).all():
        return _vote(labels, axes, ties, valid)
    smallest = reduce_any(labels, axes, np.minimum, valid=clear)
    if ties == "first":
        one = of_clear.min()
        winners, most = _vote(np.where(clear, one, labels), axes, ties, valid)
        return np.where(winners == one, smallest, winners), most
    winners, most = _vote(labels, axes, ties, ~clear if valid is None else valid & ~clear)
    votes = window_counts(clear, axes)
    wins_ties = smallest < winners if ties == "smallest" else smallest > winners
    wins = (votes > most) | ((votes == most) & wins_ties)
    return np.where(wins, smallest, winners), np.maximum(votes, most)


def _vote(labels: Array, axes: AnyAxes, ties: str, valid: Array | None) -> Votes:
    """The label (of rows x columns x C unsigned ones) with the most votes in every window.

    By sorting where windows are small or hardly overlap; others in tiles, where labels are few, by the cheaper way.
    """
    rows, columns = axes
    if ties == "first" and labels.itemsize == 8:  # no room for places in the window
        values, places = np.unique(labels, return_inverse=True)
        winners, most = _vote(places.reshape(labels.shape).astype(np.uint32), axes, ties, valid)
        return values[np.minimum(winners, values.size - 1)], most
    seen = rows.out * columns.out * rows.most * columns.most / (labels.shape[0] * labels.shape[1])
    if rows.most * columns.most <= LARGEST_NETWORK or SORT_COST * seen <= FEW_LEVELS:
        return _by_sorting(labels, axes, ties, valid)
    shape = rows.out, columns.out, labels.shape[2]
    winners, most = np.empty(shape, labels.dtype), np.empty(shape, np.uint32)
    for outputs, seen, part in tiles(labels.shape, axes):
        tile, there = labels[seen], None if valid is None else valid[seen]
        levels = worthwhile_levels(tile, part, SORT_COST, most=None)
        if levels is None:
            winners[outputs], most[outputs] = _by_sorting(tile, part, ties, there)
        else:
            winners[outputs], most[outputs] = _by_counting(tile, part, ties, there, levels)
    return winners, most


def _by_counting(tile: Array, axes: AnyAxes, ties: str, valid: Array | None, levels: Array) -> Votes:
    shape = axes[0].out, axes[1].out, tile.shape[2]
    winners, most = np.zeros(shape, tile.dtype), np.zeros(shape, np.uint32)
    place = np.arange(tile.shape[0] * tile.shape[1], dtype=np.uint32).reshape(*tile.shape[:2], 1)
    first = np.full(shape, np.uint32(place.size))
    for level, votes in counts(tile, axes, valid, levels, or_smaller=False):
        if ties == "smallest":
            wins = votes > most
        elif ties == "largest":
            wins = (votes >= most) & (votes > 0)
        else:
            hits = tile == level if valid is None else (tile == level) & valid
            places = reduce_any(np.broadcast_to(place, tile.shape), axes, np.minimum, valid=hits)
            wins = (votes > most) | ((votes == most) & (places < first))
            np.copyto(first, places, where=wins)
        np.copyto(winners, level, where=wins)
        np.copyto(most, votes, where=wins)
    return winners, most


def _by_sorting(labels: Array, axes: AnyAxes, ties: str, valid: Array | None) -> Votes:
    """Equal labels side by side; for `first`, with their places in the window behind them in the same number."""
    rows, columns = axes
    n = rows.most * columns.most
    bits = (n - 1).bit_length() if ties == "first" else 0
    wide = unsigned_of(8 * labels.itemsize + bits)
    shape = rows.out, columns.out, labels.shape[2]
    winners, most = np.empty(shape, labels.dtype), np.empty(shape, np.uint32)
    for block in blocks(labels, axes, valid=valid, bytes_per_output=n * wide.itemsize):
        last = neutral(np.minimum, labels.dtype)  # sorts behind what is there
        values, there = block.filled(last), block.counts()
        if bits:
            values = values.astype(wide) << wide.type(bits)
            values |= np.arange(len(values), dtype=wide).reshape(-1, 1, 1, 1)
            if block.there is not None:  # behind a label as high as the fill is, too, wherever that stands
                behind = (wide.type(last) << wide.type(bits)) | wide.type((1 << bits) - 1)
                np.copyto(values, behind, where=~block.there.reshape(-1, *block.there.shape[2:]))
        if n <= LARGEST_NETWORK:
            winner, votes = _vote_of_planes(values, there, ties, bits)
        else:
            winner, votes = _longest_run(np.sort(side_by_side(values), axis=-1), there, ties, bits)
        winners[block.where], most[block.where] = winner >> wide.type(bits), np.where(there > 0, votes, 0)
    return winners, most


def _vote_of_planes(values: Array, there: Array, ties: str, bits: int) -> Votes:
    """What `_longest_run_of_planes` gives for values in any order, taps x rows x columns x C.

    Windows of one label alone, which masks of areas consist of, are known by their ends, and not sorted: half the time.
    """
    places = tuple(range(len(values)))
    if there.min() < len(values):  # some taps lie on padding or are ignored
        return _longest_run_of_planes(select(values, places), there, ties, bits)
    low, high = values.min(axis=0), values.max(axis=0)
    mixed = np.flatnonzero((low ^ high) >= low.dtype.type(1 << bits))
    if mixed.size > low.size // 2:
        return _longest_run_of_planes(select(values, places), there, ties, bits)
    votes = np.full(low.shape, len(values), np.uint16)
    if mixed.size:
        part = values.reshape(len(values), -1)[:, mixed]
        winner, most = _longest_run_of_planes(select(part, places), np.full(1, len(values)), ties, bits)
        np.put(low, mixed, winner)
        np.put(votes, mixed, most)
    return low, votes


def _longest_run_of_planes(ordered: list[Array], there: Array, ties: str, bits: int) -> Votes:
    """What begins the longest run of one label among the first `there` of `ordered`, and its length."""
    best = begin = np.array(ordered[0])
    run = np.ones(best.shape, np.uint16)
    most = run.copy()
    best = best.copy()
    shift, place_bits = best.dtype.type(bits), best.dtype.type((1 << bits) - 1)
    for place in range(1, len(ordered)):
        value, before = ordered[place], ordered[place - 1]
        same = value >> shift == before >> shift if bits else value == before
        run *= same
        run += 1
        begin = np.where(same, begin, value) if bits else value
        if ties == "largest":
            longer = run >= most
        else:
            longer = run > most
            if bits:
                longer |= (run == most) & (begin & place_bits < best & place_bits)
        longer &= place < there
        np.copyto(best, begin, where=longer)
        np.copyto(most, run, where=longer)
    return best, most


def _longest_run(ordered: Array, there: Array, ties: str, bits: int) -> Votes:
    """The same for windows whose values lie side by side: rows x columns x C x n."""
    n, shape = ordered.shape[-1], ordered.shape[:-1]
    labels = ordered >> ordered.dtype.type(bits) if bits else ordered
    begins = np.ones(ordered.shape, np.bool_)
    np.not_equal(labels[..., 1:], labels[..., :-1], out=begins[..., 1:])
    starts = np.flatnonzero(begins)
    window = starts // n
    ends = window * n + np.broadcast_to(there, shape).reshape(-1)[window]  # of what is there
    lengths = np.minimum(np.append(starts[1:], ordered.size), ends) - starts
    most = np.maximum.reduceat(lengths, np.flatnonzero(starts % n == 0))
    longest = np.flatnonzero(lengths == most[window])
    values = ordered.reshape(-1)[starts[longest]]
    if ties == "largest":
        longest, values = longest[::-1], values[::-1]
    elif bits:
        by_place = np.lexsort((values & values.dtype.type((1 << bits) - 1), window[longest]))
        longest, values = longest[by_place], values[by_place]
    _, chosen = np.unique(window[longest], return_index=True)
    return values[chosen].reshape(shape), most.reshape(shape)
