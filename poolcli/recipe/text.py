"""The text form of recipes: `conv:line-v relu max:2/2 avg:3x2/2x1+1`. Errors point at the layer that is wrong."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from poolcli.errors import UsageError, unknown
from poolcli.ops.activations import ACTIVATIONS
from poolcli.ops.geometry import as_pair
from poolcli.ops.modes import MODES, OPTIONS, mode_called
from poolcli.recipe.kernels import load_kernel
from poolcli.recipe.layers import Activation, Conv, Layer, Pool, Recipe

GRAMMAR = (
    "MODE:K[xK][/S[xS]][+P[xP]][@D[xD]][,name=value], MODE:size=H[xW], conv:FILTER[/S], conv:@FILE[/S], relu or abs"
)

_SIZE = r"[^/+@,\s]+"
_POOL = re.compile(rf"({_SIZE})(?:/({_SIZE}))?(?:\+({_SIZE}))?(?:@({_SIZE}))?((?:,[^,\s]+)*)")
_CONV = re.compile(r'(@"[^"]*"|@?[^,\s]+?)(?:/(\d+(?:x\d+)?))?((?:,[^,\s]+)*)')
_TO_SIZE = "size="
# What is no option in a layer, but a part of its window, with an example.
_OF_WINDOW: Mapping[str, str] = {
    **dict.fromkeys(("k", "kernel", "kernel-size", "pool-size", "window"), "max:3"),
    **dict.fromkeys(("s", "stride", "strides"), "max:3/2"),
    **dict.fromkeys(("padding", "pad", "pads"), "max:3/2+1"),
    **dict.fromkeys(("d", "dilation", "dilations"), "max:3/2@2"),
    **dict.fromkeys(("size", "output-size"), "max:size=7x7"),
}
_TOKEN = re.compile(r'(?:"[^"]*"|\S)+')


def as_recipe(recipe: Recipe | str) -> Recipe:
    """`recipe` itself, or the recipe that its text stands for."""
    return parse_recipe(recipe) if isinstance(recipe, str) else recipe


def parse_recipe(text: str) -> Recipe:
    """The recipe of a text; UsageError with a caret under the layer that cannot be read, and why.

    >>> parse_recipe("conv:sobel-v relu max:2").layers[2]
    Pool(mode='max', window=Window(k=(2, 2), s=(2, 2), padding=(0, 0, 0, 0), dilation=(1, 1), ceil=False), options=())
    """
    layers: list[Layer] = []
    for token in _TOKEN.finditer(text):
        try:
            _check_apart(token[0])
            layers.append(parse_layer(token[0]))
        except UsageError as error:
            line = " ".join(text.split("\n"))
            caret = " " * token.start() + "^" * len(token[0])
            raise UsageError(f"layer '{token[0]}': {error}\n  {line}\n  {caret}") from None
    return Recipe(tuple(layers))


def is_layer(text: str) -> bool:
    """Whether this looks like a layer rather than like the name of a file.

    >>> is_layer("conv:gauss"), is_layer("relu"), is_layer("s3://max/a.png")
    (True, True, False)
    """
    name, colon, _ = text.partition(":")
    name = name.lower()
    return text.lower() in ACTIVATIONS or (bool(colon) and (name == "conv" or mode_called(name) is not None))


def parse_layer(text: str) -> Layer:
    """One layer of a text: what stands before the colon says which kind."""
    name, colon, rest = text.partition(":")
    kind = name.lower()
    if kind in ACTIVATIONS and not colon:
        return Activation(kind)
    if kind == "conv" and colon:
        return _parse_conv(rest)
    mode = mode_called(name)
    if mode and colon:
        return _parse_pool(mode, rest)
    raise _no_layer(name, mode, rest)


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
    match = _CONV.fullmatch(rest)
    if match is None:
        raise UsageError(f"not a filter: {GRAMMAR} is allowed")
    name, stride, options = match.groups()
    name = name.replace('"', "") if name.startswith("@") else name.lower()
    given = _options(options, {"edge": OPTIONS["edge"].parse})
    return Conv(name, load_kernel(name), as_pair(stride or 1, "stride"), **given)


def _parse_pool(mode: str, rest: str) -> Pool:
    match = _POOL.fullmatch(rest)
    if match is None:
        raise UsageError(f"not a window: {GRAMMAR} is allowed")
    k, s, padding, dilation, options = match.groups()
    word = k.partition("=")[0]
    if word in _OF_WINDOW and not k.startswith(_TO_SIZE):
        raise UsageError(f"the window's size stands alone: write it as in {mode}:2, a stride as in {mode}:3/2")
    given = _options(options, {option.name: option.parse for option in OPTIONS.values()})
    if k.startswith(_TO_SIZE):
        if (s, padding, dilation) != (None, None, None):
            raise UsageError("an output size makes its own windows: leave /stride, +padding and @dilation out")
        return Pool.to_size(mode, k.removeprefix(_TO_SIZE), given)
    ceil = given.pop("ceil", False)
    return Pool.of(mode, k, s, padding=padding or 0, dilation=dilation or 1, ceil=ceil, options=given)


def _options(text: str, parsers: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """`,name=value,flag` as a dictionary; a flag has no value."""
    given: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name.replace("_", "-") in _OF_WINDOW:
            example = _OF_WINDOW[name.replace("_", "-")]
            raise UsageError(f"'{name}' is no option but a part of the window: write it as in {example}")
        if name not in parsers:
            raise unknown("option", name, parsers)
        try:
            given[name] = parsers[name](value)
        except ValueError:
            raise UsageError(f"option {name}={value} cannot be read: {OPTIONS[name].allowed} is allowed") from None
    return given
