"""What lies beyond the border of a picture: reflect, replicate, zero or wrap, as a list of rows or columns to read."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolcli.ops.arrays import Array

_NUMPY_MODES: Mapping[str, Any] = {"reflect": "reflect", "replicate": "edge", "wrap": "wrap"}
ZERO = -1  # the index that stands for "a zero here"


def edge_index(n: int, before: int, after: int, edge: str) -> NDArray[np.intp]:
    """Which of `n` values stands at -before ... n + after - 1; ZERO where a zero does.

    `reflect` does not repeat the border value and goes to and fro in a picture smaller than the padding.

    >>> edge_index(3, 2, 2, "reflect").tolist()
    [2, 1, 0, 1, 2, 1, 0]
    """
    inside = np.arange(n)
    if edge == "zero":
        return np.pad(inside, (before, after), constant_values=ZERO)
    return np.pad(inside, (before, after), mode=_NUMPY_MODES[edge])


def padded_band(image: Array, rows: NDArray[np.intp], columns: tuple[int, NDArray[np.intp]], out: Array) -> Array:
    """Copy the rows `rows` of `image` (H x W x C) into `out`, with the border columns that `columns` names.

    `columns` is (values before the first, index of every column of `out`). Casts to `out`'s dtype.
    """
    band = out[: len(rows)]
    before, index = columns
    width = image.shape[1]
    middle = band[:, before : before + width]
    if (np.diff(rows) == 1).all() and rows[0] >= 0:
        middle[...] = image[rows[0] : rows[-1] + 1]
    else:
        middle[...] = image[rows]
        middle[rows == ZERO] = 0
    for position in (*range(before), *range(before + width, len(index))):
        band[:, position] = 0 if index[position] == ZERO else middle[:, index[position]]
    return band
