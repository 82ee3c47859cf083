"""Weighted sums of the values around every position, as passes over long lines: the inner loop of `convolve`.

A value is multiplied once for all taps of one weight: these are added first, those of its negative subtracted. Which
sums are taken in which order depends on the weights alone, so equal neighbourhoods give equal bits wherever they lie.
Rows follow one another in one long line, since what is computed across their ends is never kept (twice as fast as row
by row, and channels need no steps); a line of equal weights is summed in log2(k) passes, as by the poolings.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log2, prod

import numpy as np

from poolcli.ops.arrays import Array
from poolcli.ops.geometry import Pair
from poolcli.ops.reduce import Scratch, column_planes, doubled, doubles

CHUNK_BYTES = 1 << 18  # of a line: the sum and a term stay in the second-level cache (1 << 16 takes 1.3 times as long)

Tap = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Group:
    """Taps of one weight (`plus`) and of its negative (`minus`); `plus` is never empty."""

    weight: float
    plus: list[Tap]
    minus: list[Tap]


@dataclass(frozen=True, slots=True)
class Taps:
    """A kernel of `shape` as its taps, by the size of their weights; `is_line`: a column or a row of one weight."""

    shape: Pair
    groups: list[_Group]
    is_line: bool


def taps(weights: Array) -> Taps:
    """The taps of a kernel, zero weights left out, in the order in which the sizes of weights first appear."""
    found: dict[float, tuple[list[Tap], list[Tap]]] = {}
    for t, line in enumerate(weights.tolist()):
        for u, weight in enumerate(line):
            if weight:
                found.setdefault(abs(weight), ([], []))[weight < 0].append((t, u))
    groups = [
        _Group(size, plus, minus) if plus else _Group(-size, minus, plus) for size, (plus, minus) in found.items()
    ]
    shape = weights.shape[0], weights.shape[1]
    return Taps(shape, groups, _is_line(weights))


def operations(passes: Sequence[Array], stride: Pair) -> float:
    """How many operations on a value `weigh` takes for one output: for a column and a row, or for a kernel at once."""
    *column, row = passes
    return sum(_operations(weights, stride[0]) * stride[1] for weights in column) + _operations(row, stride[1])


def _operations(weights: Array, s: int) -> float:
    if _is_line(weights):
        return 1 + min(weights.size, 2 * s * log2(weights.size))
    sizes = np.abs(weights[weights != 0])
    return float(sizes.size + np.unique(sizes).size)


def _is_line(weights: Array) -> bool:
    """Whether the weights are a column or a row of one number that is not 0."""
    return 1 in weights.shape and bool((weights == weights[0, 0]).all() and weights[0, 0])


def weigh(x: Array, kernel: Taps, stride: Pair, out: Array, scratch: Scratch) -> None:
    """out[i, j] = the sum over the taps (t, u) of their weight times x[i * sh + t, j * sw + u].

    `x` and `out` are H x W x C, of one dtype; `x` is contiguous.
    """
    (kh, kw), (sh, sw) = kernel.shape, stride
    if kernel.is_line and (kw == 1 or (kh == 1 and sh == 1)) and doubles(kh * kw, sh * sw):
        _weigh_run(x, kernel, stride, out, scratch)
    else:
        _weigh_line(_phases(x, stride, scratch), kernel.groups, out, scratch)


def _phases(x: Array, stride: Pair, scratch: Scratch) -> Array:
    """sh x sw x H x W x C: `x` taken apart, so that what one tap sees lies side by side whatever the stride."""
    (height, width, channels), (sh, sw) = x.shape, stride
    if stride == (1, 1):
        return x[np.newaxis, np.newaxis]
    shape = (sh, sw, -(-height // sh), -(-width // sw), channels)
    apart = scratch.give(2, prod(shape)).reshape(shape)
    for p in range(sh):
        for q in range(sw):
            part = x[p::sh, q::sw]
            target = apart[p, q, : part.shape[0], : part.shape[1]]
            for source, plane in column_planes(part, target) if sw > 1 else [(part, target)]:
                plane[...] = source
    return apart


def _weigh_run(x: Array, kernel: Taps, stride: Pair, out: Array, scratch: Scratch) -> None:
    """Sums by doubling, down the whole band or along the rows of a strip, multiplied once."""
    (kh, kw), (sh, sw) = kernel.shape, stride
    weight = out.dtype.type(kernel.groups[0].weight)
    unit, strip = (x[0].size, len(x)) if kh > 1 else (x.shape[2], max(1, CHUNK_BYTES // x[0].nbytes))
    for start in range(0, len(x), strip):
        part, target = x[start : start + strip], out[start : start + strip]
        sums = doubled(part.reshape(-1), unit, kh * kw, np.add, scratch).reshape(part.shape)
        kept = sums[: (len(target) - 1) * sh + 1 : sh, : (out.shape[1] - 1) * sw + 1 : sw]
        for source, plane in column_planes(kept, target) if sw > 1 else [(kept, target)]:
            np.multiply(source, weight, out=plane)


def _add_up(groups: list[_Group], tap: Callable[[Tap], Array], out: Array, term: Array) -> None:
    """out = the sum over the groups; `tap` gives the values that one tap sees, `term` is room for as many as `out`."""
    if not groups:
        out[...] = 0
    for n, group in enumerate(groups):
        target = term if n else out
        weight = out.dtype.type(group.weight)
        first, *others = [tap(place) for place in group.plus]
        minus = [tap(place) for place in group.minus]
        source = first
        for other in others:
            source = np.add(source, other, out=target)
        for other in minus:
            source = np.subtract(source, other, out=target)
        if weight != 1:
            source = np.multiply(source, weight, out=target)
        if n:
            np.add(out, source, out=out)
        elif source is first:
            out[...] = first


def _weigh_line(phases: Array, groups: list[_Group], out: Array, scratch: Scratch) -> None:
    """The whole band as one line, a chunk of it at a time."""
    sh, sw, _, width, channels = phases.shape
    line, size, row = phases.reshape(-1), phases[0, 0].size, width * channels
    length = (len(out) - 1) * row + out[0].size
    step = CHUNK_BYTES // out.itemsize
    whole = out.flags.c_contiguous and out.shape[1] == width
    sums = out.reshape(-1) if whole else scratch.give(0, len(out) * row)
    term = scratch.give(1, min(step, length))
    for start in range(0, length, step):
        count = min(step, length - start)

        def tap(place: Tap, first: int = start, count: int = count) -> Array:
            (t, p), (u, q) = divmod(place[0], sh), divmod(place[1], sw)
            offset = first + (p * sw + q) * size + t * row + u * channels
            return line[offset : offset + count]

        _add_up(groups, tap, sums[start : start + count], term[:count])
    if not whole:
        out[...] = sums.reshape(len(out), width, channels)[:, : out.shape[1]]
