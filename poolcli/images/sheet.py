"""Pictures drawn for people: contact sheets, and how values are shown."""

from collections.abc import Iterator, Sequence
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from poolcli.errors import escaped
from poolcli.images.frame import Frame, converted
from poolcli.records import dataclass

Pixels = NDArray[np.uint8]  # H x W, or H x W x 2 (LA), 3 (RGB) or 4 (RGBA)

# What a mode is shown as; modes of more than 8 bits are not here, since how they are scaled is the caller's choice.
_SHOWN = {"1": "L", "L": "L", "LA": "LA", "La": "LA", "PA": "RGBA", "RGB": "RGB", "RGBA": "RGBA", "RGBa": "RGBA"}
_SHOWN |= dict.fromkeys(("RGBX", "CMYK", "YCbCr", "HSV"), "RGB")
_SHOWN["LAB"] = "LAB"  # false colours, but the same before and after
_MODES = {2: "LA", 3: "RGB", 4: "RGBA"}
_PNG_OVERHEAD = 1024  # below this a JPEG, which has 600 bytes of headers, is not tried


def shown(frame: Frame) -> Pixels | None:
    """`frame` as a screen shows it, or None for modes that are not 8 bits a channel.

    >>> shown(Frame(np.array([[True, False]]), "1")).tolist()
    [[255, 0]]
    """
    if frame.mode == "P":
        return converted(frame, "RGBA" if frame.clear else "RGB").pixels
    target = _SHOWN.get(frame.mode)
    return frame.pixels if target == frame.mode else None if target is None else converted(frame, target).pixels


def png(pixels: Pixels) -> bytes:
    """The pixels as a PNG, as small as Pillow makes it."""
    return _saved(_image(pixels), "PNG", optimize=True)


def photo(pixels: Pixels) -> bytes:
    """The pixels as a PNG, or as a JPEG where that is smaller: to be seen, not measured."""
    exact = png(pixels)
    if len(exact) < _PNG_OVERHEAD or (pixels.ndim == 3 and pixels.shape[2] in (2, 4)):
        return exact
    lossy = _saved(_image(pixels), "JPEG", quality=82, optimize=True)
    return min(exact, lossy, key=len)


def palette_png(indices: Pixels, colours: NDArray[np.uint8], alpha: bytes | None = None) -> bytes:
    """Indices H x W into `colours` (n x 3) as a PNG; `alpha` holds the opacity of the first colours."""
    image = Image.fromarray(np.ascontiguousarray(indices)).convert("P")
    image.putpalette(colours[: int(indices.max()) + 1].tobytes())
    more = {} if alpha is None else {"transparency": alpha}
    return _saved(image, "PNG", optimize=True, **more)


def fitted(picture: bytes, width: int, height: int) -> Pixels:
    """An encoded picture as RGB, H x W x 3, as large as fits into width x height; transparent parts gray."""
    with Image.open(BytesIO(picture)) as image:
        scale = min(width / image.width, height / image.height)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        method = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX
        small = image.convert("RGBA").resize(size, method)
    below = Image.new("RGBA", size, (128, 128, 128, 255))
    return np.asarray(Image.alpha_composite(below, small).convert("RGB"))


def _image(pixels: Pixels) -> Image.Image:
    mode = "L" if pixels.ndim == 2 else _MODES[pixels.shape[2]]
    return Image.frombuffer(mode, (pixels.shape[1], pixels.shape[0]), np.ascontiguousarray(pixels), "raw", mode, 0, 1)


def _saved(image: Image.Image, format: str, **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


PANEL = 320  # the longest side of an enlarged picture
MARGIN, GAP, LINE = 24, 20, 20
PAPER, INK, MUTED, FRAME = "#ffffff", "#16202c", "#5b6776", "#c9d0d8"
ROOM = "#eef1f4"  # around an output that is smaller than its picture
SQUARES = ("#ffffff", "#d9dee4")  # what shows through where a picture is transparent

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Tile:
    """One encoded picture with what stands around it; `size` is what it is enlarged to, `peak` the top of a heat-map.

    `marks` are laid over it. `at`: where it lies in the `room` that all tiles of a part have, so that outputs lie over
    the centres of their windows. `kind`: which of the six pictures it is. Sizes are (width, height).
    """

    kind: str
    picture: bytes
    size: tuple[int, int]
    heading: str
    caption: str
    marks: bytes | None = None
    peak: str | None = None
    at: tuple[int, int] = (0, 0)
    room: tuple[int, int] = (0, 0)

    @property
    def alt(self) -> str:
        """What is to be seen, in words."""
        if self.peak is None:
            return self.heading
        return f"{self.heading}, as a heat-map from 0 (dark) to {self.peak} (light). {self.caption}".strip()


Part = tuple[str, Sequence[Tile]]  # tiles, ACROSS of them in a row, under a heading (empty: none)
ACROSS = 3


def draw_sheet(title: str, lines: Sequence[str], parts: Sequence[Part], text: str, colours: NDArray[np.uint8]) -> bytes:
    """The sheet as a PNG: title and lines above, parts of tiles, `text` below; `colours` are the scales'."""
    width = 2 * MARGIN + ACROSS * PANEL + (ACROSS - 1) * GAP
    wrapped = list(_wrapped(text, font(15), width - 2 * MARGIN))
    height = 2 * MARGIN + 34 + LINE * (len(lines) + len(wrapped)) + sum(map(_part_height, parts))
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    y = MARGIN
    draw.text((MARGIN, y), _fitted(title, font(22), width - 2 * MARGIN), INK, font(22))
    y += 34
    for line in lines:
        draw.text((MARGIN, y), _fitted(line, font(15), width - 2 * MARGIN), MUTED, font(15))
        y += LINE
    for part in parts:
        y = _draw_part(sheet, draw, part, y, colours)
    for line in wrapped:
        draw.text((MARGIN, y), line, INK, font(15))
        y += LINE
    flat = sheet.getcolors(256) is not None  # so few that a palette holds them all
    return _saved(sheet.quantize(256, dither=Image.Dither.NONE) if flat else sheet, "PNG")


@cache
def font(size: int) -> Font:
    """Pillow's built-in font, in this size where Pillow can scale it."""
    return ImageFont.load_default(size)


def _rows(part: Part) -> list[Sequence[Tile]]:
    return [part[1][first : first + ACROSS] for first in range(0, len(part[1]), ACROSS)]


def _row_height(row: Sequence[Tile]) -> int:
    return 2 * LINE + 8 + max(tile.room[1] for tile in row) + (24 if any(tile.peak for tile in row) else 0) + 12


def _part_height(part: Part) -> int:
    return GAP + (LINE + 4 if part[0] else 0) + sum(map(_row_height, _rows(part)))


def _draw_part(sheet: Image.Image, draw: ImageDraw.ImageDraw, part: Part, y: int, colours: NDArray[np.uint8]) -> int:
    y += GAP
    if part[0]:
        draw.text((MARGIN, y), part[0], INK, font(15))
        y += LINE + 4
    for row in _rows(part):
        tallest = max(tile.room[1] for tile in row)
        for column, tile in enumerate(row):
            x = MARGIN + column * (PANEL + GAP)
            draw.text((x, y), _fitted(tile.heading, font(15), PANEL), INK, font(15))
            _paste(sheet, draw, tile, (x, y + LINE + 2))
            below = y + LINE + 8 + tallest
            draw.text((x, below), _fitted(tile.caption, font(14), PANEL), MUTED, font(14))
            if tile.peak is not None:
                _draw_scale(sheet, draw, tile.peak, (x, below + LINE + 2), colours)
        y += _row_height(row)
    return y


def _paste(sheet: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, corner: tuple[int, int]) -> None:
    if tile.room != tile.size:
        draw.rectangle((*corner, corner[0] + tile.room[0] - 1, corner[1] + tile.room[1] - 1), ROOM)
    place = corner[0] + tile.at[0], corner[1] + tile.at[1]
    for layer in filter(None, (tile.picture, tile.marks)):
        with Image.open(BytesIO(layer)) as image:
            method = Image.Resampling.NEAREST if tile.size[0] >= image.width else Image.Resampling.BOX
            large = image.convert("RGBA").resize(tile.size, method)
        if layer is tile.picture and large.getchannel("A").getextrema() != (255, 255):
            sheet.paste(_squares(tile.size), place)
        sheet.paste(large, place, large)
    x, y = place
    draw.rectangle((x - 1, y - 1, x + tile.size[0], y + tile.size[1]), outline=FRAME)


def _squares(size: tuple[int, int]) -> Image.Image:
    board = Image.new("RGB", size, SQUARES[0])
    draw = ImageDraw.Draw(board)
    for y in range(0, size[1], 10):
        for x in range(10 * (y // 10 % 2), size[0], 20):
            draw.rectangle((x, y, x + 9, y + 9), SQUARES[1])
    return board


def _draw_scale(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    peak: str,
    place: tuple[int, int],
    colours: NDArray[np.uint8],
) -> None:
    (x, y), first = place, font(12).getlength("0")
    bar = Image.fromarray(np.ascontiguousarray(colours[None])).resize((160, 10), Image.Resampling.NEAREST)
    start = x + round(first) + 6
    sheet.paste(bar, (start, y + 3))
    draw.text((x, y), "0", MUTED, font(12))
    draw.text((start + 166, y), peak, MUTED, font(12))


def _fitted(text: str, face: Font, width: int) -> str:
    """`text`, its middle left out where it is longer than `width`."""
    text = escaped(text)
    short = text
    while face.getlength(text) > width and len(short) > 8:
        short = short[: len(short) // 2 - 1] + short[len(short) // 2 + 1 :]
        text = f"{short[: len(short) // 2]}...{short[len(short) // 2 :]}"
    return text


def _wrapped(text: str, face: Font, width: int) -> Iterator[str]:
    line = ""
    for part in text.replace(" %", "\u00a0%").split(" "):
        longer = f"{line} {part}".strip()
        if line and face.getlength(longer) > width:
            yield line.replace("\u00a0", " ")  # the font has none that does not break
            longer = part
        line = longer
    if line:
        yield line.replace("\u00a0", " ")
