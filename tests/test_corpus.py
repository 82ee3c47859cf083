"""Pictures chosen by somebody else: a folder of good and malformed files, named by POOLCLI_CORPUS; and some of ours.

What is written is read by other libraries, too, and without loss it holds what the definition gives for what was read.
"""

import os
import warnings
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

from poolcli.images import decoding, formats
from poolcli.images.formats import BY_EXTENSION, ReadOptions
from tests import oracles
from tests.pictures import animation, file_of, random_picture

FOLDER = os.environ.get("POOLCLI_CORPUS")
FILES = sorted(path for path in Path(FOLDER).rglob("*") if path.suffix.lower() in BY_EXTENSION) if FOLDER else []
FEW = 20_000  # values, for loops to go through


def pages(path, count):
    """The pages of a TIFF as bands behind one another, brightness upwards, palettes as colours."""
    with tifffile.TiffFile(path) as file:
        for page in file.pages:
            pixels = page.asarray()
            if page.planarconfig == 2 and pixels.ndim == 3:
                pixels = np.moveaxis(pixels, 0, -1)
            if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
                yield np.moveaxis(page.colormap, 0, -1)[pixels] >> 8
            elif page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
                yield ~pixels if pixels.dtype == bool else (2**page.bitspersample - 1 - pixels).astype(pixels.dtype)
            elif (
                page.photometric == tifffile.PHOTOMETRIC.CIELAB
            ):  # whose last two bands are signed, and around 128 here
                yield pixels ^ np.array([0, 128, 128], np.uint8)
            else:
                yield pixels


def decoded(codec, path, count):
    """The frames of a file, of which there are `count`, as one of imagecodecs' functions gives them."""
    pixels = getattr(imagecodecs, f"{codec}_decode")(path.read_bytes())
    return [*pixels] if count > 1 else [pixels]


OTHERS = {  # who else reads a format, and how many of its frames (None: all)
    "TIFF": (pages, None),
    "PNG": (partial(decoded, "png"), 1),
    "JPEG": (partial(decoded, "jpeg8"), 1),
    "WEBP": (partial(decoded, "webp"), 1),
    "GIF": (partial(decoded, "gif"), None),
    "AVIF": (partial(decoded, "avif"), None),
    "JPEG2000": (partial(decoded, "jpeg2k"), 1),
    "JXL": (partial(decoded, "jpegxl"), 1),
    "BMP": (partial(decoded, "bmp"), 1),
    "QOI": (partial(decoded, "qoi"), 1),
}
EXACT = ("PNG", "TIFF", "BMP", "PPM", "PAM", "TGA", "JPEG2000", "QOI", "SGI", "PCX", "NPY", "NPZ")  # as written by us


def as_shown(pixels, mode, other):
    """Our pixels and the other reader's alike: no truth values, gray where both are, nothing where nothing is seen."""
    ours = pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels
    other = other.astype(np.uint8) * 255 if other.dtype == bool else other
    if ours.ndim == 2 and other.ndim == 3:
        assert (other == other[..., :1]).all()
        other = other[..., 0]
    if pixels.dtype == bool and other.max(initial=0) == 1:
        other = other * 255
    if mode in ("RGBA", "LA") and ours.shape == other.shape:
        seen = ours[..., -1:] > 0
        return np.where(seen, ours, 0), np.where(seen, other, 0)
    return ours, other


def check_other_reader(path, picture):
    """Every frame as the other library reads it."""
    read, count = OTHERS[picture.format]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        others = list(read(path, count or len(picture.frames)))
    assert len(others) == (count or len(picture.frames))
    for frame, other in zip(picture.frames, others, strict=False):
        if frame.mode == "CMYK" and picture.format == "JPEG":  # Adobe's: ink upside down
            other = 255 - other  # noqa: PLW2901
        ours, theirs = as_shown(frame.pixels, frame.mode, other)
        assert ours.shape == theirs.shape
        assert np.array_equal(ours, theirs.astype(ours.dtype), equal_nan=ours.dtype.kind == "f"), frame.mode


def check_definition(before, after):
    """Every frame is what loops make of the one before, as far as its format keeps values."""
    assert len(after.frames) == len(before.frames)
    for old, new in zip(before.frames, after.frames, strict=True):
        if old.pixels.size > FEW or old.nodata or new.pixels.dtype != old.pixels.dtype:
            continue
        expected = oracles.pool(old.pixels, (2, 2), (2, 2), mode="max")
        if new.mode == old.mode:
            assert np.array_equal(new.pixels, expected, equal_nan=expected.dtype.kind == "f")


def check_pooled(source, folder, command):
    """Exit 0 and outputs that everybody reads alike, or exit 1, one line that names the file, and nothing left."""
    result = command("pool", source, "-o", folder, "--json", "--mode", "max")
    left = [found for found in folder.rglob("*") if not found.name.startswith(".poolcli-journal")]
    if result.code:
        assert result.code == 1
        assert result.err.startswith(f"poolcli: {source}: ")
        assert result.err.count("\n") == 1
        assert left == []
        return
    (output,) = (name for name in left if not name.name.endswith(".shift.json"))
    after = decoding.decode(output, name="output", options=ReadOptions(max_pixels=None))
    assert after.frames
    if after.format in OTHERS:
        check_other_reader(output, after)
    if after.format in EXACT or after.meta.lossless:
        check_definition(decoding.decode(source, name="input", options=ReadOptions(max_pixels=None)), after)


@pytest.mark.slow
@pytest.mark.skipif(not FOLDER, reason="POOLCLI_CORPUS names no folder of pictures")
@pytest.mark.parametrize("path", FILES, ids=str)
def test_pooled_or_refused(path, tmp_path, command):
    """A picture of a stranger's."""
    check_pooled(path, tmp_path / "out", command)


OURS = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "TIFF": ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "LAB", "I", "F", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("L", "P", "RGB", "RGBA"),
    "AVIF": ("L", "RGB", "RGBA"),
    "JPEG2000": ("L", "LA", "RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB"),
    "QOI": ("RGB", "RGBA"),
}


@pytest.mark.parametrize(("format", "mode"), [(format, mode) for format, modes in OURS.items() for mode in modes])
def test_what_is_written_is_read_alike_by_others(format, mode, tmp_path, command):
    """Every format that another library reads, in every mode it is written in; animations and pages too."""
    source = tmp_path / f"a{formats.FORMATS[format].extensions[0]}"
    source.write_bytes(file_of(random_picture(mode, (31, 20)), format).getvalue())
    check_pooled(source, tmp_path / "out", command)
    if format in ("TIFF", "GIF", "PNG", "WEBP"):
        source.write_bytes(animation(format, (mode,) * 3).getvalue())
        check_pooled(source, tmp_path / "out3", command)
