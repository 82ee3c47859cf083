"""What one command asks for: a recipe, inputs, and the groups of options, checked before NumPy is loaded."""

from dataclasses import dataclass

from poolcli.cli.options import Colouring, Discovery, Reading, Reporting, Running, Writing
from poolcli.errors import UsageError
from poolcli.recipe import Recipe
from poolcli.stores import Url, place_of
from poolcli.stores.table import find_store


@dataclass(frozen=True, slots=True)
class Request:
    """All that a run is made of. Raises UsageError where an option is wrong."""

    recipe: Recipe
    inputs: list[str]
    discovery: Discovery
    reading: Reading
    colouring: Colouring
    writing: Writing
    reporting: Reporting
    running: Running
    recipe_file: str | None = None  # from which the recipe was read

    def __post_init__(self) -> None:
        self.discovery.check(self.inputs, self.running.output)
        self.reading.options()
        self.writing.check()
        self.reporting.check()
        self.running.check()
        self._check_places()

    def _check_places(self) -> None:
        """UsageError for a URL of a store that there is not, or that the workers would not see."""
        engine = self.running.find_engine()
        for text in (*self.inputs, self.running.output or ""):
            place = place_of(text)
            if engine.away and isinstance(place, Url) and not find_store(place.scheme).shared:
                raise UsageError(f"{place.scheme}:// is in this process alone: --engine {engine.name} would not see it")
