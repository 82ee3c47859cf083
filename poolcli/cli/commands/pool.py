"""`poolcli pool`: the main job."""

import typer

from poolcli.cli.options.recipe import Filtering, Pooling, recipe_of
from poolcli.cli.options.reporting import Reporting
from poolcli.cli.options.running import Inputs, Running


def pool(inputs: Inputs, pooling: Pooling, filtering: Filtering, reporting: Reporting, running: Running) -> None:
    """Pool pictures, after a filter if wanted, and report what a shift of each picture leaves."""
    recipe = recipe_of(pooling, filtering)
    reporting.check()
    running.check()
    from poolcli.cli.run import run  # NumPy and Pillow are loaded only now

    raise typer.Exit(run(recipe, inputs, reporting, running))
