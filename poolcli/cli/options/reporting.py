"""The options of the shift report: what is measured, and in which forms it is told."""

from dataclasses import dataclass
from typing import Annotated

from poolcli.cli.options.change import ShiftEdge, Tolerance
from poolcli.cli.words import Option
from poolcli.errors import UsageError
from poolcli.report.forms import FORMS, check_forms
from poolcli.shift.record import Shifting

_FORMS = "; ".join(f"{form.name}: {form.what}" for form in FORMS.values())


@dataclass(frozen=True, slots=True)
class Reporting:
    """The shift report."""

    shift: Annotated[
        list[str] | None,
        Option("--shift", metavar="DX,DY", help="Shift DX,DY to measure, -1,0 if not given; may be repeated."),
    ] = None
    shift_edge: ShiftEdge = "replicate"
    tolerance: Tolerance = 0
    report: Annotated[
        list[str] | None,
        Option(
            "--report",
            metavar="FORM",
            help=f"A form of the report, may be repeated. {_FORMS}. Folders: jsonl, else json.",
        ),
    ] = None
    preview: Annotated[
        bool, Option("--preview", help="Show a single picture, its output and what changes, on a colour terminal.")
    ] = False
    no_report: Annotated[bool, Option("--no-report", help="Measure nothing, write no report.")] = False

    def check(self) -> None:
        """UsageError for an unknown name or a number that cannot be."""
        self.shifting()
        check_forms(self.report or ())
        if self.report and self.no_report:
            raise UsageError("--report and --no-report contradict each other: give one of them")
        if self.preview and self.no_report:
            raise UsageError("--preview shows what the report measures: leave out --no-report")

    def forms(self, *, in_folder: bool) -> tuple[str, ...]:
        """The forms asked for, without repeats; or what a folder, or a single picture, usually gets."""
        if self.no_report:
            return ()
        return tuple(dict.fromkeys(self.report or (["jsonl"] if in_folder else ["json"])))

    def shifting(self) -> Shifting:
        """What is measured."""
        return Shifting(tuple(map(_shift, self.shift or ["-1,0"])), self.shift_edge, self.tolerance)


def _shift(text: str) -> tuple[int, int]:
    try:
        dx, dy = (int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"shift '{text}' is not DX,DY: two whole numbers are allowed, as in -1,0") from None
    return dx, dy
