"""Pixels as small files that a page can hold, and frames as the 8 bits that a screen shows."""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from poolcli.images.frame import Frame
from poolcli.images.modes import to_image

Pixels = NDArray[np.uint8]  # H x W, or H x W x 2 (LA), 3 (RGB) or 4 (RGBA)

# What a mode is shown as; modes of more than 8 bits are not here, since how they are scaled is the caller's choice.
_SHOWN = {"1": "L", "L": "L", "LA": "LA", "La": "LA", "PA": "RGBA", "RGB": "RGB", "RGBA": "RGBA", "RGBa": "RGBA"}
_SHOWN |= dict.fromkeys(("RGBX", "CMYK", "YCbCr", "HSV"), "RGB")
_MODES = {2: "LA", 3: "RGB", 4: "RGBA"}
_PNG_OVERHEAD = 1024  # below this a JPEG, which has 600 bytes of headers, is not tried


def shown(frame: Frame) -> Pixels | None:
    """`frame` as a screen shows it, or None for modes that are not 8 bits a channel.

    >>> shown(Frame(np.array([[True, False]]), "1")).tolist()
    [[255, 0]]
    """
    if frame.mode == "P":
        clear = frame.palette is not None and frame.palette.transparent
        return _converted(frame, "RGBA" if clear else "RGB")
    if frame.mode == "LAB":
        return frame.pixels  # false colours, but the same before and after
    target = _SHOWN.get(frame.mode)
    return None if target is None else _converted(frame, target)


def _converted(frame: Frame, mode: str) -> Pixels:
    if frame.mode == mode:
        return frame.pixels
    image = to_image(frame)
    if frame.palette is not None and frame.palette.transparency is not None:
        image.info["transparency"] = frame.palette.transparency
    return np.asarray(image.convert(mode))


def png(pixels: Pixels) -> bytes:
    """The pixels as a PNG, as small as Pillow makes it."""
    return _saved(_image(pixels), "PNG", optimize=True)


def photo(pixels: Pixels) -> bytes:
    """The pixels as a PNG, or as a JPEG where that is smaller: to look at, not to measure."""
    exact = png(pixels)
    if len(exact) < _PNG_OVERHEAD or (pixels.ndim == 3 and pixels.shape[2] in (2, 4)):
        return exact
    lossy = _saved(_image(pixels), "JPEG", quality=82, optimize=True)
    return min(exact, lossy, key=len)


def palette_png(indices: Pixels, colours: NDArray[np.uint8], alpha: bytes | None = None) -> bytes:
    """Indices H x W into `colours` (n x 3) as a PNG; `alpha` holds the opacity of the first colours."""
    image = Image.fromarray(np.ascontiguousarray(indices)).convert("P")
    image.putpalette(colours[: int(indices.max()) + 1].tobytes())
    more = {} if alpha is None else {"transparency": alpha}
    return _saved(image, "PNG", optimize=True, **more)


def fitted(picture: bytes, width: int, height: int) -> Pixels:
    """An encoded picture as RGB, H x W x 3, as large as fits into width x height; transparent parts gray."""
    with Image.open(BytesIO(picture)) as image:
        scale = min(width / image.width, height / image.height)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        method = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX
        small = image.convert("RGBA").resize(size, method)
    below = Image.new("RGBA", size, (128, 128, 128, 255))
    return np.asarray(Image.alpha_composite(below, small).convert("RGB"))


def _image(pixels: Pixels) -> Image.Image:
    mode = "L" if pixels.ndim == 2 else _MODES[pixels.shape[2]]
    return Image.frombuffer(mode, (pixels.shape[1], pixels.shape[0]), np.ascontiguousarray(pixels), "raw", mode, 0, 1)


def _saved(image: Image.Image, format: str, **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()
