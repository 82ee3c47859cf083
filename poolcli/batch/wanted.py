"""What is taken of a folder, a glob or a list, and what is found: the words that folders and stores share."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePath

from poolcli.shift.record import SIDE_MARK
from poolcli.stores import Place


@dataclass(frozen=True, slots=True)
class Found:
    """An input file, and its place below the folder that was named (its own name when it was named itself)."""

    path: Place
    place: PurePath
    in_folder: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is taken of a folder, a glob or a list: pictures that match; below `outputs` nothing, those are ours.

    A pattern without a slash is matched with every name on the way, one with a slash with the whole place; `*`
    stands for anything, and case does not count.
    """

    is_picture: Callable[[Place], bool]
    recursive: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    outputs: Place | None = None

    def takes(self, place: PurePath) -> bool:
        """Whether the patterns want a file; a contact sheet beside a picture is a report, no input."""
        if place.stem.endswith(SIDE_MARK):
            return False
        included = not self.include or any(_matches(pattern, place) for pattern in self.include)
        return included and not self.leaves_out(place)

    def leaves_out(self, place: PurePath) -> bool:
        """Whether a file or folder is excluded by a pattern."""
        return any(_matches(pattern, place) for pattern in self.exclude)


def _matches(pattern: str, place: PurePath) -> bool:
    pattern = pattern.casefold()
    if "/" in pattern:
        wholes = (place, *place.parents)
        return any(fnmatchcase(whole.as_posix().casefold(), pattern.strip("/")) for whole in wholes)
    return any(fnmatchcase(part.casefold(), pattern) for part in place.parts)


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sorting key that puts `a2` before `a10`.

    >>> sorted(["a10.png", "a2.png"], key=natural_key)
    ['a2.png', 'a10.png']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return tuple((0, int(part), part) if part.isascii() and part.isdigit() else (1, 0, part) for part in parts)
