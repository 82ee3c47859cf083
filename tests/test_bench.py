"""The benchmark's own arithmetic; the measuring itself is a command, `python -m tests.bench`, and no timed test."""

from tests.bench.__main__ import LINES, all_lines
from tests.bench.lines import OURS, Line, Result, Target
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
