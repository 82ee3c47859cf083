"""Layers as frozen values, validated when they are built; shapes, receptive fields and where outputs lie."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from math import isnan
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, Self

from poolcli.errors import UsageError, unknown
from poolcli.ops.filters import Kernel, check_kernel
from poolcli.ops.geometry import (
    LARGEST,
    AnyAxes,
    Axes,
    Axis,
    Cells,
    Edge,
    Footprint,
    Size,
    Spans,
    Window,
    as_padding,
    as_size,
    padding_text,
    same_sides,
    size_text,
    taken,
)
from poolcli.ops.modes import (
    ACTIVATIONS,
    Options,
    activation_text,
    as_edge,
    check_window,
    complete_options,
    find_mode,
    option_text,
    votes,
)
from poolcli.records import dataclass

if TYPE_CHECKING:  # layers are built and printed without NumPy; only calling one loads it
    from types import EllipsisType

    from poolcli.ops.arrays import Array
    from poolcli.ops.ignored import Ignored

    Result = tuple[Array, Array | None]  # what a layer gives, and where that is valid (None: everywhere)

LONGEST_NAME = 80  # characters of a recipe in a file name, before it is cut and hashed


@dataclass(frozen=True, slots=True)
class Conv:
    """A filter: `kernel` (rows of numbers) over every channel but alpha. `name` is how its text form calls it."""

    name: str
    kernel: Kernel
    stride: Size = (1, 1)
    edge: Edge = "reflect"

    holds_value: bool = field(init=False, repr=False, compare=False)  # a value of the picture
    downsamples: bool = field(init=False, repr=False, compare=False)  # fewer outputs than inputs

    keeps_values: ClassVar[bool] = False
    for_labels: ClassVar[bool] = False
    ignores: ClassVar[bool] = False
    own_dtype: ClassVar[bool] = False
    votes: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_kernel(self.kernel)
        if min(self.stride) < 1 or max(self.stride) > LARGEST:
            raise UsageError(
                f"stride {size_text(self.stride)} of a filter: whole numbers from 1 to {LARGEST} are allowed"
            )
        edge = as_edge(self.edge)
        _decide(self, edge=edge, holds_value=not isinstance(edge, str), downsamples=self.stride != (1, 1))

    def run(self, image: "Array", valid: "Array | None", *, alpha: bool, ignored: "Ignored | None") -> "Result":
        """Filter `image`; the alpha channel is not filtered, only thinned out like the rest by the stride."""
        import numpy as np

        from poolcli.ops.convolve import convolve

        if valid is not None:
            from poolcli.ops.ignored import refuse

            raise refuse(f"a filter ('{self}')", ignored)
        colour = image[..., :-1] if alpha else image
        result = convolve(colour, self.kernel, stride=self.stride, edge=self.edge)
        if not alpha:
            return result, None
        alpha_channel = image[:: self.stride[0], :: self.stride[1], -1:]
        return np.concatenate([result, alpha_channel.astype(result.dtype)], axis=2), None

    def stages(self, height: int, width: int) -> list[Axes]:
        """Where the windows lie, as `Window.axes`."""
        size = len(self.kernel), len(self.kernel[0])
        top, bottom, left, right = same_sides(size)
        (kh, kw), (sh, sw) = size, self.stride
        wraps = self.edge == "wrap"
        rows = Axis(height, kh, sh, 1, top, bottom, -(-height // sh), wraps=wraps)
        return [(rows, Axis(width, kw, sw, 1, left, right, -(-width // sw), wraps=wraps))]

    def __str__(self) -> str:
        stride = f"/{size_text(self.stride)}" if self.downsamples else ""
        edge = "" if self.edge == "reflect" else f",edge={option_text(self.edge)}"
        simple = re.fullmatch(r"[^\s,]*(?<!/\d)", self.name)  # a file's name may hold what separates the parts
        name = self.name if simple else f'@"{self.name[1:]}"'
        return f"conv:{name}{stride}{edge}"

    sees = stages

    def whole(self, largest: int) -> int:
        """What whole numbers up to `largest` become at most, where they stay whole numbers; 0 where they do not."""
        weights = [abs(weight) for row in self.kernel for weight in row]
        return max(1, int(sum(weights))) * largest if all(float(weight).is_integer() for weight in weights) else 0

    @property
    def file_text(self) -> str:
        """`line-v`, `sobel-h-s2`, `kernel-wrap`: the filter's name, what differs from the usual after it."""
        name = PurePath(self.name[1:]).stem if self.name.startswith("@") else self.name.replace(":", "")
        name = re.sub(r"[^\w.-]", "-", name)
        stride = f"-s{size_text(self.stride)}" if self.downsamples else ""
        edge = f"-{'edge' * self.holds_value}{option_text(self.edge)}"
        return name + stride + ("" if self.edge == "reflect" else edge)


@dataclass(frozen=True, slots=True)
class Activation:
    """A function of every value, on every channel but alpha: its name, and the numbers that `clip` is given."""

    name: str
    bounds: tuple[float, ...] = ()

    holds_value: bool = field(init=False, repr=False, compare=False)  # a number that values are compared with

    edge: ClassVar[None] = None
    keeps_values: ClassVar[bool] = False
    for_labels: ClassVar[bool] = False
    ignores: ClassVar[bool] = True
    own_dtype: ClassVar[bool] = False
    votes: ClassVar[bool] = False
    downsamples: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.name not in ACTIVATIONS:
            raise unknown("activation", self.name, ACTIVATIONS)
        _decide(self, holds_value=ACTIVATIONS[self.name].holds_value)
        bounds = ACTIVATIONS[self.name].bounds
        if len(self.bounds) != len(bounds) or any(map(isnan, self.bounds)):
            numbers = ", with numbers as in clip:0,6" if bounds else ", which takes no numbers"
            raise UsageError(f"'{self}': write it as {activation_text(self.name)}{numbers}")
        if sorted(self.bounds) != list(self.bounds):
            text = ",".join(map(option_text, sorted(self.bounds)))
            raise UsageError(f"'{self}' has its higher number first: write {self.name}:{text}")

    def run(self, image: "Array", valid: "Array | None", *, alpha: bool, ignored: "Ignored | None") -> "Result":
        """Apply it; an alpha channel and what is not valid go through as they are."""
        result = ACTIVATIONS[self.name].function(image, *self.bounds)
        if alpha:
            result[..., -1] = image[..., -1]
        if valid is not None:
            result[~valid] = image[~valid]
        return result, valid

    def stages(self, height: int, width: int) -> list[Axes]:
        """None: every value stays where it is."""
        return []

    sees = stages

    def whole(self, largest: int) -> int:
        """What whole numbers up to `largest` become at most, where they stay whole numbers; 0 where they do not."""
        whole = all(float(bound).is_integer() for bound in self.bounds)
        return max([largest, *(abs(int(bound)) for bound in self.bounds)]) if whole else 0

    def __str__(self) -> str:
        return self.name + ":" * bool(self.bounds) + ",".join(map(option_text, self.bounds))

    @property
    def file_text(self) -> str:
        """`relu`, `clip-1to1`: the name, and its numbers."""
        return self.name + "to".join(map(option_text, self.bounds))


@dataclass(frozen=True, slots=True)
class Pool:
    """A pooling: a row of the table of modes, its window or the cells that it is to make of any picture, and a value
    for every option that the mode takes.
    """

    mode: str
    window: Window | Cells
    options: Options = ()

    edge: Edge | None = field(init=False, repr=False, compare=False)  # beyond the border, for its last windows
    holds_value: bool = field(init=False, repr=False, compare=False)  # a value of the picture
    keeps_values: bool = field(init=False, repr=False, compare=False)  # outputs are values of the input
    for_labels: bool = field(init=False, repr=False, compare=False)  # made for labels
    ignores: bool = field(init=False, repr=False, compare=False)  # leaves ignored values out
    own_dtype: bool = field(init=False, repr=False, compare=False)  # of its results
    votes: bool = field(init=False, repr=False, compare=False)  # whole pixels are counted
    downsamples: bool = field(init=False, repr=False, compare=False)  # fewer outputs than inputs

    def __post_init__(self) -> None:
        mode = find_mode(self.mode)
        check_window(mode, self.window)
        options = complete_options(mode, dict(self.options))
        edge = dict(options).get("edge")
        _decide(
            self,
            options=options,
            edge=edge,
            holds_value=not isinstance(edge, str | None),
            keeps_values=mode.keeps_values,
            for_labels=mode.for_labels,
            ignores=mode.has_windows,
            own_dtype=mode.own_dtype,
            votes=votes(mode, options),
            downsamples=isinstance(self.window, Cells) or self.window.s != (1, 1),
        )

    @classmethod
    def of(
        cls,
        mode: str,
        k: int | Sequence[int] | str,
        s: int | Sequence[int] | str | None = None,
        *,
        padding: int | Sequence[int] | str = 0,
        dilation: int | Sequence[int] | str = 1,
        ceil: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> "Pool":
        """A pooling from sizes as a user gives them: 2, (3, 2) or "3x2"; `s=None` means `s = k`.

        >>> str(Pool.of("max", 3, 2, padding=1))
        'max:3/2+1'
        """
        find_mode(mode)
        size = as_size(k, "window")
        stride = size if s is None else as_size(s, "stride")
        window = Window(size, stride, as_padding(padding), as_size(dilation, "dilation"), ceil)
        return cls(mode, window, tuple((options or {}).items()))

    @classmethod
    def to_size(cls, mode: str, size: int | Sequence[int] | str, options: Mapping[str, Any] | None = None) -> "Pool":
        """A pooling to an output size, whatever the picture's.

        >>> str(Pool.to_size("avg", "7x5"))
        'avg:size=7x5'
        """
        return cls(mode, Cells(as_size(size, "size")), tuple((options or {}).items()))

    def run(self, image: "Array", valid: "Array | None", *, alpha: bool, ignored: "Ignored | None") -> "Result":
        """Pool every channel, alpha like the others."""
        from poolcli.ops.pooling import run_mode

        mode = find_mode(self.mode)
        return run_mode(mode, image, self.window, self.options, valid, alpha=alpha, ignored=ignored)

    def stages(self, height: int, width: int) -> list[AnyAxes]:
        """Where the windows lie, as `Window.axes`."""
        return find_mode(self.mode).stages(self.window, dict(self.options), height, width)

    def sees(self, height: int, width: int) -> list[AnyAxes]:
        """What the outputs see of a picture: of windows of which one value is taken, that value."""
        stages, takes = self.stages(height, width), find_mode(self.mode).takes
        return [taken(axes, middle=takes == "middle") for axes in stages] if takes else stages

    def whole(self, largest: int) -> int:
        """What whole numbers up to `largest` become at most, where they stay whole numbers; 0 where they do not."""
        picked = self.keeps_values or find_mode(self.mode).joins == "values"
        return largest if picked and (isinstance(self.window, Cells) or self.window.dilation == (1, 1)) else 0

    @property
    def sizes(self) -> Mapping[str, str]:
        """`k` and `s` as text; for an output size it is both."""
        if isinstance(self.window, Cells):
            return dict.fromkeys(("k", "s"), f"size{size_text(self.window.size)}")
        return {"k": size_text(self.window.k), "s": size_text(self.window.s)}

    def __str__(self) -> str:
        return self.mode + self._text(":", "/", "+", "@", ",", "=")

    @property
    def file_text(self) -> str:
        """`max-k2s2`, `avg-k3x2s2x1p1-ceil`: the text form without characters that file systems refuse."""
        return self.mode + self._text("-k", "s", "p", "d", "-", "")

    def _text(self, window: str, stride: str, padding: str, dilation: str, option: str, equals: str) -> str:
        """The sizes and options with these marks before them, leaving out what has its default."""
        geometry, defaults = self.window, find_mode(self.mode).options
        if isinstance(geometry, Cells):
            text = f"{window[0]}size{equals}{size_text(geometry.size)}"
        else:
            text = f"{window}{size_text(geometry.k)}{stride}{size_text(geometry.s)}"
            if geometry.padding != (0, 0, 0, 0):
                text += padding + padding_text(geometry.padding)
            if geometry.dilation != (1, 1):
                text += dilation + size_text(geometry.dilation)
            if geometry.ceil:
                text += f"{option}ceil"
        for name, value in self.options:
            if value != defaults[name]:
                text += f"{option}{name}" if value is True else f"{option}{name}{equals}{option_text(value)}"
        return text


Layer = Conv | Activation | Pool


def _decide(value: "Layer | Recipe", **facts: Any) -> None:
    """Set what follows from the fields of a frozen value."""
    for name, fact in facts.items():
        object.__setattr__(value, name, fact)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Layers, one after the other. `str` gives the text form, calling it runs the layers.

    >>> str(Recipe((Activation("relu"), Pool.of("max", 2))))
    'relu max:2/2'
    """

    layers: tuple[Layer, ...]

    head: "Self | None" = field(init=False, repr=False, compare=False)  # before the first down-sampling
    tail: Self = field(init=False, repr=False, compare=False)  # the rest
    keeps_values: bool = field(init=False, repr=False, compare=False)  # palettes and labels survive
    indices: bool = field(init=False, repr=False, compare=False)  # takes those of a palette
    for_labels: bool = field(init=False, repr=False, compare=False)  # for nothing else: so integers are labels
    ignores: bool = field(init=False, repr=False, compare=False)  # leaves ignored values out
    own_dtype: bool = field(init=False, repr=False, compare=False)  # of sums and shares
    votes: bool = field(init=False, repr=False, compare=False)  # counts whole pixels

    def __post_init__(self) -> None:
        if not self.layers:
            raise UsageError("a recipe of no layers does nothing: give at least one, for instance max:2/2")
        at = next((i for i, layer in enumerate(self.layers) if layer.downsamples), 0)
        first, keeps_values = self.layers[0], all(layer.keeps_values for layer in self.layers)
        _decide(
            self,
            head=replace(self, layers=self.layers[:at]) if at else None,
            tail=replace(self, layers=self.layers[at:]) if at else self,
            keeps_values=keeps_values,
            indices=keeps_values or (isinstance(first, Pool) and find_mode(first.mode).counts_indices),
            for_labels=all(layer.for_labels for layer in self.layers),
            ignores=all(layer.ignores for layer in self.layers),
            own_dtype=any(layer.own_dtype for layer in self.layers),
            votes=any(layer.votes for layer in self.layers),
        )

    def __call__(self, image: "Array", *, alpha: bool = False, ignored: "Ignored | None" = None) -> "Array":
        """Run the layers on `image` (H x W or H x W x C); `alpha`: the last is alpha, which no filter touches."""
        return self.run(image, alpha=alpha, ignored=ignored)[0]

    def run(
        self,
        image: "Array",
        valid: "Array | EllipsisType | None" = ...,
        *,
        alpha: bool = False,
        ignored: "Ignored | None" = None,
    ) -> "Result":
        """The output of the layers, and where it is valid, as bools of its shape; None: everywhere.

        `valid` says so of `image`; left out, all is but what is `ignored`. What is not valid enters no window and
        goes through activations; PictureError where a filter or a mode without windows meets it.
        """
        if valid is ...:
            valid = None
            if ignored is not None:
                from poolcli.ops.ignored import validity

                valid = validity(image, ignored, alpha=alpha)
        for layer in self.layers:
            image, valid = layer.run(image, valid, alpha=alpha, ignored=ignored)
            if layer.own_dtype and ignored is not None:
                ignored = replace(ignored, values=())  # NaN is written where nothing is valid
        return image, valid

    def __str__(self) -> str:
        return " ".join(map(str, self.layers))

    @property
    def argv(self) -> list[str]:
        """The options of a command line that say what its text does not: none of a plain recipe."""
        return []

    @property
    def file_text(self) -> str:
        """The recipe as a part of a file name: `line-v_relu_max-k2s2`; cut and hashed when long."""
        text = "_".join(layer.file_text for layer in self.layers)
        if len(text) <= LONGEST_NAME:
            return text
        from hashlib import sha256  # which takes longer to load than all of this room

        digest = sha256(str(self).encode()).hexdigest()[:10]
        return f"{text[: LONGEST_NAME - 11]}-{digest}"

    @property
    def tile(self) -> Size | None:
        """Rows and columns of the windows, where the only layer that down-samples has them side by side.

        >>> Recipe((Activation("relu"), Pool.of("max", (2, 3)))).tile
        (2, 3)
        """
        first, *more = self.tail.layers
        if more or not isinstance(first, Pool) or not isinstance(first.window, Window):
            return None
        window = first.window
        simple = window.k == window.s and window.padding == (0, 0, 0, 0) and window.dilation == (1, 1)
        return window.k if simple and first.ignores else None

    def footprints(self, height: int, width: int) -> tuple[Footprint, Footprint] | None:
        """What one output value sees of a picture of `height` x `width`, in rows and in columns.

        None where the outputs lie on no regular grid.
        """
        return on_grid(*seen_through(self.layers, Footprint(height), Footprint(width)))


def on_grid(rows: Footprint, columns: Footprint) -> tuple[Footprint, Footprint] | None:
    """Both, where the outputs lie on a regular grid."""
    return (rows, columns) if rows.regular and columns.regular else None


def seen_through(layers: Sequence[Layer], rows: Footprint, columns: Footprint) -> tuple[Footprint, Footprint]:
    """What outputs of `layers` see of a picture whose values see `rows` and `columns` of another."""
    for layer in layers:
        for down, across in layer.sees(rows.size, columns.size):
            rows, columns = rows.after(down), columns.after(across)
    return rows, columns


# What the layers of a recipe do to sizes, before anything is run: output size, receptive field, jump, start.
# The formulas are those of Araujo, Norris & Sim, Computing Receptive Fields of Convolutional Neural Networks, 2019.


@dataclass(frozen=True, slots=True)
class LayerShape:
    """After a layer: the output's (height, width), and what one output value sees of the picture, rows and columns."""

    layer: Layer
    size: tuple[int, int]
    rows: Footprint
    columns: Footprint


def shapes(recipe: Recipe, height: int, width: int) -> Iterator[LayerShape]:
    """One `LayerShape` a layer for a picture of `height` x `width`; PictureError for a window that does not fit.

    >>> from poolcli.recipe import as_recipe
    >>> [str(shape.size) for shape in shapes(as_recipe("max:3/2+1 avg:2"), 224, 224)]
    ['(112, 112)', '(56, 56)']
    """
    rows, columns = Footprint(height), Footprint(width)
    for layer in recipe.layers:
        rows, columns = seen_through([layer], rows, columns)
        yield LayerShape(layer, (rows.size, columns.size), rows, columns)


def left_out(recipe: Recipe, height: int, width: int) -> str:
    """Which rows and columns at the end no window of a layer holds, as a sentence; empty where there are none.

    PictureError for a window that does not fit.

    >>> from poolcli.recipe import as_recipe
    >>> left_out(as_recipe("max:3/2"), 28, 29)
    'the windows of max:3/2 leave out the last row'
    """
    size, sentence = (height, width), ""
    for layer in recipe.layers:
        for rows, columns in layer.stages(*size):
            missing = rows.n - rows.end, columns.n - columns.end
            if max(missing) > 0 and not sentence:
                counts = zip(missing, ("row", "column"), strict=True)
                parts = " and the last ".join(_last(count, what) for count, what in counts if count > 0)
                sentence = f"the windows of {layer} leave out the last {parts}"
            size = rows.out, columns.out
    return sentence


def _last(count: int, what: str) -> str:
    return what if count == 1 else f"{count} {what}s"


Spacing = tuple[float, float]


def spacings(recipe: Recipe, height: int, width: int, phases: Sequence[Size] = ()) -> tuple[Spacing, Spacing]:
    """How outputs lie on a picture of `height` x `width`, in rows and in columns: (jump, edge), in input pixels.

    The middles of what outputs see are `jump` apart; if each output is drawn `jump` wide around its middle, the outer
    edge of the first one lies `edge` behind that of the picture: start + (field - jump) / 2. Output sizes keep the
    picture's extent. `phases` are what the layers that choose have chosen (`poolcli.ops.sampling`), in their order.

    >>> from poolcli.recipe import as_recipe
    >>> spacings(as_recipe("max:3/2+1"), 224, 224)[0], spacings(as_recipe("stride:2"), 9, 9)[0]
    ((2, -0.5), (2, -0.5))
    >>> spacings(as_recipe("center:2"), 8, 8)[0]  # of its whole window
    (2, 0.0)
    >>> spacings(as_recipe("avg:size=3"), 10, 10)[0]
    (3.3333333333333335, 0)
    """
    axes_spacing: list[Spacing] = [(1, 0), (1, 0)]
    size, chosen = (height, width), iter(phases)
    for layer in recipe.layers:
        for axes in _extents(layer, size):
            phase = next(chosen, (0, 0)) if any(axis.slack for axis in axes) else (0, 0)
            axes_spacing = [_spaced(*parts) for parts in zip(axes_spacing, axes, phase, strict=True)]
            size = axes[0].out, axes[1].out
    return axes_spacing[0], axes_spacing[1]


def _extents(layer: Layer, size: tuple[int, int]) -> Sequence[AnyAxes]:
    """What the outputs of a layer stand for: what they see, or all of the window whose middle value is taken."""
    whole = isinstance(layer, Pool) and find_mode(layer.mode).takes == "middle"
    return layer.stages(*size) if whole else layer.sees(*size)


def _spaced(spacing: Spacing, axis: Axis | Spans, phase: int) -> Spacing:
    """The spacing with one more layer of windows behind it."""
    jump, edge = spacing
    if isinstance(axis, Spans):
        return jump * axis.n / axis.out, edge
    return jump * axis.s, edge + jump * (phase - axis.before + (axis.span - axis.s) / 2)
