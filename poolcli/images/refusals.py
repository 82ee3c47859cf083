"""What is refused by name: files that others read, kinds that Pillow does not, and depths that it would cut."""

import re
import struct
from typing import Any, BinaryIO

from PIL import Image

from poolcli.images.formats import FORMATS
from poolcli.images.modes import MODES, NATIVE
from poolcli.images.options import Request

# Starts of files that are told by name rather than as "not a picture".
_REFUSED_STARTS = {b"%!PS": "EPS", b"\xc5\xd0\xd3\xc6": "EPS", b"%PDF": "PDF", b"\xd7\xcd\xc6\x9a": "WMF",
                   b"GRIB": "GRIB", b"BUFR": "BUFR", b"\x89HDF": "HDF5"}  # fmt: skip

# What others read: how these begin, at which byte, and what they are.
_UNREAD = (
    (b"\x76\x2f\x31\x01", 0, "an OpenEXR file"),
    (b"#?R", 0, "a Radiance HDR file"),
    (b"II\xbc\x01", 0, "a JPEG XR file"),
    (b"gimp xcf", 0, "a GIMP file"),
    (b"\xabKTX", 0, "a KTX texture"),
    (b"FLIF", 0, "a FLIF file"),
    (b"BPG\xfb", 0, "a BPG file"),
    (b"<svg", 0, "an SVG drawing"),
    (b"ftypcrx ", 4, "a Canon raw file"),
    (b"ftyp", 4, "a video or other MP4 file"),
    (b"\x1a\x45\xdf\xa3", 0, "a Matroska video"),
    (b"AVI ", 8, "an AVI video"),
)
# Formats that Pillow reads, by what tells them when it refuses a file.
_KNOWN = (
    (b"\x89PNG", 0, "PNG"), (b"\xff\xd8\xff", 0, "JPEG"), (b"GIF8", 0, "GIF"), (b"BM", 0, "BMP"), (b"WEBP", 8, "WEBP"),
    (b"8BPS", 0, "PSD"), (b"DDS ", 0, "DDS"), (b"\xff\x4f\xff\x51", 0, "JPEG2000"), (b"\0\0\0\x0cjP  ", 0, "JPEG2000"),
    (b"\0\0\1\0", 0, "ICO"), (b"\0\0\2\0", 0, "CUR"), (b"qoif", 0, "QOI"), (b"icns", 0, "ICNS"),
    (b"\x01\xda", 0, "SGI"),
)  # fmt: skip

_SHORTEST = 26  # bytes: no header of these formats is shorter, but QOI's 14, whose pixels are more

_PSD_CHANNELS = {0: 1, 1: 1, 2: 1, 3: 3, 4: 4, 8: 1, 9: 3}  # of the kinds of picture that are read
_ODD_COLOUR = re.compile(rb'\bc\s+#(?![0-9A-Fa-f]{6}[\s"])')  # of an XPM: Pillow reads six digits only


def not_a_picture(start: bytes, stream: BinaryIO) -> str:
    """What a file is that no reader takes, as far as its first bytes tell."""
    for prefix, format in _REFUSED_STARTS.items():
        if start.startswith(prefix):
            return f"{format} {FORMATS[format].refusal}"
    for prefix, offset, what in _UNREAD:
        if start.startswith(prefix, offset):
            return f"{what}, which is not read; convert it to TIFF or PNG first"
    for prefix, offset, format in _KNOWN:
        if start.startswith(prefix, offset):
            if len(start) < _SHORTEST:
                return f"a {format} that is cut short after {len(start)} bytes; get the file again"
            return f"a {format} that Pillow does not read ({_said(format, stream)}); get it again, or convert it to PNG"
    return "not a picture that Pillow can read; give PNG, JPEG, TIFF, WebP, GIF ... or .npy"


def _said(format: str, stream: BinaryIO) -> str:
    """What the reader of `format` says against a file: Pillow keeps it for itself."""
    try:
        stream.seek(0)
        Image.OPEN[format][0](stream, "")
    except Exception as error:  # noqa: BLE001 (of any kind: it is only quoted)
        return " ".join(str(error).split())[:120] or type(error).__name__
    return "no reason given"


def check_depth(image: Image.Image, stream: BinaryIO, request: Request) -> None:
    """Refuse what Pillow would give other values for: 16 bits a channel, of which it reads the upper 8, and the like.

    Raises PictureError, or leaves a note where 8 bits are allowed.
    """
    if image.format == "PNG" or MODES[NATIVE.get(image.mode, image.mode)].dtype != "uint8":
        return
    if image.format == "XPM":
        stream.seek(0)
        if _ODD_COLOUR.search(stream.read(1 << 20)):
            raise request.refuse("an XPM of other colours than of six digits; convert it to PNG first")
    for codec, _, _, given in getattr(image, "tile", ())[:1]:
        if deep := _deep(codec, given if isinstance(given, tuple) else (given,)):
            _need_8_bits(f"{image.format} of {deep}", request)


def _deep(codec: str, given: tuple[Any, ...]) -> str | None:
    """What values a decoder of Pillow's with these arguments makes 8 bits of, if they are more."""
    if codec == "SGI16" or (codec == "sgi_rle" and given[-1] == 2) or str(given[0])[-4:-1] == ";16":
        return "16 bits a channel"
    if codec == "bcn" and str(given[-1]).startswith("BC6H"):
        return "16-bit floats (BC6H)"
    if codec == "dds_rgb" and max(mask.bit_count() for mask in given[1]) > 8:
        return f"{max(mask.bit_count() for mask in given[1])} bits a channel"
    return None


def check_header(start: bytes, request: Request) -> None:
    """PictureError for a Photoshop file of more than 8 bits, or of channels that are no picture together."""
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


def _need_8_bits(what: str, request: Request) -> None:
    """PictureError, or where fewer bits are allowed a note."""
    if not request.options.allow_8bit:
        raise request.refuse(
            f"{what}, of which Pillow reads 8; convert it to TIFF or PNG, or allow that with --allow-8bit"
        )
    request.note(f"{what} was read as 8 bits")
