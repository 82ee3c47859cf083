"""NumPy's .npy files: read by memory map, checked before anything is believed, and written without pickles."""

import math
import tokenize
from collections.abc import Callable
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from poolcli.errors import PictureError
from poolcli.images.frame import Frame, Picture

MAGIC = npy_format.MAGIC_PREFIX
DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
          "float16", "float32", "float64")  # fmt: skip
_HEADERS: dict[tuple[int, int], Callable[..., Any]] = {
    (1, 0): npy_format.read_array_header_1_0,
    (2, 0): npy_format.read_array_header_2_0,
}
# TokenError: NumPy takes what is no Python for a header of Python 2 and reads it as tokens.
_HEADER_ERRORS = (ValueError, KeyError, EOFError, OSError, TypeError, SyntaxError, MemoryError, RecursionError,
                  tokenize.TokenError)  # fmt: skip


def read(stream: BinaryIO, name: str, *, mapped: bool) -> Picture:
    """The array in `stream` as a picture of one frame; `mapped` maps the file into memory instead of reading it.

    The array is H x W or H x W x C; H x W x 1 becomes H x W. Raises PictureError when the header lies about the
    file, or the array is none of numbers in two or three dimensions.
    """
    shape, fortran, dtype = _header(stream, name)
    _check(shape, dtype, name)
    offset, needed = stream.tell(), math.prod(shape) * dtype.itemsize
    held = stream.seek(0, 2) - offset
    if needed > held:
        raise PictureError(
            f"{name}: the header promises {needed} bytes of array and the file holds {held}; get it again"
        )
    pixels = _array(stream, mapped, offset, shape, dtype, "F" if fortran else "C", name)
    notes: tuple[str, ...] = ()
    if len(shape) == 3 and shape[2] == 1:
        pixels, notes = pixels[:, :, 0], ("an array of H x W x 1 is pooled as H x W",)
    native = _native(pixels)
    return Picture("NPY", (Frame(native, native.dtype.name),), stored_mode=dtype.name, notes=notes)


def _header(stream: BinaryIO, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = npy_format.read_magic(stream)
        header: tuple[tuple[int, ...], bool, np.dtype[Any]] = _HEADERS[version](stream)
    except _HEADER_ERRORS as error:
        said = " ".join(str(error).split())[:120]
        raise PictureError(f"{name}: the .npy header cannot be read ({said}); save it again with numpy.save") from error
    return header


def _check(shape: tuple[int, ...], dtype: np.dtype[Any], name: str) -> None:
    if dtype.newbyteorder("=").name not in DTYPES:
        raise PictureError(f"{name}: an array of {str(dtype)[:60]} cannot be pooled; allowed: {', '.join(DTYPES)}")
    if len(shape) not in (2, 3):
        raise PictureError(
            f"{name}: an array of {len(shape)} dimensions, {_spelled(shape)}; allowed: H x W and H x W x C"
        )
    if min(shape) < 1:
        raise PictureError(f"{name}: an array of {_spelled(shape)} has no pixels; every side must be 1 or more")


def _spelled(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape[:8])) or "a single value"


def _array(
    stream: BinaryIO,
    mapped: bool,
    offset: int,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    order: Literal["C", "F"],
    name: str,
) -> NDArray[Any]:
    try:
        if mapped:
            return np.memmap(stream, dtype, "r", offset, shape, order)
        stream.seek(offset)
        content = stream.read(math.prod(shape) * dtype.itemsize)
        return np.frombuffer(content, dtype).reshape(shape, order=order)
    except (OSError, ValueError, MemoryError) as error:
        raise PictureError(f"{name}: the array cannot be read ({error}); get the file again") from error


def _native(pixels: NDArray[Any]) -> NDArray[Any]:
    if pixels.dtype == bool:
        # A byte that is neither 0 nor 1 would be a third truth value to NumPy's maxima and sums.
        truth: NDArray[np.bool_] = pixels.view(np.uint8) != 0
        return truth
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def write(pixels: NDArray[Any], stream: BinaryIO) -> None:
    """Write `pixels` to `stream` as .npy, in one piece and without a pickle; the stream need not seek."""
    contiguous = np.ascontiguousarray(pixels)
    npy_format.write_array_header_1_0(stream, npy_format.header_data_from_array_1_0(contiguous))
    stream.write(contiguous.reshape(-1).view(np.uint8).data)
