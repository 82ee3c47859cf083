"""The table of forms in which a report is written, one row a form. No NumPy: a wrong name is told at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from poolcli.errors import UsageError, missing, unknown
from poolcli.shift.record import SIDE_MARK
from poolcli.stores import Place

if TYPE_CHECKING:
    from poolcli.report import Outcome
    from poolcli.visualize import Sizes

RUN_NAME = "shift-report"
FEW = 100  # pictures of a run that are all shown large


@dataclass(frozen=True, slots=True)
class Form:
    """One form. `writer` names a function as module:function of this room.

    A form of a picture (`of_run` False) is written beside every output, by the worker: `writer(path, outcome)`. A form
    of a run is one file: `writer(path)` is a context that gives a function to call with every outcome; the file
    appears when the context ends well. `package` is what the extra of the form's name brings, `looks` the sizes (of
    `poolcli.visualize`) of the pictures that it shows, in a run of one picture, of few and of more.
    """

    name: str
    writer: str
    what: str
    of_run: bool = False
    package: str | None = None
    looks: tuple[str, str, str] | None = None

    @property
    def extension(self) -> str:
        """What stands after the output's name."""
        return f"{SIDE_MARK}.{self.name}"

    def load(self) -> Callable[..., object]:
        """The writer."""
        module, function = self.writer.split(":")
        found: Callable[..., object] = getattr(import_module(f"poolcli.report.{module}"), function)
        return found


FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (
        Form("json", "json_form:write_side_file", "an object beside every output"),
        Form("jsonl", "json_form:write_lines_file", "a line a picture", of_run=True),
        Form("png", "sheet_form:write_sheet", "a contact sheet beside every output", looks=("SHEET", "SHEET", "SHEET")),
        Form(
            "html",
            "html_form:write_page",
            "a page to look at",
            of_run=True,
            package="jinja2",
            looks=("ONE_PAGE", "PAGE", "LONG_PAGE"),
        ),
        Form("csv", "csv_form:write_table", "a row a shift, for spreadsheets", of_run=True),
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
        package = FORMS[name].package
        if package and find_spec(package) is None:
            raise missing(f"--report {name}", [package])


def side_extensions(names: Iterable[str]) -> dict[str, str]:
    """Of these forms, those beside every output, with what their names end in."""
    return {name: FORMS[name].extension for name in names if not FORMS[name].of_run}


def run_extensions(names: Iterable[str]) -> dict[str, str]:
    """Of these forms, those of a run, with what their names end in beside the output of a single picture."""
    return {name: FORMS[name].extension for name in names if FORMS[name].of_run}


def run_paths(names: Iterable[str], folder: Place) -> dict[str, Place]:
    """Of these forms, those of a run, with their files in `folder`."""
    return {name: folder / f"{RUN_NAME}.{name}" for name in names if FORMS[name].of_run}


def looks_of(names: Iterable[str], *, pictures: int) -> "dict[str, Sizes]":
    """Of these forms, those that show pictures, with the sizes of these: smaller when there are many pictures."""
    wanted = {name: FORMS[name].looks for name in names if FORMS[name].looks}
    if not wanted:
        return {}
    from poolcli import visualize

    return {
        name: getattr(visualize, sizes[(pictures > 1) + (pictures > FEW)]) for name, sizes in wanted.items() if sizes
    }


def form_of(path: Place) -> Form:
    """The form that the extension of a file stands for; UsageError where it is none, or its extra is not installed."""
    name = path.suffix.lower().removeprefix(".")
    if name not in FORMS:
        allowed = ", ".join(f".{form}" for form in FORMS)
        raise UsageError(f"'{path}' is no form of a report: the extensions {allowed} are allowed")
    check_forms([name])
    return FORMS[name]


def write_sides(sides: Mapping[str, Place], outcome: "Outcome") -> None:
    """Write the forms beside one output; OutputError when that cannot be."""
    for name, path in sides.items():
        FORMS[name].load()(path, outcome)


class _NothingMeasured(Exception):  # noqa: N818 (no error: it ends the contexts of the forms without their files)
    pass


@contextmanager
def run_reports(paths: Mapping[str, Place]) -> Iterator[Callable[["Outcome"], None]]:
    """Give a function to call with every outcome; the files of the run appear when the block ends well.

    Unless nothing was measured: an empty report would tell nobody anything, and be in the way of the next run.
    """
    measured = False
    with suppress(_NothingMeasured), ExitStack() as stack:
        adders = []
        for name, path in paths.items():
            context = FORMS[name].load()(path)
            assert isinstance(context, AbstractContextManager)
            adders.append(stack.enter_context(context))

        def add(outcome: "Outcome") -> None:
            nonlocal measured
            measured = measured or bool(outcome.reports)
            for adder in adders:
                adder(outcome)

        yield add
        if not measured:
            raise _NothingMeasured
