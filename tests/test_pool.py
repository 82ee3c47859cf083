"""max and avg pooling against the slow oracles, over dtypes, sizes and geometries, and the promises of the design."""

import numpy as np
import pytest
from PIL import Image

import poolcli
from poolcli.errors import PictureError, UsageError
from poolcli.ops import modes
from tests import oracles
from tests.images import CHANNELS, DTYPES, NEEDED, SIZES, assert_close, assert_same, random_image

MODES = ("max", "avg")
GEOMETRIES = {
    "plain": {"k": (2, 2), "s": (2, 2)},
    "overlapping": {"k": (3, 3), "s": (2, 2), "padding": (1, 1, 1, 1)},
    "rectangular": {"k": (3, 2), "s": (1, 3), "padding": (2, 2, 1, 1)},
    "uneven padding": {"k": (3, 4), "s": (2, 2), "padding": (0, 2, 3, 1)},
    "dilated": {"k": (2, 3), "s": (1, 2), "padding": (2, 2, 3, 3), "dilation": (3, 2)},
    "ceil": {"k": (3, 3), "s": (2, 3), "padding": (1, 1, 1, 1), "ceil_mode": True},
    "large and dense": {"k": (9, 7), "s": (1, 1), "padding": (4, 4, 3, 3)},
    "gaps": {"k": (1, 2), "s": (3, 4), "padding": (0, 0, 1, 1)},
}


def pool_or_error(image, geometry, **options):
    """The pooled image, or None where no window fits."""
    try:
        return poolcli.pool(image, **geometry, **options)
    except PictureError:
        return None


def oracle_or_error(image, geometry, **options):
    """The oracle's image, or None where no window fits."""
    try:
        return oracles.pool(image, **geometry, **options)
    except ValueError:
        return None


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("mode", MODES)
def test_every_dtype_and_geometry_equals_the_oracle(mode, geometry, dtype):
    """Sizes that are no multiple of anything, one value up to several bands."""
    for seed, size in enumerate(SIZES):
        image = random_image(seed, size, dtype, CHANNELS[seed % len(CHANNELS)])
        have, expected = pool_or_error(image, geometry, mode=mode), oracle_or_error(image, geometry, mode=mode)
        assert (have is None) == (expected is None)
        if have is not None:
            assert_close(have, expected)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_padding_left_out_of_averages(dtype):
    """count_include_pad=False divides by what is truly there, also under ceil."""
    for name in ("overlapping", "uneven padding", "ceil", "dilated"):
        image = random_image(7, (9, 10), dtype, (3,))
        have = poolcli.pool(image, **GEOMETRIES[name], mode="avg", count_include_pad=False)
        assert_close(have, oracles.pool(image, **GEOMETRIES[name], mode="avg", count_include_pad=False))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("k", [2, 4, 8])
def test_average_is_bit_equal_to_reduce_for_whole_blocks(k, dtype):
    """Pillow's reduce is exact for powers of two."""
    image = random_image(k, (64, 128), dtype)
    reduced = np.asarray(Image.fromarray(image.astype(np.int32) if dtype == "uint16" else image).reduce(k))
    assert_same(poolcli.pool(image, k, mode="avg"), reduced.astype(dtype))


@pytest.mark.parametrize("k", [3, 5, 6, 7, 31])
def test_average_is_exact_where_reduce_is_one_off(k):
    """For other sizes Pillow multiplies by a truncated reciprocal: never more than one from the exact mean."""
    image = random_image(k, (7 * k, 9 * k), "uint8")
    reduced = np.asarray(Image.fromarray(image).reduce(k)).astype(int)
    pooled = poolcli.pool(image, k, mode="avg")
    assert np.abs(pooled.astype(int) - reduced).max() <= 1
    blocks = image.reshape(7, k, 9, k).sum((1, 3), dtype=int)
    assert_same(pooled, ((2 * blocks + k * k) // (2 * k * k)).astype(np.uint8))


@pytest.mark.parametrize("dtype", ["int64", "uint64", "int32", "uint16", "int8"])
def test_averages_of_extremes_do_not_wrap(dtype):
    """The mean of a constant is the constant, at both ends of every range."""
    info = np.iinfo(dtype)
    for value in (info.min, info.max):
        image = np.full((40, 40), value, dtype)
        assert_same(poolcli.pool(image, 31, 3, mode="avg"), np.full((4, 4), value, dtype))


def test_nan_wins_a_maximum_and_minus_infinity_loses_it():
    """As in PyTorch: NaN propagates, padding never wins."""
    image = np.array([[np.nan, 1, -np.inf, -np.inf], [0, 2, -np.inf, -np.inf]], np.float32)
    assert_same(poolcli.pool(image, 2), np.array([[np.nan, -np.inf]], np.float32))
    assert poolcli.pool(np.full((2, 2), -5.0), 2, 1, padding=1).max() == -5


@pytest.mark.parametrize("k", [5, 31, 64, 127])
@pytest.mark.parametrize("mode", MODES)
def test_large_windows_over_several_bands(mode, k):
    """Doubling gives the same as one reduction of each window, dilated too."""
    image = random_image(k, (301, 157), "int16")
    windows = np.lib.stride_tricks.sliding_window_view(image, (k, k))
    expected = windows.max((2, 3)) if mode == "max" else ((2 * windows.sum((2, 3), dtype=int) + k * k) // (2 * k * k))
    assert_same(poolcli.pool(image, k, 1, mode=mode), expected.astype(np.int16))
    windows = np.lib.stride_tricks.sliding_window_view(image, (9, 49))[:, :, ::4, ::4]
    assert_same(poolcli.pool(image, (3, 13), 1, dilation=4), windows.max((2, 3)))


def test_the_classic_example():
    """[[12 20 30 0] [8 12 2 0] [34 70 37 4] [112 100 25 12]] of every textbook."""
    image = np.array([[12, 20, 30, 0], [8, 12, 2, 0], [34, 70, 37, 4], [112, 100, 25, 12]], np.uint8)
    assert poolcli.pool(image, 2, mode="max").tolist() == [[20, 30], [112, 37]]
    assert poolcli.pool(image, 2, mode="avg").tolist() == [[13, 8], [79, 20]]


def test_views_of_any_order_pool_alike():
    """Transposed, reversed and read-only arrays: the layout in memory does not matter, the input stays."""
    image = random_image(3, (12, 10), "uint8", (3,))
    kept = image.copy()
    image.flags.writeable = False
    for view in (image.transpose(1, 0, 2), image[::-1, ::2], np.asfortranarray(image), image[..., ::-1]):
        assert_same(poolcli.pool(view, 3, 2), oracles.pool(np.ascontiguousarray(view), (3, 3), (2, 2), mode="max"))
    assert_same(image, kept)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"k": 2, "s": 0}, "stride 0"),
        ({"k": 0}, "window 0"),
        ({"k": 2, "dilation": 0}, "dilation 0"),
        ({"k": 2, "padding": 2}, "padding 2 is as large as the window"),
        ({"k": 2, "padding": -1}, "negative"),
        ({"k": 2, "mode": "mxa"}, "did you mean 'max'"),
        ({"k": (1, 2, 3)}, "3 numbers"),
        ({"k": 2.5}, "not a size"),
        ({"k": 2, "padding": (1, 2, 3)}, "3 numbers"),
        ({"k": 2, "count_include_pad": False}, "knows no option 'exclude-pad'"),
    ],
)
def test_what_cannot_be_is_one_clear_sentence(call, words):
    """Wrong values are told before anything is computed."""
    with pytest.raises(UsageError, match=words) as error:
        poolcli.pool(np.zeros((4, 4)), **call)
    assert "\n" not in str(error.value)


def test_a_window_that_does_not_fit_names_size_window_and_a_way_out():
    """An error of this picture, not of the request."""
    with pytest.raises(PictureError, match=r"window of 5x5 .* picture of 3x4 with padding 0: use a smaller window"):
        poolcli.pool(np.zeros((4, 3)), 5)


@pytest.mark.parametrize(
    "image", [np.zeros(3), np.zeros((0, 3)), np.zeros((2, 2, 2, 2)), [["a"]], np.zeros((2, 2), complex)]
)
def test_what_is_no_image_is_refused(image):
    """Shapes and dtypes that have no pooling."""
    with pytest.raises(UsageError, match="cannot be pooled"):
        poolcli.pool(image, 1)


@pytest.mark.parametrize("mode", modes.MODES)
@pytest.mark.parametrize("dtype", [">i2", ">u4", ">f4", ">f8"])
def test_foreign_byte_orders(mode, dtype):
    """Files of other machines: the same values, in this machine's order."""
    image = random_image(4, (9, 10), np.dtype(dtype).newbyteorder("=").name)
    needed = NEEDED.get(mode, {})
    have = poolcli.pool(image.astype(dtype), 3, 2, mode=mode, **needed)
    assert have.dtype.isnative and (have.dtype == image.dtype or mode in ("sum", "fraction"))
    assert_same(have, poolcli.pool(image, 3, 2, mode=mode, **needed))


class Tensor:
    """What a tensor that asks for gradients, or one of bfloat16, does when NumPy asks for its values."""

    def __init__(self, error):
        self.error = error

    def __array__(self, dtype=None, copy=None):
        raise self.error


GRADIENT = RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
NO_IMAGES = {
    "ragged lists": ([[1, 2], [3]], "NumPy cannot read"),
    "a tensor that asks for gradients": (
        Tensor(GRADIENT),
        r"cannot read \(Can't call numpy\(\) on Tensor that requires",
    ),
    "a tensor of bfloat16": (
        Tensor(TypeError("Got unsupported ScalarType BFloat16")),
        "unsupported ScalarType BFloat16",
    ),
    "complex numbers": ([[1j, 2]], "dtype complex128 cannot be pooled"),
    "texts": ([["a"]], "cannot be pooled"),
    "nothing": (None, "dtype object cannot be pooled"),
    "dates": (np.zeros((2, 2), "M8[s]"), "cannot be pooled"),
    "whole numbers of more than 64 bits": ([[2**64, 1]], "dtype object cannot be pooled"),
    "whole numbers that become floats": ([[2**63 + 1, -1]], "no 64-bit type holds"),
    "long doubles": (np.zeros((2, 2), np.longdouble), "cannot be pooled"),
}


@pytest.mark.parametrize(("image", "message"), NO_IMAGES.values(), ids=NO_IMAGES)
def test_what_is_no_image_is_refused_in_a_sentence(image, message):
    """A UsageError from every public function."""
    for function in (
        lambda: poolcli.pool(image, 1),
        lambda: poolcli.adaptive_pool(image, 1),
        lambda: poolcli.convolve(image, "box"),
        lambda: poolcli.apply("max:1", image),
        lambda: poolcli.shift_report("max:1", image),
    ):
        with pytest.raises(UsageError, match=message) as caught:
            function()
        assert "\n" not in str(caught.value)


def test_bfloat16_arrays_are_refused():
    """The dtype that onnx and JAX bring."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    with pytest.raises(UsageError, match="dtype bfloat16 cannot be pooled"):
        poolcli.pool(np.ones((2, 2), ml_dtypes.bfloat16), 2)


def test_a_mask_is_not_lost_where_nothing_leaves_values_out():
    """A filter refuses a masked array; one that hides nothing is an array."""
    image = np.ma.MaskedArray(np.ones((2, 2)), [[True, False], [False, False]])
    with pytest.raises(UsageError, match="a masked array loses its mask here"):
        poolcli.convolve(image, "box")
    assert poolcli.convolve(np.ma.MaskedArray(image.data), "identity").tolist() == [[1, 1], [1, 1]]
