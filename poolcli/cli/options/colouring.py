"""The options of colour: what the values of a picture stand for while they are averaged."""

from dataclasses import dataclass
from typing import Annotated

from poolcli.cli.words import Option


@dataclass(frozen=True, slots=True)
class Colouring:
    """How colours are averaged."""

    linear: Annotated[bool, Option("--linear", help="Pool in linear light: undo sRGB's curve, pool, redo it.")] = False
    premultiply: Annotated[bool, Option("--premultiply", help="Weigh averages by alpha.")] = False
