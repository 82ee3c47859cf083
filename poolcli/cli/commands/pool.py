"""`poolcli pool`: the main job."""

from poolcli.cli.options.colouring import Colouring
from poolcli.cli.options.discovery import Discovery, Inputs
from poolcli.cli.options.reading import Reading
from poolcli.cli.options.recipe import Filtering, Pooling, recipe_of
from poolcli.cli.options.reporting import Reporting
from poolcli.cli.options.running import Running
from poolcli.cli.options.writing import Writing
from poolcli.cli.request import Request


def pool(
    pooling: Pooling,
    filtering: Filtering,
    discovery: Discovery,
    reading: Reading,
    colouring: Colouring,
    writing: Writing,
    reporting: Reporting,
    running: Running,
    inputs: Inputs = None,
) -> int:
    """Pool pictures, after a filter if wanted, and report what a shift of each picture leaves."""
    recipe = recipe_of(pooling, filtering)
    request = Request(recipe, inputs or [], discovery, reading, colouring, writing, reporting, running)
    from poolcli.cli.run import run  # NumPy and Pillow are loaded only now

    return run(request)
