"""Peak memory of a whole run on one large picture: the picture, the result, and little more."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.bench.facts import PEAK

HEIGHT, WIDTH = 3000, 4000


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from /proc")
@pytest.mark.parametrize("extension", ["jpg", "png"])
@pytest.mark.parametrize("mode", ["max", "avg"])
def test_twelve_megapixels_fit_into_input_output_and_96_mib(mode, extension, tmp_path):
    """The report included; the input counts as Pillow holds it, 4 bytes a pixel."""
    rows, columns = np.ogrid[:HEIGHT, :WIDTH]
    plane = (rows // 8 + columns // 5).astype(np.uint8)
    source, peak = tmp_path / f"large.{extension}", tmp_path / "peak"
    Image.fromarray(np.stack([plane, plane.T[:1].T + plane, 255 - plane], axis=2)).save(source)
    words = [sys.executable, "-c", PEAK, str(peak), "pool", str(source), "--mode", mode, "-o", str(tmp_path / "out")]
    subprocess.run([*words, "--overwrite"], check=True, capture_output=True)
    allowed = 4 * HEIGHT * WIDTH + 3 * (HEIGHT // 2) * (WIDTH // 2) + (96 << 20)
    assert int(peak.read_text()) * 1024 <= allowed
