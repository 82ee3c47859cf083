"""Between Pillow and everybody else: its limit of pixels by thread, its warnings, files that are none."""

import os
import threading
import warnings
from contextlib import suppress
from io import BytesIO

import pytest
from PIL import Image

from poolcli.errors import OutputError, PictureError
from poolcli.images import decoding
from poolcli.images.formats import ReadOptions
from poolcli.images.guard import opened, pixel_limit, reading, writing
from tests.pictures import file_of, png, random_picture


@pytest.fixture(autouse=True)
def _limit_of_others():
    """The limit that the process had, whatever a test does to it."""
    before = Image.MAX_IMAGE_PIXELS
    yield
    Image.MAX_IMAGE_PIXELS = before


def open_square(side):
    """Open, not decode, a PNG that says it is side x side."""
    return Image.open(BytesIO(png((side, side), rows=b"")))


def test_the_limit_is_an_error_from_the_first_pixel_above_it():
    """Pillow by itself warns up to twice the limit."""
    with pixel_limit(99), pytest.raises(Image.DecompressionBombError):
        open_square(10)
    with pixel_limit(100):
        assert open_square(10).size == (10, 10)
    with pixel_limit(None):
        assert open_square(60_000).size == (60_000, 60_000)


def test_others_in_this_process_keep_pillows_own_limit():
    """Before, after, and in another thread meanwhile."""
    Image.MAX_IMAGE_PIXELS = 1000
    seen = []

    def elsewhere():
        with pytest.warns(Image.DecompressionBombWarning):
            open_square(40)
        with pytest.raises(Image.DecompressionBombError):
            open_square(50)
        seen.append(True)

    with pixel_limit(None):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        open_square(50)
    assert seen == [True]
    elsewhere()


def test_two_threads_two_limits():
    """Each decode has its own."""
    entered = threading.Barrier(2)
    outcomes = {}

    def decode(most):
        with pixel_limit(most):
            entered.wait()
            try:
                outcomes[most] = open_square(10).size
            except Image.DecompressionBombError:
                outcomes[most] = "refused"
            entered.wait()

    threads = [threading.Thread(target=decode, args=(most,)) for most in (50, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == {50: "refused", 200: (10, 10)}


def test_formats_that_decode_while_they_open_obey_the_limit():
    """An ICO allocates before anybody could look; the sentence is the same."""
    icon = file_of(random_picture("RGBA", (200, 200)), "ICO", sizes=[(200, 200)])
    with pytest.raises(PictureError, match=r"^x: a picture of 40000 pixels is more than the limit of 39999; if you"):
        decoding.decode(icon, name="x", options=ReadOptions(max_pixels=39_999))


def test_warnings_of_pillow_stay_off_the_terminal():
    """A TIFF with a broken tag warns once for every file otherwise."""
    data = bytearray(file_of(random_picture("L"), "TIFF").getvalue())
    data[-4:] = b"\xff\xff\xff\xff"
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with suppress(PictureError):
            decoding.decode(BytesIO(bytes(data)), name="x")
    assert heard == []


def test_whatever_pillow_raises_becomes_one_sentence():
    """Short, on one line, with the name in front."""
    for raised in (ValueError("a\nb  c"), KeyError("x"), OSError("x" * 500), MemoryError(), SyntaxError("no")):
        with pytest.raises(PictureError, match=r"^f\.png: [^\n]{1,300}$"), reading("f.png"):
            raise raised


def test_errors_of_the_disk_go_through_and_others_do_not():
    """Whoever opened the file knows its name."""
    with pytest.raises(OSError, match="No space"), writing("PNG"):
        raise OSError(28, "No space left on device")
    words = r"^the picture cannot be written as PNG \(cannot encode\); try PNG$"
    with pytest.raises(OutputError, match=words), writing("PNG"):
        raise OSError("cannot encode")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_and_devices_are_not_opened(tmp_path):
    """Opening a pipe that nobody writes to would wait for ever."""
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", type(tmp_path)("/dev/zero")):
        words = "a pipe or device, not a file; give its content on standard input"
        with pytest.raises(PictureError, match=words), opened(path, str(path)):
            pass


def test_folders_and_absent_files_are_told(tmp_path):
    """Each in its own words."""
    with pytest.raises(PictureError, match="x: a folder, not a file"), opened(tmp_path, "x"):
        pass
    absent = tmp_path / "none.png"
    with pytest.raises(PictureError, match=r"x: the file cannot be opened \(No such file"), opened(absent, "x"):
        pass
    with pytest.raises(PictureError, match="x: the file cannot be opened"), opened(tmp_path / "a\0b", "x"):
        pass
