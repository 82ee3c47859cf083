"""What stands between Pillow and everybody else: its limits, its warnings and its exceptions."""

import logging
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from poolcli.errors import OutputError, PictureError, nearest

_UNLIMITED = 2**62
MOST_NAMES = 1000  # of a folder that are compared with a name that is not there
_limit: ContextVar[int] = ContextVar("pixel limit of this thread's decode")


class _ThreadLimit(int):
    """Pillow's own limit, except inside `pixel_limit`: there it is what that thread asked for, and never a warning.

    Pillow has one limit a process, Image.MAX_IMAGE_PIXELS, and compares `pixels > 2 * limit` (an error) and then
    `pixels > limit` (a warning) wherever a header names a size. Some of those places allocate before a caller
    could look (an ICO is decoded while it is opened, a GIF frame may grow its canvas), so switching the limit off
    and looking ourselves is not enough; and it would switch it off for whoever else uses Pillow in this process.
    """

    def __rmul__(self, factor: int) -> int:
        return factor * int(self) if _limit.get(None) is None else self

    def __lt__(self, pixels: int) -> bool:
        return _limit.get(int(self)) < pixels


@contextmanager
def pixel_limit(most: int | None) -> Iterator[None]:
    """Within the block, in this thread, Pillow refuses pictures of more than `most` pixels (None: takes all)."""
    current = Image.MAX_IMAGE_PIXELS
    if not isinstance(current, _ThreadLimit):  # once a process, or after somebody has set it anew
        Image.MAX_IMAGE_PIXELS = _ThreadLimit(_UNLIMITED if current is None else current)
    token = _limit.set(_UNLIMITED if most is None else most)
    try:
        yield
    finally:
        _limit.reset(token)


def hush() -> None:
    """Keep what Pillow's modules warn of and log about a file (corrupt EXIF and the like) from the terminal.

    A filter at the front of the list, put there once: `warnings.catch_warnings` would be neither safe between
    threads nor needed, since nobody but Pillow warns from modules of that name.
    """
    if not warnings.filters or warnings.filters[0] != _quiet():
        warnings.filterwarnings("ignore", module=_MODULES)
    if _NOWHERE not in _LOG.handlers:  # without any, Python prints what Pillow logs as an error
        _LOG.addHandler(_NOWHERE)


_LOG, _NOWHERE = logging.getLogger("PIL"), logging.NullHandler()


_MODULES = r"PIL\.|poolcli\.images\.npy"  # the second: NumPy blames its caller for headers written by Python 2


def _quiet() -> tuple[str, None, type[Warning], re.Pattern[str], int]:
    return ("ignore", None, Warning, re.compile(_MODULES), 0)


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
_UNREAD = re.compile(
    r"unsupported|not supported|not support|unimplemented|cannot handle|not yet|unknown|unrecogni", re.I
)


def _reason(error: Exception) -> str:
    said = " ".join(str(error).split())[:200] or type(error).__name__
    if isinstance(error, NotImplementedError) or (not isinstance(error, _KINDS) and _UNREAD.search(said)):
        return f"the picture is of a kind that Pillow does not read ({said}); convert it to PNG or TIFF first"
    for kind, sentence in _REASONS:
        if isinstance(error, kind):
            return sentence.format(said=said, limit=_limit.get(_UNLIMITED), got=(re.findall(r"\d+", said) or ["?"])[0])
    return f"the picture is broken or cut short ({said}); get the file again"


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
    try:
        yield
    except PictureError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk or the pipe: whoever opened it knows its name
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise OutputError(f"the picture cannot be written as {format} ({said}); try PNG") from error


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
        meant = _nearest_file(source) if isinstance(error, FileNotFoundError) else None
        ending = f", did you mean '{meant}'?" if meant else "; check its name and permissions"
        raise PictureError(f"{name}: the file cannot be opened ({why}){ending}") from error
    with file:
        yield file


def _only_a_file(path: Path, name: str) -> None:
    kind = path.stat().st_mode  # asked before opening, which would wait for ever on a pipe nobody writes to
    if stat.S_ISDIR(kind):
        raise PictureError(f"{name}: a folder, not a file; name a picture in it")
    if not stat.S_ISREG(kind):
        raise PictureError(f"{name}: a pipe or device, not a file; give its content on standard input")
