"""The page of a report in a real browser: nothing is loaded, nothing goes wrong, everything can be used."""

import subprocess
import sys
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import poolcli
from poolcli.batch.job import run_image
from poolcli.batch.settings import Settings
from poolcli.images.frame import Frame
from poolcli.recipe import parse_recipe
from poolcli.reports import Job, Outcome, forms, page
from poolcli.reports.entries import Sheet, entries_of
from poolcli.reports.interactive import view_of
from poolcli.visualize import LONG_PAGE, PAGE
from tests.images import assert_same
from tests.test_views import THE_ONE, looks

HOSTILE = '"><img src=x onerror=alert(1)>.png'
VALUES = """return [...document.querySelector("table.index").tBodies].filter((b) => !b.hidden)
  .map((body) => body.rows[0].cells[arguments[0]].dataset.value);"""


def pixels(png):
    """A screenshot as an array."""
    with Image.open(BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def colours(png):
    """How many there are in a screenshot: a blank one has one."""
    with Image.open(BytesIO(png)) as image:
        return len(image.convert("RGB").getcolors(1 << 24))


def assert_quiet(browser, path):
    """Nothing on the console, no request but for the page itself, a picture of it that is not blank."""
    assert browser.logs("browser") == []
    assert browser.requests() == [Path(path).absolute().as_uri()]
    browser.wait(lambda: colours(browser.screenshot()) > 30)  # it may not be painted yet


@pytest.fixture
def one(samples, command):
    """The page of the "1"."""
    assert command("pool", "samples/one.png", *THE_ONE, "-o", "out/one.png", "--report", "html", "-q").code == 0
    return Path("out/one.shift.html")


@pytest.fixture
def index(samples, command):
    """The page of all samples, a file that is broken, and one with a name to be afraid of."""
    (samples / HOSTILE).write_bytes((samples / "one.png").read_bytes())
    (samples / f"broken {HOSTILE}").write_bytes(b"no picture")
    shifts = ("--shift", "-1,0", "--shift", "1,2")
    assert command("pool", "samples", "-o", "out", *shifts, "--report", "html", "-q").code == 1
    return Path("out/shift-report.html")


@pytest.mark.parametrize(("size", "scheme"), [((1200, 900), "light"), ((390, 844), "dark")])
def test_the_figure_of_the_beginning_is_there_to_see(browser, one, size, scheme):
    """38 marked pixels, after three layers 12, in light and dark, on a desk and on a phone."""
    browser.open(one, size=size, scheme=scheme)
    assert_quiet(browser, one)
    counts = browser.run("return [...document.querySelectorAll('.counts')].map((each) => each.textContent)")
    assert counts[0] == "38 of 784 pixels change (4.8 %)"
    assert counts[3:] == ["12 of 196 pixels change (6.1 %)"]
    background = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (int(background.removeprefix("rgb(").split(",")[0]) < 128) == (scheme == "dark")
    assert browser.run("return document.documentElement.scrollWidth") <= size[0]


def test_the_swipe_uncovers_the_moved_picture(browser, samples, command):
    """With the keyboard, from nothing to all of it: then the stage looks as the moved picture does."""
    assert command("pool", "samples/photo.jpg", "-o", "out/photo.jpg", "--report", "html", "-q").code == 0
    browser.open("out/photo.shift.html")
    browser.run("document.querySelector('.look').scrollIntoView()")
    before = pixels(browser.screenshot())
    slider = browser.call("element", {"using": "css selector", "value": ".look input[type=range]"})
    key = f"element/{next(iter(slider.values()))}/value"
    browser.call(key, {"text": "\ue010"})  # End
    assert browser.run("return document.querySelector('.look').style.getPropertyValue('--swipe')") == "100%"
    assert browser.run("return getComputedStyle(document.querySelector('.swipe')).clipPath") == "inset(0px 0% 0px 0px)"
    assert not np.array_equal(before, pixels(browser.screenshot()))
    browser.call(key, {"text": "\ue011"})  # Home
    assert browser.run("return document.querySelector('.look').style.getPropertyValue('--swipe')") == "0%"


def test_blinking_and_marks_can_be_switched(browser, index):
    """The button says that it is pressed; the marks go without JavaScript."""
    browser.open(index)
    browser.run("for (const each of document.querySelectorAll('table.index details')) each.open = true")
    browser.wait("return document.querySelectorAll('.six .swipe').length >= 18 && document.querySelector('.marks')")
    browser.run("document.querySelector('.look:has(.marks) button.blink').click()")
    assert browser.run("return document.querySelector('.look:has(.marks) button.blink').ariaPressed") == "true"
    assert browser.run("return getComputedStyle(document.querySelector('.blinking .swipe')).animationName") == "blink"
    shown = "return getComputedStyle(document.querySelector('.marks')).display"
    assert browser.run(shown) != "none"
    browser.run("document.querySelector('.marks-on').click()")
    assert browser.run(shown) == "none"


def test_the_table_sorts_and_finds(browser, index):
    """Worst first; by any column both ways; by name; only what is searched for."""
    browser.open(index)
    assert_quiet(browser, index)
    residual = [float(value) for value in browser.run(VALUES, 6)]
    assert residual == sorted(residual, reverse=True) and len(residual) == 9
    for order in (True, False):
        browser.run("document.querySelectorAll('table.index th button')[4].click()")
        gain = [float(value) for value in browser.run(VALUES, 5) if value]
        assert gain == sorted(gain, reverse=order)
    browser.run("document.querySelector('table.index th button').click()")
    names = browser.run(VALUES, 1)
    assert names == sorted(names) != []
    browser.run(
        "const s = document.querySelector('.search input'); s.value = 'PHOTO'; s.dispatchEvent(new Event('input'))"
    )
    assert browser.run(VALUES, 1) == ["samples/photo.jpg"]


def test_a_hostile_name_is_only_a_name(browser, index):
    """Neither in the table nor among the failures does it become markup."""
    browser.open(index)
    assert browser.run("return document.querySelectorAll('img[src=x], [onerror]').length") == 0
    assert f"samples/{HOSTILE}" in browser.run(VALUES, 1)
    assert f"broken {HOSTILE}" in browser.run("return document.querySelector('.failed li').textContent")


def test_the_details_open_by_keyboard(browser, index):
    """A summary is a button; what it opens is laid out only then."""
    browser.open(index)
    summary = browser.call("element", {"using": "css selector", "value": "table.index summary"})
    browser.call(f"element/{next(iter(summary.values()))}/value", {"text": "\ue007"})
    opened = "return [...document.querySelectorAll('table.index details')].map((d) => d.open)"
    assert browser.run(opened)[:2] == [True, False]
    browser.wait("return document.querySelectorAll('.six .swipe').length > 0")


def test_the_policy_lets_nothing_out(browser, one):
    """Even if something got in: no script, no style, no request."""
    browser.open(one)
    script = """
      const done = arguments[arguments.length - 1];
      fetch("https://example.invalid/").then(() => done("sent"), () => done("blocked"));"""
    assert browser.call("execute/async", {"script": script, "args": []}) == "blocked"
    browser.run(
        "const s = document.createElement('script'); s.textContent = 'window.evil = 1'; document.body.append(s)"
    )
    assert browser.run("return window.evil") is None
    said = [entry["message"] for entry in browser.logs("browser")]
    assert len(said) >= 2 and all("Content Security Policy" in message for message in said)


def test_it_works_without_javascript(browser, one):
    """The pictures are there, what needs a script is not shown."""

    def roles():
        tree = browser.devtools("Accessibility.getFullAXTree")["nodes"]
        return [node["role"]["value"] for node in tree if not node["ignored"]]

    browser.open(one, script=False)
    browser.wait(lambda: colours(browser.screenshot()) > 30)
    browser.wait(lambda: roles().count("image") >= 6)
    assert "slider" not in roles()
    browser.open(one)
    browser.wait(lambda: "slider" in roles())


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        """Remember it."""
        self.found.append((tag, dict(attributes)))


def test_everything_is_in_the_file_and_has_words(index):
    """No address but data URIs and places of the page; every picture has an alternative; no inline style or handler."""
    text = index.read_text("utf-8")
    tags = Tags(text).found
    addresses = [values[name] for _, values in tags for name in ("src", "href") if name in values]
    assert len(addresses) > 40
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert all("alt" in values for tag, values in tags if tag == "img")
    assert not [name for _, values in tags for name in values if name == "style" or name.startswith("on")]
    assert text.count('<td class="thumb"><img src="data:image/') == text.count('<td class="name"') == 9
    assert "url(" not in text.replace("url(#heat)", "")


def test_a_page_keeps_within_its_bounds(samples):
    """Where pictures would make it too large the worst come first, and the page says what it leaves out."""
    settings = Settings(parse_recipe("max:2"), views=forms.view_sizes(["html"], pictures=8))
    sources = [path for path in sorted(Path("samples").iterdir()) if path.suffix in (".png", ".jpg", ".gif", ".npy")]
    with page.write_page(Path("page.html"), most_bytes=20_000, most_rows=6) as add:
        for source in sources:
            add(run_image(settings, Job(source, Path(source.name), str(source), source.name)))
    text = Path("page.html").read_text("utf-8")
    assert len(text) < 60_000
    assert text.count('class="thumb"><') == 6
    shown = text.count("<details><summary>See")
    assert 0 < shown < 6 and f"Only the first {shown} show their pictures" in text
    assert "The 2 that keep least of the change are not listed." in text


def test_without_jinja2_the_way_to_get_it_is_told(samples, command, monkeypatch):
    """Before any work."""
    monkeypatch.setattr(forms, "find_spec", lambda name: None)
    ran = command("pool", "samples/one.png", "-o", "out/one.png", "--report", "html")
    assert (ran.code, Path("out").exists()) == (2, False)
    assert "pip install jinja2" in ran.err


def test_what_waits_for_a_script_is_there_without_one(browser, index):
    """Rows of the table hold their pictures as text until they are opened, but as elements where scripts are off."""

    def count(selector):
        return len(browser.call("elements", {"using": "css selector", "value": selector}))

    browser.open(index, script=False)
    assert (count("table.index details .six") >= 9, count("table.index .tile img") >= 54) == (True, True)
    browser.open(index)
    assert count("table.index details .six") == 0


def test_pictures_are_sorted_into_sheets_by_verdict(browser, index):
    """Every picture is in one, with its thumbnail, as often as the table says its verdict."""
    browser.open(index)
    tags = browser.run("return [...document.querySelectorAll('.index .tag')].map((each) => each.textContent)")
    heads = browser.run(
        "return [...document.querySelectorAll('[aria-labelledby=verdicts] h3')].map((e) => e.innerText)"
    )
    assert sorted(heads) == sorted(
        f"{word} {tags.count(word)} picture{'s' * (tags.count(word) != 1)}" for word in dict.fromkeys(tags)
    )
    shown = browser.run("return [...document.querySelectorAll('.sheet img')].map((each) => each.alt)")
    assert sorted(shown) == sorted(browser.run(VALUES, 1))


def test_a_sheet_holds_few_thumbnails():
    """Of many pictures those with the largest residual."""
    sheet = Sheet("less sensitive")
    for number in range(40):
        row = SimpleNamespace(residual=number / 100)
        sheet.add(SimpleNamespace(thumbnail=b"x", name=f"{number}", row=row))
    assert (sheet.count, [name for _, name, _ in sheet.shown]) == (40, [f"{n}" for n in range(39, 23, -1)])


def test_a_crop_says_that_it_is_one(samples):
    """Also where the whole picture is not shown: it has neither the size nor the counts of all."""
    with Image.open(samples / "colour.png") as stored:
        frame = Frame(np.asarray(stored), "RGB")
    report = poolcli.shift_report("max:2", frame.pixels)
    for sizes, crops in ((LONG_PAGE, [True]), (PAGE, [False]), (replace(PAGE, part=16, whole_up_to=16), [False, True])):
        (seen,) = looks("max:2", frame, (-1, 0), "replicate", (sizes,))
        job = Job(Path("a.png"), Path("b.png"), "a.png", "b.png")
        (entry,) = entries_of(Outcome(job, (report,), views={"html": (seen,)}), "html")
        captions = [[tile.caption for tile in panel.tiles] for panel in entry.panels]
        assert [lines[1].startswith("A crop of ") for lines in captions] == crops, captions
        assert [any("pixels change" in line for line in lines) for lines in captions] == [not crop for crop in crops]
        assert [panel.place.startswith("Pixels ") for panel in entry.panels] == crops


def test_under_crop_sizes_are_said_to_be_those_of_the_files(samples, command):
    """Of which what both pictures have is shown and counted."""
    words = ("pool", samples / "colour.png", samples / "deep.png", "-o", "out", "--report", "html", "--overwrite")
    for edge, caption in (("crop", ">What both have of 30 x 23 pixels<"), ("wrap", ">30 x 23 pixels<")):
        assert command(*words, "--shift", "4,0", "--shift-edge", edge).code == 0
        assert caption in Path("out/shift-report.html").read_text(), edge


@pytest.mark.slow
def test_two_thousand_pictures(browser, samples, tmp_path):
    """The page stays below 30 MB and opens within 3 seconds, and the run needs no more memory than for 200."""
    with Image.open(samples / "photo.jpg") as stored:
        photo = stored.convert("RGB")
    peaks = []
    for number in (200, 2000):
        folder = tmp_path / str(number)
        folder.mkdir()
        for index in range(number):
            x, y = index * 7 % 180, index * 13 % 200
            photo.crop((x, y, x + 100, y + 120 - index % 40)).save(folder / f"{index}.jpg", quality=90)
        run = [sys.executable, "-c", PEAK, "pool", folder, "-o", f"{folder}-out", "--report", "html", "-q"]
        peaks.append(int(subprocess.run(run, check=True, capture_output=True, text=True).stdout.split()[-1]))
    assert peaks[1] < 1.25 * peaks[0], peaks
    page = tmp_path / "2000-out" / "shift-report.html"
    assert page.stat().st_size < 30e6
    opened = []
    for _ in range(3):  # the best of three: other work on the machine is not the page's fault
        browser.open(page)
        opened.append(browser.run("return performance.getEntriesByType('navigation')[0].loadEventEnd"))
    assert_quiet(browser, page)
    assert 0 < min(opened) < 3000
    assert len(browser.run(VALUES, 1)) == 2000


PEAK = """
import resource, sys
from poolcli.cli.app import main
code = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(code)"""


@pytest.mark.parametrize(
    "text", ["conv:box,edge=9 max:2", "blur:3/2,edge=9", "clip:3,200 max:2", "conv:gauss:1.5 avg:2"]
)
def test_what_the_page_does_not_compute_is_drawn_from_what_the_tool_has_made(text):
    """A number beyond the border, clip, and a kernel that is too large for it."""
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    view = view_of(image, parse_recipe(text))
    assert view["layers"] is None
    still = view["fixed"]["outputs"]["-1,0"][0]
    values = np.frombuffer(b64decode(still["data"]), still["dtype"]).reshape(still["height"], still["width"])
    assert_same(values, poolcli.apply(text, image))
