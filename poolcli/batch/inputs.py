"""Which files a user means by files, folders, globs, URLs and lists of names, in natural order.

Folders and prefixes of stores are walked alike. What cannot be read costs itself and nothing else; a name that
was given is taken as it is, there or not: its job will say what is wrong with it.
"""

import glob
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import chain
from pathlib import Path, PurePath, PurePosixPath
from typing import BinaryIO, NamedTuple, TypeVar

from poolcli.errors import UsageError
from poolcli.images.formats import format_of, is_picture, is_picture_folder, is_unread, is_zarr, needed_by
from poolcli.records import dataclass
from poolcli.reports.forms import FORMS
from poolcli.storage import Place, Url, place_of, safe_part, stores

AnyPlace = TypeVar("AnyPlace", bound=Place)

STREAM = "-"
NO_FOLDERS = frozenset((".thumbnails", "@eaDir", "__MACOSX", ".AppleDouble"))  # of small copies and of notes on files
NO_FILE = "._"  # begins the name of what macOS keeps of a file elsewhere
BOM = b"\xef\xbb\xbf"  # with which some editors begin a text
LONGEST_NAME = 1 << 16  # bytes of a name in a list: sixteen times what systems allow
MOST_EMPTY = 1 << 20  # names in a row
EMPTY = "no picture among the inputs: name files, or a folder with pictures (-r for those below it)"


class Named(NamedTuple):
    """What a user named: the text, its place, and whether pictures lie in that: a folder, or a prefix of a store."""

    text: str
    place: Place
    in_it: bool


def named(text: str) -> Named:
    """What `text` names; UsageError for a store that there is not, or that is not listed."""
    place = place_of(text)
    if not isinstance(place, Url):
        return Named(text, place, is_picture_folder(place))
    with stores.listing(place):
        return Named(text, place, not is_zarr(place) and stores.is_prefix(place))


@dataclass(frozen=True, slots=True)
class Input:
    """An input file, and its place below the folder that was named (its own name when it was named itself)."""

    path: Place
    place: PurePath
    in_folder: bool = False


def _matches(pattern: str, place: PurePath) -> bool:
    pattern = pattern.casefold()
    if "/" in pattern:
        wholes = (place, *place.parents)
        return any(fnmatchcase(whole.as_posix().casefold(), pattern.strip("/")) for whole in wholes)
    return any(fnmatchcase(part.casefold(), pattern) for part in place.parts)


def natural_key(name: str) -> tuple[tuple[int, int, str, str], ...]:
    """A sorting key that puts `a2` before `a10`.

    >>> sorted(["a10.png", "a2.png", "a02.png"], key=natural_key)
    ['a02.png', 'a2.png', 'a10.png']
    """
    parts = ((part, part.lstrip("0")) for part in re.findall(r"[0-9]+|[^0-9]+", name))
    return tuple((0, len(bare), bare, part) if part[0] in "0123456789" else (1, 0, part, "") for part, bare in parts)


class Inputs:
    """The search for inputs: of a folder, a glob or a list those pictures that match are taken.

    A pattern without a slash is matched with every name on the way, one with a slash with the whole place; `*`
    stands for anything, and case does not count. `closed`: what could not be read, each a name and why; `note`: what to
    say of what was left out: pictures that nothing that is installed reads, and reports beside pictures.
    """

    def __init__(
        self,
        is_picture: Callable[[Place], bool] = is_picture,
        *,
        recursive: bool = False,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        outputs: Place | None = None,
    ) -> None:
        """Nothing is read yet. Below `outputs` nothing is taken, those are ours."""
        self._is_picture, self._recursive, self._outputs = is_picture, recursive, outputs
        self._include, self._exclude = include, exclude
        self.closed: list[tuple[str, str]] = []
        self.unread: Counter[str] = Counter()  # by extension
        self.reports: list[Place] = []  # beside pictures
        self._pictures = lru_cache(maxsize=8)(_names_of_pictures)
        self.note: str | None = None

    def files(self, names: Iterable[Named], listing: BinaryIO | None = None, *, nul: bool = False) -> Iterator[Input]:
        """What is named, and what a list of names has; `nul`: each of them ends in one.

        UsageError when there is no input at all, which says why.
        """
        listed = () if listing is None else self.listed(names_in(listing, nul=nul))
        nothing = True
        for each in chain(self.named(names), listed):
            nothing = False
            yield each
        self.note = "; ".join(self._notes()) or None
        if not nothing:
            return
        if self.closed:
            raise UsageError(f"{self.closed[0][1]}; there is no other input")
        selects = self._include or self._exclude
        why = self.note or (selects and "--include and --exclude match whole names, as in '*.png'")
        raise UsageError(f"{EMPTY}; {why}" if why else EMPTY)

    def named(self, names: Iterable[Named]) -> Iterator[Input]:
        """Every file that they name. A folder gives the pictures in it, with `recursive` those below it too.

        Links to folders are not followed. Raises UsageError for a pattern that matches nothing.
        """
        for text, place, in_it in names:
            if in_it:
                yield from self._below(place)
            elif isinstance(place, Url):
                yield from self._objects(place)
            elif (pattern := pattern_of(_local(text, place))) and not os.path.lexists(place):
                yield from self._globbed(text, pattern)
            else:
                yield Input(place, PurePath(place.name))

    def listed(self, names: Iterable[str]) -> Iterator[Input]:
        """The pictures of a list, each at its path as its place; folders and what is no picture are left out."""
        outputs = self._outputs
        ours = os.path.abspath(str(outputs)) + os.sep if isinstance(outputs, Path) else None  # noqa: PTH100 (as text)
        if ours and str(Path.cwd() / "_").startswith(ours):  # outputs among the inputs: only a plan can separate them
            ours = None
        for path in self._without_reports(map(place_of, names)):
            place = as_place(PurePosixPath(path.key) if isinstance(path, Url) else path)
            if not (self._takes(place) and self._reads(path)):
                continue
            if isinstance(path, Path) and is_picture_folder(path):
                continue
            if isinstance(path, Path) and ours and os.path.abspath(path).startswith(ours):  # noqa: PTH100
                continue
            yield Input(path, place, in_folder=True)

    def _without_reports(self, places: Iterable[AnyPlace]) -> Iterator[AnyPlace]:
        """Those that are no reports beside pictures; all of them where none is another file, since they are meant."""
        reports: list[AnyPlace] = []
        others = False
        for place in places:
            if self._is_report(place):
                reports.append(place)
            else:
                others = True
                yield place
        if others:
            self.reports += filter(self._is_picture, reports)
        else:
            yield from reports

    def _is_report(self, place: Place) -> bool:
        """Whether a file has the name of a report: NAME.shift.json, or NAME.shift.png beside a picture NAME."""
        end = next((form.extension for form in FORMS.values() if place.name.endswith(form.extension)), None)
        if end is None:
            return False
        return not self._is_picture(place) or place.name.removesuffix(end) in self._pictures(place.parent)

    def _notes(self) -> Iterator[str]:
        if self.unread:
            yield self._unread()
        if self.reports:
            count = len(self.reports)
            yield (
                f"{count} {'reports' if count > 1 else 'report'} left out, such as '{self.reports[0]}', beside "
                "the pictures of their names: name them to pool them"
            )

    def _unread(self) -> str:
        count = self.unread.total()
        kinds = ", ".join(f"{number} {extension}" for extension, number in sorted(self.unread.items()))
        needs = sorted({library for extension in self.unread if (library := needed_by(extension))})
        way_out = f"pip install {' '.join(needs)}, or convert them" if needs else "convert them"
        return (
            f"{count} {'pictures' if count > 1 else 'picture'} left out that nothing installed here reads ({kinds}): "
            f"{way_out}"
        )

    def _takes(self, place: PurePath) -> bool:
        """Whether the patterns select a file."""
        if place.name.startswith(NO_FILE):
            return False
        included = not self._include or any(_matches(pattern, place) for pattern in self._include)
        return included and not self._leaves_out(place)

    def _leaves_out(self, place: PurePath) -> bool:
        """Whether a file or folder is excluded by a pattern."""
        return any(_matches(pattern, place) for pattern in self._exclude)

    def _reads(self, path: Place) -> bool:
        """Whether a file is a picture, by its name; one of a kind that nothing here reads is counted."""
        if self._is_picture(path):
            return True
        extension = path.suffix.lower()
        if is_unread(extension):
            self.unread[extension] += 1
        return False

    def _below(self, top: Place) -> Iterator[Input]:
        """The pictures in a folder, then those of each folder in it."""
        places: list[tuple[Place, PurePath]] = [(top, PurePath())]
        while places:
            here, below = places.pop()
            names: list[str] = []
            folders: list[str] = []
            try:
                for name, inner in _entries(here, self._outputs):
                    place = below / safe_part(name)
                    if not inner or is_zarr(here / name):
                        if self._takes(place) and self._reads(here / name):
                            if self._is_report(here / name):
                                self.reports.append(here / name)
                            else:
                                names.append(name)
                    elif not (name in NO_FOLDERS or self._leaves_out(place)):
                        folders.append(name)
            except OSError as error:
                why = f"the folder '{here}' cannot be read ({error.strerror}): change its permissions, or --exclude it"
                self.closed.append((str(here), why))
            except UsageError as error:  # of a store
                self.closed.append((str(here), str(error)))
            for name in sorted(names, key=natural_key):
                yield Input(here / name, below / safe_part(name), in_folder=True)
            if self._recursive:
                inside = sorted(folders, key=natural_key, reverse=True)
                places += ((here / name, below / safe_part(name)) for name in inside)

    def _globbed(self, text: str, pattern: str) -> Iterator[Input]:
        matches = sorted(glob.iglob(pattern, recursive=True), key=natural_key)  # noqa: PTH207 (absolute patterns too)
        if not matches:
            raise UsageError(f"no file matches '{text}': check the pattern, or name a file or a folder")
        said = frozenset(PurePath(pattern).parts)
        paths = (path for path in map(Path, matches) if (NO_FOLDERS & set(path.parts)) <= said)
        return self._matching((path, is_picture_folder(path)) for path in self._without_reports(paths))

    def _objects(self, url: Url) -> Iterator[Input]:
        """The objects that a URL stands for; UsageError for a store that is not listed, a pattern without a match."""
        with stores.listing(url):
            if stores.find_store(url.scheme).lists and glob.has_magic(url.key) and not stores.exists(url):
                inner = dict(stores.globbed(url))
                matches = sorted(inner, key=lambda match: natural_key(match.key))
                if not matches:
                    raise UsageError(f"no object matches '{url}': check the pattern, or name an object or a prefix")
                left = self._without_reports(matches)
                yield from self._matching((each, inner[each] and not is_zarr(each)) for each in left)
            elif not url.name:
                raise UsageError(f"'{url}' is not there, or you may not see it: check its name and your access to it")
            else:
                yield Input(url, PurePosixPath(safe_part(url.name)))

    def _matching(self, matches: Iterable[tuple[Place, bool]]) -> Iterator[Input]:
        """What is taken of places that match a pattern, each with whether pictures lie in it."""
        for place, in_it in matches:
            if in_it:
                yield from self._below(place)
            elif self._takes(PurePath(place.name)):
                yield Input(place, PurePath(safe_part(place.name) if isinstance(place, Url) else place.name))


def _names_of_pictures(folder: Place) -> set[str]:
    """The names of the pictures in a folder, with and without their extensions; none where it is not listed."""
    if isinstance(folder, Url) and not stores.find_store(folder.scheme).lists:
        return set()
    try:
        pictures = [path for name, _ in _entries(folder, None) if format_of(path := Path(name))]
    except (OSError, UsageError):
        return set()
    return {name for picture in pictures for name in (picture.name, picture.stem)}


def _entries(here: Place, outputs: Place | None) -> Iterator[tuple[str, bool]]:
    """The names in a folder or prefix, and whether each is one itself; links to folders and outputs are left out."""
    if isinstance(here, Url):
        with stores.listing(here):
            yield from ((name, inner) for name, inner in stores.entries(here) if here / name != outputs)
        return
    with os.scandir(here) as entries:
        for entry in entries:
            inner = _leads_to_folder(entry)
            if not (inner and (entry.is_symlink() or _is(outputs, entry))):
                yield entry.name, inner


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    """False for a link that leads to itself: its job reports that, and the rest of the folder is done."""
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


def _local(text: str, place: Path) -> str:
    """The path that `text` is, or is the URL of."""
    return str(place) + "/" * text.endswith("/") if "://" in text else text


def pattern_of(text: str) -> str | None:
    """`text` as a pattern, in which folders that are there and are called like one stand for themselves.

    None where it is no pattern.
    """
    parts = Path(text).parts if glob.has_magic(text) else ()
    for count in range(len(parts) - 1, 0, -1):
        start = str(Path(*parts[:count]))
        if glob.has_magic(start) and os.path.lexists(start):
            rest = os.path.join(*parts[count:])  # noqa: PTH118 (a pattern)
            return os.path.join(glob.escape(start), rest) if glob.has_magic(rest) else None  # noqa: PTH118
    return text if parts else None


def as_place(path: PurePath) -> PurePath:
    """`path` below an output folder, as tar would put it: without its root and without leading `..`.

    >>> as_place(Path("./a/../b/c.png")).as_posix(), as_place(Path("/x/c.png")).as_posix()
    ('b/c.png', 'x/c.png')
    """
    whole = PurePath(os.path.normpath(path))
    parts = whole.parts[1:] if whole.anchor else whole.parts
    return PurePath(*(part for part in parts if part != ".."))


def names_in(stream: BinaryIO, *, nul: bool) -> Iterator[str]:
    """The names in a list, one a line or each ended by a NUL; what is empty is none. UsageError for what is no list."""
    end, rest, empty = (b"\0" if nul else b"\n"), _block(stream).removeprefix(BOM), 0
    while block := _block(stream):
        *names, rest = (rest + block).split(end)
        _check_name(rest, nul=nul)
        empty = empty + len(names) if not any(names) else 0
        if empty > MOST_EMPTY:
            raise UsageError("the list holds nothing but empty names: is it a list of names?")
        yield from _decoded(names, nul=nul)
    yield from _decoded(rest.split(end), nul=nul)


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
