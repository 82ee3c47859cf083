"""Draw the sample pictures: `python samples/draw.py [FOLDER]` writes them beside this script, or into FOLDER.

Every picture is computed from simple shapes and seeded noise, so a second run gives the same pixels.
"""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

from poolcli.reports.interactive import FOUR, ONE

Array = NDArray[np.float64]
Size = tuple[int, int]  # rows, columns
Point = tuple[float, float]  # column, row
Colour = tuple[float, float, float]


def one() -> Image.Image:
    """Draw a white "1" with a stem of two pixels on black, 28 x 28.

    Shifted left by one pixel, 38 pixels change; after line-v, ReLU and 2 x 2 max pooling, 12 of the 196 outputs do.
    """
    pixels = np.zeros((28, 28), np.uint8)
    for row, line in enumerate(ONE.split(), start=6):
        for column, ink in enumerate(line, start=10):
            pixels[row, column] = 255 * (ink == "#")
    return Image.fromarray(pixels)


def four() -> Image.Image:
    """Draw the textbook's 4 x 4: 2 x 2 max gives 20 30 / 112 37, average gives 13 8 / 79 20."""
    return Image.fromarray(np.array(FOUR, np.uint8))


def grid(size: Size) -> tuple[Array, Array]:
    """Give the row and the column of every pixel."""
    rows, columns = np.indices(size, np.float64)
    return rows, columns


def disc(size: Size, centre: Point, radius: float | Array) -> Array:
    """Say how much of every pixel a disc covers, 0 to 1."""
    rows, columns = grid(size)
    return np.clip(radius + 0.5 - np.hypot(columns - centre[0], rows - centre[1]), 0, 1)


def stroke(size: Size, start: Point, end: Point, width: float = 1) -> Array:
    """Say how much of every pixel a stroke of the pen covers, 0 to 1."""
    rows, columns = grid(size)
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = np.clip(((columns - start[0]) * dx + (rows - start[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    distance = np.hypot(columns - start[0] - along * dx, rows - start[1] - along * dy)
    return np.clip(width / 2 + 0.5 - distance, 0, 1)


def noise(size: Size, seed: int, persistence: float = 0.6, finest: int = 8) -> Array:
    """Sum ever finer random grids, each weaker than the last, as in natural pictures; -1 to 1."""
    random = np.random.Generator(np.random.PCG64(seed))
    total = np.zeros(size)
    for octave in range(1, finest + 1):
        cells = 1 << octave
        values = persistence**octave * (random.random((cells + 2, cells + 2)) - 0.5)
        total += enlarge(enlarge(values, size[0]).T, size[1]).T
    return total / float(np.abs(total).max())


def enlarge(values: Array, length: int) -> Array:
    """Stretch the rows of a random grid smoothly to the wanted number."""
    position = np.arange(length) * (len(values) - 2) / length
    before = position.astype(np.int64)
    weight = (position - before)[:, None]
    weight *= weight * (3 - 2 * weight)
    return values[before] * (1 - weight) + values[before + 1] * weight


def ramp(share: Array, start: Colour, end: Colour) -> Array:
    """Blend two colours by the share of the second, H x W, into H x W x 3."""
    return share[:, :, None] * end + (1 - share[:, :, None]) * start


def paint(canvas: Array, colour: Colour, cover: Array | NDArray[np.bool_]) -> None:
    """Lay a colour over the canvas, as far as it covers."""
    canvas += (np.array(colour) - canvas) * cover[:, :, None]


def to_bytes(canvas: Array) -> NDArray[np.uint8]:
    """Round to the 8-bit range."""
    return np.clip(np.floor(canvas + 0.5), 0, 255).astype(np.uint8)


def colour() -> Image.Image:
    """Draw a poster, RGB 61 x 47: a gradient, the word "pool", three translucent discs, stripes ever finer."""
    size = (47, 61)
    rows, columns = grid(size)
    canvas = ramp((rows + columns) / 106, (18, 34, 84), (250, 176, 112))
    for tint, x, y in (((232, 64, 76), 43, 13), ((255, 214, 74), 51, 13), ((40, 178, 190), 47, 20)):
        paint(canvas, tint, 0.75 * disc(size, (x, y), 7.5))
    canvas[13:26, 4] = canvas[8:22, 33] = 255
    for x in (8, 17, 26):
        paint(canvas, (255, 255, 255), disc(size, (x, 17), 4) * (1 - disc(size, (x, 17), 2.8)))
    for x, width in ((6, 3), (10, 3), (14, 2), (17, 2), *((x, 1) for x in range(20, 58, 2))):
        canvas[31:42, x : x + width] = (12, 18, 40)
    return Image.fromarray(to_bytes(canvas))


def transparent() -> Image.Image:
    """Draw a bubble, RGBA 53 x 41, on nothing; the colour hidden where alpha is 0 is a green that must never show."""
    size = (41, 53)
    rows, columns = grid(size)
    ball, gleam = disc(size, (22, 20), 15), disc(size, (16, 13), 3.5)
    wand = stroke(size, (35, 28), (49, 7), 1.6) * (1 - ball)
    shadow = np.clip(1 - np.hypot((columns - 31) / 20, (rows - 35) / 5), 0, 1)
    skin = np.maximum(0.35 + rows / 80, 1 - disc(size, (22, 20), 13))
    opacity = to_bytes(255 * np.maximum.reduce([0.55 * shadow, ball * skin, gleam, wand]))
    canvas = ramp(rows / 40, (255, 150, 90), (150, 40, 150))
    paint(canvas, (255, 255, 255), 0.9 * gleam)
    paint(canvas, (30, 24, 60), ball == 0)
    paint(canvas, (40, 90, 200), wand > 0)
    paint(canvas, (0, 255, 0), opacity == 0)
    return Image.fromarray(np.dstack([to_bytes(canvas), opacity]))


def deep() -> Image.Image:
    """Draw 16-bit gray, 59 x 45: a smooth glow that 8 bits cannot hold, with fine lines."""
    size = (45, 59)
    rows, columns = grid(size)
    canvas = 600 + 59400 * np.clip(1 - np.hypot(columns - 20, rows - 16) / 50, 0, 1) ** 2
    for x in range(4, 59, 10):
        canvas += (65000 - canvas) * 0.35 * stroke(size, (x, 0), (x + 8, 44))
    canvas += (300 - canvas) * disc(size, (42, 28), 7) * (1 - disc(size, (42, 28), 6))
    canvas[40:43, 6:53:2] = 65535
    return Image.fromarray(np.floor(canvas + 0.5).astype(np.uint16))


def mask() -> Image.Image:
    """Draw labels, palette 63 x 49: 0 meadow, 1 lake, 2 wood, 3 roof and 4 path, which is one pixel wide."""
    size = (49, 63)
    labels = np.zeros(size, np.uint8)
    for label, x, y, radius in ((1, 15, 36, 9), (2, 49, 12, 9), (2, 13, 8, 5)):
        labels[disc(size, (x, y), radius + 6 * noise(size, label, 0.5)) > 0.5] = label
    bends = [(0, 20), (16, 18), (32, 24), (42, 38), (62, 44)]
    for start, end in [*pairwise(bends), ((32, 24), (33, 10)), ((33, 10), (29, 0))]:
        labels[stroke(size, start, end) > 0.5] = 4
    for x, y in ((40, 27), (48, 33), (23, 12), (55, 35)):
        labels[y : y + 5, x : x + 6] = 3
    picture = Image.fromarray(labels).convert("P")
    picture.putpalette([156, 196, 104, 64, 132, 204, 36, 98, 62, 206, 84, 62, 250, 240, 208])
    return picture


def photo() -> Image.Image:
    """Draw a lake, mountains and a hut, upright 400 x 300, and store it lying on its side, as cameras do."""
    size = (300, 400)
    rows, _ = grid(size)
    canvas = ramp(np.clip(rows / 170, 0, 1), (74, 124, 190), (246, 214, 180))
    paint(canvas, (255, 250, 244), np.clip(1.6 * noise(size, 1) - 0.1, 0, 0.85))
    paint(canvas, (255, 246, 214), disc(size, (292, 62), 17))
    for base, height, tint, seed in ((112, 70, (128, 142, 170), 2), (146, 44, (74, 96, 104), 3)):
        rock = np.clip(rows + 0.5 - base + height * noise((2, 400), seed, 0.55)[1], 0, 1)
        paint(canvas, tint, rock)
        paint(canvas, (30, 40, 56), rock * np.clip(0.8 * noise(size, seed + 10, 0.8), 0, 0.6))
    canvas[170:] = canvas[169:39:-1] * 0.78 + (4, 14, 26)
    canvas[170:] += 60 * noise((300, 3200), 4, 0.85)[170:, :400, None]
    paint_shore(canvas, size)
    return Image.fromarray(np.rot90(to_bytes(canvas + 8 * noise(size, 9, 1, 9)[:, :, None])))


def paint_shore(canvas: Array, size: Size) -> None:
    """Paint the foreground of the photograph: grass, a hut and a fence."""
    rows, columns = grid(size)
    grass = np.clip(rows + 0.5 - 248 + columns / 9 - 12 * noise((2, 400), 6)[1], 0, 1)
    paint(canvas, (72, 92, 44), grass)
    canvas += (grass * noise(size, 7, 0.95))[:, :, None] * (70, 77, 42)
    canvas[188:244, 268:352] = ramp(columns // 6 % 2, (136, 72, 48), (148, 82, 55))[188:244, 268:352]
    for row in range(150, 190):
        canvas[row, 450 - row : 170 + row] = (66, 60, 66)
    for x in (282, 322):
        canvas[202:222, x : x + 18] = (244, 236, 220)
        canvas[204:220, [*range(x + 2, x + 8), *range(x + 10, x + 16)]] = (44, 52, 70)
    for x in range(12, 250, 26):
        paint(canvas, (228, 220, 206), stroke(size, (x, 236), (x, 276), 4))
    for y in (246, 262):
        paint(canvas, (214, 204, 188), stroke(size, (0, y + 2), (252, y - 2), 2.2))


def features() -> NDArray[np.float32]:
    """Give a float feature map, 13 x 17 x 8: noise about zero in multiples of 1/256, rougher in every channel."""
    channels = [noise((13, 17), 20 + channel, 0.4 + 0.1 * channel, 4) for channel in range(8)]
    return (np.floor(np.dstack(channels) * 512) / 256).astype(np.float32)


def srgb_profile() -> bytes:
    """Give a small sRGB profile; its date, bytes 24 to 35, is set to 1 January 2026 so that it never changes."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + np.array([2026, 1, 1, 0, 0, 0], ">u2").tobytes() + profile[36:]


def write(folder: Path) -> None:
    """Write every sample into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (one, four, colour, transparent, deep, mask):
        draw().save(folder / f"{draw.__name__}.png", optimize=True)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    photo().save(folder / "photo.jpg", quality=90, exif=exif, icc_profile=srgb_profile())
    np.save(folder / "features.npy", features())


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
