"""What the layers of a recipe do to sizes, before anything is run: output size, receptive field, jump, start.

The formulas are those of Araujo, Norris & Sim, Computing Receptive Fields of Convolutional Neural Networks, 2019.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from poolcli.ops.adaptive import AnyAxes, Spans
from poolcli.ops.footprint import Footprint
from poolcli.ops.geometry import Axis, Pair
from poolcli.ops.modes import find_mode
from poolcli.ops.stages import central
from poolcli.recipe.layers import Layer, Pool, Recipe


@dataclass(frozen=True, slots=True)
class LayerShape:
    """After a layer: the output's (height, width), and what one output value sees of the picture, rows and columns."""

    layer: str
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
        for down, across in layer.sees(rows.size, columns.size):
            rows, columns = rows.after(down), columns.after(across)
        yield LayerShape(str(layer), (rows.size, columns.size), rows, columns)


Spacing = tuple[float, float]


def spacings(recipe: Recipe, height: int, width: int, phases: Sequence[Pair] = ()) -> tuple[Spacing, Spacing]:
    """How outputs lie on a picture of `height` x `width`, in rows and in columns: (jump, edge), in input pixels.

    The middles of what outputs see are `jump` apart; if each output is drawn `jump` wide around its middle, the outer
    edge of the first one lies `edge` behind that of the picture: start + (field - jump) / 2. Output sizes keep the
    picture's extent. `phases` are what the layers that choose have chosen (`poolcli.ops.aps`), in their order.

    >>> from poolcli.recipe import as_recipe
    >>> spacings(as_recipe("max:3/2+1"), 224, 224)[0], spacings(as_recipe("stride:2"), 9, 9)[0]
    ((2, -0.5), (2, -0.5))
    >>> spacings(as_recipe("center:2"), 8, 8)[0]  # of its whole window
    (2, 0.0)
    >>> spacings(as_recipe("avg:size=3"), 10, 10)[0]
    (3.3333333333333335, 0)
    """
    found: list[Spacing] = [(1, 0), (1, 0)]
    size, chosen = (height, width), iter(phases)
    for layer in recipe.layers:
        for axes in _extents(layer, size):
            phase = next(chosen, (0, 0)) if any(axis.slack for axis in axes) else (0, 0)
            found = [_spaced(*parts) for parts in zip(found, axes, phase, strict=True)]
            size = axes[0].out, axes[1].out
    return found[0], found[1]


def _extents(layer: Layer, size: tuple[int, int]) -> Sequence[AnyAxes]:
    """What the outputs of a layer stand for: what they see, or all of the window whose middle value is taken."""
    whole = isinstance(layer, Pool) and find_mode(layer.mode).stages is central
    return layer.stages(*size) if whole else layer.sees(*size)


def _spaced(spacing: Spacing, axis: Axis | Spans, phase: int) -> Spacing:
    """The spacing with one more layer of windows behind it."""
    jump, edge = spacing
    if isinstance(axis, Spans):
        return jump * axis.n / axis.out, edge
    return jump * axis.s, edge + jump * (phase - axis.before + (axis.span - axis.s) / 2)
