"""Averages in linear light and weighted by alpha, against plain loops; what has no meaning is told."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from poolcli import recipe as recipes
from poolcli.colour import Colour, from_linear, to_linear
from poolcli.errors import PictureError, UsageError
from tests.images import assert_same


def light(value, peak):
    """IEC 61966-2-1, 5.2: a stored value as light."""
    v = value / peak
    return v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4


def stored(value, peak):
    """IEC 61966-2-1, 5.2 (the other way): light as a stored value, rounded half up."""
    v = 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return min(math.floor(v * peak + 0.5), int(peak))


def half_up(value):
    """The nearest whole number, of two the larger."""
    return math.floor(value + Fraction(1, 2))


def average(pixels, k, linear, weighted, peak):
    """k x k means of an H x W x C list-like picture whose last channel is alpha when `weighted`."""
    height, width, channels = pixels.shape
    out = np.empty((height // k, width // k, channels), pixels.dtype)
    for y in range(height // k):
        for x in range(width // k):
            cells = [pixels[y * k + i, x * k + j].tolist() for i in range(k) for j in range(k)]
            alphas = [cell[-1] if weighted else 1 for cell in cells]
            for c in range(channels):
                if weighted and c == channels - 1:
                    out[y, x, c] = half_up(Fraction(sum(alphas), k**2))
                    continue
                values = [light(cell[c], peak) if linear else Fraction(cell[c]) for cell in cells]
                total = sum(alphas)
                mean = sum(v * a for v, a in zip(values, alphas, strict=True)) / total if total else 0
                out[y, x, c] = stored(mean, peak) if linear else half_up(mean)
    return out


def run(text, pixels, mode, **asked):
    """The pooled pixels, coloured as asked."""
    alpha = mode.endswith("A")
    layers = Colour(**asked).around(recipes.parse_recipe(text), mode, pixels.dtype, alpha=alpha)
    return layers(pixels, alpha=alpha)


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize(("dtype", "channels", "mode"), [("uint8", 3, "RGB"), ("uint16", 1, "I;16")])
def test_linear_equals_the_oracle(dtype, channels, mode, k):
    """Decoded, averaged, encoded, rounded once."""
    pixels = np.random.default_rng(k).integers(0, np.iinfo(dtype).max, (31, 33, channels), dtype, endpoint=True)
    expected = average(pixels, k, True, False, float(np.iinfo(dtype).max))
    have = run(f"avg:{k}", pixels[:, :, 0] if channels == 1 else pixels, mode, linear=True)
    assert_same(np.atleast_3d(have), expected)


@pytest.mark.parametrize("linear", [False, True])
def test_premultiplied_equals_the_oracle(linear):
    """With clear, half clear and opaque pixels; alpha itself is averaged as ever, never through the curve."""
    rng = np.random.default_rng(4)
    pixels = rng.integers(0, 256, (24, 26, 4), np.uint8)
    pixels[..., 3] = rng.choice([0, 0, 0, 7, 128, 255], (24, 26))
    pixels[:4, :4, 3] = 0
    assert_same(run("avg:2", pixels, "RGBA", linear=linear, premultiply=True), average(pixels, 2, linear, True, 255.0))


def test_what_is_clear_lends_no_colour():
    """A red pixel among clear green ones stays red."""
    pixels = np.array([[[0, 255, 0, 0], [255, 0, 0, 255]]], np.uint8)
    assert run("avg:1x2", pixels, "RGBA", premultiply=True).tolist() == [[[255, 0, 0, 128]]]
    assert run("avg:1x2", pixels, "RGBA").tolist() == [[[128, 128, 0, 128]]]
    assert run("avg:1x2", pixels, "RGBA", premultiply=True, linear=True).tolist() == [[[255, 0, 0, 128]]]


def test_black_and_white_are_brighter_in_light():
    """Half the light is stored as 188 of 255."""
    assert run("avg:2", np.array([[0, 255], [255, 0]], np.uint8), "L", linear=True).tolist() == [[188]]


@pytest.mark.parametrize("asked", [{"linear": True}, {"premultiply": True}, {"linear": True, "premultiply": True}])
@pytest.mark.parametrize("text", ["avg:3", "blur:3/2", "conv:gauss avg:2", "conv:box5 blur:5/2"])
def test_a_constant_picture_stays_constant(text, asked):
    """Whatever the value, and opaque pictures equal a plain average's constant."""
    for value in (0, 1, 10, 11, 100, 254, 255):
        pixels = np.full((12, 12, 4), value, np.uint8)
        pixels[..., 3] = 200
        have = np.floor(run(text, pixels, "RGBA", **asked) + 0.5)
        assert (have == np.array([value, value, value, 200])).all()


def test_maxima_do_not_change_in_light():
    """The curve only rises."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    assert_same(run("max:3/2", pixels, "RGB", linear=True), run("max:3/2", pixels, "RGB"))


def test_the_curve_is_its_own_inverse_and_mirrored():
    """For what a filter leaves below 0 too; every 16-bit value comes back."""
    values = np.arange(-65_535, 65_536) / 65_535
    assert np.abs(from_linear(to_linear(values)) - values).max() * 65_535 < 1e-6
    assert np.array_equal(to_linear(-values), -to_linear(values))


def test_parts_of_a_recipe_speak_of_stored_values():
    """As the shift report needs them: the part before the stride, then the rest, is the whole."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    whole = Colour(linear=True).around(recipes.parse_recipe("conv:gauss avg:2"), "RGB", pixels.dtype, alpha=False)
    np.testing.assert_allclose(whole.tail(whole.head(pixels)), whole(pixels), atol=1e-9)
    assert whole.head(np.full((4, 4, 3), 99, np.uint8)) == pytest.approx(99)


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "YCbCr", "HSV", "I", "F", "1", "float32"])
def test_values_that_are_no_light_are_refused(mode):
    """An error of the picture."""
    with pytest.raises(PictureError, match=f"values of {mode} have no linear light"):
        Colour(linear=True).around(recipes.parse_recipe("avg:2"), mode, np.dtype("uint8"), alpha=False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max:2", "--premultiply weighs sums by alpha, 'max:2/2' is none: allowed are avg, blur$"),
        ("conv:box max:2", "--premultiply weighs sums by alpha, 'max:2/2' is none: allowed are avg, stride, blur$"),
        ("stride:2", "'stride:2/2' keeps values as they are: leave out --linear and --premultiply"),
        ("conv:sobel-v avg:2", "--premultiply has no weights below 0, as in 'conv:sobel-v'"),
        ("majority:2", "'majority:2/2' keeps values as they are: leave out --linear and --premultiply"),
    ],
)
def test_layers_without_a_meaning_are_a_usage_error(tmp_path, command, text, words):
    """Before anything is read."""
    with pytest.raises(UsageError, match=words):
        Colour(premultiply=True).check(recipes.parse_recipe(text))
    assert re.search(words, command.refused("stack", text, tmp_path / "none.png", "--premultiply").strip())


def test_through_the_command_line(tmp_path, command, monkeypatch):
    """RGBA and palettes; the report is measured on what is written; the rest of a batch is done."""
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(1).integers(0, 256, (16, 18, 4), np.uint8)
    Image.fromarray(pixels).save("a.png")
    Image.fromarray(pixels[..., 0]).convert("CMYK").save("ink.tif")
    result = command(
        "pool", "a.png", "ink.tif", "-o", "out/", "--mode", "avg", "--linear", "--premultiply", "--json", "--shift=2,0"
    )
    assert result.code == 1
    ok, failed = sorted(result.objects, key=lambda each: each["status"], reverse=True)
    assert "ink.tif: values of CMYK have no linear light" in failed["error"]
    with Image.open("out/a.png") as out:
        assert_same(np.asarray(out), average(pixels, 2, True, True, 255.0))
    assert ok["report"]["layers"] == "avg:2/2 in linear light weighted by alpha"
    aligned = ok["report"]["shifts"][0]["aligned"]
    assert (aligned["dx"], aligned["changed"]) == (1, 0)
