"""The table of report forms: JSON, JSON Lines, CSV, page and sheet."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from io import TextIOWrapper
from itertools import chain
from math import isfinite
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, BinaryIO

from poolcli.errors import UsageError, missing, unknown
from poolcli.records import dataclass
from poolcli.reports import Outcome
from poolcli.shift.record import SIDE_MARK, Aligned, ShiftReport, ShiftRow, Side, names_of, title
from poolcli.storage import Place, publish

if TYPE_CHECKING:
    from poolcli.ops.arrays import Array
    from poolcli.reports import Outcome
    from poolcli.visualize import Sizes


@contextmanager
def buffered(path: Place) -> Iterator[BinaryIO]:
    """Give a file to fill; copy it to `path` when the block ends well.

    Not the report's own file, so that what goes wrong meanwhile (a closed stdout) is no error of writing the report.
    """
    from shutil import copyfileobj
    from tempfile import TemporaryFile

    with TemporaryFile() as buffer:
        yield buffer
        buffer.seek(0)
        with publish(path) as stream:
            copyfileobj(buffer, stream)


def outcome_lines(outcome: Outcome, *, printed: bool = False) -> Iterator[str]:
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
        if printed and outcome.matrices:
            facts["values"] = {"input": _lists(outcome.matrices.input), "output": _lists(outcome.matrices.output)}
        if outcome.notes:
            facts["notes"] = list(outcome.notes)
        yield to_json({**facts, "report": report.to_dict() if report else None})


def _lists(values: "Array") -> list[list[int | float | str]]:
    """Rows of numbers; those that JSON has none for as text: nan, inf, -inf."""
    return [[value if isfinite(value) else str(value) for value in row] for row in values.tolist()]


def to_json(value: object) -> str:
    """JSON on one line, in valid UTF-8: of a name that is none, `os.fsencode` of the parsed text opens the file.

    >>> to_json("한\\udcff")
    '"한\\\\udcff"'
    """
    return _encoded(value).decode()


def _encoded(value: object, indent: int | None = None) -> bytes:
    """JSON whose lone surrogates, as which Python holds bytes that are no text, are escaped."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return text.encode("utf-8", "backslashreplace")


def write_side_file(path: Place, outcome: Outcome) -> None:
    """The report beside one output: an object, or an array of them for a picture of several frames."""
    forms = [report.to_dict() for report in outcome.reports]
    content = _encoded(forms[0] if len(forms) == 1 else forms, indent=2)
    with publish(path) as stream:
        stream.write(content + b"\n")


@contextmanager
def write_lines_file(path: Place) -> Iterator[Callable[[Outcome], None]]:
    """JSON Lines in `path`, a line a picture (a frame), as the outcomes come."""
    with buffered(path) as stream:
        yield lambda outcome: stream.writelines(_encoded(each.to_dict()) + b"\n" for each in outcome.reports)


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
    """A row a shift in `path`, as the outcomes come."""
    with csv_file(path, columns()) as add:
        yield lambda outcome: add(chain.from_iterable(map(table_rows, outcome.reports)))


@contextmanager
def csv_file(path: Place, columns: Sequence[str]) -> Iterator[Callable[[Iterable[Mapping[str, object]]], None]]:
    """Give what adds rows, as values by their columns, to the table in `path`; what a row lacks is empty."""
    import csv

    with buffered(path) as stream:
        text = TextIOWrapper(stream, "utf-8", errors="replace", newline="", write_through=True)
        writer = csv.DictWriter(text, columns, restval="")
        writer.writeheader()
        yield lambda rows: writer.writerows({name: neutral(cell) for name, cell in row.items()} for row in rows)
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


def write_sheet(path: Place, outcome: Outcome) -> None:
    """The contact sheet of the first frame, as a PNG."""
    if not outcome.views.get("png"):  # too large to be shown
        return
    from poolcli.images.sheet import draw_sheet
    from poolcli.reports.entries import entries_of, facts_of, title_of
    from poolcli.visualize import palette

    entry = next(entries_of(outcome, "png"))
    parts = [(panel.place if len(entry.panels) > 1 else "", panel.tiles) for panel in entry.panels]
    lines = [title(entry.report), ", ".join(facts_of(entry.report))]
    if len(outcome.reports) > 1:
        lines.append(f"frame 0 of {len(outcome.reports)}")
    picture = draw_sheet(title_of(outcome), lines, parts, entry.verdict, palette())
    with publish(path) as stream:
        stream.write(picture)


RUN_NAME = "shift-report"  # of the forms of a run of several pictures
FEW = 100  # pictures of a run that are all shown large


@dataclass(frozen=True, slots=True)
class Form:
    """One form. `writer` names a function as module:function of this room.

    A form of a picture (`of_run` False) is written beside every output, by the worker: `writer(path, outcome)`. A form
    of a run is one file: `writer(path)` is a context that gives a function to call with every outcome; the file
    appears when the context ends well. `ranking` is the writer of what `compare` finds, if the form has one: such a
    context, given the ranking too. `package` is what the extra of the form's name brings, `views` the sizes (of
    `poolcli.visualize`) of the pictures that it shows, in a run of one picture, of few and of more.
    """

    name: str
    writer: str
    what: str
    of_run: bool = False
    package: str | None = None
    views: tuple[str, str, str] | None = None
    ranking: str | None = None

    @property
    def extension(self) -> str:
        """What stands after the output's name."""
        return f"{SIDE_MARK}.{self.name}"


FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (
        Form("json", "forms:write_side_file", "an object beside every output", ranking="ranking:write_json"),
        Form("jsonl", "forms:write_lines_file", "a line a picture", of_run=True),
        Form("png", "forms:write_sheet", "a contact sheet beside every output", views=("SHEET", "SHEET", "SHEET")),
        Form(
            "html",
            "page:write_page",
            "an HTML page",
            of_run=True,
            package="jinja2",
            views=("ONE_PAGE", "PAGE", "LONG_PAGE"),
            ranking="page:write_ranking_page",
        ),
        Form("csv", "forms:write_table", "a row a shift, for spreadsheets", of_run=True, ranking="ranking:write_csv"),
    )
}


def check_forms(names: Iterable[str]) -> None:
    """UsageError for a name that is not in the table, or a form whose extra is not installed."""
    for name in names:
        if name not in FORMS:
            if "," in name:
                each = " ".join(f"--report {form}" for form in name.split(","))
                raise UsageError(f"--report '{name}' is several forms: write {each}")
            raise unknown("report", name, FORMS)
        check_package(FORMS[name], f"--report {name}")


def extensions(names: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """What names end in of these forms: of those beside every output, and of those of a run, with a single picture."""
    forms = [FORMS[name] for name in names]
    sides, of_run = ({form.name: form.extension for form in forms if form.of_run is each} for each in (False, True))
    return sides, of_run


def view_sizes(names: Iterable[str], *, pictures: int) -> "dict[str, Sizes]":
    """Of these forms, those that show pictures, with the sizes of these: smaller when there are many pictures."""
    sizes_of = {name: FORMS[name].views for name in names if FORMS[name].views}
    if not sizes_of:
        return {}
    from poolcli import visualize

    return {
        name: getattr(visualize, sizes[(pictures > 1) + (pictures > FEW)]) for name, sizes in sizes_of.items() if sizes
    }


def form_of(path: Place, *, ranking: bool = False) -> Form:
    """The form that the extension of a file stands for; UsageError where it is none, or its extra is not installed.

    `ranking`: of what `compare` finds.
    """
    forms = {f".{form.name}": form for form in FORMS.values() if form.ranking or not ranking}
    form = forms.get(path.suffix.lower())
    if form is None:
        what = "comparison" if ranking else "report"
        raise UsageError(f"'{path}' is no form of a {what}: the extensions {', '.join(forms)} are allowed")
    check_package(form, f"'{path}'")
    return form


def check_package(form: Form, what: str) -> None:
    """UsageError where the extra of a form is not installed."""
    if form.package and find_spec(form.package) is None:
        raise missing(what, [form.package])


def write_sides(sides: Mapping[str, Place], outcome: Outcome) -> None:
    """Write the forms beside one output; OutputError when that cannot be."""
    for name, path in sides.items():
        resolve_name(f"poolcli.reports.{FORMS[name].writer}")(path, outcome)


class NothingMeasured(Exception):  # noqa: N818 (no error)
    """Ends the contexts of forms without their files: an empty report would be in the way of the next run."""


@contextmanager
def run_reports(paths: Mapping[str, Place]) -> Iterator[Callable[[Outcome], None]]:
    """Give a function to call with every outcome; the files of the run appear when the block ends well.

    Unless nothing was measured.
    """
    measured = False
    with suppress(NothingMeasured), ExitStack() as stack:
        adders = []
        for name, path in paths.items():
            adders.append(stack.enter_context(resolve_name(f"poolcli.reports.{FORMS[name].writer}")(path)))

        def add(outcome: Outcome) -> None:
            nonlocal measured
            measured = measured or bool(outcome.reports)
            for adder in adders:
                adder(outcome)

        yield add
        if not measured:
            raise NothingMeasured
