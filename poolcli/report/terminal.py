"""The shift report as a table for people, 80 columns wide."""

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from poolcli.report.verdict import percent, title, verdict, worst_row
from poolcli.shift.record import ShiftReport, ShiftRow, Side

NOTHING = "-"
EXACT = 100_000  # from here on a count is told in thousands or millions, or the table would not fit

COLUMNS = ("changed before", "changed after", "absorbed", "gain", "residual", "aligned")


def print_report(console: Console, report: ShiftReport) -> None:
    """A row for every shift, then the verdict on the worst in plain words."""
    name = f", frame {report.input.frame}" if report.input.frame else ""
    console.print(Text(title(report) + name, style="bold"))
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("shift", no_wrap=True)
    for column in COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    for row in report.shifts:
        table.add_row(*_cells(row))
    console.print(table)
    console.print(Text(verdict(worst_row(report))))


def _cells(row: ShiftRow) -> Iterable[str]:
    yield f"{row.dx},{row.dy}"
    yield _changed(row.raw)
    yield _changed(row.pooled)
    yield NOTHING if row.absorbed is None else percent(row.absorbed)
    yield figure(row.gain)
    yield figure(row.residual)
    yield NOTHING if row.aligned is None else percent(row.aligned.fraction)


def _changed(side: Side) -> str:
    return f"{count(side.changed)} ({percent(side.fraction)})"


def count(number: int) -> str:
    """A number of pixels, the exact one being in the JSON.

    >>> count(25795), count(102724), count(11482113)
    ('25,795', '103 k', '11.5 M')
    """
    if number < EXACT:
        return f"{number:,}"
    return f"{number / 1e3:.0f} k" if number < 1e6 else f"{number / 1e6:.1f} M"


def figure(value: float | None) -> str:
    """A figure to three digits, or a dash where there is none."""
    return NOTHING if value is None else f"{value:.3g}"
