"""A job on its way through an engine: its number, how heavy it is, and how a worker elsewhere sees it."""

from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from poolcli import images
from poolcli.batch.job import Settings
from poolcli.batch.state import Task
from poolcli.recipe import Conv
from poolcli.report import Job
from poolcli.stores import Url

HEAD = 1 << 16  # bytes of an object that tell how large a picture it is


def weight(settings: Settings, task: Task) -> int:
    """Bytes of memory that the job will take at most, about, as the header of its picture says; 0 where none does."""
    source, filtered = task.job.source, any(isinstance(layer, Conv) for layer in settings.recipe.layers)
    if isinstance(source, Url):
        from poolcli.stores.access import StoreError, read

        with suppress(StoreError):  # its job will tell
            return images.weigh(BytesIO(read(source, HEAD)), filtered=filtered)
    return images.weigh(source, filtered=filtered) if isinstance(source, Path) else 0


def seen_from_afar(job: Job, base: Path) -> Job:
    """The job with whole paths, below `base`; what it is called stays."""
    source, target = (base / place if isinstance(place, Path) else place for place in (job.source, job.target))
    sides = {name: base / place if isinstance(place, Path) else place for name, place in job.sides.items()}
    return replace(job, source=source, target=target, sides=sides)
