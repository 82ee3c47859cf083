"""Kernels larger than any network's: precise, local, finite where they can be, in bounded memory."""

import tracemalloc

import numpy as np
import pytest

import poolcli
from tests.images import random_image


def floats(seed, size):
    """float32 of many sizes; some zeros."""
    rng = np.random.default_rng(seed)
    values = np.ldexp(rng.uniform(-1, 1, size), rng.integers(-4, 4, size))
    return np.where(rng.random(size) < 0.1, 0, values).astype(np.float32)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_weights_of_any_size_keep_their_precision(dtype):
    """Tiny and huge ones alike."""
    image = random_image(9, (50, 60), dtype)
    weights = np.random.default_rng(10).standard_normal((20, 30))
    plain = poolcli.convolve(image, weights).astype(float)
    for scale in (2.0**-60, 2.0**60):
        assert np.array_equal(poolcli.convolve(image, weights * scale), (plain * scale).astype(np.float32))


@pytest.mark.parametrize("stride", [1, 2])
def test_infinities_reach_what_sees_them(stride):
    """And their differences are not numbers; weights of 0 see nothing."""
    image = floats(18, (120, 130))
    image[40, 50], image[45, 61], image[100, 105] = np.inf, -np.inf, np.nan
    kernel = np.random.default_rng(19).standard_normal((31, 36)) * 100
    kernel[4:9, 3:30] = 0
    have = poolcli.convolve(image, kernel, padding="valid", stride=stride)
    expected = np.zeros((90, 95))
    with np.errstate(invalid="ignore"):
        for (t, u), weight in np.ndenumerate(kernel):
            if weight:
                expected += weight * image[t : t + 90, u : u + 95]
    assert 0 < np.isnan(expected).sum() < np.sum(~np.isfinite(expected)) < expected.size
    np.testing.assert_allclose(have, expected[::stride, ::stride], rtol=0, atol=0.2, equal_nan=True)


def test_what_lies_far_away_changes_no_bit():
    """Neither larger values nor smaller ones."""
    image = floats(15, (90, 90))
    kernel = np.random.default_rng(16).standard_normal((24, 30))
    plain = poolcli.convolve(image, kernel)
    for other in (1e30, -1e-40, 123.456, np.nan):
        changed = image.copy()
        changed[80:, 80:] = other
        assert np.array_equal(poolcli.convolve(changed, kernel)[:60, :60], plain[:60, :60])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_memory_is_bounded(dtype):
    """A kernel of 95 x 95 on a picture much larger than what is worked on at once: output and little more."""
    image = np.zeros((1500, 4000, 3), dtype)
    tracemalloc.start()
    out = poolcli.convolve(image, "gauss95", stride=2)
    peak = tracemalloc.get_traced_memory()[1] - out.nbytes
    tracemalloc.stop()
    assert peak < 48 << 20
