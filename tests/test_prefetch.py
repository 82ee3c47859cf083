"""A picture whose decoding was begun before everything was loaded is the picture that its file gives."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from poolcli.errors import PictureError
from poolcli.images import decoding, guard
from poolcli.images.formats import ReadOptions
from tests.images import random_image
from tests.pictures import png

PLAIN = ReadOptions()


def saved(path, image, **given):
    image.save(path, **given)
    return path


def text():
    info = PngImagePlugin.PngInfo()
    info.add(b"tEXt", b"Comment\0after the pixels", after_idat=True)
    return info


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


PICTURE = Image.fromarray(random_image(1, (70, 50), "uint8", (3,)))
FILES = {
    "a.jpg": {"exif": turned(), "quality": 92},
    "a.png": {"pnginfo": text(), "exif": turned()},
    "several.png": {"save_all": True, "append_images": [PICTURE.rotate(180)]},
    "several.jpg": {"format": "MPO", "save_all": True, "append_images": [PICTURE.rotate(180)]},
    "a.gif": {},
    "a.webp": {},
}


def test_more_bits_than_pillow_keeps_are_left_alone(tmp_path):
    """They are decoded in two passes, which a thread cannot begin."""
    values = random_image(1, (40, 30), "uint16", (3,))
    path = tmp_path / "wide.png"
    path.write_bytes(png((30, 40), depth=16, colour=2, rows=values.astype(">u2").tobytes()))
    guard.begin(path, PLAIN, least=1)
    assert np.array_equal(decoding.decode(path, name="wide.png").frames[0].pixels, values)


@pytest.mark.parametrize("name", FILES)
def test_begun_or_not_it_is_the_same_picture(name, tmp_path):
    """Pixels of every frame, which are those that Pillow shows; mode, metadata and notes."""
    path = saved(tmp_path / name, PICTURE, **FILES[name])
    plain = decoding.decode(path, name=name)
    guard.begin(path, PLAIN, least=1)
    assert bool(guard._begun) == (name in ("a.jpg", "a.png"))
    begun = decoding.decode(path, name=name)
    assert not guard._begun
    assert len(begun.frames) == len(plain.frames)
    with Image.open(path) as stored:
        for number, (one, other) in enumerate(zip(begun.frames, plain.frames, strict=True)):
            stored.seek(number)
            upright = ImageOps.exif_transpose(stored).convert("RGB")
            assert np.array_equal(one.pixels, upright)
            assert np.array_equal(one.pixels, other.pixels)
            assert (one.mode, one.info) == (other.mode, other.info)
    assert (begun.format, begun.file_mode, begun.meta, begun.notes) == (
        plain.format,
        plain.file_mode,
        plain.meta,
        plain.notes,
    )


def test_what_is_wrong_is_told_as_without(tmp_path):
    """A file cut short, one that is too large, one that is gone."""
    file = BytesIO()
    PICTURE.save(file, "PNG")
    path = tmp_path / "cut.png"
    path.write_bytes(file.getvalue()[:-3000])
    for limit in (None, 70 * 50 - 1):
        told = []
        for begin in (False, True):
            if begin:
                guard.begin(path, ReadOptions(max_pixels=limit), least=1)
            with pytest.raises(PictureError) as error:
                decoding.decode(path, name="cut.png", options=ReadOptions(max_pixels=limit))
            told.append(str(error.value))
        assert told[0] == told[1]
    guard.begin(tmp_path / "gone.png", PLAIN, least=1)
    guard.begin(tmp_path, PLAIN, least=1)
    assert not guard._begun


def test_a_frame_by_number_and_small_files_are_left_alone(tmp_path):
    """What is not worth a thread, or not the first frame."""
    path = saved(tmp_path / "a.png", PICTURE)
    guard.begin(path, ReadOptions(frame=0), least=1)
    guard.begin(path, PLAIN)
    assert not guard._begun


def test_the_command_begins_with_its_only_picture(command, tmp_path, monkeypatch):
    """And writes what it writes without."""
    saved(tmp_path / "a.png", PICTURE)
    monkeypatch.chdir(tmp_path)
    begun = []
    begin = guard.begin
    monkeypatch.setattr(guard, "begin", lambda *what: begun.append(what) or begin(*what))
    for threads in ("1", "2"):
        assert command("pool", "a.png", "--threads-per-image", threads, "-o", f"{threads}/").code == 0
    assert [path.name for path, _ in begun] == ["a.png"]
    assert (tmp_path / "1/a.png").read_bytes() == (tmp_path / "2/a.png").read_bytes()
