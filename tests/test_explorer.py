"""The page of one picture as somebody uses it: pointing, keys, touch, controls that answer at once."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import poolcli

TEXTS = "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)"
SET = """
  const field = document.querySelector(`[name=${arguments[0]}]`);
  field.value = arguments[1];
  field.dispatchEvent(new Event("input", {bubbles: true}));"""
OUTPUT = "return Array.from(explorer.mounted[0].result.stages[0].at(-1).values)"


def page_of(command, *words, name="page", extension="png"):
    """The page of a picture under `pool`."""
    ran = command("pool", "-o", f"out/{name}.{extension}", "--report", "html", "-q", *words)
    assert ran.code == 0, ran.err
    return Path(f"out/{name}.shift.html")


@pytest.fixture
def four(browser, samples, command):
    """The page of the classic 4 x 4, opened."""
    path = page_of(command, "samples/four.png", "--mode", "max")
    browser.open(path)
    return browser


def texts(browser, selector):
    """What elements say."""
    return browser.run(TEXTS, selector)


def place_of(browser, number, row, column):
    """Where on the screen the cell of a stage lies."""
    script = """
      const [number, row, column] = arguments, panel = explorer.mounted[0].panels[number];
      panel.canvas.scrollIntoView({block: "center"});
      const box = panel.canvas.getBoundingClientRect(), bounds = explorer.mounted[0].bounds;
      const [x, y, w, h] = panel.cell(row, column, box.width / (bounds.right - bounds.left));
      return [Math.round(box.left + x + w / 2), Math.round(box.top + y + h / 2)];"""
    return browser.run(script, number, row, column)


def point(browser, kind, x, y, *, press):
    """Move a mouse there, or touch there."""
    steps = [{"type": "pointerMove", "x": x, "y": y, "duration": 0}]
    if press:
        steps += [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
    source = {"type": "pointer", "id": kind, "parameters": {"pointerType": kind}, "actions": steps}
    browser.call("actions", {"actions": [source]})


def press_key(browser, selector, key):
    """Type into an element."""
    found = browser.call("element", {"using": "css selector", "value": selector})
    browser.call(f"element/{next(iter(found.values()))}/value", {"text": key})


def assert_quiet(browser, path):
    """Nothing on the console and no request."""
    assert browser.logs("browser") == []
    assert browser.requests() == [Path(path).absolute().as_uri()]


def test_pointing_at_an_output_shows_its_window_and_arithmetic(four):
    """By mouse without a click, by a click that stays, by touch, by arrow keys."""
    point(four, "mouse", *place_of(four, 1, 0, 0), press=False)
    assert texts(four, ".words code") == ["max(12, 20, 8, 12) = 20"]
    assert texts(four, ".window td") == ["12", "20", "8", "12"]
    assert texts(four, ".window .kept") == ["20"]
    point(four, "mouse", *place_of(four, 1, 1, 0), press=True)
    point(four, "mouse", *place_of(four, 1, 0, 1), press=False)
    assert texts(four, ".words code") == ["max(34, 70, 112, 100) = 112"]
    point(four, "touch", *place_of(four, 1, 0, 1), press=True)
    assert texts(four, ".words code") == ["max(30, 0, 2, 0) = 30"]
    press_key(four, ".panel:last-child .view", "\ue015")  # down
    assert texts(four, ".words .where") == ["Pooling, row 1, column 1"]
    assert texts(four, ".words code") == ["max(37, 4, 25, 12) = 37"]
    point(four, "mouse", *place_of(four, 0, 2, 1), press=True)
    assert texts(four, ".words") == ["Picture, row 2, column 170"]


WORDS = [
    ("avg", [["mode", "avg"]], "(12 + 20 + 8 + 12) / 4 = 13", "(37 + 4 + 25 + 12) / 4 = 78 / 4 = 19.5 -> 20"),
    ("min", [["mode", "min"]], "min(12, 20, 8, 12) = 8", "min(37, 4, 25, 12) = 4"),
    ("median", [["mode", "median"]], "median(12, 20, 8, 12) = 12",
     "median(37, 4, 25, 12) = (12 + 25) / 2 = 37 / 2 = 18.5 -> 19"),
    ("majority", [["mode", "majority"]], "most frequent of 2 x 12, 1 x 20, 1 x 8 = 12",
     "most frequent of 1 x 37, 1 x 4, 1 x 25, 1 x 12 = 4"),
    ("stride", [["mode", "stride"]], "first of (12, 20, 8, 12) = 12", "first of (37, 4, 25, 12) = 37"),
    ("blur", [["mode", "blur"], ["k", "3"]], "(20 + 2*12 + 20 + 2*12 + 4*8 + 2*12 + 20 + 2*12 + 20) / 16", "/ 16 = "),
    ("padding", [["padding", "1"], ["k", "3"]], "max([ ], [ ], [ ], [ ], 12, 20, [ ], 8, 12) = 20",
     "max(37, 4, [ ], 25, 12, [ ], [ ], [ ], [ ]) = 37"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "first", "last"), [row[1:] for row in WORDS], ids=[row[0] for row in WORDS])
def test_the_arithmetic_in_words(four, settings, first, last):
    """Of every mode; what rounding does; padding that counts and padding that does not."""
    for name, value in settings:
        four.run(SET, name, value)
    words = [
        four.run(f"explorer.mounted[0].select({{stage: 1, row: {at}, column: {at}}}, true);" + TEXTS, ".words code")[0]
        for at in (0, 1)
    ]
    if settings[0][1] == "blur":
        assert (words[0].split(" = ")[0], last in words[1]) != (first, False)
    else:
        assert (words[0].endswith(first), words[1].endswith(last)) == (True, True), words


def test_controls_answer_with_the_numbers_of_the_tool(browser, samples, command):
    """Filter, mode, window, stride, padding, shift: pictures and figures follow, and the recipe is one click away."""
    path = page_of(command, "samples/one.png", "--filter", "line-v", "--activation", "relu")
    browser.open(path)
    with Image.open("samples/one.png") as picture:
        image = np.asarray(picture)
    for name, value in (("filter", "gauss"), ("activation", "none"), ("mode", "avg"), ("k", "3"), ("padding", "1")):
        browser.run(SET, name, value)
    assert texts(browser, ".command code") == ['poolcli stack "conv:gauss avg:3/3+1" samples/one.png']
    assert browser.run(OUTPUT) == poolcli.apply("conv:gauss avg:3/3+1", image).ravel().tolist()
    for name, value in (("dx", "2"), ("dy", "-1"), ("shiftEdge", "wrap")):
        browser.run(SET, name, value)
    row = poolcli.shift_report("conv:gauss avg:3/3+1", image, [(2, -1)], edge="wrap").shifts[0]
    said = texts(browser, ".figures")[0]
    assert f"changed before {row.raw.changed} of 784" in said
    assert f"changed after {row.pooled.changed} of 100" in said
    browser.run("document.querySelector('.own').click()")
    assert browser.run(OUTPUT) == poolcli.apply("conv:line-v relu max:2", image).ravel().tolist()
    assert browser.run("return document.querySelector('.own').hidden") is True
    assert_quiet(browser, path)


SAME = {  # what page is made of, what is set on it, and the command that it says
    "ties": (["labels.png", "--mode", "majority", "--ties", "first"], {}, '"majority:2/2,ties=first"'),
    "another mode": (["labels.png", "--mode", "majority", "--per-channel"], {"mode": "max"}, '"max:2/2"'),
    "labels": (["labels.png", "--labels"], {"mode": "avg"}, '"avg:2/2" --labels'),
    "a palette": (["palette.png", "--mode", "majority"], {"mode": "stride", "s": "3"}, '"stride:2/3"'),
    "a vote": (["labels.png"], {"mode": "majority"}, '"majority:2/2"'),
    "a name": (["-.png", "--mode", "avg"], {}, '"avg:2/2" --'),
    "colour": (["clear.png", "--mode", "avg", "--linear", "--premultiply"], {}, '"avg:2/2" --linear --premultiply'),
    "floats": (["labels.png", "--mode", "avg", "--dtype", "float32"], {}, '"avg:2/2" --dtype float32 --format npy'),
    "a share": (["labels.png", "--mode", "fraction", "--of", "1"], {}, '"fraction:2/2,of=1" --format npy'),
    "a kernel's file": (["labels.png", "--filter", "my kernel.txt"], {}, "'conv:@\"my kernel.txt\" max:2/2'"),
    "shift": (
        ["labels.png", "--shift", "2,1", "--shift-edge", "wrap", "--tolerance", "2"],
        {},
        '"max:2/2" --shift=2,1 --shift-edge wrap --tolerance 2',
    ),
    "chosen shift": (
        ["labels.png"],
        {"dx": "0", "dy": "-3", "shiftEdge": "zero"},
        '"max:2/2" --shift=0,-3 --shift-edge zero',
    ),
    "ignored": (["labels.png", "--ignore", "99"], {}, '"max:2/2" --ignore 99'),
}


@pytest.mark.parametrize(("words", "settings", "said"), SAME.values(), ids=SAME)
def test_the_command_of_a_page_does_what_it_shows(browser, tmp_path, monkeypatch, command, words, settings, said):
    """The same outputs and the same residual, whatever was given when the page was made."""
    monkeypatch.chdir(tmp_path)
    Path("my kernel.txt").write_text("0 1 0\n1 2 1\n0 1 0\n")
    random = np.random.default_rng(4)
    Image.fromarray(random.integers(0, 4, (12, 10), np.uint8)).save("labels.png")
    Image.fromarray(random.integers(0, 256, (12, 10, 4), np.uint8)).save("clear.png")
    shutil.copy("labels.png", "-.png")
    Image.open("clear.png").convert("RGB").quantize(5).save("palette.png")
    browser.open(page_of(command, *words[1:], "--", words[0], extension="tif" if "npy" in said else "png"))
    for name, value in settings.items():
        browser.run(SET, name, value)
    (text,) = texts(browser, ".command code")
    assert text == f"poolcli stack {said} {words[0]}"
    again = command(*shlex.split(text.replace("stack", "stack -o again/ --json"))[1:])
    assert again.code == 0, again.err
    report = json.loads(again.out)
    path = Path(report["output"])
    output = np.load(path) if path.suffix == ".npy" else np.asarray(Image.open(path))
    assert np.array_equal(browser.run(OUTPUT), output.ravel().tolist())
    row, result = report["report"]["shifts"][0], "return explorer.mounted[0].result"
    for side in ("raw", "pooled"):
        assert browser.run(f"{result}.{side}.changed") == row[side]["changed"]
    residual = browser.run(f"{result}.residual")
    by_the_tool = "--linear" in said or "fraction" in said  # of whose outputs a page knows no contrast
    assert residual is None if by_the_tool else residual == pytest.approx(row["residual"], rel=1e-12)


def test_two_given_pictures_have_no_command(browser, samples, command):
    """Which would need one picture."""
    shutil.copy("samples/one.png", "other.png")
    assert command("diff", "samples/one.png", "other.png", "-o", "diff.html").code == 0
    browser.open("diff.html")
    assert texts(browser, ".command code") == [""]


@pytest.mark.parametrize("size", [(28, 28), (300, 40)], ids=["whole", "part"])
def test_a_page_crops_once(browser, tmp_path, monkeypatch, command, size):
    """The counts of the table, where the page holds all of the picture."""
    monkeypatch.chdir(tmp_path)
    image = np.random.default_rng(1).integers(0, 3, size, np.uint8)
    Image.fromarray(image).save("in.png")
    browser.open(page_of(command, "in.png", "--shift", "2,-1", "--shift", "-3,0", "--shift-edge", "crop"))
    shifts = [(2, -1), (-3, 0)]
    rows = poolcli.shift_report("max:2", image, shifts, edge="crop").shifts
    held = browser.run("return [explorer.mounted[0].picture.height, explorer.mounted[0].picture.width]")
    assert (held == list(size)) == (size == (28, 28))
    for number, row in enumerate(rows):
        browser.run("document.querySelectorAll('[data-dx]')[arguments[0]].click()", number)
        pixels = [browser.run(f"return explorer.mounted[0].result.{side}.pixels") for side in ("raw", "pooled")]
        if size == (28, 28):
            assert pixels == [row.raw.pixels, row.pooled.pixels]
            assert browser.run("return explorer.mounted[0].result.residual") == pytest.approx(row.residual, rel=1e-12)
        else:
            dx, dy = map(abs, shifts[number])
            assert pixels[0] == (held[0] - dy) * (held[1] - dx)


def test_a_palette_is_pooled_by_what_keeps_its_numbers(browser, samples, command):
    """An average of them means nothing, and the tool takes one of the colours."""
    browser.open(page_of(command, "samples/mask.png", "--mode", "majority"))
    assert texts(browser, "[name=mode] option") == ["majority", "stride"]
    assert texts(browser, "[name=filter]") == []


def test_a_change_that_grows_is_said(browser, tmp_path, monkeypatch, command):
    """In per cent of what it was."""
    monkeypatch.chdir(tmp_path)
    Path("n.csv").write_text("9 0 0 5\n0 0 0 0\n0 7 0 0\n0 0 0 1\n")
    assert command("show", "n.csv", "stride:2", "-o", "n.html").code == 0
    browser.open("n.html")
    assert "residual 1.81 (the change has grown to 181." in texts(browser, ".figures")[0]


def test_a_window_that_does_not_fit_is_said(four):
    """The page keeps what it showed."""
    four.run(SET, "k", "9")
    assert texts(four, ".complaint") == ["A window of 9 x 9 does not fit a picture of 4 x 4"]
    assert four.run(OUTPUT) == [20, 30, 112, 37]
    four.run(SET, "k", "2")
    assert four.run("return document.querySelector('.complaint').hidden") is True


def test_a_row_of_the_table_selects_its_shift(browser, samples, command):
    """The pictures and counts of that shift, as the report counts them."""
    shifts = ("--shift", "-1,0", "--shift", "3,2")
    browser.open(page_of(command, "samples/one.png", *shifts))
    for button, expected in ((1, None), (0, 38)):
        browser.run("document.querySelectorAll('[data-dx]')[arguments[0]].click()", button)
        pressed = browser.run("return [...document.querySelectorAll('[data-dx]')].map((each) => each.ariaPressed)")
        assert pressed[button] == "true" and pressed.count("true") == 1
        row = browser.run(
            "return document.querySelectorAll('[data-dx]')[arguments[0]].closest('tr').cells[1].textContent", button
        )
        count = texts(browser, ".counts")[0].split()[0]
        assert row.split()[0] == count and (expected is None or count == str(expected))


def test_outputs_lie_where_their_windows_have_their_centres(browser, samples, command):
    """With window 3 and stride 1 the first output stands over pixel (1, 1), not over (0, 0)."""
    browser.open(page_of(command, "samples/one.png", "--k", "3", "--s", "1"))
    assert browser.run("return explorer.mounted[0].panels[1].cell(0, 0, 1)") == [1, 1, 1, 1]
    browser.run(SET, "s", "2")
    assert browser.run("return explorer.mounted[0].panels[1].cell(0, 0, 1)") == [0.5, 0.5, 2, 2]


def test_what_the_file_clips_is_shown(browser, samples, command):
    """765 is written as 255, and the scale says how many are."""
    browser.open(page_of(command, "samples/one.png", "--filter", "line-v", "--activation", "relu"))
    browser.run("explorer.mounted[0].select({stage: 3, row: 5, column: 7}, true)")
    assert texts(browser, ".words code")[0].endswith("= 765, in the file 255 (clipped)")
    clipped = int((poolcli.apply("conv:line-v relu max:2", np.asarray(Image.open("samples/one.png"))) > 255).sum())
    assert texts(browser, ".clip") == [f" {clipped} clipped in the file"]


def test_a_recipe_that_only_the_tool_computes(browser, samples, command):
    """Its outputs are in the page, for every shift; other modes can be tried."""
    path = page_of(command, "samples/colour.png", "--mode", "lp", "--p", "3", "--shift", "1,0", "--shift", "0,2")
    browser.open(path)
    with Image.open("samples/colour.png") as picture:
        image = np.asarray(picture)
    assert browser.run(OUTPUT) == poolcli.pool(image, 2, mode="lp", p=3).ravel().tolist()
    assert browser.run("return document.querySelector('[name=mode]').selectedOptions[0].textContent") == "of this page"
    browser.run("document.querySelectorAll('[data-dx]')[1].click()")
    report = poolcli.shift_report("lp:2,p=3", image, [(0, 2)]).shifts[0]
    assert texts(browser, ".counts")[1].startswith(f"{report.pooled.changed} of {report.pooled.pixels} ")
    browser.run(SET, "mode", "max")
    assert browser.run(OUTPUT) == poolcli.pool(image, 2).ravel().tolist()
    browser.run("document.querySelector('.own').click()")
    assert browser.run(OUTPUT) == poolcli.pool(image, 2, mode="lp", p=3).ravel().tolist()
    assert_quiet(browser, path)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(browser, samples, command, scheme):
    """400 pixels wide, nothing sticks out; every control has a name."""
    path = page_of(command, "samples/photo.jpg", "--filter", "gauss", "--k", "3", "--s", "2", "--padding", "1")
    browser.open(path, size=(400, 800), scheme=scheme)
    assert browser.run("return document.documentElement.scrollWidth") <= 400
    assert path.stat().st_size < 400_000
    roles = {"combobox", "spinbutton", "slider", "checkbox", "button", "image"}

    def names():
        nodes = [node for node in browser.devtools("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
        return [node.get("name", {}).get("value") for node in nodes if node["role"]["value"] in roles]

    browser.wait(lambda: len(names()) > 12)
    assert all(names())
    assert_quiet(browser, path)


CHANGES = {"dx": ["1", "2", "3"], "k": ["2", "3", "4"], "mode": ["max", "avg", "min", "median", "blur"]}
TAKEN = """
  const [name, values] = arguments, field = document.querySelector(`[name=${name}]`), taken = {};
  for (let round = 0; round < 8; round++) for (const value of values) {
    field.value = value;
    const start = performance.now();
    field.dispatchEvent(new Event("input", {bubbles: true}));
    document.body.offsetHeight;
    taken[value] = Math.min(taken[value] ?? Infinity, performance.now() - start);
  }
  return taken;"""


@pytest.mark.slow  # a busy machine answers late
@pytest.mark.parametrize("shape", [(128, 128), (128, 128, 3)], ids=["gray", "colour"])
def test_a_change_is_answered_at_once(browser, samples, command, shape):
    """128 x 128 pixels: the best of some changes takes less than 50 ms, drawing and layout included."""
    Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)).save("noise.png")
    path = page_of(command, "noise.png", "--filter", "gauss")
    assert path.stat().st_size < 400_000
    browser.open(path)
    for name, values in CHANGES.items():
        taken = browser.run(TAKEN, name, values)
        assert {value: ms for value, ms in taken.items() if ms >= 50} == {}, name


def test_values_cannot_leave_their_script(browser, samples, command):
    """A name that ends a script, and one that would be a handler: text in the command and in the heading."""
    name = "x</script><img src=x onerror=alert(1)>'$(id).png"
    try:
        Path(name.replace("/", "\N{DIVISION SLASH}")).write_bytes(Path("samples/one.png").read_bytes())
    except OSError:
        pytest.skip("this file system takes no such name")
    path = page_of(command, name.replace("/", "\N{DIVISION SLASH}"))
    browser.open(path)
    assert browser.run("return document.querySelectorAll('img[src=x], [onerror]').length") == 0
    assert "onerror=alert(1)" in texts(browser, ".command code")[0]
    assert json.dumps(texts(browser, "h1")).count("onerror") == 1
    assert_quiet(browser, path)


def test_the_page_counts_with_the_tolerance_of_its_report(browser, samples, command):
    """Differences up to it are no change, neither in the table nor in the live figures."""
    path = page_of(command, "samples/photo.jpg", "--tolerance", "9", "--json")
    browser.open(path)
    assert browser.run("return explorer.mounted[0].shift.tolerance") == 9
    still, moved = browser.run("return explorer.mounted[0].result.stages.map((each) => Array.from(each[0].values))")
    far = (np.abs(np.subtract(still, moved)) > 9).reshape(-1, 3).any(axis=1).sum()
    assert texts(browser, ".counts")[0].split()[0] == f"{far:,}"


HEAVY = {
    "transparent": ((300, 300, 4), "png", ["--k", "1"]),
    "lp": ((300, 300, 3), "png", ["--mode", "lp", "--k", "2", "--s", "1"]),
    "floats": ((300, 300, 3), "npy", ["--mode", "soft", "--k", "2", "--s", "1"]),
    "small": ((128, 128, 3), "png", ["--filter", "gauss"]),
}


@pytest.mark.parametrize(("shape", "kind", "words"), HEAVY.values(), ids=HEAVY)
def test_a_page_is_at_most_400_kilobytes(samples, command, shape, kind, words):
    """Of noise, which nothing makes small: values, outputs, pictures and scripts together."""
    rng = np.random.default_rng(3)
    if kind == "npy":
        np.save("noise.npy", rng.random(shape))
    else:
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save("noise.png")
    ran = command("pool", f"noise.{kind}", "-o", f"out/page.{kind}", "--report", "html", "-q", *words)
    assert ran.code == 0, ran.err
    page = Path("out/page.shift.html")
    assert page.stat().st_size <= 400_000
    assert "data-view" in page.read_text("utf-8")


def test_the_page_of_two_given_pictures_is_no_larger(samples, command):
    """Its values are there twice."""
    for name in ("one", "two"):
        pixels = np.random.default_rng(len(name)).integers(0, 256, (300, 300, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(f"{name}.png")
    assert command("diff", "one.png", "two.png", "-o", "two.html").code == 0
    assert Path("two.html").stat().st_size <= 400_000
    assert "data-view" in Path("two.html").read_text("utf-8")
