"""The text form of a recipe, and recipe and kernel files."""

import json
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from poolcli.errors import UsageError, any_of, unknown
from poolcli.ops.filters import MOST_VALUES, Kernel, check_kernel, find_kernel, is_filter
from poolcli.ops.geometry import as_size
from poolcli.ops.modes import (
    ACTIVATIONS,
    MODES,
    OPTIONS,
    activation_text,
    mode_called,
    read_number,
    read_option,
    takes_numbers,
)
from poolcli.recipe.layers import Activation, Conv, Layer, Pool, Recipe

GRAMMAR = (
    "MODE:K[xK][/S[xS]][+P[xP]][@D[xD]][,name=value], MODE:size=H[xW], conv:FILTER[/S], conv:@FILE[/S], "
    f"{any_of(map(activation_text, ACTIVATIONS))}"
)

_SIZE = r"[^/+@,\s]+"
_POOL = rf"({_SIZE})(?:/({_SIZE}))?(?:\+({_SIZE}))?(?:@({_SIZE}))?((?:,[^,\s]+)*)"
_CONV = r'(@"[^"]*"|@?[^,\s]+?)(?:/(\d+(?:x\d+)?))?((?:,[^,\s]+)*)'
_TO_SIZE = "size="
# What is no option in a layer, but a part of its window, with an example.
_OF_WINDOW: Mapping[str, str] = {
    **dict.fromkeys(("k", "kernel", "kernel-size", "pool-size", "window"), "max:3"),
    **dict.fromkeys(("s", "stride", "strides"), "max:3/2"),
    **dict.fromkeys(("padding", "pad", "pads"), "max:3/2+1"),
    **dict.fromkeys(("d", "dilation", "dilations"), "max:3/2@2"),
    **dict.fromkeys(("size", "output-size"), "max:size=7x7"),
}
_TOKEN = r'(?:"[^"]*"|\S)+'


def as_recipe(recipe: Recipe | str) -> Recipe:
    """`recipe` itself, or the recipe that its text stands for; TypeError for what is neither."""
    if not isinstance(recipe, str | Recipe):
        raise TypeError(f"a recipe of type {type(recipe).__name__}: a text is allowed, as in 'max:2/2', or a Recipe")
    return parse_recipe(recipe) if isinstance(recipe, str) else recipe


def parse_recipe(text: str) -> Recipe:
    """The recipe of a text; UsageError with a caret under the layer that cannot be read, and why.

    >>> parse_recipe("conv:sobel-v relu max:2").layers[2]
    Pool(mode='max', window=Window(k=(2, 2), s=(2, 2), padding=(0, 0, 0, 0), dilation=(1, 1), ceil=False), options=())
    """
    layers: list[Layer] = []
    for token in re.finditer(_TOKEN, text):
        try:
            _check_apart(token[0])
            layers.append(parse_layer(token[0]))
        except UsageError as error:
            line = " ".join(text.split("\n"))
            caret = " " * token.start() + "^" * len(token[0])
            raise UsageError(f"layer '{token[0]}': {error}\n  {line}\n  {caret}") from None
    return Recipe(tuple(layers))


def is_layer(text: str) -> bool:
    """Whether this reads as a layer rather than like the name of a file.

    >>> is_layer("conv:gauss"), is_layer("relu"), is_layer("s3://max/a.png")
    (True, True, False)
    """
    name, colon, _ = text.partition(":")
    name = name.lower()
    with_colon = name == "conv" or takes_numbers(name) or mode_called(name) is not None
    return text.lower() in ACTIVATIONS or (bool(colon) and with_colon)


def parse_layer(text: str) -> Layer:
    """One layer of a text: what stands before the colon says which kind."""
    name, colon, rest = text.partition(":")
    kind = name.lower()
    if takes_numbers(kind) or (kind in ACTIVATIONS and not colon):
        return parse_activation(text)
    if kind == "conv" and colon:
        return _parse_conv(rest)
    mode = mode_called(name)
    if mode and colon:
        return _parse_pool(mode, rest)
    raise _no_layer(name, mode, rest)


def parse_activation(text: str) -> Activation:
    """`relu`, `clip:LOW,HIGH`; UsageError for another name, and for numbers that it does not take."""
    name, colon, rest = text.partition(":")
    name = name.lower()
    try:
        bounds = tuple(map(read_number, rest.split(","))) if colon else ()
    except ValueError:
        raise UsageError(f"'{text}' cannot be read: numbers are allowed, as in clip:0,6") from None
    return Activation(name, bounds)


def _no_layer(name: str, mode: str | None, rest: str) -> UsageError:
    """For what is no layer: how it is written, where that can be guessed."""
    kind = name.lower()
    if kind in ACTIVATIONS:
        return UsageError(f"'{kind}' takes nothing after a colon, and got '{rest}': write {kind}")
    if mode or kind == "conv":
        example = f"{mode}:2" if mode else "conv:gauss"
        return UsageError(f"'{name}' needs a colon and what it works with, as in {example}")
    called = re.fullmatch(r"(\w+)\(([^()]*)\)", name)
    mode = mode_called(called[1]) if called else None
    if called and mode:
        return UsageError(f"'{name}' is Python: write {mode}:2, with a stride {mode}:3/2, with padding {mode}:3/2+1")
    return unknown("layer", name, [*MODES, "conv", *ACTIVATIONS])


def _check_apart(text: str) -> None:
    """UsageError for the rest of a layer that holds another one."""
    parts = [part for part in re.split(r"->|[|>;,]", text) if part]
    if text[-1] in ",;|":
        raise UsageError(f"layers stand between blanks alone, without '{text[-1]}'")
    other = next((part for part in parts[1:] if is_layer(part)), None)
    if other:
        raise UsageError(f'layers stand between blanks, as in "{parts[0]} {other}"')


def _parse_conv(rest: str) -> Conv:
    match = re.fullmatch(_CONV, rest)
    if match is None:
        raise UsageError(f"not a filter: {GRAMMAR} is allowed")
    name, stride, options = match.groups()
    name = name.replace('"', "") if name.startswith("@") else name.lower()
    given = _options(options, ("edge",))
    return Conv(name, load_kernel(name), as_size(stride or 1, "stride"), **given)


def _parse_pool(mode: str, rest: str) -> Pool:
    match = re.fullmatch(_POOL, rest)
    if match is None:
        raise UsageError(f"not a window: {GRAMMAR} is allowed")
    k, s, padding, dilation, options = match.groups()
    name = k.partition("=")[0]
    if name in _OF_WINDOW and not k.startswith(_TO_SIZE):
        raise UsageError(f"the window's size stands alone: write it as in {mode}:2, a stride as in {mode}:3/2")
    given = _options(options, OPTIONS)
    if k.startswith(_TO_SIZE):
        if (s, padding, dilation) != (None, None, None) or "ceil" in given:
            raise UsageError("an output size makes its own windows: leave /stride, +padding, @dilation and ,ceil out")
        return Pool.to_size(mode, k.removeprefix(_TO_SIZE), given)
    ceil = given.pop("ceil", False)
    return Pool.of(mode, k, s, padding=padding or 0, dilation=dilation or 1, ceil=ceil, options=given)


def _options(text: str, known: Collection[str]) -> dict[str, Any]:
    """`,name=value,flag` as a dictionary; a flag has no value."""
    given: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name.replace("_", "-") in _OF_WINDOW:
            example = _OF_WINDOW[name.replace("_", "-")]
            raise UsageError(f"'{name}' is no option but a part of the window: write it as in {example}")
        if name not in known:
            raise unknown("option", name, known)
        given[name] = read_option(name, value.lower())
    return given


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
        if len(data) > LARGEST_FILE:
            raise UsageError(f"it is larger than {LARGEST_FILE} bytes: {ALLOWED}")
        dots = max(line.count(b".") for line in re.split(rb"[\r\n]", data))
        if dots > MOST_DOTS:
            raise UsageError(f"a line of it holds {dots} dots: {MOST_DOTS} are allowed; write a layer a line")
        import tomllib

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


LARGEST_KERNEL_FILE = 32 * MOST_VALUES  # bytes: more cannot be a kernel that is allowed


def load_kernel(name: str) -> Kernel:
    """The kernel behind `name`: a filter of the table, or the file FILE of `@FILE`.

    Raises UsageError when there is no such filter, the file cannot be read, or it holds no kernel.
    """
    if name.startswith("@"):
        return read_kernel(Path(name[1:]))
    return find_kernel(name)


def filter_name(text: str) -> str:
    """The name of what `--filter` was given: a file that is not called like a filter gets its `@`."""
    if is_filter(text.lower()):
        return text.lower()
    if text.startswith("@"):
        return text
    there = os.path.isfile(text)  # noqa: PTH113 (Path.is_file raises for names too long and folders that are closed)
    return f"@{text}" if Path(text).suffix or there else text.lower()


def read_kernel(path: Path) -> Kernel:
    """The kernel in a JSON or text file; UsageError naming the file when it holds none."""
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_KERNEL_FILE + 1)
    except OSError as error:
        raise UsageError(f"kernel file '{path}' cannot be read: {error.strerror}") from None
    if len(data) > LARGEST_KERNEL_FILE:
        raise UsageError(
            f"kernel file '{path}' is larger than {LARGEST_KERNEL_FILE} bytes: give at most {MOST_VALUES} values"
        )
    try:
        return check_kernel(parse_kernel(data.decode()))
    except UsageError as error:
        raise UsageError(f"kernel file '{path}': {error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"kernel file '{path}' is not text: JSON or rows of numbers are allowed") from None


def parse_kernel(text: str) -> Kernel:
    """Rows of numbers from JSON, or from lines with numbers between spaces or commas; `#` starts a comment.

    >>> parse_kernel("0 1 0\\n1 -4 1\\n0 1 0") == parse_kernel("[[0,1,0],[1,-4,1],[0,1,0]]")
    True
    """
    try:
        rows = json.loads(text) if text.lstrip().startswith("[") else _lines(text)
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise TypeError
        return tuple(tuple(_number(value) for value in row) for row in rows)
    except (ValueError, TypeError, RecursionError, OverflowError):  # the last: a whole number above 1e308
        raise UsageError("no kernel in it: rows of numbers are allowed, as in [[1, 2, 1], [2, 4, 2]]") from None


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return float(value)


def _lines(text: str) -> list[list[float]]:
    lines = (line.partition("#")[0].replace(",", " ").split() for line in text.splitlines())
    return [[float(value) for value in line] for line in lines if line]
