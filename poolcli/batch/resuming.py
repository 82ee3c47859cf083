"""What a journal's line says of a picture, and whether it says that there is nothing more to do."""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from poolcli import __version__
from poolcli.batch.journal import Journal
from poolcli.batch.plan import digest
from poolcli.batch.tasks import Task
from poolcli.errors import PoolcliError
from poolcli.files import sweep
from poolcli.pipeline import Job, Outcome, Settings
from poolcli.shift.record import ShiftReport
from poolcli.stores import Place, Url

OK, FAILED = "ok", "failed"


class Keys:
    """Keys for the journal: equal when recipe, input and output are, and all that changes what is written."""

    def __init__(self, settings: Settings, root: Path, *, checksum: bool) -> None:
        """`checksum`: an input is known by its content, not by its size and time."""
        asked = replace(settings.reading, max_pixels=None)  # what changes no output is left out
        self._settings = repr((__version__, replace(settings, reading=asked, durable=False, threads=1, looks={})))
        self._root, self._checksum = root, checksum

    def of(self, job: Job) -> int:
        """The key of a job; of an input that cannot be read, one that nothing done has."""
        assert isinstance(job.source, Place) and isinstance(job.target, Place)
        target = job.target
        if isinstance(target, Path) and target.is_relative_to(self._root):
            target = target.relative_to(self._root)
        identity: Hashable
        try:
            identity = _content(job.source) if self._checksum else _size_and_time(job.source)
        except (OSError, PoolcliError):
            identity = None
        name = job.source.address if isinstance(job.source, Url) else str(job.source.absolute())
        return digest((self._settings, name, identity, str(target), sorted(job.sides)))


def _size_and_time(place: Place) -> Hashable:
    if isinstance(place, Url):
        from poolcli.stores.access import version

        return version(place)
    status = place.stat()
    return status.st_size, status.st_mtime_ns


def _content(path: Place) -> str:
    if isinstance(path, Url):
        from poolcli.stores.access import read

        return hashlib.sha256(read(path)).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def numbered(jobs: Iterable[Job], keys: Keys | None, *, tidy: bool) -> Iterator[Task]:
    """The jobs, numbered; where there is a journal with keys. `tidy`: what dead runs left beside outputs is swept up.

    A key is made before the work, so that an input which changes meanwhile is done again by the next run.
    """
    swept = set()
    for number, job in enumerate(jobs):
        if keys and tidy and isinstance(job.target, Path) and job.target.parent not in swept:
            swept.add(job.target.parent)
            sweep(job.target.parent, begun=False)
        yield Task(number, job, keys.of(job) if keys else 0)


def note(journal: Journal, task: Task, outcome: Outcome) -> None:
    """Write down what became of a task."""
    entry: dict[str, Any] = {"status": OK if outcome.error is None else FAILED, "input": task.job.name}
    if outcome.error is not None:
        entry |= {"kind": outcome.kind, "error": outcome.error}
    else:
        target = task.job.target
        try:
            size = target.stat().st_size if isinstance(target, Path) else None  # objects are whole or not there
        except OSError:
            return  # somebody took it away: a later run makes it again
        reports = [report.to_dict() for report in outcome.reports]
        entry |= {"output": task.job.target_name, "bytes": size, "notes": outcome.notes, "reports": reports}
    journal.note(task.key, entry)


def done_before(journal: Journal, task: Task, is_there: Callable[[Place], bool]) -> Outcome | None:
    """What an earlier run made of this task, if that is all there and as it was: the output has the size it had."""
    entry: Mapping[str, Any] | None = journal.find(task.key)
    if entry is None or entry.get("status") != OK or entry["input"] != task.job.name:
        return None
    target = task.job.target
    assert isinstance(target, Place)
    try:
        if not all(map(is_there, (target, *task.job.sides.values()))):
            return None
        if isinstance(target, Path) and target.stat().st_size != entry["bytes"]:
            return None
    except OSError:
        return None
    reports = tuple(map(ShiftReport.from_dict, entry["reports"]))
    return Outcome(task.job, reports, tuple(entry["notes"]), before=True)
