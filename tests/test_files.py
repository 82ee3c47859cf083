"""Files that appear whole or not at all, by the umask, and what dead runs leave behind."""

import os
import subprocess
import sys
import time

import pytest

from poolcli.errors import OutputError
from poolcli.files import publish, sweep
from tests.batches import draw, environment, process, words

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX permissions and signals")


def names(folder):
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_nothing_is_seen_before_it_is_whole(tmp_path):
    """Folders are made; until the end there is a temporary file only; an old one is there until the new is whole."""
    target = tmp_path / "a/b/c.png"
    with publish(target) as stream:
        stream.write(b"new")
        assert not target.exists()
        assert len(names(target.parent)) == 1
    assert (target.read_bytes(), names(target.parent)) == (b"new", ["c.png"])
    with pytest.raises(KeyError), publish(target) as stream:
        stream.write(b"half")
        raise KeyError
    assert (target.read_bytes(), names(target.parent)) == (b"new", ["c.png"])


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_are_those_of_any_new_file(tmp_path, mask):
    """As the umask says, not the secret ones of a temporary file."""
    before = os.umask(mask)
    try:
        with publish(tmp_path / "a"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~mask


def test_what_cannot_be_written_names_the_target(tmp_path):
    """A file where a folder should be, a folder where the file should be."""
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder/x").mkdir(parents=True)
    for target in (tmp_path / "file/a.png", tmp_path / "folder"):
        with pytest.raises(OutputError, match=r"cannot write '.*(a.png|folder)': "), publish(target) as stream:
            stream.write(b"x")
    assert names(tmp_path) == ["file", "folder"]


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
from poolcli.cli.app import main
sys.exit(main(sys.argv[1:]))
"""


@posix
def test_a_full_disk_costs_that_file_alone(tmp_path):
    """No file may grow beyond 2,000 bytes: the large one fails in one sentence, the small one is done."""
    draw(tmp_path / "in/large.png", size=(100, 100))
    draw(tmp_path / "in/small.png", size=(20, 20))
    arguments = ["pool", "in", "-o", "out", "--no-report", "-q"]
    done = subprocess.run(
        [sys.executable, "-c", FULL, *arguments],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot write" in done.stderr
    assert "large.png" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert names(tmp_path / "out") == [".poolcli-journal.jsonl", "small.png"]


@posix
def test_what_a_killed_run_leaves_is_swept_up_by_the_next(tmp_path):
    """A temporary file of a process that is gone goes; of one that lives it stays; the output was never half there."""
    source = draw(tmp_path / "a.png", size=(3000, 3000))
    out = tmp_path / "out"
    arguments = words("pool", source, "-o", out / "a.png", "--no-report", "--mode", "stride", "--k", "1", "-q")
    run = subprocess.Popen(arguments, env=environment())
    deadline = time.monotonic() + 30
    while not (out.is_dir() and names(out)) and time.monotonic() < deadline:
        time.sleep(0.001)
    run.kill()
    run.wait()
    left = names(out)
    assert len(left) == 1
    if left == ["a.png"]:
        pytest.skip("the run was done before it could be killed")
    living = out / left[0].replace(f"-{run.pid}-", f"-{os.getppid()}-")
    living.write_bytes(b"")
    done = process("pool", source, "-o", out / "a.png", "--no-report", "-q")
    assert done.returncode == 0, done.stderr
    assert names(out) == sorted(["a.png", living.name])


def test_files_of_others_are_not_swept(tmp_path):
    """Nothing but temporary files of poolcli, of this machine; of other machines only when they are old."""
    strange = ["a.part", ".poolcli-x.part", ".poolcli-0011-99-zz.part", "a.png"]
    fresh, old = ".poolcli-00112233-999999-ab.part", ".poolcli-00112233-999999-cd.part"
    for name in (*strange, fresh, old):
        (tmp_path / name).write_bytes(b"")
    os.utime(tmp_path / old, (0, 0))
    sweep(tmp_path)
    assert names(tmp_path) == sorted([*strange, fresh])


def test_a_target_whose_case_differs_is_the_input_where_case_does_not_count(tmp_path):
    """The device and number of a file tell, not its name."""
    source = draw(tmp_path / "a.png")
    alias = tmp_path / "A.PNG"
    if not alias.exists():  # a file system where case counts: a hard link stands for it
        alias.hardlink_to(source)
    before = source.read_bytes()
    done = process("pool", source, "-o", alias, "--overwrite")
    assert done.returncode == 2
    assert b"is the input" in done.stderr
    assert source.read_bytes() == before
