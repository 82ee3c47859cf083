"""How many one-line changes of the package the tests notice; `python -m tests.mutants` judges other samples."""

import ast
import math
import shutil

import pytest

from tests import mutants

REDUCE = "poolcli/ops/reduce.py"
PACKAGE = """LIMIT = 3


def clipped(value):
    if value > LIMIT:
        value = LIMIT
    return value


def larger(value):
    return value + 1
"""
TESTS = """import subprocess
import sys
from pathlib import Path

from poolcli.clip import clipped


def test_clipped():
    assert [clipped(value) for value in (2, 3, 4)] == [2, 3, 3]


def test_larger():
    subprocess.run([sys.executable, "-c", "from poolcli.clip import larger; assert larger(1) == 2"], check=True)


def test_fails_once():
    there = Path("there").exists()
    Path("there").touch()
    assert clipped(9) == 3 and there
"""


def test_a_mutant_changes_one_line_and_is_a_program():
    """The same for the same seed, others for another; every kind of change is among those of a large file."""
    chosen = mutants.sample(40, 7, (REDUCE,))
    assert chosen == mutants.sample(40, 7, (REDUCE,)) != mutants.sample(40, 8, (REDUCE,))
    for mutant in chosen:
        before, after = mutant.source()
        assert before != after and "\n" not in after
        assert mutants.compiles(mutant)
    texts = {mutant.text for mutant in mutants.mutants(REDUCE)}
    assert {"<=", "-", "*", "max", "pass", "2", "and"} <= texts
    ast.parse("".join(f"({text})\n" for text in texts if text.startswith("(not")))


def test_the_tests_of_a_line_come_first():
    """The quickest first; then those of its file, for a while. Of what runs at import those of the file, then all."""
    mutant = next(mutant for mutant in mutants.mutants(REDUCE) if mutant.function() < math.inf)
    lines = {1: {"slow", "quick", "other"}, mutant.line - 1: {"slow", "quick"}, mutant.line + 1: {"other"}}
    tests = mutants.Tests({"quick": 1, "slow": 99, "other": 2, "else": 0, "endless": 999}, {REDUCE: lines})
    assert tests.of(mutant) == ["quick", "slow", "other"]
    imported = next(mutant for mutant in mutants.mutants(REDUCE) if mutant.function() == math.inf)
    assert tests.of(imported) == ["quick", "other", "slow", "else"]
    tests = mutants.Tests(tests.seconds, {REDUCE: {1: {"quick"}}})  # the function is called at import alone
    assert tests.of(mutant) == ["quick", "else", "other", "slow"]


@pytest.mark.slow
def test_a_mutant_is_killed_by_a_test_that_fails_by_itself(tmp_path, monkeypatch):
    """Also by one that starts a process; one that fails once has killed nothing."""
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    for name, text in (("poolcli/clip.py", PACKAGE), ("tests/test_clip.py", TESTS)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).with_name("__init__.py").touch()
    shutil.copy(mutants.__file__, tmp_path / "tests")
    tests = mutants.measured(tmp_path)
    clipped, larger, once = (f"tests/test_clip.py::test_{name}" for name in ("clipped", "larger", "fails_once"))
    assert [tests.lines["poolcli/clip.py"][line] for line in (6, 11)] == [{clipped, once}, {larger}]
    killers = {}
    for mutant in mutants.mutants("poolcli/clip.py"):
        (tmp_path / "there").unlink(missing_ok=True)
        killers[mutant.line, mutant.text] = mutants.judge(tmp_path, mutant, tests.of(mutant))
    killed = {mutant for mutant, killer in killers.items() if killer}
    assert killed == {(1, "4"), (5, "(not (value > LIMIT))"), (11, "-"), (11, "2")}
    assert killers.keys() - killed == {(5, ">=")}
    assert killers[11, "-"] == larger


@pytest.mark.slow
def test_most_mutants_are_killed():
    """At least 85 of 100, planted anywhere; those that live are listed."""
    survived = [mutant for mutant, killer in mutants.judged(mutants.sample(100, 0)) if killer is None]
    assert len(survived) <= 15, "\n".join(map(str, survived))
