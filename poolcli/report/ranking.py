"""Contenders ranked by how little they leave of a shift's change, over all pictures; and the words for it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from poolcli.report.figures import NOTHING, figure, percent, share

SCHEMA = "poolcli.compare/1"
FIGURES = ("residual", "aligned", "absorbed", "gain", "fidelity")
_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Point:
    """What shifts of one length (in pixels) leave: `residual` as it is, `aligned` when the output may move along."""

    distance: float
    residual: float | None
    aligned: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How one contender does on one picture, as means over the shifts; None where there is no figure.

    `aligned`: what is left of the change in value when the output may move along by whole pixels. `fidelity`: PSNR in
    dB against the ideal down-sampling.
    """

    name: str
    layers: str
    residual: float | None
    aligned: float | None
    absorbed: float | None
    gain: float | None
    fidelity: float | None
    curve: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """One picture with the standing of every contender; or the error, if it cannot be compared."""

    path: str
    size: tuple[int, int] = (0, 0)
    standings: tuple[Standing, ...] = ()
    error: str | None = None


@dataclass(slots=True)
class Mean:
    """A mean that grows."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float | None) -> None:
        """One more value, if it is one."""
        if value is not None:
            self.total += value
            self.count += 1

    @property
    def value(self) -> float | None:
        """The mean of what was added."""
        return self.total / self.count if self.count else None


@dataclass(slots=True)
class _Score:
    """The means of one contender."""

    layers: str
    figures: dict[str, Mean] = field(default_factory=lambda: {name: Mean() for name in FIGURES})
    curve: dict[float, tuple[Mean, Mean]] = field(default_factory=dict)

    def add(self, standing: Standing) -> None:
        for name, mean in self.figures.items():
            mean.add(getattr(standing, name))
        for point in standing.curve:
            residual, aligned = self.curve.setdefault(point.distance, (Mean(), Mean()))
            residual.add(point.residual)
            aligned.add(point.aligned)


@dataclass(frozen=True, slots=True)
class Place:
    """A contender in the ranking: means over all shifts of all pictures, as in `Standing`."""

    rank: int
    mode: str
    layers: str
    residual: float | None
    aligned: float | None
    absorbed: float | None
    gain: float | None
    fidelity: float | None
    curve: tuple[Point, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"schema": SCHEMA, **asdict(self)}


class Ranking:
    """Matches as they come; of each only its part in the means is kept."""

    def __init__(self, facts: tuple[str, ...] = ()) -> None:
        """`facts`: what is the same for all pictures, in words."""
        self.facts = facts
        self.scores: dict[str, _Score] = {}
        self.pictures = 0

    def add(self, match: Match) -> None:
        """One more picture."""
        self.pictures += match.error is None
        for standing in match.standings:
            self.scores.setdefault(standing.name, _Score(standing.layers)).add(standing)

    def places(self) -> list[Place]:
        """Least residual first; those that have none last."""
        found = []
        for name, score in self.scores.items():
            means = {key: mean.value for key, mean in score.figures.items()}
            found.append((means["residual"] is None, means["residual"], name, score.layers, means, _curve(score)))
        found.sort(key=lambda entry: entry[:2])
        return [
            Place(rank, name, layers, **means, curve=curve)
            for rank, (_, _, name, layers, means, curve) in enumerate(found, start=1)
        ]


def _curve(score: _Score) -> tuple[Point, ...]:
    return tuple(Point(distance, *(mean.value for mean in pair)) for distance, pair in sorted(score.curve.items()))


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
        return f"{over}, {best.mode} leaves {percent(best.residual)} of a shift's change in value."
    text = (
        f"{over}, {best.mode} leaves least of a shift's change in value, {percent(best.residual)}, and {worst.mode} "
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
