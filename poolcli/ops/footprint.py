"""What one output value sees: Araujo, Norris & Sim, Computing Receptive Fields of CNNs, 2019."""

from dataclasses import dataclass

from poolcli.ops.adaptive import Spans
from poolcli.ops.geometry import Axis


@dataclass(frozen=True, slots=True)
class Footprint:
    """On one axis: output i sees `field` inputs from `start + i * jump` on; there are `size` outputs.

    `slack`: it may see as many from up to so much later, for all outputs alike. `cyclic`: what an output sees beyond
    the border, if anything, is the other side. Not `regular`: the fields differ, `jump` and `field` are as if not.
    """

    size: int
    jump: int = 1
    field: int = 1
    start: int = 0
    slack: int = 0
    cyclic: bool = True
    regular: bool = True

    def interior(self, low: int, high: int) -> tuple[int, int]:
        """The outputs, as (first, last + 1), that see nothing but the inputs low ... high - 1, wherever they begin.

        >>> Footprint(4, jump=2, field=3, start=-1).interior(0, 8)
        (1, 4)
        >>> Footprint(4, jump=2, field=3, start=-1, slack=1).interior(0, 8)
        (1, 3)
        """
        first = -((self.start - low) // self.jump)
        last = (high - self.field - self.slack - self.start) // self.jump
        return max(0, first), min(self.size, last + 1)

    def output_shifts(self, d: int) -> list[int]:
        """The whole shifts of the output that a shift of the input by `d` can cause.

        Those next to d / jump, with `slack` too: phases differ by less than a jump.

        >>> Footprint(9, jump=2, slack=1).output_shifts(-3), Footprint(9, jump=2).output_shifts(4)
        ([-2, -1], [2])
        """
        return sorted({d // self.jump, -(-d // self.jump)})

    def after(self, axis: Axis | Spans) -> "Footprint":
        """The footprint with one more layer of windows behind it.

        >>> Footprint(8).after(Axis(8, k=3, s=2, d=1, before=1, after=1, out=4))
        Footprint(size=4, jump=2, field=3, start=-1, slack=0, cyclic=False, regular=True)
        """
        return Footprint(
            size=axis.out,
            jump=self.jump * axis.s,
            field=self.field + (axis.span - 1) * self.jump,
            start=self.start - axis.before * self.jump,
            slack=self.slack + axis.slack * self.jump,
            cyclic=self.cyclic and axis.cyclic,
            regular=self.regular and axis.regular,
        )
