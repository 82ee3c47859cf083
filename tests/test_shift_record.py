"""The record of a shift report against the slow oracle: sides, spread, aligned, residual, labels, ignored values."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import poolcli
from poolcli.errors import PictureError
from tests import oracles_shift
from tests.images import random_image
from tests.oracles_shift import Layer

SIDES = ("raw", "dense", "pooled", "aligned")
LAYERS = {
    "max:2": Layer("max:2", 2, 2),
    "avg:3/2+1": Layer("avg:3/2+1", 3, 2, 1),
    "max:2/1": Layer("max:2/1", 2, 1),
    "min:2/3@2": Layer("min:2/3@2", 2, 3, d=2),
    "stride:2": Layer("stride:2", 2, 2, sees_first=True),
    "stride:3/2": Layer("stride:3/2", 3, 2, sees_first=True),
    "majority:2": Layer("majority:2", 2, 2),
    "blur:3/2": Layer("blur:3/2", 3, 2, 1, edge="reflect"),
    "blur:3/2,edge=zero": Layer("blur:3/2,edge=zero", 3, 2, 1, edge="zero"),
    "blur:3/2,edge=wrap": Layer("blur:3/2,edge=wrap", 3, 2, 1, edge="wrap"),
    "blur:3/2,edge=9": Layer("blur:3/2,edge=9", 3, 2, 1, edge="zero"),  # no value of the picture either
    "conv:line-v": Layer("conv:line-v", 3, 1, 1, edge="reflect"),
    "conv:sobel-h,edge=zero": Layer("conv:sobel-h,edge=zero", 3, 1, 1, edge="zero"),
    "conv:gauss/2": Layer("conv:gauss/2", 3, 2, 1, edge="reflect"),
    "relu": Layer("relu"),
    "abs": Layer("abs"),
}
RECIPES = (
    "max:2", "avg:3/2+1", "max:2/1", "min:2/3@2", "stride:2", "stride:3/2", "majority:2", "blur:3/2",
    "blur:3/2,edge=zero", "blur:3/2,edge=wrap", "conv:line-v relu max:2", "conv:sobel-h,edge=zero abs avg:3/2+1",
    "conv:gauss/2 relu", "conv:line-v conv:gauss/2 max:2", "max:2/1 stride:2", "max:2 avg:3/2+1", "blur:3/2,edge=9",
)  # fmt: skip


def layers_of(text):
    """The oracle's layers of a text."""
    return [LAYERS[name] for name in text.split()]


def assert_row(have, expected):
    """Every figure: counts exactly, ratios to nine digits."""
    for name in SIDES:
        assert (have[name] is None) == (expected[name] is None), (name, have[name], expected[name])
        for figure, value in (expected[name] or {}).items():
            assert_figure(have[name][figure], value, (expected["text"], name, figure))
    for name in ("absorbed", "gain", "residual"):
        assert_figure(have[name], expected[name], (expected["text"], name))


def assert_figure(have, value, where):
    """One figure; None only where None is."""
    if value is None or have is None:
        assert have is value, (where, have, value)
    else:
        assert have == pytest.approx(value, rel=1e-8, abs=1e-12), (where, have, value)


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(RECIPES),
    st.integers(0, 99),
    st.tuples(st.integers(5, 11), st.integers(5, 11)),
    st.sampled_from(["uint8", "uint8", "int16", "uint16", "bool", "float32", "float64", "int64"]),
    st.sampled_from([(), (2,), (3,)]),
    st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
    st.sampled_from(["replicate", "zero", "wrap", "crop"]),
    st.sampled_from([0, 0, 3]),
)
def test_every_figure_is_that_of_the_loops(text, seed, size, dtype, channels, move, edge, tolerance):
    """Of every side, on every edge, for windows that see padding and for those that do not."""
    image = random_image(seed, size, dtype, channels)
    if dtype in ("uint8", "int16"):
        image = image // 16
    try:
        expected = oracles_shift.row(image, layers_of(text), move, edge, tolerance=tolerance)
    except PictureError:
        return  # crop leaves less than a window
    assert_row(oracles_shift.report_row(image, layers_of(text), move, edge, tolerance=tolerance), expected)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["majority:2", "stride:2", "max:2", "conv:line-v relu max:2"]),
    st.integers(0, 99),
    st.sampled_from([(), (3,)]),
    st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
    st.sampled_from(["replicate", "zero", "wrap", "crop"]),
)
def test_labels_are_counted(text, seed, channels, move, edge):
    """No figure of value, a residual of shares, the alignment with the fewest changes."""
    image = random_image(seed, (9, 8), "uint8", channels) // 80
    expected = oracles_shift.row(image, layers_of(text), move, edge, labels=True)
    assert_row(oracles_shift.report_row(image, layers_of(text), move, edge, labels=True), expected)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["max:2", "avg:3/2+1", "stride:2", "majority:2", "min:2/3@2", "max:2 avg:3/2+1"]),
    st.integers(0, 99),
    st.sampled_from(["uint8", "float32"]),
    st.sampled_from([(), (2,)]),
    st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
    st.sampled_from(["replicate", "zero", "wrap", "crop"]),
    st.sampled_from([0, 2, [0, 3]]),
)
def test_ignored_values_are_compared_with_nothing(text, seed, dtype, channels, move, edge, ignore):
    """What is valid on one side only has changed and has no difference; a zero that comes in may be ignored too."""
    image = (random_image(seed, (9, 8), "uint8", channels) // 40).astype(dtype)
    expected = oracles_shift.row(image, layers_of(text), move, edge, ignore=ignore)
    assert_row(oracles_shift.report_row(image, layers_of(text), move, edge, ignore=ignore), expected)


def test_masked_arrays_are_ignored_values():
    """The same as the values that the mask hides, given by name."""
    image = random_image(1, (12, 12), "float32")
    image[3:5, 2:9] = -1.0
    masked = np.ma.masked_equal(image, -1.0)
    named = poolcli.shift_report("avg:2", image, [(1, 0), (-2, 1)], ignore=-1.0).to_dict()
    assert poolcli.shift_report("avg:2", masked, [(1, 0), (-2, 1)]).to_dict() == named
    assert named["shifts"][0]["raw"]["compared"] < 144


@pytest.mark.parametrize("scale", [1e200, 1e-200, 1e308, 5e-324])
def test_squares_beyond_the_range_of_floats_are_right(scale):
    """Neither infinite nor 0, whatever the size of the values; and never an infinity in the record."""
    image = random_image(2, (8, 8), "uint8").astype(float) * 0.5 / 255
    small = oracles_shift.row(image, [LAYERS["max:2"]], (1, 0), "replicate")
    large = poolcli.shift_report("max:2", image * scale, [(1, 0)]).to_dict()
    text = json.dumps(large, allow_nan=False)
    if scale in (1e200, 1e-200):
        for side in ("raw", "pooled"):
            for figure in ("mae", "rmse", "max", "spread"):
                assert json.loads(text)["shifts"][0][side][figure] == pytest.approx(scale * small[side][figure])
            assert large["shifts"][0][side]["psnr"] == pytest.approx(small[side]["psnr"])
        assert large["shifts"][0]["residual"] == pytest.approx(small["residual"])


def test_holes_are_not_compared_but_counted():
    """Pairs that are not finite are neither in the sum nor in its number; where there is no other nothing is known."""
    image = np.tile(np.array([[0.0, 10.0, 20.0, 30.0]]), (4, 2))
    image[:, 2:6] = np.nan
    side = poolcli.shift_report("max:1", image, [(-1, 0)]).shifts[0].raw
    assert (side.compared, side.changed, side.mae) == (4 * 3, 4 * 4, pytest.approx(20 / 3))
    nothing = poolcli.shift_report("max:4", np.full((8, 8), np.nan), [(1, 0)])
    row = nothing.shifts[0]
    assert (row.raw.compared, row.pooled.compared, row.pooled.mae, row.residual) == (0, 0, None, None)


def test_a_scale_cancels_and_gray_wins_nothing():
    """lp of power 1 is a mean times the size of its window; what removes all contrast has no residual."""
    image = abs(random_image(3, (32, 32), "float64"))
    rows = [poolcli.shift_report(text, image, edge="wrap").shifts[0] for text in ("avg:2", "lp:2,p=1")]
    assert rows[0].residual == pytest.approx(rows[1].residual)
    flat = poolcli.shift_report("avg:32", image, edge="wrap").shifts[0]
    assert (flat.pooled.spread, flat.residual) == (0.0, None)
    assert poolcli.shift_report("stride:1", image, edge="wrap").shifts[0].residual == pytest.approx(1)


def test_a_constant_has_no_spread_whatever_its_value():
    """The mean of many equal floats is that float: not a rounding error away from it."""
    for value in (0.1, 300.15, 1e-30, 1e30):
        for dtype in ("float32", "float64"):
            report = poolcli.shift_report("avg:3/2", np.full((33, 31), value, dtype))
            assert report.shifts[0].raw.spread == 0.0


def test_summaries_are_ratios_of_sums():
    """A shift that leaves nothing improves them; means of ratios leave it out, or let one ratio rule."""
    image = np.zeros((16, 16), np.uint8)
    image[4:12, 4:12] = random_image(4, (8, 8), "uint8")
    report = poolcli.shift_report("max:2", image, [(0, 1), (2, 0), (1, 1)], edge="wrap")
    rows = report.shifts
    assert report.summary.absorbed == 1 - sum(r.pooled.changed for r in rows) / sum(r.raw.changed for r in rows)
    raw, pooled = (
        [sum(getattr(getattr(row, side), name) for row in rows) for name in ("changed", "pixels")]
        for side in ("raw", "pooled")
    )
    assert report.summary.gain == pytest.approx((raw[0] / raw[1]) / (pooled[0] / pooled[1]))
    before = sum(row.raw.mae / row.raw.spread for row in rows)
    after = sum(row.pooled.mae / row.pooled.spread for row in rows)
    assert report.summary.residual == pytest.approx(after / before)


def test_shifts_that_leave_nothing_count_in_the_gain():
    """Under wrap aps often keeps the very same pixels: such a row has no gain of its own, and improves the sum."""
    image = random_image(5, (32, 32), "uint8")
    shifts = [(x, y) for x in (0, 1, 2) for y in (0, 1, 2) if x or y]
    report = poolcli.shift_report("aps:1/2", image, shifts, edge="wrap")
    gains = [row.gain for row in report.shifts]
    assert None in gains
    assert all(row.aligned.changed == 0 for row in report.shifts)
    changed = [sum(getattr(row, side).changed for row in report.shifts) for side in ("raw", "pooled")]
    assert report.summary.gain == pytest.approx(changed[0] / 1024 / (changed[1] / 256))
    assert report.summary.gain > max(gain for gain in gains if gain)


def test_a_strided_filter_has_its_unstrided_twin_as_dense_side():
    """So that the change it is held to is that of its own values, not of the picture's."""
    image = random_image(6, (16, 18), "uint8")
    strided = poolcli.shift_report("conv:sobel-v/2", image, [(1, 0)]).shifts[0]
    dense = poolcli.shift_report("conv:sobel-v stride:2", image, [(1, 0)]).shifts[0]
    assert strided.dense == dense.dense
    assert strided.residual == pytest.approx(dense.residual)


@pytest.mark.parametrize("shifts", [[(1, 0)], [(-3, 2), (0, 1)]])
def test_crop_takes_nothing_off_twice(shifts):
    """Both pictures are whole: every output cell without padding is compared, as many as fit when moved along."""
    image = random_image(7, (20, 20), "uint8")
    for row in poolcli.shift_report("max:2", image, shifts, edge="crop").shifts:
        width, height = 20 - abs(row.dx), 20 - abs(row.dy)
        assert row.pooled.pixels == (width // 2) * (height // 2)
        assert row.aligned.pixels == (width // 2 - abs(row.aligned.dx)) * (height // 2 - abs(row.aligned.dy))


def test_the_ranking_of_the_papers(samples):
    """On a photograph, with wrap and in floats: stride leaves all, a longer low-pass least, in the published order."""
    from PIL import Image

    photo = np.asarray(Image.open(samples / "photo.jpg").convert("RGB").crop((0, 0, 256, 192))).astype(float)
    shifts = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y]
    texts = ("stride:2", "max:2", "avg:2", "blur:3/2,edge=wrap", "blur:5/2,edge=wrap")
    residuals = [poolcli.shift_report(text, photo, shifts, edge="wrap").summary.residual for text in texts]
    assert residuals[0] == pytest.approx(1, abs=0.05)
    assert residuals == sorted(residuals, reverse=True)
    assert all(math.isfinite(residual) for residual in residuals)
