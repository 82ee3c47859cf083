"""Faults in the middle of a run: what is finished is whole and as in an undisturbed run, nothing else is left."""

import errno
import io
import os
import random
import shutil
import sys
import tempfile
from contextlib import nullcontext, redirect_stderr
from pathlib import Path

import pytest

from poolcli.batch.state import NAME
from poolcli.cli.app import main
from tests.conftest import SAMPLES
from tests.faults import failing, faulty_disk, raising
from tests.seeds import picture
from tests.trial import run

NAMES = ("four.png", "features.npy", "one.png")
WORDS = ("pool", "in", "-o", "out", "--engine", "serial", "--report", "json", "--report", "jsonl", "--filter", "gauss")
NEVER = 10**9


class Ground:
    """A folder of pictures, and what an undisturbed run makes of it in `out`."""

    def __init__(self, folder):
        """`folder` is empty and the working directory."""
        self.folder, self.inputs, self.whole = folder, {}, {}
        (folder / "in").mkdir()
        for name in NAMES:
            shutil.copy(SAMPLES / name, folder / "in")
        self.inputs = {path: path.read_bytes() for path in (folder / "in").iterdir()}
        assert run(WORDS).code == 0
        self.whole = self.outputs()
        assert len(self.whole) == 2 * len(NAMES) + 1
        self.clear()

    def outputs(self):
        """name -> bytes of all there is in `out`, but the journal."""
        found = [path for path in Path("out").glob("*") if path.name != NAME]
        return {path.name: path.read_bytes() for path in found}

    def clear(self):
        """Ready for another run."""
        shutil.rmtree("out", ignore_errors=True)

    def run(self, fault, *, words=WORDS, codes=(0, 1), lines=2):
        """Run within `fault`, check all that must be so after any, clear; what ran, what it made, what `fault` gave."""
        with fault as met:
            ran = run(words)
        made = self.outputs()
        assert ran.code in codes, ran
        assert "Traceback" not in ran.err and not ran.warned, ran
        assert len(ran.err.splitlines()) <= lines, ran
        assert {path: path.read_bytes() for path in self.inputs} == self.inputs
        for name, data in made.items():
            assert name in self.whole, f"left behind: {name}"
            if name.endswith(".jsonl"):  # of the pictures that were done
                assert set(data.splitlines()) <= set(self.whole[name].splitlines())
            else:
                assert data == self.whole[name], name
        self.clear()
        return ran, made, met


@pytest.fixture
def ground(tmp_path, monkeypatch):
    """Pictures, and what becomes of them undisturbed."""
    monkeypatch.chdir(tmp_path)
    return Ground(tmp_path)


SLOW = [pytest.param(number, marks=pytest.mark.slow) for number in (errno.EACCES, errno.ESTALE, errno.EDQUOT)]


@pytest.mark.parametrize("number", [errno.ENOSPC, *SLOW], ids=errno.errorcode.get)
def test_every_single_write_may_fail(ground, monkeypatch, number):
    """Making, opening, writing, closing, renaming: one line that names the file and says why, the others done."""
    told = set()
    for at in range(NEVER):
        ran, made, disk = ground.run(faulty_disk(monkeypatch, ground.folder / "out", at, failing(number)))
        if not disk.done:
            break
        assert ran.code == 1
        assert os.strerror(number) in ran.err
        names = {NAME, *(name for name in ground.whole if name not in made)}
        assert any(name in ran.err for name in names), ran.err
        assert len(made) >= len(ground.whole) - 2 or NAME in ran.err  # no journal, no run
        told |= {name for name in ground.whole if name in ran.err}
        told |= {NAME} if NAME in ran.err else set()
    assert told == {*ground.whole, NAME}  # each file's turn came, the reports' and the journal's too


@pytest.mark.parametrize("number", [errno.EIO, *SLOW], ids=errno.errorcode.get)
def test_every_single_read_may_fail(ground, monkeypatch, number):
    """A disk that gives up, a file that is gone: that picture fails, by name, and nobody else."""
    told = set()
    for at in range(NEVER):
        ran, made, disk = ground.run(faulty_disk(monkeypatch, ground.folder / "in", at, failing(number)))
        if not disk.done:
            break
        failed = [name for name in NAMES if name in ran.err]
        assert (ran.code, len(failed)) in ((1, 1), (0, 0)), ran
        assert len([name for name in made if name in NAMES]) == len(NAMES) - ran.code
        told |= set(failed)
    assert told == set(NAMES)


@pytest.mark.parametrize("where", ["in", "out"])
def test_a_large_array_written_band_by_band_is_no_exception(ground, monkeypatch, where):
    """Every call that may fail there; nothing is left but a sentence."""
    # One thread: with more a look at the file comes first, and what fails there is tried again.
    words = ("pool", "in/features.npy", "-o", "out/features.npy", "-q", "--no-report", "--threads-per-image", "1")
    for at in range(NEVER):
        with faulty_disk(monkeypatch, ground.folder / where, at, failing(errno.ENOSPC)) as disk:
            ran = run(words, largest=1)
        if not disk.done:
            break
        assert (ran.code, len(ran.err.splitlines()), ground.outputs()) == (1, 1, {}), ran
    assert at > 5
    assert (ran.code, set(ground.outputs())) == (0, {"features.npy"})


def test_the_output_folder_goes_in_the_middle(ground, monkeypatch):
    """Somebody removes it: a picture may fail, the run goes on, what is there at the end is whole."""
    for at in range(NEVER):
        disk = faulty_disk(monkeypatch, ground.folder / "out", at, ground.clear)
        ran, made, disk = ground.run(disk, lines=3)  # of the picture, of all, of the journal
        if not disk.done:
            break
        assert ran.code == 0 or "No such file" in ran.err or "is not where it was" in ran.err
        assert made or "shift-report" in ran.err or NAME in ran.err


@pytest.mark.parametrize("name", NAMES)
def test_an_input_goes_between_plan_and_work(ground, monkeypatch, name):
    """One line, the others done."""
    path = ground.folder / "in" / name
    ground.inputs.pop(path)
    ran, made, _disk = ground.run(faulty_disk(monkeypatch, path, 0, path.unlink), codes=(1,))
    assert name in ran.err and "No such file" in ran.err
    assert sorted(each for each in made if each in NAMES) == sorted(set(NAMES) - {name})


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES], ids=errno.errorcode.get)
def test_no_room_for_temporary_files(ground, monkeypatch, number):
    """Plans and reports are spooled: one line, exit 1."""

    def refused(*_words, **_more):
        failing(number)()

    for name in ("TemporaryFile", "SpooledTemporaryFile", "NamedTemporaryFile"):
        for module in [tempfile, *(module for key, module in sys.modules.items() if key.startswith("poolcli."))]:
            if hasattr(module, name):
                monkeypatch.setattr(module, name, refused)
    ran, *_ = ground.run(nullcontext(), codes=(1,))
    assert os.strerror(number) in ran.err


KINDS = {KeyboardInterrupt: 130, MemoryError: 1}


def raise_at_random(ground, kind, times):
    """Raise `kind` at so many lines of poolcli, anywhere in a run."""
    *_, whole = ground.run(raising(kind, None), codes=(0,))
    for seed in range(times):
        fault = raising(kind, random.Random(seed).randrange(whole.lines))
        ran, _made, passed = ground.run(fault, codes=(0, KINDS[kind]))
        assert ran.code == (KINDS[kind] if passed.raised else 0), (passed, ran)
        assert passed.raised or passed.lines > whole.lines * 0.9  # as many lines as ever, but for those of luck


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_or_no_memory_at_any_line(ground, kind):
    """Exit 130 or 1, a sentence, what is finished is whole."""
    raise_at_random(ground, kind, 20)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_or_no_memory_at_very_many_lines(ground, kind):
    """The same a thousand times."""
    raise_at_random(ground, kind, 1000)


WRITTEN = ("png", "jpg", "tif", "webp", "gif", "avif", "bmp", "ppm", "tga", "jp2", "ico", "pcx", "sgi", "dds", "npy")


@pytest.mark.skipif(os.name != "posix", reason="POSIX limits")
@pytest.mark.parametrize("extension", WRITTEN)
@pytest.mark.parametrize("limit", [700, 4000])
def test_a_file_cut_short_is_never_taken_for_whole(tmp_path, extension, limit):
    """A disk with room for a part of a write takes that part, and says so only in the number of bytes."""
    import resource

    source, target = tmp_path / "noise.png", tmp_path / f"out.{extension}"
    picture("RGB", size=(100, 100)).save(source)
    before, told = resource.getrlimit(resource.RLIMIT_FSIZE), io.StringIO()
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with redirect_stderr(told):  # not into a file: that would be limited too
            code = main(["pool", str(source), "-o", str(target), "--k", "1", "--no-report", "-q"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (code, list(tmp_path.iterdir())) == (1, [source])
    assert f"cannot write '{target}': File too large" in told.getvalue()
