"""`poolcli pool`: the main job."""

import typer

from poolcli.cli.options.reading import Reading
from poolcli.cli.options.recipe import Filtering, Pooling, recipe_of
from poolcli.cli.options.reporting import Reporting
from poolcli.cli.options.running import Inputs, Running
from poolcli.cli.options.writing import Writing


def pool(
    inputs: Inputs,
    pooling: Pooling,
    filtering: Filtering,
    reading: Reading,
    writing: Writing,
    reporting: Reporting,
    running: Running,
) -> None:
    """Pool pictures, after a filter if wanted, and report what a shift of each picture leaves."""
    recipe = recipe_of(pooling, filtering)
    reading.options()
    writing.check()
    reporting.check()
    from poolcli.cli.run import run  # NumPy and Pillow are loaded only now

    raise typer.Exit(run(recipe, inputs, reading, writing, reporting, running))
