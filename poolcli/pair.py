"""The shift report for two given pictures: decode both, run the same layers on both, compare. Nothing is written."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from poolcli import images
from poolcli.errors import PictureError
from poolcli.execute import size_of
from poolcli.look import Sizes, look_at
from poolcli.ops.arrays import Array
from poolcli.ops.ranges import to_dtype
from poolcli.pipeline import Job, Outcome
from poolcli.recipe import Recipe
from poolcli.shift.measure import measure_pair
from poolcli.shift.record import InputFacts, Offset, OutputFacts, ShiftReport, summarize
from poolcli.stores import Place, fetched


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
    written = partial(_as_picture, frame)
    with np.errstate(all="ignore"):
        seen = look_at(recipe, frame, pair, written, Offset(0, 0), tuple((looks or {}).values())) if looks else ()
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


def _as_picture(frame: images.Frame, output: Array) -> Array:
    return to_dtype(output, frame.pixels.dtype, "clip", alpha=frame.alpha)
