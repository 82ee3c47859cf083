"""The results: a table for people, JSON for machines, Markdown for the README beside this file."""

import platform
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.bench.lines import OURS, SUBJECTS, Result, Verdict, tried
from tests.bench.timing import CPU

MARKS = ("<!-- tables: begin -->", "<!-- tables: end -->")
HEAD = ("| what | poolcli | against | its time | ratio | at most | reached |", "|---|---|---|---|---|---|---|")
WORDS = {True: "yes", False: "NO", None: "peer missing"}


def show(console: Console, results: Sequence[Result], absent: Sequence[str]) -> None:
    """Print a row for every target, and below it what each call took."""
    table = Table("line", "against", "ratio", "target", "reached")
    for result in results:
        for verdict in result.verdicts:
            colour = {True: "green", False: "red", None: "yellow"}[verdict.reached]
            mark = f"[{colour}]{WORDS[verdict.reached]}[/]"
            table.add_row(result.line.name, _pair(verdict), _ratio(verdict), f"{verdict.target.most:.3g}", mark)
    console.print(table)
    for result in (result for result in results if result.times):
        times = ", ".join(f"{name} {1e3 * median(seconds):.4g} ms" for name, seconds in result.times.items())
        console.print(f"[bold]{result.line.name}[/] ({result.line.what}): {times}", highlight=False)
    if absent:
        console.print(f"[yellow]not installed, not compared: {', '.join(absent)}[/]")


def markdown(results: Sequence[Result]) -> str:
    """The tables of the README beside this file: one for each thing that users do."""
    tables = []
    for subject in SUBJECTS:
        rows = [row for result in results if result.line.subject == subject for row in _rows(result)]
        tables += [f"### {subject}", "", *(HEAD if rows else ("No line yet.",)), *rows, ""]
    verdicts = [verdict for result in results for verdict in result.verdicts]
    missed = sum(verdict.reached is False for verdict in verdicts)
    why = [line for result in results for line in _why(result)]
    return "\n".join([*tables, f"### Not reached: {missed} of {len(verdicts)}", "", *why, ""])


def _why(result: Result) -> list[str]:
    """A line of the list of what is not reached: by how much, and what was tried."""
    missed = [verdict for verdict in result.verdicts if verdict.reached is False]
    figures = ", ".join(f"{_ratio(each)} of {_pair(each)} and not {each.target.most:.3g}" for each in missed)
    return [f"- {result.line.what}: {figures}. {tried(result.line.name)}".rstrip()] if missed else []


def _rows(result: Result) -> list[str]:
    return [
        f"| {result.line.what} | {_time(result, verdict.target.ours)} | {_pair(verdict)} "
        f"| {_time(result, verdict.target.peer)} | {_ratio(verdict)} | {verdict.target.most:.3g} "
        f"| {WORDS[verdict.reached]} |"
        for verdict in result.verdicts
    ]


def _time(result: Result, name: str) -> str:
    """The median; a dash where the line is no time."""
    if name not in result.times:
        return "-"
    seconds = median(result.times[name])
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def filled(page: str, tables: str) -> str:
    """The page with these tables between its marks; the tables alone where it has none."""
    begin, end = MARKS
    if begin not in page or end not in page:
        return f"{tables}\n"
    return f"{page.partition(begin)[0]}{begin}\n\n{tables}\n{end}{page.partition(end)[2]}"


def _pair(verdict: Verdict) -> str:
    ours = verdict.target.ours
    return verdict.target.peer if ours in (OURS, OURS + CPU) else f"{ours} by {verdict.target.peer}"


def _ratio(verdict: Verdict) -> str:
    return "-" if verdict.ratio is None else f"{verdict.ratio:.3g}"


def as_json(results: Sequence[Result], absent: Sequence[str], curves: dict[str, Any]) -> dict[str, Any]:
    """Everything measured."""
    return {
        "machine": {"processor": platform.machine(), "python": platform.python_version(), "numpy": np.__version__},
        "missing": list(absent),
        "lines": [
            {
                "name": result.line.name,
                "what": result.line.what,
                "seconds": result.times,
                "targets": [
                    {
                        "ours": verdict.target.ours,
                        "peer": verdict.target.peer,
                        "most": verdict.target.most,
                        "ratio": verdict.ratio,
                        "reached": verdict.reached,
                    }
                    for verdict in result.verdicts
                ],
            }
            for result in results
        ],
        "curves": curves,
    }
