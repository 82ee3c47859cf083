"""Where outputs go: beside the input, a file, a folder (the tree is mirrored), a template, or stdout."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from string import Formatter

from poolcli import images
from poolcli.batch.inputs import STREAM, Input, as_place
from poolcli.errors import UsageError, unknown
from poolcli.files import is_device, is_folder
from poolcli.recipe import Pool, Recipe
from poolcli.stores import Place, Url, place_of, safe_part

SLASHES = ("/", "\\")
FIELDS = ("stem", "ext", "parent", "mode", "k", "s", "recipe")


@dataclass(frozen=True, slots=True)
class Destination:
    """The answer to "where does this input go?": `place` gives the path, `root` is where a report of all goes.

    `folder`: `root` is a folder of outputs, in which inputs are not looked for; `device`: all is written to one.
    """

    place: Callable[[Input], Place]
    root: Place
    folder: bool = False
    device: bool = False


def beside(recipe: Recipe, extension: Callable[[Place], str]) -> Destination:
    """NAME.<recipe>.EXT in the input's folder."""
    suffix = recipe.file_text

    def place(found: Input) -> Place:
        return found.path.with_name(f"{found.path.stem}.{suffix}{extension(found.path)}")

    return Destination(place, Path())


def into_folder(folder: Place, extension: Callable[[Place], str]) -> Destination:
    """The input's own name and place below `folder`."""
    return Destination(lambda found: folder / found.place.with_suffix(extension(found.path)), folder, folder=True)


def to_file(path: Place) -> Destination:
    """That file."""
    return Destination(lambda found: path, path.parent)


def from_template(template: str, recipe: Recipe, extension: Callable[[Place], str]) -> Destination:
    """`template` with its fields filled in, `{{` and `}}` being braces; UsageError for a field there is not.

    With a slash at its end it names folders, in which inputs have their own names and places.
    """
    parts, constants = _parts(template), _recipe_fields(recipe)
    first = next((number for number, (_, field) in enumerate(parts) if field), len(parts))
    start = "".join(text for text, _ in parts[: first + 1])  # before the first field

    def place(found: Input) -> Place:
        values = {
            **constants,
            "stem": safe_part(found.path.stem),
            "ext": safe_part(extension(found.path).removeprefix(".")),
            "parent": _parent(found.path, below=start),
        }
        filled = place_of("".join(text + values.get(field, "") for text, field in parts))
        if isinstance(filled, Url):  # whose key is taken letter by letter, the `.` of an input without a folder too
            filled = replace(filled, key="/".join(part for part in filled.key.split("/") if part != "."))
        return filled / found.place.with_suffix(extension(found.path)) if template.endswith(SLASHES) else filled

    root = place_of(start + "_").parent
    return Destination(place, root, folder=root != Path())


def _parts(template: str) -> list[tuple[str, str]]:
    """(text, the field behind it, which may be none) of a template.

    >>> _parts("{stem}-{{k}}.png")
    [('', 'stem'), ('-{', ''), ('k}', ''), ('.png', '')]
    """
    try:
        found = list(Formatter().parse(template))
    except ValueError:
        raise UsageError(
            f"the output template '{template}' has a brace without its partner: give fields as in {{stem}}, and "
            "braces of a name twice, as in {{1}}"
        ) from None
    for _, field, form, conversion in found:
        if field is not None and (field not in FIELDS or form or conversion):
            asked = field + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
            raise unknown("field in the output template", asked, FIELDS)
    return [(text, field or "") for text, field, _, _ in found]


def _parent(path: Place, *, below: str) -> str:
    """The folder of an input; `below` another it is put there as tar would put it, so that no `..` leads out of it."""
    folder = PurePosixPath(path.parent.key) if isinstance(path, Url) else path.parent
    return (as_place(folder) if below else folder).as_posix()


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
    if isinstance(path, Path) and is_device(path):
        return replace(to_file(path), device=True)
    one_file = len(inputs) == 1 and not folders and not listed and STREAM not in inputs
    if _is_folder(path) or output.endswith(SLASHES) or not path.suffix:
        return into_folder(path, extension)
    if not (one_file or inputs == [STREAM]):
        if images.format_of(path):
            raise UsageError(f"'{output}' is the name of one picture, for several: give a folder, as in '{path.stem}/'")
        return into_folder(path, extension)
    return to_file(path)


def _is_folder(place: Place) -> bool:
    if not isinstance(place, Url):
        return is_folder(place)
    from poolcli.stores import access  # and with it fsspec

    try:
        return access.is_folder(place)
    except access.StoreError as error:
        raise UsageError(f"'{place}' cannot be listed: {error}; check its name and your access to it") from error
