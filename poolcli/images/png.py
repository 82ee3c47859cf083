"""How to compress a PNG, by looking at it: no search for photographs, real matching for drawings.

In a photograph hardly anything comes twice once its rows are filtered: looking for it takes most of the time and finds
next to nothing; run lengths, or nothing but codes for single bytes, write the same size in a fraction of it. In flat
graphics the search is what makes the file small. 3 megapixels of a photograph, here: 70 ms and 3.3 MB by codes, 85 ms
and 3.4 MB by run lengths, 200 ms and 3.5 MB by Pillow's run lengths, 1,380 ms and 3.7 MB at level 6.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, BinaryIO, NamedTuple

from PIL import Image, PngImagePlugin

from poolcli.images import apng, png_rows
from poolcli.images.frame import Frame
from poolcli.images.modes import MODES, to_image
from poolcli.images.png_read import Part, write_chunks
from poolcli.images.png_rows import Rows

# Ways to write the pixels: by our own rows, with a strategy of zlib's, or with arguments for Pillow.
CODES, RUNS, PILLOWS_RUNS, SEARCH, LEVEL = "codes", "runs", "pillow's runs", "search", "the level that is asked for"
OWN: Mapping[str, int] = {CODES: zlib.Z_HUFFMAN_ONLY, RUNS: zlib.Z_RLE}
WIDE = {**OWN, SEARCH: zlib.Z_DEFAULT_STRATEGY, LEVEL: zlib.Z_DEFAULT_STRATEGY}  # of modes that Pillow does not write
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


def save(
    frames: Sequence[Frame], stream: BinaryIO, given: Mapping[str, Any], *, plays: int = 0, hidden: bool = False,
    more: Sequence[Part] = (),
) -> None:  # fmt: skip
    """Write a picture, or several as whole frames of an animation, with Pillow's arguments `given`.

    A level among them is taken. `plays`: how often, 0 for ever; `hidden`: the first frame is not part of it. `more`
    are chunks to stand before the pixels, which Pillow's writer has no way to.
    """
    if len(frames) > 1:
        pictures = (_parts(_planned(frame, given), given) for frame in frames)
        durations = [frame.info.get("duration") or 0 for frame in frames]
        write_chunks(stream, _with_more(apng.animated(pictures, durations, plays, hidden=hidden), more))
        return
    plan = _planned(frames[0], given)
    if plan.rows is None and not more:
        plan.image.save(stream, "PNG", **PILLOWS.get(plan.way, {}), **given)
    else:
        write_chunks(stream, _with_more(_parts(plan, given), more))


def _with_more(parts: Iterable[Part], more: Sequence[Part]) -> Iterator[Part]:
    for name, data in parts:
        yield name, data
        if name == b"IHDR":
            yield from more


class _Plan(NamedTuple):
    """How a picture is written: by our own rows, or by Pillow where there are none."""

    mode: str
    image: Image.Image
    rows: Rows | None
    way: str


def _planned(frame: Frame, given: Mapping[str, Any]) -> _Plan:
    mode, rows = frame.mode, Rows.of(frame.pixels, frame.mode)
    if narrow := MODES[mode].narrow:
        return _Plan(mode, Image.new(narrow, (1, 1)), rows, LEVEL if "compress_level" in given else _wide_choice(rows))
    image = to_image(frame)
    way = LEVEL if "compress_level" in given else choice(image, rows)
    return _Plan(mode, image, rows if way in OWN else None, way)


def _parts(plan: _Plan, given: Mapping[str, Any]) -> Iterable[Part]:
    """The chunks of a PNG."""
    if plan.rows is None:
        made = PngImagePlugin.getchunks(plan.image, **PILLOWS.get(plan.way, {}), **given)
        return ((name, data) for name, data, _ in made)
    rest = dict(given)
    level = rest.pop("compress_level", 6)
    return png_rows.parts(plan.rows, plan.mode, WIDE[plan.way], rest, level)


def _wide_choice(rows: Rows | None) -> str:
    """The quickest way that is hardly larger than the best, for modes that are always written by our own rows."""
    assert rows is not None
    height, row = rows.values.shape
    some = [rows.part(top, bottom) for top, bottom in _strips(row, height)]
    sizes = {way: sum(len(piece) for part in some for piece in part.compressed(WIDE[way])) for way in WIDE}
    return next(way for way in WIDE if way != LEVEL and sizes[way] <= MOST_LARGER * min(sizes.values()))


def choice(image: Image.Image, rows: Rows | None = None) -> str:
    """The way to write `image`, told by strips of it; `rows` are its own, if there are any.

    >>> choice(Image.new("RGB", (400, 300)))
    'search'
    """
    if rows is not None and rows.flat() > FLAT:
        return SEARCH
    strips = _strips(image.width * len(image.getbands()), image.height)
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


def _strips(row: int, height: int) -> list[tuple[int, int]]:
    """Strips of whole rows, (first, last + 1), evenly spread: an eighth of a small picture, a quarter at most.

    `row`: the values of a row.
    """
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
