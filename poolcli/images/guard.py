"""Decoders kept from printing and crashing; JPEGs that were cut short; the one picture that is read ahead."""

import logging
import mmap
import re
import stat
import struct
import warnings
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from importlib import import_module
from io import BytesIO
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, BinaryIO

from PIL import Image, ImageFile, UnidentifiedImageError, _imaging

from poolcli.errors import OutputError, PictureError, nearest, said
from poolcli.images.formats import START, ReadOptions, Request, begun_by

if TYPE_CHECKING:  # NumPy loads while the first picture is decoded
    import numpy as np
    from numpy.typing import NDArray

_UNLIMITED = 2**62
MOST_NAMES = 1000  # of a folder that are compared with a name that is not there
_limit: ContextVar[int] = ContextVar("pixel limit of this thread's decode")


class _ThreadLimit(int):
    """Pillow's own limit, except inside `pixel_limit`: there it is the limit of that thread, and never a warning.

    Pillow has one limit a process, Image.MAX_IMAGE_PIXELS, and compares `pixels > 2 * limit` (an error) and then
    `pixels > limit` (a warning) wherever a header names a size. Some of those places allocate before a caller
    knows the size (an ICO is decoded while it is opened, a GIF frame may grow its canvas), so that switching the limit
    off and checking sizes here is not enough; and other users of Pillow in this process would lose it.
    """

    def __rmul__(self, factor: int) -> int:
        return factor * int(self) if _limit.get(None) is None else self

    def __lt__(self, pixels: int) -> bool:
        return _limit.get(int(self)) < pixels


@contextmanager
def pixel_limit(most: int | None) -> Iterator[None]:
    """Within the block, in this thread, Pillow refuses pictures of more than `most` pixels (None: takes all)."""
    current = Image.MAX_IMAGE_PIXELS
    if not isinstance(current, _ThreadLimit):  # once a process, or after it has been set anew
        Image.MAX_IMAGE_PIXELS = _ThreadLimit(_UNLIMITED if current is None else current)
    token = _limit.set(_UNLIMITED if most is None else most)
    try:
        yield
    finally:
        _limit.reset(token)


_MODULES = r"PIL\.|poolcli\.images\.arrays"  # the second: NumPy blames its caller for headers written by Python 2
_QUIET = ("ignore", None, Warning, re.compile(_MODULES), 0)
_LOG, _NOWHERE = logging.getLogger("PIL"), logging.NullHandler()


def hush() -> None:
    """Keep what Pillow's modules warn of and log about a file (corrupt EXIF and the like) from the terminal.

    A filter at the front of the list, put there once: `warnings.catch_warnings` would be neither safe between
    threads nor needed, since only Pillow warns from modules of that name.
    """
    if not warnings.filters or warnings.filters[0] != _QUIET:
        warnings.filterwarnings("ignore", module=_MODULES)
    if _NOWHERE not in _LOG.handlers:  # without any, Python prints what Pillow logs as an error
        _LOG.addHandler(_NOWHERE)


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn whatever Pillow raises within the block about the file called `name` into a PictureError."""
    try:
        yield
    except PictureError:
        raise
    except Exception as error:
        raise PictureError(f"{name}: {_reason(error)}") from error


# What Pillow says of sound files that are of a kind it does not read.
_UNREAD = "(?i)unsupported|not supported|not support|unimplemented|cannot handle|not yet|unknown|unrecogni"


def _reason(error: Exception) -> str:
    text = said(error)
    if isinstance(error, NotImplementedError) or (not isinstance(error, _KINDS) and re.search(_UNREAD, text)):
        return f"the picture is of a kind that Pillow does not read ({text}); convert it to PNG or TIFF first"
    for kind, sentence in _REASONS:
        if isinstance(error, kind):
            return sentence.format(limit=_limit.get(_UNLIMITED), got=(re.findall(r"\d+", text) or ["?"])[0])
    return f"the picture is broken or cut short ({text}); get the file again"


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (UnidentifiedImageError, "not a picture that Pillow can read; give a PNG, JPEG, TIFF, WebP, GIF ... or .npy"),
    (
        Image.DecompressionBombError,
        "a picture of {got} pixels is more than the limit of {limit}; "
        "if you trust the file, raise it with --max-pixels",
    ),
    (MemoryError, "the picture needs more memory than there is; use a smaller one, or .npy, which is read piecemeal"),
)


_KINDS = tuple(kind for kind, _ in _REASONS)


@contextmanager
def writing(format: str) -> Iterator[None]:
    """Turn what Pillow raises within the block into an OutputError; an error of the stream goes through as it is."""
    hush()
    try:
        yield
    except PictureError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk or the pipe: its caller knows its name
        raise OutputError(f"the picture cannot be written as {format} ({said(error)}); try PNG") from error


def _nearest_file(path: Path) -> str | None:
    """The name in the same folder that is spelled most like this one; of a large folder some names are compared."""
    try:
        names = {each.name.lower(): each.name for each in islice(path.parent.iterdir(), MOST_NAMES)}
    except OSError:
        return None
    near = nearest(path.name.lower(), names, cutoff=0.7)
    return names[near] if near else None


@contextmanager
def opened(source: Path | BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Give `source` as a stream that can seek, at its start; PictureError when it is no regular file or cannot open.

    A stream that cannot seek, such as a pipe, is read whole.
    """
    if not isinstance(source, Path):
        with reading(name):
            stream = source if source.seekable() else BytesIO(source.read())
            stream.seek(0)
        yield stream
        return
    try:
        _only_a_file(source, name)
        file = source.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        if isinstance(error, PictureError):
            raise
        why = error.strerror if isinstance(error, OSError) else error
        missing = isinstance(error, FileNotFoundError) and not source.is_symlink()
        meant = _nearest_file(source) if missing else None
        ending = f", did you mean '{meant}'?" if meant else "; check its name and permissions"
        raise PictureError(f"{name}: the file cannot be opened ({why}){ending}") from error
    with file:
        yield file


def image_of(stream: BinaryIO, format: str) -> ImageFile.ImageFile:
    """A PNG or JPEG as Pillow opens it, by the plugin of that `format` alone: `Image.open` loads four others, which is
    1 MiB and 3 % of what a small picture takes. How many pixels it has is checked by the caller.
    """
    import_module(f"PIL.{format.capitalize()}ImagePlugin")
    try:
        return Image.OPEN[format][0](stream, "")
    except (SyntaxError, IndexError, TypeError, struct.error) as error:  # as `Image.open` does
        raise UnidentifiedImageError from error


def _only_a_file(path: Path, name: str) -> None:
    kind = path.stat().st_mode  # read before opening, which would wait for ever on a pipe without a writer
    if stat.S_ISDIR(kind):
        raise PictureError(f"{name}: a folder, not a file; name a picture in it")
    if not stat.S_ISREG(kind):
        raise PictureError(f"{name}: a pipe or device, not a file; give its content on standard input")


# The memory of large pictures


def own_memory(image: Image.Image) -> None:
    """Let a large picture that is not decoded yet be decoded into memory that its array can take over.

    Else it would stand there twice. Pillow keeps four bytes a pixel of RGB, which can be moved together to three in
    their place: of 400 megapixels 1.6 GB are held at most, where there were 2.8.
    """
    size = image.width * image.height * _PILLOW_BYTES.get(image.mode, 0)
    map_buffer = getattr(_imaging, "map_buffer", None)  # what Pillow has for files that are mapped
    if size < _LARGE or map_buffer is None or not vars(image).get("tile"):
        return
    with suppress(OSError, ValueError, MemoryError):  # then as usual
        memory = mmap.mmap(-1, size)
        image.im = map_buffer(memory, image.size, "raw", 0, (image.mode, 0, 1))
        vars(image)[MEMORY] = memory


_PILLOW_BYTES = {"L": 1, "RGB": 4, "RGBA": 4}  # bytes a pixel that Pillow keeps, of the modes of large pictures
_LARGE = 1 << 26  # bytes
MEMORY = "memory of our own"  # an attribute of the image


_EOI, _SOS, _DRI, _RESTARTS = 0xD9, 0xDA, 0xDD, range(0xD0, 0xD8)
# The markers of a JPEG are checked: libjpeg fills what is missing with grey, warns, and Pillow passes the warning over.
# Found are an early end where restart markers count the parts, or where fewer bytes are there than the blocks can
# take; parts that are missing or out of order; and bytes among the data that begin a marker which cannot stand there.
# Not found are other bytes that were changed, zeroed or cut out of a file without restart markers: what is left of
# its code is code for other pixels, which look as right as those that were there. Source: ITU-T T.81, B.1 and
# B.2, E.2.4.

_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # of blocks: sequential, progressive, by Huffman's or arithmetic code
_SEQUENTIAL = {0xC0, 0xC1}
_BETWEEN = {0xC4, 0xCC, 0xDB, _SOS, 0xDC, _DRI, 0xFE, *range(0xE0, 0xF0)}  # what may follow a scan


def check(stream: BinaryIO, request: Request) -> None:
    """PictureError for a JPEG in `stream` that ends early or has a hole, as far as its markers say."""
    stream.seek(0)
    data = stream.read()
    size: tuple[int, int] = (0, 0)
    sampling: dict[int, tuple[int, int]] = {}
    kind, interval, at, places = 0, 0, 2, _markers(data)
    while (number := bisect_left(places, at)) < len(places):
        start = int(places[number]) + 2
        marker, end = data[start - 1], start + int.from_bytes(data[start : start + 2])
        at = start if marker in _RESTARTS or marker == 1 else end
        if marker == _EOI or end > len(data):
            return
        if marker in _FRAMES and end - start >= 8:
            kind, sides = marker, data[start + 3 : start + 7]
            size = int.from_bytes(sides[2:]), int.from_bytes(sides[:2])
            fields = data[start + 8 : end]
            sampling = {fields[at]: (fields[at + 1] >> 4, fields[at + 1] & 15) for at in range(0, len(fields) - 2, 3)}
        elif marker == _DRI and end - start >= 4:
            interval = int.from_bytes(data[start + 2 : start + 4])
        elif marker == _SOS:
            parts = data[start + 3 : start + 3 + 2 * data[start + 2] : 2]
            known = kind and min(size) and all(part in sampling and min(sampling[part]) for part in parts)
            units = _units(size, sampling, parts) if known and parts else (0, 0)
            at = _scan(data, end, places, units, interval, request)
            if kind in _SEQUENTIAL and 8 * (at - end) < 2 * units[1]:  # two codes a block, of a bit each at least
                raise _broken(f"{at - end} bytes for {units[1]} blocks of pixels", request)


def _markers(data: bytes) -> "NDArray[np.intp]":
    """Where bytes of 255 stand that begin a marker: 0 after them makes them data, and 255 fill."""
    import numpy as np

    values = np.frombuffer(data, np.uint8)
    places = np.flatnonzero(values[:-1] == 255)
    following = values[places + 1]
    markers: NDArray[np.intp] = places[(following != 0) & (following != 255)]
    return markers


def _broken(what: str, request: Request) -> PictureError:
    return request.refuse(f"the picture has a hole or ends early ({what}); get the file again")


def _units(size: tuple[int, int], sampling: dict[int, tuple[int, int]], parts: bytes) -> tuple[int, int]:
    """How many units a scan of these components has, and how many blocks all of them together."""
    across, down = (max(each[axis] for each in sampling.values()) for axis in (0, 1))
    if len(parts) == 1:
        wide, tall = sampling[parts[0]]
        units = _up(_up(size[0] * wide, across), 8) * _up(_up(size[1] * tall, down), 8)
        return units, units
    units = _up(size[0], 8 * across) * _up(size[1], 8 * down)
    return units, units * sum(wide * tall for wide, tall in (sampling[part] for part in parts))


def _up(value: int, step: int) -> int:
    return (value + step - 1) // step


def _scan(
    data: bytes, at: int, places: "NDArray[np.intp]", units: tuple[int, int], interval: int,
    request: Request,
) -> int:  # fmt: skip
    """Where the scan ends whose data begin at `at`; PictureError for parts that are missing."""
    restarts, end = 0, len(data)
    for place in places[bisect_left(places, at) :]:
        marker = data[place + 1]
        if marker not in _RESTARTS:
            end = int(place)
            if marker != _EOI and marker not in _BETWEEN:
                raise _broken(f"a marker {marker:02X} among the pixels", request)
            break
        if interval and marker != _RESTARTS[restarts % 8]:
            raise _broken(f"part {restarts + 1} of its data is missing", request)
        restarts += 1
    if interval and restarts < _up(units[0], interval) - 1:
        raise _broken(f"{restarts + 1} of {_up(units[0], interval)} parts of its data are there", request)
    return end


WORTH = 1 << 18  # bytes of a file from which decoding takes longer than a thread costs
BLOCK = 1 << 24  # bytes of a JPEG that its decoder is given at a time: most in one piece


class Begun(Thread):
    """An image that is being decoded; `file`, to be closed in the end, stays open: more may come after the pixels."""

    def __init__(self, image: ImageFile.ImageFile, stream: BinaryIO, file: ExitStack, most: int | None) -> None:
        """Not started yet."""
        super().__init__(daemon=True)
        self.image, self.stream, self.file, self.whole, self._most = image, stream, file, False, most

    def run(self) -> None:
        """Decode. An error is met again, and reported, when the picture is then decoded from the file."""
        try:
            with pixel_limit(self._most), reading(""):
                self.image.load()
            self.whole = True
        except PictureError:
            self.file.close()


_begun: dict[Path, Begun] = {}


def begin(path: Path, options: ReadOptions, *, least: int = WORTH) -> None:
    """Decode the first frame of `path` in a thread, if it is worth one (has `least` bytes); `taken` gives it."""
    if options.frame is not None:
        return
    hush()
    with suppress(PictureError, OSError), ExitStack() as file:  # met again, and reported, when it is decoded
        size = path.stat().st_size
        if size < least:
            return
        stream = file.enter_context(opened(path, ""))
        row = begun_by(stream.read(START))
        if row is None or not row.prefetched:
            return
        stream.seek(0)
        with pixel_limit(options.max_pixels), reading(""):
            image = image_of(stream, row.name)
        several = image.format != row.name or getattr(image, "is_animated", False)
        large = options.max_pixels is not None and image.width * image.height > options.max_pixels
        if several or large or ";16" in str(image.tile):  # more bits than Pillow keeps
            return
        image.decodermaxblock = min(size, BLOCK)
        own_memory(image)
        begun = Begun(image, stream, file.pop_all(), options.max_pixels)
        try:
            begun.start()
        except RuntimeError:  # no thread is to be had: then it is decoded when its turn comes
            begun.file.close()
        else:
            _begun[path] = begun


def taken(path: object) -> Begun | None:
    """The picture of `path`, decoded, if that was begun and came to an end."""
    begun = _begun.pop(path, None) if isinstance(path, Path) else None
    if begun is None:
        return None
    begun.join()
    return begun if begun.whole else None


@contextmanager
def decoding(source: Path | BinaryIO | Begun, name: str, most: int | None = None) -> Iterator[BinaryIO]:
    """`source` as a stream that can seek; whatever is wrong with it is a PictureError.

    Within the block Pillow is quiet, and refuses pictures of more than `most` pixels (None: takes all).
    """
    hush()
    with pixel_limit(most), reading(name):
        if isinstance(source, Begun):
            with source.file:
                yield source.stream
        else:
            with opened(source, name) as stream:
                yield stream
