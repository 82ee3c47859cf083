"""What a run knows of its pictures: what was done with which input and settings, so that a run can be resumed.

An append-only file of JSON Lines rather than sqlite3: one write a picture, of which a kill tears the last line alone,
without the locks that network file systems lack, and everybody can read it. It lies among the outputs; where there is
nothing to resume and a report of the whole run is wanted, it is a temporary file.

A line is written when an output is whole under its name. It bears a sum, so that what was edited or a power cut
spoilt is work to be done again. The last line about an output is what counts. In memory is where each line lies.
"""

import json
import os
import pickle
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from heapq import nlargest
from pathlib import Path
from typing import IO, Any
from zlib import crc32

from poolcli import __version__
from poolcli.batch.settings import Settings
from poolcli.errors import OutputError, PoolcliError, UsageError
from poolcli.reports import Job, Outcome
from poolcli.shift.record import ShiftReport
from poolcli.storage import Place, Url, stores
from poolcli.storage.files import Held, hold_file, hold_folder, parts_of

NAME = ".poolcli-journal.jsonl"
OK, FAILED, BEGUN = "ok", "failed", "begun"
LONGEST_LINE = 1 << 26  # bytes: more is none of ours
IN_MEMORY = 1 << 20  # bytes of what is temporary, before it goes to a file
MOST_DRAWN = 2_500  # pictures of an earlier run: more than a page shows
_START = rb'\{"key": "([0-9a-f]{16})", "sum": "([0-9a-f]{8})", '


class Lines:
    """A file of lines to which is only added, and which is read anywhere."""

    def __init__(self, file: IO[bytes]) -> None:
        """`file` is open for reading and writing."""
        self.file, self.end = file, 0

    def add(self, line: bytes) -> int:
        """Add a line, and let the system have it at once; where it lies. What is torn behind the end is cut off."""
        if self.file.seek(0, os.SEEK_END) != self.end:
            self.file.truncate(self.end)
            self.file.seek(self.end)
        self.file.write(line)
        self.file.flush()
        self.end += len(line)
        return self.end - len(line)

    def read(self, position: int) -> bytes:
        """The line that lies there."""
        self.file.seek(position)
        return self.file.readline(LONGEST_LINE)


class State:
    """The state of a run. Use as a context; `begin` or `resume` the one in a folder before anything else."""

    def __init__(self, folder: Path | None = None, outputs: Path | None = None, *, new: bool = False) -> None:
        """The journal in `folder`, of outputs below `outputs`; without one nothing can be resumed.

        UsageError when another run holds one of them, or the journal is a link or no file. `new`: there was none when
        the plan was checked, so that one with lines in it is another run's.
        """
        self.path = folder / NAME if folder is not None else None
        self._held = ExitStack()
        self._journal: Lines | None = None
        self._files: list[Held] = []  # the journal and the folder of outputs, as they were when the run began
        self._spare: Lines | None = None  # what is for this run alone
        self._last: dict[int, int] = {}  # key -> where the last line lies that was there when the run resumed
        self._places: dict[int, tuple[Lines, int]] = {}  # number in the plan -> where its line lies
        self._views: dict[int, int] = {}  # number in the plan -> where its pictures lie in the spare file
        self._broken: OSError | None = None
        if self.path is not None:
            with ExitStack() as held:
                self._open(self.path, outputs, held, new=new)
                self._held = held.pop_all()

    def _open(self, path: Path, outputs: Path | None, held: ExitStack, *, new: bool) -> None:
        try:
            if outputs is not None:  # into which another run may write with a journal of its own
                outputs.mkdir(parents=True, exist_ok=True)
                self._files.append(held.enter_context(hold_folder(outputs)))
                _check_free(outputs, self._files[0].locked)
            path.parent.mkdir(parents=True, exist_ok=True)
            stream, file = held.enter_context(hold_file(path))
            self._files.append(file)
            _check_free(path.parent, file.locked and not (new and stream.seek(0, os.SEEK_END)))
        except OSError as error:
            raise OutputError(f"cannot write '{path}': {error.strerror}") from error
        self._journal = Lines(stream)

    def __enter__(self) -> "State":
        return self

    def __exit__(self, *raised: object) -> None:
        with suppress(OSError):  # of a run that ends well `check` has closed it
            self._held.close()
        if self._spare is not None:
            self._spare.file.close()

    def begin(self) -> None:
        """Forget all that was done."""
        if self._journal is not None:
            self._journal.file.truncate(0)

    def resume(self) -> None:
        """Learn what was done. A last line that is torn is written over."""
        if self._journal is None:
            return
        self._journal.file.seek(0)
        while (line := self._journal.file.readline(LONGEST_LINE)).endswith(b"\n"):
            if start := re.match(_START, line):
                self._last[int(start[1], 16)] = self._journal.end
            self._journal.end += len(line)

    def find(self, key: int) -> Mapping[str, Any] | None:
        """The last line about this output that was there when the run resumed, if it is as it was written."""
        if self._journal is None or key not in self._last:
            return None
        return _entry(self._journal.read(self._last[key]))

    def begun(self, job: Job) -> None:
        """Write down that an output which an earlier run made is being made in another way: it is not what it was."""
        if self.find(job.key) is not None:
            self._add(_line(job.key, {"status": BEGUN, "input": job.name}))

    def done(self, job: Job, outcome: Outcome) -> None:
        """Write down what became of a job, where no earlier run did, and keep its pictures for a report of the run."""
        if outcome.before and self._journal is not None:
            self._places[job.number] = self._journal, self._last[job.key]
        else:
            self._places[job.number] = self._add(_line(job.key, entry_of(job, outcome)))
        if outcome.views:
            self._views[job.number] = self._temporary().add(pickle.dumps(outcome.views))

    def worst(self, most: int) -> set[int]:
        """The keys of so many pictures that an earlier run has done, those whose change is kept most."""
        if len(self._last) <= most:
            return set(self._last)
        left = {key: _residual(entry) for key in self._last if (entry := self.find(key)) is not None}
        return set(nlargest(most, left, key=left.__getitem__))

    def outcomes(self) -> Iterator[Outcome]:
        """What became of the jobs, in the order of the plan."""
        for number in sorted(self._places):
            lines, position = self._places[number]
            entry = _entry(lines.read(position))
            if entry is None:
                raise OutputError(f"'{self.path}' was changed while the run went on: run it again with --resume")
            views: Any = {}
            if number in self._views:
                file = self._temporary().file
                file.seek(self._views[number])
                views = pickle.load(file)  # our own file, which no other user can open
            yield replace(outcome_of(entry), views=views)

    def check(self) -> None:
        """Close the journal; OutputError when a later run would do pictures again: a line is missing, or all are."""
        missing = [file.path for file in self._files if not file.is_there()]
        try:
            self._held.close()
        except OSError as error:
            self._broken = self._broken or error
        if self._broken is not None:
            raise OutputError(
                f"cannot write '{self.path}': {self._broken.strerror}; the pictures are done, but --resume would do "
                "some again"
            )
        for path in missing:
            raise OutputError(
                f"'{path}' is not where it was: it was moved or removed while the run went on; look for the outputs "
                "where it is now, --resume would do them again"
            )

    def _add(self, line: bytes) -> tuple[Lines, int]:
        """Add a line; where it lies. When the journal takes no more, the rest is for this run alone: see `check`."""
        if self._journal is not None and self._broken is None:
            try:
                return self._journal, self._journal.add(line)
            except OSError as error:
                self._broken = error
        return self._temporary(), self._temporary().add(line)

    def _temporary(self) -> Lines:
        if self._spare is None:
            from tempfile import SpooledTemporaryFile

            self._spare = Lines(SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115
        return self._spare


def _check_free(folder: Path, free: bool) -> None:
    if not free:
        raise UsageError(f"another run is writing into '{folder}': wait for its end, or give another place with -o")


def _line(key: int, entry: Mapping[str, Any]) -> bytes:
    rest = json.dumps(entry, allow_nan=False).encode()[1:] + b"\n"
    return f'{{"key": "{key:016x}", "sum": "{crc32(rest):08x}", '.encode() + rest


def _entry(line: bytes) -> Mapping[str, Any] | None:
    """What a line says, if it is as it was written."""
    start = re.match(_START, line)
    if start is None or crc32(line[start.end() :]) != int(start[2], 16):
        return None
    entry: Mapping[str, Any] = json.loads(line)
    return entry


def _residual(entry: Mapping[str, Any]) -> float:
    """The largest residual of a picture's frames; -1 where there is none."""
    residuals = [report["summary"]["residual"] for report in entry.get("reports", ())]
    return max((residual for residual in residuals if residual is not None), default=-1.0)


def entry_of(job: Job, outcome: Outcome) -> dict[str, Any]:
    """What a line says of a job."""
    entry: dict[str, Any] = {"status": OK, "input": job.name, "output": job.target_name}
    entry |= {"made_of": f"{job.made_of:016x}"}
    if outcome.error is not None:
        return entry | {"status": FAILED, "kind": outcome.kind, "error": outcome.error}
    try:
        sizes = {"output": _size(job.target), **{name: _size(place) for name, place in job.sides.items()}}
    except OSError:  # it was removed: a later run makes it again
        entry["status"], sizes = BEGUN, {}
    reports = [report.to_dict() for report in outcome.reports]
    return entry | {"bytes": sizes, "notes": outcome.notes, "reports": reports}


def _size(place: object) -> int | None:
    """The bytes of a file, or of all files in a folder; objects are whole or not there."""
    return sum(status.st_size for _, status in parts_of(place)) if isinstance(place, Path) else None


def outcome_of(entry: Mapping[str, Any]) -> Outcome:
    """What a line says, as an outcome."""
    job = Job(Path(entry["input"]), Path(entry["output"]), entry["input"], entry["output"])
    reports = tuple(map(ShiftReport.from_dict, entry.get("reports", ())))
    return Outcome(job, reports, tuple(entry.get("notes", ())), entry.get("error"), kind=entry.get("kind"))


def done_before(entry: Mapping[str, Any] | None, job: Job, is_there: Callable[[Place], bool]) -> Outcome | None:
    """What an earlier run made of this job, if that is all there and as it was: the files have the sizes they had."""
    if entry is None or entry["status"] != OK or entry["made_of"] != f"{job.made_of:016x}":
        return None
    files = {"output": job.target, **job.sides}
    try:
        if not all(isinstance(place, Place) and is_there(place) for place in files.values()):
            return None
        if {name: _size(place) for name, place in files.items()} != entry["bytes"]:
            return None
    except OSError:
        return None
    return replace(outcome_of(entry), job=job, before=True)


class Keys:
    """What the journal knows a job by: its output, and digests of all that makes the output what it is."""

    def __init__(self, settings: Settings, root: Path, *, checksum: bool) -> None:
        """`checksum`: an input is known by its content, not by its size and time."""
        reading = replace(settings.reading, max_pixels=None)  # what changes no output is left out
        self._settings = repr((__version__, replace(settings, reading=reading, durable=False, threads=1, views={})))
        self._root, self._checksum = root, checksum

    def known(self, job: Job) -> Job:
        """The job with its key, and with what its output is made of.

        That is read before the work: an input that changes meanwhile is done again by the next run.
        """
        return replace(job, key=self._output(job), made_of=self._made_of(job))

    def _output(self, job: Job) -> int:
        """The key of its lines: below the journal's folder, which may be moved, its place there."""
        target = job.target
        assert isinstance(target, Place)
        if isinstance(target, Url):
            return _digest(target.address)
        if target.is_relative_to(self._root):
            return _digest(str(target.relative_to(self._root)))
        return _digest(os.path.abspath(target))  # noqa: PTH100 (a million of them)

    def _made_of(self, job: Job) -> int:
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
        return stores.version(place)
    return tuple((str(path), status.st_size, status.st_mtime_ns) for path, status in parts_of(place))


def _digest(key: Hashable) -> int:
    """A number of eight bytes, the same in every process."""
    import hashlib  # which takes longer to load than all that is done here without a journal

    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest())


def _content(path: Place) -> str:
    import hashlib

    if isinstance(path, Url):
        return hashlib.sha256(stores.read(path)).hexdigest()
    digests = []
    for part, _ in parts_of(path):
        with part.open("rb") as stream:
            digests.append((str(part), hashlib.file_digest(stream, "sha256").hexdigest()))
    return str(digests) if path.is_dir() else digests[0][1]
