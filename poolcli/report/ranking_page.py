"""A comparison as one self-contained page: the ranking, and what is left against the length of the shift."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, floor, log10

from poolcli import __version__, stores
from poolcli.report.figures import figure
from poolcli.report.html_form import templates, write_head
from poolcli.report.ranking import Compared, Place, Ranking, figures, top_of, words

LEFT, RIGHT, TOP, BOTTOM = 60.0, 500.0, 16.0, 260.0
LINE_HEIGHT = 14.0
COLOURS = 8
HEADS = ("aligned", "absorbed", "gain", "fidelity")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table; `width` of its bar in per cent."""

    place: Place
    width: float
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A number at an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
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
    lines: tuple[Line, ...]


@contextmanager
def write_ranking_page(path: stores.Place, ranking: Ranking) -> Iterator[Callable[[Compared], None]]:
    """The page in `path`, made when all pictures are in `ranking`."""
    yield lambda compared: None
    places = ranking.places()
    page = templates()
    with stores.publish(path) as stream:
        facts = (f"{ranking.pictures:,} picture{'s' * (ranking.pictures != 1)}", *ranking.facts)
        stream.write(write_head(page, "Which down-sampling is least upset by shifts?", facts, "", ()))
        text = page.get_template("ranking.html").render(
            words=words(places, ranking.pictures),
            heads=HEADS,
            rows=[_row(place, top_of(places)) for place in places],
            chart=chart(places),
            version=__version__,
        )
        stream.write(text.encode("utf-8", "replace"))


def _row(place: Place, top: float) -> Row:
    return Row(place, round(100 * (place.residual or 0) / top, 1) if top else 0, figures(place))


def chart(places: Sequence[Place]) -> Chart:
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
            lines.append(Line(place.mode, number % COLOURS, points, dots, dots[-1][0], dots[-1][1]))
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


def _spaced(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines with their labels pushed apart, top to bottom."""
    found, lowest = [], TOP - LINE_HEIGHT
    for line in sorted(lines, key=lambda line: line.label):
        lowest = max(line.label, lowest + LINE_HEIGHT)
        found.append(Line(line.name, line.colour, line.points, line.dots, line.end, lowest))
    return tuple(found)
