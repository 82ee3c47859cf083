"""The shift room against slow loops: every edge, dtypes, tolerance, `dense`, `aligned`, `residual`, what is null."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import poolcli
from poolcli.errors import PictureError, UsageError
from poolcli.shift.move import Source, still_and_moved
from tests import oracles_shift
from tests.images import DTYPES, assert_same, random_image

EDGES = ("replicate", "zero", "wrap")
SHIFTS = ((-1, 0), (1, 0), (0, 2), (-3, -2), (5, 4), (0, 0), (40, -40))


def peak_of(image):
    """PSNR's peak: the full range of an integer dtype, the picture's own range of floats."""
    if image.dtype.kind == "b":
        return 1
    if image.dtype.kind == "f":
        return float(np.nanmax(image)) - float(np.nanmin(image))
    info = np.iinfo(image.dtype)
    return int(info.max) - int(info.min)


def assert_side(side, a, b, tolerance, peak):
    """Every figure of a side but the spread as the oracle has it, counts exactly."""
    pixels = np.ndindex(a.shape[:2])
    pairs = [tuple([(v, True) for v in oracles_shift.values(part, at)] for part in (a, b)) for at in pixels]
    expected = oracles_shift.side(pairs, tolerance, peak, None)
    for name in expected.keys() - {"spread"}:
        value = expected[name]
        have = getattr(side, name)
        assert have == (value if value is None else pytest.approx(value, rel=1e-9)), (name, have, value)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("edge", EDGES)
def test_moving_equals_the_loops(edge, dtype):
    """Small pictures with and without channels, shifts beyond the border too."""
    for seed, (dx, dy) in enumerate(SHIFTS):
        image = random_image(seed, (5, 7), dtype, ((), (3,))[seed % 2])
        picture, moved = still_and_moved(Source.of(image), (dx, dy), edge)
        assert picture.array is image
        expected = oracles_shift.shift(image, dx, dy, edge)
        for step in (1, 2, 5):
            rows = [moved.rows(low, min(low + step, 5)) for low in range(0, 5, step)]
            assert_same(np.concatenate(rows), expected)


def test_crop_compares_what_both_pictures_have():
    """Under `crop` a shift of the picture changes the part that is there in both, and nothing comes in."""
    image = random_image(1, (6, 8), "uint8")
    picture, moved = (source.array for source in still_and_moved(Source.of(image), (2, -1), "crop"))
    assert_same(picture, image[0:5, 2:8])
    assert_same(moved, image[1:6, 0:6])
    report = poolcli.shift_report("max:2/1", image, [(2, -1)], edge="crop").shifts[0]
    assert (report.raw.pixels, report.pooled.pixels) == (30, 20)
    assert_side(report.raw, picture, moved, 0, 255)
    with pytest.raises(PictureError, match=r"shift of 8,0 leaves nothing .* 8x6"):
        poolcli.shift_report("max:2", image, [(8, 0)], edge="crop")
    with pytest.raises(PictureError, match=r"shift of 0,-6 leaves nothing"):
        poolcli.shift_report("max:2", image, [(0, -6)], edge="crop")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [(), (2,), (4,)])
def test_every_figure_equals_the_loops(dtype, channels):
    """raw and pooled on all dtypes, over the whole range of values, with and without a tolerance."""
    image = random_image(3, (9, 11), dtype, channels)
    span = peak_of(image)
    for edge in EDGES:
        for tolerance in (0, 1.5, span / 3):
            row = poolcli.shift_report("max:3/2", image, [(-2, 1)], edge=edge, tolerance=tolerance).shifts[0]
            moved = oracles_shift.shift(image, -2, 1, edge)
            assert_side(row.raw, image, moved, tolerance, span)
            pooled = [poolcli.pool(part, 3, 2) for part in (image, moved)]
            assert_side(row.pooled, *pooled, tolerance, span)
            assert row.dense is None


def test_several_bands_equal_one():
    """A picture of many bands, its rows no multiple of a band."""
    image = random_image(4, (523, 401), "uint8", (3,))
    row = poolcli.shift_report("avg:2", image, [(1, 1)]).shifts[0]
    moved = np.pad(image, ((1, 0), (1, 0), (0, 0)), mode="edge")[:-1, :-1]
    gaps = np.abs(image.astype(float) - moved)
    assert row.raw.changed == np.count_nonzero(gaps.any(axis=2))
    assert row.raw.mae == pytest.approx(gaps.mean(), rel=1e-12)
    assert row.raw.rmse == pytest.approx(math.sqrt((gaps**2).mean()), rel=1e-12)


def test_the_ratios_follow_the_definitions():
    """absorbed, gain and residual from the sides; a filter before the pooling makes `dense` stand in for raw."""
    image = random_image(5, (12, 14), "uint8")
    plain = poolcli.shift_report("max:2", image, [(1, 0)]).shifts[0]
    assert plain.absorbed == 1 - plain.pooled.changed / plain.raw.changed
    assert plain.gain == plain.raw.fraction / plain.pooled.fraction
    assert plain.residual == (plain.pooled.mae / plain.pooled.spread) / (plain.raw.mae / plain.raw.spread)

    filtered = poolcli.shift_report("conv:sobel-v relu max:2", image, [(1, 0)]).shifts[0]
    moved = oracles_shift.shift(image, 1, 0, "replicate")
    dense = [np.maximum(poolcli.convolve(part, "sobel-v"), 0) for part in (image, moved)]
    assert_side(filtered.dense, *dense, 0, 255)
    before = filtered.dense.mae / filtered.dense.spread
    assert filtered.residual == (filtered.pooled.mae / filtered.pooled.spread) / before
    assert filtered.absorbed == 1 - filtered.pooled.changed / filtered.raw.changed


def test_a_strided_filter_down_samples_itself():
    """conv:NAME/2 stands where a pooling would; at full resolution before it stands the same filter unstrided."""
    row = poolcli.shift_report("conv:box/2 relu", random_image(6, (9, 9), "uint8")).shifts[0]
    assert row.dense == poolcli.shift_report("conv:box avg:2", random_image(6, (9, 9), "uint8")).shifts[0].dense
    assert (row.dense.pixels, row.pooled.pixels) == (81, 25)


def test_nothing_changed_gives_nulls():
    """A constant picture: no ratio has a value, no PSNR either, and none of it is NaN."""
    report = poolcli.shift_report("avg:2", np.full((6, 6), 7, np.uint8), [(1, 0), (0, 1)])
    for row in report.shifts:
        assert (row.absorbed, row.gain, row.residual, row.raw.psnr, row.pooled.psnr) == (None,) * 5
        assert (row.raw.changed, row.pooled.changed) == (0, 0)
    assert (report.summary.absorbed, report.summary.gain, report.summary.residual) == (None,) * 3


def test_all_absorbed_has_no_gain():
    """What changed before and not after: absorbed 1, residual 0, and no finite gain."""
    image = np.array([[9, 0, 0, 0], [0, 0, 0, 0], [9, 0, 0, 0], [0, 0, 0, 0]], np.uint8)
    row = poolcli.shift_report("max:2", image, [(1, 0)], edge="zero").shifts[0]
    assert (row.raw.changed, row.pooled.changed) == (4, 0)
    assert (row.absorbed, row.gain, row.residual, row.pooled.psnr) == (1.0, None, 0.0, None)


def test_nan_and_infinity_count_and_leave_every_figure_finite():
    """NaN equals NaN and infinity infinity; against a number each is a change without a size."""
    image = np.array([[1, np.nan, 3, np.inf], [1, 2, 3, np.inf]], np.float32)
    row = poolcli.shift_report("max:1", image, [(-1, 0)]).shifts[0]
    assert row.raw.changed == 6
    assert row.raw.max == 1.0
    assert (row.raw.compared, row.raw.mae) == (2, 1.0)
    huge = np.array([[-1.7e308, 1.7e308]] * 2)
    row = poolcli.shift_report("max:1", huge, [(-1, 0)]).shifts[0]
    assert (row.raw.changed, row.raw.compared, row.raw.max) == (2, 2, 0.0)  # no float holds such a difference


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize(("k", "s"), [(2, 2), (3, 2), (3, 3), (4, 3), (3, 1)])
def test_aligned_equals_the_loops(k, s, padding):
    """The least change over the output shifts that the input shift can cause, cells that see a border left out."""
    image = random_image(k * s, (17, 19), "uint8")
    for dx, dy in ((-1, 0), (1, 1), (-2, 3), (3, -4)):
        row = poolcli.shift_report(f"avg:{k}/{s}+{padding}", image, [(dx, dy)]).shifts[0]
        moved = oracles_shift.shift(image, dx, dy, "replicate")
        outputs = [poolcli.pool(part, k, s, mode="avg", padding=padding) for part in (image, moved)]
        best = least_change(outputs, (k, s, padding), (dx, dy), image.shape)
        assert (row.aligned.mae, row.aligned.changed, row.aligned.pixels) == (pytest.approx(best[0]), *best[1:])


def least_change(outputs, geometry, shift, shape):
    """(mae, changed, pixels) of the best output shift, cell by cell."""
    k, s, p = geometry
    found = []
    for oy in {math.floor(shift[1] / s), math.ceil(shift[1] / s)}:
        for ox in {math.floor(shift[0] / s), math.ceil(shift[0] / s)}:
            gaps = []
            for i, j in np.ndindex(outputs[0].shape):
                seen = ((i, oy, shift[1], shape[0]), (j, ox, shift[0], shape[1]))
                if all(inside(cell, offset, d, n, k, s, p) for cell, offset, d, n in seen):
                    gaps.append(abs(int(outputs[0][i, j]) - int(outputs[1][i + oy, j + ox])))
            if gaps:
                found.append((sum(gaps) / len(gaps), sum(gap > 0 for gap in gaps), len(gaps)))
    return min(found)


def inside(cell, offset, d, n, k, s, p):
    """Whether the still cell sees only the picture, and its counterpart only what moved with it."""
    still, moved = cell * s - p, (cell + offset) * s - p
    return still >= 0 and still + k <= n and max(0, d) <= moved and moved + k <= min(n, n + d)


@given(st.sampled_from(["max:2", "avg:3/2", "max:3/2+1", "conv:gauss relu max:2"]), st.integers(0, 9), st.data())
@settings(max_examples=30, deadline=None)
def test_a_shift_by_the_stride_is_aligned_exactly(layers, seed, data):
    """Every pooling is equivariant to shifts by a multiple of its stride, away from the border."""
    dx, dy = (2 * data.draw(st.integers(-2, 2)) for _ in range(2))
    row = poolcli.shift_report(layers, random_image(seed, (20, 22), "uint8"), [(dx, dy)]).shifts[0]
    assert (row.aligned.changed, row.aligned.mae) == (0, 0.0)
    assert (row.aligned.dx, row.aligned.dy) == (dx // 2, dy // 2)


def test_no_interior_gives_no_aligned():
    """Every cell sees the border: null rather than a figure about nothing."""
    assert poolcli.shift_report("avg:5/5+2", random_image(7, (6, 6), "uint8"), [(2, 2)]).shifts[0].aligned is None


def test_the_worst_shift_leaves_most():
    """The one with the largest residual."""
    report = poolcli.shift_report("max:2", random_image(8, (16, 16), "uint8"), [(0, 1), (2, 0), (3, 3)])
    worst = max(report.shifts, key=lambda row: row.residual)
    assert (report.summary.worst.dx, report.summary.worst.dy) == (worst.dx, worst.dy)


def test_the_measured_array_stays_as_it_was():
    """Read-only input works and is not written to."""
    image = random_image(9, (8, 8), "float32")
    kept = image.copy()
    image.flags.writeable = False
    for edge in (*EDGES, "crop"):
        poolcli.shift_report("conv:gauss relu max:2", image, [(1, 1), (-1, 0)], edge=edge)
    assert_same(image, kept)


def test_an_unknown_edge_is_one_sentence():
    """With the nearest name."""
    with pytest.raises(UsageError, match="unknown shift edge 'wrpa', did you mean 'wrap'"):
        poolcli.shift_report("max:2", [[1, 2], [3, 4]], edge="wrpa")


@pytest.mark.parametrize("shifts", [(1, 0), [(1.5, 0)], [(1, 0, 2)], ["1,0"], [None]])
def test_what_is_no_shift_is_one_sentence(shifts):
    """A pair in place of pairs, halves, too many."""
    with pytest.raises(UsageError, match="is not \\(dx, dy\\): two whole numbers"):
        poolcli.shift_report("max:2", [[1, 2], [3, 4]], shifts)


@pytest.mark.parametrize("tolerance", [-1, float("nan")])
def test_a_tolerance_that_cannot_be(tolerance):
    """As on the command line."""
    with pytest.raises(UsageError, match="give 0 or more"):
        poolcli.shift_report("max:2", [[1, 2], [3, 4]], tolerance=tolerance)


def test_numbers_of_numpy_are_numbers():
    """Shifts that were computed stand in JSON like any others."""
    report = poolcli.shift_report("max:2", np.eye(6), np.argwhere(np.eye(2, dtype=bool)[::-1]))
    assert json.loads(json.dumps(report.to_dict()))["shifts"][0]["dy"] == 1


def test_the_dictionary_is_what_json_makes_of_it():
    """Lists, not tuples: a schema and a comparison see the same before and after a file."""
    form = poolcli.shift_report("conv:gauss max:2", np.arange(60).reshape(6, 10), [(-1, 0), (0, 1)]).to_dict()
    assert form == json.loads(json.dumps(form))
