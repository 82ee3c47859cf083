"""Pooling of arrays by the name of a mode: the public `pool` and `adaptive_pool`, and what they share with recipes."""

from collections.abc import Sequence
from dataclasses import replace
from pkgutil import resolve_name
from typing import Any, Literal, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike

from poolcli.errors import PictureError, UsageError, unknown
from poolcli.ops.arrays import Array, planes
from poolcli.ops.geometry import AnyAxes, Axis, Cells, Window, as_padding, as_size, padding_text, taken
from poolcli.ops.ignored import Ignored, pixel_validity, refuse, run_on, valid_outputs, write_stand_in
from poolcli.ops.modes import (
    MODES,
    OPTIONS,
    Mode,
    ModeOptions,
    Options,
    check_window,
    complete_options,
    find_mode,
    keyword_options,
    votes,
)

Lengths = int | Sequence[int]  # a whole number or (height, width)


class Keywords(ModeOptions, total=False):
    """The keywords of `pool` beside `return_indices`."""

    mode: str
    padding: Lengths | str
    dilation: Lengths
    ceil_mode: bool
    count_include_pad: bool
    ignore: Any
    min_valid: float


@overload
def pool(
    image: ArrayLike,
    k: Lengths,
    s: Lengths | None = ...,
    *,
    return_indices: Literal[False] = ...,
    **how: Unpack[Keywords],
) -> Array: ...
@overload
def pool(
    image: ArrayLike, k: Lengths, s: Lengths | None = ..., *, return_indices: Literal[True], **how: Unpack[Keywords]
) -> tuple[Array, Array]: ...


def pool(
    image: ArrayLike,
    k: Lengths,
    s: Lengths | None = None,
    *,
    mode: str = "max",
    padding: Lengths | str = 0,
    dilation: Lengths = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    ignore: Any = None,
    min_valid: float = 0.0,
    return_indices: bool = False,
    **options: Unpack[ModeOptions],
) -> Array | tuple[Array, Array]:
    """Pool an image with windows of `k`, `s` apart, channel by channel.

    `image` is H x W or H x W x C of bool, integers or floats of up to 64 bits; the result has its dtype, as many axes,
    and PyTorch's size, floor((n + padding - dilation * (k - 1) - 1) / s) + 1 on each axis (`ceil_mode`: ceil).
    `k`, `s`, `padding` and `dilation` are in pixels, a whole number or (height, width); `padding` also (top, bottom,
    left, right), "same", "same-lower" or "wrap" (as much as "same", but holding the other side of the picture);
    `s=None` means `s = k`. Integers are exact, means rounded half up; NaN wins every maximum and minimum.
    `count_include_pad` is for avg: whether zeros of the padding count. `p` is the power of lp, above 0: the sum of
    |x|^p, to the power of 1 / p. `q` is the share of quantile, from 0 to 1, `of` the value whose share fraction gives;
    both have no default. sum gives int64, uint64 or float64, fraction float32, and NaN for a window without a value.
    `taps` is the width of the low-pass of maxblur and maxaps, 1 to 7, `edge` what lies beyond the border for the
    blurring modes (reflect, symmetric, replicate, zero, wrap, or a number that the dtype holds; None: the mode's own).
    `seed`, from 0 to 2**64 - 1, is what stochastic draws with (None: 0); one seed gives one result. majority votes over
    whole pixels, or `per_channel`; `ties` go to the smallest, the largest or the first pixel of the window.
    `return_indices`, for max: (result, flat index row * W + column of every maximum as int64), the first of equal
    ones, the last NaN; a window that holds padding only has the index of its first row and column that are not
    negative, as in PyTorch.
    `ignore` is what counts in no window: a number or NaN, in every channel by itself; a list of numbers; or a list of
    colours, as in [(0, 0, 0)], which ignore whole pixels. A window without any valid value of the picture, or with a
    smaller share of them than `min_valid`, gives the first ignored value. The mean divides by the number of valid
    values and of counted padding, and floats are summed in float64, even if no value is ignored. Masked values of a
    `numpy.ma` array are ignored too, and the result is masked where windows have too few others. The blurring modes
    refuse a picture that holds ignored values.
    Raises UsageError for values out of range and options that the mode does not take, PictureError when no window
    fits. Sources: PyTorch MaxPool2d, AvgPool2d and LPPool2d, ONNX MaxPool, AveragePool and LpPool; for the other modes
    the papers that `poolcli modes` names.

    >>> pool([[12, 20, 30, 0], [8, 12, 2, 0], [34, 70, 37, 4], [112, 100, 25, 12]], 2).tolist()
    [[20, 30], [112, 37]]
    """
    row = _mode(mode)
    size = as_size(k, "window")
    stride = size if s is None else as_size(s, "stride")
    window = Window(size, stride, as_padding(padding), as_size(dilation, "dilation"), ceil_mode)
    check_window(row, window)
    if return_indices and (not row.indices or window.padding == "wrap"):
        requested = f"mode '{row.name}' with padding {padding_text(window.padding)}"
        raise UsageError(f"{requested} has no indices: use max, without padding that goes round")
    given = keyword_options(options) | ({} if count_include_pad else {"exclude-pad": True})
    indices: list[Array] = []
    result = _pooled(row, image, window, given, ignore, min_valid, indices if return_indices else None)
    return (result, indices[0]) if return_indices else result


def adaptive_pool(
    image: ArrayLike,
    size: Lengths,
    *,
    mode: str = "avg",
    ignore: Any = None,
    min_valid: float = 0.0,
    **options: Unpack[ModeOptions],
) -> Array:
    """Pool an image to an output of `size`, whatever its own size is; a size of 1 pools all of it.

    `image` is H x W or H x W x C of bool, integers or floats of up to 64 bits; the result has its dtype and as many
    axes. `size` is a whole number or (height, width) of pixels: value i of `out` on an axis of n pools what lies from
    floor(i * n / out) up to, not including, ceil((i + 1) * n / out). `mode` is any that pools windows; the other
    options are as in `pool`. Raises UsageError for a size below 1 and for a mode that has no windows.
    Source: PyTorch AdaptiveAvgPool2d, AdaptiveMaxPool2d.

    >>> adaptive_pool([[1, 2, 3, 4, 5]], (1, 2), mode="max").tolist()
    [[3, 5]]
    """
    row, cells = _mode(mode), Cells(as_size(size, "size"))
    check_window(row, cells)
    return _pooled(row, image, cells, keyword_options(options), ignore, min_valid)


def _mode(name: str) -> Mode:
    if not isinstance(name, str):  # what is no text may have no hash
        raise unknown("mode", name, MODES)
    return find_mode(name)


def _pooled(
    mode: Mode,
    image: ArrayLike,
    window: Window | Cells,
    given: dict[str, Any],
    ignore: Any,
    min_valid: float,
    indices: list[Array] | None = None,
) -> Array:
    """An image pooled with the options that are given; where its outputs come from goes to `indices`."""
    options = complete_options(mode, given)

    def run(array: Array, valid: Array | None, ignored: Ignored | None) -> tuple[Array, Array | None]:
        if indices is not None:
            pixels = planes(array)
            places = resolve_name(f"poolcli.ops.{mode.indices}")(
                pixels, window.axes(*array.shape[:2]), None if valid is None else planes(valid)
            )
            indices.append(places.reshape(*places.shape[: array.ndim]))
        result = run_mode(mode, array, window, options, valid, ignored=ignored)
        return checked(*result) if mode.own_dtype else result

    return run_on(image, ignore, min_valid, run, whole=votes(mode, options))


def run_mode(
    mode: Mode,
    image: Array,
    window: Window | Cells,
    options: Options,
    valid: Array | None = None,
    *,
    alpha: bool = False,
    ignored: Ignored | None = None,
) -> tuple[Array, Array | None]:
    """Call the function of a row of the table on `image` (H x W or H x W x C), of which only `valid` values count.

    Returns the result, with as many axes, and where it is valid (None: everywhere). `alpha`: the last channel is alpha.
    Raises PictureError when no window fits, and where not all is valid for a mode without windows.
    """
    if valid is not None and not mode.has_windows:
        raise refuse(f"mode '{mode.name}'", ignored)
    kernel = resolve_name(f"poolcli.ops.{mode.kernel}")
    keywords = {name.replace("-", "_"): value for name, value in options if not OPTIONS[name].in_stages}
    pixels = image.reshape(*image.shape[:2], -1)
    mask = valid if valid is None else valid.reshape(pixels.shape)
    stages = mode.stages(window, dict(options), *image.shape[:2])
    if isinstance(window, Window) and window.padding == "wrap":
        mask = mask if mask is None else _going_round(mask, stages[0])[0]
        pixels, stages[0] = _going_round(pixels, stages[0])
    by_pixels = mode.whole_pixels and pixels.shape[2] > 1 and votes(mode, options)
    if by_pixels:
        keywords["alpha"] = alpha
    if mode.widens:  # by what is requested, lest a band without a hole round otherwise
        keywords["wide"] = ignored is not None
    if mode.takes:
        stages[0] = taken(stages[0], middle=mode.takes == "middle")
    if mask is not None:
        if by_pixels:
            mask = pixel_validity(pixels, mask, ignored, alpha=alpha)
        keywords["valid"] = mask
    if len(stages) > 1:  # a maximum at every pixel comes first
        from poolcli.ops.order import max_pool

        pixels = max_pool(pixels, stages[0])
    result: Array = kernel(pixels, stages[-1], **keywords)
    enough = None
    if mode.has_windows and (mask is not None or ignored is not None or mode.own_dtype):
        enough = valid_outputs(mask, stages[0], ignored.min_valid if ignored else 0.0)
        enough = enough if enough is None else np.broadcast_to(enough, result.shape)
        if by_pixels and alpha and enough is not None and valid is not None and valid[..., -1].all():
            enough = np.concatenate([enough[:, :, :-1], np.ones_like(enough[:, :, -1:])], axis=2)
        there = valid_outputs(None, stages[0], 0.0) if mode.takes else enough
        write_stand_in(result, there, None if mode.own_dtype else ignored)
    shape = result.shape[: image.ndim]
    return result.reshape(shape), None if enough is None else enough.reshape(shape)


def checked(result: Array, enough: Array | None) -> tuple[Array, Array | None]:
    """Both results of a mode with its own dtype, as they are; PictureError for integers that would have to be NaN.

    Asked of what is written, not of every layer: bands also pool rows at their ends that are of no output.
    """
    if enough is not None and result.dtype.kind != "f" and not enough.all():
        raise PictureError(
            "mode 'sum' of integers has no number for a window without enough valid values: make floats of the "
            "picture (--dtype float64), or count all values (--ignore none)"
        )
    return result, enough


def _going_round(image: Array, axes: AnyAxes) -> tuple[Array, AnyAxes]:
    """The picture with its other side where `axes` have their padding, and where the windows lie on that."""
    rows, columns = (axis for axis in axes if isinstance(axis, Axis))  # padding is for windows of one size
    longer = [replace(axis, n=axis.n + axis.before + axis.after, before=0, after=0) for axis in (rows, columns)]
    sides = (rows.before, rows.after), (columns.before, columns.after), (0, 0)
    return np.pad(image, sides, mode="wrap"), (longer[0], longer[1])
