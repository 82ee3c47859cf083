"""Filters: the cross-correlation that CNNs call convolution, band by band; separable kernels as two passes, other large
ones by transforms.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, log2, prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolcli.errors import PictureError, UsageError, unknown
from poolcli.ops.arrays import Array, as_image, planes
from poolcli.ops.bands import overflowed
from poolcli.ops.edges import edge_index, padded_band
from poolcli.ops.filters import check_kernel, find_kernel
from poolcli.ops.fourier import Spectrum, Workspace, spectrum, weigh_exactly
from poolcli.ops.geometry import EDGES, Pair, Sides, as_padding, as_pair, same_sides
from poolcli.ops.reduce import Scratch
from poolcli.ops.taps import taps, weigh
from poolcli.ops.threads import each, parts

BAND_BYTES = 1 << 19


def convolve(
    image: ArrayLike,
    kernel: ArrayLike | str,
    *,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = "same",
    edge: str = "reflect",
) -> Array:
    """Slide `kernel` over an image, channel by channel; return floats.

    `image` is H x W or H x W x C, `kernel` kh x kw numbers or the name of a filter, not mirrored. `padding` is
    "same" ((k - 1) // 2 before, the rest after: ceil(n / stride) outputs), "valid" (none), or as in `pool`; what
    lies there `edge` says (reflect, replicate, zero, wrap). Only the outputs that the stride keeps are computed.
    float32 for images of up to 16 bits a value, float64 for others; equal neighbourhoods give equal bits. Within a few
    roundings of the sum of the products' sizes, infinite where that does not fit. Large kernels, where the
    result is float32: within 2**-20 of the sum of the weights' sizes times the largest value seen; whole weights (of an
    l2 norm up to 2**26) on whole numbers exactly. Raises UsageError for a bad kernel, edge or stride, PictureError when
    the kernel does not fit. Source: PyTorch Conv2d, one weight plane for all channels.

    >>> convolve([[0, 0, 0], [0, 1, 0], [0, 0, 0]], "laplace", edge="zero").tolist()
    [[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]
    """
    array = as_image(image)
    weights = _weights(kernel)
    if edge not in EDGES:
        raise unknown("edge", edge, EDGES)
    strides = as_pair(stride, "stride")
    if min(strides) < 1:
        raise UsageError(f"stride {stride} is out of range: whole numbers from 1 are allowed")
    sides = _sides(padding, weights.shape)
    result = correlate(planes(array), separate(weights), strides, sides, edge, float_dtype(array.dtype))
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
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"a kernel that is no array of numbers ({error}): rows and columns of them are allowed"
        ) from None
    if weights.ndim != 2:
        raise UsageError(f"a kernel with {weights.ndim} axes: rows and columns of numbers are allowed")
    check_kernel(tuple(map(tuple, weights.tolist())))
    return weights


def _sides(padding: int | Sequence[int] | str, shape: tuple[int, ...]) -> Sides:
    sides = as_padding(0 if isinstance(padding, str) and padding == "valid" else padding)
    if isinstance(sides, str):
        return same_sides((shape[0], shape[1]))
    if min(sides) < 0:
        raise UsageError(f"padding {padding} is negative: 0 or more is allowed")
    return sides


def correlate(
    image: Array, passes: Sequence[Array], stride: Pair, sides: Sides, edge: str, dtype: np.dtype[Any]
) -> Array:
    """The cross-correlation of `image` (H x W x C), accumulated and returned in `dtype`.

    `passes` is one kernel (kh x kw), or a column (kh x 1) and a row (1 x kw). Integer weights in an integer `dtype`
    are exact; how sums are taken is the same at every position, so equal neighbourhoods give equal bits.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # infinities, and what lies across the ends of rows
        sums = _correlated(image, passes, stride, sides, edge, dtype)
        most = prod(part.size * max(1.0, float(np.abs(part).max())) for part in passes)
        if dtype.kind != "f" or not overflowed(sums, image, most):
            return sums
        scale = 1.0 if dtype == np.float32 else 2.0 ** ceil(log2(most))
        small = _correlated(image.astype(np.float64) / scale, passes, stride, sides, edge, np.dtype(np.float64))
        return np.where(np.isfinite(sums), sums, (small * scale).astype(dtype))


def _correlated(
    image: Array, passes: Sequence[Array], stride: Pair, sides: Sides, edge: str, dtype: np.dtype[Any]
) -> Array:
    layout = _lay_out(image, (len(passes[0]), passes[-1].shape[1]), stride, sides, edge)
    size = len(layout.rows), len(layout.columns)
    out = np.empty((layout.down, layout.across, image.shape[2]), dtype)
    kernel = spectrum(passes, image.dtype, stride, size) if dtype.kind == "f" else None
    filter_rows = _by_taps(image, layout, passes, out) if kernel is None else _by_tiles(image, layout, kernel, out)
    each(filter_rows, parts(layout.down, image.nbytes))
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """Where windows lie: the rows and columns of the padded picture, in numbers of the picture's; the outputs."""

    stride: Pair
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    left: int
    down: int
    across: int

    def band(self, image: Array, outputs: range, kh: int, buffer: Array) -> Array:
        """The padded rows that these outputs see, in `buffer`."""
        sh = self.stride[0]
        seen = self.rows[outputs.start * sh : (outputs.stop - 1) * sh + kh]
        return padded_band(image, seen, (self.left, self.columns), buffer)


def _lay_out(image: Array, kernel: Pair, stride: Pair, sides: Sides, edge: str) -> _Layout:
    (height, width), (kh, kw), (top, bottom, left, right) = image.shape[:2], kernel, sides
    down, across = (height + top + bottom - kh) // stride[0] + 1, (width + left + right - kw) // stride[1] + 1
    if down < 1 or across < 1:
        raise PictureError(
            f"a kernel of {kw}x{kh} pixels (width x height) does not fit a picture of {width}x{height}: "
            "use a smaller one or padding 'same'"
        )
    rows, columns = edge_index(height, top, bottom, edge), edge_index(width, left, right, edge)
    return _Layout(stride, rows, columns, left, down, across)


def _by_taps(image: Array, layout: _Layout, passes: Sequence[Array], out: Array) -> Callable[[range], None]:
    """What computes some rows of `out`, tap after tap."""
    lines = [taps(weights) for weights in passes]
    kh, (sh, sw), row = len(passes[0]), layout.stride, (len(layout.columns), image.shape[2])
    step = max(BAND_BYTES // (row[0] * row[1] * out.itemsize * sh), 2 * kh // sh, 4)

    def filter_rows(outputs: range) -> None:
        scratch, size = Scratch(out.dtype), min(step, len(outputs))
        buffer = np.empty((size * sh + kh, *row), out.dtype)
        between = np.empty((size, *row), out.dtype) if len(lines) == 2 else buffer
        for part in (outputs[start : start + step] for start in range(0, len(outputs), step)):
            band, target = layout.band(image, part, kh, buffer), out[part.start : part.stop]
            if len(lines) == 2:
                weigh(band, lines[0], (sh, 1), between[: len(part)], scratch)
                weigh(between[: len(part)], lines[1], (1, sw), target, scratch)
            else:
                weigh(band, lines[0], layout.stride, target, scratch)

    return filter_rows


def _by_tiles(image: Array, layout: _Layout, kernel: Spectrum, out: Array) -> Callable[[range], None]:
    """What computes some rows of `out` by transforms."""
    kh, sh = kernel.shape[0], layout.stride[0]
    step = (kernel.tile[0] - kh) // sh + 1

    def filter_rows(outputs: range) -> None:
        buffer = np.empty((kernel.tile[0], len(layout.columns), image.shape[2]), image.dtype)
        work = Workspace(kernel.tile)
        for part in (outputs[start : start + step] for start in range(0, len(outputs), step)):
            band, target = layout.band(image, part, kh, buffer), out[part.start : part.stop]
            weigh_exactly(band, kernel, layout.stride, target, work)

    return filter_rows


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
