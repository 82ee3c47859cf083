"""What a run tells: results on stdout, everything for people on stderr."""

import sys
from contextlib import suppress
from shutil import get_terminal_size
from typing import TYPE_CHECKING, TextIO

from poolcli.errors import escaped
from poolcli.report.json_form import outcome_lines, planned_line

WIDE = 120  # columns of what is no terminal
PREVIEW = "preview"  # what the pictures for `--preview` are called among the looks

if TYPE_CHECKING:
    from poolcli.report import Job, Outcome


class Printer:
    """Prints outcomes as they come."""

    def __init__(self, *, json: bool, quiet: bool, detailed: bool, names: bool, values: bool = False) -> None:
        """`detailed`: one picture, whose report is worth a table; `names`: those of outputs go to stdout; `values`: the
        numbers themselves do.
        """
        self.json, self.quiet, self.detailed, self.names, self.values = json, quiet, detailed, names, values

    def planned(self, job: "Job") -> None:
        """A pair of `--dry-run`."""
        print(planned_line(job) if self.json else f"{escaped(job.name)} -> {escaped(job.target_name)}")

    def show(self, outcome: "Outcome") -> None:
        """One outcome: its lines of JSON, or the output's path; for people the report or the error."""
        if self.json:
            for line in outcome_lines(outcome, printed=self.values):
                print(line, flush=True)
        if outcome.error is not None:
            say(outcome.error)
            return
        if self.values and not self.json:
            self._print_grids(outcome, sys.stdout)
        if self.quiet or outcome.before:
            return
        for note in outcome.notes:
            say(f"{outcome.job.name}: {note}")
        if not self.json and self.names:
            print(escaped(outcome.job.target_name), flush=True)
        if self.detailed and outcome.reports:
            self._table(outcome)

    def _print_grids(self, outcome: "Outcome", stream: TextIO) -> None:
        """The values before and after, if they are worth it."""
        if outcome.grids is None:
            return
        from poolcli.report.terminal import MARKS, grid_lines

        try:
            "".join(MARKS).encode(stream.encoding or "ascii")
            plain = False
        except UnicodeError:
            plain = True
        width = get_terminal_size().columns if stream.isatty() else WIDE
        print(*grid_lines(outcome.grids, width, plain=plain), sep="\n", file=stream, flush=True)

    def _table(self, outcome: "Outcome") -> None:
        if not self.values and outcome.grids is not None:
            self._print_grids(outcome, sys.stderr)
            print(file=sys.stderr)
        from poolcli.report.terminal import plain_lines, print_report

        if not sys.stderr.isatty():
            for report in outcome.reports:
                print(*plain_lines(report), sep="\n", file=sys.stderr)
            return
        from rich.console import Console

        console = Console(stderr=True, highlight=False)
        for report in outcome.reports:
            print_report(console, report)
        for look in outcome.looks.get(PREVIEW, ())[:1]:
            from poolcli.report.preview import print_preview

            print_preview(console, look)


def say(text: str, *, lines: bool = False) -> None:
    """One line for people, or several `lines`, on stderr; where stderr takes nothing more there is nobody to tell."""
    shown = "\n".join(map(escaped, text.split("\n"))) if lines else escaped(text)
    with suppress(OSError):
        print(f"poolcli: {shown}", file=sys.stderr, flush=True)
