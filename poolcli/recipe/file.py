"""Recipes too long for a command line: a TOML file that holds `layers`."""

import re
import tomllib
from pathlib import Path

from poolcli.errors import UsageError
from poolcli.recipe.layers import Recipe
from poolcli.recipe.text import parse_recipe

LARGEST_FILE = 1 << 16  # bytes
MOST_DOTS = 200  # in a line: tomllib keeps every prefix of a dotted key, which of 30,000 dots takes 3.5 GB
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
        _check_size(data)
        table = tomllib.loads(data.decode())
    except OSError as error:
        raise UsageError(f"it cannot be read ({error.strerror}): check its name and permissions") from None
    except UsageError:
        raise
    except (ValueError, RecursionError) as error:  # ValueError: not TOML, not UTF-8, a number of 5,000 digits
        raise UsageError(f"it is not TOML ({error}): {ALLOWED}") from None
    layers = table.pop("layers", None)
    if isinstance(layers, list) and all(isinstance(layer, str) for layer in layers):
        layers = " ".join(layers)
    if not isinstance(layers, str):
        raise UsageError(f"it holds no layers: {ALLOWED}")
    for key in table:
        raise UsageError(f"it holds '{key[:80]}', which no recipe has: only layers is allowed, as a text or a list")
    return layers


def _check_size(data: bytes) -> None:
    """UsageError before a file is parsed that would take much memory."""
    if len(data) > LARGEST_FILE:
        raise UsageError(f"it is larger than {LARGEST_FILE} bytes: {ALLOWED}")
    dots = max(line.count(b".") for line in re.split(rb"[\r\n]", data))
    if dots > MOST_DOTS:
        raise UsageError(f"a line of it holds {dots} dots: {MOST_DOTS} are allowed; write a layer a line")
