"""Every s-th value: what a strided convolution keeps of what its filter made."""

import numpy as np

from poolcli.ops.adaptive import AnyAxes
from poolcli.ops.arrays import Array


def taken_values(image: Array, axes: AnyAxes, *, valid: Array | None = None) -> Array:
    """The value of `image` (H x W x C) in every window of one value, `valid` or not."""
    rows, columns = axes
    return image[np.ix_(rows.starts(), columns.starts())]
