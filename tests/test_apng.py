"""Animated PNG: composed as the specification says, in every depth, and written frame by frame."""

import itertools
import struct
import zlib
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from poolcli.errors import PictureError
from poolcli.images import decoding, encoding
from poolcli.images.formats import ReadOptions
from poolcli.images.frame import Frame, Meta, Picture
from tests.pictures import chunk, file_of, random_picture

SIZE = 12, 10
COLOURS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
REGIONS = ("whole", "part", "pixel")


def drawn(pixels):
    """The bytes of an IDAT for H x W x C pixels."""
    lines = b"".join(b"\0" + row.tobytes() for row in pixels.astype(pixels.dtype.newbyteorder(">")))
    return zlib.compress(lines)


def animation(frames, size, colour, *, depth=8, hidden=None, plays=0, before=()):
    """An APNG of raw chunks; a frame is (pixels, left, top, dispose, blend), `hidden` a picture that is not shown."""
    width, height = size
    numbers = itertools.count()
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)),
             chunk(b"acTL", struct.pack(">II", len(frames), plays)), *before]  # fmt: skip
    if hidden is not None:
        parts.append(chunk(b"IDAT", drawn(hidden)))
    for number, (pixels, left, top, dispose, blend) in enumerate(frames):
        sides = pixels.shape[1], pixels.shape[0]
        control = struct.pack(">IIIIIHHBB", next(numbers), *sides, left, top, 1, 20, dispose, blend)
        parts.append(chunk(b"fcTL", control))
        if number == 0 and hidden is None:
            parts.append(chunk(b"IDAT", drawn(pixels)))
        else:
            data = drawn(pixels)  # in two pieces
            for piece in (data[:7], data[7:]):
                parts.append(chunk(b"fdAT", struct.pack(">I", next(numbers)) + piece))
    return b"\x89PNG\r\n\x1a\n" + b"".join([*parts, chunk(b"IEND", b"")])


def composed(frames, size, most=255):
    """What is shown, RGBA or grey with alpha, pixel by pixel after the specification's words, in real numbers."""
    width, height = size
    channels = frames[0][0].shape[2]
    canvas = np.zeros((height, width, channels))
    shown = []
    for number, (pixels, left, top, dispose, blend) in enumerate(frames):
        before = canvas.copy()
        for y, x in np.ndindex(pixels.shape[:2]):
            source, target = pixels[y, x].astype(float), canvas[top + y, left + x]
            if blend == 1:
                above, below = source[-1] / most, target[-1] / most
                alpha = above + below * (1 - above)
                if alpha > 0:
                    mixed = (source[:-1] * above + target[:-1] * below * (1 - above)) / alpha
                    source = np.array([*np.floor(mixed + 0.5 + 1e-9), np.floor(alpha * most + 0.5 + 1e-9)])
                else:
                    source = np.zeros(channels)
            canvas[top + y, left + x] = source
        shown.append(canvas.copy())
        if dispose == 1 or (dispose == 2 and number == 0):
            canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = 0
        elif dispose == 2:
            canvas = before
    return np.array(shown)


def region(kind, rng):
    """left, top, width, height of a frame."""
    if kind == "whole":
        return 0, 0, *SIZE
    left, top = rng.integers(0, SIZE[0] - 4), rng.integers(0, SIZE[1] - 4)
    return (left, top, 1, 1) if kind == "pixel" else (left, top, 4, 3)


def random_frames(rng, kinds, dtype=np.uint8, channels=4, alphas=None):
    """Frames for (dispose, blend, region) each, the first one whole."""
    most = np.iinfo(dtype).max
    frames = []
    for number, (dispose, blend, kind) in enumerate(kinds):
        left, top, width, height = region("whole" if number == 0 else kind, rng)
        pixels = rng.integers(0, most, (height, width, channels), dtype, endpoint=True)
        if alphas is not None and channels in (2, 4):
            pixels[..., -1] = rng.choice(alphas, (height, width))
        frames.append((pixels, left, top, dispose, blend))
    return frames


def decode(content, *, labels=False, **options):
    """decode() of an animation in memory."""
    return decoding.decode(BytesIO(content), name="x", indices=labels, options=ReadOptions(**options))


WAYS = [
    (first, second, blend, kind, alphas)
    for first, second in itertools.product((0, 1, 2), repeat=2)
    for blend in (0, 1)
    for kind in REGIONS
    for alphas in ((0, 255), None)
]


@pytest.mark.parametrize(("first", "second", "blend", "kind", "alphas"), WAYS)
def test_frames_are_composed_as_the_specification_says(first, second, blend, kind, alphas):
    """108 combinations of disposal, blend, region and opacity."""
    assert len(WAYS) == 108
    rng = np.random.default_rng([first, second, blend, len(kind), alphas is None])
    kinds = [(first, 0, "whole"), (second, blend, kind), (0, blend, "part"), (second, 1 - blend, kind), (0, 1, kind)]
    frames = random_frames(rng, kinds, alphas=alphas)
    have = decode(animation(frames, SIZE, 6))
    expected = composed(frames, SIZE)
    assert np.array_equal([frame.pixels for frame in have.frames], expected)
    assert [frame.info["duration"] for frame in have.frames] == [50] * 5


@pytest.mark.parametrize("colour", [4, 6])
def test_16_bits_are_composed_in_16_bits(colour):
    """Grey and RGB with alpha."""
    rng = np.random.default_rng(colour)
    kinds = [(2, 0, "whole"), (1, 1, "part"), (2, 1, "part"), (0, 1, "whole")]
    frames = random_frames(rng, kinds, np.uint16, COLOURS[colour])
    have = decode(animation(frames, SIZE, colour, depth=16))
    assert have.frames[0].mode == {4: "LA;16", 6: "RGBA;16"}[colour]
    assert np.array_equal([frame.pixels for frame in have.frames], composed(frames, SIZE, 65_535))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("colour", [0, 2])
@pytest.mark.parametrize("dispose", [0, 1, 2])
def test_what_was_never_painted_is_transparent(colour, depth, dispose):
    """Colours without alpha get one where they are cleared, and none where they are not."""
    rng = np.random.default_rng(dispose)
    dtype = np.uint8 if depth == 8 else np.uint16
    frames = random_frames(rng, [(dispose, 0, "whole"), (dispose, 1, "part"), (0, 0, "part")], dtype, COLOURS[colour])
    most = np.iinfo(dtype).max
    clear = [(np.dstack([frame[0], np.full(frame[0].shape[:2], most, dtype)]), *frame[1:]) for frame in frames]
    expected = composed(clear, SIZE, most)
    have = np.array(
        [np.atleast_3d(frame.pixels) for frame in decode(animation(frames, SIZE, colour, depth=depth)).frames]
    )
    assert np.array_equal(have, expected if dispose else expected[..., :-1])


def test_a_hidden_picture_is_no_part_of_the_animation():
    """It comes first, and nothing is laid on it."""
    rng = np.random.default_rng(7)
    frames = random_frames(rng, [(0, 1, "whole"), (2, 1, "part"), (0, 1, "pixel")])
    frames[0] = (frames[0][0][:3, :4], 2, 1, 0, 1)
    hidden = rng.integers(0, 255, (*SIZE[::-1], 4), np.uint8)
    content = animation(frames, SIZE, 6, hidden=hidden, plays=3)
    have = decode(content)
    assert (have.meta.default_image, have.meta.loop) == (True, 3)
    assert np.array_equal([frame.pixels for frame in have.frames], [hidden, *composed(frames, SIZE)])
    for number in range(4):
        assert np.array_equal(decode(content, frame=number).frames[0].pixels, have.frames[number].pixels)
    with pytest.raises(PictureError, match=r"^x: no frame 4; the file has 4 frames, 0 to 3$"):
        decode(content, frame=4)


def palette_frames(rng):
    """Indices; the second is laid over the first."""
    first = rng.integers(0, 4, (*SIZE[::-1], 1), np.uint8)
    return [(first, 0, 0, 0, 0), (rng.integers(0, 4, (3, 4, 1), np.uint8), 2, 2, 0, 1)]


@pytest.mark.parametrize(("alpha", "kept"), [(None, True), ([255, 0, 255, 255], True), ([255, 100, 0, 255], False)])
def test_palettes_are_composed_as_labels_where_they_stay_labels(alpha, kept):
    """An index that is half transparent has no label once it lies over another."""
    frames = palette_frames(np.random.default_rng(5))
    colours = np.array([[10, 20, 30], [200, 0, 0], [0, 200, 0], [0, 0, 200]], np.uint8)
    before = [chunk(b"PLTE", colours.tobytes())] + ([chunk(b"tRNS", bytes(alpha))] if alpha else [])
    content = animation(frames, SIZE, 3, before=before)
    rgba = np.hstack([colours, np.array([alpha or [255] * 4], np.uint8).T])
    expected = composed([(rgba[pixels[..., 0]], *rest) for pixels, *rest in frames], SIZE)
    have = decode(content)
    assert np.array_equal([frame.pixels for frame in have.frames], expected if alpha else expected[..., :3])
    labels = decode(content, labels=True)
    if kept:
        assert [frame.mode for frame in labels.frames] == ["P", "P"]
        assert np.array_equal(rgba[labels.frames[1].pixels], expected[1])
    else:
        assert labels.notes[0] == "the frames of this animated PNG are pooled as colours, not as labels"
        assert np.array_equal(labels.frames[1].pixels, expected[1])


def test_notes_and_orientation_of_an_animation():
    """A text after the pixels, EXIF before them: every frame is turned, and the whole canvas, not each part."""
    rng = np.random.default_rng(8)
    frames = random_frames(rng, [(0, 0, "whole"), (0, 0, "part")])
    exif = Image.Exif()
    exif[0x0112] = 6
    content = animation(frames, SIZE, 6, before=[chunk(b"eXIf", exif.tobytes()[6:])])
    content = content[:-12] + chunk(b"tEXt", b"Title\0hill") + content[-12:]
    have = decode(content)
    assert have.meta.text == {"Title": "hill"}
    expected = composed(frames, SIZE).swapaxes(1, 2)[:, :, ::-1]
    assert np.array_equal([frame.pixels for frame in have.frames], expected)


def broken(change):
    """An animation of three frames after `change` of its chunks, a list of (name, data)."""
    frames = random_frames(np.random.default_rng(1), [(0, 0, "whole"), (0, 0, "part"), (0, 0, "part")])
    content, parts, at = animation(frames, SIZE, 6), [], 8
    while at < len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        parts.append((name, content[at + 8 : at + 8 + length]))
        at += 12 + length
    change(parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def control(**fields):
    """Set fields of the second frame's fcTL."""
    places = {"width": 4, "height": 8, "left": 12, "top": 16}

    def change(parts):
        which = [number for number, part in enumerate(parts) if part[0] == b"fcTL"][1]
        data = bytearray(parts[which][1])
        for name, value in fields.items():
            struct.pack_into(">I", data, places[name], value)
        parts[which] = (b"fcTL", bytes(data))

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda parts: parts.__delitem__(slice(-4, -1)), "3 frames are promised and 2 are there; get the file again"),
        (lambda parts: parts.pop(5), "the frames are numbered wrongly, so some are missing; get the file again"),
        (control(left=100), "a frame lies outside the picture; get the file again"),
        (control(width=0), "a frame lies outside the picture; get the file again"),
        (control(width=2**31, left=2**31), "a frame lies outside the picture; get the file again"),
    ],
)
def test_broken_animations(change, words):
    """One sentence each."""
    with pytest.raises(PictureError) as error:
        decode(broken(change))
    assert str(error.value) == f"x: {words}"


def test_the_pixels_of_all_frames_count():
    """Each is as large as the picture, whatever its region."""
    content = broken(lambda parts: None)
    assert len(decode(content, max_pixels=360).frames) == 3
    with pytest.raises(PictureError, match=r"^x: frames of 360 pixels together are more than the limit of 359"):
        decode(content, max_pixels=359)


MODES = {"1": "bool", "L": "uint8", "I;16": "uint16", "LA": "uint8", "RGB": "uint8", "RGBA": "uint8",
         "LA;16": "uint16", "RGB;16": "uint16", "RGBA;16": "uint16"}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_every_frame_is_written_whole(mode):
    """Equal ones too, and those that differ in the low byte, or in what is transparent."""
    rng = np.random.default_rng(2)
    channels = {"LA": (2,), "RGB": (3,), "RGBA": (4,)}.get(mode.removesuffix(";16"), ())
    first = rng.integers(0, 2 if mode == "1" else 256, (5, 7, *channels)).astype(MODES[mode])
    other = first.copy()
    other[(2, 3, 0)[: other.ndim]] ^= True if mode == "1" else 1
    pixels = [first, first, other, other, first]
    frames = tuple(Frame(each, mode, alpha=mode.startswith(("LA", "RGBA")), info={"duration": 40}) for each in pixels)
    stream = BytesIO()
    written = encoding.encode(Picture("PNG", frames, mode, Meta(loop=2)), stream)
    assert written.notes == ()
    have = decode(stream.getvalue())
    assert have.meta.loop == 2
    assert [frame.mode for frame in have.frames] == [mode] * 5
    assert np.array_equal([frame.pixels for frame in have.frames], pixels)
    assert [frame.info["duration"] for frame in have.frames] == [40] * 5
    if mode != "1":
        assert np.array_equal(imagecodecs.apng_decode(stream.getvalue()), pixels)


def test_frames_of_several_palettes_become_colours():
    """A PNG has one palette."""
    frames = []
    for seed in (0, 1):
        picture = random_picture("P", seed=seed)
        picture.putpalette(bytes(np.random.default_rng(seed).integers(0, 255, 48, np.uint8)))
        frames.append(picture)
    expected = [np.asarray(frame.convert("RGB")) for frame in frames]
    pages = decoding.decode(file_of(frames[0], "TIFF", save_all=True, append_images=frames[1:]), name="x", indices=True)
    stream = BytesIO()
    written = encoding.encode(pages, stream, format="PNG")
    assert "frames of several palettes were written as RGB" in written.notes
    assert np.array_equal([frame.pixels for frame in decode(stream.getvalue()).frames], expected)


@pytest.mark.parametrize("duration", [0, 10, 1000 / 30, 1000 / 3, 100_000, 70_000_000, 1e12])
def test_durations_are_kept_as_fractions(duration):
    """Up to 18 hours, which is all that fits."""
    frames = tuple(Frame(np.zeros((2, 2), np.uint8), "L", info={"duration": duration}) for _ in range(2))
    stream = BytesIO()
    encoding.encode(Picture("PNG", frames, "L"), stream)
    have = decode(stream.getvalue()).frames[0].info["duration"]
    assert have == pytest.approx(min(duration, 65_535_000), rel=1e-4)


def test_what_other_animations_have_no_room_for_is_named(tmp_path, command):
    """A default image becomes a frame of a GIF, durations are no part of a TIFF."""
    first, *others = (random_picture("RGB", seed=seed) for seed in range(3))
    first.save(tmp_path / "a.png", save_all=True, append_images=others, default_image=True, duration=[30, 40])
    assert "default image became" not in command("pool", tmp_path / "a.png", "-o", tmp_path / "b.png").err
    assert (
        "the default image became the first frame, since GIF has none"
        in command("pool", tmp_path / "a.png", "-o", tmp_path / "b.gif").err
    )
    assert (
        "the durations of the frames were dropped, since TIFF has no room"
        in command("pool", tmp_path / "b.gif", "-o", tmp_path / "b.tif").err
    )
