"""What a shift report is asked to measure. No NumPy."""

from dataclasses import dataclass
from operator import index

from poolcli.errors import UsageError, unknown
from poolcli.shift.record import SHIFT_EDGES

Shift = tuple[int, int]  # (dx, dy): (-1, 0) moves the picture left by one pixel


@dataclass(frozen=True, slots=True)
class Shifting:
    """What a shift report measures: the shifts (dx, dy), what comes in at the border, what counts as unchanged.

    UsageError where one of them cannot be.
    """

    shifts: tuple[Shift, ...] = ((-1, 0),)
    edge: str = "replicate"
    tolerance: float = 0

    def __post_init__(self) -> None:
        if not self.shifts:
            raise UsageError("no shift to measure: give at least one (dx, dy), for instance (-1, 0)")
        object.__setattr__(self, "shifts", tuple(map(_whole, self.shifts)))
        check_edge(self.edge)
        check_tolerance(self.tolerance)


def _whole(shift: Shift) -> Shift:
    """The shift in Python's own numbers."""
    try:
        dx, dy = shift
        return index(dx), index(dy)
    except (TypeError, ValueError):
        raise UsageError(f"shift {shift!r} is not (dx, dy): two whole numbers are allowed, as in (-1, 0)") from None


def check_edge(edge: str) -> None:
    """UsageError for an unknown name of what comes in at the border."""
    if edge not in SHIFT_EDGES:
        raise unknown("shift edge", edge, SHIFT_EDGES)


def check_tolerance(tolerance: float) -> None:
    """UsageError for one below 0, or NaN."""
    if not tolerance >= 0:
        raise UsageError(f"tolerance {tolerance} is not allowed: give 0 or more")
