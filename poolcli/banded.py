"""Recipes band by band of output rows, from the input rows that the band sees: for arrays larger than memory, and for
pictures that are made as they are read.

A band is the recipe run on a part of the picture, cut where the windows of every layer begin (a multiple of all
strides) and with as many rows around it as one output sees, so that no kept output sees the cut.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from poolcli.ops.arrays import Array, Rows
from poolcli.ops.footprint import Footprint
from poolcli.ops.geometry import Axis, Window
from poolcli.recipe import Conv, Pool, Recipe
from poolcli.recipe.layers import Layer
from poolcli.recipe.shapes import shapes

_NOT_LOCAL = ("stochastic", "aps", "maxaps")  # these draw or choose once for the whole picture
_NOT_EXACT = ("soft",)  # NumPy's exponentials are rounded by where a value lies in a vector


def is_local(recipe: Recipe) -> bool:
    """Whether every output depends on the values of its windows alone, wherever the picture begins and ends."""
    return all(map(_is_local, recipe.layers))


def _is_local(layer: Layer) -> bool:
    if isinstance(layer, Pool):
        edge, window = dict(layer.options).get("edge"), layer.window
        goes_on = isinstance(window, Window) and "wrap" not in (window.padding, edge)
        return layer.mode not in _NOT_LOCAL and goes_on
    return not isinstance(layer, Conv) or layer.edge != "wrap"


def is_exact(recipe: Recipe) -> bool:
    """Whether bands give what the whole picture gives, to the last bit."""
    return is_local(recipe) and not any(isinstance(layer, Pool) and layer.mode in _NOT_EXACT for layer in recipe.layers)


def bands(recipe: Recipe, size: tuple[int, int], rows: Rows, most: int, *, alpha: bool = False) -> Iterator[Array]:
    """The output of a local `recipe` on a picture of `size` (height, width), top to bottom.

    `rows` reads the picture; it is asked for about `most` rows at a time, more where one output sees more. A picture
    of no more rows is one band. `alpha`: the last channel is. Raises PictureError when a window does not fit.
    """
    if size[0] <= most:
        yield recipe(rows(0, size[0]), alpha=alpha)
        return
    recipe = _settled(recipe, size)
    *_, whole = shapes(recipe, *size)
    seen = whole.rows
    step = max(most // seen.jump, seen.field // seen.jump, 1)
    for first in range(0, seen.size, step):
        last = min(first + step, seen.size)
        low, high = _needed(seen, first, last, size[0])
        skipped = low // seen.jump
        yield recipe(rows(low, high), alpha=alpha)[first - skipped : last - skipped]


def run_in_bands(recipe: Recipe, size: tuple[int, int], rows: Rows, most: int, *, alpha: bool = False) -> Array:
    """What `bands` gives, put together."""
    found = bands(recipe, size, rows, most, alpha=alpha)
    band = next(found)
    whole = np.empty((output_size(recipe, size)[0], *band.shape[1:]), band.dtype)
    whole[: len(band)] = band
    done = len(band)
    for band in found:
        whole[done : done + len(band)] = band
        done += len(band)
    return whole


def output_size(recipe: Recipe, size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of the output of `recipe` on a picture of `size`."""
    *_, whole = shapes(recipe, *size)
    return whole.size


def _settled(recipe: Recipe, size: tuple[int, int]) -> Recipe:
    """The recipe with the paddings called `same` as the numbers that they are for the whole picture."""
    sizes = (size, *(shape.size for shape in shapes(recipe, *size)))
    return replace(recipe, layers=tuple(map(_with_numbers, recipe.layers, sizes)))


def _with_numbers(layer: Layer, size: tuple[int, int]) -> Layer:
    if not isinstance(layer, Pool) or not isinstance(layer.window, Window):
        return layer
    rows, columns = layer.stages(*size)[0]
    if not isinstance(layer.window.padding, str) or not isinstance(rows, Axis) or not isinstance(columns, Axis):
        return layer
    sides = (rows.before, rows.after, columns.before, columns.after)
    return replace(layer, window=replace(layer.window, padding=sides))


def _needed(seen: Footprint, first: int, last: int, height: int) -> tuple[int, int]:
    """The input rows for the outputs first ... last - 1, with one more field around them for what edges mirror."""
    low = max(0, (seen.start + first * seen.jump - seen.field) // seen.jump * seen.jump)
    high = min(height, seen.start + (last - 1) * seen.jump + 2 * seen.field)
    return low, high
