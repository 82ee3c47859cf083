"""Two given pictures: the report printed, and written in the forms that the files' extensions say."""

from collections.abc import Mapping

from poolcli.batch.comparing import compare_pictures
from poolcli.images.options import ReadOptions
from poolcli.recipe import Recipe
from poolcli.report.forms import FORMS, looks_of, run_reports, write_sides
from poolcli.report.json_form import to_json
from poolcli.stores import Place


def run_diff(
    recipe: Recipe,
    pictures: tuple[Place, Place],
    reading: ReadOptions,
    tolerance: float,
    files: Mapping[str, Place],
    *,
    json: bool,
) -> None:
    """Compare the two and tell, also in `files`, one for each form; PictureError when they cannot be compared."""
    outcome = compare_pictures(recipe, pictures, reading, tolerance, looks_of(files, pictures=1))
    write_sides({name: path for name, path in files.items() if not FORMS[name].of_run}, outcome)
    with run_reports({name: path for name, path in files.items() if FORMS[name].of_run}) as add:
        add(outcome)
    report = outcome.reports[0]
    if json:
        facts = {"status": "ok", "input": str(pictures[0]), "other": str(pictures[1])}
        print(to_json({**facts, "report": report.to_dict()}))
        return
    from rich.console import Console

    from poolcli.report.terminal import print_report

    print_report(Console(highlight=False), report)
