"""Random cases by the thousand against slow oracles that know nothing of how it is done: a few now, many with -m slow.

A case is drawn from its number alone, and the message of a failure says which it was.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

import poolcli
from poolcli.errors import PictureError
from poolcli.ops.ignored import Ignored
from poolcli.recipe import Pool, Recipe
from tests import oracles_ignored as oracles
from tests.images import DTYPES, assert_close, assert_same

NARROW = ("bool", "uint8", "int16", "uint32", "float32", "float64")  # where float64 has every bit that a result has
OPTIONS = {
    "max": lambda rng: {},
    "min": lambda rng: {},
    "avg": lambda rng: {"count_include_pad": bool(rng.integers(2))},
    "median": lambda rng: {},
    "lp": lambda rng: {"p": float(rng.choice([0.5, 1, 2, 3]))},
    "soft": lambda rng: {},
    "stride": lambda rng: {},
    "majority": lambda rng: {
        "ties": str(rng.choice(["smallest", "largest", "first"])),
        "per_channel": rng.random() < 0.3,
    },
}
ROUNDED = ("lp", "soft")  # through float64
INEXACT = ("avg", *ROUNDED)


@dataclass(frozen=True)
class Case:
    """A call of `pool`, or of `adaptive_pool` where `geometry` is a size."""

    mode: str
    seed: int
    image: np.ndarray
    geometry: dict
    options: dict
    ignore: object
    min_valid: float

    def __str__(self):
        values = f"{self.image.dtype} {self.image.tolist()}"
        return f"{self.mode}, case {self.seed}: {self.geometry} {self.options} {self.ignored} of {values}"

    @property
    def ignored(self):
        """The keywords that say what is ignored."""
        return {"ignore": self.ignore, "min_valid": self.min_valid}

    @property
    def votes(self):
        """Whether whole pixels are counted."""
        return self.mode == "majority" and not self.options["per_channel"]

    def windows_on(self, shape):
        """What every output sees of a picture of that shape, by its place; ValueError where no window fits."""
        if "size" in self.geometry:
            return oracles.cells(shape, self.geometry["size"])
        return oracles.windows(shape, **self.geometry)

    @property
    def layer(self):
        """The same as a layer of a recipe."""
        options = {"exclude-pad": True} if not self.options.get("count_include_pad", True) else {}
        options |= {
            name.replace("_", "-"): value for name, value in self.options.items() if name != "count_include_pad"
        }
        if "size" in self.geometry:
            return Pool.to_size(self.mode, self.geometry["size"], options)
        ceil = self.geometry["ceil_mode"]
        given = {name: value for name, value in self.geometry.items() if name != "ceil_mode"}
        return Pool.of(self.mode, **given, ceil=ceil, options=options)

    @property
    def as_ignored(self):
        """What a recipe is given."""
        values = tuple(self.ignore) if isinstance(self.ignore, list) else (self.ignore,)
        return Ignored(values if self.ignore is not None else (), self.min_valid)

    def pooled(self, image=None, **changed):
        """What the public function makes of it."""
        function = poolcli.adaptive_pool if "size" in self.geometry else poolcli.pool
        given = {**self.geometry, "mode": self.mode, **self.options, **self.ignored, **changed}
        return function(self.image if image is None else image, **given)


def picture(rng, dtype):
    """A small picture of few values, so that what is ignored is often met; with NaN where there is NaN."""
    shape = (*map(int, rng.integers(1, 9, 2)), *[(), (1,), (3,), (4,)][rng.integers(4)])
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind == "f":
        values = rng.choice([0.0, -0.5, 1.25, 7.0, -9999.0, np.nan], shape, p=[0.2, 0.2, 0.2, 0.2, 0.1, 0.1])
        return values.astype(dtype)
    info = np.iinfo(dtype)
    wide = rng.integers(4) == 0
    return rng.choice(np.array([info.min, info.max, 3, 7, 100] if wide else [0, 1, 2, 5, 100], dtype), shape)


def ignored_values(rng, image):
    """What to ignore: nothing, a number that is there or not, NaN, two numbers, a colour."""
    there = image.reshape(-1)[rng.integers(image.size)].item()
    choices = [None, there, there, math.nan, [there, 3] if there != 3 else there, 77]
    if image.ndim == 3:
        choices.append([tuple(image[0, 0].tolist())])
    return choices[rng.integers(len(choices))]


def geometry(rng, mode):
    """A window that may go over the border, or a size."""
    if rng.integers(5) == 0 and mode != "stride":
        return {"size": tuple(map(int, rng.integers(1, 7, 2)))}
    k, s, dilation = rng.integers(1, 5, 2), rng.integers(1, 4, 2), rng.choice([1, 1, 1, 2, 3], 2)
    spans = [int(d * (n - 1) + 1) for d, n in zip(dilation, k, strict=True)]
    sides = [int(rng.integers(spans[side // 2])) if rng.integers(2) else 0 for side in range(4)]
    found = {"k": k, "s": s, "padding": [0] * 4 if mode == "stride" else sides, "dilation": dilation}
    return {name: tuple(map(int, value)) for name, value in found.items()} | {"ceil_mode": bool(rng.integers(2))}


def drawn(mode, seed, *, narrow=False):
    """Case number `seed` of a mode; `narrow`: of a dtype that float64 holds."""
    rng = np.random.default_rng([seed, *mode.encode()])
    image = picture(rng, rng.choice(NARROW if narrow or mode in ROUNDED else DTYPES))
    where, options = geometry(rng, mode), OPTIONS[mode](rng)
    if "size" in where:
        options.pop("count_include_pad", None)
    min_valid = float(rng.choice([0, 0, 0.25, 0.3, 0.5, 0.75, 1]))
    return Case(mode, seed, image, where, options, ignored_values(rng, image), min_valid)


def stands_for_nothing(ignore, dtype):
    """What is written where too few values are valid: the first ignored one that the dtype has, else NaN or 0."""
    for value in ignore if isinstance(ignore, list) else [ignore]:
        parts = value if isinstance(value, tuple) else (value,)
        if value is not None and all(oracles.holds(dtype, part) for part in parts):
            return value
    return math.nan if dtype.kind == "f" else 0


def validity(image, ignore, *, whole=False):
    """Which values are none of those ignored; `whole`: which pixels."""
    values = ignore if isinstance(ignore, list) else [ignore]
    return np.logical_and.reduce([oracles.validity(image, value, whole=whole) for value in values])


def assert_pooled(have, expected, *modes):
    """Exact where modes pick values, else within a few units in the last place."""
    (assert_close if set(modes) & set(INEXACT) else assert_same)(have, expected)


def by_loops(case, image, valid):
    """(output, which of it are valid) of one layer; ValueError where no window fits."""
    windows = case.windows_on(image.shape)
    shape = tuple(max(place[axis] for place in windows) + 1 for axis in (0, 1))
    nothing = stands_for_nothing(case.ignore, image.dtype)
    given = {"mode": case.mode, "min_valid": case.min_valid, **case.options}
    return oracles.pool(image, valid, windows, shape, ignored=nothing, **given)


def check(case):
    """The values of one case and which of them are valid: of an array, of a recipe, of a masked array."""
    valid = validity(case.image, case.ignore, whole=case.votes)
    try:
        expected, there = by_loops(case, case.image, valid)
    except ValueError:
        with pytest.raises(PictureError, match="does not fit"):
            case.pooled()
        return
    if case.ignore is None and not there.all():
        return  # what a window gives that sees nothing but padding, where nothing is ignored, is held elsewhere
    with np.errstate(all="ignore"):
        assert_pooled(case.pooled(), expected, case.mode)
        assert_run(Recipe((case.layer,)), case, expected, there)
        assert_masked(case, validity(case.image, case.ignore))


def assert_masked(case, valid):
    """What a masked array gives: a mask where too few are valid, numbers elsewhere. A pixel with a hole has no vote."""
    mask = valid
    if case.votes and valid.ndim == 3:
        valid = np.repeat(valid.all(axis=2, keepdims=True), valid.shape[2], axis=2)
    expected, there = by_loops(case, case.image, valid)
    masked = case.pooled(np.ma.array(case.image, mask=~mask), ignore=None)
    assert isinstance(masked, np.ma.MaskedArray)
    assert np.array_equal(~np.ma.getmaskarray(masked), there)
    unmasked = [np.where(there, values, values.dtype.type(0)) for values in (np.asarray(masked), expected)]
    assert_pooled(*unmasked, case.mode)


def assert_run(recipe, case, expected, there):
    """What `recipe` gives of the picture of a case, and where it is valid."""
    output, valid = recipe.run(case.image, ignored=case.as_ignored)
    assert_pooled(output, expected, *(layer.mode for layer in recipe.layers))
    assert np.array_equal(np.ones(output.shape, bool) if valid is None else valid, there)


def test_the_first_of_tied_labels_where_the_last_is_as_high_as_a_dtype_goes():
    """What lies on padding or is ignored sorts behind it, and comes before no label."""
    image = np.array([[100, 255]], np.uint8)
    call = {"k": (1, 4), "s": 1, "padding": (0, 0, 3, 0), "mode": "majority", "ties": "first"}
    assert poolcli.pool(image, **call).tolist() == [[100, 100]]
    assert poolcli.pool(np.array([[7, 100, 255]], np.uint8), 1, 1, mode="majority", ignore=7).tolist() == [
        [7, 100, 255]
    ]
    assert poolcli.pool(np.array([[7, 100, 255]], np.uint8), (1, 3), mode="majority", ties="first", ignore=7) == 100


def test_a_pixel_with_a_masked_channel_has_no_vote():
    """Its label is not known; the others win, and without others the whole pixel is masked."""
    image = np.array([[[1, 2, 3], [1, 2, 3], [4, 5, 6]]], float)
    for function in (
        lambda array: poolcli.pool(array, (1, 3), mode="majority"),
        lambda a: poolcli.apply("majority:1x3", a),
    ):
        one_left = function(np.ma.array(image, mask=[[[0, 1, 0], [0, 1, 0], [0, 0, 0]]]))
        assert one_left.tolist() == [[[4.0, 5.0, 6.0]]]
        assert function(np.ma.array(image, mask=[[[1, 1, 1], [0, 1, 0], [0, 0, 1]]])).tolist() == [[[None] * 3]]


def test_soft_means_of_wide_integers_that_are_nearly_a_half():
    """Of 0 and 7 the 7 weighs a little more, also beside the largest value there is."""
    image = np.array([[0, 7, 0, 2**32 - 1]], np.uint32)
    assert poolcli.pool(image, (1, 2), mode="soft")[0, 0] == 4


def check_two_layers(modes, seed):
    """The second layer sees which values the first has left valid, whatever they are."""
    first, second = (drawn(mode, seed, narrow=modes[1] in ROUNDED) for mode in modes)
    try:
        between, valid = by_loops(first, first.image, validity(first.image, first.ignore, whole=first.votes))
        second = replace(second, ignore=first.ignore, min_valid=first.min_valid)
        expected, there = by_loops(second, between, valid)
    except ValueError:
        return
    if first.ignore is None and not (valid.all() and there.all()):
        return
    with np.errstate(all="ignore"):
        assert_run(Recipe((first.layer, second.layer)), first, expected, there)


def check_all(modes, seeds):
    """Many cases of one mode, or of two one after the other; the first that fails is named."""
    for seed in seeds:
        try:
            check(drawn(modes[0], seed)) if len(modes) == 1 else check_two_layers(modes, seed)
        except Exception as error:
            error.add_note("\nand ".join(str(drawn(mode, seed)) for mode in modes))
            raise


SEQUENCES = [*((mode,) for mode in OPTIONS), *(("max", mode) for mode in OPTIONS), *((mode, "min") for mode in OPTIONS)]


@pytest.mark.parametrize("modes", SEQUENCES, ids="-".join)
def test_poolings_with_ignored_values(modes):
    """Every windowed mode, dtype, geometry."""
    check_all(modes, range(60 if len(modes) == 1 else 30))


@pytest.mark.slow
@pytest.mark.parametrize("modes", SEQUENCES, ids="-".join)
def test_many_poolings_with_ignored_values(modes):
    """The same for thousands of cases each."""
    check_all(modes, range(1500))
