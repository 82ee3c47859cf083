"""The options that make layers: a window, a filter before it, and the modes of a comparison."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from poolcli.cli.parser import Group, Option
from poolcli.errors import UsageError, nearest, unknown
from poolcli.ops.filters import FILTERS
from poolcli.ops.geometry import EDGES, Cells, padding_text, size_text
from poolcli.ops.modes import (
    ACTIVATIONS,
    MODES,
    MOST_TAPS,
    OPTIONS,
    Mode,
    activation_text,
    find_mode,
    mode_called,
    option_text,
    read_option,
)
from poolcli.recipe import Conv, Pool, Recipe, parse_recipe
from poolcli.recipe.layers import Layer
from poolcli.recipe.text import filter_name, load_kernel, parse_activation

NO_ACTIVATION = "none"
USUAL = "stride,max,avg,blur,maxblur,aps,maxaps"
OF_LABELS = ",".join(mode.name for mode in MODES.values() if mode.keeps_values)

K_WORDS = "--kernel --kernel-size --kernel-shape --ksize --pool-size --window --window-size"
S_WORDS = "--stride --strides --step"
STRIDE = Option("--s", "-s", metavar="SIZE", help="Stride, N or HxW; the window's size if not given.", also=S_WORDS)


def mode_options(names: Iterable[str] = OPTIONS) -> dict[str, Option]:
    """The options of modes as those of a command."""
    rows = (row for name, row in OPTIONS.items() if name in names)
    return {
        row.name.replace("-", "_"): Option(
            f"--{row.name}",
            help=row.help,
            metavar=row.metavar,
            kind=row.parse if row.parse in (int, float) else str,
            values=partial(iter, row.values) if row.values else None,
            also=row.also,
        )
        for row in rows
    }


def mode_option(modes: Mapping[str, Mode]) -> Option:
    """The pooling, of those that a command takes."""
    return Option(
        "--mode",
        "-m",
        metavar="MODE",
        help=f"The pooling: {', '.join(modes)}; max if not given.",
        values=lambda: modes,
        also="--pooling --pool-mode --pool-type --pooling-mode --pooling-type",
    )


def options_given(group: Group) -> dict[str, Any]:
    """The options of modes that a command was given, by their names; UsageError for text that is no value."""
    given = {name: vars(group).get(name.replace("-", "_")) for name in OPTIONS}
    return {
        name: read_option(name, value) if isinstance(value, str) else value
        for name, value in given.items()
        if value is not None and value is not False
    }


class Pooling(Group, more=mode_options()):
    """Its size, and what is done with it."""

    PANEL = "Window"

    mode: str = mode_option(MODES).default("max")
    k: str | None = Option(
        "--k", "-k", metavar="SIZE", help="Window (kernel) size, N or HxW; 2 if not given.", also=K_WORDS
    ).default(None)
    s: str | None = STRIDE.default(None)
    padding: str = Option(
        "--padding",
        metavar="SIZE",
        help="N, HxW, TOP,BOTTOM,LEFT,RIGHT, same, same-lower or wrap.",
        values=lambda: ("same", "same-lower", "wrap"),
        also="--pad --auto-pad",
    ).default("0")
    pads: str | None = Option("--pads", metavar="SIZE", help="ONNX's --padding.", hidden=True).default(None)
    dilation: str = Option(
        "--dilation",
        "-d",
        metavar="SIZE",
        help="Distance of the window's values, N or HxW; 1 if not given.",
        also="--dilations --dilation-rate",
    ).default("1")
    size: str | None = Option(
        "--size",
        metavar="SIZE",
        help="Output size, N or HxW, instead of a window; 1 is global.",
        also="--output-size",
    ).default(None)

    def layer(self) -> Pool:
        """The pooling layer; UsageError where the options make none."""
        options = options_given(self)
        padding, mode = self._padding(), mode_called(self.mode) or self.mode
        ceil = options.pop("ceil", False)
        if self.size is not None:
            self._check_alone(ceil=ceil)
            return Pool.to_size(mode, self.size, options)
        return Pool.of(
            mode,
            "2" if self.k is None else self.k,
            self.s,
            padding=padding,
            dilation=self.dilation,
            ceil=ceil,
            options=options,
        )

    def _padding(self) -> str:
        """The padding, also as other libraries call it: `valid` and `SAME_UPPER`, and `--pads` where sides agree."""
        if self.pads is None:
            text = self.padding.lower().replace("_", "-")
            return {"valid": "0", "same-upper": "same"}.get(text, text)
        sides = self.pads.replace("x", ",").split(",")
        if len(sides) == 4 and sides[1] != sides[2]:
            top, left, bottom, right = sides
            raise UsageError(
                f"--pads '{self.pads}' is TOP,LEFT,BOTTOM,RIGHT in ONNX, --padding is TOP,BOTTOM,LEFT,RIGHT: write "
                f"--padding {top},{bottom},{left},{right}"
            )
        return self.pads

    def _check_alone(self, *, ceil: bool) -> None:
        """UsageError when a window is given too."""
        windows = {
            "--k": self.k is not None,
            "--s": self.s is not None,
            "--padding": self._padding() != "0",
            "--dilation": self.dilation != "1",
        }
        given = [name for name, value in {**windows, "--ceil": ceil}.items() if value]
        if given:
            raise UsageError(f"--size makes its own windows: leave {' and '.join(given)} out, or --size")


def pooling_of(layer: Pool) -> Pooling | None:
    """The options that make this layer; None where there are none for it."""
    given: dict[str, object] = {"mode": layer.mode}
    window, defaults = layer.window, find_mode(layer.mode).options
    if isinstance(window, Cells):
        given["size"] = size_text(window.size)
    else:
        given |= {"k": size_text(window.k), "s": None if window.s == window.k else size_text(window.s)}
        padding = padding_text(window.padding)
        given |= {"padding": None if padding == "0" else padding, "ceil": window.ceil}
        given["dilation"] = None if window.dilation == (1, 1) else size_text(window.dilation)
    for name, value in layer.options:
        if value != defaults[name]:
            given[name.replace("-", "_")] = value if isinstance(value, bool) else option_text(value)
    return Pooling(**given) if given.keys() <= Pooling.OPTIONS.keys() else None


class Filtering(Group):
    """What stands before the pooling."""

    PANEL = "Filter"

    filter: str | None = Option(
        "--filter",
        "-f",
        metavar="FILTER",
        help=f"{', '.join(FILTERS)}; or a kernel FILE (JSON or text).",
        values=lambda: FILTERS,
        also="--conv --convolution",
    ).default(None)
    activation: str = Option(
        "--activation",
        metavar="NAME",
        help=f"After the filter: none (if not given), {', '.join(map(activation_text, ACTIVATIONS))}.",
        values=lambda: (NO_ACTIVATION, *ACTIVATIONS),
    ).default(NO_ACTIVATION)
    filter_edge: str = Option(
        "--filter-edge",
        metavar="EDGE",
        help=f"Beyond the border, for the filter, reflect if not given: {', '.join(EDGES)} or a number.",
        values=lambda: EDGES,
    ).default("reflect")

    def layers(self) -> tuple[Layer, ...]:
        """The layers before the pooling; UsageError for an unknown name or a bad kernel file."""
        layers: list[Layer] = []
        if self.filter is None and "filter_edge" in vars(self):
            raise UsageError("--filter-edge says what lies beyond the border for a filter: it needs --filter")
        if self.filter is not None:
            name = filter_name(self.filter)
            layers.append(Conv(name, load_kernel(name), edge=self.filter_edge))
        if self.activation != NO_ACTIVATION:
            word = self.activation.partition(":")[0].lower()
            if word not in ACTIVATIONS:
                allowed = (NO_ACTIVATION, *map(activation_text, ACTIVATIONS))
                raise unknown("activation", self.activation, allowed, nearest(word, ACTIVATIONS))
            layers.append(parse_activation(self.activation))
        return tuple(layers)


def recipe_of(pooling: Pooling, filtering: Filtering) -> Recipe:
    """Filter and activation, if any, and the pooling."""
    return Recipe((*filtering.layers(), pooling.layer()))


def _lacks_bounds(text: str) -> bool:
    """Whether the last layer is an activation whose numbers, which stand between commas, are not all there."""
    name, colon, given = text.rsplit(" ", maxsplit=1)[-1].partition(":")
    row = ACTIVATIONS.get(name.lower())
    return bool(colon) and row is not None and len(given.split(",")) < len(row.bounds)


class Candidates(Group):
    """What a comparison ranks."""

    PANEL = "Window"

    modes: str = Option(
        "--modes",
        "-m",
        metavar="LIST",
        help=f"Modes between commas, or layers such as blur:5/2 among them; if not given {USUAL}, "
        f"or with --labels {OF_LABELS}.",
        values=lambda: MODES,
        also="--mode",
    ).default(USUAL)
    k: str = Option(
        "--k",
        "-k",
        metavar="SIZE",
        help="Window size of all, N or HxW; blur and aps have --taps.",
        also=K_WORDS,
    ).default("2")
    s: str | None = STRIDE.default(None)
    taps: int = Option(
        "--taps", metavar="N", kind=int, help="Low-pass of blur, maxblur, aps and maxaps, 1 to 7; 3 if not given."
    ).default(3)

    def layers(self, *, wrap: bool, labels: bool = False) -> dict[str, tuple[Layer, ...]]:
        """The layers of every candidate by their text; `wrap`: those with windows beyond the border go round; `labels`:
        the usual ones are those that keep labels.

        UsageError for an unknown or doubled name.
        """
        candidates: dict[str, tuple[Layer, ...]] = {}
        for text in (mode_called(each) or each for each in self._names(labels)):
            if not text:
                raise UsageError(f"--modes '{self.modes}' has an empty place: give names between commas, as in max,avg")
            layers = parse_recipe(text).layers if ":" in text else (self._pool(text, wrap=wrap),)
            name = " ".join(map(str, layers))
            if name in candidates:
                raise UsageError(f"--modes names '{name}' twice: once is enough")
            candidates[name] = layers
        return candidates

    def _names(self, labels: bool) -> list[str]:
        """The names of the list; the options of a layer, which stand between commas too, stay with it."""
        names: list[str] = []
        modes = OF_LABELS if labels and "modes" not in vars(self) else self.modes
        for part in map(str.strip, modes.split(",")):
            if names and (_lacks_bounds(names[-1]) or (":" in names[-1] and part.partition("=")[0] in OPTIONS)):
                names[-1] += f",{part}"
            else:
                names.append(part)
        return names

    def _pool(self, name: str, *, wrap: bool) -> Pool:
        mode = find_mode(name)
        low_pass = mode.most_taps == MOST_TAPS  # its window is the low-pass itself
        options: dict[str, object] = {"taps": self.taps} if "taps" in mode.options else {}
        padding = "0"
        if wrap:
            options |= {"edge": "wrap"} if "edge" in mode.options else {}
            padding = "wrap" if "taps" in mode.options else "0"
        k = str(self.taps) if low_pass else self.k
        return Pool.of(name, k, self.s or self.k, padding=padding, options=options)
