"""TIFF: every layout of pixels pooled as the numbers in the file say, or refused by name; pages keep what is theirs."""

import itertools
import random
import struct
import sys
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

import poolcli
from poolcli.errors import PoolcliError
from poolcli.images import decoding, encoding, inspection
from poolcli.images.formats import ReadOptions
from tests.images import random_image
from tests.test_startup import loaded_by

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
    for bits in set(range(2, 32)) - {8, 16}:
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
        (Layout("uint16", bits=14), "14-bit gray"),
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


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def paged(pages, **options):
    """A TIFF of pages, each given as the arguments of tifffile's writer."""
    stream = BytesIO()
    with tifffile.TiffWriter(stream, **options) as writer:
        for page in pages:
            writer.write(**({"metadata": None, "software": False} | page))
    return stream.getvalue()


def told(page):
    """What a page says of itself beside its pixels."""
    tags = page.tags
    values = {name: tags[code].value if code in tags else None for name, code in NAMES.items()}
    sides = [round(values.pop(side)[0] / tags[NAMES[side]].value[1], 5) for side in ("across", "down")]
    return values | {"compressed": page.compression != 1, "resolution": sides}


NAMES = {"description": 270, "artist": 315, "profile": 34675, "unit": 296, "across": 282, "down": 283}


@pytest.mark.parametrize("dtype", ["uint8", "uint32"])
@pytest.mark.parametrize("extra", [True, False])
def test_every_page_keeps_its_own_tags(tmp_path, command, monkeypatch, dtype, extra):
    """Description, resolution, profile, artist, compression; by Pillow and by tifffile."""
    if not extra:
        monkeypatch.setitem(sys.modules, "tifffile", None)
    pages = [
        {
            "data": np.full((4, 6, 3), 9 * number, dtype),
            "photometric": "rgb",
            "description": f"page {number}, 5 \xb5m".encode(),
            "resolution": ((100 * number + 1, 3), (7, number + 1)),
            "resolutionunit": number + 1,
            "iccprofile": PROFILE if number else None,
            "extratags": [(315, 2, None, b"Ana\0", False)] if number == 1 else [],
            "compression": "lzw" if number < 2 else None,
        }
        for number in range(3)
    ]
    (tmp_path / "a.tif").write_bytes(paged(pages))
    result = command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--no-report")
    if dtype == "uint32" and not extra:
        assert result.code == 1
        return
    assert result.code == 0, result.err
    with tifffile.TiffFile(tmp_path / "a.tif") as before, tifffile.TiffFile(tmp_path / "b.tif") as after:
        assert len(after.pages) == 3
        assert [told(page) for page in after.pages] == [told(page) for page in before.pages]
        assert [int(page.asarray().max()) for page in after.pages] == [0, 9, 18]
        assert [page.shape for page in after.pages] == [(2, 3, 3)] * 3


def test_other_formats_take_the_tags_of_the_first_page(tmp_path, command):
    """Not the last one's."""
    pages = [
        {"data": np.zeros((4, 4), np.uint8), "resolution": (dpi, dpi), "resolutionunit": 2, "description": f"at {dpi}"}
        for dpi in (100, 300)
    ]
    (tmp_path / "a.tif").write_bytes(paged(pages))
    assert command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.png", "--no-report").code == 0
    with Image.open(tmp_path / "b.png") as after:
        assert round(after.info["dpi"][0]) == 100
        assert after.getexif()[270] == "at 100"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"imagej": True}, "the description by ImageJ was dropped"),
        ({"ome": True}, "the description by OME was dropped"),
        ({}, "the description by tifffile was dropped"),
    ],
)
def test_descriptions_that_state_a_shape_go(tmp_path, command, options, words):
    """Readers believe them more than the pages."""
    stack = np.random.default_rng(0).integers(0, 1 << 16, (3, 6, 8), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack", **options)
    result = command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--no-report")
    assert (result.code, words in result.err) == (0, True), result
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), [pooled(page) for page in stack])


@pytest.mark.parametrize("options", [{"imagej": True}, {}], ids=str)
def test_a_stack_behind_one_page_is_refused(tmp_path, command, options):
    """ImageJ and tifffile write large ones so; reading one page of it would be a quiet loss. --frame 0 takes that."""
    stack = np.zeros((5, 6, 8), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack", truncate=True, **options)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.pages.first._nextifd() == 0  # one page indeed
    assert "a stack of" in command.refused("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", code=1)
    assert command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--frame", "0").code == 0


def test_what_is_left_out_is_named(tmp_path, command):
    """Tags that only their writer knows, pictures inside pages, smaller copies of pages."""
    pages = [
        {"data": np.ones((8, 8), np.uint8), "subifds": 1, "extratags": [(65000, 3, 1, 7, True)]},
        {"data": np.ones((4, 4), np.uint8), "subfiletype": 1},
        {"data": np.ones((2, 2), np.uint8), "subfiletype": 1},
        {"data": np.full((6, 6), 5, np.uint8)},
    ]
    (tmp_path / "a.tif").write_bytes(paged(pages))
    result = command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--no-report")
    assert result.code == 0
    assert "tags that only their writer knows were dropped: 65000" in result.err
    assert "1 picture inside a page (SubIFDs) left out" in result.err
    assert "page 1 was left out, since it is a smaller copy of another; --frame 1 takes it" in result.err
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert [page.shape for page in file.pages] == [(4, 4), (3, 3)]
    assert command("pool", tmp_path / "a.tif", "-o", tmp_path / "c.tif", "--frame", "1").code == 0
    assert tifffile.imread(tmp_path / "c.tif").shape == (1, 1)


def test_stripping_leaves_out_what_values_are_not_read_by(tmp_path, command):
    """By Pillow, by tifffile and band by band: texts go, and the place on the map, no-data value and scales stay."""
    scale = '<Item name="SCALE" sample="0" role="scale">0.5</Item>'
    notes = f'<GDALMetadata><Item name="AUTHOR">me</Item>{scale}</GDALMetadata>'
    place = [(33550, 12, 3, (10.0, 10.0, 0.0), False), (33922, 12, 6, (0.0, 0.0, 0.0, 5.0, 9.0, 0.0), False)]
    tags = [*place, (42112, 2, None, notes.encode() + b"\0", False), (42113, 2, None, b"0\0", False)]
    for dtype, words in ((np.uint8, ()), (np.uint32, ()), (np.uint8, ("--tile", "16"))):
        page = {"data": np.ones((4, 4), dtype), "description": "hill", "resolution": (3, 3), "extratags": tags}
        (tmp_path / "a.tif").write_bytes(paged([page]))
        assert command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--strip", "--overwrite", *words).code == 0
        with tifffile.TiffFile(tmp_path / "b.tif") as file:
            found = {tag.code: tag.value for tag in file.pages[0].tags}
        assert 270 not in found and found.get(282) in (None, (1, 1)) and found[42113] == "0"
        assert found[33550] == (20.0, 20.0, 0.0) and found[33922] == (0.0, 0.0, 0.0, 5.0, 9.0, 0.0)
        assert found[42112] == f"<GDALMetadata>{scale}</GDALMetadata>"


PALETTES = {
    "8 bits times 257": (COLORMAP * 257, "uint8"),
    "8 bits times 256": (COLORMAP * 256, "uint8"),
    "8 bits alone": (COLORMAP, "uint8"),
    "16 bits": (COLORMAP * 256 + 1, "uint16"),
}


@pytest.mark.parametrize("name", PALETTES)
def test_palettes_have_the_colours_that_they_say(tmp_path, command, name):
    """Maps of 16 bits, of 8 bits in 16 as writers differ, and of 8 bits as if they were 16, once read as black."""
    colours, dtype = PALETTES[name]
    index = np.random.default_rng(3).integers(0, 256, (6, 8), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", index, photometric="palette", colormap=colours, metadata=None)
    expected = (COLORMAP if dtype == "uint8" else colours).T[index].astype(dtype)
    command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.npy", "--no-report")
    assert np.array_equal(np.load(tmp_path / "b.npy"), pooled(expected))
    assert np.load(tmp_path / "b.npy").dtype == dtype
    assert command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--mode", "stride", "--no-report").code == 0
    with tifffile.TiffFile(tmp_path / "b.tif") as file:  # labels stay indices, and their colours what they were
        assert np.array_equal(file.pages[0].asarray(), index[::2, ::2])
        assert np.array_equal(file.pages[0].colormap, colours)


@pytest.mark.parametrize("bits", [2, 4])
def test_few_bits_of_gray_stay_so_or_are_spread(tmp_path, command, without, bits):
    """In a TIFF with the extra, as above; in other formats white stays white; .npy holds what stands in the file."""
    layout = Layout("uint8", bits=bits)
    (tmp_path / "a.tif").write_bytes(layout.file())
    for name in ("b.png", "b.npy"):
        assert command("pool", tmp_path / "a.tif", "-o", tmp_path / name, "--no-report").code == 0
    with Image.open(tmp_path / "b.png") as after:
        assert np.array_equal(np.asarray(after), pooled(layout.pixels()) * (255 // ((1 << bits) - 1)))
    assert np.array_equal(np.load(tmp_path / "b.npy"), pooled(layout.pixels()))
    assert INSTALL in command.refused("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", code=1)


def test_bands_that_another_format_has_no_room_for_are_refused(tmp_path, command):
    """A fourth band is no alpha, premultiplied alpha of 16 bits no other, and ink is no light."""
    inks = Layout("uint16", 4, "separated"), Layout("uint16", 3, "cielab")
    for layout in (Layout("uint8", 4, "rgb", (0,)), Layout("uint8", 2), Layout("uint16", 4, "rgb", (1,)), *inks):
        (tmp_path / "a.tif").write_bytes(layout.file())
        assert "PNG has no room for" in command.refused("pool", tmp_path / "a.tif", "-o", tmp_path / "b.png", code=1)


def test_premultiplied_values_are_not_weighted_twice(tmp_path, command):
    """--premultiply changes nothing where alpha is in the colours already."""
    for dtype in ("uint8", "uint16", "float32"):
        (tmp_path / "a.tif").write_bytes(Layout(dtype, 4, "rgb", (1,)).file())
        for name, more in (("b", ()), ("c", ("--premultiply",))):
            words = ("pool", tmp_path / "a.tif", "-o", tmp_path / f"{name}.npy", "--mode", "avg", "--overwrite")
            assert command(*words, "--no-report", *more).code == 0
        assert np.array_equal(np.load(tmp_path / "b.npy"), np.load(tmp_path / "c.npy"))


@pytest.mark.parametrize(
    ("bands", "photometric", "after"), [(3, "rgb", 2), (3, "cielab", 1), (1, "miniswhite", 1), (1, "minisblack", 1)]
)
def test_sums_are_of_the_colours_that_they_are_sums_of(tmp_path, command, bands, photometric, after):
    """Red, green and blue stay so; values of brightness are grey, where white is the largest."""
    layout = Layout("uint16", bands, photometric)
    (tmp_path / "a.tif").write_bytes(layout.file())
    assert command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--mode", "sum").code == 0
    have, page = stored(tmp_path / "b.tif")
    pixels = layout.pixels().astype(np.int64)
    pixels = 65_535 - pixels if photometric == "miniswhite" else pixels
    pixels = pixels ^ [0, 1 << 15, 1 << 15] if photometric == "cielab" else pixels  # two's complement
    assert np.array_equal(have, sum(pixels[i::2, j::2] for i in (0, 1) for j in (0, 1)))
    assert (page.photometric, have.dtype.itemsize) == (after, 8)


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("extra", [True, False])
def test_premultiplied_alpha_is_no_colour(tmp_path, monkeypatch, command, colours, extra):
    """A filter of differences leaves it alone, whichever library reads it."""
    if not extra:
        monkeypatch.setitem(sys.modules, "tifffile", None)
    layout = Layout("uint8", colours + 1, "rgb" if colours == 3 else "minisblack", (1,))
    (tmp_path / "a.tif").write_bytes(layout.file())
    assert command("stack", "conv:laplace", tmp_path / "a.tif", "-o", tmp_path / "b.npy").code == 0
    assert np.array_equal(np.load(tmp_path / "b.npy")[..., -1], layout.pixels()[..., -1])


@pytest.mark.parametrize("layout", [Layout("bool"), Layout("uint16", bits=12), Layout("uint8", bits=4)], ids=str)
def test_bits_that_fill_no_bytes_are_held(tmp_path, command, layout):
    """The limit of pixels holds for them, not for what is read by place; where bands are written they are the same."""
    (tmp_path / "a.tif").write_bytes(layout.file())
    call = ("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--overwrite")
    assert "--max-pixels" in command.refused(*call, "--max-pixels", SIZE[0] * SIZE[1] - 1, code=1)
    outputs = []
    for words in ((), ("--compression", "deflate"), ("--tile", "16")):
        assert command(*call, *words).code == 0, words
        outputs.append(stored(tmp_path / "b.tif")[0])
    assert all(np.array_equal(output, outputs[0]) and output.any() for output in outputs)


def test_bands_that_are_no_light_have_no_linear_light(tmp_path, command):
    """More bands than colours, and ink."""
    for layout in (Layout("uint8", 6, "rgb"), Layout("uint16", 4, "separated")):
        (tmp_path / "a.tif").write_bytes(layout.file())
        words = ("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--mode", "avg", "--linear")
        assert "have no linear light" in command.refused(*words, code=1)


@pytest.mark.parametrize("dtype", ["bool", *NUMBERS])
@pytest.mark.parametrize("bands", [1, 3, 4, 7])
def test_arrays_become_tiffs_of_any_depth(tmp_path, command, dtype, bands):
    """From .npy, H x W x C, one value a pixel wide too."""
    pixels = Layout(dtype, bands).pixels()
    for part in (pixels, pixels[:2, :2], pixels[:2]):
        np.save(tmp_path / "a.npy", part)
        result = command("pool", tmp_path / "a.npy", "-o", tmp_path / "b.tif", "--no-report", "--overwrite")
        assert result.code == 0, result.err
        have, page = stored(tmp_path / "b.tif")
        assert np.array_equal(have.reshape(pooled(part).shape), pooled(part))
        assert (have.dtype, page.samplesperpixel) == (np.dtype(dtype), bands)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_undone_by_tifffile_as_by_pillow(orientation):
    """Of depths that Pillow does not read."""
    blocks, have = np.arange(15).reshape(3, 5), []
    for dtype in (np.uint8, np.uint32):
        page = {"data": blocks.astype(dtype), "extratags": [(274, 3, 1, orientation, False)]}
        have.append(decoding.decode(BytesIO(paged([page])), name="x").frames[0].pixels)
    assert np.array_equal(*have)


def damaged(seed):
    """A layout and its file, cut short or with some bytes changed, mostly in its tags."""
    rng = random.Random(seed)
    layout = rng.choice(LAYOUTS)
    data = bytearray(layout.file())
    if rng.random() < 0.3:
        return layout, bytes(data[: rng.randrange(1, len(data))]), True
    for _ in range(rng.choice((1, 1, 2, 4))):
        end = min(len(data), 400) if rng.random() < 0.8 else len(data)
        data[rng.randrange(end)] = rng.choice((0, 1, 2, 255, rng.randrange(256)))
    return layout, bytes(data), False


def check_damaged(seeds):
    """Read and written again, or refused in a sentence; what is cut short is whole or refused."""
    for seed in seeds:
        layout, data, cut = damaged(seed)
        try:
            picture = decoding.decode(BytesIO(data), name="x", options=ReadOptions(max_pixels=100_000))
            encoding.encode(picture, BytesIO(), format="TIFF")
        except PoolcliError:
            continue
        if cut and layout.photometric not in ("palette", "cielab"):
            assert np.array_equal(picture.frames[0].pixels, layout.brightness(layout.pixels())), (seed, layout)


@pytest.mark.parametrize("part", range(4))
def test_damaged_files_end_in_a_sentence(part):
    """Never in another exception, never in a picture that is not there."""
    check_damaged(range(part * 50, part * 50 + 50))


@pytest.mark.parametrize("part", range(4))
def test_damaged_files_end_in_a_sentence_without_the_extra(part, without):
    """The same of what Pillow reads."""
    check_damaged(range(1000 + part * 50, 1050 + part * 50))


@pytest.mark.slow
def test_many_damaged_files():
    """Thousands."""
    check_damaged(range(10_000, 15_000))


def test_tiffs_load_tifffile_only_where_it_is_needed(tmp_path):
    """Neither for PNG nor for a TIFF that Pillow reads exactly."""
    np.save(tmp_path / "a.npy", np.eye(4, dtype=np.uint8))
    Image.fromarray(np.eye(4, dtype=np.uint8)).save(tmp_path / "a.tif")
    Image.fromarray(np.eye(4, dtype=np.uint8)).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "deep.tif", np.eye(4))
    for name, loaded in (("a.png", False), ("a.tif", False), ("deep.tif", True)):
        words = ("pool", name, "-o", f"b{name}", "--overwrite")
        assert ("tifffile" in loaded_by(*words, cwd=tmp_path)["loaded"]) is loaded


def reversed_bits(data, pages):
    """The same file with the lowest bit of every byte first."""
    data = bytearray(data)
    for page in pages:
        for first, count in zip(page.dataoffsets, page.databytecounts, strict=True):
            data[first : first + count] = [int(f"{byte:08b}"[::-1], 2) for byte in data[first : first + count]]
        at = page.tags[296].offset  # of the unit, for which 266 takes the place
        data[at : at + 10] = struct.pack("<HHIH", 266, 3, 1, 2)
    return bytes(data)


@pytest.mark.parametrize("extra", [True, False])
@pytest.mark.parametrize(
    "layout",
    [Layout("bool"), Layout("uint8"), Layout("uint16"), Layout("uint8", 3, "rgb"), Layout("uint8", bits=4)],
    ids=str,
)
def test_bits_may_come_in_either_order(tmp_path, command, monkeypatch, layout, extra):
    """FillOrder 2."""
    with tifffile.TiffFile(BytesIO(layout.file())) as file:
        data = reversed_bits(layout.file(), file.pages)
    if not extra:
        monkeypatch.setitem(sys.modules, "tifffile", None)
    (tmp_path / "a.tif").write_bytes(data)
    assert command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.npy", "--no-report").code == 0
    assert np.array_equal(np.load(tmp_path / "b.npy"), pooled(layout.pixels()))


def test_compressions_are_named(tmp_path, command, monkeypatch):
    """What no library here knows, and what only tifffile does."""
    data = bytearray(Layout("uint8", compression="lzw").file())
    with tifffile.TiffFile(BytesIO(data)) as file:
        at = file.pages[0].tags[259].valueoffset
    for code, words in ((1234, "compression 1234; save it with deflate first"), (33003, "whose YCbCr is called RGB")):
        data[at : at + 2] = struct.pack("<H", code)
        (tmp_path / "a.tif").write_bytes(data)
        assert words in command.refused("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", code=1)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    data[at : at + 2] = struct.pack("<H", 34887)
    (tmp_path / "a.tif").write_bytes(data)
    assert "8-bit gray in LERC" in command.refused("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", code=1)


def test_lossy_compressions_become_deflate(tmp_path, command):
    """JPEG's colours are those that its decoder gives."""
    pixels = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    for compression in ("jpeg", "jpeg2000", "webp"):
        tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", compression=compression, metadata=None)
        expected = pooled(tifffile.imread(tmp_path / "a.tif"))
        result = command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--no-report", "--overwrite")
        assert result.code == 0, result.err
        have, page = stored(tmp_path / "b.tif")
        assert (page.compression, page.photometric) == (8, 2)
        assert np.abs(have.astype(int) - expected).max() <= (1 if compression == "jpeg" else 0)  # two libjpegs


def test_sparse_files_hold_the_no_data_value_where_they_hold_nothing(tmp_path, command, monkeypatch):
    """As GDAL writes them; libtiff would read zeros or fail, so that without the extra they are refused."""
    pixels = np.full((32, 32), 7, np.uint8)
    tags = [(42113, 2, None, b"200\0", False)]
    data = bytearray(paged([{"data": pixels, "tile": (16, 16), "extratags": tags}]))
    with tifffile.TiffFile(BytesIO(data)) as file:
        for code in (324, 325):
            tag = file.pages[0].tags[code]
            at = tag.valueoffset
            size = tag.valuebytecount // tag.count
            data[at : at + size] = bytes(size)
    (tmp_path / "a.tif").write_bytes(data)
    assert command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.npy", "--no-report", "--mode", "stride").code == 0
    expected = np.full((16, 16), 7, np.uint8)
    expected[:8, :8] = 200
    assert np.array_equal(np.load(tmp_path / "b.npy"), expected)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    assert INSTALL in command.refused("pool", tmp_path / "a.tif", "-o", tmp_path / "c.npy", code=1)


def test_16_bits_become_8_only_where_that_is_allowed(tmp_path, command, without):
    """Pillow writes no 16-bit RGB."""
    layout = Layout("uint16", 3, "rgb")
    (tmp_path / "a.tif").write_bytes(layout.file())
    assert INSTALL in command.refused("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", code=1)
    result = command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--allow-8bit", "--no-report")
    assert (result.code, "RGB;16 was written as RGB" in result.err) == (0, True), result
    nearest = (pooled(layout.pixels()).astype(np.uint32) * 255 + 32767) // 65535
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.tif")), nearest)


def test_limits_hold_before_anything_is_decoded(tmp_path, command):
    """Many bands count as more pixels; a promise of a large picture costs nothing."""
    (tmp_path / "a.tif").write_bytes(Layout("uint8", 6).file())
    words = ("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--max-pixels")
    assert "360 pixels of four bands is more than the limit of 359" in command.refused(*words, "359", code=1)
    assert command(*words, "360", "--no-report").code == 0


def test_the_weight_of_a_tiff_is_that_of_its_values():
    """Whatever Pillow makes of it: bands, depth, pages."""
    pixels = SIZE[0] * SIZE[1]
    for layout, times in ((Layout("uint8", 3, "rgb"), 1), (Layout("float64", 6), 16), (Layout("bool"), 1)):
        assert inspection.memory_needed(BytesIO(layout.file()), filtered=False) == times * 12 * pixels
    pages = paged([{"data": np.zeros((5, 5), np.uint8)}] * 3)
    assert inspection.memory_needed(BytesIO(pages), filtered=True) == 3 * 40 * 25


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_tiles_stay_tiles(tmp_path, command, dtype, bands):
    """Of depths that Pillow writes, too, which knows strips alone."""
    values = random_image(0, (300, 200), dtype, (bands,) if bands > 1 else ())
    tifffile.imwrite(tmp_path / "a.tif", values, tile=(64, 64), photometric="rgb" if bands > 1 else "minisblack")
    command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert (file.pages[0].is_tiled, file.pages[0].tile) == (True, (64, 64))
        assert np.array_equal(file.asarray(), poolcli.pool(values, 2))
