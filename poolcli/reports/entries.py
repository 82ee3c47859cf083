"""What a report shows of a picture, whatever its form: figures, verdict, panels."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field
from functools import partial
from math import floor
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from poolcli.images.sheet import PANEL, Tile
from poolcli.records import dataclass
from poolcli.reports import Outcome
from poolcli.shift.record import (
    GIVEN,
    GOOD,
    ShiftReport,
    ShiftRow,
    Side,
    direction,
    figure,
    judgement,
    percent,
    row_figures,
    share,
    verdict,
    worst_row,
)

if TYPE_CHECKING:
    from poolcli.visualize import Panel, View


def six(panel: "Panel", view: "View", report: ShiftReport, row: ShiftRow) -> Iterator[Tile]:
    """The six pictures of a panel: before, moved, their change; the same after the layers.

    The part of a picture gets no figures of the whole.
    """
    given = row.edge == GIVEN
    moved = "The other picture" if given else f"Picture moved {direction(row.dx, row.dy)}"
    moved_output = f"Output of the {'other' if given else 'moved'} picture"
    is_part = _is_crop(panel, view, row)
    (large, inset), (small, output_inset), room = enlarged(panel, PANEL)
    (w, h), (ow, oh) = report.input.size, report.output.size
    peaks = [figure(peak) for peak in view.peaks] if view.peaks else [None, None]
    sizes = f"{w} x {h} pixels", f"{ow} x {oh} pixels"
    if is_part or row.edge == "crop":
        some = "A crop" if is_part else "What both have"
        sizes = f"{some} of {sizes[0]}", f"{some} of {sizes[1]}"
    counts = ("", "") if is_part else (counted(row.raw), counted(row.pooled))
    dots = "Dots: the pixels that survive the pooling" if panel.marks else sizes[0]
    picture = partial(Tile, size=large, at=inset, room=room)
    output = partial(Tile, size=small, at=output_inset, room=room)
    yield picture("still", panel.still, heading="Picture", caption=dots, marks=panel.marks)
    yield picture("moved", panel.moved, heading=moved, caption=sizes[0])
    yield picture("before", panel.before, heading="Where it changes", caption=counts[0], peak=peaks[0])
    yield output("pooled", panel.pooled, heading="Output", caption=sizes[1])
    yield output("pooled-moved", panel.pooled_moved, heading=moved_output, caption=sizes[1])
    yield output("after", panel.after, heading="Where the output changes", caption=counts[1], peak=peaks[1])


def _is_crop(panel: "Panel", view: "View", row: ShiftRow) -> bool:
    """Whether a panel shows only a part of what was compared."""
    return panel is not view.whole and panel.region[2] * panel.region[3] < row.raw.pixels


def counted(side: Side) -> str:
    """How many pixels changed."""
    return f"{side.changed:,} of {side.pixels:,} pixels change ({percent(side.fraction)})"


Extent = tuple[int, int]  # (width, height), or a place from the left and the top
Placed = tuple[Extent, Extent]  # how large, and where


def enlarged(panel: "Panel", side: int) -> tuple[Placed, Placed, Extent]:
    """How large and where to show the pictures and the outputs of a panel, and the room that holds both.

    They grow whole times, and an output lies around the centre of its window.
    """
    (w, h), (ow, oh) = panel.input, panel.output
    if max(w, h) > side // 2:
        fitted = max(1, round(w * side / max(w, h))), max(1, round(h * side / max(w, h)))
        return (fitted, (0, 0)), (fitted, (0, 0)), fitted
    (down, across), (first_row, first_column) = panel.cell, panel.lead
    left, top = min(0.0, first_column), min(0.0, first_row)
    wide, high = max(w, first_column + ow * across) - left, max(h, first_row + oh * down) - top
    times = max(1, int(side / max(wide, high)))

    def scaled(across: float, down: float) -> Extent:
        return round(across * times), round(down * times)

    width, height = scaled(ow * across, oh * down)
    output = (max(1, width), max(1, height)), scaled(first_column - left, first_row - top)
    return (scaled(w, h), scaled(-left, -top)), output, scaled(wide, high)


def place(panel: "Panel", view: "View") -> str:
    """Which part of the picture a panel shows."""
    x, y, w, h = panel.region
    if panel is view.whole:
        return "The whole picture" + (f", {panel.factor} times smaller" if panel.factor > 1 else "")
    return f"Pixels {x} to {x + w - 1} across and {y} to {y + h - 1} down, where the output changes most"


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
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture, or one frame of it."""

    report: ShiftReport
    view: "View | None"
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
    def tag(self) -> str:
        """In a few words."""
        return judgement(self.row)

    @property
    def gained(self) -> bool:
        """Whether the layers help."""
        return self.tag == GOOD

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
    def parts(self) -> list[PanelView]:
        """The others."""
        return [panel for panel in self.panels if not panel.smooth]

    @property
    def other(self) -> str:
        """What the other picture is called."""
        return "the other picture" if self.row.edge == GIVEN else "the moved picture"

    @property
    def thumbnail(self) -> bytes | None:
        """A small picture."""
        return self.view.thumbnail if self.view else None

    @property
    def marked(self) -> bool:
        """Whether surviving pixels are marked."""
        return any(tile.marks for panel in self.panels for tile in panel.tiles)


def entries_of(outcome: Outcome, form: str) -> Iterator[Entry]:
    """An entry for every report of an outcome; the first frames with pictures."""
    views = outcome.views.get(form, ())
    for index, report in enumerate(outcome.reports):
        view = views[index] if index < len(views) else None
        yield Entry(report, view, tuple(_panels(report, view)) if view else (), title_of(outcome))


def title_of(outcome: Outcome) -> str:
    """The picture, or both where two are given."""
    given = any(report.shifts[0].edge == GIVEN for report in outcome.reports)
    return f"{outcome.job.name} and {outcome.job.target_name}" if given else outcome.job.name


def _panels(report: ShiftReport, view: "View") -> Iterator[PanelView]:
    row = worst_row(report)
    for panel in dict.fromkeys(filter(None, (view.whole, view.part))):
        where = place(panel, view) if panel is view.whole or _is_crop(panel, view, row) else ""
        yield PanelView(where, panel is view.whole, tuple(six(panel, view, report, row)))


def facts_of(report: ShiftReport) -> tuple[str, ...]:
    """What is the same for all pictures of a run: the shifts and the edge."""
    if report.shifts[0].edge == GIVEN:
        return ("two given pictures",)
    shifts = [direction(row.dx, row.dy) for row in report.shifts]
    shown = ", ".join(shifts[:4]) + (f" and {len(shifts) - 4} more" if len(shifts) > 4 else "")
    return f"moved {shown}", f"edge: {report.shifts[0].edge}"


MOST_THUMBNAILS = 16  # of one verdict
ORDER = "more sensitive", "as sensitive", GOOD  # what they are listed by; what has no residual comes last


@dataclass(slots=True)
class Sheet:
    """The pictures of one verdict: how many there are, and the thumbnails of those that keep most of the change."""

    tag: str
    count: int = 0
    shown: list[tuple[float, str, bytes]] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """One more."""
        self.count += 1
        if entry.thumbnail:
            residual = entry.row.residual
            self.shown.append((0.0 if residual is None else -residual, entry.name, entry.thumbnail))
            self.shown.sort()
            del self.shown[MOST_THUMBNAILS:]


def sheets_in_order(sheets: Iterable[Sheet]) -> list[Sheet]:
    """What keeps most of the change first."""
    places = {tag: place for place, tag in enumerate(ORDER)}
    return sorted(sheets, key=lambda sheet: (places.get(sheet.tag, len(ORDER)), sheet.tag))


BINS = 24
WIDTH, HEIGHT = 240, 76


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, in units of the plot, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A histogram from `low` to `high`; `at` is where the median stands."""

    name: str
    meaning: str
    median: str
    alt: str
    bars: tuple[Bar, ...]
    at: float
    low: str
    high: str


def plots(lines: Sequence[Line]) -> list[Plot]:
    """The spread of absorbed, gain and residual, of those that have a figure at all."""
    charts = (
        ("absorbed", "changed pixels that are gone, by count", [line.absorbed for line in lines], share),
        ("gain", "times fewer change per pixel; up to 1 is none", [line.gain for line in lines], figure),
        ("residual", "of the change in value is left", [line.residual for line in lines], share),
    )
    plots = []
    for name, meaning, values, written in charts:
        known = sorted(value for value in values if value is not None)
        if known:
            plots.append(_plot(name, meaning, known, written))
    return plots


def _plot(name: str, meaning: str, values: list[float], written: Callable[[float], str]) -> Plot:
    low, high = values[0], values[-1]
    step = (high - low) / BINS or 1.0
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, floor((value - low) / step))] += 1
    middle = median(values)
    alt = f"{name}: half of the pictures below {written(middle)}, all from {written(low)} to {written(high)}"
    bars = tuple(
        Bar(
            round(index * WIDTH / BINS + 0.5, 2),
            round(HEIGHT - HEIGHT * number / max(counts), 2),
            round(WIDTH / BINS - 1, 2),
            round(HEIGHT * number / max(counts), 2),
            f"{written(low + index * step)} to {written(low + (index + 1) * step)}: {number}",
        )
        for index, number in enumerate(counts)
        if number
    )
    at = round((middle - low) / (step * BINS) * WIDTH, 2)
    return Plot(name, meaning, written(middle), alt, bars, at, written(low), written(high))
