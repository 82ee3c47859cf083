"""Windows that divide any picture into a wanted number of cells. Definition: PyTorch AdaptiveAvgPool2d. No NumPy.

Cell i of `out` on an axis of n values covers floor(i * n / out) up to, not including, ceil((i + 1) * n / out). Where
`out` divides n these are ordinary windows, side by side; elsewhere their sizes differ and they may overlap.
"""

from dataclasses import dataclass
from typing import ClassVar

from poolcli.errors import UsageError
from poolcli.ops.geometry import LARGEST, Axis, Pair, pair_text


@dataclass(frozen=True, slots=True)
class Spans:
    """The windows on one axis of `n` values, each of a size of its own: window i takes `sizes[i]` from `firsts[i]` on.

    What an `Axis` says of windows of one size is said of the largest, and of their mean distance.
    """

    n: int
    firsts: tuple[int, ...]
    sizes: tuple[int, ...]

    before: ClassVar[int] = 0
    slack: ClassVar[int] = 0
    cyclic: ClassVar[bool] = False
    regular: ClassVar[bool] = False
    exceeds: ClassVar[bool] = False

    @property
    def out(self) -> int:
        """How many windows there are."""
        return len(self.firsts)

    @property
    def k(self) -> int:
        """Values of the largest window."""
        return max(self.sizes)

    @property
    def most(self) -> int:
        """As `k`: windows lie inside the picture."""
        return self.k

    @property
    def s(self) -> int:
        """The distance of the windows, as if they were evenly spread."""
        return max(1, self.n // self.out)

    @property
    def span(self) -> int:
        """Values from the first to the last of the largest window."""
        return self.k

    def starts(self) -> tuple[int, ...]:
        """Where the windows begin."""
        return self.firsts

    def counts(self, *, padded: bool) -> list[int]:
        """Values of each window; there is no padding."""
        return list(self.sizes)

    def part(self, outputs: slice) -> tuple[slice, "Spans"]:
        """The values that the windows `outputs` see, and where those windows lie on these values alone."""
        firsts, sizes = self.firsts[outputs], self.sizes[outputs]
        low, high = firsts[0], firsts[-1] + sizes[-1]
        return slice(low, high), Spans(high - low, tuple(first - low for first in firsts), sizes)


AnyAxes = tuple[Axis | Spans, Axis | Spans]  # rows, columns


@dataclass(frozen=True, slots=True)
class Cells:
    """A wanted output size, (height, width), in place of a window; UsageError when a number is below 1.

    >>> [axis.counts(padded=False) for axis in Cells((3, 2)).axes(7, 4)]
    [[3, 3, 3], [2, 2]]
    """

    size: Pair

    def __post_init__(self) -> None:
        if min(self.size) < 1 or max(self.size) > LARGEST:
            raise UsageError(f"size {pair_text(self.size)} is out of range: whole numbers from 1 are allowed")

    def axes(self, height: int, width: int) -> AnyAxes:
        """The windows on a picture of `height` x `width`: any fits."""
        return _cells(height, self.size[0]), _cells(width, self.size[1])


def _cells(n: int, out: int) -> Axis | Spans:
    if n % out == 0:
        return Axis(n, n // out, n // out, 1, 0, 0, out)
    firsts = tuple(i * n // out for i in range(out))
    return Spans(n, firsts, tuple(-(-(i + 1) * n // out) - first for i, first in enumerate(firsts)))
