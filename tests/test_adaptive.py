"""Adaptive and global windows, indices of maxima, paddings by name: against slow oracles and the rules of others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import poolcli
from poolcli.errors import UsageError
from poolcli.ops.geometry import Cells, Window
from poolcli.ops.reduce import reduce_any
from poolcli.recipe import Pool, parse_recipe
from poolcli.recipe.layers import shapes
from tests import oracles
from tests.images import DTYPES, assert_same, random_image
from tests.test_modes import assert_pooled, few_values
from tests.test_pool import GEOMETRIES

WINDOWED = ("max", "avg", "min", "median", "lp", "majority", "soft", "stride")
OUTPUTS = ((1, 1), (2, 3), (5, 5), (7, 4), (13, 11), (20, 1))


@pytest.mark.parametrize("channels", [(), (3,), (6,)], ids=["gray", "RGB", "six"])
@pytest.mark.parametrize("mode", WINDOWED)
def test_every_mode_equals_its_oracle(mode, channels):
    """Outputs that divide the picture, that do not, and that are larger than it."""
    for seed, dtype in enumerate(DTYPES):
        image = random_image(seed, ((13, 11), (8, 9), (1, 6))[seed % 3], dtype, channels)
        image = few_values(image) if seed % 2 else image
        for size in OUTPUTS:
            assert_pooled(poolcli.adaptive_pool(image, size, mode=mode), oracles.adaptive(image, size, mode=mode), mode)


def weighed(sums, rows, out):
    """Each row of outputs by its number, as means are divided by their counts."""
    np.multiply(sums, np.arange(17, dtype=sums.dtype)[rows, np.newaxis, np.newaxis], out=out)


@pytest.mark.parametrize("finish", [None, weighed])
@pytest.mark.parametrize("operation", [np.maximum, np.minimum, np.add], ids=["max", "min", "sum"])
def test_bands_of_any_size_give_the_same(operation, finish):
    """Down to one row of outputs a band; of sums and what is made of them: means, soft and lp."""
    image = random_image(1, (61, 47), "float32", (3,))
    axes = Cells((17, 9)).axes(*image.shape[:2])
    whole = reduce_any(image, axes, operation, finish=finish)
    assert whole.shape == (17, 9, 3)
    for most in (1, 700):
        assert_same(reduce_any(image, axes, operation, finish=finish, band_values=most), whole)


def test_power_and_seed():
    """The options of the mode, as in `pool`."""
    image = random_image(2, (11, 7), "uint8")
    assert_same(poolcli.adaptive_pool(image, 3, mode="lp", p=3), oracles.adaptive(image, (3, 3), mode="lp", p=3))
    draws = [poolcli.adaptive_pool(image, 4, mode="stochastic", seed=seed) for seed in (0, 1)]
    assert not np.array_equal(*draws)
    assert_same(poolcli.adaptive_pool(image, (11, 7), mode="stochastic"), image)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"size": 0}, "size 0 is out of range"),
        ({"size": "a"}, "size 'a' is not a size"),
        ({"size": 3, "mode": "blur"}, "mode 'blur' takes no output size: max, avg, min"),
        ({"size": 3, "mode": "max", "p": 3}, "knows no option 'p'"),
    ],
)
def test_what_cannot_be_is_one_clear_sentence(call, words):
    """Before anything is computed."""
    with pytest.raises(UsageError, match=words):
        poolcli.adaptive_pool(np.zeros((4, 4)), **call)


@pytest.mark.parametrize(
    ("text", "forms"),
    {
        "avg:size=7": ("avg:size=7", "avg-size7"),
        "relu max:size=1x1": ("relu max:size=1", "relu_max-size1"),
        "lp:size=3x2,p=3": ("lp:size=3x2,p=3", "lp-size3x2-p3"),
    }.items(),
)
def test_text_form_and_back(text, forms):
    """What is printed is what is read, and fit for a file name."""
    recipe = parse_recipe(text)
    assert (str(recipe), recipe.file_text) == forms
    assert parse_recipe(str(recipe)) == recipe


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max:size=3/2", "an output size makes its own windows"),
        ("max:size=3+1", "an output size makes its own windows"),
        ("max:size=3x", "size '3x' is not a size"),
        ("max:size=", "size '' is not a size"),
        ("max:size=4,ceil", "an output size makes its own windows"),
        ("blur:size=4", "mode 'blur' takes no output size"),
    ],
)
def test_text_that_is_no_size(text, words):
    """One sentence, and the layer it is about."""
    with pytest.raises(UsageError, match=words):
        parse_recipe(text)


def test_where_its_outputs_lie():
    """On a grid where the size divides the picture; else there is no alignment to report."""
    image = random_image(3, (12, 8), "uint8")
    assert poolcli.shift_report("avg:size=4", image).shifts[0].aligned is not None
    assert poolcli.shift_report("avg:size=5", image).shifts[0].aligned is None
    assert [shape.size for shape in shapes(parse_recipe("max:size=5x4 avg:2"), 12, 8)] == [(5, 4), (2, 2)]


def test_on_the_command_line(command, samples):
    """A folder of pictures of all sizes comes out in one; a window beside it is refused."""
    result = command("pool", samples, "-o", "out", "--size", "6x5", "--mode", "median", "--json", "--no-report")
    assert result.code == 0
    assert len(result.objects) > 5
    shown = command("pool", samples / "one.png", "-o", "{stem}-{k}.{ext}", "--size", "7", "--json")
    assert shown.objects[0]["output"] == "one-size7.png"
    assert shown.objects[0]["report"]["layers"] == "max:size=7"
    assert shown.objects[0]["report"]["output"]["size"] == [7, 7]
    refused = command.refused("pool", samples / "one.png", "--size", "7", "--k", "3", "--ceil")
    assert "leave --k and --ceil out" in refused


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32"])
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_indices_of_maxima(geometry, dtype):
    """The first of equal ones."""
    for seed, channels in enumerate(((), (3,))):
        image = few_values(random_image(seed, (13, 17), dtype, channels))
        values, indices = poolcli.pool(image, **geometry, return_indices=True)
        assert_same(values, poolcli.pool(image, **geometry))
        assert_same(indices, oracles.max_indices(image, **geometry))


def test_indices_of_nan_infinity_and_nothing():
    """The last NaN; minus infinity has a place; a window of padding only has PyTorch's corner."""
    rng = np.random.default_rng(5)
    image = rng.choice([np.nan, np.inf, -np.inf, 0.0], (15, 14), p=[0.2, 0.1, 0.5, 0.2])
    for geometry in ({"k": (3, 3), "s": (2, 2), "padding": (1, 1, 2, 0)}, {"k": (2, 2), "s": (2, 2)}):
        assert_same(poolcli.pool(image, **geometry, return_indices=True)[1], oracles.max_indices(image, **geometry))
    far = {"k": (2, 2), "s": (1, 1), "padding": (3, 3, 3, 3), "dilation": (4, 4)}
    assert_same(poolcli.pool(image[:2, :2], **far, return_indices=True)[1], oracles.max_indices(image[:2, :2], **far))
    for call in ({"mode": "min"}, {"padding": "wrap"}):
        with pytest.raises(UsageError, match="has no indices"):
            poolcli.pool("no picture", 3, 2, return_indices=True, **call)  # told before anything is looked at


def keras_same(n, k, s, d):
    """(outputs, padding before, after) as the documentation of tf.nn describes SAME."""
    effective = (k - 1) * d + 1
    total = max(effective - s, 0) if n % s == 0 else max(effective - n % s, 0)
    return -(-n // s), total // 2, total - total // 2


def onnx_same(n, k, s, d, *, upper):
    """The same as the documentation of ONNX's auto_pad describes SAME_UPPER and SAME_LOWER."""
    out = (n + s - 1) // s
    total = max(0, (out - 1) * s + ((k - 1) * d + 1) - n)
    less, more = total // 2, total - total // 2
    return (out, less, more) if upper else (out, more, less)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 6), st.integers(1, 4))
def test_same_is_the_padding_of_keras_and_onnx(n, k, s, d):
    """An odd rest lies after, or before in SAME_LOWER."""
    for name, rules in (
        ("same", (keras_same(n, k, s, d), onnx_same(n, k, s, d, upper=True))),
        ("same-lower", (onnx_same(n, k, s, d, upper=False),)),
    ):
        axis = Window((k, k), (s, s), padding=name, dilation=(d, d)).axes(n, n)[0]
        for rule in rules:
            assert (axis.out, axis.before, axis.after) == rule


@pytest.mark.parametrize("mode", ["max", "avg", "median", "lp"])
def test_wrap_pads_with_the_other_side(mode):
    """As the same window over a picture continued by NumPy, as much as `same` pads."""
    image = random_image(4, (7, 10), "uint8", (3,))
    continued = np.pad(image, ((1, 2), (1, 1), (0, 0)), mode="wrap")
    assert_same(
        poolcli.pool(image, (4, 3), 1, padding="wrap", mode=mode), poolcli.pool(continued, (4, 3), 1, mode=mode)
    )
    assert str(Pool.of("maxaps", 2, padding="wrap")) == "maxaps:2/2+wrap"
