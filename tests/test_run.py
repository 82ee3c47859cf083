"""Runs through the command line: where outputs go, what is refused before any work, what is told, exit codes."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import poolcli
from poolcli.batch.plan import check
from poolcli.errors import UsageError
from poolcli.reports import Job
from poolcli.storage.files import merged
from tests.batches import contents, draw, draw_many, environment, process, words

USAGE, FAILED, INTERRUPTED, CLOSED_PIPE = 2, 1, 130, 141


@pytest.fixture
def run(command, tmp_path, monkeypatch):
    """The command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return command


def names(folder):
    """The visible files below a folder, hidden ones left out."""
    return [name for name in contents(folder) if not name.rsplit("/", 1)[-1].startswith(".")]


def test_the_tree_is_mirrored_under_the_output_folder(run, tmp_path):
    """Names are the inputs' own; only pictures are taken; a report of all lies at the root."""
    for name in ("a.png", "sub/b.png", "sub/deeper/한글 c.png"):
        draw(tmp_path / "in" / name)
    (tmp_path / "in/notes.txt").write_text("no picture")
    ran = run("pool", "-r", "in", "-o", "out")
    assert (ran.code, names("out")) == (0, ["a.png", "shift-report.jsonl", "sub/b.png", "sub/deeper/한글 c.png"])
    expected = poolcli.pool(np.asarray(Image.open("in/sub/b.png")), 2)
    assert np.array_equal(np.asarray(Image.open("out/sub/b.png")), expected)
    assert sorted(ran.out.splitlines()) == [str(Path("out", name)) for name in names("out") if "report" not in name]


def test_without_r_only_the_folder_itself(run, tmp_path):
    """Folders below need -r."""
    draw(tmp_path / "in/a.png")
    draw(tmp_path / "in/sub/b.png")
    assert run("pool", "in", "-o", "out").code == 0
    assert names("out") == ["a.png", "shift-report.jsonl"]


def test_natural_order(run, tmp_path):
    """a2 before a10, in the plan and in the report of the run."""
    for number in (10, 9, 2, 1, 100):
        draw(tmp_path / f"in/a{number}.png", number)
    order = [str(Path("in", f"a{number}.png")) for number in (1, 2, 9, 10, 100)]
    planned = run("pool", "in", "-o", "out", "--dry-run", "--json").objects
    assert [record["input"] for record in planned] == order
    run("pool", "in", "-o", "out")
    lines = Path("out/shift-report.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["input"]["path"] for line in lines] == order


def test_two_outputs_of_one_name_are_refused_before_any_work(run, tmp_path):
    """Equal names."""
    draw(tmp_path / "x/a.png")
    draw(tmp_path / "y/a.png")
    ran = run("pool", "x/a.png", "y/a.png", "-o", "out/")
    assert ran.code == USAGE
    assert "'x/a.png' and 'y/a.png' would both be written to 'out/a.png'" in ran.err.replace(os.sep, "/")
    assert not Path("out").exists()


def test_a_dry_run_shows_where_all_goes_before_it_refuses_a_clash(samples, command):
    """Of two folders with equal names, and of outputs that are there; nothing is written, and a template parts them."""
    for folder in ("images", "masks"):
        Path(folder).mkdir()
        for name in ("one.png", "four.png"):
            shutil.copy(samples / name, folder)
    ran = command("pool", "images", "masks", "-o", "out/", "--dry-run")
    lines = ran.out.replace(os.sep, "/").splitlines()
    assert ran.code == 2
    assert lines == [
        f"{folder}/{name} -> out/{name}" for folder in ("images", "masks") for name in ("four.png", "one.png")
    ]
    assert "would both be written to" in ran.err
    assert "-o 'out/{parent}/{stem}.{ext}'" in ran.err
    assert not Path("out").exists()
    parted = ("pool", "images", "masks", "-o", "out/{parent}/{stem}.{ext}")
    assert command(*parted, "--dry-run").code == command(*parted).code == 0
    again = command(*parted, "--dry-run")
    assert (again.code, len(again.out.splitlines())) == (2, 4)
    assert "exist already" in again.err


TWINS = [("a.png", "A.PNG"), ("ß.png", "SS.png"), ("\u00e4.png", "a\u0308.png"), ("\u00c4.png", "a\u0308.png")]


@pytest.mark.parametrize(("first", "second"), TWINS)
def test_twins_in_case_or_composition_are_two_where_they_are(run, tmp_path, first, second):
    """Only where the file system merges them they are one output; then nothing is written, and it says why."""
    draw(tmp_path / "x" / first, 1)
    draw(tmp_path / "y" / second, 2)
    (tmp_path / "out").mkdir()
    merges = merged(tmp_path / "out" / first, tmp_path / "out" / second)
    assert list((tmp_path / "out").iterdir()) == []
    (tmp_path / "probe").mkdir()
    (tmp_path / "probe" / first).touch()
    assert merges == (tmp_path / "probe" / second).exists()
    ran = run("pool", f"x/{first}", f"y/{second}", "-o", "out/", "--no-report")
    assert (ran.code, len(list((tmp_path / "out").glob("[!.]*")))) == ((USAGE, 0) if merges else (0, 2)), ran
    jobs = [Job(Path(f"in{each}"), Path("new", each), f"in{each}", f"new/{each}") for each in (first, second)]
    check(jobs, may_exist=False, merged=lambda one, other: False)
    said = f"since this file system takes '{first}' and '{second}' for one name"
    with pytest.raises(UsageError, match=re.escape(said)):
        check(jobs, may_exist=False, merged=lambda one, other: {one.name, other.name} == {first, second})
    with pytest.raises(UsageError, match=re.escape(said)):
        folders = [Job(Path(f"in{each}"), Path(each, "x.png"), f"in{each}", each) for each in (first, second)]
        check(folders, may_exist=False, merged=lambda one, other: True)


def test_twins_keep_their_lines_in_a_journal(run, tmp_path):
    """Resumed, neither is taken for the other."""
    draw(tmp_path / "in/a.png", 1)
    draw(tmp_path / "in/A.png", 2)
    if len(list((tmp_path / "in").iterdir())) < 2:
        pytest.skip("this file system has one of them")
    for more in ((), ("--resume",)):
        ran = run("pool", "in", "-o", "out", "--journal", "kept", "--json", "--no-report", *more)
        assert {each["status"] for each in ran.objects} == {"skipped" if more else "ok"}


def test_what_a_clash_is_answered_with_helps(run, tmp_path):
    """Folders by the template with {parent}; else only apart."""
    for name in ("x/a.png", "y/a.png", "x/b.png", "x/b.bmp"):
        draw(tmp_path / name)
    assert "-o 'out/{parent}/{stem}.{ext}'" in run("pool", "x/a.png", "y/a.png", "-o", "out/").err
    assert run("pool", "x/a.png", "y/a.png", "-o", "out/{parent}/{stem}.{ext}").code == 0
    told = run("pool", "x/b.png", "x/b.bmp", "-o", "other/", "--format", "png").err
    assert "run them apart" in told
    assert "{" not in told


FORMS = ("--report", "json", "--report", "png")


def test_reports_of_pictures_that_differ_in_their_extension(run, tmp_path):
    """The first has the short names, in one run or in several, resumed or not; the others the whole name of theirs."""
    draw(tmp_path / "in/one.png")
    draw(tmp_path / "in/one.webp")
    draw(tmp_path / "in/two.webp")
    both = ["one.png", "one.shift.json", "one.shift.png", "one.webp", "one.webp.shift.json", "one.webp.shift.png"]
    others = ["two.shift.json", "two.shift.png", "two.webp"]
    for more in ((), ("--overwrite",), ("--resume",)):
        assert run("pool", "in", "-o", "out", *FORMS, *more).code == 0
        assert names("out") == sorted([*both, *others])
    for name in ("one", "one.webp"):
        side = json.loads(Path(f"out/{name}.shift.json").read_text("utf-8"))
        assert side["output"]["path"] == str(Path("out", name if "." in name else "one.png"))
    for first, second in (("one.png", "one.webp"), ("one.webp", "one.png")):
        for name in (first, second):
            assert run("pool", f"in/{name}", "-o", f"{first}-first/", *FORMS).code == 0
        short = json.loads(Path(f"{first}-first/one.shift.json").read_text("utf-8"))
        whole = json.loads(Path(f"{first}-first/{second}.shift.json").read_text("utf-8"))
        assert [Path(each["output"]["path"]).name for each in (short, whole)] == [first, second]
        for name in (first, second, second, first):
            assert run("pool", f"in/{name}", "-o", f"{first}-first/", *FORMS).code == USAGE
            assert run("pool", f"in/{name}", "-o", f"{first}-first/", *FORMS, "--overwrite").code == 0
        assert len(names(f"{first}-first")) == 6
    for name in ("one.png", "one.webp"):  # beside the inputs
        assert run("pool", f"in/{name}", "--report", "json", "--report", "html").code == 0


def test_two_inputs_into_one_file_become_a_folder(run, tmp_path):
    """`-o out` with several inputs is a folder; a template without a field that differs is a clash."""
    draw(tmp_path / "a.png")
    draw(tmp_path / "b.png")
    assert run("pool", "a.png", "b.png", "-o", "out", "--no-report").code == 0
    assert names("out") == ["a.png", "b.png"]
    assert run("pool", "a.png", "b.png", "-o", "out.v2", "--no-report").code == 0
    assert names("out.v2") == ["a.png", "b.png"]
    assert "with {stem}" in run("pool", "a.png", "b.png", "-o", "{mode}.png").err


@pytest.mark.parametrize("inputs", [("in/a.png", "in/b.png"), ("in",), ("in", "-r")])
def test_several_inputs_into_one_picture(run, tmp_path, inputs):
    """A folder called c.png would surprise whoever finds it."""
    draw(tmp_path / "in/a.png")
    draw(tmp_path / "in/b.png")
    ran = run("pool", *inputs, "-o", "c.png")
    assert (ran.code, "give a folder, as in 'c/'" in ran.err) == (USAGE, True)
    assert not Path("c.png").exists()
    ran = run("pool", "in/*.png", "-o", "c.png")
    assert (ran.code, "give a folder with -o" in ran.err) == (USAGE, True)
    assert run("pool", *inputs, "-o", "c.png/", "--no-report").code == 0


def test_the_input_is_never_the_output(run, tmp_path):
    """Under its own name, by way of `..`, through symbolic and hard links, also with --overwrite."""
    draw(tmp_path / "in/a.png")
    before = (tmp_path / "in/a.png").read_bytes()
    Path("linked").symlink_to("in")
    Path("hard").mkdir()
    Path("hard/a.png").hardlink_to("in/a.png")
    Path("soft").mkdir()
    Path("soft/a.png").symlink_to("../in/a.png")
    for output in ("in/a.png", "in/../in/a.png", "linked/a.png", "hard/a.png", "soft/a.png", "in/", "hard/", "."):
        inputs = "in/a.png" if output != "." else "./in/../in/a.png"
        target = output if output != "." else "linked/"
        ran = run("pool", inputs, "-o", target, "--overwrite")
        assert (ran.code, "is the input" in ran.err) == (USAGE, True), output
    assert (tmp_path / "in/a.png").read_bytes() == before


def test_a_folder_needs_an_output(run, tmp_path):
    """Outputs beside the inputs would be pooled again."""
    draw(tmp_path / "in/a.png")
    ran = run("pool", "in")
    assert (ran.code, "needs -o" in ran.err) == (USAGE, True)


def test_beside_the_input_by_default(run, tmp_path):
    """NAME.<recipe>.EXT and its side file."""
    draw(tmp_path / "in/a.b.png")
    assert run("pool", "in/a.b.png", "--k", "3", "--s", "1", "--mode", "avg").code == 0
    ran = run("pool", "in/a.b.png", "--k", "3", "--s", "1", "--mode", "avg", "--overwrite")
    assert ran.out.splitlines() == [str(Path("in/a.b.avg-k3s1.png"))]
    assert names("in") == ["a.b.avg-k3s1.png", "a.b.avg-k3s1.shift.json", "a.b.png"]


def test_every_field_of_a_template(run, tmp_path):
    """stem, ext, parent, mode, k, s and recipe."""
    draw(tmp_path / "in/a.png")
    template = "out/{parent}/{mode}/{k}-{s}/{stem}.{recipe}.{ext}"
    assert run("pool", "in/a.png", "--k", "3x2", "--s", "1", "-o", template, "--no-report").code == 0
    assert names("out") == ["in/max/3x2-1/a.max-k3x2s1.png"]
    ran = run("pool", "in/a.png", "-o", "out/{stme}.png")
    assert (ran.code, "did you mean 'stem'" in ran.err) == (USAGE, True)
    for wrong in ("out/{stem", "out/}{stem}.png", "out/{stem!r}.png", "out/{stem:>9}.png", "out/{}.png"):
        assert run("pool", "in/a.png", "-o", wrong).code == USAGE, wrong


def test_a_template_of_folders(run, tmp_path):
    """With a slash at its end, as without fields: the tree is mirrored below it."""
    draw(tmp_path / "in/a.png")
    draw(tmp_path / "in/x/b.png")
    assert run("pool", "in", "-r", "-o", "out/{mode}-{k}/", "--no-report").code == 0
    assert names("out") == ["max-2/a.png", "max-2/x/b.png"]


def test_braces_in_a_template(run, tmp_path):
    """Twice they are themselves, as in Python's own."""
    draw(tmp_path / "in/a.png")
    assert run("pool", "in/a.png", "-o", "out/{{1}}/{stem}{{{k}}}.{ext}", "--no-report").code == 0
    assert names("out") == ["{1}/a{2}.png"]


def test_a_parent_leads_out_of_no_folder(run, tmp_path):
    """Behind a folder it lies in it, without its root and leading `..`; at the beginning it is the input's own."""
    draw(tmp_path / "in/a.png")
    Path("out").mkdir()
    os.chdir("out")
    for name in ("../in/a.png", tmp_path / "in/a.png"):
        assert run("pool", name, "-o", "here/{parent}/{stem}.{ext}", "--no-report").code == 0
    assert run("pool", "../in/a.png", "-o", "{parent}/{stem}-small.{ext}", "--no-report").code == 0
    whole = (tmp_path / "in").relative_to(tmp_path.anchor).as_posix()
    assert names(tmp_path / "out") == sorted(["here/in/a.png", f"here/{whole}/a.png"])
    assert names(tmp_path / "in") == ["a-small.png", "a.png"]


def test_existing_outputs_are_refused_unless_overwritten(run, tmp_path):
    """All are looked at before anything is written; the report of the run counts as one."""
    draw_many(tmp_path / "in", 3)
    draw(tmp_path / "out/2.png")
    before = contents("out")
    ran = run("pool", "in", "-o", "out")
    assert (ran.code, contents("out")) == (USAGE, before)
    assert "out/2.png' exists already" in ran.err.replace(os.sep, "/")
    assert run("pool", "in", "-o", "out", "--overwrite").code == 0
    assert contents("out")["2.png"] != before["2.png"]
    for name in ("0.png", "1.png", "2.png"):
        Path("out", name).unlink()
    ran = run("pool", "in", "-o", "out")
    assert (ran.code, "shift-report.jsonl' exists already" in ran.err) == (USAGE, True)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no sockets among files here")
def test_a_socket_among_the_outputs_is_refused(run, tmp_path):
    """Before anything is written, though outputs may be replaced."""
    draw_many(tmp_path / "in", 2)
    Path("out").mkdir()
    with socket.socket(socket.AF_UNIX) as there:
        there.bind("out/1.png")
    ran = run("pool", "in", "-o", "out", "--overwrite")
    assert (ran.code, list(Path("out").iterdir())) == (USAGE, [Path("out/1.png")])
    assert "1.png' is a pipe or device, in a folder of outputs" in ran.err


def test_dry_run_tells_and_does_nothing(run, tmp_path):
    """The pairs, plain and as JSON."""
    draw_many(tmp_path / "in", 2)
    arrow = [f"{Path('in', name)} -> {Path('out', name)}" for name in ("0.png", "1.png")]
    assert run("pool", "in", "-o", "out", "--dry-run").out.splitlines() == arrow
    records = run("pool", "in", "-o", "out", "--dry-run", "--json").objects
    assert records[1] == {
        "status": "planned",
        "input": str(Path("in/1.png")),
        "output": str(Path("out/1.png")),
    }
    assert not Path("out").exists()


def test_a_dry_run_finds_what_the_run_would_refuse(run, tmp_path):
    """The same checks, the same exit code."""
    draw(tmp_path / "in/a.png")
    draw(tmp_path / "out/a.png")
    assert run("pool", "in", "-o", "out", "--dry-run").code == USAGE


def test_a_dry_run_finds_what_headers_say(run, tmp_path):
    """No picture, too many pixels, a window that does not fit, a file that is not there: as the run, exit 1."""
    for name, size in {"good": (8, 8), "wide": (3, 9), "high": (9, 3), "large": (40, 40)}.items():
        draw(tmp_path / f"in/{name}.png", size=size)
    np.save(tmp_path / "in/array.npy", np.zeros((2, 9)))
    np.save(tmp_path / "in/cube.npy", np.zeros((2, 9, 9, 9)))
    (tmp_path / "in/text.png").write_text("no picture")
    (tmp_path / "in/half.png").write_bytes((tmp_path / "in/good.png").read_bytes()[:30])
    (tmp_path / "in/empty.png").write_bytes(b"")
    Image.new("RGB", (9, 3)).save(tmp_path / "in/turned.jpg", exif=exif(6))
    words = ("pool", "in", "missing.png", "--k", "4x2", "--max-pixels", "1000", "--json", "-o", "out")
    dry = run(*words, "--dry-run")
    assert not Path("out").exists()
    wet = run(*words)
    assert dry.code == wet.code == FAILED
    failed = {each["input"]: each["error"] for each in dry.objects if each["status"] == "failed"}
    assert failed == {each["input"]: each["error"] for each in wet.objects if each["status"] == "failed"}
    planned = {each["input"] for each in dry.objects if each["status"] == "planned"}
    assert planned == {each["input"] for each in wet.objects if each["status"] == "ok"}
    assert {Path(name).name for name in planned} == {"good.png", "high.png", "turned.jpg"}
    assert len(dry.err.splitlines()) == len(failed)


def exif(orientation):
    """A picture's notes that say how it is to be turned."""
    notes = Image.Exif()
    notes[0x0112] = orientation
    return notes


def test_json_lines_and_a_failing_picture(run, tmp_path):
    """The others are done, the bad one is one sentence and one record, the exit code is 1."""
    draw_many(tmp_path / "in", 3)
    (tmp_path / "in/1.png").write_bytes(b"\x89PNG nothing else")
    ran = run("pool", "in", "-o", "out", "--json")
    assert ran.code == FAILED
    by_input = {Path(record["input"]).name: record for record in ran.objects}
    assert {name: record["status"] for name, record in by_input.items()} == {
        "0.png": "ok", "1.png": "failed", "2.png": "ok",
    }  # fmt: skip
    assert by_input["0.png"]["report"]["schema"] == "poolcli.shift/2"
    assert "1.png" in by_input["1.png"]["error"]
    assert names("out") == ["0.png", "2.png", "shift-report.jsonl"]
    assert [line for line in ran.err.splitlines() if "1.png" in line] and "Traceback" not in ran.err


def test_quiet_tells_errors_only(run, tmp_path):
    """-q: nothing on stdout, on stderr what failed."""
    draw_many(tmp_path / "in", 2)
    ran = run("pool", "in", "-o", "out", "-q")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    ran = run("pool", "in/0.png", "missing.png", "-o", "out2/", "-q")
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (FAILED, "", 1)
    assert "missing.png" in ran.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no*.png"], "no file matches"),
        (["empty", "-o", "out"], "no picture among the inputs"),
        (["a.png", "--mode", "mxa"], "did you mean 'max'"),
        (["a.png", "--no-such"], "--no-such"),
        (["-", "a.png"], "one picture"),
        (["empty", "-o", "-"], "one picture"),
        (["-", "-o", "folder/"], "names no file"),
        (["a.png", "-o", "-", "--json"], "stdout"),
    ],
)
def test_usage_errors_are_one_sentence(run, tmp_path, arguments, sentence):
    """Exit code 2, nothing on stdout, nothing written."""
    draw(tmp_path / "a.png")
    (tmp_path / "empty").mkdir()
    ran = run("pool", *arguments)
    assert (ran.code, ran.out) == (USAGE, "")
    assert sentence in ran.err
    assert names(".") == ["a.png"]


def test_a_glob_and_a_name_that_looks_like_one(run, tmp_path):
    """Quoted patterns are expanded; a file that is really called so is itself."""
    for name in ("a1.png", "a2.png", "b.png", "[x].png"):
        draw(tmp_path / name)
    assert run("pool", "a*.png", "[x].png", "-o", "out/", "--no-report").code == 0
    assert names("out") == ["[x].png", "a1.png", "a2.png"]


def test_streams(tmp_path):
    """`-` in, `-` out: the picture alone on stdout, its side file where the output has a name."""
    draw(tmp_path / "a.png")
    picture = (tmp_path / "a.png").read_bytes()
    out = process("pool", "-", "-o", "-", input=picture, cwd=tmp_path)
    assert (out.returncode, out.stdout[:4]) == (0, b"\x89PNG")
    assert names(tmp_path) == ["a.png"]
    named = process("pool", "-", "-o", "b.png", input=picture, cwd=tmp_path)
    assert (named.returncode, (tmp_path / "b.png").read_bytes()) == (0, out.stdout)
    assert names(tmp_path) == ["a.png", "b.png", "b.shift.json"]
    from_file = process("pool", "a.png", "-o", "-", cwd=tmp_path)
    assert from_file.stdout == out.stdout
    assert process("pool", "-", "-o", "-", input=b"no picture", cwd=tmp_path).returncode == FAILED


def test_a_closed_pipe_is_quiet(tmp_path):
    """`poolcli ... | head -1`: exit code 141, nothing on stderr but what was told before."""
    draw_many(tmp_path / "in", 200)
    line = " ".join([*words("pool", "in", "-o", "out", "-q", "--json")]) + " | head -1; exit ${PIPESTATUS[0]}"
    ran = subprocess.run(["bash", "-c", line], cwd=tmp_path, env=environment(), capture_output=True, check=False)
    assert (ran.returncode, ran.stdout.count(b"\n"), ran.stderr) == (CLOSED_PIPE, 1, b"")


def test_an_interrupted_run_leaves_whole_files(tmp_path):
    """Ctrl-C in the middle: exit code 130, promptly; every output decodes, nothing temporary is left."""
    draw_many(tmp_path / "in", 2000, size=(64, 64))
    with subprocess.Popen(
        words("pool", "in", "-o", "out", "--json"), cwd=tmp_path, env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        started = time.monotonic()
        _, told = running.communicate(timeout=30)
    assert (running.returncode, time.monotonic() - started < 5) == (INTERRUPTED, True)
    assert "interrupted" in told and "Traceback" not in told
    outputs = [path for path in (tmp_path / "out").iterdir() if path.suffix == ".png"]
    assert 0 < len(outputs) < 2000
    for path in outputs:
        with Image.open(path) as picture:
            picture.load()
            assert picture.size == (32, 32)
    assert not [path for path in (tmp_path / "out").iterdir() if path.suffix == ".part"]


@pytest.mark.skipif(sys.platform == "win32", reason="names are text there")
def test_odd_names_do_not_play_with_the_terminal(run, tmp_path):
    """Control characters are shown, bytes that are no text go through."""
    draw(tmp_path / "a\x1b[2J.png")
    ran = run("pool", "a\x1b[2J.png", "-o", "out/", "--no-report")
    assert ran.code == 0
    assert "\x1b" not in ran.out + ran.err and "\\x1b" in ran.out
    name = os.fsdecode(b"\xff.png")
    (tmp_path / "a\x1b[2J.png").rename(name)
    ran = process("pool", name, "-o", "out/", "--json", cwd=tmp_path)
    assert (ran.returncode, b"Traceback" in ran.stderr) == (0, False)
    json.loads(ran.stdout.decode())


def test_reports_are_named_by_what_is_there_now(command, samples):
    """A listing of an earlier run in the same process, of another folder of that name, says nothing."""
    for name in ("one.png", "one.tif"):
        assert command("pool", samples / "mask.png", "-o", name).code == 0
    for name in ("two.png", "two.tif"):
        assert command("pool", samples / "mask.png", "-o", name).code == 0
    assert all(Path(name).is_file() for name in ("two.shift.json", "two.tif.shift.json"))
