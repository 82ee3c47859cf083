"""What the tags of a TIFF say: pages, depths, how values lie, where a map's pixels lie."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import Image, TiffImagePlugin, TiffTags

from poolcli.errors import PictureError
from poolcli.images import metadata
from poolcli.images.formats import Request
from poolcli.images.guard import reading
from poolcli.records import dataclass

if TYPE_CHECKING:
    from poolcli.images.frame import Frame


SCALE, TIEPOINTS, TRANSFORMATION, KEYS, METADATA, NODATA = 33550, 33922, 34264, 34735, 42112, 42113
# GeoTIFF: where a page lies on the map, and which value stands for nothing; both as they are for a pooled page.
# Definitions: OGC 19-008r4 (GeoTIFF 1.1) for the tags, GDAL's manual of its GTiff driver for tag 42113.

PLACE = (SCALE, TIEPOINTS, TRANSFORMATION, KEYS, 34736, 34737)
GEOTIFF_TAGS = (*PLACE, METADATA, NODATA)
_RASTER_TYPE, _IS_POINT = 1025, 2


def declared_nodata(page: "Page", dtype: "np.dtype[Any]") -> tuple[float | int, ...]:
    """The value that tag 42113 declares to stand for nothing, as `dtype` holds it; none where it cannot.

    WhiteIsZero is inverted like the pixels, whose largest value is that of the dtype or `page.peak`.
    """
    text = str(page.tags.get(NODATA, (2, ""))[1]).strip("\0 \t\r\n")
    value = held_as(text, dtype)
    if value is None:
        return ()
    if page.photometric == 0 and page.kind == "u":
        most = (1 << page.bits) - 1
        return (most - int(value),) if value <= most else ()
    return (value,)


def held_as(text: str, dtype: "np.dtype[Any]") -> float | int | None:
    """The number in `text` as `dtype` holds it; None where it holds no such number.

    >>> held_as("-9999", np.dtype("uint8")), held_as("255.0", np.dtype("uint8")), held_as("nan", np.dtype("float32"))
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


def retyped(frame: "Frame", dtype: np.dtype[Any], *, same: bool = False) -> "Frame":
    """`frame` for pixels of `dtype`: no palette, no peak, and unless the values are the `same` no scales or no-data.

    What its page says of the map stays.
    """
    from poolcli.images.frame import PIXEL_MODES

    mode = frame.mode if frame.mode in PIXEL_MODES and PIXEL_MODES[frame.mode].dtype == dtype else dtype.name
    mode = {"P": "L", "PA": "LA"}.get(mode, mode)
    page = frame.page
    if page is not None:
        photometric = GRAY if page.photometric in (PALETTE, WHITE_IS_ZERO, LAB) else page.photometric
        stays = same and frame.nodata and page.photometric not in (WHITE_IS_ZERO, LAB)  # its tag is not inverted
        tags = {code: tag for code, tag in page.tags.items() if code != NODATA or stays}
        if METADATA in tags and not same:
            tags[METADATA] = (tags[METADATA][0], _SCALES.sub("", str(tags[METADATA][1])))
        bits, kind = 8 * dtype.itemsize, dtype.kind.replace("b", "u")
        page = replace(page, bits=bits, kind=kind, photometric=photometric, predictor=1, colormap=(), tags=tags)
    nodata, info = (frame.nodata, frame.info) if same else ((), {**frame.info, "other_values": True})
    return replace(frame, mode=mode, palette=None, peak=None, nodata=nodata, info=info, page=page)


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
    if page is None or not any(code in page.tags for code in GEOTIFF_TAGS):
        return frame
    tags = dict(page.tags)
    (down, dy), (across, dx) = rows, columns
    if _is_point(tags):
        dy, dx = dy + (down - 1) / 2, dx + (across - 1) / 2
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
        product = np.einsum("ij,jk->ik", np.reshape(matrix, (4, 4)), pixels)
        tags[TRANSFORMATION] = (tags[TRANSFORMATION][0], tuple(product.ravel().tolist()))
    if METADATA in tags:
        tags[METADATA] = (tags[METADATA][0], _STATISTICS.sub("", str(tags[METADATA][1])))
    return replace(frame, page=replace(page, tags=tags))


def needed(tags: Mapping[int, tuple[int, Any]]) -> dict[int, tuple[int, Any]]:
    """Those that the values are read by, which stay whatever else is left out: place, no-data value, scales."""
    stay = {code: tag for code, tag in tags.items() if code in (*PLACE, NODATA)}
    scales = "".join(_SCALES.findall(str(tags.get(METADATA, (2, ""))[1])))
    return stay | ({METADATA: (2, f"<GDALMetadata>{scales}</GDALMetadata>")} if scales else {})


def _is_point(tags: Mapping[int, tuple[int, Any]]) -> bool:
    """Whether the coordinates of pixels are those of their middles, by GTRasterTypeGeoKey."""
    keys = _numbers(tags, KEYS)
    return (_RASTER_TYPE, 0, 1, _IS_POINT) in zip(*[iter(keys[4:])] * 4, strict=False)


_SCALES = re.compile(r'<Item\b[^>]*\brole="(?:scale|offset|unittype)"[^>]*>[^<]*</Item>')
_STATISTICS = re.compile(r'\s*<Item\b[^>]*\bname="STATISTICS_[^>]*>[^<]*</Item>')


Tag = tuple[int, Any]  # type, value

WHITE_IS_ZERO, GRAY, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
_COLOURS = {
    WHITE_IS_ZERO: "WhiteIsZero gray", GRAY: "gray", RGB: "RGB", PALETTE: "palette", 4: "mask", CMYK: "CMYK",
    YCBCR: "YCbCr", LAB: "CIELab", 9: "ICCLab", 10: "ITULab", 32803: "colour filter array", 32844: "LogL",
    32845: "LogLuv", 34892: "linear raw", 51177: "depth map",
}  # fmt: skip
SAMPLES = {RGB: 3, CMYK: 4, YCBCR: 3, LAB: 3, 9: 3, 10: 3, 32845: 3, 34892: 3}  # a pixel, before extra ones; else 1
_KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}  # of SampleFormat, as NumPy calls them; 4 is undefined
_BITS = {"u": (*range(1, 33), 64), "i": (8, 16, 32, 64), "f": (16, 24, 32, 64)}
RAW, OLD_JPEG, JPEG, DEFLATE, _APERIO = 1, 6, 7, 8, 33003
PROFILE = 34675  # the tag of the colour profile
_PACKED = {
    _APERIO: "Aperio's JPEG 2000", 33005: "Aperio's JPEG 2000", 34712: "JPEG 2000", 34887: "LERC", 34892: "lossy JPEG",
    50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
# Programs whose descriptions count pages or pixels: how these begin, and what of them counts.
_SHAPED = {
    "ImageJ": ("ImageJ=", "images=", "channels=", "slices=", "frames="),
    "tifffile": ("{", '"shape":'),
    "an old tifffile": ("shape=(", "shape=("),
    "OME": ("<", "<OME ", "<OME>"),
    "SCIFIO": ("SCIFIO=", "lengths="),
}
# What arrays are called, by photometric, dtype and extra samples; others by their dtype.
_MODES: Mapping[tuple[int, str, tuple[int, ...]], str] = {
    (photometric, dtype, extra): mode
    for photometrics, dtype, extra, mode in (
        ((0, 1, 4), "bool", (), "1"),
        ((0, 1), "uint8", (), "L"),
        ((0, 1), "uint8", (2,), "LA"),
        ((0, 1), "uint8", (1,), "La"),
        ((0, 1), "uint16", (), "I;16"),
        ((0, 1), "uint16", (2,), "LA;16"),
        ((1,), "int32", (), "I"),
        ((1,), "float32", (), "F"),
        ((2,), "uint8", (), "RGB"),
        ((2,), "uint8", (2,), "RGBA"),
        ((2,), "uint8", (1,), "RGBa"),
        ((2,), "uint16", (), "RGB;16"),
        ((2,), "uint16", (2,), "RGBA;16"),
        ((2,), "float32", (), "RGB;32F"),
        ((3,), "uint8", (), "P"),
        ((3,), "uint8", (2,), "PA"),
        ((5,), "uint8", (), "CMYK"),
        ((6,), "uint8", (), "YCbCr"),
        ((8,), "uint8", (), "LAB"),
    )
    for photometric in photometrics
}

# What travels with a page into the result, beside its layout; of the tags below these nothing is lost by leaving them.
_TEXTS = (269, 270, 271, 272, 285, 305, 306, 315, 316, 33432)
_TRAVELS = (*_TEXTS, 282, 283, 286, 287, 296, 297, 318, 319, 700, 33723, PROFILE, *GEOTIFF_TAGS)
_LAYOUT = (
    254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291,
    292, 293, 301, 317, 320, 321, 322, 323, 324, 325, 326, 327, 328, 332, 333, 334, 336, 338, 339, 340, 341, 342, 347,
    512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 32997, 32998, 50674, 34665, 34853, 330,
)  # fmt: skip

OTHER = "the byte that Pillow's own raw mode leaves out"
_INTERLEAVED, _NATIVE, _UNCOMPRESSED, _LITTLE = "interleaved", "native", "uncompressed", "little"
# What Pillow reads exactly: (photometric, kind, bits, extra samples) to the mode, the raw mode where Pillow's own would
# change values, and what else has to be so. Its libtiff gives 32 bits of big-endian files the wrong way round, and
# planes of what has no mode of its own as one band.
_PILLOW: Mapping[tuple[int, str, int, tuple[int, ...]], tuple[str, str | None, frozenset[str]]] = {
    (photometric, kind, bits, extra): (mode, raw, frozenset(needs.split()))
    for photometrics, kind, depths, extra, mode, raw, needs in (
        ((0, 1), "u", (1,), (), "1", None, ""),
        ((0, 1), "u", (2, 4, 8), (), "L", None, ""),
        ((1,), "u", (16,), (), "I;16", None, ""),
        ((1,), "u", (12,), (), "I;16", None, f"{_LITTLE} {_UNCOMPRESSED}"),
        ((1,), "i", (32,), (), "I", None, _NATIVE),
        ((1,), "f", (32,), (), "F", None, _NATIVE),
        ((1,), "u", (8,), (2,), "LA", None, _INTERLEAVED),
        ((1,), "u", (8,), (1,), "La", None, _INTERLEAVED),
        ((2,), "u", (8,), (), "RGB", None, ""),
        ((2,), "u", (8,), (2,), "RGBA", None, ""),
        ((2,), "u", (8,), (1,), "RGBa", "RGBA", _INTERLEAVED),
        ((2,), "u", (16,), (), "RGB", OTHER, _INTERLEAVED),
        ((2,), "u", (16,), (2,), "RGBA", OTHER, _INTERLEAVED),
        ((5,), "u", (16,), (), "CMYK", OTHER, _INTERLEAVED),
        ((3,), "u", (1, 2, 4, 8), (), "P", None, ""),
        ((3,), "u", (8,), (2,), "PA", None, _INTERLEAVED),
        ((5,), "u", (8,), (), "CMYK", None, ""),
        ((6,), "u", (8,), (), "YCbCr", None, f"{_INTERLEAVED} {_UNCOMPRESSED}"),
        ((8,), "u", (8,), (), "LAB", None, _INTERLEAVED),
    )
    for photometric in photometrics
    for bits in depths
}
_LIBTIFF = (1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 50000)  # compressions that Pillow reads without loss


@dataclass(frozen=True, slots=True)
class Page:
    """How the pixels of one page lie in a TIFF, and in `tags` (code to type and value) what else travels with it.

    `kind` is u, i or f; `extra` has the meaning of every sample beyond the colours: 0 none, 1 premultiplied alpha,
    2 alpha. `colormap` are the 16-bit colours of a palette, all reds first; `segments` where strips or tiles begin and
    their bytes; `inside` how many pictures hang below this page (SubIFDs); `nested` are tables in its table of tags,
    `dropped` its tags that only their writer knows. `big`: a BigTIFF.
    """

    height: int
    width: int
    bits: int
    kind: str
    samples: int
    photometric: int
    extra: tuple[int, ...] = ()
    planar: bool = False
    compression: int = RAW
    predictor: int = 1
    big_endian: bool = False
    big: bool = False
    lsb_first: bool = False
    subsampled: bool = False
    orientation: int = 1
    tile: tuple[int, int] | None = None
    rows_per_strip: int = 0
    colormap: tuple[int, ...] = ()
    segments: tuple[tuple[int, int], ...] = ()
    offset: int = 0
    reduced: bool = False
    tags: Mapping[int, Tag] = field(default_factory=dict)
    nested: tuple[int, ...] = ()
    inside: int = 0
    dropped: tuple[int, ...] = ()

    def __str__(self) -> str:
        """`16-bit RGB`, `planar 16-bit RGB`, `64-bit floats`, `5 bands of 8-bit values` and the like."""
        depth = f"{'signed ' * (self.kind == 'i')}{self.bits}-bit{' float' * (self.kind == 'f')}"
        colour = _COLOURS.get(self.photometric, f"photometric {self.photometric}")
        more = len(self.extra)
        what = f"{depth} {colour}"
        if self.photometric == GRAY and not more and (self.kind != "u" or self.bits > 16):
            what = f"{depth}s" if self.kind == "f" else f"{depth} integers"
        elif self.extra in ((1,), (2,)):
            what += f" with {'premultiplied ' * (self.extra == (1,))}alpha"
        elif self.photometric == GRAY and more:
            what = f"{self.samples} bands of {depth} values"
        elif more:
            what += f" and {more} more band{'s' * (more > 1)}"
        if self.compression in _PACKED:
            what += f" in {_PACKED[self.compression]}"
        turned = "big-endian compressed " if self.big_endian and self.compression != RAW and self.bits > 8 else ""
        return turned + "planar " * (self.planar and self.samples > 1) + what

    @property
    def whole_tile(self) -> tuple[int, int] | None:
        """Height and width of its tiles, where they are as the standard wants them: multiples of 16."""
        return self.tile if self.tile is not None and not any(side % 16 for side in self.tile) else None

    @property
    def alpha(self) -> bool:
        """Whether the last band is alpha."""
        return bool(self.extra) and self.extra[-1] in (1, 2)

    @property
    def peak(self) -> int | None:
        """The largest value, where the dtype has room for larger ones."""
        return 2**self.bits - 1 if self.kind == "u" and self.bits not in (1, 8, 16, 32, 64) else None

    def mode(self, dtype: str) -> str:
        """The mode of pixels of this dtype, or its name, and what their bands are if these are no colours of light:
        `CMYK;uint16`, `RGBa;uint16` (premultiplied), `RGB+3;uint8`.
        """
        known = _MODES.get((self.photometric, dtype, self.extra))
        if known is not None or (self.photometric in (WHITE_IS_ZERO, GRAY, RGB) and self.extra in ((), (2,))):
            return known or dtype
        colours = {RGB: "RGB", CMYK: "CMYK", YCBCR: "YCbCr", LAB: "LAB", PALETTE: "P"}.get(self.photometric, "L")
        more = f"+{len(self.extra)}" if self.extra else ""
        return f"{colours}{'a' if self.extra == (1,) else more};{dtype}"

    def by_pillow(self) -> tuple[str, str | None] | None:
        """The mode in which Pillow gives exactly what stands in the file, and its raw mode if not Pillow's own."""
        if self.big and self.big_endian:  # whose header Pillow takes for that of a small file
            return None
        if self.compression in (OLD_JPEG, JPEG):
            jpeg = {GRAY: "L", RGB: "RGB", YCBCR: "RGB", CMYK: "CMYK"}.get(self.photometric)
            fits = self.bits == 8 and not self.extra and not self.planar
            return (jpeg, None) if jpeg and fits else None
        key = self.photometric, self.kind, self.bits, self.extra
        if key not in _PILLOW or self.compression not in _LIBTIFF or any(size == 0 for _, size in self.segments):
            return None
        mode, raw, needs = _PILLOW[key]
        holds = {
            _INTERLEAVED: not self.planar,
            _NATIVE: not self.big_endian or self.compression == RAW,
            _UNCOMPRESSED: self.compression == RAW and not self.subsampled,
            _LITTLE: not self.big_endian,
        }
        if self.lsb_first and self.bits > 1:
            needs |= {_INTERLEAVED, _UNCOMPRESSED, *([_LITTLE] if self.bits > 8 else [])}
            if mode not in ("L", "I;16", "RGB", "P"):
                return None
        return (mode, raw) if all(holds[need] for need in needs) else None


def pages(stream: BinaryIO, request: Request) -> Iterator[Page]:
    """What the tags say of every page, in the order of the file."""
    stream.seek(0)
    head = stream.read(8)
    head += stream.read(8) if head[2:4] in (b"+\0", b"\0+") else b""
    begin = head if len(head) == 8 else b"II+\0" + head[4:]  # Pillow knows a BigTIFF by this beginning alone
    offset, seen = TiffImagePlugin.ImageFileDirectory_v2(begin, prefix=head[:2]).next, set[int]()
    while offset and offset not in seen:
        seen.add(offset)
        stream.seek(offset)
        tags = TiffImagePlugin.ImageFileDirectory_v2(begin, prefix=head[:2])
        tags.next = -1
        tags.load(stream)
        if tags.next < 0:
            raise request.refuse(f"page {len(seen) - 1} is broken or cut short; get the file again")
        yield _page(tags, offset, len(seen) - 1, big=len(head) > 8, request=request)
        offset = tags.next
    if not seen:
        raise request.refuse("a TIFF without a page; get the file again")


def _page(
    tags: TiffImagePlugin.ImageFileDirectory_v2, offset: int, number: int, *, big: bool, request: Request
) -> Page:
    def all_of(code: int) -> tuple[int, ...]:
        """The values of a tag as whole numbers, whatever their type in the file."""
        value = tags.get(code, ())
        return tuple(int(each) for each in (value if isinstance(value, tuple | bytes) else (value,)))

    def one(code: int, default: int) -> int:
        return (all_of(code) or (default,))[0]

    compression = one(259, RAW)
    old = compression == OLD_JPEG  # which leaves out what it takes for granted
    photometric = YCBCR if old and one(262, RGB) == RGB else one(262, WHITE_IS_ZERO)
    samples = one(277, 3 if old else 1)
    bits, formats = all_of(258)[:samples] or (8 if old else 1,), all_of(339)[:samples] or (1,)
    tiles = 322 in tags
    page = Page(
        height=one(257, 0),
        width=one(256, 0),
        bits=bits[0],
        kind=_KINDS.get(formats[0], "c"),
        samples=samples,
        photometric=photometric,
        extra=_extra(all_of(338), samples - SAMPLES.get(photometric, 1), photometric),
        planar=one(284, 1) == 2,
        compression=compression,
        predictor=one(317, 1),
        big_endian=tags.prefix == b"MM",
        big=big,
        lsb_first=one(266, 1) == 2,
        subsampled=photometric == YCBCR and (all_of(530) or (1, 1)) != (1, 1),
        orientation=one(274, 1),
        tile=(one(323, 0), one(322, 0)) if tiles else None,
        rows_per_strip=one(278, one(257, 0)),
        colormap=all_of(320),
        segments=tuple(zip(all_of(324 if tiles else 273), all_of(325 if tiles else 279), strict=False)),
        offset=offset,
        reduced=bool(one(254, 0) & 1) or one(255, 0) == 2,
        tags={code: (tags.tagtype[code], _value(tags[code])) for code in _TRAVELS if _is_sound(code, tags)},
        nested=tuple(code for code in (34665, 34853) if code in tags),
        inside=len(all_of(330)),
        dropped=tuple(
            code for code in tags if code not in _LAYOUT and not (code in _TRAVELS and _is_sound(code, tags))
        ),
    )
    why = _unreadable(page, bits, formats, one(32997, 1))
    if why is not None:
        raise request.refuse(f"page {number} {why}")
    return page


def _is_sound(code: int, tags: TiffImagePlugin.ImageFileDirectory_v2) -> bool:
    """Whether a tag is there, and a text if it is to be one."""
    return code in tags and (code not in _TEXTS or isinstance(tags[code], str))


def _value(value: Any) -> Any:
    """What Pillow gives as a tuple of one run of bytes, as these bytes."""
    return value[0] if isinstance(value, tuple) and len(value) == 1 and isinstance(value[0], bytes) else value


def _extra(extra: tuple[int, ...], count: int, photometric: int) -> tuple[int, ...]:
    """The meaning of `count` extra samples; a fourth of RGB that has none is alpha, as everybody takes it."""
    if photometric == RGB and count == 1 and extra[:1] in ((), (999,)):  # 999: Corel Draw
        return (2,)
    return (*extra, *(0,) * count)[: max(count, 0)]


def _unreadable(page: Page, bits: Sequence[int], formats: Sequence[int], depth: int) -> str | None:
    """Why no library reads this page exactly; None where one may."""
    whole = page.kind == "u"
    reasons = (
        (min(page.height, page.width, page.samples) < 1, "has no size; get the file again"),
        (page.samples < SAMPLES.get(page.photometric, 1), f"is {page} of {page.samples} bands; get the file again"),
        (len({*bits}) > 1, f"has bands of {', '.join(map(str, bits))} bits; convert them to one depth first"),
        (len({*formats}) > 1, "has bands of integers and floats; convert them to one kind first"),
        (page.kind == "c", "holds complex numbers; write their real and imaginary parts as two bands first"),
        (page.bits not in _BITS.get(page.kind, ()), f"is {page}, which nothing reads; convert it to 8, 16 or 32 bits"),
        (page.photometric == LAB and page.bits not in (8, 16), f"is {page}; convert it to 8 or 16 bits first"),
        (depth > 1, f"is a volume of {depth} slices; save them as pages first"),
        (page.photometric in (32844, 32845), f"is {page}, a logarithm of brightness; convert it to floats first"),
        (
            page.photometric == WHITE_IS_ZERO and not whole,
            f"is {page}, which has no largest value to count brightness from; save it as BlackIsZero first",
        ),
        (
            whole and page.bits == 24 and page.big_endian,
            f"is {page} in big-endian order, which readers take differently; save it with 32 bits first",
        ),
        (
            page.predictor != 1 and page.compression == RAW,
            "has a predictor without compression, which readers take differently; save it without one first",
        ),
        (
            page.compression == _APERIO,
            f"is {page}, whose YCbCr is called RGB; convert it to another compression first",
        ),
        (
            page.subsampled and page.compression not in (OLD_JPEG, JPEG),
            "is YCbCr with fewer colour samples but no JPEG; convert it to RGB first",
        ),
        (
            page.photometric == PALETTE and len(page.colormap) != 3 << page.bits,
            f"is a palette of {page.bits} bits with {len(page.colormap)} numbers of colours; get the file again",
        ),
    )
    return next((text for wrong, text in reasons if wrong), None)


def described(stream: BinaryIO, page: Page, request: Request) -> Page:
    """`page` with the tables of its camera, and without what would not be true of the result; notes for what goes."""
    tags, codes = metadata.upright_tags(page.tags, page.orientation), set(page.dropped)
    if page.nested:
        tags |= _tables(stream, page, request)
    text = tags.get(270, (2, ""))[1]
    if isinstance(text, str) and (writer := states_a_shape(text)):
        del tags[270]
        request.note(f"the description by {writer} was dropped, since it states the shape of the file")
    turned = page.orientation != 1 and any(code in tags for code in PLACE)
    if turned or not is_sound(tags):
        tags = {code: tag for code, tag in tags.items() if code not in PLACE}
        request.note(
            f"the place on the map was dropped, since it {'is that of a turned picture' if turned else 'is broken'}"
        )
    if not metadata.is_resolution({code: value for code, (_, value) in tags.items()}):
        tags = {code: tag for code, tag in tags.items() if code not in metadata.RESOLUTION}
    kind, xmp = tags.get(700, (7, None))
    if isinstance(xmp, bytes):
        tags[700] = (kind, metadata.upright(xmp))
    if page.inside:
        request.note(f"{page.inside} picture{'s' * (page.inside > 1)} inside a page (SubIFDs) left out")
    if codes:
        listed = ", ".join(f"{code} ({TiffTags.lookup(code).name})" for code in sorted(codes))
        request.note(f"tags that only their writer knows were dropped: {listed}".replace(" (unknown)", ""))
    return replace(page, tags=tags)


def states_a_shape(text: str) -> str | None:
    """The program whose description, at the start of `text`, counts the pages or pixels of the file."""
    for writer, marks in _SHAPED.items():
        if text.startswith(marks[0]) and any(mark in text for mark in marks[1:]):
            return writer
    return None


def _tables(stream: BinaryIO, page: Page, request: Request) -> dict[int, Tag]:
    """What the camera did and where it was, as tables in the table of tags."""
    exif = Image.Exif()
    exif.endian, exif.bigtiff = ">" if page.big_endian else "<", page.big
    try:
        with reading(request.name):
            exif.load_from_fp(stream, page.offset)
            return {code: (4, exif.get_ifd(code)) for code in page.nested}
    except PictureError:
        request.note("the EXIF data is broken and was dropped")
        return {}


def promised(page: Page) -> int:
    """The values that the description of the first page says the file has, in pages of their own or not."""
    text = str(page.tags.get(270, (2, ""))[1])
    if match := re.search(r"^images=(\d{1,9})$", text, re.M) if text.startswith("ImageJ=") else None:
        return int(match[1]) * page.height * page.width * page.samples
    match = re.search(r'^(?:\{.*"shape": \[|shape=\()([\d, ]{1,99})[])]', text)
    return math.prod(int(side) for side in match[1].replace(",", " ").split()) if match else 0
