"""PNG by run lengths where that costs nothing: never 5 % more than level 6, on pictures of every kind."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

import poolcli
from poolcli.images import EncodeOptions, Frame, Picture, encode, png
from tests.bench.pictures import photograph

SAMPLES = Path(poolcli.__file__).parent.parent / "samples"
PHOTO, NOISE = photograph(300, 420), np.random.default_rng(1)


def page():
    """Lines of text on white."""
    image = Image.new("RGB", (420, 300), "white")
    draw = ImageDraw.Draw(image)
    for line in range(20):
        draw.text((NOISE.integers(0, 200), 15 * line), f"the quick brown fox jumps over dog {line}", fill="black")
    return np.asarray(image)


def pictures():
    """Photographs, drawings, noise, gradients, and some of each in one."""
    rows, columns = np.mgrid[:300, :420]
    text = page()
    tile = NOISE.integers(0, 256, (20, 30, 3), np.uint8)
    return {
        "photo": PHOTO,
        "grey photo": PHOTO[..., 0],
        "text": text,
        "photo above text": np.concatenate([PHOTO[:100], text[100:]]),
        "photo beside text": np.concatenate([PHOTO[:, :200], text[:, 200:]], axis=1),
        "noise": NOISE.integers(0, 256, (300, 420, 3), np.uint8),
        "few values": NOISE.integers(0, 4, (300, 420), np.uint8) * 60,
        "a tile again and again": np.tile(tile, (15, 14, 1)),
        "gradient": ((rows + columns) // 3 % 256).astype(np.uint8),
        "flat": np.full((300, 420, 3), 7, np.uint8),
        "16 bits": NOISE.normal(30_000, 3_000, (200, 300)).astype(np.uint16),
        "one pixel": np.zeros((1, 1), np.uint8),
        "one row": PHOTO[:1],
        "one column": PHOTO[:, :1],
    }


def size(image, **arguments):
    """Bytes of `image` as PNG."""
    file = BytesIO()
    image.save(file, "PNG", **arguments)
    return file.tell()


def holds(image):
    """Whether the choice is at most 5 % (and a header's worth) larger than level 6, and what was chosen."""
    chosen = png.compression(image)
    have, best = size(image, **chosen), size(image, compress_level=6)
    assert have <= 1.05 * best + 8, f"{have} bytes with {chosen}, {best} at level 6"
    return "compress_type" in chosen


@pytest.mark.parametrize("pixels", pictures().values(), ids=pictures())
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
    """The two that the choice is for."""
    assert holds(Image.fromarray(PHOTO))
    assert not holds(Image.fromarray(page()))


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
    assert sizes == expected | {None: size(image, **png.compression(image))}
