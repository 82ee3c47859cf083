"""TIFF: pixels read by Pillow where it is exact, by tifffile everything else; and written back as they lay."""

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from itertools import islice
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin, UnidentifiedImageError

from poolcli.errors import PictureError
from poolcli.images import arrays, metadata, tiff_pages
from poolcli.images.formats import FORMATS, KEEPS_LABELS, MAX_FRAMES, ZARR, Request
from poolcli.images.frame import (
    PIXEL_MODES,
    Array,
    Frame,
    Meta,
    Palette,
    Picture,
    coloured,
    colours_of,
    to_array,
    turned,
    way_to,
)
from poolcli.images.guard import writing
from poolcli.images.metadata import RESOLUTION
from poolcli.images.tiff_pages import (
    DEFLATE,
    GRAY,
    JPEG,
    LAB,
    OLD_JPEG,
    OTHER,
    PALETTE,
    PROFILE,
    RAW,
    RGB,
    SAMPLES,
    WHITE_IS_ZERO,
    YCBCR,
    Page,
    Tag,
    described,
    pages,
    promised,
    states_a_shape,
)

_LOSSLESS = (RAW, 5, DEFLATE, 32773, 32946, 34925, 50000)  # compressions that are kept; others become deflate
_BILEVEL = (2, 3, 4)  # kept for 1 bit
_PREDICTED = (5, DEFLATE, 34925, 50000)
_TABLES = (metadata.CAMERA, metadata.PLACE)  # what the camera did, where it was: tables inside the table of tags
_PHOTOMETRIC = {"CMYK": 5, "YCbCr": 6, "LAB": LAB, "P": PALETTE, "PA": PALETTE}
_LARGE = (1 << 32) - (1 << 25)  # bytes from which offsets take 64 bits
_NO_COMPRESSION = (
    "the TIFF was written without compression, since Pillow's compressing writer has no room for camera data in EXIF; "
    "--strip leaves that out"
)


def read(stream: BinaryIO, request: Request) -> Picture:
    """The pages of the TIFF in `stream`, or the requested one, as frames that hold what stands in the file.

    WhiteIsZero is inverted, palettes are expanded unless labels are requested, orientation is undone. Pages marked as
    smaller copies of others are left out unless requested by number. Raises PictureError for what is broken, larger
    than allowed, or read exactly by none of the libraries that are installed.
    """
    chosen = chosen_pages(stream, request)
    able = all(page.by_pillow() for _, page in chosen) and (chosen[0][0] == 0 or _opens(stream, request))
    arrays = _by_pillow if able else _by_tifffile
    frames = tuple(
        frame_of(described(stream, page, request), pixels, request)
        for (_, page), pixels in zip(chosen, arrays(stream, chosen, request), strict=True)
    )
    values = {code: value for code, (_, value) in frames[0].page.tags.items()} if frames[0].page else {}
    first = chosen[0][1]
    mode = ("PA" if first.extra else "P") if first.photometric == PALETTE else frames[0].mode
    return Picture("TIFF", frames, mode, metadata.of_tiff(values, request.name, request.notes))


def chosen_pages(stream: BinaryIO, request: Request) -> list[tuple[int, Page]]:
    """The pages to read, with their numbers."""
    number, walk = request.options.frame, enumerate(pages(stream, request))
    if number is not None:
        chosen = list(islice(walk, number + 1))
        request.chosen(len(chosen))
        page = chosen[number][1]
        request.check_pixels(weight_of(page.height, page.width, page.samples), bands=page.samples)
        return [chosen[number]]
    chosen, pixels, bands = [], 0, 1
    for index, page in walk:
        if index == MAX_FRAMES:
            raise request.refuse(f"more than {MAX_FRAMES} frames; take single ones with --frame N")
        if page.reduced and chosen:
            request.note(f"page {index} was left out, since it is a smaller copy of another; --frame {index} takes it")
            continue
        pixels += weight_of(page.height, page.width, page.samples)
        bands = max(page.samples, bands)
        request.check_pixels(pixels, together=bool(chosen), bands=bands)
        chosen.append((index, page))
    if promised(chosen[0][1]) > sum(page.height * page.width * page.samples for _, page in chosen):
        writer = states_a_shape(str(chosen[0][1].tags[270][1]))
        raise request.refuse(f"a stack of {writer} behind {len(chosen)} page; save it as a TIFF with a page for each")
    return chosen


def weight_of(height: int, width: int, samples: int) -> int:
    """Pixels for the limit: four bands are one, as of arrays."""
    return height * width * max(1, -(-samples // 4))


def _by_pillow(stream: BinaryIO, chosen: Sequence[tuple[int, Page]], request: Request) -> Iterator[Array]:
    """The pixels of every page as they stand in the file, upright."""
    high, low = _opened(stream, request), None
    for number, page in chosen:
        mode, raw = page.by_pillow() or ("", None)
        if raw == OTHER:  # Pillow has no mode for these, and gives one byte of each value at a time
            low = low or _opened(stream, request)
            pixels = _loaded(high, number, None).astype(np.uint16) << 8
            pixels |= _loaded(low, number, raw)
        else:
            pixels = _loaded(high, number, raw)
        depth = {"L": {2: 85, 4: 17}}.get(mode, {}).get(page.bits)  # which Pillow spreads over 0 ... 255
        yield pixels if depth is None else pixels // np.uint8(depth)


def _opened(stream: BinaryIO, request: Request) -> ImageFile.ImageFile:
    stream.seek(0)
    try:
        return Image.open(stream, formats=["TIFF"])
    except UnidentifiedImageError:
        raise request.refuse("the TIFF is broken, since its tags contradict one another; get the file again") from None


def _opens(stream: BinaryIO, request: Request) -> bool:
    """Whether Pillow reads the first page, without which it reads no other."""
    try:
        _opened(stream, request)
    except PictureError:
        return False
    return True


def _loaded(image: ImageFile.ImageFile, number: int, raw: str | None) -> Array:
    image.seek(number)
    if raw is not None:
        image.tile = [tile._replace(args=_with_raw(tile.args, raw)) for tile in image.tile]
    image.load()
    return to_array(image)


def _with_raw(args: Any, raw: str) -> tuple[Any, ...]:
    """The arguments of a decoder with another raw mode."""
    own, *others = args
    big = own[-1] == "B" or (own[-1] == "N" and sys.byteorder == "big")
    return (own[:-1] + ("L" if big else "B") if raw == OTHER else raw, *others)


def _by_tifffile(stream: BinaryIO, chosen: Sequence[tuple[int, Page]], request: Request) -> Iterator[Array]:
    """The pixels of every page as they stand in the file, upright, with WhiteIsZero inverted."""
    library = tifffile()
    if library is None:
        page = next((page for _, page in chosen if page.by_pillow() is None), chosen[0][1])
        raise request.needs(f"a TIFF of {page}", "tifffile", "imagecodecs")
    size = stream.seek(0, 2)
    stream.seek(0)
    with library.TiffFile(stream) as file:
        for number, page in chosen:
            if page.compression != RAW and page.compression not in library.TIFF.DECOMPRESSORS:
                raise request.refuse(f"page {number} has compression {page.compression}; save it with deflate first")
            _check_segments(page, number, size, request)
            pixels = file.pages[number].asarray(squeeze=False)[:, 0]
            pixels = np.moveaxis(pixels[..., 0], 0, -1) if page.planar and page.samples > 1 else pixels[0]
            if pixels.shape != (page.height, page.width, page.samples):
                raise request.refuse(f"page {number} holds {pixels.shape}, not what its tags say; get the file again")
            yield turned(as_brightness(arrays.native(pixels), page.photometric, page.peak), page.orientation)


def _check_segments(page: Page, number: int, size: int, request: Request) -> None:
    """PictureError unless all strips or tiles of a page are there and lie in the file."""
    high, wide = page.tile or (page.rows_per_strip or page.height, page.width)
    expected = -(-page.height // max(high, 1)) * -(-page.width // max(wide, 1)) * (page.samples if page.planar else 1)
    if len(page.segments) != expected or any(first + count > size for first, count in page.segments):
        raise request.refuse(f"page {number} is cut short; get the file again")


def as_brightness(pixels: Array, photometric: int, peak: int | None) -> Array:
    """WhiteIsZero inverted, and CIELab's a and b from two's complement to 0 ... 255, so that larger is larger; or back.

    `peak` is the largest value, if not the dtype's. Bands beyond the colours stay.
    """
    if photometric not in (WHITE_IS_ZERO, LAB):
        return pixels
    changed = pixels.copy()
    if photometric == LAB:
        changed[..., 1:3] ^= pixels.dtype.type(1 << (8 * pixels.dtype.itemsize - 1))
        return changed
    gray = changed if pixels.ndim == 2 else changed[..., 0]
    gray[...] = ~gray if peak is None else peak - gray
    return changed


def frame_of(page: Page, pixels: Array, request: Request) -> Frame:
    pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    nodata: tuple[Any, ...] = tiff_pages.declared_nodata(page, pixels.dtype)
    if page.photometric == PALETTE:
        return _of_palette(page, pixels.astype(np.uint8) if pixels.dtype == bool else pixels, nodata, request)
    if page.photometric == YCBCR and page.compression in (OLD_JPEG, JPEG):
        page = replace(page, photometric=RGB)  # as every decoder of JPEG gives it
    return Frame(pixels, page.mode(pixels.dtype.name), page.alpha, peak=page.peak, nodata=nodata, page=page)


def _of_palette(page: Page, pixels: Array, nodata: tuple[Any, ...], request: Request) -> Frame:
    """Indices with their palette where labels are requested, else the colours."""
    colours = colours_of(page.colormap)
    if request.indices:
        palette = Palette((colours if colours.dtype == np.uint8 else colours >> 8).astype(np.uint8).tobytes())
        return Frame(pixels, page.mode(pixels.dtype.name), page.alpha, palette, nodata=nodata, page=page)
    request.note(f"palette {'PA' if page.extra else 'P'} pooled as RGB{'A' * page.alpha}{KEEPS_LABELS}")
    pixels, nodata = coloured(pixels, colours), _ignored_colour(nodata, colours, request)
    tags = {code: tag for code, tag in page.tags.items() if code != tiff_pages.NODATA}
    samples, bits = 3 + len(page.extra), 8 * colours.itemsize
    page = replace(page, photometric=RGB, samples=samples, bits=bits, colormap=(), tags=tags)
    return Frame(pixels, page.mode(pixels.dtype.name), page.alpha, nodata=nodata, page=page)


def _ignored_colour(nodata: Sequence[int], colours: Array, request: Request) -> tuple[tuple[int, ...], ...]:
    """The colour of the index that stands for nothing, where it is that of no other index."""
    if not nodata or not 0 <= nodata[0] < len(colours):
        return ()
    alone = np.count_nonzero((colours == colours[nodata[0]]).all(axis=1)) == 1
    request.note(f"no-data index {nodata[0]} {'became' if alone else 'counts as'} its colour; majority keeps indices")
    return (tuple(colours[nodata[0]].tolist()),) if alone else ()


def tifffile() -> ModuleType | None:
    """The library of that name, if it and imagecodecs are installed."""
    try:
        import imagecodecs  # noqa: F401 (without it tifffile lacks most compressions)
        import tifffile
    except ImportError:
        return None
    logger = logging.getLogger("tifffile")
    if not logger.handlers:  # without any, Python prints what is logged as an error
        logger.addHandler(logging.NullHandler())
    library: ModuleType = tifffile
    return library


def is_needed(picture: Picture, *, allow_8bit: bool) -> bool:
    """Whether tifffile is to write `picture`: Pillow would lose values, or how a page lies, and it is installed.

    Raises PictureError where values would be lost and it is not, unless only bits would and `allow_8bit` lets them.
    """
    if all(map(_lies_as_pillow_writes, picture.frames)):
        return False
    if tifffile() is not None:
        return True
    unheld = next((frame for frame in picture.frames if not _is_held(frame)), None)
    if unheld is not None and not (allow_8bit and way_to(unheld, FORMATS["TIFF"].modes, narrow=True)):
        page = page_of(unheld, picture.meta)
        raise PictureError(f"a TIFF of {page} takes a library to write: pip install tifffile imagecodecs")
    return False


def _is_held(frame: Frame) -> bool:
    """Whether Pillow's writer of TIFF has room for the values."""
    return frame.mode in FORMATS["TIFF"].modes and frame.peak is None


def _lies_as_pillow_writes(frame: Frame) -> bool:
    page = frame.page
    if page is None or not _is_held(frame):
        return _is_held(frame)
    white = page.photometric == WHITE_IS_ZERO and (
        frame.mode == "L" or (frame.mode == "1" and page.compression in _BILEVEL)  # which tifffile does not write
    )
    strips = page.tile is None or tifffile() is None  # which Pillow writes alone
    usual = white or page.photometric == page_of(replace(frame, page=None), Meta()).photometric
    colours = page.samples > 1 or not any(colour % 256 for colour in page.colormap)  # Pillow writes the upper bytes
    return strips and usual and colours and page.extra == (2,) * frame.alpha and not (page.planar and page.samples > 1)


def page_of(frame: Frame, meta: Meta) -> Page:
    """The page that `frame` came from, or one for pixels that came from elsewhere with `meta`."""
    if frame.page is not None:
        return frame.page
    samples, dtype = 1 if frame.pixels.ndim == 2 else frame.pixels.shape[2], frame.pixels.dtype
    colours = samples - frame.alpha
    photometric = _PHOTOMETRIC.get(frame.mode, RGB if colours == 3 else GRAY)
    extra = (*(0 for _ in range(colours - SAMPLES.get(photometric, 1))), *(2,) * frame.alpha)
    tags: dict[int, Tag] = {code: (7, value) for code, value in ((PROFILE, meta.icc), (700, meta.xmp)) if value}
    if meta.dpi is not None:
        tags |= {282: (5, meta.dpi[0]), 283: (5, meta.dpi[1]), 296: (3, 2)}
    bits = 1 if dtype.kind == "b" else 8 * dtype.itemsize
    height, width = frame.pixels.shape[:2]
    kind, colormap = dtype.kind.replace("b", "u"), _colormap(frame.palette) if photometric == PALETTE else ()
    return Page(height, width, bits, kind, samples, photometric, extra, tags=tags, colormap=colormap)


def _colormap(palette: Palette | None) -> tuple[int, ...]:
    """The colours of 256 indices in 16 bits, all reds first."""
    assert palette is not None
    colours = np.frombuffer(palette.colours, np.uint8).reshape(-1, len(palette.mode))[:256, :3]
    table = np.zeros((256, 3), np.uint16)
    table[: len(colours)] = colours * np.uint16(257)
    return tuple(table.T.ravel().tolist())


def arguments(frame: Frame, notes: dict[str, None], *, strip: bool) -> dict[str, Any]:
    """How Pillow is to write `frame`, which came from a page: as it lay there, with its own tags."""
    page = page_of(frame, Meta())
    tags = tiff_pages.needed(page.tags) if strip else _fitting(page, frame, notes)
    compression = _compression(page, (*_LOSSLESS, *_BILEVEL) if frame.mode == "1" else _LOSSLESS)
    if compression != RAW and any(code in tags for code in _TABLES):
        compression = RAW
        notes[_NO_COMPRESSION] = None
    info = TiffImagePlugin.ImageFileDirectory_v2()
    if frame.mode != "1" and _is_predicted(page, compression):
        info[317] = page.predictor
    if metadata.CAMERA in tags:
        height, width = frame.pixels.shape[:2]
        kind, table = tags[metadata.CAMERA]
        tags = {**tags, metadata.CAMERA: (kind, metadata.of_page(table, width, height, notes))}
    for code, (kind, value) in tags.items():
        info.tagtype[code] = kind
        info[code] = value.encode("latin-1", "replace") if isinstance(value, str) else value
    if page.photometric == WHITE_IS_ZERO and frame.mode == "L":
        info[262] = WHITE_IS_ZERO
    if not _lies_as_pillow_writes(frame):
        notes[f"{page} was written as Pillow writes it; pip install tifffile imagecodecs to keep it"] = None
    return {"tiffinfo": info, "compression": TiffImagePlugin.COMPRESSION_INFO[compression]}


def _compression(page: Page, lossless: tuple[int, ...]) -> int:
    same = page.compression if page.compression in lossless else DEFLATE
    return DEFLATE if same == 32946 else same


def _fitting(page: Page, frame: Frame, notes: dict[str, None]) -> Mapping[int, Tag]:
    """The tags without a colour profile that is not one for these pixels."""
    profile = page.tags.get(PROFILE, (7, None))[1]
    if (
        frame.mode not in PIXEL_MODES
        or not isinstance(profile, bytes)
        or profile[16:20] == PIXEL_MODES[frame.mode].space
    ):
        return page.tags
    notes[f"the colour profile was dropped, since it is not one for {frame.mode}"] = None
    return {code: tag for code, tag in page.tags.items() if code != PROFILE}


def write(picture: Picture, stream: BinaryIO, *, strip: bool) -> Picture:
    """Write every frame by tifffile, each with its own dtype, bands, photometric, planes, compression and tags."""
    library, notes = tifffile(), dict.fromkeys(picture.notes)
    assert library is not None
    pages = [page_of(frame, picture.meta) for frame in picture.frames]
    large = any(page.big for page in pages) or sum(frame.pixels.nbytes for frame in picture.frames) > _LARGE
    whole = BytesIO()  # tifffile would write past a stream to its descriptor, where a full disk goes unseen
    with writing("TIFF"), library.TiffWriter(whole, bigtiff=large, byteorder="<", shaped=False) as file:
        for frame, page in zip(picture.frames, pages, strict=True):
            tags = tiff_pages.needed(page.tags) if strip else _fitting(page, frame, notes)
            file.write(**_layout(frame, page, notes), **_tags(tags, notes))
    stream.write(whole.getbuffer())
    return replace(picture, format="TIFF", meta=Meta() if strip else picture.meta, notes=tuple(notes))


def _layout(frame: Frame, page: Page, notes: dict[str, None]) -> dict[str, Any]:
    """The pixels and how they are to lie, for tifffile."""
    pixels, same = frame.pixels, frame.pixels.dtype.kind.replace("b", "u") == page.kind
    compression = _compression(page, _LOSSLESS)
    narrow = frame.peak is not None
    packed = narrow and compression == RAW and int(pixels.max()) <= (frame.peak or 0)
    if narrow and not packed:
        notes[f"{page.bits} bits a value were written as {8 * pixels.dtype.itemsize}"] = None
    planar = (page.planar or pixels.dtype.kind == "b") and page.samples > 1  # bits side by side it packs wrongly
    raw = as_brightness(pixels, page.photometric, frame.peak if packed else None)
    given: dict[str, Any] = {
        "data": np.ascontiguousarray(np.moveaxis(raw, -1, 0) if planar else raw),
        "photometric": page.photometric if page.photometric in (0, 1, *SAMPLES, PALETTE) else GRAY,
        "compression": compression,
    }
    if page.samples > 1:
        given["planarconfig"] = "separate" if planar else "contig"
    if page.extra:
        given["extrasamples"] = page.extra
    if packed:
        given["bitspersample"] = page.bits
    if same and pixels.dtype.kind != "b" and _is_predicted(page, compression):
        given["predictor"] = page.predictor
    if page.whole_tile is not None and page.whole_tile <= pixels.shape[:2]:
        given["tile"] = page.whole_tile
    if page.colormap:
        given["colormap"] = colormap_of(page, 8 * pixels.dtype.itemsize)
    return given


def _is_predicted(page: Page, compression: int) -> bool:
    """Whether its values are written as differences, as they lay in its file."""
    return compression in _PREDICTED and page.predictor == (3 if page.kind == "f" else 2)


def colormap_of(page: Page, bits: int) -> Array:
    """The colours of its palette for indices of so many bits: 3 x number, black where it has none."""
    colours = np.zeros((3, 1 << bits), np.uint16)
    colours[:, : 1 << page.bits] = np.reshape(page.colormap, (3, -1))
    return colours


def _tags(tags: Mapping[int, Tag], notes: dict[str, None]) -> dict[str, Any]:
    """What else tifffile is to write; it has no room for tables in the table of tags."""
    if any(code in tags for code in _TABLES):
        notes["the camera data in EXIF was dropped, since tifffile does not write it"] = None
    given: dict[str, Any] = {"metadata": None, "software": False}
    if RESOLUTION[0] in tags:
        sides = [rational(tags[code][1]) for code in RESOLUTION[:2]]
        given |= {"resolution": sides, "resolutionunit": tags.get(RESOLUTION[2], (3, 2))[1]}
    given["extratags"] = [
        (code, kind, *_counted(kind, value), False)
        for code, (kind, value) in tags.items()
        if code not in (*RESOLUTION, *_TABLES)
    ]
    return given


def rational(value: Any) -> tuple[int, int]:
    """Numerator and denominator, each of 32 bits: those that were read, or what is nearest to a number."""
    exact = Fraction(value).limit_denominator(1 << 16) if isinstance(value, float) else value
    return int(exact.numerator), int(exact.denominator)


def _counted(kind: int, value: Any) -> tuple[int, Any]:
    """How many values, and these as tifffile takes them."""
    if isinstance(value, str | bytes):
        data = value.encode("latin-1", "replace") if isinstance(value, str) else value
        return len(data), data
    values = value if isinstance(value, tuple) else (value,)
    if kind in (5, 10):
        return len(values), tuple(part for each in values for part in rational(each))
    return len(values), values


def leaving(frame: Frame, format: str, notes: dict[str, None]) -> Frame:
    """`frame` as other formats than TIFF take it; PictureError where its bands have no meaning there.

    2 and 4 bits of gray are spread over 8, so that white stays white.
    """
    page = frame.page
    if page is None:
        return frame
    if frame.mode not in PIXEL_MODES and ";" in frame.mode:  # bands that are no colours of light
        raise PictureError(f"{format} has no room for {page}; write TIFF or .npy")
    note_omitted(frame, format, notes)
    if any(colour % 256 and colour % 257 and colour > 255 for colour in page.colormap):
        notes["the colours of the palette were written with 8 bits"] = None
    if frame.mode == "L" and frame.peak in (3, 15):
        notes[f"{page} was written as 8 bits, {255 // frame.peak} times as large"] = None
        spread = np.minimum(frame.pixels, np.uint8(frame.peak)) * np.uint8(255 // frame.peak)
        return replace(frame, pixels=spread, peak=None, page=None)
    return frame


def note_omitted(frame: Frame, format: str, notes: dict[str, None]) -> None:
    """Say what of a map other formats have no room for."""
    for name, codes in _PLACES.items():
        if format == ZARR and codes == (tiff_pages.NODATA,):  # which an attribute says there
            continue
        if frame.page is not None and any(code in frame.page.tags for code in codes):
            notes[f"{name} was dropped, since {format} has no room for it"] = None


_PLACES = {"the place on the map": tiff_pages.PLACE, "the no-data value": (tiff_pages.NODATA,)}
