"""Where the windows of a mode lie: one stage for a window, two where a dense maximum comes before a low-pass. No NumPy.

Sizes, receptive fields and the alignment of the shift report come from these, and the kernels of the modes get them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from poolcli.ops.adaptive import AnyAxes, Cells, Spans
from poolcli.ops.geometry import Axes, Axis, Pair, Window, same_sides

Stages = Callable[[Any, Mapping[str, Any], int, int], list[AnyAxes]]


def windowed(window: Window | Cells, options: Mapping[str, Any], height: int, width: int) -> list[AnyAxes]:
    """The windows as they are."""
    return [window.axes(height, width)]


def sampled(window: Window | Cells, options: Mapping[str, Any], height: int, width: int) -> list[AnyAxes]:
    """The windows as they are; of each, one value is taken."""
    return [window.axes(height, width)]


def first_taps(axes: AnyAxes) -> AnyAxes:
    """The first value of every window, as windows of one value."""
    rows, columns = axes
    return _first(rows), _first(columns)


def _first(axis: Axis | Spans) -> Axis | Spans:
    if isinstance(axis, Spans):
        return Spans(axis.n, axis.firsts, (1,) * axis.out)
    return Axis(axis.n, 1, axis.s, 1, axis.before, 0, axis.out)


def blurred(window: Window, options: Mapping[str, Any], height: int, width: int) -> list[AnyAxes]:
    """A low-pass of as many taps as the window has values, of which every s-th value is kept, from the first."""
    return [_low_pass(window.k, window.s, options["edge"], height, width)]


def picked(window: Window, options: Mapping[str, Any], height: int, width: int) -> list[AnyAxes]:
    """As `blurred`, but the picture decides which value is the first."""
    return [_low_pass(window.k, window.s, options["edge"], height, width, picks=True)]


def max_blurred(window: Window, options: Mapping[str, Any], height: int, width: int) -> list[AnyAxes]:
    """A maximum at every pixel, then `blurred` by `taps`."""
    return _after_maximum(window, options, height, width, picks=False)


def max_picked(window: Window, options: Mapping[str, Any], height: int, width: int) -> list[AnyAxes]:
    """A maximum at every pixel, then `picked` by `taps`."""
    return _after_maximum(window, options, height, width, picks=True)


def _after_maximum(
    window: Window, options: Mapping[str, Any], height: int, width: int, *, picks: bool
) -> list[AnyAxes]:
    dense = Window(window.k, (1, 1), window.padding, window.dilation).axes(height, width)
    taps = (options["taps"], options["taps"])
    return [dense, _low_pass(taps, window.s, options["edge"], dense[0].out, dense[1].out, picks=picks)]


def _low_pass(taps: Pair, s: Pair, edge: str, height: int, width: int, *, picks: bool = False) -> Axes:
    top, bottom, left, right = same_sides(taps)
    down, across = (
        Axis(n, k, step, 1, before, after, -(-n // step), slack=step - 1 if picks else 0, wraps=edge == "wrap")
        for n, k, step, before, after in ((height, taps[0], s[0], top, bottom), (width, taps[1], s[1], left, right))
    )
    return down, across
