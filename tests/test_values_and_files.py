"""No-data values, labels and written values of files, through the commands: what counts, what is compared."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import poolcli
from tests.images import random_image
from tests.test_schema import VALIDATOR

NODATA = 42113  # GDAL's tag


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A working directory of its own."""
    monkeypatch.chdir(tmp_path)


def with_holes(name, seed=1, value=-9999.0):
    """A TIFF of floats that declares a no-data value, and holds it."""
    image = random_image(seed, (20, 22), "uint8").astype(np.float32)
    image[4:9, 3:10] = value
    Image.fromarray(image).save(name, tiffinfo={NODATA: str(value)})
    return image


def report_of(command, *words):
    """The only report of a run."""
    ran = command(*words, "--json", "--overwrite") if words[0] != "diff" else command(*words, "--json")
    assert ran.code == 0, ran.err
    (outcome,) = ran.objects
    VALIDATOR.validate(outcome["report"])
    return outcome["report"]


@pytest.mark.parametrize("words", [("pool", "a.tif", "--mode", "avg"), ("stack", "avg:2", "a.tif")])
def test_what_a_file_declares_as_no_data_counts_in_no_window(command, words):
    """Unless it is told otherwise: in the output, and in the report."""
    image = with_holes("a.tif")
    shifts = ("--shift", "-1,0", "--shift", "2,1", "-o", "b.tif")
    have = report_of(command, *words, *shifts)
    expected = poolcli.shift_report("avg:2", image, [(-1, 0), (2, 1)], ignore=-9999)
    assert have["shifts"] == expected.to_dict()["shifts"]
    assert np.array_equal(np.asarray(Image.open("b.tif")), poolcli.pool(image, 2, mode="avg", ignore=-9999))
    counted = report_of(command, *words, *shifts, "--ignore", "none")
    assert counted["shifts"] == poolcli.shift_report("avg:2", image, [(-1, 0), (2, 1)]).to_dict()["shifts"]
    assert np.array_equal(np.asarray(Image.open("b.tif")), poolcli.pool(image, 2, mode="avg"))


def test_layers_without_windows_name_the_way_out(command):
    """Only where the picture holds such a value."""
    with_holes("a.tif")
    for words in (("pool", "a.tif", "--mode", "blur"), ("stack", "conv:gauss max:2", "a.tif")):
        assert "--ignore none" in command.refused(*words, "-o", "b.tif", "--overwrite", code=1)
        assert command(*words, "-o", "b.tif", "--ignore", "none", "--overwrite").code == 0
    Image.fromarray(random_image(1, (20, 22), "float32")).save("c.tif", tiffinfo={NODATA: "-9999"})
    assert command("pool", "c.tif", "--mode", "blur", "-o", "d.tif").code == 0
    assert "auto" in command.refused("pool", "a.tif", "--ignore", "atuo")


HOLES = [
    (("--ignore", "-9999"), {"ignore": -9999}),
    (("--ignore", "-9999", "--min-valid", "0.5"), {"ignore": -9999, "min_valid": 0.5}),
    (("--ignore=-9999", "--ignore", "nan"), {"ignore": [-9999, math.nan]}),
    (("--ignore", "NaN"), {"ignore": math.nan}),
    (("--min-valid", "0.75"), {"ignore": -9999, "min_valid": 0.75}),  # of what the file declares
    (("--ignore", "auto", "--ignore", "nan"), {"ignore": [math.nan, -9999]}),
]


@pytest.mark.parametrize(("words", "options"), HOLES)
@pytest.mark.parametrize("mode", ["max", "avg", "majority", "median", "center"])
def test_named_values_count_in_no_window(command, mode, words, options):
    """In the output and in the report, of TIFFs and arrays, also of arrays that are too large to be held."""
    image = with_holes("a.tif")
    image[3, 4:7] = np.nan
    Image.fromarray(image).save("a.tif", tiffinfo={NODATA: "-9999"})
    have = report_of(command, "pool", "a.tif", "-o", "b.tif", "--mode", mode, *words)
    recipe = f"{mode}:2"
    expected = poolcli.pool(image, 2, mode=mode, **options)
    assert np.array_equal(np.asarray(Image.open("b.tif")), expected, equal_nan=True)
    if "min_valid" not in options:
        assert have["shifts"] == poolcli.shift_report(recipe, image, ignore=options["ignore"]).to_dict()["shifts"]
    if any("--ignore" in word for word in words) and "auto" not in words:
        np.save("a.npy", image)
        whole = command("stack", recipe, "a.npy", "-o", "w.npy", *words, "--json").objects[0]["report"]
        assert np.array_equal(np.load("w.npy"), expected, equal_nan=True)
        ran = command("stack", recipe, "a.npy", "-o", "c.npy", *words, "--json", largest=1)
        large = ran.objects[0]["report"]
        assert np.array_equal(np.load("c.npy"), expected, equal_nan=True)
        assert large["shifts"][0]["pooled"]["changed"] == whole["shifts"][0]["pooled"]["changed"] > 0
        assert command("stack", recipe, "a.npy", "-o", "d.npy", *words, "--no-report", largest=1).code == 0
        assert np.array_equal(np.load("d.npy"), expected, equal_nan=True)


def test_colours_and_numbers_of_a_palette(command, samples):
    """A colour ignores whole pixels; a number of a palette does where its numbers are kept, else it is refused."""
    image = random_image(3, (12, 14), "uint8", (3,)) % 3
    image[4:8, 4:8] = 0
    Image.fromarray(image).save("colours.png")
    for mode in ("avg", "majority", "max"):
        words = ("-o", "out.png", "--mode", mode, "--overwrite", "--ignore", "0,0,0", "--ignore", "1,2,0")
        assert command("pool", "colours.png", *words).code == 0
        expected = poolcli.pool(image, 2, mode=mode, ignore=[(0, 0, 0), (1, 2, 0)])
        assert np.array_equal(np.asarray(Image.open("out.png")), expected)
    mask = np.asarray(Image.open(samples / "mask.png"))
    assert command("pool", samples / "mask.png", "-o", "m.png", "--mode", "majority", "--ignore", "0").code == 0
    assert np.array_equal(np.asarray(Image.open("m.png")), poolcli.pool(mask, 2, mode="majority", ignore=0))
    for words in (("pool", samples / "mask.png", "-o", "n.png"), ("compare", samples / "mask.png")):
        said = command.refused(*words, "--ignore", "2", code=1)
        assert "--ignore 2 is the number of a colour in its palette, and the colours are pooled" in said
    assert "the picture 1 channels" in command.refused(
        "pool", samples / "one.png", "-o", "n.png", "--ignore", "0,0,0", code=1
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--ignore", "red"), "--ignore 'red' is not allowed: give a number, nan, a colour R,G,B, auto or none"),
        (("--ignore", "1,,2"), "--ignore '1,,2' is not allowed"),
        (("--ignore", "none", "--ignore", "3"), "--ignore none lets every value count: leave the other --ignore out"),
        (("--min-valid", "1.5"), "--min-valid 1.5 is no share of a window: a number from 0 to 1 is allowed"),
        (("--min-valid", "nan"), "--min-valid nan is no share of a window"),
    ],
)
def test_what_cannot_be_ignored(command, samples, words, sentence):
    """A mistake in the command, for every command that takes it."""
    one = samples / "one.png"
    for command_words in (("pool", one), ("stack", "max:2", one), ("compare", one), ("diff", one, one)):
        assert sentence in command.refused(*command_words, *words)


def test_named_values_in_compare_and_diff(command):
    """The same figures as of a file that declares the value."""
    image = with_holes("declared.tif")
    Image.fromarray(image).save("named.tif")
    for words in (("--modes", "max,blur,avg"), ("--modes", "avg", "--min-valid", "0.6")):
        declared = command("compare", "declared.tif", *words, "--json")
        named = command("compare", "named.tif", *words, "--ignore", "-9999", "--json")
        assert [{**each, "command": ""} for each in named.objects] == [
            {**each, "command": ""} for each in declared.objects
        ]
        assert "--ignore=-9999" in named.objects[0]["command"]
    Image.fromarray(np.roll(image, 1, 1)).save("other.tif")
    (counted,) = command("diff", "named.tif", "other.tif", "--mode", "avg", "--json").objects
    (left,) = command("diff", "named.tif", "other.tif", "--mode", "avg", "--ignore", "-9999", "--json").objects
    expected = np.abs(
        poolcli.pool(image, 2, mode="avg", ignore=-9999).astype(float)
        - poolcli.pool(np.roll(image, 1, 1), 2, mode="avg", ignore=-9999)
    )
    assert left != counted
    assert left["report"]["shifts"][0]["pooled"]["compared"] <= expected.size


def test_compare_leaves_out_modes_that_cannot_ignore(command):
    """With a note for each; the others have the figures that they have alone. All are there under `none`."""
    image = with_holes("a.tif")
    ran = command("compare", "a.tif", "--modes", "max,blur,avg,aps", "--json")
    assert {place["mode"] for place in ran.objects} == {"max:2/2", "avg:2/2"}
    assert [line.split(" was left out")[0] for line in ran.err.splitlines()] == [
        "poolcli: a.tif: blur:3/2", "poolcli: a.tif: aps:3/2",
    ]  # fmt: skip
    shifts = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y]
    for place in ran.objects:
        alone = poolcli.shift_report(place["mode"], image, shifts, ignore=-9999)
        assert place["residual"] == pytest.approx(alone.summary.residual)
    everything = command("compare", "a.tif", "--modes", "max,blur,avg,aps", "--ignore", "none", "--json")
    assert (len(everything.objects), everything.err) == (4, "")
    refused = command("compare", "a.tif", "--filter", "gauss")
    assert (refused.code, "--ignore none" in refused.err) == (1, True)


def test_diff_ignores_what_each_picture_declares(command):
    """A pixel that is valid in one of them only has changed, and has no difference."""
    first, second = with_holes("a.tif"), with_holes("b.tif", seed=2, value=-1.0)
    report = report_of(command, "diff", "a.tif", "b.tif", "--mode", "max")
    (row,) = report["shifts"]
    valid = (first != -9999) & (second != -1)
    assert row["raw"]["compared"] == valid.sum()
    assert row["raw"]["mae"] == pytest.approx(np.abs(first.astype(float) - second)[valid].mean())
    assert row["edge"] == "given"


@pytest.mark.parametrize("first", [0, 1])
def test_diff_ignores_no_number_of_a_palette_whose_colours_it_compares(command, first):
    """Whichever of the two has the palette."""
    colours = Image.fromarray(random_image(1, (8, 10), "uint8", (3,)))
    colours.save("a.png")
    colours.quantize(8).save("b.png")
    names = ["a.png", "b.png"] if first else ["b.png", "a.png"]
    said = command.refused("diff", *names, "--ignore", "3", code=1)
    assert "--ignore 3 is the number of a colour in its palette" in said
    assert command("diff", *names, "--ignore", "3,3,3").code == 0


def test_diff_compares_frame_by_frame(command):
    """All of them, with a report each and an array of reports in a file; or the one that is named."""
    pictures = [[Image.fromarray(random_image(10 * n + m, (12, 14), "uint8")) for m in range(3)] for n in range(2)]
    for name, (head, *rest) in zip("ab", pictures, strict=True):
        head.save(f"{name}.tif", save_all=True, append_images=rest)
        rest[0].save(f"{name}.png")
    ran = command("diff", "a.tif", "b.tif", "-o", "out.json", "--json")
    reports = [line["report"] for line in ran.objects]
    assert [report["input"]["frame"] for report in reports] == [0, 1, 2]
    assert json.loads(Path("out.json").read_text()) == reports
    alone = report_of(command, "diff", "a.png", "b.png")
    (one,) = command("diff", "a.tif", "b.tif", "--frame", "1", "--json").objects
    assert one["report"]["shifts"] == reports[1]["shifts"] == alone["shifts"]
    assert one["report"]["input"]["frame"] == 1
    head, *rest = (Image.fromarray(random_image(number, (12, 14), "uint8")) for number in range(2))
    head.save("c.tif", save_all=True, append_images=rest)
    assert "has 3 frames, 'c.tif' has 2" in command.refused("diff", "a.tif", "c.tif", code=1)


def test_diff_in_light(command):
    """`--linear` as in pool."""
    for name, seed in (("a.png", 1), ("b.png", 2)):
        Image.fromarray(random_image(seed, (12, 14), "uint8", (3,))).save(name)
    plain, light = (
        report_of(command, "diff", "a.png", "b.png", "--mode", "avg", *more) for more in ((), ("--linear",))
    )
    assert light["layers"] == "avg:2/2 in linear light"
    assert light["shifts"][0]["raw"] == plain["shifts"][0]["raw"]
    for name in ("a", "b"):
        assert command("pool", f"{name}.png", "--mode", "avg", "--linear", "-o", f"{name}2.png").code == 0
    one, other = (np.asarray(Image.open(f"{name}2.png")).astype(float) for name in "ab")
    assert light["shifts"][0]["pooled"]["mae"] == pytest.approx(np.abs(one - other).mean())


def palette_of(colours):
    """Labels in a picture with these colours."""
    picture = Image.fromarray(random_image(3, (12, 14), "uint8") % 3)
    picture = picture.convert("P")
    picture.putpalette([part for colour in colours for part in colour])
    return picture


def test_labels_of_two_palettes_are_compared_as_colours(command):
    """An index means nothing by itself; where the palettes are one the labels are counted."""
    palette_of([(0, 0, 0), (200, 0, 0), (0, 200, 0)]).save("a.png")
    palette_of([(0, 0, 0), (0, 200, 0), (200, 0, 0)]).save("b.png")
    other = report_of(command, "diff", "a.png", "b.png", "--mode", "majority")["shifts"][0]["raw"]
    labels = random_image(3, (12, 14), "uint8") % 3
    assert (other["changed"], other["mae"] is None) == ((labels > 0).sum(), False)
    same = report_of(command, "diff", "a.png", "a.png", "--mode", "majority")["shifts"][0]["raw"]
    assert (same["changed"], same["mae"]) == (0, None)


@pytest.mark.parametrize(
    ("words", "labels"),
    [
        (("--mode", "majority"), True), (("--mode", "stride"), False), (("--mode", "max"), False),
        (("--mode", "max", "--labels"), True), (("--mode", "majority", "--filter", "gauss"), False),
    ],
)  # fmt: skip
def test_integers_are_labels_where_nothing_but_votes_is_done(command, words, labels):
    """Or where they are called so."""
    Image.fromarray(random_image(4, (12, 14), "uint8") // 60).save("a.png")
    (row,) = report_of(command, "pool", "a.png", "-o", "b.png", *words)["shifts"]
    assert (row["raw"]["mae"] is None, row["pooled"]["spread"] is None) == (labels, labels)
    if labels:
        assert row["residual"] == row["pooled"]["fraction"] / row["raw"]["fraction"]


def test_written_is_what_a_reader_of_the_files_finds(command):
    """Clipped, taken by size or without alpha: whoever pools both pictures and compares the files finds the number."""
    image = random_image(5, (24, 26), "uint8", (4,))
    moved = np.concatenate([image[:, 1:], image[:, -1:]], axis=1)
    Image.fromarray(image).save("a.png")
    Image.fromarray(moved).save("m.png")
    cases = [
        (("--filter", "sobel-v"), "png"), (("--filter", "gauss"), "png"),
        (("--filter", "sobel-v", "--to-range", "abs"), "png"),
        (("--mode", "avg"), "ppm"), (("--filter", "gauss"), "ppm"),
    ]  # fmt: skip
    for words, extension in cases:
        report = report_of(command, "pool", "a.png", "-o", f"b.{extension}", *words)
        assert command("pool", "m.png", "-o", f"n.{extension}", *words, "--overwrite").code == 0
        one, other = (np.asarray(Image.open(f"{name}.{extension}")).astype(int) for name in "bn")
        (row,) = report["shifts"]
        changed = int((one != other).any(axis=2).sum())
        assert row["written"]["changed"] == changed, words
        assert row["written"]["mae"] == pytest.approx(np.abs(one - other).mean())
    for words, extension in ((("--mode", "max"), "png"), (("--filter", "gauss"), "npy"), (("--mode", "avg"), "tif")):
        report = report_of(command, "pool", "a.png", "-o", f"c.{extension}", *words)
        assert report["shifts"][0]["written"] is None, words


@pytest.mark.parametrize("words", [(), ("--compression", "deflate")])  # whole and in bands
def test_written_is_there_where_one_of_two_files_holds_other_values(command, words):
    """No value of a flat picture is clipped; of the moved one are a column of -200 and one of 400."""
    Image.fromarray(np.full((8, 8), 200, np.uint8)).save("a.tif")
    call = ("stack", "conv:laplace", "a.tif", "-o", "b.tif", "--shift-edge", "zero", *words)
    (row,) = report_of(command, *call)["shifts"]
    assert (row["pooled"]["changed"], row["pooled"]["max"]) == (16, 400)
    assert (row["written"]["changed"], row["written"]["max"], row["written"]["mae"]) == (8, 255, 8 * 255 / 64)


def test_a_side_file_of_many_frames_is_one_array(command):
    """Valid JSON, whatever the number of frames; the lines of a run stay lines."""
    frames = [Image.fromarray(random_image(seed, (12, 14), "uint8")) for seed in range(3)]
    frames[0].save("a.tif", save_all=True, append_images=frames[1:])
    ran = command("pool", "a.tif", "-o", "b.tif", "--report", "json", "--report", "jsonl", "--json")
    reports = json.loads(Path("b.shift.json").read_text())
    assert reports == [line["report"] for line in ran.objects]
    assert [json.loads(line) for line in Path("b.shift.jsonl").read_text().splitlines()] == reports
    for report in reports:
        VALIDATOR.validate(report)


def test_zeros_that_come_in_count_in_no_window_either(command):
    """Where 0 is ignored, what comes in under the edge zero changes nothing that replicate does not."""
    image = np.zeros((16, 16), np.uint8)
    image[5:11, 5:11] = 5
    Image.fromarray(image).save("block.png")
    for edge in ("zero", "replicate", "wrap"):
        have = report_of(command, "pool", "block.png", "--ignore", "0", "--shift-edge", edge)
        expected = poolcli.shift_report("max:2", image, edge=edge, ignore=0)
        assert have["shifts"] == expected.to_dict()["shifts"]
        assert have["shifts"][0]["raw"]["changed"] == 12


@pytest.mark.parametrize("way", [("-m", "avg"), ("-m", "max", "--filter", "identity", "--ignore", "none")])
@pytest.mark.parametrize(("dtype", "step"), [("int16", 9), ("uint32", 70_000), ("int64", 2**40)])
def test_integers_without_a_mode_become_bytes_where_it_is_asked(command, way, dtype, step):
    """As the refusal says; a TIFF, which holds them, keeps them."""
    image = np.arange(64).reshape(8, 8) * step
    tifffile.imwrite("a.tif", image.astype(dtype))
    assert "bytes with --to-range clip or stretch" in command.refused("pool", "a.tif", "-o", "a.png", *way, code=1)
    assert command("pool", "a.tif", "-o", "a.png", "--to-range", "stretch", *way).code == 0
    pooled = poolcli.pool(image, 2, mode=way[1]).astype(float)
    expected = np.floor((pooled - pooled.min()) * 255 / (pooled.max() - pooled.min()) + 0.5)
    assert np.abs(np.asarray(Image.open("a.png")) - expected).max() == 0
    assert command("pool", "a.tif", "-o", "b.tif", "--to-range", "stretch", *way[:2]).code == 0
    assert tifffile.imread("b.tif").dtype == dtype


@pytest.mark.parametrize("source", ["a.tif", "a.npy"])
def test_what_is_ignored_is_outside_of_the_range_that_is_stretched(command, source):
    """Holes are black, and leave the other values all of the range; the moved picture is judged in the same way."""
    image = with_holes("a.tif")
    np.save("a.npy", image)
    hole = () if source == "a.tif" else ("--ignore", "-9999")
    words = ("-m", "avg", "--k", "3", *hole)
    assert "or bytes with --to-range clip or stretch" in command.refused("pool", source, "-o", "a.png", *words, code=1)
    report = report_of(command, "pool", source, "-o", "a.png", "--to-range", "stretch", *words)
    pooled = poolcli.pool(image, 3, mode="avg", ignore=-9999).astype(float)
    valid = pooled != -9999
    low, high = pooled[valid].min(), pooled[valid].max()
    expected = np.where(valid, np.floor((pooled - low) * 255 / (high - low) + 0.5), 0)
    have = np.asarray(Image.open("a.png"))
    assert np.abs(have - expected).max() <= 1
    assert (have[~valid] == 0).all()
    assert report["shifts"][0]["written"]["spread"] > 40
    said = command("pool", source, "-o", "b.png", "--to-range", "stretch", *words).err
    assert ("the no-data value was dropped" in said) == (source == "a.tif")


def test_shares_are_no_labels(command, samples):
    """Of a palette's numbers, called labels or not, they go into a JPEG as other floats do."""
    words = ("pool", samples / "mask.png", "-m", "fraction", "--of", 2, "-o", "a.jpg", "--to-range", "stretch")
    for more in ((), ("--labels",)):
        assert command(*words, *more, "--overwrite").code == 0
    assert np.asarray(Image.open("a.jpg")).max() > 200


@pytest.mark.parametrize("target", ["b.tif", "b.png"])
def test_bytes_declare_no_value_that_is_none_of_them(command, target):
    """Of a Zarr too, whose no-data value is an attribute."""
    zarr = pytest.importorskip("zarr")
    image = np.arange(64).reshape(8, 8).astype(np.int16)
    zarr.create_array("a.zarr", shape=(8, 8), dtype="int16", attributes={"_FillValue": -1})[:] = image
    ran = command("pool", "a.zarr", "-o", target, "--to-range", "clip", "--no-report")
    assert ran.err.count("no-data value was dropped") == 1
    with Image.open(target) as written:
        assert NODATA not in written.getexif()


@pytest.mark.parametrize("target", ["b.gif", "b.png", "b.npy"])
def test_pages_of_several_sizes_fit_where_their_outputs_have_one(command, target):
    """With a --size, or where a window leaves out what differs; else they are refused before any pooling."""
    pages = [random_image(seed, (20 + seed, 22), "uint8") for seed in range(3)]
    first, *others = map(Image.fromarray, pages)
    first.save("a.tif", save_all=True, append_images=others)
    words = ("pool", "a.tif", "-o", target, "--no-report", "--overwrite", "--layout", "nchw")
    for more, run in (
        (("--k", 3, "--s", 10), lambda page: poolcli.pool(page, 3, 10)),
        (("--size", "3x2"), lambda page: poolcli.adaptive_pool(page, (3, 2), mode="max")),
    ):
        assert command(*words, *more).code == 0
        if target == "b.npy":
            frames = np.load(target)[:, 0]
        else:
            frames = [np.asarray(frame.convert("L")) for frame in frames_of(target)]
        assert np.array_equal(frames, [run(page) for page in pages])
    assert "sizes" in command.refused(*words, "--k", 1, code=1)


def frames_of(name):
    """The frames of an animation, one after the other."""
    with Image.open(name) as image:
        for number in range(image.n_frames):
            image.seek(number)
            yield image


@pytest.mark.parametrize("number", [2, 300])
def test_a_number_of_a_palette_in_a_tiff_is_none_of_its_colours_values(command, samples, number):
    """As of one in a PNG: it would ignore values of channels; where labels are voted on it is theirs."""
    mask = np.asarray(Image.open(samples / "mask.png")).astype("uint8" if number < 256 else "uint16") * (number // 2)
    colours = np.zeros((3, 1 << 8 * mask.itemsize), np.uint16)
    tifffile.imwrite("a.tif", mask, photometric="palette", colormap=colours)
    for words in (("pool", "a.tif", "-o", "b.tif"), ("compare", "a.tif"), ("diff", "a.tif", "a.tif")):
        assert "is the number of a colour in its palette" in command.refused(*words, "--ignore", number, code=1)
    assert command("pool", "a.tif", "-o", "b.tif", "-m", "majority", "--ignore", number).code == 0
    assert np.array_equal(tifffile.imread("b.tif"), poolcli.pool(mask, 2, mode="majority", ignore=number))


@pytest.mark.parametrize("value", ["nan", "-9999", "0.5", "65536"])
def test_a_value_that_is_no_number_of_a_palette_is_none_of_its_colours(command, samples, value):
    """As of any other picture that does not hold it; so that one command does for a folder."""
    assert command("pool", samples / "mask.png", "-o", "a.png", "--ignore", value).code == 0


def test_what_is_too_large_for_a_figure_is_not_called_flat(command):
    """A no-data value that no file declares may be the lowest of float64."""
    image = random_image(1, (16, 16), "uint8").astype(float)
    image[3:8, 3:8] = np.finfo(float).min
    np.save("a.npy", image)
    said = " ".join(command("pool", "a.npy", "-o", "b.npy").err.split())
    assert "no contrast known: no float holds the contrast of the picture" in said
