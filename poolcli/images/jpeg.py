"""A look at the markers of a JPEG: libjpeg fills what is missing with grey, warns, and Pillow passes the warning over.

Found are an early end where restart markers count the parts, or where fewer bytes are there than the blocks can take;
parts that are missing or out of order; and bytes among the data that begin a marker which cannot stand there. Not found
are other bytes that were changed, zeroed or cut out of a file without restart markers: what is left of its code is code
for other pixels, which only its maker could tell from the right ones. Source: ITU-T T.81, B.1 and B.2, E.2.4.
"""

from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from poolcli.errors import PictureError
from poolcli.images.options import Request

_EOI, _SOS, _DRI, _RESTARTS = 0xD9, 0xDA, 0xDD, range(0xD0, 0xD8)
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # of blocks: sequential, progressive, by Huffman's or arithmetic code
_SEQUENTIAL = {0xC0, 0xC1}
_BETWEEN = {0xC4, 0xCC, 0xDB, _SOS, 0xDC, _DRI, 0xFE, *range(0xE0, 0xF0)}  # what may follow a scan


def check(stream: BinaryIO, request: Request) -> None:
    """PictureError for a JPEG in `stream` that ends early or has a hole, as far as its markers tell."""
    stream.seek(0)
    data = stream.read()
    size: tuple[int, int] = (0, 0)
    sampling: dict[int, tuple[int, int]] = {}
    kind, interval, at, places = 0, 0, 2, _markers(data)
    while (number := int(np.searchsorted(places, at))) < len(places):
        start = int(places[number]) + 2
        marker, end = data[start - 1], start + int.from_bytes(data[start : start + 2])
        at = start if marker in _RESTARTS or marker == 1 else end
        if marker == _EOI or end > len(data):
            return
        if marker in _FRAMES and end - start >= 8:
            kind, sides = marker, data[start + 3 : start + 7]
            size = int.from_bytes(sides[2:]), int.from_bytes(sides[:2])
            fields = data[start + 8 : end]
            sampling = {fields[at]: (fields[at + 1] >> 4, fields[at + 1] & 15) for at in range(0, len(fields) - 2, 3)}
        elif marker == _DRI and end - start >= 4:
            interval = int.from_bytes(data[start + 2 : start + 4])
        elif marker == _SOS:
            parts = data[start + 3 : start + 3 + 2 * data[start + 2] : 2]
            known = kind and min(size) and all(part in sampling and min(sampling[part]) for part in parts)
            units = _units(size, sampling, parts) if known and parts else (0, 0)
            at = _scan(data, end, places, units, interval, request)
            if kind in _SEQUENTIAL and 8 * (at - end) < 2 * units[1]:  # two codes a block, of a bit each at least
                raise _broken(f"{at - end} bytes for {units[1]} blocks of pixels", request)


def _markers(data: bytes) -> NDArray[np.intp]:
    """Where bytes of 255 stand that begin a marker: 0 after them makes them data, and 255 fill."""
    values = np.frombuffer(data, np.uint8)
    places = np.flatnonzero(values[:-1] == 255)
    following = values[places + 1]
    found: NDArray[np.intp] = places[(following != 0) & (following != 255)]
    return found


def _broken(what: str, request: Request) -> PictureError:
    return request.refuse(f"the picture has a hole or ends early ({what}); get the file again")


def _units(size: tuple[int, int], sampling: dict[int, tuple[int, int]], parts: bytes) -> tuple[int, int]:
    """How many units a scan of these components has, and how many blocks all of them together."""
    across, down = (max(each[axis] for each in sampling.values()) for axis in (0, 1))
    if len(parts) == 1:
        wide, tall = sampling[parts[0]]
        units = _up(_up(size[0] * wide, across), 8) * _up(_up(size[1] * tall, down), 8)
        return units, units
    units = _up(size[0], 8 * across) * _up(size[1], 8 * down)
    return units, units * sum(wide * tall for wide, tall in (sampling[part] for part in parts))


def _up(value: int, step: int) -> int:
    return (value + step - 1) // step


def _scan(
    data: bytes, at: int, places: NDArray[np.intp], units: tuple[int, int], interval: int,
    request: Request,
) -> int:  # fmt: skip
    """Where the scan ends whose data begin at `at`; PictureError for parts that are missing."""
    restarts, end = 0, len(data)
    for place in places[np.searchsorted(places, at) :]:
        marker = data[place + 1]
        if marker not in _RESTARTS:
            end = int(place)
            if marker != _EOI and marker not in _BETWEEN:
                raise _broken(f"a marker {marker:02X} among the pixels", request)
            break
        if interval and marker != _RESTARTS[restarts % 8]:
            raise _broken(f"part {restarts + 1} of its data is missing", request)
        restarts += 1
    if interval and restarts < _up(units[0], interval) - 1:
        raise _broken(f"{restarts + 1} of {_up(units[0], interval)} parts of its data are there", request)
    return end
