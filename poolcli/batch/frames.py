"""The frames of a picture: how each is read, run, written and measured, and all of them where a picture is held."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from poolcli.batch.settings import IgnoreOptions, Settings
from poolcli.errors import PictureError
from poolcli.evaluate import Evaluation, How, differences, evaluate, size_of
from poolcli.images.decoding import decode
from poolcli.images.encoding import check_fits, encode, held
from poolcli.images.formats import ARRAYS, FORMATS, KEEP, SAME, ZARR, ReadOptions, default_format
from poolcli.images.frame import PIXEL_MODES, Frame, Picture
from poolcli.ops.arrays import Array, beside
from poolcli.ops.filters import STRETCH, to_dtype
from poolcli.ops.ignored import Ignored
from poolcli.ops.modes import find_mode
from poolcli.ops.pooling import checked
from poolcli.recipe import Activation, Pool, Recipe
from poolcli.recipe.layers import left_out, shapes, spacings
from poolcli.reports import IN_RECORDS, Job, Matrices, Outcome
from poolcli.shift.difference import Piece
from poolcli.shift.move import Source
from poolcli.shift.record import InputFacts, Offset, OutputFacts, ShiftReport, ShiftRow, worst_of
from poolcli.storage import Place, publish
from poolcli.storage.files import publish_folder

if TYPE_CHECKING:  # loaded only when a report shows pictures
    from poolcli.visualize import View

Rows = tuple[ShiftRow, ...]
Measured = tuple[Rows, "tuple[View, ...]"]  # of one frame, with a view of the worst row in every size that is shown

MOST_VIEWS = 8  # frames of a picture that a report shows
SMALL = 16  # pixels a side of a picture whose values are shown
HEAVY = 1 << 27  # bytes of an output that is measured before it is encoded, not meanwhile
PALETTES = ("P", "PA")  # modes of files whose values are numbers of colours


def pool_held(settings: Settings, job: Job, requested: str | None) -> Outcome:
    """Pool a picture whose frames are held, and measure their shifts; `requested` None: its own format, or the usual.

    PictureError for what cannot be read, pooled or written so.
    """
    picture = decoded(_source(settings, job), job.name, settings.reading, indices=settings.recipe.indices)
    check_ignored(settings.ignore, picture)
    picture = replace(picture, notes=tuple(dict.fromkeys((*picture.notes, *notes_on(settings, picture)))))
    target_format = requested or default_format(picture.format)
    if target_format != ZARR and (settings.encoding.tile or settings.encoding.compression != SAME):
        raise PictureError(_HELD)
    if settings.encoding.labels and (
        settings.recipe.own_dtype
        or not any(_are_labels(settings.recipe, frame, labels=settings.labels, guess=True) for frame in picture.frames)
    ):
        settings = replace(settings, encoding=replace(settings.encoding, labels=False))  # the recipe is, these are not
    pixels = sum(frame.pixels.shape[0] * frame.pixels.shape[1] for frame in picture.frames)
    judged = _as_written(settings, picture, target_format)
    check_fits(judged, target_format, settings.encoding)
    if any(frame.nodata and not after.nodata for frame, after in zip(picture.frames, judged.frames, strict=True)):
        picture = replace(picture, notes=(*picture.notes, NO_DATA))
    if target_format != ZARR and "zarr" in picture.frames[0].info:
        from poolcli.images.zarr import omitted

        said = omitted(picture.frames[0], target_format, strip=settings.encoding.strip)
        picture = replace(picture, notes=(*picture.notes, *said))
    runs = [_Run(settings, picture, index, target_format) for index in range(len(picture.frames))]
    pooled = replace(picture, frames=tuple(run.pooled() for run in runs))
    written, measured = _write(settings, pooled, job, target_format, lambda: [run.measured() for run in runs])
    matrices, reports, views = _matrices(settings, picture, written), [], []
    for run, after, (rows, shown) in zip(runs, written.frames, measured, strict=True):
        if rows:
            reports.append(_report(settings, job, run, after, rows))
            views.append(shown)
    by_form = zip(settings.views, zip(*views[:MOST_VIEWS], strict=True), strict=True) if views else ()
    return Outcome(job, tuple(reports), written.notes, views=dict(by_form), pixels=pixels, matrices=matrices)


_HELD = (
    "tiles and their compression are chosen where a TIFF is written band by band: leave out --linear, --premultiply, "
    "--dtype, --to-range and layers that need the whole picture, and pip install tifffile imagecodecs"
)


def decoded(source: Place | BinaryIO, name: str, reading: ReadOptions, *, indices: bool) -> Picture:
    """The picture in a file or stream; `indices`: the numbers of a palette's colours, not the colours."""
    picture = decode(source, name=name, indices=indices, options=reading)
    if reading.dtype == KEEP:
        return picture
    return replace(picture, frames=tuple(_as_floats(frame, reading.dtype, name) for frame in picture.frames))


def _as_floats(frame: Frame, dtype: str, name: str) -> Frame:
    """The frame with floats of its integers; PictureError where there are none for them."""
    pixels, wide = frame.pixels, np.dtype(dtype)
    if pixels.dtype.kind == "f" and pixels.dtype.itemsize <= wide.itemsize:
        return frame
    if pixels.dtype.kind == "f":
        raise PictureError(f"{name}: {pixels.dtype} would lose digits in {dtype}: leave --dtype out, or use float64")
    most = 1 << np.finfo(wide).nmant + 1
    largest = max(abs(int(pixels.min())), abs(int(pixels.max())))
    if largest > most:
        way = "use --dtype float64" if dtype == "float32" and largest <= 1 << 53 else "leave --dtype out"
        raise PictureError(f"{name}: {dtype} holds whole numbers up to {most}, and the picture has {largest}: {way}")
    from poolcli.images.tiff_pages import retyped

    return replace(retyped(frame, wide, same=True), pixels=pixels.astype(wide))


def _source(settings: Settings, job: Job) -> Place | BinaryIO:
    if isinstance(job.source, Place):
        return job.source
    from poolcli.images.inspection import read_stream

    return read_stream(job.source, job.name, settings.reading)


def check_size(settings: Settings, height: int, width: int) -> str:
    """Which rows and columns of a picture no window holds, as a sentence, if there are any.

    PictureError where a window does not fit, or where windows have to be `exact` and are not.
    """
    border = left_out(settings.recipe, height, width)
    if border and settings.exact:
        raise PictureError(
            f"{border} of {width}x{height} pixels: use --ceil, padding, a --size or a crop, or leave --exact out"
        )
    return border


HIDDEN = "colours were averaged as they are, however transparent: --premultiply weighs them by alpha"
NO_DATA = "the no-data value was dropped, since it is none of the bytes that are written"
CHANNELS, LARGE_AXIS = (3, 4), 16  # of a first axis that may hold channels, before others of at least so many


def notes_on(settings: Settings, picture: Picture) -> Iterator[str]:
    """What a user may not see: axes that are read otherwise than they are meant, borders, colours that are hidden.

    PictureError as of `check_size`.
    """
    for frame in picture.frames:
        shape = frame.pixels.shape
        taken_for_hwc = settings.reading.layout is None and frame.info.get("layout") == "hwc"
        if taken_for_hwc and shape[0] in CHANNELS and min(shape[1:]) >= LARGE_AXIS:
            axes = " x ".join(map(str, shape))
            yield f"an array of {axes} was read as height x width x channels: if channels come first say --layout chw"
        if border := check_size(settings, *shape[:2]):
            yield f"{border}: {IN_RECORDS}"
        if averages_hidden_colours(settings, frame):
            yield HIDDEN


def averages_hidden_colours(settings: Settings, frame: Frame) -> bool:
    """Whether straight alpha that is not the same everywhere stands beside colours of which means are made."""
    weighted = settings.colour is not None and settings.colour.premultiply
    if not frame.alpha or frame.mode.startswith(("La", "RGBa")) or weighted:
        return False
    modes = [find_mode(layer.mode) for layer in settings.recipe.layers if isinstance(layer, Pool)]
    means = any(mode.weighted and not mode.keeps_values for mode in modes)  # what --premultiply weighs
    alpha = frame.pixels[..., -1]
    return means and bool(alpha.min() < alpha.max())


class _Run:
    """One frame on its way: pooled first, then measured beside the encoding.

    Of several frames each is measured at once, lest all be kept for that.
    """

    def __init__(self, settings: Settings, picture: Picture, index: int, target_format: str) -> None:
        self.settings, self.frame, self.index = settings, picture.frames[index], index
        self.file_mode, self.target_format = picture.file_mode, target_format
        self._at_once = len(picture.frames) > 1
        self._measured: Measured = (), ()
        self._still: Evaluation | None = None
        self._output: Piece | None = None  # and the frame with it
        self._after: Frame | None = None

    def pooled(self) -> Frame:
        """The frame with its pooled pixels, as they are written: in the dtype it had, but arrays keep floats."""
        frame, settings = self.frame, self.settings
        how = how_of(settings.recipe, frame, labels=settings.labels, guess=True, ignore=settings.ignore)
        recipe = coloured(settings, frame)
        still = evaluate(recipe, Source.of(frame.pixels), how, features=settings.shifting is not None)
        phases: list[tuple[int, int]] = []
        located = frame.page is not None or self.target_format == ZARR
        if not located:
            output = still.output
        else:  # where the pixels lie on a map
            from poolcli.ops.sampling import chosen_phases

            with chosen_phases() as phases:
                output = still.output
        if recipe.own_dtype:
            checked(output.values, output.valid)
        self._output, self._after = output, frame_of(settings, frame, self.target_format, output)
        after = self._after
        if settings.shifting is not None:
            self._still = still
            if self._at_once:
                self._measured = self.measured()
        if not located:
            return after
        height, width = frame.pixels.shape[:2]
        return placed(after, spacings(recipe, height, width, phases))

    def _with(self, output: Piece) -> Frame:
        """The frame with an output as its file holds it."""
        if self._after is not None and self._output is not None and output.values is self._output.values:
            return self._after
        return frame_of(self.settings, self.frame, self.target_format, output)

    def _written(self, output: Piece) -> Array:
        """An output as its file holds it."""
        return self._with(output).pixels

    def _in_file(self, output: Piece) -> tuple[Array, int | None]:
        """An output as its file holds it, which may have fewer channels, colours or modes; and what is white there."""
        frame = held(self._with(output), self.target_format, self.settings.encoding)
        return frame.pixels, frame.peak

    def measured(self) -> Measured:
        """What every shift leaves; nothing where no report is wanted."""
        still, self._still, shifting, sizes = self._still, None, self.settings.shifting, self.settings.views
        if still is None or shifting is None:
            return self._measured
        rows: list[ShiftRow] = []
        worst = None
        # A file without a palette that holds this output as it is holds every other one so.
        first = self._output
        exact = self.frame.palette is None and first is not None and self._in_file(first)[0] is first.values
        for row, *evaluations in differences(still, shifting, None if exact else self._in_file, hold=bool(sizes)):
            rows.append(row)
            if sizes and self.index < MOST_VIEWS and row is worst_of(rows):
                worst = row, evaluations
        self._output = self._after = None
        if worst is None:
            return tuple(rows), ()
        from poolcli.visualize import draw_views

        row, (reference, other) = worst
        to_range = None if self.target_format in ARRAYS else self.settings.to_range
        place, tolerance = Offset(row.dx, row.dy), shifting.tolerance
        shown, argv = tuple(sizes.values()), self.settings.argv
        views = draw_views(
            self.frame, (reference, other), self._written, to_range, place, shown, tolerance=tolerance, argv=argv
        )
        return tuple(rows), views


def coloured(settings: Settings, frame: Frame) -> Recipe:
    """The recipe as the colours of a frame need it; PictureError where these have no linear light."""
    if settings.colour is None:
        return settings.recipe
    return settings.colour.around(settings.recipe, frame.mode, frame.pixels.dtype, alpha=frame.alpha, peak=frame.peak)


def frame_of(settings: Settings, frame: Frame, target_format: str, rows: Piece) -> Frame:
    """The frame with an output, or some rows of it, as its file holds it."""
    output = rows.values
    own_dtype = settings.recipe.own_dtype
    keeps_dtype = target_format in ARRAYS or settings.array_range is None
    if own_dtype:  # sums and shares: unless a range makes values of the picture's
        from poolcli.images.tiff_pages import retyped

        frame = retyped(frame, output.dtype if keeps_dtype else frame.pixels.dtype)
    if target_format in ARRAYS or (own_dtype and keeps_dtype):
        return replace(frame, pixels=output)
    if own_dtype:
        output = output.astype("float64")
    if _to_bytes(settings, frame, target_format):
        if settings.array_range == STRETCH and rows.valid is not None:  # what is ignored is outside of the range
            output = np.where(rows.valid, output, np.nan)
        floats = output if output.dtype.kind == "f" else output.astype(np.float64)
        how = settings.array_range or "clip"
        return _of_bytes(frame, to_dtype(floats, np.dtype(np.uint8), how, alpha=frame.alpha))
    dtype = frame.pixels.dtype
    if output.dtype == dtype:
        return replace(frame, pixels=output)
    return replace(frame, pixels=to_dtype(output, dtype, settings.to_range, alpha=frame.alpha, peak=frame.peak))


def placed(frame: Frame, spacing: tuple[tuple[float, float], tuple[float, float]]) -> Frame:
    """A pooled frame with where its pixels lie in the picture (rows, columns)."""
    from poolcli.images.tiff_pages import rescaled

    return rescaled(replace(frame, info={**frame.info, "spacing": spacing}), *spacing)


def _to_bytes(settings: Settings, frame: Frame, target_format: str) -> bool:
    """Whether this is an array, or a picture of floats or other values that the format lacks, to become bytes."""
    if settings.array_range is None or target_format in ARRAYS or frame.pixels.dtype in ("uint8", "bool"):
        return False
    row = FORMATS[target_format]
    alien = not row.pages and frame.mode not in (*PIXEL_MODES, *row.arrays)
    return alien or "layout" in frame.info or frame.pixels.dtype.kind == "f"


def _of_bytes(frame: Frame, pixels: Array) -> Frame:
    """The frame with bytes for its values."""
    if "layout" not in frame.info or frame.page is not None:
        from poolcli.images.tiff_pages import retyped

        frame = retyped(frame, pixels.dtype)
    return replace(frame, pixels=pixels)


def _as_written(settings: Settings, picture: Picture, target_format: str) -> Picture:
    """`picture` with frames of the kind and size that is written, to be judged before any work: not their values."""
    frames = picture.frames
    if settings.array_range is not None and target_format not in ARRAYS:
        frames = tuple(_judged(settings, frame, target_format) for frame in frames)
    if len({frame.pixels.shape[:2] for frame in frames}) > 1:
        frames = tuple(_sized(settings.recipe, frame) for frame in frames)
    return replace(picture, frames=frames)


def _sized(recipe: Recipe, frame: Frame) -> Frame:
    """A frame as large as the output."""
    *_, last = shapes(recipe, *frame.pixels.shape[:2])
    return replace(frame, pixels=np.broadcast_to(frame.pixels[:1, :1], (*last.size, *frame.pixels.shape[2:])))


def _judged(settings: Settings, frame: Frame, target_format: str) -> Frame:
    if settings.recipe.own_dtype:  # no palette, whose numbers are counted
        from poolcli.images.tiff_pages import retyped

        frame = retyped(frame, frame.pixels.dtype)
    if not _to_bytes(settings, frame, target_format):
        return frame
    return _of_bytes(frame, np.broadcast_to(np.uint8(0), frame.pixels.shape))


def _matrices(settings: Settings, picture: Picture, written: Picture) -> Matrices | None:
    """The values of a picture that is small, or of numbers that are the result."""
    before, after = picture.frames[0].pixels, written.frames[0].pixels
    small = max(before.shape[:2]) <= SMALL and max(after.shape[:2]) <= SMALL
    if len(picture.frames) > 1 or before.ndim != 2 or after.ndim != 2 or not (small or settings.printed):
        return None
    return Matrices(before, after, settings.recipe.tile)


def check_ignored(ignore: IgnoreOptions, picture: Picture) -> None:
    """PictureError where a number is an index of a palette of which only the colours are left."""
    numbers = [value for value in ignore.values if value in range(1 << 16)]  # others are of no palette, nor its colours
    if numbers and picture.file_mode in PALETTES and any(frame.palette is None for frame in picture.frames):
        raise PictureError(
            f"--ignore {numbers[0]} is the number of a colour in its palette, and the colours are pooled: use "
            "--mode majority, center or stride, or name the colour, as in --ignore 0,0,0"
        )


def ignored_in(frame: Frame, ignore: IgnoreOptions) -> Ignored | None:
    """What counts in no window of this frame; None where there is nothing."""
    values = (*ignore.values, *(frame.nodata if ignore.declared else ()))
    return Ignored(values, ignore.min_valid) if values else None


def how_of(recipe: Recipe, frame: Frame, *, labels: bool, guess: bool, ignore: IgnoreOptions) -> How:
    """How a frame is run: whether its values are labels, and what is ignored."""
    if frame.peak is not None:
        _check_numbers(recipe, frame.peak)
    are_labels = _are_labels(recipe, frame, labels=labels, guess=guess)
    return How(alpha=frame.alpha, ignored=ignored_in(frame, ignore), labels=are_labels, peak=frame.peak)


def _are_labels(recipe: Recipe, frame: Frame, *, labels: bool, guess: bool) -> bool:
    """Whether values are labels: where they are called so, or stand for colours and the recipe computes none; where one
    may `guess` also where integers are pooled by nothing but what is made for labels.
    """
    return (
        labels
        or (frame.palette is not None and recipe.keeps_values)
        or (guess and frame.pixels.dtype.kind in "bui" and recipe.for_labels)
    )


def _check_numbers(recipe: Recipe, peak: int) -> None:
    """PictureError for layers that bring larger values into a picture than its white, `peak`, where that is its own."""
    for layer in recipe.layers:
        number = layer.bounds[0] if isinstance(layer, Activation) and layer.bounds else layer.edge
        if isinstance(number, int | float) and number > peak:
            raise PictureError(
                f"'{layer}' brings {number} into a picture whose white is {peak}: give a smaller number, or make "
                "floats of it with --dtype float32"
            )


def _write(
    settings: Settings,
    picture: Picture,
    job: Job,
    target_format: str,
    measure: Callable[[], list[Measured]],
) -> tuple[Picture, list[Measured]]:
    """Encode the picture and measure its shifts, at the same time where there are threads; published when both are."""
    size = sum(frame.pixels.nbytes for frame in picture.frames)
    if size >= HEAVY:  # each takes as much memory as the output again
        rows = measure()
        measure, size = (lambda: rows), 0
    if target_format == ZARR:
        return _write_zarr(settings, picture, job, measure)
    write = partial(encode, picture, format=target_format, options=settings.encoding)
    if isinstance(job.target, Place):
        with publish(job.target, durable=settings.durable) as stream:
            return beside(partial(write, stream), measure, size)
    whole = BytesIO()
    written, measured = beside(partial(write, whole), measure, size)
    job.target.write(whole.getbuffer())
    job.target.flush()
    return written, measured


def _write_zarr(
    settings: Settings, picture: Picture, job: Job, measure: Callable[[], list[Measured]]
) -> tuple[Picture, list[Measured]]:
    from poolcli.images import zarr

    if not isinstance(job.target, Path):
        raise PictureError("a Zarr is a folder, and this goes to a stream: name a folder with -o, or say --format npy")
    with publish_folder(job.target, durable=settings.durable) as folder:
        return zarr.write(picture, folder, job.target.name, settings.encoding), measure()


def _report(settings: Settings, job: Job, run: _Run, after: Frame, rows: Rows) -> ShiftReport:
    return ShiftReport.of(
        InputFacts(job.name, size_of(run.frame.pixels), run.file_mode, run.index + (settings.reading.frame or 0)),
        OutputFacts(job.target_name, size_of(after.pixels), after.mode),
        f"{settings.recipe}{settings.colour or ''}",
        rows,
    )


def viewed(settings: Settings, picture: Picture, name: str) -> tuple["tuple[View, ...]", ShiftReport]:
    """Views of the first frame of a picture whose output is not written, in the sizes of the settings; its report."""
    target_format = picture.format if picture.format in ARRAYS else default_format(picture.format)
    own_dtype = settings.recipe.own_dtype or settings.reading.dtype != KEEP
    target_format = "NPY" if own_dtype else target_format  # which holds sums and shares
    run = _Run(settings, replace(picture, frames=picture.frames[:1]), 0, target_format)
    with np.errstate(all="ignore"):
        after = run.pooled()
        rows, views = run.measured()
    return views, _report(settings, Job(Path(name), Path(name), name, name), run, after, rows)
