"""Correlation by Fourier transforms, where it is exact: large kernels on pictures of up to 16 bits and of float32.

A transform mixes a whole tile, so its roundings depend on where a value lies, and equal neighbourhoods would not give
equal bits. But the sums of whole numbers are whole: when every error is below 1/2, rounding gives the one right answer.
Weights are taken as whole multiples of a power of two, `PRECISION` bits to their l2 norm, so exact when they are whole
numbers themselves. Transforms over 2**n points err by less than (3 n + 5**0.5 (3 n + 1) + 3 n) 2**-53 times the norms
of tile and kernel (Percival 2003): 2**-2 for a tile of 2**18 bytes under a kernel of norm 2**26 (seen: 2**-15).
Values of 16 bits leave fewer for the kernel, which is then run as two. Floats are whole numbers too, 16 bits of them at
a time: bits 0 to 15, -16 to -1 and so on, whichever the tile has, the same for a value wherever it lies.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poolcli.ops.arrays import Array
from poolcli.ops.geometry import Pair
from poolcli.ops.reduce import Scratch
from poolcli.ops.taps import operations, taps, weigh

TILE = 256  # values a side, twice as many where the kernel has more than a quarter of them: 6 and 8 ns a value
LARGEST_SIDE = TILE  # of a kernel
PRECISION = 26  # bits
DIGIT = 16  # bits of a float at a time
LOW_BITS = 9  # of the kernel for values of 16 bits: the others have a norm of 2**17
COST = 105  # operations on a value that a tile's value is worth: 7 x 7 takes 43 ms, by tiles 48; 9 x 9 takes 69 and 49
WIDE = 1.3  # times as much for 16 bits, two transforms back: 9 x 9 takes 79 and 73
FLOAT = 6.5  # times as much for floats, three or four times 16 bits: 17 x 17 takes 253 and 260, 25 x 25 515 and 249
ROUGHEST = 2.0**-20  # of the weights' sum: the most that their roundings may add up to


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """A kernel over a tile, in multiples of `unit`: transforms of all bits, or of low and high ones."""

    weights: Array
    tile: Pair
    unit: float
    parts: tuple[Array, ...]

    @property
    def shape(self) -> Pair:
        """Rows and columns of the kernel."""
        return self.weights.shape[0], self.weights.shape[1]


def spectrum(passes: Sequence[Array], dtype: np.dtype[Any], stride: Pair, size: Pair) -> Spectrum | None:
    """The kernel (the product of `passes`) for pictures of `dtype`, padded to `size`; None where it would not pay.

    What is chosen depends on the kernel, the stride and the dtype, never on the picture.
    """
    if 2 * sum(part.size for part in passes) < COST:  # a small kernel is not even looked at: 30 us less
        return None
    weights = np.asarray(passes[0] * passes[1] if len(passes) == 2 else passes[0])
    kh, kw = weights.shape
    if dtype.itemsize > (4 if dtype.kind == "f" else 2) or max(kh, kw) > LARGEST_SIDE:
        return None
    sides = [TILE if k <= TILE // 4 else 2 * TILE for k in (kh, kw)]
    kept = (1 - (kh - 1) / sides[0]) * (1 - (kw - 1) / sides[1])
    wide = dtype.itemsize > 1
    work = COST * (FLOAT if dtype.kind == "f" else WIDE if wide else 1) * stride[0] * stride[1] / kept
    if work > operations(passes, stride):
        return None
    whole, unit = fixed_point(weights)
    if not np.abs(whole * unit - weights).sum() / np.abs(weights).sum() <= ROUGHEST:  # not a number: too large
        return None
    high = np.rint(whole * 2.0**-LOW_BITS)
    parts = [whole - high * 2.0**LOW_BITS, high] if wide else [whole]
    down, across = (1 << (min(side, n) - 1).bit_length() for side, n in zip(sides, size, strict=True))
    transforms = tuple(np.conj(np.fft.rfft2(part, (down, across))) for part in parts)
    return Spectrum(weights, (down, across), unit, transforms)


def fixed_point(weights: Array) -> tuple[Array, float]:
    """Whole numbers with a norm of about 2**PRECISION, and the power of two that makes them `weights` again."""
    largest = np.abs(weights).max()
    exponent = int(np.frexp(largest * np.sqrt(((weights / largest) ** 2).sum()))[1]) - PRECISION
    return np.rint(np.ldexp(weights, -exponent)), float(np.ldexp(1.0, exponent))


class Workspace:
    """Arrays for what is done with one tile: fresh ones cost more than half as much as the transforms."""

    def __init__(self, tile: Pair) -> None:
        self.tile, self.rest, self.digits, self.sums, self.total = (np.zeros(tile) for _ in range(5))
        self.waves, self.product = (np.empty((tile[0], tile[1] // 2 + 1), np.complex128) for _ in range(2))


def weigh_exactly(band: Array, kernel: Spectrum, stride: Pair, out: Array, work: Workspace) -> None:
    """out[i, j] = the sum of the weights times the values of `band` (H x W x C) from (i * sh, j * sw) on, rounded once.

    `band` has no more rows than a tile; `out` is rows x columns x C of floats.
    """
    (n, m, channels), (sh, sw), kw = out.shape, stride, kernel.shape[1]
    step = (kernel.tile[1] - kw) // sw + 1
    for first in range(0, m, step):
        count = min(step, m - first)
        seen = band[:, first * sw : (first + count - 1) * sw + kw]
        for channel in range(channels):
            work.tile[: len(seen), : seen.shape[1]] = seen[:, :, channel]
            work.total[...] = 0
            for whole, scale in _whole_numbers(work, band.dtype):
                _add_sums(whole, scale, kernel, work)
            kept = work.total[: (n - 1) * sh + 1 : sh, : (count - 1) * sw + 1 : sw]
            np.multiply(kept, kernel.unit, out=out[:, first : first + count, channel], casting="same_kind")
        if seen.dtype.kind == "f":
            _add_infinities(seen, kernel.weights, stride, out[:, first : first + count])


def _whole_numbers(work: Workspace, dtype: np.dtype[Any]) -> Iterator[tuple[Array, float]]:
    """Whole numbers of up to 16 bits, and what to multiply them by, that add up to the finite values of the tile."""
    if dtype.kind != "f":
        yield work.tile, 1.0
        return
    work.rest[...] = np.where(np.isfinite(work.tile), work.tile, 0)
    place = int(np.frexp(np.abs(work.rest).max())[1] - 1) // DIGIT
    while work.rest.any():
        scale = 2.0 ** (DIGIT * place)
        np.trunc(np.multiply(work.rest, 1 / scale, out=work.digits), out=work.digits)
        work.rest -= np.multiply(work.digits, scale, out=work.sums)
        yield work.digits, scale
        place -= 1


def _add_sums(whole: Array, scale: float, kernel: Spectrum, work: Workspace) -> None:
    """Add the whole sums at every value of a tile to the total; those that go round its border are not kept."""
    waves, product, sums = work.waves, work.product, work.sums
    np.fft.fft(np.fft.rfft(whole, out=waves), axis=0, out=waves)
    for n, part in enumerate(kernel.parts):
        np.fft.ifft(np.multiply(waves, part, out=product), axis=0, out=product)
        np.rint(np.fft.irfft(product, kernel.tile[1], out=sums), out=sums)
        work.total += np.multiply(sums, scale * 2.0 ** (n * LOW_BITS), out=sums)


def _add_infinities(seen: Array, weights: Array, stride: Pair, out: Array) -> None:
    """What is not finite, tap by tap: transforms would spread it over the tile."""
    finite = np.isfinite(seen)
    if not finite.all():
        others = np.where(finite, 0, seen).astype(out.dtype)
        spoilt = np.empty(out.shape, out.dtype)
        weigh(others, taps(weights), stride, spoilt, Scratch(out.dtype))
        out += spoilt
