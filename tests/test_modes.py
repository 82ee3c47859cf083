"""Every windowed mode against its slow oracle: channels, dtypes, odd sizes, geometries, what floats can be."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from PIL import Image

import poolcli
from poolcli.errors import PictureError, UsageError
from tests import oracles
from tests.images import DTYPES, SIZES, assert_close, assert_same, random_image
from tests.test_pool import GEOMETRIES

WINDOWED = ("max", "avg", "min", "median", "lp", "majority", "soft")
EXACT = ("max", "min", "median", "majority", "stride")
ODD_SIZES = ((7, 5), (9, 11), (13, 17))


def few_values(image):
    """The picture with so few values that majorities exist and medians tie."""
    return image % 5 if image.dtype.kind in "ui" else np.round(image / 40).astype(image.dtype)


def assert_pooled(have, expected, mode):
    """Exact where the mode only picks values; 64-bit integers that went through float64 to its precision."""
    if have.dtype.itemsize == 8 and have.dtype.kind in "ui" and mode in ("lp", "soft"):
        assert have.dtype == expected.dtype
        np.testing.assert_allclose(have.astype(float), expected.astype(float), rtol=1e-14)
    elif mode in EXACT:
        assert_same(have, expected)
    else:
        assert_close(have, expected)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [(), (3,), (4,)], ids=["gray", "RGB", "RGBA"])
@pytest.mark.parametrize("mode", [*WINDOWED, "stride"])
def test_every_mode_equals_its_oracle_on_every_kind_of_picture(mode, channels, dtype):
    """Sizes that are no multiple of the window."""
    for seed, size in enumerate(ODD_SIZES):
        for image in (random_image(seed, size, dtype, channels), few_values(random_image(seed, size, dtype, channels))):
            for k, s in (((2, 2), (2, 2)), ((3, 2), (2, 3)), ((5, 5), (1, 1))):
                have = poolcli.pool(image, k, s, mode=mode)
                assert_pooled(have, oracles.pool(image, k, s, mode=mode), mode)


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("mode", ["min", "median", "lp", "majority", "soft"])
def test_every_dtype_and_geometry_equals_the_oracle(mode, geometry):
    """Windows over the border, dilated, with gaps; pictures too small for them are refused by both."""
    for seed, dtype in enumerate(DTYPES):
        for size in SIZES[seed % 2 : 5 : 2]:
            image = random_image(seed, size, dtype, (3,) if seed % 2 else ())
            image = few_values(image) if seed % 3 else image
            try:
                expected = oracles.pool(image, **geometry, mode=mode)
            except ValueError:
                with pytest.raises(PictureError, match="does not fit"):
                    poolcli.pool(image, **geometry, mode=mode)
            else:
                assert_pooled(poolcli.pool(image, **geometry, mode=mode), expected, mode)


@pytest.mark.parametrize("geometry", ["plain", "ceil", "gaps", "dilated"])
def test_stride_keeps_the_first_value_of_every_window(geometry):
    """No padding: it has no first value."""
    options = {name: value for name, value in GEOMETRIES[geometry].items() if name != "padding"}
    image = random_image(1, (13, 17), "int16", (2,))
    assert_same(poolcli.pool(image, **options, mode="stride"), oracles.pool(image, **options, mode="stride"))
    with pytest.raises(UsageError, match="mode 'stride' takes no padding"):
        poolcli.pool(image, 3, 2, padding=1, mode="stride")


@pytest.mark.parametrize("k", [(8, 8), (9, 9), (10, 9), (31, 31)])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
def test_windows_of_any_number_of_values(k, dtype):
    """On both sides of where networks give way to sorting."""
    image = random_image(k[0], (41, 44), dtype)
    windows = np.lib.stride_tricks.sliding_window_view(image, k)[::3, ::5].reshape(-1, k[0] * k[1])
    have = poolcli.pool(image, k, (3, 5), mode="median").ravel()
    if dtype == "float32":
        assert_same(have, np.median(windows, axis=1))
    else:
        expected = [oracles.middle(window.tolist(), image.dtype) for window in windows]
        assert_same(have, np.array(expected, dtype))
    votes = few_values(image)
    assert_same(poolcli.pool(votes, k, (3, 5), mode="majority"), oracles.pool(votes, k, (3, 5), mode="majority"))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "bool"])
@pytest.mark.parametrize("k", [2, 3, 5, 9])
def test_padding_does_not_vote_for_the_highest_value(dtype, k):
    """It is sorted behind all that is there, where the highest value of the dtype is too."""
    high = 1 if dtype == "bool" else np.iinfo(dtype).max
    image = np.random.default_rng(k).choice([0, 1, high], (11, 12)).astype(dtype)
    call = {"k": (k, k), "s": (1, 2), "padding": (k - 1, 0, k // 2, k - 1)}
    assert_same(poolcli.pool(image, **call, mode="majority"), oracles.pool(image, **call, mode="majority"))


@pytest.mark.parametrize("many", [True, False], ids=["sorted", "counted"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int32", "uint64", "float32"])
@pytest.mark.parametrize("mode", ["median", "majority"])
def test_large_windows_over_the_border(mode, dtype, many):
    """Sorted side by side where there are many values, counted value by value where there are few."""
    image = random_image(6, (31, 26), dtype, (2,))
    image = image if many else few_values(image)
    for geometry in (
        {"k": (10, 9), "s": (2, 3), "padding": (4, 5, 3, 0)},
        {"k": (7, 11), "s": (5, 1), "padding": (6, 0, 9, 9), "dilation": (3, 1), "ceil_mode": True},
        {"k": (13, 13), "s": (1, 1), "padding": (12, 12, 12, 12)},
    ):
        assert_same(poolcli.pool(image, **geometry, mode=mode), oracles.pool(image, **geometry, mode=mode))


@pytest.mark.parametrize("mode", ["median", "majority", "min"])
@pytest.mark.parametrize("k", [(2, 2), (3, 3), (9, 10)])
def test_nan_and_infinity(mode, k):
    """NaN wins medians and minima; among votes it is one value above every number."""
    rng = np.random.default_rng(k[0])
    image = rng.choice([np.nan, np.inf, -np.inf, 0.0, 1.5, -3.0], (23, 19), p=[0.1, 0.1, 0.1, 0.3, 0.2, 0.2])
    for geometry in ({}, {"padding": (1, 1, 1, 1)}):
        have = poolcli.pool(image, k, (2, 2), mode=mode, **geometry)
        assert_same(have, oracles.pool(image, k, (2, 2), mode=mode, **geometry))


@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3, 7])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_any_power(p, dtype):
    """Integers rounded half up and held in their range."""
    image = random_image(3, (9, 11), dtype, (3,))
    have = poolcli.pool(image, 3, 2, padding=1, ceil_mode=True, mode="lp", p=p)
    expected = oracles.pool(image, (3, 3), (2, 2), padding=(1,) * 4, ceil_mode=True, mode="lp", p=p)
    assert_close(have, expected, ulps=16)


def test_powers_that_leave_float64_are_taken_on_the_scale_of_the_window():
    """|x|^p of 1e300 and of 1e-300 is no float64, the norm is."""
    for size in (1e300, 1e-300, 200.0):
        have = poolcli.pool(np.full((4, 4), size), 2, mode="lp", p=500)
        np.testing.assert_allclose(have, size * 4 ** (1 / 500), rtol=1e-12)
    mixed = np.array([[1e300, 0, np.inf, 1, np.nan, 2]])
    np.testing.assert_allclose(poolcli.pool(mixed, (1, 2), mode="lp"), [[1e300, np.inf, np.nan]])


def test_softmax_of_any_range():
    """Values so far apart that no exponential of their difference is a float64."""
    image = np.array([[-2000.0, 3000, 1, 1], [5, -7, 2, 2]], np.float64)
    assert_close(poolcli.pool(image, 2, mode="soft"), oracles.pool(image, (2, 2), (2, 2), mode="soft"))
    with_nan = np.array([[np.nan, 1, 1, 1], [5, -7, np.inf, 2], [0, 0, 0, 0]], np.float64)
    assert np.isnan(poolcli.pool(with_nan[:2], 2, mode="soft")).all()
    assert poolcli.pool(with_nan[1:], 2, 1, mode="soft")[0, 0] > 0  # the windows without NaN keep their value


@pytest.mark.parametrize("mode", ["median", "majority", "stochastic", "soft", "lp"])
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_blocks_of_any_size_give_the_same(mode, dtype):
    """Of pictures that take many blocks and of parts that take one, or others; down to one output a block."""
    options = {"per_channel": True} if mode == "majority" else {}

    def pooled(image):
        return poolcli.pool(image, (3, 4), (2, 1), padding=(1, 2, 3, 0), mode=mode, **options)

    image = random_image(5, (300, 130), dtype, (3,))
    deep = random_image(5, (5, 7), dtype, (22_000 if dtype == "uint8" else 6_000,))
    if dtype == "float64":
        image, deep = image * 100, deep * 100  # a range that takes soft through its blocks
    whole = pooled(image)
    for columns in (12, 41, 77):
        assert_same(pooled(image[:, :columns]), whole[:, :columns])
    for rows in (23, 60, 200):
        inside = rows // 2  # windows above the padding
        assert_same(pooled(image[:rows])[:inside], whole[:inside])
    assert_same(pooled(deep)[..., :3], pooled(deep[..., :3]))


@pytest.mark.parametrize("mode", ["lp", "soft", "stochastic"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_windows_as_large_as_the_picture(mode, dtype):
    """Taken in pieces, they give what their values give together."""
    image = random_image(7, (1100, 1000), dtype, (2,))
    scale = 1 if dtype == "float32" else np.iinfo(dtype).max
    if mode == "lp":  # norms that the dtype holds
        image = image // 1000 if dtype == "int16" else (image > 254).astype(dtype)

    def expected(values, number):
        x = values.astype(np.float64).ravel()
        if mode == "stochastic":
            sums = np.cumsum(np.maximum(x, 0))
            return x[np.count_nonzero(sums <= number * sums[-1])]
        weights = np.exp((x - x.max()) / scale)
        value = np.sqrt((x * x).sum()) if mode == "lp" else (weights * x).sum() / weights.sum()
        return value if dtype == "float32" else np.clip(np.floor(value + 0.5), *(np.iinfo(dtype).min, scale))

    for k, s, tops, lefts in (((1100, 1000), (1, 1), (0,), (0,)), ((1060, 500), (40, 490), (-3, 37), (0, 490))):
        padding = (-tops[0], 0, 0, 2 * len(lefts) - 2)
        have = poolcli.pool(image, k, s, padding=padding, mode=mode)
        assert have.shape == (len(tops), len(lefts), 2)
        for (i, top), (j, left), c in product(enumerate(tops), enumerate(lefts), range(2)):
            window = image[max(top, 0) : top + k[0], left : left + k[1], c]
            assert_close(have[i, j, c], np.asarray(expected(window, split_mix(0, i, j, c)), dtype))


def split_mix(seed, *places):
    """Numbers of SplitMix64, one seeding the next, the k-th for every place k (from 0), in Python integers."""
    mask = 2**64 - 1
    for place in places:
        z = (seed + (place + 1) * 0x9E3779B97F4A7C15) & mask
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        seed = z ^ (z >> 31)
    return (seed >> 11) / 2**53


def drawn(values, number):
    """The value at which the running sum of the positive ones passes `number` of the whole."""
    weights = [max(value, 0) for value in values]
    if not any(weights):
        weights = [1] * len(values)
    running = 0
    for value, weight in zip(values, weights, strict=True):
        running += weight
        if running > number * sum(weights):
            return value
    raise AssertionError(values)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_stochastic_draws_as_its_definition_says(dtype):
    """By the seed and the output's row, column and channel."""
    image = random_image(4, (9, 7), dtype, (2,))
    image[:3] = -abs(image[:3].astype(float)) if dtype == "float32" else 0
    padding = (1, 0, 2, 1)
    have = poolcli.pool(image, 3, 2, padding=padding, mode="stochastic", seed=2**64 - 3)
    expected = np.empty_like(have)
    for channel in range(2):
        for row, col, values, _ in oracles.windows(image[:, :, channel], (3, 3), (2, 2), padding, (1, 1), False):
            expected[row, col, channel] = drawn(values, split_mix(2**64 - 3, row, col, channel))
    assert_same(have, expected)


def test_draws_depend_on_the_place_of_an_output_alone():
    """Not on how wide the picture is, nor on how many channels it has."""
    image = random_image(5, (9, 14), "uint8", (3,))
    whole = poolcli.pool(image, 2, mode="stochastic", seed=4)
    assert_same(poolcli.pool(image[:6, :8], 2, mode="stochastic", seed=4), whole[:3, :4])
    assert_same(poolcli.pool(image[:, :, 0], 2, mode="stochastic", seed=4), whole[:, :, 0])


def test_stochastic_probabilities_are_the_values():
    """Of 1, 2 and 7 (and -5) every value as often as it is large, within five standard deviations."""
    image = np.tile(np.array([[1, 2], [7, -5]]), (200, 200))
    have = poolcli.pool(image, 2, mode="stochastic", seed=11)
    assert not np.array_equal(have, poolcli.pool(image, 2, mode="stochastic"))
    for value, share in ((1, 0.1), (2, 0.2), (7, 0.7), (-5, 0.0)):
        assert abs((have == value).mean() - share) <= 5 * math.sqrt(share * (1 - share) / have.size)


def test_options_may_be_numbers_of_numpy():
    """What comes out of an array is a number too."""
    image = random_image(9, (9, 8), "uint8")
    assert_same(poolcli.pool(image, 3, mode="lp", p=np.float32(3)), poolcli.pool(image, 3, mode="lp", p=3))
    seeds = (poolcli.pool(image, 3, mode="stochastic", seed=seed) for seed in (np.int64(7), 7))
    assert_same(*seeds)
    colours = random_image(9, (9, 8, 3), "uint8") // 100
    assert_same(*(poolcli.pool(colours, 3, mode="majority", per_channel=flag) for flag in (np.True_, True)))
    assert_same(
        poolcli.pool(image, 3, 2, mode="maxblur", taps=np.uint8(5)), poolcli.pool(image, 3, 2, mode="maxblur", taps=5)
    )


def test_stochastic_infinity_and_nan():
    """Infinity is drawn before any number, NaN stays NaN, the largest numbers do not overflow."""
    image = np.array([[1, np.inf, np.nan, 1, 1e308, 1e308], [5, 2, np.inf, 0, 1e308, -1]])
    have = poolcli.pool(image, 2, mode="stochastic")
    assert_same(have, np.array([[np.inf, np.nan, 1e308]]))
    assert poolcli.pool(image, (2, 1), 1, padding=(1, 0, 0, 0), mode="stochastic")[0, 1] == np.inf


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"mode": "max", "p": 3}, "mode 'max' knows no option 'p': give it to lp"),
        ({"mode": "avg", "seed": 1}, "give it to stochastic"),
        ({"mode": "lp", "p": 0}, "option p=0 of mode 'lp': a number above 0"),
        ({"mode": "lp", "p": math.nan}, "a number above 0"),
        ({"mode": "lp", "p": math.inf}, "a number above 0"),
        ({"mode": "lp", "p": 10**400}, "a number above 0"),
        ({"mode": "stochastic", "seed": -1}, "from 0 to"),
        ({"mode": "stochastic", "seed": 1.5}, "from 0 to"),
        ({"mode": "medain"}, "did you mean 'median'"),
    ],
)
def test_options_that_cannot_be(call, words):
    """One sentence that says who takes the option, or what is allowed."""
    with pytest.raises(UsageError, match=words) as error:
        poolcli.pool(np.zeros((4, 4)), 2, **call)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_soft_takes_the_maximum_of_every_window_from_its_values(geometry):
    """Windows far below the rest of the picture, and padding, which is not there to be far above."""
    image = np.array([[-1000.0, 0, -1000]])
    assert poolcli.pool(image, (1, 2), mode="soft", ceil_mode=True).tolist() == [[0, -1000]]
    assert poolcli.pool(image, (1, 2), 1, padding=(0, 1), mode="soft").tolist() == [[-1000, 0, 0, -1000]]
    for seed, dtype in enumerate(("float32", "float64")):
        far = (random_image(seed, (13, 17), dtype) * 1e4).astype(dtype)
        assert_close(poolcli.pool(far, **geometry, mode="soft"), oracles.pool(far, **geometry, mode="soft"))


@pytest.mark.parametrize(("k", "s"), [((2, 2), (2, 2)), ((3, 4), (3, 4)), ((5, 3), (2, 1))])
def test_center_keeps_the_value_in_the_middle(k, s):
    """As Pillow's nearest neighbour where windows lie side by side; dilation and output sizes too."""
    image = random_image(3, (12, 12), "uint8", (3,))
    have = poolcli.pool(image, k, s, mode="center")
    assert_same(have, image[k[0] // 2 :: s[0], k[1] // 2 :: s[1]][: have.shape[0], : have.shape[1]])
    if k == s:
        size = have.shape[1], have.shape[0]
        assert_same(have, np.asarray(Image.fromarray(image).resize(size, Image.Resampling.NEAREST)))
        assert_same(poolcli.adaptive_pool(image, have.shape[:2], mode="center"), have)
    assert_same(poolcli.pool(image, 3, 3, mode="center", dilation=2), image[2::3, 2::3][:3, :3])
    for wrong in ({"padding": 1}, {"ceil_mode": True}):
        with pytest.raises(UsageError, match="mode 'center' takes no"):
            poolcli.pool(image, 3, mode="center", **wrong)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("q", "share"), [(0.25, -0.5), (0.5, 0), (0.75, 0.5), (0.125, -0.75)])
def test_quantiles_between_values_whose_distance_no_float_holds(dtype, q, share):
    """From the lowest value of a dtype to its highest."""
    most = np.finfo(dtype).max
    have = poolcli.pool(np.array([[-most, most]], dtype), (1, 2), mode="quantile", q=q)
    assert (have.dtype, have.item()) == (
        dtype,
        pytest.approx(share * float(most), rel=1e-15 if dtype == "float64" else 1e-7),
    )


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("k", [(1, 2), (2, 2), (3, 4), (12, 12)])
def test_means_and_sums_of_the_largest_values_stay_finite(dtype, k):
    """What a dtype holds comes out of it, though the sum on the way be larger."""
    most, rng = np.finfo(dtype).max, np.random.default_rng(k[0])
    values = np.array([most, -most, np.nextafter(most, 0), 0.9 * float(most), -0.3 * float(most), 1], dtype)
    for image in (np.full(k, most), np.full(k, -most), *(rng.choice(values, k) for _ in range(30))):
        exact = sorted(Fraction(float(value)) for value in image.flat)
        middle = (exact[(len(exact) - 1) // 2] + exact[len(exact) // 2]) / 2
        total = sum(exact)
        for mode, options, expected in (
            ("avg", {}, total / len(exact)),
            ("median", {}, middle),
            ("quantile", {"q": 0.5}, middle),
            ("sum", {}, total),
        ):
            have = poolcli.pool(image, k, mode=mode, **options).item()
            if abs(expected) <= np.finfo("float64").max:
                few = len(exact) * float(most) * float(np.finfo(dtype).eps)
                assert have == pytest.approx(float(expected), rel=0, abs=few), (mode, image)


def test_the_median_of_two_large_numbers_on_the_command_line(command, tmp_path):
    """As avg and a quantile; infinity beside a number is infinity, beside its opposite no number."""
    table = tmp_path / "large.csv"
    table.write_text("1.7e308 1.6e308 inf 1.7e308 inf -inf -1.7e308 -1.7e308\n")
    ran = command("pool", table, "-m", "median", "--k", "1x2", "-o", "-", "--no-report")
    assert (ran.code, ran.out.splitlines()[0]) == (0, f"{1.7e308 / 2 + 1.6e308 / 2},inf,nan,-1.7e+308")
