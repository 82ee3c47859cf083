"""`poolcli show`: the page of a picture, and the built-in story."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

import poolcli
from poolcli.cli.comparison import LANGUAGES
from poolcli.reports.interactive import FOUR, one
from tests.process import POOLCLI, environment
from tests.test_explorer import OUTPUT, TEXTS, assert_quiet
from tests.test_numbers import Stdin

COUNTS = """
  return explorer.mounted.map(({root}) => [...root.querySelectorAll(".counts")].map((each) => each.textContent));"""


@pytest.fixture
def shown(samples, command, browser):
    """Show something, open the page and give the browser."""

    def show(*words, **options):
        assert command("show", *words, "-o", "page.html", "--overwrite").out == "page.html\n"
        browser.open("page.html", **options)
        return browser

    return show


def test_the_one_and_the_four_are_the_samples():
    """The story has no files beside it."""
    folder = Path(__file__).parent.parent / "samples"
    for array, name in ((one(), "one.png"), (np.array(FOUR), "four.png")):
        with Image.open(folder / name) as picture:
            assert np.array_equal(array, np.asarray(picture))


@pytest.mark.parametrize(("size", "scheme"), [((1200, 900), "light"), ((400, 800), "dark")])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_story(shown, language, size, scheme):
    """Six steps; 38 of 784 become 12 of 196, and 4.8 % become 6.1 %; it fits, is quiet and has the language it says."""
    page = shown("--lang", language, size=size, scheme=scheme)
    counts = page.run(COUNTS)
    assert len(counts) == 6
    assert [re.findall(r"\d+", counts[step][place])[:2] for step, place in ((0, 0), (2, -1), (3, -1))] in (
        [["38", "784"], ["12", "196"], ["12", "196"]],
        [["784", "38"], ["196", "12"], ["196", "12"]],
    )
    said = "\n".join(page.run(TEXTS, ".said"))
    assert all(figure in said for figure in ("784", "38", "196", "12", "4.8 %", "6.1 %", "112", "79", "19.5"))
    assert page.run("return document.documentElement.lang") == language
    assert (re.search(r"[가-힣]", page.run("return document.body.innerText")) is not None) == (language == "ko")
    assert page.run("return document.documentElement.scrollWidth") <= size[0]
    assert [each for each in page.run(TEXTS, ".complaint") if each] == []
    assert_quiet(page, "page.html")


def test_the_steps_answer_too(shown):
    """The classic 4 x 4 under max and avg; the next step is a link away."""
    page = shown()
    last = "return Array.from(explorer.mounted[5].result.stages[0].at(-1).values)"
    assert page.run(last) == [20, 30, 112, 37]
    script = """
      const field = explorer.mounted[5].root.querySelector("[name=mode]");
      field.value = "avg";
      field.dispatchEvent(new Event("input", {bubbles: true}));"""
    page.run(script)
    assert page.run(last) == [13, 8, 79, 20]
    assert page.run(TEXTS, ".clip, .command code") == []
    page.run("document.querySelector('.next').click()")
    assert page.run("return location.hash") == "#step-2"


def test_every_word_of_the_controls_is_in_korean(shown):
    """But names of modes, filters and edges."""
    page = shown("--lang", "ko")
    labels = page.run(TEXTS, ".live-controls label > span, .live-controls button, .panel b")
    assert len(labels) > 40
    assert [label for label in labels if not re.search(r"[가-힣]", label)] == []


CASES = [
    (("samples/colour.png",), "max:2"),
    (("samples/one.png", "conv:line-v relu avg:3/2+1"), "conv:line-v relu avg:3/2+1"),
    (("samples/one.png", "--filter", "gauss", "--k", "3", "--mode", "min"), "conv:gauss min:3"),
    (("samples/mask.png", "--mode", "majority"), "majority:2"),
    (("samples/features.npy", "--mode", "median"), "median:2"),
    (("four.csv", "blur:3/2"), "blur:3/2"),
]


@pytest.mark.parametrize(("words", "layers"), CASES, ids=[case[1] for case in CASES])
def test_a_picture_with_layers_or_options(shown, words, layers):
    """The page shows what the function gives, of pictures, palettes, arrays and numbers."""
    Path("four.csv").write_text("\n".join(",".join(map(str, row)) for row in FOUR))
    if words[0].endswith(".csv"):
        image = np.array(FOUR)
    elif words[0].endswith(".npy"):
        image = np.load(words[0])
    else:
        with Image.open(words[0]) as picture:
            image = np.asarray(picture)
    page = shown(*words)
    assert page.run(OUTPUT) == poolcli.apply(layers, image).ravel().tolist()
    assert_quiet(page, "page.html")


def test_integers_as_floats(shown, samples):
    """Of a picture whose format holds none."""
    browser = shown("samples/one.png", "--mode", "avg", "--dtype", "float32")
    with Image.open("samples/one.png") as picture:
        image = np.asarray(picture, np.float32)
    assert browser.run(OUTPUT) == poolcli.pool(image, 2, mode="avg").ravel().tolist()


def test_of_a_large_picture_a_part(shown):
    """At most 128 x 128, where the output changes most, and the page says which."""
    page = shown("samples/photo.jpg", "max:3/2")
    (height, width) = page.run("const p = explorer.mounted[0].picture; return [p.height, p.width]")
    assert (height <= 128, width <= 128, height * width > 100 * 100) == (True, True, True)
    said = page.run("return document.body.innerText")
    place = re.search(r"Pixels (\d+) to (\d+) across and (\d+) to (\d+) down", said)
    left, right, top, bottom = map(int, place.groups())
    with Image.open("samples/photo.jpg") as picture:
        image = np.asarray(ImageOps.exif_transpose(picture))[top : bottom + 1, left : right + 1]
    assert page.run(OUTPUT) == poolcli.apply("max:3/2", image).ravel().tolist()
    assert Path("page.html").stat().st_size < 400_000


def test_numbers_from_stdin_that_try_to_inject(shown, monkeypatch, command):
    """They are refused as what they are, no numbers; sound ones are shown."""
    for text, code in (("1 2 / 3 4", 0), ('1 2 / 3 "></script><img/src=x/onerror=alert(1)>', 1)):
        monkeypatch.setattr(sys, "stdin", Stdin(text.encode()))
        ran = command("show", "-", "max:1", "-o", "typed.html", "--overwrite")
        assert ran.code == code
    assert "is no number" in ran.err
    assert "onerror" not in Path("typed.html").read_text("utf-8")


def test_a_name_that_tries_to_inject(shown):
    """It is text in the title, the heading and the command."""
    name = "a\u2215script><img src=x onerror=alert(1)>.png"
    try:
        Path(name).write_bytes(Path("samples/four.png").read_bytes())
    except OSError:
        pytest.skip("this file system takes no such name")
    page = shown(name)
    assert page.run("return document.querySelectorAll('img').length") == 0
    assert page.run(TEXTS, "h1") == [name]
    assert name in page.run(TEXTS, ".command code")[0]
    assert_quiet(page, "page.html")


REFUSED = [
    (("a.png", "max:2", "--k", "3"), 2, "two ways to say what is shown"),
    (("--mode", "avg"), 2, "the built-in story has its own layers"),
    (("--lang", "fr"), 2, "unknown language 'fr'"),
    (("-o", "page.png"), 2, "'page.png' is no page"),
    (("samples/one.png", "mx:2"), 2, "unknown layer 'mx'"),
    (("samples/four.png", "max:9"), 1, "does not fit a picture of 4x4"),
    (("none.png",), 1, "cannot be opened"),
    (("big.npy",), 1, "cannot be shown"),
    (("samples/one.png", "max:size=200"), 1, "or its outputs are too large"),
]


@pytest.mark.parametrize(("words", "code", "sentence"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_cannot_be_shown(samples, command, words, code, sentence):
    """One sentence, and no page."""
    np.save("big.npy", np.full((4, 4), 2**60))
    ran = command("show", *words)
    assert (ran.code, ran.out) == (code, ""), ran
    assert sentence in ran.err and ran.err.count("\n") <= 3
    assert not list(Path().glob("*.html"))


def test_a_page_is_not_replaced_unasked(samples, command):
    """Nor the input."""
    Path("page.html").write_text("mine")
    ran = command("show", "-o", "page.html")
    assert (ran.code, "exists already" in ran.err, Path("page.html").read_text()) == (2, True, "mine")


@pytest.mark.skipif(sys.platform == "win32", reason="the browser here is a shell script")
@pytest.mark.parametrize(("display", "opens"), [(True, True), (True, False), (False, False)])
def test_the_page_is_opened_where_there_is_a_display(tmp_path, display, opens):
    """By the browser of the environment; elsewhere its path is printed only. It stays in a temporary folder."""
    opener = tmp_path / "browser"
    opener.write_text(f'#!/bin/sh\necho "$1" >>"{tmp_path}/opened"\n' if opens else "#!/bin/sh\nexit 1\n")
    opener.chmod(0o755)
    given = {**environment(), "TMPDIR": str(tmp_path)}
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        given.pop(name, None)
    if display:
        given["BROWSER"] = str(opener)
    done = subprocess.run([*POOLCLI, "show"], env=given, capture_output=True, text=True, check=True)
    page = Path(done.stdout.strip())
    assert page.parent.parent == tmp_path and "What pooling does" in page.read_text("utf-8")
    opened = (tmp_path / "opened").read_text().split() if (tmp_path / "opened").exists() else []
    assert opened == [page.as_uri()] * opens
    sentence = f"poolcli: no browser could be opened: open '{page}' in one\n"
    assert done.stderr == (sentence if display and not opens else "")


@pytest.mark.parametrize(("locale", "language"), [("ko_KR.UTF-8", "ko"), ("de_DE.UTF-8", "en"), ("C", "en")])
def test_the_locale_says_the_language(samples, command, monkeypatch, locale, language):
    """Unless --lang does."""
    for name in ("LC_ALL", "LC_MESSAGES", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", locale)
    assert command("show", "-o", "page.html").code == 0
    assert f'<html lang="{language}">' in Path("page.html").read_text("utf-8")
