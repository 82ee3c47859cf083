"""Faults that only a process can have: signals, closed and full streams, permissions, limits, a full disk."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from poolcli.batch.state import NAME
from tests.batches import draw
from tests.conftest import SAMPLES
from tests.process import bound, shell, started

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX signals, shells and permissions")
MANY = 40


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working directory, with one picture in it and `many`, a folder of them."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLES / "colour.png", "a.png")
    Path("many").mkdir()
    for number in range(MANY):
        shutil.copy(SAMPLES / "transparent.png", f"many/{number}.png")
    return tmp_path


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A folder of pictures that take their time."""
    folder = tmp_path_factory.mktemp("large")
    for number in range(2):
        draw(folder / f"{number}.png", number, (2500, 2500))
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What becomes of every picture of `many`, undisturbed."""
    out = tmp_path_factory.mktemp("whole") / "out.png"
    words = [sys.executable, "-m", "poolcli", "pool", SAMPLES / "transparent.png", "-o", out, "-q", "--no-report"]
    subprocess.run(words, check=True)
    return out.read_bytes()


def check_outputs(whole, folder="out"):
    """Every output is as undisturbed, and there is nothing else but the report; how many."""
    found = {path.name: path.read_bytes() for path in Path(folder).glob("*")} if Path(folder).exists() else {}
    found = {name: data for name, data in found.items() if not name.endswith((".json", ".jsonl"))}
    assert all(name.removesuffix(".png").isdigit() for name in found), sorted(found)
    assert all(data == whole for data in found.values())
    return len(found)


OFTEN = {
    # stdout cannot be written: told, exit 1
    "poolcli modes >/dev/full": (1, "No space left on device"),
    "poolcli pool a.png -o - >/dev/full": (1, "No space left on device"),
    "poolcli pool a.png -o b.png --json >&-": (1, "Bad file descriptor"),
    # stderr cannot be written: nobody is told, and the pictures are none the worse for it
    "poolcli pool a.png -o b.png 2>&-": (0, ""),
    "poolcli pool nothing.png -o b.png 2>&-": (1, ""),
    # stdin is not there, or empty
    "poolcli pool - -o b.png <&-": (1, "standard input cannot be read (Bad file descriptor)"),
    "poolcli show - <&-": (1, "-: standard input cannot be read (Bad file descriptor); name a file"),
    "poolcli pool - -o b.png </dev/null": (1, "-: empty, 0 bytes"),
    # the reader goes away
    "poolcli pool many -o out --json $SHIFTS | head -1 >/dev/null; exit ${PIPESTATUS[0]}": (141, ""),
    # without a buffer a write may end in its middle, which is no end
    "export PYTHONUNBUFFERED=1; ulimit -f 1; poolcli pool a.png -o - --format bmp --k 1 --no-report >b.bmp": (
        1,
        "File too large",
    ),
    # limits and places
    "ulimit -f 1; poolcli pool a.png -o b.bmp -q --no-report --k 1": (1, "cannot write 'b.bmp': File too large"),
    "poolcli pool a.png -o a.png/b.png": (1, "'a.png' is a file, not a folder"),
    "poolcli pool a.png -o $(printf n%.0s {1..300}).png": (1, "File name too long"),
    'poolcli pool a.png -o "$UNSET"': (2, "-o is empty"),
    'poolcli pool - -o "$UNSET" <a.png': (2, "-o is empty"),
}
SELDOM = {
    "poolcli --version >/dev/full": (1, "No space left on device"),
    "poolcli --help >/dev/full": (1, "No space left on device"),
    "poolcli pool a.png -o b.png --json >/dev/full": (1, "No space left on device"),
    "poolcli pool a.png -o - >&-": (1, "Bad file descriptor"),
    "poolcli pool a.png -o b.png -q >&-": (0, ""),
    "poolcli pool a.png -o b.png 2>/dev/full": (0, ""),
    "poolcli pool nothing.png -o b.png 2>/dev/full": (1, ""),
    "poolcli pool a.png -o b.png <&- >&- 2>&- -q": (0, ""),
    "poolcli modes | true; exit ${PIPESTATUS[0]}": (141, ""),
    "cat many/*.png many/*.png | poolcli pool - -o - | true; exit ${PIPESTATUS[1]}": (141, ""),
    "mkdir gone; cd gone; rmdir ../gone; poolcli pool a.png": (1, "the working directory"),
    "TMPDIR=/nowhere poolcli pool a.png -o b.png -q; true": (0, ""),
    "poolcli pool $(printf n%.0s {1..300}).png -o b.png": (1, "File name too long"),
    'poolcli pool "$UNSET" -o b.png': (2, "an input is empty, as where a shell variable is not set"),
}


def rows(often, seldom):
    """Rows for parametrize: a process takes a third of a second, so most run only when asked for."""
    named = [*often.items(), *seldom.items()]
    marks = [()] * len(often) + [pytest.mark.slow] * len(seldom)
    texts = [what if isinstance(what, str) else " ".join(what) for what, _ in named]
    return [pytest.param(*row, marks=mark, id=text) for row, mark, text in zip(named, marks, texts, strict=True)]


@pytest.mark.parametrize(("script", "expected"), rows(OFTEN, SELDOM))
def test_streams_limits_and_places(here, whole, script, expected):
    """The exit code, and at most one sentence; no traceback, no stray file, whole outputs."""
    code, sentence = expected
    done = shell(script, SHIFTS=" ".join(f"--shift {dx},1" for dx in range(40)))  # lines that no pipe holds all of
    told = done.stderr.decode()
    assert done.returncode == code, told
    assert sentence in told and "Traceback" not in told and "Exception" not in told, told
    if code:
        assert len(told.splitlines()) == bool(sentence), told
    assert not list(here.rglob("*.part"))
    check_outputs(whole)


def test_a_closed_stderr_gets_nothing_into_the_picture(here):
    """Its number would go to the next file that is opened: the output, into which libraries would talk."""
    data = bytearray((SAMPLES / "colour.png").read_bytes())
    Path("good.png").write_bytes(data)
    assert shell("poolcli pool good.png -o x.png -q").returncode == 0
    assert shell("poolcli pool good.png -o y.png -q 2>&- <&- >&-").returncode == 0
    assert Path("x.png").read_bytes() == Path("y.png").read_bytes()


def interrupt(process, after):
    """SIGINT after so many lines of stdout; exit code, all of stderr."""
    for _line in range(after):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=60)
    return process.returncode, err.decode()


@pytest.mark.parametrize("after", [1, 7])
def test_ctrl_c_in_the_middle_of_a_batch(here, whole, after):
    """Exit 130, one sentence, what is finished is whole, nothing half-written."""
    code, err = interrupt(started("pool", "many", "-o", "out"), after)
    assert code == 130
    assert err.splitlines()[-1].startswith("poolcli: interrupted") and "Traceback" not in err
    assert after <= check_outputs(whole) <= MANY


@pytest.mark.slow
def test_ctrl_c_at_fifty_moments(here, whole):
    """From the imports to the last picture."""
    codes = set()
    for seed in range(50):
        shutil.rmtree("out", ignore_errors=True)
        process = started("pool", "many", "-o", "out", "--engine", ("serial", "threads", "processes")[seed % 3])
        time.sleep(random.Random(seed).uniform(0.15, 1.2))
        process.send_signal(signal.SIGINT)
        _out, err = process.communicate(timeout=60)
        codes.add(process.returncode)
        assert process.returncode in (130, 0, -signal.SIGINT), err  # the last: after the last line of ours
        assert b"Traceback" not in err
        check_outputs(whole)
    assert 130 in codes


ENGINES = ("threads", "processes", "serial")


def reported():
    """The inputs in the report of a run, and the pictures that are there."""
    lines = Path("out/shift-report.jsonl").read_text("utf-8").splitlines()
    return {Path(json.loads(line)["input"]["path"]).name for line in lines}, {
        path.name for path in Path("out").glob("*.png")
    }


SIGNALS = [
    *((signal.SIGTERM, engine, group) for engine in ENGINES[:2] for group in (False, True)),
    (signal.SIGTERM, "serial", False),
    (signal.SIGHUP, "processes", True),
    (signal.SIGHUP, "threads", False),
    (signal.SIGINT, "serial", True),
    (signal.SIGINT, "processes", True),
]


@pytest.mark.parametrize(("number", "engine", "group"), SIGNALS)
def test_a_signal_ends_a_run_in_order(here, whole, number, engine, group):
    """Exit 128 + signal; what is under way is finished, summary and report are written, nothing is half-written.

    Sent to the process, as `docker stop` does, or to all of its group, as a terminal and a scheduler do.
    """
    running = started("pool", "many", "-o", "out", "--engine", engine, "--json", "-j", "2", start_new_session=True)
    running.stdout.readline()
    os.killpg(running.pid, number) if group else running.send_signal(number)
    out, err = running.communicate(timeout=60)
    told = err.decode().splitlines()
    assert running.returncode == 128 + number, told
    assert told[-1].startswith("poolcli: interrupted") and f"of {MANY} pictures pooled" in told[-2], told
    assert "failed" not in told[-2] and len(told) == 3
    done = check_outputs(whole)
    assert 1 <= done < MANY
    assert done == len(out.splitlines()) + 1
    assert len(reported()[0]) == done and reported()[0] == reported()[1]
    assert all(json.loads(line)["status"] == "ok" for line in out.splitlines())
    assert {path.name for path in Path("out").iterdir()} == {NAME, "shift-report.jsonl", *reported()[1]}


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_a_second_signal_leaves_nothing_half_written(here, large, engine):
    """At once, though pictures are under way."""
    running = started("pool", large, "-o", "out", "--engine", engine, "-j", "2", "-q", start_new_session=True)
    wait_for(lambda: list(Path("out").glob("*.part")))
    for _time in range(2):
        os.killpg(running.pid, signal.SIGTERM)
        time.sleep(0.05)
    began = time.monotonic()
    _out, err = running.communicate(timeout=60)
    assert running.returncode == 143, err
    assert time.monotonic() - began < 5
    assert not list(Path("out").glob("*.part"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_single_picture_is_ended_at_once(here, large, number):
    """What it had written is removed."""
    running = started("pool", large / "0.png", "-o", "out/", "--no-report")
    wait_for(lambda: list(Path("out").glob("*.part")))
    running.send_signal(number)
    _out, err = running.communicate(timeout=60)
    assert (running.returncode, len(err.splitlines())) == (128 + number, 1), err
    assert list(Path("out").iterdir()) == []


def test_a_signal_that_is_ignored_stays_ignored(here, whole):
    """As below `nohup`, and in the background of a script."""
    ignoring = (signal.SIGHUP, signal.SIGINT)
    running = started("pool", "many", "-o", "out", "--engine", "processes", "--json", ignoring=ignoring)
    running.stdout.readline()
    for number in ignoring:
        running.send_signal(number)
    _out, err = running.communicate(timeout=60)
    assert (running.returncode, check_outputs(whole)) == (0, MANY), err


def wait_for(happened):
    """Until it has, or half a minute has passed."""
    end = time.monotonic() + 30
    while not happened() and time.monotonic() < end:
        time.sleep(0.002)
    assert happened()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_ended_at_a_hundred_moments_and_resumed(here, whole, number):
    """From the imports to the last picture: outputs whole, nothing half-written; resumed, all is as undisturbed."""
    for seed in range(MANY, 10 * MANY):
        os.link("many/0.png", f"many/{seed}.png")
    words = ("pool", "many", "-o", "out", "--report", "jsonl", "--report", "json", "-j", "2")
    took, undisturbed = {}, {}
    for engine in ENGINES:
        began = time.monotonic()
        assert shell(f"poolcli {' '.join(words)} -q --engine {engine}").returncode == 0
        took[engine] = time.monotonic() - began
        undisturbed = undisturbed or contents("out")
        assert contents("out") == undisturbed
        shutil.rmtree("out")
    codes, parts = Counter(), Counter()
    for seed in range(100):
        rng = random.Random(seed)
        engine, group = rng.choice(ENGINES), rng.random() < 0.5
        left = 1 - len(list(Path("out").glob("*.png"))) / len(list(Path("many").iterdir()))
        running = started(*words, "--resume", "--engine", engine, start_new_session=True)
        time.sleep(0.1 + rng.random() * took[engine] * left)
        os.killpg(running.pid, number) if group else running.send_signal(number)
        _out, err = running.communicate(timeout=60)
        codes[running.returncode] += 1
        assert running.returncode in (128 + number, 0, -number), err  # the last: before the first line of ours
        assert b"Traceback" not in err
        parts[0 < check_outputs(whole) < 10 * MANY] += 1
        assert not list(here.rglob("*.part"))
        if seed % 4 == 3:
            again = shell(f"poolcli {' '.join(words)} --resume -q")
            assert again.returncode == 0, again.stderr
            assert contents("out") == undisturbed
            shutil.rmtree("out")
    assert codes[128 + number] > 30, codes
    assert parts[True] > 30, parts  # were ended in their middle


def contents(folder):
    """name -> bytes of all there is, but the journal."""
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.name != NAME}


@pytest.fixture
def locked(here):
    """Folders and files that may not be read, entered or written; opened again for whoever tidies up."""
    for folder in ("unreadable", "unwritable", "closed"):
        shutil.copytree("many", folder)
    modes = {"unreadable": 0o333, "unwritable": 0o555, "closed": 0o000, "a.png": 0o000}
    for name, mode in modes.items():
        Path(name).chmod(mode)
    if not bound("a.png", program=("cat",)).returncode:
        pytest.skip("nothing can be forbidden to this user")
    yield here
    for name in modes:
        Path(name).chmod(0o755)


FORBIDDEN = {
    ("pool", "a.png", "many/1.png", "-o", "out"): (1, "a.png: the file cannot be opened (Permission denied)"),
    ("pool", "many/1.png", "-o", "unwritable/new.png"): (1, "cannot write 'unwritable/new.png': Permission denied"),
    ("pool", "unreadable", "-o", "out"): (2, "the folder 'unreadable' cannot be read (Permission denied)"),
    ("pool", "many/1.png", "--filter", "closed/k.txt"): (2, "kernel file 'closed/k.txt' cannot be read"),
}
FORBIDDEN_TOO = {
    ("pool", "closed/1.png", "many/2.png", "-o", "out"): (1, "closed/1.png: the file cannot be opened"),
    ("pool", "many/1.png", "-o", "unwritable/new/"): (1, "cannot write 'unwritable/new/1.png': Permission denied"),
    ("pool", "many/1.png", "-o", "closed/new.png"): (1, "cannot write 'closed/new.png': Permission denied"),
    ("pool", "many/1.png", "-o", "closed/"): (1, "Permission denied"),
    ("pool", "many/1.png", "--filter", "a.png"): (2, "kernel file 'a.png' cannot be read: Permission denied"),
    ("stack", "--recipe", "a.png", "many/1.png"): (2, "recipe file 'a.png': it cannot be read (Permission denied)"),
}


@pytest.mark.parametrize(("words", "expected"), rows(FORBIDDEN, FORBIDDEN_TOO))
def test_what_is_forbidden_is_told(locked, whole, words, expected):
    """One sentence that names it; the others are done."""
    code, sentence = expected
    done = bound(*words, "-q")
    told = done.stderr.decode()
    assert (done.returncode, len(told.splitlines())) == (code, 1), told
    assert sentence in told
    if "out" in words and code == 1:
        assert check_outputs(whole) == 1


@pytest.mark.slow
def test_what_is_forbidden_fails_alone(locked, whole):
    """Two folders below the one that is named, and a picture in it; everything else is done."""
    done = bound("pool", ".", "-r", "-o", "../elsewhere", "-q")
    told = sorted(done.stderr.decode().splitlines())
    assert done.returncode == 1
    assert [line.partition(" (Permission denied)")[0] for line in told] == [
        "poolcli: a.png: the file cannot be opened",
        "poolcli: the folder 'closed' cannot be read",
        "poolcli: the folder 'unreadable' cannot be read",
    ]
    assert check_outputs(whole, "../elsewhere/many") == check_outputs(whole, "../elsewhere/unwritable") == MANY


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux") or os.getuid() != 0, reason="mounting takes root on Linux")
def test_a_disk_that_fills_up(here, whole):
    """A real one, of so many kilobytes: some outputs are whole, the others told; resumed with more room, all are."""
    Path("disk").mkdir()
    for size in (8, 16, 40, 100, 160):
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", "disk"], check=False)
        if mounted.returncode:
            pytest.skip("this root may not mount")
        try:
            done = shell("poolcli pool many -o disk/out --report jsonl")
            left = [path.name for path in Path("disk/out").glob("*")]
            assert done.returncode == 1
            assert b"Traceback" not in done.stderr and b"No space left on device" in done.stderr
            assert len(done.stderr.splitlines()) >= MANY - check_outputs(whole, "disk/out")
            assert not [name for name in left if name.endswith(".part")]
            subprocess.run(["mount", "-o", "remount,size=4m", "disk"], check=True)
            again = shell("poolcli pool many -o disk/out --report jsonl --resume")
            assert (again.returncode, check_outputs(whole, "disk/out")) == (0, MANY), again.stderr
        finally:
            subprocess.run(["umount", "disk"], check=True)


LATE = """
import atexit, os, signal, sys
atexit.register(os.kill, os.getpid(), signal.SIGTERM)
sys.argv = ["poolcli", "pool", "one.png", "-o", "small.png", "-q"]
from poolcli.__main__ import main
main()
"""


def test_a_signal_that_comes_when_all_is_done_changes_nothing(here, samples):
    """It found no handler any more, and ended the process as if the work were not done."""
    shutil.copy(samples / "one.png", "one.png")
    done = subprocess.run([sys.executable, "-c", LATE], check=False)
    assert (done.returncode, Path("small.png").is_file()) == (0, True)
