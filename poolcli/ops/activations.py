"""Activations: what stands between a filter and a pooling. The table can be read without NumPy."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poolcli.ops.arrays import Array


def relu(image: "Array") -> "Array":
    """Negative values become 0; the dtype stays."""
    import numpy as np

    positive: Array = np.maximum(image, image.dtype.type(0))
    return positive


def absolute(image: "Array") -> "Array":
    """The size of every value; the dtype stays, and its lowest integer becomes the highest instead of wrapping."""
    import numpy as np

    if image.dtype.kind == "i":
        image = np.maximum(image, np.iinfo(image.dtype).min + 1)
    size: Array = np.abs(image)
    return size


ACTIVATIONS: "Mapping[str, Callable[[Array], Array]]" = {"relu": relu, "abs": absolute}
