"""What no other test held until mutants lived through them all: each through the command or a public function."""

import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import poolcli
from tests.images import random_image
from tests.pictures import chunk, png


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A working directory of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(name, pixels, **options):
    """A picture of these pixels; its name."""
    Image.fromarray(np.asarray(pixels)).save(name, **options)
    return name


def load(name):
    """The pixels of a picture as they are stored, indices where it has a palette."""
    with Image.open(name) as picture:
        return np.asarray(picture)


def panels(text):
    """For every panel of a page the six pictures in it, decoded, by their kinds."""
    parts = text.split('<div class="six')[1:]
    tile = r'<figure class="tile (\S+)"><div class="stage"><img src="data:image/\w+;base64,([^"]+)"'
    return [{kind: Image.open(BytesIO(b64decode(data))) for kind, data in re.findall(tile, part)} for part in parts]


def page(name):
    """The text of the page beside an output."""
    return Path(f"{name}.shift.html").read_text("utf-8")


# Numbers


@pytest.mark.parametrize("value", [1000.0, 60_000.0])
def test_averages_of_many_float16_values_do_not_overflow(command, value):
    """Their sums are far above the 65,504 that float16 holds."""
    image = np.full((128, 64), value, np.float16)
    assert poolcli.pool(image, 64, mode="avg").tolist() == [[value]] * 2
    assert poolcli.adaptive_pool(image, 1, mode="avg").tolist() == [[value]]
    assert poolcli.pool(image, 64, padding=32, mode="avg")[0, 0] == value / 4
    np.save("a.npy", image)
    assert command("pool", "a.npy", "--k", "64", "--mode", "avg", "-o", "out.npy").code == 0
    out = np.load("out.npy")
    assert (out.dtype, out.tolist()) == (np.float16, [[value]] * 2)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int64", "float32"])
def test_a_majority_of_65536_equal_values(dtype):
    """As many as a count of 16 bits does not hold, among a few smaller ones and a few larger ones."""
    image = np.ones((258, 256), dtype)
    image[0], image[-1] = 0, 2
    for part in (image, image[::-1], image[1:], image[:-1], image[1:-1]):
        assert poolcli.pool(part, part.shape, mode="majority").tolist() == [[1]]
    assert poolcli.pool(image == 1, image.shape, mode="majority").tolist() == [[True]]


@pytest.mark.parametrize("mode", ["max", "avg", "median", "majority"])
def test_65536_valid_values_in_a_window(mode):
    """As many as a count of 16 bits takes for none, beside some that are ignored."""
    image = np.ones((257, 256), np.uint8)
    image[0] = 9
    assert poolcli.pool(image, (257, 256), mode=mode, ignore=9).tolist() == [[1]]


@pytest.mark.parametrize(("alphas", "mean"), [((1, 1), 1), ((1, 0), 1), ((1, 2), 2), ((0, 0), 0)])
def test_averages_weighted_by_the_smallest_alphas(command, alphas, mean):
    """What is nearly clear has a colour: that of its opaque neighbours of the same alpha, or of none where all is 0."""
    first, second = alphas
    save("a.png", np.array([[[90, 0, 200, first], [30, 60, 8, second]]], np.uint8))
    assert command("pool", "a.png", "-o", "b.png", "--k", "1x2", "--mode", "avg", "--premultiply").code == 0
    total = max(1, first + second)
    colours = [(2 * (a * first + b * second) + total) // (2 * total) for a, b in ((90, 30), (0, 60), (200, 8))]
    assert load("b.png").tolist() == [[[*colours, mean]]]


@pytest.mark.parametrize("stride", ["2x3", "3x2", "1x4"])
def test_a_filters_stride_thins_alpha_out_on_each_axis(command, stride):
    """The filter sees the colours; of alpha every value stays that the stride lands on, down and across."""
    pixels = random_image(1, (11, 13), "uint8", (4,))
    save("a.png", pixels)
    assert command("stack", f"conv:identity/{stride}", "a.png", "-o", "b.png").code == 0
    down, across = map(int, stride.split("x"))
    assert load("b.png").tolist() == pixels[::down, ::across].tolist()


def reference(image, stride):
    """Means of 2 x 2 pixels every `stride` rows and columns; beyond the last row or column lies the one before it."""
    padded = np.pad(image, ((0, 1), (0, 1)), mode="reflect")
    sums = padded[:-1, :-1] + padded[:-1, 1:] + padded[1:, :-1] + padded[1:, 1:]
    return sums[::stride, ::stride] / 4


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("height", [4, 5, 7, 9])
def test_kernels_of_even_sizes_where_a_band_is_few_rows(height, stride):
    """Rows of a mebibyte, so that bands of any memory are few rows: the last one mirrors the row before the last."""
    image = np.random.default_rng(height).integers(0, 256, (height, (1 << 17) + 1)).astype(np.float64)
    assert np.array_equal(poolcli.convolve(image, "box2", stride=stride), reference(image, stride))
    if stride > 1:
        moved = np.concatenate([image[:, 1:], image[:, -1:]], axis=1)
        gaps = np.abs(reference(image, stride) - reference(moved, stride))
        pooled = poolcli.shift_report(f"conv:box2/{stride}", image).shifts[0].pooled
        assert (pooled.pixels, pooled.changed, pooled.max) == (gaps.size, np.count_nonzero(gaps), gaps.max())
        assert pooled.mae == pytest.approx(gaps.mean())


# The report


def test_aligned_takes_every_pixel_where_the_picture_goes_round():
    """Under wrap no cell sees a border, so all 16 are compared; under replicate those that see what came in are not."""
    image = random_image(2, (8, 8), "uint8")
    for shift in ((-1, 0), (1, 0), (0, 3), (2, -2), (-5, 4)):
        row = poolcli.shift_report("max:2", image, [shift], edge="wrap").shifts[0]
        assert (row.aligned.pixels, row.pooled.pixels) == (16, 16)
    assert poolcli.shift_report("max:2", image, [(-1, 0)]).shifts[0].aligned.pixels == 12


@pytest.mark.parametrize(
    ("shift", "expected"),
    [((-1, 0), (0, 0)), ((1, 0), (0, 0)), ((0, 1), (0, 0)), ((3, 0), (1, 0)), ((-3, 3), (-1, 1)), ((0, -5), (0, -2))],
)
@pytest.mark.parametrize("edge", ["replicate", "wrap"])
def test_of_equal_alignments_the_shortest_is_taken(shift, expected, edge):
    """On a constant picture every one is as good as any other."""
    row = poolcli.shift_report("max:2", np.full((16, 16), 7, np.uint8), [shift], edge=edge).shifts[0]
    assert (row.aligned.dx, row.aligned.dy) == expected


def test_nan_where_nan_was_is_no_change(command):
    """Holes that lie on themselves change nothing, neither in the count nor in the heat-map."""
    holes = np.arange(64, dtype=np.float32).reshape(8, 8) % 8
    holes[:, 2:4] = np.nan
    row = poolcli.shift_report("max:1", holes, [(0, 1)]).shifts[0]
    assert (row.raw.changed, row.pooled.changed) == (0, 0)
    row = poolcli.shift_report("max:1", holes, [(1, 0)], edge="wrap").shifts[0]
    assert row.raw.changed == 8 * 7  # all columns but one of the two of holes
    np.save("a.npy", holes)
    assert command("pool", "a.npy", "-o", "b.npy", "--k", "1", "--shift", "0,1", "--report", "html").code == 0
    (panel,) = panels(page("b"))
    assert not np.asarray(panel["before"]).any()


@pytest.mark.parametrize("shifts", [[(1, 0), (0, 1)], [(0, 1), (1, 0)], [(2, 0), (0, 1), (1, 0)]])
def test_the_worst_shift_is_one_that_changes_something(shifts):
    """Where a picture is alike along its rows a move along them has no residual, and is not the worst, first or not."""
    image = np.repeat(np.arange(8, dtype=np.uint8)[:, np.newaxis] ** 2, 8, axis=1)
    summary = poolcli.shift_report("max:2", image, shifts).summary
    assert (summary.worst.dx, summary.worst.dy) == (0, 1)
    assert summary.residual > 0


@pytest.mark.parametrize("k", ["2x3", "3x2", "1x4"])
@pytest.mark.parametrize("size", [(24, 24), (96, 96)], ids=["whole", "part"])
def test_outputs_lie_over_the_inputs_that_they_cover(command, k, size):
    """Of windows that are no squares too: pictures and outputs are shown equally large, and as the same part."""
    down, across = map(int, k.split("x"))
    pixels = np.zeros(size, np.uint8)
    pixels[size[0] * 2 // 3, size[1] // 2] = 255  # on the border of two windows
    save("a.png", pixels)
    assert command("pool", "a.png", "-o", "b.png", "--k", k, "--report", "html").code == 0
    shown = re.findall(r'class="tile [^>]*><div class="stage"><img [^>]*width="(\d+)" height="(\d+)"', page("b"))
    assert len(shown) == 6 * len(panels(page("b")))
    for start in range(0, len(shown), 6):
        assert len(set(shown[start : start + 6])) == 1
    part = panels(page("b"))[-1]
    assert part["after"].width * across == part["still"].width
    assert part["after"].height * down == part["still"].height
    assert np.asarray(part["after"]).any()


def test_the_page_names_no_character_that_nobody_sees(command):
    """Neither what ends a line or rings a bell nor what turns the reading round, in names of good files and of bad."""
    names = ["a\u202egnp.png", "b\x07\x1b[31m.png", "c\n<d>.png", "e\u2066\u200f.png"]
    for number, name in enumerate(names):
        save(name, random_image(number, (8, 8), "uint8"))
        Path(f"bad {name}").write_bytes(b"x")
    assert command("pool", ".", "-o", "out", "--report", "html").code == 1
    text = Path("out/shift-report.html").read_text("utf-8")
    assert "gnp.png" in text and text.count("bad ") >= 4
    assert not [letter for letter in text if not letter.isprintable() and letter != "\n"]
    assert "c\n" not in text


def test_a_filter_before_is_part_of_what_is_compared(command):
    """`--filter` and `--activation` give each mode the figures of the layers written out."""
    save("a.png", random_image(3, (24, 24), "uint8"))
    short = command("compare", "a.png", "--filter", "sobel-v", "--activation", "relu", "--modes", "max,avg", "--json")
    full = command("compare", "a.png", "--modes", "conv:sobel-v relu max:2,conv:sobel-v relu avg:2", "--json")
    bare = command("compare", "a.png", "--modes", "max,avg", "--json")
    figures = [[without_names(place) for place in ran.objects] for ran in (short, full, bare)]
    assert figures[0] == figures[1] != figures[2]


def without_names(place):
    """A place of a ranking, without what it is called and the command that does it."""
    return {key: value for key, value in place.items() if not isinstance(value, str)}


def test_failures_are_no_pictures_in_the_ranking(command):
    """They are told, and not counted among those that the words are about."""
    save("a.png", random_image(3, (24, 24), "uint8"))
    for name in ("b.png", "c.png"):
        Path(name).write_bytes(b"no picture")
    ran = command("compare", "a.png", "b.png", "c.png", "--modes", "max,avg")
    assert (ran.code, ran.err.count("\n")) == (1, 2)
    assert "Over 1 picture," in " ".join(ran.out.split())


@pytest.mark.parametrize(("one", "other"), [("RGBA", "CMYK"), ("RGB", "YCbCr"), ("L", "P")])
def test_pictures_of_two_modes_are_not_compared(command, one, other):
    """Even of as many channels of one dtype: their numbers are not of one kind."""
    pixels = np.zeros((6, 6, 4), np.uint8)
    for mode in (one, other):
        Image.fromarray(pixels).convert(mode).save(f"{mode}.tif")
    said = command.refused("diff", f"{one}.tif", f"{other}.tif", code=1)
    assert f"'{one}.tif' is 6x6 {one}" in said and "two pictures of one mode are compared" in said


# Files


@pytest.mark.parametrize("extension", ["jpg", "webp"])
def test_quality_0_is_a_quality(command, extension):
    """The lowest, not none."""
    save(f"a.{extension}", random_image(1, (64, 64), "uint8", (3,)), quality=95)
    sizes = []
    for quality in (0, 10, 50):
        assert command("pool", f"a.{extension}", "-o", f"{quality}.{extension}", "--quality", quality).code == 0
        sizes.append(Path(f"{quality}.{extension}").stat().st_size)
    assert sizes[0] < sizes[1] < sizes[2]


def labels(numbers, colours=256, seed=4):
    """A palette picture of 12 x 12 labels, any of `numbers`, in blocks of 2 x 2."""
    rng = np.random.default_rng(seed)
    blocks = rng.choice(np.array(numbers, np.uint8), (6, 6)).repeat(2, 0).repeat(2, 1)
    picture = Image.fromarray(blocks).convert("P")
    picture.putpalette(rng.permutation(256)[:colours].astype(np.uint8).repeat(3).tobytes())
    return picture


@pytest.mark.parametrize("extension", ["gif", "png", "tif", "bmp"])
def test_label_numbers_stay_what_they_are(command, extension):
    """Few, far apart and out of order, in a palette that holds more: no writer counts them anew."""
    picture = labels([3, 77, 250])
    picture.save(f"a.{extension}", optimize=False)
    assert np.array_equal(load(f"a.{extension}"), picture)
    assert command("pool", f"a.{extension}", "-o", f"b.{extension}", "--mode", "majority").code == 0
    assert np.array_equal(load(f"b.{extension}"), np.asarray(picture)[::2, ::2])
    with Image.open(f"a.{extension}") as before, Image.open(f"b.{extension}") as after:
        kept = [np.array(each.getpalette()).reshape(-1, 3)[[3, 77, 250]].tolist() for each in (before, after)]
    assert kept[0] == kept[1]


def test_labels_beyond_the_colours_of_a_palette(command):
    """As labels they stay, and the palette written reaches so far; as colours they are black, as browsers draw them."""
    rows = bytes([0, 5, 1, 5] * 2)
    Path("a.png").write_bytes(png((4, 2), colour=3, rows=rows, before=[chunk(b"PLTE", bytes([9, 8, 7, 6, 5, 4]))]))
    assert command("pool", "a.png", "-o", "b.png", "--k", "1", "--mode", "majority").code == 0
    assert load("b.png").tolist() == [[0, 5, 1, 5]] * 2
    data = Path("b.png").read_bytes()
    at = data.index(b"PLTE")
    assert int.from_bytes(data[at - 4 : at]) >= 3 * 6 and data[at + 4 : at + 10] == bytes([9, 8, 7, 6, 5, 4])
    assert command("pool", "a.png", "-o", "c.png", "--k", "1", "--mode", "max").code == 0
    assert load("c.png").tolist() == [[[9, 8, 7], [0, 0, 0], [6, 5, 4], [0, 0, 0]]] * 2


@pytest.mark.parametrize("transparency", [0, 1, bytes([255, 0, 128])], ids=["first", "index", "bytes"])
def test_what_is_clear_in_a_palette_is_clear_on_the_page(command, transparency):
    """In the picture and in the output: exactly where the label is that has no colour."""
    picture = labels([0, 1, 2])
    picture.save("a.png", transparency=transparency)
    assert command("pool", "a.png", "-o", "b.png", "--mode", "majority", "--report", "html").code == 0
    by_index = np.array([255 * (index != transparency) for index in range(3)])
    alphas = by_index if isinstance(transparency, int) else np.array(list(transparency))
    (panel,) = panels(page("b"))
    for kind, indices in (("still", np.asarray(picture)), ("pooled", np.asarray(picture)[::2, ::2])):
        assert np.array_equal(np.asarray(panel[kind].convert("RGBA"))[..., 3], alphas[indices]), kind


@pytest.mark.parametrize(("mode", "options"), [("L", {}), ("RGB", {}), ("RGB", {"quality": 100})])
@pytest.mark.parametrize("pooling", ["majority", "max"])
def test_a_tiff_compressed_as_jpeg_is_written_exactly(command, mode, options, pooling):
    """What is pooled out of it is not made lossy once more."""
    noise = Image.fromarray(random_image(5, (64, 64), "uint8", (3,))).convert(mode)
    noise.save("a.tif", compression="jpeg", **options)
    with Image.open("a.tif") as picture:
        assert picture.info["compression"] == "jpeg"
        pixels = np.asarray(picture.convert(mode))
    assert command("pool", "a.tif", "-o", "b.tif", "--k", "1", "--mode", pooling).code == 0
    with Image.open("b.tif") as picture:
        assert picture.info["compression"] != "jpeg"
    assert np.array_equal(load("b.tif"), pixels)


IMAGE = np.arange(16.0).reshape(4, 4)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: poolcli.apply(5, IMAGE), "a recipe of type int: a text is allowed, as in 'max:2/2'"),
        (lambda: poolcli.apply(["max:2"], IMAGE), "a recipe of type list"),
        (lambda: poolcli.shift_report(None, IMAGE), "a recipe of type NoneType"),
        (lambda: poolcli.pool(IMAGE, 2, mode=3), "mode 3 is no name: a text is allowed, one of max, avg"),
        (lambda: poolcli.pool(IMAGE, 2, mode=["max"]), r"mode \['max'\] is no name"),
        (lambda: poolcli.adaptive_pool(IMAGE, 2, mode=b"max"), "mode b'max' is no name"),
        (lambda: poolcli.pool(IMAGE, 2, ignore={}), r"ignore \{\} is a dict: a number, NaN, numbers in a list"),
        (lambda: poolcli.apply("max:2", IMAGE, ignore={1}), r"ignore \{1\} is a set: a number, NaN, numbers in a list"),
        (lambda: poolcli.shift_report("max:2", IMAGE, shifts=3), r"shifts 3 are no list: \(dx, dy\) in a list"),
        (lambda: poolcli.shift_report("max:2", IMAGE, edge=3), "shift edge 3 is no name: a text is allowed, one of"),
        (lambda: poolcli.shift_report("max:2", IMAGE, tolerance="1"), "tolerance '1' is no number: 0 or more is"),
    ],
)
def test_what_has_a_wrong_type_is_a_type_error(call, words):
    """With what it is, what it was and what is allowed."""
    with pytest.raises(TypeError, match=words):
        call()
