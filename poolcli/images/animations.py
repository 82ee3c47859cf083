"""Animations of GIF and WebP frame by frame, for pictures that Pillow's writers would join or change.

Both write only what changes from frame to frame, and nothing for a frame that equals the one before it (WebP: that
nearly equals it). Here every frame is a whole picture, written alone by Pillow and put into the file as it is. Sources:
the GIF89a specification; the WebP container specification (developers.google.com/speed/webp/docs/riff_container).
"""

import struct
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any, BinaryIO

from PIL import GifImagePlugin, Image

_ICC, _ALPHA, _EXIF, _XMP, _ANIMATED = 0x20, 0x10, 0x08, 0x04, 0x02  # flags of a WebP
_EXIF_HEAD = b"Exif\0\0"


def webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a WebP and their data; what is in a frame is given after the frame."""
    yield from _chunks(data, 12)


def _chunks(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        content = data[at + 8 : at + 8 + size]
        yield name, content
        if name == b"ANMF":
            yield from _chunks(content, 16)
        at += 8 + size + size % 2


def webp_is_lossless(stream: BinaryIO) -> bool:
    """Whether every picture in a WebP is written without loss."""
    stream.seek(0)
    kinds = {name for name, _ in webp_chunks(stream.read())}
    return b"VP8L" in kinds and b"VP8 " not in kinds


def webp(images: Sequence[Image.Image], durations: Sequence[int], given: dict[str, Any], *, clear: bool) -> bytes:
    """A WebP of whole frames, written with Pillow's arguments `given`; `clear`: some pixels may be transparent."""
    said = {kind: given.pop(key, None) for kind, key in ((b"ICCP", "icc_profile"), (b"EXIF", "exif"), (b"XMP ", "xmp"))}
    loop = given.pop("loop", 0)
    exif = said[b"EXIF"]
    if exif is not None:
        said[b"EXIF"] = exif.removeprefix(_EXIF_HEAD)
    flags = _ANIMATED | _ALPHA * clear
    flags |= _ICC * bool(said[b"ICCP"]) | _EXIF * bool(said[b"EXIF"]) | _XMP * bool(said[b"XMP "])
    width, height = images[0].size
    parts = [(b"VP8X", bytes([flags, 0, 0, 0]) + _three(width - 1) + _three(height - 1))]
    if said[b"ICCP"]:
        parts.append((b"ICCP", said[b"ICCP"]))
    parts.append((b"ANIM", struct.pack("<IH", 0, loop)))
    for image, duration in zip(images, durations, strict=True):
        file = BytesIO()
        image.save(file, "WEBP", **given)
        pixels = [part for part in webp_chunks(file.getvalue()) if part[0] in (b"ALPH", b"VP8 ", b"VP8L")]
        place = bytes(6) + _three(width - 1) + _three(height - 1) + _three(min(duration, (1 << 24) - 1))
        parts.append((b"ANMF", place + b"\2" + _joined(pixels)))  # 2: it replaces what was there
    parts += [(kind, said[kind]) for kind in (b"EXIF", b"XMP ") if said[kind]]
    body = b"WEBP" + _joined(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _three(value: int) -> bytes:
    return value.to_bytes(3, "little")


def _joined(parts: Sequence[tuple[bytes, bytes]]) -> bytes:
    return b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in parts)


class ColourGif(GifImagePlugin.GifImageFile):
    """A GIF whose first frame is one of colours, even where these are all greys."""

    def _is_palette_needed(self, p: bytes) -> bool:
        return True


def with_colours(data: bytes) -> BytesIO:
    """The GIF `data`, with 256 greys as its colours where it has none."""
    if data[10] & 0x80:
        return BytesIO(data)
    greys = bytes(value for value in range(256) for _ in range(3))
    return BytesIO(data[:10] + bytes([data[10] & 0x78 | 0x87]) + data[11:13] + greys + data[13:])


def gif(images: Sequence[Image.Image], durations: Sequence[int], given: dict[str, Any], *, clear: bool) -> bytes:
    """A GIF of whole frames, each with its own colours; `clear`: some pixels may be transparent."""
    loop, comment = given.get("loop"), given.get("comment") or b""
    file = BytesIO()
    for number, (image, duration) in enumerate(zip(images, durations, strict=True)):
        alone = BytesIO()
        image.save(alone, "GIF", optimize=False, interlace=0)
        screen, colours, pixels = _gif_parts(alone.getvalue())
        if number == 0:
            file.write(b"GIF89a" + screen + colours)
            file.write(b"" if loop is None else b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", loop) + b"\0")
            file.write(b"!\xfe" + _sub_blocks(comment) if comment else b"")
        key = image.info.get("transparency")
        flags = (8 if clear else 4) | (key is not None)  # disposed to the background, or left
        file.write(b"!\xf9\x04" + struct.pack("<BHB", flags, min(duration // 10, 65_535), key or 0) + b"\0")
        local = 0x80 | (screen[4] & 7) if colours and number else 0
        file.write(b"," + struct.pack("<4HB", 0, 0, *image.size, local) + (colours if local else b"") + pixels)
    file.write(b";")
    return file.getvalue()


def _gif_parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    """The screen, the colours and the compressed pixels of a GIF of one picture."""
    screen = data[6:13]
    size = 3 << (screen[4] & 7) + 1 if screen[4] & 0x80 else 0
    at = 13 + size
    while data[at : at + 1] == b"!":
        at = _after(data, at + 2)
    start = at + 10
    local = data[at + 9]
    if local & 0x80:
        start += 3 << (local & 7) + 1
    return screen, data[13 : 13 + size], data[start : _after(data, start + 1)]


def _after(data: bytes, at: int) -> int:
    """Where the sub-blocks that begin at `at` end."""
    while data[at]:
        at += 1 + data[at]
    return at + 1


def _sub_blocks(data: bytes) -> bytes:
    pieces = (data[at : at + 255] for at in range(0, len(data), 255))
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"
