"""Correlation by Fourier transforms, where it is exact: pictures of whole numbers under large kernels.

A transform mixes a whole tile, so its roundings depend on where a value lies, and equal neighbourhoods would not give
equal bits. But the sums of whole numbers are whole: when every error is below 1/2, rounding gives the one right answer.
Weights are taken as whole multiples of a power of two, `PRECISION` bits to their l2 norm, so exact when they are whole
numbers themselves. Transforms over 2**n points err by less than (3 n + 5**0.5 (3 n + 1) + 3 n) 2**-53 times the norms
of tile and kernel (Percival 2003): 2**-3 for a tile of 2**16 bytes under a kernel of norm 2**26 (seen: 2**-15).
Values of 16 bits leave fewer for the kernel, which is then run as two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poolcli.ops.arrays import Array
from poolcli.ops.geometry import Pair
from poolcli.ops.taps import operations

TILE = 256  # values a side: 6 ns a value there and back, 512 take twice that
LARGEST_SIDE = 128  # of a kernel; a quarter of the tile is left then
PRECISION = 26  # bits
LOW_BITS = 9  # of the kernel for values of 16 bits: the others have a norm of 2**17
COST = 95  # operations on a value that a tile's value is worth: 7 x 7 takes 46 ms, by tiles 52; 9 x 9 takes 73 and 53
WIDE = 1.7  # times as much for 16 bits: two transforms back
ROUGHEST = 2.0**-20  # of the weights' sum: the most that their roundings may add up to


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """A kernel of `shape` over a tile, in multiples of `unit`: transforms of all bits, or of low and high ones."""

    shape: Pair
    tile: Pair
    unit: float
    parts: tuple[Array, ...]


def spectrum(passes: Sequence[Array], dtype: np.dtype[Any], stride: Pair, size: Pair) -> Spectrum | None:
    """The kernel (the product of `passes`) for pictures of `dtype`, padded to `size`; None where it would not pay.

    What is chosen depends on the kernel, the stride and the dtype, never on the picture.
    """
    weights = np.asarray(passes[0] * passes[1] if len(passes) == 2 else passes[0])
    kh, kw = weights.shape
    if dtype.kind == "f" or dtype.itemsize > 2 or max(kh, kw) > LARGEST_SIDE:
        return None
    kept = (TILE - kh + 1) * (TILE - kw + 1) / TILE**2
    wide = dtype.itemsize == 2
    if COST * (WIDE if wide else 1) * stride[0] * stride[1] / kept > operations(passes, stride):
        return None
    whole, unit = fixed_point(weights)
    if not np.abs(whole * unit - weights).sum() <= ROUGHEST * np.abs(weights).sum():
        return None
    high = np.rint(whole * 2.0**-LOW_BITS)
    parts = [whole - high * 2.0**LOW_BITS, high] if wide else [whole]
    down, across = (1 << (min(TILE, n) - 1).bit_length() for n in size)
    transforms = tuple(np.conj(np.fft.rfft2(part, (down, across))) for part in parts)
    return Spectrum((kh, kw), (down, across), unit, transforms)


def fixed_point(weights: Array) -> tuple[Array, float]:
    """Whole numbers with a norm of about 2**PRECISION, and the power of two that makes them `weights` again."""
    largest = np.abs(weights).max()
    exponent = int(np.frexp(largest * np.sqrt(((weights / largest) ** 2).sum()))[1]) - PRECISION
    return np.rint(np.ldexp(weights, -exponent)), float(np.ldexp(1.0, exponent))


def weigh_exactly(band: Array, kernel: Spectrum, stride: Pair, out: Array) -> None:
    """out[i, j] = the sum of the weights times the values of `band` (H x W x C) from (i * sh, j * sw) on, rounded once.

    `band` has no more rows than a tile; `out` is rows x columns x C of floats.
    """
    (n, m, channels), (sh, sw) = out.shape, stride
    step = (kernel.tile[1] - kernel.shape[1]) // sw + 1
    tile, waves = np.zeros(kernel.tile), np.empty((kernel.tile[0], kernel.tile[1] // 2 + 1), np.complex128)
    for first in range(0, m, step):
        count = min(step, m - first)
        width = (count - 1) * sw + kernel.shape[1]
        for channel in range(channels):
            tile[: len(band), :width] = band[:, first * sw : first * sw + width, channel]
            sums = _sums(tile, kernel, waves)[: (n - 1) * sh + 1 : sh, : (count - 1) * sw + 1 : sw]
            np.multiply(sums, kernel.unit, out=out[:, first : first + count, channel], casting="same_kind")


def _sums(tile: Array, kernel: Spectrum, waves: Array) -> Array:
    """The whole sums at every value of `tile`; those that go round its border are not kept."""
    np.fft.rfft(tile, out=waves)
    np.fft.fft(waves, axis=0, out=waves)
    width = kernel.tile[1]
    low, *high = (np.rint(np.fft.irfft(np.fft.ifft(waves * part, axis=0), width)) for part in kernel.parts)
    return low + high[0] * 2.0**LOW_BITS if high else low
