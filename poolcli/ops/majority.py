"""Majority (mode) pooling, for masks and label maps: the most frequent value of every window, ties to the smallest."""

import numpy as np

from poolcli.ops.adaptive import AnyAxes
from poolcli.ops.arrays import Array, highest
from poolcli.ops.blocks import blocks, side_by_side, undefined
from poolcli.ops.levels import by_cheaper, counts
from poolcli.ops.networks import LARGEST_NETWORK, select

SORT_COST = 3  # of a value of a window, in passes over a value of the picture (12 ns against 4)


def majority_pool(image: Array, axes: AnyAxes, *, valid: Array | None = None) -> Array:
    """The most frequent value of every window of `image` (H x W x C), in its dtype; ties to the smallest.

    The padding does not vote; all NaN are one value, above every number. A window without a value gives NaN (int: 0).
    """
    if image.dtype.kind == "b":
        return majority_pool(image.view(np.uint8), axes, valid=valid).view(np.bool_)
    return by_cheaper(image, axes, SORT_COST, _by_sorting, _by_counting, valid)


def _by_counting(band: Array, axes: AnyAxes, valid: Array | None, levels: Array) -> Array:
    best = np.full((axes[0].out, axes[1].out, band.shape[2]), undefined(band), band.dtype)
    most = np.zeros(best.shape, np.uint32)
    for level, votes in counts(band, axes, valid, levels, or_smaller=False):
        more = votes > most
        np.copyto(best, level, where=more)
        np.copyto(most, votes, where=more)
    return best


def _by_sorting(image: Array, axes: AnyAxes, valid: Array | None) -> Array:
    rows, columns = axes
    n, is_float = rows.k * columns.k, image.dtype.kind == "f"
    out = np.empty((rows.out, columns.out, image.shape[2]), image.dtype)
    for block in blocks(image, axes, valid=valid, bytes_per_output=n * image.itemsize):
        values = block.filled(np.nan if is_float else highest(image.dtype))  # sorts behind what is there
        if n <= LARGEST_NETWORK and not (is_float and np.isnan(values).any()):
            found = _longest_run_of_planes(select(values, tuple(range(n))), block.counts())
        else:
            found = _longest_run(np.sort(side_by_side(values), axis=-1), block.counts())
        out[block.where] = np.where(block.counts() > 0, found, np.asarray(undefined(image), image.dtype))
    return out


def _longest_run_of_planes(ordered: list[Array], there: Array) -> Array:
    """The value that stands most often in a row among the first `there` of `ordered`, the first such value; no NaN."""
    best = np.array(ordered[0])
    run = np.ones(best.shape, np.uint16)
    most = run.copy()
    for place in range(1, len(ordered)):
        value = ordered[place]
        run *= value == ordered[place - 1]
        run += 1
        longer = (run > most) & (place < there)
        np.copyto(best, value, where=longer)
        np.copyto(most, run, where=longer)
    return best


def _longest_run(ordered: Array, there: Array) -> Array:
    """The same for windows whose values lie side by side (rows x columns x C x n), all NaN being one value."""
    n = ordered.shape[-1]
    begins = np.ones(ordered.shape, np.bool_)
    np.not_equal(ordered[..., 1:], ordered[..., :-1], out=begins[..., 1:])
    if ordered.dtype.kind == "f":
        begins[..., 1:] &= ~np.isnan(ordered[..., :-1])
    starts = np.flatnonzero(begins)
    window = starts // n
    ends = window * n + np.broadcast_to(there, ordered.shape[:-1]).reshape(-1)[window]  # of what is there
    lengths = np.minimum(np.append(starts[1:], ordered.size), ends) - starts
    firsts = np.flatnonzero(starts % n == 0)
    longest = np.flatnonzero(lengths == np.maximum.reduceat(lengths, firsts)[window])
    _, first_longest = np.unique(window[longest], return_index=True)
    return ordered.reshape(-1)[starts[longest[first_longest]]].reshape(ordered.shape[:-1])
