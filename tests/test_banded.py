"""Arrays larger than memory: bands give what the whole array gives, to the bit, and memory stays small."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import poolcli
from poolcli.batch.job import run_image
from poolcli.batch.settings import Settings
from poolcli.evaluate import How, before_downsampling, evaluate, is_local, shift_rows, shift_rows_of_large
from poolcli.recipe import parse_recipe
from poolcli.reports import Job
from poolcli.shift.move import Source
from poolcli.shift.record import Shifting
from poolcli.visualize import LONG_PAGE, PREVIEW, SHEET
from tests.batches import environment
from tests.images import assert_close, assert_same, random_image

RECIPES = (
    "max:2",
    "avg:3/2+1",
    "max:5/1+2",
    "min:3x2/2x3+1x0",
    "avg:4/3,ceil",
    "median:3/2+same",
    "majority:2",
    "lp:3/2,p=3",
    "stride:3",
    "max:3/2+2@3",
    "avg:7/5+3,exclude-pad",
    "conv:sobel-v relu max:2",
    "conv:gauss5/2,edge=replicate max:3/2+1 conv:laplace,edge=zero avg:2",
    "conv:gauss/3 abs avg:5/1+2 max:2/3",
    "max:9/1+4 avg:2/2 max:3/3+same",
    "blur:3/2 blur:4/3,edge=zero",
    "maxblur:3/2+1 avg:3/2+same-lower",
    "blur:3/2,edge=7 conv:gauss/2,edge=200 max:2 conv:box,edge=-0.5",
)


def in_rows(layers, image, most, asked=None):
    """The evaluation of an image given by its rows, about `most` of them at a time; `asked` notes how many are read."""

    def rows(low, high):
        if asked is not None:
            asked.append(high - low)
        return image[low:high]

    source = Source(image.shape, image.dtype, rows)
    return evaluate(layers, source, How(large=True, band_bytes=most * image[0].nbytes))


def pieces(evaluation):
    """Picture, features and output of all bands, put together; features None where there are none."""
    sides = zip(*evaluation.bands(), strict=True)
    return [None if side[0] is None else np.concatenate([piece.values for piece in side]) for side in sides]


@pytest.mark.parametrize("most", [1, 7, 64])
@pytest.mark.parametrize("recipe", RECIPES)
def test_bands_equal_the_whole(recipe, most):
    """Whatever their size, for heights that are no multiple of anything, to the last bit; features of filters too."""
    layers = parse_recipe(recipe)
    assert is_local(layers)
    for seed, (height, dtype, channels) in enumerate([(67, "uint8", (3,)), (97, "float32", ()), (31, "int64", (2,))]):
        image = random_image(seed, (height, 23), dtype, channels)
        picture, features, output = pieces(in_rows(layers, image, most))
        assert_same(picture, image)
        assert_same(output, layers(image))
        before = before_downsampling(layers)
        assert (before is None) == (features is None)
        if before is not None:
            assert_same(features, before(image))


@pytest.mark.parametrize("edge", ["replicate", "zero", "wrap", "crop"])
@pytest.mark.parametrize("recipe", RECIPES)
def test_reports_equal_those_of_the_whole(recipe, edge):
    """Every figure of several shifts, also of alignments whose counterparts come some bands later, or go round."""
    layers = parse_recipe(recipe)
    shifting = Shifting(((-1, 0), (3, -9), (-2, 12)), edge)
    for seed, (height, dtype, channels) in enumerate([(54, "uint8", (3,)), (48, "float32", ())]):
        image = random_image(seed, (height, 36), dtype, channels)
        expected = shift_rows(evaluate(layers, Source.of(image)), shifting)
        for most in (1, 10):
            taken = []
            rows = shift_rows_of_large(in_rows(layers, image, most), shifting, taken.append)
            assert_same(np.concatenate([band.output.values for band in taken]), layers(image))
            for have, want in zip(rows, expected, strict=True):
                assert_alike(have.to_dict(), want.to_dict())


def assert_alike(have, want):
    """Two rows, figure by figure."""
    for name, value in want.items():
        if isinstance(value, dict):
            assert_alike(have[name], value)
        else:
            assert have[name] == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value), name


def test_exponentials_agree_to_the_last_place_but_one():
    """Of `soft`: NumPy's exp rounds by where a value lies in a vector."""
    layers, image = parse_recipe("soft:3/2"), random_image(1, (53, 21), "float32")
    assert_close(pieces(in_rows(layers, image, 7))[2], layers(image))


def test_a_band_reads_what_it_sees_and_no_more():
    """Not the whole picture every time."""
    asked = []
    evaluation = in_rows(parse_recipe("max:3/2+1"), np.zeros((10_000, 4), np.uint8), 100, asked)
    assert sum(len(band.output.values) for band in evaluation.bands()) == 5_000
    assert max(asked) <= 120
    assert sum(asked) < 12_000


@pytest.mark.parametrize(
    "recipe", ["max:3/3+same", "max:5/2+same", "max:4/2+same-lower relu avg:5/4+same", "maxblur:4/2+same"]
)
def test_paddings_by_name_are_those_of_the_whole_picture(recipe):
    """Not those of a band, whose height leaves another rest."""
    layers = parse_recipe(recipe)
    for height in range(40, 60):
        image = random_image(height, (height, 9), "uint8")
        assert_same(pieces(in_rows(layers, image, 7))[2], layers(image))


@pytest.mark.parametrize(
    "recipe", ["stochastic:2", "conv:gauss,edge=wrap max:2", "avg:size=3", "max:3+wrap", "blur:3/2,edge=wrap"]
)
def test_what_needs_the_whole_picture_is_not_cut(recipe):
    """A draw or an edge that comes round from the other side."""
    assert not is_local(parse_recipe(recipe))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


BANDED = {"largest": 0, "band_bytes": 1}  # every .npy counts as large, and a band is one row or so


SHAPES = {"hw": (41, 13), "hwc": (41, 13, 3), "chw": (3, 41, 13), "nchw": (2, 3, 41, 13)}


@pytest.mark.parametrize("most", [1, 3000, 1 << 20])  # rows, some planes at a time, all of them
@pytest.mark.parametrize("dtype", ["float32", ">i2", "bool"])
@pytest.mark.parametrize("layout", SHAPES)
def test_every_layout_and_byte_order_through_the_command(here, command, layout, dtype, most):
    """The same file and the same report as without bands; without a report too."""
    budgets = {"largest": 0, "band_bytes": most}
    np.save("in.npy", random_image(5, SHAPES[layout], np.dtype(dtype).newbyteorder("="), ()).astype(dtype))
    words = ("in.npy", "--layout", layout, "--k", "3", "--s", "2", "--padding", "1", "--mode", "max")
    shifts = ("--shift", "-1,0", "--shift", "2,-3")
    assert command("pool", *words, "-o", "banded.npy", *shifts, **budgets).code == 0
    assert command("pool", *words, "-o", "bare.npy", "--no-report", **budgets).code == 0
    assert command("pool", *words, "-o", "whole.npy", *shifts).code == 0
    for name in ("banded", "bare"):
        assert (here / f"{name}.npy").read_bytes() == (here / "whole.npy").read_bytes()
    banded, whole = (json.loads((here / f"{name}.shift.json").read_text()) for name in ("banded", "whole"))
    if layout == "nchw":
        assert [report["input"]["frame"] for report in banded] == [0, 1]
    pairs = zip(banded, whole, strict=True) if layout == "nchw" else [(banded, whole)]
    for have, want in pairs:
        want["output"]["path"] = have["output"]["path"]
        assert {**have, "shifts": 0, "summary": 0} == {**want, "shifts": 0, "summary": 0}
        for one, other in zip(have["shifts"], want["shifts"], strict=True):
            assert_alike(one, other)


def test_pages_and_sheets_of_what_is_not_held(here, command):
    """They show the whole picture."""
    np.save("in.npy", random_image(5, (41, 13), "float32"))
    forms = ("--report", "html", "--report", "png", "--report", "json")
    ran = command("pool", "in.npy", "-o", "out.npy", *forms, **BANDED)
    assert (ran.code, "too large" in ran.err) == (0, False)
    page = (here / "out.shift.html").read_text()
    assert "The whole picture" in page and "Where the output changes" in page
    with Image.open(here / "out.shift.png") as sheet:
        assert sheet.height > 500
    assert (here / "out.shift.json").exists()


@pytest.mark.parametrize("most", [1, 5000, 1 << 20])
@pytest.mark.parametrize(
    ("recipe", "dtype", "edge", "height"),
    [
        ("max:2", "uint8", "crop", 523),
        ("conv:sobel-v avg:3/2", "float32", "zero", 523),
        ("majority:2", "uint16", "wrap", 523),
        ("majority:2", "uint16", "zero", 527),  # of whose last row of labels several rows are there
    ],
)
def test_what_is_shown_of_bands_is_what_is_shown_of_the_whole(here, recipe, dtype, edge, height, most):
    """The worst of the shifts, reduced to the same pictures, to the last byte."""
    array = random_image(3, (height, 287), dtype, (3,) if dtype == "uint8" else ())
    array[100:140, 50:90] = 0
    np.save("in.npy", array)
    shifting = Shifting(((-1, 0), (3, -7), (0, 1)), edge)
    settings = Settings(parse_recipe(recipe), shifting, views={"png": SHEET, "preview": PREVIEW, "html": LONG_PAGE})
    settings = replace(settings, views={name: replace(sizes, whole=100) for name, sizes in settings.views.items()})
    job = Job(Path("in.npy"), Path("out.npy"), "in.npy", "out.npy")
    banded = run_image(replace(settings, largest=0, band_bytes=most), job)
    held = run_image(settings, job)
    for name in settings.views:
        (have,), (want,) = banded.views[name], held.views[name]
        assert (have.shift, have.peaks, bool(have.thumbnail)) == (want.shift, want.peaks, bool(want.thumbnail))
        assert have.part == have.whole == want.whole


@pytest.mark.parametrize("banded", [False, True])
@pytest.mark.parametrize("name", ["out.npy", "out.npz", "out.zarr"])
def test_channels_are_not_lost_in_a_layout_without_them(here, command, name, banded):
    """Held or band by band."""
    Image.fromarray(random_image(3, (41, 13), "uint8", (3,))).save("in.tif")
    words = ("pool", "in.tif", "--layout", "hw", "-o", name)
    sentence = "3 channels do not fit into the layout hw; say --layout hwc or chw"
    assert sentence in command.refused(*words, code=1, **(BANDED if banded else {}))
    assert not Path(name).exists()


def test_one_of_a_batch_and_pictures_are_not_cut(here, command):
    """--frame takes one; what becomes a PNG, or lies in Fortran's order, is held whole."""
    array = random_image(5, SHAPES["nchw"], "uint8")
    np.save("in.npy", array)
    assert command("pool", "in.npy", "--layout", "nchw", "--frame", "1", "-o", "one.npy", **BANDED).code == 0
    assert np.load("one.npy").shape == (1, 3, 20, 6)
    np.save("flat.npy", np.asfortranarray(array[0, 0]))
    assert "band by band" not in command("pool", "flat.npy", "-o", "flat-out.npy", **BANDED).err
    assert np.array_equal(np.load("flat-out.npy"), poolcli.pool(array[0, 0], 2))
    assert command("pool", "flat.npy", "-o", "flat.png", **BANDED).code == 0
    words = ("pool", "in.npy", "--layout", "nchw", "--frame", "2", "-o", "x.npy")
    assert "no frame 2" in command.refused(*words, code=1, **BANDED)


def test_a_window_that_does_not_fit_leaves_nothing_behind(here, command):
    """Known before the file is begun."""
    np.save("in.npy", np.zeros((3, 4), np.uint8))
    assert "does not fit" in command.refused("pool", "in.npy", "--k", "5", "-o", "out.npy", code=1, **BANDED)
    assert [path.name for path in here.iterdir()] == ["in.npy"]


PEAK = """
import sys
from poolcli.cli.app import main
code = main(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1], file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="peak memory is read from /proc")  # noqa: PTH110
@pytest.mark.parametrize("recipe", ["avg:2", "conv:gauss relu max:3/2+1"])
def test_eight_gibibytes_in_half_a_gibibyte(tmp_path, recipe):
    """A sparse file: nothing of it is on the disk, all of it goes through the layers."""
    height, width = 1 << 16, 1 << 15
    source = tmp_path / "large.npy"
    header = np.lib.format.header_data_from_array_1_0(np.empty((0, 0), np.float32)) | {"shape": (height, width)}
    with source.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        begin = stream.tell()
        stream.truncate(begin + height * width * 4)
        for row in (0, 1, 777, height - 1):
            stream.seek(begin + (row * width + 5) * 4)
            stream.write(np.float32(row + 1).tobytes())
    words = ["stack", recipe, str(source), "-o", str(tmp_path / "out.npy"), "-q"]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *words], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stderr.split()[-1]) < 512 * 1024
    out = np.load(tmp_path / "out.npy", mmap_mode="r")
    mapped = np.load(source, mmap_mode="r")
    assert out.shape == (height // 2, width // 2)
    for top in (0, 700, height - 200):
        cut = poolcli.apply(recipe, mapped[top : top + 200, :40])
        assert np.array_equal(out[top // 2 + 20 : top // 2 + 80, :15], cut[20:80, :15])
        assert cut[20:80].any() == (top == 700)  # the row 777 among zeros
