"""`poolcli diff`: the shift report for two given pictures."""

from typing import Annotated

from poolcli.cli.options.change import Tolerance
from poolcli.cli.options.discovery import STDIN
from poolcli.cli.options.reading import Reading
from poolcli.cli.options.recipe import Filtering, Pooling, recipe_of
from poolcli.cli.tables import AsJson
from poolcli.cli.words import Argument, Option
from poolcli.errors import UsageError
from poolcli.files import check_not_read
from poolcli.report.forms import form_of
from poolcli.shift.record import check_tolerance
from poolcli.stores import Place, place_of
from poolcli.stores.place import writable

One = Annotated[str, Argument(metavar="A", help="A picture or a .npy array.")]
Other = Annotated[str, Argument(metavar="B", help="Another of the same size and mode.")]
Output = Annotated[
    list[str] | None,
    Option("--output", "-o", metavar="FILE", help="Write the report: .html, .png, .json ...; repeatable."),
]
Overwrite = Annotated[bool, Option("--overwrite", help="Replace files that exist already.")]


def diff(
    one: One,
    other: Other,
    pooling: Pooling,
    filtering: Filtering,
    reading: Reading,
    tolerance: Tolerance = 0,
    output: Output = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
) -> None:
    """Report what the layers leave of the difference of two pictures, instead of a picture and itself moved.

    Two frames of a film, two scans of a page, a picture and its noisy twin: of one size and mode.
    """
    recipe, asked = recipe_of(pooling, filtering), reading.options()
    check_tolerance(tolerance)
    if STDIN in (one, other):
        raise UsageError("diff reads files: name two pictures instead of - (stdin)")
    paths = [writable(place_of(text)) for text in output or ()]
    check_not_read(paths, (one, other))
    by_form: dict[str, Place] = {}
    for path in paths:
        first = by_form.setdefault(form_of(path).name, path)
        if first != path:
            raise UsageError(f"'{first}' and '{path}' are one form of the report: give one of them")
        if path.exists() and not overwrite:
            raise UsageError(f"'{path}' exists already: use --overwrite, or another name with -o")
    from poolcli.cli.difference import run_diff  # NumPy and Pillow are loaded only now

    run_diff(recipe, (place_of(one), place_of(other)), asked, tolerance, by_form, json=json)
