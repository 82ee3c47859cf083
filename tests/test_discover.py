"""What is found of folders, globs and lists; and that a long plan needs little memory."""

import json
import os
import tracemalloc
from io import BytesIO
from pathlib import Path, PurePath
from urllib.parse import quote

import pytest

from poolcli.batch.inputs import Inputs, named, names_in
from poolcli.batch.plan import Destination, Plan, check
from tests.batches import draw, process
from tests.process import bound


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


def places(inputs, **selection):
    """The places found, in order."""
    return [found.place.as_posix() for found in Inputs(is_png, **selection).named(map(named, inputs))]


def listed(names, **selection):
    """What is found of a list."""
    return list(Inputs(is_png, **selection).listed(names))


def test_a_folder_in_natural_order_then_those_in_it(tree):
    """Without recursion the folder alone."""
    assert places(["in"]) == ["a2.png", "a10.png"]
    everything = ["a2.png", "a10.png", "draft/d.png", "draft/x/e.PNG.png", "x/b.png", "x/deep/c.png"]
    assert places(["in"], recursive=True) == everything


@pytest.mark.parametrize(
    ("selection", "left"),
    [
        ({"exclude": ("draft",)}, ["a2.png", "a10.png", "x/b.png", "x/deep/c.png"]),
        ({"exclude": ("x",)}, ["a2.png", "a10.png", "draft/d.png"]),
        ({"exclude": ("draft/x", "A*")}, ["draft/d.png", "x/b.png", "x/deep/c.png"]),
        ({"include": ("a*", "*/c.*")}, ["a2.png", "a10.png", "x/deep/c.png"]),
        ({"include": ("x/*",), "exclude": ("deep",)}, ["x/b.png"]),
        ({"include": ("*.txt",)}, []),
    ],
)
def test_patterns(tree, selection, left):
    """Without a slash every name on the way, with one the whole way; a folder that is excluded is not looked into."""
    assert places(["in"], recursive=True, **selection) == left
    os.chdir("in")
    names = [str(path) for path in sorted(Path().rglob("*"), key=lambda path: path.as_posix())]
    assert sorted(found.place.as_posix() for found in listed(names, **selection)) == sorted(left)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("format", ["png", "tif", "npy", "csv"])
def test_contact_sheets_are_not_pooled(samples, command, format, whole):
    """A folder that holds outputs with their reports is an input like any other, and says what it leaves out."""
    sheet = f"one.{format}.shift.png" if whole else "one.shift.png"
    assert command("pool", "samples/one.png", "-o", f"first/one.{format}", "--report", "png").code == 0
    Path("first/one.shift.png").rename(f"first/{sheet}")
    Path("samples/colour.png").rename("first/z.png")
    for inputs in ("first", "first/*.*", f"{Path.cwd().as_uri()}/first/*.p*g"):
        ran = command("pool", inputs, "-o", "second/", "--dry-run")
        found = {Path(line.partition(" -> ")[0]).name for line in ran.out.splitlines()}
        assert (ran.code, "z.png" in found, sheet in found) == (0, True, False)
        assert f"first/{sheet}', beside the pictures of their names: name them to pool them" in ran.err
    again = command("pool", "first", "-o", "third/", "--exclude", f"one.{format}", "--exclude", "z.png")
    assert (again.code, "no picture among the inputs" in again.err, sheet in again.err) == (2, True, True)


def test_pictures_that_are_named_like_reports_are_pooled(tmp_path, monkeypatch, command):
    """Unless a picture that they can belong to is beside them; those that are named, a list of them, a glob: always."""
    monkeypatch.chdir(tmp_path)
    names = ("a.png", "a.shift.jpg", "a.shift.tif", "a.SHIFT.png", "red.shift.png", "a.tif.shift.png", "x/a.shift.png")
    for name in (*names, "a.shift.png", "a.png.shift.png"):
        draw(tmp_path / "in" / name)
    ran = command("pool", "in", "-r", "-o", "out/", "--no-report")
    assert (ran.code, "2 reports left out" in ran.err) == (0, True)
    assert {path.relative_to("out").as_posix() for path in Path("out").rglob("*.*") if path.is_file()} == {
        *names,
        ".poolcli-journal.jsonl",
    }
    own = ["in/a.png.shift.png", "in/a.shift.png"]
    Path("list").write_text("\n".join(own))
    for words in (own, ["in/a.[ps]*.png"], ["--files-from", "list"]):
        ran = command("pool", *words, "-o", "named/", "--dry-run")
        assert ([line.partition(" -> ")[0] for line in ran.out.splitlines()], ran.err) == (own, "")
    Path("list").write_text("\n".join([own[0], "in/a.png", own[1]]))
    ran = command("compare", "--files-from", "list", "--modes", "max,avg", "-o", "rows.csv")
    assert "2 reports left out, such as 'in/a.png.shift.png'" in ran.err
    assert [row.partition(",")[0] for row in Path("rows.csv").read_text().splitlines()[1:]] == ["in/a.png"] * 2


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
    assert places(["in"], recursive=True, outputs=Path("in/../in/x")) == [
        "a2.png",
        "a10.png",
        "draft/d.png",
        "draft/x/e.PNG.png",
    ]
    names = ["in/a2.png", "./in/x/b.png", "in/x/deep/c.png"]
    found = listed(names, outputs=Path("in/x"))
    assert [item.place.as_posix() for item in found] == ["in/a2.png"]
    assert len(listed(names, outputs=Path())) == 3  # all is in the working directory


def test_the_second_run_into_a_folder_inside_pools_the_same(tmp_path):
    """With the whole command line."""
    draw(tmp_path / "a.png")
    for _ in range(2):
        ran = process("pool", "-r", ".", "-o", "out", "--overwrite", cwd=tmp_path)
        assert (ran.returncode, ran.stdout.decode().splitlines()) == (0, [str(Path("out/a.png"))])


CLUTTER = ("._a.png", "x/._b.png", ".thumbnails/t.png", "x/@eaDir/e.png", "__MACOSX/m.png", "x/.AppleDouble/d.png")


def test_copies_and_notes_of_systems_are_no_inputs(tree, tmp_path):
    """AppleDouble files, thumbnails and the like, walked, listed or matched; but where they are named themselves."""
    for name in CLUTTER:
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).touch()
    everything = ["a2.png", "a10.png", "draft/d.png", "draft/x/e.PNG.png", "x/b.png", "x/deep/c.png"]
    assert places(["in"], recursive=True) == everything
    assert places(["in/*.png", "in/._*.png", "in/**/*.png"]) == [
        "a2.png", "a10.png", "a2.png", "a10.png", "d.png", "e.PNG.png", "b.png", "c.png",
    ]  # fmt: skip
    assert [found.path.name for found in listed(["in/._a.png", "in/a2.png"])] == ["a2.png"]
    assert places(["in/.thumbnails", "in/._a.png", "in/x/@eaDir/*.png"]) == ["t.png", "._a.png", "e.png"]


def test_a_bom_is_no_part_of_a_name():
    """Only at the start of the list, however it comes; names keep theirs."""
    listing = b"\xef\xbb\xbfa.png\n\xef\xbb\xbfb.png\n"
    for nul in (False, True):
        text = listing.replace(b"\n", b"\0") if nul else listing
        assert list(names_in(BytesIO(text), nul=nul)) == ["a.png", "\ufeffb.png"]
    assert list(names_in(BytesIO(b"\xef\xbb\xbf"), nul=False)) == []


def test_a_list_with_a_bom(command, tmp_path, monkeypatch):
    """As an editor on Windows writes it."""
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "a.png")
    Path("list").write_bytes(b"\xef\xbb\xbfa.png\r\n")
    assert command("pool", "--files-from", "list", "-o", "out", "-q").code == 0
    assert Path("out/a.png").exists()


@pytest.mark.parametrize("folder", ["photos [2024]", "[ab]", "a*", "b?", "x/[y]/z [1]"])
def test_a_pattern_below_a_folder_that_looks_like_one(tmp_path, monkeypatch, folder):
    """The folder is there as it is written; one that is not there stands for what it matches."""
    if os.name == "nt" and set(folder) & set("*?"):
        pytest.skip("no such name there")
    monkeypatch.chdir(tmp_path)
    for name in (f"{folder}/1.png", f"{folder}/2.png", "a/3.png", "b/4.png"):
        draw(tmp_path / name)
    for pattern in (f"{folder}/*.png", f"{tmp_path}/{folder}/*.png", f"./{folder}/**/[12].png"):
        assert places([pattern]) == ["1.png", "2.png"], pattern
    assert places(["[ab]/*.png"]) == (["1.png", "2.png"] if folder == "[ab]" else ["3.png", "4.png"])
    assert places([f"{folder}/missing.png"]) == ["missing.png"]  # a name: its job will say that it is not there


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.png", ["a2.png", "a10.png"]),
        ("a?.png", ["a2.png"]),
        ("x*/", ["x/b.png"]),
        ("x/[ab].png", ["x/b.png"]),
        ("**/[b].png", ["x/b.png"]),
        ("[a]/*.png", ["[a]/c.png"]),
        ("nothing*.png", []),
    ],
)
def test_patterns_of_file_urls(tree, command, pattern, names):
    """They match what the path would, whether what leads to it is percent-encoded or not."""
    for name in ("a2.png", "a10.png", "x/b.png", "[a]/c.png"):
        draw(tree / name)
    for start in (tree, tree.as_uri(), f"file://{quote(tree.as_posix())}"):
        ran = command("pool", f"{start}/{pattern}", "--dry-run", "-o", "out/")
        found = [line.partition(" -> ")[0] for line in ran.out.splitlines()]
        assert (ran.code, found) == (0 if names else 2, [str(tree / name) for name in names]), ran.err


def test_compare_takes_patterns_of_file_urls(tree, command):
    """As all commands that take several pictures."""
    for name in ("a2.png", "a10.png"):
        draw(tree / name)
    ran = command("compare", f"{tree.as_uri()}/a*.png", "--modes", "max,avg", "-o", "rows.csv")
    assert ran.code == 0, ran.err
    assert {row.split(",")[0] for row in Path("rows.csv").read_text().splitlines()[1:]} == {
        str(tree / "a2.png"),
        str(tree / "a10.png"),
    }


@pytest.mark.skipif(os.name == "nt", reason="permissions")
def test_a_closed_folder_fails_alone(tmp_path):
    """One below the inputs, one that is named: each is a failure with its record, exit 1; the rest is done."""
    for name in ("in/a.png", "in/closed/b.png", "in/z/c.png", "named/d.png"):
        draw(tmp_path / name)
    closed = [tmp_path / "in/closed", tmp_path / "named"]
    for folder in closed:
        folder.chmod(0)
    try:
        words = ("pool", tmp_path / "in", tmp_path / "named", "-r", "--json", "-o", tmp_path / "out")
        for more in (("--dry-run",), ()):
            ran = bound(*words, *more)
            if b"failed" not in ran.stdout:
                pytest.skip("nothing can be forbidden to this user")
            records = [json.loads(line) for line in ran.stdout.splitlines()]
            failed = [each for each in records if each["status"] == "failed"]
            assert (ran.returncode, sorted(each["input"] for each in failed)) == (1, sorted(map(str, closed)))
            assert all("cannot be read (Permission denied)" in each["error"] for each in failed)
            assert len(records) == 4
        assert b"2 of 4 pictures pooled, 2 failed (2 cannot be listed)" in ran.stderr
        assert bound("pool", tmp_path / "named", "-o", tmp_path / "out2").returncode == 2  # nothing else is there
        ranked = bound("compare", tmp_path / "in", "-r", "--modes", "max,avg")
        assert (ranked.returncode, ranked.stderr.count(b"cannot be read")) == (1, 1)
    finally:
        for folder in closed:
            folder.chmod(0o755)


def test_pictures_that_nothing_reads_are_counted(command, bare, tmp_path, monkeypatch):
    """In a note that says what would read them; where there is nothing else, with the error."""
    monkeypatch.chdir(tmp_path)
    for name in ("in/a.png", "in/b.heic", "in/x/c.HEIC", "in/d.jxl", "in/e.cr2", "in/f.txt", "other/g.nef"):
        draw(tmp_path / f"{name}.png").rename(tmp_path / name)
    note = "poolcli: 4 pictures left out that nothing installed here reads (1 .cr2, 2 .heic, 1 .jxl): pip install "
    ran = command("pool", "in", "-r", "-o", "out", "--json", "--no-report")
    assert (ran.code, len(ran.objects)) == (0, 1)
    assert ran.err.startswith(note + "imagecodecs pillow-heif, or convert them\n")
    assert "left out" not in command("pool", "in", "-r", "-o", "quiet", "--no-report", "-q").err
    assert "left out" not in command("pool", "in", "-r", "-o", "x", "--no-report", "--exclude", "*.[hjc]*").err
    (tmp_path / "list").write_text("in/a.png\nin/b.heic\nin/f.txt\n")
    assert "1 picture left out" in command("pool", "--files-from", "list", "-o", "listed", "--no-report").err
    told = command.refused("pool", "other", "-o", "o")
    assert "no picture among the inputs" in told and "1 picture left out" in told and "(1 .nef): convert them" in told


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


@pytest.mark.parametrize(
    ("lines", "sentence"), [(1 << 20, "no picture among the inputs"), (17 << 16, "nothing but empty names")]
)
def test_a_list_of_very_many_empty_lines(command, tmp_path, lines, sentence):
    """A million names as a program writes them that finds nothing; more are no list."""
    (tmp_path / "list").write_bytes(b"\n" * lines)
    assert sentence in command.refused("pool", "--files-from", tmp_path / "list", "-o", tmp_path / "out")


def test_a_file_named_twice_is_pooled_once(command, tmp_path, monkeypatch):
    """`a.png *.png` is no clash; another name for it is."""
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "a.png")
    draw(tmp_path / "b.png", 1)
    ran = command("pool", "a.png", "*.png", "a.png", "-o", "out/", "--no-report")
    assert (ran.code, sorted(ran.out.splitlines())) == (0, [str(Path("out/a.png")), str(Path("out/b.png"))])
    assert "2 of 2" in ran.err
    assert "would both be written" in command.refused("pool", "a.png", "./../" + tmp_path.name + "/a.png", "-o", "o/")


def test_the_plan_of_many_needs_little_memory(tmp_path):
    """Less than a kilobyte a path, checks included."""

    def peak(count):
        names = (f"in/folder/with a name/{number}.png" for number in range(count))
        tracemalloc.start()
        plan = Plan(Inputs(is_png).listed(names), Destination(lambda found: tmp_path / found.place, tmp_path, True))
        plan.add_reports({"json": ".shift.json"})
        check(plan, may_exist=False)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(plan) == count
        return most

    peak(10)  # what is loaded and kept once is not the plan's
    grown = peak(12_000) - peak(2_000)
    assert grown < 10_000 * 1000, f"{grown / 10_000:.0f} bytes a path"


def test_places_of_a_list_stay_below_the_outputs():
    """No root, no way up."""
    names = ["../../up.png", "/root/r.png", "./a/./b/../c.png", "plain.png"]
    found = [item.place for item in listed(names)]
    assert found == [PurePath("up.png"), PurePath("root/r.png"), PurePath("a/c.png"), PurePath("plain.png")]


def test_a_list_from_a_file_is_a_list(tmp_path):
    """One name a line."""
    draw(tmp_path / "a.png")
    (tmp_path / "list").write_text("a.png\n")
    assert process("pool", "--files-from", "list", "-o", "out", cwd=tmp_path).returncode == 0
    assert (tmp_path / "out/a.png").exists()


def test_a_pattern_takes_no_report_that_is_no_picture(tmp_path, command, monkeypatch):
    """Whatever is beside it; one that may be a picture is taken where there is no picture of its name."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "c.shift.png"):
        draw(tmp_path / name)
    (tmp_path / "b.shift.json").write_text("{}")
    (tmp_path / "b.shift.html").write_text("")
    assert command("pool", "*", "-o", "out/", "--no-report", "-q").code == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [".poolcli-journal.jsonl", "a.png", "c.shift.png"]
