"""A real S3 protocol and real worker processes: `python -m pytest -m cluster`, with the extra `test-cluster`."""

import json
import os
import signal
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.batches import contents, draw, draw_many, environment, process
from tests.cluster import Bucket, begun, finish, free_port, running, s3_server, wait_for, workers_of

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the clients we check with
]

POOL = ("pool", "--mode", "avg", "--k", "3")
DASK = ("--engine", "dask", "--jobs", "2")
COUNT = 300

# What a worker loads before it begins: a codec that crashes for one picture, as some have.
CRASHING = """
import os, signal
from poolcli.images import decoding
def crashing(decode):
    def crash(source, *, name, **options):
        if "killer" in name:
            os.kill(os.getpid(), signal.SIGKILL)
        return decode(source, name=name, **options)
    return crash
decoding.decode = crashing(decoding.decode)
"""


@pytest.fixture(scope="module")
def s3():
    """The variables of a server that runs."""
    with s3_server() as variables:
        yield variables


@pytest.fixture
def buckets(s3):
    """Two empty buckets, given and made."""
    pair = Bucket(s3, "given"), Bucket(s3, "made")
    for bucket in pair:
        bucket.empty()
    return pair


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of 300 pictures in three folders, and what a local run makes of them."""
    top = tmp_path_factory.mktemp("pictures")
    for number in range(3):
        draw_many(top / "in" / f"part {number}", COUNT // 3, (90 + number, 121))
    done = process(*POOL, "in", "-r", "-o", "out/", "--engine", "serial", "-q", cwd=top)
    assert done.returncode == 0, done.stderr
    made = contents(top / "out")
    made = {name: content for name, content in made.items() if name.endswith(".png")}
    assert len(made) == COUNT
    return contents(top / "in"), made


def test_a_killed_worker_costs_nothing_but_time(s3, buckets, pictures, tmp_path):
    """300 pictures from s3:// to s3://, one of two workers killed in the middle: all there, as made locally."""
    given, made = pictures
    buckets[0].put(given)
    with begun(*POOL, "s3://given", "-r", "-o", "s3://made/", *DASK, cwd=tmp_path, **s3) as run:
        records = [json.loads(run.stdout.readline()) for _ in range(COUNT // 3)]
        workers = list(workers_of(run))
        assert len(workers) == 2
        assert run.poll() is None
        workers[0].kill()
        workers[0].wait(10)
        records, err, code = finish(run, records)
    assert (code, [record["status"] for record in records]) == (0, ["ok"] * COUNT), err
    assert "dask dashboard: http://127.0.0.1:" in err
    out = buckets[1].contents()
    report = out.pop("shift-report.jsonl").splitlines()
    assert out == made
    reported = [json.loads(line)["input"]["path"] for line in report]
    assert reported == [f"s3://given/{key}" for key in sorted_naturally(given)]
    assert list(tmp_path.iterdir()) == []


def sorted_naturally(keys):
    """The order of a folder: part, then number."""
    return sorted(keys, key=lambda key: (key.split("/")[0], int(key.split("/")[1].removesuffix(".png"))))


def test_a_picture_that_kills_its_workers_is_one_failed_record(buckets, s3, tmp_path):
    """All others of its chunk and of its workers are done."""
    preload = tmp_path / "crashing.py"
    preload.write_text(CRASHING)
    given = {path.name: path.read_bytes() for path in draw_many(tmp_path / "in", 40)}
    given["killer.png"] = given["7.png"]
    buckets[0].put(given)
    variables = {**s3, "DASK_DISTRIBUTED__WORKER__PRELOAD": json.dumps([str(preload)])}
    words = (*POOL, "s3://given", "-o", "s3://made/", *DASK, "--allowed-failures", "0", "--no-report")
    with begun(*words, cwd=tmp_path, **variables) as run:
        records, err, code = finish(run)
    failed = [record for record in records if record["status"] == "failed"]
    assert (code, len(records), len(failed)) == (1, 41, 1), err
    assert failed[0]["input"] == "s3://given/killer.png"
    assert "ended its worker process" in failed[0]["error"]
    assert set(buckets[1].contents()) == set(given) - {"killer.png"}
    assert "Traceback" not in err


def test_a_scheduler_that_is_there_already(buckets, s3, tmp_path):
    """Its workers stand elsewhere: paths are given whole; a local folder goes to a store, and that to a folder."""
    draw_many(tmp_path / "in", 20)
    address, elsewhere = f"tcp://127.0.0.1:{free_port()}", tmp_path / "elsewhere"
    elsewhere.mkdir()
    scheduler = ("-m", "distributed.cli.dask_scheduler", "--host", address, "--dashboard-address", "127.0.0.1:0")
    worker = ("-m", "distributed.cli.dask_worker", address, "--nthreads", "2", "--no-dashboard")
    with running(*scheduler, cwd=elsewhere), running(*worker, env=environment(**s3), cwd=elsewhere):
        for source, target in (("in", "s3://made/a/"), ("s3://made/a", "back/")):
            words = ("pool", "--k", "1", source, "-o", target, "--scheduler", address)
            with begun(*words, cwd=tmp_path, **s3) as run:
                records, err, code = finish(run)
            assert (code, len(records)) == (0, 20), err
    assert [name for name in contents(tmp_path / "back") if name.endswith(".png")] == list(contents(tmp_path / "in"))
    assert not [name for name in contents(elsewhere) if name.endswith(".png")]


@pytest.mark.parametrize(("scheme", "words"), [("tcp", b"cannot be reached"), ("tls", b"distributed.comm.tls")])
def test_a_scheduler_that_is_not_there_or_wants_certificates(tmp_path, scheme, words):
    """A sentence, soon; the second says where certificates belong."""
    draw_many(tmp_path, 2)
    done = process("pool", ".", "-o", "out/", "--scheduler", f"{scheme}://127.0.0.1:{free_port()}", cwd=tmp_path)
    assert done.returncode == 1
    assert words in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_scheduler_that_goes_away(tmp_path):
    """In the middle of a run: a sentence, and what is finished is whole."""
    draw_many(tmp_path / "in", COUNT, (90, 121))
    address = f"tcp://127.0.0.1:{free_port()}"
    scheduler = ("-m", "distributed.cli.dask_scheduler", "--host", address, "--dashboard-address", "127.0.0.1:0")
    worker = ("-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard", "--death-timeout", "5")
    with (
        running(*scheduler, cwd=tmp_path) as alive,
        running(*worker, env=environment(), cwd=tmp_path),
        begun(*POOL, "in", "-o", "out/", "--scheduler", address, cwd=tmp_path) as run,
    ):
        run.stdout.readline()
        alive.kill()
        _, err, code = finish(run, [None])
    assert (code, "the dask scheduler is gone" in err) == (1, True), err
    assert "Traceback" not in err


def test_a_worker_of_another_version_that_comes_later():
    """It refuses: what it made might differ."""
    from poolcli import __version__
    from poolcli.batch.cluster import _work
    from poolcli.errors import PoolcliError

    assert _work(__version__, str, [1])[1] == ["1"]
    with pytest.raises(PoolcliError, match=f"it has poolcli {__version__}"):
        _work("0.0.1", str, [1])


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent to a group of processes in another way there")
def test_ctrl_c_finishes_what_is_under_way(tmp_path):
    """Exit code 130, every output whole, and no noise from the workers, which are told too."""
    draw_many(tmp_path / "in", COUNT, (400, 300))
    with begun(*POOL, "in", "-o", "out/", *DASK, cwd=tmp_path) as run:
        run.stdout.readline()
        os.killpg(run.pid, signal.SIGINT)
        records, err, code = finish(run, [None])
    assert code == 130, err
    assert "Traceback" not in err
    made = [name for name in contents(tmp_path / "out") if name.endswith(".png")]
    assert len(made) == len(records) < COUNT


class Busy(BaseHTTPRequestHandler):
    """A server that is busy twice before it gives a picture."""

    picture, asked = b"", 0

    def do_GET(self):
        """Answer as above."""
        Busy.asked += 1
        self.send_response(200 if Busy.asked > 2 else 503)
        self.end_headers()
        if Busy.asked > 2:
            self.wfile.write(Busy.picture)

    def log_message(self, *words):
        """Say nothing."""


@contextmanager
def busy_server(picture):
    """Its address."""
    Busy.picture, Busy.asked = picture, 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_busy_server_is_asked_again_and_its_signature_is_not_told(tmp_path):
    """503 twice, then the picture; the query of its URL stands nowhere."""
    picture = draw(tmp_path / "a.png").read_bytes()
    with busy_server(picture) as address:
        url = f"{address}/a%20b.png?X-Amz-Signature=nobodysbusiness"
        done = process("pool", url, "-o", "out/", "--json", "--report", "csv", cwd=tmp_path)
    assert (done.returncode, Busy.asked) == (0, 3), done.stderr
    everything = done.stdout + done.stderr + b"".join(contents(tmp_path / "out").values())
    assert b"nobodysbusiness" not in everything
    assert (tmp_path / "out" / "a b.png").exists()


def test_wrong_credentials_are_told_without_them(s3, tmp_path):
    """A bucket that is not there, and a server that is gone: sentences."""
    gone = {**s3, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}", "AWS_MAX_ATTEMPTS": "1"}
    for variables in (s3, gone):
        with begun("pool", "s3://nobucket", "-o", "out/", cwd=tmp_path, **variables) as run:
            _, err, code = finish(run)
        assert code == 2, err
        assert "s3://nobucket" in err
        assert "Traceback" not in err
        assert s3["AWS_SECRET_ACCESS_KEY"] not in err


def test_local_engines_take_stores_too(buckets, s3, tmp_path):
    """Threads and processes, with a pattern, and side reports beside the objects."""
    given = {f"x/{path.name}": path.read_bytes() for path in draw_many(tmp_path / "in", 6)}
    buckets[0].put(given)
    for engine in ("serial", "threads", "processes"):
        words = ("pool", "s3://given/x/[0-3].png", "-o", f"s3://made/{engine}/", "--engine", engine, "--report", "json")
        with begun(*words, cwd=tmp_path, **s3) as run:
            records, err, code = finish(run)
        assert (code, len(records)) == (0, 4), err
    names = [f"{engine}/{n}{end}" for engine in ("processes", "serial", "threads") for n in range(4)
             for end in (".png", ".shift.json")]  # fmt: skip
    assert list(buckets[1].contents()) == names


def test_a_template_of_objects(buckets, s3, tmp_path):
    """As of files, with a bucket as its root; by two workers, whose bug costs one picture."""
    preload = tmp_path / "buggy.py"
    preload.write_text(CRASHING.replace("os.kill(os.getpid(), signal.SIGKILL)", 'raise KeyError("a bug")'))
    given = {f"x/{path.name}": path.read_bytes() for path in draw_many(tmp_path / "in", 6)}
    buckets[0].put({**given, "killer.png": given["x/0.png"]})
    variables = {**s3, "DASK_DISTRIBUTED__WORKER__PRELOAD": json.dumps([str(preload)])}
    words = ("pool", "s3://given", "-r", "-o", "s3://made/{mode}/{stem}", *DASK, "--no-report")
    with begun(*words, cwd=tmp_path, **variables) as run:
        records, err, code = finish(run)
    failed = [record for record in records if record["status"] == "failed"]
    assert (code, len(records)) == (1, 7), err
    assert [(each["input"], each["kind"]) for each in failed] == [("s3://given/killer.png", "unexpected")]
    assert "KeyError ('a bug'" in failed[0]["error"] and "please report it" in failed[0]["error"]
    assert list(buckets[1].contents()) == [f"max/{number}" for number in range(6)]
    assert "Traceback" not in err


def test_wait_for_itself():
    """What never comes is told."""
    with pytest.raises(AssertionError, match="not so within"):
        wait_for(lambda: False, seconds=0.1)
