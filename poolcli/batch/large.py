"""TIFFs too large to be held: pooled band by band, from tiles to tiles, with the shift report."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from poolcli import images
from poolcli.batch import job as jobs
from poolcli.evaluate import Evaluation, evaluate, is_local, shift_rows_of_large, size_of
from poolcli.images import tiff, tiled
from poolcli.images.formats import KEEP
from poolcli.images.tiled import SAME, Plane
from poolcli.ops.arrays import Array
from poolcli.ops.filters import to_dtype
from poolcli.recipe.layers import spacings
from poolcli.reports import Job, Outcome
from poolcli.shift.difference import Band
from poolcli.shift.move import Source
from poolcli.shift.record import InputFacts, OutputFacts, ShiftReport, summarize
from poolcli.storage.files import publish


def streams(settings: "jobs.Settings", source: Path, name: str, largest: int) -> bool:
    """Whether a file is a TIFF of more bytes than are held, or more pixels than may be, that can be pooled in bands."""
    if (
        settings.colour
        or settings.recipe.own_dtype
        or settings.reading.dtype != KEEP
        or settings.to_range != "clip"
        or settings.array_range
        or not is_local(settings.recipe)
    ):
        return False
    weight = tiled.weight(source, name, settings.reading)
    most = settings.reading.max_pixels
    if weight is None or (weight[1] < largest and (most is None or weight[0] <= most)):
        return False
    return tiff.tifffile() is not None


def pool_tiled(settings: "jobs.Settings", job: Job, band_bytes: int) -> Outcome:
    """Pool a TIFF from file to file and measure its shifts, never holding more of it than some bands and tiles."""
    assert isinstance(job.source, Path)
    assert isinstance(job.target, Path)
    reports, pixels = [], 0
    with (
        ThreadPoolExecutor(settings.threads) as executor,
        tiled.planes_of(job.source, job.name, settings.reading) as (planes, notes),
        publish(job.target, durable=settings.durable) as stream,
    ):
        said = dict.fromkeys(notes)
        file = tiled.TiffFile(stream, executor, nested=False)
        for number, plane in enumerate(planes):
            if plane.segments is not None:
                plane.segments.map = executor.map
            report = _pool_plane(settings, job, plane, number, file, said, band_bytes)
            reports += [report] if report else []
            pixels += plane.size[0] * plane.size[1]
        file.close()
    if reports and settings.views:
        said["too large to be shown: its report has figures, no pictures"] = None
    return Outcome(job, tuple(reports), tuple(said), pixels=pixels)


def _pool_plane(
    settings: "jobs.Settings",
    job: Job,
    plane: Plane,
    number: int,
    file: tiled.TiffFile,
    said: dict[str, None],
    band_bytes: int,
) -> ShiftReport | None:
    """Pool one page into another; the report on it, if one is wanted."""
    how = jobs.how_of(settings.recipe, plane.frame, labels=settings.labels, guess=True, ignore=settings.ignore)
    how = replace(how, large=True, band_bytes=band_bytes)
    jobs.check_size(settings, *plane.size)
    source = Source(plane.shape, plane.dtype, plane.rows)
    still = evaluate(settings.recipe, source, how, features=settings.shifting is not None)
    level = _page(settings, plane, still, file, said)

    def written(output: Array) -> Array:
        return to_dtype(output, plane.dtype, settings.to_range, alpha=plane.frame.alpha, peak=plane.frame.peak)

    def put(band: Band) -> None:
        level.put(written(band.output.values))

    if settings.shifting is None:
        for band in still.bands():
            put(band)
        return None
    rows = shift_rows_of_large(still, settings.shifting, put, lambda output: (written(output), plane.frame.peak))
    return ShiftReport(
        InputFacts(job.name, plane.size[::-1], plane.frame.mode, number + (settings.reading.frame or 0)),
        OutputFacts(job.target_name, size_of(level.frame.pixels), level.frame.mode),
        str(settings.recipe),
        rows,
        summarize(rows),
    )


def _page(
    settings: "jobs.Settings", plane: Plane, still: Evaluation, file: tiled.TiffFile, said: dict[str, None]
) -> tiled.Level:
    """The page that is written, with the layout of the one that is read, and its place on the map."""
    pixels = np.broadcast_to(plane.dtype.type(0), still.lattices.output.shape)
    after = images.rescaled(replace(plane.frame, pixels=pixels), *spacings(settings.recipe, *plane.size))
    page = after.page or plane.page
    page = replace(page, tags={}) if settings.encoding.strip else page
    said |= dict.fromkeys(tiled.unwritten(page))
    layout = tiled.layout_of(plane, None, SAME, tiled.QUALITY, said, labels=True)
    level = tiled.Level(file, after, page, layout)
    file.add_page([level])
    return level
