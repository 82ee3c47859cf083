"""The part of a picture worth a closer look, and pictures made small enough to be shown."""

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolcli.ops.pooling import pool

Array = NDArray[Any]
Size = tuple[int, int]  # (height, width)


@dataclass(frozen=True, slots=True)
class Region:
    """Rows `top` ... `top + height` and columns `left` ... `left + width` of a picture."""

    top: int
    left: int
    height: int
    width: int

    def of(self, image: Array) -> Array:
        """That part of `image`, a view."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]

    def scaled(self, jump: tuple[float, float], limit: Size) -> "Region":
        """The part of the input that the outputs of this region stand on, `jump` inputs apart, within `limit`."""
        top, left = int(self.top * jump[0]), int(self.left * jump[1])
        bottom = min(ceil((self.top + self.height) * jump[0]), limit[0])
        right = min(ceil((self.left + self.width) * jump[1]), limit[1])
        return Region(top, left, max(1, bottom - top), max(1, right - left))


def busiest(changes: NDArray[np.float32], size: Size) -> Region:
    """The region of `size` (cut to the picture's) in which most changes; the middle where nothing does.

    Found on a grid of half its size, which is near enough to look at.
    """
    height, width = min(size[0], changes.shape[0]), min(size[1], changes.shape[1])
    finite = np.minimum(changes, np.finfo(np.float32).max / changes.size)
    steps = max(1, height // 2), max(1, width // 2)
    means = pool(finite, (height, width), steps, mode="avg")
    if means.max() <= 0:
        return Region((changes.shape[0] - height) // 2, (changes.shape[1] - width) // 2, height, width)
    row, column = np.unravel_index(means.argmax(), means.shape)
    return Region(int(row) * steps[0], int(column) * steps[1], height, width)


def shrunk(image: Array, side: int, *, how: str = "avg") -> Array:
    """`image` made a whole number of times smaller, so that no side is longer than `side`; itself where none is.

    `how` is avg, max, or `first`: the first pixel of every block, for labels, which have no mean.
    """
    factor = ceil(max(image.shape[:2]) / side)
    if factor <= 1:
        return image
    if how == "first":
        return image[::factor, ::factor]
    return pool(image, (min(factor, image.shape[0]), min(factor, image.shape[1])), mode=how)


def stretched(images: list[Array]) -> list[NDArray[np.uint8]]:
    """Pictures of any numbers as 8 bits on one common scale, from their smallest finite value to their largest."""
    finite = [image[np.isfinite(image)] if image.dtype.kind == "f" else image for image in images]
    low = min((float(values.min()) for values in finite if values.size), default=0.0)
    high = max((float(values.max()) for values in finite if values.size), default=0.0)
    span = high - low or 1.0
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = [np.nan_to_num((image.astype(np.float64) - low) * (255 / span)) for image in images]
    return [np.clip(np.rint(image), 0, 255).astype(np.uint8) for image in scaled]
