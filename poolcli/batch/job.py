"""The job of one picture: pooled as a whole or, if it is large, band by band; its reports; what fails as an outcome."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np

from poolcli.batch.frames import check_size, pool_held
from poolcli.batch.settings import Settings
from poolcli.errors import PoolcliError, failure
from poolcli.images.formats import ZARR, format_of, is_zarr
from poolcli.ops.arrays import threads
from poolcli.reports import Job, Outcome
from poolcli.storage import Place

STREAMED = (None, "TIFF", "NPY", ZARR)  # formats that may be written band by band; None: the picture's own


def run_and_report(settings: Settings, job: Job) -> Outcome:
    """Pool one picture, measure its shifts, write the reports beside its output; what fails is the outcome's error."""
    outcome = run_image(settings, job)
    if outcome.reports:
        from poolcli.reports.forms import write_sides

        try:
            write_sides(job.sides, outcome)
        except PoolcliError as error:
            outcome = replace(outcome, error=str(error), kind=error.kind, views={})
    views = {form: shown for form, shown in outcome.views.items() if form not in job.sides}
    return replace(outcome, job=_named(job), views=views)  # what is drawn already need not go through the engine


def inspect(settings: Settings, job: Job) -> Outcome | None:
    """The failure that the header of a picture foretells: no picture, too many pixels, a window that does not fit."""
    if not isinstance(job.source, Path) and not is_zarr(job.source):
        return None
    from poolcli.images import inspection

    try:
        requested = _requested_format(settings, job)
        streams = requested in STREAMED and _streamed(settings, job, requested)
        reading = replace(settings.reading, max_pixels=None) if streams else settings.reading
        size = inspection.inspect(job.source, job.name, reading)
        if size is not None:
            check_size(settings, *size)
    except PoolcliError as error:
        return _failed(job, error)
    return None


def redrawn(settings: Settings, job: Job, before: Outcome) -> Outcome:
    """What an earlier run has made of a picture, with the pictures that a report shows; nothing is written."""
    from tempfile import TemporaryDirectory  # 1 MiB

    settings = replace(settings, format=_requested_format(settings, job))
    with TemporaryDirectory() as folder:
        target = Path(folder, Path(job.target_name).name) if isinstance(job.target, Path) else BytesIO()
        outcome = run_image(settings, replace(job, target=target))
    return replace(before, views=outcome.views)


def _named(job: Job) -> Job:
    """`job` with the names of its streams in their place: they are used up, and an outcome is kept on disk."""
    if isinstance(job.source, Place) and isinstance(job.target, Place):
        return job
    return replace(job, source=Path(job.name), target=Path(job.target_name))


def run_image(settings: Settings, job: Job) -> Outcome:
    """Pool one picture and measure its shifts; what is wrong with this picture becomes the outcome's error."""
    try:
        # Sums beyond the largest float are infinite: an answer, no news for stderr.
        with threads(settings.threads), np.errstate(all="ignore"):
            return _pool_picture(settings, job)
    except (PoolcliError, OSError, MemoryError) as error:
        # An OSError is of reading, since `publish` turns its own into OutputError; stdout's is not this picture's.
        if isinstance(error, OSError) and not isinstance(job.target, Place):
            raise
        return _failed(job, error)


def _failed(job: Job, error: PoolcliError | OSError | MemoryError) -> Outcome:
    kind, sentence = failure(error, job.name, job.target_name)
    return Outcome(job, error=sentence, kind=kind)


def _pool_picture(settings: Settings, job: Job) -> Outcome:
    requested = _requested_format(settings, job)
    if requested in STREAMED and (target_format := _streamed(settings, job, requested)) is not None:
        from poolcli.batch.large import pool_streamed

        return pool_streamed(settings, job, target_format)
    return pool_held(settings, job, requested)


def _streamed(settings: Settings, job: Job, requested: str | None) -> str | None:
    """The format in which a picture is written that is not held, of those of STREAMED; None where it is held."""
    if not (isinstance(job.source, Place) and isinstance(job.target, Path)):
        return None
    from poolcli.batch.large import streams

    return streams(settings, job.source, job.name, requested)


def _requested_format(settings: Settings, job: Job) -> str | None:
    """The format that is named, or that the target's extension says."""
    return settings.format or (format_of(job.target) if isinstance(job.target, Place) else None)
