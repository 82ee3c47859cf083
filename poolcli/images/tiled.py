"""Pictures of any size: TIFFs and arrays read by place, in threads; TIFFs written tile by tile, with their levels.

tifffile's decoders are used, not its reader and writer: these hold a page whole, and write one after the other, where
the levels of a pyramid grow side by side. Definitions: TIFF 6.0, its technical note 1 (trees of pages), BigTIFF.
"""

import struct
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import field, replace
from fractions import Fraction
from functools import cached_property
from io import BytesIO
from itertools import starmap
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from poolcli.errors import PictureError, said
from poolcli.images import arrays, guard, tiff, tiff_pages
from poolcli.images.formats import DEFAULT_MAX_PIXELS, SAME, EncodeOptions, Request
from poolcli.images.frame import Array, Frame, Meta
from poolcli.images.guard import decoding, opened, reading
from poolcli.images.metadata import RESOLUTION
from poolcli.images.tiff_pages import (
    DEFLATE,
    GRAY,
    JPEG,
    OLD_JPEG,
    PALETTE,
    PROFILE,
    RAW,
    RGB,
    WHITE_IS_ZERO,
    YCBCR,
    Page,
    Tag,
    described,
)
from poolcli.records import dataclass

if TYPE_CHECKING:
    from poolcli.images.ome import Scene

Block = tuple[slice, slice]  # rows and columns of a picture

ZSTD, LZW = 50000, 5
CODECS: Mapping[str, int] = {"deflate": DEFLATE, "zstd": ZSTD, "jpeg": JPEG, "lzw": LZW, "none": RAW}
USUAL_TILE = 256
CACHE = 1 << 26  # bytes of decoded segments that rows read one after the other share, at least
RAW_BYTES = 1 << 20  # of a strip without compression, read at once
_WHOLE = (8, 16, 32, 64)  # bits
MOST_WAITING = 64  # tiles of a file that may wait to be written
QUALITY = 90  # of levels in JPEG, unless given
_LYING = (258, 259, 262, 266, 277, 284, 292, 293, 317, 320, 322, 323, 338, 339, 347, 529, 530, 531, 532, 50674)
CLASSIC = (1 << 32) - 1  # the last byte that 32-bit offsets reach


class Cache:
    """The pieces of a picture that were decoded last: `most` bytes of them, or `least` of them; safe in threads."""

    def __init__(self, most: int = CACHE, least: int = 1) -> None:
        self._most, self._least, self._lock = most, least, Lock()
        self.pieces: OrderedDict[int, Array] = OrderedDict()

    def get(self, number: int, decode: Callable[[int], Array]) -> Array:
        """Piece `number`, by `decode` where it is not held."""
        with self._lock:
            if number in self.pieces:
                self.pieces.move_to_end(number)
                return self.pieces[number]
        values = decode(number)
        with self._lock:
            self.pieces[number] = values
            while sum(each.nbytes for each in self.pieces.values()) > self._most and len(self.pieces) > self._least:
                self.pieces.popitem(last=False)
        return values

    def clear(self) -> None:
        """Hold none of them."""
        with self._lock:
            self.pieces.clear()


@dataclass(eq=False)
class Plane:
    """One picture read by place, safe in threads: `block` gives rows and columns, H x W or H x W x C.

    `frame` says what it is, with pixels that are all 0 and take no memory; `grain` is the height and width of what is
    decoded at once, `segments` are those of a TIFF, which has them as bytes too.
    """

    frame: Frame
    block: Callable[[Block], Array]
    grain: tuple[int, int]
    meta: Meta = field(default_factory=Meta)
    number: int = 0
    segments: "Segments | None" = None
    description: str = ""  # of the page, by any program
    scene: "Scene | None" = None  # what it is a part of, where that is known otherwise
    whole: "Plane | None" = None  # that has all the bands
    slabs: Cache = field(default_factory=lambda: Cache(least=2))

    @property
    def shape(self) -> tuple[int, ...]:
        """H x W or H x W x C."""
        return self.frame.pixels.shape

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.shape[0], self.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of what `block` gives."""
        return self.frame.pixels.dtype

    @property
    def page(self) -> Page:
        """What a TIFF says of it, or would."""
        return tiff.page_of(self.frame, self.meta)

    def rows(self, low: int, high: int) -> Array:
        """Whole rows; of chunks those that are decoded together stay for a while, as the segments of a TIFF do."""
        step = self.grain[0]
        if self.segments is not None or step == 1:
            return self.block((slice(low, high), slice(0, self.shape[1])))
        numbers = range(low // step, -(-high // step))

        def slab(number: int) -> Array:
            """The rows of the chunks that lie side by side."""
            return self.block((slice(number * step, min((number + 1) * step, self.shape[0])), slice(0, self.shape[1])))

        parts = [self.slabs.get(number, slab)[max(low - number * step, 0) : high - number * step] for number in numbers]
        return np.concatenate(parts) if len(parts) > 1 else parts[0].copy()

    def let_go(self) -> None:
        """Keep nothing of what was decoded; of many pictures each would keep some."""
        self.slabs.clear()
        if self.segments is not None:
            self.segments.cache.clear()
        if self.whole is not None:
            self.whole.let_go()

    def of_bands(self, bands: Sequence[int]) -> "Plane":
        """Some of its bands, numbered from 0, in this order; PictureError for one that it has not."""
        page, count = self.page, (*self.shape, 1)[2]
        if not all(0 <= band < count for band in bands):
            raise PictureError(f"no band {max(bands) + 1}: the picture has {count}, counted from 1")
        if list(bands) == list(range(count)):
            return self
        chosen = slice(bands[0], bands[0] + 1) if len(bands) == 1 else list(bands)

        def block(place: Block) -> Array:
            values = self.block(place)[..., chosen]
            return values[..., 0] if len(bands) == 1 else values

        alpha = self.frame.alpha and bands[-1] == count - 1 and len(bands) > 1
        extra = (0,) * (len(bands) - 1 - alpha) + (2,) * alpha
        tags = {code: tag for code, tag in page.tags.items() if code not in (PROFILE, tiff_pages.METADATA)}
        page = replace(page, samples=len(bands), photometric=GRAY, extra=extra, planar=False, tile=None, tags=tags)
        pixels = np.broadcast_to(self.dtype.type(0), (*self.shape[:2], *[len(bands)] * (len(bands) > 1)))
        nodata = tuple(value for value in self.frame.nodata if not isinstance(value, tuple))
        frame = replace(self.frame, pixels=pixels, mode=page.mode(self.dtype.name), alpha=alpha, page=page)
        frame = replace(frame, nodata=nodata)
        return replace(self, frame=frame, block=block, segments=None, whole=self, slabs=Cache(least=2))


def of_array(frame: Frame, meta: Meta, number: int, *, mapped: bool = False) -> Plane:
    """A picture that is held in memory, or `mapped`: then what was read of the file does not stay there."""
    array = frame.pixels

    def block(place: Block) -> Array:
        values: Array = arrays.native(array[place])
        if mapped:
            values = values.copy()
            arrays.let_go(array)
        return values

    dtype = array.dtype.newbyteorder("=")
    frame = replace(frame, pixels=np.broadcast_to(dtype.type(0), array.shape))
    return Plane(frame, block, (1, 1), meta, number)


def weight(source: Path, request: Request) -> tuple[int, int] | None:
    """(pixels, bytes) of the pages of a TIFF; None where they are not read by place."""
    with decoding(source, request.name) as stream:
        chosen = tiff.chosen_pages(stream, request)
    for _, page in chosen:
        turned, palette = page.orientation != 1, page.photometric == PALETTE
        if turned or palette or page.bits not in _WHOLE or _of_segment(page) > DEFAULT_MAX_PIXELS:
            return None
    pixels = [page.height * page.width for _, page in chosen]
    sizes = [n * page.samples * page.bits // 8 for n, (_, page) in zip(pixels, chosen, strict=True)]
    return sum(pixels), sum(sizes)


@contextmanager
def planes_of(source: Path, request: Request) -> Iterator[list[Plane]]:
    """The pages of a TIFF, none of them held. Raises PictureError as `decode` does, and of tiles when they are read."""
    library = tiff.tifffile()
    if library is None:
        raise request.needs("a TIFF that is read in tiles", "tifffile", "imagecodecs")
    with opened(source, request.name) as stream:
        with reading(request.name):
            chosen = tiff.chosen_pages(stream, request)
            stream.seek(0)
            pages, lock, planes = library.TiffFile(stream).pages, Lock(), []
            for number, page in chosen:
                _check(page, number, request, library)
                segments = Segments(pages[number], page, number, stream, lock, request)
                frame = tiff.frame_of(described(stream, page, request), segments.nothing(), request)
                planes.append(Plane(frame, segments.block, segments.grain, Meta(), number, segments, _text(page)))
        yield planes


def _text(page: Page) -> str:
    """Its description, in which programs write UTF-8 where TIFF has ASCII."""
    return str(page.tags.get(270, (2, ""))[1]).encode("latin-1", "replace").decode("utf-8", "replace")


def _of_segment(page: Page) -> int:
    """The pixels that are decoded at once, four bands as one; of a strip without compression any rows can be read."""
    high, wide = page.tile or (1 if _is_raw(page) else min(page.rows_per_strip, page.height), page.width)
    return tiff.weight_of(high, wide, 1 if page.planar else page.samples)


def _is_raw(page: Page) -> bool:
    return page.compression == RAW and page.tile is None and page.bits in _WHOLE


def _check(page: Page, number: int, request: Request, library: Any) -> None:
    """PictureError for what is not read by place."""
    high, wide = page.tile or (page.rows_per_strip, page.width)
    count = -(-page.height // max(high, 1)) * -(-page.width // max(wide, 1)) * (page.samples if page.planar else 1)
    reasons = (
        (page.orientation != 1, "is turned by its orientation; save it upright first"),
        (page.compression != RAW and page.compression not in library.TIFF.DECOMPRESSORS,
         f"has compression {page.compression}; save it with deflate first"),
        (page.photometric == PALETTE and not request.indices, "has a palette, whose indices are labels: use --mode "
         "majority or stride, or convert it to RGB first"),
        (len(page.segments) != count, "is cut short; get the file again"),
        (_of_segment(page) > DEFAULT_MAX_PIXELS, f"has strips or tiles of {_of_segment(page)} pixels"
         f"{' of four bands' * (page.samples > 4 and not page.planar)}, each of which is "
         "decoded at once; save it in smaller tiles first"),
    )  # fmt: skip
    for wrong, sentence in reasons:
        if wrong:
            raise request.refuse(f"page {number} {sentence}")


class Segments:
    """The strips or tiles of one page, decoded one by one; those that rows share stay for a while."""

    def __init__(self, tiff_page: Any, page: Page, number: int, stream: BinaryIO, lock: Lock, request: Request) -> None:
        self.page, self.number = page, number
        self.map: Callable[..., Iterable[Array]] = map  # that of an executor, for readers of row after row
        self.fill: Array | None = None  # what stands for the values of those that cannot be decoded, if they may
        self.damaged: dict[int, str] = {}  # these, and their places
        self.way_out = "get the file again"
        self.grain = page.tile or (min(page.rows_per_strip, page.height), page.width)
        self.places = page.segments
        self._stream, self._lock, self._request = stream, lock, request
        self._tiff, self._decode, self._tables = tiff_page, tiff_page.decode, tiff_page.jpegtables
        self._dtype = np.dtype(np.uint8 if page.photometric == PALETTE and page.bits == 1 else tiff_page.dtype)
        row = page.width * (1 if page.planar else page.samples) * self._dtype.itemsize
        self._raw = _is_raw(page)
        if self._raw and self.grain[0] == page.height:  # one strip, of which any rows can be read
            high = min(page.height, max(1, RAW_BYTES // row))
            self.grain = high, page.width
            self.places = tuple(
                (offset + first * row, min(high, page.height - first) * row)
                for offset, _ in page.segments
                for first in range(0, page.height, high)
            )
        self._across = -(-page.width // self.grain[1])
        self._count = self._across * -(-page.height // self.grain[0])
        self.cache = Cache(max(CACHE, 2 * self.grain[0] * page.width * page.samples * self._dtype.itemsize))

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.places)

    @property
    def copied(self) -> dict[int, Tag] | None:
        """The tags that say how its tiles lie, where they can be copied as they are into a little-endian file."""
        page = self.page
        turned = page.big_endian and page.bits > 8 and page.compression != JPEG
        old = page.compression == OLD_JPEG  # whose tags point elsewhere into its file
        if page.whole_tile is None or turned or old or page.peak is not None:
            return None
        return {tag.code: (int(tag.dtype), _as_read(tag)) for tag in self._tiff.tags if tag.code in _LYING}

    def nothing(self) -> Array:
        """Zeros of its shape, which take no memory."""
        page = self.page
        return np.broadcast_to(self._dtype.type(0), (page.height, page.width, page.samples))

    def beginning(self, place: Block) -> Iterator[int]:
        """The numbers of those whose first pixel lies there."""
        (down, across), (high, wide) = place, self.grain
        for row in range(-(-down.start // high), -(-down.stop // high)):
            for column in range(-(-across.start // wide), -(-across.stop // wide)):
                for plane in range(self.page.samples if self.page.planar else 1):
                    yield plane * self._count + row * self._across + column

    def packed(self, number: int) -> bytes:
        """Segment `number` as it lies in the file; nothing where the file has nothing for it."""
        offset, size = self.places[number]
        with self._lock:
            self._stream.seek(offset)
            return self._stream.read(size) if offset else b""

    def block(self, place: Block) -> Array:
        """Rows and columns of the picture."""
        page, (rows, columns), (high, wide) = self.page, place, self.grain
        out = np.empty((rows.stop - rows.start, columns.stop - columns.start, page.samples), self._dtype)
        needed = [
            (plane * self._count + row * self._across + column, plane, row * high, column * wide)
            for row in range(rows.start // high, -(-rows.stop // high))
            for column in range(columns.start // wide, -(-columns.stop // wide))
            for plane in range(page.samples if page.planar else 1)
        ]
        segments = self.map(lambda number: self.cache.get(number, self._decoded), [number for number, *_ in needed])
        for values, (_, plane, top, left) in zip(segments, needed, strict=True):
            (down, there), (across, beside) = _overlap(rows, top, high), _overlap(columns, left, wide)
            target = out[down, across, plane : plane + 1] if page.planar else out[down, across]
            target[...] = values[there, beside] if values.ndim else values
        if page.samples == 1:
            out = out[:, :, 0]
        return tiff.as_brightness(arrays.native(out), page.photometric, page.peak)

    def _decoded(self, number: int) -> Array:
        """The values of segment `number`, rows x columns x samples, or one value for all of them."""
        offset, size = self.places[number]
        if size == 0 or offset == 0:  # a sparse file has none for what is empty
            return np.asarray(self._tiff.nodata, self._dtype)
        row, column = divmod(number % self._count, self._across)
        top, left = row * self.grain[0], column * self.grain[1]
        high, wide = min(self.grain[0], self.page.height - top), min(self.grain[1], self.page.width - left)
        try:
            data = self.packed(number)
            if len(data) < size:
                raise ValueError("the file ends before it does")
            if self.page.compression == JPEG:
                guard.check(BytesIO(data), self._request)
            values = self._unpacked(data, number)
            if values.shape[0] < high or values.shape[1] < wide:
                raise ValueError(f"it holds {values.shape[1]}x{values.shape[0]} pixels")
        except Exception as error:
            place = (
                f"{'tile' if self.page.tile else 'strip'} {number} of page {self.number} (rows {top} to "
                f"{top + high - 1}, columns {left} to {left + wide - 1})"
            )
            if self.fill is None:
                sentence = f"{place} is damaged ({said(error, 120)}): {self.way_out}"
                raise self._request.refuse(sentence) from error
            self.damaged[number] = place
            fill = np.broadcast_to(self.fill, (high, wide, self.page.samples))
            raw = tiff.as_brightness(fill, self.page.photometric, self.page.peak)
            plane = number // self._count
            return raw[..., plane : plane + 1] if self.page.planar else raw
        return values

    def _unpacked(self, data: bytes, number: int) -> Array:
        """The values in the bytes of a segment: rows x columns x samples."""
        if self._raw:
            dtype = self._dtype.newbyteorder(">" if self.page.big_endian else "<")
            return np.frombuffer(data, dtype).reshape(-1, self.page.width, 1 if self.page.planar else self.page.samples)
        values: Array = self._decode(data, number, jpegtables=self._tables)[0][0]
        return values


def _as_read(tag: Any) -> Any:
    """The value of a tag of tifffile, which gives colours as an array, rationals as numbers in one row."""
    if isinstance(tag.value, np.ndarray):
        return tuple(tag.value.ravel().tolist())
    return tuple(starmap(Fraction, zip(*[iter(tag.value)] * 2, strict=True))) if tag.dtype in (5, 10) else tag.value


def _overlap(span: slice, first: int, size: int) -> tuple[slice, slice]:
    """Where the values first ... first + size - 1 lie in `span`, and the same in them."""
    low, high = max(span.start, first), min(span.stop, first + size)
    return slice(low - span.start, high - span.start), slice(low - first, high - first)


# Writing


@dataclass(frozen=True, slots=True)
class Layout:
    """How tiles are written: their height and width, the compression's tag, and the quality of JPEG."""

    tile: tuple[int, int]
    compression: int
    quality: int = QUALITY


def layout_of(plane: Plane, encoding: EncodeOptions, notes: dict[str, None], *, labels: bool) -> Layout:
    """How levels are written: as the picture lies in its file, where that can be; PictureError for what has no room.

    `labels`: no value may change.
    """
    page, compression = plane.page, encoding.compression
    bands = (*plane.shape, 1)[2]
    fits_jpeg = plane.dtype == np.uint8 and (bands, page.photometric) in ((1, 0), (1, GRAY), (3, RGB))
    code = CODECS.get(compression, DEFLATE if page.compression == 32946 else page.compression)
    if compression == SAME and (code not in CODECS.values() or (code == JPEG and (labels or not fits_jpeg))):
        code = DEFLATE
        why = "JPEG would change values" if page.compression == JPEG else "that of the picture is not written"
        notes[f"tiles were written with deflate, since {why}"] = None
    if code == JPEG and encoding.labels and encoding.quality is None:
        raise PictureError("labels would change by --compression jpeg: use deflate, or give a --quality")
    if code == JPEG and not fits_jpeg:
        raise PictureError(f"JPEG has no room for {page}, but for 8-bit gray and RGB: use --compression deflate")
    if page.peak is not None and page.photometric == WHITE_IS_ZERO:
        raise PictureError(f"{page} cannot be written in tiles: convert it to 8 or 16 bits first")
    if page.peak is not None:
        notes[f"{page.bits} bits a value were written as {8 * plane.dtype.itemsize}"] = None
    if plane.dtype == np.bool_ and bands > 1:
        raise PictureError(f"{page} cannot be written in tiles: convert it to 8 bits first")
    quality = QUALITY if encoding.quality is None else encoding.quality
    return Layout(encoding.tile or page.whole_tile or (USUAL_TILE, USUAL_TILE), code, quality)


def unwritten(page: Page) -> Iterator[str]:
    """A note for what of a page is not written: tables in its table of tags."""
    if any(isinstance(value, Mapping) for _, value in page.tags.values()):
        yield "the camera data in EXIF was dropped, since it is not written in tiles"


def reduced(plane: Plane, k: tuple[int, int], size: tuple[int, int]) -> Frame:
    """A picture pooled by k, of this size, with what is known of places and resolution as it is then; no pixels."""
    page, pixels = plane.page, np.broadcast_to(plane.dtype.type(0), (*size, *plane.shape[2:]))
    tags = {code: tag for code, tag in page.tags.items() if code in (*RESOLUTION, *tiff_pages.GEOTIFF_TAGS, PROFILE)}
    page = rescaled_resolution(replace(page, tags=tags), *k)
    return tiff_pages.rescaled(replace(plane.frame, pixels=pixels, page=page), (k[0], 0), (k[1], 0))


class Waiting:
    """Rows of a picture of `height` that wait until as many are there as are taken together, `step` of them."""

    def __init__(self, step: int, height: int) -> None:
        self._step, self._missing = step, height
        self._rows: list[Array] = []

    def add(self, rows: Array) -> Array:
        """The rows that can be taken now: whole steps, with the last ones the rest; none where that is to come."""
        self._rows.append(rows)
        count = sum(map(len, self._rows))
        whole = count if count >= self._missing else count // self._step * self._step
        if not whole:
            return rows[:0]
        held = np.concatenate(self._rows) if len(self._rows) > 1 else rows
        self._rows = [held[whole:].copy()] if whole < count else []
        self._missing -= whole
        return held[:whole]


class Level:
    """One page of a TIFF that grows from its first row to its last: rows are put in, tiles come out."""

    def __init__(
        self, file: "TiffFile", frame: Frame, page: Page, layout: Layout, copied: Mapping[int, Tag] | None = None
    ) -> None:
        """`frame` says what its pixels are, `page` what the page says of them and of everything else.

        `copied` are the tags of a page whose tiles are copied as they are.
        """
        self.file, self.frame, self.page, self.layout = file, frame, page, layout
        shape = frame.pixels.shape
        self.height, self.width, self.samples = shape[0], shape[1], (*shape, 1)[2]
        self.across, self.down = -(-self.width // layout.tile[1]), -(-self.height // layout.tile[0])
        self.copied = copied
        self.places = [(0, 0)] * (self.across * self.down * (self.samples if page.planar and copied else 1))
        self.reduced = False
        self._waiting, self._added = Waiting(layout.tile[0], self.height), 0

    def put(self, rows: Array) -> None:
        """The next rows, H x W or H x W x C."""
        ready, (high, wide) = self._waiting.add(rows), self.layout.tile
        for top in range(0, len(ready), high):
            for column in range(self.across):
                self.file.add(self, self._added, ready[top : top + high, column * wide : (column + 1) * wide])
                self._added += 1

    @cached_property
    def encode(self) -> Callable[[Array], bytes]:
        """What makes a tile's bytes of its values."""
        page, layout = self.page, self.layout
        pack = _packer(layout, page.subsampled, self.predictor, self.frame.pixels.dtype)

        def encode(values: Array) -> bytes:
            values = tiff.as_brightness(values, page.photometric, None)
            values = values[:, :, np.newaxis] if values.ndim == 2 else values
            missing = [(0, side - n) for side, n in zip(layout.tile, values.shape, strict=False)]
            values = np.pad(values, (*missing, (0, 0)), mode="edge") if any(map(any, missing)) else values
            return pack(np.ascontiguousarray(values))

        return encode

    @cached_property
    def predictor(self) -> int:
        """The predictor's tag: the input's, or that of the kind of values; labels have none."""
        page, kind, size = self.page, self.frame.pixels.dtype.kind, self.frame.pixels.dtype.itemsize
        if self.layout.compression not in (DEFLATE, ZSTD, LZW) or kind == "b" or page.photometric == PALETTE:
            return 1
        if kind in "ui" and size == 8:  # which libtiff reads since 4.4
            return 1
        if page.compression == self.layout.compression and page.predictor != 1:
            return page.predictor
        return 3 if kind == "f" else 2

    def entries(self) -> dict[int, Tag]:
        """Its tags, but where its tiles lie."""
        page, dtype, jpeg = self.page, self.frame.pixels.dtype, self.layout.compression == JPEG
        bits, ycbcr = 1 if dtype.kind == "b" else 8 * dtype.itemsize, jpeg and page.photometric == RGB
        lying: dict[int, Tag] = {
            258: (3, (bits,) * self.samples),
            259: (3, self.layout.compression),
            262: (3, YCBCR if ycbcr else page.photometric),
            277: (3, self.samples),
            284: (3, 1),
            317: (3, self.predictor),
            322: (4, self.layout.tile[1]),
            323: (4, self.layout.tile[0]),
            338: (3, page.extra),
            339: (3, ({"b": 1, "u": 1, "i": 2, "f": 3}[dtype.kind],) * self.samples),
        }
        if ycbcr or page.photometric == YCBCR:
            lying[530] = (3, (2, 2) if ycbcr and page.subsampled else (1, 1))
        if page.colormap:
            lying[320] = (3, tuple(tiff.colormap_of(page, bits).ravel().tolist()))
        sizes: dict[int, Tag] = {254: (4, int(self.reduced)), 256: (4, self.width), 257: (4, self.height)}
        entries = dict(page.tags) | sizes | dict(self.copied or lying)
        return {code: tag for code, tag in entries.items() if tag[1] != () and not isinstance(tag[1], Mapping)}


def _packer(layout: Layout, subsampled: bool, predictor: int, dtype: np.dtype[Any]) -> Callable[[Array], bytes]:
    """What makes bytes of a whole tile, rows x columns x samples."""
    import imagecodecs

    codes: Mapping[int, Callable[[Array], bytes]] = {
        RAW: lambda values: values.tobytes(),
        DEFLATE: lambda values: bytes(imagecodecs.zlib_encode(values.tobytes())),
        ZSTD: lambda values: bytes(imagecodecs.zstd_encode(values.tobytes())),
        LZW: lambda values: bytes(imagecodecs.lzw_encode(values.tobytes())),
    }
    if layout.compression == JPEG:

        def jpeg(values: Array) -> bytes:
            if values.shape[2] == 1:
                data = imagecodecs.jpeg8_encode(values[:, :, 0], level=layout.quality)
            else:
                sampling = "420" if subsampled else "444"
                data = imagecodecs.jpeg8_encode(
                    values, level=layout.quality, colorspace="RGB", outcolorspace="YCBCR", subsampling=sampling
                )
            return bytes(data)

        return jpeg
    code = codes[layout.compression]
    if dtype.kind == "b":
        return lambda values: code(np.packbits(values[:, :, 0], axis=1))
    if predictor == 1:
        return code
    before = imagecodecs.delta_encode if predictor == 2 else imagecodecs.floatpred_encode
    return lambda values: code(before(values, axis=-2))


class TiffFile:
    """A TIFF being written: tiles are encoded in threads and written in the order in which they come."""

    def __init__(self, stream: BinaryIO, executor: Executor, *, nested: bool) -> None:
        """`stream` can seek; room for the longest header is left at its start.

        `nested`: smaller copies hang below their picture (SubIFDs), else they follow it.
        """
        self.stream, self.executor = stream, executor
        self.tree: list[tuple[Level, list[Level]]] = []  # every page with what hangs below it
        self.nested = nested
        self._waiting: deque[tuple[Level, int, Future[bytes]]] = deque()
        self._end = stream.write(bytes(16))

    def add_page(self, levels: Sequence[Level], *, overviews: bool = False) -> None:
        """A picture with its smaller copies; `overviews`: smaller copies of what is elsewhere."""
        for level in levels if overviews else levels[1:]:
            level.reduced = True
        self.tree.append((levels[0], list(levels[1:])))

    def add(self, level: Level, number: int, tile: Array) -> None:
        """A tile, not yet whole at the borders."""
        self._waiting.append((level, number, self.executor.submit(level.encode, tile)))
        while len(self._waiting) > MOST_WAITING:
            self._write_first()

    def copy(self, level: Level, number: int, data: bytes) -> None:
        """A tile as it lay in another file; nothing for one that has none there."""
        if data:
            level.places[number] = (self._end, len(data))
            self._end += self.stream.write(data)

    def _write_first(self) -> None:
        level, number, tile = self._waiting.popleft()
        self.copy(level, number, tile.result())

    def close(self) -> None:
        """Write what is left, the pages' tags and the header: BigTIFF where 32 bits do not reach."""
        while self._waiting:
            self._write_first()
        tiles = sum(len(level.places) for page, below in self.tree for level in (page, *below))
        texts = sum(len(str(value)) for page, below in self.tree for each in (page, *below)
                    for _, value in each.entries().values())  # fmt: skip
        big = self._end + 16 * tiles + 8 * texts + (1 << 16) > CLASSIC
        first = 0
        for page, below in reversed(self.tree):
            if self.nested:
                places = tuple(self._write_page(level, big, 0) for level in below)
                extra: dict[int, Tag] = {330: (18 if big else 13, places)} if places else {}
                first = self._write_page(page, big, first, extra)
            else:
                for level in reversed((page, *below)):
                    first = self._write_page(level, big, first)
        self.stream.seek(0)
        self.stream.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, first) if big else
                          struct.pack("<2sHIQ", b"II", 42, first, 0))  # fmt: skip

    def _write_page(self, level: Level, big: bool, following: int, extra: Mapping[int, Tag] | None = None) -> int:
        """The tags of a page; where they lie."""
        kind = 16 if big else 4
        offsets, sizes = zip(*level.places, strict=True)
        entries = level.entries() | {324: (kind, offsets), 325: (4, sizes)} | dict(extra or {})
        self._end += self.stream.write(bytes(-self._end % 16))
        data = directory(entries, self._end, following, big)
        at, self._end = self._end, self._end + self.stream.write(data)
        return at


_TYPES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}


def directory(entries: Mapping[int, Tag], at: int, following: int, big: bool) -> bytes:
    """A table of tags that lies `at` a place of a little-endian file, with its values behind it."""
    count, entry, word, inline = ("<Q", "<HHQ", "<Q", 8) if big else ("<H", "<HHI", "<I", 4)
    size = struct.calcsize(count) + len(entries) * (struct.calcsize(entry) + inline) + struct.calcsize(word)
    table, values = struct.pack(count, len(entries)), bytearray()
    for code, (given, value) in sorted(entries.items()):
        kind = 7 if isinstance(value, bytes) and given not in (1, 2, 6, 7) else given
        number, data = _as_bytes(kind, value)
        table += struct.pack(entry, code, kind, number)
        if len(data) <= inline:
            table += data.ljust(inline, b"\0")
        else:
            values += bytes(-len(values) % 8)
            table += struct.pack(word, at + size + len(values))
            values += data
    return bytes(table + struct.pack(word, following) + values)


def _as_bytes(kind: int, value: Any) -> tuple[int, bytes]:
    """How many values, and their bytes in little-endian order."""
    if kind == 2 and isinstance(value, str):
        value = value.encode("latin-1", "replace") + b"\0"  # as it was read
    if isinstance(value, bytes):
        return len(value), value
    values = value if isinstance(value, tuple | list) else (value,)
    if kind in (5, 10):
        parts = [part for each in values for part in tiff.rational(each)]
        return len(values), struct.pack(f"<{len(parts)}{'I' if kind == 5 else 'i'}", *parts)
    return len(values), struct.pack(f"<{len(values)}{_TYPES[kind]}", *values)


def rescaled_resolution(page: Page, down: int, across: int) -> Page:
    """The page with its resolution for pixels so many times as large; figures of the values are left out elsewhere.

    >>> page = Page(8, 8, 8, "u", 1, 1, tags={282: (5, 300), 283: (5, 300), 296: (3, 2)})
    >>> [value for _, value in rescaled_resolution(page, 2, 3).tags.values()]
    [Fraction(100, 1), Fraction(150, 1), 2]
    """
    tags = dict(page.tags)
    for code, times in zip(RESOLUTION, (across, down), strict=False):
        if code in tags:
            tags[code] = (5, (Fraction(*tiff.rational(tags[code][1])) / times).limit_denominator(CLASSIC))
    return replace(page, tags=tags)
