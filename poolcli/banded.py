"""Recipes on arrays larger than memory: band by band of output rows, from the input rows that the band sees.

A band is the recipe run on a part of the picture, cut where the windows of every layer begin (a multiple of all
strides) and with as many rows around it as one output sees, so that no kept output sees the cut.
"""

from collections.abc import Callable, Iterator

from poolcli.ops.arrays import Array
from poolcli.ops.footprint import Footprint
from poolcli.recipe import Conv, Pool, Recipe

Rows = Callable[[int, int], Array]  # the rows low ... high - 1 of the picture, H x W or H x W x C

_NOT_LOCAL = ("stochastic", "aps", "maxaps")  # these draw or choose once for the whole picture


def is_local(recipe: Recipe) -> bool:
    """Whether every output depends on the values of its windows alone, wherever the picture begins and ends."""
    return all(
        layer.edge != "wrap"
        if isinstance(layer, Conv)
        else not isinstance(layer, Pool) or (layer.mode not in _NOT_LOCAL and dict(layer.options).get("edge") != "wrap")
        for layer in recipe.layers
    )


def bands(recipe: Recipe, size: tuple[int, int], rows: Rows, most: int) -> Iterator[Array]:
    """The output of a local `recipe` on a picture of `size` (height, width), top to bottom.

    `rows` reads the picture; it is asked for about `most` rows at a time, more where one output sees more. Raises
    PictureError when a window does not fit.
    """
    seen, _ = recipe.footprints(*size)
    step = max(most // seen.jump, seen.field // seen.jump, 1)
    for first in range(0, seen.size, step):
        last = min(first + step, seen.size)
        low, high = _needed(seen, first, last, size[0])
        skipped = low // seen.jump
        yield recipe(rows(low, high))[first - skipped : last - skipped]


def output_size(recipe: Recipe, size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of the output of `recipe` on a picture of `size`."""
    down, across = recipe.footprints(*size)
    return down.size, across.size


def _needed(seen: Footprint, first: int, last: int, height: int) -> tuple[int, int]:
    """The input rows for the outputs first ... last - 1, with one more field around them for what edges mirror."""
    low = max(0, (seen.start + first * seen.jump - seen.field) // seen.jump * seen.jump)
    high = min(height, seen.start + (last - 1) * seen.jump + 2 * seen.field)
    return low, high
