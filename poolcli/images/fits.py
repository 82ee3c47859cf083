"""FITS: the first picture in a file, in the values that its header says, the first row at the bottom.

Source: the FITS standard 4.0 (IAU), 4.4.1 (mandatory keywords), 4.4.2.5 (BSCALE, BZERO, BLANK) and 5 (representation).
"""

from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from poolcli.images.frame import Frame, Picture
from poolcli.images.options import Request

BLOCK, CARD = 2880, 80
_MOST_HEADERS = 1000  # blocks of headers; more are no picture's
_DTYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
# How the standard stores what has no type of its own: (BITPIX, BZERO) to the type.
_SHIFTED = {(8, -128): np.int8, (16, 1 << 15): np.uint16, (32, 1 << 31): np.uint32, (64, 1 << 63): np.uint64}
_MODES = {"uint8": "L", "uint16": "I;16", "int32": "I", "float32": "F"}


def read(stream: BinaryIO, request: Request) -> Picture:
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
    if bits not in _DTYPES or min(sides) < 1:
        raise request.refuse(f"a FITS of BITPIX {bits} and sides {sides} is none; get the file again")
    numbers = request.chosen(count)
    request.check_pixels(width * height * len(numbers), together=len(numbers) > 1)
    dtype = np.dtype(_DTYPES[bits])
    stream.seek(numbers.start * width * height * dtype.itemsize, 1)
    size = len(numbers) * width * height * dtype.itemsize
    data = stream.read(size)
    if len(data) < size:
        raise request.refuse(f"{size} bytes of pixels are promised and {len(data)} are there; get the file again")
    stored = np.frombuffer(data, dtype).reshape(len(numbers), height, width)[:, ::-1]
    values, nodata = _values(stored, header, bits)
    mode = _MODES.get(values.dtype.name, values.dtype.name)
    frames = tuple(Frame(np.ascontiguousarray(each), mode, nodata=nodata) for each in values)
    return Picture("FITS", frames, mode)


def _values(stored: NDArray[Any], header: dict[str, str], bits: int) -> tuple[NDArray[Any], tuple[float | int, ...]]:
    """What the stored numbers stand for, and what stands for nothing."""
    scale, zero = (
        float(header.get(name, default).replace("D", "E")) for name, default in (("BSCALE", "1"), ("BZERO", "0"))
    )
    blank = int(header["BLANK"]) if bits > 0 and header.get("BLANK", "").lstrip("+-").isdigit() else None
    native = stored.astype(stored.dtype.newbyteorder("="))
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
