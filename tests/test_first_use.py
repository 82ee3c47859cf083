"""What a first-time user meets who means no good: names, streams, terminals, encodings, odd places."""

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import SAMPLES
from tests.process import shell
from tests.trial import run

NAMES = (
    "new\nline.png",
    "-lead.png",
    "control\x1b[2J\a.png",
    "한글 이름.png",
    "[x].png",
    "a*b.png",
    "{stem}.png",
    "$HOME.png",
    ".hidden.png",
    "UPPER.PNG",
    "dots..png",
    "\u202eright-to-left.png",
    "%s.png",
    "~.png",
    "q'uo\"te.png",
    os.fsdecode(b"no text \xff\xfe.png"),
    "n" * 251 + ".png",
)
pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows refuses such names itself")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working directory, with a folder `odd` of pictures of these names."""
    monkeypatch.chdir(tmp_path)
    Path("odd").mkdir()
    for name in NAMES:
        shutil.copy(SAMPLES / "four.png", Path("odd", name))
    return tmp_path


def test_a_folder_of_odd_names(here):
    """Every one is pooled under its own name; a line a name on stdout, and nothing that a terminal obeys."""
    ran = run(["pool", "odd", "-o", "out"])
    assert ran.code == 0
    made = {path.name for path in Path("out").iterdir() if not path.name.endswith("jsonl")}
    assert made == set(NAMES)
    told = ran.out.decode("utf-8", "surrogateescape").splitlines()
    assert len(told) == len(NAMES)
    assert all(line.isprintable() for line in told)


@pytest.mark.parametrize("name", NAMES)
def test_an_odd_name_named(here, name):
    """By itself, and refused in one line when it is no picture."""
    ran = run(
        ["pool", Path("odd", name), "-o", "out/", "-q", "--report", "csv"]
        if len(name) < 200
        else ["pool", Path("odd", name), "-o", "out/", "-q", "--no-report"]
    )
    assert (ran.code, ran.err) == (0, "")
    with Image.open(Path("out", name)) as picture:
        assert picture.size == (2, 2)
    Path("odd", name).write_bytes(b"no picture")
    ran = run(["pool", Path("odd", name), "-o", "out2/"])
    assert (ran.code, len(ran.err.splitlines())) == (1, 1)


def test_a_picture_without_an_extension(here):
    """Content says what it is, beside it as in a folder."""
    shutil.copy(SAMPLES / "one.png", "scan")
    assert run(["pool", "scan", "-q", "--no-report"]).code == 0
    assert run(["pool", "scan", "-o", "out/", "-q", "--no-report"]).code == 0
    for path in ("scan.max-k2s2", "out/scan"):
        with Image.open(path) as picture:
            assert (picture.format, picture.size) == ("PNG", (14, 14))
    assert run(["pool", "scan", "-o", "other.foo"]).code == 2


def test_a_recipe_with_an_error_still_points_at_it(here):
    """The caret has a line of its own."""
    ran = run(["stack", "max:2 mxa:2", "odd/%s.png"])
    assert [line.strip() for line in ran.err.splitlines()[1:]] == ["max:2 mxa:2", "^^^^^"]


@pytest.mark.parametrize("columns", ["0", "1", "20", "abc", "-5", "", "1000000"])
def test_any_number_of_columns(here, monkeypatch, columns):
    """A table all the same."""
    monkeypatch.setenv("COLUMNS", columns)
    assert run(["modes"]).out.count(b"\n") > 5
    ran = run(["pool", "odd/%s.png", "-o", "out.png"])
    assert ran.code == 0 and ran.err.count("\n") > 3


@pytest.mark.parametrize("template", ["{stem.png", "stem}-{ext}.png", "{stem}}.png"])
def test_a_brace_that_is_left_alone(here, template):
    """Meant as a field, surely: told, nothing written."""
    ran = run(["pool", "odd/%s.png", "-o", template])
    assert (ran.code, "brace without its partner" in ran.err) == (2, True)


NUMBERS = {
    ("--jobs", "100000"): 2,
    ("--jobs", "9" * 5000): 2,
    ("--jobs", "0x2"): 2,
    ("--threads-per-image", "100000"): 2,
    ("--timeout", "inf"): 0,
    ("--timeout", "1e18"): 0,
    ("--timeout", "nan"): 2,
    ("--memory", "1"): 0,
    ("--memory", "9" * 5000): 2,
    ("--frame", "9" * 5000): 2,
    ("--max-pixels", "9" * 5000): 2,
    ("--k", "9" * 5000): 2,
    ("--shift", "9" * 5000 + ",1"): 2,
}


@pytest.mark.parametrize(
    ("words", "code"), NUMBERS.items(), ids=lambda value: " ".join(value)[:30] if isinstance(value, tuple) else None
)
def test_numbers_that_nobody_means(here, words, code):
    """Done, or told in a sentence."""
    ran = run(["pool", "odd/%s.png", "odd/~.png", "-o", "out", *words])
    assert (ran.code, "Traceback" in ran.err) == (code, False), ran.err


def test_lists_that_cannot_be_read(here):
    """A sentence about the list."""
    done = shell("poolcli pool --files-from - -o out <&-")
    assert (done.returncode, b"the list of names cannot be read" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("alias", ["a.png", "./odd/../a.png", "link.png", "hard.png"])
def test_a_report_never_replaces_a_picture_it_is_about(here, alias):
    """Under no name of it, whatever --overwrite says; nor the list of names."""
    shutil.copy(SAMPLES / "four.png", "a.png")
    Path("link.png").symlink_to("a.png")
    os.link("a.png", "hard.png")
    ran = run(["diff", "odd/~.png", "a.png", "-o", alias, "--overwrite"])
    assert (ran.code, "is the input 'a.png'" in ran.err) == (2, True), ran
    Path("names.csv").write_text("a.png\n")
    ran = run(["compare", "--files-from", "names.csv", "-o", "names.csv", "--overwrite"])
    assert (ran.code, "is the list 'names.csv'" in ran.err) == (2, True), ran
    assert Path("names.csv").read_text() == "a.png\n"
    assert Path("a.png").read_bytes() == (SAMPLES / "four.png").read_bytes()


def test_names_with_a_nul(here):
    """Only lists and URLs can hold them."""
    Path("names").write_bytes(b"odd/~.png\0odd/%s.png\0")
    ran = run(["pool", "--files-from", "names", "-o", "out"])
    assert (ran.code, "say -0" in ran.err) == (2, True), ran
    assert run(["pool", "--files-from", "names", "-0", "-o", "out", "-q"]).code == 0
    ran = run(["pool", "file:///a%00.png", "-o", "out"])
    assert (ran.code, "holds %00" in ran.err) == (2, True), ran
