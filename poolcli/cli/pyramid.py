"""`poolcli pyramid`: its options, the plan, the progress in blocks, the run."""

import re
from functools import partial
from pathlib import Path

from poolcli.batch.executors import processors
from poolcli.batch.inputs import STREAM
from poolcli.batch.plan import as_inputs, outputs
from poolcli.cli.layers import mode_option, mode_options, options_given
from poolcli.cli.options import AUTO, FILES, OVERWRITE, Reading, Running, Writing, count_or_auto, ignoring
from poolcli.cli.output import Counts, progress, say
from poolcli.cli.parser import Group, Option
from poolcli.errors import UsageError, escaped, missing, unknown
from poolcli.images.formats import SAME, EncodeOptions, ReadOptions, check_tiling, installed, is_picture_folder, is_zarr
from poolcli.ops.geometry import as_size
from poolcli.ops.modes import MODES, find_mode, mode_called
from poolcli.recipe import Pool
from poolcli.storage import Url, place_of

BASES = ("copy", "encode", "none")
DAMAGED = ("refuse", "ignore")
ENDINGS = (".ome.tif", ".ome.tiff", ".tif", ".tiff", ".ovr", ".ome.zarr", ".zarr")
MOST_LEVELS = 30  # of half the size each: 31 are beyond the largest window
ALLOWED = {  # as levels: what makes one value of every window, wherever it lies, in the picture's dtype
    row.name: row
    for row in MODES.values()
    if row.has_windows and row.local and row.exact_in_bands and "ceil" in row.geometry and not row.own_dtype
}
_OPTIONS = {name for row in ALLOWED.values() for name in row.options} - {"exclude-pad"}  # there is no padding


def _numbers(text: str) -> tuple[int, ...]:
    """Bands, counted from 0."""
    numbers = text.split(",")
    if not all(re.fullmatch("[1-9][0-9]{0,5}", number) for number in numbers) or len({*numbers}) < len(numbers):
        raise UsageError(f"--bands '{text}' is no list of bands: different numbers from 1 are, as in 1,3")
    return tuple(int(number) - 1 for number in numbers)


class Levels(Group, more=mode_options(_OPTIONS)):
    """What a level is."""

    PANEL = "Window"

    mode: str = mode_option(ALLOWED).default("max")
    factor: str = Option(
        "--factor", metavar="SIZE", help="How much smaller every level is, N or HxW; 2 if not given."
    ).default("2")
    levels: int | None = Option(
        "--levels",
        metavar="N",
        read=partial(count_or_auto, "--levels", MOST_LEVELS),
        help="How many smaller levels; auto (if not given): until one tile holds the picture.",
        values=lambda: (AUTO,),
    ).default(None)
    ignore: list[str] | None = Reading.OPTIONS["ignore"].default(None)

    def layer(self) -> Pool:
        """What makes a level of the one above it; UsageError for modes that make no levels."""
        mode = find_mode(mode_called(self.mode) or self.mode)
        if mode.name not in ALLOWED:
            raise unknown("mode of a pyramid", mode.name, ALLOWED)
        factor = as_size(self.factor, "factor")
        if max(factor) < 2:
            raise UsageError(f"factor {self.factor} makes nothing smaller: give 2 or more, or HxW with one of them 2")
        return Pool.of(mode.name, factor, ceil=True, options=options_given(self))


class Tiling(Group):
    """How levels are written, and where."""

    PANEL = "Pictures"

    output: str | None = Option(
        "--output", "-o", metavar="FILE", help=f"Where the pyramid goes: {', '.join(ENDINGS)}.", panel=FILES
    ).default(None)
    overwrite: bool = OVERWRITE.default(False)
    tile: tuple[int, int] | None = Writing.OPTIONS["tile"].default(None)
    compression: str = Writing.OPTIONS["compression"].default(SAME)
    quality: int | None = Writing.OPTIONS["quality"].default(None)
    base: str = Option(
        "--base",
        metavar="NAME",
        help="The picture itself: copy (if not given) its tiles as they are where that can be, encode it, or none.",
        values=lambda: BASES,
    ).default("copy")
    bands: tuple[int, ...] = Option(
        "--bands", metavar="LIST", read=_numbers, help="Only these bands, counted from 1, as in 1,3."
    ).default(())
    damaged_tiles: str = Option(
        "--damaged-tiles",
        metavar="NAME",
        help="What becomes of tiles that cannot be decoded: refuse (if not given) the picture, or ignore their values.",
        values=lambda: DAMAGED,
    ).default("refuse")
    frame: int | None = Reading.OPTIONS["frame"].default(None)
    layout: str | None = Reading.OPTIONS["layout"].default(None)
    threads_per_image: int | None = Running.OPTIONS["threads_per_image"].default(None)
    quiet: bool = Running.OPTIONS["quiet"].default(False)

    def target(self, source: str) -> Path:
        """Where the pyramid goes; UsageError for a place that cannot be."""
        if self.output is None:
            raise UsageError("a pyramid needs a place: give one with -o, as in -o slide.ome.tif")
        (target,) = outputs([self.output], as_inputs([source]), overwrite=self.overwrite)
        if isinstance(target, Url):
            raise UsageError(f"'{target}': a pyramid is written to a local path; copy it from there")
        if not target.name.lower().endswith(ENDINGS):
            raise UsageError(f"'{target}' is no pyramid's name: {', '.join(ENDINGS)} are allowed")
        needed = ("zarr",) if target.name.lower().endswith(".zarr") else ("tifffile", "imagecodecs")
        if absent := [library for library in needed if not installed(library)]:
            raise missing(f"'{target}'", absent)
        return target

    def check(self) -> None:
        """UsageError for an unknown name."""
        names = (("base", self.base, BASES), ("treatment of damaged tiles", self.damaged_tiles, DAMAGED))
        for kind, got, allowed in names:
            if got not in allowed:
                raise unknown(kind, got, allowed)


def pyramid(levels: Levels, tiling: Tiling, arguments: list[str]) -> None:
    """Make a multi-resolution picture."""
    (source,) = arguments
    layer, ignore = levels.layer(), ignoring(levels.ignore)
    tiling.check()
    encoding = EncodeOptions(tiling.quality, tile=tiling.tile, compression=tiling.compression, labels=layer.for_labels)
    target = tiling.target(source)
    place, suffix = place_of(source), target.suffix.lower()
    check_tiling(target, "ZARR" if suffix == ".zarr" else "TIFF", encoding)
    if source == STREAM or (not is_zarr(place) and (isinstance(place, Url) or is_picture_folder(place))):
        raise UsageError(
            f"'{place}' is not read in tiles: name a file, a folder that is a Zarr, or a URL that ends in .zarr"
        )
    from poolcli.batch.pyramid import Pyramid, make_pyramid  # NumPy is loaded only now

    settings = Pyramid(
        layer,
        levels=levels.levels,
        encoding=encoding,
        base="none" if suffix == ".ovr" else tiling.base,
        bands=tiling.bands,
        ignore=ignore,
        ignore_damaged=tiling.damaged_tiles == "ignore",
        reading=ReadOptions(tiling.frame, None, tiling.layout),
        threads=tiling.threads_per_image or processors(),
        overviews=suffix == ".ovr",
    )
    tiles = Counts(2, "tiles")  # until their number is known
    with progress(tiles, quiet=tiling.quiet) as advance:

        def show_progress(done: int, total: int, pixels: int) -> None:
            tiles.done, tiles.total, tiles.pixels = done, total, pixels * done // total
            advance()

        notes = make_pyramid(place, str(place), target, settings, show_progress)
    for note in () if tiling.quiet else notes:
        say(f"{place}: {note}")
    print(escaped(str(target)), flush=True)
