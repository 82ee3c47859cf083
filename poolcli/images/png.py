"""How to compress a PNG, by looking at it: no search for photographs, real matching for drawings.

In a photograph hardly anything comes twice once its rows are filtered: looking for it takes most of the time and finds
next to nothing; run lengths, or nothing but codes for single bytes, write the same size in a fraction of it. In flat
graphics the search is what makes the file small. 3 megapixels of a photograph, here: 70 ms and 3.3 MB by codes, 85 ms
and 3.4 MB by run lengths, 200 ms and 3.5 MB by Pillow's run lengths, 1,380 ms and 3.7 MB at level 6.
"""

import zlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any, BinaryIO

from numpy.typing import NDArray
from PIL import Image

from poolcli.images import png_rows
from poolcli.images.png_rows import Rows

# Ways to write the pixels: by our own rows, with a strategy of zlib's, or with arguments for Pillow.
CODES, RUNS, PILLOWS_RUNS, SEARCH = "codes", "runs", "pillow's runs", "search"
OWN: Mapping[str, int] = {CODES: zlib.Z_HUFFMAN_ONLY, RUNS: zlib.Z_RLE}
PILLOWS: Mapping[str, Mapping[str, int]] = {
    PILLOWS_RUNS: {"compress_level": 6, "compress_type": zlib.Z_RLE},
    SEARCH: {"compress_level": 6},
}
LEAST_BYTES = 1 << 20  # of a picture for our own rows; with less Pillow's one call keeps fewer threads waiting
STRIPS = 4
STRIP_VALUES = 64 << 10  # of a strip: twice the window in which zlib finds things again
LEAST_VALUES = 4 << 10  # a picture of fewer is looked at as a whole
FLAT = 0.4  # of the values equal to the ones before them: then there is a drawing in it, though strips may miss it
DRAWING = 0.2  # bytes a value: what shrinks to less is a drawing, which the search is quick with
MOST_LARGER = 1.01  # of the strips, so that the whole file never is 5 % larger


def save(image: Image.Image, pixels: NDArray[Any], stream: BinaryIO, given: Mapping[str, Any]) -> None:
    """Write `image`, which is made of `pixels`, with Pillow's arguments `given`; a level among them is taken."""
    if "compress_level" in given:
        image.save(stream, "PNG", **given)
        return
    rows = Rows.of(pixels, image.mode)
    way = choice(image, rows)
    if rows is not None and way in OWN:
        png_rows.save(rows, image.mode, OWN[way], stream, given)
    else:
        image.save(stream, "PNG", **PILLOWS[way], **given)


def choice(image: Image.Image, rows: Rows | None = None) -> str:
    """The way to write `image`, told by strips of it; `rows` are its own, if there are any.

    >>> choice(Image.new("RGB", (400, 300)))
    'search'
    """
    if rows is not None and rows.flat() > FLAT:
        return SEARCH
    strips = _strips(image)
    values = sum(bottom - top for top, bottom in strips) * image.width * len(image.getbands())
    search = 0
    large = rows is not None and rows.values.nbytes >= LEAST_BYTES
    for ways in (tuple(OWN), (PILLOWS_RUNS,)) if large else ((PILLOWS_RUNS,),):
        size, way = min((_size(way, image, rows, strips), way) for way in ways)
        if size <= DRAWING * values:
            break
        search = search or _size(SEARCH, image, rows, strips)
        if size <= MOST_LARGER * search:
            return way
    return SEARCH


def _strips(image: Image.Image) -> list[tuple[int, int]]:
    """Strips of whole rows, (first, last + 1), evenly spread: an eighth of a small picture, a quarter at most."""
    width, height = image.size
    row = width * len(image.getbands())
    rows = min(-(-STRIP_VALUES // row), max(-(-height // 8), -(-LEAST_VALUES // row)))
    count = max(1, min(STRIPS, height // (4 * rows)))
    gap = height // count
    tops = range((gap - min(rows, gap)) // 2, height, gap)
    return [(top, min(height, top + rows)) for top in tops[:count]]


def _size(way: str, image: Image.Image, rows: Rows | None, strips: list[tuple[int, int]]) -> int:
    """Bytes that the strips take, written this way."""
    written = 0
    for top, bottom in strips:
        if rows is not None and way in OWN:
            written += sum(map(len, rows.part(top, bottom).compressed(OWN[way])))
        else:
            file = BytesIO()
            image.crop((0, top, image.width, bottom)).save(file, "PNG", **PILLOWS[way])
            written += file.tell()
    return written
