"""What a file says beside its pixels: kept from format to format, turned upright, dropped only when asked to."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from poolcli import images
from poolcli.cli.app import main
from tests.pictures import animation, file_of, random_picture

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6" dc:title="hill"/></x:xmpmeta>'
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
MAKER, ORIENTATION, ARTIST, EXPOSURE = 0x010F, 0x0112, 0x013B, 0x829A


def exif(orientation=1):
    """A camera's note: maker, artist, exposure."""
    note = Image.Exif()
    note[MAKER], note[ORIENTATION], note[ARTIST] = "Poolaroid", orientation, "Ana"
    note.get_ifd(0x8769)[EXPOSURE] = 0.5
    loaded = Image.Exif()
    loaded.load(note.tobytes())  # only then Pillow's writer of TIFF sees the exposure
    return loaded


def rewritten(file, format=None, **options):
    """A file read, written in `format`, and opened by Pillow; and the notes."""
    file.seek(0)
    stream = BytesIO()
    picture = images.decode(file, name="x")
    written = images.encode(picture, stream, format=format, options=images.EncodeOptions(**options))
    stream.seek(0)
    return Image.open(stream), written.notes


# How a stored picture lies for each orientation, by the EXIF standard's words ("row 0 is top, column 0 is left" ...):
# what has to be done to an array so that it stands upright.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


@pytest.mark.parametrize("extension", ["png", "tif", "jpg", "webp"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_is_applied_and_reset(tmp_path, orientation, extension):
    """All eight, through the whole command: upright pixels, the rest of the EXIF kept."""
    blocks = np.random.default_rng(orientation).integers(0, 256, (3, 5, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    path, out = tmp_path / f"a.{extension}", tmp_path / f"b.{extension}"
    options = {"lossless": True} if extension == "webp" else {"quality": 98} if extension == "jpg" else {}
    Image.fromarray(blocks).save(path, exif=exif(orientation), **options)
    assert main(["pool", str(path), "-o", str(out), "--k", "16", "--mode", "avg", "-q"]) == 0
    with Image.open(out) as after:
        have = np.asarray(after.convert("RGB")).astype(int)
        assert after.getexif().get(ORIENTATION, 1) == 1
        assert after.getexif()[ARTIST] == "Ana"
    expected = UPRIGHT[orientation](blocks[::16, ::16]).astype(int)
    assert have.shape == expected.shape
    if extension in ("png", "tif"):
        assert np.array_equal(have, expected)
    else:  # two lossy steps on 3 x 5 random pixels: closest to the right turn of all eight
        gaps = {
            number: np.abs(turn(blocks[::16, ::16]).astype(int) - have).mean()
            for number, turn in UPRIGHT.items()
            if turn(blocks[::16, ::16]).shape == have.shape
        }
        assert min(gaps, key=gaps.get) == orientation


@pytest.mark.parametrize("target", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("source", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_profile_exif_and_xmp_go_from_format_to_format(source, target):
    """Each of the formats that carry them to each other."""
    options = {"icc_profile": SRGB, "exif": exif()}
    if source == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options["pnginfo"] = chunks
    elif source == "TIFF":
        options["exif"][700] = XMP
    else:
        options["xmp"] = XMP
    after, notes = rewritten(file_of(random_picture("RGB", (20, 20)), source, **options), target)
    assert notes == ()
    assert after.info["icc_profile"] == SRGB
    assert after.getexif()[MAKER] == "Poolaroid"
    assert after.getexif().get_ifd(0x8769)[EXPOSURE] == 0.5
    xmp = after.info["xmp"] if target != "TIFF" else after.tag_v2[700]
    assert b'dc:title="hill"' in xmp
    assert b'tiff:Orientation="1"' in xmp


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_compressed_tiff_keeps_its_exif(compression):
    """At the price of the compression, which is reported; without inner tables, or stripped, it stays compressed."""
    code = {"tiff_lzw": 5, "tiff_adobe_deflate": 8, "packbits": 32773}[compression]

    def written(tags, **options):
        before = images.decode(file_of(random_picture("RGB", (20, 20)), "TIFF", exif=tags), name="x")
        frame = replace(before.frames[0], page=replace(before.frames[0].page, compression=code))
        stream = BytesIO()
        notes = images.encode(replace(before, frames=(frame,)), stream, options=images.EncodeOptions(**options)).notes
        after = Image.open(stream)
        assert np.array_equal(np.asarray(after), frame.pixels)
        return after, notes

    after, notes = written(exif())
    assert after.getexif().get_ifd(0x8769)[EXPOSURE] == 0.5
    assert after.info["compression"] == "raw"
    assert notes[0].startswith("the TIFF was written without compression")
    assert written(exif(), strip=True)[0].info["compression"] == compression
    flat = Image.Exif()
    flat[ARTIST] = "Ana"
    after, notes = written(flat)
    assert (after.info["compression"], after.getexif()[ARTIST], notes) == (compression, "Ana", ())


def test_frames_of_animations_carry_it_too():
    """APNG and animated WebP."""
    for format in ("PNG", "WEBP"):
        after, _ = rewritten(animation(format, duration=50, exif=exif(), icc_profile=SRGB))
        assert after.n_frames == 3
        assert after.info["icc_profile"] == SRGB
        assert after.getexif()[ARTIST] == "Ana"


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "BMP"])
def test_resolution_is_kept(format):
    """Pixels an inch, as near as the format says it."""
    after, _ = rewritten(file_of(random_picture("RGB"), format, dpi=(300, 150)))
    assert tuple(map(float, after.info["dpi"])) == pytest.approx((300, 150), abs=0.1)


def test_png_texts_are_kept():
    """Latin-1, compressed, and international with their language."""
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Title", "Hügel")
    chunks.add_text("Comment", "word " * 100, zip=True)
    chunks.add_itxt("Author", "안나", "ko", "저자")
    after, notes = rewritten(file_of(random_picture("L"), "PNG", pnginfo=chunks))
    assert after.text == {"Title": "Hügel", "Comment": "word " * 100, "Author": "안나"}
    assert (after.text["Author"].lang, after.text["Author"].tkey) == ("ko", "저자")
    assert notes == ()


@pytest.mark.parametrize("format", ["JPEG", "GIF", "JPEG2000"])
def test_comments_are_kept(format):
    """A line of text in the file."""
    after, _ = rewritten(file_of(random_picture("L"), format, comment=b"seen by Ana"))
    assert after.info["comment"] == b"seen by Ana"


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_strip_leaves_it_out(format):
    """Everything but what the pixels need to be shown."""
    options = {"icc_profile": SRGB, "exif": exif(), "dpi": (300, 300)}
    after, _ = rewritten(file_of(random_picture("RGB", (20, 20)), format, **options), strip=True)
    assert "icc_profile" not in after.info
    assert ARTIST not in after.getexif()
    assert after.info.get("dpi", (72, 72))[0] in (1, 72, 96)


def test_strip_keeps_an_animation_going():
    """Loop and durations are not notes."""
    after, _ = rewritten(animation("GIF", duration=[70, 80, 90], loop=5), strip=True)
    assert after.info["loop"] == 5
    assert after.info["duration"] == 70


def test_a_profile_of_another_colour_space_is_dropped_with_a_note():
    """An sRGB profile says nothing about grey or CMYK."""
    for mode in ("L", "CMYK"):
        after, notes = rewritten(file_of(random_picture(mode), "TIFF", icc_profile=SRGB))
        assert "icc_profile" not in after.info
        assert notes == (f"the colour profile was dropped, since it is not one for {mode}",)


def test_what_a_jpeg_cannot_hold_is_dropped_with_a_note():
    """64 KiB a marker."""
    long = b"<x>" + b" " * 70_000 + b"</x>"
    after, notes = rewritten(file_of(random_picture("RGB"), "WEBP", xmp=long), "JPEG")
    assert "xmp" not in after.info
    assert notes == ("70007 bytes of XMP were dropped, since a JPEG holds at most 65504",)


@pytest.mark.parametrize("broken", [b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0garbage", b"Exif\0\0"])
def test_broken_exif_costs_only_itself(broken):
    """The picture is pooled all the same."""
    for target in ("JPEG", "PNG", "TIFF", "WEBP", "AVIF"):
        after, _ = rewritten(file_of(random_picture("RGB"), "JPEG", exif=broken), target)
        assert after.size == (13, 7)


def test_an_orientation_that_is_none_is_ignored():
    """Nought, nine, or more."""
    for wrong in (0, 9, 65_535):
        after, _ = rewritten(file_of(random_picture("L"), "JPEG", exif=exif(wrong)), "PNG")
        assert after.size == (13, 7)
