"""What down-sampling should give: the picture without all that is too fine for the output, where each output looks."""

from dataclasses import dataclass
from math import log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolcli.ops.arrays import Array, planes
from poolcli.ops.footprint import Footprint

BLOCK_VALUES = 1 << 20


@dataclass(frozen=True, slots=True)
class Grid:
    """Where outputs look, on one axis of a picture: at `start + i * step`, which need not be whole, for i < `count`."""

    start: float
    step: int
    count: int


def grids(seen: tuple[Footprint, Footprint]) -> list[tuple[Grid, Grid]]:
    """The centres of what the outputs see, in rows and columns; several where the picture decides which."""
    rows, columns = (
        [Grid(axis.start + (axis.field - 1) / 2 + late, axis.jump, axis.size) for late in range(axis.slack + 1)]
        for axis in seen
    )
    return [(down, across) for down in rows for across in columns]


def ideal_samples(image: Array, grid: tuple[Grid, Grid]) -> NDArray[np.float64]:
    """`image` (H x W [x C]) without frequencies from half a period an output on, at the points of `grid`.

    Between the pixels the values are those of the band-limited function through them (a phase shift of its Fourier
    series); beyond the border the picture is mirrored, so that there is no step to ring. Source: Shannon 1949.

    >>> ideal_samples(np.ones((4, 4)), (Grid(0.5, 2, 2), Grid(0.5, 2, 2))).round(6).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    values = planes(image)
    across = np.empty((values.shape[0], grid[1].count, values.shape[2]))
    for start, stop in _blocks(values.shape[0], values.shape[1] * values.shape[2]):
        across[start:stop] = _sampled(values[start:stop].swapaxes(0, 1), grid[1]).swapaxes(0, 1)
    out = np.empty((grid[0].count, *across.shape[1:]))
    for start, stop in _blocks(across.shape[1], across.shape[0] * across.shape[2]):
        out[:, start:stop] = _sampled(across[:, start:stop], grid[0])
    return out[:, :, 0] if image.ndim == 2 else out


def _blocks(count: int, values: int) -> list[tuple[int, int]]:
    step = max(1, BLOCK_VALUES // values)
    return [(start, min(start + step, count)) for start in range(0, count, step)]


def _sampled(x: Array, grid: Grid) -> NDArray[np.float64]:
    """Low-pass and sample along the first axis."""
    n = len(x)
    spectrum = np.fft.rfft(np.concatenate([x, x[::-1]]).astype(np.float64), axis=0)
    frequencies = np.arange(n + 1) / (2 * n)  # in periods a pixel
    turn = np.exp(2j * np.pi * frequencies * grid.start) * (frequencies < 0.5 / grid.step)
    whole: Array = np.fft.irfft(spectrum * turn.reshape(-1, *[1] * (x.ndim - 1)), 2 * n, axis=0)
    return whole[np.arange(grid.count) * grid.step % (2 * n)]


def fidelity(output: Array, image: Array, seen: tuple[Footprint, Footprint], peak: float) -> float | None:
    """PSNR in dB of an output against the ideal one, sampled where the output looks; None where they are equal.

    So an answer that is the same for every picture cannot win, and looking half a pixel aside costs nothing. Where the
    picture decides which pixels are kept, the decision that fits best is taken; what is not finite is left out.
    """
    errors = [_mean_square(output, ideal_samples(image, grid)) for grid in grids(seen)]
    error = min(errors)
    return 10 * log10(peak * peak / error) if error > 0 and peak > 0 else None


def _mean_square(a: Array, b: NDArray[Any]) -> float:
    gaps = a.astype(np.float64) - b
    finite = gaps[np.isfinite(gaps)]
    return float(np.einsum("i,i->", finite, finite)) / finite.size if finite.size else 0.0
