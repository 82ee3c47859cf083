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
    return text in ACTIVATIONS or (bool(colon) and (name == "conv" or mode_called(name) is not None))


def parse_layer(text: str) -> Layer:
    """One layer of a text: what stands before the colon says which kind."""
    name, colon, rest = text.partition(":")
    if name in ACTIVATIONS and not colon:
        return Activation(name)
    if name == "conv" and colon:
        return _parse_conv(rest)
    mode = mode_called(name)
    if mode and colon:
        return _parse_pool(mode, rest)
    if mode or name == "conv":
        example = f"{mode}:2" if mode else "conv:gauss"
        raise UsageError(f"'{name}' needs a colon and what it works with, as in {example}")
    raise unknown("layer", name, [*MODES, "conv", *ACTIVATIONS])


def _parse_conv(rest: str) -> Conv:
    match = _CONV.fullmatch(rest)
    if match is None:
        raise UsageError(f"not a filter: {GRAMMAR} is allowed")
    name, stride, options = match.groups()
    name = name.replace('"', "")
    given = _options(options, {"edge": OPTIONS["edge"].parse})
    return Conv(name, load_kernel(name), as_pair(stride or 1, "stride"), **given)


def _parse_pool(mode: str, rest: str) -> Pool:
    match = _POOL.fullmatch(rest)
    if match is None:
        raise UsageError(f"not a window: {GRAMMAR} is allowed")
    k, s, padding, dilation, options = match.groups()
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
        if name not in parsers:
            raise unknown("option", name, parsers)
        try:
            given[name] = parsers[name](value)
        except ValueError:
            raise UsageError(f"option {name}={value} cannot be read: {OPTIONS[name].allowed} is allowed") from None
    return given
