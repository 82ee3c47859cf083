"""Reading pictures: every mode as it is stored, palettes and orientation, frames, and what cannot be read."""

import os
import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import poolcli
from poolcli.errors import PictureError, UsageError
from poolcli.images import decoding
from poolcli.images.formats import FORMATS, ReadOptions
from poolcli.images.frame import PIXEL_MODES
from tests.pictures import animation, file_of, png, random_picture
from tests.process import shell

LOSSY = {"JPEG", "JPEG2000", "AVIF", "WEBP"}
HELD = [
    (row.name, mode)
    for row in FORMATS.values()
    for mode in row.modes
    if (row.name != "GIF" or mode == "P") and row.name != "PAM" and not PIXEL_MODES[mode].narrow
]
PAGES = ("GIF", "PNG", "WEBP", "TIFF")


def values_of(picture):
    """The pixels as NumPy sees them: the oracle for what decode gives; a and b of LAB shifted to 0 ... 255."""
    pixels = np.asarray(picture)
    if picture.mode == "LAB":
        pixels = np.concatenate([pixels[..., :1], (pixels[..., 1:].view(np.int8) + np.int16(128)).astype(np.uint8)], 2)
    return pixels


def decode(stream, *, labels=False, **options):
    """decode() of a file in memory called x.png."""
    return decoding.decode(stream, name="x.png", indices=labels, options=ReadOptions(**options))


@pytest.mark.parametrize(("format", "mode"), HELD)
def test_modes_are_read_as_they_are_stored(format, mode):
    """Every mode of the table, from every format that holds it."""
    picture = random_picture(mode)
    file = file_of(picture, format)
    have = decode(file, labels=True)
    frame, expected = have.frames[0], values_of(Image.open(file) if format in LOSSY else picture)
    assert frame.mode == mode
    assert frame.pixels.dtype == expected.dtype.newbyteorder("=")
    assert np.array_equal(frame.pixels, expected)
    assert have.format == format
    assert have.notes == ()


@pytest.mark.parametrize("order", ["I;16", "I;16B"])
def test_either_byte_order_of_16_bits_is_native_as_an_array(order):
    """A big-endian TIFF and a little-endian one hold the same numbers."""
    picture = random_picture(order)
    pixels = decode(file_of(picture, "TIFF")).frames[0].pixels
    assert pixels.dtype == np.uint16
    assert pixels.dtype.isnative
    raw = np.frombuffer(picture.tobytes(), "<u2" if order == "I;16" else ">u2").reshape(pixels.shape)
    assert np.array_equal(pixels, raw)


def test_16_bits_of_a_pgm_are_16_bits():
    """Pillow calls them 32-bit integers; what a filter makes of them is held in 0 ... 65535."""
    picture = random_picture("I;16")
    have = decode(file_of(picture, "PPM"))
    frame = have.frames[0]
    assert frame.mode == have.file_mode == "I;16"
    assert np.array_equal(frame.pixels, np.asarray(picture))


PALETTES = {
    "opaque": (None, "RGB"),
    "one index": (3, "RGBA"),
    "alpha for some": (bytes([0, 128, 255]), "RGBA"),
}


@pytest.mark.parametrize(("transparency", "mode"), PALETTES.values(), ids=PALETTES)
def test_palettes_are_expanded_or_kept_as_labels(transparency, mode):
    """Colours are what indices stand for; labels=True keeps the indices, the colours and what is transparent."""
    picture = random_picture("P")
    options = {} if transparency is None else {"transparency": transparency}
    file = file_of(picture, "PNG", **options)
    have = decode(file)
    colours = np.frombuffer(bytes(picture.getpalette()[:48]), np.uint8).reshape(-1, 3)
    alphas = np.full(16, 255)
    if isinstance(transparency, bytes):
        alphas[: len(transparency)] = list(transparency)
    elif transparency is not None:
        alphas[transparency] = 0
    indices = np.asarray(picture)
    assert have.frames[0].mode == mode
    assert np.array_equal(have.frames[0].pixels[..., :3], colours[indices])
    if mode == "RGBA":
        assert np.array_equal(have.frames[0].pixels[..., 3], alphas[indices])
    assert have.notes == (f"palette P pooled as {mode}; --mode majority, center or stride keeps labels",)
    file.seek(0)
    labels = decode(file, labels=True).frames[0]
    assert np.array_equal(labels.pixels, indices)
    assert labels.palette.colours[:48] == colours.tobytes()
    assert labels.palette.transparency == transparency


@pytest.mark.parametrize(("mode", "key", "target"), [("L", 77, "LA"), ("RGB", (1, 2, 3), "RGBA")])
def test_a_transparent_colour_becomes_alpha(mode, key, target):
    """One value of L, one colour of RGB, that stands for "nothing here"."""
    picture = random_picture(mode)
    picture.putpixel((2, 1), key)
    frame = decode(file_of(picture, "PNG", transparency=key)).frames[0]
    assert frame.mode == target
    assert frame.alpha
    pixels = np.atleast_3d(np.asarray(picture))
    assert np.array_equal(frame.pixels[..., -1], np.where((pixels == key).all(2), 0, 255))


@pytest.mark.parametrize("format", PAGES)
def test_every_frame_or_one_is_read(format):
    """Three frames, as Pillow shows them one after the other; frame=1 is the second."""
    file = animation(format, duration=[10, 20, 30], lossless=True) if format == "WEBP" else animation(format)
    oracle = Image.open(file)
    have = decode(file).frames
    assert len(have) == 3
    for number, frame in enumerate(have):
        oracle.seek(number)
        assert np.array_equal(frame.pixels, np.asarray(oracle.convert("RGB")))
    assert np.array_equal(decode(file, frame=1).frames[0].pixels, have[1].pixels)
    assert len(decode(file, frame=1).frames) == 1
    with pytest.raises(PictureError, match=r"^x.png: no frame 3; the file has 3 frames, 0 to 2$"):
        decode(file, frame=3)


def test_a_gif_whose_frames_outgrow_its_screen_gets_one_canvas():
    """The screen is 2 x 2, the second frame lies at 3, 1 beyond it; transparent where a frame has nothing."""
    image = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    beyond = b"," + struct.pack("<HHHHB", 3, 1, 1, 1, 0) + b"\x02\x02\x4c\x01\x00"
    content = b"GIF89a" + struct.pack("<HHBBB", 2, 2, 0x80, 0, 0) + bytes(3) + b"\x09\x08\x07" + image + beyond + b";"
    have = decode(BytesIO(content))
    assert [frame.pixels.shape for frame in have.frames] == [(2, 4, 4)] * 2
    assert have.frames[0].pixels[0, 2:, 3].tolist() == [0, 0]
    assert have.frames[1].pixels[1, 3].tolist() == [9, 8, 7, 255]
    assert have.notes[-1] == "frames of 2 sizes were put on one canvas of 4x2, transparent beyond them"
    with pytest.raises(PictureError, match="frames of 16 pixels together are more than the limit of 15"):
        decode(BytesIO(content), max_pixels=15)  # 4 and 8 are read, 2 times 8 would be held


GREYS = bytes(value for step in range(4) for value in (step * 85,) * 3)


@pytest.mark.parametrize("clear", [None, 1])
@pytest.mark.parametrize(("screen", "local"), [(b"", (b"", bytes(range(12)))), (b"", (GREYS, bytes(range(12)))),
                                               (GREYS, (b"", bytes(range(12)))), (b"", (b"", b""))])  # fmt: skip
def test_frames_of_a_gif_with_and_without_colours(screen, local, clear):
    """One pixel a frame, index 0: without any colours it is black."""
    content = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x81 if screen else 0, 0, 0) + screen
    for colours in local:
        flags = 0 if clear is None else 1
        content += b"!\xf9\x04" + struct.pack("<BHBB", flags, 5, clear or 0, 0)
        content += b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0x81 if colours else 0) + colours + b"\x02\x02\x44\x01\x00"
    have = decode(BytesIO(content + b";"))
    shown = [np.atleast_1d(frame.pixels[0, 0]).tolist() for frame in have.frames]
    colours = [each[:3] if len(each) > 2 else each[:1] * 3 for each in shown]
    assert colours == [[0, 0, 0], list((local[1] or screen or bytes(3))[:3])]
    with pytest.raises(PictureError, match="no frame 2"):
        decode(BytesIO(content + b";"), frame=2)


def test_frames_have_a_number_from_0():
    """Not from the end."""
    with pytest.raises(UsageError, match="frame -1 is not allowed"):
        decode(animation("GIF"), frame=-1)


@pytest.mark.parametrize(("format", "options"), [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True})])
def test_durations_and_loop_are_read(format, options):
    """In milliseconds, frame by frame; `loop` counts how often it plays."""
    have = decode(animation(format, duration=[70, 120, 240], loop=3, **options))
    assert [frame.info["duration"] for frame in have.frames] == [70, 120, 240]
    assert have.meta.loop == (4 if format == "GIF" else 3)  # a GIF counts the repeats


def test_the_pixels_of_all_frames_count_against_the_limit():
    """Before they are decoded; exactly the limit is allowed."""
    most = 3 * 13 * 7
    assert len(decode(animation("TIFF"), max_pixels=most).frames) == 3
    with pytest.raises(PictureError, match=f"^x.png: frames of {most} pixels together are more than the limit"):
        decode(animation("TIFF"), max_pixels=most - 1)
    assert len(decode(animation("TIFF"), max_pixels=13 * 7, frame=2).frames) == 1


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "ICO", "DDS", "TGA", "QOI"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_cut_short_is_one_sentence(format, share):
    """Wherever it ends: an error that begins with its name, or (formats that cannot know) the whole picture."""
    whole = file_of(random_picture("RGB", (60, 50)), format).getvalue()
    with pytest.raises(PictureError, match=r"^x\.png: [^\n]{10,400}$"):
        decode(BytesIO(whole[: int(len(whole) * share)]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty, 0 bytes"),
        (b"hello, this is text", "not a picture that Pillow can read"),
        (b"%PDF-1.7 ...", "PDF is a program that draws, and is never run"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "EPS is a program that draws, and is never run"),
        (b"\x89HDF\r\n\x1a\n", "HDF5 holds no picture"),
        (png((0, 4)), "broken|not a picture"),
        (png((70_000, 70_000), rows=b""), "4900000000 pixels is more than the limit of 89478485"),
    ],
)
def test_what_is_no_picture_is_told(content, words):
    """By content, not by name."""
    with pytest.raises(PictureError, match=rf"^x\.png: .*({words})"):
        decode(BytesIO(content))


def test_content_counts_and_not_the_extension(tmp_path):
    """A JPEG called .png is a JPEG."""
    path = tmp_path / "a.png"
    path.write_bytes(file_of(random_picture("RGB"), "JPEG").getvalue())
    assert decoding.decode(path, name=str(path)).format == "JPEG"


@pytest.mark.parametrize("seekable", [True, False])
def test_streams_and_paths_give_the_same(tmp_path, seekable):
    """A pipe is read whole."""
    picture = random_picture("RGB")
    file = file_of(picture, "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(file.getvalue())
    file.seekable = lambda: seekable
    for have in (decode(file), decoding.decode(path, name="a")):
        assert np.array_equal(have.frames[0].pixels, picture)


def bitmap(bits, compression, masks=b""):
    """A BMP of 2 x 2 pixels that says how they are packed."""
    head = struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, bits, compression, 16, 0, 0, 0, 0) + masks
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + 16, 0, 0, 14 + len(head)) + head + bytes(16)


def twelve_bit_jpeg():
    """A JPEG whose header says 12 bits."""
    content = bytearray(file_of(random_picture("L"), "JPEG").getvalue())
    content[content.index(b"\xff\xc0") + 4] = 12
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            bitmap(16, 3, struct.pack("<III", 0xF00, 0xF0, 0xF)),
            "of a kind that Pillow does not read (Unsupported BMP bit",
        ),
        (bitmap(24, 4), "of a kind that Pillow does not read (Unsupported BMP compression (4)"),
        (b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 2, 2, 16, 3) + bytes(99), "a PSD of 16 bits"),
        (twelve_bit_jpeg(), "a JPEG that Pillow does not read (cannot handle 12-bit layers)"),
        (b"\x76\x2f\x31\x01" + bytes(40), "an OpenEXR file, which is not read; convert it to TIFF or PNG first"),
        (b"#?RADIANCE\n" + bytes(40), "a Radiance HDR file, which is not read"),
        (b"\0\0\0\x18ftypisom" + bytes(40), "a video or other MP4 file, which is not read"),
        (b"\0\0\0\x18ftypcrx " + bytes(40), "a Canon raw file, which is not read"),
    ],
)
def test_sound_files_of_other_kinds_are_called_what_they_are(content, words):
    """Neither broken nor no picture."""
    with pytest.raises(PictureError) as error:
        decode(BytesIO(content))
    assert words in str(error.value)
    assert "broken" not in str(error.value)
    assert "not a picture" not in str(error.value)


def texture(bits, masks):
    """A DDS of one pixel."""
    kind = struct.pack("<8I", 32, 0x40, 0, bits, *masks, 0)
    return b"DDS " + struct.pack("<7I", 124, 0x1007, 1, 1, 4, 0, 0) + bytes(44) + kind + bytes(20 + bits // 8)


def test_a_texture_of_more_than_8_bits_a_channel_is_refused():
    """Ten bits of each colour; half floats."""
    with pytest.raises(PictureError, match="DDS of 10 bits a channel, of which Pillow reads 8"):
        decode(BytesIO(texture(32, (0x3FF, 0xFFC00, 0x3FF00000))))
    assert decode(BytesIO(texture(32, (255, 65280, 255 << 16)))).frames[0].mode == "RGB"
    floats = b"DDS " + struct.pack("<7I", 124, 0x1007, 4, 4, 16, 0, 0) + bytes(44)
    floats += struct.pack("<2I4s5I", 32, 4, b"DX10", 0, 0, 0, 0, 0) + bytes(20) + struct.pack("<5I", 95, 3, 0, 1, 0)
    with pytest.raises(PictureError, match=r"DDS of 16-bit floats \(BC6H\), of which Pillow reads 8"):
        decode(BytesIO(floats + bytes(16)))


@pytest.mark.parametrize("colour", ["#F00", "#FFFF00000000"])
def test_an_xpm_of_other_than_six_digits_is_refused(colour):
    """Pillow takes the last six bytes' worth of any number."""
    content = f'/* XPM */\nstatic char *x[] = {{\n"2 1 1 1",\n"a c {colour}",\n"aa"}};\n'.encode()
    with pytest.raises(PictureError, match="an XPM of other colours than of six digits"):
        decode(BytesIO(content))
    assert decode(BytesIO(content.replace(colour.encode(), b"#FF0000"))).frames[0].pixels[0, 0].tolist() == [255, 0, 0]


def test_of_an_icon_the_largest_size_is_taken(tmp_path, command):
    """With a note on the others."""
    random_picture("RGB", (64, 64)).save(tmp_path / "a.ico", sizes=[(16, 16), (32, 32), (64, 64)])
    (line,) = command("pool", tmp_path / "a.ico", "-o", tmp_path / "b.png", "--json").objects
    assert "the largest of the 3 sizes of the picture was taken" in line["notes"]
    assert line["report"]["input"]["size"] == [64, 64]


@pytest.mark.skipif(os.name == "nt", reason="links")
def test_a_link_to_nothing_is_not_advised_instead_of_itself(tmp_path, command):
    """Its own name is the nearest there is."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/broken.png").symlink_to("nowhere")
    assert "did you mean" not in command.refused("pool", tmp_path / "in", "-o", tmp_path / "out/", code=1)


def test_a_stream_is_read_of_any_format_that_pillow_has(tmp_path, monkeypatch):
    """Also of one that the table of formats does not name, and of more than what is read at first."""
    values = np.random.default_rng(0).random((700, 600)).astype(np.float32)
    Image.fromarray(values).save(tmp_path / "a.spi", "SPIDER")
    monkeypatch.chdir(tmp_path)
    done = shell("poolcli pool - -o out.tif --no-report <a.spi")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "out.tif") as out:
        assert np.array_equal(np.asarray(out), poolcli.pool(values, 2))
