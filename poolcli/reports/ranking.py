"""The ranking of `compare`: scores, places, and how they are written and printed."""

import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, field
from math import isnan, nan
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from poolcli.records import dataclass
from poolcli.reports.forms import csv_file
from poolcli.shift.record import NOTHING, ShiftRow, Totals, figure, percent, share
from poolcli.storage import publish

if TYPE_CHECKING:
    from rich.console import Console

    from poolcli.storage import Place
    from poolcli.visualize import Crop


SCHEMA = "poolcli.compare/2"
FIGURES = ("residual", "aligned", "absorbed", "gain", "fidelity")
_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Point:
    """What shifts of one length (in pixels) leave: `residual` as it is, `aligned` when the output may move along."""

    distance: float
    residual: float | None
    aligned: float | None


@dataclass(slots=True)
class Score:
    """How one candidate does on one picture or on many, from sums over all rows; None where there is no figure.

    `aligned`: what is left of the change when the output may move along by whole pixels. `fidelity`: PSNR in dB against
    the ideal down-sampling, the mean over pictures.
    """

    name: str
    layers: str
    totals: Totals = field(default_factory=Totals)
    by_distance: dict[float, Totals] = field(default_factory=dict)
    fidelities: tuple[float, int] = (0.0, 0)  # their sum, and how many there are
    rows: int = 0

    def add(self, row: ShiftRow, distance: float) -> None:
        """What a shift of that length leaves."""
        self.rows += 1
        self.totals.add(row)
        self.by_distance.setdefault(distance, Totals()).add(row)

    def add_fidelity(self, fidelity: float | None) -> None:
        """Of one more picture, if it has one."""
        if fidelity is not None:
            self.fidelities = self.fidelities[0] + fidelity, self.fidelities[1] + 1

    def merge(self, other: "Score") -> None:
        """Add the same candidate's score on other pictures."""
        self.rows += other.rows
        self.totals.merge(other.totals)
        for distance, totals in other.by_distance.items():
            self.by_distance.setdefault(distance, Totals()).merge(totals)
        self.fidelities = self.fidelities[0] + other.fidelities[0], self.fidelities[1] + other.fidelities[1]

    @property
    def figures(self) -> dict[str, float | None]:
        """The figures by their names."""
        total, count = self.fidelities
        named: dict[str, float | None] = {name: getattr(self.totals, name) for name in FIGURES if name != "fidelity"}
        return {**named, "fidelity": total / count if count else None}

    @property
    def curve(self) -> tuple[Point, ...]:
        """What is left by the length of the shift."""
        return tuple(
            Point(distance, totals.residual, totals.aligned) for distance, totals in sorted(self.by_distance.items())
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """One picture with the scores of all candidates that it could be given to; or the error."""

    path: str
    size: tuple[int, int] = (0, 0)
    scores: tuple[Score, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None
    crop: "Crop | None" = None  # what the candidates make of a part of it


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate in the ranking, over all shifts of all pictures, and the command that pools as it does."""

    rank: int
    mode: str
    layers: str
    residual: float | None
    aligned: float | None
    absorbed: float | None
    gain: float | None
    fidelity: float | None
    curve: tuple[Point, ...]
    command: str | None = None
    quartiles: tuple[float, float, float] | None = None  # of the residuals of the pictures
    tie: bool = False  # with the one before it: of the differences, picture by picture, the quartiles include 0

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"schema": SCHEMA, **asdict(self)}


MOST_CROPS = 4  # pictures of which a page shows every mode's output


class Ranking:
    """Scores as pictures come; of each picture only its part in the sums is kept."""

    def __init__(self, facts: tuple[str, ...] = (), commands: Mapping[str, str] | None = None) -> None:
        """`facts`: what is the same for all pictures, in words; `commands`: what pools as each candidate does."""
        self.facts = facts
        self.scores: dict[str, Score] = {}
        self.pictures = 0
        self.crops: list[tuple[str, Crop]] = []  # of the pictures in which the candidates differ most
        self._residuals: dict[str, array[float]] = {}  # of every picture, NaN where there is none
        self._measured: Counter[str] = Counter()  # on how many pictures each candidate was
        self._commands = commands or {}

    def add(self, compared: Compared) -> None:
        """One more picture."""
        for score in compared.scores:
            self.scores.setdefault(score.name, Score(score.name, score.layers)).merge(score)
            self._measured[score.name] += 1
            line, residual = self._residuals.setdefault(score.name, array("d")), score.totals.residual
            line.extend([nan] * (self.pictures - len(line)))
            line.append(nan if residual is None else residual)
        self.pictures += compared.error is None
        if compared.crop:
            self.crops.append((compared.path, compared.crop))
            self.crops.sort(key=lambda each: (-each[1].apart, each[0]))
            del self.crops[MOST_CROPS:]

    @property
    def fewer(self) -> dict[str, int]:
        """The candidates that were left out on some pictures, and on how many they were measured."""
        return {name: count for name, count in self._measured.items() if count < self.pictures}

    def places(self) -> list[Ranked]:
        """Least residual first; behind them those that were not measured on all pictures, and those that have none."""
        scores, fewer = [(score, score.figures) for score in self.scores.values()], self.fewer
        scores.sort(key=lambda each: (each[0].name in fewer, each[1]["residual"] is None, each[1]["residual"]))
        return [
            Ranked(
                rank,
                score.name,
                score.layers,
                **figures,
                curve=score.curve,
                command=self._commands.get(score.name),
                quartiles=quartiles(self._residuals[score.name]),
                tie=rank > 1 and self._tie(scores[rank - 2][0].name, score.name),
            )
            for rank, (score, figures) in enumerate(scores, start=1)
        ]

    def _tie(self, better: str, worse: str) -> bool:
        """Whether the pictures do not say which of two is better."""
        middle = quartiles([b - a for a, b in zip(self._residuals[better], self._residuals[worse], strict=False)])
        return middle is not None and middle[0] <= 0 <= middle[2]


def quartiles(values: Iterable[float]) -> tuple[float, float, float] | None:
    """The quartiles of values that are numbers, interpolated linearly; None of fewer than two.

    >>> quartiles([1, 2, 3, 5, float("nan")])
    (1.75, 2.5, 3.5)
    """
    known = [value for value in values if not isnan(value)]
    if len(known) < 2:
        return None
    low, middle, high = quantiles(known, n=4, method="inclusive")
    return low, middle, high


def sparkline(points: Sequence[Point], top: float) -> str:
    """The residual over the distance in blocks, the highest of which stands for `top`.

    >>> sparkline([Point(1.0, 0.5, 0.0), Point(2.0, 1.0, 0.0)], 1.0)
    '▄█'
    """
    shares = [0.0 if point.residual is None or top <= 0 else point.residual / top for point in points]
    return "".join(_BLOCKS[max(0, min(len(_BLOCKS) - 1, round(share * len(_BLOCKS)) - 1))] for share in shares)


def top_of(places: Sequence[Ranked]) -> float:
    """The largest residual of any curve."""
    return max((point.residual or 0.0 for place in places for point in place.curve), default=0.0)


def summary(ranking: "Ranking", places: Sequence[Ranked]) -> str:
    """What the ranking, whose `places` these are, says in a sentence or two."""
    pictures, fewer = ranking.pictures, ranking.fewer
    known = [place for place in places if place.residual is not None and place.mode not in fewer]
    if not known:
        return "No shift changes any of these pictures, so there is nothing to rank."
    best, worst = known[0], known[-1]
    assert best.residual is not None
    assert worst.residual is not None
    over = f"Over {pictures:,} picture{'s' * (pictures != 1)}"
    if best is worst:
        return f"{over}, {best.mode} leaves {percent(best.residual)} of a shift's change."
    text = (
        f"{over}, {best.mode} leaves least of a shift's change, {percent(best.residual)}, and {worst.mode} "
        f"most, {percent(worst.residual)}."
    )
    sharp = max((place for place in known if place.fidelity is not None), key=lambda p: p.fidelity or 0.0, default=None)
    if sharp is not None and sharp.fidelity is not None:
        text += f" Nearest to the ideal picture is {sharp.mode}, {sharp.fidelity:.1f} dB."
    exact = [place.mode for place in known if place.aligned == 0]
    if exact:
        text += f" The output of {' and '.join(exact)} only moves along with the picture: nothing changes (aligned 0)."
    for name, count in fewer.items():
        text += f" {name} was measured on {count} of {pictures} pictures, and stands behind the others."
    return text


def cells(place: Ranked, top: float) -> tuple[str, ...]:
    """A row of the table."""
    return str(place.rank), place.mode, *figures(place), sparkline(place.curve, top)


def figures(place: Ranked) -> tuple[str, ...]:
    """Residual, aligned, absorbed, gain and fidelity as they are read."""
    fidelity = NOTHING if place.fidelity is None else f"{place.fidelity:.1f} dB"
    return figure(place.residual), figure(place.aligned), share(place.absorbed), figure(place.gain), fidelity


HEADS = ("", "mode", "residual", "aligned", "absorbed", "gain", "fidelity", "by distance")
DISPENSABLE = ("absorbed", "gain", "by distance", "aligned", "fidelity")  # left out where the table is too wide
EXPLAINED = (
    "residual: what is left of the change, relative to the contrast; aligned: the same when the output may move along; "
    "absorbed, gain: changed pixels that are gone, by count, per pixel; fidelity: PSNR against the ideal down-sampling."
)


Add = Callable[["Compared"], None]


@contextmanager
def write_csv(path: "Place", ranking: "Ranking") -> Iterator[Add]:
    """A row for every candidate on every picture."""
    with csv_file(path, ("path", "width", "height", "name", "layers", *FIGURES)) as add:
        yield lambda compared: add(_rows(compared))


def _rows(compared: Compared) -> Iterator[dict[str, object]]:
    width, height = compared.size
    for score in compared.scores:
        facts = {"path": compared.path, "width": width, "height": height, "name": score.name, "layers": score.layers}
        yield facts | {name: figure for name, figure in score.figures.items() if figure is not None}


@contextmanager
def write_json(path: "Place", ranking: "Ranking") -> Iterator[Add]:
    """The ranking as an array of its places."""
    yield lambda compared: None
    with publish(path) as stream:
        places = [place.to_dict() for place in ranking.places()]
        stream.write(json.dumps(places, indent=2, allow_nan=False).encode() + b"\n")


def print_ranking(console: "Console", ranking: "Ranking", places: "Sequence[Ranked]") -> None:
    """The table, 80 columns wide, and what it says."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from poolcli.reports.terminal import fit_columns

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    top = top_of(places)
    heads, *rows = fit_columns(
        [HEADS, *(cells(place, top) for place in places)], DISPENSABLE, console.width - 1, "mode"
    )
    for head in heads:
        left, is_name = head in ("mode", "by distance"), head == "mode"
        table.add_column(head, justify="left" if left else "right", no_wrap=not is_name, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
    console.print(Text(summary(ranking, places)))
    console.print(Text(EXPLAINED, style="dim"))
    if places[0].command:
        console.print(Text(places[0].command, style="bold"), soft_wrap=True)
