"""Average pooling: exact integers, floats in their own dtype. Definitions: PyTorch AvgPool2d, ONNX AveragePool."""

from typing import Any

import numpy as np

from poolcli.ops.adaptive import AnyAxes, Spans
from poolcli.ops.arrays import Array, full_range
from poolcli.ops.bands import overflowed
from poolcli.ops.geometry import Axis
from poolcli.ops.ignored import values_of_windows, window_counts, without
from poolcli.ops.uneven import reduce_any

FEW_VALUES = 8  # rows and columns of a window whose sum in float32 is right to 4 units in the last place
LARGEST_COUNT = 1 << 30  # values and padding of a window; of more, remainders times 2**32 leave 64 bits


def avg_pool(image: Array, axes: AnyAxes, *, exclude_pad: bool = False, valid: Array | None = None) -> Array:
    """The mean of every window of `image` (H x W x C), in its dtype; only of its `valid` values.

    Integers are summed exactly and rounded half up, (2 * sum + n) // (2 * n). Zeros of the padding count unless
    `exclude_pad`; a window that holds nothing but uncounted padding gives NaN (integers: 0).
    """
    rows, columns = axes
    counts = counts_of(rows, columns, padded=not exclude_pad)
    if valid is not None:
        image, invalid = without(image, valid, 0), values_of_windows(axes) - window_counts(valid, axes).astype(np.int64)
        counts = counts - invalid
    if image.dtype.kind == "f":
        return _float_mean(image, axes, counts)
    if image.dtype.itemsize == 8:
        return _wide_mean(image, axes, counts)
    dtype = sum_dtype(image.dtype, rows.most * columns.most, int(counts.max()))

    def divide(sums: Array, band: slice, means: Array) -> None:
        rounded_quotient(sums, _band(counts, band), means)

    return reduce_any(image, axes, np.add, fill=0, dtype=dtype, finish=divide)


def _float_mean(image: Array, axes: AnyAxes, counts: Array) -> Array:
    """Small windows are summed in float32 (or float64, as the picture), others in float64; no sum overflows."""
    few = max(axis.most for axis in axes) <= FEW_VALUES
    dtype = np.result_type(image.dtype, np.float32 if few else np.float64)
    most = axes[0].most * axes[1].most
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        means = _means_of_sums(image, axes, counts, dtype)
        if not overflowed(means, image, most):
            return means
        scale = 1 << most.bit_length() if dtype == np.float64 else 1
        small = _means_of_sums(image.astype(np.float64) / scale, axes, counts, np.dtype(np.float64))
        limit = np.finfo(image.dtype).max  # rounding must not lift a mean over the largest number
        roomy = np.where(np.isfinite(small), np.clip(small * scale, -limit, limit), small).astype(image.dtype)
    return np.where(np.isfinite(means), means, roomy)


def _means_of_sums(image: Array, axes: AnyAxes, counts: Array, dtype: np.dtype[Any]) -> Array:
    def divide(sums: Array, band: slice, means: Array) -> None:
        n = _band(counts, band).astype(dtype)
        if n.size == 1 and _is_power_of_two(n.flat[0]):
            np.multiply(sums, 1 / n, out=means, casting="same_kind")  # exact, and half the time of the division
        else:
            np.divide(sums, n, out=means, casting="same_kind")

    return reduce_any(image, axes, np.add, fill=0, dtype=dtype, finish=divide)


def _wide_mean(image: Array, axes: AnyAxes, counts: Array) -> Array:
    """64-bit integers: sums of the upper and the lower 32 bits cannot overflow, and join after the division."""
    high = reduce_any(image >> 32, axes, np.add, fill=0)
    low = reduce_any(image & 0xFFFFFFFF, axes, np.add, fill=0)
    n = np.maximum(counts, 1).astype(image.dtype)
    if n.max() > LARGEST_COUNT:
        high, low, n = (part.astype(object) for part in (high, low, n))
        return np.asarray(((high << 33) + 2 * low + n) // (2 * n)).astype(image.dtype)
    whole, rest = np.divmod(high, n)
    result: Array = (whole << 32) + ((rest << 32) + low + n // 2) // n
    return result


def counts_of(rows: Axis | Spans, columns: Axis | Spans, *, padded: bool) -> Array:
    """Values in each window, as rows.out x columns.out x 1, or 1 x 1 x 1 where all windows have as many."""
    down = np.array(rows.counts(padded=padded), np.int64)
    across = np.array(columns.counts(padded=padded), np.int64)
    if (down == down[0]).all() and (across == across[0]).all():
        down, across = down[:1], across[:1]
    return np.multiply.outer(down, across)[:, :, np.newaxis]


def _band(counts: Array, band: slice) -> Array:
    return counts if len(counts) == 1 else counts[band]


def sum_dtype(dtype: np.dtype[Any], values: int, counted: int) -> np.dtype[Any]:
    """The smallest integer type that holds the sum of `values` values and what rounding adds, half of `counted`."""
    bits = max(full_range(dtype) * values + counted, 2 * counted + 2)
    kind = "i" if dtype.kind == "i" else "u"
    sizes = (size for size in (2, 4, 8) if bits <= 1 << (8 * size))
    return np.dtype(f"{kind}{next(sizes, 8)}")


def _is_power_of_two(n: float) -> bool:
    return int(n).bit_count() == 1


def rounded_quotient(sums: Array, n: Array, out: Array) -> None:
    """out = (2 * sums + n) // (2 * n) without the doubling: sums + n // 2 over n is the same for whole numbers."""
    n = np.maximum(n, 1).astype(sums.dtype)
    sums += n // 2
    if n.size == 1 and _is_power_of_two(n.flat[0]):
        np.right_shift(sums, n.dtype.type(int(n.flat[0]).bit_length() - 1), out=out, casting="unsafe")
    else:  # by one number NumPy multiplies, by an array it divides
        np.floor_divide(sums, n if n.size > 1 else n.flat[0], out=out, casting="unsafe")
