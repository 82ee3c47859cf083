"""The options of the commands, in groups, and what they mean: recipes and settings."""

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from poolcli.errors import UsageError, unknown
from poolcli.ops.activations import ACTIVATIONS
from poolcli.ops.filters import FILTERS
from poolcli.ops.modes import MODES
from poolcli.ops.ranges import RANGES
from poolcli.recipe import Activation, Conv, Pool, Recipe
from poolcli.recipe.kernels import filter_name, load_kernel
from poolcli.recipe.layers import Layer
from poolcli.shift.record import SHIFT_EDGES

NO_ACTIVATION = "none"
REPORTS = ("json", "jsonl")


@dataclass(frozen=True, slots=True)
class Pooling:
    """The window and what is done with it."""

    mode: Annotated[str, Option("--mode", "-m", help=f"Pooling: {', '.join(MODES)}.")] = "max"
    k: Annotated[str, Option("--k", "-k", help="Window (kernel) size, N or HxW.")] = "2"
    s: Annotated[str | None, Option("--s", "-s", help="Stride, N or HxW; the window's size if not given.")] = None
    padding: Annotated[
        str, Option("--padding", "-p", help="Padding: N, HxW, TOP,BOTTOM,LEFT,RIGHT, same or same-lower.")
    ] = "0"
    dilation: Annotated[str, Option("--dilation", "-d", help="Distance of the window's values, N or HxW.")] = "1"
    ceil: Annotated[bool, Option("--ceil", help="Keep a last window that goes over the border.")] = False
    exclude_pad: Annotated[bool, Option("--exclude-pad", help="Leave the padding out of averages.")] = False

    def layer(self) -> Pool:
        """The pooling layer; UsageError where the options make none."""
        options = {"exclude-pad": True} if self.exclude_pad else {}
        return Pool.of(
            self.mode,
            self.k,
            self.s,
            padding=self.padding,
            dilation=self.dilation,
            ceil=self.ceil,
            options=options,
        )


@dataclass(frozen=True, slots=True)
class Filtering:
    """What stands before the pooling."""

    filter: Annotated[
        str | None, Option("--filter", "-f", help=f"Filter: {', '.join(FILTERS)}; or a kernel FILE (JSON or text).")
    ] = None
    activation: Annotated[str, Option("--activation", help="After the filter: none, relu or abs.")] = NO_ACTIVATION
    filter_edge: Annotated[
        str, Option("--filter-edge", help="Beyond the border, for the filter: reflect, replicate, zero or wrap.")
    ] = "reflect"

    def layers(self) -> tuple[Layer, ...]:
        """The layers before the pooling; UsageError for an unknown name or a bad kernel file."""
        found: list[Layer] = []
        if self.filter is not None:
            name = filter_name(self.filter)
            found.append(Conv(name, load_kernel(name), edge=self.filter_edge))
        if self.activation != NO_ACTIVATION:
            if self.activation not in ACTIVATIONS:
                raise unknown("activation", self.activation, (NO_ACTIVATION, *ACTIVATIONS))
            found.append(Activation(self.activation))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Reporting:
    """The shift report."""

    shift: Annotated[
        list[str] | None, Option("--shift", help="Shift DX,DY to measure, -1,0 if not given; may be repeated.")
    ] = None
    shift_edge: Annotated[
        str, Option("--shift-edge", help="What comes in at the border: replicate, zero, wrap; or crop.")
    ] = "replicate"
    tolerance: Annotated[float, Option("--tolerance", help="Differences up to this count as no change.")] = 0
    report: Annotated[
        list[str] | None,
        Option("--report", help="json: a side file for each output; jsonl: one file for the run (folders)."),
    ] = None
    no_report: Annotated[bool, Option("--no-report", help="Measure nothing, write no report.")] = False

    def check(self) -> None:
        """UsageError for an unknown name or a tolerance that cannot be."""
        if self.shift_edge not in SHIFT_EDGES:
            raise unknown("shift edge", self.shift_edge, SHIFT_EDGES)
        if not self.tolerance >= 0:
            raise UsageError(f"tolerance {self.tolerance} is not allowed: give 0 or more")
        for name in self.report or ():
            if name not in REPORTS:
                raise unknown("report", name, REPORTS)
        if self.report and self.no_report:
            raise UsageError("--report and --no-report contradict each other: give one of them")

    def shifts(self) -> tuple[tuple[int, int], ...]:
        """The shifts as (dx, dy)."""
        return tuple(map(_shift, self.shift or ["-1,0"]))


@dataclass(frozen=True, slots=True)
class Running:
    """Inputs, outputs, and what is told."""

    output: Annotated[
        str | None,
        Option("--output", "-o", help="A file, a folder, a template such as 'out/{stem}-{mode}.{ext}', or - (stdout)."),
    ] = None
    recursive: Annotated[bool, Option("--recursive", "-r", help="Folders: the pictures below them too.")] = False
    overwrite: Annotated[bool, Option("--overwrite", help="Replace outputs that exist already.")] = False
    to_range: Annotated[
        str, Option("--to-range", help="Filtered values as a picture: clip, abs, stretch or offset.")
    ] = "clip"
    dry_run: Annotated[bool, Option("--dry-run", help="Print what would be done, do nothing.")] = False
    json: Annotated[bool, Option("--json", help="One JSON object a line on stdout.")] = False
    quiet: Annotated[bool, Option("--quiet", "-q", help="Print nothing but errors and what --json or -o - ask.")] = (
        False
    )

    def check(self) -> None:
        """UsageError for an unknown name."""
        if self.to_range not in RANGES:
            raise unknown("range", self.to_range, RANGES)


def _shift(text: str) -> tuple[int, int]:
    try:
        dx, dy = (int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"shift '{text}' is not DX,DY: two whole numbers are allowed, as in -1,0") from None
    return dx, dy


def recipe_of(pooling: Pooling, filtering: Filtering) -> Recipe:
    """Filter and activation, if any, and the pooling."""
    return Recipe((*filtering.layers(), pooling.layer()))
