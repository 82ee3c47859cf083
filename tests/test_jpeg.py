"""Holes in a JPEG that its markers show are refused; sound ones of every kind are not."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from poolcli.errors import PictureError
from poolcli.images import decoding, guard
from poolcli.images.formats import Request
from tests.conftest import SAMPLES
from tests.pictures import file_of, random_picture

SMOOTH = Image.fromarray(np.add.outer(np.arange(96), np.arange(120)).astype(np.uint8)).convert("RGB")


def decode(content):
    """decode() of a file called x."""
    return decoding.decode(BytesIO(content), name="x")


@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 3}, {"restart_marker_rows": 1},
                                     {"progressive": True, "restart_marker_rows": 1}, {"optimize": True},
                                     {"progressive": True}, {"subsampling": 0},
                                     {"subsampling": 2, "restart_marker_blocks": 1}])  # fmt: skip
@pytest.mark.parametrize("picture", [SMOOTH, SMOOTH.convert("L"), random_picture("RGB", (61, 47)),
                                     random_picture("CMYK", (33, 9)), Image.new("RGB", (300, 200))])  # fmt: skip
def test_sound_files_are_read(picture, options):
    """With and without restarts, in one scan or many, flat ones of hardly any bytes."""
    for quality in (1, 75, 100):
        assert decode(file_of(picture, "JPEG", quality=quality, **options).getvalue()).notes == ()


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.jpg")), ids=lambda path: path.name)
def test_samples_are_read(path):
    """As they lie there."""
    assert decode(path.read_bytes()).format in ("JPEG", "MPO")


def restarted():
    """A file of a part for every row of blocks, and where its restart markers stand."""
    content = file_of(random_picture("L", (64, 64)), "JPEG", restart_marker_rows=1).getvalue()
    start = content.index(b"\xff\xda")
    return content, [
        at for at in range(start, len(content) - 1) if content[at] == 255 and 0xD0 <= content[at + 1] < 0xD8
    ]


def test_an_early_end_is_refused():
    """Pillow fills the rest with grey, without a word."""
    content, places = restarted()
    cut = content[: places[3]] + b"\xff\xd9"
    with Image.open(BytesIO(cut)) as grey:
        grey.load()
    with pytest.raises(PictureError, match=r"^x: the picture has a hole or ends early \(4 of 8 parts of its"):
        decode(cut)
    plain = file_of(random_picture("RGB", (300, 300)), "JPEG").getvalue()
    with pytest.raises(PictureError, match=r"^x: .* \(\d+ bytes for \d+ blocks of pixels\); get the file again$"):
        decode(plain[: plain.index(b"\xff\xda") + 60] + b"\xff\xd9")


def test_a_hole_is_refused():
    """A part that is gone; a marker that cannot stand among pixels."""
    content, places = restarted()
    with pytest.raises(PictureError, match=r"^x: .* \(part 3 of its data is missing\); get"):
        decode(content[: places[2]] + content[places[3] :])
    plain = file_of(random_picture("RGB", (100, 100)), "JPEG").getvalue()
    middle = plain.index(b"\xff\xda") + 2000
    with pytest.raises(PictureError, match=r"^x: .* \(a marker 3A among the pixels\)"):
        guard.check(BytesIO(plain[:middle] + b"\xff\x3a" + plain[middle + 2 :]), Request("x"))
