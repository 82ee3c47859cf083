"""`--preview`: cells of colour on a terminal that can, nothing anywhere else."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from poolcli.batch.job import Settings, run_image
from poolcli.recipe import as_recipe
from poolcli.report import Job
from poolcli.report.preview import UPPER_HALF, able, print_preview
from poolcli.visualize import PREVIEW


class Terminal(StringIO):
    """A stream that says that it is one."""

    encoding = "utf-8"

    def isatty(self):
        """Yes."""
        return True


def previewed(samples, name, layers, width=80):
    """The lines of the preview of a sample."""
    settings = Settings(as_recipe(layers), looks={"preview": PREVIEW})
    outcome = run_image(settings, Job(samples / name, Path("out") / name, name, name))
    stream = Terminal()
    print_preview(
        Console(file=stream, force_terminal=True, color_system="truecolor", width=width), *outcome.looks["preview"]
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


def test_nothing_where_it_cannot_be_shown(samples, command, monkeypatch):
    """A pipe, a terminal without colours, one whose encoding has no half blocks."""
    ran = command("pool", samples / "one.png", "-o", "a.png", "--preview")
    assert (ran.code, UPPER_HALF in ran.err, UPPER_HALF in ran.out) == (0, False, False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    assert able(terminal)
    monkeypatch.setenv("TERM", "dumb")
    assert not able(terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal.encoding = "latin-1"
    assert not able(terminal)
    assert not able(StringIO())


def test_a_preview_of_what_is_not_measured_is_told(samples, command):
    """Two wishes that contradict each other."""
    ran = command("pool", samples / "one.png", "-o", "a.png", "--preview", "--no-report")
    assert (ran.code, "--preview shows what the report measures" in ran.err) == (2, True)
