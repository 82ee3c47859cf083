"""What a report shows of a picture, whatever its form: figures, verdict, panels."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import floor
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from poolcli.reports import Outcome
from poolcli.shift.record import GIVEN, ShiftReport, ShiftRow, Side

if TYPE_CHECKING:
    from poolcli.visualize import Look, Panel


LESS, SAME = 0.95, 1.05  # a residual below the first: less sensitive; up to the second: as sensitive
GOOD = "less sensitive"  # the judgement that is good news


def judgement(row: ShiftRow) -> str:
    """The verdict in two words, from the residual as the row shows it."""
    if row.residual is None:
        return _without_residual(row)[0]
    shown = float(figure(row.residual))
    return GOOD if shown < LESS else "as sensitive" if shown <= SAME else "more sensitive"


def verdict(row: ShiftRow) -> str:
    """What one shift did: what is left of the change relative to the contrast, then how many pixels change.

    A count falls by itself when there are fewer pixels, so it is told per pixel too; and on photographs, where nearly
    every pixel changes a little, only the change in value says something.
    """
    if row.residual is None:
        text = ": ".join(_without_residual(row))
    else:
        text = f"{judgement(row)}: {_left(row.residual)}{_per_pixel(row, row.residual)}"
    text += f" ({_count(row.raw)} before, {_count(row.pooled)} after)"
    return text if row.written is None else f"{text}; {_count(row.written)} change as written"


def _without_residual(row: ShiftRow) -> tuple[str, str]:
    """In two words, and more: why there is no residual."""
    change = "difference" if row.edge == GIVEN else "shift"
    before = row.raw if row.dense is None or row.raw.counts_only else row.dense
    for side, where in ((before, "picture"), (row.pooled, "output")):
        if not side.compared:
            return "nothing comparable", f"no value of the {where} is finite and valid on both sides"
    if not (before.fraction if before.counts_only else before.mae):
        if row.raw.changed:
            return "nothing changes", f"what stands before the down-sampling leaves nothing of this {change}"
        return "nothing changes", f"this {change} changes nothing here"
    flat = "output" if before.spread else "picture"
    return f"flat {flat}", f"the {flat} is flat, without any contrast that a change could be measured by"


def _left(residual: float) -> str:
    share = 100 * residual
    shown = f"{share:.0f}" if share >= 10 else f"{share:.2g}"
    if residual == 0:
        return "nothing of the change is left"
    if float(figure(residual)) > SAME:
        return f"the change has grown to {shown} %"
    return f"{shown} % of the change is left"


def _per_pixel(row: ShiftRow, residual: float) -> str:
    """How many pixels change per pixel, joined by what it means beside the residual; of labels that is the residual."""
    if row.raw.counts_only:
        return ", counted in pixels"
    if row.pooled.changed == 0:
        return ", and no pixel changes" if residual <= SAME else ", though no pixel changes"
    if row.gain is None:
        return ", though pixels change where none did"
    if 1 / SAME <= row.gain <= SAME:
        return ", and per pixel as many pixels change"
    more = row.gain < 1
    joined = "though" if more == (judgement(row) == GOOD) else "and"
    times = f"{1 / row.gain:.3g}x as many" if more else f"{row.gain:.3g}x fewer"
    return f", {joined} per pixel {times} pixels change"


def _count(side: Side) -> str:
    return f"{side.changed:,} of {side.pixels:,}"


def title(report: ShiftReport) -> str:
    """What was done to which picture."""
    (w, h), (ow, oh) = report.input.size, report.output.size
    return f"{report.layers}: {w}x{h} -> {ow}x{oh}"


def worst_row(report: ShiftReport) -> ShiftRow:
    """The row of the shift that the summary calls the worst."""
    worst = report.summary.worst
    return next(row for row in report.shifts if (row.dx, row.dy) == (worst.dx, worst.dy))


NOTHING = "-"
EXACT = 100_000  # from here on a count is told in thousands or millions, or a table would not fit


def percent(fraction: float) -> str:
    """A share in per cent, with one digit, or two significant ones when small.

    >>> percent(0.0484), percent(1.0), percent(0.00021), percent(0.99999)
    ('4.8 %', '100 %', '0.021 %', '>99.9 %')
    """
    value = 100 * fraction
    if value in (0, 100):
        return f"{value:.0f} %"
    if 99.95 <= value < 100:
        return ">99.9 %"
    return f"{value:.1f} %" if value >= 1 or value < 0 else f"{value:.2g} %"


def share(fraction: float | None) -> str:
    """A share in per cent, or a dash where there is none."""
    return NOTHING if fraction is None else percent(fraction)


def figure(value: float | None) -> str:
    """A figure to three digits, or a dash where there is none."""
    return NOTHING if value is None else f"{value:.3g}"


def count(number: int) -> str:
    """A number of pixels, the exact one being in the JSON.

    >>> count(25795), count(102724), count(11482113)
    ('25,795', '103 k', '11.5 M')
    """
    if number < EXACT:
        return f"{number:,}"
    return f"{number / 1e3:.0f} k" if number < 1e6 else f"{number / 1e6:.1f} M"


def changed(side: Side) -> str:
    """How many pixels changed, and which share of them all."""
    return f"{count(side.changed)} ({percent(side.fraction)})"


def row_figures(row: ShiftRow) -> tuple[str, ...]:
    """What changed before and after, absorbed, gain, residual, and the residual that aligning leaves."""
    return (
        changed(row.raw),
        changed(row.pooled),
        share(row.absorbed),
        figure(row.gain),
        figure(row.residual),
        figure(row.aligned.residual if row.aligned else None),
    )


def direction(dx: int, dy: int) -> str:
    """A shift in words.

    >>> direction(-1, 0), direction(2, -3), direction(0, 0)
    ('1 pixel left', '2 pixels right and 3 up', 'by nothing')
    """
    steps = [(abs(dx), "left" if dx < 0 else "right"), (abs(dy), "up" if dy < 0 else "down")]
    parts = [(size, way) for size, way in steps if size]
    if not parts:
        return "by nothing"
    size, way = parts[0]
    first = f"{size} pixel{'s' * (size != 1)} {way}"
    return " and ".join([first, *(f"{size} {way}" for size, way in parts[1:])])


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture with what stands around it; `size` is what it is enlarged to, `peak` the top of a heat-map."""

    kind: str
    picture: bytes
    size: tuple[int, int]
    heading: str
    caption: str
    marks: bytes | None = None
    peak: str | None = None

    @property
    def alt(self) -> str:
        """What is to be seen, in words."""
        if self.peak is None:
            return self.heading
        return f"{self.heading}, as a heat-map from 0 (dark) to {self.peak} (light). {self.caption}".strip()


def six(panel: "Panel", look: "Look", report: ShiftReport, row: ShiftRow, side: int) -> Iterator[Shown]:
    """The six pictures of a panel: before, moved, their change; the same after the layers.

    `side`: how large they are enlarged at most. The part of a picture is told no figures of the whole.
    """
    given = row.edge == GIVEN
    moved = "The other picture" if given else f"Picture moved {direction(row.dx, row.dy)}"
    moved_output = f"Output of the {'other' if given else 'moved'} picture"
    is_part = panel is look.part and look.whole is not None
    large, small = enlarged(panel, side)
    (w, h), (ow, oh) = report.input.size, report.output.size
    peaks = [figure(peak) for peak in look.peaks]
    sizes = ("", "") if is_part else (f"{w} x {h} pixels", f"{ow} x {oh} pixels")
    counts = ("", "") if is_part else (counted(row.raw), counted(row.pooled))
    dots = "Dots: the pixels that survive the pooling" if panel.marks else sizes[0]
    yield Shown("still", panel.still, large, "Picture", dots, panel.marks)
    yield Shown("moved", panel.moved, large, moved, sizes[0])
    yield Shown("before", panel.before, large, "Where it changes", counts[0], peak=peaks[0])
    yield Shown("pooled", panel.pooled, small, "Output", sizes[1])
    yield Shown("pooled-moved", panel.pooled_moved, small, moved_output, sizes[1])
    yield Shown("after", panel.after, small, "Where the output changes", counts[1], peak=peaks[1])


def counted(side: Side) -> str:
    """How many pixels changed."""
    return f"{side.changed:,} of {side.pixels:,} pixels change ({percent(side.fraction)})"


def enlarged(panel: "Panel", side: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """How large to show the pictures and the outputs of a panel: whole times, an output over the inputs it covers."""
    (w, h), (ow, oh) = panel.input, panel.output
    if max(w, h) > side // 2:
        fitted = max(1, round(w * side / max(w, h))), max(1, round(h * side / max(w, h)))
        return fitted, fitted
    times = side // max(w, h)
    down, across = panel.cell
    return (w * times, h * times), (max(1, round(ow * across * times)), max(1, round(oh * down * times)))


def place(panel: "Panel", look: "Look") -> str:
    """Which part of the picture a panel shows."""
    x, y, w, h = panel.region
    if panel is look.whole:
        return "The whole picture" + (f", {panel.factor} times smaller" if panel.factor > 1 else "")
    return f"Pixels {x} to {x + w - 1} across and {y} to {y + h - 1} down, where the output changes most"


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
    look: "Look | None"
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


def _panels(report: ShiftReport, look: "Look") -> Iterator[PanelView]:
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
    wanted = (
        ("absorbed", "changed pixels that are gone, by count", [line.absorbed for line in lines], share),
        ("gain", "times fewer change per pixel; up to 1 is none", [line.gain for line in lines], figure),
        ("residual", "of the change in value is left", [line.residual for line in lines], share),
    )
    found = []
    for name, meaning, values, written in wanted:
        known = sorted(value for value in values if value is not None)
        if known:
            found.append(_plot(name, meaning, known, written))
    return found


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
