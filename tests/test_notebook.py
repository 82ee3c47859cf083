"""What a notebook shows: a report as a table with its verdict, and the interactive page in a frame of its own."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import poolcli
from poolcli.errors import PictureError, UsageError
from poolcli.reports.interactive import one
from poolcli.shift.record import verdict
from tests.images import random_image
from tests.test_explorer import OUTPUT, TEXTS

LAYERS = "conv:line-v relu max:2"


def test_a_report_shows_its_verdict_and_a_row_for_every_shift():
    """The figures of the terminal, as a table that is whole."""
    report = poolcli.shift_report(LAYERS, one(), [(-1, 0), (0, 2)])
    table = ElementTree.fromstring(report._repr_html_())  # every element is closed
    cells = [[cell.text for cell in row.findall("td")] for row in table.iter("tr")][1:]
    assert [row[0] for row in cells] == ["-1,0", "0,2"]
    assert cells[0][1:] == ["38 (4.8 %)", "12 (6.1 %)", "68.4 %", "0.792", "0.615", "0.629"]
    assert f"{report.shifts[0].aligned.residual:.3g}" == "0.629"
    worst = max(report.shifts, key=lambda row: row.residual)
    assert ["".join(line.itertext()) for line in table.iter("p")] == [
        "conv:line-v relu max:2/2: 28x28 -> 14x14",
        verdict(worst),
    ]


def test_a_picture_is_shown_in_a_frame(browser, tmp_path):
    """The page runs inside a notebook: its numbers are the function's, and it reaches nothing of the notebook."""
    image = random_image(5, (20, 30), "float32")
    shown = poolcli.show(image, LAYERS, [(1, 0)], edge="wrap", height=500)
    page = tmp_path / "notebook.html"
    page.write_text(f"<!doctype html><style>b {{ display: none }}</style>{shown._repr_html_()}", "utf-8")
    browser.open(page)
    assert browser.run("return [frames.length, document.querySelector('iframe').offsetHeight]") == [1, 500]
    browser.call("frame", {"id": 0})
    try:
        assert browser.run(OUTPUT) == poolcli.apply(LAYERS, image).ravel().tolist()
        row = poolcli.shift_report(LAYERS, image, [(1, 0)], edge="wrap").shifts[0]
        assert f"changed before {row.raw.changed} of 600" in browser.run(TEXTS, ".figures")[0]
        command = 'poolcli.apply("conv:line-v relu max:2/2", image)'
        assert browser.run(TEXTS, ".command code") == [command]
        with pytest.raises(RuntimeError, match="Blocked a frame"):
            browser.run("return window.parent.document.title")
    finally:
        browser.call("frame/parent")
    assert browser.logs("browser") == []
    assert [url for url in browser.requests() if url != page.as_uri() and not url.startswith("about:")] == []


def test_of_a_large_array_a_part():
    """At most 128 x 128 values are in the page."""
    shown = poolcli.show(random_image(1, (300, 400), "uint8"))
    assert len(shown.html) < 400_000 and "Pixels " in shown.html


REFUSED = [
    (([[1, 2], [3, 4]], "mxa:2"), UsageError, "unknown layer 'mxa'"),
    (([1, 2], "max:1"), UsageError, "H x W or H x W x C"),
    ((np.ma.masked_equal([[1, 2], [3, 4]], 2),), UsageError, "masked"),
    (([[1, 2], [3, 4]], "max:9"), PictureError, "does not fit"),
    ((np.full((4, 4), 2**60),), PictureError, "too large"),
]


@pytest.mark.parametrize(("words", "error", "sentence"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_cannot_be_shown_is_refused(words, error, sentence):
    """As the functions refuse it."""
    with pytest.raises(error, match=sentence):
        poolcli.show(*words)


def test_nothing_is_imported_for_it_before_it_is_asked_for():
    """A report without its table needs no reports; pooling needs no page."""
    script = """
import sys, poolcli
report = poolcli.shift_report("max:2", [[0, 0, 9, 0], [0, 0, 9, 0]])
poolcli.pool([[1, 2], [3, 4]], 2)
late = ("poolcli.reports", "PIL", "jinja2")
before = [name for name in sys.modules if name.startswith(late)]
poolcli.show([[1, 2], [3, 4]])
print(before, "poolcli.reports.interactive" in sys.modules, "jinja2" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[] True False"
