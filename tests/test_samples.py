"""The samples: drawn by their script, and the figures that the project started from."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import poolcli
from tests.conftest import SAMPLES
from tests.pages import DRAWINGS, PICTURES, README, drawn

ONE = ("pool", "samples/one.png", "--filter", "line-v", "--activation", "relu", "--k", "2", "--s", "2", "--mode", "max")


def test_the_script_draws_the_samples(tmp_path):
    """Into a folder, pixel for pixel what is in the repository (JPEG decoders may differ by a little)."""
    subprocess.run([sys.executable, SAMPLES / "draw.py", tmp_path], check=True)
    for made in sorted(tmp_path.iterdir()):
        kept = SAMPLES / made.name
        if made.suffix == ".npy":
            assert np.array_equal(np.load(made), np.load(kept))
            continue
        with Image.open(made) as have, Image.open(kept) as expected:
            assert (have.mode, have.size, have.getexif()) == (expected.mode, expected.size, expected.getexif())
            gap = np.abs(np.asarray(have).astype(int) - np.asarray(expected)).max()
            assert gap <= (2 if made.suffix == ".jpg" else 0), made.name
    assert {path.name for path in tmp_path.iterdir()} == {p.name for p in SAMPLES.iterdir() if p.suffix != ".py"}


def test_38_pixels_change_and_12_after_filter_and_pooling(samples, command):
    """The figure, what is left of the change, and as plainly that per pixel nothing was gained: 38/784, 12/196."""
    result = command(*ONE, "--shift", "-1,0", "--json")
    assert result.code == 0
    (outcome,) = result.objects
    (shift,) = outcome["report"]["shifts"]
    assert (shift["raw"]["changed"], shift["raw"]["pixels"]) == (38, 784)
    assert (shift["pooled"]["changed"], shift["pooled"]["pixels"]) == (12, 196)
    assert shift["gain"] == pytest.approx(38 / 784 / (12 / 196)) and shift["gain"] < 1
    said = " ".join(result.err.split())
    assert "38 (4.8 %) 12 (6.1 %) 68.4 % 0.792 0.615" in said
    assert (
        "less sensitive: 62 % of the change is left, though per pixel 1.26x as many pixels change (38 of 784 before, "
        "12 of 196 after); 11 of 196 change as written"
    ) in said
    assert shift["residual"] == pytest.approx(0.6154152730814467)
    assert shift["written"]["changed"] == 11
    written = json.loads((samples / "one.line-v_relu_max-k2s2.shift.json").read_text("utf-8"))
    assert written == outcome["report"]


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_readme_shows_what_its_commands_make(tmp_path, request, name):
    """Pixel for pixel where the same libraries draw the letters; with others these may differ, and nothing else.

    A browser that has shown other pages smooths a few edges by a shade more or less.
    """
    drawing = DRAWINGS[name]
    browser = request.getfixturevalue("browser") if drawing.window else None
    have, by = drawn(drawing, tmp_path, browser)
    with Image.open(PICTURES / name) as expected:
        same, pixels = expected.text["Letters"] == by, np.asarray(expected.convert("RGB")).astype(int)
    gaps = np.abs(np.asarray(have).astype(int) - pixels)
    assert f"](.github/pictures/{name})" in README.read_text("utf-8")
    equal = not gaps.any() if browser is None else gaps.max() <= 8 and np.count_nonzero(gaps) < 100
    assert equal if same else gaps.mean() < 4, f"{name} is stale: python -m tests.pages"


def test_38_and_12_counted_by_hand():
    """The same without a line of poolcli: a loop over the pixels."""
    with Image.open(SAMPLES / "one.png") as picture:
        still = np.asarray(picture).astype(int)
    moved = np.hstack([still[:, 1:], still[:, -1:]])

    def layers(image):
        padded = np.pad(image, 1, mode="reflect")
        lines = sum(
            2 * padded[r : r + 28, 1:29] - padded[r : r + 28, 0:28] - padded[r : r + 28, 2:30] for r in range(3)
        )
        return np.maximum(lines, 0).reshape(14, 2, 14, 2).max((1, 3))

    assert np.count_nonzero(still != moved) == 38
    assert np.count_nonzero(layers(still) != layers(moved)) == 12
    written = [np.clip(layers(image), 0, 255) for image in (still, moved)]
    assert np.count_nonzero(written[0] != written[1]) == 11


def test_the_classic_example(samples, command):
    """[[12 20 30 0] ...]: 2x2 max gives 20 30 / 112 37, average 13 8 / 79 20."""
    for mode, expected in (("max", [[20, 30], [112, 37]]), ("avg", [[13, 8], [79, 20]])):
        assert command("pool", "samples/four.png", "--mode", mode, "-o", f"{mode}.png", "-q").code == 0
        with Image.open(f"{mode}.png") as pooled:
            assert np.asarray(pooled).tolist() == expected


def test_every_sample_is_pooled_as_the_function_does(samples, command):
    """One command over the folder; each output is `poolcli.pool` of the picture as Pillow shows it upright."""
    assert command("pool", samples, "-o", "out", "--mode", "avg", "--k", "3", "--s", "2").code == 0
    for name in ("colour.png", "deep.png", "transparent.png", "one.png", "four.png"):
        with Image.open(samples / name) as before, Image.open(f"out/{name}") as after:
            assert after.mode == before.mode
            assert np.array_equal(np.asarray(after), poolcli.pool(np.asarray(before), 3, 2, mode="avg"))
    with Image.open("out/photo.jpg") as photo:
        assert photo.size == (199, 149)
        assert photo.info["icc_profile"]
        assert 0x0112 not in photo.getexif()
    assert np.array_equal(
        np.load("out/features.npy"), poolcli.pool(np.load(samples / "features.npy"), 3, 2, mode="avg")
    )
