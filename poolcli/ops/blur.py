"""BlurPool and MaxBlurPool: a binomial low-pass before the stride. Definition: Zhang 2019.

The taps are (k - 1)-th binomial coefficients over their sum, a power of two, so integers are summed exactly and
divided by a shift.
"""

import numpy as np
from numpy.typing import NDArray

from poolcli.ops.arrays import Array, full_range
from poolcli.ops.convolve import correlate
from poolcli.ops.edges import ZERO, edge_index
from poolcli.ops.extremes import max_pool
from poolcli.ops.filters import binomial
from poolcli.ops.geometry import Axes

BAND_VALUES = 1 << 20  # of the picture


def blur_pool(image: Array, axes: Axes, *, edge: str) -> Array:
    """The low-pass of `image` (H x W x C) at every s-th pixel from the first, in its dtype; integers rounded half up.

    Equal neighbourhoods give equal bits, wherever they lie.
    """
    if image.dtype.kind == "b":
        return blur_pool(image.view(np.uint8), axes, edge=edge).view(np.bool_)
    rows, columns = axes
    out = np.empty((rows.out, columns.out, image.shape[2]), image.dtype)
    index = edge_index(rows.n, rows.before, rows.after, edge)
    step = max(1, BAND_VALUES // (image.shape[1] * image.shape[2] * rows.s), rows.k)
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, rows.out, step):
            stop = min(start + step, rows.out)
            band = _rows(image, index[start * rows.s : (stop - 1) * rows.s + rows.k])
            out[start:stop] = _blurred(band, axes, edge)
    return out


def max_blur_pool(image: Array, dense: Axes, axes: Axes, *, edge: str) -> Array:
    """The maximum at every pixel, then `blur_pool`."""
    return blur_pool(max_pool(image, dense), axes, edge=edge)


def _rows(image: Array, index: NDArray[np.intp]) -> Array:
    """The rows that `index` names: a view where they follow one another."""
    if index[0] != ZERO and (np.diff(index) == 1).all():
        return image[index[0] : index[-1] + 1]
    band = image[index]
    band[index == ZERO] = 0
    return band


def _blurred(band: Array, axes: Axes, edge: str) -> Array:
    """The low-pass of whole rows; `band` holds what lies above and below already."""
    rows, columns = axes
    bits = rows.k + columns.k - 2  # the weights sum to 2 ** bits
    if band.dtype.kind == "f":
        return _weighted(band, axes, edge, np.result_type(band.dtype, np.float32), scaled=True)
    if band.dtype.itemsize < 8:
        sums = _weighted(band, axes, edge, _sum_dtype(band.dtype, bits))
        sums += (1 << bits) >> 1
        sums >>= bits
        return sums
    high, low = (_weighted(part, axes, edge, band.dtype) for part in (band >> 32, band & 0xFFFFFFFF))
    rest = high & ((1 << bits) - 1)
    result: Array = ((high >> bits) << 32) + (((rest << 32) + low + ((1 << bits) >> 1)) >> bits)
    return result


def _weighted(band: Array, axes: Axes, edge: str, dtype: np.dtype[np.generic], *, scaled: bool = False) -> Array:
    rows, columns = axes
    down, across = (np.array(binomial(k), np.float64) * (2.0 ** (1 - k) if scaled else 1) for k in (rows.k, columns.k))
    passes = down[:, np.newaxis], across[np.newaxis, :]
    return correlate(band, passes, (rows.s, columns.s), (0, 0, columns.before, columns.after), edge, dtype)


def _sum_dtype(dtype: np.dtype[np.generic], bits: int) -> np.dtype[np.generic]:
    """The smallest integer type that holds every weighted sum and the half that rounding adds."""
    needed = (full_range(dtype) + 1) << bits
    kind = "i" if dtype.kind == "i" else "u"
    return np.dtype(f"{kind}{next(size for size in (2, 4, 8) if needed <= 1 << (8 * size))}")
