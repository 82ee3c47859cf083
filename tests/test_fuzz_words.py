"""What users type, made up: recipes, option values, kernel and recipe files. Exit 0, 1 or 2, never a traceback."""

import json
import os
import shutil
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poolcli.cli.commands import COMMANDS
from poolcli.ops.filters import FILTERS, RANGES
from poolcli.ops.modes import ACTIVATIONS, MODES
from tests.batches import contents, draw_many
from tests.conftest import SAMPLES
from tests.trial import complaints, run

MORE = int(os.environ.get("POOLCLI_FUZZ", "400"))  # when it says nothing: the same examples every time
EXAMPLES = settings(
    deadline=None,
    max_examples=MORE // 5,
    derandomize="POOLCLI_FUZZ" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Options that reach beyond this process and this folder, or that another test is for.
ELSEWHERE = {
    "help",
    "output",
    "engine",
    "jobs",
    "scheduler",
    "files_from",
    "inputs",
    "words",
    "timeout",
    "memory",
    "journal",
}

numbers = st.sampled_from([*map(str, range(-1, 9)), "17", "64", "1e3", "0.5", "nan", "inf", "-0", "", " 2", "٣"])
sizes = st.one_of(numbers, st.lists(numbers, min_size=2, max_size=5).map("x".join), st.tuples(numbers).map(",".join))
names = st.sampled_from([*MODES, *FILTERS, *ACTIVATIONS, *RANGES, "conv", "gauss5", "zero", "wrap", "crop", "same"])
# "/" and "\\" would name other folders, a NUL cannot be typed, and surrogates stand for bytes that are no UTF-8.
odd = st.text(st.characters(exclude_characters="/\\\0", exclude_categories=[]), max_size=12)
values = st.one_of(numbers, sizes, names, odd, st.lists(numbers, min_size=2, max_size=4).map(",".join))
layer = st.builds(
    lambda *parts: "".join(parts),
    st.one_of(names, odd),
    st.sampled_from([":", "", "::", "=", ":@", ':"']),
    st.one_of(sizes, names, odd),
    st.one_of(st.just(""), st.builds(str.__add__, st.sampled_from("/+@,="), st.one_of(sizes, names, odd))),
    st.one_of(st.just(""), st.sampled_from([",ceil", ",edge=wrap", ",p=0", ",exclude-pad", ",", "@2", "+same"])),
)
good_layer = st.sampled_from(["relu", "abs", "max:2", "avg:3/2+1", "conv:gauss/2", "conv:line-v", "max:2/1+1@2,ceil"])
recipes = st.lists(st.one_of(layer, good_layer), max_size=5).map(" ".join)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with one picture in it."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLES / "colour.png", "in.png")
    return tmp_path


def check(folder, words, *, extra=()):
    """Run the command line; all that must be so after whatever the words were; the folder as it was before."""
    kept = {folder / name: (folder / name).read_bytes() for name in ("in.png", *extra)}
    ran = run(words)
    found = complaints(ran, "in.png", folder, kept, allowed=(0, 1, 2))
    if ran.code == 2 and not ran.err.startswith("poolcli: "):
        found.append("a usage error that does not say who says it")
    for path in folder.rglob("*"):  # first, so that the next example meets nothing of this one's
        if path.is_file() and path not in kept:
            path.unlink()
    assert not found, (found, ran)
    return ran


@EXAMPLES
@given(recipes)
def test_any_recipe_is_run_or_told(folder, text):
    """`stack` with layers that nobody would write."""
    check(folder, ["stack", "--", text, "in.png"])


@EXAMPLES
@given(recipes, sizes)
def test_any_recipe_has_a_shape_or_is_told(folder, text, size):
    """`shape`, which runs nothing."""
    check(folder, ["shape", "--", size, text])


def options(command):
    """The options of a command: (name, whether it takes a value), those that stay in this folder."""
    for name, option in COMMANDS[command].options().items():
        if name not in ELSEWHERE:
            yield option.spellings[0], option.kind is not bool


@pytest.mark.parametrize("command", ["pool", "compare"])
def test_any_value_of_any_option_is_taken_or_told(folder, command):
    """Every option of the command, those to come too, three at a time."""
    known = list(options(command))
    given_options = st.lists(st.tuples(st.sampled_from(known), values), max_size=3)

    @settings(EXAMPLES, max_examples=MORE // (4 if command == "pool" else 20))
    @given(given_options)
    def any_value(chosen):
        words = [f"{name}={value}" if takes else name for (name, takes), value in chosen]
        check(folder, [command, "in.png", *words])

    any_value()


INPUTS = ("in.png", "many", "many/*.png", "many/broken.png", "-", "missing.png", "list.txt", "")
PLACES = (
    "out.png",
    "out/",
    "out",
    "-",
    "out/{stem}.{ext}",
    "{parent}/new-{stem}.{ext}",
    "out/{mode}/",
    "many",
    "in.png",
)
FLAGS = ("-r", "--overwrite", "--resume", "--dry-run", "--json", "-q", "--no-report", "--checksum", "-0", "--frame=1")


@settings(EXAMPLES, max_examples=MORE)
@given(
    st.lists(st.sampled_from(INPUTS), max_size=3),
    st.none() | st.sampled_from(PLACES),
    st.none() | st.sampled_from(["-", "list.txt", "many"]),
    st.lists(st.sampled_from(FLAGS), max_size=3),
    st.sampled_from([b"", b"in.png\nmany/1.png\n", (SAMPLES / "four.png").read_bytes()]),
)
def test_any_inputs_and_places_are_taken_or_told(folder, monkeypatch, inputs, place, listed, flags, stdin):
    """Streams, folders, patterns and lists, into files, folders, templates and stdout, all together."""
    lay_out(folder)
    before = contents(folder)
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(stdin)))
    options = [*(("-o", place) if place else ()), *(("--files-from", listed) if listed else ())]
    ran = run(["pool", *inputs, *options, *flags])
    after = contents(folder)
    shutil.rmtree(folder)
    folder.mkdir()
    os.chdir(folder)
    assert ran.code in (0, 1, 2) and "Traceback" not in ran.err and not ran.warned, ran
    assert not ran.code or ran.err.startswith("poolcli: "), ran
    assert {name: after[name] for name in before} == before
    assert not [name for name in after if name.endswith(".part")]
    assert ran.code != 2 or after == before


def lay_out(folder):
    """Pictures of both kinds, good and bad, and a list of names."""
    shutil.copy(SAMPLES / "colour.png", folder / "in.png")
    draw_many(folder / "many", 3)
    (folder / "many/broken.png").write_bytes(b"broken")
    (folder / "list.txt").write_text("in.png\nmany/2.png\nmissing.png\n")


kernels = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
    st.lists(st.lists(numbers, min_size=1, max_size=4).map(" ".join), max_size=4).map("\n".join).map(str.encode),
    st.integers(0, 20_000).map(lambda depth: b"[" * depth),
)


@EXAMPLES
@given(kernels)
def test_any_kernel_file_is_used_or_told(folder, data):
    """Bytes, text, JSON, rows, brackets 20,000 deep."""
    Path("kernel.json").write_bytes(data)
    check(folder, ["pool", "in.png", "--filter", "kernel.json"], extra=["kernel.json"])


tomls = st.one_of(
    st.binary(max_size=60),
    recipes.map(lambda text: f"layers = {json.dumps(text)}".encode("utf-8", "surrogatepass")),
    st.lists(recipes, max_size=3).map(lambda texts: f"layers = {json.dumps(texts)}".encode()),
    st.sampled_from(
        [b"layers = 3", b"layers = [1]", b"[layers]", b"layers = [[", b"layers = []", b"a = " + b"[" * 9999]
    ),
)


@EXAMPLES
@given(tomls)
def test_any_recipe_file_is_run_or_told(folder, data):
    """The same in TOML."""
    Path("recipe.toml").write_bytes(data)
    check(folder, ["stack", "--recipe", "recipe.toml", "in.png"], extra=["recipe.toml"])
