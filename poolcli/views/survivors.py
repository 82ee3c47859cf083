"""Which pixels survive a max pooling: the first of every window that is as large as its result, as in PyTorch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolcli.ops.geometry import Axis
from poolcli.views.parts import Region

Array = NDArray[Any]

MARK = 4  # every pixel becomes MARK x MARK, of which the middle is marked


def survivors(image: Array, pooled: Array, axes: tuple[Axis, Axis], cells: Region) -> NDArray[np.bool_]:
    """H x W truths: the pixels of `image` whose value is what a window of `cells` (outputs) keeps, in any channel.

    `pooled` is the result of pooling `image`, with windows that lie as `axes` say.
    """
    marks = np.zeros(image.shape[:2], bool)
    out = cells.of(pooled if pooled.ndim == 3 else pooled[:, :, None])
    values = image if image.ndim == 3 else image[:, :, None]
    missing = np.ones(out.shape, bool)
    rows, columns = axes
    for t in range(rows.k):
        y, y_inside = _taps(rows, t, cells.top, cells.height)
        for u in range(columns.k):
            x, x_inside = _taps(columns, u, cells.left, cells.width)
            here = missing & (values[np.ix_(y, x)] == out) & (y_inside[:, None] & x_inside)[:, :, None]
            missing &= ~here
            marked = np.argwhere(here.any(axis=2))
            marks[y[marked[:, 0]], x[marked[:, 1]]] = True
    return marks


def _taps(axis: Axis, tap: int, first: int, count: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where tap `tap` of the windows lies, held inside the picture, and whether it truly is inside."""
    position = np.arange(first, first + count) * axis.s - axis.before + tap * axis.d
    return np.clip(position, 0, axis.n - 1), (position >= 0) & (position < axis.n)


def dots(marks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """1 in the middle of every marked pixel, 0 elsewhere, MARK times as large: a layer to lay over the picture."""
    dot = np.zeros((MARK, MARK), np.uint8)
    dot[1:-1, 1:-1] = 1
    return np.kron(marks.astype(np.uint8), dot)
