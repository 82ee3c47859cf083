"""What a file is before it is decoded: its size and weight by its header; how far a stream is read."""

import struct
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, BinaryIO, NamedTuple

from poolcli.errors import PictureError, PoolcliError
from poolcli.images import arrays, metadata, numbers, pnm
from poolcli.images.decoding import decode, identified
from poolcli.images.formats import (
    FORMATS,
    J2K,
    JXL,
    MAX_FRAMES,
    START,
    Format,
    HeaderRead,
    ReadOptions,
    Request,
    begun_by,
    is_zarr,
)
from poolcli.images.guard import decoding, hush, pixel_limit, reading
from poolcli.storage import Place, Url

UNFILTERED, FILTERED = 12, 40  # bytes a pixel; measured on 12 megapixels of RGB: 9, and 37 with a filter's floats


def memory_needed(source: Place | BinaryIO, *, filtered: bool) -> int:
    """Bytes that pooling the picture at `source`, all its frames, takes at most, about, with a report of one shift.

    Its first bytes are enough. What is no picture, .npy too, which is read piecemeal, weighs its file.
    """
    each = FILTERED if filtered else UNFILTERED
    try:
        if is_zarr(source):
            from poolcli.images import zarr

            return zarr.weight(source, "", ReadOptions())[0] * each
        assert not isinstance(source, Url)
        with decoding(source, "") as stream:
            if stream.read(START).startswith(FORMATS["TIFF"].starts):
                from poolcli.images.tiff_pages import pages  # not loaded for others

                bits = sum(
                    max(24, page.samples * page.bits) * page.height * page.width for page in pages(stream, Request(""))
                )
                return bits // 24 * each
            stream.seek(0)
            image = identified(stream)
            if image is not None:
                return image.width * image.height * int(vars(image).get("n_frames", 1)) * each
            if isinstance(source, Path):
                return source.stat().st_size
            stream.seek(0)
            return arrays.read_header(stream, "").size
    except (PoolcliError, OSError):
        return 0  # its job reports why


def inspect(source: Place, name: str, options: ReadOptions) -> tuple[int, int] | None:
    """(height, width) of the first frame, upright, where the header says it; PictureError as from `decode`.

    Pixels are not decoded: what is broken behind the header is not found.
    """
    try:
        picture = decode(source, name=name, options=replace(options, header_only=True))
    except HeaderRead:
        if not isinstance(source, Path):
            return None
    else:
        height, width = picture.frames[0].pixels.shape[:2]
        return height, width
    with suppress(PictureError), decoding(source, "") as stream:
        image = identified(stream)
        if image is not None:
            turned = metadata.orientation_of(image) >= 5  # rows and columns change places
            return (image.width, image.height) if turned else (image.height, image.width)
    return None


# Streams, which may have no end

CHUNK = 1 << 20  # what is read of a stream at a time, and before its header is read
SPARE = 1 << 26  # bytes of notes, profiles and what a camera adds, beside the pixels
HEAD = 1 << 24  # bytes before the size of a picture: a profile of a JPEG, the largest there is, has as many


class _Short(BaseException):  # no error: no reader of headers is to take it for one
    """The header goes on until byte `end`, which has not come yet; None: who knows."""

    def __init__(self, end: int | None) -> None:
        super().__init__()
        self.end = end


class _Front:
    """The start of a stream as a file: what reads beyond it meets _Short."""

    def __init__(self, whole: BytesIO) -> None:
        self._whole, self._held = whole, whole.tell()
        self.seek, self.tell, self.seekable = whole.seek, whole.tell, whole.seekable
        self.seek(0)

    def read(self, size: int | None = -1) -> bytes:
        end = None if size is None or size < 0 else self.tell() + size
        if end is None or end > self._held:
            raise _Short(end)
        return self._whole.read(size)

    def readline(self, size: int = -1) -> bytes:
        line = self._whole.readline(size)
        if self.tell() >= self._held and not line.endswith(b"\n"):
            raise _Short(None)
        return line


class _Room(NamedTuple):
    """How many bytes a stream may have, by what its header says of `what`; not `sure`: until more has been read."""

    bytes: float
    what: str = ""
    sure: bool = True


def read_stream(stream: BinaryIO, name: str, options: ReadOptions) -> BytesIO:
    """All that comes of `stream`, from where it stands, as far as its header allows.

    What no reader knows is read no further than is needed to see that. Raises PictureError for more bytes than a
    picture of that size takes in its format, and where nothing can be read.
    """

    def read() -> bytes:
        try:
            return stream.read(CHUNK)
        except OSError as error:
            raise PictureError(f"{name}: standard input cannot be read ({error.strerror}); name a file") from error

    whole, room = BytesIO(), _Room(CHUNK, sure=False)
    while chunk := read():
        whole.write(chunk)
        size = whole.tell()
        if size > room.bytes and not room.sure:
            room = _room(whole, Request(name, options=options))
            whole.seek(size)
        if size > room.bytes:
            if not room.what:
                break  # its decoder says why it is none
            raise PictureError(
                f"{name}: more than {int(room.bytes)} bytes on standard input, more than {room.what} can take: end it "
                "there, or give a file"
            )
    whole.seek(0)
    return whole


def _room(whole: BytesIO, request: Request) -> _Room:
    """The room for a stream of which `whole` has come so far; PictureError where it foretells more than may be."""
    hush()
    start = whole.getbuffer()[:START].tobytes()
    if numbers.is_text(start, request.name):
        return _Room(numbers.LARGEST_TEXT)
    held, row = whole.tell(), begun_by(start) or Format("picture")
    most = request.options.max_pixels
    largest = SPARE + (float("inf") if most is None else most * row.heaviest)
    try:
        with pixel_limit(None), reading(request.name):
            room: _Room = resolve_name(f"poolcli.images.{row.measure}")(_Front(whole), request)
    except _Short as short:
        return _further(held, short.end or 0, largest if row.far else HEAD, row.name)
    if room.bytes > largest + SPARE:
        raise request.refuse(
            f"{room.what} may take {int(room.bytes)} bytes, more than the limit of {int(largest)} on standard input: "
            "give a file, or raise it with --max-pixels"
        )
    return room


def _further(held: int, end: int, largest: float, format: str) -> _Room:
    """The room for a header that has not ended yet; few steps, since at each it is read again."""
    if max(held, end) > largest:
        return _Room(largest, f"the header of a {format}")
    return _Room(min(max(16 * held, end + CHUNK), largest), sure=False)


def of_pillow(front: Any, request: Request) -> _Room:
    image = identified(front)
    if image is None:
        return _Room(0)
    row = FORMATS.get(str(image.format)) or Format(str(image.format), ())  # Pillow reads some that are not in the table
    pixels = image.width * image.height
    request.check_pixels(pixels)
    count = int(vars(image).get("n_frames", MAX_FRAMES if row.name == "GIF" else 1))
    if row.frames == "all" and request.options.max_pixels is not None:
        pixels = min(pixels * count, request.options.max_pixels)
    else:
        pixels *= count
    tiles = vars(image).get("tile", ())
    behind = max((int(tile[2]) for tile in tiles), default=0)  # where pixels begin: after the layers of a PSD
    return _Room(behind + SPARE + pixels * row.heaviest, f"{image.width} x {image.height} pixels in {row.name}")


def of_tiff(front: Any, request: Request) -> _Room:
    from poolcli.images.tiff_pages import pages

    listed = list(pages(front, request))
    request.check_pixels(listed[0].height * listed[0].width)
    end = max((sum(segment) for page in listed for segment in page.segments), default=0)
    return _Room(end + SPARE, "a TIFF with these tags")


def of_npy(front: Any, request: Request) -> _Room:
    header = arrays.read_header(front, request.name)
    shape = " x ".join(map(str, header.shape))
    return _Room(front.tell() + header.size + SPARE, f"an array of {shape} {header.dtype.name}")


def of_pnm(front: Any, request: Request) -> _Room:
    header = pnm.header_of(front.read(pnm.HEADER), request)
    request.check_pixels(header.width * header.height)
    return _Room(header.end + SPARE, f"{header.width} x {header.height} pixels in Netpbm")


def of_webp(front: Any, request: Request) -> _Room:
    return _Room(8 + SPARE + struct.unpack_from("<I", front.read(8), 4)[0], "a WebP with this header")


def of_boxes(front: Any, request: Request) -> _Room:
    """Of AVIF, HEIF, JPEG 2000 and JPEG XL: their boxes follow one another; the last may go on to the end."""
    start = front.read(4)
    if start.startswith(J2K[0]):  # no boxes
        front.seek(0)
        return of_pillow(front, request)
    if start.startswith(JXL[0]):
        return of_whole(front, request)
    at = 0
    while True:
        front.seek(at)
        size, kind = struct.unpack(">I4s", front.read(8))
        if size == 1:
            size = struct.unpack(">Q", front.read(8))[0]
        if size == 0 and kind.strip(b"\0"):
            raise _Short(None)
        if size < 8 or not kind.isascii():
            return _Room(at + SPARE, "its boxes")
        at += size


def of_whole(front: Any, request: Request) -> _Room:
    raise _Short(None)  # only its decoder knows


def of_zip(front: Any, request: Request) -> _Room:
    """Of .npz: its files follow one another, and then comes their list; a file may not say how long it is."""
    at = 0
    while True:
        front.seek(at)
        head = front.read(30)
        signature, _, flags, _, _, _, _, packed, _, name, more = struct.unpack("<4s5H3I2H", head)
        if signature != b"PK\3\4":
            return _Room(at + SPARE, "the files of this archive")
        if flags & 8:
            raise _Short(None)
        if packed == 0xFFFFFFFF and more >= 20:
            front.seek(at + 30 + name)
            packed = struct.unpack("<4x2Q", front.read(20))[1]
        at += 30 + packed + name + more
