"""Max and min pooling. Definitions: PyTorch MaxPool2d, ONNX MaxPool; the padding never wins, NaN always does."""

import numpy as np

from poolcli.ops.arrays import Array, lowest
from poolcli.ops.geometry import Window
from poolcli.ops.reduce import reduce_windows


def max_pool(image: Array, window: Window) -> Array:
    """The largest value of every window of `image` (H x W x C), in its dtype."""
    axes = window.axes(*image.shape[:2])
    return reduce_windows(image, axes, np.maximum, fill=lowest(image.dtype))
