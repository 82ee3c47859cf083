"""Large kernels on pictures of whole numbers: transforms and rounding give the exact sums, wherever tiles are cut."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import poolcli
from poolcli.ops import convolve
from poolcli.ops.convolve import fixed_point, separate, spectrum
from poolcli.ops.geometry import EDGES
from tests import oracles
from tests.images import random_image

WHOLE = ["bool", "uint8", "int8", "uint16", "int16"]


def exact_sums(image, whole):
    """The 'valid' sums of H x W values under whole weights, in 64-bit integers: no float has a part in them."""
    windows = np.lib.stride_tricks.sliding_window_view(image.astype(np.int64), whole.shape)
    return np.einsum("ijtu,tu->ij", windows, whole.astype(np.int64))


def ends(seed, size, dtype):
    """A picture of the dtype's largest and smallest values only, with lines of one of them: what errs most."""
    info = np.iinfo(dtype)
    rng = np.random.default_rng(seed)
    return np.where(rng.random(size) < rng.random((size[0], 1)), info.max, info.min).astype(dtype)


@st.composite
def cases(draw):
    """A picture, a kernel of whole numbers, a stride, and tiles that cut the picture anywhere."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    shape = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    kernel = rng.integers(-99, 99, shape)
    size = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    image = random_image(1, size, draw(st.sampled_from(WHOLE)), draw(st.sampled_from([(), (3,)])))
    stride = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return image, kernel, stride, draw(st.sampled_from([*EDGES, 1])), draw(st.sampled_from([8, 16, 32, 256]))


@settings(max_examples=100, deadline=None)
@given(cases())
def test_tiles_of_any_size_filter_alike(case):
    """Exactly as the oracle, rounded once, on every dtype of up to 16 bits."""
    image, kernel, stride, edge, tile = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolve, "TILE", tile)
        patch.setattr(convolve, "COST", -1)
        have = poolcli.convolve(image, kernel, stride=stride, edge=edge)
    expected = oracles.convolve(image, kernel, stride=stride, edge=edge)
    assert np.array_equal(have, expected.astype(np.float32))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
@pytest.mark.parametrize("shape", [(9, 127), (16, 16), (31, 40), (80, 200)])
def test_the_largest_values_and_weights_are_exact(dtype, shape):
    """Weights of all the bits that there are, on a picture with nothing but the ends of its range."""
    rng = np.random.default_rng(4)
    for kernel in (rng.standard_normal(shape), rng.choice([-1.0, 1.0], shape), np.outer(*map(np.hanning, shape)) ** 3):
        whole, _ = fixed_point(kernel)
        assert 2**25 <= np.sqrt((whole**2).sum()) <= 2**26 + 64
        image = ends(5, (300, 290), dtype)
        have = poolcli.convolve(image, whole, padding="valid")
        assert spectrum(separate(whole), image.dtype, (1, 1), image.shape) is not None
        rows = rng.integers(0, len(have), 5)
        for row in rows:
            expected = exact_sums(image[row : row + shape[0]], whole)
            assert np.array_equal(have[row : row + 1], expected.astype(np.float32))


def test_errors_before_rounding_are_far_from_a_half():
    """The proof allows 2**-2; what is seen here is below 2**-12, for the worst of bytes and of 16 bits."""
    for dtype, shape in (("uint8", (31, 31)), ("uint16", (31, 31)), ("int16", (120, 125)), ("uint8", (127, 127))):
        weights, _ = fixed_point(np.random.default_rng(6).standard_normal(shape))
        kernel = spectrum((weights,), np.dtype(dtype), (1, 1), (512, 512))
        assert kernel.tile == ((256, 256) if shape == (31, 31) else (512, 512))
        waves = np.fft.rfft2(ends(7, kernel.tile, dtype).astype(float))
        for part in kernel.parts:
            sums = np.fft.irfft2(waves * part)
            assert np.abs(sums - np.rint(sums)).max() < 2.0**-12


def test_the_choice_is_the_kernels_and_the_dtypes():
    """Floats, wide integers and small, separable or too large kernels are summed tap by tap, whatever the picture."""
    noise = np.random.default_rng(8).standard_normal
    byte, size = np.dtype(np.uint8), (1000, 1000)

    def chosen(weights, dtype=byte, stride=(1, 1), size=size):
        return spectrum(separate(np.asarray(weights, float)), np.dtype(dtype), stride, size) is not None

    assert chosen(noise((15, 15)))
    assert chosen(noise((15, 15)), size=(20, 20))
    assert [chosen(noise((15, 15)), dtype) for dtype in ("uint16", "float32", "int32")] == [True, False, False]
    wanted = {"uint16": True, "float16": True, "float32": True, "float64": False, "int32": False, "uint64": False}
    assert {dtype: chosen(noise((25, 25)), dtype) for dtype in wanted} == wanted
    assert not chosen(noise((15, 15)), stride=(4, 4))
    assert not chosen(noise((3, 3)))
    assert not chosen(noise((30, 300)))
    assert not chosen(np.full((9, 9), 1 / 81))
    with np.errstate(over="ignore", invalid="ignore"):  # as in correlate
        assert not chosen(noise((15, 15)) * 5e307)
    needle = np.full((60, 60), 0.9 * 2.0**-26)  # all of whose weights but one would be rounded away
    needle[3, 4] = 1
    assert not chosen(needle)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_weights_of_any_size_keep_their_precision(dtype):
    """Tiny and huge ones alike; whole numbers and halves to the last bit."""
    image = random_image(9, (50, 60), dtype)
    weights = np.random.default_rng(10).standard_normal((20, 30))
    plain = poolcli.convolve(image, weights).astype(float)
    for scale in (2.0**-90, 2.0**60):
        assert np.array_equal(poolcli.convolve(image, weights * scale), (plain * scale).astype(np.float32))
    halves = np.rint(weights * 9) / 2
    assert np.array_equal(
        poolcli.convolve(image, halves, padding="valid"), (exact_sums(image, halves * 2) / 2).astype(np.float32)
    )


def exponents(seed, size, dtype, low, high):
    """Floats with every bit of their mantissas and exponents from `low` to `high`; some zeros."""
    rng = np.random.default_rng(seed)
    values = np.ldexp(rng.uniform(-1, 1, size), rng.integers(low, high, size))
    return np.where(rng.random(size) < 0.1, 0, values).astype(dtype)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-5, 9), (-40, 40), (-149, -120), (100, 116)])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_floats_are_summed_exactly_and_rounded(dtype, low, high):
    """Against whole numbers of any length, whatever the range of the values; fractions of the kernel are exact too."""
    if dtype == "float16":
        low, high = max(low, -24), min(high, 15)
    image = exponents(12, (40, 45), dtype, min(low, high - 1), high)
    whole, unit = fixed_point(np.random.default_rng(13).standard_normal((26, 27)))
    have = poolcli.convolve(image, whole * unit, padding="valid")
    longs = np.array([[int(value * 2.0**200) for value in row] for row in image.astype(float)], object)
    weights = whole.astype(np.int64).astype(object)
    for i, j in np.random.default_rng(14).integers(0, [15, 19], (40, 2)):
        seen = longs[i : i + 26, j : j + 27]
        exact, most = (float(total) * unit * 2.0**-200 for total in ((seen * weights).sum(), abs(seen * weights).sum()))
        assert abs(float(have[i, j]) - exact) <= 2.0**-24 * abs(exact) + 2.0**-50 * most + 2.0**-150


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_floats_are_whole_numbers_of_16_bits(dtype):
    """What the bound of the errors is proven for; they add up to the values exactly."""
    tile = exponents(17, (60, 70), dtype, -24, 15).astype(float)
    tile[:3] *= 2.0**100 if dtype == "float32" else 1
    total, work = np.zeros(tile.shape), convolve.Workspace(tile.shape)
    work.tile[...] = tile
    for digits, scale in convolve._whole_numbers(work, np.dtype(dtype)):
        assert np.array_equal(digits, np.rint(digits))
        assert np.abs(digits).max() < 2**16
        total += digits * scale
    assert np.array_equal(total, tile)


@pytest.mark.parametrize("stride", [(1, 1), (2, 1)])
def test_infinities_reach_what_sees_them(stride, monkeypatch):
    """And their differences are not numbers, as tap by tap; weights of 0 see nothing."""
    image = exponents(18, (300, 310), "float32", -4, 4)
    image[40, 50], image[45, 61], image[250, 255] = np.inf, -np.inf, np.nan
    kernel = np.random.default_rng(19).standard_normal((31, 36)) * 100
    kernel[4:9, 3:30] = 0
    monkeypatch.setattr(convolve, "COST", -1)
    have = poolcli.convolve(image, kernel, stride=stride)
    monkeypatch.setattr(convolve, "COST", np.inf)
    expected = poolcli.convolve(image, kernel, stride=stride)
    assert 0 < np.isnan(expected).sum() < np.sum(~np.isfinite(expected)) < 4000
    np.testing.assert_allclose(have, expected, rtol=0, atol=0.2, equal_nan=True)


def test_what_lies_far_away_changes_no_bit():
    """Neither larger values, which begin with other bits, nor smaller ones, which end with others."""
    image = exponents(15, (90, 90), "float32", -4, 4)
    kernel = np.random.default_rng(16).standard_normal((24, 30))
    plain = poolcli.convolve(image, kernel)
    for other in (1e30, -1e-40, 123.456, np.nan):
        changed = image.copy()
        changed[80:, 80:] = other
        assert np.array_equal(poolcli.convolve(changed, kernel)[:60, :60], plain[:60, :60])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_memory_is_bounded(dtype):
    """A kernel of 127 x 127 on a picture much larger than what is worked on at once: output and little more."""
    image = np.zeros((1500, 4000, 3), dtype)
    kernel = np.random.default_rng(11).standard_normal((127, 127)) if dtype == "uint8" else "gauss95"
    tracemalloc.start()
    out = poolcli.convolve(image, kernel, stride=(1, 1) if dtype == "uint8" else (2, 2))
    peak = tracemalloc.get_traced_memory()[1] - out.nbytes
    tracemalloc.stop()
    assert peak < 48 << 20
