"""How many one-line changes of the package the tests notice; `python -m tests.mutants` judges other samples."""

import ast

import pytest

from tests import mutants

REDUCE = "poolcli/ops/reduce.py"


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


def test_the_tests_of_a_module_run_first():
    """Its own examples, then the files that name it most."""
    likely = mutants.likely_tests("poolcli/batch/state.py")
    assert likely[0] == "poolcli/batch/state.py" and "tests/test_resume.py" in likely[:4]


@pytest.mark.slow
def test_most_mutants_are_killed():
    """At least 85 of 100, planted anywhere; those that live are listed."""
    survived = [verdict.mutant for verdict in mutants.judged(mutants.sample(100, 0)) if verdict.by is None]
    assert len(survived) <= 15, "\n".join(map(str, survived))
