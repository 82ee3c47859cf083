"""The job of one picture: decode, layers, encode; the same layers on the shifted picture, for the shift report.

NumPy and what stands on it are loaded when a picture is run, not with this file: a plan is made without them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from poolcli import images
from poolcli.colour import Colour
from poolcli.errors import PictureError, PoolcliError
from poolcli.recipe import Recipe
from poolcli.report import Grids, Job, Outcome
from poolcli.shift.record import InputFacts, OutputFacts, Shifting, ShiftReport, ShiftRow, summarize
from poolcli.stores import Place, fetched, publish

if TYPE_CHECKING:
    from poolcli.ops.arrays import Array
    from poolcli.visualize import Look, Sizes

Rows = tuple[ShiftRow, ...]

MOST_LOOKS = 8  # frames of a picture that a report shows
SMALL = 16  # pixels a side of a picture whose values are shown
CHUNK = 1 << 20  # what is read of a stream at a time
BYTES_A_PIXEL, SPARE_BYTES = 32, 1 << 26  # no file of a picture needs more: four channels of 64 bits, and notes
LARGE = 1 << 28  # a .npy of so many bytes is not held in memory
BAND_BYTES = 1 << 23  # what is read of it at a time


@dataclass(frozen=True, slots=True)
class Settings:
    """What is the same for every picture of a run; `shifting` None: no report.

    `format` None: the one that the target's extension says, else the picture's own. `durable`: results are on the
    disk, not only with the system, before a job is done. `threads`: how many a large picture may use. `looks`: the
    forms of report that show pictures. `array_range`: how an array becomes a picture of bytes, where its own values
    are none (None: it does not). `printed`: the values themselves are the result.
    """

    recipe: Recipe
    shifting: Shifting | None = field(default_factory=Shifting)
    to_range: str = "clip"
    reading: images.ReadOptions = field(default_factory=images.ReadOptions)
    encoding: images.EncodeOptions = field(default_factory=images.EncodeOptions)
    format: str | None = None
    durable: bool = False
    colour: Colour = field(default_factory=Colour)
    threads: int = 1
    looks: "Mapping[str, Sizes]" = field(default_factory=dict)
    array_range: str | None = None
    printed: bool = False


def run_and_report(settings: Settings, job: Job) -> Outcome:
    """Pool one picture, measure its shifts, write the reports beside its output; what fails is the outcome's error."""
    outcome = run_image(settings, job)
    if outcome.reports:
        from poolcli.report.forms import write_sides

        try:
            write_sides(job.sides, outcome)
        except PoolcliError as error:
            outcome = replace(outcome, error=str(error), kind=error.kind, looks={})
    kept = {name: looks for name, looks in outcome.looks.items() if name not in job.sides}
    return replace(outcome, job=_named(job), looks=kept)  # what is drawn already need not go through the engine


def _named(job: Job) -> Job:
    """`job` with the names of its streams in their place: they are used up, and an outcome is kept on disk."""
    if isinstance(job.source, Place) and isinstance(job.target, Place):
        return job
    return replace(job, source=Path(job.name), target=Path(job.target_name))


def run_image(settings: Settings, job: Job) -> Outcome:
    """Pool one picture and measure its shifts; what is wrong with this picture becomes the outcome's error."""
    import numpy as np

    from poolcli.ops.threads import threads

    try:
        # Sums beyond the largest float are infinite: an answer, no news for stderr.
        with threads(settings.threads), np.errstate(all="ignore"):
            return _pool_picture(settings, job)
    except PoolcliError as error:
        known = job.name in str(error) or job.target_name in str(error)
        return Outcome(job, error=str(error) if known else f"{job.name}: {error}", kind=error.kind)
    except OSError as error:  # of reading, since what is published tells its own; stdout's is not this picture's
        if not isinstance(job.target, Place):
            raise
        text = f"{job.name}: cannot be read ({error.strerror or error}); try it again"
        return Outcome(job, error=text, kind="picture")
    except MemoryError:
        return Outcome(
            job, error=f"{job.name}: too large for the memory of this machine: use a crop of it", kind="memory"
        )


def _pool_picture(settings: Settings, job: Job) -> Outcome:
    if isinstance(job.target, Path) and _asked_format(settings, job) in (None, "NPY"):
        large = large_array(settings, job)
        if large is not None:
            return pool_bands(settings, job, large)
    asked = settings.reading
    picture = images.decode(
        _source(settings, job),
        name=job.name,
        labels=settings.recipe.labels,
        max_pixels=asked.max_pixels,
        frame=asked.frame,
        layout=asked.layout,
        allow_8bit=asked.allow_8bit,
    )
    target_format = _target_format(settings, job, picture)
    images.check_fits(_as_bytes(settings, picture, target_format), target_format, settings.encoding)
    frames, measures = zip(*_pooled_frames(settings, picture, target_format), strict=True)
    pooled = replace(picture, frames=frames)
    written, rows = _write(settings, pooled, job, target_format, lambda: tuple(measure() for measure in measures))
    reports = [
        _report(settings, job, index, (picture.stored_mode, before, after), measured)
        for index, (before, after, measured) in enumerate(zip(picture.frames, written.frames, rows, strict=True))
        if measured
    ]
    looks = _looks(settings, picture, rows, target_format) if settings.looks and reports else {}
    pixels = sum(frame.pixels.shape[0] * frame.pixels.shape[1] for frame in picture.frames)
    grids = _grids(settings, picture, written)
    return Outcome(job, tuple(reports), written.notes, looks=looks, pixels=pixels, grids=grids)


def _source(settings: Settings, job: Job) -> Path | BinaryIO:
    if isinstance(job.source, Place):
        return fetched(job.source)
    most = settings.reading.max_pixels
    whole = BytesIO()  # from where the stream stands, which need not be its start
    try:
        while chunk := job.source.read(CHUNK):
            whole.write(chunk)
            if most is not None and whole.tell() > SPARE_BYTES + BYTES_A_PIXEL * most:
                raise PictureError(
                    f"{job.name}: more than {whole.tell() - 1} bytes on standard input, and no end; if you trust them, "
                    "raise the limit with --max-pixels"
                )
    except OSError as error:
        raise PictureError(f"{job.name}: standard input cannot be read ({error.strerror}); name a file") from error
    whole.seek(0)
    return whole


def _pooled_frames(
    settings: Settings, picture: images.Picture, target_format: str
) -> Iterator[tuple[images.Frame, Callable[[], Rows]]]:
    """Every frame with its pooled pixels, in the dtype it had (arrays keep floats), and what gives its shift rows.

    A single frame is measured while it is encoded; of several each is measured here, lest all be kept for that.
    """
    from poolcli.evaluate import measure_layers, run_layers
    from poolcli.ops.aps import chosen_phases
    from poolcli.recipe.shapes import spacings

    for frame in picture.frames:
        layers = _layers(settings, frame)
        with chosen_phases() as phases:
            dense, pooled = run_layers(layers, frame.pixels, alpha=frame.alpha)
        measure = partial(measure_layers, layers, frame.pixels, (dense, pooled), settings.shifting, alpha=frame.alpha)
        if len(picture.frames) > 1:
            measure = partial(tuple, measure())
        after = replace(frame, pixels=_as_written(settings, frame, target_format, pooled))
        if frame.page is not None:
            height, width = frame.pixels.shape[:2]
            after = images.rescaled(after, *spacings(layers, height, width, phases))
        yield after, measure


def _layers(settings: Settings, frame: images.Frame) -> Recipe:
    return settings.colour.around(settings.recipe, frame.mode, frame.pixels.dtype, alpha=frame.alpha)


def _as_written(settings: Settings, frame: images.Frame, target_format: str, pooled: "Array") -> "Array":
    if target_format in images.ARRAYS:
        return pooled
    from poolcli.ops.ranges import array_bytes, to_dtype

    if _to_bytes(settings, frame, target_format):
        return array_bytes(pooled, settings.array_range or "clip")
    return to_dtype(pooled, frame.pixels.dtype, settings.to_range, alpha=frame.alpha, peak=frame.peak)


def _to_bytes(settings: Settings, frame: images.Frame, target_format: str) -> bool:
    """Whether this is an array that is to become a picture of bytes."""
    wanted = settings.array_range is not None and "layout" in frame.info and target_format not in images.ARRAYS
    return wanted and frame.pixels.dtype not in ("uint8", "bool")


def _as_bytes(settings: Settings, picture: images.Picture, target_format: str) -> images.Picture:
    """`picture` with frames of bytes where that is what is written, to be judged before any work: not their values."""
    import numpy as np

    frames = (
        replace(frame, pixels=np.broadcast_to(np.uint8(0), frame.pixels.shape))
        if _to_bytes(settings, frame, target_format)
        else frame
        for frame in picture.frames
    )
    return replace(picture, frames=tuple(frames))


def _grids(settings: Settings, picture: images.Picture, written: images.Picture) -> Grids | None:
    """The values of a picture that is small, or of numbers that are the result."""
    before, after = picture.frames[0].pixels, written.frames[0].pixels
    small = max(before.shape[:2]) <= SMALL and max(after.shape[:2]) <= SMALL
    if len(picture.frames) > 1 or before.ndim != 2 or after.ndim != 2 or not (small or settings.printed):
        return None
    return Grids(before, after, settings.recipe.tile)


def _looks(
    settings: Settings, picture: images.Picture, rows: tuple[Rows, ...], target_format: str
) -> "dict[str, tuple[Look, ...]]":
    """For every form that shows pictures, a look at each of the first frames, for its worst shift."""
    from poolcli.visualize import look

    assert settings.shifting is not None
    sizes = tuple(settings.looks.values())
    looks = [
        look(
            _layers(settings, frame),
            frame,
            None if target_format in images.ARRAYS else settings.to_range,
            settings.shifting,
            summarize(measured).worst,
            sizes,
        )
        for frame, measured in list(zip(picture.frames, rows, strict=True))[:MOST_LOOKS]
    ]
    return dict(zip(settings.looks, zip(*looks, strict=True), strict=True))


def _asked_format(settings: Settings, job: Job) -> str | None:
    """The format that is named, or that the target's extension says."""
    return settings.format or (images.format_of(job.target) if isinstance(job.target, Place) else None)


def _target_format(settings: Settings, job: Job, picture: images.Picture) -> str:
    return _asked_format(settings, job) or images.default_format(picture.format)


def _write(
    settings: Settings, picture: images.Picture, job: Job, target_format: str, measure: Callable[[], tuple[Rows, ...]]
) -> tuple[images.Picture, tuple[Rows, ...]]:
    """Encode the picture and measure its shifts, at the same time where there are threads; published when both are."""
    from poolcli.ops.threads import beside

    size = sum(frame.pixels.nbytes for frame in picture.frames)
    encode = partial(images.encode, picture, format=target_format, options=settings.encoding)
    if isinstance(job.target, Place):
        with publish(job.target, durable=settings.durable) as stream:
            return beside(partial(encode, stream), measure, size)
    whole = BytesIO()
    written, rows = beside(partial(encode, whole), measure, size)
    job.target.write(whole.getbuffer())
    job.target.flush()
    return written, rows


def _report(
    settings: Settings,
    job: Job,
    index: int,
    frames: tuple[str, images.Frame, images.Frame],
    rows: Rows,
) -> ShiftReport:
    from poolcli.evaluate import size_of

    stored_mode, before, after = frames
    return ShiftReport(
        InputFacts(job.name, size_of(before.pixels), stored_mode, index),
        OutputFacts(job.target_name, size_of(after.pixels), after.mode),
        f"{settings.recipe}{settings.colour.words}",
        rows,
        summarize(rows),
    )


def large_array(settings: Settings, job: Job) -> images.LargeArray | None:
    """The input, if it is an array too large for memory that can be pooled band by band into another."""
    from poolcli.evaluate import is_local

    if not isinstance(job.source, Path) or settings.colour or not is_local(settings.recipe):
        return None
    return images.open_large(job.source, job.name, settings.reading, LARGE)


def pool_bands(settings: Settings, job: Job, large: images.LargeArray) -> Outcome:
    """Pool an array from file to file, never holding more of it than a band."""
    from poolcli.evaluate import bands, output_size

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


def _rows_of_a_band(part: "Array") -> int:
    return max(1, BAND_BYTES * len(part) // part.nbytes)
