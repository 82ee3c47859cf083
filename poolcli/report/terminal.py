"""The shift report as a table for people, 80 columns wide."""

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from poolcli.report.figures import changed, figure, share
from poolcli.report.verdict import title, verdict, worst_row
from poolcli.shift.record import ShiftReport, ShiftRow

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
    yield changed(row.raw)
    yield changed(row.pooled)
    yield share(row.absorbed)
    yield figure(row.gain)
    yield figure(row.residual)
    yield share(row.aligned.fraction if row.aligned else None)
