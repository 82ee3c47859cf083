"""What a file says beside its pixels: kept from format to format, turned upright, dropped only when asked to."""

import struct
import zlib
from dataclasses import replace
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin

from poolcli.cli.app import main
from poolcli.images import decoding, encoding, formats
from poolcli.images import metadata as exif_module
from poolcli.images.formats import EncodeOptions
from tests.pictures import animation, chunk, file_of, png, random_picture

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
    picture = decoding.decode(file, name="x")
    written = encoding.encode(picture, stream, format=format, options=EncodeOptions(**options))
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
        before = decoding.decode(file_of(random_picture("RGB", (20, 20)), "TIFF", exif=tags), name="x")
        frame = replace(before.frames[0], page=replace(before.frames[0].page, compression=code))
        stream = BytesIO()
        notes = encoding.encode(replace(before, frames=(frame,)), stream, options=EncodeOptions(**options)).notes
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


# What follows is about what must not travel: layout, thumbnails, sizes of the original.

PAIRS = [(source, target) for source in ("PNG", "JPEG", "TIFF", "WEBP", "AVIF") for target in
         ("PNG", "JPEG", "TIFF", "WEBP", "AVIF")]  # fmt: skip
LAYOUT = {256: 4000, 257: 3000, 258: (8, 8, 8, 8), 259: 7, 262: 5, 273: 99_999, 277: 4, 278: 3000, 279: 12, 284: 2,
          338: (2,), 339: (3, 3, 3), 513: 9, 514: 9, 317: 2, 322: 16, 323: 16, 324: 1, 325: 1}  # fmt: skip
SIZE = {0xA002: 4000, 0xA003: 3000}


def written_exif(order="<"):
    """An EXIF of a camera with every tag of layout, sizes of the original, an area in it, and a thumbnail."""
    thumbnail = file_of(random_picture("RGB", (16, 12)), "JPEG").getvalue()
    texts = {MAKER: b"Poolaroid\0", ARTIST: b"Ana\0"}
    main = {tag: (2, text) for tag, text in texts.items()}
    for tag, value in LAYOUT.items():
        values = value if isinstance(value, tuple) else (value,)
        main[tag] = (4, b"".join(struct.pack(order + "I", each) for each in values))
    camera = {tag: (4, struct.pack(order + "I", value)) for tag, value in SIZE.items()}
    camera |= {EXPOSURE: (5, struct.pack(order + "II", 1, 50)), 0x9214: (3, struct.pack(order + "2H", 2000, 1500)),
               **dict.fromkeys((0xA20E, 0xA20F), (5, struct.pack(order + "II", 1000, 1))),
               0x927C: (7, b"maker" + thumbnail)}  # fmt: skip
    place = {1: (2, b"N\0"), 2: (5, struct.pack(order + "6I", 50, 1, 30, 1, 0, 1))}
    data = exif_module.packed(exif_module.Exif(order, main, {0x8769: camera, 0x8825: place}))
    first = struct.unpack_from(order + "I", data, 10)[0]
    count = struct.unpack_from(order + "H", data, 6 + first)[0]
    tables = bytearray(data)
    at = len(data) - 6
    struct.pack_into(order + "I", tables, 6 + first + 2 + 12 * count, at)
    entries = [(259, 3, 1, 6), (513, 4, 1, at + 2 + 36 + 4), (514, 4, 1, len(thumbnail))]
    tables += struct.pack(order + "H", 3) + b"".join(struct.pack(order + "HHII", *each) for each in entries) + bytes(4)
    return bytes(tables) + thumbnail, thumbnail


def second_reader(content, format):
    """The pixels as tifffile or imagecodecs read them, and the header's size."""
    if format == "TIFF":
        with tifffile.TiffFile(BytesIO(content)) as file:
            return file.asarray()
    codec = {"PNG": "png", "JPEG": "jpeg8", "WEBP": "webp", "AVIF": "avif"}[format]
    return getattr(imagecodecs, f"{codec}_decode")(content)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_only_what_describes_the_photograph_travels(source, target, order, tmp_path, command):
    """No tag of layout, no thumbnail, no size of the original, whatever the formats; read back by a second reader."""
    note, thumbnail = written_exif(order)
    slope = np.add.outer(np.arange(48), np.arange(64))
    picture = Image.fromarray(np.dstack([slope, 200 - slope, slope * 2]).astype(np.uint8))
    loaded = Image.Exif()
    loaded.load(note)
    for tag in LAYOUT:  # a TIFF has its own, and Pillow would write these instead
        del loaded[tag]
    picture.save(tmp_path / "a", source, exif=loaded if source == "TIFF" else note if source != "AVIF" else note[6:])
    suffix = formats.FORMATS[target].extensions[0]
    assert command("pool", tmp_path / "a", "--format", target, "-o", tmp_path / f"b{suffix}", "--no-report").code == 0
    content = (tmp_path / f"b{suffix}").read_bytes()
    assert thumbnail[:200] not in content
    assert content.count(b"\xff\xd8\xff") <= (target == "JPEG")
    pixels = second_reader(content, target)
    assert pixels.shape == (24, 32, 3)
    expected = np.asarray(picture).reshape(24, 2, 32, 2, 3).max((1, 3)).astype(int)
    assert np.abs(pixels - expected).max() < 16
    with Image.open(BytesIO(content)) as after:
        tags = after.getexif()
        assert tags[MAKER] == "Poolaroid"
        assert tags[ARTIST] == "Ana"
        if target != "TIFF":
            assert not set(LAYOUT) & set(tags)
        camera = tags.get_ifd(0x8769)
        assert camera[EXPOSURE] == pytest.approx(1 / 50)
        assert {tag: camera.get(tag) for tag in SIZE} == {0xA002: 32, 0xA003: 24}
        assert not {0x9214, 0xA20E, 0xA20F} & set(camera)
        assert 0x927C not in camera
        assert tags.get_ifd(0x8825)[1] == "N"


def test_the_exif_of_a_camera_is_taken_over_byte_by_byte():
    """Types, order of bytes and a maker's note stay what they are."""
    for order in "<>":
        camera = {0x927C: (7, b"\0\1secret\xff"), EXPOSURE: (5, struct.pack(order + "II", 1, 50)),
                  0x9204: (10, struct.pack(order + "ii", -1, 3))}  # fmt: skip
        before = exif_module.Exif(order, {0x9C9B: (1, b"T\0i\0\0\0")}, {0x8769: camera})
        data = exif_module.packed(before)
        after, notes = rewritten(file_of(random_picture("RGB"), "JPEG", exif=data), "PNG")
        assert after.info["exif"] == data
        assert notes == ()


def chunked(*chunks, colour=2, depth=8, after=()):
    """A PNG of 4 x 3 with more chunks."""
    return BytesIO(png((4, 3), colour=colour, depth=depth, before=chunks, after=after))


def names_in(content):
    """Chunks of a PNG and their data."""
    found, at = {}, 8
    while at < len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        found[name] = content[at + 8 : at + 8 + length]
        at += 12 + length
    return found


COLOURS = {
    b"gAMA": struct.pack(">I", 45_455), b"cHRM": struct.pack(">8I", *range(30_000, 30_008)),
    b"cICP": bytes([9, 16, 0, 1]), b"mDCV": bytes(range(24)), b"cLLI": bytes(8), b"bKGD": bytes(6),
}  # fmt: skip


@pytest.mark.parametrize("depth", [8, 16])
def test_what_the_values_of_a_png_mean_is_kept(depth):
    """Chunk by chunk, in any depth; the other formats say what they drop."""
    source = chunked(*(chunk(*each) for each in COLOURS.items()), depth=depth)
    stream = BytesIO()
    written = encoding.encode(decoding.decode(source, name="x"), stream)
    assert written.notes == ()
    assert {name: data for name, data in names_in(stream.getvalue()).items() if name in COLOURS} == COLOURS
    source.seek(0)
    _, notes = rewritten(source, "PPM")
    assert notes == ("the colours' meaning was dropped, since PPM has no room for it",)
    standard = chunked(chunk(b"sRGB", b"\1"))
    stream = BytesIO()
    encoding.encode(decoding.decode(standard, name="x"), stream)
    assert names_in(stream.getvalue())[b"sRGB"] == b"\1"


def test_chunks_that_are_dropped_are_named():
    """Those of a picture that is no more."""
    _, notes = rewritten(chunked(chunk(b"sBIT", b"\5\6\5"), chunk(b"oFFs", bytes(9)), chunk(b"tIME", bytes(7))))
    assert notes == ("the chunks oFFs, sBIT were dropped",)


@pytest.mark.parametrize("target", ["PNG", "JPEG"])
@pytest.mark.parametrize("source", ["PNG", "JPEG"])
def test_densities_without_a_unit_stay_so(source, target):
    """Twice as dense across as down."""
    if source == "PNG":
        file = chunked(chunk(b"pHYs", struct.pack(">IIB", 2, 1, 0)))
    else:
        file = file_of(random_picture("RGB"), "JPEG", dpi=(2, 1))
        file.getbuffer()[13] = 0
    after, notes = rewritten(file, target)
    assert notes == ()
    assert "dpi" not in after.info
    if target == "PNG":
        assert after.info["aspect"] == (2, 1)
    else:
        assert (after.info["jfif_unit"], after.info["jfif_density"]) == (0, (2, 1))


def test_a_jpeg_keeps_its_iptc():
    """The one of Photoshop's resources that is about the picture; its thumbnail is not."""
    iptc = b"\x1c\x02\x78\x00\x05hill!"
    resources = b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(iptc)) + iptc
    resources += b"8BIM" + struct.pack(">HHI", 0x040C, 0, 4) + b"\xff\xd8\xff\xe0"
    data = b"Photoshop 3.0\0" + resources
    file = file_of(random_picture("RGB"), "JPEG", extra=b"\xff\xed" + struct.pack(">H", len(data) + 2) + data)
    after, notes = rewritten(file)
    assert notes == ()
    assert after.info["photoshop"] == {0x0404: iptc}
    _, notes = rewritten(file, "PNG")
    assert notes == ("the IPTC data was dropped, since PNG has no room for it",)


def test_segments_of_a_jpeg_that_are_dropped_are_named():
    """Somebody's own."""
    file = file_of(random_picture("RGB"), "JPEG", extra=b"\xff\xeb\0\x0aJP\0\0jumb" + b"\xff\xe4\0\x06mine")
    assert rewritten(file)[1] == ("what stands in APP11, APP4 of the JPEG was dropped",)


def test_xmp_travels_without_thumbnails_and_with_the_new_size():
    """Sizes as attributes and elements."""
    xmp = (b'<x><r exif:PixelXDimension="4000" tiff:ImageLength="3000"/>'
           b"<exif:PixelYDimension>3000</exif:PixelYDimension>"
           b"<xmp:Thumbnails><rdf:Alt><rdf:li><xmpGImg:image>/9j/4AAQ</xmpGImg:image></rdf:li></rdf:Alt></xmp:Thumbnails>"
           b"<dc:title>hill</dc:title></x>")  # fmt: skip
    after, notes = rewritten(file_of(random_picture("RGB"), "JPEG", xmp=xmp), "PNG")
    expected = b'<x><r exif:PixelXDimension="13" tiff:ImageLength="7"/><exif:PixelYDimension>7</exif:PixelYDimension>'
    assert after.info["xmp"] == expected + b"<dc:title>hill</dc:title></x>"
    assert notes == ("the thumbnail in XMP was dropped",)


def test_what_a_format_has_no_room_for_is_named():
    """One sentence for all of it."""
    source = file_of(random_picture("RGB"), "JPEG", exif=exif(), icc_profile=SRGB, comment=b"seen", dpi=(300, 300))
    _, notes = rewritten(source, "TGA")
    words = "the colour profile, the EXIF data, the resolution and the comment were dropped, since TGA has no room for"
    assert notes == (f"{words} them",)
    source.seek(0)
    array = encoding.encode(decoding.decode(source, name="x"), BytesIO(), format="NPY")
    assert array.notes == (f"{words.replace('TGA', 'NPY')} them",)


def test_frames_have_the_first_ones_comment():
    """As every other note."""
    frames = [random_picture("P", seed=seed) for seed in (0, 1)]
    frames[0].info["comment"], frames[1].info["comment"] = b"first", b"second"
    first, second = (file_of(frame, "GIF", comment=frame.info["comment"]).getvalue() for frame in frames)
    start = 13 + (3 << (second[10] & 7) + 1)
    assert decoding.decode(BytesIO(first[:-1] + second[start:]), name="x").meta.comment == b"first"


BROKEN = {
    "a text that is no deflate": ((chunk(b"zTXt", b"Title\0\0nonsense"),), "a text was left out, since it is broken"),
    "a text of too much": ((chunk(b"zTXt", b"T\0\0" + zlib.compress(bytes(2 << 20))),), "larger than 1 MiB"),
    "an international text of too much": (
        (chunk(b"iTXt", b"T\0\1\0\0\0" + zlib.compress(bytes(2 << 20))),), "larger than 1 MiB"),
    "a wrong checksum": ((chunk(b"tEXt", b"Title\0hill")[:-1] + b"?",), "a text was left out, since it is broken"),
    "an unknown method": ((chunk(b"zTXt", b"Title\0\7hill"),), "a text was left out, since it is broken"),
    "a profile of too much": ((chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(2 << 20))),),
                              "the colour profile was left out, since it is larger than 1 MiB"),
    "a profile with nothing": ((chunk(b"iCCP", b"p"),), "the colour profile was left out, since it is broken"),
    "short gamma": ((chunk(b"gAMA", b"\0"),), "the chunk gAMA was left out, since it is broken"),
    "short density": ((chunk(b"pHYs", b"\0\0"),), "the chunk pHYs was left out, since it is broken"),
    "short primaries": ((chunk(b"cHRM", b"\0\0"),), "the chunk cHRM was left out, since it is broken"),
    "no intent": ((chunk(b"sRGB", b""),), "the chunk sRGB was left out, since it is broken"),
    "a bad EXIF": ((chunk(b"eXIf", b"nonsense"),), "the EXIF data is broken and was dropped"),
}  # fmt: skip


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize(("chunks", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_note_costs_only_itself(chunks, words, place):
    """The picture is pooled, a sound text beside it stays, and the note names what was left out."""
    sound = chunk(b"tEXt", b"Author\0Ana")
    file = chunked(*((sound, *chunks) if place == "before" else ()), after=(sound, *chunks) if place == "after" else ())
    if place == "after" and chunks[0][4:8] in (b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"iCCP"):
        pytest.skip("these stand before the pixels")
    picture = decoding.decode(file, name="x")
    assert picture.frames[0].pixels.shape == (3, 4, 3)
    if place == "before" or "larger" in words or "EXIF" in words:
        assert any(words in note for note in picture.notes), picture.notes
    assert picture.meta.text["Author"] == "Ana"


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_resolution_turns_with_the_picture(format, orientation):
    """Columns that become rows bring their pixels an inch with them."""
    after, _ = rewritten(file_of(random_picture("RGB"), format, dpi=(300, 150), exif=exif(orientation)))
    expected = (300, 150) if orientation < 5 else (150, 300)
    assert tuple(map(float, after.info["dpi"])) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(("duration", "cut"), [([40, 50, 60], False), ([40, 45, 50], True)])
def test_a_gif_counts_hundredths_of_a_second(duration, cut):
    """Which a note says, where frames of another animation are shown for other times."""
    after, notes = rewritten(animation("PNG", duration=duration), "GIF")
    assert [note for note in notes if "duration" in note] == [
        "the durations of the frames were cut to hundredths of a second, which a GIF counts"
    ] * cut
    assert after.info["duration"] == 40


@pytest.mark.parametrize("format", ["TIFF", "AVIF"])
def test_how_often_an_animation_plays_is_named_where_it_is_lost(format):
    """One that plays for ever needs no word."""
    said = "how often the animation plays was dropped"
    for loop in (0, 3):
        _, notes = rewritten(animation("PNG", loop=loop, duration=40), format)
        assert any(note.startswith(said) for note in notes) == bool(loop)
