"""NumPy's .npy files: read by memory map, checked before anything is believed, and written without pickles."""

import math
import mmap
import sys
import tokenize
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from poolcli.errors import PictureError

DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
          "float16", "float32", "float64")  # fmt: skip
MOST_AXES = 32  # NumPy 1 holds no more
_HEADERS: dict[tuple[int, int], Callable[..., Any]] = {
    (1, 0): npy_format.read_array_header_1_0,
    (2, 0): npy_format.read_array_header_2_0,
}
# TokenError: NumPy takes what is no Python for a header of Python 2 and reads it as tokens.
_HEADER_ERRORS = (ValueError, KeyError, EOFError, OSError, TypeError, SyntaxError, MemoryError, RecursionError,
                  OverflowError, tokenize.TokenError)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Header:
    """What a .npy file says of its array: checked to be numbers, `size` bytes of them."""

    shape: tuple[int, ...]
    order: Literal["C", "F"]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(stream: BinaryIO, name: str) -> Header:
    """The header at the front of `stream`, which is left where the array begins; PictureError when there is none."""
    try:
        version = npy_format.read_magic(stream)
        shape, fortran, dtype = _HEADERS[version](stream)
    except _HEADER_ERRORS as error:
        said = " ".join(str(error).split())[:120]
        raise PictureError(f"{name}: the .npy header cannot be read ({said}); save it again with numpy.save") from error
    if dtype.newbyteorder("=").name not in DTYPES:
        raise PictureError(f"{name}: an array of {str(dtype)[:60]} cannot be pooled; allowed: {', '.join(DTYPES)}")
    if len(shape) > MOST_AXES or not all(type(side) is int and 0 <= side <= sys.maxsize for side in shape):
        said = " x ".join(map(repr, shape))[:80]
        raise PictureError(f"{name}: the .npy header says that the array is {said}, which none is; save it again")
    return Header(shape, "F" if fortran else "C", dtype)


def read(stream: BinaryIO, name: str, *, mapped: bool) -> NDArray[Any]:
    """The array in `stream` as it lies there, read-only; `mapped` maps the file into memory instead of reading it.

    Raises PictureError when the header lies about the file, or the array is none of numbers.
    """
    header = read_header(stream, name)
    offset = stream.tell()
    held = stream.seek(0, 2) - offset
    if header.size > held:
        raise PictureError(
            f"{name}: the header promises {header.size} bytes of array and the file holds {held}; get it again"
        )
    if not mapped or not header.size:
        stream.seek(offset)
        return array_of(stream.read(header.size), header)
    try:
        content = mmap.mmap(stream.fileno(), offset + header.size, access=mmap.ACCESS_READ)
    except (OSError, ValueError, MemoryError) as error:
        raise PictureError(f"{name}: the array cannot be read ({error}); get the file again") from error
    return np.ndarray(header.shape, header.dtype, content, offset, order=header.order)


def array_of(content: bytes, header: Header) -> NDArray[Any]:
    """The array whose bytes these are."""
    return np.frombuffer(content, header.dtype).reshape(header.shape, order=header.order)


def native(pixels: NDArray[Any]) -> NDArray[Any]:
    """`pixels` in the machine's byte order, itself where it is."""
    if pixels.dtype == bool:
        # A byte that is neither 0 nor 1 would be a third truth value to NumPy's maxima and sums.
        truth: NDArray[np.bool_] = pixels.view(np.uint8) != 0
        return truth
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def let_go(pixels: NDArray[Any]) -> None:
    """Tell the system that what was read of the file behind `pixels` need not stay in memory."""
    base: Any = pixels
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def write_header(stream: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Begin a .npy file of this shape, whose values will follow in C order."""
    descr = npy_format.dtype_to_descr(dtype)
    npy_format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})


def write(pixels: NDArray[Any], stream: BinaryIO) -> None:
    """Write `pixels` to `stream` as .npy, in one piece and without a pickle; the stream need not seek."""
    contiguous = np.ascontiguousarray(pixels)
    write_header(stream, pixels.shape, contiguous.dtype)
    stream.write(contiguous.reshape(-1).view(np.uint8).data)
