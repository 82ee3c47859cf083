"""What is found of folders, globs and lists; and that a long plan needs little memory."""

import os
import tracemalloc
from pathlib import Path, PurePath

import pytest

from poolcli.batch import spool
from poolcli.batch.discover import discover, listed, names_in
from poolcli.batch.plan import Digests, Plan, check, digest
from poolcli.batch.spool import Spool, in_order
from poolcli.batch.wanted import Wanted, natural_key
from poolcli.errors import UsageError
from poolcli.report import Job
from tests.batches import draw, process


def is_png(path):
    """As images.is_picture, for files that need not be pictures."""
    return path.suffix == ".png"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Some empty files."""
    names = ("a10.png", "a2.png", "notes.txt", "x/b.png", "x/deep/c.png", "draft/d.png", "draft/x/e.PNG.png")
    for name in names:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "in"


def places(inputs, **wanted):
    """The places found, in order."""
    return [found.place.as_posix() for found in discover(inputs, Wanted(is_png, **wanted))]


def test_a_folder_in_natural_order_then_those_in_it(tree):
    """Without recursion the folder alone."""
    assert places(["in"]) == ["a2.png", "a10.png"]
    everything = ["a2.png", "a10.png", "draft/d.png", "draft/x/e.PNG.png", "x/b.png", "x/deep/c.png"]
    assert places(["in"], recursive=True) == everything


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ({"exclude": ("draft",)}, ["a2.png", "a10.png", "x/b.png", "x/deep/c.png"]),
        ({"exclude": ("x",)}, ["a2.png", "a10.png", "draft/d.png"]),
        ({"exclude": ("draft/x", "A*")}, ["draft/d.png", "x/b.png", "x/deep/c.png"]),
        ({"include": ("a*", "*/c.*")}, ["a2.png", "a10.png", "x/deep/c.png"]),
        ({"include": ("x/*",), "exclude": ("deep",)}, ["x/b.png"]),
        ({"include": ("*.txt",)}, []),
    ],
)
def test_patterns(tree, wanted, left):
    """Without a slash every name on the way, with one the whole way; a folder that is excluded is not looked into."""
    assert places(["in"], recursive=True, **wanted) == left
    os.chdir("in")
    names = [str(path) for path in sorted(Path().rglob("*"), key=lambda path: path.as_posix())]
    assert sorted(found.place.as_posix() for found in listed(names, Wanted(is_png, **wanted))) == sorted(left)


def test_contact_sheets_are_not_pooled(samples, command):
    """A folder that holds outputs with their reports is an input like any other."""
    assert command("pool", "samples/one.png", "-o", "first/", "--report", "png").code == 0
    done = command("pool", "first", "-o", "second/", "--json")
    assert [Path(line["input"]).name for line in done.objects] == ["one.png"]


def test_links_to_folders_are_not_followed(tree):
    """So that no loop is walked; links to files are, and a link that is named itself."""
    (tree / "x/loop").symlink_to("..")
    (tree / "x/link.png").symlink_to("../a2.png")
    Path("named").symlink_to("in/x")
    assert places(["in"], recursive=True)[-3:] == ["x/b.png", "x/link.png", "x/deep/c.png"]
    assert places(["named"]) == ["b.png", "link.png"]


def test_a_link_to_itself_is_one_bad_picture(tmp_path, monkeypatch, command):
    """The system cannot say whether it is a folder; the others of its folder are done."""
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "in/a.png")
    Path("in/b.png").symlink_to("b.png")
    ran = command("pool", "in", "-o", "out", "--no-report")
    assert (ran.code, ran.out.splitlines()) == (1, [str(Path("out/a.png"))])
    assert "b.png: the file cannot be opened" in ran.err


def test_outputs_inside_the_inputs_are_not_pooled_again(tree):
    """Under whatever name the folder is given, walked or listed."""
    wanted = {"recursive": True, "outputs": Path("in/../in/x")}
    assert places(["in"], **wanted) == ["a2.png", "a10.png", "draft/d.png", "draft/x/e.PNG.png"]
    names = ["in/a2.png", "./in/x/b.png", "in/x/deep/c.png"]
    found = listed(names, Wanted(is_png, outputs=Path("in/x")))
    assert [item.place.as_posix() for item in found] == ["in/a2.png"]
    assert len(list(listed(names, Wanted(is_png, outputs=Path())))) == 3  # all is in the working directory


def test_the_second_run_into_a_folder_inside_pools_the_same(tmp_path):
    """With the whole command line."""
    draw(tmp_path / "a.png")
    for _ in range(2):
        ran = process("pool", "-r", ".", "-o", "out", "--overwrite", cwd=tmp_path)
        assert (ran.returncode, ran.stdout.decode().splitlines()) == (0, [str(Path("out/a.png"))])


def test_names_in_a_list():
    """A line or a NUL each, the last with or without its end, bytes that are no text, blocks cut anywhere."""
    assert list(names_in(iter_bytes(b"a b\r\n\nc\nlast"), nul=False)) == ["a b", "c", "last"]
    assert list(names_in(iter_bytes(b"a\nb\0\0c\0"), nul=True)) == ["a\nb", "c"]
    assert [os.fsencode(name) for name in names_in(iter_bytes(b"\xff\n"), nul=False)] == [b"\xff"]


class iter_bytes:  # noqa: N801 (stands for a stream)
    """A stream that gives one byte at a time."""

    def __init__(self, content):
        """`content` is bytes."""
        self.content = content

    def read(self, size):
        """The next byte."""
        byte, self.content = self.content[:1], self.content[1:]
        return byte


def test_find_print0_as_the_readme_writes_it(tmp_path):
    """Names with spaces and line breaks; folders and other files left out; the tree mirrored."""
    for name in ("a b.png", "sub/c\nd.png", "sub/한글.png"):
        draw(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    listing = b"\0".join(
        [b".", b"./a b.png", b"./sub", b"./sub/c\nd.png", "./sub/한글.png".encode(), b"./notes.txt", b""]
    )
    ran = process("pool", "--files-from", "-", "-0", "-o", "out/", "--json", cwd=tmp_path, input=listing)
    assert (ran.returncode, ran.stdout.count(b"\n")) == (0, 3)
    made = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png"))
    assert made == ["a b.png", "sub/c\nd.png", "sub/한글.png"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--files-from", "missing", "-o", "out/"], "cannot be read"),
        (["--files-from", "-", "-", "-o", "out/"], "stdin"),
        (["a.png", "-0"], "--files-from"),
        (["--files-from", "-"], "needs -o"),
    ],
)
def test_what_a_list_cannot_be(command, arguments, sentence):
    """One sentence, exit code 2."""
    assert sentence in command.refused("pool", *arguments)


def test_a_file_named_twice_is_pooled_once(command, tmp_path, monkeypatch):
    """`a.png *.png` is no clash; another name for it is."""
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "a.png")
    draw(tmp_path / "b.png", 1)
    ran = command("pool", "a.png", "*.png", "a.png", "-o", "out/", "--no-report")
    assert (ran.code, sorted(ran.out.splitlines())) == (0, [str(Path("out/a.png")), str(Path("out/b.png"))])
    assert "2 of 2" in ran.err
    assert "would both be written" in command.refused("pool", "a.png", "./../" + tmp_path.name + "/a.png", "-o", "o/")


def test_sorting_by_way_of_a_file_is_sorting(monkeypatch):
    """Many names, few at a time."""
    monkeypatch.setattr(spool, "AT_ONCE", 7)
    monkeypatch.setattr(spool, "IN_MEMORY", 50)
    names = [f"p{(number * 7919) % 1000}\udcff" for number in range(1000)]
    assert list(in_order(names, natural_key)) == sorted(names, key=natural_key)


def test_a_spool_has_several_readers():
    """Each at its own place."""
    values = Spool([number, "x"] for number in range(1000))
    assert len(values) == 1000
    assert all(one == other for one, other in zip(values, values, strict=True))


def test_digests_that_meet_by_accident_are_no_clash(monkeypatch):
    """Only what is equal on a second look is refused."""
    monkeypatch.setattr("poolcli.batch.plan.digest", lambda key: 7)
    jobs = [Job(Path(f"in/{name}"), Path(f"out/{name}"), f"in/{name}", f"out/{name}") for name in "abc"]
    check(jobs, may_exist=False)
    jobs.append(Job(Path("x/B"), Path("out/B"), "x/B", "out/B"))
    with pytest.raises(UsageError, match="'in/b' and 'x/B'"):
        check(jobs, may_exist=False)


def test_digests_tell_what_is_repeated_and_common():
    """Of numbers whose answer is plain."""
    one, other = Digests(), Digests()
    for number in (1, 2, 3, 2):
        one.add(number)
    for number in (3, 4):
        other.add(number)
    assert (one.repeated(), one.common(other), other.repeated()) == ({digest(2)}, {digest(3)}, set())


def test_the_plan_of_many_needs_little_memory(tmp_path):
    """A path costs 24 bytes for the checks and a share of what is read ahead, far less than keeping it would."""

    class Mirror:
        @staticmethod
        def place(found):
            return tmp_path / found.place

    def peak(count):
        names = (f"in/{number}.png" for number in range(count))
        tracemalloc.start()
        plan = Plan(listed(names, Wanted(is_png)), Mirror)
        plan.check(may_exist=False)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(plan) == count
        return most

    peak(10)  # what is loaded and kept once is not the plan's
    grown = peak(16_000) - peak(2_000)
    assert grown < 14_000 * 400, f"{grown / 14_000:.0f} bytes a path"


def test_places_of_a_list_stay_below_the_outputs():
    """No root, no way up."""
    names = ["../../up.png", "/root/r.png", "./a/./b/../c.png", "plain.png"]
    found = [item.place for item in listed(names, Wanted(is_png))]
    assert found == [PurePath("up.png"), PurePath("root/r.png"), PurePath("a/c.png"), PurePath("plain.png")]


def test_a_list_from_a_file_is_a_list(tmp_path):
    """One name a line."""
    draw(tmp_path / "a.png")
    (tmp_path / "list").write_text("a.png\n")
    assert process("pool", "--files-from", "list", "-o", "out", cwd=tmp_path).returncode == 0
    assert (tmp_path / "out/a.png").exists()
