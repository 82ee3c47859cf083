"""The modes on the command line: every one on every kind of picture, and what cannot be in one clear sentence."""

import numpy as np
import pytest
from PIL import Image

import poolcli
from poolcli.ops.modes import MODES

PICTURES = ("one.png", "colour.png", "transparent.png", "deep.png", "mask.png")


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_on_every_kind_of_picture(mode, command, samples):
    """Gray, colour, transparent, 16 bits, a palette: the picture written is what the library gives."""
    result = command("pool", *(samples / name for name in PICTURES), "-o", "out/", "--mode", mode, "--k", 3, "--s", 2)
    assert result.code == 0, result.err
    for name in PICTURES:
        with Image.open(samples / name) as before, Image.open(samples.parent / "out" / name) as after:
            if name != "mask.png" or MODES[mode].labels:
                expected = poolcli.pool(np.asarray(before), 3, 2, mode=mode)
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
        (("--mode", "max", "--p", 3), 2, "mode 'max' knows no option 'p': give it to lp"),
        (("--mode", "blur", "--taps", 3), 2, "mode 'blur' knows no option 'taps': give it to maxblur or maxaps"),
        (("--mode", "avg", "--edge", "zero"), 2, "give it to blur, maxblur, aps or maxaps"),
        (("--mode", "max", "--exclude-pad"), 2, "mode 'max' knows no option 'exclude-pad': give it to avg"),
        (("--mode", "blur", "--edge", "mirror"), 2, "reflect, replicate, zero or wrap is allowed"),
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
