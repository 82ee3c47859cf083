"""What is an image, its planes, floats as integers; threads inside one picture."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolcli.errors import UsageError

# Threads inside one picture: work cut into parts that NumPy does side by side, since it lets go of the interpreter.
# One thread unless `threads` says otherwise; answers are the same to the last bit, whatever their number.

Item = TypeVar("Item")
Result = TypeVar("Result")

WORTH = 1 << 21  # bytes from which a part is worth a thread (0.1 ms of work at least)
_THREADS: ContextVar[tuple[int, int]] = ContextVar("threads", default=(1, WORTH))  # how many, and what one is worth


@contextmanager
def threads(count: int, *, worth: int = WORTH) -> Iterator[None]:
    """Let what is computed inside use up to `count` threads, each for a part of `worth` bytes at least."""
    token = _THREADS.set((count, worth))
    try:
        yield
    finally:
        _THREADS.reset(token)


def parts(length: int, size: int) -> list[range]:
    """The numbers below `length`, cut into a part for every thread that is worth it; `size` is in bytes of them all.

    >>> with threads(2):
    ...     parts(5, 1 << 30)
    [range(0, 3), range(3, 5)]
    """
    most, worth = _THREADS.get()
    count = max(1, min(most, length, size // worth))
    step = -(-length // count)
    return [range(start, min(start + step, length)) for start in range(0, length, step)]


def each(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """The results in the order of the items; in threads, each in a context (error states and all) like this one."""
    count, _ = _THREADS.get()
    if count < 2 or len(items) < 2:
        return [function(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    with suppress(_NoThreadError), ThreadPoolExecutor(count) as pool:
        with _starting():
            futures = [pool.submit(copy_context().run, _alone, function, item) for item in items]
        return [future.result() for future in futures]
    return [function(item) for item in items]


def beside(first: Callable[[], Item], second: Callable[[], Result], size: int) -> tuple[Item, Result]:
    """Both results: `first` in a thread beside `second` where that is worth it, else one after the other.

    `size` is in bytes of what `first` works on.
    """
    count, worth = _THREADS.get()
    if count < 2 or size < worth:
        return first(), second()
    from concurrent.futures import ThreadPoolExecutor

    with suppress(_NoThreadError), ThreadPoolExecutor(1) as pool:
        with _starting():
            future = pool.submit(copy_context().run, first)
        result = second()
        return future.result(), result
    return first(), second()


class _NoThreadError(Exception):
    """The system gives no more of them: what they were for is done one after the other."""


@contextmanager
def _starting() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise _NoThreadError from error


def _alone(function: Callable[[Item], Result], item: Item) -> Result:
    with threads(1):
        return function(item)


Array = NDArray[Any]
Rows = Callable[[int, int], Array]  # gives the rows low ... high - 1 of a picture, H x W or H x W x C

BAND_VALUES = 1 << 16  # that become integers together: with their four passes they stay in the cache
KINDS = "bool, integers and floats"


def as_image(image: ArrayLike) -> Array:
    """The array behind `image`, H x W or H x W x C, in this machine's order of bytes.

    UsageError when it is neither, holds no numbers or hides some of them behind a mask.
    """
    array = _as_array(image)
    if array.dtype.kind not in "buif" or array.dtype.itemsize > 8:
        raise UsageError(f"an image of dtype {array.dtype} cannot be pooled: {KINDS} of up to 64 bits are allowed")
    if array.ndim not in (2, 3) or 0 in array.shape:
        shape = " x ".join(map(str, array.shape)) or "a single number"
        raise UsageError(f"an image of shape {shape} cannot be pooled: H x W or H x W x C, none of them 0, is allowed")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _as_array(image: ArrayLike) -> Array:
    try:
        array = np.asarray(image)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:  # ragged lists, tensors that ask for more
        reason = " ".join(str(error).split()).partition(". ")[0].rstrip(".")
        raise UsageError(
            f"an image that NumPy cannot read ({reason}): {KINDS} in rows of one length are allowed"
        ) from None
    masked = masked_array(image)
    if masked is not None and np.any(masked.mask):
        raise UsageError("a masked array loses its mask here: pool, adaptive_pool and apply leave masked values out")
    if array.dtype == np.float64 and isinstance(image, list | tuple) and not _is_exact(array, image):
        raise UsageError("an image of whole numbers that no 64-bit type holds together: give it as an array of floats")
    return array


def _is_exact(array: Array, image: Any) -> bool:
    """Whether floats that NumPy made of a list are the numbers in it: it takes whole ones beyond 64 bits for floats."""
    if not (np.abs(array) >= 2.0**53).any():
        return True
    given = np.asarray(image, object).reshape(-1)
    return all(
        value == number
        for value, number in zip(given, array.reshape(-1).tolist(), strict=True)
        if isinstance(value, int)
    )


def masked_array(image: object) -> Any:
    """`image` if it is a `numpy.ma` array, else None; without loading numpy.ma, of which there are none till then."""
    module = sys.modules.get("numpy.ma")
    return image if module is not None and isinstance(image, module.MaskedArray) else None


def planes(image: Array) -> Array:
    """`image` as H x W x C, a view: a picture without channels has one."""
    return image[:, :, np.newaxis] if image.ndim == 2 else image


def integer_range(dtype: np.dtype[Any]) -> tuple[int, int]:
    if dtype.kind == "b":
        return 0, 1
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def full_range(dtype: np.dtype[Any]) -> int:
    """Largest minus smallest value that an integer dtype (or bool) can hold."""
    low, high = integer_range(dtype)
    return high - low


def to_integers(values: Array, dtype: np.dtype[Any], *, band_values: int = BAND_VALUES) -> Array:
    """Floats as integers of `dtype`: rounded half up, held inside its range, NaN as 0 (or its nearest value)."""
    integers = np.empty(values.shape, dtype)
    step = max(1, band_values * len(values) // max(1, values.size))
    for start in range(0, len(values), step):
        band = slice(start, start + step)
        integers[band] = _in_range(values[band], dtype)
    return integers


def _in_range(values: Array, dtype: np.dtype[Any]) -> Array:
    low, high = integer_range(dtype)
    rounded = values + values.dtype.type(0.5)
    np.floor(rounded, out=rounded)
    if np.isnan(rounded.max(initial=0)):
        rounded[np.isnan(rounded)] = 0
    np.clip(rounded, low, high, out=rounded)
    with np.errstate(invalid="ignore"):
        integers: Array = rounded.astype(dtype)
    if dtype.itemsize == 8:  # a float64 cannot hold 2**63 - 1: what was rounded up to 2**63 must not wrap
        integers[rounded >= float(high)] = high
    return integers
