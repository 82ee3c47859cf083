"""What down-sampling should give: the picture without all that is too fine for the output, where each output looks."""

from dataclasses import dataclass
from math import log10

import numpy as np

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


def ideal_samples(image: Array, grid: tuple[Grid, Grid]) -> Array:
    """`image` (H x W [x C]) without frequencies from half a period an output on, at the points of `grid`.

    Between the pixels the values are those of the band-limited function through them (a phase shift of its Fourier
    series); beyond the border the picture is mirrored, so that there is no step to ring. Source: Shannon 1949.

    >>> ideal_samples(np.ones((4, 4)), (Grid(0.5, 2, 2), Grid(0.5, 2, 2))).round(6).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    values = planes(image)
    dtype = np.float32 if image.dtype.itemsize <= 2 else np.float64  # 24 bits hold 16 with room for sums
    across = _sampled(values.transpose(0, 2, 1), grid[1], dtype)  # rows, channels, columns
    down = _sampled(across.transpose(1, 2, 0), grid[0], dtype)  # channels, columns, rows
    out = down.transpose(2, 1, 0)
    return out[:, :, 0] if image.ndim == 2 else out


def _sampled(x: Array, grid: Grid, dtype: type) -> Array:
    """Low-pass and sample along the last axis, in `dtype`; contiguous there, which takes a third of the time."""
    out = np.empty((*x.shape[:2], grid.count), dtype)
    step = max(1, BLOCK_VALUES // (x.shape[1] * x.shape[2]))
    for start in range(0, len(x), step):
        out[start : start + step] = _lines(np.ascontiguousarray(x[start : start + step], dtype), grid)
    return out


def _lines(x: Array, grid: Grid) -> Array:
    n = x.shape[-1]
    kept = np.arange(-(-n // grid.step))  # the waves with less than half a period an output
    turn = np.exp(1j * np.pi / n * kept * grid.start).astype(f"c{2 * x.itemsize}")
    spectrum = np.fft.rfft(np.concatenate([x, x[..., ::-1]], axis=-1))[..., : len(kept)] * turn
    if 2 * n % grid.step:
        whole: Array = np.fft.irfft(spectrum, 2 * n)
        return whole[..., np.arange(grid.count) * grid.step % (2 * n)]
    samples: Array = np.fft.irfft(spectrum, 2 * n // grid.step) / grid.step  # half the work of the above
    return samples[..., np.arange(grid.count) % samples.shape[-1]]


def fidelity(output: Array, image: Array, seen: tuple[Footprint, Footprint], peak: float) -> float | None:
    """PSNR in dB of an output against the ideal one, sampled where the output looks; None where they are equal.

    So an answer that is the same for every picture cannot win, and looking half a pixel aside costs nothing. Where the
    picture decides which pixels are kept, the decision that fits best is taken; what is not finite is left out.
    """
    errors = [_mean_square(output, ideal_samples(image, grid)) for grid in grids(seen)]
    error = min(errors)
    return 10 * log10(peak * peak / error) if error > 0 and peak > 0 else None


def _mean_square(a: Array, b: Array) -> float:
    gaps = a.astype(np.float64) - b
    finite = gaps[np.isfinite(gaps)]
    return float(np.einsum("i,i->", finite, finite)) / finite.size if finite.size else 0.0
