"""Files that appear whole or not at all: written under a temporary name in the target's folder, then renamed."""

import os
import platform
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from poolcli.errors import OutputError, UsageError

TEMPORARY_PREFIX = ".poolcli-"
TEMPORARY_SUFFIX = ".part"
_HOST = f"{crc32(platform.node().encode()):08x}"
_TEMPORARY = re.compile(rf"{re.escape(TEMPORARY_PREFIX)}([0-9a-f]+)-(\d+)-[0-9a-f]+{re.escape(TEMPORARY_SUFFIX)}")
_FORGOTTEN = 24 * 3600  # seconds after which a temporary file of another machine belongs to nobody

_swept: set[Path] = set()
_unpublished: set[Path] = set()  # the temporary files of this process


def is_folder(path: Path | str) -> bool:
    """Whether `path` is a folder; no, where that cannot be asked: whoever opens it will be told why."""
    return os.path.isdir(path)  # noqa: PTH112 (Path.is_dir raises for names too long and folders that are closed)


def check_not_read(outputs: Iterable[object], inputs: Iterable[str]) -> None:
    """UsageError when an output (a path, or a URL) is an input under whatever name: no input is ever written to."""
    named = list(inputs)
    for output in outputs:
        for name in named:
            if str(output) == name or (isinstance(output, Path) and _is_same(output, name)):
                raise UsageError(f"the output '{output}' is the input '{name}': give another place with -o")


def _is_same(output: Path, name: str) -> bool:
    try:
        return output.samefile(name)
    except OSError:  # one of them is not there
        return False


@contextmanager
def publish(target: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Give a binary file to fill; rename it to `target` (its folders are made) when all ends well.

    `durable` waits until file and name are on the disk, so that a power cut cannot tear them. Raises OutputError when
    the file cannot be written or renamed; whatever else the block raises goes through.
    """
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{_HOST}-{os.getpid()}-{os.urandom(8).hex()}{TEMPORARY_SUFFIX}")
    try:
        _unpublished.add(temporary)
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep_once(target.parent)
        with temporary.open("x+b") as stream:  # the umask decides the permissions, as for any new file
            yield stream
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        temporary.replace(target)
        if durable:
            _sync_folder(target.parent)
    except FileExistsError as error:
        raise OutputError(f"cannot write '{target}': '{error.filename}' is a file, not a folder") from error
    except OSError as error:
        raise OutputError(f"cannot write '{target}': {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
        _unpublished.discard(temporary)


def abandon() -> None:
    """Remove the temporary files of this process, whose threads will not live to do it."""
    while _unpublished:
        with suppress(OSError):
            _unpublished.pop().unlink()


def _sweep_once(folder: Path) -> None:
    """Sweep a folder that this process has not swept yet."""
    if folder not in _swept:
        _swept.add(folder)
        sweep(folder)


def sweep(folder: Path, *, begun: bool = True) -> None:
    """Remove the temporary files in `folder` that dead processes left; what cannot be removed stays.

    `begun` False: this process has written nothing yet, so that what bears its number is an earlier one's.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _TEMPORARY.fullmatch(entry.name)
            if match and _is_left(entry, match[1], int(match[2]), begun):
                Path(entry.path).unlink()


def _is_left(entry: os.DirEntry[str], host: str, process: int, begun: bool) -> bool:
    if host != _HOST or os.name == "nt":  # where nobody can be asked
        return time.time() - entry.stat().st_mtime > _FORGOTTEN
    if process == os.getpid():
        return not begun
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _sync_folder(folder: Path) -> None:
    """Bring the names in `folder` to the disk, where a folder can be opened for that (not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
