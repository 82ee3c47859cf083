"""Lp pooling. Definition: ONNX LpPool, (sum |x|^p) ^ (1/p) over the values truly in the window."""

from math import log2

import numpy as np

from poolcli.ops.adaptive import AnyAxes
from poolcli.ops.arrays import Array
from poolcli.ops.bands import bands, finite_range, has_large_windows, rounded, sums
from poolcli.ops.blocks import blocks
from poolcli.ops.ignored import without

SAFE_EXPONENT = 900  # sums of |x|^p between 2^-900 and 2^900 neither overflow nor lose digits


def lp_pool(image: Array, axes: AnyAxes, *, p: float, valid: Array | None = None) -> Array:
    """The p-norm of every window of `image` (H x W x C), computed in float64; integers rounded half up, held in range.

    The padding adds nothing, also in windows that `ceil` lets go over the border (PyTorch scales these up).
    """
    rows, columns = axes
    image = without(image, valid, 0)
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
    total = sums(sizes if p == 1 else np.square(sizes) if p == 2 else sizes**p, axes)
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
