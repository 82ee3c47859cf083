"""Small files that other tools were seen to read right, through the command: the values that are expected, to the bit.

`cases/index.json` says what each is, how it is pooled and where the expected values are. What was written is read by
tifffile and imagecodecs, which keep the depth, with the libraries that poolcli may use and with their import blocked.
"""

import json
import shlex
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

CASES = Path(__file__).parent / "cases"
INDEX = {case["file"]: case for case in json.loads((CASES / "index.json").read_text("utf-8"))}
EXTRAS = ("tifffile", "imagecodecs")


def _read_tiff(path):
    with tifffile.TiffFile(path) as pages:
        if len(pages.pages) > 1:
            return np.stack([page.asarray() for page in pages.pages])
        page = pages.pages[0]
        values = page.asarray()
        if values.ndim == 3 and page.planarconfig == 2:
            values = np.moveaxis(values, 0, 2)
        return ~values if page.photometric == 0 and values.dtype.kind == "u" else values


def _read_png(path):
    data = path.read_bytes()
    if b"acTL" in data:
        return imagecodecs.apng_decode(data)
    with Image.open(path) as picture:
        if picture.mode in ("P", "1"):
            return np.asarray(picture.convert("RGB") if picture.mode == "P" else picture)
    return imagecodecs.png_decode(data)


def _read_ppm(path):
    _, width, height, peak, values = path.read_bytes().split(maxsplit=4)
    assert int(peak) == 65535
    return np.frombuffer(values, ">u2").reshape(int(height), int(width), 3).astype(np.uint16)


def _read_other(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


READERS = {".tif": _read_tiff, ".png": _read_png, ".ppm": _read_ppm}


def _pooled(name, command, folder):
    """(what the command gave, where its output is)."""
    words = shlex.split(INDEX[name]["command"])
    target = folder / ("out.png" if "OUT.png" in words else f"out{Path(name).suffix}")
    words = [word for word in words if word not in ("-o", "OUT.png")]
    words[words.index("FILE")] = str(CASES / name)
    return command(*words, "-o", target, "--no-report"), target


def _check(name, output):
    """The values in `want/`, or what the index says in words."""
    expected = CASES / "want" / f"{name}.npy"
    if expected.exists():
        want, have = np.load(expected), READERS.get(output.suffix, _read_other)(output)
        assert want.dtype in (have.dtype, bool)
        assert np.array_equal(have, want, equal_nan=want.dtype.kind == "f"), f"have {have}, expected {want}"
    CHECKS.get(name, lambda path: None)(output)


def _check_pages(path):
    with tifffile.TiffFile(path) as pages:
        said = [(page.description, page.tags["XResolution"].value[0] // page.tags["XResolution"].value[1])
                for page in pages.pages]  # fmt: skip
        packed = [page.compression > 1 for page in pages.pages]
    assert said == [("page 0", 100), ("page 1", 200), ("page 2", 300)]
    assert packed == [True, True, False]


def _check_map(path):
    with tifffile.TiffFile(path) as pages:
        tags = {code: pages.pages[0].tags[code].value for code in (33550, 33922, 42113)}
    assert (tags[33550][:2], tags[33922][3:5]) == ((20.0, 20.0), (500000.0, 4100000.0))
    assert float(str(tags[42113]).strip("\0 ")) == -9999


def _check_thumbnail(path):
    assert path.read_bytes().count(b"\xff\xd8\xff") == 1, "the thumbnail of the original is inside"


def _check_lossless(path):
    assert path.read_bytes()[12:16] == b"VP8L"


CHECKS = {
    "page-tags.tif": _check_pages,
    "geotiff-nodata.tif": _check_map,
    "exif-thumbnail.jpg": _check_thumbnail,
    "labels-lossless.webp": _check_lossless,
}


@pytest.mark.parametrize("name", INDEX)
def test_exact_with_the_extras(name, command, tmp_path):
    """Every one of them."""
    done, output = _pooled(name, command, tmp_path)
    assert done.code == 0, done.err
    _check(name, output)


@pytest.mark.parametrize("name", INDEX)
def test_exact_or_refused_by_name_without_them(name, command, tmp_path, monkeypatch):
    """One sentence that names the libraries, or the same values."""
    with monkeypatch.context() as blocked:
        for module in [each for each in sys.modules if each.split(".")[0] in EXTRAS]:
            blocked.delitem(sys.modules, module)
        for extra in EXTRAS:
            blocked.setitem(sys.modules, extra, None)
        done, output = _pooled(name, command, tmp_path)
    if done.code == 1 and "pip install" in done.err:
        assert len(done.err.strip().splitlines()) == 1
        assert not output.exists()
        return
    assert done.code == 0, done.err
    _check(name, output)
