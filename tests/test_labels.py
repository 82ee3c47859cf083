"""Label maps through the whole command line: majority and stride keep palettes, indices and what is transparent."""

from collections import Counter

import numpy as np
import pytest
import tifffile
from PIL import Image

import poolcli
from tests.images import random_image
from tests.pictures import animation, random_picture


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def most_frequent(labels, k):
    """The most frequent value of every k x k window, ties to the smallest: by counting."""
    height, width = labels.shape
    out = np.empty((height // k, width // k), labels.dtype)
    for y in range(height // k):
        for x in range(width // k):
            counts = Counter(labels[y * k : y * k + k, x * k : x * k + k].ravel().tolist())
            out[y, x] = min(counts, key=lambda value: (-counts[value], value))
    return out


def first_values(labels, k):
    """The top left value of every k x k window."""
    return labels[: labels.shape[0] // k * k : k, : labels.shape[1] // k * k : k]


ORACLES = {"majority": most_frequent, "stride": first_values}


def saved_mask(path, transparency=None):
    """A random palette picture in a file, and its indices as the file gives them back."""
    options = {} if transparency is None else {"transparency": transparency}
    random_picture("P", (31, 22)).save(path, **options)
    with Image.open(path) as mask:
        return np.asarray(mask), mask.getpalette()[:48]


@pytest.mark.parametrize("mode", ORACLES)
@pytest.mark.parametrize("extension", ["png", "gif", "tif", "bmp", "tga", "pcx"])
def test_palettes_and_labels_stay(here, command, extension, mode):
    """The mode, the colours, the numbers; a note on the border alone."""
    labels, colours = saved_mask(here / f"mask.{extension}")
    result = command("pool", f"mask.{extension}", "-o", f"out.{extension}", "--mode", mode, "--k", "3", "--json")
    assert result.code == 0
    assert result.objects[0]["notes"] == [
        f"the windows of {mode}:3/3 leave out the last row and the last column: --exact refuses that"
    ]
    with Image.open(f"out.{extension}") as out:
        assert out.mode == "P"
        assert np.array_equal(np.asarray(out), ORACLES[mode](labels, 3))
        assert out.getpalette()[:48] == colours


TRANSPARENCY, COLOURS = "the transparency of the palette was", "the colours of the palette were"


@pytest.mark.parametrize(
    ("transparency", "name", "gone"),
    [
        (bytes([0, 128, 255]), "out.png", None),
        (3, "out.gif", None),
        (bytes([0, 128, 255]), "out.gif", TRANSPARENCY),
        (3, "out.tif", TRANSPARENCY),
        (3, "out.bmp", TRANSPARENCY),
        (None, "out.tif", None),
        (None, "out.npy", COLOURS),
        (3, "out.zarr", COLOURS),
        (3, "out.csv", COLOURS),
    ],
)
def test_what_a_palette_loses_is_in_the_notes(here, command, transparency, name, gone):
    """Formats without transparency keep the colours, arrays the numbers alone."""
    saved_mask(here / "mask.png", transparency)
    ran = command("pool", "mask.png", "--mode", "majority", "-o", name, "--no-report")
    assert ("of the palette" in ran.err, gone is None or f"{gone} dropped, since" in ran.err) == (
        gone is not None,
        True,
    )


@pytest.mark.parametrize("transparency", [3, bytes([0, 128, 255])])
def test_transparent_labels_stay(here, command, transparency):
    """One index, or an alpha for some."""
    labels, _ = saved_mask(here / "mask.png", transparency)
    assert command("pool", "mask.png", "-o", "out.png", "--mode", "majority").code == 0
    with Image.open("out.png") as out:
        assert out.info["transparency"] == transparency
        assert np.array_equal(np.asarray(out), most_frequent(labels, 2))


def test_labels_go_from_format_to_format_and_to_arrays(here, command):
    """PNG to GIF and TIFF, and the bare numbers to .npy."""
    labels, colours = saved_mask(here / "mask.png")
    for extension in ("gif", "tif"):
        words = ("-o", f"out.{extension}", "--mode", "majority", "--overwrite")
        assert command("pool", "mask.png", *words).code == 0
        with Image.open(f"out.{extension}") as out:
            assert np.array_equal(np.asarray(out), most_frequent(labels, 2))
            assert out.getpalette()[:48] == colours
    assert command("pool", "mask.png", "-o", "out.npy", "--mode", "majority", "--overwrite").code == 0
    assert np.array_equal(np.load("out.npy"), most_frequent(labels, 2))


@pytest.mark.parametrize("mode", ["1", "L", "I;16"])
def test_labels_without_colours(here, command, mode):
    """Two values, bytes, 16 bits; ties to the smallest."""
    labels = np.random.default_rng(0).integers(0, 2 if mode == "1" else 4, (20, 22))
    labels = labels.astype({"1": bool, "L": "uint8", "I;16": "uint16"}[mode])
    Image.fromarray(labels).save("mask.png")
    assert command("pool", "mask.png", "-o", "out.png", "--mode", "majority").code == 0
    with Image.open("out.png") as out:
        assert out.mode == mode
        assert np.array_equal(np.asarray(out), most_frequent(labels, 2))


def test_other_modes_pool_colours(here, command):
    """A maximum of indices would mean nothing: the palette is expanded, and that is noted."""
    saved_mask(here / "mask.png")
    for mode in ("max", "min", "avg", "median"):
        result = command("pool", "mask.png", "-o", "out.png", "--mode", mode, "--json", "--overwrite")
        assert result.objects[0]["notes"] == [
            "palette P pooled as RGB; --mode majority, center or stride keeps labels",
            f"the windows of {mode}:2/2 leave out the last column: --exact refuses that",
        ]
        with Image.open("out.png") as out:
            assert out.mode == "RGB"


def test_a_filter_before_it_takes_the_labels_away(here, command):
    """Filtered indices mean nothing either."""
    saved_mask(here / "mask.png")
    result = command("stack", "conv:gauss majority:2", "mask.png", "-o", "out.png", "--json")
    assert "palette P pooled as RGB; --mode majority, center or stride keeps labels" in result.objects[0]["notes"]


def test_animated_labels_are_colours_with_a_note(here, command):
    """Pillow composes the frames of a GIF in RGB; one frame alone keeps its labels."""
    (here / "three.gif").write_bytes(animation("GIF", ("P", "P", "P")).getvalue())
    result = command("pool", "three.gif", "-o", "out.gif", "--mode", "majority", "--json")
    assert "the frames of an animated GIF are pooled as colours, not as labels" in result.objects[0]["notes"]
    assert command("pool", "three.gif", "--frame", "0", "-o", "one.png", "--mode", "majority").code == 0
    with Image.open("one.png") as out:
        assert out.mode == "P"


@pytest.mark.parametrize("words", [("-m", "majority", "--ties", "first"), ("-m", "center"), ("-m", "stride")])
@pytest.mark.parametrize("kind", ["P", "L"])
def test_the_report_of_a_renumbered_mask_is_that_of_the_mask(here, command, kind, words):
    """Every figure, of a palette and of gray values that are called labels: numbers are names."""
    rng = np.random.default_rng(3)
    labels = np.kron(rng.integers(0, 9, (8, 9)), np.ones((3, 3), int))[:23, :25].astype(np.uint8)
    names = rng.permutation(256)[:9].astype(np.uint8)
    reports = []
    for name, values in (("one.png", labels), ("other.png", names[labels])):
        picture = Image.fromarray(values)
        if kind == "P":
            picture.putpalette(rng.integers(0, 256, 768, np.uint8).tobytes())
        picture.save(name)
        (done,) = command("pool", name, "-o", f"out-{name}", *words, "--labels", "--shift", "2,1", "--json").objects
        reports.append(done["report"]["shifts"])
    assert reports[0] == reports[1]
    assert reports[0][0]["pooled"]["changed"] > 0
    assert reports[0][0]["pooled"]["mae"] is None


def figures(command, *words):
    """(raw changed, pooled changed, residual) of a report."""
    (line,) = command(*words, "--json", "--overwrite").objects
    row = line["report"]["shifts"][0]
    return row["raw"]["changed"], row["pooled"]["changed"], row["residual"]


@pytest.mark.parametrize("words", [("--mode", "majority"), ("--mode", "max", "--labels")])
def test_a_tolerance_says_nothing_of_labels(here, command, words):
    """The numbers 1 and 2 are two labels, however near."""
    saved_mask(here / "mask.png")
    expected = figures(command, "pool", "mask.png", "-o", "out.png", *words)
    assert expected[0] > 0
    assert figures(command, "pool", "mask.png", "-o", "out.png", *words, "--tolerance", "100") == expected


def test_what_alpha_hides_is_one_label(here, command):
    """Random colours that nobody sees, around a red square, count as black ones do; on a sheet, too."""
    hidden = np.random.default_rng(0).integers(0, 256, (16, 16, 4), np.uint8)
    hidden[..., 3] = 0
    black = np.zeros_like(hidden)
    for pixels, name in ((hidden, "hidden.png"), (black, "black.png")):
        pixels[4:8, 4:8] = 255, 0, 0, 255
        Image.fromarray(pixels).save(name)
    hidden, black = (
        figures(command, "pool", name, "-o", "out.png", "--mode", "majority", "--report", "png")
        for name in ("hidden.png", "black.png")
    )
    assert hidden == black == (8, 2, 1.0)


def test_a_pyramid_of_a_palette_holds_its_labels(here, command):
    """And their colours, whatever file they come from; a number that is ignored is one of them."""
    labels, colours = saved_mask(here / "mask.png")
    assert command("pyramid", "mask.png", "-o", "out.tif", "--mode", "majority", "--levels", "1").code == 0
    with Image.open("out.tif") as out:
        assert out.mode == "P" and np.array_equal(np.asarray(out), labels)
        assert out.getpalette()[:48] == colours
        out.seek(1)
        assert np.array_equal(np.asarray(out), poolcli.pool(labels, 2, mode="majority", ceil_mode=True))


def test_an_ignored_number_is_no_colour_on_a_page(here, command):
    """As `pool` says it."""
    saved_mask(here / "mask.png")
    said = command.refused("show", "mask.png", "--ignore", "3", "--mode", "avg", "-o", "a.html", code=1)
    assert "--ignore 3 is the number of a colour in its palette" in said


@pytest.mark.parametrize("name", ["gray.png", "palette.png", "tiled.tif"])
@pytest.mark.parametrize("words", ["--mode majority", "--mode center", "--mode stride --labels", "--mode max --labels"])
def test_labels_go_without_loss_into_what_may_lose_some(here, command, name, words):
    """JPEG is refused, also inside a TIFF; WebP is written without loss; a quality says that they may change."""
    labels = random_image(3, (64, 64), "uint8").repeat(2, 0).repeat(2, 1) // 64
    Image.fromarray(labels).save("gray.png")
    tifffile.imwrite("tiled.tif", labels, tile=(32, 32))
    palette = Image.fromarray(labels, "P")
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 9, 9, 250])
    palette.save("palette.png")
    pool = ("pool", name, *words.split(), "--no-report", "-q")
    assert "labels would change" in command.refused(*pool, "-o", "out.jpg", code=1)
    assert command(*pool, "-o", "out.webp").code == command(*pool, "-o", "out.png").code == 0
    with Image.open("out.webp") as webp, Image.open("out.png") as png:
        assert np.array_equal(np.asarray(webp.convert("RGB")), np.asarray(png.convert("RGB")))
    assert command(*pool, "-o", "out.jpg", "--quality", "90").code == 0
    if name == "tiled.tif":
        jpeg = ("--compression", "jpeg", "--tile", "32")
        assert "labels would change" in command.refused(*pool, "-o", "out.tif", *jpeg, code=1)
        assert command(*pool, "-o", "out.tif", *jpeg, "--quality", "90").code == 0


def test_levels_of_labels_are_not_jpeg(here, command):
    """Unless a quality says that they may change."""
    tifffile.imwrite("in.tif", random_image(3, (128, 128), "uint8") // 64, tile=(32, 32))
    pyramid = ("pyramid", "in.tif", "-o", "out.tif", "--mode", "majority", "--compression", "jpeg", "-q")
    assert "labels would change" in command.refused(*pyramid, code=1)
    assert command(*pyramid, "--quality", "90").code == 0


def test_without_loss_and_jpeg_contradict_each_other(here, command):
    """Before anything is read."""
    words = ("pool", "in.tif", "-o", "out.tif", "--lossless", "--compression", "jpeg")
    assert "--lossless and --compression jpeg are not allowed together" in command.refused(*words)


@pytest.mark.parametrize("layers", ["center:2", "majority:2 center:2"])
def test_the_middle_is_made_for_labels_too(here, command, layers):
    """Integers are counted, not subtracted; `compare` and `diff` never guess."""
    Image.fromarray(random_image(3, (40, 40), "uint8") // 64).save("in.png")
    report = command("stack", layers, "in.png", "-o", "out.png", "--json").objects[0]["report"]
    row = report["shifts"][0]
    assert row["pooled"]["mae"] is None
    assert row["residual"] == pytest.approx(row["pooled"]["fraction"] / row["raw"]["fraction"])
    same = command("diff", "in.png", "in.png", "--mode", "center", "--json").objects[0]["report"]
    assert same["shifts"][0]["pooled"]["mae"] == 0


def test_floats_are_no_labels_unless_they_are_called_so(here, command):
    """They go into a JPEG, and are subtracted."""
    np.save("in.npy", random_image(3, (40, 40), "float32"))
    words = ("pool", "in.npy", "--mode", "center", "--to-range", "stretch", "-q", "-o", "out.jpg", "--overwrite")
    assert command(*words).code == 0
    assert "labels would change" in command.refused(*words, "--labels", code=1)


def test_labels_are_not_reduced_to_fewer(here, command):
    """A GIF holds 256 colours a frame; what JPEG has no room for at all is said first."""
    Image.fromarray(random_image(3, (60, 60), "uint8", (3,))).save("in.png")
    Image.fromarray(random_image(3, (60, 60), "uint16")).save("deep.png")
    assert command("pool", "in.png", "-o", "out.gif", "-q").code == 0
    words = ("pool", "in.png", "--mode", "majority", "-q", "-o", "labels.gif")
    assert "labels would change in GIF, which holds 256 colours" in command.refused(*words, code=1)
    assert "I;16" in command.refused("pool", "deep.png", "--mode", "center", "-o", "out.jpg", code=1)
