"""Random shift reports against a slow oracle that is written from the definition: a few now, many with -m slow."""

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest

import poolcli
from tests import oracles, oracles_ignored, oracles_report
from tests.test_oracles import validity

FILTERS = {
    "sobel-v": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "laplace": ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
}  # whole weights: exact in the floats that a filter gives


@dataclass(frozen=True)
class Case:
    """A report of one shift: `conv` (name, stride) or None, then poolings (mode, k, s, padding, dilation)."""

    seed: int
    image: np.ndarray
    conv: tuple | None
    poolings: tuple
    shift: tuple
    edge: str
    tolerance: float
    ignore: object
    labels: bool

    @property
    def layers(self):
        """The text of the recipe."""
        texts = [f"conv:{self.conv[0]}/{self.conv[1]}"] if self.conv else []
        for mode, k, s, padding, dilation in self.poolings:
            window = f"{mode}:{k[0]}x{k[1]}/{s[0]}x{s[1]}"
            texts.append(window + f"+{padding}" * bool(padding) + f"@{dilation}" * (dilation > 1))
        return " ".join(texts)

    def __str__(self):
        asked = f"{self.shift} {self.edge} tolerance={self.tolerance} ignore={self.ignore} labels={self.labels}"
        return f"case {self.seed}: {self.layers!r} {asked} of {self.image.dtype} {self.image.tolist()}"

    def report(self):
        """What the product says."""
        asked = {"edge": self.edge, "tolerance": self.tolerance, "ignore": self.ignore, "labels": self.labels}
        return poolcli.shift_report(self.layers, self.image, [self.shift], **asked)

    def axis(self, side, *, strided=True, mirrored=True):
        """The layers along an axis (0: down), for `oracles_report.spans`; a filter with its stride or without.

        `mirrored`: beyond the border a filter sees the picture again, and is never outside it.
        """
        reach = (1, 0) if mirrored else (3, 1)
        found = [(reach[0], self.conv[1] if strided else 1, reach[1], reach[1], 1, reach[0])] if self.conv else []
        for mode, k, s, padding, dilation in self.poolings:
            found.append((k[side], s[side], padding, padding, dilation, 1 if mode == "stride" else k[side]))
        return found

    @property
    def before(self):
        """How many layers stand before the first down-sampling; it, if it is a filter: without its stride it counts."""
        steps = [(self.conv[1],) * 2] if self.conv else []
        steps += [s for _, _, s, _, _ in self.poolings]
        first = next((number for number, step in enumerate(steps) if step != (1, 1)), 0)
        return first + (first == 0 and self.conv is not None and steps[0] != (1, 1))

    def run(self, image, valid, count=None, *, strided=True):
        """The first `count` layers, or all; ValueError where no window fits."""
        now, poolings = (image, valid), self.poolings
        if self.conv:
            step = self.conv[1] if strided else 1
            floats = np.float32 if image.dtype.itemsize <= 2 or image.dtype == np.float32 else np.float64
            filtered = oracles.convolve(image, FILTERS[self.conv[0]], stride=(step, step)).astype(floats)
            now = filtered, np.ones(filtered.shape, bool)
        for mode, k, s, padding, dilation in poolings[: None if count is None else count - bool(self.conv)]:
            where = oracles_ignored.windows(now[0].shape, k, s, (padding,) * 4, (dilation, dilation))
            shape = tuple(max(place[axis] for place in where) + 1 for axis in (0, 1))
            nothing = math.nan if self.ignore is None else self.ignore
            now = oracles_ignored.pool(*now, where, shape, mode=mode, ignored=nothing)
        return now


def drawn(seed):
    """Case number `seed`."""
    rng = np.random.default_rng(seed)
    shape = (*map(int, rng.integers(7, 15, 2)), *[(), (3,)][rng.integers(2)])
    dtype = np.dtype(str(rng.choice(["bool", "uint8", "int16", "float32", "float64"])))
    conv = (str(rng.choice(list(FILTERS))), int(rng.integers(1, 3))) if rng.integers(3) == 0 else None
    if dtype.kind == "f":
        image = rng.choice([0.0, 0.5, -1.25, 3.0, 100.0], shape).astype(dtype)
        if conv is None:  # what a weight of 0 makes of infinity is another's question
            image[rng.random(shape) < 0.1 * rng.integers(2)] = rng.choice([np.nan, np.inf])
    else:
        image = rng.integers(0, 2 if dtype.kind == "b" else 6, shape).astype(dtype)
    poolings = []
    for _ in range(rng.integers(1, 3)):
        mode = str(rng.choice(["max", "avg", "min", "median", "stride"]))
        k, s = (tuple(map(int, rng.integers(1, 4, 2))) for _ in range(2))
        padding = int(rng.integers(0, min(k))) if mode != "stride" else 0
        poolings.append((mode, k, s, padding, 1 if mode == "stride" else int(rng.choice([1, 1, 1, 2]))))
    shift = tuple(map(int, rng.integers(-4, 5, 2)))
    edge = str(rng.choice(["replicate", "zero", "wrap", "crop"]))
    ignore = [None, 3, 0, 100][rng.integers(4)] if conv is None and edge != "zero" and dtype.kind != "b" else None
    tolerance = float(rng.choice([0, 0, 0.5, 2]))
    labels = conv is None and dtype.kind != "f" and tolerance == 0 and rng.integers(4) == 0
    return Case(seed, image, conv, tuple(poolings), shift, edge, tolerance, ignore, bool(labels))


def expected_of(case):
    """The fields of the row, and all alignments, the best one first; ValueError where no window fits."""
    valid = validity(case.image, case.ignore)
    picture, there, moved, moved_there = oracles_report.pair(case.image, valid, case.shift, case.edge)
    peak = oracles_report.peak_of(picture, there)
    asked = {"tolerance": case.tolerance, "peak": peak, "labels": case.labels}
    size = picture.shape[:2]

    def measured(count, *, strided=True):
        layers = [case.axis(side, strided=strided)[:count] for side in (0, 1)]
        inside = [oracles_report.inside(line, n) for line, n in zip(layers, size, strict=True)]
        pair = [case.run(*each, count, strided=strided) for each in ((picture, there), (moved, moved_there))]
        return pair, oracles_report.side(*pair, **asked, inside=list(product(*inside)))

    raw = oracles_report.side((picture, there), (moved, moved_there), **asked)
    dense = measured(case.before, strided=False)[1] if case.before else None
    outputs, pooled = measured(None)
    axes = tuple((case.axis(side, mirrored=False), size[side]) for side in (0, 1))
    aligned = oracles_report.alignments(*outputs, axes, case.shift, case.edge, **asked)
    row = {"raw": raw, "dense": dense, "pooled": pooled}
    return row | oracles_report.ratios(raw, dense, pooled, case.labels), aligned


def near(have, expected):
    """Whether two figures are one, up to roundings; None is None alone."""
    if have is None or expected is None:
        return have is expected
    return math.isclose(have, expected, rel_tol=1e-5, abs_tol=1e-9)


def assert_figures(have, expected, names):
    """Figure by figure."""
    for name in names:
        assert near(getattr(have, name), expected[name]), (name, getattr(have, name), expected[name])


def check(case):
    """One report, figure by figure."""
    try:
        expected, aligned = expected_of(case)
    except ValueError:
        return
    row = case.report().shifts[0]
    for name in ("raw", "dense", "pooled"):
        assert (getattr(row, name) is None) == (expected[name] is None), name
        if expected[name]:
            assert_figures(getattr(row, name), expected[name], expected[name])
    assert_figures(row, expected, ("absorbed", "gain", "residual"))
    assert (row.aligned is None) == (not aligned)
    if aligned:
        as_good = [each for each in aligned if each["rank"] == aligned[0]["rank"]]
        assert (row.aligned.dx, row.aligned.dy) in [(each["dx"], each["dy"]) for each in as_good]
        same = next(each for each in as_good if (row.aligned.dx, row.aligned.dy) == (each["dx"], each["dy"]))
        assert_figures(row.aligned, same, set(same) - {"rank"})


def check_all(seeds):
    """Many cases; the first that fails is named."""
    for seed in seeds:
        case = drawn(seed)
        try:
            check(case)
        except Exception as error:
            error.add_note(str(case))
            raise


def test_reports():
    """Every figure that the definition has."""
    check_all(range(150))


@pytest.mark.slow
def test_many_reports():
    """The same for thousands of cases."""
    check_all(range(150, 5000))
