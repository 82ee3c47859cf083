"""The shift report as a table for people, 80 columns wide."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from poolcli.report.verdict import percent, title, verdict
from poolcli.shift.record import ShiftReport, ShiftRow, Side

NOTHING = "-"


def print_report(console: Console, report: ShiftReport) -> None:
    """A row for every shift, then the verdict on the worst in plain words."""
    table = Table(title=Text(title(report)), title_justify="left", title_style="bold", expand=False)
    table.add_column("shift")
    for name in ("changed before", "changed after", "absorbed", "gain", "residual", "aligned"):
        table.add_column(name, justify="right")
    for row in report.shifts:
        table.add_row(*_cells(row))
    console.print(table)
    worst = report.summary.worst
    for row in report.shifts:
        if (row.dx, row.dy) == (worst.dx, worst.dy):
            console.print(Text(verdict(row)))
            break


def _cells(row: ShiftRow) -> Iterable[str]:
    yield f"{row.dx},{row.dy}"
    yield _changed(row.raw)
    yield _changed(row.pooled)
    yield NOTHING if row.absorbed is None else percent(row.absorbed)
    yield figure(row.gain)
    yield figure(row.residual)
    yield NOTHING if row.aligned is None else percent(row.aligned.fraction)


def _changed(side: Side) -> str:
    return f"{side.changed} / {side.pixels}"


def figure(value: float | None) -> str:
    """A figure to three digits, or a dash where there is none."""
    return NOTHING if value is None else f"{value:.3g}"
