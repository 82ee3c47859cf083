"""Every engine is the same map; workers that hang or die cost the item they had, nothing else."""

import os
import signal
import subprocess
import sys
import threading
import time
import types
from functools import partial
from importlib.machinery import ModuleSpec
from io import BytesIO
from pathlib import Path

import pytest

from poolcli.batch.executors import ENGINES, Failure, Limits, attempt, find_engine, run_in_order, run_tasks
from poolcli.batch.settings import Settings, seen_from_afar, weight
from poolcli.batch.state import NAME
from poolcli.errors import PoolcliError, UsageError
from poolcli.images import decoding, inspection
from poolcli.recipe import parse_recipe
from poolcli.reports import Job
from poolcli.storage import Url, files
from tests.batches import contents, draw, draw_many, environment, words

ROOT = Path(__file__).parent.parent

LOCAL = ("serial", "threads", "processes")


def square(number):
    """What every engine is given to do."""
    return number * number


def behave(item):
    """Do what the item says."""
    if item == "hang":
        time.sleep(60)
    if item == "crash":
        os.kill(os.getpid(), signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    if item == "leave":
        os._exit(3)
    return item.upper()


def refuse_to_start():
    """Unpickling it ends the worker."""
    os._exit(7)


class Stillborn:
    """A function that cannot be unpickled."""

    def __reduce__(self):
        return refuse_to_start, ()


@pytest.mark.parametrize("name", LOCAL)
def test_every_engine_is_the_same_map(name):
    """Each item with its result, more items than places."""
    pairs = list(run_tasks(ENGINES[name], square, iter(range(50)), Limits(jobs=3)))
    assert sorted(pairs) == [(number, number * number) for number in range(50)]


@pytest.mark.parametrize("name", LOCAL)
def test_no_more_items_are_taken_than_are_under_way(name):
    """The items come from a generator that says how far it was asked."""
    taken = 0

    def items():
        nonlocal taken
        for number in range(40):
            taken += 1
            yield number

    for given, _ in enumerate(run_tasks(ENGINES[name], square, items(), Limits(jobs=2))):
        assert taken - given <= 5


def test_memory_bounds_what_is_under_way():
    """Two of weight 4 under 10, one alone that is heavier than all."""
    under_way, most, lock = 0, [], threading.Lock()

    def work(weight):
        nonlocal under_way
        with lock:
            under_way += weight
            most.append(under_way)
        time.sleep(0.005)
        with lock:
            under_way -= weight

    weights = [4] * 10 + [25] + [4] * 10
    assert len(list(run_tasks(ENGINES["threads"], work, weights, Limits(jobs=8, memory=10), lambda item: item))) == 21
    assert max(each for each in most if each < 25) == 8
    assert max(most) == 25


def test_results_come_in_the_order_of_the_items():
    """Though the first takes longest, and one fails."""

    def work(number):
        time.sleep(0.02 * (number % 4 == 0))
        return 1 // (number - 5)

    results = list(run_in_order(work, range(12), Limits(jobs=4)))
    assert [item for item, _ in results] == list(range(12))
    assert [isinstance(result, Failure) for _, result in results] == [number == 5 for number in range(12)]


def test_workers_that_hang_or_die_are_blamed_exactly():
    """The others of the batch are done, by those who took their places."""
    items = ["a", "crash", "b", "hang", "c", "leave", "d", "e"]
    results = dict(run_tasks(ENGINES["processes"], behave, items, Limits(jobs=2, timeout=1.5)))
    assert {item: result for item, result in results.items() if isinstance(result, str)} == {
        letter: letter.upper() for letter in "abcde"
    }
    assert results["hang"] == Failure("timeout", "took more than 1.5 seconds and was ended")
    assert results["leave"] == Failure("crash", "ended its worker process (exit code 3)")
    assert (results["crash"].kind, "worker process" in results["crash"].reason) == ("crash", True)


def test_workers_that_never_start_are_told():
    """Not tried for ever."""
    with pytest.raises(PoolcliError, match=r"no worker process can be started.*exit code 7"):
        list(run_tasks(ENGINES["processes"], Stillborn(), ["a"], Limits(jobs=1)))


def divided(item):
    """A bug, for one of the items."""
    return 1 // item


def exhausted(item):
    """Memory that is not there, for one of the items."""
    return bytearray(item)


@pytest.mark.parametrize("name", LOCAL)
def test_a_bug_costs_the_item_that_meets_it(name):
    """Whatever it raises, in every engine, the others are done and it says what to do."""
    results = dict(run_tasks(ENGINES[name], divided, [1, 0, -1], Limits(jobs=2)))
    failure = results.pop(0)
    assert results == {1: 1, -1: -1}
    assert (failure.kind, "unexpected ZeroDivisionError (integer" in failure.reason) == ("unexpected", True)
    assert "please report it" in failure.reason
    results = dict(run_tasks(ENGINES[name], exhausted, [1, 1 << 60], Limits(jobs=2)))
    assert (results[1], results[1 << 60].kind) == (bytearray(1), "memory")


@pytest.mark.parametrize("name", [*LOCAL, "dask"])
def test_an_unforeseen_exception_of_a_picture_is_its_failure(command, tmp_path, monkeypatch, name, request):
    """Exit 1, one sentence, its record; the others of the batch are done."""
    if name == "dask":
        request.getfixturevalue("fake_dask")
    monkeypatch.chdir(tmp_path)
    draw_many(tmp_path / "in", 4)
    if name == "processes":  # a child loads its own modules
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
        Path("sitecustomize.py").write_text(BUG)
    else:
        monkeypatch.setattr("poolcli.batch.frames.decode", buggy(decoding.decode))
    ran = command("pool", "in", "-o", "out", "--engine", name, "--json", "-j", "2")
    assert ran.code == 1, ran
    failed = [each for each in ran.objects if each["status"] == "failed"]
    assert [(each["input"], each["kind"]) for each in failed] == [(str(Path("in/2.png")), "unexpected")]
    assert f"{Path('in/2.png')}: unexpected KeyError ('a bug', batch/frames.py:" in failed[0]["error"]
    assert "); please report it" in failed[0]["error"]
    assert "Traceback" not in ran.err
    assert sorted(path.name for path in Path("out").glob("*.png")) == ["0.png", "1.png", "3.png"]


def buggy(decode):
    """`decode` with a bug that one picture meets."""

    def wrapped(source, *, name, **more):
        if name.endswith("2.png"):
            raise KeyError("a bug")
        return decode(source, name=name, **more)

    return wrapped


BUG = """
import poolcli.images.decoding as decoding
decode = decoding.decode
def buggy(source, *, name, **more):
    if name.endswith("2.png"):
        raise KeyError("a bug")
    return decode(source, name=name, **more)
decoding.decode = buggy
"""


class KilledWorkerError(Exception):
    """What dask raises where an item has ended its workers."""

    allowed_failures = 1


class Future:
    """What became of a task, which is done before anybody asks."""

    def __init__(self, key, work):
        """`work` is a partial; of an item "crash" its worker dies."""
        self.key, self.error, self.value = key, None, None
        try:
            if "crash" in work.args[2]:
                raise KilledWorkerError
            self.value = work()
        except Exception as error:  # noqa: BLE001 (given to whoever asks, as dask does)
            self.error = error

    def add_done_callback(self, function):
        """It is done."""
        function(self)

    def result(self):
        """The value, or the error."""
        if self.error is not None:
            raise self.error
        return self.value


class Client:
    """A client of a cluster that is this process."""

    dashboard_link, status = "http://nowhere", "running"

    def __init__(self, *words, **more):
        """Connected."""

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        pass

    close = register_plugin = lambda self, *words: None

    def nthreads(self):
        """One worker of two threads."""
        return {"worker": 2}

    def run(self, function, **more):
        """On every worker."""
        return {"worker": function()}

    def submit(self, work, key):
        """Do it."""
        return Future(key, work)


@pytest.fixture
def fake_dask(monkeypatch):
    """As if dask were installed, with a scheduler that does everything in this process."""
    modules = {"distributed": {"Client": Client, "LocalCluster": Client, "WorkerPlugin": object},
               "distributed.comm": {"CommClosedError": OSError},
               "distributed.scheduler": {"KilledWorker": KilledWorkerError}}  # fmt: skip
    for name, parts in modules.items():
        module = types.ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        vars(module).update(parts)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "poolcli.batch.cluster", raising=False)
    yield
    sys.modules.pop("poolcli.batch.cluster", None)


def test_dask_is_the_same_map(fake_dask):
    """What is raised for an item costs that item; so does an item that ends its workers, and nobody of its chunk."""
    assert sorted(run_tasks(ENGINES["dask"], square, iter(range(50)), Limits(jobs=3))) == [
        (n, n * n) for n in range(50)
    ]
    results = dict(run_tasks(ENGINES["dask"], divided, [1, 0, -1], Limits(jobs=2)))
    failure = results.pop(0)
    assert results == {1: 1, -1: -1}
    assert (failure.kind, "unexpected ZeroDivisionError (integer" in failure.reason) == ("unexpected", True)
    assert dict(run_tasks(ENGINES["dask"], exhausted, [1, 1 << 60], Limits(jobs=2)))[1 << 60].kind == "memory"
    results = dict(run_tasks(ENGINES["dask"], behave, [*"abcdefgh", "crash", *"ijkl"], Limits(jobs=2)))
    assert results.pop("crash") == Failure(
        "crash", "ended its worker process 2 times (perhaps a crash in a codec, or the memory ran out)"
    )
    assert results == {letter: letter.upper() for letter in "abcdefghijkl"}


def test_what_keeps_dask_from_working_ends_the_run(fake_dask, monkeypatch):
    """A worker without this poolcli, and a scheduler that is gone: what is wrong, not the error of a picture."""
    monkeypatch.setattr(Future, "result", lambda self: square("a"))  # whatever a broken worker raises
    with pytest.raises(PoolcliError, match="a dask worker cannot do the work"):
        list(run_tasks(ENGINES["dask"], square, [1], Limits(jobs=1)))
    monkeypatch.setattr(Client, "status", "closed")
    with pytest.raises(PoolcliError, match="the dask scheduler is gone"):
        list(run_tasks(ENGINES["dask"], square, [1], Limits(jobs=1)))


def test_a_timeout_needs_an_engine_that_kills():
    """And chooses it where none is named."""
    assert find_engine(None).name == "threads"
    assert find_engine(None, timeout=True).name == "processes"
    with pytest.raises(UsageError, match="--engine processes"):
        find_engine("threads", timeout=True)
    with pytest.raises(UsageError, match="did you mean 'threads'"):
        find_engine("thread")


def test_same_bytes_whatever_the_engine(command, tmp_path, monkeypatch):
    """Outputs and the reports of the run."""
    monkeypatch.chdir(tmp_path)
    draw_many(tmp_path / "in", 12)
    draw(tmp_path / "in/large.png", size=(400, 300))
    (tmp_path / "in/0.png").write_bytes(b"broken")
    made = {}
    for name in LOCAL:
        folder = "out"
        ran = command("pool", "in", "-o", folder, "--engine", name, "--report", "csv", "--report", "jsonl", "--jobs", 2)
        assert (ran.code, len(ran.out.splitlines())) == (1, 12)
        made[name] = {path: content for path, content in contents(folder).items() if path != NAME}
        Path(folder).rename(f"out-{name}")
    assert made["serial"] == made["threads"] == made["processes"]
    assert {"shift-report.csv", "shift-report.jsonl", "large.png"} < set(made["serial"])


def test_a_picture_that_takes_too_long_is_one_failure(command, tmp_path, monkeypatch):
    """Here all do: exit code 1, one sentence each, nothing left behind."""
    monkeypatch.chdir(tmp_path)
    draw_many(tmp_path / "in", 2)
    ran = command("pool", "in", "-o", "out", "--timeout", "0.0001", "--json", "-j", "1")
    assert (ran.code, [each["status"] for each in ran.objects]) == (1, ["failed", "failed"])
    assert all("took more than 0.0001 seconds" in each["error"] for each in ran.objects)
    assert not [name for name in contents("out") if name not in ("shift-report.jsonl", NAME)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--engine", "thread"], "did you mean"),
        (["--engine", "serial", "--timeout", "3"], "--timeout"),
        (["--timeout", "0"], "more than 0"),
        (["--timeout", "nan"], "more than 0"),
        (["--jobs", "0"], "whole number from 1"),
        (["--jobs", "two"], "auto"),
        (["--memory", "lots"], "as in 2G"),
    ],
)
def test_limits_that_cannot_be(command, arguments, sentence):
    """One sentence, exit code 2, before anything is looked for."""
    assert sentence in command.refused("pool", "missing.png", *arguments)


def test_weights_are_told_by_headers(tmp_path):
    """Nothing is decoded: a header that promises much weighs much."""
    path = draw(tmp_path / "a.png", size=(30, 20))
    assert inspection.memory_needed(path, filtered=False) == 30 * 20 * 12
    assert inspection.memory_needed(path, filtered=True) == 30 * 20 * 40
    assert inspection.memory_needed(tmp_path / "missing.png", filtered=True) == 0
    job = Job(path, tmp_path / "b.png", "a.png", "b.png")
    assert weight(Settings(parse_recipe("max:2")), job) == 30 * 20 * 12
    assert weight(Settings(parse_recipe("conv:gauss relu max:2")), job) == 30 * 20 * 40
    assert weight(Settings(parse_recipe("max:2")), Job(BytesIO(), BytesIO(), "-", "-")) == 0


def test_a_worker_elsewhere_sees_whole_paths(tmp_path):
    """Of pictures, outputs and reports; objects and names stay as they are."""
    url = Url("s3", "bucket", "b.png")
    job = Job(Path("in/a.png"), Path("out/a.png"), "in/a.png", "out/a.png", {"json": Path("out/a.shift.json")})
    seen = seen_from_afar(job, tmp_path)
    assert (seen.source, seen.target) == (tmp_path / "in/a.png", tmp_path / "out/a.png")
    assert (seen.sides, seen.name) == ({"json": tmp_path / "out/a.shift.json"}, "in/a.png")
    stored = Job(url, url, "b", "b", {"json": url})
    assert seen_from_afar(stored, tmp_path) == stored


@pytest.mark.skipif(os.name == "nt", reason="no process can be asked there")
def test_temporary_files_of_the_dead_are_swept(tmp_path):
    """Those of this process and of living ones stay; other machines' after a day."""
    dead = 2**22 - 1  # above the numbers that Linux gives usually, allowed on every system
    host = files._HOST
    stay = [f".poolcli-{host}-{os.getpid()}-aa.part", f".poolcli-{host}-1-aa.part", ".poolcli-00000000-5-aa.part"]
    go = [f".poolcli-{host}-{dead}-aa.part", ".poolcli-00000000-5-bb.part"]
    for name in (*stay, *go, "mine.part"):
        (tmp_path / name).touch()
    os.utime(tmp_path / go[1], (1, 1))
    files.sweep(tmp_path)
    assert set(contents(tmp_path)) == {*stay, "mine.part"}
    files.sweep(tmp_path, begun=False)
    assert set(contents(tmp_path)) == {*stay[1:], "mine.part"}
    files.sweep(tmp_path / "missing")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_second_interrupt_does_not_wait(tmp_path):
    """Ctrl-C finishes what is under way, twice leaves it: both within seconds, exit code 130."""
    draw_many(tmp_path / "in", 150, size=(200, 200))
    with subprocess.Popen(
        words("pool", "in", "-o", "out", "--json", "--engine", "processes", "-j", "2"),
        cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        started = time.monotonic()
        out, err = running.communicate(timeout=30)
    assert (running.returncode, time.monotonic() - started < 5) == (130, True)
    assert "Traceback" not in err
    assert len(out.splitlines()) < 150


def test_functions_are_found_by_workers():
    """A partial of a function of a module is what the command line sends."""
    assert dict(run_tasks(ENGINES["processes"], partial(pow, 2), [3, 4], Limits(jobs=1))) == {3: 8, 4: 16}


def test_an_engine_that_is_named_is_used_for_a_single_picture(samples, command, monkeypatch):
    """Only the usual engine gives way to none; one that was asked for is never quietly left out."""
    used = []

    def nothing(engine, *_):
        used.append(engine.name)
        yield from ()

    monkeypatch.setattr("poolcli.cli.run.run_tasks", nothing)
    for options in ((), ("--engine", "processes"), ("--timeout", "9"), ("--engine", "threads")):
        command("pool", samples / "one.png", "-o", "out.png", *options)
    assert used == ["serial", "processes", "processes", "threads"]


def test_a_long_error_keeps_its_secret():
    """Cut where its password stands, no pattern knew it any more."""

    def work(item):
        raise ValueError("x" * 185 + " s3://me:password@host/key")

    result = attempt(work, 1)
    assert isinstance(result, Failure) and "me:" not in result.reason, result
