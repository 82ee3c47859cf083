"""The forms of a report: several at once, streamed, and what stands in the table of CSV."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from poolcli.report import forms
from poolcli.report.csv_form import columns
from poolcli.report.entries import Line
from poolcli.report.spread import WIDTH, plots

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


@pytest.mark.parametrize("form", ["json", "csv", "jsonl"])
def test_a_name_that_is_no_text_is_written_all_the_same(tmp_path, samples, command, form):
    """File names are bytes on some systems; the report shows a ? for what it cannot."""
    try:
        odd = samples / '한글 \udcff;".png'
        odd.write_bytes((samples / "one.png").read_bytes())
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such name")
    assert command("pool", odd, "-o", "out/a.png", "--report", form).code == 0
    assert "한글 ?;" in Path(f"out/a.shift.{form}").read_text("utf-8")


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
