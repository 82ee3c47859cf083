"""The table of poolings, one row a mode, and of their options. Facts only, no NumPy: a wrong name is told at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from poolcli.errors import UsageError, unknown
from poolcli.ops.geometry import EDGES

Options = tuple[tuple[str, Any], ...]  # (name, value) of every option that a mode takes, defaults filled in


@dataclass(frozen=True, slots=True)
class Option:
    """What a mode can be told beside its window: `parse` reads the text of it, `check` says whether it may be so."""

    name: str
    parse: Callable[[str], Any]
    check: Callable[[Any], bool]
    allowed: str


@dataclass(frozen=True, slots=True)
class Mode:
    """One pooling. `kernel` names its function in `poolcli.ops` as module:function; it takes the image
    (H x W x C), the window, and `options`, whose defaults stand here.
    """

    name: str
    formula: str
    source: str
    kernel: str
    options: Mapping[str, Any] = field(default_factory=dict)
    labels: bool = False  # outputs are values of the input wherever it lies: palettes and label maps survive


def _flag(text: str) -> bool:
    if text:
        raise ValueError(text)
    return True


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


OPTIONS: Mapping[str, Option] = {
    option.name: option
    for option in (
        Option("ceil", _flag, _is_flag, "the name alone"),
        Option("exclude-pad", _flag, _is_flag, "the name alone"),
        Option("edge", str, lambda value: value in EDGES, " or ".join(EDGES)),
    )
}

MODES: Mapping[str, Mode] = {
    mode.name: mode
    for mode in (
        Mode("max", "largest value of the window", "PyTorch MaxPool2d, ONNX MaxPool", "extremes:max_pool"),
        Mode(
            "avg",
            "sum of the window / its number of values, integers rounded half up",
            "PyTorch AvgPool2d, ONNX AveragePool",
            "means:avg_pool",
            options={"exclude-pad": False},
        ),
    )
}


def find_mode(name: str) -> Mode:
    """The row called `name`; UsageError with the nearest name when there is none."""
    if name not in MODES:
        raise unknown("mode", name, MODES)
    return MODES[name]


def complete_options(mode: Mode, given: Mapping[str, Any]) -> Options:
    """Every option of `mode` with its value, given or default; UsageError for one it does not take or a wrong value."""
    for name, value in given.items():
        if name not in mode.options:
            takes = f"it takes {', '.join(mode.options)}" if mode.options else "it takes no option"
            raise UsageError(f"mode '{mode.name}' knows no option '{name}': {takes}")
        if not OPTIONS[name].check(value):
            raise UsageError(f"option {name}={value} of mode '{mode.name}': {OPTIONS[name].allowed} is allowed")
    return tuple((name, given.get(name, default)) for name, default in mode.options.items())
