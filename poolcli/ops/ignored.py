"""Ignored values: which they are, where a picture holds them, and what a window without others gives.

They count in no window of any windowed mode. Where a window holds no valid value of the picture, or a smaller share of
them than `min_valid`, its output is the ignored value. Where values are valid travels between layers as a mask.
"""

from collections.abc import Callable, Collection, Sequence
from math import isfinite, isnan
from numbers import Real
from typing import Any

import numpy as np

from poolcli.errors import PictureError, UsageError
from poolcli.ops.arrays import Array, as_image, integer_range, masked_array, planes
from poolcli.ops.geometry import AnyAxes, as_python
from poolcli.ops.reduce import reduce_any
from poolcli.records import dataclass

Value = int | float
Colour = tuple[Value, ...]

BAND_VALUES = 1 << 18  # of a picture, read together
WAY = "use a mode that pools windows, such as avg or max, before it or instead of it"
ALLOWED = "a number, NaN, numbers in a list, or colours in a list, as in [(0, 0, 0)]"


@dataclass(frozen=True, slots=True)
class Ignored:
    """Values that count in no window; a window with a smaller share than `min_valid` of valid values is invalid.

    A number is ignored in every channel by itself; a tuple of numbers is a colour, which ignores whole pixels. The
    first value is what invalid outputs get. Raises UsageError for what is no number, and a share not from 0 to 1.
    """

    values: tuple[Value | Colour, ...] = ()
    min_valid: float = 0.0

    def __post_init__(self) -> None:
        if not (_is_number(self.min_valid) and 0 <= self.min_valid <= 1):
            raise UsageError(f"min_valid {self.min_valid!r} is no share of a window: a number from 0 to 1 is allowed")
        for value in self.values:
            if not all(map(_is_number, value if isinstance(value, tuple) else (value,))) or value == ():
                raise UsageError(f"ignored value {value!r} cannot be compared with pixels: {ALLOWED} is allowed")

    def __str__(self) -> str:
        return " or ".join(",".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in self.values)


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, Real) and float(value) is not None
    except OverflowError:
        return False


def as_ignored(ignore: Any, min_valid: float = 0.0) -> Ignored | None:
    """What `ignore=` stands for: None, a number, a sequence of numbers, or a sequence with colours in it.

    TypeError for another collection.

    >>> as_ignored(-9999), as_ignored([0, (255, 0, 0)], 0.5)
    (Ignored(values=(-9999,), min_valid=0.0), Ignored(values=(0, (255, 0, 0)), min_valid=0.5))
    """
    if ignore is None:
        return Ignored((), min_valid) if min_valid else None
    if isinstance(ignore, Collection) and not isinstance(ignore, Sequence | np.ndarray):
        raise TypeError(f"ignore {ignore!r} is a {type(ignore).__name__}: {ALLOWED} is allowed")
    values = _as_values(ignore)
    ignored = Ignored(values, min_valid)
    if len(values) != len(set(values)):  # a colour without its list would ignore its channels one by one
        raise UsageError(f"ignore {ignore!r} names a value twice: for a colour, give it in a list, as in [(0, 0, 0)]")
    return ignored


def _as_values(ignore: Any) -> tuple[Any, ...]:
    if not _is_row(ignore):
        return (as_python(ignore),)
    return tuple(tuple(map(as_python, value)) if _is_row(value) else as_python(value) for value in ignore)


def _is_row(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def validity(image: Array, ignored: Ignored, *, alpha: bool = False) -> Array | None:
    """Where the values of `image` (H x W or H x W x C) are not `ignored`, as bools of its shape; None: everywhere.

    With `alpha` the last channel is alpha, and counts unless a colour names it too. Raises PictureError for a colour of
    another number of channels.
    """
    pixels = planes(image)
    valid: Array | None = None
    step = max(1, BAND_VALUES * len(pixels) // pixels.size)
    for start in range(0, len(pixels), step):
        hits = _hits(pixels[start : start + step], ignored, alpha=alpha)
        if hits is not None and hits.any():
            valid = np.ones(pixels.shape, np.bool_) if valid is None else valid
            np.logical_not(hits, out=valid[start : start + step])
    return None if valid is None else valid.reshape(image.shape)


def _hits(band: Array, ignored: Ignored, *, alpha: bool) -> Array | None:
    """Which values of H x W x C pixels are ignored; None where the dtype has no such value."""
    channels = band.shape[2]
    colours = channels - alpha
    hits = np.zeros(band.shape, np.bool_)
    for value in ignored.values:
        if not isinstance(value, tuple):
            hits[:, :, :colours] |= equals(band[:, :, :colours], value)
            continue
        if len(value) not in (channels, colours):
            raise PictureError(
                f"the ignored colour {','.join(map(str, value))} has {len(value)} numbers, the picture {colours} "
                "channels: give as many numbers, or one for every channel by itself"
            )
        hits[:, :, : len(value)] |= _is_colour(band, value)[:, :, np.newaxis]
    return hits


def _is_colour(pixels: Array, colour: Colour) -> Array:
    """Which pixels are `colour` in as many channels as it names: H x W."""
    same: Array = np.logical_and.reduce([equals(pixels[:, :, c], number) for c, number in enumerate(colour)])
    return same


def equals(values: Array, number: Value) -> Array:
    """Which of the values are this number, of floats rounded to their dtype; NaN is NaN."""
    if isnan(number):
        return np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, np.bool_)
    there = in_dtype(number, values.dtype)
    return np.zeros(values.shape, np.bool_) if there is None else np.equal(values, there)


def in_dtype(number: Value, dtype: np.dtype[Any]) -> Any:
    """`number` as one of `dtype`, floats rounded; None where the dtype has no such number."""
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            rounded = dtype.type(number)
        return rounded if np.isfinite(rounded) or not isfinite(number) else None
    low, high = integer_range(dtype)
    return dtype.type(int(number)) if isfinite(number) and number == int(number) and low <= number <= high else None


def pixel_validity(pixels: Array, valid: Array, ignored: Ignored | None, *, alpha: bool) -> Array:
    """Which whole pixels (H x W x C) are not ignored, H x W x 1: those of which any colour is `valid`.

    Of several ignored numbers a pixel must hold one in all channels: (0, 255, 0) is green, though 0 and 255 be ignored.
    """
    colours = pixels.shape[2] - alpha
    some = np.asarray(valid[:, :, :colours].any(axis=2, keepdims=True))
    numbers = [value for value in ignored.values if not isinstance(value, tuple)] if ignored else []
    if len(numbers) < 2 or colours == 1:
        return some
    same = [np.logical_and.reduce(equals(pixels[:, :, :colours], number), axis=2, keepdims=True) for number in numbers]
    named = [value for value in ignored.values if isinstance(value, tuple)] if ignored else []
    same += [_is_colour(pixels, value)[:, :, np.newaxis] for value in named]
    return np.asarray(some | ~np.logical_or.reduce(same))


def stand_in(ignored: Ignored, dtype: np.dtype[Any], channels: int) -> Array:
    """What invalid outputs of so many channels get: the first ignored value that `dtype` has; if none, NaN or 0."""
    for value in ignored.values:
        numbers = [in_dtype(number, dtype) for number in (value if isinstance(value, tuple) else (value,))]
        if all(number is not None for number in numbers):
            numbers += [numbers[-1]] * (channels - len(numbers))  # an alpha channel is valid, and not written
            return np.array(numbers[:channels], dtype)
    return np.full(channels, np.nan if dtype.kind == "f" else 0, dtype)


def write_stand_in(output: Array, enough: Array | None, ignored: Ignored | None) -> None:
    """Put what stands for ignored values wherever `output` (H x W or H x W x C) has not enough valid ones."""
    if enough is not None:
        pixels = planes(output)
        fill = stand_in(ignored or Ignored(), output.dtype, pixels.shape[2])
        np.copyto(pixels, fill, where=~planes(enough))


def without(image: Array, valid: Array | None) -> Array:
    """`image` with 0 for what is not `valid`; itself where all is."""
    return image if valid is None else np.where(valid, image, image.dtype.type(0))


def window_counts(valid: Array, axes: AnyAxes) -> Array:
    """How many values of every window are `valid` (H x W x C): rows x columns x C."""
    rows, columns = axes
    if rows.k == columns.k == 1:  # which lie in the picture, as those of one value taken do
        return valid[np.ix_(rows.starts(), columns.starts())].astype(np.uint16)
    few = rows.most * columns.most < 1 << 16
    return reduce_any(valid.astype(np.uint16 if few else np.uint32), axes, np.add)


def values_of_windows(axes: AnyAxes, *, padded: bool = False) -> Array:
    """How many values of the picture (`padded`: and of the padding) every window holds: rows x columns x 1.

    1 x 1 x 1 where all windows hold as many.
    """
    down, across = (np.array(axis.counts(padded=padded), np.int64) for axis in axes)
    if (down == down[0]).all() and (across == across[0]).all():
        down, across = down[:1], across[:1]
    return np.asarray(np.multiply.outer(down, across)[:, :, np.newaxis])


def valid_outputs(valid: Array | None, axes: AnyAxes, min_valid: float) -> Array | None:
    """Which windows hold enough valid values, rows x columns x C (or 1 for all channels); None: all of them."""
    if valid is None:
        if all(0 not in axis.counts(padded=False) for axis in axes):
            return None
        enough = values_of_windows(axes) > 0
    else:
        counts = window_counts(valid, axes)
        enough = counts > 0
        if min_valid > 0:
            enough &= counts / np.maximum(values_of_windows(axes), 1) >= min_valid
    return None if enough.all() else enough


def refuse(who: str, ignored: Ignored | None, way: str = WAY) -> PictureError:
    """The error for what has no windows on a picture that holds ignored values; `way`: what may be done instead."""
    which = f" ({ignored})" if ignored and ignored.values else ""
    return PictureError(
        f"{who} cannot leave out the ignored values{which} that the picture holds: {way}, or --ignore none"
    )


Run = Callable[[Array, Array | None, Ignored | None], tuple[Array, Array | None]]


def run_on(image: Any, ignore: Any, min_valid: float, run: Run, *, whole: bool = False) -> Array:
    """The result of `run` on the array behind `image` with what is ignored in it: a masked array for a masked one.

    Masked values are ignored; below the mask of the result is what stands for ignored values, or else the fill value.
    `whole`: pixels vote, and one with any masked channel has no vote, since its label is unknown.
    """
    ignored = as_ignored(ignore, min_valid)
    masked = masked_array(image)
    if masked is None:
        array = as_image(image)
        valid = validity(array, ignored) if ignored else None
        return run(array, valid, ignored)[0]
    array = as_image(masked.data)
    with np.errstate(over="ignore"):  # NumPy's own fill value of float16 does not fit it
        fill_value = masked.fill_value
    ignored = ignored or Ignored((), min_valid)
    if not ignored.values:
        ignored = Ignored((as_python(fill_value),), min_valid)
    mask = np.ma.getmaskarray(masked)
    if whole and mask.ndim == 3:
        mask = np.repeat(mask.any(axis=2, keepdims=True), mask.shape[2], axis=2)
    valid = validity(array, ignored) if ignore is not None else None
    if mask.any():
        valid = ~mask if valid is None else valid & ~mask
        array = np.where(mask, stand_in(ignored, array.dtype, 1 if array.ndim == 2 else array.shape[2]), array)
    result, enough = run(array, valid, ignored)
    output = np.ma.MaskedArray(result, mask=False if enough is None else ~enough)
    if result.dtype == array.dtype:
        with np.errstate(over="ignore"):
            output.fill_value = fill_value
    return output
