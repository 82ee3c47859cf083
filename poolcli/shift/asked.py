"""What a shift report is asked to measure. No NumPy."""

from dataclasses import dataclass

from poolcli.errors import UsageError

Shift = tuple[int, int]  # (dx, dy): (-1, 0) moves the picture left by one pixel


@dataclass(frozen=True, slots=True)
class Shifting:
    """What a shift report measures: the shifts (dx, dy), what comes in at the border, what counts as unchanged."""

    shifts: tuple[Shift, ...] = ((-1, 0),)
    edge: str = "replicate"
    tolerance: float = 0

    def __post_init__(self) -> None:
        if not self.shifts:
            raise UsageError("no shift to measure: give at least one (dx, dy), for instance (-1, 0)")
