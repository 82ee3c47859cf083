"""What a run tells of itself while it goes on, and at its end."""

import os
import re
import subprocess
import sys

import pytest

from poolcli.cli import output
from poolcli.cli.output import Counts
from poolcli.reports import Job, Outcome
from tests.batches import draw_many, environment, words

JOB = Job(None, None, "a.png", "b.png")


def test_a_tally_counts_and_extrapolates():
    """10 of 30 in 5 seconds, of which 4 were there before: 20 left at 6 in 5 seconds."""
    now = [100.0]
    counts = Counts(30, clock=lambda: now[0])
    assert counts.left is None
    for outcome in [Outcome(JOB, before=True)] * 4 + [Outcome(JOB, pixels=2_000_000)] * 3:
        counts.add(outcome)
    for kind in ("picture", "timeout", "picture"):
        counts.add(Outcome(JOB, error="no", kind=kind))
    now[0] += 5
    assert (counts.finished, counts.failed, counts.left) == (10, 3, pytest.approx(20 * 5 / 6))
    assert counts.line() == "10 of 30 pictures, 3 failed, 1.2 megapixels/s, about 17 s left"
    assert counts.summary() == (
        "3 of 30 pictures pooled, 4 done before, 3 failed (2 cannot be read or pooled, 1 too slow) in 5.0 s, "
        "1.2 megapixels/s"
    )


def test_lines_come_now_and_then(capsys):
    """Not one a picture, and none after the last."""
    now = [0.0]
    counts = Counts(100, clock=lambda: now[0])
    advance = output._lines(counts)
    for _ in range(100):
        now[0] += 1
        counts.add(Outcome(JOB, pixels=10**6))
        advance()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == ["30", "60", "90"]


def on_terminal(folder, *arguments, stdout=subprocess.PIPE, **variables):
    """Run a command whose stderr is a terminal of 80 columns and whose stdout is a pipe, or with None the terminal
    too: both outputs, exit code.
    """
    import fcntl
    import pty
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with subprocess.Popen(
        words(*arguments),
        cwd=folder,
        env=environment(TERM="xterm-256color", COLUMNS="", **variables),
        stdout=slave if stdout is None else stdout,
        stderr=slave,
    ) as running:
        os.close(slave)
        told = b""
        while True:
            try:
                block = os.read(master, 4096)
            except OSError:
                break
            if not block:
                break
            told += block
        out = running.stdout.read() if running.stdout else b""
    os.close(master)
    return out.decode(), told.decode(), running.returncode


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
def test_a_bar_on_a_terminal(tmp_path):
    """Moving on stderr, gone at the end; stdout is as ever; no colours with NO_COLOR; nothing with -q."""
    draw_many(tmp_path / "in", 30, size=(64, 64))
    (tmp_path / "in/3.png").write_bytes(b"broken")
    out, told, code = on_terminal(tmp_path, "pool", "in", "-o", "out")
    assert (code, len(out.splitlines()), "\x1b" in out) == (1, 29, False)
    assert "/30" in told and "megapixels/s" in told and "1 failed" in told and "\x1b[" in told
    assert re.search(r"poolcli: 29 of 30 pictures pooled, 1 failed \(1 cannot be read or pooled\) in .* s", told)
    _, told, _ = on_terminal(tmp_path, "pool", "in", "-o", "out2", NO_COLOR="1")
    assert not re.findall(r"\x1b\[[0-9;]*3[0-9][0-9;]*m", told)
    out, told, _ = on_terminal(tmp_path, "pool", "in", "-o", "out3", "-q")
    assert (out, len(told.splitlines())) == ("", 1)


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
def test_names_are_for_pipes_and_for_who_asks(tmp_path):
    """Hundreds of them would scroll the bar away; one picture's name is shown, and where the report is."""
    draw_many(tmp_path / "in", 12)
    _, told, code = on_terminal(tmp_path, "pool", "in", "-o", "out", stdout=None)
    assert (code, ".png" in told, "12 of 12 pictures pooled" in told) == (0, False, True)
    assert "; report: out/shift-report.jsonl" in told
    both = ("--overwrite", "--report", "csv", "--report", "jsonl")
    _, told, _ = on_terminal(tmp_path, "pool", "in", "-o", "out", *both, stdout=None)
    assert "; reports: out/shift-report.csv, out/shift-report.jsonl" in told
    _, told, _ = on_terminal(tmp_path, "pool", "in", "-o", "out2", "--verbose", stdout=None)
    assert len(set(re.findall(r"out2/\d+\.png", told))) == 12
    _, told, _ = on_terminal(tmp_path, "pool", "in/1.png", "-o", "one.png", stdout=None)
    assert "one.png" in told
    out, _, _ = on_terminal(tmp_path, "pool", "in", "-o", "out3")
    assert len(out.splitlines()) == 12


def test_quiet_and_verbose_contradict_each_other(command):
    """Told before any work."""
    assert "--quiet and --verbose contradict" in command.refused("pool", "a.png", "-qv")
