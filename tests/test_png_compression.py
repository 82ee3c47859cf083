"""PNG by run lengths where that costs nothing: never 5 % more than level 6, on pictures of every kind."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, PngImagePlugin

import poolcli
from poolcli.images import png
from poolcli.images.encoding import encode
from poolcli.images.formats import EncodeOptions
from poolcli.images.frame import PIXEL_MODES, Frame, Palette, Picture
from poolcli.images.png import Rows
from tests.bench.pictures import photograph
from tests.pictures import random_picture

SAMPLES = Path(poolcli.__file__).parent.parent / "samples"
NOISE = np.random.default_rng(1)
SMALL, LARGE = (300, 420), (600, 840)  # the second, in colour, is large enough for our own rows
PHOTO = photograph(*SMALL)


def page(height, width):
    """Lines of text on white."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for line in range(height // 15):
        draw.text((NOISE.integers(0, width // 2), 15 * line), f"the quick brown fox jumps over dog {line}", "black")
    return np.asarray(image)


def pictures(height, width):
    """Photographs, drawings, noise, gradients, and some of each in one."""
    rows, columns = np.mgrid[:height, :width]
    text, photo = page(height, width), photograph(height, width)
    tile = NOISE.integers(0, 256, (20, 30, 3), np.uint8)
    third, half = height // 3, width // 2
    return {
        "photo": photo,
        "grey photo": photo[..., 0],
        "text": text,
        "photo above text": np.concatenate([photo[:third], text[third:]]),
        "photo beside text": np.concatenate([photo[:, :half], text[:, half:]], axis=1),
        "noise": NOISE.integers(0, 256, (height, width, 3), np.uint8),
        "few values": NOISE.integers(0, 4, (height, width), np.uint8) * 60,
        "a tile again and again": np.tile(tile, (height // 20, width // 30, 1)),
        "gradient": ((rows + columns) // 3 % 256).astype(np.uint8),
        "flat": np.full((height, width, 3), 7, np.uint8),
        "16 bits": NOISE.normal(30_000, 3_000, (height, width)).astype(np.uint16),
        "one pixel": np.zeros((1, 1), np.uint8),
        "one row": photo[:1],
        "one column": photo[:, :1],
    }


KINDS = {f"{name}, {height}x{width}": pixels for height, width in (SMALL, LARGE)
         for name, pixels in pictures(height, width).items()}  # fmt: skip


def size(image, **arguments):
    """Bytes of `image` as PNG."""
    file = BytesIO()
    image.save(file, "PNG", **arguments)
    return file.tell()


class File(BytesIO):
    """A file that is written, by whose name Pillow knows the format."""

    name = "picture.png"


def written(image, pixels, **given):
    """The file that we write."""
    file = File()
    palette = Palette(bytes(image.getpalette())) if image.mode == "P" else None
    png.write(Picture("PNG", (Frame(pixels, image.mode, palette=palette),), image.mode), file, given)
    return file


def holds(image):
    """Whether the file holds the picture and is at most 5 % (and a header's worth) larger than level 6; the way."""
    pixels = np.asarray(image)
    file, best = written(image, pixels), size(image, compress_level=6)
    assert len(file.getvalue()) <= 1.05 * best + 8, f"{len(file.getvalue())} bytes, {best} at level 6"
    with Image.open(file) as back:
        assert back.mode == image.mode
        assert np.array_equal(np.asarray(back), pixels)
    with Image.open(file) as back:
        back.verify()
    return png.choice(image, Rows.of(pixels, image.mode))


@pytest.mark.parametrize("pixels", KINDS.values(), ids=KINDS)
def test_never_five_percent_larger_than_level_6(pixels):
    """Gray, colour, palette and 1 bit of each."""
    image = Image.fromarray(pixels)
    holds(image)
    if pixels.dtype == np.uint8:
        for mode in ("P", "1", "LA", "RGBA"):
            holds(image.convert(mode))


@pytest.mark.parametrize("path", sorted([*SAMPLES.glob("*.png"), *SAMPLES.glob("*.jpg")]), ids=lambda path: path.name)
def test_the_samples_too(path):
    """As they lie there."""
    with Image.open(path) as image:
        holds(image.convert("RGB") if image.mode == "CMYK" else image)


def test_photographs_by_run_lengths_drawings_by_matching():
    """The two that the choice is for; large photographs by our own rows."""
    assert holds(Image.fromarray(PHOTO)) == png.PILLOWS_RUNS
    assert holds(Image.fromarray(photograph(*LARGE))) in png.OWN
    for shape in (SMALL, LARGE):
        assert holds(Image.fromarray(page(*shape))) == png.SEARCH


@pytest.mark.parametrize("mode", [mode for mode in png.ROW_MODES if not PIXEL_MODES[mode].narrow])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (5, 7), (40, 23)])
@pytest.mark.parametrize("band", [1, 100, 1 << 18])
@pytest.mark.parametrize("way", png.OWN)
def test_rows_are_what_a_reader_finds(mode, shape, band, way):
    """In bands of any size, chunks of any size: every mode, every value."""
    image, file = random_picture(mode, shape[::-1]), BytesIO()
    rows = Rows.of(np.asarray(image), mode)
    png.write_chunks(file, png.parts_of(rows, mode, way, {}, band_bytes=band, chunk_bytes=band))
    with Image.open(file) as back:
        assert (back.mode, back.size) == (mode, image.size)
        assert np.array_equal(np.asarray(back), np.asarray(image))


def test_rows_take_the_filter_that_leaves_least():
    """The left neighbour along stripes, the one above across them, the mean of both in noise on a slope."""
    ramp = np.arange(0, 250, 5, np.uint8)
    slope = np.add.outer(np.arange(20), np.arange(200)) + np.random.default_rng(1).integers(0, 36, (20, 200))
    for pixels, filters in (
        (np.tile(ramp, (50, 1)), [1] + [2] * 49),
        (np.tile(ramp[:, None], (1, 50)), [1] * 50),
        (slope.astype(np.uint8), [1] + [3] * 19),
    ):
        stream = zlib.decompress(b"".join(Rows.of(pixels, "L").compressed(zlib.Z_RLE)))
        assert list(stream[:: 1 + pixels.shape[1]]) == filters


def test_rows_have_everything_else_from_pillow():
    """Metadata before and after the pixels, and their order."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "a picture")
    info.add(b"teSt", b"private", after_idat=True)
    given = {
        "pnginfo": info,
        "dpi": (72, 72),
        "icc_profile": b"profile",
        "exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0",
    }
    image, names = Image.fromarray(PHOTO), {}
    assert png.choice(image, Rows.of(PHOTO, "RGB")) == png.PILLOWS_RUNS
    names[png.PILLOWS_RUNS] = list(dict.fromkeys(chunks(written(image, PHOTO, **given).getvalue())))
    for way in png.OWN:
        file = BytesIO()
        png.write_chunks(file, png.parts_of(Rows.of(PHOTO, "RGB"), "RGB", way, given))
        names[way] = list(dict.fromkeys(chunks(file.getvalue())))
    assert names[png.CODES] == names[png.RUNS] == names[png.PILLOWS_RUNS]
    assert {b"tEXt", b"teSt", b"pHYs", b"iCCP", b"eXIf"} <= set(names[png.CODES])


def chunks(file):
    """The names of the chunks of a PNG, in order."""
    at = 8
    while at < len(file):
        length, name = struct.unpack_from(">I4s", file, at)
        yield name
        at += 12 + length


def test_a_level_that_is_asked_for_is_taken():
    """--png-level leaves nothing to choose; without it the choice is what is written."""
    picture = Picture("PNG", (Frame(PHOTO, "RGB"),), "RGB")
    sizes = {}
    for level in (None, 0, 6, 9):
        file = BytesIO()
        encode(picture, file, options=EncodeOptions(png_level=level))
        sizes[level] = file.tell()
        file.seek(0)
        assert np.array_equal(np.asarray(Image.open(file)), PHOTO)
    image = Image.fromarray(PHOTO)
    expected = {level: size(image, compress_level=level) for level in (0, 6, 9)}
    assert sizes == expected | {None: len(written(image, PHOTO).getvalue())}
