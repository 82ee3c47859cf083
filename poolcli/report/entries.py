"""What a page says of one picture: words, figures and pictures, ready for the templates."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from poolcli.report import Outcome
from poolcli.report.figures import direction, figure, row_figures, share
from poolcli.report.panels import Shown, place, six
from poolcli.report.verdict import GOOD, judgement, verdict, worst_row
from poolcli.shift.record import GIVEN, ShiftReport, ShiftRow
from poolcli.visualize import Look

SIDE = 320


class Line(NamedTuple):
    """Where the rendered rows of an entry lie (start, bytes without and with pictures), and what orders them."""

    start: int
    short: int
    full: int
    absorbed: float | None
    gain: float | None
    residual: float | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table of pictures; `less`: left out on small screens."""

    name: str
    written: Callable[[float | None], str]
    less: bool = False
    sorted: bool = False


COLUMNS = (
    Column("changed", share, less=True),
    Column("after", share, less=True),
    Column("absorbed", share),
    Column("gain", figure),
    Column("residual", figure, sorted=True),
    Column("aligned", figure, less=True),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure in its column."""

    column: Column
    value: float | None

    @property
    def text(self) -> str:
        """As it is read."""
        return self.column.written(self.value)


@dataclass(frozen=True, slots=True)
class PanelView:
    """Six tiles, and which part of the picture they show (empty: all of it); `smooth`: too large to see its pixels."""

    place: str
    smooth: bool
    tiles: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture, or one frame of it."""

    report: ShiftReport
    look: Look | None
    panels: tuple[PanelView, ...]
    file: str

    @property
    def name(self) -> str:
        """The file, and which frame of it."""
        frame = f" (frame {self.report.input.frame})" if self.report.input.frame else ""
        return self.file + frame

    @property
    def row(self) -> ShiftRow:
        """The worst shift."""
        return worst_row(self.report)

    @property
    def sizes(self) -> str:
        """From which size to which."""
        (w, h), (ow, oh) = self.report.input.size, self.report.output.size
        return f"{w} x {h} \N{RIGHTWARDS ARROW} {ow} x {oh}"

    @property
    def verdict(self) -> str:
        """In plain words."""
        return verdict(self.row)

    @property
    def word(self) -> str:
        """In a few words."""
        return judgement(self.row)

    @property
    def gained(self) -> bool:
        """Whether the layers help."""
        return self.word == GOOD

    @property
    def figures(self) -> tuple[float | None, float | None, float | None]:
        """absorbed, gain and residual, over all shifts."""
        summary = self.report.summary
        return summary.absorbed, summary.gain, summary.residual

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The figures of the table, column by column."""
        absorbed, gain, residual = self.figures
        row = self.row
        aligned = row.aligned.residual if row.aligned else None
        values = row.raw.fraction, row.pooled.fraction, absorbed, gain, residual, aligned
        return tuple(Cell(column, value) for column, value in zip(COLUMNS, values, strict=True))

    @property
    def shifts(self) -> list[tuple[ShiftRow, tuple[str, ...]]]:
        """A line of figures for every shift."""
        return [(row, row_figures(row)) for row in self.report.shifts]

    @property
    def whole(self) -> list[PanelView]:
        """The pictures that are no part of one."""
        return [panel for panel in self.panels if panel.smooth]

    @property
    def other(self) -> str:
        """What the other picture is called."""
        return "the other picture" if self.row.edge == GIVEN else "the moved picture"

    @property
    def thumbnail(self) -> bytes | None:
        """A small picture."""
        return self.look.thumbnail if self.look else None

    @property
    def marked(self) -> bool:
        """Whether surviving pixels are marked."""
        return any(tile.marks for panel in self.panels for tile in panel.tiles)


def entries_of(outcome: Outcome, form: str) -> Iterator[Entry]:
    """An entry for every report of an outcome; the first frames with pictures."""
    looks = outcome.looks.get(form, ())
    for index, report in enumerate(outcome.reports):
        look = looks[index] if index < len(looks) else None
        yield Entry(report, look, tuple(_panels(report, look)) if look else (), title_of(outcome))


def title_of(outcome: Outcome) -> str:
    """The picture, or both where two are given."""
    given = any(report.shifts[0].edge == GIVEN for report in outcome.reports)
    return f"{outcome.job.name} and {outcome.job.target_name}" if given else outcome.job.name


def _panels(report: ShiftReport, look: Look) -> Iterator[PanelView]:
    row = worst_row(report)
    for panel in filter(None, (look.whole, look.part)):
        everything = panel is look.part and panel.region[2:] == report.input.size
        where = "" if everything else place(panel, look)
        yield PanelView(where, panel is look.whole, tuple(six(panel, look, report, row, SIDE)))


def facts_of(report: ShiftReport) -> tuple[str, ...]:
    """What is the same for all pictures of a run: the shifts and the edge."""
    if report.shifts[0].edge == GIVEN:
        return ("two given pictures",)
    shifts = [direction(row.dx, row.dy) for row in report.shifts]
    shown = ", ".join(shifts[:4]) + (f" and {len(shifts) - 4} more" if len(shifts) > 4 else "")
    return f"moved {shown}", f"edge: {report.shifts[0].edge}"
