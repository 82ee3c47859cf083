"""EXIF: the tags that describe a photograph, taken over byte by byte; thumbnails and how pixels lay in a file are not.

Source: Exif 3.0 (CIPA DC-008), 4.5 and 4.6; TIFF 6.0, section 2.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

HEAD = b"Exif\0\0"
ORIENTATION, CAMERA, PLACE, EXCHANGE, MAKER_NOTE = 0x0112, 0x8769, 0x8825, 0xA005, 0x927C
WIDTH, HEIGHT = 0xA002, 0xA003  # of the picture, in pixels
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}  # of types
_MOST = 1 << 20  # bytes of one value
# The main table's: title, camera, names of document and page, resolution, program, date, artist, host, white point and
# primaries, rating, copyright, those of Windows Explorer, print matching. Others say how the pixels of a file lie.
_DESCRIBING = {
    0x010D, 0x010E, 0x010F, 0x0110, 0x011A, 0x011B, 0x011D, 0x0128, 0x0131, 0x0132, 0x013B, 0x013C, 0x013E, 0x013F,
    0x4746, 0x4749, 0x8298, 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F, 0xC4A5, CAMERA, PLACE,
}  # fmt: skip
_IN_PIXELS = {0x9214: "the subject's area", 0xA214: "the subject's place"}  # of the original
_TABLES = {CAMERA: "camera", PLACE: "place", EXCHANGE: "exchange"}

Entry = tuple[int, bytes]  # type and value, in the order of bytes of the file


class ExifError(ValueError):
    """It is none, or its main table lies beyond its end."""


@dataclass(frozen=True, slots=True)
class Exif:
    """Tables of tags to entries: the main one, the camera's, the place's and the one of exchange; `order` is < or >."""

    order: str
    main: Mapping[int, Entry]
    inner: Mapping[int, Mapping[int, Entry]] = field(default_factory=dict)

    @property
    def orientation(self) -> int:
        """How the picture lies, 1 to 8; 1 where that is not said.

        >>> Exif("<", {ORIENTATION: (3, b"\\6\\0")}).orientation
        6
        """
        kind, value = self.main.get(ORIENTATION, (0, b""))
        if kind != 3 or len(value) < 2:
            return 1
        found: int = struct.unpack_from(self.order + "H", value)[0]
        return found if 1 <= found <= 8 else 1


def parsed(data: bytes) -> Exif:
    """The tables in `data`, with the head or without it; ExifError where there is not even a main one.

    Entries that lie beyond the end, or are of no known type, are left out.
    """
    data = data.removeprefix(HEAD)
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        raise ExifError
    main = _table(data, order, struct.unpack_from(order + "I", data, 4)[0])
    if not main:
        raise ExifError
    inner: dict[int, Mapping[int, Entry]] = {}
    for tag in (CAMERA, PLACE, EXCHANGE):
        kind, value = (inner.get(CAMERA, {}) if tag == EXCHANGE else main).get(tag, (0, b""))
        if kind in (4, 13) and len(value) >= 4:
            inner[tag] = _table(data, order, struct.unpack_from(order + "I", value)[0])
    return Exif(order, main, inner)


def _table(data: bytes, order: str, at: int) -> dict[int, Entry]:
    """The table that begins at `at`; empty where it lies beyond the end."""
    if at < 8 or at + 2 > len(data):
        return {}
    entries: dict[int, Entry] = {}
    for number in range(struct.unpack_from(order + "H", data, at)[0]):
        place = at + 2 + 12 * number
        if place + 12 > len(data):
            break
        tag, kind, count = struct.unpack_from(order + "HHI", data, place)
        size = _SIZES.get(kind, 0) * count
        start = place + 8 if size <= 4 else struct.unpack_from(order + "I", data, place + 8)[0]
        if 0 < size <= _MOST and start + size <= len(data):
            entries[tag] = (kind, data[start : start + size])
    return entries


def describing(exif: Exif, notes: dict[str, None]) -> Exif:
    """Only what describes the photograph: no thumbnail, no layout, no orientation, which has been applied."""
    main = {tag: entry for tag, entry in exif.main.items() if tag in _DESCRIBING}
    camera = dict(exif.inner.get(CAMERA, {}))
    for tag, what in _IN_PIXELS.items():
        if camera.pop(tag, None) is not None:
            notes[f"{what} in EXIF was dropped, since it is in pixels of the original"] = None
    if b"\xff\xd8\xff" in camera.get(MAKER_NOTE, (0, b""))[1]:
        del camera[MAKER_NOTE]
        notes["the maker's note in EXIF was dropped, since it holds a picture of the original"] = None
    return replace(exif, main=main, inner={**exif.inner, CAMERA: camera})


def of_page(table: Mapping[int, Any], width: int, height: int, notes: dict[str, None]) -> dict[int, Any]:
    """The camera's table of a TIFF's page, given as values by their tags, as that of another picture of this size."""
    kept = dict(table)
    for tag, what in _IN_PIXELS.items():
        if kept.pop(tag, None) is not None:
            notes[f"{what} in EXIF was dropped, since it is in pixels of the original"] = None
    maker = kept.get(MAKER_NOTE)
    if isinstance(maker, bytes) and b"\xff\xd8\xff" in maker:
        del kept[MAKER_NOTE]
        notes["the maker's note in EXIF was dropped, since it holds a picture of the original"] = None
    return {tag: {WIDTH: width, HEIGHT: height}.get(tag, value) for tag, value in kept.items()}


def sized(exif: Exif, width: int, height: int) -> Exif:
    """The same with the picture's size, if there is one."""
    camera = dict(exif.inner.get(CAMERA, {}))
    for tag, side in ((WIDTH, width), (HEIGHT, height)):
        if tag in camera:
            camera[tag] = (4, struct.pack(exif.order + "I", side))
    return replace(exif, inner={**exif.inner, CAMERA: camera})


def packed(exif: Exif) -> bytes | None:
    """The bytes of a new EXIF, with the head; None for one without tags."""
    inner = {tag: dict(table) for tag, table in exif.inner.items() if table}
    main = {tag: entry for tag, entry in exif.main.items() if tag not in _TABLES}
    if not main and not inner:
        return None
    file = bytearray((b"II*\0" if exif.order == "<" else b"MM\0*") + struct.pack(exif.order + "I", 8))
    if EXCHANGE in inner and CAMERA not in inner:
        del inner[EXCHANGE]
    # Where tables begin is known once those before them are written: main, camera, exchange, place.
    pointer = (4, bytes(4))
    if CAMERA in inner:
        inner[CAMERA].pop(EXCHANGE, None)
        main[CAMERA] = pointer
        if EXCHANGE in inner:
            inner[CAMERA][EXCHANGE] = pointer
    if PLACE in inner:
        main[PLACE] = pointer
    places = _append(file, main, exif.order)
    for tag in (CAMERA, EXCHANGE, PLACE):
        if tag in inner:
            struct.pack_into(exif.order + "I", file, places[tag], len(file))
            places |= _append(file, inner[tag], exif.order)
    return HEAD + bytes(file)


def _append(file: bytearray, table: Mapping[int, Entry], order: str) -> dict[int, int]:
    """Write a table at the end of the file; where the values of the pointers to others stand."""
    start = len(file)
    values = start + 2 + 12 * len(table) + 4
    rest, places = bytearray(), dict[int, int]()
    file += struct.pack(order + "H", len(table))
    for tag, (kind, value) in sorted(table.items()):
        file += struct.pack(order + "HHI", tag, kind, len(value) // _SIZES[kind])
        if tag in _TABLES:
            places[tag] = len(file)
        if len(value) <= 4:
            file += value.ljust(4, b"\0")
            continue
        file += struct.pack(order + "I", values + len(rest))
        rest += value + b"\0" * (len(value) % 2)
    file += bytes(4) + rest
    return places
