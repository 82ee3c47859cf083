"""blur, maxblur, aps and maxaps against their slow oracles, the exact norm, and the alignment that aps promises."""

import math
from fractions import Fraction

import numpy as np
import pytest

import poolcli
from poolcli.errors import PictureError, UsageError
from poolcli.ops.geometry import EDGES, Window
from poolcli.ops.modes import find_mode
from poolcli.ops.sampling import blur_pool, energy
from poolcli.recipe import parse_recipe
from tests import oracles
from tests.images import CHANNELS, DTYPES, SIZES, assert_close, assert_same, random_image


def pictures(dtype):
    """Odd and even sizes, from one pixel on, with and without channels."""
    for seed, size in enumerate(SIZES[:5]):
        yield random_image(seed, size, dtype, CHANNELS[seed % len(CHANNELS)])


@pytest.mark.parametrize("edge", [*EDGES, 1])
@pytest.mark.parametrize("taps", range(1, 8))
def test_blur_equals_its_oracle(taps, edge):
    """Every number of taps and every edge, on pictures smaller than the taps too; integers exactly."""
    for dtype in DTYPES:
        image = random_image(taps, SIZES[taps % 5], dtype, (3,) if taps % 2 else ())
        for s in ((2, 2), (1, 3)):
            have = poolcli.pool(image, taps, s, mode="blur", edge=edge)
            assert_close(have, oracles.blur(image, s, taps=taps, edge=edge))


@pytest.mark.parametrize("edge", [*EDGES, 1])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "int64", "bool"])
def test_aps_equals_its_oracle(dtype, edge):
    """Sizes that the stride does not divide are continued by the edge; strides differ by axis."""
    for taps, s in ((1, (2, 2)), (3, (2, 3)), (4, (4, 1))):
        for image in pictures(dtype):
            assert_close(
                poolcli.pool(image, taps, s, mode="aps", edge=edge), oracles.aps(image, s, taps=taps, edge=edge)
            )


def test_of_equal_norms_the_first_by_rows_is_kept():
    """In the order (0,0), (1,0), (0,1), (1,1) of (row, column)."""
    grids = {((1, -7), (7, 2)): 7, ((-7, 1), (2, 7)): -7, ((0, -5), (3, 5)): -5, ((0, 0), (0, 0)): 0}
    for grid, kept in grids.items():
        image = np.array(grid, np.int8)
        assert poolcli.pool(image, 1, 2, mode="aps").tolist() == [[kept]]
        assert_same(poolcli.pool(image, 1, 2, mode="aps"), oracles.aps(image, (2, 2), taps=1))


@pytest.mark.parametrize("mode", ["maxblur", "maxaps"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32"])
def test_a_dense_maximum_first(mode, dtype):
    """Padding and dilation are those of the maximum."""
    oracle = getattr(oracles, mode)
    for seed, channels in enumerate(((), (3,), (4,))):
        image = random_image(seed, (13, 11), dtype, channels)
        for taps, edge in ((2, "reflect"), (3, "wrap"), (5, "zero"), (4, 77)):
            have = poolcli.pool(image, (3, 2), 2, mode=mode, taps=taps, edge=edge, padding=(1, 2, 0, 1), dilation=2)
            expected = oracle(image, (3, 2), (2, 2), taps=taps, edge=edge, padding=(1, 2, 0, 1), dilation=(2, 2))
            assert_close(have, expected)


@pytest.mark.parametrize("mode", ["blur", "aps", "maxblur", "maxaps"])
@pytest.mark.parametrize("channels", [(), (3,), (4,)], ids=["gray", "RGB", "RGBA"])
def test_the_usual_edge_of_every_mode(mode, channels):
    """Reflect for blur, wrap for aps; three taps after a maximum."""
    image = random_image(8, (9, 15), "uint8", channels)
    expected = {
        "blur": lambda: oracles.blur(image, (2, 2), taps=3, edge="reflect"),
        "aps": lambda: oracles.aps(image, (2, 2), taps=3, edge="wrap"),
        "maxblur": lambda: oracles.maxblur(image, (3, 3), (2, 2), taps=3, edge="reflect"),
        "maxaps": lambda: oracles.maxaps(image, (3, 3), (2, 2), taps=3, edge="wrap"),
    }
    assert_same(poolcli.pool(image, 3, 2, mode=mode), expected[mode]())


@pytest.mark.parametrize("dtype", ["uint8", "uint64", "int64", "int8", "uint16"])
def test_the_ends_of_a_range_do_not_wrap(dtype):
    """The low-pass of a constant is the constant."""
    info = np.iinfo(dtype)
    for value in (info.min, info.max):
        for mode in ("blur", "aps"):
            have = poolcli.pool(np.full((9, 9), value, dtype), 7, 2, mode=mode, edge="replicate")
            assert_same(have, np.full((5, 5), value, dtype))


def test_bands_of_any_size_give_the_same():
    """To the last bit, floats too."""
    image = random_image(2, (61, 33), "float32", (3,))
    whole = poolcli.pool(image, 5, (3, 2), mode="blur")
    stages = find_mode("blur").stages(Window((5, 5), (3, 2)), {"edge": "reflect"}, *image.shape[:2])
    for size in (1, 2000):
        assert_same(blur_pool(image, *stages, edge="reflect", band_values=size), whole)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_norm_is_exact(dtype):
    """Against fractions; ends of the ranges, several blocks."""
    image = random_image(1, (13, 17), dtype, (3,))
    if image.dtype.kind in "ui":
        image[0, :2, 0] = np.iinfo(dtype).min, np.iinfo(dtype).max
    squares = [Fraction(float(value) ** 2) if image.dtype.kind == "f" else int(value) ** 2 for value in image.ravel()]
    have, unit = energy(image, block_values=100), energy(np.ones(1, image.dtype))
    assert Fraction(have, unit) == sum(squares)
    assert energy(image[::-1].transpose(1, 0, 2), block_values=100) == have


def test_the_norm_of_floats_of_any_size():
    """No square overflows or vanishes; what is not finite is infinite."""
    assert energy(np.array([1e300])) > energy(np.array([9e299, 1e-300])) > energy(np.array([9e299])) > 0
    assert energy(np.array([2e-200])) == 4 * energy(np.array([1e-200])) > 0
    for value in (math.inf, -math.inf, math.nan):
        assert energy(np.array([1, value])) == math.inf


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize(
    "recipe", ["aps:3/2", "aps:1/3", "maxaps:2/2+wrap", "maxaps:3x2/4x2+wrap@2,taps=5", "conv:gauss,edge=wrap aps:2/2"]
)
def test_aligned_is_0_for_aps_under_wrap(recipe, dtype):
    """What the report says of it, for shifts by any number of pixels, over the whole picture."""
    image = random_image(3, (24, 36), dtype, (3,))
    shifts = [(-1, 0), (1, 0), (0, 1), (2, -1), (-3, 5), (7, 7), (36, 24), (-50, 31)]
    report = poolcli.shift_report(recipe, image, shifts, edge="wrap")
    for row in report.shifts:
        assert row.aligned.changed == 0
        assert row.aligned.pixels == report.output.size[0] * report.output.size[1]


def test_the_grids_of_one_aps_after_another_add_up():
    """The first begins up to one pixel later, the second up to one of its inputs, which are two pixels."""
    rows, columns = parse_recipe("aps:1/2 aps:3x1/2").footprints(16, 12)
    assert (rows.jump, rows.field, rows.start, rows.slack) == (4, 5, -2, 3)
    assert (columns.jump, columns.field, columns.start, columns.slack) == (4, 1, 0, 3)
    assert rows.interior(0, 16) == (1, 3)


def test_aligned_of_aps_without_wrap_looks_at_the_interior():
    """The phase of either picture may be any: all output shifts that they allow are tried."""
    image = np.zeros((40, 40), np.uint8)
    image[11:29, 13:26] = random_image(4, (18, 13), "uint8")
    rows = poolcli.shift_report("aps:3/2", image, [(1, 0), (-1, 1), (2, 3)], edge="replicate").shifts
    assert all(row.aligned.changed == 0 < row.aligned.pixels < 400 for row in rows)
    assert any(row.pooled.changed > 0 for row in rows)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"k": 8, "mode": "blur"}, "mode 'blur' with 8 taps: 1 to 7 are allowed"),
        ({"k": (3, 9), "mode": "aps"}, "1 to 7 are allowed"),
        ({"k": 3, "mode": "blur", "padding": 1}, "mode 'blur' takes no padding"),
        ({"k": 3, "mode": "aps", "dilation": 2}, "mode 'aps' takes no dilation"),
        ({"k": 3, "mode": "maxblur", "ceil_mode": True}, "mode 'maxblur' takes no ceil"),
        ({"k": 3, "mode": "maxblur", "taps": 0}, "option taps=0 of mode 'maxblur': a whole number from 1 to 7"),
        ({"k": 3, "mode": "maxblur", "taps": 2.5}, "from 1 to 7"),
        (
            {"k": 3, "mode": "blur", "edge": "reflekt"},
            "symmetric, replicate, zero, wrap or a number is allowed",
        ),
        ({"k": 3, "mode": "blur", "taps": 5}, "mode 'blur' knows no option 'taps': give it to maxblur or maxaps"),
        ({"k": 3, "mode": "max", "edge": "zero"}, "give it to blur, maxblur, aps or maxaps"),
    ],
)
def test_what_cannot_be_is_one_clear_sentence(call, words):
    """Before anything is computed."""
    with pytest.raises(UsageError, match=words) as error:
        poolcli.pool(np.zeros((8, 8)), **call)
    assert "\n" not in str(error.value)


def test_a_dense_maximum_that_does_not_fit():
    """As for max."""
    with pytest.raises(PictureError, match="does not fit a picture of 2x2"):
        poolcli.pool(np.zeros((2, 2)), 3, 1, mode="maxblur")
