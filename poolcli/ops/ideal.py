"""What down-sampling should give: the picture without all that is too fine for the output, where each output looks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, log10

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


Grids = tuple[Grid, Grid]  # rows, columns
Seen = tuple[Footprint, Footprint]  # what outputs see, in rows and in columns


def grids(seen: Seen) -> list[Grids]:
    """The centres of what the outputs see, in rows and columns; several where the picture decides which."""
    rows, columns = (
        [Grid(axis.start + (axis.field - 1) / 2 + late, axis.jump, axis.size) for late in range(axis.slack + 1)]
        for axis in seen
    )
    return [(down, across) for down in rows for across in columns]


def ideal_samples(plane: Array, wanted: Sequence[Grids]) -> Iterator[tuple[Grids, Array]]:
    """For each of the `wanted` grids: `plane` (H x W floats) without all that is too fine for it, at its points.

    Too fine are frequencies from half a period an output on. Between the pixels the values are those of the
    band-limited function through them (a phase shift of its Fourier series); beyond the border the picture is mirrored,
    so that there is no step to ring. In the dtype of `plane`; grids of the same columns come one after the other, since
    they share the work on the columns. Source: Shannon 1949.

    >>> grid = (Grid(0.5, 2, 2), Grid(0.5, 2, 2))
    >>> [samples.round(6).tolist() for _, samples in ideal_samples(np.ones((4, 4)), [grid])]
    [[[1.0, 1.0], [1.0, 1.0]]]
    """
    rows: dict[Grid, list[Grid]] = {}
    for down, across in wanted:
        rows.setdefault(across, []).append(down)
    for across, between in zip(rows, _sampled(plane, list(rows)), strict=True):
        for down, samples in zip(rows[across], _sampled(between.T, rows[across]), strict=True):
            yield (down, across), samples.T


def _sampled(lines: Array, wanted: Sequence[Grid]) -> list[Array]:
    """Low-pass and sample every line, for each of the `wanted` grids; contiguous, which takes a third of the time."""
    n = lines.shape[1]
    found = [np.empty((len(lines), grid.count), lines.dtype) for grid in wanted]
    waves = max(-(-n // grid.step) for grid in wanted)  # those with less than half a period an output
    step = max(1, BLOCK_VALUES // n)
    for start in range(0, len(lines), step):
        cosines = _cosines(np.ascontiguousarray(lines[start : start + step]), waves)
        for grid, out in zip(wanted, found, strict=True):
            out[start : start + step] = _at(grid, cosines, n)
    return found


def _cosines(lines: Array, count: int) -> Array:
    """The first `count` coefficients of every line's cosine transform (DCT-II).

    By a Fourier transform of the line itself and not of twice its length: Makhoul 1980.
    """
    n = lines.shape[1]
    folded = np.concatenate([lines[:, ::2], lines[:, 1::2][:, ::-1]], axis=1)
    spectrum = np.fft.rfft(folded) if count <= n // 2 + 1 else np.fft.fft(folded)
    turn = np.exp(-0.5j * np.pi / n * np.arange(count)).astype(spectrum.dtype)
    return np.asarray((spectrum[:, :count] * turn).real)


def _at(grid: Grid, cosines: Array, n: int) -> Array:
    """The sum of the waves that `grid` has room for, at its points, for lines of `n` values."""
    kept = np.arange(-(-n // grid.step))
    turn = np.exp(1j * np.pi / n * kept * (grid.start + 0.5)).astype(f"c{2 * cosines.itemsize}")
    spectrum = 2 * cosines[:, : len(kept)] * turn  # of the line and its mirror image
    if 2 * n % grid.step:
        whole: Array = np.fft.irfft(spectrum, 2 * n)
        return whole[:, np.arange(grid.count) * grid.step % (2 * n)]
    samples: Array = np.fft.irfft(spectrum, 2 * n // grid.step) / grid.step  # half the work of the above
    return samples[:, np.arange(grid.count) % samples.shape[1]]


def fidelities(image: Array, outputs: Sequence[tuple[Array, Seen | None]], peak: float) -> list[float | None]:
    """PSNR in dB of `outputs` of `image` (H x W [x C]) against the ideal ones, sampled where each looks.

    So an answer that is the same for every picture cannot win, and looking half a pixel aside costs nothing. Where the
    picture decides which pixels are kept, the decision that fits best is taken; what is not finite is left out. None
    where an output is the ideal one, or lies on no regular grid.
    """
    takers: dict[Grids, list[int]] = {}
    for number, (_, seen) in enumerate(outputs):
        for grid in grids(seen) if seen else ():
            takers.setdefault(grid, []).append(number)
    errors: dict[tuple[int, Grids], list[tuple[float, int]]] = {}  # a pair for every channel
    dtype = np.float32 if image.dtype.itemsize == 1 else np.float64  # 24 bits hold 8 with room for sums
    for channel, plane in enumerate(np.moveaxis(planes(image), 2, 0) if takers else ()):
        for grid, ideal in ideal_samples(plane.astype(dtype), list(takers)):
            for number in takers[grid]:
                output = planes(outputs[number][0])[:, :, channel]
                errors.setdefault((number, grid), []).append(_squares(output, ideal))
    least: dict[int, float] = {}
    for (number, _), pairs in errors.items():
        total, count = map(sum, zip(*pairs, strict=True))
        least[number] = min(total / max(count, 1), least.get(number, inf))
    return [_psnr(least.get(number, 0.0), peak) for number in range(len(outputs))]


def _psnr(error: float, peak: float) -> float | None:
    return 10 * log10(peak * peak / error) if error > 0 and peak > 0 else None


def _squares(a: Array, b: Array) -> tuple[float, int]:
    """The sum of the squares of the finite differences, and how many they are."""
    gaps = a.astype(np.float64) - b
    finite = gaps[np.isfinite(gaps)]
    return float(np.einsum("i,i->", finite, finite)), finite.size
