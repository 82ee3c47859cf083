"""What is printed: results on stdout, progress and summaries on stderr."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

from poolcli.errors import escaped
from poolcli.reports import IN_RECORDS
from poolcli.reports.forms import outcome_lines, to_json

if TYPE_CHECKING:
    from poolcli.reports import Job, Outcome


WIDE = 120  # columns of what is no terminal
PREVIEW = "preview"  # what the pictures for `--preview` are called among the views


class Printer:
    """Prints outcomes as they come."""

    def __init__(
        self, counts: "Counts", *, json: bool, quiet: bool, detailed: bool, names: bool, values: bool = False
    ) -> None:
        """`counts` gets every outcome, and `advance` is called behind it. `detailed`: one picture, whose report is
        worth a table; `names`: those of outputs go to stdout; `values`: the numbers themselves do.
        """
        self.json, self.quiet, self.detailed, self.names, self.values = json, quiet, detailed, names, values
        self.counts, self.advance = counts, _stand_still

    def planned(self, job: "Job") -> None:
        """A pair of `--dry-run`."""
        facts = {"status": "planned", "input": job.name, "output": job.target_name}
        print(to_json(facts) if self.json else f"{escaped(job.name)} -> {escaped(job.target_name)}")

    def show(self, outcome: "Outcome") -> None:
        """One outcome: its lines of JSON, or the output's path; for people the report or the error; then it counts."""
        self._print(outcome)
        self.counts.add(outcome)
        self.advance()

    def _print(self, outcome: "Outcome") -> None:
        if self.json:
            for line in outcome_lines(outcome, printed=self.values):
                print(line, flush=True)
        if outcome.error is not None:
            say(outcome.error)
            return
        if self.values and not self.json:
            self._print_matrices(outcome, sys.stdout)
        if self.quiet or outcome.before:
            return

        for note in outcome.notes:
            if self.detailed or not note.endswith(IN_RECORDS):
                say(f"{outcome.job.name}: {note}")
        if not self.json and self.names:
            print(escaped(outcome.job.target_name), flush=True)
        if self.detailed and outcome.reports:
            self._table(outcome)

    def _print_matrices(self, outcome: "Outcome", stream: TextIO) -> None:
        """The values before and after, if they are worth it."""
        if outcome.matrices is None:
            return
        from shutil import get_terminal_size

        from poolcli.reports.terminal import MARKS, matrix_lines

        try:
            "".join(MARKS).encode(stream.encoding or "ascii")
            ascii_only = False
        except UnicodeError:
            ascii_only = True
        width = get_terminal_size().columns if stream.isatty() else WIDE
        print(*matrix_lines(outcome.matrices, width, ascii_only=ascii_only), sep="\n", file=stream, flush=True)

    def _table(self, outcome: "Outcome") -> None:
        if not self.values and outcome.matrices is not None:
            self._print_matrices(outcome, sys.stderr)
            print(file=sys.stderr)
        from poolcli.reports.terminal import ascii_lines, print_report

        if not sys.stderr.isatty():
            for report in outcome.reports:
                print(*ascii_lines(report), sep="\n", file=sys.stderr)
            return
        from rich.console import Console

        console = Console(stderr=True, highlight=False)
        for report in outcome.reports:
            print_report(console, report)
        for view in outcome.views.get(PREVIEW, ())[:1]:
            from poolcli.reports.terminal import print_preview

            print_preview(console, view)


def say(text: str, *, lines: bool = False) -> None:
    """One line for people, or several `lines`, on stderr; what stderr does not take is dropped."""
    shown = "\n".join(map(escaped, text.split("\n"))) if lines else escaped(text)
    with suppress(OSError):
        print(f"poolcli: {shown}", file=sys.stderr, flush=True)


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns without a frame; the last one wraps."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads[:-1]:
        table.add_column(Text(head), no_wrap=True)
    table.add_column(Text(heads[-1]))
    for row in rows:
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)


def print_objects(objects: Iterable[dict[str, Any]]) -> None:
    """One JSON object a line."""
    for value in objects:
        print(to_json(value))


# What a count of each kind of failure is called.
KINDS = {
    "input": "cannot be listed",
    "picture": "cannot be read or pooled",
    "output": "not written",
    "memory": "too large",
    "timeout": "too slow",
    "crash": "crashed",
    "unexpected": "unexpected",
}


class Counts:
    """Counts of outcomes out of `total`, since it was made; of the tiles of a pyramid, as `what`."""

    def __init__(self, total: int, what: str = "pictures", clock: Callable[[], float] | None = None) -> None:
        """`clock` gives seconds."""
        clock = clock or time.monotonic
        self.total, self.what, self._clock, self._began = total, what, clock, clock()
        self.done = self.before = self.pixels = 0
        self.failures: Counter[str] = Counter()

    def add(self, outcome: "Outcome") -> None:
        """One more."""
        self.pixels += outcome.pixels
        if outcome.error is not None:
            self.failures[outcome.kind or "error"] += 1
        elif outcome.before:
            self.before += 1
        else:
            self.done += 1

    @property
    def failed(self) -> int:
        """How many failed."""
        return self.failures.total()

    @property
    def finished(self) -> int:
        """How many are behind us."""
        return self.done + self.before + self.failed

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self._clock() - self._began

    @property
    def speed(self) -> str:
        """`12.3 megapixels/s`, of what was read."""
        return f"{self.pixels / 1e6 / max(self.seconds, 1e-6):.3g} megapixels/s"

    @property
    def left(self) -> float | None:
        """Seconds to go, if the rest goes as what was done in this run; None while that is unknown."""
        worked = self.done + self.failed
        return self.seconds / worked * (self.total - self.finished) if worked else None

    def line(self) -> str:
        """A line on the way."""
        failed = f", {self.failed} failed" if self.failed else ""
        left = "" if self.left is None else f", about {spell(self.left)} left"
        return f"{self.finished} of {self.total} {self.what}{failed}, {self.speed}{left}"

    def summary(self) -> str:
        """The last line."""
        before = f", {self.before} done before" if self.before else ""
        kinds = ", ".join(f"{count} {KINDS.get(kind, kind)}" for kind, count in sorted(self.failures.items()))
        failed = f", {self.failed} failed ({kinds})" if self.failed else ""
        pace = f" in {spell(self.seconds)}" + (f", {self.speed}" if self.done else "")
        return f"{self.done} of {self.total} pictures pooled{before}{failed}{pace}"


def spell(seconds: float) -> str:
    """A time to read.

    >>> spell(0.0042), spell(0.26), spell(75), spell(7384)
    ('0.004 s', '0.3 s', '1 min 15 s', '2 h 3 min')
    """
    if seconds < 0.1:
        return f"{seconds:.1g} s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


EVERY = 30.0  # seconds between two lines


def _stand_still() -> None:
    """The progress of what is too small, or quiet, to have any."""


@contextmanager
def progress(counts: Counts, *, quiet: bool) -> Iterator[Callable[[], None]]:
    """Give a function to call after every outcome."""
    if quiet or counts.total < 2:
        yield _stand_still
    elif sys.stderr.isatty():
        with _bar(counts) as advance:
            yield advance
    else:
        yield _lines(counts)


def _lines(counts: Counts) -> Callable[[], None]:
    following = counts.seconds + EVERY

    def advance() -> None:
        nonlocal following
        if counts.seconds >= following and counts.finished < counts.total:
            following = counts.seconds + EVERY
            say(counts.line())

    return advance


@contextmanager
def _bar(counts: Counts) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TextColumn("[red]{task.fields[failed]}"),
        TimeRemainingColumn(),
    )
    # What goes to stdout is left alone, unless it goes to the same terminal: then it is put above the bar.
    bar = Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty(), expand=True
    )
    with bar:
        task = bar.add_task("", total=counts.total, speed="", failed="")

        def advance() -> None:
            failed = f"{counts.failed} failed" if counts.failed else ""
            bar.update(task, total=counts.total, completed=counts.finished, speed=counts.speed, failed=failed)

        yield advance
