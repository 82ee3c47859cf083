"""Files that appear whole or not at all, by the umask, and what dead runs leave behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from poolcli.errors import OutputError
from poolcli.storage.files import publish, sweep
from tests.batches import draw, environment, process, words
from tests.process import shell

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


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_what_is_replaced_keeps_its_permissions(tmp_path, command, mode):
    """Also where nobody may write into the file itself: its folder is what is written to."""
    source, target = draw(tmp_path / "a.png"), draw(tmp_path / "b.png", 1)
    before = target.read_bytes()
    target.chmod(mode)
    assert command("pool", source, "-o", target, "--overwrite", "-q", "--no-report").code == 0
    assert (target.stat().st_mode & 0o777, target.read_bytes() != before) == (mode, True)


@posix
@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root gives files away")
def test_what_is_replaced_keeps_its_owner(tmp_path, command):
    """A run as root takes nothing from anybody."""
    source, target = draw(tmp_path / "a.png"), draw(tmp_path / "b.png", 1)
    os.chown(target, 1234, 2345)
    target.chmod(0o2660)
    assert command("pool", source, "-o", target, "--overwrite", "-q", "--no-report").code == 0
    status = target.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (1234, 2345, 0o2660)


@posix
def test_through_a_link_what_it_points_to_is_replaced(tmp_path, command):
    """The link stays one, also where nothing is there yet; with nothing half-written beside either."""
    source = draw(tmp_path / "a.png")
    (tmp_path / "far").mkdir()
    old = draw(tmp_path / "far/old.png", 1)
    before = old.read_bytes()
    for name in ("old", "new"):
        link = tmp_path / f"{name}.png"
        link.symlink_to(f"far/{name}.png")
        assert "exists already" in command.refused("pool", source, "-o", link, "-q", "--no-report")
        assert command("pool", source, "-o", link, "--overwrite", "-q", "--no-report").code == 0
        assert link.is_symlink()
    assert old.read_bytes() != before
    assert old.read_bytes() == (tmp_path / "far/new.png").read_bytes()
    assert names(tmp_path / "far") == ["new.png", "old.png"]
    assert names(tmp_path) == ["a.png", "far", "new.png", "old.png"]


@posix
def test_two_links_to_one_file_are_one_output(tmp_path, command):
    """Whichever came last would be all that is left."""
    draw(tmp_path / "in/a.png")
    draw(tmp_path / "in/b.png", 1)
    (tmp_path / "out").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "out" / name).symlink_to("../both.png")
    words = ("pool", tmp_path / "in", "-o", tmp_path / "out", "--overwrite", "-q", "--no-report")
    assert "would both be written to" in command.refused(*words)
    assert names(tmp_path) == ["in", "out"]


def test_what_is_advised_is_not_what_was_given(tmp_path, command, monkeypatch):
    """Inputs whose places below an output are one: `..` leads out of none."""
    draw(tmp_path / "a.png", 0)
    draw(tmp_path / "in/a.png", 1)
    monkeypatch.chdir(tmp_path / "in")
    for output in ("out/", "out/{parent}/{stem}.{ext}"):
        said = command.refused("pool", "../a.png", "a.png", "-o", output)
        assert said.endswith("run them apart, into a folder each\n")
    assert "use a template such as" in command.refused("pool", "../a.png", "../in/a.png", "-o", "out/{stem}.png")


@posix
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_stdout_by_its_other_names(tmp_path, name):
    """The picture and nothing else, into a pipe or a file."""
    draw(tmp_path / "a.png", 0)
    bare = shell(f"poolcli pool {tmp_path}/a.png -o - --no-report")
    assert (bare.returncode, bare.stdout[:4]) == (0, b"\x89PNG")
    words = f"poolcli pool {tmp_path}/a.png -o {name} --no-report"
    assert shell(words).stdout == bare.stdout
    shell(f"{words} >{tmp_path}/b.png")
    assert (tmp_path / "b.png").read_bytes() == bare.stdout
    ran = shell(f"{words} --json")
    assert (ran.returncode, ran.stdout) == (2, b"") and b"cannot both go to stdout" in ran.stderr


@posix
@pytest.mark.parametrize("name", ["/dev/stdin", "/dev/fd/0", "/dev/stderr", "/dev/fd/2", "/dev/fd/3"])
def test_no_picture_goes_to_another_stream(tmp_path, name):
    """The third is what stderr is called while it is kept from libraries."""
    draw(tmp_path / "a.png", 0)
    ran = shell(f"poolcli pool {tmp_path}/a.png -o {name} --no-report </dev/null")
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert ran.stderr.decode() == (
        f"poolcli: '{name}' is where poolcli reads or reports: give a file with -o, or - (stdout)\n"
    )
    assert shell(f"poolcli pool {tmp_path}/a.png -o >(cat >{tmp_path}/c.png) --no-report; wait").returncode == 0


@posix
def test_a_device_is_written_to(tmp_path, command):
    """`-o /dev/null` takes one picture or many, without a report beside it; it is never replaced."""
    for number in range(3):
        draw(tmp_path / f"in/{number}.png", number)
    before = os.stat("/dev/null")  # noqa: PTH116
    assert command("pool", tmp_path / "in/0.png", "-o", "/dev/null", "-q").code == 0
    assert command("pool", tmp_path / "in/0.png", "-o", "/dev/null", "--format", "jpg").code == 0
    ran = command("pool", tmp_path / "in", "-o", "/dev/null", "--json")
    assert (ran.code, [each["output"] for each in ran.objects]) == (0, ["/dev/null"] * 3)
    assert os.path.samestat(before, os.stat("/dev/null"))  # noqa: PTH116
    assert not [path for path in Path("/dev").iterdir() if "shift" in path.name]
    assert "--report json" in command.refused("pool", tmp_path / "in/0.png", "-o", "/dev/null", "--report", "json")
    os.mkfifo(tmp_path / "pipe")
    words = f"cat {tmp_path}/pipe >{tmp_path}/b.png & poolcli pool {tmp_path}/in/0.png -o {tmp_path}/pipe -q; wait"
    assert shell(words).returncode == 0
    assert command("pool", tmp_path / "in/0.png", "-o", tmp_path / "c.png", "--no-report", "-q").code == 0
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "c.png").read_bytes()


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


@posix
@pytest.mark.parametrize("output", ["new/../a.png", "new/../{stem}.{ext}", "new/other/../../a.png", "link.png"])
def test_a_way_through_folders_that_are_not_there_leads_to_no_input(tmp_path, command, monkeypatch, output):
    """Making them would open it: to the input itself."""
    monkeypatch.chdir(tmp_path)
    before = draw(Path("a.png")).read_bytes()
    Path("link.png").symlink_to("new/../a.png")
    for way in (output, f"file://{tmp_path}/{output}"):
        assert "is the input 'a.png'" in command.refused("pool", "a.png", "-o", way, "--overwrite")
    assert (Path("a.png").read_bytes() == before, names(tmp_path)) == (True, ["a.png", "link.png"])


@posix
def test_a_name_that_becomes_too_long_has_a_way_out(tmp_path, command, monkeypatch):
    """What is added to it is more than a file system holds."""
    monkeypatch.chdir(tmp_path)
    name = draw(tmp_path / f"{'a' * 248}.png").name
    assert "File name too long: give a shorter name with -o" in command.refused("pool", name, code=1)
    assert command("pool", name, "-o", "b.png", "--no-report").code == 0


@posix
@pytest.mark.parametrize("name", ["h#1.png", "q?x.png", "100%.png"])
def test_a_file_url_names_any_file(tmp_path, command, name):
    """What stands behind # and ? belongs to the name; % begins a code where two digits follow."""
    draw(tmp_path / "a.png")
    for source, target in (("a.png", name), (name, f"out/{name}")):
        assert (
            command("pool", f"file://{tmp_path}/{source}", "-o", f"file://{tmp_path}/{target}", "--no-report").code == 0
        )
        assert (tmp_path / target).exists()


def test_a_way_that_goes_back_makes_no_folder(tmp_path, command, monkeypatch):
    """Nor does it overwrite what is there."""
    monkeypatch.chdir(tmp_path)
    draw(Path("a.png"))
    for _ in range(2):
        ran = command("pool", "a.png", "-o", "new/../b.png", "--no-report")
    assert (ran.code, "'b.png' exists already" in ran.err, names(tmp_path)) == (2, True, ["a.png", "b.png"])


@pytest.fixture
def around(tmp_path, monkeypatch):
    """A folder of inputs of every kind, as it is; gives what makes sure that it still is so."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        draw(tmp_path / name)
    for name in ("cs/n.csv", "cs/m.csv", "k.json", "k.html", "stuff.zarr/notes.txt"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("1 0 / 0 1" if name.endswith("csv") else "[[1, 0], [0, 1]]")
    for name in ("t.tif", "stuff.zarr/t.tif"):
        tifffile.imwrite(name, np.zeros((64, 64), np.uint8), tile=(16, 16))
    zarr.open_group("g.zarr", mode="w").create_array("0", data=np.zeros((32, 32), np.uint8))

    def contents():
        return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}

    before = contents()
    return lambda: contents() == before


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("compare cs/*.csv --modes max,avg -o cs/n.csv", "is the input 'cs/n.csv'"),
        ("compare a.png --filter k.json --modes max -o k.json", "is the kernel 'k.json'"),
        ("compare a.png --modes conv:@k.json -o k.json", "is the kernel 'k.json'"),
        ("compare g.zarr/0 --modes max -o g.zarr/zarr.json", "lies inside a Zarr"),
        ("diff a.png b.png --filter k.json -o k.json", "is the kernel 'k.json'"),
        ("diff {here}/a.png b.png -o a.png", "is the input 'file://"),
        ("pyramid {here}/t.tif -o t.tif", "is the input 'file://"),
        ("diff MEMORY://in/a.png b.png -o memory://in/a.png", "is the input 'MEMORY://in/a.png'"),
        ("show a.png --filter k.html -o k.html", "is the kernel 'k.html'"),
        ("pyramid t.tif -o stuff.zarr", "is a folder of something else than a Zarr"),
        ("pyramid stuff.zarr/t.tif -o stuff.zarr", "is a folder of something else than a Zarr"),
        ("pyramid g.zarr/0 -o g.zarr/p.tif", "lies inside a Zarr"),
        ("pyramid g.zarr/0 -o g.zarr", "holds the input 'g.zarr/0'"),
        ("pool g.zarr/0 -o g.zarr", "holds the input 'g.zarr/0'"),
    ],
)
def test_no_command_writes_over_what_it_reads(around, command, line, sentence):
    """Whatever a glob, a filter or a folder of an array brings in, and whatever --overwrite says."""
    words = line.format(here=Path().absolute().as_uri()).split()
    assert sentence in command.refused(*words, "--overwrite")
    assert around()
