"""Several recipes on one picture, over many shifts: how much each leaves of the change, and what it makes of detail."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import hypot
from statistics import fmean

import numpy as np

from poolcli import images
from poolcli.errors import PoolcliError
from poolcli.execute import measure_layers, size_of
from poolcli.ops.ideal import fidelities
from poolcli.recipe import Recipe
from poolcli.shift.asked import Shifting
from poolcli.shift.compare import value_range
from poolcli.shift.record import ShiftRow
from poolcli.stores import Place, fetched


@dataclass(frozen=True, slots=True)
class Contender:
    """A recipe, and what it is called in the table."""

    name: str
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class Contest:
    """What is compared, and how pictures are moved."""

    contenders: tuple[Contender, ...]
    shifting: Shifting
    reading: images.ReadOptions = field(default_factory=images.ReadOptions)


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


def shifts_within(radius: int) -> tuple[tuple[int, int], ...]:
    """Every shift (dx, dy) of up to `radius` pixels in each direction, but none at all.

    >>> len(shifts_within(1)), len(shifts_within(2))
    (8, 24)
    """
    reach = range(-radius, radius + 1)
    return tuple((dx, dy) for dy in reach for dx in reach if (dx, dy) != (0, 0))


def play(contest: Contest, place: Place) -> Match:
    """Compare the contenders on one picture (its first frame); what is wrong with it becomes the match's error."""
    name, asked = str(place), contest.reading
    try:
        labels = all(contender.recipe.labels for contender in contest.contenders)
        frame = images.decode(
            fetched(place),
            name=name,
            labels=labels,
            max_pixels=asked.max_pixels,
            frame=asked.frame,
            layout=asked.layout,
        ).frames[0]
        with np.errstate(all="ignore"):  # as in the pipeline
            standings = _standings(contest, frame)
        return Match(name, size_of(frame.pixels), standings)
    except PoolcliError as error:
        return Match(name, error=str(error) if name in str(error) else f"{name}: {error}")
    except OSError as error:
        return Match(name, error=f"{name}: cannot be read ({error.strerror or error}); try it again")
    except MemoryError:
        return Match(name, error=f"{name}: too large for the memory of this machine: use a crop of it")


def _standings(contest: Contest, frame: images.Frame) -> tuple[Standing, ...]:
    """All of them, in order. What stands before the first down-sampling is run once where it is the same."""
    found: dict[Contender, Standing] = {}
    heads = {contender: contender.recipe.split()[0] for contender in contest.contenders}
    for head in dict.fromkeys(heads.values()):
        contenders = [contender for contender in contest.contenders if heads[contender] == head]
        found |= _standings_after(head, contenders, contest.shifting, frame)
    return tuple(found[contender] for contender in contest.contenders)


def _standings_after(
    head: Recipe | None, contenders: Sequence[Contender], shifting: Shifting, frame: images.Frame
) -> dict[Contender, Standing]:
    """Of contenders that all begin with `head`: they share the ideal picture, and what a shift changes before them."""
    dense = head(frame.pixels, alpha=frame.alpha) if head else frame.pixels
    tails = [contender.recipe.split()[1] for contender in contenders]
    outputs = [tail(dense, alpha=frame.alpha) for tail in tails]
    seen = [tail.footprints(*dense.shape[:2]) for tail in tails]
    known = fidelities(dense, list(zip(outputs, seen, strict=True)), value_range(dense))
    found: dict[Contender, Standing] = {}
    rows: tuple[ShiftRow, ...] | None = None
    for contender, output, fidelity in zip(contenders, outputs, known, strict=True):
        still = dense, output
        rows = measure_layers(contender.recipe, frame.pixels, still, shifting, alpha=frame.alpha, alike=rows)
        found[contender] = _standing(contender, rows, fidelity)
    return found


def _standing(contender: Contender, rows: Sequence[ShiftRow], fidelity: float | None) -> Standing:
    return Standing(
        contender.name,
        str(contender.recipe),
        mean(row.residual for row in rows),
        mean(map(aligned_residual, rows)),
        mean(row.absorbed for row in rows),
        mean(row.gain for row in rows),
        fidelity,
        _curve(rows),
    )


def aligned_residual(row: ShiftRow) -> float | None:
    """What is left of the change in value when the output may move along by whole pixels."""
    before = row.dense or row.raw
    return row.aligned.mae / before.mae if row.aligned and before.mae else None


def _curve(rows: Sequence[ShiftRow]) -> tuple[Point, ...]:
    by_distance: dict[float, list[ShiftRow]] = {}
    for row in rows:
        by_distance.setdefault(round(hypot(row.dx, row.dy), 3), []).append(row)
    return tuple(
        Point(distance, mean(row.residual for row in there), mean(map(aligned_residual, there)))
        for distance, there in sorted(by_distance.items())
    )


def mean(figures: Iterable[float | None]) -> float | None:
    """The mean of those that are there; None where there are none."""
    known = [figure for figure in figures if figure is not None]
    return fmean(known) if known else None
