"""Faults that only a process can have: signals, closed and full streams, permissions, limits, a full disk."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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
    'poolcli pool "$UNSET" -o b.png': (2, "an input is empty ('')"),
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
    ("pool", ".", "-r", "-o", "../elsewhere"): (2, "cannot be read (Permission denied)"),
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
