"""SoftPool: the softmax-weighted sum of every window. Definition: Stergiou, Poppe & Kalliatakis 2021."""

import numpy as np

from poolcli.ops.adaptive import AnyAxes
from poolcli.ops.arrays import Array, highest, to_integers
from poolcli.ops.bands import bands, finite_range, sums
from poolcli.ops.blocks import blocks

SAFE_RANGE = 600  # between the values of a band: exp of the differences does not lose digits


def soft_pool(image: Array, axes: AnyAxes) -> Array:
    """sum(exp(x) x) / sum(exp(x)) of every window of `image` (H x W x C), computed in float64, in its dtype.

    Integers are weighed on the scale x / largest value of the dtype, as pictures enter a network, and rounded half
    up. The padding has no weight; a window without a value gives NaN (int: 0), NaN and infinity give NaN.
    """
    rows, columns = axes
    is_float = image.dtype.kind == "f"
    scale = 1.0 if is_float else float(highest(image.dtype))
    out = np.empty((rows.out, columns.out, image.shape[2]), image.dtype)
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        for outputs, band, part in bands(image, axes):
            values = band.astype(np.float64) / scale
            low, high = finite_range(values)
            means = _means(values, part, high) if high - low <= SAFE_RANGE else _scaled_means(values, part)
            out[outputs] = means if is_float else to_integers(means * scale, image.dtype)
    return out


def _means(values: Array, axes: AnyAxes, top: float) -> Array:
    weights = np.exp(values - top)
    result: Array = sums(weights * values, axes) / sums(weights, axes)
    return result


def _scaled_means(values: Array, axes: AnyAxes) -> Array:
    """Every window on the scale of its largest value, whose weight is then 1."""
    out = np.empty((axes[0].out, axes[1].out, values.shape[2]))
    for block in blocks(values, axes, bytes_per_output=48):
        top = np.full(out[block.where].shape, -np.inf)
        for plane, there in block.planes():
            np.maximum(top, plane, out=top, where=there)
        total, weighted = np.zeros(top.shape), np.zeros(top.shape)
        for plane, there in block.planes():
            weights = np.exp(plane - top)
            np.add(total, weights, out=total, where=there)
            np.add(weighted, weights * plane, out=weighted, where=there)
        out[block.where] = weighted / total
    return out
