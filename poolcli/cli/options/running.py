"""The options of a run: where outputs go, what may be replaced, what is told."""

from dataclasses import dataclass
from typing import Annotated

from typer import Option


@dataclass(frozen=True, slots=True)
class Running:
    """Outputs, and what is told."""

    output: Annotated[
        str | None,
        Option("--output", "-o", help="A file, a folder, a template such as 'out/{stem}-{mode}.{ext}', or - (stdout)."),
    ] = None
    overwrite: Annotated[bool, Option("--overwrite", help="Replace outputs that exist already.")] = False
    dry_run: Annotated[bool, Option("--dry-run", help="Print what would be done, do nothing.")] = False
    json: Annotated[bool, Option("--json", help="One JSON object a line on stdout.")] = False
    quiet: Annotated[bool, Option("--quiet", "-q", help="Print nothing but errors and what --json or -o - ask.")] = (
        False
    )
