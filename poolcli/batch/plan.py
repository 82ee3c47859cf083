"""Every (source, destination) pair before any work, and all that can be wrong with them. Nothing is written."""

import os
import stat
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePath

from poolcli import images
from poolcli.batch.destination import Destination
from poolcli.batch.inputs import Input
from poolcli.errors import UsageError
from poolcli.files import merged, not_ours
from poolcli.report import Job
from poolcli.stores import Place, Url, place_of

FEW = 16  # objects that are asked for one by one; of more the prefixes they lie in are listed


class Plan(Sequence[Job]):
    """The jobs of a run, in order. An input takes some hundred bytes: its job is made when it is asked for."""

    def __init__(self, inputs: Iterable[Input], destination: Destination) -> None:
        """Look for all `inputs`; one that is named twice has one job."""
        self._destination = destination
        self._inputs: list[tuple[str, str, bool]] = []
        self._sides: Mapping[str, str] = {}
        self._whole: set[int] = set()  # numbers of the jobs whose reports bear the whole name of the output
        self.in_folder = False
        seen = set()
        for each in inputs:
            path = each.path.address if isinstance(each.path, Url) else str(each.path)
            pair = path, exact(destination.place(each))
            if pair not in seen:
                seen.add(pair)
                place = str(each.place)
                self._inputs.append((path, path if place == path else place, each.in_folder))  # one text for both
                self.in_folder |= each.in_folder

    def __len__(self) -> int:
        return len(self._inputs)

    def __getitem__(self, number: int) -> Job:  # type: ignore[override]  # (nobody slices a plan)
        path, place, in_folder = self._inputs[number]
        source = place_of(path)
        target = self._destination.place(Input(source, PurePath(place), in_folder))
        sides = {} if self.to_device else side_files(target, self._sides, whole=number in self._whole)
        return Job(source, target, str(source), str(target), sides)

    def __iter__(self) -> Iterator[Job]:
        return map(self.__getitem__, range(len(self)))

    @property
    def to_device(self) -> bool:
        """Whether everything goes to a device, which may be written to as often as wanted."""
        return self._destination.device

    def add_reports(self, extensions: Mapping[str, str]) -> None:
        """From now on every job has these reports beside its output."""
        self._sides = extensions
        if not extensions or self.to_device:
            return
        taken: set[str] = set()
        is_there = presence(few=len(self) <= FEW)
        for number, job in enumerate(self):
            assert isinstance(job.target, Place)
            short = exact(next(iter(job.sides.values())))
            if short in taken or bears_whole_name(job.target, extensions, is_there):
                self._whole.add(number)
            else:
                taken.add(short)


def side_files(target: Place, extensions: Mapping[str, str], *, whole: bool = False) -> dict[str, Place]:
    """The reports beside an output, for instance NAME.shift.json; `whole`: NAME.EXT.shift.json."""
    name = target.name if whole else target.stem
    return {form: target.with_name(name + extension) for form, extension in extensions.items()}


def reports_of(target: Place, extensions: Mapping[str, str]) -> dict[str, Place]:
    """The reports beside the only output of a run."""
    return side_files(target, extensions, whole=bears_whole_name(target, extensions, presence(few=True)))


def bears_whole_name(target: Place, extensions: Mapping[str, str], is_there: Callable[[Place], bool]) -> bool:
    """Whether the reports of an output bear its whole name, since the short one is that of another picture's.

    Of `a.png` and `a.webp` in one folder the one that came first has `a.shift.json`, the other `a.webp.shift.json`.
    """
    if any(map(is_there, side_files(target, extensions, whole=True).values())):
        return True
    if is_there(target) or not any(map(is_there, side_files(target, extensions).values())):
        return False
    return isinstance(target, Path) and any(name != target.name for name in _of_one_stem(target.parent, target.stem))


def _of_one_stem(folder: Path, stem: str) -> Iterator[str]:
    return (name for name in _pictures(folder) if PurePath(name).stem == stem)


@lru_cache(maxsize=1)
def _pictures(folder: Path) -> list[str]:
    """The names of the pictures in a folder."""
    try:
        return [name for name in os.listdir(folder) if images.is_picture(Path(name))]  # noqa: PTH208 (names alone)
    except OSError:
        return []


def check(
    jobs: Sequence[Job],
    own: Iterable[Place] = (),
    read: Iterable[tuple[str, Path]] = (),
    *,
    may_exist: bool,
    journal: Path | None = None,
    device: bool = False,
    merged: Callable[[Path, Path], bool] = merged,
) -> None:
    """Raise UsageError when outputs clash, would overwrite what is read, or are there already.

    `own` are the files that the run itself writes, beside the reports of each job and its `journal`; `read` what it
    reads beside the inputs, each with what it is called; `device`: everything goes to one. `merged` says whether a file
    system takes two paths for one.
    """
    is_there = presence(few=len(jobs) <= FEW)
    sources = {_identity(path): f"{what} '{path}'" for what, path in read}
    taken = _Taken(merged)
    targets: list[tuple[Hashable, Place]] = [(_identity(journal), journal)] if journal else []
    there: list[Place] = []  # the first, and how many more
    more = 0
    for number, job in enumerate(jobs):
        sources[_identity(job.source)] = f"input '{job.name}'"
        for path in () if device else (job.target, *job.sides.values()):
            if not isinstance(path, Place):
                continue
            if (clash := taken.add(path, number)) is not None:
                first, twin = clash
                raise _both(jobs[first], job, path, twin)
            if is_there(path):
                there, more = there or [path], more + bool(there)
                targets.append((_identity(path), path))
                _check_kind(path, own=path is not job.target)
    for path in own:
        if is_there(path):
            there, more = there or [path], more + bool(there)
            targets.append((_identity(path), path))
            _check_kind(path, own=True)
    for identity, path in targets:
        if identity is not None and identity in sources:
            raise UsageError(f"the output '{path}' is the {sources[identity]}: give another place with -o")
    if there and not may_exist:
        found = f"'{there[0]}' and {more} more exist" if more else f"'{there[0]}' exists"
        raise UsageError(f"{found} already: use --overwrite, --resume in a folder, or another place with -o")


class _Taken:
    """The paths that outputs have taken."""

    def __init__(self, merged: Callable[[Path, Path], bool]) -> None:
        self._merged = merged
        self._numbers: dict[str, int] = {}
        self._folded: dict[str, str] = {}  # how a path is first spelled that has capitals or accents

    def add(self, path: Place, number: int) -> tuple[int, str | None] | None:
        """Take a path for a job. When another has it: that one's number, and its path if it is spelled otherwise."""
        key = exact(path)
        first = self._numbers.setdefault(key, number)
        if first != number:
            return first, None
        if isinstance(path, Url):  # in stores every letter counts
            return None
        low = unicodedata.normalize("NFC", key).casefold()
        twin = self._folded.setdefault(low, key) if low != key else self._folded.get(low, key)
        for other in {twin, low}:
            if other != key and other in self._numbers and self._merged(Path(other), Path(key)):
                return self._numbers[other], other
        return None


def _both(one: Job, other: Job, target: Place, twin: str | None) -> UsageError:
    """The error for two inputs whose outputs would be one file; `twin`: since the file system merges names."""
    merging = ""
    if twin is not None:
        a, b = next(
            pair for pair in zip(Path(twin).parts, Path(exact(target)).parts, strict=True) if pair[0] != pair[1]
        )
        merging = f", since this file system takes '{a}' and '{b}' for one name"
    return UsageError(
        f"'{one.name}' and '{other.name}' would both be written to '{target}'{merging}: {_way_out(one, other)}"
    )


def _way_out(one: Job, other: Job) -> str:
    if not (isinstance(one.source, Place) and isinstance(other.source, Place)):
        return "run them apart"
    if one.source.stem.casefold() != other.source.stem.casefold():
        return "give a folder with -o, or a template with {stem}"
    if one.source.parent != other.source.parent:
        return "use a template such as -o 'out/{parent}/{stem}.{ext}', or run them apart"
    return "run them apart, into a folder each"


def _check_kind(path: Place, *, own: bool) -> None:
    """UsageError where something else than a file is in the way; the `own` files of a run are not even links."""
    if isinstance(path, Url):
        return
    if own and not stat.S_ISREG(path.lstat().st_mode):
        raise not_ours(path)
    try:
        kind = path.stat().st_mode
    except OSError:  # a link that leads nowhere yet
        return
    if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise UsageError(f"'{path}' is a pipe or device, in a folder of outputs: remove it, or give another place")


def presence(*, few: bool) -> Callable[[Place], bool]:
    """Gives what says whether there is something at a place: of `few` objects each is asked for, of more all their
    neighbours are listed.
    """
    listed = lru_cache(maxsize=8)(_names)  # a plan goes prefix by prefix

    def is_there(place: Place) -> bool:
        if not isinstance(place, Url):
            return os.path.lexists(place)
        from poolcli.stores import access  # and with it fsspec

        try:
            return access.exists(place) if few else place.name in listed(place.parent)
        except access.StoreError as error:
            raise UsageError(
                f"'{place.parent}' cannot be listed: {error}; check its name and your access to it"
            ) from error

    return is_there


def _names(prefix: Url) -> frozenset[str]:
    from poolcli.stores import access

    return frozenset(name for name, _ in access.entries(prefix)) if access.is_folder(prefix) else frozenset()


def exact(place: Place) -> str:
    """Equal for two ways to one place, a link and what it points to included."""
    if isinstance(place, Url):
        return place.address
    return os.path.realpath(place) if os.path.islink(place) else os.path.abspath(place)  # noqa: PTH100, PTH114 (a million)


def _identity(source: object) -> Hashable:
    """Equal for two names of one file that is there; None where nothing is."""
    if isinstance(source, Url):
        return source.address
    try:
        status = source.stat() if isinstance(source, Path) else os.fstat(source.fileno())  # type: ignore[attr-defined]
    except (OSError, AttributeError):
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None
