"""The ideal down-sampling and the fidelity of modes against it: exact on waves, blind to a half pixel, not to gray."""

import numpy as np
import pytest

import poolcli
from poolcli.ops.geometry import Footprint
from poolcli.recipe import parse_recipe
from poolcli.shift.move import Grid, fidelities, grids, ideal_samples
from tests.images import random_image


def fidelity(output, image, seen, peak):
    """Of one output."""
    return fidelities(image, [(output, seen)], peak)[0]


def samples_of(plane, grid):
    """At one grid."""
    ((_, samples),) = ideal_samples(plane, [grid])
    return samples


def fidelity_of(layers, image):
    """As `compare` takes it."""
    recipe = parse_recipe(layers)
    return fidelity(recipe(image), image, recipe.footprints(*image.shape[:2]), 255.0)


@pytest.mark.parametrize("start", [0.0, 0.5, 1.0, -0.25])
@pytest.mark.parametrize("n", [16, 21])
def test_slow_waves_are_sampled_exactly_and_fast_ones_are_gone(start, n):
    """A mirrored picture is a sum of cosines of (i + 1/2): below half a period an output they stay, above they go."""
    i = np.arange(n)
    for periods in range(n):
        wave = np.cos(np.pi * periods * (i + 0.5) / n)
        have = samples_of(np.tile(wave, (3, 1)), (Grid(0, 1, 3), Grid(start, 2, n // 2)))
        points = start + 2 * np.arange(n // 2)
        slow = periods / (2 * n) < 0.25
        expected = np.cos(np.pi * periods * (points + 0.5) / n) if slow else np.zeros(n // 2)
        np.testing.assert_allclose(have, np.tile(expected, (3, 1)), atol=1e-12)


@pytest.mark.parametrize("size", [(300, 40), (37, 41), (1, 9)])
def test_grids_share_work_and_nothing_else(size):
    """Many at once are as each alone, rows and columns alike, in one block and in many; a step of 1 is the picture."""
    plane = random_image(1, size, "float64")
    starts = (0.0, 0.5, 1.0)
    wanted = [(Grid(y, 3, 3), Grid(x, 2, 4)) for x in starts for y in starts] + [(Grid(0, 1, size[0]), Grid(0, 1, 4))]
    alone = [samples_of(plane, grid) for grid in wanted]
    np.testing.assert_allclose(alone[-1], plane[:, :4], atol=1e-12)
    together = dict(ideal_samples(plane, wanted, block_values=100))
    assert list(together) == wanted
    for grid, samples in zip(wanted, alone, strict=True):
        np.testing.assert_allclose(together[grid], samples, atol=1e-12)
        np.testing.assert_allclose(samples_of(plane.T, grid[::-1]).T, samples, atol=1e-12)


def test_fidelities_together_are_those_alone():
    """Of any number of outputs and channels; where nothing is regular there is none."""
    image = random_image(2, (30, 44), "uint8", (3,))
    texts = ("max:2", "stride:2", "aps:3/2", "blur:3/2", "avg:3/2", "avg:size=7x5")
    recipes = [parse_recipe(text) for text in texts]
    outputs = [(recipe(image), recipe.footprints(30, 44)) for recipe in recipes]
    found = fidelities(image, outputs, 255.0)
    assert found[-1] is None
    assert found == pytest.approx([fidelity(*output[:1], image, output[1], 255.0) for output in outputs])
    errors = []
    (down, across), output = grids(outputs[0][1])[0], outputs[0][0]
    for channel in range(3):
        errors.append(output[:, :, channel] - samples_of(image[:, :, channel].astype(np.float64), (down, across)))
    assert found[0] == pytest.approx(10 * np.log10(255.0**2 / np.mean(np.square(errors))), abs=1e-3)


def test_grids_are_the_centres_of_what_is_seen():
    """A window of 2 looks at half a pixel; where the picture chooses, all choices are there."""
    assert grids((Footprint(4, 2, 2, 0), Footprint(3, 2, 3, -1))) == [(Grid(0.5, 2, 4), Grid(0.0, 2, 3))]
    assert len(grids(parse_recipe("aps:3/2").footprints(8, 8))) == 4


def smooth(size=64):
    """A picture without anything that a pooling by 2 cannot keep, and no border that does not match itself."""
    rows, columns = np.indices((size, size)) + 0.5
    waves = [(1, 2, 40), (3, 1, 25), (5, 6, 15), (0, 9, 10)]
    return 128 + sum(h * np.cos(np.pi * y * rows / size) * np.cos(np.pi * x * columns / size) for y, x, h in waves)


def test_half_a_pixel_is_no_fault():
    """On a smooth picture every pixel kept is right, wherever the grid begins; the mean of two beside it nearly so."""
    assert fidelity_of("stride:1/2", smooth()) > 200
    assert fidelity_of("aps:1/2", smooth()) > 200
    rows = Footprint(32, 2, 1, 1)
    assert fidelity(smooth()[1::2, 1::2], smooth(), (rows, rows), 255.0) > 200
    wrong = Footprint(32, 2, 1, 0)
    assert fidelity(smooth()[1::2, 1::2], smooth(), (wrong, wrong), 255.0) < 40
    assert fidelity_of("avg:2", smooth()) > 45


def test_gray_cannot_win():
    """What leaves no change at all has no fidelity either."""
    image = smooth()
    gray = np.full((32, 32), image.mean())
    seen = parse_recipe("avg:2").footprints(64, 64)
    assert fidelity(gray, image, seen, 255.0) < fidelity_of("max:2", image) - 10
    assert fidelity(np.full((2, 2), 7.0), np.full((4, 4), 7.0), parse_recipe("avg:2").footprints(4, 4), 255.0) is None


def test_detail_that_aliases_costs():
    """On noise, which is all detail, a low-pass is nearer to the ideal than every other pixel."""
    image = poolcli.convolve(random_image(2, (64, 64), "uint8"), "box")
    assert fidelity_of("blur:3/2", image) > fidelity_of("stride:1/2", image) + 3
