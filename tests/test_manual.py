"""README and manual: what they promise is there, their commands run and print what they say."""

import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

import poolcli
from poolcli.cli.commands import COMMANDS
from poolcli.cli.help import TOPICS
from poolcli.ops.filters import FILTERS
from poolcli.ops.modes import MODES
from poolcli.reports.forms import FORMS
from tests.batches import contents
from tests.pages import MANUAL, README, ROOT, blocks, prepared, run, run_by_shell, tidy

TEXT = "\n".join(page.read_text("utf-8") for page in MANUAL)
MENDED = "a page shows what a command printed once: `python -m tests.pages` writes what it prints now"
posix = pytest.mark.skipif(sys.platform == "win32", reason="the blocks are for a POSIX shell")


def named(word):
    """Whether the manual has this word by itself, in code."""
    codes = re.findall(r"`([^`\n]+)`|^(?:\| )?(poolcli .*)$", TEXT, re.MULTILINE)
    return any(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", "".join(code)) for code in codes)


def test_the_readme_is_short():
    """A first screen and four recipes; the rest is the manual."""
    assert len(README.read_bytes()) <= 8 * 1024


def test_the_two_commands_are_there():
    """The one that runs the main job, and the one that .ci/run reads and runs."""
    marked = dict(re.findall(r"^<!-- command: (\w+) -->\n```sh\n(.*?)^```$", README.read_text("utf-8"), re.M | re.S))
    assert "poolcli pool samples/one.png" in marked["main"] and "activate" in marked["main"]
    assert "-m pytest" in marked["test"]


@posix
def test_the_commands_of_the_readme_run_twice(tmp_path):
    """As they stand, in a folder with the samples, which stay as they are; they print what the README says."""
    environment = prepared(tmp_path)
    before = contents(tmp_path / "samples")
    for time in (1, 2):
        for block in blocks(README):
            code, printed = run_by_shell(block, tmp_path, environment)
            assert code == 0, (time, block.script, printed)
            assert block.output is None or tidy(printed) == tidy(block.output), MENDED
    assert contents(tmp_path / "samples") == before


@posix
@pytest.mark.parametrize("page", MANUAL, ids=lambda page: page.stem)
def test_the_commands_of_the_manual_run_twice(tmp_path, page):
    """They print what the page says; the second time, without a shell, they may be refused: the outputs are there."""
    environment = prepared(tmp_path)
    for time in (1, 2):
        for block in (each for each in blocks(page) if time == 1 or not each.needs_shell):
            code, printed = run(block, tmp_path, environment)
            assert code == 0 or (time == 2 and re.search("exists? already: use --overwrite", printed)), (block, printed)
            assert code or block.output is None or tidy(printed) == tidy(block.output), MENDED


@pytest.mark.parametrize("page", [README, ROOT / "poolcli/manual/python.md"], ids=lambda page: page.stem)
def test_the_python_runs(page):
    """As it stands."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    exec(compile(code, str(page), "exec"), {})


def test_the_topics_are_the_pages():
    """In the order that `poolcli help` lists; each is called by its name and says in its heading what it is about."""
    assert sorted(TOPICS) == [page.stem for page in MANUAL]
    for page in MANUAL:
        assert re.match(rf"# {page.stem}: \w.{{10,60}}\n\n", page.read_text("utf-8")), page


@pytest.mark.parametrize("page", (README, *MANUAL), ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    """Those to other files of the checkout, and their headings."""
    for target in re.findall(r"\]\(([^)#]*)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_fences_stand_on_lines_of_their_own():
    """A paragraph that was filled anew must not swallow one."""
    for page in (README, *MANUAL):
        assert not [line for line in page.read_text("utf-8").splitlines() if re.search("[^ ] *```", line)], page


def test_no_line_is_too_long_for_a_terminal():
    """Commands of the manual are shown unbroken on 80 columns, which leave 78 within the margins; prose has 120."""
    for page in (README, *MANUAL):
        lines = page.read_text("utf-8").splitlines()
        assert not [line for line in lines if len(line) > 120 and not line.startswith("|")], page
        most = 100 if page == README else 78
        assert not [line for block in blocks(page) for line in block.script.splitlines() if len(line) > most], page


def test_all_pages_can_be_followed_in_one_folder():
    """Whoever goes through README and manual meets no output of an earlier page: places have one page each."""
    places = {}
    for page in (README, *MANUAL):
        for block in blocks(page):
            for place in re.findall(r"(?<![\w-])(?:-\w?o|--output) *[\"']?([\w./-]*\w/?)|>(\w[\w.]*)", block.script):
                places.setdefault("".join(place).removeprefix("../"), set()).add(page.stem)
    assert len(places) > 40
    assert not {place: pages for place, pages in places.items() if len(pages) > 1}


WORDS = sorted(
    {
        *(f"poolcli {name}" for name in COMMANDS),
        *(spelling for command in COMMANDS.values() for option in command.options().values() if not option.hidden
          for spelling in option.spellings),
        *MODES, *FILTERS, *FORMS,
        "--help", "-h", "--version", "-V", "--install-completion", "--show-completion",
    }
)  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_everything_has_a_page(word):
    """Every command, every spelling of every option, every mode, filter and form of report."""
    assert named(word)


@pytest.mark.parametrize("code", [0, 1, 2, 129, 130, 141, 143])
def test_every_exit_code_is_explained(code):
    """On the page for scripts."""
    rows = re.findall(r"^\| ([\d, ]+) \|", (ROOT / "poolcli/manual/shell.md").read_text("utf-8"), re.MULTILINE)
    assert str(code) in ", ".join(rows).split(", ")


def fields(value):
    """Every name in an object, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from fields(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner)


def properties(schema):
    """Every name that a JSON Schema knows."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for inner in schema.values():
            yield from properties(inner)


def test_every_field_of_json_has_a_page(samples, command):
    """Of the report by its schema, of everything else by what the commands print."""
    (schema,) = (ROOT / "poolcli/reports/schema").glob("*.json")
    names = {*properties(json.loads(schema.read_text("utf-8")))}
    Path("in").mkdir()
    Path("in/broken.png").write_bytes(b"broken")
    Path("in/mask.png").write_bytes((samples / "mask.png").read_bytes())
    for words in (
        ("pool", "in", "-o", "out", "--json"),
        ("pool", "in", "-o", "out", "--json", "--resume"),
        ("compare", samples / "four.png", "--json"),
        ("diff", samples / "four.png", samples / "four.png", "--json"),
        ("shape", "8x8", "max:2", "--json"),
    ):
        for each in command(*words).objects:
            names |= set(fields(each))
    missing = sorted(name for name in names if not named(name))
    assert not missing


def test_the_changes_begin_with_this_version():
    """Newest first."""
    versions = re.findall(r"^## ([\d.]+)$", (ROOT / "poolcli/manual/changes.md").read_text("utf-8"), re.MULTILINE)
    assert versions[0] == poolcli.__version__
    assert versions == sorted(versions, reverse=True)


def test_the_manual_and_the_readme_are_in_what_is_built():
    """The wheel holds the package, pages included; the page of the package index is the README."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["poolcli"]
    assert project["project"]["readme"] == "README.md"
