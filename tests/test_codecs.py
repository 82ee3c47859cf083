"""JPEG 2000, AVIF, JPEG XL and HEIF in their own depth; what is lossless stays so; what is missing is named."""

import sys
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from poolcli.errors import PictureError, UsageError
from poolcli.images import decoding, encoding, formats
from poolcli.images.formats import EncodeOptions, ReadOptions
from poolcli.images.frame import Frame, Meta, Picture
from tests.images import random_image
from tests.pictures import file_of, random_picture

CHANNELS = ((), (2,), (3,), (4,))


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


def values(bits, dtype, shape, seed=0):
    """Random values of so many bits, signed or not."""
    low = -(1 << (bits - 1)) if np.dtype(dtype).kind == "i" else 0
    return np.random.default_rng(seed).integers(low, low + (1 << bits), shape).astype(dtype)


J2K = [
    (bits, dtype, channels)
    for bits, dtype in ((1, "uint8"), (4, "uint8"), (8, "uint8"), (8, "int8"), (10, "uint16"), (12, "uint16"),
                        (16, "uint16"), (12, "int16"), (16, "int16"))
    for channels in (*CHANNELS, (5,))
]  # fmt: skip


@pytest.mark.parametrize("kind", ["jp2", "j2k"])
@pytest.mark.parametrize(("bits", "dtype", "channels"), J2K)
def test_jpeg_2000_of_any_depth_is_read_and_written_as_it_is(bits, dtype, channels, kind):
    """Signed or not, of few bits or many, of five channels; the depth that was in the file is in the new one."""
    pixels = values(bits, dtype, (9, 7, *channels))
    given = {"codecformat": kind, "bitspersample": bits, "reversible": True, "planar": False}
    have = decode(imagecodecs.jpeg2k_encode(pixels, level=0, **given))
    assert have.notes == ()
    assert have.frames[0].pixels.dtype == dtype
    assert np.array_equal(have.frames[0].pixels, pixels)
    again, notes = encoded(have)
    assert notes == ()
    assert np.array_equal(imagecodecs.jpeg2k_decode(again).reshape(pixels.shape), pixels)
    depth = again[again.index(b"\xff\x4f\xff\x51") + 42]
    assert depth == bits - 1 + 128 * (np.dtype(dtype).kind == "i")


AVIF = [(bits, channels) for bits in (10, 12) for channels in CHANNELS]


@pytest.mark.parametrize(("bits", "channels"), AVIF)
def test_deep_avif_is_read_and_written_as_it_is(bits, channels):
    """Without loss where it came so."""
    pixels = values(bits, "uint16", (20, 30, *channels))
    have = decode(imagecodecs.avif_encode(pixels, bitspersample=bits))
    assert have.frames[0].peak == (1 << bits) - 1
    assert np.array_equal(have.frames[0].pixels, pixels)
    again, notes = encoded(have, lossless=True)
    assert notes == ()
    assert np.array_equal(imagecodecs.avif_decode(again), pixels)
    if channels == (3,):
        assert have.meta.lossless
        assert np.array_equal(imagecodecs.avif_decode(encoded(have)[0]), pixels)
        lossy, _ = encoded(have, quality=50)
        assert not np.array_equal(imagecodecs.avif_decode(lossy), pixels)
        assert imagecodecs.avif_decode(lossy).max() > 255


def test_frames_of_a_deep_avif():
    """All of them, or one by its number; they are not written, since they would lose their durations."""
    pixels = values(10, "uint16", (3, 20, 30, 3))
    content = imagecodecs.avif_encode(pixels, bitspersample=10)
    have = decode(content)
    assert np.array_equal([frame.pixels for frame in have.frames], pixels)
    assert all(frame.info["duration"] > 0 for frame in have.frames)
    assert np.array_equal(decode(content, frame=1).frames[0].pixels, pixels[1])
    with pytest.raises(PictureError, match=r"^3 deep frames do not fit into one AVIF; take one with --frame N$"):
        encoded(have)
    with pytest.raises(PictureError, match=r"^x: frames of 1800 pixels together are more than the limit of 1799"):
        decode(content, max_pixels=1799)


def test_a_deep_avif_is_turned_upright(monkeypatch):
    """Its own tag of orientation (irot), which the library leaves to its caller."""
    picture = Image.fromarray(random_image(1, (20, 30), "uint8", (3,)))
    exif = Image.Exif()
    exif[0x0112] = 6
    content = file_of(picture, "AVIF", exif=exif, quality=100).getvalue()
    upright = decode(content).frames[0].pixels
    assert upright.shape == (30, 20, 3)
    monkeypatch.setattr("poolcli.images.codecs.avif_bits", lambda data: 10)  # read as if it were deep
    assert np.array_equal(decode(content).frames[0].pixels, upright)


JXL = [
    (bits, dtype, channels)
    for bits, dtype in ((1, "uint8"), (8, "uint8"), (10, "uint16"), (16, "uint16"), (32, "float32"))
    for channels in CHANNELS
    if dtype != "float32" or channels in ((), (3,))
]


@pytest.mark.parametrize(("bits", "dtype", "channels"), JXL)
def test_jpeg_xl_is_read_and_written_as_it_is(bits, dtype, channels):
    """Of any depth, floats too, without loss where it came so."""
    pixels = random_image(bits, (20, 30), dtype, channels) if bits == 32 else values(bits, dtype, (20, 30, *channels))
    given = {} if bits == 32 else {"bitspersample": bits}
    have = decode(imagecodecs.jpegxl_encode(pixels, lossless=True, **given))
    assert (have.format, have.meta.lossless, have.notes) == ("JXL", True, ())
    assert np.array_equal(have.frames[0].pixels, pixels)
    assert have.frames[0].peak == (None if bits in (8, 16, 32) else (1 << bits) - 1)
    again, notes = encoded(have)
    assert notes == ()
    assert np.array_equal(imagecodecs.jpegxl_decode(again), pixels)
    assert decode(again).frames[0].peak == have.frames[0].peak


def test_lossy_jpeg_xl_is_lossy_again_and_obeys_quality():
    """Unless it is told otherwise."""
    smooth = np.add.outer(np.arange(90), np.arange(120)).astype(np.uint8)
    have = decode(imagecodecs.jpegxl_encode(np.dstack([smooth] * 3), lossless=False, distance=1.0))
    assert not have.meta.lossless
    sizes = [len(encoded(have, **options)[0]) for options in ({"quality": 20}, {}, {"quality": 100})]
    assert sizes == sorted(sizes)
    assert np.array_equal(decode(encoded(have, lossless=True)[0]).frames[0].pixels, have.frames[0].pixels)


@pytest.mark.parametrize("size", [(8, 8), (64, 128), (100, 120), (9, 16), (300, 200), (1, 5000)])
def test_the_header_of_a_jpeg_xl_has_its_size(size):
    """Before it is decoded: small sides, ratios, large sides."""
    content = imagecodecs.jpegxl_encode(np.zeros(size, np.uint8), lossless=True)
    words = f"^x: a picture of {size[0] * size[1]} pixels is more than the limit of {size[0] * size[1] - 1}"
    with pytest.raises(PictureError, match=words):
        decode(content, max_pixels=size[0] * size[1] - 1)
    assert decode(content).frames[0].pixels.shape == size


def test_frames_of_a_jpeg_xl():
    """All of them."""
    pixels = values(8, "uint8", (3, 20, 30, 3))
    have = decode(imagecodecs.jpegxl_encode(pixels, lossless=True))
    assert np.array_equal([frame.pixels for frame in have.frames], pixels)
    assert have.notes == ("how long the frames of a JPEG XL are shown is not read",)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: imagecodecs.jpeg2k_encode(values(12, "uint16", (8, 8, 3)), level=0, bitspersample=12),
         "JPEG 2000 of 12 bits, which takes a library to read: pip install imagecodecs"),
        (lambda: imagecodecs.jpeg2k_encode(values(4, "uint8", (8, 8)), level=0, bitspersample=4),
         "JPEG 2000 of 4 bits, which takes a library to read: pip install imagecodecs"),
        (lambda: imagecodecs.jpeg2k_encode(values(8, "uint8", (8, 8, 5)), level=0, planar=False),
         "JPEG 2000 of 8 bits and 5 channels, which takes a library to read: pip install imagecodecs"),
        (lambda: imagecodecs.avif_encode(values(10, "uint16", (8, 8, 3)), bitspersample=10),
         "AVIF of 10 bits, which takes a library to read: pip install imagecodecs"),
        (lambda: imagecodecs.jpegxl_encode(values(8, "uint8", (8, 8))),
         "JPEG XL, which takes a library to read: pip install imagecodecs"),
        (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40),
         "HEIF, which takes a library to read: pip install pillow-heif"),
    ],
)  # fmt: skip
def test_what_takes_a_library_names_it(build, words, request):
    """One sentence, and no picture of fewer bits."""
    content = build()
    request.getfixturevalue("bare")
    with pytest.raises(PictureError) as error:
        decode(content)
    assert str(error.value) == f"x: {words}"


def test_8_bits_where_they_are_allowed(request):
    """What Pillow gives, with a note."""
    pixels = values(12, "uint16", (8, 8, 3))
    jpeg = imagecodecs.jpeg2k_encode(pixels, level=0, bitspersample=12)
    avif = imagecodecs.avif_encode(pixels >> 2, bitspersample=10)
    request.getfixturevalue("bare")
    have = decode(jpeg, allow_8bit=True)
    assert (have.frames[0].mode, have.notes) == ("RGB", ("JPEG 2000 of 12 bits was read as 8 bits",))
    have = decode(avif, allow_8bit=True)
    assert (have.frames[0].mode, have.notes) == ("RGB", ("AVIF of 10 bits was read as 8 bits",))


@pytest.mark.parametrize("format", ["JPEG2000", "JXL"])
def test_writing_without_the_library_names_it(format, bare):
    """Before any pooling."""
    picture = array(values(16, "uint16", (4, 4, 3)))
    with pytest.raises(
        PictureError, match=rf"^{format} of 16-bit RGB \(RGB;16\) takes a library to write: pip install im"
    ):
        encoding.check_fits(picture, format)


def test_an_avif_holds_12_bits():
    """16 are refused, or become 8 where that is allowed."""
    picture = array(values(16, "uint16", (16, 16, 3)))
    with pytest.raises(PictureError, match=r"^AVIF cannot hold 16-bit RGB \(RGB;16\); write PNG, .*--allow-8bit$"):
        encoded(picture, "AVIF")
    assert Image.open(BytesIO(encoded(picture, "AVIF", allow_8bit=True)[0])).mode == "RGB"


def webp(picture, **options):
    """A WebP in memory."""
    return file_of(picture, "WEBP", **options).getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_lossless_webp_stays_lossless(mode):
    """Also the colours of transparent pixels; a lossy one stays lossy."""
    picture = random_picture(mode, (40, 30))
    have = decode(webp(picture, lossless=True, exact=True))
    assert have.meta.lossless
    assert np.array_equal(decode(encoded(have)[0]).frames[0].pixels, np.asarray(picture))
    lossy = decode(webp(picture, quality=50))
    assert not lossy.meta.lossless
    assert b"VP8L" not in encoded(lossy)[0][:40]
    assert b"VP8L" not in encoded(have, quality=50)[0][:40]


def test_frames_of_a_lossless_webp_stay_lossless():
    """Every one, with what is transparent, equal ones too."""
    pixels = [np.array(random_picture("RGBA", seed=number)) for number in (0, 0, 1)]
    frames = tuple(Frame(each, "RGBA", alpha=True, info={"duration": 70}) for each in pixels)
    content, notes = encoded(Picture("PNG", frames, "RGBA", Meta(loop=3)), "WEBP", lossless=True)
    assert notes == ()
    have = decode(content)
    assert have.meta.lossless
    assert have.meta.loop == 3
    assert np.array_equal([frame.pixels for frame in have.frames], pixels)
    assert [frame.info["duration"] for frame in have.frames] == [70] * 3
    assert np.array_equal([frame.pixels for frame in decode(encoded(have)[0]).frames], pixels)


@pytest.mark.parametrize("format", ["WEBP", "GIF", "AVIF", "PNG", "TIFF"])
def test_equal_and_nearly_equal_frames_are_all_written(format):
    """Writers join a frame to one before it that is (WebP: nearly) the same."""
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    pixels = [np.dstack([smooth] * 3)] * 3 + [np.dstack([smooth ^ 1] * 3)] * 2
    frames = tuple(Frame(each, "RGB", info={"duration": 40}) for each in pixels)
    content, _ = encoded(Picture("PNG", frames, "RGB"), format)
    have = decode(content)
    assert len(have.frames) == 5
    assert [frame.info.get("duration", 40) for frame in have.frames] == [40] * 5
    assert np.abs(have.frames[4].pixels.astype(int) - pixels[4]).max() < (
        12 if format in ("WEBP", "AVIF", "GIF") else 1
    )


def test_frames_that_become_equal_in_256_colours_are_all_in_a_gif():
    """129 frames of many colours, hardly different."""
    first = random_picture("RGB", (40, 30))
    frames = []
    for number in range(20):
        pixels = np.array(first)
        pixels[number, 0] ^= 1
        frames.append(Frame(pixels, "RGB", info={"duration": 20}))
    content, notes = encoded(Picture("PNG", tuple(frames), "RGB"), "GIF")
    assert notes == ("colours were reduced to 256 a frame, which is all a GIF holds",)
    assert len(decode(content).frames) == 20


@pytest.mark.parametrize("clear", [False, True])
def test_a_gif_of_equal_frames_keeps_colours_and_what_is_transparent(clear):
    """Written whole, each with a palette of its own."""
    pixels = [np.array(random_picture("RGBA", (12, 10), seed=number)) // 64 * 64 for number in (0, 0, 1, 1, 2)]
    for each in pixels:
        each[..., 3] = np.where(each[..., 3] > 64, 255, 0) if clear else 255
    frames = tuple(Frame(each, "RGBA", alpha=True, info={"duration": 50}) for each in pixels)
    have = decode(encoded(Picture("PNG", frames, "RGBA", Meta(loop=3, comment=b"seen")), "GIF")[0])
    shown = [np.array(frame.pixels) for frame in have.frames]
    for each, frame in zip(pixels, shown, strict=True):
        visible = each[..., 3] > 0
        assert np.array_equal(frame[visible][:, :3], each[visible][:, :3])
        assert frame.shape[2] == 3 or np.array_equal(frame[..., 3], each[..., 3])
    assert (have.meta.loop, have.meta.comment) == (3, b"seen")


def lossless_kinds():
    """Files of four labels without loss."""
    labels = Image.fromarray(np.random.default_rng(0).integers(0, 4, (16, 16, 3), np.uint8) * 80)
    yield "labels.png", file_of(labels, "PNG").getvalue()
    yield "labels.webp", webp(labels, lossless=True)
    yield "labels.tif", file_of(labels, "TIFF").getvalue()


@pytest.mark.parametrize(("name", "content"), [*lossless_kinds()], ids=["png", "webp", "tif"])
def test_labels_go_into_no_lossy_file(name, content, command, tmp_path):
    """A JPEG is refused unless a quality is given; WebP, AVIF and JPEG XL become lossless."""
    (tmp_path / name).write_bytes(content)
    words = ("pool", tmp_path / name, "--mode", "majority", "--no-report", "-o")
    result = command(*words, tmp_path / "a.jpg")
    assert result.code == 1
    assert "labels would change in JPEG: write PNG, TIFF or lossless WebP, or give a --quality" in result.err
    assert command(*words, tmp_path / "a.jpg", "--quality", "80").code == 0
    expected = decode(content).frames[0].pixels
    outputs = []
    for target in ("b.png", "b.webp", "b.avif", "b.jxl"):
        assert command(*words, tmp_path / target).code == 0
        outputs.append(decode((tmp_path / target).read_bytes()).frames[0].pixels)
    assert all(np.array_equal(output, outputs[0]) for output in outputs)
    assert set(np.unique(outputs[0])) <= set(np.unique(expected))


def test_a_lossy_picture_has_no_labels_to_keep(command, tmp_path):
    """And averages are no labels."""
    random_picture("RGB", (16, 16)).save(tmp_path / "a.jpg")
    random_picture("RGB", (16, 16)).save(tmp_path / "a.png")
    assert command("pool", tmp_path / "a.jpg", "--mode", "majority", "-o", tmp_path / "b.jpg").code == 0
    assert command("pool", tmp_path / "a.png", "--mode", "avg", "-o", tmp_path / "c.jpg").code == 0
    assert command("pool", tmp_path / "a.png", "--mode", "stride", "-o", tmp_path / "d.jpg").code == 0


def test_lossless_is_asked_for_by_name(command, tmp_path):
    """Of what can be; not with a quality."""
    random_picture("RGB", (16, 16)).save(tmp_path / "a.png")
    assert command("pool", tmp_path / "a.png", "--lossless", "-o", tmp_path / "b.webp").code == 0
    assert (tmp_path / "b.webp").read_bytes()[12:16] == b"VP8L"
    result = command("pool", tmp_path / "a.png", "--lossless", "-o", tmp_path / "c.jpg")
    assert result.code == 1
    assert "in JPEG: write PNG, TIFF or lossless WebP, or leave --lossless out" in result.err
    with pytest.raises(UsageError, match="--lossless and --quality are not allowed together"):
        EncodeOptions(lossless=True, quality=90)


def test_heif_is_read_in_its_depth():
    """Where pillow-heif is installed."""
    heif = pytest.importorskip("pillow_heif")
    for mode, channels in (("RGB;16", (3,)), ("RGB", (3,)), ("L", ()), ("RGBA;16", (4,))):
        pixels = random_image(1, (24, 32), "uint16" if "16" in mode else "uint8", channels)
        file = BytesIO()
        heif.from_bytes(mode, (32, 24), pixels.tobytes()).save(file, quality=-1)
        have = decode(file.getvalue())
        assert have.format == "HEIF"
        assert have.frames[0].peak == (1023 if "16" in mode else None)
        assert have.frames[0].pixels.shape == pixels.shape
        close = have.frames[0].pixels.astype(int) - (pixels >> 6 if "16" in mode else pixels)
        assert np.abs(close).max() <= 3


def test_pictures_that_no_library_here_reads_are_not_taken_for_pictures(bare, monkeypatch):
    """In folders; those that one reads are."""
    from pathlib import Path

    assert not formats.is_picture(Path("a.heic"))
    assert not formats.is_picture(Path("a.jxl"))
    assert formats.is_picture(Path("a.avif"))
    monkeypatch.setitem(sys.modules, "imagecodecs", imagecodecs)
    formats.installed.cache_clear()
    assert formats.is_picture(Path("a.jxl"))
