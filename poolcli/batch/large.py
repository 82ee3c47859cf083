"""Pictures too large to be held: pooled band by band, from file to file, with the shift report."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from poolcli.batch.frames import (
    HIDDEN,
    MOST_VIEWS,
    averages_hidden_colours,
    frame_of,
    how_of,
    notes_on,
    placed,
)
from poolcli.batch.settings import Settings
from poolcli.evaluate import evaluate, is_local, shift_rows_of_large, shifted, size_of
from poolcli.images import arrays, decoding, metadata, tiff, tiff_pages, tiled
from poolcli.images.encoding import check_fits, note_array
from poolcli.images.formats import ARRAYS, FORMATS, KEEP, SAME, ZARR
from poolcli.images.frame import Frame, Picture
from poolcli.images.tiled import Plane
from poolcli.ops.arrays import Array
from poolcli.ops.pooling import checked
from poolcli.recipe.layers import spacings
from poolcli.records import dataclass
from poolcli.reports import Job, Outcome
from poolcli.shift.difference import Band, Piece
from poolcli.shift.move import Source
from poolcli.shift.record import InputFacts, Offset, OutputFacts, ShiftReport, worst_of
from poolcli.storage import Place
from poolcli.storage.files import publish, publish_folder
from poolcli.visualize import Overview, View


def streams(settings: Settings, source: Place, name: str, requested: str | None) -> str | None:
    """The format in which a picture is written band by band; None where it is held.

    It is not held if it has `largest` bytes, or more pixels than may be, and its layers and format let it; and where
    tiles or a compression are requested, which only so are chosen. `requested` None: its own format.
    """
    encoding, reading = settings.encoding, settings.reading
    if settings.colour or reading.dtype != KEEP or not is_local(settings.recipe):
        return None
    own, pixels, size = decoding.weight(source, name, reading) or ("", 0, 0)
    target = requested or own or None
    chosen = target == "TIFF" and (encoding.tile or encoding.compression != SAME)
    small = size < settings.largest and (own == "NPY" or reading.max_pixels is None or pixels <= reading.max_pixels)
    if small and not chosen:
        return None
    if target == "TIFF" and (settings.to_range != "clip" or settings.array_range or tiff.tifffile() is None):
        return None
    return target


def pool_streamed(settings: Settings, job: Job, target_format: str) -> Outcome:
    """Pool pictures from file to file and measure their shifts, holding no more of them than some bands and tiles."""
    assert isinstance(job.source, Place)
    reports, views, pixels = [], [], 0
    with (
        ThreadPoolExecutor(settings.threads) as executor,
        decoding.planes_of(job.source, job.name, settings.reading, indices=settings.recipe.indices) as (planes, notes),
    ):
        picture = Picture(target_format, [plane.frame for plane in planes], "", notes=notes)
        check_fits(picture, target_format, settings.encoding)
        said = dict.fromkeys((*notes, *notes_on(settings, picture)))
        with _file(settings, job, target_format, planes, executor, said) as file:
            for number, plane in enumerate(planes):
                if plane.segments is not None:
                    plane.segments.map = executor.map
                page = _Page(settings, target_format, plane, number, file)
                report, shown = _pool_plane(settings, job, page)
                reports += [report] if report else []
                views += [shown] if shown else []
                plane.let_go()
                said |= dict.fromkeys([HIDDEN] * page.hides_colours)
                pixels += plane.size[0] * plane.size[1]
            file.close()
    by_form = zip(settings.views, zip(*views, strict=True), strict=True) if views else ()
    return Outcome(job, tuple(reports), tuple(said), pixels=pixels, views=dict(by_form))


@contextmanager
def _file(
    settings: Settings, job: Job, target_format: str, planes: Sequence[Plane], executor: Executor,
    said: dict[str, None],
) -> Iterator[Any]:  # fmt: skip
    """What gives an `output` for every picture, and is closed when all have their rows."""
    assert isinstance(job.target, Path)
    frames, encoding = [plane.frame for plane in planes], settings.encoding
    if target_format != "TIFF":
        tags = frames[0].page.tags if frames[0].page else {}
        meta = metadata.of_tiff({code: value for code, (_, value) in tags.items()}, job.name, said)
        said |= note_array(Picture("TIFF", tuple(frames), frames[0].mode, meta), FORMATS[target_format], encoding)
    if target_format == ZARR or "zarr" in frames[0].info:
        from poolcli.images import zarr

        plain = target_format == ZARR and zarr.is_plain(job.target.name, frames[0])
        other = settings.recipe.own_dtype
        said |= dict.fromkeys(
            zarr.omitted(frames[0], target_format, strip=encoding.strip, plain=plain, other_values=other)
        )
    if target_format == ZARR:
        with publish_folder(job.target, durable=settings.durable) as folder:
            yield zarr.file_for(folder, job.target.name, frames, encoding)
        return
    with publish(job.target, durable=settings.durable) as stream:
        if target_format == "TIFF":
            yield _Tiff(stream, planes, settings, executor, said)
        else:
            yield arrays.NpyFile(stream, frames, encoding.layout)


class _Tiff:
    """A TIFF whose pages lie as those that are read."""

    def __init__(
        self, stream: BinaryIO, planes: Sequence[Plane], settings: Settings, executor: Executor,
        said: dict[str, None],
    ) -> None:  # fmt: skip
        self._file = tiled.TiffFile(stream, executor, nested=False)
        self._planes, self._encoding, self._said = planes, settings.encoding, said

    def output(self, number: int, frame: Frame) -> tiled.Level:
        """The page for pixels of this kind and size."""
        encoding, plane = self._encoding, replace(self._planes[number], frame=frame)
        page = replace(plane.page, tags=tiff_pages.needed(plane.page.tags)) if encoding.strip else plane.page
        self._said |= dict.fromkeys(tiled.unwritten(page))
        layout = tiled.layout_of(plane, encoding, self._said, labels=True)
        level = tiled.Level(self._file, frame, page, layout)
        self._file.add_page([level])
        return level

    def close(self) -> None:
        """Write what is left."""
        self._file.close()


@dataclass
class _Page:
    """One picture on its way: its output is begun when the first rows come, which say of what kind they are."""

    settings: Settings
    target_format: str
    plane: Plane
    number: int
    file: Any
    shape: tuple[int, ...] = ()
    frame: Frame | None = None
    put_rows: Callable[[Array], None] | None = None
    hides_colours: bool = False  # some of its rows have colours that are averaged however transparent

    def written(self, output: Piece) -> Array:
        """Rows of an output as they stand in the file."""
        return frame_of(self.settings, self.plane.frame, self.target_format, output).pixels

    def put(self, band: Band) -> None:
        """The next rows."""
        if self.settings.recipe.own_dtype:
            checked(*band.output[1:])
        after = frame_of(self.settings, self.plane.frame, self.target_format, band.output)
        rows = after.pixels
        if self.put_rows is None:
            after = replace(after, pixels=np.broadcast_to(rows.dtype.type(0), self.shape))
            self.frame = placed(after, spacings(self.settings.recipe, *self.plane.size))
            self.put_rows = self.file.output(self.number, self.frame).put
        self.put_rows(rows)
        picture = replace(self.plane.frame, pixels=band.picture.values)
        self.hides_colours = self.hides_colours or averages_hidden_colours(self.settings, picture)


def _pool_plane(settings: Settings, job: Job, page: _Page) -> tuple[ShiftReport | None, tuple[View, ...]]:
    """Pool one picture; the report on it, if one is requested, and what is shown of the worst of its shifts."""
    plane, recipe = page.plane, settings.recipe
    how = how_of(recipe, plane.frame, labels=settings.labels, guess=True, ignore=settings.ignore)
    how = replace(how, large=True, band_bytes=settings.band_bytes)
    source = Source(plane.shape, plane.dtype, plane.rows)
    still = evaluate(recipe, source, how, features=settings.shifting is not None)
    page.shape = still.lattices.output.shape
    if settings.shifting is None:
        for band in still.bands():
            page.put(band)
        return None, ()
    peak, overviews = plane.frame.peak, list[Overview]()
    if settings.views and page.number < MOST_VIEWS:
        evaluations = (shifted(still, shift, settings.shifting.edge)[0] for shift in settings.shifting.shifts)
        sizes = tuple(settings.views.values())
        overviews = [Overview(plane.frame, each, page.written, sizes) for each in evaluations]

    def watch(number: int, band: Band, moved: Band) -> None:
        if overviews:
            overviews[number].add(band, moved)

    rows = shift_rows_of_large(still, settings.shifting, page.put, lambda output: (page.written(output), peak), watch)
    worst = worst_of(rows)
    views = overviews[rows.index(worst)].views(Offset(worst.dx, worst.dy)) if overviews else ()
    assert page.frame is not None
    array = page.target_format in ARRAYS
    report = ShiftReport.of(
        InputFacts(job.name, plane.size[::-1], plane.frame.mode, page.number + (settings.reading.frame or 0)),
        OutputFacts(
            job.target_name, size_of(page.frame.pixels), page.frame.pixels.dtype.name if array else page.frame.mode
        ),
        str(recipe),
        rows,
    )
    return report, views
