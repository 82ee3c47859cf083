"""Sums of many values and of large ones: means right to the last places, and never infinite where values are finite."""

import numpy as np
import pytest

import poolcli
from poolcli.errors import PictureError
from tests.images import random_image


def ulps(have, expected):
    """The largest difference of float32 from the float64 `expected`, rounded, in units in the last place."""
    expected = np.asarray(expected, np.float64).astype(np.float32)
    return np.abs((have.astype(np.float64) - expected) / np.spacing(np.abs(expected))).max()


def test_means_of_many_values():
    """The figures of the defect: 0.84 in place of 1, and 716 units in the last place."""
    assert poolcli.adaptive_pool(np.ones((1, 20_000_000), np.float32), 1).item() == 1
    many = np.full((1024, 1024), np.float32(300.15))
    assert ulps(poolcli.adaptive_pool(many, 1), many[0, 0]) <= 4
    assert ulps(poolcli.pool(many, 1024, mode="soft"), many[0, 0]) <= 4
    assert ulps(poolcli.pool(many, 1024, mode="lp", p=3), many[0, 0] * np.float64(2**20) ** (1 / 3)) <= 4


@pytest.mark.parametrize("k", [2, 3, 5, 7, 8, 9, 16, 31, 100])
def test_means_are_right_to_four_units_in_the_last_place(k):
    """Equal values, whose roundings all go one way, and noise; whole windows, overlapping ones, and uneven ones."""
    rng = np.random.default_rng(k)
    equal = np.kron((1 + rng.random((6, 6))).astype(np.float32), np.ones((k, k), np.float32))
    for image in (equal, rng.random((6 * k, 6 * k)).astype(np.float32)):
        blocks = image.astype(np.float64).reshape(6, k, 6, k).mean(axis=(1, 3))
        assert ulps(poolcli.pool(image, k, mode="avg"), blocks) <= 4
        assert ulps(poolcli.adaptive_pool(image, 6), blocks) <= 4
        windows = np.lib.stride_tricks.sliding_window_view(image.astype(np.float64), (k, k))[::3, ::3]
        assert ulps(poolcli.pool(image, k, 3, mode="avg"), windows.mean(axis=(2, 3))) <= 4
        uneven = poolcli.adaptive_pool(image[:-1, :-1], (1, 5))
        edges = [(i * (6 * k - 1) // 5, -(-(i + 1) * (6 * k - 1) // 5)) for i in range(5)]
        assert ulps(uneven, [[image[:-1, a:b].mean(dtype=np.float64) for a, b in edges]]) <= 4


LARGE = {
    "avg 2": {"k": 2, "mode": "avg"},
    "avg 9": {"k": 9, "s": 2, "mode": "avg"},
    "avg padded": {"k": 3, "s": 1, "padding": 1, "count_include_pad": False, "mode": "avg"},
    "soft": {"k": 3, "s": 1, "padding": 1, "mode": "soft"},
    "soft, large": {"k": 9, "s": 1, "mode": "soft"},
    "median": {"k": 2, "mode": "median"},
    "blur 2": {"k": 2, "mode": "blur"},
    "blur 7": {"k": 7, "s": 2, "mode": "blur"},
    "maxblur": {"k": 2, "mode": "maxblur"},
    "aps": {"k": 3, "s": 2, "mode": "aps"},
}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("call", LARGE.values(), ids=LARGE)
def test_a_finite_mean_is_never_infinite(call, dtype):
    """Of the largest numbers there are, with a tiny one and infinities elsewhere that keep their own windows."""
    largest = np.finfo(dtype).max
    image = np.full((12, 12), -largest, dtype)
    assert np.isfinite(poolcli.pool(image, **call)).all()
    assert np.allclose(poolcli.pool(image, **call) / largest, -1)
    mixed = image.copy()
    mixed[:4] = random_image(1, (4, 12), dtype) * np.finfo(dtype).tiny
    assert np.isfinite(poolcli.pool(mixed, **call)).all()
    if call["mode"] == "avg" and call["k"] == 2:
        assert np.array_equal(poolcli.pool(mixed, **call)[:2], poolcli.pool(mixed[:4], **call))
        mixed[0, 0] = np.inf
        assert poolcli.pool(mixed, **call)[0, 0] == np.inf


def test_filters_that_are_means():
    """box and gauss of the largest numbers; a sum that does not fit is infinite."""
    for dtype in ("float32", "float64"):
        image = np.full((9, 9), -np.finfo(dtype).max * 0.99, dtype)  # weights of 1 / 9 add up to 1 and a rounding
        for name in ("box", "box5", "gauss", "gauss5", "sharpen", "box15"):
            assert np.allclose(poolcli.convolve(image, name) / image, 1), name
        assert np.isinf(poolcli.convolve(image, [[1, 1]])).all()


def test_sums_of_integers_without_a_value_are_refused():
    """A window of padding alone has none: of floats it is NaN, of integers there is no number for it."""
    image, how = np.ones((7, 1), np.int8), {"k": 4, "s": (3, 5), "padding": (6, 6, 3, 3), "dilation": 2, "mode": "sum"}
    assert np.isnan(poolcli.pool(image.astype(np.float32), **how)).any()
    with pytest.raises(PictureError, match="has no number for a window without enough valid values"):
        poolcli.pool(image, **how)
