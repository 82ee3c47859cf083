"""`--preview`: cells of colour on a terminal that can, nothing anywhere else."""

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import poolcli
from poolcli.batch.job import run_image
from poolcli.batch.settings import Settings
from poolcli.recipe import as_recipe
from poolcli.reports import Job
from poolcli.reports.ranking import Point, Ranked, Ranking, print_ranking
from poolcli.reports.terminal import UPPER_HALF, ascii_lines, print_preview, print_report, unable
from poolcli.shift.record import figure
from poolcli.visualize import PREVIEW


class Terminal(StringIO):
    """A stream that says that it is one."""

    encoding = "utf-8"

    def isatty(self):
        """Yes."""
        return True


def previewed(samples, name, layers, width=80):
    """The lines of the preview of a sample."""
    settings = Settings(as_recipe(layers), views={"preview": PREVIEW})
    outcome = run_image(settings, Job(samples / name, Path("out") / name, name, name))
    stream = Terminal()
    print_preview(
        Console(file=stream, force_terminal=True, color_system="truecolor", width=width), *outcome.views["preview"]
    )
    return stream.getvalue().splitlines()


def test_three_pictures_side_by_side(samples):
    """The "1" in black and white, its change in yellow; every cell is two pixels."""
    lines = previewed(samples, "one.png", "conv:line-v relu max:2")
    assert lines[0].split()[:2] == ["picture", "output"]
    drawn = "\n".join(lines[1:])
    assert len(lines) == 1 + 13
    assert {line.count(UPPER_HALF) for line in lines[1:]} == {3 * 25}
    for colour in ("38;2;255;255;255", "38;2;0;0;0", "38;2;253;231;37", "48;2;68;1;84"):
        assert colour in drawn


@pytest.mark.parametrize("name", ["photo.jpg", "transparent.png", "features.npy", "mask.png"])
def test_any_picture_fits_the_width(samples, name):
    """Wide ones, transparent ones, floats, labels; narrow terminals too."""
    for width in (40, 100):
        lines = previewed(samples, name, "max:2", width)
        assert all(line.count(UPPER_HALF) + 4 <= width for line in lines[1:])


def test_where_it_cannot_be_shown_it_says_why(samples, command, monkeypatch):
    """A pipe, several pictures, NO_COLOR, a terminal without colours, one whose encoding has no half blocks."""
    ran = command("pool", samples / "one.png", "-o", "a.png", "--preview")
    assert (ran.code, UPPER_HALF in ran.err, "--preview is left out: this is no terminal" in ran.err) == (
        0,
        False,
        True,
    )
    ran = command("pool", samples / "one.png", samples / "four.png", "-o", "two/", "--preview")
    assert (ran.code, "--preview is left out: it is for a single picture, and these are 2" in ran.err) == (0, True)
    assert "--preview" not in command("pool", samples / "one.png", "-o", "b.png", "--preview", "-q").err
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    assert unable(terminal) is None
    monkeypatch.setenv("NO_COLOR", "1")
    assert unable(terminal) == "NO_COLOR is set"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "no 256 colours" in unable(terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal.encoding = "latin-1"
    assert "no half blocks" in unable(terminal)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_tables_fit_their_terminal(samples, command, width):
    """By leaving out columns, the least telling first; no figure is cut or wrapped."""
    report = poolcli.shift_report("max:2", np.random.default_rng(0).random((400, 400)), [(-1, 0), (-3, -12)])
    stream = Terminal()
    print_report(Console(file=stream, force_terminal=True, color_system=None, width=width), report)
    for lines in (stream.getvalue().splitlines(), list(ascii_lines(report, width))):
        assert max(map(len, lines)) <= width
        (head,) = (line for line in lines if "changed before" in line)
        assert ("residual" in head, "absorbed" in head) == (True, width > 70)
        rows = [line for line in lines if line.strip().startswith(("-1,0", "-3,-12"))]
        assert len(rows) == 2 and all(len(row.split("  ")) >= 4 for row in rows)
        assert all(figure(row.residual) in text for row, text in zip(report.shifts, rows, strict=True))


def test_a_ranking_fits_its_terminal():
    """The mode and the residual always stay."""
    places = [Ranked(1, "maxblur:2/2", "maxblur:2/2", 0.436, 0.415, 0.747, 0.989, 23.9, (Point(1.0, 0.4, 0.4),))]
    for width in (50, 60, 80):
        stream = Terminal()
        print_ranking(Console(file=stream, force_terminal=True, color_system=None, width=width), Ranking(), places)
        lines = stream.getvalue().splitlines()
        assert max(map(len, lines)) <= width
        assert any("maxblur:2/2" in line and "0.436" in line for line in lines)
        assert any("gain" in line and "residual" in line for line in lines) == (width == 80)


def test_a_preview_of_what_is_not_measured_is_told(samples, command):
    """Two wishes that contradict each other."""
    ran = command("pool", samples / "one.png", "-o", "a.png", "--preview", "--no-report")
    assert (ran.code, "--preview shows what the report measures" in ran.err) == (2, True)
