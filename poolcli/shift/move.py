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
    return image, moved_rows(image, dx, dy, edge, 0, height)


def moved_rows(image: Array, dx: int, dy: int, edge: str, low: int, high: int) -> Array:
    """Rows low ... high - 1 of the picture moved by (dx, dy) under replicate, zero or wrap.

    Moved band by band a picture stays in the cache: fresh memory for all of it costs more than pooling it does.
    """
    wanted, n = np.arange(low - dy, high - dy), len(image)
    if low - dy >= 0 and high - dy <= n:
        band = image[low - dy : high - dy]
    else:
        band = image[wanted % n if edge == "wrap" else wanted.clip(0, n - 1)]
        if edge == "zero":
            band[(wanted < 0) | (wanted >= n)] = 0
    return _move(band, dx, edge)


def _kept(d: int, n: int) -> slice:
    """What of the still picture is there too when it moves by d; by -d: where it is then."""
    return slice(max(0, d), n + min(0, d))


def _move(band: Array, d: int, edge: str) -> Array:
    """Rows moved by d columns."""
    if d == 0:
        return band
    if edge == "wrap":
        return np.roll(band, d, 1)
    n = band.shape[1]
    d = max(-n, min(n, d))
    moved = np.empty_like(band)
    moved[:, _kept(d, n)] = band[:, _kept(-d, n)]
    border = slice(0, d) if d > 0 else slice(n + d, n)
    moved[:, border] = 0 if edge == "zero" else band[:, :1] if d > 0 else band[:, -1:]
    return moved
