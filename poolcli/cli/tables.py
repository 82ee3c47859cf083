"""Tables on stdout: for people in columns that fit the terminal, with `--json` an object a line."""

from collections.abc import Iterable, Sequence
from typing import Any

from poolcli.report.json_form import to_json

Cells = Sequence[str]


def print_table(heads: Cells, rows: Iterable[Cells]) -> None:
    """Aligned columns without a frame; the last one wraps."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads[:-1]:
        table.add_column(Text(head), no_wrap=True)
    table.add_column(Text(heads[-1]))
    for row in rows:
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)


def print_objects(objects: Iterable[dict[str, Any]]) -> None:
    """One JSON object a line."""
    for value in objects:
        print(to_json(value))
