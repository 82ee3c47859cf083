"""How a run is doing: what was done, what failed and why, how fast."""

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poolcli.report import Outcome

# What a count of each kind of failure is called.
KINDS = {
    "input": "cannot be listed",
    "picture": "cannot be read or pooled",
    "output": "not written",
    "memory": "too large",
    "timeout": "too slow",
    "crash": "crashed",
    "unexpected": "unexpected",
}


class Tally:
    """Counts of outcomes out of `total`, since it was made."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self.total, self._clock, self._began = total, clock, clock()
        self.done = self.before = self.pixels = 0
        self.failures: Counter[str] = Counter()

    def add(self, outcome: "Outcome") -> None:
        """One more."""
        self.pixels += outcome.pixels
        if outcome.error is not None:
            self.failures[outcome.kind or "error"] += 1
        elif outcome.before:
            self.before += 1
        else:
            self.done += 1

    @property
    def failed(self) -> int:
        """How many failed."""
        return self.failures.total()

    @property
    def told(self) -> int:
        """How many are behind us."""
        return self.done + self.before + self.failed

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self._clock() - self._began

    @property
    def speed(self) -> str:
        """`12.3 megapixels/s`, of what was read."""
        return f"{self.pixels / 1e6 / max(self.seconds, 1e-6):.3g} megapixels/s"

    @property
    def left(self) -> float | None:
        """Seconds to go, if the rest goes as what was done in this run; None while nothing tells."""
        worked = self.done + self.failed
        return self.seconds / worked * (self.total - self.told) if worked else None

    def line(self) -> str:
        """A line on the way."""
        failed = f", {self.failed} failed" if self.failed else ""
        left = "" if self.left is None else f", about {spell(self.left)} left"
        return f"{self.told} of {self.total} pictures{failed}, {self.speed}{left}"

    def summary(self) -> str:
        """The last line."""
        before = f", {self.before} done before" if self.before else ""
        kinds = ", ".join(f"{count} {KINDS.get(kind, kind)}" for kind, count in sorted(self.failures.items()))
        failed = f", {self.failed} failed ({kinds})" if self.failed else ""
        pace = f" in {spell(self.seconds)}" + (f", {self.speed}" if self.done else "")
        return f"{self.done} of {self.total} pictures pooled{before}{failed}{pace}"


def spell(seconds: float) -> str:
    """A time to read.

    >>> spell(0.0042), spell(0.26), spell(75), spell(7384)
    ('0.004 s', '0.3 s', '1 min 15 s', '2 h 3 min')
    """
    if seconds < 0.1:
        return f"{seconds:.1g} s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
