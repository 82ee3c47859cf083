"""Filters against the slow oracle, the presets' own definitions, and what a kernel may be."""

import math
import re
from functools import partial

import numpy as np
import pytest
from PIL import Image

import poolcli
from poolcli.errors import PictureError, PoolcliError, UsageError
from poolcli.ops.convolve import separate
from poolcli.ops.filters import FILTERS, find_kernel, gauss
from poolcli.ops.geometry import EDGES
from poolcli.recipe import parse_recipe
from tests import oracles
from tests.images import DTYPES, SIZES, assert_same, random_image

KERNELS = {
    "3x3": [[1, -2, 3], [0, 5, -1], [2, 2, 7]],
    "even": [[1, 2], [3, 4]],
    "4x2": [[1, 2], [3, 4], [-5, 6], [7, 8]],
    "row": [[1, -2, 1]],
    "column": [[3], [1], [-1]],
    "separable": [[1, 2, 1], [2, 4, 2], [1, 2, 1]],
    "large": np.arange(63).reshape(7, 9) - 30,
    "zeros": [[0, 0], [0, 0]],
}


@pytest.mark.parametrize("edge", [*EDGES, 200])
@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_every_kernel_and_edge_equals_the_oracle(kernel, edge):
    """Whole numbers are exact in float32, so equal means equal."""
    for seed, size in enumerate(SIZES):
        image = random_image(seed, size, "uint8", (3,) if seed % 2 else ())
        for stride in ((1, 1), (2, 2), (3, 1)):
            have = poolcli.convolve(image, kernel, stride=stride, edge=edge)
            expected = oracles.convolve(image, np.array(kernel), stride=stride, edge=edge)
            assert have.dtype == np.float32
            assert_same(have.astype(np.float64), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_number_beyond_the_border_is_one_of_the_picture(dtype):
    """Filters and blur as of numpy.pad's constant, with any value that the dtype holds; others are refused."""
    limits = (0, 1) if dtype == "bool" else oracles.limits(np.dtype(dtype))
    limits = [1, 1.0, *(limits if np.isfinite(limits).all() else (-0.25, float(np.finfo(dtype).max)))]
    image, kernel = random_image(3, (5, 6), dtype, (3,)), [[1, 2, 1], [0, 1, -1], [3, 1, 1]]
    for edge in limits:
        padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), constant_values=np.dtype(dtype).type(edge))
        assert_same(poolcli.convolve(image, kernel, edge=edge), poolcli.convolve(padded, kernel, padding="valid"))
        for mode, taps in (("blur", 3), ("blur", 2), ("aps", 3)):
            whole = poolcli.pool(padded, taps, 1, mode=mode, edge="zero")
            assert_same(poolcli.pool(image, taps, 1, mode=mode, edge=edge), whole[1:-1, 1:-1])
    others = {"bool": (2, 0.5), "float16": (1e5, -1e5), "float32": (1e39,), "float64": ()}
    for edge in others.get(dtype, (0.5, limits[3] + 1, limits[2] - 1)):
        for call in (partial(poolcli.convolve, kernel=kernel), partial(poolcli.pool, k=3, mode="blur")):
            with pytest.raises(PoolcliError, match=rf"edge.'?{re.escape(str(edge))}.*(no value of|a number)"):
                call(image, edge=edge)


def test_the_command_takes_a_number_as_an_edge(command, tmp_path):
    """Of the filter and of blur; a negative one, too, and not where layers see light."""
    image, photo = random_image(1, (8, 10), "uint8", (3,)), tmp_path / "photo.png"
    Image.fromarray(image).save(photo)
    for options, text in (
        (("--filter", "box", "--filter-edge", "-5"), "conv:box,edge=-5 max:2"),
        (("--mode", "blur", "--edge", "9.5"), "blur:2,edge=9.5"),
    ):
        out = tmp_path / f"{len(options)}{options[1]}.npy"
        call = ("pool", photo, *options, "--dtype", "float32", "-o", out, "--no-report")
        assert command(*call).code == 0
        assert_same(np.load(out), poolcli.apply(text, image.astype(np.float32)))
        assert command(*call[:6], "-o", tmp_path / "a.png").code == 1
    words = "holds a value of the picture: leave out --linear and --premultiply"
    assert words in command.refused("stack", "conv:box,edge=9 max:2", photo, "--linear")
    assert words in command.refused("pool", photo, "--mode", "blur", "--edge", "9", "--premultiply")


def test_a_large_number_beyond_the_border_does_not_make_sums_overflow():
    """As large numbers in the picture: their mean is what it is."""
    filtered = poolcli.convolve(np.ones((3, 3)), "box", edge=1.5e308)
    assert filtered[0, 0] == pytest.approx(1.5e308 / 9 * 5, rel=1e-14)
    assert filtered[1, 1] == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize("name", FILTERS)
def test_every_preset_equals_the_oracle(name):
    """Within float32 for kernels of fractions."""
    image = random_image(1, (11, 14), "uint16", (3,))
    expected = oracles.convolve(image, np.array(find_kernel(name)))
    np.testing.assert_allclose(poolcli.convolve(image, name), expected, rtol=1e-6, atol=0.1)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 0.85, 1, 1.5, 3.3, 15.8])
def test_a_gaussian_of_any_width_is_its_formula(sigma):
    """Of both axes at once, to 4 sigma; run as a column and a row, on floats as the oracle."""
    radius = int(4 * sigma + 0.5)
    weights = [
        [math.exp(-(x * x + y * y) / (2 * sigma**2)) for x in range(-radius, radius + 1)]
        for y in range(-radius, radius + 1)
    ]
    total = math.fsum(map(math.fsum, weights))
    kernel = np.array(find_kernel(f"gauss:{sigma}"))
    np.testing.assert_allclose(kernel, np.array(weights) / total, rtol=1e-13)
    assert len(separate(kernel)) == min(2, len(kernel))
    if radius < 9:
        image = random_image(1, (9, 7), "float64", (3,))
        np.testing.assert_allclose(
            poolcli.convolve(image, f"gauss:{sigma}"), oracles.convolve(image, kernel), rtol=1e-12, atol=1e-9
        )


def test_presets_are_what_their_names_say():
    """Smoothing sums to 1, edges and lines to 0; -h is -v transposed; sizes can be asked for."""
    sums = {name: round(float(np.sum(row.kernel)), 9) for name, row in FILTERS.items()}
    ones = {"identity", "box", "gauss", "sharpen", "emboss"}
    assert {name: total for name, total in sums.items() if total != (name in ones)} == {}
    for name in ("sobel", "prewitt", "scharr", "line"):
        assert np.array_equal(find_kernel(f"{name}-v"), np.transpose(find_kernel(f"{name}-h")))
    assert find_kernel("line-v") == ((-1, 2, -1),) * 3
    assert np.shape(find_kernel("box5")) == (5, 5)
    assert np.allclose(np.array(find_kernel("gauss5"))[0] * 256, [1, 4, 6, 4, 1])


def test_separable_kernels_run_as_two_passes():
    """Rank one is found in kernels of any size, anything else is left alone; whole factors of whole numbers."""
    bell = np.exp(-(np.linspace(-3, 3, 41) ** 2))
    fractions = [find_kernel(f"{name}{size}") for name in ("box", "gauss") for size in range(2, 100, 7)]
    for kernel in (*fractions, np.outer(bell[3:], bell), gauss(127)):
        column, row = separate(np.array(kernel))
        np.testing.assert_allclose(column * row, kernel, rtol=2.0**-50, atol=0)
    for kernel in (*(FILTERS[name].kernel for name in ("sobel-v", "scharr-h", "line-v")), [[6, 10], [-15, -25]]):
        column, row = separate(np.array(kernel, float))
        assert np.array_equal(column * row, kernel)
        assert np.array_equal([column, row.T], np.rint([column, row.T])), kernel
    for line in separate(np.array(find_kernel("gauss9"))):
        assert np.array_equal(line.astype(np.float32), line)  # binomials over a power of two, not a rounded quotient
    near = np.outer(bell, bell)
    near[5, 5] *= 1 + 2.0**-40
    for kernel in (*(FILTERS[name].kernel for name in ("laplace", "sharpen", "line-d1", "emboss")), near):
        assert len(separate(np.array(kernel, float))) == 1


@pytest.mark.parametrize("kernel", ["box3", "box9", "gauss4", "gauss9"])
def test_a_flat_picture_of_bytes_stays_flat(kernel):
    """Sums of bytes stay whole and binomials are over a power of two: nothing is lost on the way."""
    for value in (1, 100, 255):
        have = poolcli.convolve(np.full((20, 30), value, np.uint8), kernel)
        np.testing.assert_allclose(have, value, rtol=2.0**-24 if "box" in kernel else 0)
        assert len(np.unique(have)) == 1


PLANES = {  # by how they are computed
    "box9": "box9",
    "gauss31": "gauss31",
    "sharpen": "sharpen",
    "any": np.random.default_rng(1).standard_normal((6, 9)),
    "column": np.random.default_rng(2).standard_normal((17, 1)),
    "large": np.random.default_rng(3).standard_normal((32, 21)),
}


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("kernel", PLANES.values(), ids=PLANES)
def test_equal_neighbourhoods_give_equal_bits(kernel, dtype):
    """Wherever they lie: what a part of the picture gives, inside, is what the whole gives there, to the last bit."""
    image = random_image(1, (97, 83), dtype, (3,))
    for s in (1, 2):
        whole = poolcli.convolve(image, kernel, stride=s, padding="valid")
        for down, across in ((1, 0), (0, 1), (5, 13)):
            part = poolcli.convolve(image[down * s :, across * s : -1], kernel, stride=s, padding="valid")
            assert_same(part, whole[down : down + len(part), across : across + part.shape[1]])


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("kernel", PLANES.values(), ids=PLANES)
def test_what_is_not_finite_stays_where_it_is_seen(kernel, wrong):
    """Windows that do not hold it answer as if it were not there."""
    image = random_image(2, (70, 60), "float32", (3,))
    spoilt = image.copy()
    spoilt[30, 41, 1] = wrong
    clean, have = poolcli.convolve(image, kernel), poolcli.convolve(spoilt, kernel)
    seen = np.zeros(image.shape, np.float32)
    seen[30, 41, 1] = 1
    shape = find_kernel(kernel) if isinstance(kernel, str) else kernel
    touched = poolcli.convolve(seen, np.ones(np.shape(shape)), edge="reflect") > 0
    assert np.array_equal(have[~touched], clean[~touched])
    assert touched.sum() < 1000


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("kernel", PLANES.values(), ids=PLANES)
def test_fractions_are_within_a_few_roundings(kernel, dtype):
    """Of the sum of the products' sizes, which is what sums in any order are held to."""
    image = random_image(3, (40, 45), dtype)
    weights = np.array(find_kernel(kernel) if isinstance(kernel, str) else kernel)
    exact = oracles.convolve(image.astype(np.longdouble), weights)
    sizes = oracles.convolve(np.abs(image.astype(float)), np.abs(weights))
    have = poolcli.convolve(image, kernel)
    assert (np.abs(have - exact) <= 8 * np.finfo(have.dtype).eps * sizes).all()


def test_paddings():
    """valid, numbers and four sides; same keeps ceil(n / stride)."""
    image = random_image(2, (9, 8), "uint8")
    kernel = np.ones((3, 3))
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3)).sum((2, 3)).astype(np.float32)
    assert_same(poolcli.convolve(image, kernel, padding="valid"), windows)
    assert poolcli.convolve(image, kernel, padding=2).shape == (11, 10)
    assert_same(poolcli.convolve(image, kernel, padding=(1, 0, 0, 0), edge="zero")[1:], windows)
    assert poolcli.convolve(image, kernel, stride=(2, 3)).shape == (5, 3)


def test_floats_and_wide_integers_are_computed_in_float64():
    """float32 only where its 24 bits hold the values."""
    assert poolcli.convolve(np.zeros((3, 3), np.int32), "box").dtype == np.float64
    assert poolcli.convolve(np.zeros((3, 3), np.float64), "box").dtype == np.float64
    assert poolcli.convolve(np.zeros((3, 3), np.float32), "box").dtype == np.float32


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"kernel": "sobel"}, "did you mean 'sobel-"),
        ({"kernel": [[1, np.nan]]}, "NaN or infinity"),
        ({"kernel": [1, 2]}, "1 axes"),
        ({"kernel": np.zeros((200, 200))}, "too large"),
        ({"kernel": "box", "edge": "reflekt"}, "did you mean 'reflect'"),
        ({"kernel": "box", "stride": 0}, "stride 0"),
        ({"kernel": "box", "padding": -1}, "negative"),
        ({"kernel": [["a"]]}, "no array of numbers"),
        ({"kernel": [[1, 2], [3]]}, "no array of numbers"),
        ({"kernel": [[10**400]]}, "no array of numbers"),
        ({"kernel": [[1e308, -1e308]]}, "cannot add up"),
        ({"kernel": [[1e308] * 3] * 3}, "cannot add up"),
    ],
)
def test_what_cannot_be_is_one_clear_sentence(call, words):
    """Wrong values are told before anything is computed."""
    with pytest.raises(UsageError, match=words):
        poolcli.convolve(np.zeros((4, 4)), **call)


@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_as_large_as_floats(dtype):
    """Zero stays zero, and what does not fit is infinite, of the right sign."""
    image = np.zeros((5, 5), dtype)
    image[2, 1:4] = 1, 1, 3
    before, middle, after = image[2, :-2].astype(float), image[2, 1:-1].astype(float), image[2, 2:].astype(float)
    with np.errstate(over="ignore"):
        for weight in (1e300, 2.0**1023, np.finfo(np.float64).max):
            have = poolcli.convolve(image, [[weight]])
            assert_same(have, (image.astype(np.float64) * weight).astype(have.dtype))
        have = poolcli.convolve(image, [[1e307, 4e307, -9e307]], padding="valid")
        expected = ((0.1 * before + 0.4 * middle - 0.9 * after) * 1e308).astype(have.dtype)
    np.testing.assert_allclose(have[2], expected, rtol=1e-15)
    assert not have[:2].any()
    assert not have[3:].any()


def test_a_kernel_file_of_the_largest_weights(command, tmp_path):
    """Refused in a sentence where their sum is none; whole numbers of 300 digits filter."""
    kernel, photo = tmp_path / "kernel.txt", tmp_path / "photo.png"
    Image.fromarray(np.eye(4, dtype=np.uint8)).save(photo)
    kernel.write_text("1e308 -1e308")
    assert "cannot add up" in command.refused("pool", photo, "--filter", kernel, "-o", tmp_path / "a.npy")
    kernel.write_text("1e300 -1e300")
    for options in (("-o", tmp_path / "b.npy"), ("-o", tmp_path / "c.npy", "--dtype", "float64")):
        assert command("pool", photo, "--filter", kernel, *options).code == 0


def test_a_kernel_that_does_not_fit():
    """Only possible without padding."""
    with pytest.raises(PictureError, match="kernel of 3x3"):
        poolcli.convolve(np.zeros((2, 9)), "box", padding="valid")


@pytest.mark.parametrize("dtype", DTYPES)
def test_relu6_holds_values_between_0_and_6(dtype):
    """Every value, by comparing it; the dtype stays, and NaN stays NaN."""
    image = random_image(4, (9, 8), dtype, (2,))
    image = image if dtype == "bool" else (image // 10).astype(dtype)
    if image.dtype.kind == "f":
        image[0, 0, 0], image[1, 1, 1], image[2, 2, 0] = np.nan, np.inf, -np.inf
    expected = np.array([v if math.isnan(v) else min(max(v, 0), 6) for v in image.ravel().tolist()])
    have = poolcli.apply("relu6", image)
    assert have.dtype == image.dtype
    assert np.array_equal(have.ravel(), expected.astype(dtype), equal_nan=image.dtype.kind == "f")


@pytest.mark.parametrize("dtype", DTYPES)
def test_clip_holds_values_between_its_numbers(dtype):
    """Value by value, in the picture's dtype; whole numbers exactly, NaN stays; alpha and ignored values, too."""
    image = random_image(2, (9, 8), dtype, (4,))
    is_float = image.dtype.kind == "f"
    if is_float:
        image[0, :3, 0] = np.nan, np.inf, -np.inf
    least, most = (-np.inf, np.inf) if is_float else (0, 1) if dtype == "bool" else oracles.limits(image.dtype)
    low, high = (-3.25, 7.5) if is_float else sorted(map(int, image[3:5, 3, 0]))
    for bounds in ((least, most), (low, high), (least, low), (high, most), (-np.inf, np.inf)):
        have = poolcli.apply(f"clip:{bounds[0]!r},{bounds[1]!r}", image)
        expected = [v if math.isnan(v) else max(bounds[0], min(v, bounds[1])) for v in image.ravel().tolist()]
        assert_same(have, np.array(expected, object).astype(dtype).reshape(image.shape))
    kept, _ = parse_recipe("clip:0,1").run(image, alpha=True)
    assert_same(kept[..., 3], image[..., 3])
    assert poolcli.apply("clip:0,1", np.ma.masked_equal([[5, 9]], 9)).tolist() == [[1, None]]


@pytest.mark.parametrize(
    ("bounds", "dtype"),
    [
        *(("0.5,3", "uint8"), ("0,0.5", "bool"), ("256,300", "uint8"), ("-9,-1", "uint16")),
        *(("0,1e5", "float16"), ("-1e39,0", "float32")),
    ],
)
def test_clip_to_what_the_dtype_has_not_is_refused(bounds, dtype):
    """Where a value would become it; a number that no value can pass does nothing."""
    with pytest.raises(PictureError, match=f"is no value of a picture of {dtype}: give one that is"):
        poolcli.apply(f"clip:{bounds}", random_image(1, (3, 3), dtype))
    assert poolcli.apply("clip:-0.5,300.5", np.array([[0, 255]], np.uint8)).tolist() == [[0, 255]]


def test_the_command_takes_a_clip_and_a_gaussian(command, tmp_path):
    """As options, in a recipe file and in the names of outputs; the listing says what they are."""
    image, photo = random_image(1, (8, 10), "uint8", (3,)), tmp_path / "photo.png"
    Image.fromarray(image).save(photo)
    (tmp_path / "layers.toml").write_text('layers = ["conv:gauss:1.5", "clip:20,100.5", "max:2"]')
    expected = poolcli.apply("conv:gauss:1.5 clip:20,100.5 max:2", image)
    options = ("--filter", "GAUSS:1.5", "--activation", "Clip:20,100.5", "--format", "npy", "--no-report")
    assert command("pool", photo, *options).code == 0
    assert_same(np.load(tmp_path / "photo.gauss1.5_clip20to100.5_max-k2s2.npy"), expected)
    call = ("stack", "--recipe", tmp_path / "layers.toml", photo, "-o", tmp_path / "b.npy", "--no-report")
    assert command(*call).code == 0
    assert_same(np.load(tmp_path / "b.npy"), expected)
    assert "'clip:2,1' has its higher number first" in command.refused("pool", photo, "--activation", "clip:2,1")
    assert "'relu:3': write it as relu, which takes" in command.refused("pool", photo, "--activation", "relu:3")
    assert "did you mean 'clip'" in command.refused("pool", photo, "--activation", "clamp:0,1")
    assert "sigma 99: above 0" in command.refused("pool", photo, "--filter", "gauss:99")
    for layers in ("clip:0,99 max:2", "relu6 max:2"):
        assert "holds a value of the picture" in command.refused("stack", layers, photo, "--linear")
    assert "gauss:1.5 is a Gaussian" in command("filters", "--json").out


def test_no_layer_brings_more_than_white_into_a_picture(command, tmp_path):
    """A PGM whose values end at 100 would have to say another white, and all of it would be darker."""
    (tmp_path / "a.pgm").write_bytes(b"P5\n6 4\n100\n" + bytes(range(70, 94)))
    for text, number in (("blur:3/2,edge=101", 101), ("conv:box,edge=200 max:2", 200), ("clip:150,200", 150)):
        call = ("stack", text, tmp_path / "a.pgm", "-o", tmp_path / "b.pgm", "--overwrite")
        assert f"brings {number} into a picture whose white is 100" in command.refused(*call, code=1)
        assert command(*call[:-2], tmp_path / "b.npy", "--overwrite", "--dtype", "float32").code == 0
    for text in ("blur:3/2,edge=100", "clip:80,200"):
        assert command("stack", text, tmp_path / "a.pgm", "-o", tmp_path / "b.pgm", "--overwrite").code == 0
        assert (tmp_path / "b.pgm").read_bytes().split()[3] == b"100"
