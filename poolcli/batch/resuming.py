"""What a journal's line says of a picture, and whether it says that there is nothing more to do."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from poolcli import __version__
from poolcli.batch.job import Settings
from poolcli.batch.journal import Journal
from poolcli.batch.plan import target_key
from poolcli.batch.tasks import Task
from poolcli.errors import PoolcliError
from poolcli.files import sweep
from poolcli.report import Job, Outcome
from poolcli.shift.record import ShiftReport
from poolcli.stores import Place, Url

OK, FAILED, BEGUN = "ok", "failed", "begun"


class Keys:
    """What the journal knows a job by: its output, and digests of all that makes the output what it is."""

    def __init__(self, settings: Settings, root: Path, *, checksum: bool) -> None:
        """`checksum`: an input is known by its content, not by its size and time."""
        asked = replace(settings.reading, max_pixels=None)  # what changes no output is left out
        self._settings = repr((__version__, replace(settings, reading=asked, durable=False, threads=1, looks={})))
        self._root, self._checksum = root, checksum

    def output(self, job: Job) -> int:
        """The key of its lines: below the journal's folder, which may be moved, its place there."""
        target = job.target
        assert isinstance(target, Place)
        if isinstance(target, Path) and target.is_relative_to(self._root):
            return _digest(str(target.relative_to(self._root)))
        return _digest(target_key(target))

    def made_of(self, job: Job) -> int:
        """Equal when input, settings and side files are; of an input that cannot be read, like nothing done."""
        assert isinstance(job.source, Place)
        identity: Hashable
        try:
            identity = _content(job.source) if self._checksum else _size_and_time(job.source)
        except (OSError, PoolcliError):
            identity = None
        name = job.source.address if isinstance(job.source, Url) else str(job.source.absolute())
        return _digest((self._settings, name, identity, sorted(job.sides)))


def _size_and_time(place: Place) -> Hashable:
    if isinstance(place, Url):
        from poolcli.stores.access import version

        return version(place)
    status = place.stat()
    return status.st_size, status.st_mtime_ns


def _digest(key: Hashable) -> int:
    """A number of eight bytes, the same in every process."""
    import hashlib  # which takes longer to load than all that is done here without a journal

    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest())


def _content(path: Place) -> str:
    import hashlib

    if isinstance(path, Url):
        from poolcli.stores.access import read

        return hashlib.sha256(read(path)).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def numbered(jobs: Iterable[Job], keys: Keys | None, *, tidy: bool) -> Iterator[Task]:
    """The jobs, numbered; where there is a journal with keys. `tidy`: what dead runs left beside outputs is swept up.

    What an output is made of is looked at before the work: an input that changes meanwhile is done again by the next
    run.
    """
    swept = set()
    for number, job in enumerate(jobs):
        if keys and tidy and isinstance(job.target, Path) and job.target.parent not in swept:
            swept.add(job.target.parent)
            sweep(job.target.parent, begun=False)
        yield Task(number, job, keys.output(job), keys.made_of(job)) if keys else Task(number, job)


def note_begun(journal: Journal, task: Task) -> None:
    """Write down that an output which an earlier run made is being made in another way: it is not what it was."""
    if journal.find(task.output) is not None:
        journal.note(task.output, {"status": BEGUN, "input": task.job.name})


def note(journal: Journal, task: Task, outcome: Outcome) -> None:
    """Write down what became of a task."""
    status = OK if outcome.error is None else FAILED
    entry: dict[str, Any] = {"status": status, "input": task.job.name, "made_of": f"{task.made_of:016x}"}
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
    journal.note(task.output, entry)


def done_before(journal: Journal, task: Task, is_there: Callable[[Place], bool]) -> Outcome | None:
    """What an earlier run made of this task, if that is all there and as it was: the output has the size it had."""
    entry: Mapping[str, Any] | None = journal.find(task.output)
    if entry is None or entry.get("status") != OK or entry.get("made_of") != f"{task.made_of:016x}":
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
