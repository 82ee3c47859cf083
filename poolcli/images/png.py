"""PNG by its chunks: what is in a file, 16 bits a channel, rows filtered and compressed by ourselves."""

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from io import BytesIO
from itertools import count
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from poolcli.images.formats import PNG
from poolcli.images.frame import PIXEL_MODES, Frame, Picture, to_image
from poolcli.images.guard import image_of
from poolcli.records import dataclass

# What Pillow does not read of a PNG: 16 bits a channel, colour chunks, and files with a broken note in them.
# Source: PNG specification, third edition.

Part = tuple[bytes, bytes]  # of a file: a chunk's name and its data

HDR = (b"cLLI", b"mDCV")
COLOUR = (b"cHRM", b"cICP", b"gAMA", b"sRGB", *HDR)  # what values mean: kept as they are
_WIDE = {2: "RGB;16", 4: "LA;16", 6: "RGBA;16"}  # modes of 16 bits by the header's colour type
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_MOST_TEXT, _MOST_TEXTS = 1 << 20, 1 << 26  # bytes unpacked of one (a profile too), and of all texts: Pillow's limits
_LEAST = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"cICP": 4, b"iCCP": 3}  # bytes
_NAMES = {b"iCCP": "the colour profile", b"eXIf": "the EXIF data", **dict.fromkeys(_TEXTS, "a text")}


class Chunk(NamedTuple):
    """A chunk of a file: its name, where its data begin, and how many bytes they are."""

    name: bytes
    start: int
    length: int

    def data(self, stream: BinaryIO) -> bytes:
        """Its data; fewer bytes where the file ends early."""
        stream.seek(self.start)
        return stream.read(self.length)


class Head(NamedTuple):
    """A PNG up to its pixels: the header's fields, and the data of the other chunks by name (the last of a kind).

    `wide`: the mode of 16 bits a channel that Pillow lacks, if it is one. `key`: the transparent value of gray, or the
    transparent colour of RGB, as large as values of that depth are. `broken`: something is wrong with a chunk, the
    checksums left aside.
    """

    width: int
    height: int
    depth: int
    chunks: Mapping[bytes, bytes]
    wide: str | None
    key: tuple[int, ...] | None
    broken: bool


def is_animated(head: Head) -> bool:
    """Whether there are frames to compose."""
    control = head.chunks.get(b"acTL", b"")
    return len(control) >= 8 and struct.unpack_from(">I", control)[0] > 0


def chunks(stream: BinaryIO) -> Iterator[Chunk]:
    """The chunks of a PNG in `stream`, as far as it goes."""
    at = len(PNG)
    while True:
        stream.seek(at)
        start = stream.read(8)
        if len(start) < 8:
            return
        length, name = struct.unpack(">I4s", start)
        yield Chunk(name, at + 8, length)
        at += 12 + length


def head(stream: BinaryIO) -> Head | None:
    """What stands before the pixels; None where the file does not begin as a PNG does."""
    before: dict[bytes, bytes] = {}
    broken = False
    for chunk in chunks(stream):
        if chunk.name in (b"IDAT", b"fdAT", b"IEND"):
            break
        before[chunk.name] = chunk.data(stream)
        broken = broken or _judged(chunk.name, before[chunk.name])[0] is not None
    header = before.pop(b"IHDR", b"")
    if len(header) < 13:
        return None
    width, height, depth, colour = struct.unpack_from(">IIBB", header)
    clear, channels, key = before.get(b"tRNS", b""), {0: 1, 2: 3}.get(colour, 0), None
    if channels and len(clear) >= 2 * channels:
        key = tuple(value & (1 << depth) - 1 for value in struct.unpack_from(f">{channels}H", clear))
    return Head(width, height, depth, before, _WIDE.get(colour) if depth == 16 else None, key, broken)


def wide_pixels(image: Image.Image, stream: BinaryIO, mode: str) -> NDArray[np.uint16]:
    """The pixels of `image`, a PNG of 16 bits a channel in `stream`, H x W x C; `mode` is its `Head.wide`.

    Pillow gives 8 bits of every 16, the high or the low ones as its raw mode says: so it decodes twice, or gray with
    alpha once, as if those four bytes were four channels.
    """
    if mode == "LA;16":
        pixels = _unpacked(image, "RGBA")
        halves = pixels.reshape(*pixels.shape[:2], 2, 2)
        both = halves[..., 0].astype(np.uint16)
        both <<= 8
        both |= halves[..., 1]
        return both
    narrow = mode.removesuffix(";16")
    high = _unpacked(image, f"{narrow};16B").astype(np.uint16)
    high <<= 8
    stream.seek(0)
    with image_of(stream, "PNG") as again:
        high |= _unpacked(again, f"{narrow};16L")
    return high


def _unpacked(image: Any, raw: str) -> NDArray[np.uint8]:
    """The bytes of `image` as this raw mode of Pillow's."""
    image.tile = [tile._replace(args=raw) for tile in image.tile]
    return np.asarray(image)


def without_broken_notes(stream: BinaryIO) -> tuple[BytesIO, list[str]]:
    """The file without the chunks beside its pixels that are broken or too large, and a sentence for each."""
    file, notes, room = BytesIO(), list[str](), _MOST_TEXTS
    file.write(PNG)
    for chunk in chunks(stream):
        data = chunk.data(stream)
        check = stream.read(4)
        if chunk.name[:1].islower() and chunk.name not in (b"tRNS", b"acTL", b"fcTL", b"fdAT"):
            wrong, size = _judged(chunk.name, data)
            if struct.pack(">I", zlib.crc32(chunk.name + data)) != check:
                wrong = "broken"
            room -= size if chunk.name in _TEXTS else 0
            if wrong or room < 0:
                what = _NAMES.get(chunk.name, f"the chunk {chunk.name.decode('ascii', 'replace')}")
                notes.append(f"{what} was left out, since it is {wrong or 'one too many'}")
                continue
        file.write(struct.pack(">I4s", len(data), chunk.name) + data + check)
    return file, notes


def _judged(name: bytes, data: bytes) -> tuple[str | None, int]:
    """What is wrong with the content of a chunk, if anything is, and the bytes it unpacks to."""
    if len(data) < _LEAST.get(name, 0):
        return "broken", 0
    method, packed = _packed(name, data)
    if packed is None:
        return None, len(data)
    try:
        size = len(zlib.decompressobj().decompress(packed, _MOST_TEXT + 1))
    except zlib.error:
        return "broken", 0
    return ("larger than 1 MiB" if size > _MOST_TEXT else "broken" if method != 0 else None), size


def _packed(name: bytes, data: bytes) -> tuple[int, bytes | None]:
    """The method of compression, and the compressed part of a chunk, if it has one."""
    after = data.partition(b"\0")[2]
    if name in (b"zTXt", b"iCCP"):
        return after[0] if after else 1, after[1:]
    if name == b"iTXt" and after[:1] == b"\1":
        return after[1] if len(after) > 1 else 1, after[2:].partition(b"\0")[2].partition(b"\0")[2]
    return 0, None


def write_chunks(stream: BinaryIO, parts: Iterable[Part], more: Sequence[Part] = ()) -> None:
    """Write a PNG of these chunks, with `more` of them behind the header."""
    stream.write(PNG)
    for part in parts:
        for name, data in (part, *(more if part[0] == b"IHDR" else ())):
            stream.write(struct.pack(">I", len(data)) + name)
            stream.write(data)
            stream.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(name))))


# The pixels of a PNG: rows filtered with NumPy and compressed without a search, in a third of Pillow's time.
# Every row is written as its difference from the pixels to the left, above, or the mean of both, whichever is
# smallest (the sum of absolute differences; PNG specification, third edition, 9 and 12.7). All else in the file is
# Pillow's.

Bytes = NDArray[np.uint8]

ROW_MODES = ("L", "LA", "RGB", "RGBA", "I;16", "LA;16", "RGB;16", "RGBA;16")
BAND_BYTES = 1 << 18  # of rows that are filtered together: in the cache, yet so large that a thread seldom waits
CHUNK_BYTES = 1 << 16  # of a chunk of the file, at least
FILTERS = (1, 2, 3)  # Sub, Up, Average: the numbers that the file has for them


@dataclass(frozen=True, slots=True)
class Rows:
    """The bytes of a picture, height x (width * bytes a pixel), as a PNG has them."""

    values: Bytes
    pixel: int

    @classmethod
    def of(cls, pixels: NDArray[Any], mode: str) -> "Rows | None":
        """Those of H x W or H x W x C pixels; None in modes that are left to Pillow."""
        if mode not in ROW_MODES:
            return None
        raw = np.ascontiguousarray(pixels, ">u2" if mode.endswith(";16") else np.uint8)
        values = raw.view(np.uint8).reshape(len(pixels), -1)
        return cls(values, values.shape[1] // pixels.shape[1])

    def part(self, top: int, bottom: int) -> "Rows":
        """Some of them, as if there were no others."""
        return Rows(self.values[top:bottom], self.pixel)

    def flat(self) -> float:
        """The share of values that equal those of the pixel before, in every fourth row: hardly any in a photograph."""
        some, step = self.values[::4], max(1, BAND_BYTES // self.values.shape[1])
        bands = (some[top : top + step] for top in range(0, len(some), step))  # lest a quarter of the picture be held
        same = sum(int(np.count_nonzero(band[:, self.pixel :] == band[:, : -self.pixel])) for band in bands)
        return float(same / (len(some) * max(1, some.shape[1] - self.pixel)))

    def compressed(self, strategy: int, level: int = 6, *, band_bytes: int = BAND_BYTES) -> Iterator[bytes]:
        """What a PNG holds of them, piece by piece; `strategy` and `level` are zlib's."""
        squeeze = zlib.compressobj(level, strategy=strategy)
        count = max(1, band_bytes // self.values.shape[1])
        above = np.zeros((1, self.values.shape[1]), np.uint8)
        for top in range(0, len(self.values), count):
            band = self.values[top : top + count]
            filtered = _filtered(band, np.concatenate([above, band[:-1]]), self.pixel)
            yield squeeze.compress(filtered.data)
            above = band[-1:]
        yield squeeze.flush()


def _filtered(band: Bytes, above: Bytes, pixel: int) -> Bytes:
    """Rows with the number of their filter before them; `above`: the row above each."""
    left = np.zeros_like(band)
    left[:, pixel:] = band[:, :-pixel]
    mean = (left & above) + ((left ^ above) >> 1)  # rounded down, in eight bits
    tried = np.stack([band - left, band - above, band - mean])
    sizes = np.add.reduce(np.abs(tried.view(np.int8)).view(np.uint8), axis=2, dtype=np.uint64)
    best = sizes.argmin(axis=0)
    filtered = np.empty((len(band), 1 + band.shape[1]), np.uint8)
    filtered[:, 0] = np.take(FILTERS, best)
    filtered[:, 1:] = tried[best, np.arange(len(band))]
    return filtered


def parts_of(
    rows: Rows,
    mode: str,
    way: str,
    given: Mapping[str, Any],
    *,
    band_bytes: int = BAND_BYTES,
    chunk_bytes: int = CHUNK_BYTES,
) -> Iterator[Part]:
    """The chunks of a PNG of these rows; `given` are Pillow's arguments for what it holds beside them."""
    level, given = given.get("compress_level", 6), {key: what for key, what in given.items() if key != "compress_level"}
    width, height = rows.values.shape[1] // rows.pixel, len(rows.values)
    narrow = PIXEL_MODES[mode].narrow
    for name, data, _ in PngImagePlugin.getchunks(Image.new(narrow or mode, (1, 1)), **given):
        if name == b"IDAT":
            pieces = _pieces(rows.compressed(WIDE[way], level, band_bytes=band_bytes), chunk_bytes)
            yield from ((name, piece) for piece in pieces)
        elif name == b"IHDR":
            depth = b"\x10" if narrow else data[8:9]
            yield name, struct.pack(">II", width, height) + depth + data[9:]
        else:
            yield name, data


def _pieces(parts: Iterator[bytes], chunk_bytes: int) -> Iterator[bytes]:
    """The same bytes in pieces of `chunk_bytes` or a little more."""
    waiting: list[bytes] = []
    for part in parts:
        waiting.append(part)
        if sum(map(len, waiting)) >= chunk_bytes:
            yield b"".join(waiting)
            waiting.clear()
    yield b"".join(waiting)


# Ways to write the pixels: by our own rows, with a strategy of zlib's, or with arguments for Pillow.
CODES, RUNS, PILLOWS_RUNS, SEARCH, LEVEL = "codes", "runs", "pillow's runs", "search", "the given level"
OWN: Mapping[str, int] = {CODES: zlib.Z_HUFFMAN_ONLY, RUNS: zlib.Z_RLE}
# How to compress a PNG, by its content: no search for photographs, real matching for drawings.
# In a photograph hardly anything comes twice once its rows are filtered: searching for it takes most of the time and
# finds next to nothing; run lengths, or nothing but codes for single bytes, write the same size in a fraction of it.
# In flat graphics the search is what makes the file small. 3 megapixels of a photograph, here: 70 ms and 3.3 MB by
# codes, 85 ms and 3.4 MB by run lengths, 200 ms and 3.5 MB by Pillow's run lengths, 1,380 ms and 3.7 MB at level 6.

WIDE = {**OWN, SEARCH: zlib.Z_DEFAULT_STRATEGY, LEVEL: zlib.Z_DEFAULT_STRATEGY}  # of modes that Pillow does not write
PILLOWS: Mapping[str, Mapping[str, int]] = {
    PILLOWS_RUNS: {"compress_level": 6, "compress_type": zlib.Z_RLE},
    SEARCH: {"compress_level": 6},
}
LEAST_BYTES = 1 << 20  # of a picture for our own rows; with less Pillow's one call keeps fewer threads waiting
STRIPS = 4
STRIP_VALUES = 64 << 10  # of a strip: twice the window in which zlib finds things again
LEAST_VALUES = 4 << 10  # a picture of fewer is measured as a whole
FLAT = 0.4  # of the values equal to the ones before them: then there is a drawing in it, though strips may miss it
DRAWING = 0.2  # bytes a value: what shrinks to less is a drawing, which the search is quick with
MOST_LARGER = 1.01  # of the strips, so that the whole file never is 5 % larger


def write(picture: Picture, stream: BinaryIO, given: Mapping[str, Any]) -> None:
    """Write a picture, or several as whole frames of an animation, with Pillow's arguments `given`.

    A level among them is taken. `stream` has a name that ends in .png, by which Pillow loads its writer alone.
    """
    frames, meta = picture.frames, picture.meta
    given, plays = {key: what for key, what in given.items() if key != "loop"}, given.get("loop", 0)
    more = [(name, meta.colour[name]) for name in HDR if name in meta.colour]  # which Pillow's writer has no way to
    if meta.aspect is not None:
        more.append((b"pHYs", struct.pack(">IIB", *meta.aspect, 0)))
    if len(frames) > 1:
        pictures = (_chunks_of(frame.mode, *_planned(frame, given), given) for frame in frames)
        durations = [frame.info.get("duration") or 0 for frame in frames]
        write_chunks(stream, _animated(pictures, durations, plays, hidden=meta.default_image), more)
        return
    image, rows, way = _planned(frames[0], given)
    if rows is None and not more:
        image.save(stream, None, **PILLOWS.get(way, {}), **given)
    else:
        write_chunks(stream, _chunks_of(frames[0].mode, image, rows, way, given), more)


def _planned(frame: Frame, given: Mapping[str, Any]) -> tuple[Image.Image, Rows | None, str]:
    """The frame for Pillow, its rows where they are written here, and the way to compress them."""
    rows, narrow = Rows.of(frame.pixels, frame.mode), PIXEL_MODES[frame.mode].narrow
    image = Image.new(narrow, (1, 1)) if narrow else to_image(frame)
    way = LEVEL if "compress_level" in given else _wide_choice(rows) if narrow else choice(image, rows)
    return image, rows if narrow or way in OWN else None, way


def _chunks_of(mode: str, image: Image.Image, rows: Rows | None, way: str, given: Mapping[str, Any]) -> Iterable[Part]:
    """The chunks of a PNG."""
    if rows is not None:
        return parts_of(rows, mode, way, given)
    return ((name, data) for name, data, _ in PngImagePlugin.getchunks(image, **PILLOWS.get(way, {}), **given))


def _animated(
    pictures: Iterable[Iterable[Part]], durations: Sequence[float], plays: int, *, hidden: bool
) -> Iterator[Part]:
    """The chunks of an animation of whole pictures, each given as the chunks of a PNG; durations are in milliseconds.

    Pillow joins frames when it writes. The first one's chunks stand around it; `hidden` leaves it out of the animation.
    """
    numbers = count()
    for picture, parts in enumerate(pictures):
        begun = False
        for name, data in parts:
            if name == b"IHDR":
                size = data[:8]
            if name == b"IDAT" and not begun:
                begun = True
                if picture == 0:
                    yield b"acTL", struct.pack(">II", len(durations) - hidden, plays)
                if picture >= hidden:
                    control = size + bytes(8) + _delay(durations[picture]) + bytes(2)
                    yield b"fcTL", struct.pack(">I", next(numbers)) + control
            if name == b"IDAT" and picture > 0:
                yield b"fdAT", struct.pack(">I", next(numbers)) + data
            elif name == b"IDAT" or (picture == 0 and name != b"IEND"):
                yield name, data
    yield b"IEND", b""


def _delay(duration: float) -> bytes:
    """Milliseconds as a fraction of a second, two numbers of 16 bits."""
    seconds = min(Fraction(duration / 1000).limit_denominator(65_535), Fraction(65_535))
    while seconds.numerator > 65_535:
        seconds = seconds.limit_denominator(seconds.denominator // 2 or 1)
    return struct.pack(">HH", seconds.numerator, seconds.denominator)


def _wide_choice(rows: Rows | None) -> str:
    """The quickest way that is hardly larger than the best, for modes that are always written by our own rows."""
    assert rows is not None
    height, row = rows.values.shape
    some = [rows.part(top, bottom) for top, bottom in _strips(row, height)]
    sizes = {way: sum(len(piece) for part in some for piece in part.compressed(WIDE[way])) for way in WIDE}
    return next(way for way in WIDE if way != LEVEL and sizes[way] <= MOST_LARGER * min(sizes.values()))


def choice(image: Image.Image, rows: Rows | None = None) -> str:
    """The way to write `image`, chosen by strips of it; `rows` are its own, if there are any.

    >>> choice(Image.new("RGB", (400, 300)))
    'search'
    """
    if rows is not None and rows.flat() > FLAT:
        return SEARCH
    strips = _strips(image.width * len(image.getbands()), image.height)
    values = sum(bottom - top for top, bottom in strips) * image.width * len(image.getbands())
    search = 0
    large = rows is not None and rows.values.nbytes >= LEAST_BYTES
    for ways in (tuple(OWN), (PILLOWS_RUNS,)) if large else ((PILLOWS_RUNS,),):
        size, way = min((_size(way, image, rows, strips), way) for way in ways)
        if size <= DRAWING * values:
            break
        search = search or _size(SEARCH, image, rows, strips)
        if size <= MOST_LARGER * search:
            return way
    return SEARCH


def _strips(row: int, height: int) -> list[tuple[int, int]]:
    """Strips of whole rows, (first, last + 1), evenly spread: an eighth of a small picture, a quarter at most.

    `row`: the values of a row.
    """
    rows = min(-(-STRIP_VALUES // row), max(-(-height // 8), -(-LEAST_VALUES // row)))
    count = max(1, min(STRIPS, height // (4 * rows)))
    gap = height // count
    tops = range((gap - min(rows, gap)) // 2, height, gap)
    return [(top, min(height, top + rows)) for top in tops[:count]]


def _size(way: str, image: Image.Image, rows: Rows | None, strips: list[tuple[int, int]]) -> int:
    """Bytes that the strips take, written this way."""
    written = 0
    for top, bottom in strips:
        if rows is not None and way in OWN:
            written += sum(map(len, rows.part(top, bottom).compressed(OWN[way])))
        else:
            parts = PngImagePlugin.getchunks(image.crop((0, top, image.width, bottom)), **PILLOWS[way])
            written += len(PNG) + sum(12 + len(data) for _, data, _ in parts)
    return written
