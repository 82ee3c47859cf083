"""Windows and paddings larger than the picture: exact, and no more work than the picture is."""

import numpy as np
import pytest

import poolcli
from poolcli.errors import PictureError
from tests import oracles
from tests.images import DTYPES, random_image
from tests.test_ignored import MODES
from tests.test_modes import assert_pooled, few_values

BILLIONS = 2_000_000_000
SIZE = (8, 7)


def random_axis(rng, n):
    """(k, s, d, before, after) of windows larger than an axis of n values, with some outputs but not many."""
    k, d = int(rng.choice([1, 3, n, n + 1, 50, 100_001, BILLIONS])), int(rng.choice([1, 1, 2, n - 1, n + 3, 10**6]))
    span = d * (k - 1) + 1
    before, after = (int(rng.integers(span)) for _ in range(2))
    if before + n + after < span:
        before = after = span - 1
    s = max(1, int(rng.choice([1, 3, span // 2, span])), (before + n + after - span) // 5)
    return (k, s, d, before, after) if max(k, s) < 2**31 else random_axis(rng, n)


def random_geometry(rng):
    """Both axes, as `pool` takes them."""
    (kh, sh, dh, top, bottom), (kw, sw, dw, left, right) = (random_axis(rng, n) for n in SIZE)
    ceil = bool(rng.integers(2))
    return {
        "k": (kh, kw),
        "s": (sh, sw),
        "dilation": (dh, dw),
        "padding": (top, bottom, left, right),
        "ceil_mode": ceil,
    }


NEW = ("quantile", "sum", "fraction")  # whose own oracle stands in tests/oracles_ignored.py


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode not in ("stride", "center", *NEW)])
def test_large_windows_equal_their_oracle(mode):
    """Any dtype, with ignored values or without; the mean counts padding that nobody could store."""
    rng = np.random.default_rng(len(mode))
    for case in range(60):
        dtype = DTYPES[case % len(DTYPES)]
        image = few_values(random_image(case, SIZE, dtype)) if case % 2 else random_image(case, SIZE, dtype)
        geometry = random_geometry(rng)
        hole = image[0, 0].item()
        valid = image != image[0, 0] if case % 3 == 0 else np.ones(SIZE, bool)
        options = {"count_include_pad": False} if mode == "avg" and case % 4 > 1 else {}
        expected, _ = oracles.pool_without(image, valid, geometry, mode=mode, stand_in=hole, **options)
        have = poolcli.pool(image, **geometry, mode=mode, ignore=hole if case % 3 == 0 else [], **options)
        if case % 3:
            some, _ = oracles.pool_without(np.ones(SIZE), valid, geometry, mode="max", stand_in=0)
            have, expected = np.where(some, have, 0), np.where(some, expected, 0)
        assert_pooled(have.astype(dtype), expected.astype(dtype), mode)


@pytest.mark.parametrize(("mode", "reduction"), [("max", np.max), ("avg", np.mean), ("min", np.min)])
@pytest.mark.parametrize(("k", "s", "d"), [(70, 50, 1), (70, 50, 2), (100, 90, 3), (65, 100, 1)])
def test_few_windows_of_many_values(mode, reduction, k, s, d):
    """Fewer than each has values: down and across."""
    image = random_image(k, (400, 3), "uint16").astype(np.float64)
    image[::s] = 70_000, -70_000, 0  # the first value of every window
    starts = range(0, 400 - d * (k - 1), s)
    expected = np.array([reduction(image[start : start + d * (k - 1) + 1 : d], axis=0) for start in starts])
    have = poolcli.pool(image, (k, 1), (s, 1), mode=mode, dilation=(d, 1))
    across = poolcli.pool(image.T, (1, k), (1, s), mode=mode, dilation=(1, d))
    assert_pooled(have, expected, mode)
    assert_pooled(across, expected.T, mode)


@pytest.mark.parametrize("mode", ["max", "avg", "min", "median", "lp", "majority", "soft", "stochastic", "maxblur"])
@pytest.mark.parametrize("k", [100_001, 300_001, BILLIONS])
def test_a_window_of_billions_on_a_small_picture(k, mode):
    """As the whole picture, everywhere; it would not end if the work grew with the window."""
    image = random_image(1, (8, 8), "uint8")
    pooled = poolcli.pool(image, k, 1, padding="same", mode=mode)
    assert pooled.shape == (8, 8)
    if mode in ("max", "min", "median", "majority"):
        assert (pooled == poolcli.adaptive_pool(image, 1, mode=mode)).all()
    dilated = poolcli.pool(image, 3, 1, padding="same", dilation=k, mode=mode)
    assert dilated.shape == (8, 8)
    if mode in ("max", "min", "median", "majority"):
        assert np.array_equal(dilated, image)


def test_indices_of_billions():
    """The first maximum of the picture."""
    image = random_image(1, (8, 8), "uint8")
    pooled, index = poolcli.pool(image, BILLIONS, 1, padding="same", return_indices=True)
    assert (pooled == image.max()).all()
    assert (index == image.argmax()).all()


def test_padding_that_goes_round_more_than_once_is_refused():
    """As PyTorch's circular padding is."""
    image = np.arange(16.0).reshape(4, 4)
    assert poolcli.pool(image, 9, 1, padding="wrap").shape == (4, 4)
    with pytest.raises(
        PictureError, match=r"window of 10x10 .* padding wrap goes round a picture of 4x4 more than once"
    ):
        poolcli.pool(image, 10, 1, padding="wrap")


def test_the_report_of_large_windows(command, samples):
    """Also what it shows: which pixels survive."""
    call = ("pool", samples / "one.png", "-o", "out.png", "--k", BILLIONS, "--s", 1, "--padding", "same")
    done = command(*call, "--report", "png", "--report", "html")
    assert done.code == 0, done.err
