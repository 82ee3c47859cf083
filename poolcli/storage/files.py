"""Places: local paths and objects by URL; files that appear whole or not at all; locks."""

import errno
import os
import platform
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from poolcli.errors import OutputError, PictureError, UsageError
from poolcli.records import dataclass
from poolcli.storage import stores
from poolcli.storage.stores import Url

TEMPORARY_PREFIX = ".poolcli-"
TEMPORARY_SUFFIX = ".part"
_HOST = f"{crc32(platform.node().encode()):08x}"
_TEMPORARY = rf"{re.escape(TEMPORARY_PREFIX)}([0-9a-f]+)-(\d+)-[0-9a-f]+{re.escape(TEMPORARY_SUFFIX)}"
_FORGOTTEN = 24 * 3600  # seconds after which a temporary file of another machine is abandoned

_swept: set[Path] = set()
_unpublished: set[Path] = set()  # the temporary files of this process


_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")

Place = Path | Url


def place_of(text: str) -> Place:
    """The place that `text` names; `file://` is a local path. UsageError for a store that there is not, or not here.

    So is a password in the URL, since URLs stand in reports and logs.
    """
    match = _URL.match(text)
    if match is None:
        return _without_detours(Path(text))
    scheme, rest = match[1].lower(), text[match.end() :]
    if scheme == "file":
        return _without_detours(_local(text))
    store = stores.find_store(scheme)
    host, _, key = rest.partition("/")
    if "@" in host:
        raise UsageError(
            f"'{stores.redacted(text)}': a user in a URL is not allowed: give it by the environment or fsspec's "
            "configuration"
        )
    if "::" in text:
        raise UsageError(f"'{stores.redacted(text)}': chained URLs (::) are not allowed: name the object itself")
    if store.quoted:
        key, _, query = key.partition("?")
        return Url(store.scheme, host, key, query)
    return Url(store.scheme, host, key.rstrip("/"))


def _without_detours(path: Path) -> Path:
    """`new/../name` is `name` where there is no `new`: once made for an output, it would lead to another file."""
    if ".." not in path.parts:
        return path
    way = Path()
    for part in path.parts:
        way = way.parent if part == ".." and way.name not in ("", "..") and not way.exists() else way / part
    return way


def fetched(source: Place) -> Path | BinaryIO:
    """What can be opened: the path itself, or the whole content of an object; PictureError when it cannot be read."""
    if not isinstance(source, Url):
        return source
    try:
        return BytesIO(stores.read(source))
    except stores.StoreError as error:
        raise PictureError(f"{source}: cannot be read ({error}); check its name and your access to it") from error


def writable(place: Place) -> Place:
    """`place` itself; UsageError where a store takes nothing."""
    if isinstance(place, Url) and not stores.find_store(place.scheme).writes:
        raise UsageError(f"'{place}': nothing can be written to {place.scheme}://; give another place with -o")
    return place


def _local(text: str) -> Path:
    from urllib.request import url2pathname  # which takes a while to load

    host, slash, rest = text.partition("://")[2].partition("/")  # a name may hold # and ?
    if host not in ("", "localhost") and os.name != "nt":
        raise UsageError(f"'{text}' is a file of another machine: give file:///PATH, with three slashes")
    path = url2pathname(f"//{host}/{rest}" if host and os.name == "nt" else slash + rest)
    if "\0" in path:
        raise UsageError(f"'{text}' holds %00, which no file's name does: check the URL")
    return Path(path)


def parts_of(path: Path) -> list[tuple[Path, os.stat_result]]:
    """A file, or all files in a folder in the order of their names; OSError where nothing is there."""
    status = path.stat()
    if not stat.S_ISDIR(status.st_mode):
        return [(path, status)]
    return [(each, each.stat()) for each in sorted(path.rglob("*")) if each.is_file()]


@contextmanager
def publish(target: Place, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Give a binary file to fill; rename it to `target` (its folders are made) when all ends well.

    What is replaced leaves its permissions to what replaces it; through a symbolic link it is what the link points to.
    A device, such as /dev/null, is written to; in a store an object appears when the store has all of it. `durable`
    waits until file and name are on the disk, so that a power cut cannot tear them. Raises OutputError when that cannot
    be; whatever else the block raises goes through.
    """
    if isinstance(target, Url) or is_device(target):
        whole = BytesIO()
        yield whole
        _send(target, whole.getbuffer())
        return
    shown = target
    if os.path.islink(target):  # noqa: PTH114 (which works in a closed folder, too)
        target = Path(os.path.realpath(target))
    temporary = _beside(target)
    try:
        _unpublished.add(temporary)
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep_once(target.parent)
        with temporary.open("x+b") as stream:  # the umask decides the permissions, as for any new file
            yield stream
            _keep_permissions(target, temporary)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        temporary.replace(target)
        if durable:
            _sync(target.parent)
    except FileExistsError as error:
        raise OutputError(f"cannot write '{shown}': '{error.filename}' is a file, not a folder") from error
    except OSError as error:
        raise _unwritable(shown, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()
        _unpublished.discard(temporary)


def _unwritable(target: object, error: OSError | stores.StoreError) -> OutputError:
    way = ": give a shorter name with -o" if getattr(error, "errno", None) == errno.ENAMETOOLONG else ""
    return OutputError(f"cannot write '{target}': {getattr(error, 'strerror', None) or error}{way}")


@contextmanager
def publish_folder(target: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give an empty folder to fill; rename it to `target` when all ends well, in place of the folder that is there.

    `durable` waits until all of it is on the disk. Raises OutputError when it cannot be made or renamed; whatever else
    the block raises goes through.
    """
    target = Path(os.path.realpath(target)) if target.is_symlink() else target
    temporary, old = (_beside(target) for _ in range(2))
    try:
        _unpublished.add(temporary)
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep_once(target.parent)
        temporary.mkdir()
        yield temporary
        for path in (*temporary.rglob("*"), temporary) if durable else ():
            _sync(path)
        if target.exists():
            target.rename(old)
        temporary.rename(target)
        if durable:
            _sync(target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        _remove(old)
        _remove(temporary)
        _unpublished.discard(temporary)


def _beside(target: Path) -> Path:
    """The name under which something is written that is to become `target`."""
    return target.with_name(f"{TEMPORARY_PREFIX}{_HOST}-{os.getpid()}-{os.urandom(8).hex()}{TEMPORARY_SUFFIX}")


def _remove(path: Path) -> None:
    """Remove a file or a folder, if it is there; threads that still write into a folder are waited for, for a while."""
    for _ in range(50):
        if path.is_dir() and not path.is_symlink():
            import shutil

            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()
        if not path.exists():
            return
        time.sleep(0.02)


def is_device(path: Path) -> bool:
    """Whether a path is there and neither a file nor a folder: what is written to it goes elsewhere."""
    try:
        kind = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(kind) or stat.S_ISDIR(kind))


def _send(target: Place, content: memoryview) -> None:
    """Write all of it to a device or a store; OutputError where they do not take it."""
    try:
        if isinstance(target, Url):
            stores.write(target, bytes(content))
            return
        with target.open("wb", buffering=0) as stream:
            while len(content):
                content = content[stream.write(content) :]
    except (OSError, stores.StoreError) as error:
        raise _unwritable(target, error) from error


def _keep_permissions(target: Path, temporary: Path) -> None:
    """Give a new file the permissions of the one that it is to replace, and its owner where that is allowed."""
    try:
        old, new = target.stat(), temporary.stat()
    except FileNotFoundError:
        return
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid) and hasattr(os, "chown"):
        with suppress(OSError):
            os.chown(temporary, old.st_uid, old.st_gid)
    if old.st_mode != new.st_mode:
        with suppress(OSError):
            temporary.chmod(stat.S_IMODE(old.st_mode))


def merged(one: Path, other: Path) -> bool:
    """Whether two paths that differ in letters alone would be one file, where they are or would be made.

    Asked of the file system itself, in a folder that is gone again: none of its properties says so.
    """
    from tempfile import TemporaryDirectory

    parts, others = one.parts, other.parts
    same = next((at for at, both in enumerate(zip(parts, others, strict=False)) if both[0] != both[1]), len(parts))
    folder = Path(*parts[:same])
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    try:
        with TemporaryDirectory(prefix=TEMPORARY_PREFIX, suffix=TEMPORARY_SUFFIX, dir=folder) as there:
            path = Path(there, *parts[same:])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            return Path(there, *others[same:]).exists()
    except OSError:  # nothing can be written there anyway
        return False


def abandon() -> None:
    """Remove the temporary files of this process, whose threads will not live to do it."""
    while _unpublished:
        _remove(_unpublished.pop())


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
            match = re.fullmatch(_TEMPORARY, entry.name)
            if match and _is_left(entry, match[1], int(match[2]), begun):
                _remove(Path(entry.path))


def _is_left(entry: os.DirEntry[str], host: str, process: int, begun: bool) -> bool:
    if host != _HOST or os.name == "nt":  # where its process cannot be checked
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


def _sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk, where they can be opened for that (not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_OWN = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NOT_OURS = (errno.ELOOP, errno.EMLINK, errno.EISDIR, errno.ENXIO)  # a link, a folder, a pipe
_LOCKLESS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EBADF, errno.EINVAL)  # of file systems that know no locks
_LOCKED = 1 << 40  # where Windows locks a byte: beyond all that is written, or it could not be read
_LOCK_NAME = ".poolcli-lock"  # where a folder itself cannot be locked


@dataclass(frozen=True, slots=True)
class Held:
    """A file or folder that is open, and locked if no other process has locked it, as long as it is open."""

    path: Path
    number: int  # of the open file
    locked: bool

    def is_there(self) -> bool:
        """Whether it is still the one under its name."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self.number))
        except OSError:
            return False


@contextmanager
def hold_file(path: Path) -> Iterator[tuple[BinaryIO, Held]]:
    """Open a file of our own for reading and writing, and lock it; it is made where there is none.

    UsageError unless it is a regular file of this one name: what is written into a link lands in another file.
    """
    try:
        if path.is_symlink():  # where O_NOFOLLOW is not known
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        number = os.open(path, _OWN, 0o666)
        status = os.fstat(number)
    except OSError as error:
        if error.errno in _NOT_OURS:
            raise not_ours(path) from error
        raise
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(number)
        raise not_ours(path)
    with os.fdopen(number, "r+b") as stream:
        yield stream, Held(path, number, _lock(number))


@contextmanager
def hold_folder(path: Path) -> Iterator[Held]:
    """Open a folder and lock it; on Windows, which locks no folders, a file in it that is gone when it is closed."""
    if os.name == "nt":
        name = path / _LOCK_NAME
        flags = _OWN | os.O_TEMPORARY  # type: ignore[attr-defined,unused-ignore]
        with os.fdopen(os.open(name, flags, 0o666), "r+b") as stream:
            yield Held(name, stream.fileno(), _lock(stream.fileno()))
        return
    number = os.open(path, os.O_RDONLY)
    try:
        yield Held(path, number, _lock(number))
    finally:
        os.close(number)


def not_ours(path: Path) -> UsageError:
    """The error for a link or a folder where a run writes what is its own."""
    return UsageError(
        f"'{path}' is a link, or no file, and a run writes what is its own into nobody else's: remove it, or give "
        "another place"
    )


def _lock(descriptor: int) -> bool:
    """Whether no other process holds the lock of this file: then this one does while it is open (if the system can)."""
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(descriptor, _LOCKED, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        if error.errno not in _LOCKLESS:
            raise
    return True
