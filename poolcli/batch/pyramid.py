"""A pyramid: a picture and smaller copies of it, each of which is what pooling the picture itself gives.

The picture is read in blocks that begin where windows of the smallest copy begin, so that each block has all levels in
it, whatever lies around it: threads take block after block, and no more of the picture than these is held.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import field, replace
from functools import cached_property, partial
from itertools import product
from math import lcm
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from poolcli.batch.frames import ignored_in
from poolcli.batch.settings import IgnoreOptions
from poolcli.errors import PictureError
from poolcli.images import decoding, ome, tiled, zarr
from poolcli.images.formats import EncodeOptions, ReadOptions
from poolcli.images.tiff_pages import DEFLATE, JPEG
from poolcli.images.tiled import Layout, Plane
from poolcli.ops.arrays import Array, planes
from poolcli.ops.geometry import Size, Window
from poolcli.ops.ignored import Ignored, stand_in, validity, values_of_windows, window_counts, without, write_stand_in
from poolcli.ops.means import rounded_quotient, sum_dtype
from poolcli.ops.modes import Mode, find_mode
from poolcli.ops.pooling import run_mode
from poolcli.ops.reduce import reduce_any
from poolcli.recipe.layers import Pool
from poolcli.records import dataclass
from poolcli.storage import Place
from poolcli.storage.files import publish, publish_folder

BLOCK = 4096  # columns of a block, at least; of fewer, calls cost more (2048: 10 us a tile of 256 x 256)
MOST_BLOCK = 1 << 26  # bytes of a block that is made larger lest tiles be decoded twice
COPY, NONE = "copy", "none"  # what else there is encodes the picture
OME_TIFF, ZARR_FOLDER = (".ome.tif", ".ome.tiff"), ".zarr"  # how names end


@dataclass(frozen=True, slots=True)
class Pyramid:
    """What is made of a picture: `layer` pools a level out of the picture next above it, its window is the factor.

    `levels` None: until one tile holds the picture. `bands` are counted from 0.
    """

    layer: Pool
    levels: int | None = None
    encoding: EncodeOptions = field(default_factory=EncodeOptions)
    base: str = COPY
    bands: tuple[int, ...] = ()
    ignore: IgnoreOptions = field(default_factory=IgnoreOptions)
    ignore_damaged: bool = False
    reading: ReadOptions = field(default_factory=ReadOptions)
    threads: int = 1
    overviews: bool = False  # a file beside the picture, as GDAL reads it

    @property
    def factor(self) -> Size:
        """How many times smaller every level is than the one before, in rows and in columns."""
        assert isinstance(self.layer.window, Window)
        return self.layer.window.k


class Output(Protocol):
    """What takes the rows of one level, from the first to the last."""

    def put(self, rows: Array) -> None:
        """The next ones."""


Advance = Callable[[int, int, int], None]  # (tiles done, of how many, pixels of all pictures)


# What a block gives


@dataclass(frozen=True)
class Reduction:
    """The levels of one picture: `count` of them, `factor` apart."""

    layer: Pool
    factor: Size
    count: int
    ignored: Ignored | None = None
    alpha: bool = False

    @cached_property
    def mode(self) -> Mode:
        """The row of the table."""
        return find_mode(self.layer.mode)

    def window(self, level: int) -> Window:
        """Of what is pooled into a level out of the picture itself."""
        k = self.factor[0] ** level, self.factor[1] ** level
        return Window(k, k, ceil=True)

    def size(self, level: int, height: int, width: int) -> Size:
        """(height, width) of a level of a picture."""
        down, across = self.window(level).k
        return -(-height // down), -(-width // across)

    def levels(self, values: Array) -> list[Array]:
        """Every level of a block of the picture, from the largest to the smallest."""
        valid = validity(values, self.ignored, alpha=self.alpha) if self.ignored else None
        joins = self.mode.joins if dict(self.layer.options) == self.mode.options else ""
        if joins == "values" and self.ignored and self.ignored.min_valid > 0:
            joins = ""
        if joins == "sums" and values.dtype.itemsize == 8:
            joins = ""  # no type holds their sums
        with np.errstate(all="ignore"):
            return list(_JOINS[joins](self, values, valid))


def _from_picture(how: Reduction, values: Array, valid: Array | None) -> Iterator[Array]:
    ignored = how.ignored if valid is not None else None
    for level in range(1, how.count + 1):
        window = how.window(level)
        yield run_mode(how.mode, values, window, how.layer.options, valid, alpha=how.alpha, ignored=ignored)[0]


def _from_level_before(how: Reduction, values: Array, valid: Array | None) -> Iterator[Array]:
    """Largest and smallest values are those of the largest and smallest values of parts."""
    window, options = how.window(1), how.layer.options
    for _ in range(how.count):
        ignored = how.ignored if valid is not None else None
        values, valid = run_mode(how.mode, values, window, options, valid, alpha=how.alpha, ignored=ignored)
        yield values


def _from_sums(how: Reduction, values: Array, valid: Array | None) -> Iterator[Array]:
    """Means of sums that are carried on: integers exactly, floats in 64 bits."""
    size, dtype, shape = values.shape[:2], values.dtype, values.shape[2:]
    sums: Array = planes(without(values, valid))
    counts = None if valid is None else planes(valid)
    step = how.window(1)
    for level in range(1, how.count + 1):
        axes, of_picture = step.axes(*sums.shape[:2]), how.window(level).axes(*size)
        most = of_picture[0].most * of_picture[1].most
        wide = np.dtype(np.float64) if dtype.kind == "f" else sum_dtype(dtype, most, most)
        sums = reduce_any(sums, axes, np.add, dtype=wide, result=wide)
        k = how.window(level).k
        whole = size[0] % k[0] == 0 and size[1] % k[1] == 0  # the usual block: its windows need not be counted
        n = total = np.full((1, 1, 1), k[0] * k[1]) if whole else values_of_windows(of_picture)
        if counts is not None:
            n = counts = window_counts(counts, axes) if counts.dtype == bool else reduce_any(
                counts.astype(np.uint32), axes, np.add)  # fmt: skip
        means = np.empty(sums.shape, dtype)
        if dtype.kind == "f":
            np.divide(sums, n, out=means, casting="same_kind")
        else:
            rounded_quotient(sums, np.asarray(n), means, keep=True)
        if counts is not None and how.ignored is not None:
            enough = (counts > 0) & (counts / total >= how.ignored.min_valid)
            write_stand_in(means, None if enough.all() else enough, how.ignored)
        yield means.reshape(*means.shape[:2], *shape)


_JOINS = {"": _from_picture, "values": _from_level_before, "sums": _from_sums}


# Block after block


def level_count(size: Size, factor: Size, tile: Size) -> int:
    """How many levels a picture needs until one tile holds it.

    >>> level_count((1000, 700), (2, 2), (256, 256))
    2
    """
    count = 0
    while any(f > 1 and -(-n // f**count) > side for n, f, side in zip(size, factor, tile, strict=True)):
        count += 1
    return count


def _side(k: int, grain: int, n: int, least: int, most: int) -> int:
    """The side of a block: windows of the last level side by side, and whole tiles unless that takes too many."""
    step = lcm(k, grain)
    if step > max(most, k):
        step = k * -(-grain // k)
    return min(n, step * max(1, least // step))


class _Block:
    """What became of a block: its levels, and its tiles as they lie in the file."""

    def __init__(self, plane: Plane, how: Reduction, place: tiled.Block, *, base: bool, copied: bool) -> None:
        values = plane.block(place)
        self.place = place
        self.levels = [*([values] if base else []), *how.levels(values)]
        segments = plane.segments
        self.numbers = [0] if segments is None else list(segments.beginning(place))
        self.packed: list[tuple[int, bytes]] = []
        if copied and segments is not None:
            self.packed = [(n, b"" if n in segments.damaged else segments.packed(n)) for n in self.numbers]


def reduce_plane(
    plane: Plane,
    how: Reduction,
    outputs: Sequence[Output],
    executor: Executor,
    threads: int,
    advance: Advance,
    copy: Callable[[int, bytes], None] | None = None,
) -> None:
    """Put the rows of all levels into `outputs`, the picture itself first if there is an output for it too.

    `copy` gets the tiles of the picture as they lie in its file.
    """
    height, width = plane.size
    last, base = how.window(how.count).k, len(outputs) > how.count
    most = max(1, MOST_BLOCK // (plane.dtype.itemsize * (*plane.shape, 1)[2]))
    high = _side(last[0], plane.grain[0], height, 1, most // max(BLOCK, min(width, plane.grain[1])))
    wide = _side(last[1], plane.grain[1], width, BLOCK, most // high)
    tops, lefts = range(0, height, high), range(0, width, wide)
    places = [
        (slice(top, min(top + high, height)), slice(left, min(left + wide, width)))
        for top, left in product(tops, lefts)
    ]
    work = partial(_Block, plane, how, base=base, copied=copy is not None)
    done, tiles = 0, plane.segments.count if plane.segments else len(places)
    blocks = prefetched(executor, work, places, threads + 1)
    first = 0 if base else 1
    for _ in tops:
        rows: list[Array] = []
        for left in lefts:
            block = next(blocks)
            for number, data in block.packed:
                assert copy is not None
                copy(number, data)
            for level, part in enumerate(block.levels, first):
                if left == 0:
                    rows.append(np.empty((len(part), how.size(level, height, width)[1], *part.shape[2:]), part.dtype))
                at = left // how.window(level).k[1]
                rows[level - first][:, at : at + part.shape[1]] = part
            done += len(block.numbers)
            advance(done, tiles, height * width)
        for output, whole in zip(outputs, rows, strict=True):
            output.put(whole)
    plane.let_go()


def prefetched(executor: Executor, work: Callable[[Any], Any], items: Iterable[Any], count: int) -> Iterator[Any]:
    """The results in the order of the items, of which `count` are under way."""
    waiting: deque[Future[Any]] = deque()
    try:
        for item in items:
            waiting.append(executor.submit(work, item))
            if len(waiting) >= count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


# Files


def make_pyramid(source: Place, name: str, target: Path, settings: Pyramid, advance: Advance) -> tuple[str, ...]:
    """Write the pyramid of a picture; notes for what is left out. PictureError where it cannot be."""
    with (
        ThreadPoolExecutor(settings.threads) as executor,
        decoding.planes_of(source, name, settings.reading, indices=settings.layer.keeps_values) as (planes, notes),
    ):
        said = dict.fromkeys(notes)
        pictures = [prepared(plane, settings) for plane in planes]
        if any(len(plane.page.tags) < len(whole.page.tags) for plane, whole in zip(pictures, planes, strict=True)):
            said["the colour profile or GDAL's metadata was dropped, since it is that of all bands"] = None
        make = _make_zarr if target.name.lower().endswith(ZARR_FOLDER) else _make_tiff
        if target.name.lower().endswith((*OME_TIFF, ZARR_FOLDER)):
            scene = _scene(planes, said)
            pictures = [replace(plane, scene=scene) for plane in pictures]
        try:
            make(target, pictures, settings, said, executor, advance)
        except BaseException:
            executor.shutdown(cancel_futures=True)
            raise
        said |= dict.fromkeys(damages(planes))
    return tuple(said)


def _make_tiff(
    target: Path,
    pictures: list[Plane],
    settings: Pyramid,
    said: dict[str, None],
    executor: Executor,
    advance: Advance,
) -> None:
    as_ome = target.name.lower().endswith(OME_TIFF)
    said |= dict.fromkeys(zarr.omitted(pictures[0].frame, "TIFF"))
    if as_ome:
        pictures = _as_ome(pictures)
    with publish(target) as stream:
        file = tiled.TiffFile(stream, executor, nested=as_ome or len(pictures) > 1)
        for number, plane in enumerate(pictures):
            _reduce_into(file, plane, settings, said, partial(_of_all, advance, number, len(pictures)))
        file.close()


def _make_zarr(
    target: Path,
    pictures: list[Plane],
    settings: Pyramid,
    said: dict[str, None],
    executor: Executor,
    advance: Advance,
) -> None:
    first, tile = pictures[0], settings.encoding.tile or zarr.TILE
    assert first.scene is not None
    with publish_folder(target) as folder:
        scene = replace(first.scene, name=first.scene.name or target.name.partition(".")[0])
        file = zarr.ZarrFile(folder, scene, first.frame, replace(settings.encoding, tile=tile))
        how = _reduction(first, settings, tile)
        for level in range(0 if settings.base != NONE else 1, how.count + 1):
            down, across = how.window(level).k
            pixels = np.broadcast_to(first.dtype.type(0), (*how.size(level, *first.size), *first.shape[2:]))
            file.add_level(replace(first.frame, pixels=pixels), ((down, 0), (across, 0)))
        for number, plane in enumerate(pictures):
            part = partial(_of_all, advance, number, len(pictures))
            reduce_plane(plane, how, file.outputs(number), executor, settings.threads, part)
        file.close(
            {"type": settings.layer.mode, "metadata": {"method": "poolcli pyramid", "layer": str(settings.layer)}}
        )
    said |= dict.fromkeys(zarr.omitted(first.frame, "OME-Zarr"))
    dropped = ", ".join(ome.names(code for code in first.page.tags if code not in ome.WRITTEN))
    said |= dict.fromkeys(
        [f"tags of the TIFF were left out, since OME-Zarr has no room for them: {dropped}"] * bool(dropped)
    )


def _reduction(plane: Plane, settings: Pyramid, tile: Size) -> Reduction:
    """What makes the levels of one picture; PictureError where there would be none."""
    count = level_count(plane.size, settings.factor, tile) if settings.levels is None else settings.levels
    if count == 0 and settings.base == NONE:
        raise PictureError("one tile holds the picture, so that it has no levels: give --levels, or a smaller --tile")
    ignored = ignored_in(plane.frame, settings.ignore)
    return Reduction(settings.layer, settings.factor, count, ignored, plane.frame.alpha)


def _scene(pictures: Sequence[Plane], said: dict[str, None]) -> ome.Scene:
    """What OME says of the pictures, or would; PictureError where they differ, since it has one size for all."""
    first = pictures[0]
    if any(plane.shape != first.shape or plane.dtype != first.dtype for plane in pictures):
        raise PictureError(
            "the pages differ in size or kind, and OME has one for all: write a .tif, or choose --frame N"
        )
    for note in [note for note in said if note.startswith("the description by OME")]:
        del said[note]
    if first.scene is not None and len(pictures) == first.scene.pages:
        return first.scene
    return ome.scene_of(first.description, first.page, len(pictures), (*first.shape, 1)[2])


def _as_ome(pictures: Sequence[Plane]) -> list[Plane]:
    """The pictures with what OME says of them in the first page."""
    first, scene = pictures[0], pictures[0].scene
    assert scene is not None
    pages = [ome.with_resolution(plane.page, scene) for plane in pictures]
    text = ome.description(scene, first.shape, first.dtype).encode("utf-8") + b"\0"
    pages[0] = replace(pages[0], tags={**pages[0].tags, 270: (2, text)})
    return [replace(plane, frame=replace(plane.frame, page=page)) for plane, page in zip(pictures, pages, strict=True)]


def _of_all(advance: Advance, number: int, pictures: int, done: int, of: int, pixels: int) -> None:
    advance(number * of + done, pictures * of, pictures * pixels)


def prepared(plane: Plane, settings: Pyramid) -> Plane:
    """The bands that are wanted, and what stands for tiles that cannot be decoded."""
    if plane.segments is not None:
        plane.segments.way_out += ", or use --damaged-tiles ignore"
    if settings.ignore_damaged and plane.segments is not None:
        ignored = ignored_in(plane.frame, settings.ignore)
        if ignored is None or not ignored.values:
            raise PictureError("--damaged-tiles ignore needs a value that is ignored: name one with --ignore VALUE")
        plane.segments.fill = stand_in(ignored, plane.dtype, plane.page.samples)
    return plane.of_bands(settings.bands) if settings.bands else plane


def damages(pictures: Sequence[Plane]) -> Iterator[str]:
    """A note for the tiles that could not be decoded, if there are any."""
    places = [place for plane in pictures if plane.segments for place in plane.segments.damaged.values()]
    if places:
        more = f" and {len(places) - 3} more" * (len(places) > 3)
        yield f"damaged, and counted as ignored values: {', '.join(places[:3])}{more}"


def _reduce_into(
    file: tiled.TiffFile, plane: Plane, settings: Pyramid, said: dict[str, None], advance: Advance
) -> None:
    """All levels of one picture as pages of a TIFF."""
    lossless = settings.layer.keeps_values
    layout = tiled.layout_of(plane, settings.encoding, said, labels=lossless)
    said |= dict.fromkeys(tiled.unwritten(plane.page))
    how = _reduction(plane, settings, layout.tile)
    levels = []
    for number in range(1, how.count + 1):
        frame = tiled.reduced(plane, how.window(number).k, how.size(number, *plane.size))
        levels.append(tiled.Level(file, frame, frame.page or plane.page, layout))
    base, copied = _base(file, plane, settings, layout)
    if base is not None:
        levels.insert(0, base)
    outputs = levels[1:] if copied else levels
    copy = partial(file.copy, base) if base is not None and copied else None
    file.add_page(levels, overviews=settings.base == NONE and settings.overviews)
    reduce_plane(plane, how, outputs, file.executor, settings.threads, advance, copy)


def _base(file: tiled.TiffFile, plane: Plane, settings: Pyramid, layout: Layout) -> tuple[tiled.Level | None, bool]:
    """The page of the picture itself, if it is wanted, and whether its tiles are copied."""
    if settings.base == NONE:
        return None, False
    page, segments = plane.page, plane.segments
    tags = segments.copied if segments is not None and settings.base == COPY else None
    if tags is not None:
        own = Layout(page.tile or layout.tile, page.compression)
        return tiled.Level(file, plane.frame, page, own, tags), True
    code = DEFLATE if layout.compression == JPEG else layout.compression
    return tiled.Level(file, plane.frame, page, replace(layout, compression=code)), False
