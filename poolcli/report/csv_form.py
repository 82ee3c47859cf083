"""The report as a table for spreadsheets: a row a shift, the names of the JSON fields joined by dots."""

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any

from poolcli.report import Outcome
from poolcli.report.spool import spooled
from poolcli.shift.record import Aligned, ShiftReport, ShiftRow, Side, names_of
from poolcli.stores import Place

_SIDES = {"raw": Side, "dense": Side, "pooled": Side, "written": Side, "aligned": Aligned}
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
_PICTURES = (
    "input.path", "input.frame", "input.mode", "input.width", "input.height",
    "output.path", "output.mode", "output.width", "output.height", "layers",
)  # fmt: skip


def columns() -> tuple[str, ...]:
    """The names of the columns, in order."""
    figures: list[str] = []
    for name in names_of(ShiftRow):
        figures += [f"{name}.{part}" for part in names_of(_SIDES[name])] if name in _SIDES else [name]
    return (*_PICTURES, *figures)


@contextmanager
def write_table(path: Place) -> Iterator[Callable[[Outcome], None]]:
    """A table in `path`, whose rows come with the outcomes."""
    with spooled(path) as stream:
        text = TextIOWrapper(stream, "utf-8", errors="replace", newline="", write_through=True)
        writer = csv.DictWriter(text, columns(), restval="")
        writer.writeheader()

        def add(outcome: Outcome) -> None:
            for report in outcome.reports:
                writer.writerows({name: neutral(cell) for name, cell in row.items()} for row in table_rows(report))

        yield add
        text.detach()


def neutral(cell: object) -> object:
    """A cell as text for a spreadsheet, which reckons with what begins like a formula; a number stays one.

    >>> neutral("=1+1"), neutral(-1), neutral("a=1")
    ("'=1+1", -1, 'a=1')
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULAS) else cell


def table_rows(report: ShiftReport) -> Iterator[dict[str, Any]]:
    """A row a shift; what is null in JSON is empty."""
    facts = {"layers": report.layers, "input.frame": report.input.frame}
    for name, side in (("input", report.input), ("output", report.output)):
        facts |= {f"{name}.path": side.path, f"{name}.mode": side.mode}
        facts |= {f"{name}.width": side.size[0], f"{name}.height": side.size[1]}
    for row in report.shifts:
        yield {**facts, **dict(_flat(row.to_dict()))}


def _flat(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if name not in _SIDES:
            yield name, value
        elif value is not None:
            yield from ((f"{name}.{part}", figure) for part, figure in value.items())
