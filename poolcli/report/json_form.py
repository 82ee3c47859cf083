"""Outcomes and reports as JSON: one line each on stdout, a side file beside an output, a file for a whole run."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING, Any, BinaryIO

from poolcli.report.spool import spooled
from poolcli.shift.record import ShiftReport
from poolcli.stores import Place, publish

if TYPE_CHECKING:  # NumPy comes with it, and lists of modes need none
    from poolcli.ops.arrays import Array
    from poolcli.report import Job, Outcome


def outcome_lines(outcome: "Outcome", *, printed: bool = False) -> Iterator[str]:
    """The lines of `--json`: one for a picture, one a frame for a picture of several.

    `printed`: there is no output but the values, which are in the line.
    """
    job = outcome.job
    if outcome.error is not None:
        yield to_json({"status": "failed", "input": job.name, "error": outcome.error, "kind": outcome.kind})
        return
    status = "skipped" if outcome.before else "ok"
    for report in outcome.reports or (None,):
        facts: dict[str, Any] = {"status": status, "input": job.name, "output": None if printed else job.target_name}
        if printed and outcome.grids:
            facts["values"] = {"input": _lists(outcome.grids.input), "output": _lists(outcome.grids.output)}
        if outcome.notes:
            facts["notes"] = list(outcome.notes)
        yield to_json({**facts, "report": report.to_dict() if report else None})


def _lists(values: "Array") -> list[list[int | float | str]]:
    """Rows of numbers; those that JSON has none for as text: nan, inf, -inf."""
    return [[value if isfinite(value) else str(value) for value in row] for row in values.tolist()]


def planned_line(job: "Job") -> str:
    """The line of `--dry-run --json`."""
    return to_json({"status": "planned", "input": job.name, "output": job.target_name})


def to_json(value: object) -> str:
    """JSON on one line, in valid UTF-8: of a name that is none, `os.fsencode` of the parsed text opens the file.

    >>> to_json("한\\udcff")
    '"한\\\\udcff"'
    """
    return _encodable(json.dumps(value, ensure_ascii=False, allow_nan=False))


def _encodable(text: str) -> str:
    """JSON whose lone surrogates, as which Python holds bytes that are no text, are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def write_side_file(path: Place, outcome: "Outcome") -> None:
    """The report beside one output: an object, or an array of them for a picture of several frames."""
    forms = [report.to_dict() for report in outcome.reports]
    text = json.dumps(forms[0] if len(forms) == 1 else forms, ensure_ascii=False, allow_nan=False, indent=2)
    with publish(path) as stream:
        stream.write(_encodable(text).encode() + b"\n")


@contextmanager
def write_lines_file(path: Place) -> "Iterator[Callable[[Outcome], None]]":
    """JSON Lines in `path`, a line a picture (a frame), as the outcomes come."""
    with spooled(path) as stream:
        yield lambda outcome: write_lines(stream, outcome.reports)


def write_lines(stream: BinaryIO, reports: tuple[ShiftReport, ...]) -> None:
    """A line a report."""
    for report in reports:
        stream.write(to_json(report.to_dict()).encode() + b"\n")
