"""What is the same for every picture of a run, and what a job takes before it runs; loaded without NumPy and Pillow."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from poolcli.colour import Colour
from poolcli.images.formats import KEEP, EncodeOptions, ReadOptions, is_zarr
from poolcli.recipe import Conv, Recipe
from poolcli.records import dataclass
from poolcli.reports import Job
from poolcli.shift.record import Shifting
from poolcli.storage import Place, Url, stores

if TYPE_CHECKING:
    from poolcli.visualize import Sizes


@dataclass(frozen=True, slots=True)
class IgnoreOptions:
    """What counts in no window: `values` (numbers, and tuples of them for colours), and what files declare as no-data.

    `min_valid`: the share of valid values that a window needs.
    """

    values: tuple[float | int | tuple[float | int, ...], ...] = ()
    declared: bool = True
    min_valid: float = 0.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What is the same for every picture of a run; `shifting` None: no report.

    `format` None: the one that the target's extension says, else the picture's own. `durable`: results are on the disk,
    not only with the system, before a job is done. `threads`: how many a large picture may use. `views`: the forms of
    report that show pictures; `argv`: words of a command line that read them so. `labels`: values are labels,
    whatever is done with them; `ignore`: what counts in no window. `array_range`: how an array becomes a picture of
    bytes, where its own values are none (None: it does not). `printed`: the values themselves are the result. `exact`:
    no window may leave out a border. `largest`: bytes from which a TIFF, a .npy or a Zarr is not held in memory;
    `band_bytes`: what is read of it at a time.
    """

    recipe: Recipe
    shifting: Shifting | None = field(default_factory=Shifting)
    to_range: str = "clip"
    reading: ReadOptions = field(default_factory=ReadOptions)
    encoding: EncodeOptions = field(default_factory=EncodeOptions)
    format: str | None = None
    durable: bool = False
    colour: Colour | None = None
    labels: bool = False
    ignore: IgnoreOptions = field(default_factory=IgnoreOptions)
    threads: int = 1
    views: "Mapping[str, Sizes]" = field(default_factory=dict)
    argv: tuple[str, ...] = ()
    array_range: str | None = None
    printed: bool = False
    exact: bool = False
    largest: int = 1 << 28
    band_bytes: int = 1 << 23


HEAD = 1 << 16  # bytes of an object that say how large a picture it is


def weight(settings: Settings, job: Job) -> int:
    """Bytes of memory that the job will take at most, about, as the header of its picture says; 0 where none does."""
    from poolcli.images.inspection import memory_needed  # and with it Pillow

    source = job.source
    filtered = settings.reading.dtype != KEEP or any(isinstance(layer, Conv) for layer in settings.recipe.layers)
    if isinstance(source, Url) and not is_zarr(source):
        with suppress(stores.StoreError):  # its job reports it
            return memory_needed(BytesIO(stores.read(source, HEAD)), filtered=filtered)
    return memory_needed(source, filtered=filtered) if isinstance(source, Place) else 0


def seen_from_afar(job: Job, base: Path) -> Job:
    """The job with whole paths, below `base`; what it is called stays."""
    source, target = (base / place if isinstance(place, Path) else place for place in (job.source, job.target))
    sides = {name: base / place if isinstance(place, Path) else place for name, place in job.sides.items()}
    return replace(job, source=source, target=target, sides=sides)
