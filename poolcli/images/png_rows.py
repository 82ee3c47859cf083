"""The pixels of a PNG: rows filtered with NumPy and compressed without a search, in a third of Pillow's time.

Every row is written as its difference from the pixels to the left, above, or the mean of both, whichever is smallest
(the sum of absolute differences; PNG specification, third edition, 9 and 12.7). All else in the file is Pillow's.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from poolcli.images import modes
from poolcli.images.png_read import Part

Bytes = NDArray[np.uint8]

MODES = ("L", "LA", "RGB", "RGBA", "I;16", "LA;16", "RGB;16", "RGBA;16")
BAND_BYTES = 1 << 18  # of rows that are filtered together: in the cache, yet so large that a thread seldom waits
CHUNK_BYTES = 1 << 16  # of a chunk of the file, at least
FILTERS = (1, 2, 3)  # Sub, Up, Average: the numbers that the file has for them


@dataclass(frozen=True, slots=True)
class Rows:
    """The bytes of a picture, height x (width * bytes a pixel), as a PNG has them."""

    values: Bytes
    pixel: int

    @classmethod
    def of(cls, pixels: NDArray[Any], mode: str) -> "Rows | None":
        """Those of H x W or H x W x C pixels; None in modes that are left to Pillow."""
        if mode not in MODES:
            return None
        stored = np.ascontiguousarray(pixels, ">u2" if mode.endswith(";16") else np.uint8)
        values = stored.view(np.uint8).reshape(len(pixels), -1)
        return cls(values, values.shape[1] // pixels.shape[1])

    def part(self, top: int, bottom: int) -> "Rows":
        """Some of them, as if there were no others."""
        return Rows(self.values[top:bottom], self.pixel)

    def flat(self) -> float:
        """The share of values that equal those of the pixel before, in every fourth row: hardly any in a photograph."""
        some = self.values[::4]
        return float(np.mean(some[:, self.pixel :] == some[:, : -self.pixel])) if some.shape[1] > self.pixel else 0.0

    def compressed(self, strategy: int, level: int = 6) -> Iterator[bytes]:
        """What a PNG holds of them, piece by piece; `strategy` and `level` are zlib's."""
        squeeze = zlib.compressobj(level, strategy=strategy)
        count = max(1, BAND_BYTES // self.values.shape[1])
        above = np.zeros((1, self.values.shape[1]), np.uint8)
        for top in range(0, len(self.values), count):
            band = self.values[top : top + count]
            filtered = _filtered(band, np.concatenate([above, band[:-1]]), self.pixel)
            yield squeeze.compress(filtered.data)
            above = band[-1:]
        yield squeeze.flush()


def _filtered(band: Bytes, above: Bytes, pixel: int) -> Bytes:
    """Rows with the number of their filter before them; `above`: the row above each."""
    left = np.zeros_like(band)
    left[:, pixel:] = band[:, :-pixel]
    mean = (left & above) + ((left ^ above) >> 1)  # rounded down, in eight bits
    tried = np.stack([band - left, band - above, band - mean])
    sizes = np.add.reduce(np.abs(tried.view(np.int8)).view(np.uint8), axis=2, dtype=np.uint64)
    best = sizes.argmin(axis=0)
    filtered = np.empty((len(band), 1 + band.shape[1]), np.uint8)
    filtered[:, 0] = np.take(FILTERS, best)
    filtered[:, 1:] = tried[best, np.arange(len(band))]
    return filtered


def parts(rows: Rows, mode: str, strategy: int, given: Mapping[str, Any], level: int = 6) -> Iterator[Part]:
    """The chunks of a PNG of these rows; `given` are Pillow's arguments for what it holds beside them."""
    width, height = rows.values.shape[1] // rows.pixel, len(rows.values)
    narrow = modes.MODES[mode].narrow
    for name, data, _ in PngImagePlugin.getchunks(Image.new(narrow or mode, (1, 1)), **given):
        if name == b"IDAT":
            yield from ((name, piece) for piece in _pieces(rows.compressed(strategy, level)))
        elif name == b"IHDR":
            depth = b"\x10" if narrow else data[8:9]
            yield name, struct.pack(">II", width, height) + depth + data[9:]
        else:
            yield name, data


def _pieces(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of CHUNK_BYTES or a little more."""
    waiting: list[bytes] = []
    for part in parts:
        waiting.append(part)
        if sum(map(len, waiting)) >= CHUNK_BYTES:
            yield b"".join(waiting)
            waiting.clear()
    yield b"".join(waiting)
