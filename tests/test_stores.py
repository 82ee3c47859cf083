"""Stores by URL: names, what is shown of them, tries, and whole runs from and to a store in memory."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from poolcli.batch import executors
from poolcli.errors import PoolcliError, UsageError
from poolcli.storage import Url, place_of, publish, stores
from poolcli.storage.stores import redacted
from tests.batches import contents, draw, draw_many, environment

fsspec = pytest.importorskip("fsspec")

ADDRESSES = [
    ("memory://in/a/b.png", "a/b.png", "b.png", "memory://in/a/b.png"),
    ("MEMORY://in/a/", "a", "a", "memory://in/a"),
    ("memory://in", "", "", "memory://in"),
    ("memory://in/한글 폴더/a%20b?.png", "한글 폴더/a%20b?.png", "a%20b?.png", "memory://in/한글 폴더/a%20b?.png"),
]


@pytest.fixture
def store():
    """The store in memory, empty."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    return system


@pytest.fixture
def impatient(monkeypatch):
    """How long was waited for another try; nobody waits."""
    waited = []
    monkeypatch.setattr(stores.time, "sleep", waited.append)
    return waited


def keys(store):
    """What is in it."""
    return [path.removeprefix("/") for path in sorted(store.store)]


def fill(store, folder, count=3, prefix="in"):
    """Pictures drawn into a folder, and put into the store in two prefixes."""
    given = {}
    for number, path in enumerate(draw_many(folder, count)):
        key = f"{prefix}/{'a' if number % 2 else 'b c'}/{path.name}"
        store.pipe_file(f"/{key}", path.read_bytes())
        given[key] = path
    return given


@pytest.mark.parametrize(("text", "key", "name", "shown"), ADDRESSES)
def test_names(text, key, name, shown):
    """Keys are taken letter by letter, except for a slash at the end."""
    url = place_of(text)
    assert (url.key, url.name, str(url), url.address) == (key, name, shown, shown)


def test_names_of_http():
    """Percent signs are what they stand for, a query is no part of the name."""
    url = Url("https", "host:80", "x/a%20b.png", "sig=word")
    assert (url.name, url.suffix, url.stem) == ("a b.png", ".png", "a b")
    assert url.address == "https://host:80/x/a%20b.png?sig=word"
    assert (str(url), repr(url)) == ("https://host:80/x/a%20b.png?***", "Url('https://host:80/x/a%20b.png?***')")
    assert str(url.with_name("c.png")) == "https://host:80/x/c.png"


def test_file_urls_are_paths(tmp_path):
    """With what a path may hold."""
    odd = tmp_path / "한글 폴더" / "a b.png"
    assert place_of(odd.as_uri()) == odd
    assert place_of("a:b.png") == Path("a:b.png")
    assert place_of(f"file://localhost{tmp_path}/a#1?.png") == tmp_path / "a#1?.png"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("s4://in/a.png", "did you mean 's3://'"),
        ("memory://me:word@in/a.png", "a user in a URL is not allowed"),
        ("memory://in/a.zip::memory://b", "chained URLs"),
        ("file://elsewhere/a.png", "three slashes"),
    ],
)
def test_urls_that_are_refused(text, said):
    """In a sentence that does not repeat the password."""
    with pytest.raises(UsageError, match=said) as caught:
        place_of(text)
    assert "word" not in str(caught.value)


@pytest.mark.parametrize(
    "secret",
    [
        "cannot connect to https://me:SECRET@host/a.png",
        "403, url='https://host/a.png?X-Amz-Credential=SECRET&X-Amz-Signature=SECRET'",
        "GET https://account.blob/a?sv=2&sig=SECRET failed",
        "{'Authorization': 'AWS4-HMAC-SHA256 SECRET', 'x': 1}",
        "{'Authorization': 'Bearer SECRET'}",
        "aws_secret_access_key=SECRET, region=x",
        "X-Amz-Security-Token: SECRET",
        "password: 'SECRET'",
        "ftp://SECRET@host",
    ],
)
def test_secrets_are_not_shown(secret):
    """As errors of stores hold them."""
    assert "SECRET" not in redacted(secret)


@pytest.mark.parametrize("harmless", ["s3://in/a b.png: no such object", "why? because: x=1", "C:\\a@b.png", "me@host"])
def test_the_rest_is_shown(harmless):
    """Nothing is taken for a secret that is none."""
    assert redacted(harmless) == harmless


def failing(times, error):
    """A function that raises so many times before it gives 7."""
    left = [error] * times

    def work():
        if left:
            raise left.pop()
        return 7

    return work


def test_what_fails_is_tried_again(impatient):
    """Waiting longer every time; in the end the store's own words are told."""
    assert stores.tried(failing(2, OSError("busy"))) == 7
    assert len(impatient) == 2
    with pytest.raises(stores.StoreError, match="busy, tried 5 times"):
        stores.tried(failing(9, OSError("busy")))
    waits = impatient[2:]
    assert len(waits) == 4
    assert all(stores.FIRST_WAIT * 2**n / 2 <= wait <= stores.FIRST_WAIT * 2**n for n, wait in enumerate(waits))


class RefusedError(Exception):
    """An HTTP error, as aiohttp raises it."""

    status = 403


@pytest.mark.parametrize("error", [FileNotFoundError("x"), PermissionError("no"), RefusedError("no")])
def test_what_will_not_change_is_not_tried_again(impatient, error):
    """No object, no access."""
    with pytest.raises(stores.StoreError, match=r"there is no such object|^no$"):
        stores.tried(failing(1, error))
    assert impatient == []


def test_objects_appear_whole_or_not_at_all(store, tmp_path):
    """What is raised while it is written leaves nothing, in a store as on disk."""
    for place in (place_of("memory://out/a.png"), tmp_path / "a.png"):
        with pytest.raises(KeyError), publish(place) as stream:
            stream.write(b"half")
            raise KeyError
    assert keys(store) == []
    assert contents(tmp_path) == {}


def test_a_prefix_into_a_prefix(store, tmp_path, command):
    """The tree is mirrored, a report of all at its root, and the objects are what a local run makes."""
    given = fill(store, tmp_path / "local", 4)
    store.pipe_file("/in/notes.txt", b"no picture")
    result = command("pool", "memory://in", "-r", "-o", "memory://out/", "--json", "--exclude", "3.png")
    made = {key: store.cat_file(f"/{key}") for key in keys(store) if key.startswith("out/")}
    report = made.pop("out/shift-report.jsonl")
    assert result.code == 0, result.err
    assert sorted(made) == ["out/a/1.png", "out/b c/0.png", "out/b c/2.png"]
    assert len(report.splitlines()) == 3
    command("pool", tmp_path / "local", "-o", tmp_path / "made")
    for key, content in made.items():
        assert content == (tmp_path / "made" / key.rpartition("/")[2]).read_bytes()
    assert {line["input"] for line in result.objects} == {f"memory://{key}" for key in given} - {"memory://in/a/3.png"}
    assert {line["output"] for line in result.objects} == {f"memory://{key}" for key in made}


def test_patterns_lists_and_single_objects(store, tmp_path, command):
    """Each goes where a path would."""
    fill(store, tmp_path / "local", 4)
    assert command("pool", "memory://in/*/[02].png", "-o", "memory://two/", "-q", "--no-report").code == 0
    names = tmp_path / "names"
    names.write_text("memory://in/a/1.png\nmemory://in/a/3.png\nmemory://in/a\n")
    assert command("pool", "--files-from", names, "-o", tmp_path / "listed", "-q", "--no-report").code == 0
    assert command("pool", "memory://in/a/1.png", "--report", "json", "--report", "csv", "-q").code == 0
    template = "memory://x/{parent}-{mode}/{stem}.{ext}"
    assert command("pool", "memory://in/a/1.png", "-o", template, "-q", "--no-report").code == 0
    made = [key for key in keys(store) if not key.startswith("in/")]
    assert made == ["two/0.png", "two/2.png", "x/a-max/1.png"]
    beside = [key for key in keys(store) if "1.max" in key]
    assert beside == ["in/a/1.max-k2s2.png", "in/a/1.max-k2s2.shift.csv", "in/a/1.max-k2s2.shift.json"]
    local = contents(tmp_path / "listed")
    assert [name for name in local if name.endswith(".png")] == ["a/1.png", "a/3.png"]


def test_reports_beside_pictures_of_a_store_are_left_out(store, tmp_path, command):
    """As in a folder, with a note; those that a pattern or a list means alone are taken."""
    picture = draw(tmp_path / "a.png").read_bytes()
    for name in ("a.png", "a.shift.png", "red.shift.png"):
        store.pipe_file(f"/in/{name}", picture)
    for name in ("memory://in", "memory://in/*.png"):
        ran = command("pool", name, "-o", tmp_path, "--dry-run")
        assert "1 report left out, such as 'memory://in/a.shift.png'" in ran.err
        assert [line.partition(" -> ")[0] for line in ran.out.splitlines()] == [
            "memory://in/a.png",
            "memory://in/red.shift.png",
        ]
    ran = command("pool", "memory://in/a.s*.png", "-o", tmp_path, "--dry-run")
    assert (ran.out.partition(" -> ")[0], ran.err) == ("memory://in/a.shift.png", "")


def test_templates_of_objects(store, tmp_path, command):
    """Every field; folders by a slash; what would be one object is told before any work."""
    fill(store, tmp_path / "local", 3)
    words = ("pool", "memory://in", "-r", "-q", "--no-report", "-o")
    assert command(*words, "memory://out/{stem}").code == 0
    assert command(*words, "memory://flat/{stem}-{k}{s}-{recipe}.{ext}").code == 0
    assert command(*words, "memory://tree/{mode}/").code == 0
    made = [key for key in keys(store) if not key.startswith("in/")]
    assert made == [
        *(f"flat/{number}-22-max-k2s2.png" for number in range(3)),
        *(f"out/{number}" for number in range(3)),
        "tree/max/a/1.png",
        "tree/max/b c/0.png",
        "tree/max/b c/2.png",
    ]
    assert store.cat_file("/out/1") == store.cat_file("/tree/max/a/1.png")
    assert "would both be written to 'memory://one/max.png'" in command.refused(*words, "memory://one/{mode}.{ext}")
    assert "'memory://out/1' and 2 more exist" in command.refused(*words, "memory://out/{stem}")


def test_no_name_of_an_object_leads_out_of_a_template(store, tmp_path, command, monkeypatch):
    """Keys are taken letter by letter in a store, and are names of files in a folder."""
    monkeypatch.chdir(tmp_path)
    picture = draw_many(tmp_path / "local", 1)[0].read_bytes()
    for key in ("in/...png", "in/../up.png", "in/./here.png", "in/a\\b.png", "in/~.png"):
        store.pipe_file(f"/{key}", picture)
    for output in ("memory://out/{stem}/x.{ext}", "memory://out/{parent}/{stem}.{ext}", "there/{parent}/{stem}.{ext}"):
        given = [f"memory://{key}" for key in keys(store) if key.startswith("in/")]
        assert command("pool", *given, "-o", output, "-q", "--no-report").code == 0
    made = [key for key in keys(store) if not key.startswith("in/")]
    assert len(made) == 10
    assert all(key.startswith("out/") and not {"..", "."} & set(key.split("/")) for key in made), made
    assert len(list(Path("there").rglob("*.png"))) == 5
    assert {path.name for path in tmp_path.iterdir()} == {"local", "there"}


def test_the_other_commands(store, tmp_path, command):
    """`compare` and `diff` read and write objects too, and replace none."""
    fill(store, tmp_path, 2)
    one, other = "memory://in/a/1.png", "memory://in/b c/0.png"
    assert command("diff", one, other, "-o", "memory://x/d.json", "-o", "memory://x/d.csv", "--json").code == 0
    assert command("compare", "memory://in", "-r", "--modes", "max,avg", "-o", "memory://x/c.json").code == 0
    assert [key for key in keys(store) if key.startswith("x/")] == ["x/c.json", "x/d.csv", "x/d.json"]
    assert "'memory://x/d.json' exists already" in command.refused("diff", one, other, "-o", "memory://x/d.json")
    assert "'memory://x/c.json' exists already" in command.refused("compare", one, "-o", "memory://x/c.json")


def test_streams(store, tmp_path):
    """From a store to stdout."""
    fill(store, tmp_path / "local", 1)
    code = (
        "import fsspec, pathlib, sys; from poolcli.cli.app import main; "
        f"picture = pathlib.Path({str(tmp_path / 'local' / '0.png')!r}).read_bytes(); "
        "fsspec.filesystem('memory').pipe_file('/in/a.png', picture); "
        "sys.exit(main(['pool', 'memory://in/a.png', '-o', '-', '-q']))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("memory://in", "-o", "memory://in/"), "is the input 'memory://in/a/1.png'"),
        (("memory://in/a", "-o", "memory://there/"), "'memory://there/1.png' exists already"),
        (("memory://in/a",), "needs -o"),
        (("memory://nothing", "-o", "memory://x/"), "'memory://nothing' is not there"),
        (("memory://in/*.jpg", "-o", "memory://x/"), "no object matches 'memory://in/*.jpg'"),
        (
            ("memory://in/a", "-o", "memory://x/", "--resume"),
            "keep it local with --journal FOLDER",
        ),
        (("memory://in/a", "-o", "memory://x/", "--journal", "memory://j"), "give a local folder"),
        (("memory://in/a", "-o", "memory://x/", "--engine", "processes"), "memory:// is in this process alone"),
        (("memory://in/a", "-o", "memory://x/{wrong}.png"), "unknown field"),
    ],
)
def test_what_cannot_be_is_told_before_any_work(store, tmp_path, command, words, said):
    """Exit code 2, nothing written."""
    fill(store, tmp_path, 2)
    store.pipe_file("/in/a/2.png", b"x")
    store.pipe_file("/there/1.png", b"x")
    before = keys(store)
    more = ("-r", "--overwrite") if "memory://in/" in words else ()
    assert said in command.refused("pool", *words, *more)
    assert keys(store) == before


def test_outputs_among_the_inputs_are_not_pooled_again(store, tmp_path, command):
    """As in folders: what lies below the output is ours."""
    fill(store, tmp_path, 2)
    for more in ((), ("--overwrite",)):
        result = command("pool", "memory://in", "-r", "-o", "memory://in/small/", "--json", "--no-report", *more)
        assert [line["status"] for line in result.objects] == ["ok"] * 2
    made = [key for key in keys(store) if "small" in key]
    assert made == ["in/small/a/1.png", "in/small/b c/0.png"]


def test_many_existing_objects_are_seen_too(store, tmp_path, command):
    """By a listing, not one by one."""
    fill(store, tmp_path, 40)
    assert command("pool", "memory://in", "-r", "-o", "memory://out/", "-q", "--no-report").code == 0
    assert "and 39 more exist already" in command.refused("pool", "memory://in", "-r", "-o", "memory://out/")
    again = command("pool", "memory://in", "-r", "-o", "memory://out/", "-q", "--no-report", "--overwrite")
    assert again.code == 0


def test_a_busy_store_in_a_run(store, tmp_path, command, monkeypatch, impatient):
    """Every object is written at the third try; then one fails for good, and is the only one that does."""
    fill(store, tmp_path, 3)
    whole = type(store).pipe_file
    refused = {}

    def busy(self, path, value, **more):
        refused[path] = refused.get(path, 0) + 1
        if refused[path] <= 2 or "b c/2" in path:
            raise OSError("slow down https://me:word@host/?sig=word")
        return whole(self, path, value, **more)

    monkeypatch.setattr(type(store), "pipe_file", busy)
    result = command("pool", "memory://in", "-r", "-o", "memory://out/", "--json", "--no-report", "--engine", "serial")
    failed = [line for line in result.objects if line["status"] == "failed"]
    assert (result.code, len(result.objects), len(failed)) == (1, 3, 1)
    assert "cannot write 'memory://out/b c/2.png': slow down" in failed[0]["error"]
    assert "tried 5 times" in failed[0]["error"]
    assert "word" not in result.out + result.err
    assert [key for key in keys(store) if key.startswith("out")] == ["out/a/1.png", "out/b c/0.png"]


def test_an_object_that_is_gone(store, command):
    """One failed record."""
    result = command("pool", "memory://in/a.png", "-o", "memory://out/", "--json")
    assert (result.code, result.objects[0]["status"]) == (1, "failed")
    assert "memory://in/a.png: cannot be read (there is no such object)" in result.objects[0]["error"]


def test_resume_with_inputs_in_a_store(store, tmp_path, command):
    """What is done is skipped, what has changed is done again."""
    fill(store, tmp_path / "local", 3)
    words = ("pool", "memory://in", "-r", "-o", tmp_path / "out", "--json", "--resume")
    assert [line["status"] for line in command(*words).objects] == ["ok"] * 3
    store.pipe_file("/in/a/1.png", (tmp_path / "local" / "2.png").read_bytes())
    again = {line["input"].removeprefix("memory://in/"): line["status"] for line in command(*words).objects}
    assert again == {"a/1.png": "ok", "b c/0.png": "skipped", "b c/2.png": "skipped"}


def test_resume_with_outputs_in_a_store(store, tmp_path, command):
    """By a journal in a folder here: what is done and still there is skipped."""
    fill(store, tmp_path / "local", 3)
    words = ("pool", "memory://in", "-r", "-o", "memory://out/", "--json", "--journal", tmp_path / "journal")
    assert [line["status"] for line in command(*words).objects] == ["ok"] * 3
    report = store.cat_file("/out/shift-report.jsonl")
    store.rm_file("/out/a/1.png")
    for status in ("ok", "skipped"):
        again = {line["output"]: line["status"] for line in command(*words, "--resume").objects}
        assert again.pop("memory://out/a/1.png") == status
        assert set(again.values()) == {"skipped"}
        assert store.cat_file("/out/shift-report.jsonl") == report


@pytest.mark.parametrize("text", ["64", "1M"])
def test_memory_bounds_objects_too(store, tmp_path, command, text):
    """They are weighed by their first bytes; one that is heavier than all runs alone."""
    fill(store, tmp_path, 3)
    assert command("pool", "memory://in", "-r", "-o", "memory://out/", "-q", "--memory", text).code == 0


MISSING = [
    (("a.png", "-o", "s3://out/"), "s3fs", "s3:// needs s3fs, which is not installed: pip install s3fs"),
    (("gs://in/a.png",), "gcsfs", "gs:// needs gcsfs, which is not installed: pip install gcsfs"),
    (
        ("a.png", "--engine", "dask"),
        "distributed",
        "--engine dask needs distributed, which is not installed: pip install distributed",
    ),
]


@pytest.mark.parametrize(("words", "package", "said"), MISSING)
def test_what_is_not_installed_is_told_with_the_command(command, monkeypatch, words, package, said):
    """Before any work."""
    monkeypatch.setattr(stores, "find_spec", lambda name: None if name == package else find_spec("json"))
    monkeypatch.setattr(executors, "find_spec", lambda name: None if name == package else find_spec("json"))
    stores.find_store.cache_clear()
    assert said in command.refused("pool", *words)
    stores.find_store.cache_clear()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--scheduler", "here"), "is no address: give tcp://HOST:PORT"),
        (("--scheduler", "tcp://h:1", "--engine", "threads"), "--scheduler is for --engine dask"),
        (("--allowed-failures", "1"), "--allowed-failures is for workers that --engine dask starts"),
        (("--allowed-failures", "-1", "--engine", "dask"), "give 0 or more"),
        (("--timeout", "3", "--engine", "dask"), "--timeout cannot end a picture in the engine 'dask'"),
        (("--timeout", "3", "--scheduler", "tcp://h:1"), "--timeout cannot end a picture in the engine 'dask'"),
    ],
)
def test_options_of_clusters(command, monkeypatch, words, said):
    """What contradicts is refused, wherever dask is installed."""
    monkeypatch.setattr(executors, "find_spec", lambda name: find_spec("json"))
    assert said in command.refused("pool", "a.png", *words)


def test_nothing_of_it_is_loaded_without_a_url(tmp_path):
    """Neither fsspec nor dask nor ssl for local pictures."""
    draw_many(tmp_path, 2)
    code = (
        "import sys; from poolcli.cli.app import main; "
        f"code = main(['pool', {str(tmp_path / '*.png')!r}, '-o', {str(tmp_path / 'out')!r}, '-q']); "
        "print(code, {'fsspec', 'distributed', 'dask', 'ssl', 'urllib.request'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "0 set()\n"


def test_errors_of_stores_are_ours():
    """So that whoever calls the library need not know fsspec."""
    assert issubclass(stores.StoreError, PoolcliError)
    assert json.dumps(str(stores.StoreError("x"))) == '"x"'


def test_the_marker_of_a_folder_is_nothing_in_it(monkeypatch):
    """What consoles of buckets make for an empty folder: an object called like it."""

    class Listing:
        def ls(self, address, *, detail):
            assert (address, detail) == ("memory://b/dir", True)
            found = {"/b/dir/": "file", "/b/dir/a.png": "file", "/b/dir/sub/": "directory"}
            return [{"name": name, "type": kind} for name, kind in found.items()]

    monkeypatch.setattr(stores, "_system", lambda url: Listing())
    assert list(stores.entries(Url("memory", "b", "dir"))) == [("a.png", False), ("sub", True)]
