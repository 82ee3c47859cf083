"""The ideal down-sampling and the fidelity of modes against it: exact on waves, blind to a half pixel, not to gray."""

import numpy as np
import pytest

import poolcli
from poolcli.ops.footprint import Footprint
from poolcli.ops.ideal import Grid, fidelity, grids, ideal_samples
from poolcli.recipe import parse_recipe
from tests.images import random_image


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
        have = ideal_samples(np.tile(wave, (3, 1)), (Grid(0, 1, 3), Grid(start, 2, n // 2)))
        points = start + 2 * np.arange(n // 2)
        slow = periods / (2 * n) < 0.25
        expected = np.cos(np.pi * periods * (points + 0.5) / n) if slow else np.zeros(n // 2)
        np.testing.assert_allclose(have, np.tile(expected, (3, 1)), atol=1e-12)


def test_channels_and_axes_are_apart():
    """Each channel by itself; rows and columns alike; many blocks equal one."""
    image = random_image(1, (300, 40), "uint8", (3,))
    grid = Grid(0.5, 3, 100), Grid(1.0, 2, 20)
    whole = ideal_samples(image, grid)
    for channel in range(3):
        alone = ideal_samples(image[:, :, channel], grid)
        np.testing.assert_allclose(whole[:, :, channel], alone, atol=1e-3)
        np.testing.assert_allclose(alone, ideal_samples(image[:, :, channel].T, grid[::-1]).T, atol=1e-3)


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
