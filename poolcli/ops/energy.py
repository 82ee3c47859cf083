"""The sum of squares of an array, exactly: independent of the order of its values, of bands and of threads."""

from math import inf

import numpy as np

from poolcli.ops.arrays import Array

BLOCK_VALUES = 1 << 20  # float64 holds the sums of so many products of 32 bits, and of so many parts of 27
LIMB = 16  # bits of an integer that are multiplied at once
PART = 27  # bits of half a square's 54
LOWEST_EXPONENT = -1100  # of a float64, and some room


def energy(values: Array) -> int | float:
    """The sum of squares: of integers as it is, of floats times a fixed power of two; infinity where not finite.

    A float's square is rounded to 53 bits, as a product of float64 is; the sum of these is exact.

    >>> energy(np.array([[-128, 3]], np.int8))
    16393
    >>> energy(np.array([0.5, 0.25])) == 5 * energy(np.array([0.25]))
    True
    """
    step = max(1, BLOCK_VALUES * len(values) // values.size)
    of_block = _of_floats if values.dtype.kind == "f" else _of_integers
    return sum(of_block(values[start : start + step].ravel()) for start in range(0, len(values), step))


def _of_integers(values: Array) -> int:
    """Limbs of 16 bits, whose products float64 sums exactly."""
    sizes = np.abs(values.astype(np.int64)) if values.dtype.kind == "i" else values
    sizes = sizes.astype(np.uint64)  # the lowest int64 has no int64 of its size, but this one
    count = max(1, values.itemsize * 8 // LIMB)
    limbs = [((sizes >> np.uint64(LIMB * i)) & np.uint64(0xFFFF)).astype(np.float64) for i in range(count)]
    return sum(
        int(np.einsum("i,i->", a, b)) << (LIMB * (i + j)) for i, a in enumerate(limbs) for j, b in enumerate(limbs)
    )


def _of_floats(values: Array) -> int | float:
    """Mantissas squared, each added up with those of its exponent, as two halves."""
    mantissas, exponents = np.frexp(values.astype(np.float64))
    if not np.isfinite(mantissas).all():
        return inf
    squares = np.ldexp(mantissas * mantissas, 2 * PART)
    high = np.floor(np.ldexp(squares, -PART))
    low = squares - np.ldexp(high, PART)
    bins = exponents - LOWEST_EXPONENT
    sums = np.bincount(bins, high), np.bincount(bins, low)
    return sum(
        ((int(sums[0][place]) << PART) + int(sums[1][place])) << (2 * int(place)) for place in np.flatnonzero(sums[0])
    )
