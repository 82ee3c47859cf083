"""What stands beside the pixels of a file: profiles, texts, resolution, EXIF."""

import math
import re
import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field, replace
from typing import Any, TypeVar, cast

from PIL import Image

from poolcli.errors import PictureError
from poolcli.images.formats import Format
from poolcli.images.frame import PIXEL_MODES, Frame, Meta, Picture, Text
from poolcli.images.guard import reading
from poolcli.images.png import COLOUR, HDR, Head
from poolcli.records import dataclass

# EXIF: the tags that describe a photograph, taken over byte by byte; thumbnails and how pixels lay in a file are not.
# Source: Exif 3.0 (CIPA DC-008), 4.5 and 4.6; TIFF 6.0, section 2.

EXIF_HEAD = b"Exif\0\0"
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
_IN_PIXELS = {0x9214: "the subject's area", 0xA214: "the subject's place",
              **dict.fromkeys((0xA20E, 0xA20F), "the sensor's resolution")}  # fmt: skip
_TABLES = {CAMERA: "camera", PLACE: "place", EXCHANGE: "exchange"}

Entry = tuple[int, bytes]  # type and value, in the order of bytes of the file
Value = TypeVar("Value")


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
        orientation: int = struct.unpack_from(self.order + "H", value)[0]
        return orientation if 1 <= orientation <= 8 else 1


def parsed(data: bytes) -> Exif:
    """The tables in `data`, with the head or without it; ExifError where there is not even a main one.

    Entries that lie beyond the end, or are of no known type, are left out.
    """
    data = data.removeprefix(EXIF_HEAD)
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
    main = {tag: entry for tag, entry in upright_tags(exif.main, exif.orientation).items() if tag in _DESCRIBING}
    camera = exif.inner.get(CAMERA, {})
    gone = _of_original(camera, camera.get(MAKER_NOTE, (0, b""))[1], notes)
    camera = {tag: entry for tag, entry in camera.items() if tag not in gone}
    return replace(exif, main=main, inner={**exif.inner, CAMERA: camera})


def upright_tags(tags: Mapping[int, Value], orientation: int) -> dict[int, Value]:
    """The same with the resolutions across and down in each other's place, where rows become columns."""
    across, down, _ = RESOLUTION
    places = {across: down, down: across} if orientation > 4 else {}
    return {places.get(tag, tag): value for tag, value in tags.items()}


def _of_original(camera: Mapping[int, Any], maker: object, notes: dict[str, None]) -> set[int]:
    """The tags of a camera's table that are true of the original alone; `maker`: the bytes of the maker's note."""
    gone = _IN_PIXELS.keys() & camera.keys()
    notes |= dict.fromkeys(
        f"{what} in EXIF was dropped, since it is in pixels of the original"
        for tag, what in _IN_PIXELS.items() if tag in gone
    )  # fmt: skip
    if isinstance(maker, bytes) and b"\xff\xd8\xff" in maker:
        notes["the maker's note in EXIF was dropped, since it holds a picture of the original"] = None
        gone.add(MAKER_NOTE)
    return gone


def of_page(table: Mapping[int, Any], width: int, height: int, notes: dict[str, None]) -> dict[int, Any]:
    """The camera's table of a TIFF's page, given as values by their tags, as that of another picture of this size."""
    gone = _of_original(table, table.get(MAKER_NOTE), notes)
    sizes = {WIDTH: width, HEIGHT: height}
    return {tag: sizes.get(tag, value) for tag, value in table.items() if tag not in gone}


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
    return EXIF_HEAD + bytes(file)


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


_XMP_ORIENTATION = rb'(tiff:Orientation(?:="|>))([2-8])'
# What EXIF knows of a TIFF's own tags; the others describe how its pixels lie in the file, or are kept elsewhere.
_OF_TIFF = (270, 271, 272, 305, 306, 315, 316, 33432, 34665, 34853)
RESOLUTION = (282, 283, 296)  # across, down, unit
_TEXTS_OF_EXIF = ("Raw profile type exif", "Raw profile type APP1")
_TEXT_ELSEWHERE = ("XML:com.adobe.xmp", *_TEXTS_OF_EXIF)
# A JPEG's markers hold 64 KiB: what is larger is dropped.
_JPEG_ROOM = {"exif": 65_533, "xmp": 65_504, "comment": 65_533, "iptc": 65_500}
_NAMES = {
    "icc": "the colour profile", "colour": "the colours' meaning", "exif": "the EXIF data", "xmp": "the XMP data",
    "iptc": "the IPTC data", "dpi": "the resolution", "aspect": "the density without a unit", "text": "the text",
    "comment": "the comment",
}  # fmt: skip
_XMP_THUMBNAILS = rb"(?s)<(\w+:Thumbnails)\b.*?</\1>|<(\w+GImg:image)\b[^>]*>.*?</\2>|\w+GImg:image=\"[^\"]*\""
_IPTC = 0x0404  # among Photoshop's resources
# How segments of a JPEG begin that are read, or belong to how it is packed.
_SEGMENTS = (b"JFIF", b"JFXX", b"Exif\0", b"http://ns.adobe.com/xap/1.0/", b"ICC_PROFILE", b"Photoshop 3.0", b"Adobe",
             b"Ducky", b"MPF\0", b"AROT")  # fmt: skip
_CHUNKS_ELSEWHERE = (b"PLTE", b"tRNS", b"acTL", b"fcTL", b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP", b"tIME")


def orientation_of(image: Image.Image) -> int:
    """How the picture has to be turned, 1 to 8 as in EXIF; 1 where it has been turned already (TIFF)."""
    if image.format == "TIFF":
        return 1
    raw = _raw_exif(image)
    if raw is not None:
        try:
            return parsed(raw).orientation
        except ExifError:
            return 1
    match = re.search(_XMP_ORIENTATION, _bytes(image.info.get("xmp")) or b"")
    return int(match[2]) if match else 1


def gathered(image: Image.Image, notes: dict[str, None], head: Head | None = None) -> Meta:
    """What the loaded `image` carries; `head` is that of a PNG. Parts that are broken are dropped, with a note."""
    info, exif = image.info, _raw_exif(image)
    dpi, aspect = _densities(image)
    if orientation_of(image) > 4:
        dpi, aspect = dpi and dpi[::-1], aspect and aspect[::-1]
    comment = _bytes(info.get("comment"))
    if image.format == "JPEG2000" and comment is not None and comment.startswith(b"Created by OpenJPEG"):
        comment = None  # the stamp that its library leaves on what it writes
    meta = Meta(
        icc=_bytes(info.get("icc_profile")),
        exif=None if exif is None else described(exif, notes),
        xmp=travelling(_bytes(info.get("xmp")), notes),
        iptc=_of_jpeg(image, notes),
        dpi=dpi,
        aspect=aspect,
        text=_text(image),
        comment=comment,
        loop=plays(image),
        default_image=bool(info.get("default_image", False)),
        quantization={key: tuple(table) for key, table in getattr(image, "quantization", {}).items()} or None,
        subsampling=_subsampling(image),
    )
    return meta if head is None else replace(meta, colour=_colour(head, notes))


def _densities(image: Image.Image) -> tuple[tuple[float, float] | None, tuple[int, int] | None]:
    """Pixels an inch; or only the shape of a pixel, where the file has densities without a unit."""
    if image.info.get("jfif_unit") == 0:  # then EXIF's resolution, which Pillow takes instead, stays in EXIF
        return None, _shape(image.info.get("jfif_density"))
    return _dpi(image.info.get("dpi")), _shape(image.info.get("aspect"))


def _shape(value: object) -> tuple[int, int] | None:
    """The sides of a pixel; None for squares of 1."""
    sound = isinstance(value, tuple) and len(value) == 2 and all(isinstance(side, int) and side > 0 for side in value)
    return cast(tuple[int, int], value) if sound and value != (1, 1) else None


def _colour(head: Head, notes: dict[str, None]) -> dict[bytes, bytes]:
    """The colour chunks of a PNG; a note on those that no picture made of it can have."""
    colour = {name: head.chunks[name] for name in COLOUR if name in head.chunks}
    if b"bKGD" in head.chunks and head.depth >= 8:
        colour[b"bKGD"] = head.chunks[b"bKGD"]
    gone = sorted(name.decode("latin-1") for name in head.chunks if name not in (*colour, *_CHUNKS_ELSEWHERE))
    if gone:
        notes[f"the chunk{'s' * (len(gone) > 1)} {', '.join(gone)} {'were' if len(gone) > 1 else 'was'} dropped"] = None
    return colour


def _of_jpeg(image: Image.Image, notes: dict[str, None]) -> bytes | None:
    """IPTC's data among Photoshop's; a note on segments that are no one's business here."""
    segments: list[tuple[str, bytes]] = getattr(image, "applist", [])
    others = sorted({marker for marker, data in segments if not data.startswith(_SEGMENTS)} - {"COM"})
    if others:
        notes[f"what stands in {', '.join(others)} of the JPEG was dropped"] = None
    resources = image.info.get("photoshop")
    resource = resources.get(_IPTC) if isinstance(resources, dict) else None
    return _bytes(resource)


def _bytes(value: object) -> bytes | None:
    return bytes(value) if isinstance(value, bytes | bytearray) and value else None


def described(raw: bytes, notes: dict[str, None]) -> bytes | None:
    """The EXIF without orientation, thumbnail and layout; None, with a note, for what is broken."""
    try:
        return packed(describing(parsed(raw), notes))
    except ExifError:
        if raw.removeprefix(EXIF_HEAD):
            notes["the EXIF data is broken and was dropped"] = None
        return None


def _raw_exif(image: Image.Image) -> bytes | None:
    """EXIF as it stands in the file; in a PNG also as a text of hexadecimal digits (ImageMagick's)."""
    raw = _bytes(image.info.get("exif"))
    text = next((image.info[name] for name in _TEXTS_OF_EXIF if isinstance(image.info.get(name), str)), None)
    if raw is not None or text is None:
        return raw
    try:
        return bytes.fromhex("".join(text.split("\n")[3:]))
    except ValueError:
        return b"?"  # broken


def of_tiff(tags: Mapping[int, Any], name: str, notes: dict[str, None]) -> Meta:
    """What other formats have room for of the tags of a TIFF's page, by their codes."""
    table, written = Image.Exif(), None
    try:
        with reading(name):
            for tag in _OF_TIFF:
                if tag in tags:
                    table[tag] = tags[tag]
            written = described(table.tobytes(), notes) if len(table) else None
    except PictureError:
        notes["the EXIF data is broken and was dropped"] = None
    inch = {2: 1.0, 3: 2.54, None: 1.0}.get(tags.get(RESOLUTION[2]))
    sides = [tags[code] for code in RESOLUTION[:2] if code in tags]
    dpi = _dpi(tuple(side * inch for side in sides)) if inch else None
    return Meta(_bytes(tags.get(34675)), written, _bytes(tags.get(700)), dpi=dpi)


def is_resolution(tags: Mapping[int, Any]) -> bool:
    """Whether a TIFF's tags of pixels per inch, centimetre or nothing are numbers that can be written again."""
    sides = [getattr(tags.get(code), "denominator", 0) for code in RESOLUTION[:2]]
    return 0 not in sides and tags.get(RESOLUTION[2], 2) in (1, 2, 3)


def upright(xmp: bytes) -> bytes:
    """`xmp` with its orientation as that of a picture that has been turned."""
    return re.sub(_XMP_ORIENTATION, rb"\g<1>1", xmp)


def travelling(xmp: bytes | None, notes: dict[str, None]) -> bytes | None:
    """`xmp` of a picture that has been turned, without thumbnails of the original."""
    if xmp is None:
        return None
    rest, thumbnails = re.subn(_XMP_THUMBNAILS, b"", upright(xmp))
    if thumbnails:
        notes["the thumbnail in XMP was dropped"] = None
    return rest


def _sized(xmp: bytes, width: int, height: int) -> bytes:
    """`xmp` with the size of the picture, where it names one."""
    for names, side in ((b"PixelXDimension|ImageWidth", width), (b"PixelYDimension|ImageLength", height)):
        xmp = re.sub(rb"((?:exif|tiff):(?:" + names + rb')(?:="|>))\d+', rb"\g<1>%d" % side, xmp)
    return xmp


def _dpi(value: object) -> tuple[float, float] | None:
    if not isinstance(value, tuple) or len(value) != 2:
        return None
    try:
        across, down = (float(side) for side in value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):  # TIFF's are fractions, of anything
        return None
    sound = all(math.isfinite(side) and 0.5 <= side <= 65_535 for side in (across, down))
    return (across, down) if sound else None


def _text(image: Image.Image) -> dict[str, Text]:
    read: Mapping[str, Any] = getattr(image, "text", {}) if image.format == "PNG" else {}
    texts: dict[str, Text] = {}
    for key, value in read.items():
        if key not in _TEXT_ELSEWHERE:
            language = getattr(value, "lang", None)
            texts[key] = str(value) if language is None else (str(value), language or "", value.tkey or "")
    return texts


def plays(image: Image.Image) -> int | None:
    """How many times the animation plays, 0 for ever; a GIF counts the repeats after the first time."""
    loop = image.info.get("loop")
    if image.format == "GIF":
        return 1 if loop is None else loop and loop + 1
    return loop if isinstance(loop, int) else None


def _subsampling(image: Image.Image) -> int:
    if not hasattr(image, "quantization"):
        return -1
    from PIL import JpegImagePlugin  # loaded already, since it has read the picture

    return JpegImagePlugin.get_sampling(image)


def fitted(
    meta: Meta, row: Format, frame: Frame, notes: dict[str, None], *, file_mode: str = "", keeps: Collection[str]
) -> Meta:
    """`meta` as that of `frame`, and of it only what `row` `keeps`; with notes on the rest."""
    (height, width) = frame.pixels.shape[:2]
    if meta.exif is not None:
        meta = replace(meta, exif=packed(sized(parsed(meta.exif), width, height)))
    if meta.xmp is not None:
        meta = replace(meta, xmp=_sized(meta.xmp, width, height))
    if meta.icc is not None and frame.mode in PIXEL_MODES and meta.icc[16:20] != PIXEL_MODES[frame.mode].space:
        meta = replace(meta, icc=None)
        notes[f"the colour profile was dropped, since it is not one for {frame.mode}"] = None
    if frame.mode != file_mode:  # a background is a colour of that mode
        meta = replace(meta, colour={name: data for name, data in meta.colour.items() if name != b"bKGD"})
    gone = [what for what in _NAMES if getattr(meta, what) and what not in keeps]
    if gone:
        named = " and ".join(filter(None, (", ".join(_NAMES[what] for what in gone[:-1]), _NAMES[gone[-1]])))
        were, them = ("were", "them") if len(gone) > 1 else ("was", "it")
        notes[f"{named} {were} dropped, since {row.name} has no room for {them}"] = None
    if row.name == "JPEG":
        for what, room in _JPEG_ROOM.items():
            value: bytes | None = getattr(meta, what)
            if value is not None and len(value) > room:
                meta = replace(meta, **cast(dict[str, Any], {what: None}))
                notes[f"{len(value)} bytes of {what.upper()} were dropped, since a JPEG holds at most {room}"] = None
    return meta


def note_frames(picture: Picture, frames: Sequence[Frame], row: Format, notes: dict[str, None]) -> None:
    """Say what of `frames`, as they are written, `row` has no room for; arrays hold the numbers of palettes alone."""
    if len(frames) > 1 and "durations" not in row.keeps and any(frame.info.get("duration") for frame in frames):
        notes[f"the durations of the frames were dropped, since {row.name} has no room for them"] = None
    if len(frames) > 1 and row.name == "GIF" and any((frame.info.get("duration") or 0) % 10 for frame in frames):
        notes["the durations of the frames were cut to hundredths of a second, which a GIF counts"] = None
    if len(frames) > 1 and "loop" not in row.keeps and picture.meta.loop:
        notes[f"how often the animation plays was dropped, since {row.name} has no room for it"] = None
    if picture.meta.default_image and row.animates and "default" not in row.keeps:
        notes[f"the default image became the first frame, since {row.name} has none beside its animation"] = None
    for palette in (frame.palette for frame in frames if frame.palette is not None):
        whole = "transparency" in row.keeps or ("clear-index" in row.keeps and isinstance(palette.transparency, int))
        if not row.modes:
            notes[f"the colours of the palette were dropped, since {row.name} has no room for them"] = None
        elif palette.transparent and not whole:
            notes[f"the transparency of the palette was dropped, since {row.name} has no room for it"] = None


def arguments(meta: Meta, row: Format, read: Meta | None = None) -> dict[str, Any]:
    """`meta` as the keyword arguments of Pillow's writer for `row`; `read`: of pixels in the mode of their file.

    A JPEG's own tables are those of `read`.
    """
    exif = meta.exif
    if exif is not None and row.name == "AVIF":  # the one writer that takes the bytes for what goes into the file
        exif = exif[len(EXIF_HEAD) :]
    loop = meta.loop or 0
    values: dict[str, tuple[str, Any]] = {
        "icc": ("icc_profile", meta.icc),
        "exif": ("exif", exif),
        "xmp": ("xmp", meta.xmp),
        "dpi": ("dpi", meta.aspect if meta.aspect is not None and row.name == "JPEG" else meta.dpi),
        "comment": ("comment", meta.comment),
        "loop": ("loop", loop if row.name != "GIF" else None if loop == 1 else max(0, loop - 1)),
    }
    given = {name: value for what, (name, value) in values.items() if what in row.keeps and value is not None}
    if row.name == "TIFF":
        tags = Image.Exif()
        if meta.exif is not None:
            tags.load(meta.exif)
        if meta.xmp is not None:
            tags[700] = meta.xmp
        if len(tags):
            given["exif"] = tags
    if row.name == "PNG":
        given["pnginfo"] = _texts_of_png(meta)
        given.pop("xmp", None)  # among the texts
    tables = read.quantization if read is not None else None
    if row.name == "JPEG" and read and tables and max(map(max, tables.values())) < 256:  # of others libjpeg complains
        given |= {"qtables": tables, "subsampling": read.subsampling}
    if row.name == "JPEG" and meta.iptc is not None:
        resource = b"8BIM" + struct.pack(">HHI", _IPTC, 0, len(meta.iptc)) + meta.iptc + b"\0" * (len(meta.iptc) % 2)
        data = b"Photoshop 3.0\0" + resource
        given["extra"] = b"\xff\xed" + struct.pack(">H", len(data) + 2) + data
    return given


def _texts_of_png(meta: Meta) -> Any:
    from PIL import PngImagePlugin  # about to be needed anyway

    chunks = PngImagePlugin.PngInfo()
    for name, data in meta.colour.items():
        if name not in HDR:
            chunks.add(name, data)
    for key, value in meta.text.items():
        if isinstance(value, tuple):
            chunks.add_itxt(key, *value)
        else:
            chunks.add_text(key, value)
    if meta.xmp is not None:
        chunks.add_itxt("XML:com.adobe.xmp", meta.xmp.decode("utf-8", "replace"))
    return chunks
