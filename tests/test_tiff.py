"""TIFF: every layout of pixels pooled as the numbers in the file say, or refused by name; pages keep what is theirs."""

import itertools
import sys
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pytest
import tifffile

SIZE = (10, 18)
COLOURS = {"rgb": 3, "ycbcr": 3, "cielab": 3, "separated": 4}  # bands before extra ones, else 1
COLORMAP = np.random.default_rng(7).integers(0, 256, (3, 256))
INSTALL = "pip install tifffile imagecodecs"


@pytest.fixture
def without(monkeypatch):
    """As if the extra were not installed."""
    monkeypatch.setitem(sys.modules, "tifffile", None)


@dataclass(frozen=True)
class Layout:
    """One way for pixels to lie in a TIFF."""

    dtype: str
    bands: int = 1
    photometric: str = "minisblack"
    extra: tuple = ()
    planar: bool = False
    order: str = "<"
    compression: str | None = None
    tiled: bool = False
    bits: int | None = None
    predictor: bool = False

    def __str__(self):
        words = (self.dtype, self.bits, self.photometric, self.bands, *self.extra, "planar" * self.planar,
                 {"<": "little", ">": "big"}[self.order], self.compression, "tiled" * self.tiled,
                 "predicted" * self.predictor)  # fmt: skip
        return "-".join(str(word) for word in words if word not in (None, ""))

    def pixels(self):
        """Random values over the whole range, H x W (x bands), as they are to stand in the file."""
        rng = np.random.default_rng(len(str(self)) * 1000 + sum(map(ord, str(self))))
        shape, dtype = (*SIZE, *([self.bands] if self.bands > 1 else [])), np.dtype(self.dtype)
        if dtype.kind == "b":
            return rng.random(shape) < 0.5
        if dtype.kind == "f":
            return (rng.standard_normal(shape) * 50).astype(dtype)
        if self.bits is not None:
            return rng.integers(0, 1 << self.bits, shape).astype(dtype)
        return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)

    def file(self):
        """The file's bytes."""
        pixels, stream = self.pixels(), BytesIO()
        with tifffile.TiffWriter(stream, byteorder=self.order) as writer:
            writer.write(
                np.moveaxis(pixels, -1, 0) if self.planar and self.bands > 1 else pixels,
                photometric=self.photometric,
                planarconfig=None if self.bands == 1 else "separate" if self.planar else "contig",
                extrasamples=self.extra or None,
                compression=self.compression,
                predictor=self.predictor or None,
                tile=(16, 16) if self.tiled else None,
                rowsperstrip=None if self.tiled else 4,
                bitspersample=self.bits,
                colormap=COLORMAP * 257 if self.photometric == "palette" else None,
                metadata=None,
            )
        return stream.getvalue()

    def brightness(self, stored):
        """What values in the file mean, so that larger is larger."""
        if self.photometric == "palette":
            return COLORMAP.T.astype(np.uint8)[stored]
        if self.photometric == "cielab":  # a and b are two's complement
            return stored.view(stored.dtype.name.removeprefix("u")) * np.array([0, 1, 1]) + stored * np.array([1, 0, 0])
        if self.photometric == "miniswhite":
            gray = np.arange(self.bands) == 0 if self.bands > 1 else True
            top = True if stored.dtype == bool else (1 << (self.bits or 8 * stored.dtype.itemsize)) - 1
            return np.where(gray, top ^ stored, stored).astype(stored.dtype)
        return stored


def layouts():
    """Every layout that is tried: depths and colours by planes, byte orders, compressions, strips and tiles."""
    kinds = [
        *((dtype, 1, "minisblack") for dtype in ("bool", *NUMBERS)),
        *((dtype, 1, "miniswhite") for dtype in ("bool", "uint8", "uint16", "uint32")),
        *((dtype, 3, "rgb") for dtype in ("uint8", "uint16", "float32", "float64")),
        *((dtype, bands, "minisblack") for dtype in ("uint8", "int16", "float16") for bands in (2, 3, 5, 6)),
        *((dtype, bands, "rgb") for dtype in ("uint8", "uint16") for bands in (4, 6)),
        *(("uint8", bands, "separated") for bands in (4, 6)),
        *(("uint16", 4, "separated"), ("uint8", 3, "ycbcr"), ("uint8", 3, "cielab"), ("uint16", 3, "cielab")),
        *(("uint8", 1, "palette"), ("uint8", 2, "miniswhite")),
    ]
    for dtype, bands, photometric in kinds:
        more = bands - COLOURS.get(photometric, 1)
        for extra in [(0,) * more, (2, *(0,) * (more - 1)), (*(0,) * (more - 1), 1)] if more else [()]:
            for planar, order, compression, tiled in itertools.product(
                (False, True) if bands > 1 else (False,),
                "<>",
                (None, "deflate", "lzw", "packbits", "zstd"),
                (False, True),
            ):
                yield Layout(dtype, bands, photometric, extra, planar, order, compression, tiled)
            if dtype != "bool" and photometric != "palette" and np.dtype(dtype).itemsize < 8:
                for order, tiled in itertools.product("<>", (False, True)):
                    yield Layout(dtype, bands, photometric, extra, False, order, "lzw", tiled, predictor=True)
    for bits in set(range(1, 32)) - {8, 16}:
        dtype = "uint8" if bits < 9 else "uint16" if bits < 17 else "uint32"
        for bands, photometric, planar in ((1, "minisblack", False), (1, "miniswhite", False), (3, "rgb", True)):
            yield Layout(dtype, bands, photometric, planar=planar, bits=bits)


NUMBERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64")
LAYOUTS = list(layouts())


def pooled(array):
    """Maxima of 2 x 2."""
    corners = [array[i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return np.maximum.reduce(corners)


def stored(path):
    """The values in a TIFF, H x W (x bands), as they stand there, and the page."""
    with tifffile.TiffFile(path) as file:
        (page,) = file.pages
        array = page.asarray()
        return (np.moveaxis(array, 0, -1) if page.planarconfig == 2 and array.ndim == 3 else array), page


def tried(tmp_path, command, some):
    """Pool a folder of these layouts; give each, its output if there is one, and the sentence if there is none."""
    (tmp_path / "in").mkdir()
    for layout in some:
        (tmp_path / f"in/{layout}.tif").write_bytes(layout.file())
    result = command("pool", tmp_path / "in", "-o", tmp_path / "out", "-q", "--no-report", "--jobs", "1")
    assert "Traceback" not in result.err
    sentences = dict(line.removeprefix("poolcli: ").split(".tif: ", 1) for line in result.err.splitlines())
    for layout in some:
        out = tmp_path / f"out/{layout}.tif"
        yield layout, out if out.exists() else None, sentences.get(str(tmp_path / f"in/{layout}"), "")


def assert_exact(layout, out):
    """The output holds what the definition gives for the values in the input, in the same dtype."""
    have, page = stored(out)
    expected = pooled(layout.brightness(layout.pixels()))
    kept = Layout(layout.dtype, layout.bands, page.photometric.name.lower(), bits=page.bitspersample)
    if layout.photometric == "palette":
        kept = Layout("uint8", 3, "rgb")
    assert np.array_equal(kept.brightness(have), expected), layout
    assert have.dtype == kept.dtype, layout
    return page


def test_every_layout_is_exact_with_the_extra(tmp_path, command):
    """Depths, kinds, bands, planes, byte orders, compressions, strips and tiles, photometrics; and stays what it is."""
    for layout, out, sentence in tried(tmp_path, command, LAYOUTS[::9]):
        assert out is not None, (layout, sentence)
        page = assert_exact(layout, out)
        if layout.photometric != "palette":
            assert page.photometric.name.lower() == layout.photometric, layout
            assert page.extrasamples == layout.extra, layout
        assert page.bitspersample == (layout.bits or (1 if layout.dtype == "bool" else 8 * have_bytes(layout))), layout
        assert (page.compression != 1) == (layout.compression is not None), layout
        if layout.bands > 1 and layout.dtype != "bool":
            assert page.planarconfig == 1 + layout.planar, layout


def have_bytes(layout):
    """Bytes of a value."""
    return np.dtype(layout.dtype).itemsize


def test_every_layout_is_exact_or_refused_by_name_without_it(tmp_path, command, without):
    """What Pillow holds is pooled as before; every other file is told what it is, and what reads it."""
    exact = 0
    for layout, out, sentence in tried(tmp_path, command, LAYOUTS[4::9]):
        if out is None:
            assert sentence.endswith(INSTALL), (layout, sentence)
        else:
            assert_exact(layout, out)
            exact += 1
    assert exact > 30


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_all_layouts(tmp_path, command, part):
    """The thousands that the two tests above take every ninth of."""
    for layout, out, sentence in tried(tmp_path, command, LAYOUTS[part::8]):
        assert out is not None, (layout, sentence)
        assert_exact(layout, out)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_all_layouts_without_the_extra(tmp_path, command, without, part):
    """Exact or refused."""
    for layout, out, sentence in tried(tmp_path, command, LAYOUTS[part::8]):
        assert out is not None or sentence.endswith(INSTALL), (layout, sentence)
        if out is not None:
            assert_exact(layout, out)


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (Layout("uint8", 5), "5 bands of 8-bit values"),
        (Layout("uint8", 6, "rgb"), "8-bit RGB and 3 more bands"),
        (Layout("float64"), "64-bit floats"),
        (Layout("float32", 3, "rgb"), "32-bit float RGB"),
        (Layout("uint16", 3, "rgb", planar=True), "planar 16-bit RGB"),
        (Layout("float32", order=">", compression="deflate"), "big-endian compressed 32-bit floats"),
        (Layout("uint32"), "32-bit integers"),
        (Layout("int16"), "signed 16-bit integers"),
        (Layout("uint16", photometric="miniswhite"), "16-bit WhiteIsZero gray"),
        (Layout("uint8", 4, "rgb", (1,), planar=True), "planar 8-bit RGB with premultiplied alpha"),
        (Layout("uint16", bits=12), "12-bit gray"),
    ],
    ids=str,
)
def test_what_is_refused_is_named(tmp_path, command, without, layout, words):
    """The file, what it is, and what reads it; exit 1."""
    (tmp_path / "a.tif").write_bytes(layout.file())
    sentence = command.refused("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", code=1)
    assert sentence == f"poolcli: {tmp_path}/a.tif: a TIFF of {words}, which takes a library to read: {INSTALL}\n"


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (Layout("float32", photometric="miniswhite"), "has no largest value to count brightness from"),
        (Layout("int16", photometric="miniswhite"), "has no largest value to count brightness from"),
        (Layout("uint32", bits=24, order=">"), "in big-endian order, which readers take differently"),
    ],
    ids=str,
)
def test_what_no_library_reads_alike_is_refused(tmp_path, command, layout, words):
    """With everything installed too."""
    (tmp_path / "a.tif").write_bytes(layout.file())
    assert words in command.refused("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", code=1)


def test_complex_numbers_and_mixed_depths_are_refused(tmp_path, command):
    """In a sentence of what they are."""
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4), np.complex64), metadata=None)
    assert "page 0 holds complex numbers" in command.refused("pool", tmp_path / "a.tif", code=1)
    data = bytearray(Layout("uint8", 3, "rgb").file())
    with tifffile.TiffFile(BytesIO(data)) as file:
        at = file.pages[0].tags[258].valueoffset
    data[at : at + 2] = b"\x05\0"
    (tmp_path / "b.tif").write_bytes(data)
    assert "page 0 has bands of 5, 8, 8 bits" in command.refused("pool", tmp_path / "b.tif", code=1)
