"""More bits than Pillow keeps, and values that it scales: what stands in the file is what is pooled and written."""

import math
import struct
import zlib
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

import poolcli
from poolcli.errors import PictureError
from poolcli.images import decoding, encoding
from poolcli.images.formats import EncodeOptions, ReadOptions
from poolcli.images.frame import Frame, Picture
from tests.images import assert_same, random_image
from tests.pictures import chunk, file_of, png, random_picture
from tests.test_colour import average as linear_average

WIDE = {2: ("RGB;16", 3), 4: ("LA;16", 2), 6: ("RGBA;16", 4)}


def decode(content, *, labels=False, **options):
    """decode() of a file called x."""
    return decoding.decode(BytesIO(content), name="x", indices=labels, options=ReadOptions(**options))


def encoded(picture, format=None, **options):
    """The bytes that the picture is written as, and the notes."""
    stream = BytesIO()
    written = encoding.encode(picture, stream, format=format, options=EncodeOptions(**options))
    return stream.getvalue(), written.notes


def array(pixels):
    """A .npy picture of these pixels."""
    return Picture("NPY", (Frame(pixels, pixels.dtype.name),), pixels.dtype.name)


def interlaced(pixels, colour):
    """A PNG of 16-bit `pixels` in Adam7's seven passes, after the specification (8.2)."""
    height, width = pixels.shape[:2]
    lines = b""
    for left, top, across, down in (
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
    ):  # fmt: skip
        for row in pixels[top::down, left::across]:
            lines += (b"\0" + row.astype(">u2").tobytes()) if row.size else b""
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")]
    )


@pytest.mark.parametrize("size", [(1, 1), (7, 13), (50, 40)])
@pytest.mark.parametrize("colour", WIDE)
def test_16_bits_a_channel_of_a_png_are_read_as_they_are(colour, size):
    """RGB, RGBA and grey with alpha, interlaced or not."""
    mode, channels = WIDE[colour]
    values = random_image(colour, size, "uint16", (channels,))
    for content in (png(size[::-1], depth=16, colour=colour, rows=values.astype(">u2").tobytes()),
                    interlaced(values, colour)):  # fmt: skip
        have = decode(content)
        assert (have.file_mode, have.frames[0].mode, have.notes) == (mode, mode, ())
        assert have.frames[0].pixels.dtype == np.uint16
        assert np.array_equal(have.frames[0].pixels, values)


@pytest.mark.parametrize("level", [None, 0, 9])
@pytest.mark.parametrize("shape", [(1, 1), (9, 1), (33, 20), (300, 200)])
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_16_bits_a_channel_are_written_as_they_are(channels, shape, level):
    """Read back by libpng."""
    values = random_image(channels, shape, "uint16", (channels,))
    content, notes = encoded(array(values), "PNG", png_level=level)
    assert notes == ()
    assert np.array_equal(imagecodecs.png_decode(content).reshape(values.shape), values)


def test_16_bits_a_channel_keep_what_is_said_of_them():
    """Resolution and texts stand in a PNG that our own rows are in."""
    text = chunk(b"tEXt", b"Title\0hill")
    content = png((3, 2), depth=16, colour=2, before=[chunk(b"pHYs", struct.pack(">IIB", 3937, 3937, 1)), text])
    after = Image.open(BytesIO(encoded(decode(content))[0]))
    assert after.info["Title"] == "hill"
    assert after.info["dpi"][0] == pytest.approx(100, abs=0.1)


@pytest.mark.parametrize(
    ("colour", "values", "key", "mode"),
    [
        (0, [[7, 8], [263, 7]], (7,), "LA;16"),
        (2, [[[1, 2, 3], [1, 2, 4]], [[257, 2, 3], [1, 2, 3]]], (1, 2, 3), "RGBA;16"),
    ],
)
def test_a_transparent_colour_of_16_bits_becomes_alpha(colour, values, key, mode):
    """All 16 bits are compared: 263 is 7 in its low byte only."""
    values = np.array(values, np.uint16)
    before = [chunk(b"tRNS", struct.pack(f">{len(key)}H", *key))]
    have = decode(png((2, 2), depth=16, colour=colour, rows=values.astype(">u2").tobytes(), before=before)).frames[0]
    assert (have.mode, have.alpha) == (mode, True)
    clear = (values.reshape(2, 2, -1) == key).all(2)
    assert have.pixels[..., -1].tolist() == np.where(clear, 0, 65535).tolist()


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_transparent_grey_of_few_bits_becomes_alpha(depth):
    """Pillow spreads the values over 0 ... 255; the transparent one stays as small as it was."""
    most = (1 << depth) - 1
    key = min(most, 2)
    row = bytes([key << (8 - depth) & 255, 0])  # 8 bits: one value a byte
    have = decode(png((2, 1), depth=depth, rows=row[: -(-2 * depth // 8)], before=[chunk(b"tRNS", bytes([255, key]))]))
    assert have.frames[0].mode == "LA"
    assert have.frames[0].pixels[0].tolist() == [[key * 255 // most, 0], [0, 255]]


def test_what_holds_no_16_bits_a_channel_says_so():
    """And how to get 8, which is the only way to fewer bits."""
    values = random_image(1, (4, 5), "uint16", (3,))
    content = png((5, 4), depth=16, colour=2, rows=values.astype(">u2").tobytes())
    words = r"^JPEG cannot hold 16-bit RGB \(RGB;16\); write PNG, .* or .npy, or allow 8 bits with --allow-8bit$"
    with pytest.raises(PictureError, match=words):
        encoded(decode(content), "JPEG")
    narrow, notes = encoded(decode(content), "BMP", allow_8bit=True)
    assert notes == ("RGB;16 was written as RGB, since BMP does not hold RGB;16",)
    assert np.array_equal(np.asarray(Image.open(BytesIO(narrow))), np.rint(values / 257).astype(np.uint8))
    assert decode(content, allow_8bit=True).frames[0].mode == "RGB;16"  # nothing forces fewer


@pytest.mark.parametrize("packed", [0, 1])
def test_what_pillow_reads_in_8_of_16_bits_is_refused(packed):
    """SGI: unless fewer bits are allowed."""
    content = bytearray(file_of(random_picture("L"), "SGI", bpc=2).getvalue())
    if packed:  # one row of one run
        content[2:8] = bytes([1, 2, 0, 2, 0, 2])
        content[8:512] = b"\0\1\0\1".ljust(504, b"\0")
        content[512:] = struct.pack(">IIHHH", 520, 6, 2, 4660, 0)
    with pytest.raises(
        PictureError, match=r"^x: SGI of 16 bits a channel, of which Pillow reads 8; convert it to TIFF"
    ):
        decode(content)
    assert decode(content, allow_8bit=True).notes == ("SGI of 16 bits a channel was read as 8 bits",)


@pytest.mark.parametrize("format", ["PNG", "PPM", "TIFF", "BMP", "PCX", "XBM", "MSP"])
def test_one_bit_is_0_or_1_to_numpy(format):
    """Pillow keeps 255 for True; a sum of such bytes would be 255 times too large."""
    pixels = decode(file_of(random_picture("1"), format).getvalue()).frames[0].pixels
    assert pixels.view(np.uint8).max() == 1


@pytest.mark.parametrize("mode", ["blur:3/2", "maxblur:3/2", "aps:2", "maxaps:2", "avg:2", "max:2"])
def test_one_bit_is_pooled_as_0_and_1(mode, command, tmp_path):
    """Every mode makes of a 1-bit PNG what it makes of the same array of bools."""
    picture = random_picture("1", (16, 12))
    picture.save(tmp_path / "a.png")
    assert command("stack", mode, tmp_path / "a.png", "-o", tmp_path / "b.png").code == 0
    with Image.open(tmp_path / "b.png") as after:
        assert np.array_equal(np.asarray(after), poolcli.apply(mode, np.asarray(picture.convert("L")) > 0))


PNM = [
    (kind, most, channels)
    for kind, channels in ((b"2", 1), (b"3", 3), (b"5", 1), (b"6", 3), *((b"7", depth) for depth in (1, 2, 3, 4)))
    for most in (2, 15, 100, 255, 256, 1000, 4095, 65_535)
]


def pnm(kind, values, most):
    """A Netpbm file, written after its manual."""
    height, width = values.shape[:2]
    if kind == b"7":
        head = f"P7\nWIDTH {width}\n# a comment\nHEIGHT {height}\nDEPTH {values.shape[2]}\nMAXVAL {most}\nENDHDR\n"
    else:
        head = f"P{kind.decode()} # a comment\n{width}\t{height}\n# another\n{most}\n"
    if kind in b"23":
        return head.encode() + b"\n".join(b" ".join(b"%d" % value for value in row.ravel()) for row in values)
    return head.encode() + values.astype(np.uint8 if most < 256 else ">u2").tobytes()


@pytest.mark.parametrize(("kind", "most", "channels"), PNM)
def test_netpbm_keeps_values_and_maxval(kind, most, channels, command, tmp_path):
    """As they are stored, whatever the maxval: read, pooled, written, read again."""
    values = np.random.default_rng(most).integers(0, most, (6, 8, channels), endpoint=True)
    have = decode(pnm(kind, values, most))
    assert have.notes == ()
    frame = have.frames[0]
    assert np.array_equal(np.atleast_3d(frame.pixels), values)
    assert frame.pixels.dtype == (np.uint8 if most < 256 else np.uint16)
    assert frame.peak == (None if most in (255, 65_535) else most)
    again, notes = encoded(have)
    assert notes == ()
    assert b"MAXVAL %d\n" % most in again if kind == b"7" else again.split(maxsplit=4)[3] == b"%d" % most
    assert np.array_equal(decode(again).frames[0].pixels, frame.pixels)
    path = tmp_path / ("a.pam" if kind == b"7" else "a.ppm")
    path.write_bytes(pnm(kind, values, most))
    assert command("pool", path, "-o", tmp_path / f"b{path.suffix}", "--mode", "max").code == 0
    pooled = decode((tmp_path / f"b{path.suffix}").read_bytes()).frames[0]
    assert np.array_equal(np.atleast_3d(pooled.pixels), values.reshape(3, 2, 4, 2, channels).max((1, 3)))
    assert pooled.peak == frame.peak


def test_filtered_values_stay_within_the_maxval(command, tmp_path):
    """A box of 100s is 100 at most; a sharpened one is clipped to the maxval, not to 65535."""
    (tmp_path / "a.pgm").write_bytes(pnm(b"5", np.arange(64).reshape(8, 8) % 7 * 166, 1000))
    for how in ("clip", "abs", "stretch", "offset"):
        target = tmp_path / f"{how}.pgm"
        assert command("pool", tmp_path / "a.pgm", "-o", target, "--filter", "line-v", "--to-range", how).code == 0
        frame = decode(target.read_bytes()).frames[0]
        assert frame.pixels.max() == frame.peak == 1000


def test_bits_of_netpbm():
    """1 is black; plain ones need no space between them."""
    bits = np.array([[1, 0, 1, 1, 0, 0, 0, 1, 1, 0], [0, 1, 0, 0, 0, 1, 1, 1, 0, 1]])
    plain = b"P1 # bits\n10 2\n" + b"".join(b"%d" % bit for bit in bits.ravel())
    packed = b"P4\n10 2\n" + np.packbits(bits, axis=1).tobytes()
    pam = (
        b"P7\nWIDTH 10\nHEIGHT 2\nDEPTH 1\nMAXVAL 1\nTUPLTYPE BLACKANDWHITE\nENDHDR\n"
        + (1 - bits).astype(np.uint8).tobytes()
    )
    for content in (plain, packed, pam):
        have = decode(content)
        assert have.frames[0].mode == "1"
        assert np.array_equal(have.frames[0].pixels, bits == 0)
        assert np.array_equal(decode(encoded(have)[0]).frames[0].pixels, bits == 0)
    assert encoded(decode(pam))[0] == pam


@pytest.mark.parametrize("scale", [1.0, -1.0, 2.5, -0.001])
@pytest.mark.parametrize("kind", ["Pf", "PF"])
def test_pfm_keeps_every_float_and_its_scale(kind, scale):
    """Rows from the bottom; the sign of the scale is the order of bytes, its size stands beside the values."""
    values = np.random.default_rng(3).standard_normal((3, 5, 3) if kind == "PF" else (3, 5)).astype(np.float32)
    values[0, 0], values[2, 4] = np.nan, np.inf
    content = f"{kind}\n5 3\n{scale}\n".encode() + values[::-1].astype("<f4" if scale < 0 else ">f4").tobytes()
    have = decode(content)
    assert np.array_equal(have.frames[0].pixels, values, equal_nan=True)
    again, notes = encoded(have)
    assert notes == ()
    assert again.split(maxsplit=4)[3] == f"-{abs(scale)}".encode()
    assert np.array_equal(decode(again).frames[0].pixels, values, equal_nan=True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"P5 4 4 255\n" + bytes(15), "16 bytes of pixels are promised and 15 are there; get the file again"),
        (b"P2 2 2 9 1 2 3", "4 values are promised and 3 are there; get the file again"),
        (b"P2 2 1 9 1 10", "a value of 10 is outside 0 to 9, the maxval; get the file again"),
        (b"P5 2 1 9\n\x01\x0a", "a value of 10 is above the maxval of 9; get the file again"),
        (b"P2 2 1 9 1 x", "what stands among the pixels is no number; get the file again"),
        (b"P5 0 4 255\n", "a side of '0' is none: 1 to 2147483648 is allowed; get the file again"),
        (b"P5 4 4 65536\n", "a maxval of '65536' is none: 1 to 65535 is allowed; get the file again"),
        (b"P5 4 4", "the header is cut short; get the file again"),
        (b"P7\nWIDTH 4\n", "the header is cut short; get the file again"),
        (b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 5\nMAXVAL 9\nENDHDR\n12345", "a PAM of 5 channels, and 1 to 4 can be read"),
        (b"P7\nWIDTH 1 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 9\nENDHDR\n12", "a side of '1 2' is none"),
        (b"Pf 4 4 0\n", "a scale of '0' is none; get the file again"),
        (b"P5 99999 99999 255\n", "a picture of 9999800001 pixels is more than the limit"),
    ],
)
def test_netpbm_files_that_are_broken(content, words):
    """One sentence each."""
    with pytest.raises(PictureError) as error:
        decode(content)
    assert str(error.value).startswith(f"x: {words}")


def test_the_first_of_several_netpbm_pictures():
    """The format lets them follow one another."""
    one = b"P5 2 1 255\n\1\2"
    assert decode(one + one).notes == ("the first of several pictures in the file was taken",)


def test_values_as_stored_are_told_where_white_is_another_value():
    """A maxval of 1000 is dark grey in a PNG."""
    content = pnm(b"5", np.array([[1000, 0]]), 1000)
    written, notes = encoded(decode(content), "PNG")
    assert notes == ("values of 0 to 1000 were written as they are, though PNG takes 65535 for white",)
    assert decode(written).frames[0].pixels.tolist() == [[1000, 0]]


@pytest.mark.parametrize("alpha", [3, bytes([255, 0, 100, 30])])
def test_palettes_with_alpha_are_pooled_as_what_they_show(alpha, command, tmp_path):
    """The maximum of colours and opacities; as labels the index stays with both."""
    picture = random_picture("P", (16, 12))
    picture.save(tmp_path / "a.png", transparency=alpha)
    shown = np.asarray(Image.open(tmp_path / "a.png").convert("RGBA"))
    assert command("pool", tmp_path / "a.png", "-o", tmp_path / "b.png").code == 0
    with Image.open(tmp_path / "b.png") as after:
        assert np.array_equal(np.asarray(after), shown.reshape(6, 2, 8, 2, 4).max((1, 3)))
    assert command("pool", tmp_path / "a.png", "--mode", "stride", "-o", tmp_path / "c.png").code == 0
    with Image.open(tmp_path / "c.png") as after:
        assert after.mode == "P"
        assert np.array_equal(np.asarray(after.convert("RGBA")), shown[::2, ::2])


def netpbm(pixels, most):
    """A PGM of this maxval."""
    height, width = pixels.shape
    return b"P5 %d %d %d\n" % (width, height, most) + pixels.astype(">u2" if most > 255 else "u1").tobytes()


@pytest.mark.parametrize("most", [15, 1000, 1023])
def test_the_maxval_is_white_in_linear_light_and_in_the_report(most, command, tmp_path):
    """Not the largest value of the dtype: with pool, compare and diff."""
    pixels = np.random.default_rng(most).integers(0, most + 1, (12, 14), np.uint8 if most < 256 else np.uint16)
    source, target, moved = (tmp_path / name for name in ("a.pgm", "b.pgm", "moved.pgm"))
    source.write_bytes(netpbm(pixels, most))
    moved.write_bytes(netpbm(np.roll(pixels, 1, 1), most))
    assert command("pool", source, "-o", target, "--linear", "--mode", "avg", "-q", "--no-report").code == 0
    expected = linear_average(pixels[..., np.newaxis], 2, True, False, float(most))
    assert_same(decoding.decode(target, name="b").frames[0].pixels, expected[..., 0])

    (record,) = command("pool", source, "-o", tmp_path / "c.pgm", "--mode", "avg", "--json").objects
    row = record["report"]["shifts"][0]
    for side in (row["raw"], row["pooled"], row["aligned"]):
        assert side["psnr"] == pytest.approx(20 * math.log10(most / side["rmse"]))
    (record,) = command("diff", source, moved, "--json").objects
    side = record["report"]["shifts"][0]["raw"]
    assert side["psnr"] == pytest.approx(20 * math.log10(most / side["rmse"]))


def test_the_maxval_is_white_in_what_is_written(command, tmp_path):
    """Where values are clipped to it."""
    source = tmp_path / "a.pgm"
    source.write_bytes(netpbm(np.random.default_rng(0).integers(0, 1001, (12, 14), np.uint16), 1000))
    words = ("--filter", "line-v", "--mode", "avg", "--json")
    for target in ("b.pgm", "b.png"):
        (record,) = command("pool", source, "-o", tmp_path / target, *words).objects
        side = record["report"]["shifts"][0]["written"]
        assert side["psnr"] == pytest.approx(20 * math.log10(1000 / side["rmse"]))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_that_a_gif_has_no_room_for_are_part_of_what_is_written(mode, command, tmp_path):
    """Whoever compares the two written files finds that number."""
    pixels = np.random.default_rng(1).integers(0, 256, (60, 64, len(mode)), np.uint8)
    if mode == "RGBA":
        pixels[..., 3] = 255
        pixels[20:40, 20:40, 3] = 0
    moved = np.concatenate([pixels[:, 1:], pixels[:, -1:]], axis=1)
    files, records = [], []
    for name, each in (("a", pixels), ("moved", moved)):
        Image.fromarray(each).save(tmp_path / f"{name}.png")
        records += command("pool", tmp_path / f"{name}.png", "-o", tmp_path / f"{name}.gif", "--json").objects
        files.append(decoding.decode(tmp_path / f"{name}.gif", name=name).frames[0].pixels.astype(int))
    one, other = files
    side = records[0]["report"]["shifts"][0]["written"]
    assert side["changed"] == (one != other).any(axis=2).sum()
    assert side["mae"] == pytest.approx(np.abs(one - other).mean())
    few = np.repeat(np.repeat(pixels[:4, :4], 8, axis=0), 8, axis=1)
    Image.fromarray(few).save(tmp_path / "few.png")
    (record,) = command("pool", tmp_path / "few.png", "-o", tmp_path / "few.gif", "--json").objects
    assert record["report"]["shifts"][0]["written"] is None


@pytest.mark.parametrize("extension", ["png", "tif"])
@pytest.mark.parametrize("source", ["a.tif", "a.npy", "a.png"])
def test_floats_become_bytes_by_the_range_that_is_given(tmp_path, command, source, extension):
    """Those of a file as those of an array; where a picture has alpha, that is held as it is."""
    values = np.random.default_rng(0).uniform(-100, 300, (12, 14)).astype(np.float32)
    if source == "a.png":
        values = random_image(0, (12, 14), np.uint8, (4,))
        Image.fromarray(values).save(tmp_path / source)
    elif source == "a.npy":
        np.save(tmp_path / source, values)
    else:
        tifffile.imwrite(tmp_path / source, values)
    words = ("--dtype", "float32") if source == "a.png" else ()
    for how in ("clip", "stretch"):
        out = tmp_path / f"{how}.{extension}"
        command("pool", tmp_path / source, "-o", out, "--to-range", how, "--no-report", *words)
        pooled = poolcli.pool(values, 2).astype(np.float64)
        colours = pooled[..., :3] if pooled.ndim == 3 else pooled
        low, high = (0, 255) if how == "clip" else (colours.min(), colours.max())
        expected = np.floor((np.clip(colours, low, high) - low) * 255 / (high - low) + 0.5)
        expected = expected if pooled.ndim == 2 else np.concatenate([expected, pooled[..., 3:]], axis=2)
        with Image.open(out) as picture:
            assert np.array_equal(np.asarray(picture), expected)
