"""Netpbm's formats and PFM: values exactly as they are stored, whatever their maxval, both ways.

Source: the Netpbm manual (pbm, pgm, ppm, pam: netpbm.sourceforge.net/doc); for floats, Debevec's description of PFM.
Of a stream of several pictures the first is read.
"""

import re
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from poolcli.images.formats import Request
from poolcli.images.frame import NAMED, PIXEL_MODES, Array, Frame, Meta, Picture
from poolcli.records import dataclass

_STARTS = (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"P7", b"PF", b"Pf")
HEADER = 1 << 16  # bytes; a longer one is all comments
_TOKEN = re.compile(rb"(?:\s|#[^\r\n]*[\r\n])*([^\s#]+)")
_BITS, _FLOATS, _AS_TEXT = b"14", b"Ff", b"123"
_CHANNELS = {b"3": 3, b"6": 3, b"F": 3}
_TUPLES = {"1": b"BLACKANDWHITE", "L": b"GRAYSCALE", "LA": b"GRAYSCALE_ALPHA", "RGB": b"RGB", "RGBA": b"RGB_ALPHA"}


@dataclass(frozen=True, slots=True)
class Header:
    """`kind`: what follows the P. `scale` is negative for floats whose low bytes come first; `start`: of the pixels."""

    kind: bytes
    width: int
    height: int
    channels: int
    most: int
    start: int
    scale: float = 1.0

    @property
    def end(self) -> int:
        """The byte behind the pixels; of values as text, eight bytes for each with what stands between, at most."""
        values = self.width * self.channels
        rows = {b"4": -(-values // 8), **dict.fromkeys((b"1", b"2", b"3"), 8 * values)}
        return self.start + self.height * rows.get(self.kind, values * self.dtype.itemsize)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values as they lie in the file."""
        if self.kind in _FLOATS:
            return np.dtype("<f4" if self.scale < 0 else ">f4")
        return np.dtype(np.uint8 if self.most < 256 else ">u2")


def read(stream: BinaryIO, request: Request) -> Picture:
    """The picture in `stream`.

    Bits are True where they are white. Raises PictureError for a header that makes no sense, values above the maxval,
    and fewer pixels than promised.
    """
    header = header_of(stream.read(HEADER), request)
    request.chosen(1)
    request.check_pixels(header.width * header.height)
    stream.seek(header.start)
    values = (_as_text if header.kind in _AS_TEXT else _as_bytes)(stream, header, request)
    shape = (header.height, header.width, header.channels)
    pixels = values.reshape(shape if header.channels > 1 else shape[:2])
    if header.kind in _FLOATS:
        mode = "F" if header.channels == 1 else "RGB;32F"
        return _picture(Frame(np.ascontiguousarray(pixels[::-1]), mode), abs(header.scale))
    if header.kind in _BITS:
        return _picture(Frame(pixels == 0, "1"))
    if header.kind == b"7" and header.most == 1 and header.channels == 1:
        return _picture(Frame(pixels != 0, "1"), format="PAM")
    peak = None if header.most in (255, 65_535) else header.most
    if peak is not None and int(pixels.max()) > peak:
        raise request.refuse(f"a value of {int(pixels.max())} is above the maxval of {peak}; get the file again")
    mode = NAMED["uint16" if header.most > 255 else "uint8", header.channels]
    frame = Frame(pixels, mode, PIXEL_MODES[mode].alpha, peak=peak)
    return _picture(frame, format="PAM" if header.kind == b"7" else "PPM")


def _picture(frame: Frame, scale: float = 1.0, format: str = "PPM") -> Picture:
    return Picture(format, (frame,), frame.mode, Meta(scale=scale))


def header_of(start: bytes, request: Request) -> Header:
    """What the front of a file says, which begins as one of these does; PictureError for what makes no sense."""
    kind = start[1:2]
    if kind == b"7":
        return _pam_header(start, request)
    tokens: list[bytes] = []
    at = 2
    for _ in range(2 if kind in _BITS else 3):
        token = _TOKEN.match(start, at)
        if token is None:
            raise request.refuse("the header is cut short; get the file again")
        tokens.append(token[1])
        at = token.end()
    width, height = (_number(token, "a side", request) for token in tokens[:2])
    channels = _CHANNELS.get(kind, 1)
    if kind in _FLOATS:
        return Header(kind, width, height, channels, 0, at + 1, _scale(tokens[2], request))
    most = 1 if kind in _BITS else _number(tokens[2], "a maxval", request, 65_535)
    return Header(kind, width, height, channels, most, at + 1)


def _pam_header(start: bytes, request: Request) -> Header:
    head, end, _ = start.partition(b"\nENDHDR\n")
    if not end:
        raise request.refuse("the header is cut short; get the file again")
    fields = [line.split(None, 1) for line in head.splitlines()[1:] if line.strip() and not line.startswith(b"#")]
    known = {parts[0]: parts[-1].strip() for parts in fields}
    width, height = (_number(known.get(name, b""), "a side", request) for name in (b"WIDTH", b"HEIGHT"))
    channels = _number(known.get(b"DEPTH", b""), "a depth", request)
    most = _number(known.get(b"MAXVAL", b""), "a maxval", request, 65_535)
    if channels > 4:
        raise request.refuse(f"a PAM of {channels} channels, and 1 to 4 can be read; convert it to .npy or TIFF")
    return Header(b"7", width, height, channels, most, len(head) + len(end))


def _number(token: bytes, what: str, request: Request, most: int = 1 << 31) -> int:
    if not token.isdigit() or len(token) > 10 or not 1 <= int(token) <= most:
        spelled = token[:20].decode("ascii", "replace")
        raise request.refuse(f"{what} of '{spelled}' is none: 1 to {most} is allowed; get the file again")
    return int(token)


def _scale(token: bytes, request: Request) -> float:
    try:
        scale = float(token)
    except ValueError:
        scale = 0.0
    if not scale or not np.isfinite(scale):
        raise request.refuse(f"a scale of '{token[:20].decode('ascii', 'replace')}' is none; get the file again")
    return scale


def _as_bytes(stream: BinaryIO, header: Header, request: Request) -> Array:
    row = -(-header.width // 8) if header.kind == b"4" else header.width * header.channels * header.dtype.itemsize
    data = stream.read(row * header.height)
    if len(data) < row * header.height:
        raise request.refuse(f"{row * header.height} bytes of pixels are promised and {len(data)} are there; "
                             "get the file again")  # fmt: skip
    if stream.read(64).lstrip().startswith(_STARTS):
        request.note("the first of several pictures in the file was taken")
    if header.kind == b"4":
        bits = np.unpackbits(np.frombuffer(data, np.uint8).reshape(header.height, row), axis=1)
        return bits[:, : header.width]
    return np.frombuffer(data, header.dtype).astype(header.dtype.newbyteorder("="), copy=False)


def _as_text(stream: BinaryIO, header: Header, request: Request) -> Array:
    count = header.width * header.height * header.channels
    text = re.sub(rb"#[^\r\n]*", b"", stream.read())
    if header.kind == b"1":  # bits need nothing between them
        values = np.frombuffer(b"".join(text.split())[:count], np.uint8).astype(np.int64) - ord("0")
    else:
        try:
            values = np.array(text.split(None, count)[:count], np.int64)
        except (ValueError, OverflowError):
            raise request.refuse("what stands among the pixels is no number; get the file again") from None
    if len(values) < count:
        raise request.refuse(f"{count} values are promised and {len(values)} are there; get the file again")
    if values.min() < 0 or values.max() > header.most:
        wrong = int(values.min() if values.min() < 0 else values.max())
        raise request.refuse(f"a value of {wrong} is outside 0 to {header.most}, the maxval; get the file again")
    return values.astype(header.dtype.newbyteorder("="))


def write(picture: Picture, stream: BinaryIO, _given: Mapping[str, Any]) -> None:
    """Write the only frame of `picture` with its maxval: a PBM, PGM, PPM or PFM as its mode says, or a PAM."""
    frame = picture.frames[0]
    height, width = frame.pixels.shape[:2]
    most = frame.peak or (1 if frame.mode == "1" else 255 if frame.pixels.dtype == np.uint8 else 65_535)
    values = frame.pixels
    if frame.peak is not None and values.max() > most:
        most = 65_535 if values.dtype == np.uint16 else 255
    if frame.mode in ("F", "RGB;32F"):
        values = values[::-1].astype("<f4", copy=False)
        letter = "f" if frame.mode == "F" else "F"
        head = f"P{letter}\n{width} {height}\n-{picture.meta.scale!r}\n"
    elif picture.format == "PAM":
        tuples = _TUPLES[frame.mode.removesuffix(";16").replace("I", "L")].decode()
        lines = {"WIDTH": width, "HEIGHT": height, "DEPTH": PIXEL_MODES[frame.mode].channels, "MAXVAL": most}
        spelled = "".join(f"{name} {value}\n" for name, value in lines.items())
        head = f"P7\n{spelled}TUPLTYPE {tuples}\nENDHDR\n"
        values = values.astype(np.uint8) if frame.mode == "1" else values
    elif frame.mode == "1":
        head, values = f"P4\n{width} {height}\n", np.packbits(~values, axis=1)
    else:
        head = f"P{6 if frame.pixels.ndim == 3 else 5}\n{width} {height}\n{most}\n"
    stream.write(head.encode())
    if values.dtype == np.uint16:
        values = values.astype(">u2" if most > 255 else np.uint8)
    stream.write(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
