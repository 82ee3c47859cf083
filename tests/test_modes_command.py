"""The modes on the command line: every one on every kind of picture, and what cannot be in one clear sentence."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import poolcli
from poolcli.batch.comparing import shifts_within
from poolcli.evaluate import How, evaluate, shift_rows, shift_rows_of_large
from poolcli.ops.arrays import threads
from poolcli.ops.modes import MODES
from poolcli.recipe import as_recipe
from poolcli.shift.move import Source
from poolcli.shift.record import Shifting
from tests.images import NEEDED, assert_same, random_image

PICTURES = ("one.png", "colour.png", "transparent.png", "deep.png", "mask.png")


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_on_every_kind_of_picture(mode, command, samples):
    """Gray, colour, transparent, 16 bits, a palette: the picture written is what the library gives."""
    needed = NEEDED.get(mode, {})
    words = [word for name, value in needed.items() for word in (f"--{name}", value)]
    paths = [samples / name for name in PICTURES]
    result = command("pool", *paths, "-o", "out/", "--mode", mode, "--k", 3, "--s", 2, *words)
    if MODES[mode].own_dtype:
        assert result.code == 2
        assert "'out/one.png': PNG holds none of the numbers" in result.err
        return
    assert result.code == 0, result.err
    for name in PICTURES:
        with Image.open(samples / name) as before, Image.open(samples.parent / "out" / name) as after:
            if name != "mask.png" or MODES[mode].keeps_values:
                expected = poolcli.pool(np.asarray(before), 3, 2, mode=mode, **needed)
                assert np.array_equal(np.asarray(after), expected)
                assert after.mode == before.mode


def test_majority_keeps_the_palette_and_its_labels(command, samples):
    """No colour appears that was not there."""
    assert command("pool", samples / "mask.png", "-o", "out.png", "--mode", "majority", "--k", 5).code == 0
    with Image.open(samples / "mask.png") as before, Image.open("out.png") as after:
        assert after.mode == "P"
        assert after.getpalette() == before.getpalette()
        assert set(np.unique(np.asarray(after))) <= set(np.unique(np.asarray(before)))


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--k", 99), 1, "a window of 99x99 pixels (width x height) does not fit a picture of 28x28 with padding 0"),
        (("--s", 0), 2, "stride 0 is out of range: whole numbers from 1 to"),
        (("--k", 3, "--padding", 3), 2, "padding 3 is as large as the window of 3 rows: at most 2 is allowed"),
        (("--k", 2, "--dilation", 2, "--padding", "0,0,0,3"), 2, "padding 3 is as large as the window of 3 columns"),
        (("--mode", "mxa"), 2, "unknown mode 'mxa', did you mean 'max'? Allowed: max, avg, min"),
        (("--mode", "lp", "--p", 0), 2, "option p=0 of mode 'lp': a number above 0 is allowed"),
        (("--mode", "lp", "--p", "nan"), 2, "option p=nan of mode 'lp': a number above 0 is allowed"),
        (
            ("--mode", "quantile"),
            2,
            "mode 'quantile' needs q, a number from 0 to 1 of up to 15 digits: give --q 0.9, or",
        ),
        (("--mode", "quantile", "--q", "1.5"), 2, "option q=1.5 of mode 'quantile': a number from 0 to 1"),
        (("--mode", "quantile", "--q", "0.12345678901234567"), 2, "option q=0.12345678901234567 cannot be read"),
        (
            ("--mode", "fraction"),
            2,
            "mode 'fraction' needs of, a number or nan: give --of 1, or in a recipe fraction:2",
        ),
        (("--mode", "fraction", "--of", "red"), 2, "option of=red cannot be read: a number or nan is allowed"),
        (("--mode", "sum", "--linear"), 2, "'sum:2/2' gives no colours: leave out --linear and --premultiply"),
        (("--mode", "max", "--q", 0.5), 2, "mode 'max' knows no option 'q': give it to quantile"),
        (("--mode", "max", "--p", 3), 2, "mode 'max' knows no option 'p': give it to lp"),
        (("--mode", "blur", "--taps", 3), 2, "mode 'blur' knows no option 'taps': give it to maxblur or maxaps"),
        (("--mode", "avg", "--edge", "zero"), 2, "give it to blur, maxblur, aps or maxaps"),
        (("--mode", "max", "--exclude-pad"), 2, "mode 'max' knows no option 'exclude-pad': give it to avg"),
        (
            ("--mode", "blur", "--edge", "mirror"),
            2,
            "unknown edge 'mirror', allowed: reflect, symmetric, replicate, zero, wrap, a number",
        ),
        (("--mode", "blur", "--k", 9), 2, "mode 'blur' with 9 taps: 1 to 7 are allowed"),
        (("--mode", "stride", "--padding", 1), 2, "mode 'stride' takes no padding"),
        (("--mode", "stochastic", "--seed", -1), 2, "option seed=-1 of mode 'stochastic': a whole number from 0"),
        (("--mode", "aps", "--size", 3), 2, "mode 'aps' takes no output size"),
        (("--size", 0), 2, "size 0 is out of range"),
    ],
)
def test_what_cannot_be_is_one_clear_sentence(words, code, sentence, command, samples):
    """2 for what no picture could be pooled by, 1 for a picture that is too small."""
    said = command.refused("pool", samples / "one.png", "-o", "out.png", *words, code=code)
    assert sentence in said
    assert said.count("\n") == 1
    assert not (samples.parent / "out.png").exists()


def test_less_padding_than_the_window_is_allowed(command, samples):
    """More than half of it, as in ONNX and not in PyTorch."""
    assert command("pool", samples / "one.png", "-o", "out.png", "--k", 3, "--padding", 2).code == 0


def test_draws_do_not_depend_on_how_the_work_is_shared(command, samples):
    """The same seed gives the same pictures with one job and with several, with one thread a picture and with two."""
    for folder, words in (("one", ("--jobs", 1)), ("two", ("--jobs", 2)), ("threads", ("--threads-per-image", 2))):
        done = command("pool", samples, "-o", folder, "--mode", "stochastic", "--seed", 5, "--no-report", *words)
        assert done.code == 0, done.err
    assert command("pool", samples, "-o", "other", "--mode", "stochastic", "--seed", 6, "--no-report").code == 0
    written = {
        folder: {path.name: path.read_bytes() for path in (samples.parent / folder).glob("[!.]*.*")}
        for folder in ("one", "two", "threads", "other")
    }
    assert len(written["one"]) > 5
    assert written["one"] == written["two"] == written["threads"] != written["other"]


def test_quantiles_sums_and_shares_in_files(command, samples):
    """Exact in .npy and TIFF: the library's values in the dtype of the mode; of a palette, its numbers."""
    with Image.open(samples / "mask.png") as mask, Image.open(samples / "deep.png") as deep:
        labels, values = np.asarray(mask), np.asarray(deep)
    share = poolcli.pool(labels, 4, mode="fraction", of=2)
    assert 0 < share.mean() < 1
    for name in ("share.npy", "share.tif"):
        words = ("pool", samples / "mask.png", "-o", name, "-m", "fraction", "--of", 2, "--k", 4, "--json")
        (record,) = command(*words).objects
        assert "notes" not in record or all("leave out" in note for note in record["notes"])
    assert np.array_equal(np.load("share.npy"), share)
    with Image.open("share.tif") as written:
        assert written.mode == "F"
        assert np.array_equal(np.asarray(written), share)
    assert command("pool", samples / "deep.png", "-o", "sum.npy", "-m", "sum").code == 0
    assert np.load("sum.npy").dtype == np.uint64
    assert np.array_equal(np.load("sum.npy"), poolcli.pool(values, 2, mode="sum"))
    assert command("stack", "quantile:3/2,q=0.1", samples / "deep.png", "-o", "low.png").code == 0
    with Image.open("low.png") as written:
        assert np.array_equal(np.asarray(written), poolcli.pool(values, 3, 2, mode="quantile", q=0.1))


def test_sums_and_shares_are_refused_before_a_picture_is_read_where_the_output_cannot_hold_them(command, samples):
    """By the output's name, with the way out; the dry run says so too. One that can take them is written."""
    for words, name in (
        (("samples/mask.png", "-o", "share.png", "-m", "fraction", "--of", 2), "'share.png': PNG"),
        (("samples/photo.jpg", "-m", "sum"), "'samples/photo.sum-k2s2.jpg': JPEG"),
        (("samples", "-o", "out/", "-m", "sum"), "'out/colour.png': PNG"),
        (("samples/mask.png", "-o", "-", "--format", "png", "-m", "sum"), "'the picture on stdout': PNG"),
        (("none.png", "-m", "sum", "--dry-run"), "'none.sum-k2s2.png': PNG"),
    ):
        error = command.refused("pool", *words)
        assert f"{name} holds none of the numbers that" in error
        assert "write .npy or .tif, or values of the picture's range with --to-range stretch or clip" in error
    assert not Path("out").exists()
    for words in (("-o", "a/", "--format", "npy"), ("-o", "b/", "--format", "tif"), ("-o", "c/", "--to-range", "clip")):
        assert command("pool", "samples/mask.png", "samples/photo.jpg", "-m", "sum", *words).code == 0


def test_shares_of_a_palette_count_its_numbers_in_every_command(command, samples):
    """As pool has it: compare with --labels, or else they are left out; diff; the page of show."""
    with Image.open(samples / "mask.png") as mask:
        labels = np.asarray(mask)
        moved, palette = Image.fromarray(np.roll(labels, 1, 1), "P"), mask.getpalette()
    moved.putpalette(palette)
    moved.save("moved.png")
    share = [poolcli.pool(each, 4, mode="fraction", of=2) for each in (labels, np.roll(labels, 1, 1))]
    words = ("--mode", "fraction", "--of", 2, "--k", 4, "--json")
    (record,) = command("diff", samples / "mask.png", "moved.png", *words).objects
    assert record["report"]["shifts"][0]["pooled"]["changed"] == (share[0] != share[1]).sum() > 0
    call = ("compare", samples / "mask.png", "--shifts", 1, "--modes", "fraction:4,of=2,majority:4", "--json")
    ran = command(*call)
    assert [row["mode"] for row in ran.objects] == ["majority:4/4"]
    assert "fraction:4/4,of=2 was left out, since it counts a number of the palette" in ran.err
    ranked = {row["mode"]: row for row in command(*call, "--labels").objects}
    report = poolcli.shift_report("fraction:4,of=2", labels, shifts_within(1), labels=True)
    assert ranked["fraction:4/4,of=2"]["absorbed"] == pytest.approx(report.summary.absorbed)
    alone = command(*call[:5], "fraction:4,of=2")
    assert alone.code == 1
    assert "fraction:4/4,of=2 cannot be ranked" in alone.err
    Image.fromarray(labels, "P").save("gray.png")  # the same numbers, of other colours
    assert "have different palettes" in command("diff", samples / "mask.png", "gray.png", *words[:-1]).err
    for picture in ("mask.png", "photo.jpg"):
        assert command("show", samples / picture, "fraction:4,of=2", "-o", f"{picture}.html").code == 0


def test_a_share_as_a_picture_of_bytes(command, samples):
    """By a range that is asked for: 0 is black, all of the window white."""
    words = ("-m", "fraction", "--of", 2, "--k", 4, "--to-range", "stretch")
    assert command("pool", samples / "mask.png", "-o", "share.png", *words).code == 0
    with Image.open("share.png") as written:
        assert (written.mode, written.getextrema()) == ("L", (0, 255))


@pytest.mark.parametrize("layer", ["sum:3/2", "fraction:2,of=3", "quantile:9/4,q=0.3", "fraction:2,of=3 max:2"])
def test_bands_and_threads_give_what_the_whole_gives(layer):
    """To the bit, in the dtype of the mode; the report too."""
    image = random_image(5, (300, 40), "uint8") % 7
    how = How(large=True, band_bytes=2000)
    whole, banded = (evaluate(as_recipe(layer), Source.of(image), each) for each in (How(), how))
    assert banded.is_cut
    pieces = [band.output.values for band in banded.bands()]
    assert len(pieces) > 2
    assert_same(np.concatenate(pieces), whole.output.values)
    wide = np.tile(image, (9, 9))
    with threads(2):
        threaded = poolcli.apply(layer, wide)
    assert_same(threaded, poolcli.apply(layer, wide))
    rows = shift_rows(whole, Shifting(((-1, 0),)))
    large = shift_rows_of_large(banded, Shifting(((-1, 0),)), lambda _: None)
    assert rows[0].pooled.changed == large[0].pooled.changed > 0


def test_integers_become_floats_before_the_layers(command, samples):
    """The average of a mask is the share of it; of a palette the colours, of labels their numbers, of 16 bits all."""
    truth = random_image(2, (9, 12), "bool")
    Image.fromarray(truth).save("bits.png")
    for name in ("share.npy", "share.tif"):
        assert command("pool", "bits.png", "-o", name, "-m", "avg", "--dtype", "float32").code == 0
    share = poolcli.pool(truth.astype(np.float32), 2, mode="avg")
    assert_same(np.load("share.npy"), share)
    with Image.open("share.tif") as written:
        assert_same(np.asarray(written), share)
    for name, mode, dtype in (("deep.png", "avg", "float64"), ("mask.png", "majority", "float32")):
        with Image.open(samples / name) as before:
            expected = poolcli.pool(np.asarray(before).astype(dtype), 3, mode=mode)
        words = ("-o", "out.npy", "-m", mode, "--k", 3, "--dtype", dtype, "--overwrite")
        assert command("pool", samples / name, *words).code == 0
        assert_same(np.load("out.npy"), expected)
    np.save("floats.npy", share)
    assert command("pool", "floats.npy", "-o", "same.npy", "--dtype", "float64").code == 0
    assert_same(np.load("same.npy"), poolcli.pool(share, 2))
    (row,) = command("compare", "bits.png", "--modes", "avg", "--dtype", "float32", "--json").objects[:1]
    shifts = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y]
    expected = poolcli.shift_report("avg:2", truth.astype(np.float32), shifts).summary.residual
    assert row["residual"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "dtype", "sentence"),
    [
        (2**24, "float32", None),
        (2**24 + 1, "float32", "float32 holds whole numbers up to 16777216, and the picture has 16777217: use --dtype"),
        (-(2**53) - 1, "float32", "and the picture has 9007199254740993: leave --dtype out"),
        (2**53 + 1, "float64", "float64 holds whole numbers up to 9007199254740992, and the picture has"),
        (0.1, "float32", "float64 would lose digits in float32: leave --dtype out, or use float64"),
    ],
)
def test_what_floats_cannot_hold_is_refused(command, samples, value, dtype, sentence):
    """One sentence; so is a name that is none, and floats for PNG."""
    np.save("a.npy", np.full((4, 4), value))
    words = ("pool", "a.npy", "-o", "b.npy", "--dtype", dtype)
    if sentence is None:
        assert command(*words).code == 0
        assert np.load("b.npy").tolist() == [[value] * 2] * 2
    else:
        assert sentence in command.refused(*words, code=1)
    assert "float16" in command.refused("pool", "a.npy", "--dtype", "float16")
    np.save("c.npy", np.ones((4, 4), np.uint8))
    assert "PNG cannot hold 32-bit floats" in command.refused(
        "pool", "c.npy", "-o", "c.png", "--dtype", "float32", code=1
    )


def test_no_data_stays_no_data_as_floats(command, samples):
    """Named or declared, in the values and in the file's tag."""
    image = random_image(3, (8, 8), "uint8")
    image[2:5, 2:5] = 7
    Image.fromarray(image).save("a.tif", tiffinfo={42113: "7"})
    assert command("pool", "a.tif", "-o", "b.tif", "-m", "avg", "--dtype", "float32").code == 0
    with Image.open("b.tif") as written:
        assert written.tag_v2[42113].strip("\0") == "7"
        assert_same(np.asarray(written), poolcli.pool(image.astype(np.float32), 2, mode="avg", ignore=7))
