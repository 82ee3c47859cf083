"""`poolcli shape`: what layers do to a size, without running them."""

from typing import Annotated, Any

from poolcli.cli.tables import AsJson, print_objects, print_table
from poolcli.cli.words import Argument
from poolcli.errors import PictureError, UsageError
from poolcli.ops.geometry import as_pair
from poolcli.recipe import parse_recipe
from poolcli.recipe.shapes import LayerShape, shapes

Size = Annotated[str, Argument(metavar="HxW", help="The picture's height and width, as in 224x224.")]
Layers = Annotated[str, Argument(metavar="LAYERS", help='The layers, as in "conv:gauss/2 max:3/2+1".')]


def shape(size: Size, layers: Layers, json: AsJson = False) -> None:
    """Print the output size, receptive field, jump and start of every layer; nothing is run.

    The receptive field is what one output value sees of the picture, the jump how far apart two neighbours look, the
    start where the first one begins (below 0: in the padding). One number where height and width agree.
    """
    height, width = as_pair(size, "size")
    if min(height, width) < 1:
        raise UsageError(f"size {size} is out of range: a height and a width from 1 are allowed, as in 224x224")
    try:
        found = list(shapes(parse_recipe(layers), height, width))
    except PictureError as error:  # no picture is wrong here, but what was asked
        raise UsageError(str(error)) from None
    if json:
        print_objects(map(_as_object, found))
    else:
        print_table(("output", "receptive field", "jump", "start", "layer"), map(_as_cells, found))


def _as_object(shape: LayerShape) -> dict[str, Any]:
    rows, columns = shape.rows, shape.columns
    return {
        "layer": shape.layer,
        "size": shape.size,
        "receptive_field": (rows.field, columns.field),
        "jump": (rows.jump, columns.jump),
        "start": (rows.start, columns.start),
    }


def _as_cells(shape: LayerShape) -> tuple[str, ...]:
    rows, columns = shape.rows, shape.columns
    pairs = ((rows.field, columns.field), (rows.jump, columns.jump), (rows.start, columns.start))
    return f"{shape.size[0]}x{shape.size[1]}", *map(_pair, pairs), shape.layer


def _pair(pair: tuple[int, int]) -> str:
    return f"{pair[0]}" if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"
