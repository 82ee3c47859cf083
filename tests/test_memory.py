"""Peak memory of a whole run on one large picture: the picture, the result, and little more."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

from poolcli.images import decoding
from tests.bench.facts import PEAK

TURNED = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" + bytes(4)  # a quarter of a turn
SLOPES = ((1, 0), (0, 1), (2, 3), (1, 5))  # of the channels


def draw(path, height, width):
    """A picture of soft colours, of that size."""
    rows, columns = np.ogrid[:height, :width]
    plane = (rows // 8 + columns // 5).astype(np.uint8)
    pixels = np.stack([plane, plane.T[:1].T + plane, 255 - plane], axis=2)
    Image.fromarray(pixels).save(path, **({"compress_level": 1} if path.suffix == ".png" else {}))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from /proc")
@pytest.mark.parametrize("extension", ["jpg", "png"])
@pytest.mark.parametrize(
    ("mode", "height", "width"),
    [("max", 3000, 4000), ("avg", 3000, 4000), pytest.param("max", 14_000, 14_000, marks=pytest.mark.slow)],
)
def test_a_picture_fits_into_input_output_and_96_mib(mode, height, width, extension, tmp_path):
    """The report included; the input counts as Pillow holds it, 4 bytes a pixel."""
    source, peak = tmp_path / f"large.{extension}", tmp_path / "peak"
    draw(source, height, width)
    words = [sys.executable, "-c", PEAK, str(peak), "pool", str(source), "--mode", mode, "-o", str(tmp_path / "out")]
    subprocess.run([*words, "--overwrite", "--max-pixels", "none"], check=True, capture_output=True)
    allowed = 4 * height * width + 3 * (height // 2) * (width // 2) + (96 << 20)
    assert int(peak.read_text()) * 1024 <= allowed


@pytest.mark.parametrize(
    ("name", "mode", "size", "more"),
    [
        ("a.png", "RGB", (4200, 4100), {}),
        ("a.jpg", "RGB", (4200, 4100), {}),
        pytest.param("turned.jpg", "RGB", (4200, 4100), {"exif": TURNED}, marks=pytest.mark.slow),
        pytest.param("clear.png", "RGB", (4200, 4100), {"transparency": (0, 5, 255)}, marks=pytest.mark.slow),
        pytest.param("a.png", "RGBA", (4200, 4100), {}, marks=pytest.mark.slow),
        pytest.param("a.png", "L", (8300, 8200), {}, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_large_pictures_are_what_pillow_reads(name, mode, size, more, tmp_path):
    """Their memory is taken over from Pillow: pixels, turned and with a transparent colour too."""
    rows, columns = np.ogrid[: size[1], : size[0]]
    planes = [(rows * a // 7 + columns * b // 5 + rows * columns // 999).astype(np.uint8) for a, b in SLOPES]
    pixels = planes[0] if mode == "L" else np.stack(planes[: len(mode)], axis=2)
    path = tmp_path / name
    Image.fromarray(pixels).save(path, **({"compress_level": 1} if name.endswith("png") else {}), **more)
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        expected = np.asarray(upright.convert("RGBA") if "transparency" in more else upright)
    frame = decoding.decode(path, name=name).frames[0]
    assert frame.pixels.dtype == np.uint8 and np.array_equal(frame.pixels, expected)
