"""Where the maximum of every window lies, as PyTorch's MaxPool2d(return_indices=True) tells it."""

import numpy as np

from poolcli.ops.adaptive import AnyAxes, Spans
from poolcli.ops.arrays import Array
from poolcli.ops.blocks import blocks, taps_of
from poolcli.ops.geometry import Axis


def max_indices(image: Array, axes: AnyAxes, valid: Array | None = None) -> Array:
    """Flat index row * W + column (int64) of the first maximum of every window of `image` (H x W x C), or the last NaN.

    A window without a value gets its first row and column that are not negative, perhaps no pixel at all.
    """
    rows, columns = axes
    width = image.shape[1]
    corner = np.add.outer(_first_positions(rows) * width, _first_positions(columns))[:, :, np.newaxis]
    out = np.empty((rows.out, columns.out, image.shape[2]), np.int64)
    for block in blocks(image, axes, valid=valid, bytes_per_output=32):
        down, across = (taps_of(axis, part)[0] for axis, part in zip(axes, block.where, strict=True))
        index = np.broadcast_to(corner[block.where], out[block.where].shape).copy()
        best = np.zeros(index.shape, image.dtype)
        empty = np.ones(index.shape, np.bool_)
        for tap, (values, there) in enumerate(block.planes()):
            row, column = divmod(tap, len(across))
            better = (empty | (values > best) | np.not_equal(values, values)) & there
            np.copyto(best, values, where=better)
            np.copyto(index, np.add.outer(down[row] * width, across[column])[:, :, np.newaxis], where=better)
            empty &= ~better
        out[block.where] = index
    return out


def _first_positions(axis: Axis | Spans) -> Array:
    starts = np.array(axis.starts())
    step = axis.d if isinstance(axis, Axis) else 1
    return np.where(starts < 0, starts % step, starts)
