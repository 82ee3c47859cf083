"""What one output value sees: Araujo, Norris & Sim, Computing Receptive Fields of CNNs, 2019."""

from collections.abc import Iterable
from dataclasses import dataclass

from poolcli.ops.geometry import Axis


@dataclass(frozen=True, slots=True)
class Footprint:
    """On one axis: output i sees `field` inputs from `start + i * jump` on; there are `size` outputs."""

    size: int
    jump: int = 1
    field: int = 1
    start: int = 0

    def interior(self, low: int, high: int) -> tuple[int, int]:
        """The outputs, as (first, last + 1), that see nothing but the inputs low ... high - 1."""
        first = -((self.start - low) // self.jump)
        last = (high - self.field - self.start) // self.jump
        return max(0, first), min(self.size, last + 1)

    def after(self, axis: Axis) -> "Footprint":
        """The footprint with one more layer of windows behind it."""
        return Footprint(
            size=axis.out,
            jump=self.jump * axis.s,
            field=self.field + (axis.span - 1) * self.jump,
            start=self.start - axis.before * self.jump,
        )


def footprint(size: int, axes: Iterable[Axis]) -> Footprint:
    """The footprint of layers of windows, one after the other, on an axis of `size` values.

    >>> footprint(8, [Axis(8, k=3, s=2, d=1, before=1, after=1, out=4)])
    Footprint(size=4, jump=2, field=3, start=-1)
    """
    result = Footprint(size)
    for axis in axes:
        result = result.after(axis)
    return result
