"""What counts as a change, and what comes in at a border: options of every command that measures one."""

from typing import Annotated

from typer import Option

from poolcli.errors import UsageError, unknown
from poolcli.shift.record import SHIFT_EDGES

ShiftEdge = Annotated[
    str, Option("--shift-edge", metavar="NAME", help="What comes in at the border: replicate, zero, wrap; or crop.")
]
Tolerance = Annotated[float, Option("--tolerance", metavar="NUMBER", help="Differences up to this count as no change.")]


def check_shift_edge(edge: str) -> None:
    """UsageError for an unknown name."""
    if edge not in SHIFT_EDGES:
        raise unknown("shift edge", edge, SHIFT_EDGES)


def check_tolerance(tolerance: float) -> None:
    """UsageError for one below 0, or NaN."""
    if not tolerance >= 0:
        raise UsageError(f"tolerance {tolerance} is not allowed: give 0 or more")
