"""Numbers as text: in from files and stdin, out to files, stdout and the terminal."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import poolcli
from poolcli.errors import PictureError
from poolcli.images import decoding, encoding
from poolcli.images.frame import Frame, Picture

CLASSIC = "12 20 30 0 / 8 12 2 0 / 34 70 37 4 / 112 100 25 12"
FOUR = [[12, 20, 30, 0], [8, 12, 2, 0], [34, 70, 37, 4], [112, 100, 25, 12]]


class Stdin:
    """A standard input that holds some bytes."""

    def __init__(self, data):
        self.buffer = io.BufferedReader(io.BytesIO(data))


@pytest.fixture
def typed(command, monkeypatch, tmp_path):
    """The command with a text on its stdin, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(text, *words):
        monkeypatch.setattr(sys, "stdin", Stdin(text.encode()))
        return command(*words)

    return run


def parsed(data, name="-"):
    """The array in a text."""
    (frame,) = decoding.decode(io.BytesIO(data), name=name).frames
    return frame.pixels


def test_the_classic_grid_on_the_terminal(typed):
    """Both grids, the windows set off; nothing is written; the table goes to stderr."""
    ran = typed(CLASSIC, "pool", "-")
    assert ran.code == 0
    assert ran.out == (
        " 12  20 │  30   0       20  30\n"
        "  8  12 │   2   0\n"
        "────────┼────────  ->\n"
        " 34  70 │  37   4      112  37\n"
        "112 100 │  25  12\n"
    )
    assert "max:2/2: 4x4 -> 2x2" in ran.err
    assert list(Path().iterdir()) == []
    ran = typed(CLASSIC, "pool", "-", "--k", "3", "--s", "1", "-q")
    assert ran.out.splitlines()[0] == " 12  20  30   0       70  70"
    assert "│" not in ran.out


@pytest.mark.parametrize("mode", ["max", "avg", "median", "stride", "blur"])
def test_json_has_the_lists(typed, mode):
    """As the function gives them; what JSON has no number for is text."""
    (found,) = typed(CLASSIC, "pool", "-", "--mode", mode, "--json").objects
    expected = {"input": FOUR, "output": poolcli.pool(np.array(FOUR), 2, mode=mode).tolist()}
    assert (found["values"], found["output"]) == (expected, None)
    (found,) = typed("nan 1 / inf -2.5", "pool", "-", "--k", "1x2", "--json").objects
    assert found["values"] == {"input": [["nan", 1.0], ["inf", -2.5]], "output": [["nan"], ["inf"]]}


def test_minus_as_output_writes_csv(typed, command):
    """To be piped on; and to a file by its name, each with its own separator."""
    run = [sys.executable, "-m", "poolcli", "pool", "-", "-o", "-", "--no-report"]
    assert subprocess.run(run, input=CLASSIC.encode(), capture_output=True, check=True).stdout == b"20,30\n112,37\n"
    typed(CLASSIC, "pool", "-", "-o", "four.tsv", "--mode", "avg", "--no-report")
    assert Path("four.tsv").read_text() == "13\t8\n79\t20\n"
    for name, text in (("a.csv", "20,30\n112,37\n"), ("a.txt", "20 30\n112 37\n")):
        assert typed(CLASSIC, "pool", "-", "-o", name, "--no-report", "-q").code == 0
        assert Path(name).read_text() == text
    assert command("pool", "a.txt", "--k", "1x2", "--no-report").out == "a.max-k1x2s1x2.txt\n"
    assert Path("a.max-k1x2s1x2.txt").read_text() == "30\n112\n"


@pytest.mark.parametrize(
    "text",
    ["1 2\n3 4", "1,2\r\n3,4\r\n", "1;2/3;4", "1\t2\n3\t4\n", " 1,  2 \n\n# said\n3 , 4 # so\n", "\ufeff1 2 / 3 4 /\n"],
)
def test_every_way_to_write_four_numbers(text):
    """Blanks, commas, semicolons, tabs; lines of any system or slashes; comments and a byte order mark."""
    found = parsed(text.encode(), "a.txt")
    assert (found.tolist(), found.dtype) == ([[1, 2], [3, 4]], np.int64)


WRONG = {
    "1 2\n3": "line 2 has 1 numbers and the row before it 2",
    "1 2\n3 x4": "line 2, column 2: 'x4' is no number",
    "1,2,\n": "line 1, column 3: there is no number",
    "1 2 / / 3 4": "line 1, column 1: there is no number",
    "1,5 2,5": "line 1 mixes separators",
    "1,5;2,5": "line 1 mixes separators",
    "1 2\n3,4": "line 2 mixes separators",
    "1_000 2": "'1_000' is no number",
    "0x10": "'0x10' is no number",
    "18446744073709551616 1": "a whole number of more than 64 bits",
    "9223372036854775808 -1": "a whole number of more than 64 bits, or one above 2^63 - 1 beside a negative one",
    "1" * 5000: "a whole number of more than 64 bits",
    "1e999 1": "1e999 is beyond the largest float64",
    "9007199254740993 0.5": "9007199254740993 has more digits than float64 holds",
    "# nothing": "no numbers in it",
    "1 2\n\udcff": "line 2 is not text in UTF-8",
}


@pytest.mark.parametrize(("text", "sentence"), WRONG.items(), ids=[text[:12] for text in WRONG])
def test_what_is_no_table_of_numbers(typed, text, sentence):
    """One sentence with its line and column, exit code 1."""
    Path("a.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    ran = typed("", "pool", "a.csv", "-o", "b.csv")
    assert (ran.code, ran.err.count("\n"), Path("b.csv").exists()) == (1, 1, False)
    assert sentence in ran.err


def test_what_64_bits_hold_is_read(typed):
    """Sums are written as uint64, and read again."""
    assert "18446744073709551615,0\n" in typed("18446744073709551615 0", "pool", "-", "-k", "1", "-o", "-").out
    assert typed("9223372036854775807 -9223372036854775808", "pool", "-", "-k", "1", "-o", "-").code == 0


def test_limits(typed):
    """Of pixels as for pictures, and of bytes."""
    ran = typed("1 2 3 / 4 5 6", "pool", "-", "--max-pixels", "5")
    assert (ran.code, "6 pixels is more than the limit of 5" in ran.err) == (1, True)
    with pytest.raises(PictureError, match="more than 16 MiB of text"):
        parsed(b"1 " * (1 << 23) + b"1", "a.txt")


def test_files_of_numbers_are_read_when_named_and_not_found(typed, tmp_path):
    """A folder's texts are no pictures; nor is what lists and patterns find."""
    Path("in").mkdir()
    Path("in/a.txt").write_text("1 2")
    Image.new("L", (4, 4)).save("in/b.png")
    assert [line["output"] for line in typed("", "pool", "in", "-o", "out", "--json").objects] == ["out/b.png"]
    ran = typed("in/a.txt\nin/b.png\n", "pool", "--files-from", "-", "-o", "listed", "--json")
    assert [line["input"] for line in ran.objects] == ["in/b.png"]
    assert typed("", "pool", "in/a.txt", "in/b.png", "-o", "both", "--k", "1", "-q").code == 0
    assert Path("both/a.txt").read_text() == "1 2\n"


@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(st.lists(st.floats(width=64), min_size=width, max_size=width), min_size=1, max_size=5)
    ),
    st.sampled_from([".csv", ".tsv", ".txt"]),
)
def test_floats_survive_a_round_trip(rows, extension):
    """To the bit, whatever they are."""
    stream = io.BytesIO()
    array = np.array(rows, np.float64)
    frame = Frame(array, "float64")
    encoding.encode(Picture("NPY", (frame,), "float64"), stream, format=extension[1:].upper())
    stream.seek(0)
    (found,) = decoding.decode(stream, name=f"a{extension}").frames
    assert found.pixels.dtype == np.float64
    assert np.array_equal(found.pixels, array, equal_nan=True)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "int64", "float32"])
def test_arrays_and_pictures_become_text(typed, dtype):
    """The values as they are; colours do not fit, frames neither."""
    array = np.array([[0, 1, 1], [1, 0, 0]], dtype)
    np.save("a.npy", array)
    assert typed("", "pool", "a.npy", "-o", "a.csv", "--k", "1", "-q").code == 0
    assert np.array_equal(parsed(Path("a.csv").read_bytes(), "a.csv"), array)
    Image.new("RGB", (4, 4)).save("a.png")
    ran = typed("", "pool", "a.png", "-o", "b.csv")
    assert (ran.code, "3 channels are no rows and columns of numbers: write .npy" in ran.err) == (1, True)


def test_arrays_become_pictures_only_when_asked_how(typed):
    """Floats and large integers have no picture of their own; clip and stretch make bytes of them."""
    Path("a.csv").write_text("-1 0.5\n2 300")
    ran = typed("", "pool", "a.csv", "-o", "a.png", "--k", "1")
    assert (ran.code, "--to-range clip or stretch" in ran.err) == (1, True)
    for how, expected in (("clip", [[0, 1], [2, 255]]), ("stretch", [[0, 1], [3, 255]])):
        assert typed("", "pool", "a.csv", "-o", "a.png", "--k", "1", "--to-range", how, "--overwrite").code == 0
        with Image.open("a.png") as picture:
            assert (picture.mode, np.asarray(picture).tolist()) == ("L", expected)
    np.save("rgb.npy", np.linspace(0, 1, 48).reshape(4, 4, 3))
    assert typed("", "pool", "rgb.npy", "-o", "rgb.png", "--to-range", "stretch").code == 0
    with Image.open("rgb.png") as picture:
        assert (picture.mode, picture.size) == ("RGB", (2, 2))


def test_small_pictures_show_their_values(samples, command):
    """Up to 16 x 16 and of one channel, above the table; larger ones do not."""
    ran = command("pool", "samples/four.png", "-o", "a.png", "--overwrite")
    assert " 34  70 │  37   4      112  37\n" in ran.err
    assert ran.out == "a.png\n"
    assert "│" not in command("pool", "samples/one.png", "-o", "b.png").err
    assert "│" not in command("pool", "samples/transparent.png", "-o", "c.png").err
    assert command("pool", "samples/four.png", "-o", "d.png", "-q").err == ""


def test_a_picture_on_stdin_is_no_text(typed):
    """It goes to the output as ever, whatever it begins with."""
    assert typed("P2 2 1 255 1 2", "pool", "-", "-o", "a.pgm", "--k", "1").code == 0
    assert "a PSD that is cut short after 6 bytes" in typed("8BPS\0\1", "pool", "-", "-o", "b.png").err
    assert json.loads(typed("1 2", "pool", "-", "--json", "--k", "1").out)["values"]["output"] == [[1, 2]]
