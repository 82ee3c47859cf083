"""Which files a user means by files, folders and globs, in natural order."""

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from poolcli.errors import UsageError

STREAM = "-"


@dataclass(frozen=True, slots=True)
class Found:
    """An input file, and its place below the folder that was named (its own name when it was named itself)."""

    path: Path
    place: PurePath
    in_folder: bool = False


def discover(inputs: Iterable[str], *, recursive: bool, is_picture: Callable[[Path], bool]) -> Iterator[Found]:
    """Every file that `inputs` name. A named file is taken as it is, there or not: its job will tell.

    A folder gives the pictures in it, with `recursive` those below it too. Raises UsageError for a glob that
    matches nothing.
    """
    for text in inputs:
        path = Path(text)
        if path.is_dir():
            yield from _pictures(path, recursive, is_picture)
        elif glob.has_magic(text) and not path.exists():
            yield from _matches(text, recursive, is_picture)
        else:
            yield Found(path, PurePath(path.name))


def _matches(pattern: str, recursive: bool, is_picture: Callable[[Path], bool]) -> Iterator[Found]:
    matches = sorted(glob.glob(pattern, recursive=True), key=natural_key)  # noqa: PTH207 (absolute patterns too)
    if not matches:
        raise UsageError(f"no file matches '{pattern}': check the pattern, or name a file or a folder")
    for match in matches:
        path = Path(match)
        if path.is_dir():
            yield from _pictures(path, recursive, is_picture)
        else:
            yield Found(path, PurePath(path.name))


def _pictures(folder: Path, recursive: bool, is_picture: Callable[[Path], bool]) -> Iterator[Found]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(folders, key=natural_key) if recursive else []
        for name in sorted(names, key=natural_key):
            path = Path(parent, name)
            if is_picture(path):
                yield Found(path, path.relative_to(folder), in_folder=True)


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sorting key that puts `a2` before `a10`.

    >>> sorted(["a10.png", "a2.png"], key=natural_key)
    ['a2.png', 'a10.png']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return tuple((0, int(part), part) if part.isascii() and part.isdigit() else (1, 0, part) for part in parts)
