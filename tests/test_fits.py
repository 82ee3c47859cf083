"""FITS: signs, scales and the order of rows as the standard says, or a sentence."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from poolcli.errors import PictureError
from poolcli.images import decoding
from poolcli.images.formats import ReadOptions


def unit(bits, pixels=None, first="SIMPLE  =                    T", **cards):
    """A header unit and its data, rows from the bottom."""
    sides = [] if pixels is None else list(pixels.shape[::-1])
    lines = [first, f"BITPIX  = {bits:20}", f"NAXIS   = {len(sides):20}"]
    lines += [f"NAXIS{number}  = {side:20}" for number, side in enumerate(sides, 1)]
    lines += [f"{name:8}= {value:>20} / a comment" for name, value in cards.items()]
    header = "".join(line.ljust(80) for line in [*lines, "END"])
    data = b"" if pixels is None else pixels[..., ::-1, :].astype(pixels.dtype.newbyteorder(">")).tobytes()
    padded = data.ljust(-(-len(data) // 2880) * 2880, b"\0")
    return header.ljust(-(-len(header) // 2880) * 2880).encode() + padded


def decode(content, *, labels=False, **options):
    """decode() of a file called x."""
    return decoding.decode(BytesIO(content), name="x", indices=labels, options=ReadOptions(**options))


STORED = {8: "uint8", 16: "int16", 32: "int32", 64: "int64", -32: "float32", -64: "float64"}


def values(dtype, shape=(3, 5)):
    """Over the whole range."""
    rng = np.random.default_rng(1)
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype, endpoint=True)


@pytest.mark.parametrize(("bits", "dtype"), STORED.items())
def test_values_are_as_they_are_stored(bits, dtype):
    """Every type, the first row at the bottom, and one row or column alone."""
    for shape in ((3, 5), (1, 5), (3, 1)):
        pixels = values(dtype, shape)
        have = decode(unit(bits, pixels)).frames[0]
        assert have.pixels.dtype == dtype
        assert np.array_equal(have.pixels, pixels)


@pytest.mark.parametrize(("bits", "zero", "dtype"), [(8, -128, "int8"), (16, 32768, "uint16"), (32, 2**31, "uint32"),
                                                     (64, 2**63, "uint64")])  # fmt: skip
def test_types_that_fits_has_not_are_shifted(bits, zero, dtype):
    """As the standard says to store them."""
    pixels = values(dtype)
    stored = (pixels.astype(object) - zero).astype(STORED[bits])
    have = decode(unit(bits, stored, BZERO=f"{zero}." if bits == 32 else zero, BSCALE="1.0", BLANK=0)).frames[0]
    assert have.pixels.dtype == dtype
    assert np.array_equal(have.pixels, pixels)
    assert have.nodata == (zero,)


def test_scaled_values_are_what_they_stand_for():
    """BZERO + BSCALE times what is stored, in 64 bits; BLANK is nothing."""
    stored = values("int16")
    stored[0, 0] = -1
    have = decode(unit(16, stored, BSCALE="2.5D-1", BZERO="-3.0", BLANK=-1)).frames[0].pixels
    assert have.dtype == np.float64
    assert np.isnan(have[0, 0])
    assert np.array_equal(have.ravel()[1:], stored.ravel()[1:] * 0.25 - 3)


def test_frames_and_extensions():
    """A cube is frames; a picture may stand in the first extension that is one."""
    cube = values("int16", (4, 3, 5))
    have = decode(unit(16, cube))
    assert np.array_equal([frame.pixels for frame in have.frames], cube)
    assert np.array_equal(decode(unit(16, cube), frame=2).frames[0].pixels, cube[2])
    table = unit(8, values("uint8"), first="XTENSION= 'BINTABLE'", PCOUNT=0, GCOUNT=1)
    later = unit(16, cube[0], first="XTENSION= 'IMAGE   '", PCOUNT=0, GCOUNT=1)
    assert np.array_equal(decode(unit(8) + table + later).frames[0].pixels, cube[0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (unit(8), "a FITS without a picture in it; give one that has one"),
        (unit(16, values("int16"))[:2890], "30 bytes of pixels are promised and 10 are there; get the file again"),
        (
            unit(8) + unit(8, values("uint8"), first="XTENSION= 'BINTABLE'", ZIMAGE="T"),
            "a compressed FITS, which is not",
        ),
        (unit(24, values("uint8")), "a FITS of BITPIX 24 and sides [5, 3] is none; get the file again"),
        (b"SIMPLE  = T".ljust(2880), "a FITS without a picture in it"),
    ],
)
def test_what_is_refused(content, words):
    """One sentence each."""
    with pytest.raises(PictureError) as error:
        decode(content)
    assert str(error.value).startswith(f"x: {words}")


def test_the_result_is_a_tiff(command, tmp_path):
    """Which holds what a FITS does."""
    pixels = values("float32", (4, 6))
    (tmp_path / "a.fits").write_bytes(unit(-32, pixels))
    assert command("pool", tmp_path / "a.fits", "-o", f"{tmp_path}/out/", "--no-report").code == 0
    have = decoding.decode(tmp_path / "out/a.tif", name="x").frames[0].pixels
    assert np.array_equal(have, pixels.reshape(2, 2, 3, 2).max((1, 3)))


def test_a_large_one_comes_through_a_pipe(monkeypatch, tmp_path):
    """Of a kind that only this reader knows."""
    monkeypatch.chdir(tmp_path)
    content = unit(64, values("int64", (400, 400)))
    Path("a.fits").write_bytes(content)
    for words in (("pool", "a.fits", "-o", "a.npy"), ("pool", "-", "-o", "b.npy")):
        subprocess.run([sys.executable, "-m", "poolcli", *words], input=content, check=True)
    assert np.array_equal(np.load("a.npy"), np.load("b.npy"))
