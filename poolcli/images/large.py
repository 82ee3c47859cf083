"""A .npy file too large to be held in memory: mapped, read in rows, written in rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from poolcli.errors import PictureError
from poolcli.images import layouts, npy
from poolcli.images.formats import ARRAYS, START
from poolcli.images.guard import opened, reading
from poolcli.images.options import ReadOptions

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class LargeArray:
    """The array as it lies in the file, and what its axes are."""

    array: Array
    layout: str

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of every picture in it."""
        shape, rows = self.array.shape, self.layout.index("h")
        return shape[rows], shape[rows + 1]

    @property
    def pixels(self) -> int:
        """Of all pictures in it together, whatever their channels."""
        height, width = self.size
        return height * width * (len(self.array) if self.layout == "nchw" else 1)

    def parts(self, most: int) -> Iterator[Array]:
        """Views H x W or H x W x C that lie in the file one after the other.

        Where channels come first, pictures so small that several fit into `most` bytes come several at a time.
        """
        if self.layout in ("hw", "hwc"):
            yield self.array
            return
        planes = self.array.reshape(-1, *self.size)
        count = max(1, most // planes[0].nbytes)
        for first in range(0, len(planes), count):
            yield np.moveaxis(planes[first : first + count], 0, 2)

    def frames(self) -> Iterator[Array]:
        """Views H x W or H x W x C, one for every picture in it."""
        for picture in self.array if self.layout == "nchw" else [self.array]:
            yield picture if self.layout in ("hw", "hwc") else np.moveaxis(picture, 0, 2)

    def as_stored(self, band: Array) -> Array:
        """What became of a part, or of rows of it, as it lies in the file."""
        return band if self.layout in ("hw", "hwc") else np.moveaxis(band, 2, 0)

    def shape(self, size: tuple[int, int]) -> tuple[int, ...]:
        """The shape with another height and width."""
        rows = self.layout.index("h")
        return (*self.array.shape[:rows], *size, *self.array.shape[rows + 2 :])


def open_large(source: Path, name: str, options: ReadOptions, smallest: int) -> LargeArray | None:
    """The array in `source`; None unless it is a .npy of `smallest` bytes or more whose rows lie together (C order).

    Raises PictureError as `decode` does.
    """
    with opened(source, name) as stream:
        with reading(name):
            start = stream.read(START)
            stream.seek(0)
        if not start.startswith(ARRAYS["NPY"]):
            return None
        header = npy.read_header(stream, name)
        if header.size < smallest or header.order != "C":
            return None
        stream.seek(0)
        array = npy.read(stream, name, mapped=True)
    layout = layouts.layout_of(array.shape, options.layout, name)
    if options.frame is not None:
        count = len(array) if layout == "nchw" else 1
        if options.frame >= count:
            raise PictureError(f"{name}: no frame {options.frame}; the file has {count}, counted from 0")
        array = array[options.frame : options.frame + 1] if layout == "nchw" else array
    return LargeArray(array, layout)


def rows_of(part: Array, low: int, high: int) -> Array:
    """A copy of some rows; the file's pages do not stay in memory."""
    rows = npy.native(part[low:high]).copy()
    npy.let_go(part)
    return rows


def write_bands(stream: BinaryIO, shape: tuple[int, ...], bands: Iterator[Array]) -> None:
    """Write a .npy of `shape` from what lies in it one after the other; its dtype is that of the first band."""
    first = next(bands)
    npy.write_header(stream, shape, first.dtype)
    for band in chain([first], bands):
        stream.write(np.ascontiguousarray(band).reshape(-1).view(np.uint8).data)


class RowWriter:
    """A .npy file of pictures with the axes of a large array, written some rows of one picture at a time."""

    def __init__(self, stream: BinaryIO, large: LargeArray, size: tuple[int, int]) -> None:
        """`size`: (height, width) of every picture written."""
        self._stream, self._layout, self._shape = stream, large.layout, large.shape(size)
        self._begin: int | None = None
        self.size, self.dtype = size, np.dtype(np.uint8)

    def write(self, number: int, first: int, rows: Array) -> None:
        """Rows of picture `number` from row `first` on, H x W or H x W x C."""
        if self._begin is None:
            npy.write_header(self._stream, self._shape, rows.dtype)
            self.dtype = rows.dtype
            self._begin = self._stream.tell()
        if self._layout in ("hw", "hwc"):
            self._put(first * rows[0].nbytes, rows)
            return
        channels, height = self._shape[-3:-1]
        for channel, plane in enumerate(np.moveaxis(rows, 2, 0)):
            self._put(((number * channels + channel) * height + first) * plane[0].nbytes, plane)

    def _put(self, place: int, rows: Array) -> None:
        assert self._begin is not None
        self._stream.seek(self._begin + place)
        self._stream.write(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)
