"""What the layers of a recipe do to sizes, before anything is run: output size, receptive field, jump, start.

The formulas are those of Araujo, Norris & Sim, Computing Receptive Fields of Convolutional Neural Networks, 2019.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from poolcli.ops.footprint import Footprint
from poolcli.recipe.layers import Recipe


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
        for down, across in layer.stages(rows.size, columns.size):
            rows, columns = rows.after(down), columns.after(across)
        yield LayerShape(str(layer), (rows.size, columns.size), rows, columns)
