"""The options of a comparison: what is compared, over which shifts, and where the result goes."""

from dataclasses import dataclass
from typing import Annotated

from poolcli.cli.options.change import ShiftEdge, Tolerance
from poolcli.cli.options.running import MOST
from poolcli.cli.words import Option
from poolcli.errors import UsageError, unknown
from poolcli.ops.modes import MODES, MOST_TAPS, OPTIONS
from poolcli.recipe import Pool, parse_recipe
from poolcli.recipe.layers import Layer
from poolcli.shift.record import check_edge, check_tolerance
from poolcli.stores import Place, place_of
from poolcli.stores.place import writable

USUAL = "stride,max,avg,blur,maxblur,aps,maxaps"
MOST_SHIFTS = 16


@dataclass(frozen=True, slots=True)
class Comparing:
    """What is compared."""

    modes: Annotated[
        str, Option("--modes", metavar="LIST", help="Modes between commas, or layers such as blur:5/2 among them.")
    ] = USUAL
    k: Annotated[
        str, Option("--k", "-k", metavar="SIZE", help="Window (kernel) size, N or HxW; blur and aps have --taps.")
    ] = "2"
    s: Annotated[
        str | None, Option("--s", "-s", metavar="SIZE", help="Stride, N or HxW; the window's size if not given.")
    ] = None
    taps: Annotated[int, Option("--taps", metavar="N", help="Low-pass of blur, maxblur, aps and maxaps, 1 to 7.")] = 3
    shifts: Annotated[
        int, Option("--shifts", metavar="RADIUS", help="Every shift of up to so many pixels in each direction.")
    ] = 1
    shift_edge: ShiftEdge = "replicate"
    tolerance: Tolerance = 0
    output: Annotated[
        list[str] | None,
        Option("--output", "-o", metavar="FILE", help="Write it: .html, .csv (a row a picture) or .json; repeatable."),
    ] = None
    overwrite: Annotated[bool, Option("--overwrite", help="Replace files that exist already.")] = False
    jobs: Annotated[int | None, Option("--jobs", "-j", metavar="N", help="Pictures at once; as processors.")] = None
    json: Annotated[bool, Option("--json", help="One JSON object a line on stdout, best first.")] = False

    def check(self) -> None:
        """UsageError for what cannot be."""
        check_edge(self.shift_edge)
        if not 1 <= self.shifts <= MOST_SHIFTS:
            raise UsageError(f"--shifts {self.shifts} is not allowed: give a radius of 1 to {MOST_SHIFTS} pixels")
        check_tolerance(self.tolerance)
        if self.jobs is not None and not 1 <= self.jobs <= MOST:
            raise UsageError(f"--jobs {self.jobs} is not allowed: give a whole number from 1 to {MOST}")

    def contenders(self) -> dict[str, tuple[Layer, ...]]:
        """The layers of every contender by its name in the table; UsageError for an unknown or doubled one."""
        found: dict[str, tuple[Layer, ...]] = {}
        for name in self._names():
            if not name:
                raise UsageError(f"--modes '{self.modes}' has an empty place: give names between commas, as in max,avg")
            if name in found:
                raise UsageError(f"--modes names '{name}' twice: once is enough")
            found[name] = parse_recipe(name).layers if ":" in name else (self._pool(name),)
        return found

    def _names(self) -> list[str]:
        """The contenders of the list; the options of a layer, which stand between commas too, stay with it."""
        names: list[str] = []
        for part in map(str.strip, self.modes.split(",")):
            if names and ":" in names[-1] and part.partition("=")[0] in OPTIONS:
                names[-1] += f",{part}"
            else:
                names.append(part)
        return names

    def files(self) -> list[Place]:
        """Where the result goes."""
        return [writable(place_of(text)) for text in self.output or ()]

    def _pool(self, name: str) -> Pool:
        if name not in MODES:
            raise unknown("mode", name, MODES)
        mode = MODES[name]
        low_pass = mode.most_taps == MOST_TAPS  # its window is the low-pass itself
        options: dict[str, object] = {"taps": self.taps} if "taps" in mode.options else {}
        padding = "0"
        if self.shift_edge == "wrap":  # what wraps for the shift wraps for the layers that look beyond the border
            options |= {"edge": "wrap"} if "edge" in mode.options else {}
            padding = "wrap" if "taps" in mode.options else "0"
        k = str(self.taps) if low_pass else self.k
        return Pool.of(name, k, self.s or self.k, padding=padding, options=options)
