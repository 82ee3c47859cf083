"""The fast paths on sizes that are no multiple of a band, a strip, a block or a vector: the answers do not change."""

import itertools
from dataclasses import asdict, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import poolcli
from poolcli.evaluate import How, evaluate, shift_report, shift_rows
from poolcli.ops.arrays import planes, to_integers
from poolcli.ops.convolve import correlate, float_dtype, separate
from poolcli.ops.geometry import EDGES, Window, same_sides
from poolcli.ops.reduce import neutral, reduce_windows
from poolcli.recipe import parse_recipe
from poolcli.shift.difference import Contrast, Piece, Rectangle, differ
from poolcli.shift.move import Source
from poolcli.shift.record import Shifting
from tests import oracles
from tests.images import assert_close, random_image

small = st.integers(1, 9)
FILTERED = [
    "conv:line-v max:2",
    "conv:edge min:3/2",
    "conv:line-h/2 abs stride:2",
    "conv:sobel-v clip:-300,99.5 max:2",
    "conv:emboss max:2/2@2,ceil",
    "conv:identity relu6 center:3",
    "conv:scharr-h avg:2",
]
CHANNELS = st.sampled_from([(), (1,), (3,), (4,), (5,)])


@st.composite
def cases(draw):
    """A picture, a geometry that may go over its border, and thresholds that cut it anywhere."""
    k, s = (draw(small), draw(small)), (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 3)]))
    spans = [d * (n - 1) + 1 for d, n in zip(dilation, k, strict=True)]
    padding = tuple(draw(st.integers(0, spans[side // 2] - 1)) for side in range(4))
    size = (draw(st.integers(spans[0], 40)), draw(st.integers(spans[1], 40)))
    channels = draw(CHANNELS)
    image = random_image(draw(st.integers(0, 99)), size, draw(st.sampled_from(["uint8", "int16", "float32"])), channels)
    cuts = {name: draw(st.integers(1, 4000)) for name in ("band_bytes", "strip_bytes", "block_row_bytes")}
    return image, {"k": k, "s": s, "padding": padding, "dilation": dilation}, cuts | {"block_taps": draw(small)}


@settings(max_examples=150, deadline=None)
@given(cases())
def test_bands_of_any_size_pool_alike(case):
    """Rows by taps, tiles, doubling or blocks; columns by taps or doubling, over bands and strips of any size."""
    image, geometry, cuts = case
    axes, taps = Window(**geometry).axes(*image.shape[:2]), geometry["k"][0] * geometry["k"][1]
    lowest = neutral(np.maximum, image.dtype)
    largest = reduce_windows(planes(image), axes, np.maximum, lowest, image.dtype, None, image.dtype, **cuts)
    assert_close(largest.reshape(*largest.shape[: image.ndim]), oracles.pool(image, **geometry, mode="max"))

    def divide(sums, _, out):
        np.divide(sums, taps, out=out)

    for dtype in (np.dtype(np.float64), *([np.dtype(np.int64)] if image.dtype.kind in "ui" else [])):
        mean = reduce_windows(planes(image), axes, np.add, 0, dtype, divide, np.dtype(np.float64), **cuts)
        expected = oracles.pool(image.astype(np.float64), **geometry, mode="avg")
        assert_close(mean.reshape(*mean.shape[: image.ndim]), expected)


LINES = {  # what a row or a column of k whole numbers may be: one sum, a few weights, signs only, anything
    "run": lambda rng, k: np.full(k, rng.integers(1, 4)),
    "few": lambda rng, k: rng.integers(0, 3, k),
    "signs": lambda rng, k: rng.choice([-1, 1], k),
    "negative": lambda rng, k: np.full(k, -1),
    "any": lambda rng, k: rng.integers(-9, 10, k),
}


@st.composite
def filters(draw):
    """A picture, a kernel of whole numbers (one of rank 1 or not), a stride, and thresholds that cut it anywhere."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    kh, kw = draw(st.integers(1, 13)), draw(st.integers(1, 13))
    column, row = (LINES[draw(st.sampled_from(sorted(LINES)))](rng, k) for k in (kh, kw))
    kernel = draw(st.sampled_from([np.outer(column, row), rng.integers(-2, 3, (kh, kw))]))
    image = random_image(1, (draw(st.integers(1, 21)), draw(st.integers(1, 21))), "uint8", draw(CHANNELS))
    stride = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    edge, cuts = draw(st.sampled_from([*EDGES, 90])), (draw(st.integers(1, 4000)), draw(st.integers(4, 900)))
    return image, kernel, stride, edge, cuts


def filtered(image, kernel, stride, edge="reflect", **cuts):
    """What `poolcli.convolve` gives, in bands and chunks of these sizes."""
    weights = np.array(kernel, np.float64)
    sides, dtype = same_sides(weights.shape), float_dtype(image.dtype)
    sums = correlate(planes(image), separate(weights), stride, sides, edge, dtype, **cuts)
    return sums.reshape(*sums.shape[: image.ndim])


@settings(max_examples=120, deadline=None)
@given(filters())
def test_bands_of_any_size_filter_alike(case):
    """One pass or two, runs by doubling, equal weights together, in bands of any rows and lines of any length."""
    image, kernel, stride, edge, (band, chunk) = case
    have = filtered(image, kernel, stride, edge, band_bytes=band, chunk_bytes=chunk)
    expected = oracles.convolve(image, kernel, stride=stride, edge=edge)
    assert have.dtype == np.float32
    assert np.array_equal(have, expected)


@pytest.mark.parametrize("shape", [(1, 17), (17, 1)])
def test_a_line_of_equal_weights_is_summed_under_every_stride(shape):
    """Along the rows a strip at a time, unless rows are left out."""
    image = random_image(1, (37, 41), "uint8", (3,))
    for stride in ((1, 1), (1, 3), (3, 1), (2, 2)):
        have = filtered(image, np.ones(shape), stride, chunk_bytes=40)
        assert np.array_equal(have, oracles.convolve(image, np.ones(shape), stride=stride))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int64", "uint64"])
def test_floats_become_integers_in_bands_of_any_size(dtype):
    """Rounded half up, held in the range, NaN as 0: as one value at a time."""
    values = np.concatenate([np.linspace(-3.0, 300.0, 607), [np.nan, np.inf, -np.inf, 1e30, -1e30]])[:, np.newaxis]
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    expected = [0 if np.isnan(v) else min(max(np.floor(v + 0.5), low), high) for v in values.ravel()]
    for band in (1, 100, 1 << 16):
        assert to_integers(values, np.dtype(dtype), band_values=band).ravel().tolist() == expected


@pytest.mark.parametrize("band", [1, 700, 1 << 17])
@pytest.mark.parametrize("channels", [(), (1,), (2,), (3,), (4,), (9,)])
def test_differences_of_bytes_are_exact_in_bands_of_any_size(channels, band):
    """Also where every difference is 255, whose squares fill float32 to the last bit."""
    a = random_image(1, (37, 29), "uint8", channels)
    for b in (random_image(2, (37, 29), "uint8", channels), np.where(a < 128, 255, 0).astype(np.uint8), a):
        for x, y in ((a, b), (np.zeros_like(a), np.full_like(a, 255))):
            gaps = np.abs(x.astype(int) - y)
            sums = differ(Piece(0, x), Piece(0, y), 3, band_values=band)
            over = gaps > 3 if a.ndim == 2 else (gaps > 3).any(axis=2)
            assert (sums.changed, sums.compared) == (over.sum(), gaps.size)
            assert (sums.mae, sums.largest) == (gaps.sum() / gaps.size, gaps.max())
            assert sums.rmse == np.sqrt((gaps**2).sum() / gaps.size)


@pytest.mark.parametrize("band", [1, 700, 1 << 17])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int32", "float32", "int64"])
def test_spreads_are_exact_in_bands_of_any_size(dtype, band):
    """Of rectangles that are most of the array, which are taken from the whole, and of small ones; by channel."""
    for channels in ((), (1,), (3,)):
        image = random_image(1, (300, 11), dtype, channels)
        contrast = Contrast(Piece(0, image), band_values=band)
        for part in ((0, 300, 0, 11), (1, 300, 0, 10), (0, 299, 1, 11), (7, 20, 3, 5), (5, 6, 2, 3)):
            values = image[part[0] : part[1], part[2] : part[3]].astype(np.longdouble)
            expected = np.abs(values - values.mean(axis=(0, 1))).mean()
            assert contrast.spread(Rectangle(*part)) == pytest.approx(float(expected), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("size", [(40, 23), (35, 700)])
@pytest.mark.parametrize(("scale", "offset"), [(1, 0), (1 / 256, 0), (16, 3.5), (1 / 512, 0), (1, np.inf)])
def test_spreads_of_filtered_bytes_are_exact_to_the_last_bit(scale, offset, size):
    """As fractions of whole numbers say; multiples of smaller parts, and what is not finite, to a few of the last."""
    image = (random_image(3, (*size, 3), "uint8").astype(np.float32) - 100) * np.float32(scale)
    image[1, 1] += np.float32(offset)
    contrast = Contrast(Piece(0, image))
    for part in ((0, size[0], 0, size[1]), (1, size[0], 0, size[1] - 2), (7, 30, 3, 19)):
        deviations, count = Fraction(0), 0
        for channel in np.moveaxis(image[part[0] : part[1], part[2] : part[3]], 2, 0):
            values = [Fraction(value) for value in channel.ravel().tolist() if np.isfinite(value)]
            middle = sum(values) / len(values)
            deviations += sum(abs(value - middle) for value in values)
            count += len(values)
        spread = contrast.spread(Rectangle(*part))
        expected = float(deviations / count)
        exact = scale >= 1 / 256 and np.isfinite(offset)
        assert spread == expected if exact else spread == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("recipe", "size"),
    [
        *itertools.product(FILTERED, [(61, 23), (45, 350)]),
        ("conv:identity max:2/1+2@4", (2, 2)),  # windows of padding alone, which give infinity
    ],
)
def test_filtered_bytes_are_measured_as_the_same_numbers_in_floats(recipe, size):
    """To the last bit: of bytes it is known that filters make whole numbers of them, of floats it is not."""
    image = random_image(5, (*size, 3), "uint8")
    image[:, :, 1] = np.where(image[:, :, 1] < 128, 0, 255)  # the largest values that there can be
    bytes_rows, float_rows = (
        shift_report(recipe, each, ((-1, 0), (1, 1), (2, -3)), tolerance=2.999999999).shifts
        for each in (image, image.astype(np.float32))
    )
    for have, expected in zip(bytes_rows, float_rows, strict=True):
        for name in ("raw", "dense", "pooled", "aligned"):
            sides = (getattr(row, name) and replace(getattr(row, name), psnr=None) for row in (have, expected))
            assert next(sides) == next(sides)


@pytest.mark.parametrize("edge", ["replicate", "zero", "wrap", "crop"])
@pytest.mark.parametrize(
    "recipe", ["max:2", "avg:3/2+1", "median:3/2+same", "maxblur:3/2 avg:2", "stride:3", "soft:3/2"]
)
def test_a_moved_picture_is_measured_by_its_rows_as_it_is_whole(recipe, edge):
    """Whatever the band: moved sideways, up and down, by more than a band and beyond the border."""
    for seed, (dtype, channels) in enumerate([("uint8", (3,)), ("float32", ()), ("uint16", (4,))]):
        image = random_image(seed, (67, 23), dtype, channels)
        shifts = ((-1, 0), (0, 1), (2, -13), (-5, 40), *([(-30, 2), (1, 70)] * (edge != "crop")))
        whole = measured(recipe, image, shifts, edge, 1 << 40)
        for band in (1, 700, 2000):
            for have, expected in zip(measured(recipe, image, shifts, edge, band), whole, strict=True):
                assert flat(have) == pytest.approx(flat(expected), rel=1e-12)


def measured(recipe, image, shifts, edge, band):
    """The rows of these shifts, where so many bytes of a moved picture are made at a time."""
    still = evaluate(parse_recipe(recipe), Source.of(image), How(band_bytes=band))
    return shift_rows(still, Shifting(shifts, edge))


def flat(row):
    """Every figure of a row by its place; counts are whole numbers, which are only equal to themselves."""
    sides = {name: asdict(side) for name in ("raw", "pooled", "aligned") if (side := getattr(row, name))}
    figures = {(name, key): value for name, side in sides.items() for key, value in side.items()}
    return {key: value for key, value in figures.items() if value is not None} | {"residual": row.residual}


def test_what_memory_held_before_is_no_overflow():
    """Rows are summed across their ends, from memory nobody wrote: that costs no second run."""
    empty, image = np.empty, random_image(1, (9, 7), "uint8", (3,))
    kernel, floats = np.arange(-4, 5).reshape(3, 3), random_image(1, (9, 7), "float32", (3,))

    def held(*args, **options):
        made = empty(*args, **options)
        if made.dtype.kind == "f":
            made.fill(np.finfo(made.dtype).max)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "empty", held)
        one = 4  # float32: no room for the float64 of a second run
        sums = [filtered(image, part, (2, 2), "zero", chunk_bytes=one) for part in (kernel, kernel[:1], kernel[:, :1])]
        mean = poolcli.pool(floats, 3, 2, mode="avg", padding=1)
    expected = [
        oracles.convolve(image, part, stride=(2, 2), edge="zero") for part in (kernel, kernel[:1], kernel[:, :1])
    ]
    assert all(np.array_equal(have, want) for have, want in zip(sums, expected, strict=True))
    assert_close(mean, oracles.pool(floats, (3, 3), (2, 2), padding=(1, 1, 1, 1), mode="avg"))
