"""Writing pictures: what was read comes back, what a format cannot hold is said or refused."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from poolcli.errors import PictureError, UsageError
from poolcli.images import decoding, encoding
from poolcli.images.formats import FORMATS, WRITABLE, EncodeOptions, ReadOptions
from poolcli.images.frame import PIXEL_MODES, Frame, Meta, Picture
from tests.pictures import animation, file_of, png, random_picture

LOSSY = ("JPEG", "JPEG2000", "WEBP", "AVIF")
HELD = [
    (row.name, mode)
    for row in FORMATS.values()
    for mode in row.modes
    if row.name not in (*LOSSY, "PAM") and not PIXEL_MODES[mode].narrow
]


def decode(stream, *, labels=False, **options):
    """decode() of a file in memory, from its start."""
    stream.seek(0)
    return decoding.decode(stream, name="x", indices=labels, options=ReadOptions(**options))


def rewritten(picture, format=None, **options):
    """The picture as read again after it was written, and as encode() says it was written."""
    stream = BytesIO()
    written = encoding.encode(picture, stream, format=format, options=EncodeOptions(**options))
    return decode(stream, labels=True), written


def array_picture(pixels):
    """A .npy picture of these pixels."""
    return Picture("NPY", (Frame(pixels, pixels.dtype.name),), pixels.dtype.name)


@pytest.mark.parametrize(("format", "mode"), HELD)
def test_what_was_read_is_written_back(format, mode):
    """Every lossless format and mode of the table: equal pixels, mode, palette, no note."""
    before = decode(file_of(random_picture(mode), format), labels=True)
    after, written = rewritten(before)
    assert after.frames[0].mode == before.frames[0].mode
    assert np.array_equal(after.frames[0].pixels, before.frames[0].pixels)
    assert written.notes == ()
    if mode == "P":
        assert after.frames[0].palette.colours[:48] == before.frames[0].palette.colours[:48]


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_png_palettes_of_few_bits_keep_their_labels(depth):
    """Also where no pixel uses the last colours."""
    picture = random_picture("P").point(lambda index: index & 1)
    after, _ = rewritten(decode(file_of(picture, "PNG", bits=depth), labels=True))
    assert np.array_equal(after.frames[0].pixels, np.asarray(picture))


CONVERSIONS = [
    ("JPEG", "RGBA", "RGB"),
    ("JPEG", "LA", "L"),
    ("JPEG", "P", "RGB"),
    ("PNG", "CMYK", "RGB"),
    ("PNG", "YCbCr", "RGB"),
    ("PNG", "LAB", "RGB"),
    ("WEBP", "L", "RGB"),
    ("WEBP", "LA", "RGBA"),
    ("GIF", "LA", "RGBA"),
    ("BMP", "RGBA", "RGB"),
    ("TGA", "CMYK", "RGB"),
    ("QOI", "1", "RGB"),
]


@pytest.mark.parametrize(("format", "mode", "target"), CONVERSIONS)
def test_conversions_are_noted(format, mode, target):
    """The nearest mode that the format holds, as Pillow converts it, and a sentence that names both."""
    source = random_picture(mode)
    before = decode(file_of(source, "TIFF"), labels=True)
    after, written = rewritten(before, format, quality=90 if format == "JPEG" else None)  # or labels were refused
    assert any(note.startswith(f"{mode} was written as {target}, since {format}") for note in written.notes)
    if format not in LOSSY and format != "GIF":
        assert after.frames[0].mode == target
        assert np.array_equal(after.frames[0].pixels, np.asarray(source.convert(target)))


@pytest.mark.parametrize(("mode", "target"), [("La", "LA"), ("RGBa", "RGBA"), ("RGBX", "RGB"), ("HSV", "RGB")])
def test_modes_that_no_file_holds_are_converted(mode, target):
    """They only exist in memory, but a plugin may give them."""
    source = random_picture(mode)
    frame = Frame(np.asarray(source), mode, alpha=mode.endswith("a"))
    after, written = rewritten(Picture("PNG", (frame,), mode))
    assert np.array_equal(after.frames[0].pixels, np.asarray(source.convert(target)))
    assert written.notes[0].startswith(f"{mode} was written as {target}")


@pytest.mark.parametrize(
    ("format", "mode", "words"),
    [
        ("JPEG", "I;16", r"JPEG cannot hold 16-bit grey \(I;16\); write PNG, TIFF"),
        ("PNG", "F", r"PNG cannot hold 32-bit floats \(F\); write TIFF, PPM or .npy"),
        ("WEBP", "I", "WEBP cannot hold 32-bit integers"),
        ("PNG", "I", "do not fit into 16 bits; write TIFF or .npy"),
    ],
)
def test_bits_are_not_thrown_away(format, mode, words):
    """Never from more bits to fewer: an error that says where they fit."""
    before = decode(file_of(random_picture(mode), "TIFF"))
    with pytest.raises(PictureError, match=words):
        rewritten(before, format)


def test_integers_of_32_bits_that_fit_into_16_are_16():
    """With a note."""
    pixels = np.array([[0, 65_535, 7]], np.int32)
    after, written = rewritten(Picture("TIFF", (Frame(pixels, "I"),), "I"), "PNG")
    assert np.array_equal(after.frames[0].pixels, pixels)
    assert after.frames[0].mode == "I;16"
    assert "I was written as I;16" in written.notes[0]


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_animations_keep_frames_durations_and_loop(format):
    """Every frame's pixels, how long each is shown, how often all are."""
    options = {} if format == "TIFF" else {"duration": [70, 120, 240], "loop": 2}
    lossless = {"lossless": True} if format == "WEBP" else {}
    before = decode(animation(format, **options, **lossless))
    after, written = rewritten(before, quality=100)
    after = replace(after, frames=decode(BytesIO(_bytes(before))).frames)
    assert len(after.frames) == len(before.frames) == 3
    assert [f.info.get("duration") for f in after.frames] == [f.info.get("duration") for f in before.frames]
    assert after.meta.loop == before.meta.loop
    if format != "WEBP":
        for have, expected in zip(after.frames, before.frames, strict=True):
            assert np.array_equal(have.pixels, expected.pixels)
    assert not [note for note in written.notes if "palette" not in note]


def _bytes(picture):
    stream = BytesIO()
    encoding.encode(picture, stream)
    return stream.getvalue()


def test_transparent_frames_do_not_show_the_one_before():
    """A GIF whose second frame has holes: each frame is cleared before the next."""
    frames = []
    for number in range(3):
        pixels = np.zeros((4, 6, 4), np.uint8)
        pixels[:, 2 * number : 2 * number + 2] = (200, 40 * number, 0, 255)
        frames.append(Frame(pixels, "RGBA", alpha=True, info={"duration": 50}))
    picture = Picture("GIF", tuple(frames), "P", Meta(loop=0))
    for format in ("GIF", "PNG", "WEBP"):
        stream = BytesIO()
        encoding.encode(picture, stream, format=format, options=EncodeOptions(quality=100))
        have = decode(stream)
        for before, after in zip(picture.frames, have.frames, strict=True):
            assert np.array_equal(after.pixels[..., 3], before.pixels[..., 3])


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_equal_frames_are_all_written(format):
    """Even when nothing moves."""
    frame = Frame(np.full((4, 4, 3), 9, np.uint8), "RGB", info={"duration": 40})
    other = Frame(np.full((4, 4, 3), 99, np.uint8), "RGB", info={"duration": 40})
    stream = BytesIO()
    written = encoding.encode(Picture(format, (frame, frame, frame, other, frame), "RGB"), stream)
    after = decode(stream)
    assert len(after.frames) == 5
    assert (written.notes == ()) is (format != "TIFF")  # which has no durations
    if format != "TIFF":
        assert [frame.info["duration"] for frame in after.frames] == [40] * 5


@pytest.mark.parametrize("default_image", [False, True])
def test_equal_and_empty_frames_of_an_apng_are_kept(default_image):
    """Twice the same, then nothing, then nothing: what a frame is cleared to looks like the next one."""
    full, empty = (np.full((4, 4, 4), value, np.uint8) for value in (200, 0))
    frames = [Frame(each, "RGBA", alpha=True, info={"duration": 50}) for each in (full, full, empty, empty)]
    picture = Picture("PNG", tuple(frames), "RGBA", Meta(loop=1, default_image=default_image))
    after, _ = rewritten(picture)
    assert [frame.pixels.max() for frame in after.frames] == [200, 200, 0, 0]
    assert [frame.info.get("duration") for frame in after.frames][1:] == [50, 50, 50]


def test_frames_of_several_modes_are_written_in_one():
    """The richest of theirs; a TIFF keeps each page as it is."""
    frames = [decode(file_of(random_picture(mode), "PNG")).frames[0] for mode in ("L", "RGBA")]
    picture = Picture("TIFF", tuple(frames), "L")
    after, _ = rewritten(picture)
    assert [frame.mode for frame in after.frames] == ["L", "RGBA"]
    after, written = rewritten(picture, "PNG")
    assert [frame.mode for frame in after.frames] == ["RGBA", "RGBA"]
    assert "frames of modes L, RGBA were written as RGBA" in written.notes


@pytest.mark.parametrize("format", [name for name in WRITABLE if not FORMATS[name].animates])
def test_a_format_that_cannot_hold_frames_is_an_error(format):
    """It says how to take one, and who holds all."""
    with pytest.raises(
        PictureError, match=rf"^3 frames do not fit into one {format}; take one with --frame N, or (write|say)"
    ):
        rewritten(decode(animation("GIF")), format)


def test_frames_of_several_sizes_go_into_a_tiff_only():
    """Pages may differ, frames may not."""
    frames = [Frame(np.zeros((4, side), np.uint8), "L") for side in (3, 5)]
    picture = Picture("TIFF", tuple(frames), "L")
    assert [frame.pixels.shape for frame in rewritten(picture)[0].frames] == [(4, 3), (4, 5)]
    with pytest.raises(PictureError, match="frames of 2 sizes"):
        rewritten(picture, "GIF")


def test_sides_that_a_format_cannot_hold():
    """Said before its writer fails."""
    with pytest.raises(PictureError, match="a side of 300 pixels is more than the 256 of ICO; write PNG or TIFF"):
        rewritten(Picture("PNG", (Frame(np.zeros((2, 300), np.uint8), "L"),), "L"), "ICO")


@pytest.mark.parametrize(
    ("dtype", "shape", "mode"),
    [
        ("bool", (3, 4), "1"),
        ("uint8", (3, 4), "L"),
        ("uint8", (3, 4, 2), "LA"),
        ("uint8", (3, 4, 3), "RGB"),
        ("uint8", (3, 4, 4), "RGBA"),
        ("uint16", (3, 4), "I;16"),
    ],
)
def test_arrays_become_pictures_by_dtype_and_channels(dtype, shape, mode):
    """From .npy to PNG."""
    pixels = np.random.default_rng(5).integers(0, 2, shape).astype(dtype)
    after, _ = rewritten(array_picture(pixels), "PNG")
    assert after.frames[0].mode == mode
    assert np.array_equal(after.frames[0].pixels, pixels)


@pytest.mark.parametrize(
    ("dtype", "shape", "way"),
    [
        ("float64", (3, 4), "1 channel cannot be written as PNG; write .npy, or bytes with --to-range clip or stretch"),
        ("uint8", (3, 4, 5), "5 channels cannot be written as PNG; write .npy"),
        ("int8", (3, 4), "1 channel cannot be written as PNG; write .npy, or bytes with --to-range clip or stretch"),
    ],
)
def test_arrays_that_are_no_picture_are_refused(dtype, shape, way):
    """With the way out, which bytes are where there are pictures of as many channels."""
    with pytest.raises(PictureError) as caught:
        rewritten(array_picture(np.zeros(shape, dtype)), "PNG")
    assert str(caught.value) == f"an array of {dtype} with {way}"


def test_quality_and_level_are_obeyed():
    """Less quality and more effort give smaller files."""
    smooth = Image.fromarray(np.add.outer(np.arange(200), np.arange(200)).astype(np.uint8)).convert("RGB")
    picture = decode(file_of(smooth, "PNG"))

    def size(format, **options):
        stream = BytesIO()
        encoding.encode(picture, stream, format=format, options=EncodeOptions(**options))
        return len(stream.getvalue())

    for format in ("JPEG", "WEBP", "AVIF"):
        assert size(format, quality=10) < size(format, quality=95)
    assert size("PNG", png_level=9) < size("PNG", png_level=0)


@pytest.mark.parametrize("wrong", [{"quality": 101}, {"quality": -1}, {"png_level": 10}])
def test_options_out_of_range(wrong):
    """Told when they are given."""
    with pytest.raises(UsageError, match="is not allowed: give 0 to"):
        EncodeOptions(**wrong)


@pytest.mark.parametrize("format", ["PSD", "XYZ", "EPS"])
def test_formats_that_are_not_written(format):
    """What is only read, and what is not known."""
    with pytest.raises(UsageError, match=r"allowed: PNG, JPEG|Allowed: PNG, JPEG"):
        rewritten(array_picture(np.zeros((2, 2), np.uint8)), format)


def test_a_jpeg_keeps_its_quality():
    """The tables of the input, unless another quality is asked for."""
    source = file_of(random_picture("RGB", (64, 64)), "JPEG", quality=60, subsampling=0)
    stream = BytesIO()
    encoding.encode(decode(source), stream)
    assert Image.open(stream).quantization == Image.open(source).quantization


def test_tables_that_are_no_baseline_jpegs_are_not_taken_over():
    """libjpeg would complain on stderr; the usual quality is taken."""
    picture = decode(file_of(random_picture("RGB", (64, 64)), "JPEG", qtables=[[300] * 64] * 2))
    stream = BytesIO()
    encoding.encode(picture, stream)
    with Image.open(stream) as after:
        assert max(after.quantization[0]) < 256


def test_a_stream_that_can_only_be_written():
    """As stdout: every format goes through."""

    class Pipe(BytesIO):
        def seekable(self):
            return False

        def readable(self):
            return False

    picture = decode(BytesIO(png((4, 3))))
    for format in ("PNG", "JPEG", "TIFF", "GIF", "WEBP", "NPY"):
        pipe = Pipe()
        encoding.encode(picture, pipe, format=format)
        assert decoding.decode(BytesIO(pipe.getvalue()), name="x").format == format
