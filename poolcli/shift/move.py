"""Moved pictures, as rows of a source; the ideal down-sampling that fidelity is measured against."""

from collections.abc import Iterator, Sequence
from dataclasses import field
from functools import partial
from math import inf, log10, prod
from typing import Any, Self

import numpy as np

from poolcli.errors import PictureError
from poolcli.ops.arrays import Array, Rows, planes
from poolcli.ops.geometry import staying
from poolcli.records import dataclass
from poolcli.shift.difference import Footprints, Rectangle
from poolcli.shift.record import Shift


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A picture given by its rows: an array, a file larger than memory, a shifted view of another source.

    `shape` is H x W or H x W x C. `valid` gives bools of the same shape as `rows`; None: every value is valid.
    `array` is the whole picture, where it is held in memory.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    rows: Rows
    valid: Rows | None = None
    array: Array | None = None
    nbytes: int = field(init=False)  # in memory

    def __post_init__(self) -> None:
        object.__setattr__(self, "nbytes", prod(self.shape) * self.dtype.itemsize)

    @classmethod
    def of(cls, array: Array, valid: Array | None = None) -> Self:
        """The source of an array, of which only `valid` values count."""
        return cls(array.shape, array.dtype, _rows_of(array), None if valid is None else _rows_of(valid), array)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.shape[0], self.shape[1]

    def part(self, rectangle: Rectangle) -> "Source":
        """Some rows and columns of it."""
        shape = (rectangle.bottom - rectangle.top, rectangle.right - rectangle.left, *self.shape[2:])
        valid = self.valid and partial(_cut, self.valid, rectangle)
        array = None if self.array is None else self.array[rectangle.rows, rectangle.columns]
        return Source(shape, self.dtype, partial(_cut, self.rows, rectangle), valid, array)


def _rows_of(array: Array) -> Rows:
    return lambda low, high: array[low:high]


def _cut(rows: Rows, rectangle: Rectangle, low: int, high: int) -> Array:
    part: Array = rows(rectangle.top + low, rectangle.top + high)[:, rectangle.columns]
    return part


def still_and_moved(source: Source, shift: Shift, edge: str, zero_valid: Array | bool = True) -> tuple[Source, Source]:
    """The picture and the picture moved by (dx, dy), of equal shape.

    What comes in at the border is the border value again (replicate), 0 (zero), or what left on the other side
    (wrap); `crop` gives the parts of both that the other has too. `zero_valid`: whether the values 0 that come in
    count, where the source says what does.

    >>> views = still_and_moved(Source.of(np.array([[1, 2, 3]])), (-1, 0), "replicate")
    >>> [source.rows(0, 1).tolist() for source in views]
    [[[1, 2, 3]], [[2, 3, 3]]]
    """
    (dx, dy), (height, width) = shift, source.size
    if edge == "crop":
        if abs(dx) >= width or abs(dy) >= height:
            raise PictureError(
                f"a shift of {dx},{dy} leaves nothing of a picture of {width}x{height} under edge 'crop': "
                "use a smaller shift or another --shift-edge"
            )
        still, there = (Rectangle(*staying(y, height), *staying(x, width)) for x, y in ((dx, dy), (-dx, -dy)))
        return source.part(still), source.part(there)
    rows = partial(_moved_rows, source.rows, height, shift, edge, 0)
    valid = source.valid and partial(_moved_rows, source.valid, height, shift, edge, zero_valid)
    return source, Source(source.shape, source.dtype, rows, valid)


def _moved_rows(rows: Rows, n: int, shift: Shift, edge: str, zero: Any, low: int, high: int) -> Array:
    """Rows low ... high - 1 of a picture of n rows moved by `shift`; `zero` is what comes in under that edge.

    Moved band by band a picture stays in the cache: fresh memory for all of it costs more than pooling it does.
    """
    dx, dy = shift
    return _moved_columns(_rows_beyond(rows, n, low - dy, high - dy, edge, zero), dx, edge, zero)


def _rows_beyond(rows: Rows, n: int, first: int, last: int, edge: str, zero: Any) -> Array:
    """Rows first ... last - 1 of a picture that goes on beyond its border as `edge` says."""
    if first >= 0 and last <= n:
        return rows(first, last)
    if edge == "wrap":
        pieces = []
        while first < last:
            begin = first % n
            pieces.append(rows(begin, min(n, begin + last - first)))
            first += len(pieces[-1])
        return np.concatenate(pieces)
    requested = np.arange(first, last)
    low, high = min(max(first, 0), n - 1), max(min(last, n), 1)
    band: Array = rows(low, high)[requested.clip(low, high - 1) - low]
    if edge == "zero":
        band[(requested < 0) | (requested >= n)] = zero
    return band


def _moved_columns(band: Array, d: int, edge: str, zero: Any) -> Array:
    """Rows moved by d columns."""
    if d == 0:
        return band
    if edge == "wrap":
        return np.roll(band, d, 1)
    n = band.shape[1]
    d = max(-n, min(n, d))
    moved = np.empty_like(band)
    if d > 0:
        moved[:, d:], moved[:, :d] = band[:, : n - d], zero if edge == "zero" else band[:, :1]
    else:
        moved[:, : n + d], moved[:, n + d :] = band[:, -d:], zero if edge == "zero" else band[:, -1:]
    return moved


BLOCK_VALUES = 1 << 20


@dataclass(frozen=True, slots=True)
class Grid:
    """Where outputs lie on one axis of a picture: at `start + i * step`, which need not be whole, for i < `count`."""

    start: float
    step: int
    count: int


Grids = tuple[Grid, Grid]  # rows, columns


def grids(seen: Footprints) -> list[Grids]:
    """The centres of what the outputs see, in rows and columns; several where the picture decides which."""
    rows, columns = (
        [Grid(axis.start + (axis.field - 1) / 2 + late, axis.jump, axis.size) for late in range(axis.slack + 1)]
        for axis in seen
    )
    return [(down, across) for down in rows for across in columns]


def ideal_samples(
    plane: Array, requested: Sequence[Grids], *, block_values: int = BLOCK_VALUES
) -> Iterator[tuple[Grids, Array]]:
    """For each of the `requested` grids: `plane` (H x W floats) without all that is too fine for it, at its points.

    Too fine are frequencies from half a period an output on. Between the pixels the values are those of the
    band-limited function through them (a phase shift of its Fourier series); beyond the border the picture is mirrored,
    so that there is no step to ring. In the dtype of `plane`; grids of the same columns come one after the other, since
    they share the work on the columns. Source: Shannon 1949.

    >>> grid = (Grid(0.5, 2, 2), Grid(0.5, 2, 2))
    >>> [samples.round(6).tolist() for _, samples in ideal_samples(np.ones((4, 4)), [grid])]
    [[[1.0, 1.0], [1.0, 1.0]]]
    """
    rows: dict[Grid, list[Grid]] = {}
    for down, across in requested:
        rows.setdefault(across, []).append(down)
    for across, between in zip(rows, _sampled(plane, list(rows), block_values), strict=True):
        for down, samples in zip(rows[across], _sampled(between.T, rows[across], block_values), strict=True):
            yield (down, across), samples.T


def _sampled(lines: Array, requested: Sequence[Grid], block_values: int) -> list[Array]:
    """Low-pass and sample every line, for each of the `requested` grids; contiguous: a third of the time."""
    n = lines.shape[1]
    sampled = [np.empty((len(lines), grid.count), lines.dtype) for grid in requested]
    waves = max(-(-n // grid.step) for grid in requested)  # those with less than half a period an output
    step = max(1, block_values // n)
    for start in range(0, len(lines), step):
        cosines = _cosines(np.ascontiguousarray(lines[start : start + step]), waves)
        for grid, out in zip(requested, sampled, strict=True):
            out[start : start + step] = _at(grid, cosines, n)
    return sampled


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
    waves = np.arange(-(-n // grid.step))
    turn = np.exp(1j * np.pi / n * waves * (grid.start + 0.5)).astype(f"c{2 * cosines.itemsize}")
    spectrum = 2 * cosines[:, : len(waves)] * turn  # of the line and its mirror image
    if 2 * n % grid.step:
        whole: Array = np.fft.irfft(spectrum, 2 * n)
        return whole[:, np.arange(grid.count) * grid.step % (2 * n)]
    samples: Array = np.fft.irfft(spectrum, 2 * n // grid.step) / grid.step  # half the work of the above
    return samples[:, np.arange(grid.count) % samples.shape[1]]


def fidelities(image: Array, outputs: Sequence[tuple[Array, Footprints | None]], peak: float) -> list[float | None]:
    """PSNR in dB of `outputs` of `image` (H x W [x C]) against the ideal ones, sampled where each lies.

    So an answer that is the same for every picture cannot win, and lying half a pixel aside costs nothing. Where the
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
    for (number, _), squares in errors.items():
        total, count = map(sum, zip(*squares, strict=True))
        least[number] = min(total / max(count, 1), least.get(number, inf))
    return [_psnr(least.get(number, 0.0), peak) for number in range(len(outputs))]


def _psnr(error: float, peak: float) -> float | None:
    return 10 * log10(peak * peak / error) if error > 0 and peak > 0 else None


def _squares(a: Array, b: Array) -> tuple[float, int]:
    """The sum of the squares of the finite differences, and how many they are."""
    gaps = a.astype(np.float64) - b
    finite = gaps[np.isfinite(gaps)]
    return float(np.einsum("i,i->", finite, finite)), finite.size
