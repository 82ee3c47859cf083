"""The options that make a recipe: the window, and what stands before it."""

from dataclasses import dataclass
from typing import Annotated

from poolcli.cli.words import Option
from poolcli.errors import UsageError, unknown
from poolcli.ops.activations import ACTIVATIONS
from poolcli.ops.filters import FILTERS
from poolcli.ops.modes import MODES
from poolcli.recipe import Activation, Conv, Pool, Recipe
from poolcli.recipe.kernels import filter_name, load_kernel
from poolcli.recipe.layers import Layer

NO_ACTIVATION = "none"


@dataclass(frozen=True, slots=True)
class Pooling:
    """The window and what is done with it."""

    mode: Annotated[str, Option("--mode", "-m", metavar="NAME", help=f"Pooling: {', '.join(MODES)}.")] = "max"
    k: Annotated[
        str | None, Option("--k", "-k", metavar="SIZE", help="Window (kernel) size, N or HxW; 2 if not given.")
    ] = None
    s: Annotated[
        str | None, Option("--s", "-s", metavar="SIZE", help="Stride, N or HxW; the window's size if not given.")
    ] = None
    padding: Annotated[
        str,
        Option("--padding", metavar="SIZE", help="Padding: N, HxW, TOP,BOTTOM,LEFT,RIGHT, same, same-lower or wrap."),
    ] = "0"
    dilation: Annotated[
        str, Option("--dilation", "-d", metavar="SIZE", help="Distance of the window's values, N or HxW.")
    ] = "1"
    ceil: Annotated[bool, Option("--ceil", help="Keep a last window that goes over the border.")] = False
    size: Annotated[
        str | None,
        Option(
            "--size",
            metavar="SIZE",
            help="Output size N or HxW instead of a window: the same for every picture; 1: global.",
        ),
    ] = None
    exclude_pad: Annotated[bool, Option("--exclude-pad", help="Leave the padding out of averages.")] = False
    p: Annotated[float | None, Option("--p", metavar="NUMBER", help="The power of lp, above 0; 2 if not given.")] = None
    taps: Annotated[
        int | None, Option("--taps", metavar="N", help="Low-pass of maxblur and maxaps, 1 to 7; 3 if not given.")
    ] = None
    edge: Annotated[
        str | None,
        Option(
            "--edge",
            metavar="NAME",
            help="Beyond the border: reflect (usual for blur), replicate, zero or wrap (usual for aps).",
        ),
    ] = None
    seed: Annotated[int | None, Option("--seed", metavar="N", help="What stochastic draws with; 0 if not given.")] = (
        None
    )

    def layer(self) -> Pool:
        """The pooling layer; UsageError where the options make none."""
        asked = {
            "exclude-pad": self.exclude_pad or None,
            "p": self.p,
            "taps": self.taps,
            "edge": self.edge,
            "seed": self.seed,
        }
        options = {name: value for name, value in asked.items() if value is not None}
        if self.size is not None:
            self._check_alone()
            return Pool.to_size(self.mode, self.size, options)
        return Pool.of(
            self.mode,
            self.k or "2",
            self.s,
            padding=self.padding,
            dilation=self.dilation,
            ceil=self.ceil,
            options=options,
        )

    def _check_alone(self) -> None:
        """UsageError when a window is asked for too."""
        windows = {"--k": self.k, "--s": self.s, "--padding": self.padding != "0", "--dilation": self.dilation != "1"}
        given = [name for name, value in {**windows, "--ceil": self.ceil}.items() if value]
        if given:
            raise UsageError(f"--size makes its own windows: leave {' and '.join(given)} out, or --size")


@dataclass(frozen=True, slots=True)
class Filtering:
    """What stands before the pooling."""

    filter: Annotated[
        str | None,
        Option(
            "--filter", "-f", metavar="NAME", help=f"Filter: {', '.join(FILTERS)}; or a kernel FILE (JSON or text)."
        ),
    ] = None
    activation: Annotated[str, Option("--activation", metavar="NAME", help="After the filter: none, relu or abs.")] = (
        NO_ACTIVATION
    )
    filter_edge: Annotated[
        str,
        Option(
            "--filter-edge", metavar="NAME", help="Beyond the border, for the filter: reflect, replicate, zero or wrap."
        ),
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


def recipe_of(pooling: Pooling, filtering: Filtering) -> Recipe:
    """Filter and activation, if any, and the pooling."""
    return Recipe((*filtering.layers(), pooling.layer()))
