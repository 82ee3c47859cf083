"""The benchmark's own arithmetic; the measuring itself is a command, `python -m tests.bench`, and no timed test."""

from tests.bench.__main__ import LINES, all_lines
from tests.bench.lines import FOLDER, OURS, Line, Result, Target
from tests.bench.table import MARKS, filled, markdown
from tests.bench.timing import interleaved


def test_a_target_is_judged_by_the_median_of_the_pairs():
    """One disturbed round changes nothing; a missing peer is no success."""
    line = Line("a", "a thing", dict, (Target("peer", 0.5), Target("peer", 0.4), Target("absent", 1)))
    times = {OURS: [1.0, 9.0, 1.0, 2.0, 1.0], "peer": [2.0, 2.0, 2.0, 4.0, 2.0]}
    verdicts = Result.of(line, times).verdicts
    assert [verdict.ratio for verdict in verdicts] == [0.5, 0.5, None]
    assert [verdict.reached for verdict in verdicts] == [True, False, None]


def test_calls_take_turns():
    """Each is timed in every round; the slower one is seen to be slower."""
    turns = []
    times = interleaved({"slow": lambda: turns.append(sum(range(10**6))), "fast": lambda: None}, rounds=3, budget=1)
    assert [len(seconds) for seconds in times.values()] == [3, 3]
    assert len(turns) >= 3
    assert min(times["slow"]) > max(times["fast"])


def test_the_lines_have_names_of_their_own():
    """`--only` takes a name: each stands for one line."""
    assert len(LINES) == len(all_lines())


def test_the_tables_have_times_and_say_no():
    """A table for each thing that users do, put between the marks of a page, whatever stood there."""
    line = Line("a", "a thing", dict, (Target("peer", 0.5), Target("absent", 1)), subject=FOLDER)
    tables = markdown([Result.of(line, {OURS: [1.5, 1.5, 3.0], "peer": [0.02, 0.02, 0.02]})])
    assert "### A folder\n\n| what | poolcli | against |" in tables and "### A huge picture\n\nNo line yet." in tables
    assert "| a thing | 1.5 s | peer | 20 ms | 75 | 0.5 | NO |" in tables
    assert "| a thing | 1.5 s | absent | - | - | 1 | peer missing |" in tables
    assert "### Not reached: 1 of 2\n\n- a thing: 75 of peer and not 0.5.\n" in tables
    page = f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n"
    assert filled(page, "new") == f"before\n{MARKS[0]}\n\nnew\n{MARKS[1]}\nafter\n"
    assert filled("", "new") == "new\n"
