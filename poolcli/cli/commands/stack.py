"""`poolcli stack`: the main job with any recipe."""

from pathlib import Path
from typing import Annotated

from poolcli.cli.options.colouring import Colouring
from poolcli.cli.options.discovery import Discovery
from poolcli.cli.options.reading import Reading
from poolcli.cli.options.reporting import Reporting
from poolcli.cli.options.running import Running
from poolcli.cli.options.writing import Writing
from poolcli.cli.request import Request
from poolcli.cli.words import Argument, Option
from poolcli.errors import UsageError
from poolcli.recipe import parse_recipe
from poolcli.recipe.file import read_recipe

Words = Annotated[
    list[str] | None,
    Argument(metavar="LAYERS INPUT...", help='The layers, as in "conv:sobel-v relu max:2", then the inputs.'),
]
RecipeFile = Annotated[
    str | None, Option("--recipe", help="The layers from a TOML file (layers = [...]) instead.", metavar="FILE")
]


def stack(
    discovery: Discovery,
    reading: Reading,
    colouring: Colouring,
    writing: Writing,
    reporting: Reporting,
    running: Running,
    words: Words = None,
    recipe: RecipeFile = None,
) -> int:
    """Run any layers, one after the other: filters, activations, poolings, as often as wanted.

    A layer is MODE:K[xK][/S[xS]][+P[xP]][@D[xD]][,name=value], conv:FILTER[/S], relu or abs.
    """
    given = words or []
    if not recipe and not given:
        raise UsageError('no layers: give them first, as in "conv:sobel-v relu max:2", or in a file with --recipe')
    layers = read_recipe(Path(recipe)) if recipe else parse_recipe(given[0])
    inputs = given if recipe else given[1:]
    if not inputs and discovery.files_from is None:
        raise UsageError(f"no input after the layers '{layers}': name a picture, a folder, a glob or - (stdin)")
    request = Request(layers, inputs, discovery, reading, colouring, writing, reporting, running)
    from poolcli.cli.run import run  # NumPy and Pillow are loaded only now

    return run(request)
