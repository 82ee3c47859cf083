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
    """The windows as they are, of each of which the first value is taken."""
    return [window.axes(height, width)]


def central(window: Window | Cells, options: Mapping[str, Any], height: int, width: int) -> list[AnyAxes]:
    """The windows as they are, of each of which the value in the middle is taken, number k // 2 on each axis."""
    return [window.axes(height, width)]


def taken(stages: Stages, axes: AnyAxes) -> AnyAxes:
    """The one value that is taken of every window, as windows of one value; `axes` for other stages."""
    if stages not in (sampled, central):
        return axes
    rows, columns = (_taken(axis, middle=stages is central) for axis in axes)
    return rows, columns


def _taken(axis: Axis | Spans, *, middle: bool) -> Axis | Spans:
    if isinstance(axis, Axis):
        return Axis(axis.n, 1, axis.s, 1, axis.before - (axis.k // 2 * axis.d if middle else 0), 0, axis.out)
    places = (size // 2 if middle else 0 for size in axis.sizes)
    return Spans(axis.n, tuple(map(sum, zip(axis.firsts, places, strict=True))), (1,) * axis.out)


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
