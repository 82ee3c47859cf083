"""Sums and means of windows: average, sum, share of a value, power average (lp) and softmax-weighted."""

from math import inf, log2
from typing import Any

import numpy as np

from poolcli.errors import PictureError
from poolcli.ops.arrays import Array, full_range, integer_range
from poolcli.ops.geometry import AnyAxes
from poolcli.ops.ignored import equals, values_of_windows, window_counts, without
from poolcli.ops.reduce import Finish, bands, blocks, finite_range, has_large_windows, overflowed, reduce_any, rounded

# Average pooling: exact integers, floats in their own dtype. Definitions: PyTorch AvgPool2d, ONNX AveragePool.

FEW_VALUES = 8  # rows and columns of a window whose sum in float32 is right to 4 units in the last place
LARGEST_COUNT = 1 << 30  # values and padding of a window; of more, remainders times 2**32 leave 64 bits


def avg_pool(
    image: Array, axes: AnyAxes, *, exclude_pad: bool = False, valid: Array | None = None, wide: bool = False
) -> Array:
    """The mean of every window of `image` (H x W x C), in its dtype; only of its `valid` values.

    Integers are summed exactly and rounded half up, (2 * sum + n) // (2 * n). Zeros of the padding count unless
    `exclude_pad`; a window that holds nothing but uncounted padding gives NaN (integers: 0). `wide`: floats are summed
    in float64 whatever the window, and rounded once.
    """
    rows, columns = axes
    counts = values_of_windows(axes, padded=not exclude_pad)
    if valid is not None:
        image, invalid = without(image, valid), values_of_windows(axes) - window_counts(valid, axes).astype(np.int64)
        counts = counts - invalid
    if image.dtype.kind == "f":
        return _float_mean(image, axes, counts, wide=wide)
    if image.dtype.itemsize == 8:
        return _wide_mean(image, axes, counts)
    dtype = sum_dtype(image.dtype, rows.most * columns.most, int(counts.max()))

    def divide(sums: Array, band: slice, means: Array) -> None:
        rounded_quotient(sums, _band(counts, band), means)

    return reduce_any(image, axes, np.add, dtype=dtype, finish=divide)


def _float_mean(image: Array, axes: AnyAxes, counts: Array, *, wide: bool) -> Array:
    """Small windows are summed in float32 (or float64, as the picture), others in float64; no sum overflows."""
    few = not wide and max(axis.most for axis in axes) <= FEW_VALUES  # float64 takes 1.6 to 2.9 times as long

    def divide(sums: Array, band: slice, means: Array) -> None:
        np.divide(sums, _band(counts, band).astype(sums.dtype), out=means, casting="same_kind")

    dtype = np.result_type(image.dtype, np.float32 if few else np.float64)
    limit = np.finfo(image.dtype).max  # rounding must not lift a mean over the largest number
    return _float_sums(image, axes, dtype, divide, limit=float(limit))


def _float_sums(
    image: Array, axes: AnyAxes, dtype: np.dtype[Any], finish: Finish | None = None, *, limit: float = inf
) -> Array:
    """Sums, or what `finish` makes of them up to `limit`; where one leaves its range on the way, of smaller values."""
    most = axes[0].most * axes[1].most
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        results = reduce_any(image, axes, np.add, dtype=dtype, finish=finish)
        if not overflowed(results, image, most):
            return results
        scale = float(1 << most.bit_length())
        small = reduce_any(image.astype(np.float64) / scale, axes, np.add, finish=finish)
        roomy = np.where(np.isfinite(small), np.clip(small * scale, -limit, limit), small).astype(image.dtype)
    return np.where(np.isfinite(results), results, roomy)


def _wide_mean(image: Array, axes: AnyAxes, counts: Array) -> Array:
    """64-bit integers: sums of the upper and the lower 32 bits cannot overflow, and join after the division."""
    high = reduce_any(image >> 32, axes, np.add)
    low = reduce_any(image & 0xFFFFFFFF, axes, np.add)
    n = np.maximum(counts, 1).astype(image.dtype)
    if n.max() > LARGEST_COUNT:
        high, low, n = (part.astype(object) for part in (high, low, n))
        return np.asarray(((high << 33) + 2 * low + n) // (2 * n)).astype(image.dtype)
    whole, rest = np.divmod(high, n)
    result: Array = (whole << 32) + ((rest << 32) + low + n // 2) // n
    return result


def _band(counts: Array, band: slice) -> Array:
    return counts if len(counts) == 1 else counts[band]


def sum_dtype(dtype: np.dtype[Any], values: int, counted: int) -> np.dtype[Any]:
    """The smallest integer type that holds the sum of `values` values and what rounding adds, half of `counted`."""
    bits = max(full_range(dtype) * values + counted, 2 * counted + 2)
    kind = "i" if dtype.kind == "i" else "u"
    sizes = (size for size in (2, 4, 8) if bits <= 1 << (8 * size))
    return np.dtype(f"{kind}{next(sizes, 8)}")


def rounded_quotient(sums: Array, n: Array, out: Array, *, keep: bool = False) -> None:
    """out = (2 * sums + n) // (2 * n) without the doubling: sums + n // 2 over n is the same for whole numbers.

    `keep`: the sums are used again.
    """
    n = np.maximum(n, 1).astype(sums.dtype)
    sums = np.add(sums, n // 2, out=None if keep else sums)
    # By one number NumPy multiplies, by an array it divides.
    np.floor_divide(sums, n if n.size > 1 else n.flat[0], out=out, casting="unsafe")


def sum_pool(image: Array, axes: AnyAxes, *, valid: Array | None = None) -> Array:
    """The sum of the (`valid`) values of every window of `image` (H x W x C): int64, uint64 (also of bool) or float64.

    NaN where a window of floats holds no value. PictureError for a sum that 64 bits do not hold.
    """
    image = without(image, valid)
    if image.dtype.kind != "f":
        wide = np.dtype(np.int64 if image.dtype.kind == "i" else np.uint64)
        if image.dtype.itemsize == 8:
            return _wide_sum(image, axes)
        return reduce_any(image, axes, np.add, dtype=wide, result=wide)
    total = _float_sums(image.astype(np.float64), axes, np.dtype(np.float64))
    return np.where(values_of_windows(axes) > 0, total, np.nan)


def _wide_sum(image: Array, axes: AnyAxes) -> Array:
    """64-bit integers: sums of the upper and the lower 32 bits say whether their joint sum has room."""
    high = reduce_any(image >> 32, axes, np.add)
    low = reduce_any(image & 0xFFFFFFFF, axes, np.add)
    high += low >> 32
    smallest, largest = (-(1 << 31), (1 << 31) - 1) if image.dtype.kind == "i" else (0, (1 << 32) - 1)
    if high.min() < smallest or high.max() > largest:
        raise PictureError(f"a sum of {image.dtype} values leaves 64 bits: use smaller windows, or floats")
    return (high << 32) | (low & 0xFFFFFFFF)


def fraction_pool(image: Array, axes: AnyAxes, *, of: float, valid: Array | None = None) -> Array:
    """The share of the (`valid`) values of every window of `image` (H x W x C) that are `of`, as float32.

    Floats are compared in the dtype of the picture; NaN is `of` NaN, and the share where a window holds no value.
    """
    hits = equals(image, of)
    if valid is not None:
        hits &= valid
    n = values_of_windows(axes) if valid is None else window_counts(valid, axes)
    with np.errstate(invalid="ignore"):
        return np.asarray((window_counts(hits, axes) / n).astype(np.float32))


# Lp pooling. Definition: ONNX LpPool, (sum |x|^p) ^ (1/p) over the values truly in the window.

SAFE_EXPONENT = 900  # sums of |x|^p between 2^-900 and 2^900 neither overflow nor lose digits


def lp_pool(image: Array, axes: AnyAxes, *, p: float, valid: Array | None = None) -> Array:
    """The p-norm of every window of `image` (H x W x C), computed in float64; integers rounded half up, held in range.

    The padding adds nothing, also in windows that `ceil` lets go over the border (PyTorch scales these up).
    """
    rows, columns = axes
    image = without(image, valid)
    out = np.empty((rows.out, columns.out, image.shape[2]), image.dtype)
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        if has_large_windows(image, axes):
            return rounded(_scaled_norms(image, axes, p), image.dtype)
        for outputs, seen, part in bands(image.shape, axes):
            band = image[seen]
            sizes = np.abs(band.astype(np.float64))
            norms = _norms(sizes, part, p) if _is_safe(sizes, p) else _scaled_norms(band, part, p)
            out[outputs] = rounded(norms, image.dtype)
    return out


def _is_safe(sizes: Array, p: float) -> bool:
    low, high = finite_range(sizes[sizes > 0])
    return low == high == 0 or (p * log2(high) < SAFE_EXPONENT and p * log2(low) > -SAFE_EXPONENT)


def _norms(sizes: Array, axes: AnyAxes, p: float) -> Array:
    total = reduce_any(sizes if p == 1 else np.square(sizes) if p == 2 else sizes**p, axes, np.add)
    result: Array = total if p == 1 else np.sqrt(total) if p == 2 else total ** (1 / p)
    return result


def _scaled_norms(image: Array, axes: AnyAxes, p: float) -> Array:
    """Every window on the scale of its largest value, so that no power leaves the range of float64."""
    out = np.empty((axes[0].out, axes[1].out, image.shape[2]))
    for block in blocks(image, axes, bytes_per_output=48):
        top = np.zeros(out[block.where].shape)
        for values, _ in block.chunks(0):
            np.maximum(top, np.abs(values.astype(np.float64)).max(axis=0), out=top)
        scale = np.where((top > 0) & np.isfinite(top), top, 1.0)
        total = np.zeros(top.shape)
        for values, _ in block.chunks(0):
            total += ((np.abs(values.astype(np.float64)) / scale) ** p).sum(axis=0)
        out[block.where] = np.where(np.isfinite(top), total ** (1 / p) * scale, top)
    return out


# SoftPool: the softmax-weighted sum of every window. Definition: Stergiou, Poppe & Kalliatakis 2021.

SAFE_RANGE = 600  # between the values of a band: exp of the differences does not lose digits


def soft_pool(image: Array, axes: AnyAxes, *, valid: Array | None = None) -> Array:
    """sum(exp(x) x) / sum(exp(x)) of the (`valid`) values of every window of `image` (H x W x C), in its dtype.

    Computed in float64, with exp(x - the largest value of the window). Integers are weighed on the scale x / largest
    value of the dtype, as pictures enter a network, and rounded half up; those of 32 bits and more count down from the
    largest of their window, since their means are so near to a half that float64 would round them wrongly. The padding
    has no weight; a window without a value gives NaN (int: 0), NaN and infinity give NaN.
    """
    rows, columns = axes
    scale = 1.0 if image.dtype.kind == "f" else float(integer_range(image.dtype)[1])
    out = np.empty((rows.out, columns.out, image.shape[2]), image.dtype)
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        if image.dtype.kind in "ui" and image.itemsize > 2:
            return _below_tops(image, axes, scale, valid)
        if has_large_windows(image, axes):
            return rounded(_scaled_means(image, axes, scale, valid) * scale, image.dtype)
        for outputs, seen, part in bands(image.shape, axes):
            there = None if valid is None else valid[seen]
            values = image[seen].astype(np.float64) / scale
            low, high = finite_range(values if there is None else values[there])
            close = high - low <= SAFE_RANGE
            means = _means(values, part, high, there) if close else _scaled_means(image[seen], part, scale, there)
            out[outputs] = rounded(means * scale, image.dtype)
    return out


def _means(values: Array, axes: AnyAxes, top: float, valid: Array | None) -> Array:
    """Windows whose largest values are so close to `top` that it serves them all."""
    if valid is not None:
        values[~valid] = top
    weights = np.exp(values - top)
    if valid is not None:
        weights[~valid] = 0
    below = reduce_any(weights * (values - top), axes, np.add)  # no sum of large values
    result: Array = top + below / reduce_any(weights, axes, np.add)
    return result


def _scaled_means(image: Array, axes: AnyAxes, scale: float, valid: Array | None) -> Array:
    """Every window on the scale of its largest value, whose weight is then 1."""
    out = np.empty((axes[0].out, axes[1].out, image.shape[2]))
    for block in blocks(image, axes, valid=valid, bytes_per_output=48):
        top = np.full(out[block.where].shape, -np.inf)
        for taps, there in block.chunks(0):
            values = np.where(there, taps.astype(np.float64) / scale, -np.inf)
            np.maximum(top, values.max(axis=0), out=top)
        total, weighted = np.zeros(top.shape), np.zeros(top.shape)
        for taps, there in block.chunks(0):
            values = np.where(there, taps.astype(np.float64) / scale, top)
            below = values - top
            weights = np.exp(below) * there
            total += weights.sum(axis=0)
            weighted += np.where((weights > 0) | ~np.isfinite(values), weights * below, 0).sum(axis=0)
        out[block.where] = top + weighted / total
    return out


def _below_tops(image: Array, axes: AnyAxes, scale: float, valid: Array | None) -> Array:
    """Means of integers of many bits: how far below the largest value of the window they are, which is small enough."""
    out = np.empty((axes[0].out, axes[1].out, image.shape[2]), image.dtype)
    lowest = integer_range(image.dtype)[0]
    for block in blocks(image, axes, valid=valid, bytes_per_output=48):
        top = np.full(out[block.where].shape, lowest, image.dtype)
        for taps, _ in block.chunks(lowest):
            np.maximum(top, taps.max(axis=0), out=top)
        total, weighted = np.zeros(top.shape), np.zeros(top.shape)
        for taps, there in block.chunks(lowest):
            below = (top.astype(np.uint64) - taps.astype(np.uint64)).astype(np.float64)  # also of signed ones: wraps
            weights = np.exp(-below / scale) * there
            total += weights.sum(axis=0)
            weighted += (weights * below).sum(axis=0)
        steps = np.ceil(np.where(total > 0, weighted / total, 0) - 0.5).clip(0)
        means = (top.astype(np.uint64) - steps.astype(np.uint64)).astype(image.dtype)
        out[block.where] = np.where(total > 0, means, 0)
    return out
