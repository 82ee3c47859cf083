"""Every (source, destination) pair before any work, and all that can be wrong with them.

A plan may have a million pairs: they are kept on disk, and the checks keep eight bytes a path. Where two digests are
equal, a second reading tells whether the paths are.
"""

import os
import unicodedata
from array import array
from collections import Counter
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from poolcli.batch.destination import Destination, side_files
from poolcli.batch.spool import Spool
from poolcli.batch.wanted import Found
from poolcli.errors import UsageError
from poolcli.report import Job
from poolcli.stores import Place, Url, place_of

if TYPE_CHECKING:  # a plan of few pictures is checked without NumPy
    import numpy as np
    from numpy.typing import NDArray

FEW_DIGESTS = 1000  # ... which sorts more of them in place
FEW = 16  # objects that are asked for one by one; of more the prefixes they lie in are listed


class Plan:
    """The jobs of a run, in order, as often as they are asked for. What was found is looked for once."""

    def __init__(self, found: Iterable[Found], destination: Destination) -> None:
        """Look for everything in `found`; where it goes is worked out when a job is asked for."""
        self._destination = destination
        self._repeated: dict[int, int] = {}  # digest of an output's name -> how often the same input was named
        self.in_folder = False
        self.sides: Mapping[str, str] = {}  # the forms of report beside every output, and their extensions
        self._found = Spool(self._noting(found))

    def _noting(self, found: Iterable[Found]) -> Iterator[tuple[str, str, bool]]:
        for item in found:
            self.in_folder |= item.in_folder
            path = item.path.address if isinstance(item.path, Url) else str(item.path)
            yield path, str(item.place), item.in_folder

    def __len__(self) -> int:
        return len(self._found) - sum(times - 1 for times in self._repeated.values())

    def __iter__(self) -> Iterator[Job]:
        """A job for every input; none for an input that was named before."""
        seen = set()
        for path, place, in_folder in self._found:
            source = place_of(path)
            target = self._destination.place(Found(source, PurePath(place), in_folder))
            if self._repeated and (name := digest(target_key(target))) in self._repeated:
                if name in seen:
                    continue
                seen.add(name)
            yield Job(source, target, str(source), str(target), side_files(target, self.sides))

    def check(self, extra: Iterable[Place] = (), *, may_exist: bool) -> None:
        """As `check`; from now on an input that was named twice has one job."""
        self._repeated = dict(check(self, extra, may_exist=may_exist))


class Digests:
    """Eight bytes for each of many keys: what `repeated` and `common` find is equal, or so by a rare accident."""

    def __init__(self) -> None:
        self._all = array("Q")

    def add(self, key: Hashable) -> None:
        """Keep the digest of `key`."""
        self._all.append(digest(key))

    def _sorted(self) -> "NDArray[np.uint64]":
        import numpy as np

        values = np.frombuffer(self._all, np.uint64)
        values.sort()  # in place: what order they came in is of no use
        return values

    def repeated(self) -> set[int]:
        """The digests that were added more than once."""
        if len(self._all) <= FEW_DIGESTS:
            return {each for each, times in Counter(self._all).items() if times > 1}
        values = self._sorted()
        return set(values[1:][values[1:] == values[:-1]].tolist())

    def common(self, other: "Digests") -> set[int]:
        """The digests that both have."""
        if not (self._all and other._all):
            return set()
        if len(self._all) + len(other._all) <= FEW_DIGESTS:
            return set(self._all) & set(other._all)
        import numpy as np

        values, others = self._sorted(), other._sorted()
        places = np.searchsorted(values, others)
        places[places == len(values)] = 0
        return set(others[values[places] == others].tolist())


def digest(key: Hashable) -> int:
    """A number of eight bytes, the same as long as this process lives."""
    return hash(key) & (1 << 64) - 1


def check(plan: Plan | list[Job], extra: Iterable[Place] = (), *, may_exist: bool) -> Mapping[int, int]:
    """Raise UsageError when outputs clash, would overwrite an input, or are there already; nothing is written.

    `extra` are the files that the run itself writes. Gives the digests of the outputs whose input is named more than
    once, and how often.
    """
    if not plan:
        raise UsageError("no picture among the inputs: name files, or a folder with pictures (-r for those below it)")
    names, sources, targets = Digests(), Digests(), Digests()
    there: list[Place] = []  # the first, and how many more
    is_there = presence(few=len(plan) <= FEW)
    more = 0
    for job in plan:
        sources.add(_identity(job.source))
        for target in _written(job):
            names.add(target_key(target))
            targets.add(_identity(target))
            if is_there(target):
                there, more = there or [target], more + bool(there)
    repeated = _check_clashes(plan, names.repeated())
    _check_inputs(plan, sources.common(targets))
    for path in extra:
        if is_there(path):
            there, more = there or [path], more + bool(there)
    if there and not may_exist:
        found = f"'{there[0]}' and {more} more exist" if more else f"'{there[0]}' exists"
        raise UsageError(f"{found} already: use --overwrite, --resume in a folder, or another place with -o")
    return repeated


def presence(*, few: bool) -> Callable[[Place], bool]:
    """Tells whether there is something at a place."""
    stored: Container[Url] | None = None

    def is_there(place: Place) -> bool:
        nonlocal stored
        if not isinstance(place, Url):
            return os.path.lexists(place)
        if stored is None:
            from poolcli.batch.stored import Existing  # and with it fsspec

            stored = Existing(few=few)
        return place in stored

    return is_there


def _written(job: Job) -> Iterator[Place]:
    return (path for path in (job.target, *job.sides.values()) if isinstance(path, Place))


def _check_clashes(plan: Plan | list[Job], suspects: set[int]) -> Mapping[int, int]:
    taken: dict[str, Job] = {}
    times: Counter[int] = Counter()
    for job in plan if suspects else ():
        for target in _written(job):
            key = target_key(target)
            if digest(key) in suspects and (first := taken.setdefault(key, job)).name != job.name:
                raise UsageError(
                    f"'{first.name}' and '{job.name}' would both be written to '{target}': "
                    f"{_way_out(first, job, target)}"
                )
        key = target_key(job.target) if isinstance(job.target, Place) else job.target_name
        if key in taken:
            times[digest(key)] += 1
    return times


def _way_out(one: Job, other: Job, target: Place) -> str:
    """What to do when two inputs go to one output, or have one file of a report beside theirs."""
    if target != other.target:
        return "use --report jsonl for one file of all, or a template such as -o 'out/{stem}-{ext}.{ext}'"
    if not (isinstance(one.source, Place) and isinstance(other.source, Place)):
        return "run them apart"
    if one.source.stem.casefold() != other.source.stem.casefold():
        return "give a folder with -o, or a template with {stem}"
    if one.source.parent != other.source.parent:
        return "use a template such as -o 'out/{parent}/{stem}.{ext}', or run them apart"
    return "run them apart, into a folder each"


def _check_inputs(plan: Plan | list[Job], suspects: set[int]) -> None:
    if not suspects:
        return
    inputs = {identity: job.name for job in plan if digest(identity := _identity(job.source)) in suspects}
    for job in plan:
        for target in _written(job):
            source = inputs.get(_identity(target))
            if source is not None:
                raise UsageError(f"the output '{target}' is the input '{source}': give another place with -o")


def _identity(path: object) -> Hashable:
    """Equal for two names of one file: device and inode where it exists, else its resolved name."""
    if isinstance(path, Url):
        return path.address
    if not isinstance(path, Path):
        return repr(path)
    try:
        status = path.stat()
    except OSError:
        return _folded(os.path.join(_real(path.parent), path.name))  # noqa: PTH118 (a million of them)
    return status.st_dev, status.st_ino


def target_key(path: Place) -> str:
    """Equal for two paths that are one file where neither case nor the way accents are written counts.

    In stores both count.
    """
    if isinstance(path, Url):
        return path.address
    return _folded(os.path.abspath(path))  # noqa: PTH100 (a million of them)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


@lru_cache(maxsize=256)
def _real(folder: Path) -> str:
    return os.path.realpath(folder)
