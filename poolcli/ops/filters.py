"""Kernels by their names, and how results of any range become values of a picture."""

import re
from collections.abc import Callable, Mapping
from math import comb, exp, fsum, isfinite
from typing import TYPE_CHECKING, Any

from poolcli.errors import UsageError, unknown
from poolcli.records import dataclass

if TYPE_CHECKING:
    import numpy as np

    from poolcli.ops.arrays import Array


# The table of filters: one row a kernel. No NumPy. `line-v` answers to vertical lines, `line-h` to level ones.
# Kernels are written as cross-correlation reads them: not mirrored, the way CNN layers apply their weights.

Kernel = tuple[tuple[float, ...], ...]
LARGEST_SIDE = 127  # rows and columns of a kernel of that many values
MOST_VALUES = LARGEST_SIDE**2


@dataclass(frozen=True, slots=True)
class Filter:
    """A named kernel; `sized` makes the same filter in another size (`gauss5`), `scaled` one of another width
    (`gauss:1.5`), where there is such a thing.
    """

    name: str
    kernel: Kernel
    formula: str
    source: str
    sized: Callable[[int], Kernel] | None = None
    akin: tuple[str, ...] = ()  # other names that are best answered with this one
    scaled: Callable[[float], Kernel] | None = None


def outer(column: tuple[float, ...], row: tuple[float, ...]) -> Kernel:
    """The separable kernel column x row.

    >>> outer((1, 2, 1), (-1, 0, 1))
    ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))
    """
    return tuple(tuple(c * r for r in row) for c in column)


def transposed(kernel: Kernel) -> Kernel:
    """Rows become columns: the filter for the other direction."""
    return tuple(zip(*kernel, strict=True))


def box(size: int) -> Kernel:
    """size x size equal weights that sum to 1."""
    return outer((1 / size,) * size, (1 / size,) * size)


def binomial(size: int) -> tuple[int, ...]:
    """The row of Pascal's triangle with `size` numbers; they sum to 2 ** (size - 1).

    >>> binomial(5)
    (1, 4, 6, 4, 1)
    """
    return tuple(comb(size - 1, i) for i in range(size))


def gauss(size: int) -> Kernel:
    """The binomial approximation of a Gaussian, summing to 1."""
    weights = tuple(weight / 2 ** (size - 1) for weight in binomial(size))
    return outer(weights, weights)


TRUNCATE = 4.0  # standard deviations of a Gaussian, after which its weights are left out: SciPy's gaussian_filter


def gaussian(sigma: float) -> Kernel:
    """exp(-x^2 / (2 sigma^2)) both ways up to int(4 sigma + 0.5) pixels from the centre, summing to 1.

    UsageError for a `sigma` that is not above 0, or whose kernel is too large.
    """
    if not 0 < sigma < (LARGEST_SIDE // 2 + 0.5) / TRUNCATE:
        most = (LARGEST_SIDE // 2 + 0.5) / TRUNCATE
        raise UsageError(
            f"a Gaussian of sigma {sigma:g}: above 0 and below {most:g} pixels is allowed, a kernel of up to "
            f"{LARGEST_SIDE} x {LARGEST_SIDE}"
        )
    radius = int(TRUNCATE * sigma + 0.5)
    weights = [exp(-0.5 * (x / sigma) ** 2) for x in range(-radius, radius + 1)]
    total = fsum(weights)
    line = tuple(weight / total for weight in weights)
    return outer(line, line)


_SOBEL = outer((1, 2, 1), (-1, 0, 1))
_PREWITT = outer((1, 1, 1), (-1, 0, 1))
_SCHARR = outer((3, 10, 3), (-1, 0, 1))
_LINE = outer((1, 1, 1), (-1, 2, -1))
_FALLING = ((2, -1, -1), (-1, 2, -1), (-1, -1, 2))
_GONZALEZ = "Gonzalez & Woods, Digital Image Processing, ch. 10"

FILTERS: Mapping[str, Filter] = {
    row.name: row
    for row in (
        Filter("identity", ((1,),), "the picture itself", "unit impulse", akin=("none", "no", "off")),
        Filter(
            "box", box(3), "mean of the neighbourhood; box5 is 5x5", "moving average", box, ("mean", "avg", "average")
        ),
        Filter(
            "gauss",
            gauss(3),
            "binomial weights (1 2 1)/4 both ways; gauss5 is 5x5; gauss:1.5 is a Gaussian of sigma 1.5, cut at 4 sigma",
            "Pascal's triangle; SciPy gaussian_filter",
            gauss,
            ("gaussian", "blur", "smooth", "binomial"),
            gaussian,
        ),
        Filter("sharpen", ((0, -1, 0), (-1, 5, -1), (0, -1, 0)), "picture minus its Laplacian", _GONZALEZ),
        Filter(
            "laplace",
            ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
            "second derivative, 4 neighbours",
            _GONZALEZ,
            akin=("laplacian", "log"),
        ),
        Filter(
            "edge",
            ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
            "second derivative, 8 neighbours",
            _GONZALEZ,
            akin=("edges", "outline"),
        ),
        Filter(
            "sobel-v",
            _SOBEL,
            "(1 2 1) down x (-1 0 1) across: vertical edges",
            "Sobel & Feldman 1968",
            akin=("sobel", "vertical-edges"),
        ),
        Filter(
            "sobel-h",
            transposed(_SOBEL),
            "(-1 0 1) down x (1 2 1) across: level edges",
            "Sobel & Feldman 1968",
        ),
        Filter("prewitt-v", _PREWITT, "(1 1 1) down x (-1 0 1) across: vertical edges", "Prewitt 1970"),
        Filter("prewitt-h", transposed(_PREWITT), "(-1 0 1) down x (1 1 1) across: level edges", "Prewitt 1970"),
        Filter("scharr-v", _SCHARR, "(3 10 3) down x (-1 0 1) across: vertical edges", "Scharr 2000"),
        Filter("scharr-h", transposed(_SCHARR), "(-1 0 1) down x (3 10 3) across: level edges", "Scharr 2000"),
        Filter("line-v", _LINE, "-1 2 -1 in every row: vertical lines", _GONZALEZ, akin=("vertical", "line", "lines")),
        Filter("line-h", transposed(_LINE), "-1 2 -1 in every column: level lines", _GONZALEZ, akin=("horizontal",)),
        Filter("line-d1", _FALLING, "2 along the falling diagonal \\", _GONZALEZ),
        Filter("line-d2", tuple(row[::-1] for row in _FALLING), "2 along the rising diagonal /", _GONZALEZ),
        Filter("emboss", ((-2, -1, 0), (-1, 1, 1), (0, 1, 2)), "light from the upper left", "relief shading"),
    )
}

_SIZED = r"([a-z-]+?)([1-9]\d?)"


def find_kernel(name: str) -> Kernel:
    """The kernel called `name`, with a size or a width where the filter has such (`box5`, `gauss:1.5`).

    UsageError for another name, with the nearest, and for a width out of range.

    >>> find_kernel("gauss2")
    ((0.25, 0.25), (0.25, 0.25))
    """
    if name in FILTERS:
        return FILTERS[name].kernel
    match = re.fullmatch(_SIZED, name)
    row = FILTERS.get(match[1]) if match else None
    if match and row and row.sized:
        return row.sized(int(match[2]))
    of, colon, width = name.partition(":")
    row = FILTERS.get(of)
    if colon and row and row.scaled and re.fullmatch(r"\d+(\.\d*)?|\.\d+", width):
        return row.scaled(float(width))
    if colon and row:
        raise UsageError(f"filter '{name}': a width is for gauss, a number of pixels, as in gauss:1.5")
    akin = (row.name for row in FILTERS.values() if of.lower() in row.akin)
    raise unknown("filter", name, FILTERS, next(akin, None))


def is_filter(text: str) -> bool:
    """Whether this is a filter of the table, and no file, though its width be wrong."""
    return text.partition(":")[0] in FILTERS


def check_kernel(kernel: Kernel) -> Kernel:
    """`kernel` itself, when it is a rectangle of finite numbers that is not too large; UsageError otherwise."""
    widths = {len(row) for row in kernel}
    if len(widths) != 1 or widths == {0}:
        raise UsageError("a kernel has rows of unequal length or none: rows of equally many numbers are allowed")
    values = [value for row in kernel for value in row]
    if len(values) > MOST_VALUES:
        raise UsageError(f"a kernel of {len(kernel)}x{widths.pop()} is too large: {MOST_VALUES} values are allowed")
    if not all(isfinite(value) for value in values):
        raise UsageError("a kernel holds NaN or infinity: finite numbers are allowed")
    if not isfinite(sum(map(abs, values))):
        raise UsageError("a kernel has weights that 64-bit floats cannot add up: smaller ones are allowed")
    return kernel


def stretch(values: "Array", span: int) -> "Array":
    """The smallest finite value becomes 0, the largest the end of the range; one value alone becomes 0."""
    from poolcli.ops.reduce import finite_range

    low, high = finite_range(values)
    scale = span / (high - low) if high > low else 0.0
    return (values - low) * scale


STRETCH = "stretch"  # the one range that depends on all values
RANGES: "Mapping[str, Callable[[Array, int], Array]]" = {
    "clip": lambda values, span: values,  # what lies outside the range is held at its ends
    "abs": lambda values, span: abs(values),  # both directions of an edge are bright
    STRETCH: stretch,
    "offset": lambda values, span: values + (span + 1) // 2,  # 0 becomes 128 of 0 ... 255
}


def to_dtype(
    values: "Array", dtype: "np.dtype[Any]", how: str, *, alpha: bool = False, peak: int | None = None
) -> "Array":
    """Floats as values of an integer `dtype`, rounded half up and held in its range; `how` names a row of RANGES.

    With `alpha` the last channel is only rounded. `peak`: the largest value, where it is less than the dtype's. What
    has the dtype already, and what is to be floats, only changes its type.

    >>> import numpy as np
    >>> to_dtype(np.array([[-10.0, 300.0]]), np.dtype(np.uint8), "abs").tolist()
    [[10, 255]]
    """
    import numpy as np

    from poolcli.ops.arrays import full_range, to_integers

    if dtype.kind == "f" or values.dtype.kind != "f":
        return values.astype(dtype, copy=False)
    span = full_range(dtype) if peak is None else peak
    ranged = RANGES[how](values[..., :-1] if alpha else values, span)
    if alpha:
        ranged = np.concatenate([ranged, values[..., -1:]], axis=2)
    if peak is not None:
        ranged = np.minimum(ranged, peak)
    return to_integers(ranged, dtype)
