"""`poolcli pool` and its neighbours through the command line: what options do, and how wrong ones are told."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import poolcli
from poolcli.ops.filters import to_dtype


def pixels(path):
    """The pixels of a picture file."""
    with Image.open(path) as picture:
        return np.asarray(picture)


WINDOWS = {
    ("--k", "3"): {"k": 3},
    ("--k", "3x2", "--s", "1x2"): {"k": (3, 2), "s": (1, 2)},
    ("--k", "3", "--s", "2", "--padding", "1", "--ceil"): {"k": 3, "s": 2, "padding": 1, "ceil_mode": True},
    ("--k", "3", "--padding", "2,0,1x1".replace("x", ","), "--dilation", "2"): {
        "k": 3,
        "padding": (2, 0, 1, 1),
        "dilation": 2,
    },
    ("--k", "3", "--s", "2", "--padding", "same"): {"k": 3, "s": 2, "padding": "same"},
    ("--mode", "avg", "--k", "3", "--s", "2", "--padding", "1", "--exclude-pad"): {
        "mode": "avg",
        "k": 3,
        "s": 2,
        "padding": 1,
        "count_include_pad": False,
    },
}


@pytest.mark.parametrize(("options", "arguments"), WINDOWS.items(), ids=str)
def test_window_options_are_those_of_the_function(samples, command, options, arguments):
    """Each option reaches its argument."""
    result = command("pool", "samples/colour.png", "-o", "out.png", *options)
    assert result.code == 0, result.err
    assert np.array_equal(pixels("out.png"), poolcli.pool(pixels("samples/colour.png"), **arguments))


@pytest.mark.parametrize("to_range", ["clip", "abs", "stretch", "offset"])
@pytest.mark.parametrize("activation", ["none", "relu", "abs"])
def test_filters_activations_and_ranges(samples, command, activation, to_range):
    """A signed float result becomes a picture again, in the way that was asked for."""
    words = ("--filter", "sobel-v", "--filter-edge", "wrap", "--activation", activation, "--to-range", to_range)
    assert command("pool", "samples/deep.png", "-o", "out.png", *words).code == 0
    image = pixels("samples/deep.png")
    filtered = poolcli.convolve(image, "sobel-v", edge="wrap")
    active = {"none": filtered, "relu": np.maximum(filtered, 0), "abs": np.abs(filtered)}[activation]
    assert np.array_equal(pixels("out.png"), to_dtype(poolcli.pool(active, 2), image.dtype, to_range))


def test_ranges_by_hand():
    """Signed values around a range of 0 to 255."""
    values = np.array([[-300.0, -10.5, 0.0, 10.5, 300.0]])
    expected = {
        "clip": [0, 0, 0, 11, 255],
        "abs": [255, 11, 0, 11, 255],
        "offset": [0, 118, 128, 139, 255],
        "stretch": [0, 123, 128, 132, 255],
    }
    for how, row in expected.items():
        assert to_dtype(values, np.dtype(np.uint8), how).tolist() == [row], how
    assert to_dtype(np.full((1, 2), 7.0), np.dtype(np.uint8), "stretch").tolist() == [[0, 0]]


def test_a_kernel_of_ones_own(samples, command):
    """From JSON and from text, even sizes too; named in the recipe, the output's name and the report."""
    (samples / "my kernel.json").write_text("[[1, 2], [3, 4]]")
    result = command("pool", "samples/deep.png", "--filter", "samples/my kernel.json", "--json")
    assert result.code == 0, result.err
    (outcome,) = result.objects
    assert outcome["output"].endswith("deep.my-kernel_max-k2s2.png")
    assert outcome["report"]["layers"] == 'conv:@"samples/my kernel.json" max:2/2'
    filtered = poolcli.pool(poolcli.convolve(pixels("samples/deep.png"), [[1, 2], [3, 4]]), 2)
    assert np.array_equal(pixels(outcome["output"]), to_dtype(filtered, np.dtype(np.uint16), "clip"))


def test_stack_and_pool_agree(samples, command):
    """The same recipe gives the same pixels and the same report, whatever it was written as."""
    (samples / "recipe.toml").write_text('layers = ["conv:line-v", "relu", "max:2"]')
    calls = {
        "pool.png": ("pool", "samples/one.png", "--filter", "line-v", "--activation", "relu"),
        "stack.png": ("stack", "conv:line-v relu max:2", "samples/one.png"),
        "file.png": ("stack", "--recipe", "samples/recipe.toml", "samples/one.png"),
    }
    for name, words in calls.items():
        assert command(*words, "-o", name).code == 0
    reports = [json.loads((samples.parent / name).with_suffix(".shift.json").read_text("utf-8")) for name in calls]
    for name, report in zip(calls, reports, strict=True):
        assert np.array_equal(pixels(name), pixels("pool.png"))
        assert {**report, "output": None} == {**reports[0], "output": None}


def test_shape_prints_what_a_run_gives(samples, command):
    """As a table and as objects."""
    result = command("shape", "47x61", "conv:gauss/2 max:3/2+1", "--json")
    assert [line["size"] for line in result.objects] == [[24, 31], [12, 16]]
    assert result.objects[1] == {
        "layer": "max:3/2+1",
        "size": [12, 16],
        "receptive_field": [7, 7],
        "jump": [4, 4],
        "start": [-3, -3],
    }
    assert "12x16" in command("shape", "47x61", "conv:gauss/2 max:3/2+1").out
    assert command("stack", "conv:gauss/2 max:3/2+1", "samples/colour.png", "-o", "out.png").code == 0
    assert pixels("out.png").shape == (12, 16, 3)


@pytest.mark.parametrize(("name", "known"), [("modes", "max"), ("filters", "line-v")])
def test_lists_fit_the_terminal_and_have_objects(command, name, known):
    """80 columns; with --json one object a row, with formula and source."""
    assert max(map(len, command(name).out.splitlines())) <= 80
    rows = {row["name"]: row for row in command(name, "--json").objects}
    assert rows[known]["formula"] and rows[known]["source"]


ONE = "samples/one.png"
USAGE = {
    ("pool",): "no input",
    ("pool", ""): "an input is empty, as where a shell variable is not set",
    ("pool", "--files-from", "-", "-o", "-"): "a stream (-) stands for one picture",
    ("pool", ONE, "samples/four.png", "-o", "-"): "a stream (-) stands for one picture",
    ("pool", "samples", "-o", "-"): "a stream (-) stands for one picture",
    ("pool", ONE, "--nonsense"): "pool has no option --nonsense",
    ("pool", ONE, "--k", "0"): "window 0 is out of range: whole numbers from 1",
    ("pool", ONE, "--k", "two"): "window 'two' is not a size: N or HxW",
    ("pool", ONE, "--s", "0"): "stride 0 is out of range",
    ("pool", ONE, "--padding", "2"): "padding 2 is as large as the window of 2 rows: at most 1",
    ("pool", ONE, "--dilation", "0"): "dilation 0 is out of range",
    ("pool", ONE, "--mode", "mxa"): "unknown mode 'mxa', did you mean 'max'?",
    ("pool", ONE, "--exclude-pad"): "mode 'max' knows no option 'exclude-pad'",
    ("pool", ONE, "--filter", "sobel"): "unknown filter 'sobel', did you mean 'sobel-",
    ("pool", ONE, "--filter", "missing.json"): "kernel file 'missing.json' cannot be read",
    ("pool", ONE, "--activation", "rlu"): "unknown activation 'rlu', did you mean 'relu'?",
    ("pool", ONE, "--filter", "box", "--filter-edge", "mirror"): "unknown edge 'mirror'",
    ("pool", ONE, "--to-range", "clop"): "unknown range 'clop', did you mean 'clip'?",
    ("pool", ONE, "--shift", "1"): "shift '1' is not DX,DY",
    ("pool", ONE, "--shift-edge", "mirror"): "unknown shift edge 'mirror'",
    ("pool", ONE, "--tolerance", "-1"): "tolerance -1.0 is not allowed: give 0 or more",
    ("pool", ONE, "--tolerance", "nan"): "tolerance nan is not allowed",
    ("pool", ONE, "--report", "pdf"): "unknown report 'pdf'",
    ("pool", "samples"): "a folder as input ('samples') needs -o",
    ("pool", ONE, "-o", ONE): "is the input",
    ("pool", ONE, "samples/four.png", "-o", "x-{k}.png"): "would both be written to",
    ("pool", ONE, "-o", "out/{stm}.png"): "did you mean 'stem'?",
    ("pool", "samples/*.gif"): "no file matches 'samples/*.gif'",
    ("stack", "max:2"): "no input after the layers",
    ("stack", "max:2 mxa:2", ONE): "unknown layer 'mxa', did you mean 'max'?",
    ("stack", "--recipe", "missing.toml", ONE): "recipe file 'missing.toml': it cannot be read",
    ("shape", "224", "max:300"): "does not fit a picture of 224x224",
    ("shape", "0x1", "max:1"): "size 0x1 is out of range",
    ("pul",): "'pul' is no command, did you mean this? poolcli pool",
}


@pytest.mark.parametrize(("words", "sentence"), USAGE.items(), ids=lambda value: " ".join(value) if value else None)
def test_usage_errors_are_one_sentence_with_exit_2(samples, command, words, sentence):
    """What, got, allowed, next step; nothing is written."""
    before = sorted(samples.parent.rglob("*"))
    assert sentence in command.refused(*words, code=2)
    assert sorted(samples.parent.rglob("*")) == before


def test_one_bad_picture_never_takes_the_others_with_it(samples, command):
    """Exit 1, one line that names it, the others done."""
    (samples / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    (samples / "tiny.png").write_bytes((samples / "four.png").read_bytes())
    result = command("pool", "samples", "-o", "out", "--k", "5", "--json")
    assert result.code == 1
    failed = {Path(line["input"]).name: line["error"] for line in result.objects if line["status"] == "failed"}
    assert set(failed) == {"bad.png", "four.png", "tiny.png"}
    assert "a window of 5x5 pixels (width x height) does not fit a picture of 4x4" in failed["tiny.png"]
    for name, error in failed.items():
        assert error in result.err and name in error
    done = {Path(line["input"]).name for line in result.objects if line["status"] == "ok"}
    assert done == {"colour.png", "deep.png", "features.npy", "mask.png", "one.png", "photo.jpg", "transparent.png"}
    assert not (samples.parent / "out" / "bad.png").exists()


def test_a_missing_picture_is_a_bad_picture(samples, command):
    """Exit 1, as for any file that cannot be read."""
    error = command.refused("pool", "missing.png", code=1)
    assert error.count("\n") == 1 and "missing.png" in error


def test_a_recipe_file_and_a_list_of_names(samples, command):
    """Layers and inputs from files leave nothing to be said as arguments."""
    (samples / "recipe.toml").write_text('layers = ["max:2"]')
    (samples / "names.txt").write_text("samples/one.png\n")
    words = ("stack", "--recipe", "samples/recipe.toml", "--files-from", "samples/names.txt", "-o", "out/")
    assert command(*words).code == 0
    assert np.array_equal(pixels("out/samples/one.png"), poolcli.pool(pixels("samples/one.png"), 2))
    assert "no layers: give them first" in command.refused("stack")
