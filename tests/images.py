"""Small random pictures for tests: every dtype over its whole range, with what trips implementations up."""

import numpy as np

DTYPES = (
    "bool",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
)
NEEDED = {"quantile": {"q": 0.75}, "fraction": {"of": 1}}  # options without a default, by mode
SIZES = ((1, 1), (1, 9), (7, 5), (8, 8), (13, 17), (33, 31))
CHANNELS = ((), (1,), (3,), (4,), (6,))


def random_image(seed, size, dtype, channels=()):
    """A picture of `dtype`: integers over their whole range, floats around zero."""
    rng = np.random.default_rng(seed)
    shape, dtype = (*size, *channels), np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind == "f":
        return (rng.standard_normal(shape) * 50).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype, endpoint=True)


def assert_same(have, expected):
    """Equal dtype, shape and values (NaN equals NaN), or both grids in the message."""
    assert have.dtype == expected.dtype, f"dtype {have.dtype}, expected {expected.dtype}"
    assert have.shape == expected.shape, f"shape {have.shape}, expected {expected.shape}"
    assert np.array_equal(have, expected, equal_nan=have.dtype.kind == "f"), f"Have\n{have}\nExpected\n{expected}"


def assert_close(have, expected, ulps=8):
    """As assert_same for integers; floats within a few units in the last place of the largest value."""
    if have.dtype.kind != "f":
        assert_same(have, expected)
        return
    assert have.dtype == expected.dtype
    scale = np.nanmax(np.abs(expected[np.isfinite(expected)]), initial=1e-30)
    tolerance = ulps * np.finfo(have.dtype).eps * scale
    np.testing.assert_allclose(have, expected, rtol=0, atol=float(tolerance), equal_nan=True)
