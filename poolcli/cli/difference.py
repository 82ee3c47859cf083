"""Two given pictures: the report printed, and written in the forms that the files' extensions say."""

from collections.abc import Mapping

from poolcli.batch.comparing import Choices, compare_two
from poolcli.cli.printer import say
from poolcli.recipe import Recipe
from poolcli.report.forms import FORMS, looks_of, run_reports, write_sides
from poolcli.report.json_form import to_json
from poolcli.stores import Place


def run_diff(
    recipe: Recipe,
    pictures: tuple[Place, Place],
    choices: Choices,
    tolerance: float,
    files: Mapping[str, Place],
    *,
    json: bool,
) -> None:
    """Compare the two and tell, also in `files`, one for each form; PictureError when they cannot be compared."""
    outcome = compare_two(recipe, pictures, choices, tolerance, looks_of(files, pictures=1))
    write_sides({name: path for name, path in files.items() if not FORMS[name].of_run}, outcome)
    with run_reports({name: path for name, path in files.items() if FORMS[name].of_run}) as add:
        add(outcome)
    if json:
        facts: dict[str, object] = {"status": "ok", "input": str(pictures[0]), "other": str(pictures[1])}
        facts |= {"notes": list(outcome.notes)} if outcome.notes else {}
        for report in outcome.reports:
            print(to_json({**facts, "report": report.to_dict()}))
        return
    from rich.console import Console

    from poolcli.report.terminal import print_report

    for note in outcome.notes:
        say(note)
    for report in outcome.reports:
        print_report(Console(highlight=False), report)
