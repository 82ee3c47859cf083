"""Which axis of an array is what: rows, columns, channels, pictures; to frames of H x W (x C) and back."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolcli.errors import PictureError

Array = NDArray[Any]

_USUAL = {2: "hw", 3: "hwc"}  # what an array is taken for by its number of axes


def layout_of(shape: tuple[int, ...], layout: str | None, name: str) -> str:
    """`layout`, or the usual one for an array of this shape; PictureError when it has not as many axes."""
    found = layout or _USUAL.get(len(shape))
    if found is None or len(found) != len(shape):
        wanted = f"is not {layout}" if layout else "is no picture"
        way_out = "say --layout nchw for a batch of them" if len(shape) == 4 else "allowed are hw, hwc, chw and nchw"
        raise PictureError(f"{name}: an array of {len(shape)} dimensions, {spelled(shape)}, {wanted}; {way_out}")
    if min(shape) < 1:
        raise PictureError(f"{name}: an array of {spelled(shape)} has no pixels; every side must be 1 or more")
    return found


def spelled(shape: tuple[int, ...]) -> str:
    """`2 x 3`, or words where there is no axis."""
    return " x ".join(map(str, shape[:8])) or "a single value"


def to_frames(array: Array, layout: str) -> list[Array]:
    """Views of `array`, one for each picture in it: H x W, or H x W x C with C >= 2.

    >>> [frame.shape for frame in to_frames(np.zeros((5, 3, 8, 9)), "nchw")][:2]
    [(8, 9, 3), (8, 9, 3)]
    """
    pictures = list(array) if layout == "nchw" else [array]
    if layout in ("chw", "nchw"):
        pictures = [np.moveaxis(picture, 0, 2) for picture in pictures]
    return [picture[:, :, 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture for picture in pictures]


def from_frames(frames: Sequence[Array], layout: str | None) -> Array:
    """The array that holds `frames`, the other way round; without a layout H x W or H x W x C, as they are.

    Raises PictureError when the layout cannot hold them.
    """
    if layout != "nchw" and len(frames) > 1:
        raise PictureError(f"{len(frames)} frames are no one array {layout or 'hwc'}; say --layout nchw")
    if layout == "hw" and frames[0].ndim == 3:
        raise PictureError(f"{frames[0].shape[2]} channels do not fit into the layout hw; say --layout hwc or chw")
    if layout in (None, "hw"):
        return frames[0]
    pictures = [frame[:, :, np.newaxis] if frame.ndim == 2 else frame for frame in frames]
    if layout == "hwc":
        return pictures[0]
    if len({picture.shape for picture in pictures}) > 1:
        raise PictureError("frames of several sizes are no one array; take one with --frame N, or write TIFF")
    moved = [np.moveaxis(picture, 2, 0) for picture in pictures]
    return np.stack(moved) if layout == "nchw" else moved[0]
