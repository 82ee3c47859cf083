"""Which files a user means by files, folders, globs and lists of names, in natural order."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath, PurePosixPath
from typing import BinaryIO

from poolcli.batch.spool import in_order
from poolcli.batch.wanted import Found, Wanted, natural_key
from poolcli.errors import UsageError
from poolcli.files import is_folder
from poolcli.stores import Place, Url, place_of

STREAM = "-"
BOM = b"\xef\xbb\xbf"  # with which some editors begin a text
LONGEST_NAME = 1 << 16  # bytes of a name in a list: sixteen times what systems allow
MOST_EMPTY = 1 << 20  # names in a row


def discover(inputs: Iterable[str], wanted: Wanted) -> Iterator[Found]:
    """Every file that `inputs` name. A named file is taken as it is, there or not: its job will tell.

    A folder gives the pictures in it, with `recursive` those below it too; links to folders are not followed.
    Raises UsageError for a glob that matches nothing and for a folder that cannot be read.
    """
    for text in inputs:
        path = place_of(text)
        if isinstance(path, Url):
            yield from _stored(path, wanted)
        elif is_folder(path):
            yield from _pictures(path, wanted)
        elif glob.has_magic(text) and not os.path.lexists(path):
            yield from _globbed(text, wanted)
        else:
            yield Found(path, PurePath(path.name))


def listed(names: Iterable[str], wanted: Wanted) -> Iterator[Found]:
    """The pictures of a list, each at its path as its place; folders and files that are no pictures are left out."""
    local = isinstance(wanted.outputs, Path)
    ours = os.path.abspath(str(wanted.outputs)) + os.sep if local else None  # noqa: PTH100 (compared as text)
    if ours and str(Path.cwd() / "_").startswith(ours):  # outputs among the inputs: only a plan can tell them apart
        ours = None
    for name in names:
        path = place_of(name)
        place = as_place(PurePosixPath(path.key) if isinstance(path, Url) else path)
        if not wanted.is_picture(path) or not wanted.takes(place):
            continue
        if isinstance(path, Url):
            yield Found(path, place, in_folder=True)
            continue
        if is_folder(path):
            continue
        if not (ours and os.path.abspath(path).startswith(ours)):  # noqa: PTH100
            yield Found(path, place, in_folder=True)


def names_in(stream: BinaryIO, *, nul: bool) -> Iterator[str]:
    """The names in a list, one a line or each ended by a NUL; what is empty is none."""
    end, rest, empty = (b"\0" if nul else b"\n"), b"", 0
    first = True
    while block := _block(stream):
        if first:
            block, first = block.removeprefix(BOM), False
        *names, rest = (rest + block).split(end)
        _check_name(rest, nul=nul)
        empty = empty + len(names) if not any(names) else 0
        if empty > MOST_EMPTY:
            raise UsageError("the list holds nothing but empty names: is it a list of names?")
        yield from _decoded(names, nul=nul)
    yield from _decoded([rest], nul=nul)


def _check_name(name: bytes, *, nul: bool) -> None:
    """UsageError for what is no name, however it goes on."""
    if not nul and b"\0" in name:
        raise UsageError("a name in the list holds a NUL: say -0 (--null) if that is what ends each name")
    if len(name) > LONGEST_NAME:
        raise UsageError(f"a name in the list is longer than {LONGEST_NAME} bytes: is it a list of names?")


def _block(stream: BinaryIO) -> bytes:
    try:
        return stream.read(1 << 16)
    except OSError as error:
        raise UsageError(f"the list of names cannot be read ({error.strerror}): give it as a file") from error


def _decoded(names: list[bytes], *, nul: bool) -> Iterator[str]:
    for name in names:
        bare = name if nul else name.removesuffix(b"\r")
        _check_name(bare, nul=nul)
        if bare:
            yield os.fsdecode(bare)


def as_place(path: PurePath) -> PurePath:
    """`path` below an output folder, as tar would put it: without its root and without leading `..`.

    >>> as_place(Path("./a/../b/c.png")).as_posix(), as_place(Path("/x/c.png")).as_posix()
    ('b/c.png', 'x/c.png')
    """
    whole = PurePath(os.path.normpath(path))
    parts = whole.parts[1:] if whole.anchor else whole.parts
    return PurePath(*(part for part in parts if part != ".."))


def _stored(url: Url, wanted: Wanted) -> Iterator[Found]:
    from poolcli.batch import stored  # and with it fsspec, only where there is a URL

    yield from stored.discover(url, wanted)


def _globbed(pattern: str, wanted: Wanted) -> Iterator[Found]:
    matches = sorted(glob.iglob(pattern, recursive=True), key=natural_key)  # noqa: PTH207 (absolute patterns too)
    if not matches:
        raise UsageError(f"no file matches '{pattern}': check the pattern, or name a file or a folder")
    for match in matches:
        path = Path(match)
        if is_folder(path):
            yield from _pictures(path, wanted)
        elif wanted.takes(PurePath(path.name)):
            yield Found(path, PurePath(path.name))


def _pictures(top: Path, wanted: Wanted) -> Iterator[Found]:
    """The pictures in a folder, then those of each folder in it."""
    places = [PurePath()]
    while places:
        below = places.pop()
        folders: list[str] = []
        for name in in_order(_pictures_here(top / below, below, wanted, folders), natural_key):
            yield Found(top / below / name, below / name, in_folder=True)
        if wanted.recursive:
            places += (below / name for name in sorted(folders, key=natural_key, reverse=True))


def _pictures_here(folder: Path, below: PurePath, wanted: Wanted, folders: list[str]) -> Iterator[str]:
    """The names of the pictures in one folder; those of the folders to look into are added to `folders`."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not _is_folder(entry):
                    if wanted.is_picture(Path(entry.name)) and wanted.takes(below / entry.name):
                        yield entry.name
                elif not (entry.is_symlink() or wanted.leaves_out(below / entry.name) or _is(wanted.outputs, entry)):
                    folders.append(entry.name)
    except OSError as error:
        raise UsageError(
            f"the folder '{folder}' cannot be read ({error.strerror}): change its permissions, or --exclude it"
        ) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """No, for a link that leads to itself: its job will tell, and the rest of the folder is done."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is(outputs: Place | None, entry: os.DirEntry[str]) -> bool:
    """Whether a folder is the one outputs go to."""
    try:
        return isinstance(outputs, Path) and outputs.samefile(entry.path)
    except OSError:
        return False
