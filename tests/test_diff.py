"""`poolcli diff`: the same report for two given pictures."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image, ImageChops

import poolcli
from tests.test_schema import VALIDATOR
from tests.test_views import THE_ONE


@pytest.fixture
def moved(samples):
    """The "1" and the same moved left, which the border does not notice."""
    with Image.open(samples / "one.png") as one:
        ImageChops.offset(one, -1, 0).save(samples / "moved.png")
    return samples / "one.png", samples / "moved.png"


def test_it_is_the_report_of_the_shift_that_made_the_other(moved, command):
    """Figure by figure, but for the shift, which is not known."""
    (told,) = command("diff", *moved, *THE_ONE, "--json").objects
    assert (told["status"], told["input"], told["other"]) == ("ok", str(moved[0]), str(moved[1]))
    VALIDATOR.validate(told["report"])
    with Image.open(moved[0]) as one:
        expected = poolcli.shift_report("conv:line-v relu max:2", np.asarray(one)).to_dict()["shifts"][0]
    (row,) = told["report"]["shifts"]
    assert (row["dx"], row["dy"], row["edge"]) == (0, 0, "given")
    for name in ("raw", "dense", "pooled", "absorbed", "gain", "residual"):
        assert row[name] == expected[name], name
    assert [row[side]["changed"] for side in ("raw", "pooled")] == [38, 12]
    assert told["report"]["output"]["path"] is None


def test_it_is_told_in_words(moved, command):
    """On stdout, since it is the result."""
    ran = command("diff", *moved, *THE_ONE)
    said = " ".join(ran.out.split())
    assert ran.code == 0
    assert "38 (4.8 %) 12 (6.1 %)" in said
    assert "less sensitive: 62 % of the change is left, though per pixel 1.26x as many pixels change" in said
    assert "given" in said


def test_every_form_by_its_extension(moved, command):
    """Files that are there already are not replaced unasked; the page and the sheet show both names."""
    files = [f"out/a.{form}" for form in ("html", "png", "json", "jsonl", "csv")]
    options = [part for name in files for part in ("-o", name)]
    assert command("diff", *moved, *options, "--json").code == 0
    assert "one.png and" in Path("out/a.html").read_text("utf-8")
    page = Path("out/a.html").read_text("utf-8")
    assert all(words in page for words in ("Output of the other picture", '"other":{'))
    assert json.loads(Path("out/a.json").read_text()) == json.loads(Path("out/a.jsonl").read_text())
    with Image.open("out/a.png") as sheet:
        assert sheet.width == 1048
    again = command("diff", *moved, "-o", "out/a.csv")
    assert (again.code, "exists already" in again.err) == (2, True)
    assert command("diff", *moved, "-o", "out/a.csv", "--overwrite").code == 0
    assert (command("diff", *moved, "-o", "a.txt").code, Path("a.txt").exists()) == (2, False)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("four.png", "is 28x28 L, 'samples/four.png' is 4x4 L: two pictures of one size"),
        ("gone.png", "gone.png"),
        ("twin.png", "is 28x28 RGB: two pictures of one mode"),
    ],
)
def test_what_cannot_be_compared_is_said_clearly(moved, samples, command, other, words):
    """Sizes and modes of both, and what to do; exit 1, since it is the pictures."""
    with Image.open(moved[0]) as one:
        one.convert("RGB").save(samples / "twin.png")
    ran = command("diff", "samples/one.png", f"samples/{other}")
    assert (ran.code, words in ran.err, ran.err.count("\n")) == (1, True, 1)


def test_palettes_that_differ_are_said_to(samples, command):
    """What keeps labels was given already."""
    with Image.open(samples / "mask.png") as mask:
        other = mask.copy()
        other.putpalette(mask.getpalette()[::-1])
        other.save(samples / "other.png")
    words = ("diff", "samples/mask.png", "samples/other.png", "-m")
    (note,) = command(*words, "majority", "--json").objects[0]["notes"]
    assert note == "palette P pooled as RGB, since the other picture has not its colours"
    (note,) = command(*words, "max", "--json").objects[0]["notes"]
    assert note == "palette P pooled as RGB; --mode majority, center or stride keeps labels"


def test_two_equal_pictures(moved, command):
    """Nothing differs: said so, and valid JSON."""
    (told,) = command("diff", moved[0], moved[0], "--json").objects
    jsonschema.validate(told["report"], VALIDATOR.schema)
    assert told["report"]["summary"]["residual"] is None
    assert "nothing changes: this difference changes nothing here" in command("diff", moved[0], moved[0]).out


def test_what_diff_cannot_do_is_one_sentence(moved, command):
    """Two files of one form, of which one would be lost; a stream."""
    assert "are one form of the report" in command.refused("diff", *moved, "-o", "a.json", "-o", "b.json")
    assert not Path("a.json").exists()
    assert command("diff", *moved, "-o", "a.json", "-o", "a.json").code == 0
    assert "instead of - (stdin)" in command.refused("diff", moved[0], "-")
