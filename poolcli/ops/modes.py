"""The table of modes: what every pooling is called, what it does and which facts decide how it runs; activations."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import field
from functools import cache, partial
from math import isfinite
from sys import float_info
from typing import TYPE_CHECKING, Any, TypedDict

from poolcli.errors import PictureError, UsageError, any_of, nearest, unknown
from poolcli.ops.geometry import (
    EDGES,
    LARGEST,
    Cells,
    Edge,
    Stages,
    Window,
    as_python,
    blurred,
    read_whole,
    size_text,
    windowed,
)
from poolcli.records import dataclass

if TYPE_CHECKING:
    from poolcli.ops.arrays import Array


TIES = ("smallest", "largest", "first")  # which of the most frequent labels wins
MOST_TAPS = 7  # of a binomial low-pass
Options = tuple[tuple[str, Any], ...]  # (name, value) of every option that a mode takes, defaults filled in


class ModeOptions(TypedDict, total=False):
    """The options of modes as keywords of `pool`; None, or what every mode that takes it has, is as if not given."""

    edge: Edge | None
    taps: int
    p: float
    q: float | None
    of: float | None
    seed: int | None
    ties: str
    per_channel: bool


@dataclass(frozen=True, slots=True)
class Option:
    """What a mode takes beside its window: `,name=value` in a recipe, `--name` on the command line.

    `parse` reads the text of it, `check` says whether it may be so, which `allowed` says in words; `example` is of
    options without a default, `in_layer` how a recipe says it. `in_stages`: it decides where windows lie, and is not
    passed to the kernel. `help`, `metavar` (of flags there is none), the `values` that completion offers and what
    others call it (`also`) are for the command line.
    """

    name: str
    parse: Callable[[str], Any]
    check: Callable[[Any], bool]
    allowed: str
    help: str
    metavar: str | None = None
    values: tuple[str, ...] = ()
    also: str = ""
    in_layer: str = ""
    example: str = ""
    in_stages: bool = False


@dataclass(frozen=True, slots=True)
class Mode:
    """One pooling. `kernel` names its function in `poolcli.ops` as module:function; it takes the image
    (H x W x C), where its windows lie (the last of `stages`), and `options`, whose defaults stand here; those of None
    must be given.
    """

    name: str
    formula: str
    source: str
    kernel: str
    options: Mapping[str, Any] = field(default_factory=dict)
    geometry: tuple[str, ...] = ("padding", "dilation", "ceil")  # what of a window it takes beside size and stride
    stages: Stages = windowed
    takes: str = ""  # of its window the "first" value, or the one in the "middle", valid or not
    most_taps: int = LARGEST  # values of a window on one axis
    also: tuple[str, ...] = ()  # what else means this mode on the command line
    akin: tuple[str, ...] = ()  # what is not this mode, and yet is best answered with it
    whole_pixels: bool = False  # works on pixels, of which alpha is one channel, unless `per-channel` says otherwise
    keeps_values: bool = False  # every output is one of the values of its window: palettes and label maps survive
    counts_indices: bool = False  # of a palette, the numbers are meant and not the colours
    for_labels: bool = False  # made for labels: an integer picture that is pooled so is taken for one of labels
    local: bool = False  # an output depends on its window alone: nothing is drawn or chosen for the whole picture
    exact_in_bands: bool = False  # to the last bit, wherever a value lies in an array
    weighted: bool = False  # a sum of weighted values
    joins: str = ""  # as its options stand here, a large window follows from small ones: from their "values" or "sums"
    widens: bool = False  # takes `wide`, to sum in 64 bits wherever values are ignored: GDAL's means
    indices: str = ""  # the function that says where in the picture the outputs come from
    own_dtype: bool = False  # of its results, not that of the picture; where nothing is valid they are NaN
    picks: bool = False  # an output is a pixel of its window, found by its value
    has_windows: bool = field(init=False, repr=False, compare=False)  # of any size, that may leave values out

    def __post_init__(self) -> None:
        object.__setattr__(self, "has_windows", self.stages is windowed)


def _flag(text: str) -> bool:
    if text:
        raise ValueError(text)
    return True


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= float_info.max


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_value(value: object) -> bool:
    return isinstance(value, float) or _is_whole(value, -(2**63), 2**64 - 1)


def _is_edge(value: Any) -> bool:
    return value in EDGES if isinstance(value, str) else _is_value(value) and isfinite(value)


def as_edge(edge: object) -> Edge:
    """What lies beyond the border: one of EDGES or a finite number, also as text; UsageError for what is neither."""
    value: Edge = as_python(edge)
    if isinstance(edge, str) and edge not in EDGES:
        with suppress(ValueError):
            value = read_number(edge)
    if _is_edge(value):
        return value
    raise unknown("edge", str(edge), [*EDGES, "a number"], nearest(str(edge), EDGES))


def _decimal(text: str) -> float:
    """The float that is written as this decimal; ValueError for one with more digits than a float has."""
    from decimal import Decimal

    value = float(text)
    if not isfinite(value) or Decimal(text.strip()) != Decimal(repr(value)):
        raise ValueError(text)
    return value


def read_number(text: str) -> int | float:
    """A whole number as int, other numbers and nan as float; ValueError for what is none, as 1_0."""
    if "_" in text:
        raise ValueError(text)
    try:
        return read_whole(text)
    except ValueError:
        return float(text)


OPTIONS: Mapping[str, Option] = {
    option.name: option
    for option in (
        Option(
            "ceil",
            _flag,
            _is_flag,
            "the name alone",
            "Keep a last window that goes over the border.",
            also="--ceil-mode",
            in_layer="max:3/2,ceil",
        ),
        Option(
            "exclude-pad",
            _flag,
            _is_flag,
            "the name alone",
            "Leave the padding out of averages.",
            also="--no-count-include-pad",
            in_layer="avg:3/2+1,exclude-pad",
        ),
        Option(
            "edge",
            as_edge,
            _is_edge,
            any_of([*EDGES, "a number"]),
            f"Beyond the border for blur, maxblur (reflect), aps and maxaps (wrap): {', '.join(EDGES)} or a number.",
            "EDGE",
            EDGES,
            in_layer="blur:3/2,edge=zero",
        ),
        Option(
            "taps",
            int,
            lambda value: _is_whole(value, 1, MOST_TAPS),
            f"a whole number from 1 to {MOST_TAPS}",
            "Low-pass of maxblur and maxaps, 1 to 7; 3 if not given.",
            "N",
            in_layer="maxblur:2,taps=5",
            in_stages=True,
        ),
        Option(
            "p",
            float,
            _is_positive,
            "a number above 0",
            "The power of lp, above 0; 2 if not given.",
            "NUMBER",
            also="--norm-type --power",
            in_layer="lp:2,p=3",
        ),
        Option(
            "q",
            _decimal,
            _is_share,
            "a number from 0 to 1 of up to 15 digits",
            "The share of quantile, 0 to 1, as in 0.95.",
            "SHARE",
            also="--quantile",
            example="0.9",
            in_layer="quantile:2,q=0.9",
        ),
        Option(
            "of",
            read_number,
            _is_value,
            "a number or nan",
            "The value whose share of the window fraction gives.",
            "VALUE",
            example="1",
            in_layer="fraction:2,of=1",
        ),
        Option(
            "seed",
            int,
            lambda value: _is_whole(value, 0, 2**64 - 1),
            "a whole number from 0 to 2**64 - 1",
            "What stochastic draws with; 0 if not given.",
            "N",
            also="--random-seed",
            in_layer="stochastic:2,seed=7",
        ),
        Option(
            "ties",
            str,
            lambda value: value in TIES,
            any_of(TIES),
            f"Who wins a tie of majority: {', '.join(TIES)}; smallest if not given.",
            "WHICH",
            TIES,
            in_layer="majority:2,ties=first",
        ),
        Option(
            "per-channel",
            _flag,
            _is_flag,
            "the name alone",
            "Let majority vote on each channel by itself, not on whole pixels.",
            in_layer="majority:2,per-channel",
        ),
    )
}

MODES: Mapping[str, Mode] = {
    mode.name: mode
    for mode in (
        Mode(
            "max",
            "largest value of the window",
            "PyTorch MaxPool2d, ONNX MaxPool",
            "order:max_pool",
            also=("maximum",),
            joins="values",
            picks=True,
            local=True,
            exact_in_bands=True,
            indices="order:max_indices",
        ),
        Mode(
            "avg",
            "sum of the window / its number of values, integers rounded half up",
            "PyTorch AvgPool2d, ONNX AveragePool",
            "means:avg_pool",
            options={"exclude-pad": False},
            also=("mean", "average"),
            akin=("area", "box", "bilinear", "linear"),
            joins="sums",
            weighted=True,
            local=True,
            exact_in_bands=True,
            widens=True,
        ),
        Mode(
            "min",
            "smallest value of the window",
            "PyTorch: -MaxPool2d(-x)",
            "order:min_pool",
            also=("minimum",),
            joins="values",
            local=True,
            exact_in_bands=True,
        ),
        Mode(
            "median",
            "middle value; of an even number the mean of the middle two, integers rounded half up",
            "numpy.median",
            "order:median_pool",
            picks=True,
            local=True,
            exact_in_bands=True,
        ),
        Mode(
            "quantile",
            "value at the share q of the sorted values, linear between neighbours, integers rounded half up",
            "numpy.quantile",
            "order:quantile_pool",
            options={"q": None},
            also=("percentile",),
            local=True,
            exact_in_bands=True,
        ),
        Mode(
            "sum",
            "sum of the window, in 64 bits",
            "numpy.sum",
            "means:sum_pool",
            akin=("total",),
            own_dtype=True,
            local=True,
            exact_in_bands=True,
        ),
        Mode(
            "fraction",
            "share of the values of the window that are `of`, as float32",
            "class fractions of label maps",
            "means:fraction_pool",
            options={"of": None},
            also=("share",),
            own_dtype=True,
            local=True,
            exact_in_bands=True,
            counts_indices=True,
        ),
        Mode(
            "lp",
            "(sum of |x|^p) ^ (1/p) over the values truly in the window",
            "PyTorch LPPool2d, ONNX LpPool",
            "means:lp_pool",
            akin=("norm", "l2", "rms"),
            options={"p": 2.0},
            local=True,
            exact_in_bands=True,
        ),
        Mode(
            "majority",
            "most frequent pixel (a colour is a label); ties to the smallest, the largest or the first",
            "down-sampling of masks and label maps",
            "majority:majority_pool",
            options={"per-channel": False, "ties": "smallest"},
            whole_pixels=True,
            also=("mode",),
            akin=("vote", "frequent", "mostfrequent"),
            keeps_values=True,
            for_labels=True,
            local=True,
            exact_in_bands=True,
        ),
        Mode(
            "soft",
            "sum of exp(x) x / sum of exp(x); integers on the scale x / largest of the dtype",
            "Stergiou et al. 2021, SoftPool",
            "means:soft_pool",
            akin=("softmax",),
            local=True,
        ),
        Mode(
            "stochastic",
            "one value, drawn with a probability proportional to it (negative ones: 0; all 0: any)",
            "Zeiler & Fergus 2013",
            "sampling:stochastic_pool",
            akin=("random",),
            options={"seed": 0},
            exact_in_bands=True,
        ),
        Mode(
            "stride",
            "first value of the window",
            "what a strided convolution keeps: ResNet, all-convolutional nets",
            "sampling:taken_values",
            akin=("strided", "first", "subsample", "decimate", "skip"),
            geometry=("dilation", "ceil"),
            takes="first",
            keeps_values=True,
            weighted=True,
            local=True,
            exact_in_bands=True,
        ),
        Mode(
            "center",
            "value in the middle of the window, number k // 2 on each axis",
            "nearest-neighbour down-sampling, as Pillow's NEAREST",
            "sampling:taken_values",
            also=("centre", "nearest"),
            geometry=("dilation",),
            takes="middle",
            keeps_values=True,
            for_labels=True,
            local=True,
            exact_in_bands=True,
        ),
        Mode(
            "blur",
            "binomial low-pass of k taps, every s-th value from the first",
            "Zhang 2019, BlurPool",
            "sampling:blur_pool",
            akin=("gauss", "gaussian", "binomial", "antialias", "bicubic", "cubic", "lanczos"),
            options={"edge": "reflect"},
            geometry=(),
            stages=blurred,
            most_taps=MOST_TAPS,
            weighted=True,
            local=True,
            exact_in_bands=True,
        ),
        Mode(
            "maxblur",
            "max at every pixel, then blur of `taps` taps",
            "Zhang 2019, MaxBlurPool",
            "sampling:blur_pool",
            options={"taps": 3, "edge": "reflect"},
            geometry=("padding", "dilation"),
            stages=partial(blurred, dense_maximum=True),
            local=True,
            exact_in_bands=True,
        ),
        Mode(
            "aps",
            "low-pass of k taps, of the s*s polyphase components the one with the largest l2 norm",
            "Chaman & Dokmanic 2021",
            "sampling:aps_pool",
            akin=("polyphase",),
            options={"edge": "wrap"},
            geometry=(),
            stages=partial(blurred, picks=True),
            most_taps=MOST_TAPS,
            exact_in_bands=True,
        ),
        Mode(
            "maxaps",
            "max at every pixel, then aps of `taps` taps",
            "Chaman & Dokmanic 2021",
            "sampling:aps_pool",
            options={"taps": 3, "edge": "wrap"},
            geometry=("padding", "dilation"),
            stages=partial(blurred, dense_maximum=True, picks=True),
            exact_in_bands=True,
        ),
    )
}


_CALLED = {alias: mode.name for mode in MODES.values() for alias in (mode.name, *mode.also)}
_AKIN = {alias: mode.name for mode in MODES.values() for alias in mode.akin}


def _bare(text: str) -> str:
    """Without what differs between libraries: `MaxPool2d`, `max_pooling` and `MAX` are all `max`."""
    return re.sub(r"(pool(ing)?)?(2d)?$", "", re.sub(r"[-_ ]", "", text.lower()))


def mode_called(text: str) -> str | None:
    """The name of the mode that a user means: in any case, and as other libraries call it; None where there is none.

    >>> mode_called("MaxPool2d"), mode_called("mean"), mode_called("mxa")
    ('max', 'avg', None)
    """
    return _CALLED.get(_bare(text))


@cache
def find_mode(name: str) -> Mode:
    """The row called `name`; UsageError when there is none, with the mode that is meant, or the nearest name."""
    if name in MODES:
        return MODES[name]
    bare = re.sub("[13]d$", "", _bare(name))
    if "," in name:
        raise UsageError(
            f"mode '{name}' is several: give one of them, or rank them with poolcli compare --modes {name}"
        )
    sized = "avg" if bare in ("global", "adaptive") else _CALLED.get(re.sub("^(global|adaptive)", "", bare))
    if sized and bare not in _CALLED:
        raise UsageError(f"unknown mode '{name}': write {sized} with an output size, as in {sized}:size=1 or --size 1")
    raise unknown("mode", name, MODES, _CALLED.get(_bare(bare)) or _AKIN.get(bare))


def votes(mode: Mode, options: Options) -> bool:
    """Whether whole pixels are what is counted, and not the values of each channel."""
    return mode.whole_pixels and not dict(options)["per-channel"]


def complete_options(mode: Mode, given: Mapping[str, Any]) -> Options:
    """Every option of `mode` with its value, given or default; UsageError for one it does not take or a wrong value."""
    given = {name: as_python(value) for name, value in given.items()}
    for name, value in given.items():
        if name not in mode.options:
            takers = [row.name for row in MODES.values() if name in row.options]
            takes = f"give it to {any_of(takers)}" if takers else f"it takes {', '.join(mode.options) or 'none'}"
            raise UsageError(f"mode '{mode.name}' knows no option '{name}': {takes}")
        if not OPTIONS[name].check(value):
            raise UsageError(
                f"option {name}={option_text(value)} of mode '{mode.name}': {OPTIONS[name].allowed} is allowed"
            )
    complete = tuple((name, given.get(name, default)) for name, default in mode.options.items())
    for name, value in complete:
        if value is None:
            option = OPTIONS[name]
            raise UsageError(
                f"mode '{mode.name}' needs {name}, {option.allowed}: give --{name} {option.example}, or in a recipe "
                f"{mode.name}:2,{name}={option.example}"
            )
    return complete


def keyword_options(given: ModeOptions) -> dict[str, Any]:
    """The options that keywords give, by their names; TypeError for others, as for any keyword that is not known."""
    unknown_names = given.keys() - ModeOptions.__annotations__.keys()
    if unknown_names:
        raise TypeError(f"pooling got an unexpected keyword argument '{min(unknown_names)}'")
    options = {name.replace("_", "-"): value for name, value in given.items() if value is not None}
    return {name: value for name, value in options.items() if not _is_usual(name, value)}


def _is_usual(name: str, value: Any) -> bool:
    """Whether it is what every mode that takes this option has by itself: then it may be given to any mode."""
    return all(value == mode.options[name] for mode in MODES.values() if name in mode.options)


def read_option(name: str, text: str) -> Any:
    """The value of an option from its text; UsageError where it cannot be read."""
    try:
        return OPTIONS[name].parse(text)
    except UsageError:
        raise
    except ValueError:
        raise UsageError(f"option {name}={text} cannot be read: {OPTIONS[name].allowed} is allowed") from None


def check_window(mode: Mode, window: Window | Cells) -> None:
    """UsageError when `window` has a size, a padding, a dilation or a ceil that `mode` has no meaning for."""
    if isinstance(window, Cells):
        if not mode.has_windows:
            takers = ", ".join(row.name for row in MODES.values() if row.has_windows)
            raise UsageError(f"mode '{mode.name}' takes no output size: {takers} do")
        return
    if max(window.k) > mode.most_taps:
        raise UsageError(f"mode '{mode.name}' with {size_text(window.k)} taps: 1 to {mode.most_taps} are allowed")
    given = {"padding": window.padding != (0, 0, 0, 0), "dilation": window.dilation != (1, 1), "ceil": window.ceil}
    for name, is_given in given.items():
        if is_given and name not in mode.geometry:
            takes = f"it takes {' and '.join(('k', 's', *mode.geometry))} only" if mode.geometry else "leave it out"
            raise UsageError(f"mode '{mode.name}' takes no {name}: {takes}")


def option_text(value: object) -> str:
    """An option's value as the text form says it: whole numbers without their `.0`."""
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def activation_text(name: str) -> str:
    """How an activation is written, as in `clip:LOW,HIGH`."""
    return f"{name}:{','.join(ACTIVATIONS[name].bounds)}" if ACTIVATIONS[name].bounds else name


def takes_numbers(name: str) -> bool:
    """Whether this is an activation with numbers behind a colon."""
    return name in ACTIVATIONS and bool(ACTIVATIONS[name].bounds)


def relu(image: "Array") -> "Array":
    """Negative values become 0; the dtype stays."""
    import numpy as np

    positive: Array = np.maximum(image, image.dtype.type(0))
    return positive


def relu6(image: "Array") -> "Array":
    """Negative values become 0, those above 6 become 6; NaN stays, and so does the dtype. Source: PyTorch ReLU6."""
    if image.dtype.kind == "b":
        return image.copy()
    import numpy as np

    return np.clip(image, image.dtype.type(0), image.dtype.type(6))


def absolute(image: "Array") -> "Array":
    """The size of every value; the dtype stays, and its lowest integer becomes the highest instead of wrapping."""
    import numpy as np

    if image.dtype.kind == "i":
        image = np.maximum(image, np.iinfo(image.dtype).min + 1)
    size: Array = np.abs(image)
    return size


def clip(image: "Array", low: float, high: float) -> "Array":
    """Values below `low` become it, those above `high` it; NaN stays, and so does the dtype. Source: numpy.clip.

    A bound that no value of the dtype can pass does nothing; PictureError for one that the dtype has not.
    """
    import numpy as np

    from poolcli.ops.arrays import integer_range
    from poolcli.ops.ignored import in_dtype

    if image.dtype.kind != "f":
        least, most = integer_range(image.dtype)
        low, high = max(low, least), min(high, most)
    bounds = [in_dtype(bound, image.dtype) for bound in (low, high)]
    if None in bounds:
        others = "" if image.dtype.kind == "f" else ", or make floats of it with --dtype float32"
        bound = option_text((low, high)[bounds.index(None)])
        raise PictureError(f"clip to {bound} is no value of a picture of {image.dtype}: give one that is{others}")
    clipped: Array = np.minimum(np.maximum(image, bounds[0]), bounds[1])
    return clipped


@dataclass(frozen=True, slots=True)
class ActivationRow:
    """One activation: `function` takes the image and the numbers that `bounds` names; `holds_value`: it compares values
    of the picture with numbers.
    """

    name: str
    function: "Callable[..., Array]"
    bounds: tuple[str, ...] = ()
    holds_value: bool = False


ACTIVATIONS: Mapping[str, ActivationRow] = {
    row.name: row
    for row in (
        ActivationRow("relu", relu),
        ActivationRow("relu6", relu6, holds_value=True),
        ActivationRow("abs", absolute),
        ActivationRow("clip", clip, ("LOW", "HIGH"), holds_value=True),
    )
}
