"""Recipes too long for a command line: a TOML file that holds `layers`."""

import tomllib
from pathlib import Path

from poolcli.errors import UsageError
from poolcli.recipe.layers import Recipe
from poolcli.recipe.text import parse_recipe

LARGEST_FILE = 1 << 20  # bytes: more cannot be a recipe
ALLOWED = 'a text or a list of texts is allowed, as in layers = ["conv:sobel-v", "max:2"]'


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file, whose `layers` is a text or a list of them; UsageError naming the file otherwise."""
    try:
        return parse_recipe(_layers(path))
    except UsageError as error:
        raise UsageError(f"recipe file '{path}': {error}") from None


def _layers(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
        layers = tomllib.loads(data[:LARGEST_FILE].decode()).get("layers")
    except OSError as error:
        raise UsageError(f"it cannot be read ({error.strerror}): check its name and permissions") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"it is not TOML ({error}): {ALLOWED}") from None
    if isinstance(layers, list) and all(isinstance(layer, str) for layer in layers):
        layers = " ".join(layers)
    if not isinstance(layers, str) or len(data) > LARGEST_FILE:
        raise UsageError(f"it holds no layers, or more than {LARGEST_FILE} bytes: {ALLOWED}")
    return layers
