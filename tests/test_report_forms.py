"""The forms of a report: several at once, streamed, and what stands in the table of CSV."""

import csv
import json
import os
import re
import subprocess
import sys
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from poolcli.errors import escaped
from poolcli.images.sheet import _fitted, font
from poolcli.reports import forms
from poolcli.reports.entries import WIDTH, Line, plots
from poolcli.reports.forms import columns
from tests.images import random_image

SHIFTS = ("--shift", "-1,0", "--shift", "1,2")


def names(folder):
    """What lies in a folder, but the journal of a run."""
    return sorted(path.name for path in Path(folder).iterdir() if path.name != ".poolcli-journal.jsonl")


def value_at(report, row, column):
    """The JSON value that a column of the table stands for."""
    if column.startswith(("input.", "output.")):
        side, name = column.split(".")
        size = {"width": 0, "height": 1}
        return report[side]["size"][size[name]] if name in size else report[side][name]
    value = report if column == "layers" else row
    for name in column.split("."):
        value = None if value is None else value[name]
    return value


def test_csv_holds_every_figure_of_the_json(samples, command):
    """A row a shift; an empty cell where JSON has null; numbers to the last digit."""
    forms = ("--report", "csv", "--report", "jsonl")
    assert command("pool", samples, "-o", "out", *SHIFTS, *forms, "--filter", "gauss").code == 0
    reports = [json.loads(line) for line in Path("out/shift-report.jsonl").read_text("utf-8").splitlines()]
    with Path("out/shift-report.csv").open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert list(table[0]) == list(columns())
    pairs = [(report, row) for report in reports for row in report["shifts"]]
    assert len(pairs) == len(table) == 2 * len(reports) > 10
    for (report, row), cells in zip(pairs, table, strict=True):
        for column, cell in cells.items():
            value = value_at(report, row, column)
            assert cell == ("" if value is None else str(value)), column
    assert {name for name, cell in table[0].items() if not cell} < set(columns())


def test_one_picture_has_every_form_beside_it(samples, command):
    """Named as the output is."""
    wanted = ("--report", "json", "--report", "csv", "--report", "jsonl", "--report", "csv")
    assert command("pool", samples / "one.png", "-o", "out/a.png", *wanted).code == 0
    assert names("out") == ["a.png", "a.shift.csv", "a.shift.json", "a.shift.jsonl"]
    assert command("pool", samples / "one.png", samples / "four.png", "-o", "both", *wanted).code == 0
    assert names("both") == [
        "four.png", "four.shift.json", "one.png", "one.shift.json", "shift-report.csv", "shift-report.jsonl",
    ]  # fmt: skip


def test_a_report_is_not_replaced_unasked(samples, command):
    """It is an output like any other: checked before any work."""
    Path("out").mkdir()
    Path("out/a.shift.csv").write_text("mine")
    ran = command("pool", samples / "one.png", "-o", "out/a.png", "--report", "csv")
    assert (ran.code, "a.shift.csv' exists already" in ran.err, names("out")) == (2, True, ["a.shift.csv"])


def test_an_unknown_form_is_told_before_any_work(samples, command):
    """With the nearest name."""
    ran = command("pool", samples / "one.png", "-o", "out/a.png", "--report", "cvs")
    assert (ran.code, "unknown report 'cvs', did you mean 'csv'?" in ran.err) == (2, True)
    assert not Path("out").exists()


def test_a_missing_extra_is_told_with_its_pip_command(monkeypatch, samples, command):
    """Before any work, whatever the extra is."""
    row = forms.Form("csv", "csv_form:write_table", "", of_run=True, package="no_such_package")
    monkeypatch.setattr(forms, "FORMS", {**forms.FORMS, "csv": row})
    ran = command("pool", samples / "one.png", "-o", "out/a.png", "--report", "csv")
    assert (ran.code, Path("out").exists()) == (2, False)
    assert "needs no_such_package, which is not installed: pip install no_such_package" in ran.err


@pytest.fixture
def odd(samples):
    """A picture whose name is bytes that are no text, with what JSON and CSV have to quote."""
    try:
        path = samples / '한글 \udcff;".png'
        path.write_bytes((samples / "one.png").read_bytes())
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such name")
    return path


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_a_name_that_is_no_text_survives_json(odd, command, form):
    """In the report and with --json: what is parsed of it opens the file; the file itself is valid UTF-8."""
    folder = Path(os.fsdecode(b"out-\xfe"))
    ran = command("pool", odd, "-o", folder / "a.png", "--report", form, "--json")
    assert ran.code == 0, ran.err
    (record,) = ran.objects
    side = (folder / f"a.shift.{form}").read_bytes().decode("utf-8")
    for name in (record["input"], record["report"]["input"]["path"], json.loads(side)["input"]["path"]):
        with open(os.fsencode(name), "rb") as stream:  # noqa: PTH123 (bytes)
            assert stream.read() == odd.read_bytes()
    assert Path(record["output"]) == folder / "a.png"
    assert json.loads(command("pool", odd, "-o", "out/", "--dry-run", "--json").out)["input"] == str(odd)


def test_a_name_that_is_no_text_is_written_in_a_table_all_the_same(odd, command):
    """With a ? for what no table holds."""
    assert command("pool", odd, "-o", "out/a.png", "--report", "csv").code == 0
    assert "한글 ?;" in Path("out/a.shift.csv").read_text("utf-8")


def table_in(path):
    """The rows of a table."""
    with Path(path).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(1)", "\tx", "\rx")


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
def test_no_cell_of_a_table_is_a_formula(samples, tmp_path, command):
    """What a spreadsheet would reckon with is text; a number that is negative stays one."""
    for name in FORMULAS:
        (tmp_path / f"{name}.png").write_bytes((samples / "one.png").read_bytes())
    names = [f"{name}.png" for name in FORMULAS]
    Path("list").write_bytes(b"\0".join(map(os.fsencode, names)))
    words = ("pool", "--files-from", "list", "-0", "-o", "out", "--report", "csv", "--shift", "-1,0", "--shift", "0,-1")
    assert command(*words).code == 0
    words = ("compare", "--files-from", "list", "-0", "--modes", "max,avg", "-o", "ranking.csv")
    assert command(*words).code == 0
    for path, column in (("out/shift-report.csv", "input.path"), ("ranking.csv", "path")):
        table = table_in(path)
        assert sorted({row[column] for row in table}) == sorted(f"'{name}" for name in names)
        cells = {cell for row in table for cell in row.values()}
        assert all(not cell.startswith(("=", "+", "@", "\t", "\r")) for cell in cells)
        assert all(float(cell) < 0 for cell in cells if cell.startswith("-"))
    assert {row["dx"] for row in table_in("out/shift-report.csv")} == {"-1", "0"}


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
def test_no_name_plays_with_paper(samples, tmp_path, command):
    """Controls and what turns the reading round are escaped on the page and on the sheet."""
    hostile = "a\x1b[2J\u202egnp\u2066.png"
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / hostile).write_bytes((samples / "one.png").read_bytes())
    (tmp_path / "in" / f"broken{hostile}").write_bytes(b"no")
    (tmp_path / "in/good.png").write_bytes((samples / "one.png").read_bytes())
    assert command("pool", "in", "-o", "out", "--report", "html", "--report", "png").code == 1
    text = Path("out/shift-report.html").read_text("utf-8")
    assert not set(text) & {"\x1b", "\u202e", "\u2066"}
    assert f"in/{escaped(hostile)}" in text and f"in/broken{escaped(hostile)}" in text
    (tmp_path / f"k{hostile}.txt").write_text("1 2 1")
    words = ("pool", f"in/{hostile}", "-o", "one/x.png", "--report", "html", "--filter", f"k{hostile}.txt")
    assert command(*words).code == 0  # alone: its heading, and the layers below it
    text = Path("one/x.shift.html").read_text("utf-8")
    assert text.count(escaped(hostile)) > text.count(f"k{escaped(hostile)}") > 0 and "\u202e" not in text
    assert _fitted(hostile, font(15), 1000) == escaped(hostile)


@pytest.mark.parametrize("words", [(), ("--compression", "deflate")])  # whole and in bands
def test_a_page_shows_eight_frames(tmp_path, monkeypatch, command, words):
    """Of a picture of more; all are in the table."""
    monkeypatch.chdir(tmp_path)
    frames = [Image.fromarray(random_image(seed, (9, 9), "uint8")) for seed in range(10)]
    frames[0].save("a.tif", save_all=True, append_images=frames[1:])
    assert command("pool", "a.tif", "-o", "b.tif", "--report", "html", "-q", *words).code == 0
    assert Path("b.shift.html").read_text("utf-8").count('<div class="six') == 8


@pytest.mark.parametrize(("size", "live"), [("64", True), ("200", False), ("300x2", True), ("20001x1", False)])
def test_a_page_ends_where_outputs_have_a_size_of_their_own(samples, command, size, live):
    """No part of a picture has smaller ones: beyond the bytes that a page holds it has pictures, and no controls."""
    call = ("pool", samples / "one.png", "-o", "out.png", "--mode", "avg", "--size", size, "--report", "html", "-q")
    assert command(*call).code == 0
    page = Path("out.shift.html").read_text("utf-8")
    assert (page.count('<div class="six'), '<script type="application/json"' in page) == (1, live)


def test_thumbnails_are_as_large_as_the_page_shows_them(tmp_path, monkeypatch, command):
    """4.5 rem, which are 72 pixels; what is larger is made smaller by a whole number."""
    monkeypatch.chdir(tmp_path)
    for width in (72, 73, 144, 145):
        Image.fromarray(random_image(1, (20, width), "uint8")).save(f"{width}.png")
    assert command("pool", "72.png", "73.png", "144.png", "145.png", "-o", "out", "--report", "html", "-q").code == 0
    page = Path("out/shift-report.html").read_text("utf-8")
    thumbnails = re.findall(r'<td class="thumb"><img src="data:image/\w+;base64,([^"]+)"', page)
    assert sorted(Image.open(BytesIO(b64decode(each))).width for each in thumbnails) == [36, 48, 72, 72]


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "png", "html"])
def test_a_picture_from_stdin_has_every_form(samples, tmp_path, form):
    """Beside the output as ever; beside stdout there is no place, so what stands beside an output is refused."""
    run = [sys.executable, "-m", "poolcli", "pool", "-", "--report", form, "-o"]
    one = (samples / "one.png").read_bytes()
    done = subprocess.run([*run, "out/a.png"], input=one, capture_output=True, check=False)
    assert (done.returncode, names("out")) == (0, ["a.png", f"a.shift.{form}"]), done.stderr
    piped = subprocess.run([*run, "-"], input=one, capture_output=True, check=False)
    if forms.FORMS[form].of_run:
        assert (piped.returncode, Path(f"shift-report.{form}").exists()) == (0, True), piped.stderr
        assert piped.stdout == Path("out/a.png").read_bytes()
    else:
        assert (piped.returncode, piped.stdout) == (2, b"")
        assert b"stands beside an output" in piped.stderr


def test_the_spread_of_figures():
    """Every picture is in one bar, at its place; figures that are all equal make one bar, none no plot."""
    figures = (0.0, 0.5, 0.51, 1.0)
    (plot,) = plots([Line(0, 0, 0, None, value, None) for value in figures])
    assert (plot.name, plot.low, plot.high, plot.median) == ("gain", "0", "1", "0.505")
    assert [bar.title.rpartition(": ")[2] for bar in plot.bars] == ["1", "2", "1"]
    assert [round(bar.x) for bar in plot.bars] == [0, 120, 230]
    assert plot.at == pytest.approx(0.505 * WIDTH)
    (same,) = plots([Line(0, 0, 0, None, None, 0.3)] * 3)
    assert [bar.title.rpartition(": ")[2] for bar in same.bars] == ["3"]
    assert plots([Line(0, 0, 0, None, None, None)]) == []
