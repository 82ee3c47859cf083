"""What a line of the benchmark is: something of ours beside its peers, and how they must stand to one another."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.bench.timing import Calls, Times, ratio

OURS = "poolcli"
PICTURE, FOLDER, HUGE, ARRAY = SUBJECTS = ("One picture", "A folder", "A huge picture", "An array")  # what users do


# What was tried where a line is not reached, and what it gave; by the beginning of the line's name.
TRIED = {
    "questions": "The help is drawn in panels, for which Typer loads rich, its Markdown too.",
    "majority4-areas": "Windows of one label are told by their ends; the rest is counted at the borders of areas.",
    "small": "Frozen dataclasses compile one method and not six (a fifth less), fewer modules are loaded (4 %), nobody "
    "looks through memory meanwhile (5 %); what is left is Python, NumPy and Pillow.",
    "photo-12-jpg": "The start alone takes two thirds of what vips does; figures are sums over bands in the "
    "cache, and two threads for such short steps wait for one another.",
    "photo-12-png": "Rows are filtered and squeezed by bands in the cache; compressing halves side by side gains 5 % "
    "without a report and nothing beside one.",
    "photo-113": "The moved output is no longer held (4 % less time, 81 MiB less memory); figures take as long as all "
    "that is done without a report.",
    "filter": "Contrasts are summed once and exactly for whole and interior, which halves it, nothing is multiplied "
    "by -1; a moved picture run in bands takes a third less memory and 5 % more time.",
    "many": "Records without copies, fewer modules, memory that threads keep (5 to 9 %); processes take a quarter more "
    "processor time for 200 pictures; to choose how a PNG is written takes a tenth, and more but lower strips longer.",
    "max": "A column step on 64-bit pairs, on copied halves, or dense and thinned out later is slower; bands of 16 to "
    "128 rows differ by 10 %.",
    "avg2": "Bytes split into 16-bit lanes by masks, or added row by row, are slower than one widening addition.",
    "avg8": "Halving the columns again and again gains nothing; matrix products are faster, but promise no order of "
    "sums.",
    "gauss": "Lines of 32 KiB in place of 256 take 1.8 times the time, the last addition straight into the output 6 to "
    "20 % more; every tap is a pass over memory in NumPy.",
    "windows": "Running maxima cost a value at a time in NumPy; one running row in place of a stored half gains on "
    "windows of 127 and loses on 31.",
}


def tried(name: str) -> str:
    """What was tried for a line."""
    return next((text for start, text in TRIED.items() if name.startswith(start)), "")


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
