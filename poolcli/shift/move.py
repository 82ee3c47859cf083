"""Moving a picture by whole pixels, and what comes in at its border."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolcli.errors import PictureError

Array = NDArray[Any]


def shifted_pair(image: Array, dx: int, dy: int, edge: str) -> tuple[Array, Array]:
    """The picture and the picture moved by (dx, dy), of equal shape.

    What comes in at the border is the border value again (replicate), 0 (zero), or what left on the other side
    (wrap); `crop` gives two views of what both pictures truly have.

    >>> [part.tolist() for part in shifted_pair(np.array([[1, 2, 3]]), -1, 0, "replicate")]
    [[[1, 2, 3]], [[2, 3, 3]]]
    """
    height, width = image.shape[:2]
    if edge == "crop":
        if abs(dx) >= width or abs(dy) >= height:
            raise PictureError(
                f"a shift of {dx},{dy} leaves nothing of a picture of {width}x{height} under edge 'crop': "
                "use a smaller shift or another --shift-edge"
            )
        return image[_kept(dy, height), _kept(dx, width)], image[_kept(-dy, height), _kept(-dx, width)]
    return image, _move(_move(image, dy, edge, 0), dx, edge, 1)


def _kept(d: int, n: int) -> slice:
    """What of the still picture is there too when it moves by d; by -d: where it is then."""
    return slice(max(0, d), n + min(0, d))


def _move(image: Array, d: int, edge: str, axis: int) -> Array:
    if d == 0:
        return image
    if edge == "wrap":
        return np.roll(image, d, axis)
    n = image.shape[axis]
    d = max(-n, min(n, d))
    source, moved = image.swapaxes(0, axis), np.empty_like(image)
    target = moved.swapaxes(0, axis)
    target[_kept(d, n)] = source[_kept(-d, n)]
    border = slice(0, d) if d > 0 else slice(n + d, n)
    target[border] = 0 if edge == "zero" else source[:1] if d > 0 else source[-1:]
    return moved
