"""Pooling of arrays by the name of a mode: the public `pool`, and what it shares with recipes."""

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module

import numpy as np
from numpy.typing import ArrayLike

from poolcli.ops.arrays import Array, as_image, planes
from poolcli.ops.geometry import Axes, Window, as_padding, as_pair
from poolcli.ops.modes import Mode, Options, check_window, complete_options, find_mode


def pool(
    image: ArrayLike,
    k: int | Sequence[int],
    s: int | Sequence[int] | None = None,
    *,
    mode: str = "max",
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    p: float = 2.0,
    taps: int = 3,
    edge: str | None = None,
    seed: int | None = None,
) -> Array:
    """Pool an image with windows of `k`, `s` apart, channel by channel.

    `image` is H x W or H x W x C; `k`, `s`, `padding` and `dilation` are a whole number or (height, width), `padding`
    also (top, bottom, left, right), "same", "same-lower" or "wrap" (as much as "same", but holding the other side of
    the picture); `s=None` means `s = k`. The result has `image`'s dtype and PyTorch's size,
    floor((n + padding - dilation * (k - 1) - 1) / s) + 1 on each axis (`ceil_mode`: ceil).
    `count_include_pad` is for avg, `p` for lp, `taps` for maxblur and maxaps, `edge` for the blurring modes (None:
    the mode's own), `seed` for stochastic (None: 0). Raises UsageError for values out of range, PictureError when no
    window fits. Definitions: `poolcli modes`.

    >>> pool([[12, 20, 30, 0], [8, 12, 2, 0], [34, 70, 37, 4], [112, 100, 25, 12]], 2).tolist()
    [[20, 30], [112, 37]]
    """
    row = find_mode(mode)
    size = as_pair(k, "window")
    stride = size if s is None else as_pair(s, "stride")
    window = Window(size, stride, as_padding(padding), as_pair(dilation, "dilation"), ceil_mode)
    check_window(row, window)
    usual = {"exclude-pad": False, "p": 2.0, "taps": 3, "edge": None, "seed": None}
    asked = {"exclude-pad": not count_include_pad, "p": p, "taps": taps, "edge": edge, "seed": seed}
    given = {name: value for name, value in asked.items() if value != usual[name]}
    return run_mode(row, as_image(image), window, complete_options(row, given))


def run_mode(mode: Mode, image: Array, window: Window, options: Options) -> Array:
    """Call the function of a row of the table on `image` (H x W or H x W x C); the result has as many axes."""
    module, function = mode.kernel.split(":")
    kernel = getattr(import_module(f"poolcli.ops.{module}"), function)
    stages = mode.stages(window, dict(options), *image.shape[:2])
    keywords = {name.replace("-", "_"): value for name, value in options if name != "taps"}  # those are in the stages
    pixels = planes(image)
    if window.padding == "wrap":
        pixels, stages[0] = _going_round(pixels, stages[0])
    result: Array = kernel(pixels, *stages, **keywords)
    return result[:, :, 0] if image.ndim == 2 else result


def _going_round(image: Array, axes: Axes) -> tuple[Array, Axes]:
    """The picture with its other side where `axes` have their padding, and where the windows lie on that."""
    sides = [(axis.before, axis.after) for axis in axes]
    rows, columns = (replace(axis, n=axis.n + axis.before + axis.after, before=0, after=0) for axis in axes)
    return np.pad(image, (*sides, (0, 0)), mode="wrap"), (rows, columns)
