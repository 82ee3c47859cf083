"""Pictures of any size: pyramids, level by level what pooling the picture gives, read in tiles and written in tiles."""

import itertools
import json
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
from base64 import b64encode
from contextlib import contextmanager
from math import ceil
from pathlib import Path

import jsonschema
import numcodecs
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

import poolcli
from poolcli.cli.pyramid import ALLOWED
from poolcli.images import decoding
from poolcli.images.formats import ReadOptions
from poolcli.ops.modes import OPTIONS
from tests.process import POOLCLI, environment, started
from tests.test_banded import assert_alike

SIZE = 77, 4133  # odd, and of more columns than a block has
IGNORED = 7


def picture(kind, size=SIZE, seed=3):
    """An array of that kind, which holds the value 7 here and there."""
    rng = np.random.default_rng(seed)
    shape, dtype, most = {
        "gray": (size, "uint8", 256),
        "rgb": ((*size, 3), "uint8", 256),
        "16 bits": (size, "uint16", 65536),
        "signed": (size, "int16", 65536),
        "float32": (size, "float32", 1000),
        "float64": (size, "float64", 1000),
        "five bands": ((*size, 5), "uint8", 256),
        "labels": (size, "uint32", 9),
        "64 bits": (size, "int64", 2**60),
    }[kind]
    values = rng.integers(0, most, shape)
    values[rng.random(shape) < 0.3] = IGNORED
    values[:20, :40] = IGNORED  # windows without a value
    values = (values - 32768 * (kind == "signed")).astype(dtype)
    return np.where(values == IGNORED, values, values / np.dtype(dtype).type(3)) if dtype[0] == "f" else values


def tiff(path, array, **options):
    """A TIFF of an array, in tiles if nothing else is said."""
    options = {"tile": (32, 48), "compression": "zlib", "metadata": None, "software": False} | options
    photometric = "rgb" if array.ndim == 3 and array.shape[2] == 3 else "minisblack"
    options = {"planarconfig": "contig"} | options if array.ndim == 3 else options
    data = np.moveaxis(array, 2, 0) if options.get("planarconfig") == "separate" else array
    tifffile.imwrite(path, np.ascontiguousarray(data), photometric=photometric, **options)
    return path


def pages_of(path):
    """The arrays of all pages, one after the other."""
    with tifffile.TiffFile(path) as file:
        return [page.asarray() for page in file.pages]


def near(got, expected, values):
    """Whether integers are equal, and floats within four units in the last place of what they are made of."""
    if got.dtype.kind != "f":
        return np.array_equal(got, expected)
    unit = np.spacing(np.abs(values).max().astype(got.dtype))
    return got.dtype == expected.dtype and np.allclose(got, expected, rtol=0, atol=4 * unit, equal_nan=True)


KINDS = ["gray", "rgb", "16 bits", "signed", "float32", "float64", "five bands", "labels", "64 bits"]


@pytest.mark.parametrize("ignore", [None, IGNORED])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["max", "min", "avg", "median", "majority", "quantile"])
def test_every_level_is_what_pooling_the_picture_gives(tmp_path, command, mode, kind, ignore):
    """Of odd sizes, with windows at the border that hold what is there."""
    array, out = picture(kind), tmp_path / "out.tif"
    source = tiff(tmp_path / "in.tif", array)
    options = {"q": 0.8} if mode == "quantile" else {}
    words = ("--mode", mode, "--levels", "3", "--compression", "zstd", "--tile", "16x32")
    words += tuple(word for name, value in options.items() for word in (f"--{name}", value))
    done = command("pyramid", source, "-o", out, *words, "--ignore", "none" if ignore is None else ignore)
    assert (done.code, done.out, done.err) == (0, f"{out}\n", "")
    base, *levels = pages_of(out)
    assert np.array_equal(base, array) and len(levels) == 3
    for number, level in enumerate(levels, 1):
        k = 2**number
        expected = poolcli.pool(array, k, mode=mode, ceil_mode=True, ignore=ignore, **options)
        assert level.shape == expected.shape == (ceil(SIZE[0] / k), ceil(SIZE[1] / k), *array.shape[2:])
        assert near(level, expected, array), (number, mode)


@pytest.mark.parametrize(
    ("mode", "name"), [(row.name, name) for row in ALLOWED.values() for name in row.options if name != "exclude-pad"]
)
def test_every_option_of_a_mode_counts_in_every_level(tmp_path, command, mode, name):
    """Also of modes whose levels are made of one another."""
    value = OPTIONS[name].in_layer.partition(f",{name}")[2].removeprefix("=")
    array, out = picture("gray", (37, 45)), tmp_path / "out.tif"
    source, words = tiff(tmp_path / "in.tif", array), [f"--{name}", *([value] if value else [])]
    assert command("pyramid", source, "-o", out, "--mode", mode, *words, "--levels", "3").code == 0
    for number, level in enumerate(pages_of(out)[1:], 1):
        layer = f"{mode}:{2**number},ceil,{name}" + f"={value}" * bool(value)
        assert np.array_equal(level, poolcli.apply(layer, array)), layer


def test_a_mean_is_that_of_what_the_window_holds(tmp_path, command):
    """By plain loops: exact sums, halves rounded up, ignored values left out, whatever the level."""
    array, out = picture("gray", (37, 45)), tmp_path / "out.tif"
    source = tiff(tmp_path / "in.tif", array)
    assert command("pyramid", source, "-o", out, "--mode", "avg", "--factor", "3x2", "--levels", "3",
                   "--ignore", "7").code == 0  # fmt: skip
    for number, level in enumerate(pages_of(out)[1:], 1):
        high, wide = 3**number, 2**number
        for row in range(level.shape[0]):
            for column in range(level.shape[1]):
                window = array[row * high : (row + 1) * high, column * wide : (column + 1) * wide]
                values = [int(value) for value in window.ravel() if value != IGNORED]
                mean = (2 * sum(values) + len(values)) // (2 * len(values)) if values else IGNORED
                assert level[row, column] == mean, (number, row, column)


LAYOUTS = {
    "strips": {"tile": None, "rowsperstrip": 7},
    "one strip": {"tile": None, "rowsperstrip": 77, "compression": None},
    "one strip of planes": {"tile": None, "rowsperstrip": 77, "compression": None, "planarconfig": "separate"},
    "planes": {"planarconfig": "separate"},
    "lzw": {"compression": "lzw", "predictor": True},
    "big-endian": {"byteorder": ">"},
    "BigTIFF": {"bigtiff": True},
    "big-endian BigTIFF": {"bigtiff": True, "byteorder": ">"},
    "plain tiles": {"compression": None},
    "large tiles": {"tile": (128, 256)},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("base", ["copy", "encode"])
def test_files_of_every_layout(tmp_path, command, layout, base):
    """The picture itself is there too, its tiles copied or encoded anew."""
    array = np.stack([picture("16 bits", seed=seed) for seed in range(3)], axis=2)
    source, out = tiff(tmp_path / "in.tif", array, **LAYOUTS[layout]), tmp_path / "out.tif"
    assert command("pyramid", source, "-o", out, "--levels", "2", "--base", base).code == 0
    first, *levels = pages_of(out)
    first = np.moveaxis(first, 0, 2) if first.shape[0] == 3 else first
    assert np.array_equal(first, array)
    for number, level in enumerate(levels, 1):
        assert np.array_equal(level, poolcli.pool(array, 2**number, ceil_mode=True))


def test_tiles_of_jpeg_are_copied_as_they_are(tmp_path, command):
    """Byte by byte; levels are JPEG too, near to what was pooled."""
    y, x = np.mgrid[:200, :300]
    array = np.stack([x % 256, y, (x + y) % 256], axis=2).astype(np.uint8) // 2
    source, out = tiff(tmp_path / "in.tif", array, tile=(64, 64), compression="jpeg"), tmp_path / "out.tif"
    assert command("pyramid", source, "-o", out, "--mode", "avg").code == 0
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(out) as after:
        (page,), (base, *levels) = before.pages, after.pages
        assert [*zip(page.segments(), base.segments(), strict=True)]
        for (one, *_), (other, *_) in zip(page.segments(), base.segments(), strict=True):
            assert np.array_equal(one, other)
        tiles = [(offset, count) for offset, count in zip(base.dataoffsets, base.databytecounts, strict=True)]
        whole, original = out.read_bytes(), source.read_bytes()
        assert all(original[there : there + size] == whole[at : at + size] for (at, size), there in
                   zip(tiles, page.dataoffsets, strict=True))  # fmt: skip
        pixels = page.asarray()
        assert [level.compression for level in levels] == [7] * len(levels) and len(levels) == 3
        for number, level in enumerate(levels, 1):
            expected = poolcli.pool(pixels, 2**number, mode="avg", ceil_mode=True)
            assert np.abs(level.asarray().astype(int) - expected).mean() < 4
            assert level.is_reduced


def test_levels_until_one_tile(tmp_path, command):
    """And tifffile sees them as levels of one series."""
    source, out = tiff(tmp_path / "in.tif", picture("gray", (300, 500)), tile=(64, 64)), tmp_path / "out.tif"
    assert command("pyramid", source, "-o", out).code == 0
    with tifffile.TiffFile(out) as file:
        assert [level.shape for level in file.series[0].levels] == [(300, 500), (150, 250), (75, 125), (38, 63)]
        assert not file.is_bigtiff


def test_bands_and_pages(tmp_path, command):
    """Chosen bands; levels of several pages hang below each."""
    array, out = picture("five bands", (60, 80)), tmp_path / "out.tif"
    source = tiff(tmp_path / "in.tif", array)
    assert command("pyramid", source, "-o", out, "--bands", "4,2", "--levels", "1", "--mode", "median").code == 0
    base, level = pages_of(out)
    assert np.array_equal(base, array[..., [3, 1]])
    assert np.array_equal(level, poolcli.pool(array[..., [3, 1]], 2, mode="median"))
    with tifffile.TiffWriter(tmp_path / "pages.tif") as file:
        for band in range(3):
            file.write(np.ascontiguousarray(array[..., band]), tile=(16, 16), metadata=None)
    assert command("pyramid", tmp_path / "pages.tif", "-o", out, "--overwrite", "--levels", "2").code == 0
    with tifffile.TiffFile(out) as file:
        assert len(file.pages) == 3
        for band, page in enumerate(file.pages):
            assert np.array_equal(page.asarray(), array[..., band])
            for number, level in enumerate(page.pages, 1):
                assert np.array_equal(level.asarray(), poolcli.pool(array[..., band], 2**number, ceil_mode=True))


@pytest.mark.parametrize("name", ["in.png", "in.webp", "in.jpg"])
def test_other_pictures_are_held(tmp_path, command, name):
    """And become pyramids as well, alpha included."""
    array = picture("rgb", (70, 90))
    array = array if name == "in.jpg" else np.dstack([array, array[..., 0]])
    Image.fromarray(array).save(tmp_path / name, lossless=True)
    pixels = np.asarray(Image.open(tmp_path / name))
    assert command("pyramid", tmp_path / name, "-o", tmp_path / "out.tif", "--levels", "2", "--mode", "avg").code == 0
    for number, level in enumerate(pages_of(tmp_path / "out.tif")):
        assert np.array_equal(level, poolcli.pool(pixels, 2**number, mode="avg", ceil_mode=True))
    (tmp_path / "text.tif").write_text("no picture")
    assert "not a picture" in command.refused("pyramid", tmp_path / "text.tif", "-o", tmp_path / "o.tif", code=1)


def test_what_is_not_written_is_named(tmp_path, command):
    """Camera data, and what belongs to all bands where some are taken."""
    array = picture("rgb", (64, 64))
    tags = [(34675, 7, None, bytes(range(132)), True), (42112, 2, None, b"<GDALMetadata/>\0", True)]
    source = tiff(tmp_path / "in.tif", array, extratags=tags)
    done = command("pyramid", source, "-o", tmp_path / "out.tif", "--levels", "1", "--bands", "1,2")
    assert "the colour profile or GDAL's metadata was dropped, since it is that of all bands" in done.err
    assert not command("pyramid", source, "-o", tmp_path / "all.tif", "--levels", "1").err
    with tifffile.TiffFile(tmp_path / "out.tif") as some, tifffile.TiffFile(tmp_path / "all.tif") as whole:
        assert not {34675, 42112} & {tag.code for page in some.pages for tag in page.tags}
        assert all(34675 in page.tags for page in whole.pages)
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x829A] = 0.01
    exif[0x8769] = {0x829A: 0.01}  # or Pillow writes none
    Image.fromarray(array).save(tmp_path / "camera.tif", exif=exif)
    done = command("pyramid", tmp_path / "camera.tif", "-o", tmp_path / "out.tif", "--levels", "1", "--overwrite")
    assert done.code == 0 and "the camera data in EXIF was dropped" in done.err


@pytest.mark.parametrize(
    ("name", "library"), [("out.tif", "imagecodecs"), ("out.ome.tif", "imagecodecs"), ("out.zarr", "zarr")]
)
def test_a_library_that_is_missing_is_named_first(samples, command, bare, monkeypatch, name, library):
    """In one sentence, before anything is read."""
    monkeypatch.setitem(sys.modules, library, None)
    said = command.refused("pyramid", samples / "photo.jpg", "-o", name)
    assert said == f"poolcli: '{name}' needs {library}, which is not installed: pip install {library}\n"


def test_npy_and_palettes(tmp_path, command):
    """Arrays are mapped; palettes stay what they are where labels do."""
    array, out = picture("float32", (90, 70)), tmp_path / "out.tif"
    np.save(tmp_path / "in.npy", array)
    assert command("pyramid", tmp_path / "in.npy", "-o", out, "--levels", "2").code == 0
    for number, level in enumerate(pages_of(out)):
        assert np.array_equal(level, poolcli.pool(array, 2**number, ceil_mode=True))
    labels, colours = picture("gray", (64, 64)), (np.arange(768) * 257 % 65536).astype(np.uint16).reshape(3, 256)
    tifffile.imwrite(tmp_path / "p.tif", labels, photometric="palette", colormap=colours, tile=(16, 16))
    refused = command.refused("pyramid", tmp_path / "p.tif", "-o", out, "--overwrite", code=1)
    assert "page 0 has a palette, whose indices are labels: use --mode majority" in refused
    assert command("pyramid", tmp_path / "p.tif", "-o", out, "--overwrite", "--mode", "majority").code == 0
    with tifffile.TiffFile(out) as file:
        for number, page in enumerate(file.pages):
            assert np.array_equal(page.asarray(), poolcli.pool(labels, 2**number, mode="majority"))
            assert page.photometric == 3 and np.array_equal(page.colormap, colours)


def test_a_damaged_tile_is_reported_by_its_place(tmp_path, command):
    """Exit code 1 and nothing written; or its values are ignored, and its place in the copy is empty."""
    array, out = picture("gray", (64, 96)), tmp_path / "out.tif"
    source = tiff(tmp_path / "in.tif", array, tile=(32, 32))
    with tifffile.TiffFile(source) as file:
        place = file.pages[0].dataoffsets[4]
    data = bytearray(source.read_bytes())
    data[place + 2 : place + 40] = bytes(38)
    source.write_bytes(data)
    said = command.refused("pyramid", source, "-o", out, code=1)
    assert re.search(r"tile 4 of page 0 \(rows 32 to 63, columns 32 to 63\) is damaged \(.+\): get the file", said)
    assert "needs a value that is ignored" in command.refused(
        "pyramid", source, "-o", out, "--damaged-tiles", "ignore", code=1
    )
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]
    done = command("pyramid", source, "-o", out, "--damaged-tiles", "ignore", "--ignore", "7", "--levels", "2")
    assert done.code == 0 and "damaged, and counted as ignored values: tile 4 of page 0" in done.err
    array[32:, 32:64] = IGNORED
    base, *levels = pages_of(out)
    assert np.array_equal(np.where(base == 0, IGNORED, base), np.where(array == 0, IGNORED, array))
    for number, level in enumerate(levels, 1):
        assert np.array_equal(level, poolcli.pool(array, 2**number, ignore=IGNORED))


def test_an_existing_pyramid_stays(tmp_path, command):
    """Unless it is to be replaced; and a failure leaves what was there."""
    source, out = tiff(tmp_path / "in.tif", picture("gray", (64, 64))), tmp_path / "out.tif"
    out.write_bytes(b"mine")
    assert "exists already" in command.refused("pyramid", source, "-o", out)
    (tmp_path / "broken.tif").write_bytes(source.read_bytes()[:300])
    command.refused("pyramid", tmp_path / "broken.tif", "-o", out, "--overwrite", code=1)
    assert out.read_bytes() == b"mine" and len([*tmp_path.iterdir()]) == 3
    assert command("pyramid", source, "-o", out, "--overwrite", "-q").code == 0
    assert pages_of(out)[0].shape == (64, 64)


MISTAKES = [
    ((), "a pyramid needs a place: give one with -o"),
    (("-o", "out.png"), "'out.png' is no pyramid's name: .ome.tif"),
    (("-o", "in.tif", "--overwrite"), "the output 'in.tif' is the input 'in.tif'"),
    (("-o", "o.tif", "--mode", "aps"), "unknown mode of a pyramid 'aps'"),
    (("-o", "o.tif", "--mode", "stochastic"), "unknown mode of a pyramid 'stochastic'"),
    (("-o", "o.tif", "--factor", "1"), "factor 1 makes nothing smaller"),
    (("-o", "o.tif", "--levels", "no"), "--levels 'no' is not allowed: give a whole number from 1 to 30, or auto"),
    (("-o", "o.tif", "--tile", "100"), "tile 100 is not allowed: multiples of 16 are"),
    (("-o", "o.tif", "--compression", "gif"), "unknown compression 'gif'"),
    (("-o", "o.tif", "--bands", "0"), "--bands '0' is no list of bands"),
    (("-o", "o.tif", "--ignore", "red"), "--ignore 'red' is not allowed: give a number, nan"),
]


@pytest.mark.parametrize(("words", "sentence"), MISTAKES, ids=lambda value: str(value)[:40])
def test_mistakes_of_a_pyramid(tmp_path, monkeypatch, command, words, sentence):
    """In one sentence, before anything is read."""
    monkeypatch.chdir(tmp_path)
    tiff(tmp_path / "in.tif", picture("gray", (64, 64)))
    assert sentence in command.refused("pyramid", "in.tif", *words)
    assert len([*tmp_path.iterdir()]) == 1


PIXELS = {"PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "\u00b5m", "PhysicalSizeY": 0.5, "PhysicalSizeYUnit": "\u00b5m"}


def test_ome_says_what_its_pages_are(tmp_path, command):
    """Sizes of pixels, names and colours of channels, order of planes; levels hang below the pages."""
    array, source, out = picture("16 bits", (70, 90)), tmp_path / "in.ome.tif", tmp_path / "out.ome.tif"
    data = np.stack([[array + 10 * c + z for c in range(2)] for z in range(3)])
    names = {"Name": ["DAPI", "\u03b1-tubulin"], "Color": [-16776961, 16711935]}
    tifffile.imwrite(source, data, tile=(16, 32), metadata={"axes": "ZCYX", "Name": "cell", "Channel": names, **PIXELS})
    done = command("pyramid", source, "-o", out, "--mode", "median", "--levels", "2")
    assert (done.code, done.err) == (0, "")
    with tifffile.TiffFile(out) as file:
        (series,) = file.series
        assert file.is_ome and series.axes == "ZCYX"
        for number, level in enumerate(series.levels):
            pooled = [
                [poolcli.pool(page, 2**number, mode="median", ceil_mode=True) for page in pages] for pages in data
            ]
            assert np.array_equal(level.asarray(), pooled)
        image = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]
        assert {name: image["Pixels"][name] for name in PIXELS} == PIXELS
        channels = [(channel["Name"], channel["Color"]) for channel in image["Pixels"]["Channel"]]
        assert (image["Name"], channels) == ("cell", [*zip(*names.values(), strict=True)])
        for number, page in enumerate([file.pages[0], *file.pages[0].pages]):
            across, down = page.get_resolution("MICROMETER")
            assert (1 / across, 1 / down) == pytest.approx((0.25 * 2**number, 0.5 * 2**number))


def test_bands_of_an_ome_tiff_keep_their_size(tmp_path, command):
    """What is known of a pixel does not depend on how many bands it has."""
    array, source = picture("rgb", (64, 64)), tmp_path / "in.ome.tif"
    tifffile.imwrite(source, array, photometric="rgb", tile=(16, 16), metadata={"axes": "YXS", **PIXELS})
    for name in ("out.ome.tif", "out.ome.zarr"):
        assert command("pyramid", source, "-o", tmp_path / name, "--bands", "2", "--levels", "1").code == 0
    with tifffile.TiffFile(tmp_path / "out.ome.tif") as file:
        pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
        assert {name: pixels[name] for name in PIXELS} == PIXELS and pixels["SizeC"] == 1
        assert np.array_equal(file.series[0].asarray(), array[..., 1])
    facts, (base, _) = read_zarr(tmp_path / "out.ome.zarr")
    assert facts["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"] == [0.5, 0.25]
    assert np.array_equal(base[:], array[..., 1])


def test_ome_of_what_was_none(tmp_path, command):
    """With the resolution's size of a pixel; of what OME has no room for nothing is written."""
    array, out = picture("rgb", (70, 90)), tmp_path / "out.ome.tif"
    source = tiff(tmp_path / "in.tif", array, resolution=(20000, 10000), resolutionunit=3)
    assert command("pyramid", source, "-o", out, "--tile", "16").code == 0
    with tifffile.TiffFile(out) as file:
        pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
        assert (pixels["PhysicalSizeX"], pixels["PhysicalSizeY"], pixels["SizeC"]) == (0.5, 1.0, 3)
        assert [level.shape for level in file.series[0].levels][:2] == [(70, 90, 3), (35, 45, 3)]
    source = tiff(tmp_path / "wide.tif", picture("64 bits", (70, 90)))
    said = command.refused("pyramid", source, "-o", out, "--overwrite", code=1)
    assert "OME has no room for int64: write a .tif" in said


def map_of(path, array, raster):
    """A GeoTIFF whose coordinates are those of pixels' corners (1) or middles (2), of which 7 are no data."""
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, raster, 3072, 0, 1, 32633)
    place = (0.0, 0.0, 0.0, 500000.123456789, 5600000.987654321, 0.0)
    tags = [(33550, "d", 3, (10.1, 20.3, 0.0), True), (33922, "d", 6, place, True),
            (34735, "H", len(keys), keys, True), (42113, "s", 0, "7", True)]  # fmt: skip
    return tiff(path, array, extratags=tags, tile=(16, 16))


@pytest.mark.parametrize("raster", [1, 2], ids=["PixelIsArea", "PixelIsPoint"])
def test_every_level_lies_where_the_map_does(tmp_path, command, raster):
    """With the corner of the picture, larger pixels and its no-data value, by its tags and as GDAL reads them."""
    array, out = picture("gray", (141, 177)), tmp_path / "out.tif"
    source = map_of(tmp_path / "in.tif", array, raster)
    assert command("pyramid", source, "-o", out, "--mode", "avg", "--levels", "3").code == 0
    west, north = 500000.123456789, 5600000.987654321
    if raster == 2:
        west, north = west - 10.1 / 2, north + 20.3 / 2
    with tifffile.TiffFile(out) as file:
        for number, page in enumerate(file.pages):
            k, tags = 2**number, {tag.code: tag.value for tag in page.tags}
            across, down, _ = tags[33550]
            _, _, _, x, y, _ = tags[33922]
            shift = 0.5 if raster == 2 else 0
            corner = x - shift * across, y + shift * down
            assert (across, down) == pytest.approx((10.1 * k, 20.3 * k), abs=1e-9)
            assert corner == pytest.approx((west, north), abs=1e-8) and tags[42113] == "7"
            assert np.array_equal(page.asarray(), poolcli.pool(array, k, mode="avg", ceil_mode=True, ignore=7))
    if shutil.which("gdalinfo"):
        facts = gdal(out)
        assert facts["geoTransform"] == pytest.approx([west, 10.1, 0, north, 0, -20.3], abs=1e-9)
        assert [each["size"] for each in facts["bands"][0]["overviews"]] == [[89, 71], [45, 36], [23, 18]]
        for number in range(4):
            facts, k = gdal(f"GTIFF_DIR:{number + 1}:{out}"), 2**number
            assert facts["geoTransform"] == pytest.approx([west, 10.1 * k, 0, north, 0, -20.3 * k], abs=1e-8)


def gdal(name):
    """What `gdalinfo` says of a file."""
    done = subprocess.run(["gdalinfo", "-json", str(name)], capture_output=True, text=True, check=True)
    assert not done.stderr
    return json.loads(done.stdout)


def test_overviews_beside_a_map(tmp_path, command):
    """Levels alone, all of them marked as smaller copies, as GDAL looks for them."""
    array = picture("labels", (141, 177))
    source = map_of(tmp_path / "in.tif", array, 1)
    out = tmp_path / "in.tif.ovr"
    assert command("pyramid", source, "-o", out, "--mode", "majority", "--levels", "2").code == 0
    with tifffile.TiffFile(out) as file:
        assert [page.is_reduced for page in file.pages] == [True, True]
        for number, page in enumerate(file.pages, 1):
            expected = poolcli.pool(array, 2**number, mode="majority", ceil_mode=True, ignore=7)
            assert np.array_equal(page.asarray(), expected)
    if shutil.which("gdalinfo"):
        facts = gdal(source)["bands"][0]
        assert [each["size"] for each in facts["overviews"]] == [[89, 71], [45, 36]]


def test_libvips_sees_the_levels(tmp_path, command):
    """As pages, and as pictures below a page."""
    pyvips = pytest.importorskip("pyvips")
    array = picture("rgb", (150, 170))
    source = tiff(tmp_path / "in.tif", array, tile=(32, 32))
    for name, chosen in (("out.tif", "page"), ("out.ome.tif", "subifd")):
        assert command("pyramid", source, "-o", tmp_path / name, "--mode", "min").code == 0
        for number in range(1, 4):
            where = {chosen: number - (chosen == "subifd")}
            level = pyvips.Image.new_from_file(str(tmp_path / name), **where).numpy()
            assert np.array_equal(level, poolcli.pool(array, 2**number, mode="min", ceil_mode=True))


STREAMED = [
    ("max:3/2+1", {}),
    ("avg:2", {"tile": None, "rowsperstrip": 13}),
    ("conv:gauss max:2", {"planarconfig": "separate"}),
    ("median:2 majority:2", {"bigtiff": True, "compression": "lzw"}),
    ("min:2", {"extratags": [(42113, "s", 0, "7", True)]}),
]


@pytest.mark.parametrize(("recipe", "options"), STREAMED, ids=lambda value: str(value)[:20])
def test_pictures_of_any_size_are_pooled_in_bands(tmp_path, command, recipe, options):
    """`--max-pixels` does not bound them: the pixels and the report are those of the whole, filtered values as well."""
    size = (1501, 1087) if "planarconfig" in options else (2203, 2105)
    array = picture("16 bits", size)
    array = np.stack([array, array[::-1]], axis=2) if "planarconfig" in options else array
    source = tiff(tmp_path / "in.tif", array, **options)
    shifts = ("--shift", "-1,0", "--shift", "2,-3", "--shift-edge", "crop" if recipe == "min:2" else "replicate")
    for name, most in (("whole", "none"), ("bands", "1000")):
        words = (recipe, source, "-o", tmp_path / f"{name}.tif", "--max-pixels", most, "--report", "json", *shifts)
        done = command("stack", *words)
        assert done.code == 0, done
    whole, bands = (tifffile.imread(tmp_path / f"{name}.tif") for name in ("whole", "bands"))
    bands = np.moveaxis(bands, 2, 0) if bands.shape != whole.shape else bands
    assert whole.dtype == bands.dtype and np.array_equal(whole, bands)
    one, other = (json.loads((tmp_path / f"{name}.shift.json").read_text("utf-8")) for name in ("whole", "bands"))
    assert one["output"]["mode"] == other["output"]["mode"] and one["input"]["mode"] == other["input"]["mode"]
    for have, want in zip(other["shifts"], one["shifts"], strict=True):
        assert_alike(have, want)
        assert (want["written"] is not None) == recipe.startswith("conv")
    assert command("stack", recipe, source, "-o", tmp_path / "dry.tif", "--max-pixels", "9", "--dry-run").code == 0


def test_a_streamed_map_stays_where_it_was(tmp_path, command):
    """The tags of the pooled page are those of the whole, and so is what is ignored."""
    source = map_of(tmp_path / "in.tif", picture("16 bits", (1301, 1405)), 2)
    for name, most in (("whole", "none"), ("bands", "1000")):
        words = (
            source,
            "-o",
            tmp_path / f"{name}.tif",
            "--max-pixels",
            most,
            "--no-report",
            "--mode",
            "avg",
            "--k",
            "3",
        )
        assert command("pool", *words).code == 0
    with tifffile.TiffFile(tmp_path / "whole.tif") as whole, tifffile.TiffFile(tmp_path / "bands.tif") as bands:
        assert np.array_equal(whole.pages[0].asarray(), bands.pages[0].asarray())
        for code in (33550, 33922, 34735, 42113):
            assert whole.pages[0].tags[code].value == bands.pages[0].tags[code].value
        assert bands.pages[0].tile == (16, 16)


@pytest.mark.parametrize("target", ["npy", "zarr"])
@pytest.mark.parametrize("more", [(), ("--strip",)], ids=["all", "stripped"])
def test_what_is_dropped_is_named_in_bands_too(tmp_path, command, target, more):
    """Of photographs, maps and palettes: the notes are those of a picture that is held."""
    palette = {"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)}
    tags = [(271, 2, None, b"maker\0", False), (42113, 2, None, b"7\0", False), (700, 7, 4, b"<x/>", False)]
    values = picture("gray", (40, 50))
    for kind in ({"photometric": "minisblack", "iccprofile": bytes(200)}, palette):
        tifffile.imwrite(tmp_path / "in.tif", values, resolution=(72, 72), metadata=None, extratags=tags, **kind)
        words = ("pool", tmp_path / "in.tif", "-o", tmp_path / f"out.{target}", "-m", "stride", "--overwrite", *more)
        done = (command(*words, "--json", **budgets).objects[0] for budgets in ({}, {"largest": 1}))
        held, bands = (each.get("notes", []) for each in done)
        assert bands == held
        assert more or any("EXIF" in note or "colours of the palette" in note for note in held)


def test_what_is_decoded_at_once_is_bounded(tmp_path, command):
    """A strip, or a tile, of more pixels than a picture may have, whatever is in it."""
    with tifffile.TiffWriter(tmp_path / "in.tif") as file:
        file.write(np.zeros((16, 16), np.uint8), tile=(16, 16), metadata=None, compression="zlib")
    for code, value in ((322, 1 << 20), (323, 1 << 20), (256, 1 << 20), (257, 1 << 20)):
        with tifffile.TiffFile(tmp_path / "in.tif", mode="r+b") as file:
            file.pages[0].tags[code].overwrite(value)
    said = command.refused("pyramid", tmp_path / "in.tif", "-o", tmp_path / "out.tif", code=1)
    assert "page 0 has strips or tiles of 1099511627776 pixels, each of which is decoded at once" in said


def test_bands_count_in_what_is_decoded_at_once(tmp_path, command):
    """A strip of few pixels and thousands of bands is refused by the limit, before it is unpacked."""
    source = tmp_path / "a.tif"
    tifffile.imwrite(source, np.zeros((300, 300), np.uint8), compression="zlib", rowsperstrip=300)
    data = bytearray(source.read_bytes())
    at = data.index(struct.pack("<HHI", 277, 3, 1)) + 8
    data[at : at + 2] = struct.pack("<H", 10_825)
    source.write_bytes(bytes(data))
    done = command("pool", source, "-o", tmp_path / "b.tif")
    assert done.code == 1
    assert "a picture of 243630000 pixels of four bands is more than the limit of 89478485" in done.err
    said = command.refused("pyramid", source, "-o", tmp_path / "c.tif", "--levels", "1", code=1)
    assert "strips or tiles of 243630000 pixels of four bands, each of which is decoded at once" in said
    source = stored(tmp_path / "a.zarr", np.zeros((5, 30, 40), np.uint8), chunks=(5, 30, 40))
    for layout, counted in (("chw", 2400), ("hwc", 1500)):
        words = ("-m", "stochastic", "--layout", layout, "--max-pixels", 50)
        said = command.refused("pool", source, *words, code=1)
        assert f"a picture of {counted} pixels of four bands is more than the limit of 50; if you trust" in said


@pytest.mark.slow
def test_a_pyramid_of_more_than_four_gibibytes(tmp_path, command):
    """Is a BigTIFF, and every level is there."""
    array = np.lib.format.open_memmap(tmp_path / "in.npy", "w+", np.uint8, (66_000, 66_000))
    array[65_990:, 65_990:] = 9
    array.flush()
    words = ("--compression", "none", "--tile", "4096", "--mode", "avg")
    assert command("pyramid", tmp_path / "in.npy", "-o", tmp_path / "out.tif", *words).code == 0
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert file.is_bigtiff and [page.shape[0] for page in file.pages] == [66_000, 33_000, 16_500, 8250, 4125, 2063]
        for number, last in ((1, 9), (5, 4)):  # of the fifth level 100 of 256 values are 9
            page = file.pages[number]
            file.filehandle.seek(page.dataoffsets[-1])
            data = file.filehandle.read(page.databytecounts[-1])
            tile = page.decode(data, len(page.dataoffsets) - 1)[0][0, :, :, 0]
            assert tile[(page.shape[0] - 1) % 4096, (page.shape[1] - 1) % 4096] == last
    (tmp_path / "out.tif").unlink()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_is_ended_leaves_nothing_half(tmp_path, number, command):
    """Neither the pyramid nor what was begun of it; what a kill leaves goes with the next one."""
    array, out = picture("16 bits", (3000, 3000)), tmp_path / "out.tif"
    source = tiff(tmp_path / "in.tif", array, compression=None, tile=(64, 64))
    running = started("pyramid", source, "-o", out, "--mode", "majority", "--levels", "7", "--threads-per-image", "1")
    deadline = time.monotonic() + 30
    while not any(path.stat().st_size > 16 for path in tmp_path.glob(".poolcli-*")):
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(number)
    _, said = running.communicate(timeout=60)
    if number == signal.SIGKILL:
        assert running.returncode == -number and len([*tmp_path.iterdir()]) == 2
        assert command("pyramid", source, "-o", out, "--levels", "1").code == 0
        assert {path.name for path in tmp_path.iterdir()} == {"in.tif", "out.tif"}
        return
    assert running.returncode == 128 + number and b"interrupted" in said
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]


def test_progress_is_in_tiles(tmp_path, command, monkeypatch):
    """A line now and then, with the time that is left."""
    monkeypatch.setattr(time, "monotonic", itertools.count(0.0, 31.0).__next__)
    source = tiff(tmp_path / "in.tif", picture("gray", (300, 400)), tile=(32, 32))
    done = command("pyramid", source, "-o", tmp_path / "out.tif", "--levels", "1")
    lines = done.err.splitlines()
    assert re.fullmatch(r"poolcli: 13 of 130 tiles, \S+ megapixels/s, about .+ left", lines[0]), lines
    assert len(lines) == 9  # one a block, but for the last


# Zarr

NUMBERS = {"type": "array", "minItems": 2, "maxItems": 5, "items": {"type": "number"}}
# Written from the text of the specification, https://ngff.openmicroscopy.org/0.5/: "multiscales" and "omero" metadata.
OME_ZARR = {
    "type": "object",
    "required": ["version", "multiscales"],
    "properties": {
        "version": {"const": "0.5"},
        "multiscales": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["axes", "datasets"],
                "properties": {
                    "name": {"type": "string"},
                    "type": {"type": "string"},
                    "metadata": {"type": "object"},
                    "axes": {
                        "type": "array",
                        "minItems": 2,
                        "maxItems": 5,
                        "uniqueItems": True,
                        "contains": {"properties": {"type": {"const": "space"}}},
                        "minContains": 2,
                        "maxContains": 3,
                        "items": {
                            "type": "object",
                            "required": ["name", "type"],
                            "properties": {"name": {"type": "string"}, "unit": {"type": "string"},
                                           "type": {"enum": ["time", "channel", "space"]}},
                        },
                    },
                    "datasets": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["path", "coordinateTransformations"],
                            "properties": {
                                "path": {"type": "string"},
                                "coordinateTransformations": {
                                    "type": "array",
                                    "minItems": 1,
                                    "maxItems": 2,
                                    "prefixItems": [
                                        {"required": ["type", "scale"],
                                         "properties": {"type": {"const": "scale"}, "scale": NUMBERS}},
                                        {"required": ["type", "translation"],
                                         "properties": {"type": {"const": "translation"}, "translation": NUMBERS}},
                                    ],
                                },
                            },
                        },
                    },
                },
            },
        },
        "omero": {
            "type": "object",
            "required": ["channels"],
            "properties": {
                "channels": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["color", "window"],
                        "properties": {
                            "color": {"type": "string", "pattern": "^[0-9A-F]{6}$"},
                            "label": {"type": "string"},
                            "window": {"type": "object", "required": ["start", "end", "min", "max"],
                                       "additionalProperties": {"type": "number"}},
                        },
                    },
                }
            },
        },
    },
}  # fmt: skip


def read_zarr(path):
    """What a valid OME-Zarr says, and the arrays of its levels."""
    group = zarr.open_group(path, mode="r")
    facts = group.attrs["ome"]
    jsonschema.Draft202012Validator(OME_ZARR).validate(facts)
    (multiscale,) = facts["multiscales"]
    names = [axis["name"] for axis in multiscale["axes"]]
    arrays = [group[dataset["path"]] for dataset in multiscale["datasets"]]
    assert names == [name for name in "tczyx" if name in names]
    for array, dataset in zip(arrays, multiscale["datasets"], strict=True):
        assert list(array.metadata.dimension_names) == names
        for step in dataset["coordinateTransformations"]:
            assert len(step[step["type"]]) == array.ndim
    return facts, arrays


@pytest.mark.parametrize("mode", ["max", "avg", "majority"])
@pytest.mark.parametrize("kind", ["gray", "rgb", "float32", "labels", "64 bits"])
def test_ome_zarr_holds_what_pooling_the_picture_gives(tmp_path, command, kind, mode):
    """Bands are channels; values of a level lie in the middle of what they stand for."""
    array, out = picture(kind, (77, 533)), tmp_path / "out.ome.zarr"
    source = tiff(tmp_path / "in.tif", array, resolution=(20000, 10000), resolutionunit=3)
    done = command("pyramid", source, "-o", out, "--mode", mode, "--levels", "3", "--tile", "32x48", "--ignore", "7")
    assert (done.code, done.err) == (0, "")
    facts, arrays = read_zarr(out)
    for number, level in enumerate(arrays):
        k = 2**number
        expected = poolcli.pool(array, k, mode=mode, ceil_mode=True, ignore=7)
        values = np.moveaxis(level[:], 0, 2) if kind == "rgb" else level[:]
        assert level.chunks[-2:] == (min(32, level.shape[-2]), min(48, level.shape[-1]))
        assert near(values, expected, array)
        scale, *rest = facts["multiscales"][0]["datasets"][number]["coordinateTransformations"]
        assert scale["scale"][-2:] == [1.0 * k, 0.5 * k]
        assert [step["translation"][-2:] for step in rest] == [[(k - 1) / 2, (k - 1) / 4]] * (number > 0)
    assert {axis.get("unit") for axis in facts["multiscales"][0]["axes"][-2:]} == {"micrometer"}


def test_planes_channels_and_times_find_their_places(tmp_path, command):
    """From OME-TIFF to OME-Zarr, back, and into another one: sizes, names and colours stay."""
    array = picture("16 bits", (70, 90))
    data = np.stack([[[array + 100 * t + 10 * c + z for z in range(3)] for c in range(2)] for t in range(2)])
    names = {"Name": ["DAPI", "GFP"], "Color": [65535, 16711935]}
    metadata = {"axes": "TCZYX", "Channel": names, "PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "\u00b5m", **PIXELS}
    tifffile.imwrite(tmp_path / "in.ome.tif", data, tile=(16, 32), metadata=metadata)
    pooled = [poolcli.pool(page, 2) for page in data.reshape(-1, 70, 90)]
    for source, target in (("in.ome.tif", "a.ome.zarr"), ("a.ome.zarr", "b.ome.tif"), ("b.ome.tif", "c.ome.zarr")):
        assert command("pyramid", tmp_path / source, "-o", tmp_path / target, "--levels", "1").code == 0
    for name in ("a.ome.zarr", "c.ome.zarr"):
        facts, (base, level) = read_zarr(tmp_path / name)
        assert np.array_equal(base[:], data) and np.array_equal(level[:], np.reshape(pooled, level.shape))
        (multiscale,) = facts["multiscales"]
        assert multiscale["datasets"][0]["coordinateTransformations"] == [
            {"type": "scale", "scale": [1, 1, 2, 0.5, 0.25]}
        ]
        assert [(each["label"], each["color"]) for each in facts["omero"]["channels"]] == [
            ("DAPI", "0000FF"), ("GFP", "00FF00")]  # fmt: skip
    with tifffile.TiffFile(tmp_path / "b.ome.tif") as file:
        assert np.array_equal(file.series[0].asarray(), data)
        assert file.series[0].axes == "TCZYX"


@pytest.mark.parametrize("version", [2, 3])
def test_plain_zarr_arrays_of_both_versions(tmp_path, command, version):
    """With what stands for nothing in them; other folders are refused."""
    array, source, out = picture("16 bits", (77, 130)), tmp_path / "in.zarr", tmp_path / "out.tif"
    stored = zarr.create_array(source, shape=array.shape, chunks=(20, 30), dtype=array.dtype, zarr_format=version)
    stored[:] = array
    stored.attrs["_FillValue"] = IGNORED
    assert command("pyramid", source, "-o", out, "--mode", "min", "--levels", "2").code == 0
    with tifffile.TiffFile(out) as file:
        for number, page in enumerate(file.pages):
            assert np.array_equal(page.asarray(), poolcli.pool(array, 2**number, mode="min", ceil_mode=True, ignore=7))
            assert page.tags[42113].value == "7"
    zarr.open_group(tmp_path / "group.zarr", mode="w", zarr_format=version)
    said = command.refused("pyramid", tmp_path / "group.zarr", "-o", out, "--overwrite", code=1)
    assert "a group without OME-Zarr's multiscales" in said
    (tmp_path / "folder").mkdir()
    assert "is not read in tiles" in command.refused("pyramid", tmp_path / "folder", "-o", out, "--overwrite")


def test_older_ome_zarr_is_read(tmp_path, command):
    """Version 0.4: in Zarr 2, with its facts beside one another."""
    array, source = picture("gray", (60, 80)), tmp_path / "in.zarr"
    group = zarr.open_group(source, mode="w", zarr_format=2)
    group.create_array("s0", shape=(1, 2, 60, 80), chunks=(1, 1, 30, 40), dtype="uint8")[:] = [[array, array[::-1]]]
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}]
    axes += [{"name": name, "type": "space", "unit": "nanometer"} for name in "yx"]
    steps = [{"type": "scale", "scale": [1, 1, 500, 250]}]
    dataset = {"path": "s0", "coordinateTransformations": steps}
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": [dataset]}]
    assert command("pyramid", source, "-o", tmp_path / "out.ome.zarr", "--factor", "3", "--levels", "1").code == 0
    facts, (base, level) = read_zarr(tmp_path / "out.ome.zarr")
    assert np.array_equal(base[:], [array, array[::-1]])
    assert np.array_equal(level[1], poolcli.pool(array[::-1], 3, ceil_mode=True))
    first, second = (each["coordinateTransformations"] for each in facts["multiscales"][0]["datasets"])
    assert first == [{"type": "scale", "scale": [1, 500, 250]}]
    assert second[1] == {"type": "translation", "translation": [0, 500, 250]}


def test_an_ome_zarr_is_whole_or_not_there(tmp_path, command):
    """A failure leaves the Zarr that was there; success replaces all of it."""
    good, out = tiff(tmp_path / "in.tif", picture("gray", (64, 96)), tile=(32, 32)), tmp_path / "out.zarr"
    zarr.open_group(out, mode="w")
    (out / "mine").write_text("mine")
    data = bytearray(good.read_bytes())
    with tifffile.TiffFile(good) as file:
        place = file.pages[0].dataoffsets[-1]
    data[place : place + 60] = bytes(60)
    (tmp_path / "bad.tif").write_bytes(data)
    assert "exists already" in command.refused("pyramid", good, "-o", out)
    said = command.refused("pyramid", tmp_path / "bad.tif", "-o", out, "--overwrite", code=1)
    assert "tile 5 of page 0" in said and sorted(path.name for path in out.iterdir()) == ["mine", "zarr.json"]
    assert command("pyramid", good, "-o", out, "--overwrite").code == 0
    assert not (out / "mine").exists() and (out / "zarr.json").exists()
    assert len([*tmp_path.iterdir()]) == 3
    assert "unknown compression of a Zarr 'jpeg'" in command.refused(
        "pyramid", good, "-o", tmp_path / "o.zarr", "--compression", "jpeg"
    )


KEPT = {
    "10 bits": ({"bitspersample": 10}, "uint16", 1024, "10 bits a value were written as 16"),
    "WhiteIsZero": ({"photometric": "miniswhite"}, "uint16", 65536, ""),
    "CMYK": ({"photometric": "separated"}, "uint8", 256, ""),
    "YCbCr": ({"photometric": "ycbcr", "subsampling": (1, 1)}, "uint8", 256, ""),
    "CIELab": ({"photometric": "cielab"}, "uint8", 256, ""),
    "RGBA": ({"photometric": "rgb", "extrasamples": ("unassalpha",)}, "uint16", 65536, ""),
    "1 bit": ({"photometric": "minisblack"}, "bool", 2, ""),
}


@pytest.mark.parametrize("base", ["copy", "encode"])
@pytest.mark.parametrize("kind", KEPT)
def test_pixels_of_every_meaning(tmp_path, command, kind, base):
    """Mean what they meant, in the picture and in its levels: read again by the whole reader they are equal."""
    options, dtype, most, note = KEPT[kind]
    shape = (70, 90, {"CMYK": 4, "RGBA": 4, "YCbCr": 3, "CIELab": 3}.get(kind, 1))
    values = np.random.default_rng(8).integers(0, most, shape).astype(dtype)
    values = values[..., 0] if shape[2] == 1 else values
    compression = None if kind == "10 bits" else "zlib"
    tifffile.imwrite(tmp_path / "in.tif", values, tile=(16, 32), compression=compression, metadata=None, **options)
    done = command("pyramid", tmp_path / "in.tif", "-o", tmp_path / "out.tif", "--levels", "2", "--base", base)
    assert done.code == 0 and note in done.err and bool(note) == bool(done.err), done
    source, *levels = [decoding.decode(tmp_path / "in.tif", name="in"),
                       *(decoding.decode(tmp_path / "out.tif", name="out", options=ReadOptions(frame=n))
                         for n in range(3))]  # fmt: skip
    pixels = source.frames[0].pixels
    for number, level in enumerate(levels):
        (frame,) = level.frames
        assert np.array_equal(frame.pixels, poolcli.pool(pixels, 2**number, ceil_mode=True))
        assert frame.mode == source.frames[0].mode


def test_a_damaged_chunk_is_reported_by_its_place(tmp_path, command):
    """And nothing is written."""
    array, source = picture("gray", (60, 80)), tmp_path / "in.zarr"
    zarr.create_array(source, shape=array.shape, chunks=(20, 40), dtype="uint8", zarr_format=3)[:] = array
    (source / "c" / "1" / "1").write_bytes(b"broken")
    said = command.refused("pyramid", source, "-o", tmp_path / "out.tif", "--levels", "1", code=1)
    assert re.search(
        r"a chunk of picture 0 in rows 20 to 39, columns 0 to 79 cannot be read \(.+\); get it again", said
    )
    assert [path.name for path in tmp_path.iterdir()] == ["in.zarr"]


@pytest.mark.cluster
def test_a_zarr_in_a_store_is_read(tmp_path):
    """Chunk by chunk, over S3."""
    from tests.cluster import Bucket, s3_server

    array, out = picture("16 bits", (60, 80)), tmp_path / "out.tif"
    zarr.create_array(tmp_path / "in.zarr", shape=array.shape, chunks=(20, 40), dtype="uint16")[:] = array
    with s3_server() as variables:
        files = {path.relative_to(tmp_path).as_posix(): path.read_bytes()
                 for path in (tmp_path / "in.zarr").rglob("*") if path.is_file()}  # fmt: skip
        Bucket(variables, "slides").put(files)
        for name, code in (("in.zarr", 0), ("none.zarr", 1)):
            words = ["pyramid", f"s3://slides/{name}", "-o", str(out), "--levels", "1", "--overwrite"]
            done = subprocess.run([*POOLCLI, *words], env=environment(**variables), capture_output=True, check=False)
            assert done.returncode == code and (code == 0 or b"no Zarr is there" in done.stderr), done.stderr
        words = ["stack", "max:2", "s3://slides", "-o", str(tmp_path / "all"), "--no-report"]  # which finds it
        done = subprocess.run([*POOLCLI, *words], env=environment(**variables), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    assert np.array_equal(zarr.open(tmp_path / "all/in.zarr", mode="r")[:], poolcli.pool(array, 2))
    base, level = pages_of(out)
    assert np.array_equal(base, array) and np.array_equal(level, poolcli.pool(array, 2))


def test_a_level_behind_a_picture_that_pillow_does_not_know(tmp_path, command):
    """Of a codec that it lacks: other pages are read by tifffile then."""
    array = picture("rgb", (60, 90))
    source = tiff(tmp_path / "in.tif", array, compression="jpeg2000")
    assert command("pyramid", source, "-o", tmp_path / "out.tif", "--levels", "1").code == 0
    done = command("pool", tmp_path / "out.tif", "--frame", "1", "-o", tmp_path / "half.npy")
    assert done.code == 0, done
    assert np.array_equal(np.load(tmp_path / "half.npy"), poolcli.pool(poolcli.pool(pages_of(source)[0], 2), 2))


@pytest.mark.parametrize(("words", "way"), [(("pool",), ""), (("pyramid",), ", or use --damaged-tiles ignore")])
def test_a_way_out_is_an_option_of_the_command(tmp_path, command, words, way):
    """`pool` has none for damaged tiles."""
    whole = tiff(tmp_path / "in.tif", picture("gray", (64, 96)), tile=(32, 32)).read_bytes()
    (tmp_path / "in.tif").write_bytes(whole[:-40])
    budgets = {"largest": 1} if words == ("pool",) else {}
    said = command.refused(*words, tmp_path / "in.tif", "-o", tmp_path / "out.tif", code=1, **budgets)
    assert said.endswith(f"is damaged (the file ends before it does): get the file again{way}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]


@pytest.mark.parametrize(
    "words", [("pool",), ("pyramid", "--levels", "1"), ("pyramid", "--levels", "1", "--bands", "2")]
)
@pytest.mark.parametrize("name", ["in.tif", "in.zarr"])
def test_pages_that_are_done_keep_nothing_in_memory(tmp_path, command, monkeypatch, name, words):
    """What is decoded is shared by the rows of one page, and gone with it."""
    array = np.stack([picture("rgb", (77, 130), seed) for seed in range(3)])
    with tifffile.TiffWriter(tmp_path / "in.tif") as file:
        for page in array:
            file.write(page, tile=(16, 32), photometric="rgb", metadata=None)
    stored(tmp_path / "in.zarr", array, chunks=(1, 20, 30, 3), dimension_names=("t", "y", "x", "c"))
    opened, read = decoding.planes_of, []

    @contextmanager
    def watched(*arguments, **options):
        with opened(*arguments, **options) as (planes, notes):
            read.extend(planes)
            yield planes, notes

    monkeypatch.setattr(decoding, "planes_of", watched)
    budgets = {"largest": 1} if words == ("pool",) else {}
    assert command(*words, tmp_path / name, "-o", tmp_path / "out.tif", **budgets).code == 0
    assert len(read) == 3
    for plane in read:
        cache = plane.slabs.pieces if plane.segments is None else plane.segments.cache.pieces
        assert not cache, plane.number


# Zarr through `pool` and `stack`

HOW = {
    "3": {"zarr_format": 3, "dimension_names": ("y", "x")},
    "3 of shards": {"zarr_format": 3, "chunks": (16, 16), "shards": (32, 48)},
    "3 big-endian": {"zarr_format": 3, "serializer": zarr.codecs.BytesCodec(endian="big")},
    "3 turned": {"zarr_format": 3, "filters": [zarr.codecs.TransposeCodec(order=(1, 0))]},
    "2": {"zarr_format": 2, "compressors": {"id": "blosc", "cname": "lz4", "clevel": 3, "shuffle": 1}},
    "2 of Fortran": {"zarr_format": 2, "order": "F", "dtype": ">u2"},
    "2 of differences": {"zarr_format": 2, "filters": [numcodecs.Delta("<u2")], "compressors": None},
    "2 in folders": {"zarr_format": 2, "chunk_key_encoding": {"name": "v2", "separator": "/"}},
}


def stored(path, values, **options):
    """A Zarr of an array, of whose chunks some are missing where all is the fill value."""
    options = {"chunks": (20, 30), "dtype": values.dtype, "fill_value": 9} | options
    array = zarr.create_array(path, shape=values.shape, **options)
    array[:] = values
    return path


@pytest.mark.parametrize("budgets", [{}, {"largest": 1, "band_bytes": 1 << 11}], ids=["held", "in bands"])
@pytest.mark.parametrize("how", HOW)
def test_zarr_becomes_zarr_as_it_lies(tmp_path, command, how, budgets):
    """With its chunks, codecs, fill value and attributes, and the report of the array."""
    values = picture("16 bits", (77, 130))
    values[40:, 60:] = 9
    source, out = (
        stored(tmp_path / "in.zarr", values, attributes={"_FillValue": IGNORED, "n": [1]}, **HOW[how]),
        tmp_path,
    )
    words = ("pool", source, "-o", out / "out.zarr", "--k", "3", "--s", "2", "--mode", "min", "--json", "-q")
    done = command(*words, **budgets)
    assert (done.code, done.err) == (0, ""), done
    before, after = zarr.open(source, mode="r"), zarr.open(tmp_path / "out.zarr", mode="r")
    assert np.array_equal(after[:], poolcli.pool(values, 3, 2, mode="min", ignore=IGNORED))
    one, other = before.metadata.to_dict(), after.metadata.to_dict()
    assert {**one, "shape": 0} == {**other, "shape": 0}
    assert [path.name for path in tmp_path.iterdir()].count("out.zarr") == 1 and len([*tmp_path.iterdir()]) == 3
    report = json.loads((tmp_path / "out.shift.json").read_text())
    expected = poolcli.shift_report("min:3/2", values, ignore=IGNORED).to_dict()
    for have, want in zip(report["shifts"], expected["shifts"], strict=True):
        assert_alike(have, want)
    assert "exist already" in command.refused(*words, **budgets)
    assert command(*words, "--overwrite", **budgets).code == 0


def test_frames_are_chunks_of_their_own(tmp_path, command):
    """Of a picture that was no Zarr, with all the channels of their pixels."""
    frames = [Image.fromarray(picture("rgb", (77, 130), seed)) for seed in range(3)]
    frames[0].save(tmp_path / "in.tif", save_all=True, append_images=frames[1:])
    words = ("pool", tmp_path / "in.tif", "-o", tmp_path / "out.zarr", "--layout", "nchw", "--tile", "16x24")
    assert command(*words).code == 0
    array = zarr.open(tmp_path / "out.zarr", mode="r")
    assert (array.shape, array.chunks) == ((3, 3, 38, 65), (1, 3, 16, 24))


@pytest.mark.parametrize("budgets", [{}, {"largest": 1}], ids=["held", "in bands"])
@pytest.mark.parametrize("version", [2, 3])
def test_stripping_a_zarr_leaves_out_what_values_are_not_read_by(tmp_path, command, version, budgets):
    """Who made it and how goes; what counts as nothing, axes, scales and units stay, in a TIFF too."""
    needed = {
        "_FillValue": IGNORED,
        "scale_factor": 0.5,
        "add_offset": 2,
        "units": "m",
        "_ARRAY_DIMENSIONS": ["y", "x"],
    }
    attributes = {"author": "me", "history": "made by me", **needed}
    source = stored(tmp_path / "in.zarr", picture("16 bits", (77, 130)), attributes=attributes, zarr_format=version)
    assert command("pool", source, "-o", tmp_path / "out.zarr", "--strip", "-q", **budgets).code == 0
    assert zarr.open(tmp_path / "out.zarr", mode="r").attrs.asdict() == needed
    assert command("pool", source, "-o", tmp_path / "out.tif", "--strip", "-q", **budgets).code == 0
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert file.pages[0].tags[42113].value == str(IGNORED)


@pytest.mark.parametrize("budgets", [{}, {"largest": 0}], ids=["held", "in bands"])
def test_where_the_pixels_of_the_input_lie_is_not_said_of_the_output(tmp_path, command, budgets):
    """Pooled pixels are larger; what is left out is in the notes."""
    there = {"author": "me", "GeoTransform": "0 10 0 0 0 -10", "spatial:transform": [10, 0, 0, 0, -10, 0]}
    source = stored(tmp_path / "in.zarr", picture("16 bits", (77, 130)), attributes=there)
    ran = command("pool", source, "-o", tmp_path / "out.zarr", "--json", "--no-report", **budgets)
    left = [note for note in ran.objects[0]["notes"] if "of the input's pixels" in note]
    assert [note.split("'")[1] for note in left] == ["GeoTransform", "spatial:transform"]
    assert zarr.open(tmp_path / "out.zarr", mode="r").attrs.asdict() == {"author": "me"}


PACKED = {"scale_factor": 0.5, "add_offset": 200.0, "units": "K", "valid_min": 0}


@pytest.mark.parametrize("budgets", [{}, {"largest": 0}], ids=["held", "in bands"])
@pytest.mark.parametrize("words", [("-m", "fraction", "--of", 3), ("-m", "sum")])
def test_shares_and_sums_are_not_read_by_the_scales_of_the_values(tmp_path, command, words, budgets):
    """A share of a quarter would be read as 200.125 K; what is left out is in the notes."""
    source = stored(tmp_path / "in.zarr", picture("16 bits", (77, 130)), attributes={"author": "me", **PACKED})
    ran = command("pool", source, "-o", tmp_path / "out.zarr", "--json", "--no-report", *words, **budgets)
    left = [note for note in ran.objects[0]["notes"] if "of the input's values" in note]
    assert [note.split("'")[1] for note in left] == sorted(PACKED)
    assert zarr.open(tmp_path / "out.zarr", mode="r").attrs.asdict() == {"author": "me"}
    scales = '<Item name="SCALE" sample="0" role="scale">0.5</Item>', '<Item name="by">me</Item>'
    text = f"<GDALMetadata>{''.join(scales)}</GDALMetadata>"
    tags = [(42112, "s", 0, text, True)]
    tifffile.imwrite(tmp_path / "in.tif", picture("16 bits", (77, 130)), extratags=tags, metadata=None)
    for more, kept in ((words, scales[1:]), (("-m", "max"), scales)):
        call = ("pool", tmp_path / "in.tif", "-o", tmp_path / "out.tif", "-q", "--overwrite")
        assert command(*call, *more, **budgets).code == 0
        with tifffile.TiffFile(tmp_path / "out.tif") as file:
            assert file.pages[0].tags[42112].value == f"<GDALMetadata>{''.join(kept)}</GDALMetadata>"


@pytest.mark.parametrize("strip", [False, True])
@pytest.mark.parametrize("target", ["out.npy", "out.tif", "out.png", "out.ome.zarr"])
@pytest.mark.parametrize("budgets", [{}, {"largest": 0}], ids=["held", "in bands"])
def test_attributes_that_an_output_has_no_room_for_are_named(tmp_path, command, target, budgets, strip):
    """By pyramids too; of what is stripped nothing but what values are read by."""
    source = stored(tmp_path / "in.zarr", picture("gray", (77, 130)), attributes={"author": "me", **PACKED})
    ran = command(
        "pool", source, "-o", tmp_path / target, "--to-range", "clip", "--no-report", *["--strip"] * strip, **budgets
    )
    expected = {"scale_factor", "add_offset", "units"} | (set() if strip else {"author", "valid_min"})
    assert {line.split("'")[1] for line in ran.err.splitlines() if "the attribute '" in line} == expected
    if target in ("out.tif", "out.ome.zarr") and not strip:
        said = command("pyramid", source, "-o", tmp_path / f"pyramid.{target}", "--tile", 16).err
        assert {line.split("'")[1] for line in said.splitlines() if "the attribute '" in line} == expected


@pytest.mark.parametrize("budgets", [{}, {"largest": 1, "band_bytes": 1 << 12}], ids=["held", "in bands"])
@pytest.mark.parametrize("target", ["out.npy", "out.tif", "out.zarr", "out.ome.zarr"])
@pytest.mark.parametrize("source", ["in.npy", "in.tif", "in.zarr", "in.ome.zarr"])
def test_every_way_from_file_to_file(tmp_path, command, source, target, budgets):
    """The same values and figures, whatever they are read from and written to; colours stay together."""
    array = picture("rgb", (77, 130))
    if source == "in.npy":
        np.save(tmp_path / source, array)
    elif source == "in.zarr":
        stored(tmp_path / source, array, chunks=(20, 30, 3))
    else:
        tiff(tmp_path / "in.tif", array)
    if source == "in.ome.zarr":  # of which every channel is a picture
        assert command("pyramid", tmp_path / "in.tif", "-o", tmp_path / source, "--levels", "1").code == 0
    words = ("--frame", "1") * (source == "in.ome.zarr") + ("--ignore", "7", "--report", "json")
    done = command("stack", "avg:2", tmp_path / source, "-o", tmp_path / target, *words, **budgets)
    assert done.code == 0, done
    expected = poolcli.pool(array, 2, mode="avg", ignore=IGNORED)
    report = poolcli.shift_report("avg:2", array, ignore=IGNORED)
    if source == "in.ome.zarr":
        expected = expected[..., 1:2]
        report = poolcli.shift_report("avg:2", array[..., 1], ignore=IGNORED)
    if target == "out.npy":
        have = np.load(tmp_path / target)
    elif target == "out.tif":
        (have,) = pages_of(tmp_path / target)
    else:
        node = zarr.open(tmp_path / target, mode="r")
        have = node["0"][:] if isinstance(node, zarr.Group) else node[:]
        assert isinstance(node, zarr.Group) == ("ome" in source + target)
        have = np.moveaxis(have, 0, 2) if isinstance(node, zarr.Group) and have.ndim == 3 else have
    assert have.dtype == expected.dtype and np.array_equal(have.reshape(expected.shape), expected)
    written = json.loads((tmp_path / target).with_suffix(".shift.json").read_text())
    for one, other in zip(written["shifts"], report.to_dict()["shifts"], strict=True):
        assert_alike(one, other)


@pytest.mark.parametrize("budgets", [{}, {"largest": 1}], ids=["held", "in bands"])
def test_planes_of_an_ome_zarr_are_pooled_each(tmp_path, command, budgets):
    """All of them, into an OME-Zarr that says where its pixels lie; one of them if it is asked for."""
    data = np.stack([[picture("16 bits", (50, 70), seed) for seed in (c, c + 5, c + 9)] for c in range(2)])
    group = zarr.open_group(tmp_path / "in.ome.zarr", mode="w", zarr_format=3)
    group.create_array("s0", shape=data.shape, chunks=(1, 1, 20, 30), dtype="uint16")[:] = data
    axes = [{"name": "c", "type": "channel"}, {"name": "z", "type": "space"}]  # without a unit, which is nobody's duty
    axes += [{"name": name, "type": "space", "unit": "parsec"} for name in "yx"]
    steps = [{"type": "scale", "scale": [1, 2, 0.5, 0.25]}, {"type": "translation", "translation": [0, 4, 10, 20]}]
    dataset = {"path": "s0", "coordinateTransformations": steps}
    channels = [
        {"label": name, "color": "00FF00", "window": {"start": 0, "end": 9, "min": 0, "max": 9}} for name in "ab"
    ]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"name": "n", "axes": axes, "datasets": [dataset]}],
                          "omero": {"channels": channels}}  # fmt: skip
    done = command("stack", "max:3/2", tmp_path / "in.ome.zarr", "-o", tmp_path / "out.zarr", "--json", **budgets)
    assert done.code == 0, done
    facts, (level,) = read_zarr(tmp_path / "out.zarr")
    for c in range(2):
        for z in range(3):
            assert np.array_equal(level[c, z], poolcli.pool(data[c, z], 3, 2))
    assert level.chunks == (1, 1, 20, 30)
    (multiscale,) = facts["multiscales"]
    assert multiscale["datasets"][0]["coordinateTransformations"] == [
        {"type": "scale", "scale": [1, 2, 1, 0.5]},
        {"type": "translation", "translation": [0, 4, 10.5, 20.25]},  # the middle of three pixels
    ]
    assert multiscale["axes"] == axes
    assert [each["label"] for each in facts["omero"]["channels"]] == ["a", "b"]
    assert multiscale["name"] == "n"
    words = ("max:3/2", tmp_path / "in.ome.zarr", "-o", tmp_path / "bare.zarr", "--strip")
    assert command("stack", *words, **budgets).code == 0
    (bare,) = read_zarr(tmp_path / "bare.zarr")[0]["multiscales"]
    assert bare == {**multiscale, "name": "bare"}
    assert command("pyramid", tmp_path / "in.ome.zarr", "-o", tmp_path / "out.ome.tif", "--levels", "1").code == 0
    with tifffile.TiffFile(tmp_path / "out.ome.tif") as file:
        assert "PhysicalSizeX" not in file.ome_metadata and 'Name="a"' in file.ome_metadata
    assert len(json.loads((tmp_path / "out.shift.json").read_text())) == 6
    for name in ("out.npy", "out.bmp"):
        said = command.refused("pool", tmp_path / "in.ome.zarr", "-o", tmp_path / name, code=1, **budgets)
        assert "6 frames do not fit into one" in said and "take one with --frame N" in said
    assert command("pool", tmp_path / "in.ome.zarr", "--frame", "4", "-o", tmp_path / "one.npy", **budgets).code == 0
    assert np.array_equal(np.load(tmp_path / "one.npy"), poolcli.pool(data[1, 1], 2))
    assert command("pool", tmp_path / "in.ome.zarr", "--frame", "4", "-o", tmp_path / "one.zarr", **budgets).code == 0
    facts, (level,) = read_zarr(tmp_path / "one.zarr")
    assert np.array_equal(level[:], [[poolcli.pool(data[1, 1], 2)]])
    assert [each["label"] for each in facts["omero"]["channels"]] == ["b"]
    _, moved = facts["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    assert moved == {"type": "translation", "translation": [0, 6, 10.25, 20.125]}  # the second of planes 2 apart
    assert "no frame 6" in command.refused(
        "pool", tmp_path / "in.ome.zarr", "--frame", "6", "-o", tmp_path / "x", code=1, **budgets
    )


def test_a_folder_that_is_a_zarr_is_one_picture(tmp_path, command, monkeypatch):
    """For every command, wherever it is found; it is never written into."""
    monkeypatch.chdir(tmp_path)
    values = picture("gray", (40, 60))
    (tmp_path / "deep").mkdir()
    stored("a.zarr", values)
    stored("deep/b.zarr", values[::-1])
    Image.fromarray(values).save("deep/c.png")
    done = command("pool", "a.zarr", "--dry-run")
    assert (done.code, done.out) == (0, "a.zarr -> a.max-k2s2.zarr\n")
    for command_words in (("pool", ".", "-r"), ("pool", "a.zarr", "deep")):
        done = command(*command_words, "-o", "out", "--overwrite")
        assert (done.code == 0 and {*done.out.split()} >= {"out/a.zarr", "out/deep/b.zarr"}) or "deep" in command_words
        shutil.rmtree("out")
    assert "max:2/2" in command("compare", "a.zarr", "--modes", "max,avg").out
    (one,) = command("diff", "a.zarr", "deep/b.zarr", "--mode", "max", "--json").objects
    assert one["report"]["shifts"][0]["raw"]["changed"] == (values != values[::-1]).sum()
    for words, sentence in (
        (("a.zarr", "-o", "a.zarr", "--overwrite"), "the output 'a.zarr' is the input 'a.zarr'"),
        (("deep/c.png", "-o", "a.zarr/c.png"), "the output 'a.zarr/c.png' lies inside a Zarr"),
        (("a.zarr", "-o", "memory://x/out.zarr"), "a Zarr is written to a local folder; copy it from there"),
        (("deep/c.png", "-o", "c.jpg", "--tile", "32"), "'c.jpg': --tile and --compression are of TIFF and Zarr"),
        (("a.zarr", "-o", "b.zarr", "--compression", "jpeg"), "unknown compression of a Zarr 'jpeg'"),
        (("a.zarr", "-o", "b.tif", "--tile", "30"), "tile 30 is not allowed: multiples of 16 are"),
    ):
        assert sentence in command.refused("pool", *words)
    assert "a Zarr is a folder, and this goes to a stream" in command.refused("pool", "a.zarr", "-o", "-", code=1)
    Path("mine.zarr").mkdir()
    Path("mine.zarr/mine.txt").write_text("mine")
    said = command.refused("pool", "a.zarr", "-o", "mine.zarr", "--overwrite")
    assert "'mine.zarr' is a folder of something else than a Zarr" in said and Path("mine.zarr/mine.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zarr", "deep", "mine.zarr"]


@pytest.mark.parametrize("target", ["out.tif", "out.zarr"])
def test_tiles_and_compression_are_chosen(tmp_path, command, target):
    """Of small pictures too; what would need another writer is refused."""
    array = picture("rgb", (77, 130))
    Image.fromarray(array).save(tmp_path / "in.png")
    words = ("pool", tmp_path / "in.png", "-o", tmp_path / target, "--tile", "32x48", "--compression", "deflate")
    assert command(*words).code == 0
    if target == "out.zarr":
        made = zarr.open(tmp_path / target, mode="r")
        assert (made.chunks, made.compressors) == ((32, 48, 3), (zarr.codecs.GzipCodec(level=5),))
        assert np.array_equal(made[:], poolcli.pool(array, 2))
        return
    with tifffile.TiffFile(tmp_path / target) as file:
        (page,) = file.pages
        assert (page.tile, page.compression) == ((32, 48), 8)
        assert np.array_equal(page.asarray(), poolcli.pool(array, 2))
    said = command.refused(*words, "--overwrite", "--linear", "--mode", "avg", code=1)
    assert "leave out --linear" in said


def test_a_zarr_is_resumed_by_all_of_its_files(tmp_path, command, monkeypatch):
    """An input or an output that has changed in one chunk is done again."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    values = picture("gray", (40, 60))
    stored("in/a.zarr", values)
    words = ("pool", "in", "-o", "out", "--resume", "--json")
    assert command(*words).objects[0]["status"] == "ok" and command(*words).objects[0]["status"] == "skipped"
    zarr.open("in/a.zarr", mode="r+")[35, 55] = 250
    command(*words)
    assert zarr.open("out/a.zarr", mode="r")[17, 27] == 250
    next(path for path in (tmp_path / "out/a.zarr").rglob("*") if path.is_file() and path.name == "0").unlink()
    command(*words)
    assert np.array_equal(zarr.open("out/a.zarr", mode="r")[:], poolcli.pool(zarr.open("in/a.zarr", mode="r")[:], 2))


def test_floats_that_xarray_declares_to_be_nothing(tmp_path, command):
    """In Zarr 3 as eight bytes in base64."""
    values = picture("float32", (40, 60))
    values[5:9, 7:13] = -9999
    fill = b64encode(struct.pack("<d", -9999)).decode()
    stored(tmp_path / "in.zarr", values, attributes={"_FillValue": fill})
    assert command("pool", tmp_path / "in.zarr", "-o", tmp_path / "out.npy", "--mode", "avg").code == 0
    expected = poolcli.pool(values, 2, mode="avg", ignore=-9999)
    assert np.array_equal(np.load(tmp_path / "out.npy"), expected) and expected.min() == -9999


def test_zarr_in_memory_of_a_store(tmp_path, command):
    """By fsspec."""
    fsspec = pytest.importorskip("fsspec")
    values, system = picture("16 bits", (60, 80)), fsspec.filesystem("memory")
    stored(tmp_path / "in.zarr", values)
    for path in (tmp_path / "in.zarr").rglob("*"):
        if path.is_file():
            system.pipe(f"/slides/a.zarr/{path.relative_to(tmp_path / 'in.zarr').as_posix()}", path.read_bytes())
    try:
        assert command("pool", "memory://slides/a.zarr", "-o", tmp_path / "out.zarr").code == 0
        assert np.array_equal(zarr.open(tmp_path / "out.zarr", mode="r")[:], poolcli.pool(values, 2))
        assert command("pool", "memory://slides", "-o", tmp_path / "all").code == 0
        assert (tmp_path / "all/a.zarr/zarr.json").exists()
    finally:
        system.rm("/slides", recursive=True)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("names", "pictures"),
    [
        (("band", "y", "x"), lambda values: [np.moveaxis(values, 0, 2)]),
        (("time", "lat", "lon"), list),
        (("y", "x", "c"), lambda values: [values]),
        (("a", "b", "c"), lambda values: [values]),  # which say nothing
    ],
)
def test_names_of_axes_say_what_they_are(tmp_path, command, names, pictures, version):
    """As xarray writes them; majority votes over whole pixels of samples, over each of the pictures else."""
    values = np.random.default_rng(4).integers(0, 3, (6, 8, 10)).astype(np.uint8)
    options = {"dimension_names": names} if version == 3 else {"attributes": {"_ARRAY_DIMENSIONS": names}}
    stored(tmp_path / "in.zarr", values, chunks=(4, 4, 4), zarr_format=version, **options)
    words = ("pool", tmp_path / "in.zarr", "-o", tmp_path / "out.zarr", "--mode", "majority", "--json", "-q")
    done = command(*words)
    assert done.code == 0
    found = pictures(zarr.open(tmp_path / "out.zarr", mode="r")[:])
    expected = [poolcli.pool(each, 2, mode="majority") for each in pictures(values)]
    assert len(found) == len(expected) and all(map(np.array_equal, found, expected))


def test_a_resumed_page_shows_what_was_streamed(tmp_path, command, monkeypatch):
    """As the page of the first run does."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for name in "ab":
        tiff(Path("in", f"{name}.tif"), picture("gray", (1200, 1200)), tile=(64, 64))
    words = ("pool", "in", "-o", "out", "--max-pixels", "1000", "--report", "html", "--resume")
    counts = []
    for _ in range(2):
        assert command(*words).code == 0
        counts.append(Path("out/shift-report.html").read_text("utf-8").count("<img"))
    assert counts[0] == counts[1] > 4


@pytest.mark.parametrize("name", ["a.tif.OVR", "a.ZARR"])
def test_names_of_pyramids_in_capitals(tmp_path, command, name):
    """What is no picture of its own has none, and what has no rule for tiles is held to none."""
    source = tiff(tmp_path / "a.tif", picture("gray", (300, 320)), tile=(64, 64))
    assert command("pyramid", source, "-o", tmp_path / name, "--tile", "96" if name.endswith("R") else "80").code == 0
    if name.endswith("OVR"):
        with tifffile.TiffFile(tmp_path / name) as file:
            assert file.pages[0].shape == (150, 160)


@pytest.mark.parametrize("words", [("-m", "majority"), ("-m", "max")])
def test_a_small_file_of_a_large_picture_is_pooled_in_bands(tmp_path, command, words):
    """`--max-pixels` bounds what is held, whatever the file weighs: masks compress to a thousandth of themselves."""
    values = np.zeros((600, 700), np.uint8)
    values[200:333] = 7
    source = tiff(tmp_path / "in.tif", values, tile=(64, 64), compression="zlib")
    command("pool", source, *words, "-o", tmp_path / "out.tif", "--max-pixels", 100_000)
    assert np.array_equal(tifffile.imread(tmp_path / "out.tif"), poolcli.pool(values, 2, mode=words[1]))
