"""The shift report as a table for people, 80 columns wide: drawn by rich on a terminal, in plain lines elsewhere."""

from collections.abc import Iterator
from textwrap import wrap
from typing import TYPE_CHECKING

from poolcli.report.figures import row_figures
from poolcli.report.verdict import WIDTH, brief, title, worst_row
from poolcli.shift.record import GIVEN, ShiftReport

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("changed before", "changed after", "absorbed", "gain", "residual", "aligned")
WORST = "*"  # marks the row of several that the verdict is on


def print_report(console: "Console", report: ShiftReport) -> None:
    """A row for every shift, then the verdict on the worst in one line."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    console.print(Text(_heading(report), style="bold"))
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("shift", no_wrap=True)
    for column in COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    for row in _rows(report):
        table.add_row(*row)
    console.print(table)
    console.print(Text(_verdict(report)))


def plain_lines(report: ShiftReport) -> Iterator[str]:
    """The same without rich, which takes longer to load than a small picture to be pooled."""
    table = [("shift", *COLUMNS), *_rows(report)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    yield from wrap(_heading(report), WIDTH)
    yield ""
    for number, (first, *rest) in enumerate(table):
        cells = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        yield "  ".join((first.ljust(widths[0]), *cells))
        if number == 0:
            yield "-" * (sum(widths) + 2 * len(COLUMNS))
    yield ""
    yield _verdict(report)


def _heading(report: ShiftReport) -> str:
    return title(report) + (f", frame {report.input.frame}" if report.input.frame else "")


def _rows(report: ShiftReport) -> Iterator[tuple[str, ...]]:
    marked = worst_row(report) if len(report.shifts) > 1 else None
    for row in report.shifts:
        shift = GIVEN if row.edge == GIVEN else f"{row.dx},{row.dy}"
        yield f"{shift} {WORST}" if row is marked else shift, *row_figures(row)


def _verdict(report: ShiftReport) -> str:
    return brief(worst_row(report), f"{WORST} " if len(report.shifts) > 1 else "")
