"""SoftPool: the softmax-weighted sum of every window. Definition: Stergiou, Poppe & Kalliatakis 2021."""

import numpy as np

from poolcli.ops.adaptive import AnyAxes
from poolcli.ops.arrays import Array, highest, integer_range
from poolcli.ops.bands import bands, finite_range, has_large_windows, rounded, sums
from poolcli.ops.blocks import blocks

SAFE_RANGE = 600  # between the values of a band: exp of the differences does not lose digits


def soft_pool(image: Array, axes: AnyAxes, *, valid: Array | None = None) -> Array:
    """sum(exp(x) x) / sum(exp(x)) of the (`valid`) values of every window of `image` (H x W x C), in its dtype.

    Computed in float64, with exp(x - the largest value of the window). Integers are weighed on the scale x / largest
    value of the dtype, as pictures enter a network, and rounded half up; those of 32 bits and more count down from the
    largest of their window, since their means are so near to a half that float64 would round them wrongly. The padding
    has no weight; a window without a value gives NaN (int: 0), NaN and infinity give NaN.
    """
    rows, columns = axes
    scale = 1.0 if image.dtype.kind == "f" else float(highest(image.dtype))
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
    result: Array = top + sums(weights * (values - top), axes) / sums(weights, axes)  # no sum of large values
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
