"""Filters: the cross-correlation that CNNs call convolution, band by band."""

from collections.abc import Callable, Mapping, Sequence
from math import log2, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolcli.errors import PictureError, UsageError
from poolcli.ops.arrays import Array, as_image, each, integer_range, parts, planes
from poolcli.ops.filters import check_kernel, find_kernel
from poolcli.ops.geometry import Edge, Padding, Size, as_padding, as_size, same_sides
from poolcli.ops.ignored import in_dtype
from poolcli.ops.modes import as_edge
from poolcli.ops.reduce import Scratch, column_planes, doubled, doubles, overflowed

_NUMPY_MODES: Mapping[str, Any] = {"reflect": "reflect", "symmetric": "symmetric", "replicate": "edge", "wrap": "wrap"}
BEYOND = -1  # the index of what is no value of the picture: a zero, or the number that `edge` is


def edge_index(n: int, before: int, after: int, edge: Edge) -> NDArray[np.intp]:
    """Which of `n` values stands at -before ... n + after - 1; BEYOND where none of them does.

    `reflect` does not repeat the border value, `symmetric` (NumPy's name; SciPy calls it reflect) does; both go to and
    fro in a picture smaller than the padding.

    >>> edge_index(3, 2, 2, "reflect").tolist()
    [2, 1, 0, 1, 2, 1, 0]
    """
    inside = np.arange(n)
    if not isinstance(edge, str) or edge == "zero":
        return np.pad(inside, (before, after), constant_values=BEYOND)
    return np.pad(inside, (before, after), mode=_NUMPY_MODES[edge])


def edge_value(edge: Edge, dtype: np.dtype[Any]) -> Any:
    """What stands at BEYOND, as one of `dtype`, floats rounded; PictureError where a picture of it has no such value.

    >>> edge_value(128, np.dtype(np.uint8)), edge_value("zero", np.dtype(np.float32))
    (np.uint8(128), np.float32(0.0))
    """
    if isinstance(edge, str):
        return dtype.type(0)
    value = in_dtype(edge, dtype)
    if value is None:
        low, high = (np.finfo(dtype).min, np.finfo(dtype).max) if dtype.kind == "f" else integer_range(dtype)
        kind = "numbers" if dtype.kind == "f" else "whole numbers"
        others = "" if dtype.kind == "f" else "; make floats of it with --dtype float32 for others"
        raise PictureError(f"edge {edge} is no value of a picture of {dtype}: {kind} from {low} to {high} are{others}")
    return value


def rows_at(image: Array, index: NDArray[np.intp], beyond: Any) -> Array:
    """The rows that `index` names, with `beyond` for BEYOND: a view where they follow one another."""
    if index[0] != BEYOND and (np.diff(index) == 1).all():
        return image[index[0] : index[-1] + 1]
    band = image[index]
    band[index == BEYOND] = beyond
    return band


def padded_band(
    image: Array, rows: NDArray[np.intp], columns: tuple[int, NDArray[np.intp]], out: Array, beyond: Any
) -> Array:
    """Copy the rows `rows` of `image` (H x W x C) into `out`, with the border columns that `columns` names.

    `columns` is (values before the first, index of every column of `out`), `beyond` what stands at BEYOND. Casts to
    `out`'s dtype.
    """
    band = out[: len(rows)]
    before, index = columns
    width = image.shape[1]
    middle = band[:, before : before + width]
    middle[...] = rows_at(image, rows, beyond)
    for position in (*range(before), *range(before + width, len(index))):
        band[:, position] = beyond if index[position] == BEYOND else middle[:, index[position]]
    return band


# Weighted sums of the values around every position, as passes over long lines: the inner loop of `convolve`.
# A value is multiplied once for all taps of one weight: these are added first, those of its negative subtracted.
# Which sums are taken in which order depends on the weights alone, so equal neighbourhoods give equal bits wherever
# they lie. Rows follow one another in one long line, since what is computed across their ends is never kept (twice as
# fast as row by row, and channels need no steps); a line of equal weights is summed in log2(k) passes, as by the
# poolings.

CHUNK_BYTES = 1 << 18  # of a line: the sum and a term stay in the second-level cache (1 << 16 takes 1.3 times as long)

Tap = tuple[int, int]


Group = tuple[float, list[Tap], list[Tap]]  # a weight, its taps, never none of them, and those of its negative


class Taps(NamedTuple):
    """A kernel of `shape` as its taps, by the size of their weights; `is_line`: a column or a row of one weight."""

    shape: Size
    groups: list[Group]
    is_line: bool


def taps(weights: Array) -> Taps:
    """The taps of a kernel, zero weights left out, in the order in which the sizes of weights first appear."""
    by_size: dict[float, tuple[list[Tap], list[Tap]]] = {}
    for t, line in enumerate(weights.tolist()):
        for u, weight in enumerate(line):
            if weight:
                by_size.setdefault(abs(weight), ([], []))[weight < 0].append((t, u))
    groups = [(size, plus, minus) if plus else (-size, minus, plus) for size, (plus, minus) in by_size.items()]
    is_line = 1 in weights.shape and bool((weights == weights[0, 0]).all() and weights[0, 0])
    return Taps((weights.shape[0], weights.shape[1]), groups, is_line)


def sum_taps(x: Array, kernel: Taps, stride: Size, out: Array, scratch: Scratch, chunk_bytes: int) -> None:
    """out[i, j] = the sum over the taps (t, u) of their weight times x[i * sh + t, j * sw + u].

    `x` and `out` are H x W x C, of one dtype; `x` is contiguous; lines are worked on `chunk_bytes` at a time.
    """
    (kh, kw), (sh, sw) = kernel.shape, stride
    if kernel.is_line and (kw == 1 or (kh == 1 and sh == 1)) and doubles(kh * kw, sh * sw):
        _sum_run(x, kernel, stride, out, scratch, chunk_bytes)
    else:
        _sum_line(_phases(x, stride, scratch), kernel.groups, out, scratch, chunk_bytes)


def _phases(x: Array, stride: Size, scratch: Scratch) -> Array:
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
            for source, plane in column_planes(part, target, sw):
                plane[...] = source
    return apart


def _sum_run(x: Array, kernel: Taps, stride: Size, out: Array, scratch: Scratch, chunk_bytes: int) -> None:
    """Sums by doubling, down the whole band or along the rows of a strip, multiplied once."""
    (kh, kw), (sh, sw) = kernel.shape, stride
    weight = out.dtype.type(kernel.groups[0][0])
    unit, strip = (x[0].size, len(x)) if kh > 1 else (x.shape[2], max(1, chunk_bytes // x[0].nbytes))
    for start in range(0, len(x), strip):
        part, target = x[start : start + strip], out[start : start + strip]
        sums = doubled(part.reshape(-1), unit, kh * kw, np.add, scratch).reshape(part.shape)
        picked = sums[: (len(target) - 1) * sh + 1 : sh, : (out.shape[1] - 1) * sw + 1 : sw]
        for source, plane in column_planes(picked, target, sw):
            np.multiply(source, weight, out=plane)


def _add_up(groups: list[Group], tap: Callable[[Tap], Array], out: Array, term: Array) -> None:
    """out = the sum over the groups; `tap` gives the values that one tap sees, `term` is room for as many as `out`."""
    total = None
    for factor, plus, minus in groups:
        target = out if total is None else term
        source, *others = [tap(place) for place in plus]
        for other in others:
            source = np.add(source, other, out=target)
        for other in map(tap, minus):
            source = np.subtract(source, other, out=target)
        if factor != 1:
            source = np.multiply(source, out.dtype.type(factor), out=target)
        total = source if total is None else np.add(total, source, out=out)
    if total is not out:
        out[...] = 0 if total is None else total


def _sum_line(phases: Array, groups: list[Group], out: Array, scratch: Scratch, chunk_bytes: int) -> None:
    """The whole band as one line, a chunk of it at a time."""
    sh, sw, _, width, channels = phases.shape
    line, size, row = phases.reshape(-1), phases[0, 0].size, width * channels
    length = (len(out) - 1) * row + out[0].size
    step = chunk_bytes // out.itemsize
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


# Filters: the cross-correlation that CNNs call convolution, band by band; separable kernels as two passes.

BAND_BYTES = 1 << 19


def convolve(
    image: ArrayLike,
    kernel: ArrayLike | str,
    *,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = "same",
    edge: Edge = "reflect",
) -> Array:
    """Slide `kernel` over an image, channel by channel; return floats.

    `image` is H x W or H x W x C, `kernel` kh x kw numbers or the name of a filter, not mirrored. `padding` is
    "same" ((k - 1) // 2 before, the rest after: ceil(n / stride) outputs), "valid" (none), or as in `pool`; what
    lies there `edge` says (reflect, symmetric, replicate, zero, wrap, or a number that the image's dtype holds). Only
    the outputs that the stride keeps are computed. float32 for images of up to 16 bits a value, float64 for others;
    equal neighbourhoods give equal bits.
    Within a few roundings of the sum of the products' sizes, infinite where that does not fit. Raises UsageError for a
    bad kernel, edge or stride, PictureError when the kernel does not fit, or the dtype has no such number. Source:
    PyTorch Conv2d, one weight plane for all channels.

    >>> convolve([[0, 0, 0], [0, 1, 0], [0, 0, 0]], "laplace", edge="zero").tolist()
    [[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]
    """
    array = as_image(image)
    weights = _weights(kernel)
    border = as_edge(edge)
    strides = as_size(stride, "stride")
    if min(strides) < 1:
        raise UsageError(f"stride {stride} is out of range: whole numbers from 1 are allowed")
    sides = _sides(padding, weights.shape)
    result = correlate(planes(array), separate(weights), strides, sides, border, float_dtype(array.dtype))
    return result[:, :, 0] if array.ndim == 2 else result


def float_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """float32 where its 24 bits hold every value with room for sums (up to 16 bits), else float64."""
    small = dtype.itemsize <= 2 or dtype == np.float32
    return np.dtype(np.float32 if small else np.float64)


def _weights(kernel: ArrayLike | str) -> NDArray[np.float64]:
    if isinstance(kernel, str):
        return np.array(find_kernel(kernel), np.float64)
    try:
        weights = np.asarray(kernel, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(
            f"a kernel that is no array of numbers ({error}): rows and columns of them are allowed"
        ) from None
    if weights.ndim != 2:
        raise UsageError(f"a kernel with {weights.ndim} axes: rows and columns of numbers are allowed")
    check_kernel(tuple(map(tuple, weights.tolist())))
    return weights


def _sides(padding: int | Sequence[int] | str, shape: tuple[int, ...]) -> Padding:
    sides = as_padding(0 if isinstance(padding, str) and padding == "valid" else padding)
    if isinstance(sides, str):
        return same_sides((shape[0], shape[1]))
    if min(sides) < 0:
        raise UsageError(f"padding {padding} is negative: 0 or more is allowed")
    return sides


def correlate(
    image: Array,
    passes: Sequence[Array],
    stride: Size,
    sides: Padding,
    edge: Edge,
    dtype: np.dtype[Any],
    *,
    band_bytes: int = BAND_BYTES,
    chunk_bytes: int = CHUNK_BYTES,
) -> Array:
    """The cross-correlation of `image` (H x W x C), accumulated and returned in `dtype`.

    `passes` is one kernel (kh x kw), or a column (kh x 1) and a row (1 x kw). Integer weights in an integer `dtype`
    are exact; how sums are taken is the same at every position, so equal neighbourhoods give equal bits.
    """
    beyond = edge_value(edge, image.dtype)
    seen = (image,) if isinstance(edge, str) else (image, np.asarray(beyond))
    cuts = band_bytes, chunk_bytes
    with np.errstate(invalid="ignore", over="ignore"):  # infinities, and what lies across the ends of rows
        sums = _correlated(image, passes, stride, sides, edge, beyond, dtype, *cuts)
        most = prod(max(part.size, float(np.abs(part).sum())) for part in passes)
        if dtype.kind != "f" or not any(overflowed(sums, values, most) for values in seen):
            return sums
        room = 896 if dtype == np.float32 else 0  # bits by which what float64 holds is larger
        scale = 2.0 ** int(min(max(log2(most) + 1 - room, 0), 1023))
        scaled, float64 = image.astype(np.float64) / scale, np.dtype(np.float64)
        small = _correlated(scaled, passes, stride, sides, edge, np.float64(beyond) / scale, float64, *cuts)
        return np.where(np.isfinite(sums), sums, (small * scale).astype(dtype))


def _correlated(
    image: Array, passes: Sequence[Array], stride: Size, sides: Padding, edge: Edge, beyond: Any, dtype: np.dtype[Any],
    band_bytes: int, chunk_bytes: int,
) -> Array:  # fmt: skip
    """Tap after tap, in bands of padded rows; `beyond` stands where `edge` names no value of the picture."""
    (height, width), (top, bottom, left, right), (sh, sw) = image.shape[:2], sides, stride
    kh, kw = len(passes[0]), passes[-1].shape[1]
    down, across = (height + top + bottom - kh) // sh + 1, (width + left + right - kw) // sw + 1
    if down < 1 or across < 1:
        raise PictureError(
            f"a kernel of {kw}x{kh} pixels (width x height) does not fit a picture of {width}x{height}: "
            "use a smaller one or padding 'same'"
        )
    rows, columns = edge_index(height, top, bottom, edge), edge_index(width, left, right, edge)
    out = np.empty((down, across, image.shape[2]), dtype)
    lines, row = [taps(weights) for weights in passes], (len(columns), image.shape[2])
    step = max(band_bytes // (prod(row) * out.itemsize * sh), 2 * kh // sh, 4)

    def filter_rows(outputs: range) -> None:
        scratch, size = Scratch(dtype), min(step, len(outputs))
        buffer = np.empty((size * sh + kh, *row), dtype)
        between = np.empty((size, *row), dtype) if len(lines) == 2 else buffer
        for part in (outputs[start : start + step] for start in range(0, len(outputs), step)):
            seen = rows[part.start * sh : (part.stop - 1) * sh + kh]
            band, target = padded_band(image, seen, (left, columns), buffer, beyond), out[part.start : part.stop]
            if len(lines) == 2:
                sum_taps(band, lines[0], (sh, 1), between[: len(part)], scratch, chunk_bytes)
                sum_taps(between[: len(part)], lines[1], (1, sw), target, scratch, chunk_bytes)
            else:
                sum_taps(band, lines[0], stride, target, scratch, chunk_bytes)

    each(filter_rows, parts(down, image.nbytes))
    return out


def separate(weights: NDArray[np.float64]) -> tuple[Array, ...]:
    """(kh x 1, 1 x kw) whose product is `weights`, or `weights` alone where there are no such two.

    Whole numbers have whole factors, which meet them exactly; others to within a few roundings of float64. Divided by
    the smallest weight, binomials over a power of two (gauss, box2) have exact factors too.

    >>> [part.tolist() for part in separate(np.array([[-2.0, 0, 2], [-4, 0, 4], [-2, 0, 2]]))]
    [[[1.0], [2.0], [1.0]], [[-2.0, 0.0, 2.0]]]
    """
    if 1 in weights.shape or not weights.any():
        return (weights,)
    sizes = np.abs(weights)
    i, j = np.unravel_index(np.where(weights, sizes, np.inf).argmin(), weights.shape)
    column, row = weights[:, j : j + 1], weights[i : i + 1, :]
    whole = bool((weights == np.rint(weights)).all() and sizes.max() < 2**53)
    with np.errstate(over="ignore", invalid="ignore"):
        if whole:
            column = column / np.copysign(np.gcd.reduce(column.astype(np.int64), axis=None), weights[i, j])
            row = row / column[i]
        else:
            row = row / weights[i, j]
            power = np.exp2(np.floor(np.log2(np.abs(row).sum())))
            column, row = column * power, row / power
        if (column == column[0]).all():  # sums of equal weights stay whole until the last pass
            column, row = column / column[0], row * column[0]
        equal = np.abs(column * row - weights) <= (0 if whole else sizes * 2.0**-50)
    return (column, row) if equal.all() else (weights,)
