"""What a line of the benchmark is: something of ours beside its peers, and how they must stand to one another."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.bench.timing import Calls, Times, ratio

OURS = "poolcli"
PICTURE, FOLDER, HUGE, ARRAY = SUBJECTS = ("One picture", "A folder", "A huge picture", "An array")  # what users do


@dataclass(frozen=True)
class Target:
    """`ours` takes at most `most` times as long as `peer`."""

    peer: str
    most: float
    ours: str = OURS


@dataclass(frozen=True)
class Line:
    """One line of the table; `build` makes the calls (and their data) when the line's turn comes."""

    name: str
    what: str
    build: Callable[[], Calls]
    targets: tuple[Target, ...]
    rounds: int = 15
    budget: float = 12.0
    whole: bool = False  # whole processes: wall time, each once a turn
    subject: str = ARRAY


@dataclass(frozen=True)
class Verdict:
    """A target and what was measured; `ratio` None: the peer is missing."""

    target: Target
    ratio: float | None

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None when there was nothing to compare with."""
        return None if self.ratio is None else self.ratio <= self.target.most


@dataclass(frozen=True)
class Result:
    """A line measured: seconds of every round, and the verdict on every target."""

    line: Line
    times: Times
    verdicts: tuple[Verdict, ...] = field(default=())

    @classmethod
    def of(cls, line: Line, times: Times) -> "Result":
        """Judge `times` by the line's targets."""
        verdicts = (
            Verdict(target, ratio(times, target.ours, target.peer) if target.peer in times else None)
            for target in line.targets
        )
        return cls(line, times, tuple(verdicts))
