"""Ignored values: every windowed mode without them against plain loops; masks, colours, masked arrays, refusals."""

import math

import numpy as np
import pytest

import poolcli
from poolcli.colour import Coloured
from poolcli.errors import PictureError, UsageError
from poolcli.evaluate import How, evaluate
from poolcli.ops.ignored import Ignored, as_ignored, validity
from poolcli.ops.modes import MODES as TABLE
from poolcli.recipe import Pool, Recipe, as_recipe
from poolcli.shift.move import Source
from tests import oracles, oracles_ignored
from tests.images import DTYPES, assert_close, assert_same, random_image
from tests.test_modes import assert_pooled

MODES = ("max", "avg", "min", "median", "lp", "majority", "soft", "stride", "center")
GEOMETRIES = {
    "plain": {"k": (2, 2), "s": (2, 2)},
    "overlapping": {"k": (3, 4), "s": (1, 2)},
    "padded": {"k": (3, 3), "s": (2, 2), "padding": (1, 1, 1, 1)},
    "uneven": {"k": (4, 3), "s": (3, 1), "padding": (0, 3, 2, 1)},
    "dilated": {"k": (2, 3), "s": (2, 1), "dilation": (3, 2), "padding": (2, 1, 0, 2)},
    "ceil": {"k": (3, 3), "s": (3, 2), "ceil_mode": True},
    "ceil, padded": {"k": (2, 2), "s": (3, 3), "ceil_mode": True, "padding": (1, 1, 1, 1)},
    "large": {"k": (9, 9), "s": (2, 3), "padding": (4, 4, 4, 4)},
    "adaptive": {"size": (3, 4)},
    "adaptive, more": {"size": (11, 2)},
    "global": {"size": (1, 1)},
}


def call(image, geometry, **options):
    """pool or adaptive_pool, by the geometry."""
    if "size" in geometry:
        return poolcli.adaptive_pool(image, geometry["size"], **options)
    return poolcli.pool(image, **geometry, **options)


def with_holes(seed, size, dtype, channels):
    """(a picture of few values, the value that stands in its holes); of floats NaN half of the time."""
    rng = np.random.default_rng(seed)
    image = random_image(seed, size, dtype, channels)
    if image.dtype.kind == "b":
        return image, True
    image = (image % 7) if image.dtype.kind in "ui" else np.round(image / 30).astype(dtype)
    hole = rng.choice([np.nan, -np.inf, np.inf, 2.5, -3.0]) if image.dtype.kind == "f" else int(image.flat[0])
    image[rng.random(image.shape) < rng.choice([0.1, 0.5, 0.9])] = hole
    if image.dtype.kind == "f" and rng.random() < 0.3:
        image[rng.random(image.shape) < 0.1] = rng.choice([np.nan, np.inf, -np.inf])
    return image, hole


def takes(mode, geometry):
    """stride takes no padding, center no ceil either."""
    given = {"stride": {"padding"}, "center": {"padding", "ceil_mode"}}.get(mode, set())
    return not given & set(geometry)


CASES = [(mode, name) for mode in MODES for name in GEOMETRIES if takes(mode, GEOMETRIES[name])]


@pytest.mark.parametrize(("mode", "name"), CASES)
def test_every_mode_without_ignored_values_equals_plain_loops(mode, name):
    """Every dtype, NaN and infinities as values and as holes, one and several channels, shares of 0 to 1."""
    geometry = GEOMETRIES[name]
    for seed, dtype in enumerate(DTYPES):
        channels = ((), (1,), (2,))[seed % 3] if mode != "majority" else ()
        image, hole = with_holes(seed, (7 + seed % 3, 9 - seed % 4), dtype, channels)
        min_valid = (0.0, 0.25, 0.5, 1.0)[seed % 4]
        valid = ~np.vectorize(lambda value, hole=hole: oracles.equals_ignored(value, hole))(image)
        options = {"p": 1.5} if mode == "lp" else {}
        if mode == "avg" and seed % 2 and "size" not in geometry:
            options = {"count_include_pad": False}
        if mode in ("lp", "soft") and not np.isfinite(image[valid].astype(float)).all():
            image[valid & ~np.isfinite(image)] = 1
        expected, enough = oracles.pool_without(
            image, valid, geometry, mode=mode, min_valid=min_valid, stand_in=hole, **options
        )
        have = call(image, geometry, mode=mode, ignore=hole, min_valid=min_valid, **options)
        assert np.array_equal(have[~enough], expected[~enough], equal_nan=have.dtype.kind == "f")
        assert_pooled(have, expected, mode)
        masked = call(np.ma.MaskedArray(image, ~valid), geometry, mode=mode, min_valid=min_valid, **options)
        assert np.array_equal(np.ma.getmaskarray(masked), ~enough)
        assert np.array_equal(masked.data[enough], have[enough], equal_nan=have.dtype.kind == "f")


def random_window(rng, mode):
    """(size of a picture, geometry, the oracle's windows, shape of the output, the middle of a window)."""
    height, width = rng.integers(1, 10, 2).tolist()
    if rng.random() < 0.25:
        size = tuple(rng.integers(1, 6, 2).tolist())
        axes = ((height, size[0]), (width, size[1]))

        def middle(*cell):
            spans = [(i * n // out, -(-(i + 1) * n // out)) for i, (n, out) in zip(cell, axes, strict=True)]
            return tuple(first + (end - first) // 2 for first, end in spans)

        return (height, width), {"size": size}, oracles_ignored.cells((height, width), size), size, middle
    k, s = tuple(rng.integers(1, 5, 2).tolist()), tuple(rng.integers(1, 4, 2).tolist())
    d = tuple(rng.integers(1, 3, 2).tolist()) if rng.random() < 0.4 else (1, 1)
    spans = [1 + (k[axis] - 1) * d[axis] for axis in (0, 1)]
    bordered = rng.random() < 0.5 and takes(mode, {"padding": 1})
    padding = tuple(int(rng.integers(0, spans[side // 2])) if bordered else 0 for side in range(4))
    ceil = bool(rng.random() < 0.3) and takes(mode, {"ceil_mode": True})
    size = max(height, spans[0]), max(width, spans[1])
    windows = oracles_ignored.windows(size, k, s, padding, d, ceil)
    shape = tuple(max(place[axis] for place in windows) + 1 for axis in (0, 1))

    def middle(row, col):
        return row * s[0] + k[0] // 2 * d[0], col * s[1] + k[1] // 2 * d[1]

    return size, {"k": k, "s": s, "padding": padding, "dilation": d, "ceil_mode": ceil}, windows, shape, middle


def random_options(rng, mode, geometry):
    """What a mode takes beside its window."""
    if mode == "quantile":
        return {"q": float(rng.choice([0.0, 0.05, 0.1, 0.25, 1 / 3, 0.5, 0.7, 0.95, 1.0, 0.123456789012345]))}
    if mode == "fraction":
        return {"of": [1, 3, 300, -1, 2.5][int(rng.integers(5))]}
    if mode == "avg" and rng.random() < 0.5 and "size" not in geometry:
        return {"count_include_pad": False}
    if mode == "majority":
        return {"per_channel": bool(rng.random() < 0.5), "ties": str(rng.choice(["smallest", "largest", "first"]))}
    return {"p": float(rng.choice([1, 2, 1.5]))} if mode == "lp" else {}


def random_picture(rng, size, dtype):
    """Few values or the whole range, with a value in its holes that is a number, NaN or infinite."""
    channels, seed = ((), (1,), (3,))[int(rng.integers(3))], int(rng.integers(2**32))
    if rng.random() < 0.6:
        return with_holes(seed, size, dtype, channels)
    image = random_image(seed, size, dtype, channels)
    hole = image.flat[0].item()
    image[rng.random(image.shape) < 0.4] = hole
    return image, hole


def random_ignored(rng, image, hole, *, whole):
    """What is ignored, nothing or one or two of numbers and colours, and the share that a window needs."""
    if rng.random() < 0.2:
        return [], 0.0
    ignored = [hole]
    if image.ndim == 3 and rng.random() < 0.3:
        ignored = [tuple(image[0, 0].tolist())]
    if rng.random() < 0.2 and not whole:  # of several numbers, which pixels vote is a rule of its own
        ignored += {image.flat[-1].item()} - {*ignored}
    return ignored, float(rng.choice([0, 0.25, 0.5, 1]))


def validity_of(image, ignored, *, whole):
    """Where none of these stands."""
    parts = [oracles_ignored.validity(image, each, whole=whole) for each in ignored]
    return np.logical_and.reduce([np.ones(image.shape, bool), *parts])


def check_random_case(rng, mode, dtype):
    """A picture, window, ignored values and share against the oracle; in bands, and a masked array of the same, too."""
    size, geometry, windows, shape, middle = random_window(rng, mode)
    image, hole = random_picture(rng, size, dtype)
    options = random_options(rng, mode, geometry)
    if mode == "fraction" and math.isfinite(hole) and rng.random() < 0.3:
        options = {"of": int(hole) if hole == int(hole) else hole}
    whole = mode == "majority" and not options["per_channel"]
    ignored, share = random_ignored(rng, image, hole, whole=whole)
    valid = validity_of(image, ignored, whole=whole)
    if mode in ("lp", "soft", "sum") and image.dtype.kind == "f":  # what these give for infinities is for other tests
        image = np.where(valid & ~np.isfinite(image), 1, image).astype(dtype)
        valid = validity_of(image, ignored, whole=whole)
    oracle = {"where": windows, "shape": shape, "mode": mode, "min_valid": share, "middle": middle, **options}
    oracle["ignored"] = ignored[0] if ignored else 0
    try:
        expected, enough = oracles_ignored.pool(image, valid, **oracle)
        refused = mode == "sum" and image.dtype.kind != "f" and not enough.all()
    except OverflowError:  # a sum that no 64 bits hold
        refused = mode == "sum"
    given = {"mode": mode, **options, **({"ignore": ignored, "min_valid": share} if ignored else {})}
    if refused:
        with pytest.raises(PictureError, match=r"without enough valid values|leaves 64 bits"):
            call(image, geometry, **given)
        return
    have = call(image, geometry, **given)
    if "size" not in geometry:
        check_bands(image, geometry, mode, options, as_ignored(ignored, share) if ignored else None, have)
    if ignored:
        check_masked(image, ignored, geometry, oracle)
    else:  # a window of padding only holds nothing that could be written
        have, expected = (np.where(enough, part, part.dtype.type(0)) for part in (have, expected))
    narrow = image.dtype.kind == "f" and image.dtype.itemsize < 8
    if mode == "quantile" or (mode == "avg" and ignored and narrow):  # as NumPy and GDAL, to the last bit
        assert_same(have, expected)
    elif mode == "soft" and have.dtype == np.int64:  # of both signs: to the size of the values, not of their mean
        np.testing.assert_allclose(have.astype(float), expected.astype(float), rtol=0, atol=2.0**63 * 1e-14)
    else:
        assert_pooled(have, expected, mode)


def check_masked(image, ignored, geometry, oracle):
    """A masked array hides what is ignored, with the label of a whole pixel if any channel of that is masked."""
    options = {name: value for name, value in oracle.items() if name not in ("where", "shape", "middle", "ignored")}
    known = validity_of(image, ignored, whole=False)
    hidden = np.ma.MaskedArray(image, ~known)
    if oracle["mode"] == "majority" and not options["per_channel"] and image.ndim == 3:
        known = np.repeat(known.all(axis=2, keepdims=True), image.shape[2], axis=2)
    expected, enough = oracles_ignored.pool(image, known, **oracle)
    masked = call(hidden, geometry, **options)
    assert np.array_equal(np.ma.getmaskarray(masked), ~enough)
    if oracle["mode"] in ("max", "majority", "quantile", "center"):
        assert np.array_equal(masked.data[enough], expected[enough], equal_nan=image.dtype.kind == "f")


def check_bands(image, geometry, mode, options, ignored, expected):
    """Rows at a time give what the whole picture gives, to the bit where the mode is exact so."""
    named = {name.replace("_", "-"): value for name, value in options.items() if name != "count_include_pad"}
    if not options.get("count_include_pad", True):
        named["exclude-pad"] = True
    placed = {name: geometry[name] for name in ("padding", "dilation")}
    layer = Pool.of(mode, geometry["k"], geometry["s"], ceil=geometry["ceil_mode"], **placed, options=named)
    how = How(ignored=ignored, large=True, band_bytes=2 * image[0].nbytes)
    bands = evaluate(Recipe((layer,)), Source.of(image), how, features=False).bands()
    values = np.concatenate([band.output.values for band in bands])
    (assert_close if mode == "soft" else assert_same)(values, expected)


ALL_MODES = [name for name, mode in TABLE.items() if mode.has_windows and mode.local]  # each has its oracle


@pytest.mark.parametrize("mode", ALL_MODES)
def test_random_cases_of_every_mode_equal_the_oracle(mode):
    """Every dtype, window, ignored number and colour, share; NaN and infinities as values and in holes."""
    rng = np.random.default_rng(len(mode))
    for case in range(60):
        check_random_case(rng, mode, DTYPES[case % len(DTYPES)])


@pytest.mark.parametrize("k", [2, 5, 9])
def test_quantiles_of_floats_are_those_of_numpy(k):
    """To the last bit of float64, of windows small and large."""
    image = random_image(6, (9 * k, 7 * k), "float64")
    windows = image.reshape(9, k, 7, k).swapaxes(1, 2).reshape(9, 7, k * k)
    for q in (0.01, 0.1, 0.3, 0.37, 0.5, 0.77, 0.9, 0.999):
        assert_same(poolcli.pool(image, k, mode="quantile", q=q), np.quantile(windows, q, axis=2))


def test_sums_are_refused_for_what_would_be_written_alone(command, tmp_path):
    """Not for rows that a band pools beside its own, for a moved picture, or where another layer leaves them out."""
    image = np.arange(1, 97, dtype=np.uint8).reshape(12, 8)
    image[2:5, :2] = 0  # which is all of a window only where a band ends
    how = How(ignored=Ignored((0,)), large=True, band_bytes=24)
    bands = evaluate(as_recipe("sum:3/2+1"), Source.of(image), how).bands()
    whole = poolcli.pool(image, 3, 2, padding=1, mode="sum", ignore=0)
    assert_same(np.concatenate([band.output.values for band in bands]), whole)
    holes = np.array([[0, 0, 5, 6], [0, 0, 1, 2]], np.uint8)
    assert poolcli.apply("sum:2 max:1x2", holes, ignore=0).tolist() == [[14]]
    with pytest.raises(PictureError, match="without enough valid values"):
        poolcli.apply("sum:2", holes, ignore=0)
    row = poolcli.shift_report("sum:2", np.array([[0, 4, 5, 0], [0, 4, 5, 0]], np.uint8), [(-1, 0)], ignore=0).shifts[0]
    assert (row.pooled.changed, row.pooled.compared) == (2, 1)
    np.save(tmp_path / "holes.npy", holes)
    assert "without enough valid values" in command.refused(
        "pool", tmp_path / "holes.npy", "-o", "o.npy", "-m", "sum", "--ignore", 0, code=1
    )


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_sums_of_64_bits_are_exact_or_refused(dtype):
    """Up to the largest and down to the smallest number; one more leaves 64 bits."""
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    image = np.random.default_rng(2).integers(low // 64, high // 64, (12, 12), dtype)
    expected = [[sum(map(sum, image[y : y + 3, x : x + 4].tolist())) for x in (0, 4, 8)] for y in (0, 3, 6, 9)]
    assert poolcli.pool(image, (3, 4), mode="sum").tolist() == expected
    assert poolcli.pool(np.array([[high - 5, 5]], dtype), (1, 2), mode="sum").tolist() == [[high]]
    if low:
        assert poolcli.pool(np.array([[low + 5, -5]], dtype), (1, 2), mode="sum").tolist() == [[low]]
    with pytest.raises(PictureError, match="leaves 64 bits"):
        poolcli.pool(np.array([[high, 1]], dtype), (1, 2), mode="sum")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ALL_MODES)
def test_thousands_of_random_cases_of_every_mode_equal_the_oracle(mode):
    """1,200 of each mode."""
    rng = np.random.default_rng(1000 + len(mode))
    for case in range(1200):
        check_random_case(rng, mode, DTYPES[case % len(DTYPES)])


@pytest.mark.parametrize("mode", [*MODES, "stochastic"])
def test_a_picture_without_ignored_values_is_pooled_as_ever(mode):
    """To the bit, but for means, which are rounded once; a masked array that hides nothing gives another such."""
    image = random_image(1, (9, 11), "float32", (3,))
    plain = poolcli.pool(image, 3, 2, mode=mode)
    if mode == "avg":
        plain = poolcli.pool(image.astype(np.float64), 3, 2, mode=mode).astype(np.float32)
    assert_same(poolcli.pool(image, 3, 2, mode=mode, ignore=math.nan, min_valid=1), plain)
    masked = poolcli.pool(np.ma.MaskedArray(image), 3, 2, mode=mode)
    assert isinstance(masked, np.ma.MaskedArray)
    assert not np.ma.getmaskarray(masked).any()
    assert_same(masked.data, plain)


def test_stochastic_never_draws_an_ignored_value():
    """All others are drawn, with the windows of an ordinary picture."""
    image = np.full((400, 4), 9, np.uint8)
    image[:, 1:3] = 1, 2
    drawn = poolcli.pool(image, (1, 4), mode="stochastic", ignore=9)
    assert set(drawn.ravel().tolist()) == {1, 2}
    assert poolcli.pool(image, (1, 4), mode="stochastic", ignore=[9, 1, 2]).tolist() == [[9]] * 400


def test_a_mean_divides_by_the_valid_values_and_counted_padding():
    """The example of the definition."""
    image = np.array([[8, -9999], [4, -9999]], np.int16)
    assert poolcli.pool(image, 2, mode="avg", ignore=-9999).tolist() == [[6]]
    padded = poolcli.pool(image, 3, padding=1, mode="avg", ignore=-9999)
    assert padded.tolist() == [[(2 * 12 + 7) // 14]]
    assert poolcli.pool(image, 3, padding=1, mode="avg", count_include_pad=False, ignore=-9999).tolist() == [[6]]


@pytest.mark.parametrize("recipe", ["avg:2", "avg:3/2+1", "avg:8", "avg:2 avg:2"])
def test_a_mean_is_rounded_once_wherever_the_holes_lie(recipe):
    """What is asked for decides how it is summed: not whether a picture, or a band of its rows, holds a hole."""
    rng = np.random.default_rng(1)
    image = (rng.standard_normal((96, 40, 3)) * 10.0 ** rng.integers(-3, 6, (96, 40, 3))).astype(np.float32)
    once = image
    for layer in recipe.split():
        once = poolcli.apply(layer, once.astype(np.float64)).astype(np.float32)
    assert_same(poolcli.apply(recipe, image, ignore=-9999), once)
    image[90, 3] = -9999
    how = How(ignored=Ignored((-9999,)), large=True, band_bytes=4000)
    bands = [band.output for band in evaluate(as_recipe(recipe), Source.of(image), how).bands()]
    assert len(bands) > 3
    pooled = np.concatenate([band.values for band in bands])
    assert_same(pooled, poolcli.apply(recipe, image, ignore=-9999))
    rows = len(once) * 3 // 4
    assert_same(pooled[:rows], once[:rows])


@pytest.mark.parametrize(("share", "expected"), [(0.07, 1.0), (0.0700001, math.nan), (0, 1.0), (1, math.nan)])
def test_the_share_of_valid_values_is_compared_exactly(share, expected):
    """7 of 100 are 0.07, though 0.07 * 100 is more than 7."""
    image = np.full((1, 100), np.nan)
    image[0, :7] = 1
    assert np.array_equal(poolcli.pool(image, (1, 100), ignore=math.nan, min_valid=share), [[expected]], equal_nan=True)


def test_windows_of_padding_only_hold_no_valid_value():
    """Wherever the hole of the picture lies, and if it has none: bands of rows give what the whole picture gives."""
    geometry = {"k": 2, "s": 1, "dilation": 5, "padding": 5, "ceil_mode": True}
    for image in (np.ones((3, 3)), np.array([[1.0, 1, -7], [1, 1, 1], [1, 1, 1]])):
        pooled = poolcli.pool(image, **geometry, ignore=-7)
        empty = oracles.pool(image, (2, 2), (1, 1), mode="max", padding=(5,) * 4, dilation=(5, 5), ceil_mode=True)
        assert (pooled[np.isinf(empty)] == -7).all()


def test_several_values_and_colours():
    """A number works channel by channel, a colour on whole pixels; what is written is the first."""
    image = np.array([[[0, 5], [1, 0]], [[2, 7], [3, 0]]], np.uint8)
    assert poolcli.pool(image, 2, mode="avg", ignore=0).tolist() == [[[2, 6]]]
    assert poolcli.pool(image, 2, mode="avg", ignore=[0, 7]).tolist() == [[[2, 5]]]
    assert poolcli.pool(image, 2, mode="avg", ignore=[(0, 5)]).tolist() == [[[2, 2]]]
    assert poolcli.pool(image, 1, ignore=[7, 0]).tolist() == [[[7, 5], [1, 7]], [[2, 7], [3, 7]]]
    assert poolcli.pool(image, 1, ignore=[300, 0]).tolist() == image.tolist()  # 300 is not there and cannot be written
    assert poolcli.pool(image, 2, ignore=[(0, 5), (1, 0), (2, 7), (3, 0)]).tolist() == [[[0, 5]]]


def test_numbers_are_compared_in_the_type_of_the_picture():
    """A float32 picture holds 0.1 as its nearest float32; integers have no 2.5, no NaN and no -1 if unsigned."""
    image = np.array([[0.1, 2]], np.float32)
    assert poolcli.pool(image, (1, 2), mode="avg", ignore=0.1).tolist() == [[2]]
    whole = np.array([[1, 255]], np.uint8)
    for value in (2.5, math.nan, -1, 256, 1e400, 10**30):
        assert validity(whole, Ignored((value,))) is None
    assert validity(np.array([[2**63]], np.uint64), Ignored((2**63,))).tolist() == [[False]]
    assert validity(np.array([[2**63 + 1]], np.uint64), Ignored((2**63,))) is None
    assert validity(np.array([[3.4e38]], np.float32), Ignored((1e39,))) is None


def test_alpha_counts_unless_a_colour_names_it():
    """A single number leaves alpha 0 alone; a colour of all channels does not."""
    image = np.array([[[0, 0, 0, 0], [9, 0, 9, 9]]], np.uint8)
    assert validity(image, Ignored((0,)), alpha=True).tolist() == [
        [[False, False, False, True], [True, False, True, True]]
    ]
    three = [[[False, False, False, True], [True] * 4]]
    assert validity(image, Ignored(((0, 0, 0),)), alpha=True).tolist() == three
    assert validity(image, Ignored(((0, 0, 0, 0),)), alpha=True).tolist() == [[[False] * 4, [True] * 4]]
    with pytest.raises(PictureError, match="has 2 numbers, the picture 3 channels"):
        validity(image, Ignored(((0, 0),)), alpha=True)


@pytest.mark.parametrize("recipe", ["sum:2 avg:2", "fraction:2,of=3 max:2", "sum:1/1 max:4", "fraction:1/1,of=3 avg:4"])
def test_behind_sums_and_shares_no_number_of_the_picture_stands_for_nothing(recipe, command, tmp_path):
    """NaN does, as behind these modes alone: -9999 might be a sum, and no file declares it for shares."""
    image = random_image(1, (8, 8), "float32")
    image[:4, :4] = -9999
    have = poolcli.apply(recipe, image, ignore=-9999)
    assert np.isnan(have).tolist() == [[True, False], [False, False]]
    np.save(tmp_path / "a.npy", image)
    call = ("stack", recipe, tmp_path / "a.npy", "-o", tmp_path / "b.npy", "--overwrite", "--ignore", -9999)
    for report in ((), ("--no-report",)):
        assert command(*call, *report).code == 0
        assert_same(np.load(tmp_path / "b.npy"), have)


def test_validity_travels_between_layers():
    """What becomes an ignored value on the way is none; what was one stays one through an activation."""
    image = np.array([[-1.0, 1, -9, 4], [-1, 1, -9, -9]])
    recipe = as_recipe("avg:2 relu max:1x2")
    output, valid = recipe.run(image, ignored=Ignored((0, -9)))
    assert (output.tolist(), valid) == ([[4]], None)
    output, valid = as_recipe("avg:2x1 relu").run(image, ignored=Ignored((-9,)))
    assert output.tolist() == [[0, 1, -9, 4]]
    assert valid.tolist() == [[True, True, False, True]]
    output, valid = as_recipe("relu").run(image, None, ignored=Ignored((-9,)))  # known to be valid
    assert (output.min(), valid) == (0, None)
    assert poolcli.apply("relu max:2", image, ignore=-9).tolist() == [[1, 4]]
    assert np.ma.getmaskarray(poolcli.apply("max:2x1", np.ma.masked_equal(image, -9))).tolist() == [
        [False] * 2 + [True, False]
    ]


@pytest.mark.parametrize("layer", ["conv:box", "blur:3/2", "maxblur:2", "aps:3/2", "maxaps:2"])
def test_layers_without_windows_refuse_what_is_really_there(layer):
    """One sentence with the way out; nothing where the picture holds none, or an earlier layer left none."""
    image = random_image(2, (8, 8), "float32")
    plain = poolcli.apply(layer, image)
    assert_same(poolcli.apply(layer, image, ignore=math.nan), plain)
    image[1, 1] = np.nan
    with pytest.raises(PictureError, match=r"cannot leave out the ignored values \(nan\) .* --ignore none"):
        poolcli.apply(layer, image, ignore=math.nan)
    assert np.isfinite(poolcli.apply(f"avg:2 {layer}", image, ignore=math.nan)).all()


def test_masks_and_ignored_values_come_together():
    """Masked or ignored, a value does not count; the result is masked and holds the ignored value."""
    image = np.ma.MaskedArray([[1, 2, 3, 4]], [[True, False, True, False]], np.int16, fill_value=-5)
    pooled = poolcli.pool(image, (1, 2), mode="avg", ignore=4)
    assert pooled.data.tolist() == [[2, 4]]
    assert pooled.mask.tolist() == [[False, True]]
    assert poolcli.pool(image, (1, 1)).filled().tolist() == [[-5, 2, -5, 4]]
    assert poolcli.adaptive_pool(image, 1, ignore=4).tolist() == [[2]]


def test_indices_are_those_of_valid_maxima():
    """An ignored 9 is not found."""
    image = np.array([[1, 9], [3, 2]])
    pooled, index = poolcli.pool(image, 2, ignore=9, return_indices=True)
    assert (pooled.tolist(), index.tolist()) == ([[3]], [[2]])


@pytest.mark.parametrize(
    ("ignore", "min_valid", "message"),
    [
        ("0", 0, "ignored value '0'"),
        ([None], 0, "ignored value None"),
        (1j, 0, "ignored value 1j"),
        ((0, 0, 0), 0, r"names a value twice: for a colour, give it in a list, as in \[\(0, 0, 0\)\]"),
        (0, 1.5, "min_valid 1.5"),
        (0, math.nan, "min_valid nan"),
        (0, "half", "min_valid 'half'"),
    ],
)
def test_what_cannot_be_ignored_is_refused(ignore, min_valid, message):
    """A UsageError in a sentence."""
    with pytest.raises(UsageError, match=message):
        poolcli.pool(np.ones((4, 4)), 2, ignore=ignore, min_valid=min_valid)


def test_numbers_of_numpy_are_numbers():
    """Also arrays of them."""
    assert as_ignored(np.uint8(3)) == as_ignored(np.array([3])) == Ignored((3,))
    assert as_ignored(np.array([[1, 2, 3]])) == Ignored(((1, 2, 3),))


def test_linear_light_leaves_out_stored_values():
    """Black is ignored, though as light it is 0 like in any picture; weights of alpha have no such rule."""
    image = np.array([[[0, 9, 255], [100, 9, 255]], [[0, 0, 255], [0, 0, 255]]], np.uint8)
    recipe = Coloured(as_recipe("avg:1x2").layers, linear=True)
    output, valid = recipe.run(image, ignored=Ignored((0,)), alpha=True)
    assert output.tolist() == [[[100, 9, 255]], [[0, 0, 255]]]
    assert valid.tolist() == [[[True] * 3], [[False, False, True]]]
    with pytest.raises(PictureError, match=r"values \(0\) that the picture holds: leave out --premultiply, or"):
        Coloured(recipe.layers, weighted=True).run(image, ignored=Ignored((0,)), alpha=True)
