"""Max and min pooling. Definitions: PyTorch MaxPool2d, ONNX MaxPool; the padding never wins, NaN always does."""

import numpy as np

from poolcli.ops.adaptive import AnyAxes
from poolcli.ops.arrays import Array, highest, lowest
from poolcli.ops.ignored import without
from poolcli.ops.uneven import reduce_any


def max_pool(image: Array, axes: AnyAxes, *, valid: Array | None = None) -> Array:
    """The largest (`valid`) value of every window of `image` (H x W x C), in its dtype."""
    least = lowest(image.dtype)
    return reduce_any(without(image, valid, least), axes, np.maximum, fill=least)


def min_pool(image: Array, axes: AnyAxes, *, valid: Array | None = None) -> Array:
    """The smallest (`valid`) value of every window of `image` (H x W x C), in its dtype."""
    most = highest(image.dtype)
    return reduce_any(without(image, valid, most), axes, np.minimum, fill=most)
