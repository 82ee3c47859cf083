"""What one command asks for: a recipe, inputs, and the groups of options, checked before NumPy is loaded."""

from dataclasses import dataclass

from poolcli.cli.options.discovery import Discovery
from poolcli.cli.options.reading import Reading
from poolcli.cli.options.reporting import Reporting
from poolcli.cli.options.running import Running
from poolcli.cli.options.writing import Writing
from poolcli.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Request:
    """All that a run is made of. Raises UsageError where an option is wrong."""

    recipe: Recipe
    inputs: list[str]
    discovery: Discovery
    reading: Reading
    writing: Writing
    reporting: Reporting
    running: Running

    def __post_init__(self) -> None:
        self.discovery.check(self.inputs)
        self.reading.options()
        self.writing.check()
        self.reporting.check()
        self.running.check()
