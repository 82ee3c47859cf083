"""The lines about pyramids of a generated slide: whole processes.

`POOLCLI_BENCH_SIDE=40000` makes it 1.6 gigapixels; what is not said is 20,000 x 20,000.
"""

import os
import sys
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import numpy as np
from PIL import Image

from tests.bench.facts import PEAK
from tests.bench.lines import HUGE, OURS, Line, Result, Target, Verdict
from tests.bench.processes import PYTHON, folder, fresh, poolcli, python, run, those_present
from tests.bench.timing import CPU, Calls

SIDE = int(os.environ.get("POOLCLI_BENCH_SIDE", "20000"))
TILE, QUALITY, TEXTURE = 256, 90, 4096
VIPS = """
import os, sys
os.environ["VIPS_CONCURRENCY"] = sys.argv[4]
import pyvips
picture = pyvips.Image.new_from_file(sys.argv[1], access="sequential")
picture.tiffsave(sys.argv[2], compression=sys.argv[3], Q=90, tile=True, tile_width=256, tile_height=256, pyramid=True,
                 region_shrink="max", bigtiff=True)
"""


DASK = """
import sys
import dask, dask.array, numpy
with dask.config.set(scheduler="threads", num_workers=2):
    whole = dask.array.from_zarr(sys.argv[1])
    levels = dask.array.coarsen(numpy.max, whole, {0: 4, 1: 4}, trim_excess=True)
    levels.rechunk(512).to_zarr(sys.argv[2])
"""


def _tiles() -> Iterator[np.ndarray]:
    """Parts of a texture as smooth as tissue and as noisy as a sensor, no two of which are alike."""
    random = np.random.default_rng(1)
    scales = [
        np.asarray(
            Image.fromarray(random.integers(0, 256, (cells, cells, 3), np.uint8)).resize(
                (TEXTURE, TEXTURE), Image.Resampling.BICUBIC
            ),
            np.int16,
        )
        for cells in (16, 128, 1024)
    ]
    noise = random.normal(0, 3, (TEXTURE, TEXTURE, 3)).astype(np.int16)
    texture = np.clip((2 * scales[0] + scales[1] + scales[2]) // 4 + noise, 0, 255).astype(np.uint8)
    for top in range(0, SIDE, TILE):
        for left in range(0, SIDE, TILE):
            row, column = top * 7 % (TEXTURE - TILE), (left * 5 + top) % (TEXTURE - TILE)
            yield texture[row : row + TILE, column : column + TILE]


@cache
def slide(compression: str) -> Path:
    """The generated picture."""
    import tifffile

    path, jpeg = folder() / f"slide-{compression}.tif", compression == "jpeg"
    more = {"compressionargs": {"level": QUALITY}, "photometric": "ycbcr", "subsampling": (2, 2)} if jpeg else {}
    tifffile.imwrite(
        path, _tiles(), shape=(SIDE, SIDE, 3), dtype="uint8", tile=(TILE, TILE), compression=compression,
        bigtiff=True, metadata=None, **{"photometric": "rgb", **more},
    )  # fmt: skip
    return path


def _pyramid(compression: str) -> Calls:
    source = slide(compression)

    def ours() -> None:
        poolcli("pyramid", source, "-o", fresh("out.tif"), "-q", "--threads-per-image", 2)

    def vips() -> None:
        python(VIPS, source, fresh("out.tif"), compression, 2)

    return those_present({OURS: (None, ours), "pyvips": ("pyvips", vips)})


def _overviews() -> Calls:
    source = slide("jpeg")

    def ours() -> None:
        poolcli("pyramid", source, "-o", fresh("slide.tif.ovr"), "-q", "--mode", "avg", "--threads-per-image", 2)

    def gdal() -> None:
        beside = fresh("slide.tif")
        os.link(source, beside)
        run("gdaladdo", "-q", "-ro", "-r", "average", "--config", "GDAL_NUM_THREADS", 2, "--config",
            "COMPRESS_OVERVIEW", "JPEG", "--config", "JPEG_QUALITY_OVERVIEW", QUALITY, "--config",
            "PHOTOMETRIC_OVERVIEW", "YCBCR", "--config", "BIGTIFF_OVERVIEW", "YES", beside)  # fmt: skip

    return those_present({OURS: (None, ours), "gdaladdo": ("gdaladdo", gdal)})


def _single() -> Calls:
    """One level alone, 4 times smaller."""
    source = slide("zstd")

    def ours() -> None:
        poolcli("pyramid", source, "-o", fresh("out.tif"), "-q", "--base", "none", "--factor", 4, "--levels", 1)

    def gdal() -> None:
        side = -(-SIDE // 4)
        run("gdalwarp", "-q", "-r", "max", "-to", "SRC_METHOD=NO_GEOTRANSFORM", "-to", "DST_METHOD=NO_GEOTRANSFORM",
            "-ts", side, side, "-te", 0, 0, SIDE, SIDE, "-multi", "-wo", "NUM_THREADS=2", "-co", "TILED=YES", "-co",
            "COMPRESS=ZSTD", source, fresh("out.tif"))  # fmt: skip

    return those_present({OURS: (None, ours), "gdalwarp": ("gdalwarp", gdal)})


@cache
def _array() -> Path:
    """The red of the generated picture, as a Zarr."""
    import zarr

    path = folder() / "slide.zarr"
    array = zarr.create_array(path, shape=(SIDE, SIDE), chunks=(512, 512), dtype="uint8")
    for number, tile in enumerate(_tiles()):
        top, left = (TILE * each for each in divmod(number, -(-SIDE // TILE)))
        if left == 0:
            rows = np.empty((min(TILE, SIDE - top), SIDE), np.uint8)
        rows[:, left : left + TILE] = tile[: len(rows), : SIDE - left, 0]
        if left + TILE >= SIDE:
            array[top : top + TILE] = rows
    return path


def _of_zarr() -> Calls:
    """From Zarr to Zarr, 4 times smaller."""
    source, how = _array(), ("--k", 4, "--no-report", "-q")
    calls = {
        OURS: (None, lambda: poolcli("pool", source, "-o", fresh("out.zarr"), *how)),
        "dask": ("dask", lambda: python(DASK, source, fresh("out.zarr"))),
    }
    return those_present(calls)


def _peak(name: str, what: str, most: int, *command: object) -> Result:
    """Peak memory of a command on the generated picture, by what is allowed, in MiB."""
    target = Target(f"{most} MiB", 1, "peak")
    line = Line(name, f"peak memory, {what} of {SIDE}x{SIDE}, JPEG", dict, (target,), subject=HUGE)
    if not sys.platform.startswith("linux"):
        return Result(line, {}, (Verdict(target, None),))
    report = folder() / "peak"
    run(PYTHON, "-c", PEAK, report, *command, slide("jpeg"), "-o", fresh("out.tif"), "-q")
    return Result(line, {}, (Verdict(target, int(report.read_text()) / (most << 10)),))


LINES = (
    *(
        Line(
            f"pyramid-{compression}",
            f"pyramid of {SIDE}x{SIDE}, {compression} tiles, max",
            partial(_pyramid, compression),
            (Target("pyvips", 1), Target(f"pyvips{CPU}", 0.8, OURS + CPU)),
            rounds=3,
            budget=60,
            whole=True,
            subject=HUGE,
        )
        for compression in ("jpeg", "deflate")
    ),
    Line(
        "overviews",
        f"overviews of {SIDE}x{SIDE}, JPEG tiles, mean",
        _overviews,
        (Target("gdaladdo", 1), Target(f"gdaladdo{CPU}", 0.8, OURS + CPU)),
        rounds=3,
        budget=60,
        whole=True,
        subject=HUGE,
    ),
    Line(
        "level",
        f"one level of {SIDE}x{SIDE}, zstd tiles, max of 4x4",
        _single,
        (Target("gdalwarp", 1.0),),
        rounds=3,
        budget=60,
        whole=True,
        subject=HUGE,
    ),
    Line(
        "zarr",
        f"Zarr to Zarr of {SIDE}x{SIDE}, max of 4x4",
        _of_zarr,
        (Target("dask", 1.0),),
        rounds=3,
        budget=60,
        whole=True,
        subject=HUGE,
    ),
)
FACTS = {
    "memory-pyramid": partial(_peak, "memory-pyramid", "pyramid", 320, "pyramid"),
    "memory-report": partial(_peak, "memory-report", "max:2 with its report", 512, "pool"),
}
