"""What counts as a change, and what comes in at a border: options of every command that measures one."""

from typing import Annotated

from poolcli.cli.words import Option

ShiftEdge = Annotated[
    str, Option("--shift-edge", metavar="NAME", help="What comes in at the border: replicate, zero, wrap; or crop.")
]
Tolerance = Annotated[float, Option("--tolerance", metavar="NUMBER", help="Differences up to this count as no change.")]
