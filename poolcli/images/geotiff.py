"""GeoTIFF: where a page lies on the map, and which value stands for nothing; both as they are for a pooled page.

Definitions: OGC 19-008r4 (GeoTIFF 1.1) for the tags, GDAL's manual of its GTiff driver for tag 42113.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from poolcli.images.frame import Frame
    from poolcli.images.tiff_pages import Page

SCALE, TIEPOINTS, TRANSFORMATION, KEYS, METADATA, NODATA = 33550, 33922, 34264, 34735, 42112, 42113
PLACE = (SCALE, TIEPOINTS, TRANSFORMATION, KEYS, 34736, 34737)
TAGS = (*PLACE, METADATA, NODATA)
_RASTER_TYPE, _IS_POINT = 1025, 2


def nodata(page: "Page", dtype: "np.dtype[Any]") -> tuple[float | int, ...]:
    """The value that tag 42113 declares to stand for nothing, as `dtype` holds it; none where it cannot.

    WhiteIsZero is inverted like the pixels, whose largest value is that of the dtype or `page.peak`.
    """
    text = str(page.tags.get(NODATA, (2, ""))[1]).strip("\0 \t\r\n")
    value = _held(text, dtype)
    if value is None:
        return ()
    if page.photometric == 0 and page.kind == "u":
        most = (1 << page.bits) - 1
        return (most - int(value),) if value <= most else ()
    return (value,)


def _held(text: str, dtype: "np.dtype[Any]") -> float | int | None:
    """
    >>> _held("-9999", np.dtype("uint8")), _held("255.0", np.dtype("uint8")), _held("nan", np.dtype("float32"))
    (None, 255, nan)
    """
    try:
        if dtype.kind == "f":
            with np.errstate(over="ignore"):
                nearest = float(dtype.type(float(text)))
            return None if np.isinf(nearest) and "inf" not in text.lower() else nearest
        exact = Fraction(text)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return int(exact) if exact.denominator == 1 and low <= exact <= high else None


def is_sound(tags: Mapping[int, tuple[int, Any]]) -> bool:
    """Whether the tags of the place have as many numbers as their definition says.

    >>> is_sound({SCALE: (12, (10.0, 10.0, 0.0))}), is_sound({SCALE: (12, 10.0)})
    (True, False)
    """
    scale, points, matrix = (_numbers(tags, code) for code in (SCALE, TIEPOINTS, TRANSFORMATION))
    return len(scale) in (0, 3) and len(points) % 6 == 0 and len(matrix) in (0, 16)


def _numbers(tags: Mapping[int, tuple[int, Any]], code: int) -> tuple[float, ...]:
    value = tags.get(code, (12, ()))[1]
    return tuple(map(float, value if isinstance(value, tuple) else (value,)))


Spacing = tuple[float, float]


def rescaled(frame: "Frame", rows: Spacing, columns: Spacing) -> "Frame":
    """`frame` with the tags of its place on the map as they are for its pooled pixels; no pixel changes.

    A spacing is (jump, edge): outputs lie `jump` input pixels apart, and the outer edge of the first one `edge` input
    pixels behind that of the picture. So the origin moves by `edge`, where tags mean the middles of pixels
    (PixelIsPoint) by `edge + (jump - 1) / 2`, and pixels become `jump` times as large. Figures of the values
    (STATISTICS_ items of GDAL_METADATA) are left out, since they were those of the input.

    >>> from poolcli.images.frame import Frame
    >>> from poolcli.images.tiff_pages import Page
    >>> tags = {SCALE: (12, (10.0, 10.0, 0.0)), TIEPOINTS: (12, (0.0, 0.0, 0.0, 500.0, 900.0, 0.0))}
    >>> page = Page(height=8, width=8, bits=8, kind="u", samples=1, photometric=1, tags=tags)
    >>> frame = Frame(np.zeros((4, 4), np.uint8), "L", page=page)
    >>> [value for _, value in rescaled(frame, (2, 0), (2, -0.5)).page.tags.values()]
    [(20.0, 20.0, 0.0), (0.0, 0.0, 0.0, 495.0, 900.0, 0.0)]
    """
    page = frame.page
    if page is None or not any(code in page.tags for code in TAGS):
        return frame
    tags = dict(page.tags)
    (down, dy), (across, dx) = (_moved(spacing, point=_is_point(tags)) for spacing in (rows, columns))
    scale, points, matrix = (_numbers(tags, code) for code in (SCALE, TIEPOINTS, TRANSFORMATION))
    if scale:
        tags[SCALE] = (tags[SCALE][0], (scale[0] * across, scale[1] * down, scale[2]))
    if points:
        moved: list[float] = []
        for i, j, k, x, y, z in zip(*[iter(points)] * 6, strict=True):
            if scale:  # the pixel of the same number lies elsewhere on the map
                east, south = (dx + i * across - i) * scale[0], (dy + j * down - j) * scale[1]
                moved += (i, j, k, x + east, y - south, z)
            else:  # the same point of the map is a pixel of another number
                moved += ((i - dx) / across, (j - dy) / down, k, x, y, z)
        tags[TIEPOINTS] = (tags[TIEPOINTS][0], tuple(moved))
    if matrix:
        pixels = np.array([[across, 0, 0, dx], [0, down, 0, dy], [0, 0, 1, 0], [0, 0, 0, 1]])
        product = np.reshape(matrix, (4, 4)) @ pixels
        tags[TRANSFORMATION] = (tags[TRANSFORMATION][0], tuple(product.ravel().tolist()))
    if METADATA in tags:
        tags[METADATA] = (tags[METADATA][0], _STATISTICS.sub("", str(tags[METADATA][1])))
    return replace(frame, page=replace(page, tags=tags))


def _moved(spacing: Spacing, *, point: bool) -> Spacing:
    """How far apart the numbered points of pixels are, and where the first one is."""
    jump, edge = spacing
    return jump, edge + (jump - 1) / 2 if point else edge


def _is_point(tags: Mapping[int, tuple[int, Any]]) -> bool:
    """Whether the coordinates of pixels are those of their middles, by GTRasterTypeGeoKey."""
    keys = _numbers(tags, KEYS)
    return (_RASTER_TYPE, 0, 1, _IS_POINT) in zip(*[iter(keys[4:])] * 4, strict=False)


_STATISTICS = re.compile(r'\s*<Item\b[^>]*\bname="STATISTICS_[^>]*>[^<]*</Item>')
