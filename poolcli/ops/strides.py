"""Every s-th value: what a strided convolution keeps of what its filter made."""

import numpy as np

from poolcli.ops.adaptive import AnyAxes
from poolcli.ops.arrays import Array


def first_values(image: Array, axes: AnyAxes) -> Array:
    """The first (top left) value of every window of `image` (H x W x C); windows start inside it, without padding."""
    rows, columns = axes
    return image[np.ix_(rows.starts(), columns.starts())]
