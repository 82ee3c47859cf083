"""The HTML pages of a run and of a ranking."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import ceil, floor, log10
from tempfile import TemporaryFile
from typing import Any, BinaryIO, TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from poolcli import __version__
from poolcli.errors import escaped
from poolcli.records import dataclass
from poolcli.reports import Outcome
from poolcli.reports.entries import COLUMNS, Entry, Line, Sheet, entries_of, facts_of, plots, sheets_in_order
from poolcli.reports.interactive import SCRIPTS, asset, explorer, page_top, sample_view
from poolcli.reports.ranking import Compared, Ranked, Ranking, figures, summary, top_of
from poolcli.shift.record import GOOD, figure
from poolcli.storage import Place, publish
from poolcli.visualize import Crop, palette

MOST_BYTES = 24 << 20  # of rows with their pictures; the others have figures only
MOST_ROWS = 20_000
MOST_FAILURES = 1_000


@contextmanager
def write_page(
    path: Place, *, most_bytes: int = MOST_BYTES, most_rows: int = MOST_ROWS
) -> Iterator[Callable[[Outcome], None]]:
    """A page in `path`, whose pictures come with the outcomes."""
    with TemporaryFile() as buffer:
        page = Page(buffer)
        yield page.add
        with publish(path) as stream:
            page.write(stream, most_bytes, most_rows)


class Page:
    """Entries as they come, rendered into `buffer`; of each only what orders the page stays in memory."""

    def __init__(self, buffer: BinaryIO) -> None:
        self.buffer = buffer
        self.templates = templates()
        self.lines: list[Line] = []
        self.sheets: dict[str, Sheet] = {}  # by verdict
        self.failures: list[str] = []
        self.failed = 0
        self.first: Entry | None = None
        self.facts: tuple[str, ...] = ()

    def add(self, outcome: Outcome) -> None:
        """Render what is shown of one picture, every frame."""
        if outcome.error is not None:
            self.failed += 1
            self.failures += [outcome.error] * (len(self.failures) < MOST_FAILURES)
        for entry in entries_of(outcome, "html"):
            self.first = self.first or entry
            self.facts = self.facts or facts_of(entry.report)
            short, full = (self._render("row.html", entry=entry, full=full) for full in (False, bool(entry.panels)))
            start = self.buffer.seek(0, 2)
            self.buffer.write(short + full)
            self.sheets.setdefault(entry.tag, Sheet(entry.tag)).add(entry)
            self.lines.append(Line(start, len(short), len(full), *entry.figures))

    def write(self, stream: BinaryIO, most_bytes: int, most_rows: int) -> None:
        """The whole page, worst pictures first."""
        listed = len(self.lines) > 1
        name = self.first.name if self.first and not listed else "Shift report"
        facts = (f"{len(self.lines):,} pictures", *self.facts) if listed else self.facts
        layers = self.first.report.layers if self.first else ""
        view = self._view() if not listed else None
        scripts = [asset(script) for script in ("page.js", *(SCRIPTS if view else ()))]
        stream.write(write_head(self.templates, name, facts, layers, scripts))
        notes = []
        if listed:
            notes = self._write_index(stream, most_bytes, most_rows)
        elif self.first:
            part, live = view["part"] if view else "", explorer("view", view) if view else ""
            stream.write(self._render("alone.html", entry=self.first, part=part, live=live))
        failures = [*self.failures, *([f"and {self.failed - MOST_FAILURES} more"] * (self.failed > MOST_FAILURES))]
        stream.write(
            self._render(
                "foot.html",
                listed=listed,
                notes=notes,
                failures=failures,
                failed=self.failed,
                scripts=scripts,
                version=__version__,
            )
        )

    def _view(self) -> dict[str, Any] | None:
        """What the page of a single picture pools by itself, if it can."""
        sample = self.first.view.sample if self.first and self.first.view else None
        return sample_view(sample, self.first.file, self.first.report) if self.first and sample else None

    def _write_index(self, stream: BinaryIO, most_bytes: int, most_rows: int) -> list[str]:
        """The spread of the figures and the table; what to say below it."""
        stream.write(
            self._render(
                "index.html",
                plots=plots(self.lines),
                sheets=sheets_in_order(self.sheets.values()),
                columns=COLUMNS,
                good=GOOD,
            )
        )
        order = sorted(self.lines, key=lambda line: -1.0 if line.residual is None else line.residual, reverse=True)
        written = with_pictures = 0
        for line in order[:most_rows]:
            full = written + line.full <= most_bytes
            with_pictures += full
            self.buffer.seek(line.start + (line.short if full else 0))
            written += stream.write(self.buffer.read(line.full if full else line.short))
        notes = []
        if with_pictures < len(order):
            notes.append(f"Only the first {with_pictures:,} show their pictures, or the page would be too large.")
        if len(order) > most_rows:
            notes.append(f"The {len(order) - most_rows:,} that keep least of the change are not listed.")
        return notes

    def _render(self, template: str, **values: Any) -> bytes:
        return self.templates.get_template(template).render(values).encode("utf-8", "replace")


def templates() -> Environment:
    """What pages are made of; whatever is put into them is escaped."""
    loader = PackageLoader("poolcli.reports", "page")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, finalize=_shown)
    environment.filters["uri"] = data_uri
    return environment


def _shown(value: object) -> object:
    """What a template shows of a value: text without controls, while markup stays what it is."""
    return escaped(value) if type(value) is str else value


def write_head(
    environment: Environment, title: str, facts: Sequence[str], layers: str, scripts: Sequence[str]
) -> bytes:
    """The beginning of a page, whose policy allows its own style and these scripts."""
    text = environment.get_template("head.html").render(
        title=title,
        facts=facts,
        layers=layers,
        colours=["#" + bytes(colour).hex() for colour in palette()[::9].tolist()],
        top=page_top(title, scripts),
    )
    return text.encode("utf-8", "replace")


def data_uri(picture: bytes) -> Markup:
    """A PNG or JPEG as part of a page.

    >>> data_uri(b"\\x89PNG")
    Markup('data:image/png;base64,iVBORw==')
    """
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return Markup(f"data:image/{kind};base64,{b64encode(picture).decode()}")


LEFT, RIGHT, TOP, BOTTOM = 60.0, 500.0, 16.0, 260.0
LINE_HEIGHT = 14.0
COLOURS = 8
HEADS = ("aligned", "absorbed", "gain", "fidelity")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table; `width` of its bar, and the quartiles over the pictures, in per cent of the bar's room."""

    place: Ranked
    width: float
    cells: tuple[str, ...]
    interval: str
    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A number at an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Curve:
    """The curve of one candidate; its name stands at height `label`, moved so that no two names overlap."""

    name: str
    colour: int
    points: str
    dots: tuple[tuple[float, float], ...]
    end: float
    label: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Residual against distance."""

    alt: str
    ticks: tuple[Tick, ...]
    distances: tuple[Tick, ...]
    lines: tuple[Curve, ...]


@contextmanager
def write_ranking_page(path: Place, ranking: Ranking) -> Iterator[Callable[[Compared], None]]:
    """The page in `path`, made when all pictures are in `ranking`."""
    yield lambda compared: None
    places = ranking.places()
    page, script = templates(), asset("page.js")
    with publish(path) as stream:
        facts = (f"{ranking.pictures:,} picture{'s' * (ranking.pictures != 1)}", *ranking.facts)
        stream.write(write_head(page, "Which down-sampling is least upset by shifts?", facts, "", (script,)))
        text = page.get_template("ranking.html").render(
            summary=summary(ranking, places),
            heads=HEADS,
            rows=[_row(place, top_of(places)) for place in places],
            chart=chart(places),
            scatter=scatter(places),
            ties=any(place.tie for place in places),
            crops=[_crop_view(name, crop, places) for name, crop in ranking.crops],
            script=script,
            version=__version__,
        )
        stream.write(text.encode("utf-8", "replace"))


def _row(place: Ranked, top: float) -> Row:
    def width(value: float) -> float:
        return round(100 * value / top, 1) if top else 0

    low, middle, high = place.quartiles or (0.0, 0.0, 0.0)
    interval = f"{figure(low)} to {figure(high)}" if place.quartiles else ""
    return Row(place, width(place.residual or 0), figures(place), interval, width(low), width(middle), width(high))


@dataclass(frozen=True, slots=True)
class CropView:
    """One picture with what every mode makes of a part of it, the best first."""

    name: str
    place: str
    crop: Crop
    tiles: tuple[tuple[Ranked, bytes, tuple[int, int]], ...]


def _crop_view(name: str, crop: Crop, places: Sequence[Ranked]) -> CropView:
    x, y, width, height = crop.region
    where = f"A crop: pixels {x} to {x + width - 1} across, {y} to {y + height - 1} down, where the outputs differ most"
    if crop.whole:
        where = "The whole picture"
    return CropView(name, where, crop, tuple((p, *crop.outputs[p.mode]) for p in places if p.mode in crop.outputs))


@dataclass(frozen=True, slots=True)
class Dot:
    """A candidate in the scatter; its name stands at height `label`, on the left where `flips`."""

    name: str
    colour: int
    x: float
    y: float
    label: float
    flips: bool


Labelled = TypeVar("Labelled", Curve, Dot)


@dataclass(frozen=True, slots=True)
class Scatter:
    """Fidelity against residual."""

    alt: str
    residuals: tuple[Tick, ...]
    fidelities: tuple[Tick, ...]
    dots: tuple[Dot, ...]


def scatter(places: Sequence[Ranked]) -> Scatter | None:
    """The candidates that have both figures, as shapes; None where none has."""
    placed = [
        (number, place, place.residual, place.fidelity)
        for number, place in enumerate(places)
        if place.residual is not None and place.fidelity is not None
    ]
    if not placed:
        return None
    across, right = _axis([r for *_, r, _ in placed], LEFT, RIGHT)
    down, top = _axis([f for *_, f in placed], BOTTOM, TOP)
    points = [(right(r), top(f), number, place.mode) for number, place, r, f in placed]
    middle = (LEFT + RIGHT) / 2
    dots = _spaced([Dot(name, number % COLOURS, x, y, y, x > middle) for x, y, number, name in points])
    said = "; ".join(f"{p.mode}: {figure(r)}, {f:.1f} dB" for _, p, r, f in placed)
    return Scatter(f"Residual and fidelity. {said}", across, down, dots)


def _axis(values: Sequence[float], start: float, end: float) -> tuple[tuple[Tick, ...], Callable[[float], float]]:
    """Round numbers along an axis around some values, and where a value stands on it."""
    low, high = min(values), max(values)
    step = _round_step(max(high - low, 0.02 * abs(high), 1e-6))
    first, last = floor(low / step), max(ceil(high / step), floor(low / step) + 1)

    def at(value: float) -> float:
        return round(start + (end - start) * (value / step - first) / (last - first), 1)

    return tuple(Tick(at(step * number), f"{step * number:.3g}") for number in range(first, last + 1)), at


def chart(places: Sequence[Ranked]) -> Chart:
    """The curves as shapes."""
    step = _round_step(max(1.0, top_of(places)))
    count = ceil(max(1.0, top_of(places)) / step)
    top = step * count
    distances = sorted({point.distance for place in places for point in place.curve})
    far = distances[-1] if distances else 1.0

    def x(distance: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * distance / far, 1)

    def y(residual: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * residual / top, 1)

    lines = []
    for number, place in enumerate(places):
        dots = tuple((x(point.distance), y(point.residual)) for point in place.curve if point.residual is not None)
        if dots:
            points = " ".join(f"{across},{down}" for across, down in dots)
            lines.append(Curve(place.mode, number % COLOURS, points, dots, dots[-1][0], dots[-1][1]))
    ticks = tuple(Tick(y(step * number), f"{step * number:.3g}") for number in range(count + 1))
    apart = [distance for distance in distances if distance == int(distance)]
    alt = "; ".join(f"{place.mode}: {figure(place.residual)} on average" for place in places)
    return Chart(f"Residual by distance. {alt}", ticks, tuple(Tick(x(d), f"{d:.3g}") for d in apart), _spaced(lines))


def _round_step(top: float) -> float:
    """The distance of the numbers at an axis up to `top`: a round one, of which at most six fit.

    >>> _round_step(1.0), _round_step(1.6), _round_step(386)
    (0.25, 0.5, 100.0)
    """
    unit = 10.0 ** floor(log10(top))
    return unit * next(step for step in (0.25, 0.5, 1, 2.5) if top <= 6 * step * unit)


def _spaced(labelled: Sequence[Labelled]) -> tuple[Labelled, ...]:
    """The same with their labels pushed apart, top to bottom."""
    spaced, lowest = [], TOP - LINE_HEIGHT
    for each in sorted(labelled, key=lambda each: each.label):
        lowest = max(each.label, lowest + LINE_HEIGHT)
        spaced.append(replace(each, label=lowest))
    return tuple(spaced)
