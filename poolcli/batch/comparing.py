"""The jobs that write no picture: several recipes on one picture over many shifts, and one recipe on two pictures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import hypot
from statistics import fmean

import numpy as np

from poolcli import images
from poolcli.errors import PictureError, PoolcliError
from poolcli.evaluate import measure_layers, size_of
from poolcli.ops.ideal import fidelities
from poolcli.recipe import Recipe
from poolcli.report import Job, Outcome
from poolcli.report.ranking import Match, Point, Standing
from poolcli.shift.difference import measure_pair, value_range
from poolcli.shift.record import InputFacts, Offset, OutputFacts, Shifting, ShiftReport, ShiftRow, summarize
from poolcli.stores import Place, fetched
from poolcli.visualize import Sizes, look_at


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
            allow_8bit=asked.allow_8bit,
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


def compare_pictures(
    recipe: Recipe,
    paths: tuple[Place, Place],
    reading: images.ReadOptions,
    tolerance: float = 0,
    looks: Mapping[str, Sizes] | None = None,
) -> Outcome:
    """What the layers leave of the difference of two pictures (their first frames); a report as of a shift by nothing.

    Raises PictureError when one cannot be read, a window does not fit, or they differ in size, channels or depth.
    """
    first, other = (_decoded(path, reading, labels=recipe.labels) for path in paths)
    frame, pair = first.frames[0], (first.frames[0].pixels, other.frames[0].pixels)
    _check_alike(paths, (frame, other.frames[0]))
    head, tail = recipe.split()
    run = partial(recipe, alpha=frame.alpha)
    with np.errstate(all="ignore"):  # as in the pipeline
        row = measure_pair(
            pair,
            head=partial(head, alpha=frame.alpha) if head else None,
            tail=partial(tail, alpha=frame.alpha),
            footprints=recipe.footprints,
            tolerance=tolerance,
        )
        output = run(pair[0])
    report = ShiftReport(
        InputFacts(str(paths[0]), size_of(frame.pixels), first.stored_mode),
        OutputFacts(None, size_of(output), frame.mode),
        str(recipe),
        (row,),
        summarize((row,)),
    )
    job = Job(paths[0], paths[1], str(paths[0]), str(paths[1]))
    with np.errstate(all="ignore"):
        seen = look_at(recipe, frame, pair, "clip", Offset(0, 0), tuple((looks or {}).values())) if looks else ()
    by_form = {name: (each,) for name, each in zip(looks or {}, seen, strict=True)}
    return Outcome(job, (report,), looks=by_form)


def _decoded(path: Place, reading: images.ReadOptions, *, labels: bool) -> images.Picture:
    return images.decode(
        fetched(path),
        name=str(path),
        labels=labels,
        max_pixels=reading.max_pixels,
        frame=reading.frame,
        layout=reading.layout,
        allow_8bit=reading.allow_8bit,
    )


def _check_alike(paths: tuple[Place, Place], frames: tuple[images.Frame, images.Frame]) -> None:
    told = []
    for path, frame in zip(paths, frames, strict=True):
        width, height = size_of(frame.pixels)
        told.append(f"'{path}' is {width}x{height} {frame.mode}")
    one, other = frames
    if one.pixels.shape[:2] != other.pixels.shape[:2]:
        raise PictureError(f"{told[0]}, {told[1]}: two pictures of one size are compared; crop or resize one of them")
    if one.mode != other.mode or one.pixels.shape != other.pixels.shape or one.pixels.dtype != other.pixels.dtype:
        raise PictureError(f"{told[0]}, {told[1]}: two pictures of one mode are compared; convert one of them")
