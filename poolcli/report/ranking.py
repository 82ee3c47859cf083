"""Candidates ranked by how little they leave of a shift's change, over all pictures; and the words for it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from poolcli.report.figures import NOTHING, figure, percent, share
from poolcli.shift.record import ShiftRow, Totals

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


@dataclass(frozen=True, slots=True)
class Place:
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

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"schema": SCHEMA, **asdict(self)}


class Ranking:
    """Scores as pictures come; of each picture only its part in the sums is kept."""

    def __init__(self, facts: tuple[str, ...] = (), commands: Mapping[str, str] | None = None) -> None:
        """`facts`: what is the same for all pictures, in words; `commands`: what pools as each candidate does."""
        self.facts = facts
        self.scores: dict[str, Score] = {}
        self.pictures = 0
        self._commands = commands or {}

    def add(self, compared: Compared) -> None:
        """One more picture."""
        self.pictures += compared.error is None
        for score in compared.scores:
            self.scores.setdefault(score.name, Score(score.name, score.layers)).merge(score)

    def places(self) -> list[Place]:
        """Least residual first; those that have none last."""
        scores = [(score, score.figures) for score in self.scores.values()]
        scores.sort(key=lambda pair: (pair[1]["residual"] is None, pair[1]["residual"]))
        return [
            Place(rank, score.name, score.layers, **figures, curve=score.curve, command=self._commands.get(score.name))
            for rank, (score, figures) in enumerate(scores, start=1)
        ]


def sparkline(points: Sequence[Point], top: float) -> str:
    """The residual over the distance in blocks, the highest of which stands for `top`.

    >>> sparkline([Point(1.0, 0.5, 0.0), Point(2.0, 1.0, 0.0)], 1.0)
    '▄█'
    """
    shares = [0.0 if point.residual is None or top <= 0 else point.residual / top for point in points]
    return "".join(_BLOCKS[max(0, min(len(_BLOCKS) - 1, round(share * len(_BLOCKS)) - 1))] for share in shares)


def top_of(places: Sequence[Place]) -> float:
    """The largest residual of any curve."""
    return max((point.residual or 0.0 for place in places for point in place.curve), default=0.0)


def words(places: Sequence[Place], pictures: int) -> str:
    """What the ranking says, in a sentence or two."""
    known = [place for place in places if place.residual is not None]
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
    return text


def cells(place: Place, top: float) -> tuple[str, ...]:
    """A row of the table."""
    return str(place.rank), place.mode, *figures(place), sparkline(place.curve, top)


def figures(place: Place) -> tuple[str, ...]:
    """Residual, aligned, absorbed, gain and fidelity as they are read."""
    fidelity = NOTHING if place.fidelity is None else f"{place.fidelity:.1f} dB"
    return figure(place.residual), figure(place.aligned), share(place.absorbed), figure(place.gain), fidelity
