"""Max and min pooling. Definitions: PyTorch MaxPool2d, ONNX MaxPool; the padding never wins, NaN always does."""

import numpy as np

from poolcli.ops.adaptive import AnyAxes
from poolcli.ops.arrays import Array, highest, lowest
from poolcli.ops.uneven import reduce_any


def max_pool(image: Array, axes: AnyAxes) -> Array:
    """The largest value of every window of `image` (H x W x C), in its dtype."""
    return reduce_any(image, axes, np.maximum, fill=lowest(image.dtype))


def min_pool(image: Array, axes: AnyAxes) -> Array:
    """The smallest value of every window of `image` (H x W x C), in its dtype."""
    return reduce_any(image, axes, np.minimum, fill=highest(image.dtype))
