"""The journal: killed at any moment, a run is resumed to the very bytes of an undisturbed one, and nothing twice."""

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

import numpy as np
import pytest
from PIL import Image

from poolcli.batch.state import NAME, State
from poolcli.errors import UsageError
from poolcli.shift.record import ShiftReport
from poolcli.storage import files
from tests.batches import contents, draw, draw_many, environment, process, words

REPORT = "shift-report.jsonl"


@pytest.fixture
def run(command, tmp_path, monkeypatch):
    """The command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return command


def journal(folder="out"):
    """The lines of a journal."""
    return [json.loads(line) for line in Path(folder, NAME).read_text("utf-8").splitlines()]


def statuses(ran):
    """name -> status, of --json."""
    return {Path(each["input"]).name: each["status"] for each in ran.objects}


def outputs(folder="out"):
    """What a run made, but its journal."""
    return {name: content for name, content in contents(folder).items() if name != NAME}


POOL = ("pool", "in", "-o", "out", "--json")


def test_a_resumed_run_does_what_is_left(run, tmp_path):
    """Skipped: done with this input and these settings, with an output of the recorded size."""
    draw_many(tmp_path / "in", 6)
    (tmp_path / "in/3.png").write_bytes(b"broken")
    assert run(*POOL).code == 1
    first = outputs()
    draw(tmp_path / "in/1.png", 99)  # changed
    draw(tmp_path / "in/3.png", 3)  # mended
    draw(tmp_path / "in/7.png", 7)  # new
    Path("out/0.png").write_bytes(b"torn")
    Path("out/2.png").unlink()
    ran = run(*POOL, "--resume")
    assert (ran.code, statuses(ran)) == (0, {
        "0.png": "ok", "1.png": "ok", "2.png": "ok", "3.png": "ok", "4.png": "skipped", "5.png": "skipped",
        "7.png": "ok",
    })  # fmt: skip
    assert "5 of 7 pictures pooled, 2 done before" in ran.err
    resumed = outputs()
    assert all(resumed[name] == first[name] for name in ("0.png", "2.png", "4.png", "5.png"))
    assert run("pool", "in", "-o", "fresh").code == 0
    fresh = outputs("fresh")
    assert {name: resumed[name] for name in fresh if name != REPORT} == {
        name: fresh[name] for name in fresh if name != REPORT
    }
    assert resumed[REPORT] == fresh[REPORT].replace(b"fresh", b"out")
    assert set(statuses(run(*POOL, "--resume")).values()) == {"skipped"}
    assert outputs() == resumed


def test_other_settings_are_other_work(run, tmp_path):
    """Recipe, shifts, range, form: what changes an output or a report. Not --max-pixels or --jobs."""
    draw_many(tmp_path / "in", 2)
    assert run(*POOL).code == 0
    for more in (["--k", "3"], ["--shift", "1,0"], ["--tolerance", "3"], ["--strip"], ["--report", "json"]):
        assert set(statuses(run(*POOL, *more, "--resume")).values()) == {"ok"}, more
        assert set(statuses(run(*POOL, *more, "--resume")).values()) == {"skipped"}, more
    same = [
        "--jobs",
        "1",
        "--max-pixels",
        "12345",
        "--engine",
        "processes",
        "--durable",
        "--threads-per-image",
        "2",
        "--report",
        "json",
    ]
    assert set(statuses(run(*POOL, *same, "--resume")).values()) == {"skipped"}


@pytest.mark.parametrize("more", [[], ["--checksum"]])
def test_an_output_is_what_was_made_last(run, tmp_path, more):
    """Going back to earlier settings is work to be done again, even where the files have one size."""
    Path("in").mkdir()
    for number in (1, 2):
        np.save(f"in/{number}.npy", np.arange(64, dtype=np.uint8).reshape(8, 8) * number)
    for mode, last in (("max", 9), ("avg", 5), ("max", 9)):
        ran = run(*POOL, "--mode", mode, "--resume", *more)
        assert set(statuses(ran).values()) == {"ok"}, mode
        assert np.load("out/1.npy")[0, 0] == last
    assert set(statuses(run(*POOL, "--mode", "max", "--resume", *more)).values()) == {"skipped"}


def test_a_journal_elsewhere_knows_outputs_however_they_are_spelled(run, tmp_path):
    """The same file by another way is the same output."""
    Path("in").mkdir()
    np.save("in/a.npy", np.arange(64, dtype=np.uint8).reshape(8, 8))
    for output, mode in (("out", "max"), (tmp_path / "in/../out", "avg"), ("out", "max")):
        words = ("pool", "in", "-o", output, "--mode", mode, "--journal", "kept", "--resume", "--json")
        assert statuses(run(*words)) == {"a.npy": "ok"}, (output, mode)
    assert np.load("out/a.npy")[0, 0] == 9
    assert statuses(run(*words)) == {"a.npy": "skipped"}


def test_a_run_killed_between_an_output_and_its_line(run, tmp_path, monkeypatch):
    """What it made in another way is not taken for what was there before."""
    Path("in").mkdir()
    np.save(tmp_path / "in/a.npy", np.arange(64, dtype=np.uint8).reshape(8, 8))
    assert run(*POOL, "--mode", "max").code == 0

    def killed(*anything):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(State, "done", killed)
        assert run(*POOL, "--mode", "avg", "--resume").code == 130
    assert np.load("out/a.npy")[0, 0] == 5
    assert statuses(run(*POOL, "--mode", "max", "--resume")) == {"a.npy": "ok"}
    assert np.load("out/a.npy")[0, 0] == 9


def test_an_input_is_known_by_size_and_time_or_by_content(run, tmp_path):
    """--checksum sees a change that keeps both, and none in a file that was only touched."""
    source = draw(tmp_path / "in/a.npy.png")
    np.save(tmp_path / "in/b.npy", np.zeros((8, 8), np.uint8))
    status = (tmp_path / "in/b.npy").stat()
    assert run(*POOL, "--checksum").code == 0
    np.save(tmp_path / "in/b.npy", np.ones((8, 8), np.uint8))
    os.utime(tmp_path / "in/b.npy", ns=(status.st_atime_ns, status.st_mtime_ns))
    os.utime(source)
    assert statuses(run(*POOL, "--checksum", "--resume")) == {"a.npy.png": "skipped", "b.npy": "ok"}
    assert np.load("out/b.npy").max() == 1
    assert set(statuses(run(*POOL, "--resume")).values()) == {"ok"}  # known in the other way
    os.utime(source)
    assert statuses(run(*POOL, "--resume")) == {"a.npy.png": "ok", "b.npy": "skipped"}


def test_the_existence_of_a_file_is_not_trusted(run, tmp_path):
    """Without a line in the journal an output is made again; without --resume it is in the way."""
    draw_many(tmp_path / "in", 2)
    draw(tmp_path / "out/0.png", 50)
    before = contents("out")
    assert run(*POOL).code == 2
    assert contents("out") == before
    assert statuses(run(*POOL, "--resume")) == {"0.png": "ok", "1.png": "ok"}
    assert contents("out")["0.png"] != before["0.png"]


def test_overwrite_begins_anew(run, tmp_path):
    """What an earlier run did is not trusted by a later --resume, should this one be cut off."""
    draw_many(tmp_path / "in", 3)
    run(*POOL)
    run("pool", "in/0.png", "in/1.png", "-o", "out", "--overwrite", "--no-report")
    assert len(journal()) == 2


def test_overwrite_forgets_before_it_begins(run, tmp_path, monkeypatch):
    """Cut off before its first picture is done, it has left no line to trust."""
    draw_many(tmp_path / "in", 2)
    run(*POOL)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("poolcli.cli.run.run_tasks", interrupted)
    assert run(*POOL, "--overwrite").code == 130
    assert journal() == []


def test_what_a_dead_run_left_is_swept_up_though_all_is_done(run, tmp_path):
    """Its temporary files; those of the living stay."""
    draw_many(tmp_path / "in", 2)
    run(*POOL)
    for number in (2**22 - 1, os.getppid()):
        Path("out", f".poolcli-{files._HOST}-{number}-aa.part").touch()
    assert set(statuses(run(*POOL, "--resume")).values()) == {"skipped"}
    assert [name for name in contents("out") if name.endswith(".part")] == [
        f".poolcli-{files._HOST}-{os.getppid()}-aa.part"
    ]


def test_torn_last_lines_are_written_over(run, tmp_path):
    """Cut anywhere: the lines before it count."""
    draw_many(tmp_path / "in", 4)
    run(*POOL)
    whole, made = Path("out", NAME).read_bytes(), outputs()
    for cut in (1, 9, 200, len(whole.splitlines(True)[-1]) - 1):
        Path("out", NAME).write_bytes(whole[:-cut])
        assert Counter(statuses(run(*POOL, "--resume")).values()) == {"skipped": 3, "ok": 1}
        assert [line["status"] for line in journal()] == ["ok"] * 4
        assert outputs() == made
    Path("out", NAME).write_bytes(whole[:-9] + b"x" * 5000)  # longer than the line that goes there
    assert Counter(statuses(run(*POOL, "--resume")).values()) == {"skipped": 3, "ok": 1}
    assert [line["status"] for line in journal()] == ["ok"] * 4
    Path("out", NAME).write_bytes(b"\x00\xffnonsense\n" + whole + b'{"key": "')
    assert set(statuses(run(*POOL, "--resume")).values()) == {"skipped"}
    spoilt = whole.splitlines(True)
    spoilt[1] = spoilt[1][:40] + b"\0" * 50 + b"\n"  # as a power cut may leave it
    Path("out", NAME).write_bytes(b"".join(spoilt))
    assert Counter(statuses(run(*POOL, "--resume")).values()) == {"skipped": 3, "ok": 1}
    assert outputs() == made


def test_a_dry_run_tells_what_is_left(run, tmp_path):
    """And writes nothing."""
    draw_many(tmp_path / "in", 3)
    run(*POOL)
    Path("out/1.png").unlink()
    Path("out", f".poolcli-{files._HOST}-{2**22 - 1}-aa.part").touch()  # a dead run's
    before = contents("out")
    assert [Path(each["input"]).name for each in run(*POOL, "--resume", "--dry-run").objects] == ["1.png"]
    assert contents("out") == before


def test_two_runs_into_one_folder_are_refused(run, tmp_path):
    """As long as the first one lives."""
    draw_many(tmp_path / "in", 2)
    with State(tmp_path / "out"):
        assert "another run is writing into" in run.refused(*POOL)
        assert "another run" in run.refused(*POOL, "--resume")
    assert outputs() == {}
    assert run(*POOL).code == 0
    with pytest.raises(UsageError, match="another run"):
        State(tmp_path / "out", new=True)


def test_two_runs_with_journals_of_their_own_are_refused(run, tmp_path):
    """What counts is the folder of the outputs; beside it stays nothing."""
    draw_many(tmp_path / "in", 2)
    with State(tmp_path / "mine", tmp_path / "out"):
        for more in ((), ("--journal", "yours"), ("--journal", "yours", "--resume")):
            assert "another run is writing into 'out'" in run.refused(*POOL, *more)
        assert run("pool", "in", "-o", "other", "--journal", "yours").code == 0
    Path("a file").write_text("")
    assert "--journal 'a file' is a file: name the folder" in run.refused(*POOL, "--journal", "a file")
    assert run(*POOL, "--journal", "yours", "--resume").code == 0
    assert sorted(contents("out")) == ["0.png", "1.png", REPORT]


KINDS = ("link", "dangling", "hard link", "folder", "pipe")


def in_place_of(path, kind, victim):
    """Put something else where a run has a file of its own."""
    path.parent.mkdir(exist_ok=True)
    if kind == "link":
        path.symlink_to(victim)
    elif kind == "dangling":
        path.symlink_to(victim.with_name("nowhere"))
    elif kind == "hard link":
        path.hardlink_to(victim)
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)


@pytest.mark.skipif(os.name == "nt", reason="links and pipes")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("more", [(), ("--overwrite",), ("--resume",), ("--resume", "--journal", "kept")])
def test_a_journal_that_is_somebody_elses_file_is_not_written(run, tmp_path, kind, more):
    """A link or a pipe called like it: refused before anything is done, and what it leads to is as it was."""
    draw_many(tmp_path / "in", 2)
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine\n")
    in_place_of(tmp_path / ("kept" if "--journal" in more else "out") / NAME, kind, victim)
    before = contents(tmp_path)
    assert "is a link, or no file" in run.refused(*POOL, *more)
    assert contents(tmp_path) == before
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(os.name == "nt", reason="links")
@pytest.mark.parametrize("name", ["0.shift.json", REPORT, "shift-report.html"])
@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "pipe"])
def test_a_report_that_is_somebody_elses_file_is_not_written(run, tmp_path, name, kind):
    """Reports are a run's own files; a hard link is left to its other name."""
    draw_many(tmp_path / "in", 2)
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    in_place_of(tmp_path / "out" / name, kind, victim)
    forms = ("--report", "json", "--report", "jsonl", "--report", "html")
    for more in ("--overwrite", "--resume"):
        before = contents(tmp_path)
        assert "is a link, or no file" in run.refused(*POOL, *forms, more)
        assert contents(tmp_path) == before
    Path("out", name).rmdir() if kind == "folder" else Path("out", name).unlink()
    Path("out", name).hardlink_to(victim)
    assert run(*POOL, *forms, "--overwrite").code == 0
    assert victim.read_bytes() == b"mine"
    assert Path("out", name).read_bytes() != b"mine"


def test_nothing_that_is_read_is_written(run, tmp_path):
    """Neither a journal nor a report nor an output: the inputs, the list, the kernel, the recipe."""
    draw_many(tmp_path / "in", 2)
    one = Path("in/0.png").read_bytes()
    for name in (NAME, "shift-report.jsonl", "list.shift.json", "k.shift.json", "r.shift.json"):
        Path("in", name).write_bytes(one)
    Path("in/k.shift.json").write_text("[[1, 2, 1]]")
    Path("in/r.shift.json").write_text('layers = "max:2"')
    Path("in/list.shift.json").write_text("in/0.png")
    Path("lists").mkdir()
    Path("in/list.shift.json").rename("lists/list.shift.json")
    before = contents("in"), contents("lists")
    both = ("in/0.png", "in/1.png", "--format", "npy", "--overwrite", "-o", "in")
    for given, said in {
        ("pool", f"in/{NAME}", *both): "input",
        ("pool", "in/shift-report.jsonl", *both, "--report", "jsonl"): "input",
        ("pool", "in/0.png", "--filter", "in/k.shift.json", "-o", "in/k.png", "--overwrite"): "kernel",
        ("stack", "conv:@in/k.shift.json max:2", "in/0.png", "-o", "in/k.png", "--overwrite"): "kernel",
        ("stack", "--recipe", "in/r.shift.json", "in/0.png", "-o", "in/r.png", "--overwrite"): "recipe",
        (
            "pool",
            "--files-from",
            "lists/list.shift.json",
            "-o",
            "lists/list.{ext}",
            "--overwrite",
            "--report",
            "json",
        ): "list",
    }.items():
        assert f"is the {said} '" in run.refused(*given), given
        assert (contents("in"), contents("lists")) == before, given


EDITS = {
    "status": [None, 1, [], {}, "ok ", True],
    "input": [None, 1, [], {"a": 1}],
    "output": [None, 1, []],
    "made_of": [None, 1, "", "zz", []],
    "bytes": [None, "1", [], {"output": "1"}, -1],
    "notes": [None, 1, "ab", [1], {"a": 1}],
    "reports": [None, 1, "ab", [1], [None], [{}], {"a": 1}, [{"input": 3}]],
    "key": [None, 1, "zz", []],
    "sum": [None, 1, "zz", "00000000"],
}


def test_a_line_that_somebody_edited_is_no_line(run, tmp_path):
    """Other types in any field, in the report too: the picture is done again, and nothing else happens."""
    draw_many(tmp_path / "in", 1)
    given = (*POOL, "--report", "csv", "--report", "jsonl")
    assert run(*given).code == 0
    made, (entry,) = outputs(), journal()
    edited = [{**entry, field: value} for field, values in EDITS.items() for value in values]
    edited += [{name: value for name, value in entry.items() if name != field} for field in entry]
    edited += [changed for changed in changes(entry) if changed != entry]
    edited += [None, 3, [], "x"]
    assert len(edited) > 100
    for line in edited:
        Path("out", NAME).write_text(json.dumps(line) + "\n")
        ran = run(*given, "--resume")
        assert (ran.code, [each["status"] for each in ran.objects]) == (0, ["ok"]), (line, ran.err)
        assert outputs() == made, line


def changes(entry):
    """The line with one value of its report after another, however deep, of another type."""
    for path in paths(entry["reports"][0]):
        for value in ("x", [], -1):
            copy = json.loads(json.dumps(entry))
            place = copy["reports"][0]
            for name in path[:-1]:
                place = place[name]
            place[path[-1]] = value
            yield copy


def paths(value, here=()):
    """The way to every value that holds no others."""
    if isinstance(value, dict | list) and value:
        for name in value if isinstance(value, dict) else range(len(value)):
            yield from paths(value[name], (*here, name))
    else:
        yield here


def test_a_journal_of_another_kind(run, tmp_path):
    """Bytes that are no lines, a line without an end, lines of something else: all is done anew."""
    draw_many(tmp_path / "in", 2)
    run(*POOL)
    made = outputs()
    odd = (b"\0" * 100_000, b"a" * 100_000, b"\n" * 1000, b"{}\n[]\n3\n", b"\xff\xfe\n", b'{"key": "' + b"0" * 99)
    for content in odd:
        Path("out", NAME).write_bytes(content)
        assert set(statuses(run(*POOL, "--resume")).values()) == {"ok"}
        assert set(statuses(run(*POOL, "--resume")).values()) == {"skipped"}
        assert outputs() == made


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_line_is_there_when_its_picture_is_done(tmp_path):
    """Not one picture later: what is told on stdout is in the journal."""
    draw_many(tmp_path / "in", 3)
    arguments = words("pool", "in", "-o", "out", "--json", "--engine", "serial", "--report", "json")
    with subprocess.Popen(
        arguments, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    ) as running:
        for count in (1, 2, 3):
            told = json.loads(running.stdout.readline())
            running.send_signal(signal.SIGSTOP)
            lines = journal(tmp_path / "out")
            running.send_signal(signal.SIGCONT)
            assert told["output"] in [line["output"] for line in lines]
            assert len(lines) >= count


def test_what_was_changed_is_done_again(run, tmp_path):
    """An output with bytes at its end, and a report beside it that is not the one that was written."""
    draw_many(tmp_path / "in", 4)
    words = (*POOL, "--report", "json")
    assert run(*words).code == 0
    made = outputs()
    with Path("out/0.png").open("ab") as stream:
        stream.write(b"x")
    Path("out/1.shift.json").write_text("{}")
    Path("out/2.shift.json").unlink()
    assert statuses(run(*words, "--resume")) == {"0.png": "ok", "1.png": "ok", "2.png": "ok", "3.png": "skipped"}
    assert outputs() == made


@pytest.mark.skipif(os.name == "nt", reason="open files cannot be moved there")
@pytest.mark.parametrize("more", [(), ("--journal", "kept")])
def test_a_folder_or_a_journal_that_goes_is_reported(run, tmp_path, monkeypatch, more):
    """Renamed or deleted while the run goes on: exit 1, though every picture is done."""
    draw_many(tmp_path / "in", 3)
    path, inner = Path("kept" if more else "out", NAME), State.done
    for act in (lambda: Path("out").rename("moved"), path.unlink):
        pending = [act]

        def changed(state, *given, pending=pending):
            inner(state, *given)
            if pending:
                pending.pop()()

        monkeypatch.setattr(State, "done", changed)
        ran = run(*POOL, *more)
        assert (ran.code, len(ran.objects)) == (1, 3)
        assert "is not where it was" in ran.err.splitlines()[-1], ran.err
        assert run(*POOL, *more, "--resume").code == 0
        for folder in ("out", "moved", "kept"):
            shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(("count", "engine"), [(3, "threads"), (3, "processes"), (102, "threads")])
def test_a_page_keeps_the_pictures_of_an_earlier_run(run, tmp_path, count, engine):
    """Resumed, it is the page of an undisturbed run, byte for byte."""
    draw_many(tmp_path / "in", count, size=(40, 30))
    words = (*POOL, "--report", "html", "--report", "jsonl", "--engine", engine)
    assert run(*words).code == 0
    whole = outputs()
    for name in ("1.png", "2.png"):
        Path("out", name).unlink()
    ran = run(*words, "--resume")
    assert Counter(statuses(ran).values()) == {"ok": 2, "skipped": count - 2}
    assert outputs() == whole
    assert Path("out/shift-report.html").read_bytes().count(b"data:image/png") >= 6 * count


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a.png", "--resume"], "needs the folder"),
        (["a.png", "-o", "b.png", "--resume"], "needs the folder"),
        (["-", "-o", "b.png", "--resume"], "leaves no journal"),
        (["a.png", "-o", "out/", "--resume", "--overwrite"], "give one of them"),
    ],
)
def test_what_cannot_be_resumed(run, tmp_path, arguments, sentence):
    """One sentence, exit code 2."""
    draw(tmp_path / "a.png")
    assert sentence in run.refused("pool", *arguments)


def test_single_pictures_have_a_journal_only_when_resumed(run, tmp_path):
    """Many processes may write one picture each into one folder at a time."""
    draw(tmp_path / "a.png")
    assert run("pool", "a.png", "-o", "out/").code == 0
    assert NAME not in contents("out")
    assert statuses(run("pool", "a.png", "-o", "out/", "--resume", "--json")) == {"a.png": "ok"}
    assert statuses(run("pool", "a.png", "-o", "out/", "--resume", "--json")) == {"a.png": "skipped"}


def test_a_record_survives_its_json_form(run, tmp_path):
    """from_dict is the inverse of to_dict, with a dense side and several shifts too."""
    draw(tmp_path / "in/a.png", size=(20, 30))
    run("pool", "in", "-o", "out", "--filter", "gauss", "--shift", "1,0", "--shift", "0,0")
    for line in Path("out", REPORT).read_text("utf-8").splitlines():
        assert json.loads(json.dumps(ShiftReport.from_dict(json.loads(line)).to_dict())) == json.loads(line)


def kill_and_resume(folder, count, kills, engine):
    """Kill a run of `count` pictures at random moments, `kills` times, each time resuming; compare, count."""
    draw_many(folder / "in", count, size=(96, 96))
    arguments = (
        "pool",
        "in",
        "-o",
        "out",
        "--engine",
        engine,
        "--jobs",
        "2",
        "-q",
        "--report",
        "json",
        "--report",
        "jsonl",
    )
    assert process(*arguments, cwd=folder).returncode == 0
    (folder / "out").rename(folder / "whole")
    rng, killed = random.Random(kills), 0
    for _ in range(kills):
        with subprocess.Popen(
            words(*arguments, "--resume"), cwd=folder, env=environment(), start_new_session=True
        ) as running:
            path, size = folder / "out" / NAME, -1
            wanted = (path.stat().st_size if path.exists() else 0) + rng.randrange(1, 2500)
            while running.poll() is None and size < wanted:  # at a moment of the work, whatever the machine's speed
                size = path.stat().st_size if path.exists() else 0
                time.sleep(0.001)
            running.kill()
            killed += running.wait() == -signal.SIGKILL
        for path in (folder / "out").glob("[!.]*"):
            if path.suffix == ".png":
                with Image.open(path) as picture:
                    picture.load()  # whole, at any moment
    assert killed >= min(kills, 5) // 2
    assert process(*arguments, "--resume", cwd=folder).returncode == 0
    assert outputs(folder / "out") == outputs(folder / "whole")
    done = Counter(line["key"] for line in journal(folder / "out") if line["status"] == "ok")
    assert (len(done), set(done.values())) == (count, {1})
    return killed


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("engine", "kills"), [("threads", 3), ("processes", 1)])
def test_killed_and_resumed(tmp_path, engine, kills):
    """A few kills; the hundred of the design are marked slow."""
    assert kill_and_resume(tmp_path, 16, kills, engine) >= 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_ctrl_c_leaves_a_journal_that_is_right(tmp_path, engine):
    """Every output has its line and every line its output; the rest is done by --resume."""
    draw_many(tmp_path / "in", 150, size=(64, 64))
    arguments = ("pool", "in", "-o", "out", "--json", "--engine", engine)
    with subprocess.Popen(
        words(*arguments), cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as running:
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=30)
    assert running.returncode == 130
    made = {name for name in contents(tmp_path / "out") if name.endswith(".png")}
    assert {Path(line["output"]).name for line in journal(tmp_path / "out")} == made
    assert 0 < len(made) < 150
    again = process(*arguments, "--resume", cwd=tmp_path)
    told = Counter(json.loads(line)["status"] for line in again.stdout.splitlines())
    assert told == {"skipped": len(made), "ok": 150 - len(made)}
    assert len(Path(tmp_path, "out", REPORT).read_bytes().splitlines()) == 150


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_killed_a_hundred_times_and_resumed(tmp_path):
    """300 pictures, 100 SIGKILLs: byte-equal to the undisturbed run, nothing twice, nothing left behind."""
    assert kill_and_resume(tmp_path, 300, 100, "threads") > 50
