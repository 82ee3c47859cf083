"""Where outputs go: beside the input, a file, a folder (the tree is mirrored), a template, or stdout."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from poolcli.batch.discover import STREAM
from poolcli.batch.wanted import Found
from poolcli.errors import UsageError, unknown
from poolcli.files import is_folder
from poolcli.recipe import Pool, Recipe
from poolcli.stores import Place, Url, place_of

FIELDS = ("stem", "ext", "parent", "mode", "k", "s", "recipe")
_FIELD = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Destination:
    """The answer to "where does this input go?": `place` gives the path, `root` is where a report of all goes.

    `folder`: `root` is a folder of outputs, in which inputs are not looked for.
    """

    place: Callable[[Found], Place]
    root: Place
    folder: bool = False


def beside(recipe: Recipe, extension: Callable[[Place], str]) -> Destination:
    """NAME.<recipe>.EXT in the input's folder."""
    suffix = recipe.file_text

    def place(found: Found) -> Place:
        return found.path.with_name(f"{found.path.stem}.{suffix}{extension(found.path)}")

    return Destination(place, Path())


def into_folder(folder: Place, extension: Callable[[Place], str]) -> Destination:
    """The input's own name and place below `folder`."""
    return Destination(lambda found: folder / found.place.with_suffix(extension(found.path)), folder, folder=True)


def to_file(path: Place) -> Destination:
    """That file."""
    return Destination(lambda found: path, path.parent)


def from_template(template: str, recipe: Recipe, extension: Callable[[Place], str]) -> Destination:
    """`template` with its fields filled in; UsageError for a field there is not."""
    if re.search(r"[{}]", _FIELD.sub("", template)):
        raise UsageError(
            f"the output template '{template}' has a brace without its partner: give fields as in {{stem}}"
        )
    for name in _FIELD.findall(template):
        if name not in FIELDS:
            raise unknown("field in the output template", name, FIELDS)
    constants = _recipe_fields(recipe)

    def place(found: Found) -> Place:
        values = {
            **constants,
            "stem": found.path.stem,
            "ext": extension(found.path).removeprefix("."),
            "parent": found.path.parent.key or "." if isinstance(found.path, Url) else str(found.path.parent),
        }
        return place_of(_FIELD.sub(lambda match: values[match[1]], template))

    root = place_of(template[: template.index("{")] + "_").parent
    return Destination(place, root, folder=root != Path())


def _recipe_fields(recipe: Recipe) -> Mapping[str, str]:
    pools = [layer for layer in recipe.layers if isinstance(layer, Pool)]
    values = {"mode": "none", "k": "1", "s": "1", "recipe": recipe.file_text}
    if pools:
        values |= {"mode": pools[-1].mode, **pools[-1].sizes}
    return values


def choose(
    output: str | None, inputs: list[str], recipe: Recipe, extension: Callable[[Place], str], *, listed: bool = False
) -> Destination:
    """What `-o OUTPUT` means for these inputs, and for a list of names if `listed`; UsageError where it cannot be."""
    if output == "":
        raise UsageError("-o is empty, as where a shell variable is not set: name a file, a folder or - (stdout)")
    folders = [text for text in inputs if _is_folder(place_of(text))]
    if output is None:
        if folders or listed:
            what = f"a folder as input ('{folders[0]}')" if folders else "a list of inputs"
            raise UsageError(f"{what} needs -o: its outputs would be pooled again by the next run")
        return beside(recipe, extension)
    if "{" in output:
        return from_template(output, recipe, extension)
    path = place_of(output)
    one_file = len(inputs) == 1 and not folders and not listed and STREAM not in inputs
    if _is_folder(path) or output.endswith(("/", "\\")) or not path.suffix or not (one_file or inputs == [STREAM]):
        return into_folder(path, extension)
    return to_file(path)


def _is_folder(place: Place) -> bool:
    if not isinstance(place, Url):
        return is_folder(place)
    from poolcli.batch import stored  # and with it fsspec

    return stored.is_folder(place)


def side_files(target: Place, extensions: Mapping[str, str]) -> dict[str, Place]:
    """The reports beside an output, for instance NAME.shift.json."""
    return {name: target.with_name(target.stem + extension) for name, extension in extensions.items()}
