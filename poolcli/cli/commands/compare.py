"""`poolcli compare`: which down-sampling is least upset by shifts, on one's own pictures."""

from poolcli.cli.options.comparing import Comparing
from poolcli.cli.options.discovery import Discovery, Inputs
from poolcli.cli.options.reading import Reading
from poolcli.cli.options.recipe import Filtering
from poolcli.files import check_not_read
from poolcli.report.ranking_forms import check_files


def compare(
    comparing: Comparing, filtering: Filtering, discovery: Discovery, reading: Reading, inputs: Inputs = None
) -> int:
    """Rank modes by what they leave of a shift's change, over all shifts within a radius on every picture.

    Nothing is pooled into files. The ranking is by the residual, least first; beside it stand what aligning, counting
    and the ideal down-sampling say.
    """
    discovery.check(inputs or [])
    comparing.check()
    head, contenders = filtering.layers(), comparing.contenders()
    check_not_read(comparing.files(), [*(inputs or ()), *([discovery.files_from] if discovery.files_from else ())])
    check_files(comparing.files(), overwrite=comparing.overwrite)
    recipes = {name: (*head, *layers) for name, layers in contenders.items()}
    from poolcli.cli.comparison import run_contest  # NumPy and Pillow are loaded only now

    return run_contest(recipes, inputs or [], comparing, discovery, reading.options())
