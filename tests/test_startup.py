"""What is loaded when: a question answered without NumPy, Pillow or rich; one picture without pydantic."""

import inspect
import json
import subprocess
import sys

import numpy as np
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcli.cli.app import main
from poolcli.cli.commands import COMMANDS, command
from poolcli.cli.plain import plain_values
from poolcli.cli.typed import typed as for_typer
from poolcli.cli.typed import typer_app

HEAVY = ("typer", "numpy", "PIL", "rich", "pydantic", "dask", "jinja2")
PROBE = """
import json, os, sys
sys.argv = ["poolcli", *json.loads(sys.argv[1])]
from poolcli.__main__ import main
try:
    main()
finally:
    loaded = [name for name in json.loads(os.environ["HEAVY"]) if name in sys.modules]
    print("\\n" + json.dumps({"loaded": loaded, "threads": os.environ.get("OPENBLAS_NUM_THREADS")}))
"""


def loaded_by(*words, cwd=None, **environment):
    """Which of HEAVY a process has loaded at its end, and how many threads NumPy's linear algebra may start."""
    import os

    have = os.environ | {"HEAVY": json.dumps(HEAVY)} | environment
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(words)], env=have, cwd=cwd, capture_output=True, text=True, check=False
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["--help"],
        ["pool", "--help"],
        ["pool"],
        ["pool", "a.png", "--mode", "mxa"],
        ["pool", "a.png", "--no-such-option"],
        ["pool", "a.png", "--k", "0"],
        ["stack", "max:2 mxa:2", "a.png"],
        ["nonsense"],
        ["modes", "--json"],
        ["filters", "--json"],
        ["shape", "8x8", "max:2", "--json"],
    ],
    ids=" ".join,
)
def test_questions_and_usage_errors_need_neither_numpy_nor_pillow(words):
    """They are answered before anything is loaded that only pictures need."""
    assert set(loaded_by(*words)["loaded"]) <= {"typer", "pydantic"}


def test_completion_needs_neither_numpy_nor_pillow():
    """A shell waits for it at every press of the tab key."""
    environment = {"_POOLCLI_COMPLETE": "complete_bash", "COMP_WORDS": "poolcli pool --mo", "COMP_CWORD": "2"}
    assert set(loaded_by(**environment)["loaded"]) <= {"typer", "pydantic"}


def test_the_version_needs_nothing():
    """Not even Typer's pydantic."""
    assert loaded_by("--version")["loaded"] == []


def test_one_picture_loads_what_it_needs(tmp_path):
    """No Typer for plain words, no rich where nobody looks; linear algebra with one thread, or as the user says."""
    np.save(tmp_path / "a.npy", np.eye(4, dtype=np.float32))
    words = ("pool", "a.npy", "-o", "b.npy", "--overwrite")
    assert loaded_by(*words, cwd=tmp_path) == {"loaded": ["numpy", "PIL"], "threads": "1"}
    assert loaded_by(*words, cwd=tmp_path, OPENBLAS_NUM_THREADS="2")["threads"] == "2"


def test_the_list_of_commands_says_what_the_commands_say(capsys):
    """The summaries stand in a table, so that the list needs none of the commands; so do wrong words before one."""
    for name, (_, summary) in COMMANDS.items():
        assert inspect.getdoc(command(name)).splitlines()[0] == summary
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    typer_app()(["--help"], prog_name="poolcli", standalone_mode=False)
    assert capsys.readouterr().out == listed
    assert [main(["nonsense"]), main(["--nonsense", "pool"])] == [2, 2]
    capsys.readouterr()
    assert main([]) == 2
    assert capsys.readouterr() == ("", listed)
    assert "..." not in listed.partition("Commands:")[2]  # nothing is cut off


def test_wrong_words_are_answered_with_where_to_look(capsys):
    """The help of the command, if there is one."""
    for words, where in ((["pool", "--kk"], "poolcli pool --help"), (["pul"], "poolcli --help")):
        assert main(words) == 2
        assert capsys.readouterr().err.endswith(f"; see {where}\n")


def typed(name, words):
    """What Typer calls the command `name` with; None where it refuses the words."""
    seen = {}

    def record(**values):
        seen.update(values)

    model = for_typer(command(name))
    record.__signature__ = inspect.signature(model)
    record.__annotations__ = dict(model.__annotations__)
    app = typer.Typer(rich_markup_mode=None)
    app.command()(record)
    try:
        app(args=list(words), standalone_mode=False)
    except typer.TyperException:
        return None
    return seen or None


OPTIONS = sorted(
    {
        word
        for name in ("pool", "stack")
        for parameter in typer.main.get_command(typer_app()).commands[name].params
        for word in (*parameter.opts, *parameter.secondary_opts)
        if word.startswith("-")
    }
)
WORDS = st.one_of(
    st.sampled_from([word for word in OPTIONS if word != "--help"]),
    st.sampled_from(
        ["a.png", "-", "--", "2", "-1,0", "1.5", "-3", "", " 4", "0x10", "1e3", "nan", "--k=2", "-k2", "-rq"]
    ),
)


def tidy(values):
    """Lists for tuples, and None for what is empty: the commands make no difference."""
    return {key: (list(value) if isinstance(value, tuple) else value) or None for key, value in values.items()}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["pool", "stack"]), st.lists(WORDS, max_size=6))
def test_words_read_plainly_mean_what_typer_says(name, words):
    """Or they are left to Typer: never anything else."""
    values = plain_values(command(name), words)
    if values is None:
        return
    expected = typed(name, words)
    assert expected is not None, words
    assert tidy(values) == tidy(expected)
    assert {key: type(value) for key, value in values.items() if value} == {
        key: type(value) for key, value in expected.items() if value
    }
