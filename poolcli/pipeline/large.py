"""Arrays larger than memory: pooled band by band, from file to file."""

from functools import partial
from pathlib import Path

from poolcli import images
from poolcli.banded import bands, is_local, output_size
from poolcli.ops.arrays import Array
from poolcli.pipeline.job import Job, Outcome, Settings
from poolcli.stores import publish

LARGE = 1 << 28  # a .npy of so many bytes is not held in memory
BAND_BYTES = 1 << 23  # what is read of it at a time


def large_array(settings: Settings, job: Job) -> images.LargeArray | None:
    """The input, if it is an array too large for memory that can be pooled band by band into another."""
    if not isinstance(job.source, Path) or settings.colour or not is_local(settings.recipe):
        return None
    return images.open_large(job.source, job.name, settings.reading, LARGE)


def pool_bands(settings: Settings, job: Job, large: images.LargeArray) -> Outcome:
    """Pool an array from file to file, never holding more of it than a band."""
    assert isinstance(job.target, Path)
    shape = large.shape(output_size(settings.recipe, large.size))
    with publish(job.target, durable=settings.durable) as stream:
        pooled = (
            large.as_stored(band)
            for part in large.parts(BAND_BYTES)
            for band in bands(settings.recipe, large.size, partial(images.rows_of, part), _rows_of_a_band(part))
        )
        images.write_bands(stream, shape, pooled)
    note = "pooled band by band, without a shift report, since the array is too large to be held in memory"
    return Outcome(job, notes=(note,) if settings.shifting else (), pixels=large.pixels)


def _rows_of_a_band(part: Array) -> int:
    return max(1, BAND_BYTES * len(part) // part.nbytes)
