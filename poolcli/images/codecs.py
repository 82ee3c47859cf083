"""What Pillow does not read, or not in full: JPEG 2000, AVIF, JPEG XL and HEIF by libraries, FITS; deep PSDs."""

import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from poolcli.errors import PictureError
from poolcli.images import metadata
from poolcli.images.formats import J2K, JXL, Request
from poolcli.images.frame import NAMED, PIXEL_MODES, Array, Frame, Meta, Picture, turned
from poolcli.images.guard import reading
from poolcli.records import dataclass

CODESTREAM_JXL, CONTAINER_JXL = JXL
# JPEG 2000, AVIF, JPEG XL and HEIF in the depth of the file, where Pillow gives 8 bits of it or nothing.
# Read and written by imagecodecs, HEIF read by pillow-heif; what Pillow gives exactly is left to Pillow. Sources of
# the headers: ISO/IEC 15444-1 (A.5.1, I.5), ISO/IEC 14496-12 (boxes), the AV1 ISO media binding (av1C), ISO/IEC
# 18181-1 (3).

_HEAD = 1 << 22  # bytes in which the headers of a sound file end
_CMYK, _YCC, _GREY = 12, 18, (0, 15, 17)  # colour spaces of JPEG 2000 by number
_DISTANCE = 0.09  # of JPEG XL, for every step of quality below 100, as libjxl's own command has it


def read(stream: BinaryIO, request: Request) -> Picture | None:
    """The picture in `stream`; None for what Pillow reads exactly, and for what is none of these formats.

    Raises PictureError where a library is missing, which it names, and for what cannot be read exactly.
    """
    data = stream.read(_HEAD)
    if data.startswith(J2K):
        return _read_jpeg2000(stream, data, request)
    if data.startswith(JXL):
        return _read_jxl(stream, data, request)
    brands = {data[at : at + 4] for at in range(8, min(int.from_bytes(data[:4]), 256), 4)}
    if brands & {b"avif", b"avis"}:
        return _read_avif(stream, data, request)
    if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}:
        return _read_heif(stream, request)
    return None


def _library(name: str) -> Any:
    """The module of a library, or None where it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        return None


def _whole(stream: BinaryIO) -> bytes:
    stream.seek(0)
    return stream.read()


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes that follow one another in `data`: their kinds and contents, cut short where the data are."""
    at = 0
    while at + 8 <= len(data):
        size, kind, start = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = int.from_bytes(data[at + 8 : at + 16]), at + 16
        end = len(data) if size == 0 else at + size
        if end < start:
            return
        yield kind, data[start:end]
        at = end


def _box(data: bytes, *path: bytes) -> bytes | None:
    """The content of the first box of this kind, within that box of the next kind, and so on."""
    for kind in path:
        inner = next((content for name, content in _boxes(data) if name == kind), None)
        if inner is None:
            return None
        data = inner
    return data


def _frame(pixels: Array, bits: int | None, *, alpha: bool | None = None) -> Frame:
    """Pixels in the mode of their dtype and channels; `alpha` False: the last of 2 or 4 is none."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    signed, name = pixels.dtype.kind == "i", pixels.dtype.name
    mode = name if signed else NAMED.get((name, channels), name)
    if alpha is False and mode in PIXEL_MODES and PIXEL_MODES[mode].alpha:
        mode = "CMYK" if mode == "RGBA" else name
    room = 8 * pixels.dtype.itemsize
    peak = None if bits is None or bits == room or pixels.dtype.kind == "f" else (1 << (bits - signed)) - 1
    return Frame(pixels, mode, mode in PIXEL_MODES and PIXEL_MODES[mode].alpha, peak=peak)


# JPEG 2000


@dataclass(frozen=True, slots=True)
class _Components:
    """What a JPEG 2000 says of its components: bits of each, negative for signed ones; `space` is a number of colr."""

    width: int
    height: int
    bits: tuple[int, ...]
    sampled: bool
    space: int
    palette: bytes | None
    reversible: bool

    def by_pillow(self) -> bool:
        """Whether Pillow gives these values as they are."""
        if self.palette is not None:
            columns = self.palette[2] if len(self.palette) > 2 else 0
            simple = columns in (3, 4) and self.palette[3 : 3 + columns] == bytes([7]) * columns
            return simple and self.bits == (8,) and self.space not in _GREY
        return self.bits == (16,) or (len(self.bits) <= 4 and set(self.bits) == {8})

    def __str__(self) -> str:
        kinds = sorted({f"{abs(bits)} {'signed ' * (bits < 0)}bits" for bits in self.bits})
        return f"JPEG 2000 of {' and '.join(kinds)}" + f" and {len(self.bits)} channels" * (len(self.bits) > 4)


def _components(data: bytes) -> _Components | None:
    """The header of a codestream, and of the boxes around it; None where there is none."""
    header = _box(data, b"jp2h") or b""
    at = data.find(J2K[0])
    if at < 0 or len(data) < at + 42:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", data, at + 8)
    count = int.from_bytes(data[at + 40 : at + 42])
    fields = data[at + 42 : at + 42 + 3 * count]
    if not count or len(fields) < 3 * count:
        return None
    depths = tuple((1 + (each & 127)) * (-1 if each & 128 else 1) for each in fields[::3])
    style = data.find(b"\xff\x52", at)
    colours = (content for kind, content in _boxes(header) if kind == b"colr" and content[:1] == b"\1")
    space = int.from_bytes(next(colours, b"")[3:7])
    palette = _box(header, b"pclr")
    reversible = style > 0 and data[style + 13 : style + 14] == b"\1"
    return _Components(right - left, bottom - top, depths, any(each != 1 for each in fields[1::3] + fields[2::3]),
                       space, palette, reversible)  # fmt: skip


def _read_jpeg2000(stream: BinaryIO, data: bytes, request: Request) -> Picture | None:
    components = _components(data)
    if components is None or components.by_pillow():
        return None
    mixed = components.space == _YCC or components.sampled or len(set(components.bits)) > 1
    mixed = mixed or components.palette is not None
    codecs = None if mixed else _library("imagecodecs")
    if codecs is None:
        if request.options.allow_8bit and len(components.bits) <= 4:
            request.note(f"{components} was read as 8 bits")
            return None
        if mixed:
            raise request.refuse(f"{components} and other colours than grey or RGB; convert it to TIFF first")
        raise request.needs(f"{components}", "imagecodecs")
    request.chosen(1)
    request.check_pixels(components.width * components.height)
    pixels = codecs.jpeg2k_decode(_whole(stream), planar=False)
    frame = _frame(pixels, abs(components.bits[0]), alpha=False if components.space == _CMYK else None)
    meta, _ = _said(stream, request)
    return Picture("JPEG2000", (frame,), frame.mode, replace(meta, lossless=components.reversible))


def _said(stream: BinaryIO, request: Request) -> tuple[Meta, int]:
    """What Pillow finds beside the pixels, and how they are to be turned; nothing where it does not know the file."""
    with suppress(PictureError), reading(request.name):
        stream.seek(0)
        image = Image.open(stream)
        turn = metadata.orientation_of(image)
        return metadata.gathered(image, request.notes), turn
    return Meta(), 1


# AVIF


def _described(data: bytes) -> bytes:
    """What boxes of an AVIF say of its pictures."""
    return b"".join(content for kind, content in _boxes(data) if kind in (b"meta", b"moov"))


def avif_bits(data: bytes) -> int:
    """How many bits the deepest picture in an AVIF has: 8, 10 or 12."""
    settings = (each[1][0] for each in re.finditer(rb"av1C..(.)", _described(data), re.DOTALL))
    return max((12 if each & 0x20 else 10 for each in settings if each & 0x40), default=8)


def _read_avif(stream: BinaryIO, data: bytes, request: Request) -> Picture | None:
    bits = avif_bits(data)
    try:
        with reading(request.name):
            stream.seek(0)
            image = Image.open(stream, formats=["AVIF"])
    except PictureError:
        image = None
    if bits == 8 and image is not None:
        return None
    what = f"AVIF of {bits} bits" if bits > 8 else "AVIF of a kind that Pillow does not read"
    codecs = _library("imagecodecs")
    if codecs is None:
        if request.options.allow_8bit and image is not None:
            request.note(f"{what} was read as 8 bits")
            return None
        raise request.needs(what, "imagecodecs")
    return _deep_avif(stream, image, bits, codecs, request)


def _deep_avif(stream: BinaryIO, image: Any, bits: int, codecs: Any, request: Request) -> Picture:
    meta, turn, count = Meta(), 1, 1
    if image is not None:
        count = int(getattr(image, "n_frames", 1))
        numbers = request.chosen(count)
        request.check_pixels(image.width * image.height * count, together=count > 1)
        turn = metadata.orientation_of(image)
        meta = metadata.gathered(image, request.notes)
    pixels = codecs.avif_decode(_whole(stream))  # all of them: a single one by its number breaks the library's memory
    pictures = list(pixels) if count > 1 else [pixels]
    numbers = request.chosen(len(pictures))
    frames = []
    for number in numbers:
        info = {}
        if count > 1:
            image.seek(number)
            image.load()
            info["duration"] = image.info["duration"]
        frames.append(replace(_frame(turned(pictures[number], turn), bits), info=info))
    return Picture("AVIF", tuple(frames), frames[0].mode, replace(meta, lossless=avif_is_lossless(stream)))


def avif_is_lossless(stream: BinaryIO) -> bool:
    """Whether an AVIF is of RGB as it is (the identity matrix), which is written only to lose nothing."""
    stream.seek(0)
    matrices = [each[1] for each in re.finditer(rb"colrnclx....(..)", _described(stream.read(_HEAD)), re.DOTALL)]
    return bool(matrices) and all(matrix == b"\0\0" for matrix in matrices)


# JPEG XL


class _Bits:
    """The fields of a codestream, lowest bits first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._at = int.from_bytes(data[:256], "little"), 0

    def take(self, count: int) -> int:
        """The next `count` bits as a number."""
        value = self._value >> self._at & (1 << count) - 1
        self._at += count
        return value

    def choice(self, *ways: tuple[int, int]) -> int:
        """One of four (offset, further bits), as two bits say."""
        offset, more = ways[self.take(2)]
        return offset + self.take(more)


@dataclass(frozen=True, slots=True)
class _Jxl:
    """What a JPEG XL says of itself; `lossy` where its colours are those of the lossy transform (XYB)."""

    width: int
    height: int
    bits: int = 8
    floats: bool = False
    animated: bool = False
    lossy: bool = True


def _side(bits: _Bits, small: int) -> int:
    return 8 * (bits.take(5) + 1) if small else 1 + bits.choice((0, 9), (0, 13), (0, 18), (0, 30))


def _sides(bits: _Bits) -> tuple[int, int]:
    small = bits.take(1)
    height = _side(bits, small)
    ratio = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
    if number := bits.take(3):
        across, down = ratio[number - 1]
        return height * across // down, height
    return _side(bits, small), height


def _depth(bits: _Bits) -> tuple[int, bool]:
    if bits.take(1):
        depth = bits.choice((32, 0), (16, 0), (24, 0), (1, 6))
        bits.take(4)
        return depth, True
    return bits.choice((8, 0), (10, 0), (12, 0), (1, 6)), False


def _jxl_header(data: bytes) -> _Jxl | None:
    """The header of a codestream, in boxes or not (ISO/IEC 18181-1, annex D); None where it is cut short."""
    inside = data.startswith(CONTAINER_JXL)
    parts = (content[4 * (kind == b"jxlp") :] for kind, content in _boxes(data) if kind in (b"jxlc", b"jxlp"))
    start = next(parts, b"") if inside else data
    if not start.startswith(CODESTREAM_JXL):
        return None
    bits = _Bits(start[2:])
    width, height = _sides(bits)
    if bits.take(1):
        return _Jxl(width, height)
    animated = bool(bits.take(1)) and _extra_fields(bits)
    depth, floats = _depth(bits)
    bits.take(1)
    for _ in range(bits.choice((0, 0), (1, 0), (2, 4), (1, 12))):
        if not _extra_channel(bits):
            return _Jxl(width, height, depth, floats, animated)
    lossy = bool(bits.take(1)) or _box(data, b"jbrd") is not None
    return _Jxl(width, height, depth, floats, animated, lossy)


def _extra_fields(bits: _Bits) -> bool:
    """Read past orientation, intrinsic size, preview; whether it is animated."""
    bits.take(3)
    if bits.take(1):
        _sides(bits)
    if bits.take(1):
        eighths = bits.take(1)
        ways = ((16, 0), (32, 0), (1, 5), (33, 9)) if eighths else ((1, 6), (65, 8), (321, 10), (1345, 12))
        bits.choice(*ways)
        if not bits.take(3):
            bits.choice(*ways)
    if not bits.take(1):
        return False
    bits.choice((100, 0), (1000, 0), (1, 10), (1, 30))
    bits.choice((1, 0), (1001, 0), (1, 8), (1, 10))
    bits.choice((0, 0), (0, 3), (0, 16), (0, 32))
    bits.take(1)
    return True


def _extra_channel(bits: _Bits) -> bool:
    """Read past the description of one; whether it is alpha, depth or another without further fields."""
    if bits.take(1):
        return True
    kind = bits.choice((0, 0), (1, 0), (2, 4), (18, 6))
    _depth(bits)
    bits.choice((0, 0), (3, 0), (4, 0), (1, 3))
    bits.take(8 * bits.choice((0, 0), (0, 4), (16, 5), (48, 10)))
    if kind == 0:
        bits.take(1)
    return kind not in (2, 5)


def _read_jxl(stream: BinaryIO, data: bytes, request: Request) -> Picture:
    codecs = _library("imagecodecs")
    if codecs is None:
        raise request.needs("JPEG XL", "imagecodecs")
    header = _jxl_header(data)
    if header is None:
        raise request.refuse("a JPEG XL whose header is cut short; get the file again")
    request.check_pixels(header.width * header.height)
    pixels = codecs.jpegxl_decode(_whole(stream))
    several = header.animated and pixels.ndim > 2 and pixels.shape[-3:-1] == pixels.shape[1:3] and pixels.ndim == 4
    several = several or (header.animated and pixels.ndim == 3 and pixels.shape[0] != header.height)
    pictures = list(pixels) if several else [pixels]
    numbers = request.chosen(len(pictures))
    request.check_pixels(header.width * header.height * len(pictures), together=len(pictures) > 1)
    if len(pictures) > 1:
        request.note("how long the frames of a JPEG XL are shown is not read")
    frames = tuple(_frame(pictures[number], None if header.floats else header.bits) for number in numbers)
    return Picture("JXL", frames, frames[0].mode, replace(_jxl_notes(data, request), lossless=not header.lossy))


def _jxl_notes(data: bytes, request: Request) -> Meta:
    """EXIF and XMP, in boxes of their own; a profile is within the codestream, which the library does not read."""
    content = _box(data, b"Exif")
    raw = None if content is None else content[4 + int.from_bytes(content[:4]) :]
    return Meta(exif=metadata.described(raw, request.notes) if raw else None, xmp=_box(data, b"xml "))


# HEIF


def _read_heif(stream: BinaryIO, request: Request) -> Picture:
    library = _library("pillow_heif")
    if library is None:
        raise request.needs("HEIF", "pillow-heif")
    stream.seek(0)
    file = library.open_heif(stream, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    request.check_pixels(file.size[0] * file.size[1])
    request.chosen(1)
    if len(file) > 1:
        request.note(f"the main one of {len(file)} pictures in the file was taken")
    info = file.info
    frame = _frame(np.asarray(file), info.get("bit_depth"))
    raw = info.get("exif")
    written = metadata.described(raw, request.notes) if raw else None
    meta = Meta(icc=info.get("icc_profile"), exif=written, xmp=info.get("xmp") or None)
    return Picture("HEIF", (frame,), frame.mode, meta)


# Writing


def encoded(frames: Sequence[Frame], format: str, quality: int | None, *, lossless: bool) -> bytes:
    """The file of one frame, as deep as its values are; JPEG 2000 loses nothing, the others only if `lossless`.

    Raises PictureError for several frames, which imagecodecs gives no duration.
    """
    codecs = import_module("imagecodecs")
    if len(frames) > 1:
        raise PictureError(f"{len(frames)} deep frames do not fit into one {format}; take one with --frame N")
    pixels = np.ascontiguousarray(frames[0].pixels)
    bits = _bits_of(frames[0])
    good = 90 if quality is None else quality
    if format == "JPEG2000":
        given = {"codecformat": "jp2", "bitspersample": bits, "reversible": True, "planar": False}
        file = codecs.jpeg2k_encode(pixels, level=0, **given)
    elif format == "AVIF":
        bits = 8 if pixels.dtype == np.uint8 else 10 if bits <= 10 else 12
        file = codecs.avif_encode(pixels, level=None if lossless else good, bitspersample=bits)
    else:
        distance = 0.0 if lossless else max(0.1, _DISTANCE * (100 - good) + 0.1)
        depth = None if pixels.dtype.kind == "f" else bits
        file = codecs.jpegxl_encode(pixels, lossless=lossless, distance=distance, bitspersample=depth)
    return bytes(file)


def _bits_of(frame: Frame) -> int:
    """How many bits values of this frame take in its file."""
    if frame.peak is None or frame.pixels.max() > frame.peak:
        return 8 * frame.pixels.dtype.itemsize
    return frame.peak.bit_length() + (frame.pixels.dtype.kind == "i")


BLOCK, CARD = 2880, 80
# FITS: the first picture in a file, in the values that its header says, the first row at the bottom.
# Source: the FITS standard 4.0 (IAU), 4.4.1 (mandatory keywords), 4.4.2.5 (BSCALE, BZERO, BLANK) and 5
# (representation).

_MOST_HEADERS = 1000  # blocks of headers; more are no picture's
_FITS_DTYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
# How the standard stores what has no type of its own: (BITPIX, BZERO) to the type.
_SHIFTED = {(8, -128): np.int8, (16, 1 << 15): np.uint16, (32, 1 << 31): np.uint32, (64, 1 << 63): np.uint64}


def read_fits(stream: BinaryIO, request: Request) -> Picture:
    """The first picture among the header units; three axes are frames. Scaled integers become 64-bit floats.

    BLANK is the frames' no-data value, NaN where values are scaled. Raises PictureError for a file without pictures,
    a compressed one, and fewer bytes than promised.
    """
    header = _first_picture(stream, request)
    bits = _integer(header, "BITPIX", request)
    sides = [_integer(header, f"NAXIS{axis}", request) for axis in range(1, _integer(header, "NAXIS", request) + 1)]
    sides += [1] * (2 - len(sides))
    count = int(np.prod(sides[2:], dtype=np.int64))
    width, height = sides[:2]
    if bits not in _FITS_DTYPES or min(sides) < 1:
        raise request.refuse(f"a FITS of BITPIX {bits} and sides {sides} is none; get the file again")
    numbers = request.chosen(count)
    request.check_pixels(width * height * len(numbers), together=len(numbers) > 1)
    dtype = np.dtype(_FITS_DTYPES[bits])
    stream.seek(numbers.start * width * height * dtype.itemsize, 1)
    size = len(numbers) * width * height * dtype.itemsize
    data = stream.read(size)
    if len(data) < size:
        raise request.refuse(f"{size} bytes of pixels are promised and {len(data)} are there; get the file again")
    raw = np.frombuffer(data, dtype).reshape(len(numbers), height, width)[:, ::-1]
    values, nodata = _fits_values(raw, header, bits)
    mode = NAMED.get((values.dtype.name, 1), values.dtype.name)
    frames = tuple(Frame(np.ascontiguousarray(each), mode, nodata=nodata) for each in values)
    return Picture("FITS", frames, mode)


def _fits_values(raw: Array, header: dict[str, str], bits: int) -> tuple[Array, tuple[float | int, ...]]:
    """What the stored numbers stand for, and what stands for nothing."""
    scale, zero = (
        float(header.get(name, default).replace("D", "E")) for name, default in (("BSCALE", "1"), ("BZERO", "0"))
    )
    blank = int(header["BLANK"]) if bits > 0 and header.get("BLANK", "").lstrip("+-").isdigit() else None
    native = raw.astype(raw.dtype.newbyteorder("="))
    if scale == 1 and zero == 0:
        return native, () if blank is None else (blank,)
    shifted = _SHIFTED.get((bits, int(zero))) if scale == 1 and zero == int(zero) else None
    if shifted is not None:
        unsigned = native.view(f"u{native.itemsize}") ^ np.array(1 << (bits - 1), f"u{native.itemsize}")
        return unsigned.view(shifted), () if blank is None else (blank + int(zero),)
    scaled = native.astype(np.float64) * scale + zero
    if blank is not None:
        scaled[native == blank] = np.nan
    return scaled, ()


def _first_picture(stream: BinaryIO, request: Request) -> dict[str, str]:
    """The header of the first unit with pixels; `stream` is left where these begin."""
    for _ in range(_MOST_HEADERS):
        header = _header(stream)
        if not header:
            raise request.refuse("a FITS without a picture in it; give one that has one")
        if header.get("ZIMAGE") == "T":
            raise request.refuse("a compressed FITS, which is not read; unpack it with funpack first")
        axes = _integer(header, "NAXIS", request)
        picture = axes > 0 and header.get("XTENSION", "'IMAGE").startswith("'IMAGE") and header.get("GROUPS") != "T"
        if picture and _integer(header, "NAXIS1", request) > 0:
            return header
        sides = [_integer(header, f"NAXIS{axis}", request) for axis in range(1, axes + 1)]
        groups, heap = int(header.get("GCOUNT", "1")), int(header.get("PCOUNT", "0"))
        values = int(np.prod(sides, dtype=object)) + heap if sides else 0
        size = abs(_integer(header, "BITPIX", request)) // 8 * groups * values
        stream.seek(-(-size // BLOCK) * BLOCK, 1)
    raise request.refuse("a FITS without a picture in it; give one that has one")


def _header(stream: BinaryIO) -> dict[str, str]:
    """The cards of a unit: keywords and what stands before their comments; nothing at the end of the file."""
    cards: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        block = stream.read(BLOCK).decode("latin-1")
        for at in range(0, len(block), CARD):
            card = block[at : at + CARD]
            if card[:8].rstrip() == "END":
                return cards
            if card[8:10] == "= ":
                cards[card[:8].rstrip()] = card[10:].split("/")[0].strip()
        if len(block) < BLOCK:
            break
    return {}


def _integer(header: dict[str, str], name: str, request: Request) -> int:
    try:
        return int(header[name])
    except (KeyError, ValueError):
        raise request.refuse(f"a FITS whose header lacks {name}; get the file again") from None


# PSD, which Pillow reads as 8 bits

_PSD_CHANNELS = {0: 1, 1: 1, 2: 1, 3: 3, 4: 4, 8: 1, 9: 3}  # of the kinds of picture that are read


def check_psd(stream: BinaryIO, request: Request) -> None:
    """PictureError for a Photoshop file of more than 8 bits, or of channels that are no picture together."""
    start = stream.read(26)
    if not start.startswith(b"8BPS\0\1") or len(start) < 26:
        return
    channels, _, _, bits, kind = struct.unpack_from(">HIIHH", start, 12)
    if bits > 8:
        raise request.refuse(f"a PSD of {bits} bits a channel, which is not read; convert it to TIFF or PNG first")
    if kind not in _PSD_CHANNELS:
        raise request.refuse("a PSD of channels that are no grey, RGB, CMYK or Lab; convert it to TIFF first")
    more = channels - _PSD_CHANNELS[kind] - (kind == 3 and channels == 4)
    if more > 0:
        request.note(f"{more} more channel{'s' * (more > 1)} of the PSD {'were' if more > 1 else 'was'} left out")
