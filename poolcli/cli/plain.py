"""The plain command line: words that need none of Typer's judgement are read here, before it loads its own machinery.

Typer checks every value with pydantic, whose loading takes longer than pooling a small picture (60 ms of 230). Options
spelled out in full and followed by a plain value mean the same without it; everything else (`--help`, `--k=2`, `-rq`,
`--`, mistakes of any kind) is declined here, and Typer reads it as if this file were not there.
"""

import inspect
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from poolcli.cli.words import Argument, Option

_READERS: Mapping[type, tuple[re.Pattern[str], Callable[[str], Any]]] = {
    str: (re.compile(r".*", re.DOTALL), str),
    int: (re.compile(r"-?\d{1,9}", re.ASCII), int),
    float: (re.compile(r"-?\d{1,9}(\.\d{1,9})?", re.ASCII), float),
}


@dataclass(frozen=True, slots=True)
class _Parameter:
    """One option or argument: its name, the type of a value, whether there may be several."""

    name: str
    kind: type
    several: bool
    info: Option | Argument
    default: Any


def asked_to_complete() -> bool:
    """Whether a shell asks for completions: then the words are half a command line."""
    return any(name.startswith("_POOLCLI_") for name in os.environ)


def plain_values(command: Callable[..., int | None], words: Sequence[str]) -> dict[str, Any] | None:
    """What `command` is called with for these words, as Typer would call it; None where Typer has to judge."""
    if asked_to_complete():
        return None
    parameters = [_parameter(each) for each in inspect.signature(command, eval_str=True).parameters.values()]
    known = [each for each in parameters if each is not None]
    if len(known) < len(parameters):
        return None
    spelled = {word: each for each in known if isinstance(each.info, Option) for word in each.info.words}
    given = _given(spelled, words)
    arguments = [each for each in known if isinstance(each.info, Argument)]
    if given is None or len(arguments) != 1 or not (arguments[0].several and arguments[0].kind is str):
        return None
    if given[None]:
        given[arguments[0].name] = given[None]
    elif arguments[0].default is inspect.Parameter.empty:
        return None
    defaults = {each.name: each.default for each in known}
    return defaults | {name: value for name, value in given.items() if name is not None}


def _parameter(parameter: inspect.Parameter) -> _Parameter | None:
    """What is known of a parameter, or None where it is one that only Typer can fill."""
    annotation, info = get_args(parameter.annotation) or (None, None)
    if not isinstance(info, Option | Argument):
        return None
    if get_origin(annotation) in (Union, UnionType):
        annotation, *rest = (each for each in get_args(annotation) if each is not NoneType)
        if rest:
            return None
    several = get_origin(annotation) is list
    kind = get_args(annotation)[0] if several else annotation
    if kind is not bool and kind not in _READERS:
        return None
    default = float(parameter.default) if kind is float and parameter.default is not None else parameter.default
    return _Parameter(parameter.name, kind, several, info, default)


def _given(spelled: Mapping[str, _Parameter], words: Sequence[str]) -> dict[str | None, Any] | None:
    """The value of every option given, and under None the arguments; None for a word that is not plain."""
    given: dict[str | None, Any] = {None: []}
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "-":
            given[None].append(word)
            continue
        parameter = spelled.get(word)
        if parameter is None:
            return None
        if parameter.kind is bool:
            given[parameter.name] = True
            continue
        value = next(rest, None)
        pattern, read = _READERS[parameter.kind]
        if value is None or value in spelled or not pattern.fullmatch(value):
            return None
        if parameter.several:
            given.setdefault(parameter.name, []).append(read(value))
        else:
            given[parameter.name] = read(value)
    return given
