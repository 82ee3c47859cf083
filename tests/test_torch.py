"""Hundreds of random geometries against PyTorch: `pip install -e ".[test,bench]"`, then `python -m pytest -m peers`."""

import numpy as np
import pytest

import poolcli
from poolcli.errors import PictureError
from tests.images import assert_same

pytestmark = pytest.mark.peers
GEOMETRIES = 400
FLOATS = ("float16", "float32", "float64")
MAX_DTYPES = ("uint8", "int8", "int16", "int32", "int64", *FLOATS)
SPECIAL = (np.nan, np.inf, -np.inf)


@pytest.fixture(scope="module")
def torch():
    """PyTorch on one thread; absent, the test fails, for it was asked for."""
    import torch

    torch.set_num_threads(1)
    return torch


def geometry(rng):
    """A window as PyTorch allows it: padding of at most half the window."""
    k = tuple(rng.integers(1, 6, 2).tolist())
    return {
        "kernel_size": k,
        "stride": tuple(rng.integers(1, 5, 2).tolist()),
        "padding": tuple(int(rng.integers(0, side // 2 + 1)) for side in k),
        "ceil_mode": bool(rng.integers(2)),
    }


def ours(call):
    """A call of PyTorch as a call of poolcli."""
    names = {"kernel_size": "k", "stride": "s"}
    return {names.get(name, name): value for name, value in call.items()}


def picture(rng, dtype, *, special=True):
    """H x W x C of any odd size; floats with some NaN and infinities, integers with many equal values."""
    shape = (*rng.integers(1, 20, 2).tolist(), int(rng.integers(1, 5)))
    if np.dtype(dtype).kind != "f":
        info = np.iinfo(dtype)
        low, high = (info.min, info.max) if rng.integers(2) else (0, 4)
        return rng.integers(low, high, shape, dtype, endpoint=True)
    image = (rng.standard_normal(shape) * 10).astype(dtype)
    if special and rng.integers(2):
        image[rng.random(shape) < 0.1] = rng.choice(SPECIAL)
    return image


def tensor(torch, image):
    """1 x C x H x W."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[np.newaxis]))


def array(result):
    """H x W x C."""
    return result.numpy()[0].transpose(1, 2, 0)


def pairs(function, call, image, torch):
    """(PyTorch's result, poolcli's picture) or None for both where no window fits."""
    try:
        return function(tensor(torch, image), **call)
    except RuntimeError as error:
        assert "too small" in str(error), error
        return None


def assert_near(have, expected, image, ulps=8):
    """Within some units in the last place of the picture's largest value; NaN and infinities where theirs are."""
    assert have.dtype == expected.dtype
    scale = np.abs(image[np.isfinite(image)].astype(np.float64)).max(initial=1e-6)
    np.testing.assert_allclose(
        have.astype(np.float64),
        expected.astype(np.float64),
        rtol=0,
        atol=ulps * float(np.finfo(have.dtype).eps) * scale,
        equal_nan=True,
    )


@pytest.mark.parametrize("dtype", MAX_DTYPES)
def test_max_and_min_are_bit_equal_and_indices_too(torch, dtype):
    """Every dtype that PyTorch pools, dilated, with NaN and infinities."""
    rng = np.random.default_rng(1)
    compared = 0
    for _ in range(GEOMETRIES):
        call = geometry(rng) | {"dilation": tuple(rng.integers(1, 4, 2).tolist())}
        image = picture(rng, dtype)
        found = pairs(torch.nn.functional.max_pool2d, call | {"return_indices": True}, image, torch)
        if found is None:
            with pytest.raises(PictureError):
                poolcli.pool(image, **ours(call))
            continue
        values, indices = poolcli.pool(image, **ours(call), return_indices=True)
        assert_same(values, array(found[0]))
        assert_same(indices, array(found[1]))
        if np.dtype(dtype).kind == "f":
            smallest = -array(torch.nn.functional.max_pool2d(-tensor(torch, image), **call))
            assert_same(poolcli.pool(image, **ours(call), mode="min"), smallest)
        compared += 1
    assert compared > GEOMETRIES // 2


@pytest.mark.parametrize("dtype", FLOATS)
def test_averages(torch, dtype):
    """With and without the padding counted, under ceil too."""
    rng = np.random.default_rng(2)
    compared = 0
    for _ in range(GEOMETRIES):
        call, counted, image = geometry(rng), bool(rng.integers(2)), picture(rng, dtype)
        found = pairs(torch.nn.functional.avg_pool2d, call | {"count_include_pad": counted}, image, torch)
        if found is None:
            with pytest.raises(PictureError):
                poolcli.pool(image, **ours(call), mode="avg")
            continue
        assert_near(poolcli.pool(image, **ours(call), mode="avg", count_include_pad=counted), array(found), image)
        compared += 1
    assert compared > GEOMETRIES // 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_norms(torch, dtype):
    """Positive values, no clipped windows: there PyTorch's definition is the same (see poolcli/manual/modes.md)."""
    rng = np.random.default_rng(3)
    compared = 0
    for _ in range(GEOMETRIES):
        call = {name: value for name, value in geometry(rng).items() if name in ("kernel_size", "stride")}
        p, image = float(rng.choice([1, 2, 3, 1.5])), np.abs(picture(rng, dtype, special=False))
        found = pairs(torch.nn.functional.lp_pool2d, call | {"norm_type": p}, image, torch)
        if found is None:
            continue
        assert_near(poolcli.pool(image, **ours(call), mode="lp", p=p), array(found), image, ulps=64)
        compared += 1
    assert compared > GEOMETRIES // 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_adaptive_windows(torch, dtype):
    """Outputs smaller and larger than the picture."""
    rng = np.random.default_rng(4)
    for _ in range(GEOMETRIES):
        image, size = picture(rng, dtype), tuple(rng.integers(1, 24, 2).tolist())
        largest = torch.nn.functional.adaptive_max_pool2d(tensor(torch, image), size)
        assert_same(poolcli.adaptive_pool(image, size, mode="max"), array(largest))
        mean = torch.nn.functional.adaptive_avg_pool2d(tensor(torch, image), size)
        assert_near(poolcli.adaptive_pool(image, size), array(mean), image)


def test_convolution_is_what_pytorch_calls_so(torch):
    """Cross-correlation, any stride, without padding."""
    rng = np.random.default_rng(5)
    for _ in range(100):
        image = picture(rng, "float64", special=False)
        kernel = rng.integers(-4, 5, rng.integers(1, 4, 2)).astype(np.float64)
        if image.shape[0] < kernel.shape[0] or image.shape[1] < kernel.shape[1]:
            continue
        stride = tuple(rng.integers(1, 4, 2).tolist())
        planes = tensor(torch, image).transpose(0, 1)
        found = torch.nn.functional.conv2d(planes, torch.from_numpy(kernel)[None, None], stride=stride)
        have = poolcli.convolve(image, kernel, stride=stride, padding="valid")
        assert_near(have, found.numpy()[:, 0].transpose(1, 2, 0), image, ulps=64)


@pytest.mark.parametrize(("edge", "mode"), [("reflect", "reflect"), ("replicate", "replicate"), ("zero", "constant")])
def test_blur_is_a_padded_depthwise_convolution(torch, edge, mode):
    """As BlurPool is built in PyTorch: pad (k - 1) // 2 before and the rest after, convolve with a stride."""
    rng = np.random.default_rng(6)
    for _ in range(100):
        taps, s = int(rng.integers(1, 8)), int(rng.integers(1, 4))
        image = rng.standard_normal((*rng.integers(7, 20, 2).tolist(), 3))
        line = torch.tensor(np.poly1d([1, 1]).__pow__(taps - 1).coeffs if taps > 1 else [1.0], dtype=torch.float64)
        kernel = torch.outer(line, line) / line.sum() ** 2
        before = (taps - 1) // 2
        padded = torch.nn.functional.pad(
            tensor(torch, image), (before, taps - 1 - before, before, taps - 1 - before), mode=mode
        )
        found = torch.nn.functional.conv2d(padded, kernel.expand(3, 1, taps, taps), stride=s, groups=3)
        assert_near(poolcli.pool(image, taps, s, mode="blur", edge=edge), array(found), image, ulps=16)
