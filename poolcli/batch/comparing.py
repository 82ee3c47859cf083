"""The jobs that write no picture: several recipes on one picture over many shifts, and one recipe on two pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import hypot

import numpy as np

from poolcli.batch.frames import PALETTES, check_ignored, coloured, decoded, how_of
from poolcli.batch.settings import Settings
from poolcli.errors import PictureError, PoolcliError, failure
from poolcli.evaluate import (
    Evaluation,
    after_features,
    compared,
    evaluate,
    shifted,
    size_of,
)
from poolcli.images.formats import KEEPS_LABELS
from poolcli.images.frame import Frame, Picture
from poolcli.ops.arrays import Array
from poolcli.ops.filters import to_dtype
from poolcli.recipe import Recipe
from poolcli.reports import Job, Outcome
from poolcli.reports.ranking import Compared, Score
from poolcli.shift.difference import Comparison, Piece
from poolcli.shift.move import Source, fidelities
from poolcli.shift.record import InputFacts, Offset, OutputFacts, Shifting, ShiftReport
from poolcli.storage import Place
from poolcli.visualize import Crop, View, crop_of, draw_views

# The candidates of a ranking by their names in the table: they differ in the recipe alone.
SettingsByName = Mapping[str, Settings]


def evaluated(settings: Settings, frame: Frame) -> Evaluation:
    """What the layers make of a frame. Palettes are labels, nothing is guessed."""
    how = how_of(settings.recipe, frame, labels=settings.labels, guess=False, ignore=settings.ignore)
    return evaluate(coloured(settings, frame), Source.of(frame.pixels), how)


# A ranking


def shifts_within(radius: int) -> tuple[tuple[int, int], ...]:
    """Every shift (dx, dy) of up to `radius` pixels in each direction, but none at all.

    >>> len(shifts_within(1)), len(shifts_within(2))
    (8, 24)
    """
    reach = range(-radius, radius + 1)
    return tuple((dx, dy) for dy in reach for dx in reach if (dx, dy) != (0, 0))


def compare_picture(candidates: SettingsByName, shows: bool, place: Place) -> Compared:
    """Score every candidate on one picture, all its frames; what is wrong with it becomes the error.

    A row never depends on the other candidates: palettes are the colours that they stand for, unless the values are
    called labels; then each candidate gets what it would be given alone. `shows`: also what every one makes of a part
    of the picture.
    """
    name = str(place)
    try:
        with np.errstate(all="ignore"):  # sums beyond the largest float are infinite: an answer
            return _compared(candidates, shows, place, name)
    except (PoolcliError, OSError, MemoryError) as error:
        return Compared(name, error=failure(error, name)[1])


def _compared(candidates: SettingsByName, shows: bool, place: Place, name: str) -> Compared:
    first = next(iter(candidates.values()))
    scores = {key: Score(key, str(each.recipe)) for key, each in candidates.items()}
    notes: dict[str, None] = {}
    size = (0, 0)
    crop: Crop | None = None
    keeping = {key: each.labels and each.recipe.indices for key, each in candidates.items()}
    for labels in dict.fromkeys(keeping.values()):
        picture = decoded(place, name, first.reading, indices=labels)
        check_ignored(first.ignore, picture)
        size = size_of(picture.frames[0].pixels)
        alike: SettingsByName = {key: each for key, each in candidates.items() if keeping[key] == labels}
        if picture.file_mode in PALETTES and not labels:
            alike = _of_colours(alike, notes)
        for frame in picture.frames:
            still = _score_frame(alike, frame, scores, notes)
            if shows and crop is None:
                crop = crop_of(frame, still)
            del still  # not held while the next frame is run
    counted = tuple(score for score in scores.values() if score.rows)
    return Compared(name, size, counted, tuple(notes), crop=crop)


def _of_colours(candidates: SettingsByName, notes: dict[str, None]) -> SettingsByName:
    """Those that the colours of a palette can be given to; PictureError where there is none."""
    able = {key: each for key, each in candidates.items() if each.recipe.keeps_values or not each.recipe.indices}
    why = "since it counts a number of the palette, and colours are ranked; --labels ranks labels"
    if not able:
        raise PictureError(f"{', '.join(candidates)} cannot be ranked, {why}")
    notes |= dict.fromkeys(f"{key} was left out, {why}" for key in candidates if key not in able)
    return able


def _score_frame(
    candidates: SettingsByName, frame: Frame, scores: Mapping[str, Score], notes: dict[str, None]
) -> dict[str, Evaluation]:
    """Add one frame to the scores and give what was made of it.

    What stands before the first down-sampling is run once where it is the same.
    """
    evaluations = {key: evaluated(each, frame) for key, each in candidates.items()}
    has_ignored = next(iter(evaluations.values())).picture.valid is not None
    able = {key: each for key, each in evaluations.items() if each.recipe.ignores or not has_ignored}
    for key in [key for key in evaluations if able and key not in able]:
        notes[f"{key} was left out, since it cannot leave out ignored values; --ignore none lets them count"] = None
    groups: dict[Recipe | None, dict[str, Evaluation]] = {}
    for key, evaluation in (able or evaluations).items():  # where none is able the first says so
        groups.setdefault(evaluation.before, {})[key] = evaluation
    made: dict[str, Evaluation] = {}
    shifting = next(iter(candidates.values())).shifting
    assert shifting is not None
    for group in groups.values():
        made |= _score_group(shifting, group, scores)
    return made


def _score_group(
    shifting: Shifting, group: Mapping[str, Evaluation], scores: Mapping[str, Score]
) -> dict[str, Evaluation]:
    """Of candidates that begin alike: they share features, the ideal picture, and what a shift changes before them."""
    first, *_ = group.values()
    still = {key: first if each is first else first.sharing(each.recipe) for key, each in group.items()}
    for key, fidelity in zip(still, _fidelities(list(still.values())), strict=True):
        scores[key].add_fidelity(fidelity)
    for shift in shifting.shifts:
        reference, other = shifted(first, shift, shifting.edge)
        alike: Comparison | None = None
        for key, each in still.items():
            if reference is first:
                one, moved = each, other if each is first else other.sharing(each.recipe)
            else:
                one, moved = (side if each is first else side.sharing(each.recipe) for side in (reference, other))
            other.whole  # noqa: B018 (held, since several candidates read it)
            alike = compared(one, moved, shift, edge=shifting.edge, tolerance=shifting.tolerance, alike=alike)
            scores[key].add(alike.row(one.contrasts), round(hypot(*shift), 3))
    return still


def _fidelities(evaluations: Sequence[Evaluation]) -> list[float | None]:
    """PSNR of every output against the ideal one; of labels, and where values are ignored, there is none."""
    picture, features, _ = evaluations[0].whole
    values, valid, *_ = (features or picture)[1:]
    if evaluations[0].how.labels or valid is not None:
        return [None] * len(evaluations)
    outputs = [(each.output.values, after_features(each)) for each in evaluations]
    contrasts = evaluations[0].contrasts
    return fidelities(values, outputs, (contrasts.features or contrasts.picture).peak)


# Two given pictures


def compare_two(settings: Settings, places: tuple[Place, Place]) -> Outcome:
    """What the layers leave of the difference of two pictures, frame by frame; reports as of a shift by nothing.

    Raises PictureError when one cannot be read, a window does not fit, or they differ in size, channels or depth.
    """
    assert settings.shifting is not None
    job, tolerance, views = Job(*places, str(places[0]), str(places[1])), settings.shifting.tolerance, settings.views
    first, other = _decoded_alike(settings, places)
    reports: list[ShiftReport] = []
    shown: list[tuple[View, ...]] = []
    for index, frames in enumerate(zip(first.frames, other.frames, strict=True)):
        frame, _ = frames
        _check_alike(places, frames)
        with np.errstate(all="ignore"):
            one, two = (evaluated(settings, each) for each in frames)
            row = compared(one, two, tolerance=tolerance).row(one.contrasts)
            output = one.output.values
            if views:
                written = partial(_as_picture, frame)
                sizes = tuple(views.values())
                shown.append(
                    draw_views(frame, (one, two), written, "clip", Offset(0, 0), sizes, given=True, tolerance=tolerance)
                )
        reports.append(
            ShiftReport.of(
                InputFacts(job.name, size_of(frame.pixels), first.file_mode, index + (settings.reading.frame or 0)),
                OutputFacts(None, size_of(output), frame.mode),
                f"{settings.recipe}{settings.colour or ''}",
                (row,),
            )
        )
    by_form = dict(zip(views, zip(*shown, strict=True), strict=True)) if views else {}
    return Outcome(job, tuple(reports), tuple(dict.fromkeys((*first.notes, *other.notes))), views=by_form)


def _decoded_alike(settings: Settings, places: tuple[Place, Place]) -> tuple[Picture, ...]:
    """Both pictures; as colours where their palettes differ, since equal indices mean nothing then."""
    recipe = settings.recipe
    for labels in dict.fromkeys((recipe.indices, False)):
        one, other = (decoded(place, str(place), settings.reading, indices=labels) for place in places)
        if [frame.palette for frame in one.frames] == [frame.palette for frame in other.frames]:
            break
    if recipe.indices and not recipe.keeps_values and one.file_mode in PALETTES and not labels:
        raise PictureError(
            f"'{places[0]}' and '{places[1]}' have different palettes, and '{recipe}' counts a number of one: give two "
            "pictures of one palette"
        )
    if recipe.indices and not labels:
        why = ", since the other picture has not its colours"
        one, other = (
            replace(each, notes=tuple(note.replace(KEEPS_LABELS, why) for note in each.notes)) for each in (one, other)
        )
    for each in (one, other):
        check_ignored(settings.ignore, each)
    if len(one.frames) != len(other.frames):
        raise PictureError(
            f"'{places[0]}' has {len(one.frames)} frames, '{places[1]}' has {len(other.frames)}: as many of both are "
            "compared; take one with --frame N"
        )
    return one, other


def _check_alike(places: tuple[Place, Place], frames: tuple[Frame, Frame]) -> None:
    one, other = frames
    facts = ", ".join(
        f"'{place}' is {size_of(frame.pixels)[0]}x{size_of(frame.pixels)[1]} {frame.mode}"
        for place, frame in zip(places, frames, strict=True)
    )
    if one.pixels.shape[:2] != other.pixels.shape[:2]:
        raise PictureError(f"{facts}: two pictures of one size are compared; crop or resize one of them")
    if one.mode != other.mode or one.pixels.shape != other.pixels.shape or one.pixels.dtype != other.pixels.dtype:
        raise PictureError(f"{facts}: two pictures of one mode are compared; convert one of them")


def _as_picture(frame: Frame, output: Piece) -> Array:
    return to_dtype(output.values, frame.pixels.dtype, "clip", alpha=frame.alpha, peak=frame.peak)
