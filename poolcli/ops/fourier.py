"""Correlation by Fourier transforms, where it is exact: large kernels on pictures of up to 16 bits and of float32.

A transform mixes a whole tile, so its roundings depend on where a value lies, and equal neighbourhoods would not give
equal bits. But the sums of whole numbers are whole: when every error is below 1/2, rounding gives the one right answer.
Weights are taken as whole multiples of a power of two, `PRECISION` bits to their l2 norm, so exact when they are whole
numbers themselves. Transforms over 2**n points err by less than (3 n + 5**0.5 (3 n + 1) + 3 n) 2**-53 times the norms
of tile and kernel (Percival 2003): 2**-3 for a tile of 2**16 bytes under a kernel of norm 2**26 (seen: 2**-15).
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

TILE = 256  # values a side: 6 ns a value there and back, 512 take twice that
LARGEST_SIDE = 128  # of a kernel; a quarter of the tile is left then
PRECISION = 26  # bits
DIGIT = 16  # bits of a float at a time
LOW_BITS = 9  # of the kernel for values of 16 bits: the others have a norm of 2**17
COST = 95  # operations on a value that a tile's value is worth: 7 x 7 takes 46 ms, by tiles 52; 9 x 9 takes 73 and 53
WIDE = 1.7  # times as much for 16 bits: two transforms back
FLOAT = 9.0  # times as much for floats, three or four times 16 bits: 21 x 21 takes 95 ms, 105 by tiles; 31 x 31 215
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
    weights = np.asarray(passes[0] * passes[1] if len(passes) == 2 else passes[0])
    kh, kw = weights.shape
    if dtype.itemsize > (4 if dtype.kind == "f" else 2) or max(kh, kw) > LARGEST_SIDE:
        return None
    kept = (TILE - kh + 1) * (TILE - kw + 1) / TILE**2
    wide = dtype.itemsize > 1
    work = COST * (FLOAT if dtype.kind == "f" else WIDE if wide else 1) * stride[0] * stride[1] / kept
    if work > operations([taps(weights) for weights in passes], stride):
        return None
    whole, unit = fixed_point(weights)
    if not np.abs(whole * unit - weights).sum() / np.abs(weights).sum() <= ROUGHEST:  # not a number: too large
        return None
    high = np.rint(whole * 2.0**-LOW_BITS)
    parts = [whole - high * 2.0**LOW_BITS, high] if wide else [whole]
    down, across = (1 << (min(TILE, n) - 1).bit_length() for n in size)
    transforms = tuple(np.conj(np.fft.rfft2(part, (down, across))) for part in parts)
    return Spectrum(weights, (down, across), unit, transforms)


def fixed_point(weights: Array) -> tuple[Array, float]:
    """Whole numbers with a norm of about 2**PRECISION, and the power of two that makes them `weights` again."""
    largest = np.abs(weights).max()
    exponent = int(np.frexp(largest * np.sqrt(((weights / largest) ** 2).sum()))[1]) - PRECISION
    return np.rint(np.ldexp(weights, -exponent)), float(np.ldexp(1.0, exponent))


def weigh_exactly(band: Array, kernel: Spectrum, stride: Pair, out: Array) -> None:
    """out[i, j] = the sum of the weights times the values of `band` (H x W x C) from (i * sh, j * sw) on, rounded once.

    `band` has no more rows than a tile; `out` is rows x columns x C of floats.
    """
    (n, m, channels), (sh, sw), kw = out.shape, stride, kernel.shape[1]
    step = (kernel.tile[1] - kw) // sw + 1
    tile, sums = np.zeros(kernel.tile), np.empty(kernel.tile)
    waves = np.empty((kernel.tile[0], kernel.tile[1] // 2 + 1), np.complex128)
    for first in range(0, m, step):
        count = min(step, m - first)
        seen = band[:, first * sw : (first + count - 1) * sw + kw]
        for channel in range(channels):
            tile[: len(seen), : seen.shape[1]] = seen[:, :, channel]
            sums[...] = 0
            for whole, scale in _whole_numbers(tile, band.dtype):
                sums += _sums(whole, kernel, waves) * scale
            kept = sums[: (n - 1) * sh + 1 : sh, : (count - 1) * sw + 1 : sw]
            np.multiply(kept, kernel.unit, out=out[:, first : first + count, channel], casting="same_kind")
        if seen.dtype.kind == "f":
            _add_infinities(seen, kernel.weights, stride, out[:, first : first + count])


def _whole_numbers(tile: Array, dtype: np.dtype[Any]) -> Iterator[tuple[Array, float]]:
    """Whole numbers of up to 16 bits, and what they are to be multiplied by, that add up to the finite values."""
    if dtype.kind != "f":
        yield tile, 1.0
        return
    rest = np.where(np.isfinite(tile), tile, 0)
    place = int(np.frexp(np.abs(rest).max())[1] - 1) // DIGIT
    while rest.any():
        digits = np.trunc(rest * 2.0 ** (-DIGIT * place))
        rest -= digits * 2.0 ** (DIGIT * place)
        yield digits, 2.0 ** (DIGIT * place)
        place -= 1


def _add_infinities(seen: Array, weights: Array, stride: Pair, out: Array) -> None:
    """What is not finite, tap by tap: transforms would spread it over the tile."""
    finite = np.isfinite(seen)
    if not finite.all():
        others = np.where(finite, 0, seen).astype(out.dtype)
        spoilt = np.empty(out.shape, out.dtype)
        weigh(others, taps(weights), stride, spoilt, Scratch(out.dtype))
        out += spoilt


def _sums(tile: Array, kernel: Spectrum, waves: Array) -> Array:
    """The whole sums at every value of `tile`; those that go round its border are not kept."""
    np.fft.rfft(tile, out=waves)
    np.fft.fft(waves, axis=0, out=waves)
    width = kernel.tile[1]
    low, *high = (np.rint(np.fft.irfft(np.fft.ifft(waves * part, axis=0), width)) for part in kernel.parts)
    return low + high[0] * 2.0**LOW_BITS if high else low
