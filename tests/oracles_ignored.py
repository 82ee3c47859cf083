"""Slow oracles of poolings with ignored values, as plain loops written from the design (sections 3 and 4) alone.

Geometry is that of tests/oracles.py. Every value of a picture is valid or not; what is not counts in no window, and
where too few are valid the output is the ignored value and not valid either.
"""

import math
from fractions import Fraction
from itertools import product

import numpy as np

from tests import oracles


def validity(image, ignore, *, whole=False):
    """Which values of `image` are valid: H x W or H x W x C truths.

    `ignore` is None, a number (NaN too), or one number a channel: a colour, which ignores whole pixels. `whole`: pixels
    vote, and a number ignores those of which it is every channel.
    """
    if ignore is None:
        return np.ones(image.shape, bool)
    parts = np.atleast_1d(np.array(ignore, object))
    same = np.zeros(image.shape, bool)
    for place in np.ndindex(image.shape):
        part = parts[place[2]] if len(parts) > 1 else parts[0]
        value = image[place].item()
        same[place] = value == part or (is_nan(value) and is_nan(part))
    if (len(parts) > 1 or whole) and image.ndim == 3:
        same = np.repeat(same.all(axis=2, keepdims=True), image.shape[2], axis=2)
    return ~same


def is_nan(value):
    """Whether a Python number is NaN."""
    return isinstance(value, float) and math.isnan(value)


def holds(dtype, number):
    """Whether a dtype has this number, rounded in the case of floats."""
    if oracles.is_float(dtype):
        return True
    low, high = oracles.limits(dtype)
    return not is_nan(number) and number == int(number) and low <= number <= high


def windows(shape, k, s, padding=(0, 0, 0, 0), dilation=(1, 1), ceil_mode=False):
    """{(row, col): (positions in the picture in row order, how many of picture and padding together)}."""
    (height, width), (top, bottom, left, right) = shape[:2], padding
    found = {}
    for row, col in product(*map(range, oracles.out_shape(shape, k, s, padding, dilation, ceil_mode))):
        ys = oracles.taps_at(row, k[0], s[0], top, dilation[0])
        xs = oracles.taps_at(col, k[1], s[1], left, dilation[1])
        counted = sum(y < height + bottom and x < width + right for y, x in product(ys, xs))
        found[row, col] = [(y, x) for y, x in product(ys, xs) if 0 <= y < height and 0 <= x < width], counted
    return found


def cells(shape, size):
    """The same for cells of an output size (PyTorch AdaptiveMaxPool2d): floor(i*n/out) up to ceil((i+1)*n/out)."""

    def span(i, n, out):
        return range(i * n // out, -(-(i + 1) * n // out))

    found = {}
    for row, col in product(range(size[0]), range(size[1])):
        inside = list(product(span(row, shape[0], size[0]), span(col, shape[1], size[1])))
        found[row, col] = inside, len(inside)
    return found


def quantile(values, dtype, q):
    """Linear between neighbours; integers exactly, with q as the decimal that it is written as, rounded half up.

    Floats as numpy.quantile, but for infinities and gaps beyond float64, where that gives NaN or infinity.
    """
    if any(map(is_nan, values)):
        return math.nan
    ordered = sorted(values)
    if oracles.is_float(dtype):
        place = q * (len(ordered) - 1)
        low, high, rest = ordered[math.floor(place)], ordered[math.ceil(place)], place - math.floor(place)
        if low == high:
            return low
        if not math.isfinite(high - low):
            return low * (1 - rest) + high * rest
        return float(np.quantile(np.array(ordered, np.float64), q))
    place = Fraction(repr(q)) * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    exact = ordered[below] + (ordered[above] - ordered[below]) * (place - below)
    return math.floor(exact + Fraction(1, 2))


def elected(pixels, ties, *, alpha=False):
    """The most frequent of some pixels, tuples of numbers; all NaN are one number, above every other.

    With `alpha` the last number is: pixels where it is 0 are one label, written as the smallest of them.
    """
    keys = [tuple((1, 0) if is_nan(v) else (0, v) for v in pixel) for pixel in pixels]
    if alpha:
        clear = [key for key, pixel in zip(keys, pixels, strict=True) if pixel[-1] == 0]
        keys = [min(clear) if pixel[-1] == 0 else key for key, pixel in zip(keys, pixels, strict=True)]
    most = max(map(keys.count, keys))
    best = [key for key in keys if keys.count(key) == most]
    winner = {"smallest": min, "largest": max, "first": lambda tied: tied[0]}[ties](best)
    return tuple(math.nan if kind else value for kind, value in winner)


def reduced(values, padded, dtype, mode, options):
    """The valid values of one window of one channel to one; `padded` is how much padding counts beside them."""
    p, q, of = options.get("p", 2.0), options.get("q"), options.get("of")
    table = {
        "max": lambda: oracles.largest(values, dtype),
        "min": lambda: oracles.smallest(values, dtype),
        "avg": lambda: oracles.mean(values, dtype, len(values) + padded),
        "median": lambda: oracles.middle(values, dtype),
        "lp": lambda: oracles.power_mean(values, dtype, p),
        "soft": lambda: oracles.softened(values, dtype),
        "quantile": lambda: quantile(values, dtype, q),
        "sum": lambda: oracles.total(values) if oracles.is_float(dtype) else sum(values),
        "fraction": lambda: sum(value == of for value in values) / len(values),
    }
    return table[mode]()


def result_dtype(mode, dtype):
    """That of the picture, but of `sum` (64 bits of its kind) and `fraction` (float32)."""
    if mode == "fraction":
        return np.dtype(np.float32)
    if mode == "sum":
        return np.dtype({"f": np.float64, "u": np.uint64, "b": np.uint64}.get(dtype.kind, np.int64))
    return dtype


def pool(image, valid, where, shape, *, mode, ignored=math.nan, min_valid=0.0, **options):
    """(output, which of its values are valid). `where` is what `windows` or `cells` give, `shape` the output's.

    `ignored` is one number, or one a channel, and is written where fewer than `min_valid` of the picture's values in a
    window are valid, or none. Options: count_include_pad, p, q, of, ties, per_channel, alpha (of majority).
    """
    flat = image.ndim == 2
    picture, truths = (part[:, :, np.newaxis] if flat else part for part in (image, valid))
    channels = picture.shape[2]
    nothing = ignored if isinstance(ignored, tuple) else (ignored,) * channels
    if mode in ("sum", "fraction"):  # sums of integers are refused, and here 0
        nothing = (math.nan if mode == "fraction" or oracles.is_float(image.dtype) else 0,) * channels
    out = [[[None] * channels for _ in range(shape[1])] for _ in range(shape[0])]
    out_valid = np.zeros((*shape, channels), bool)
    whole = mode == "majority" and not options.get("per_channel")
    for (row, col), (places, counted) in where.items():
        viewed = places[:1] if mode == "stride" else places  # of one value that is taken, the window is that value
        viewed = [options["middle"](row, col)] if mode == "center" else viewed
        for channel in range(channels):
            there = [place for place in viewed if (truths[place].any() if whole else truths[*place, channel])]
            good = len(there) > 0 and Fraction(len(there), len(viewed)) >= Fraction(repr(min_valid))
            values = [picture[*place, channel].item() for place in there]
            padded = counted - len(places) if options.get("count_include_pad", True) else 0
            if mode in ("stride", "center"):  # what is there, valid or not
                value = picture[*viewed[0], channel].item() if viewed else None
            elif whole:
                pixels = [tuple(picture[place].tolist()) for place in there]
                value = (
                    elected(pixels, options.get("ties", "smallest"), alpha=options.get("alpha"))[channel]
                    if good
                    else None
                )
            elif mode == "majority":
                value = elected([(v,) for v in values], options.get("ties", "smallest"))[0] if good else None
            else:
                value = reduced(values, padded, image.dtype, mode, options) if good else None
            out_valid[row, col, channel] = good
            out[row][col][channel] = nothing[channel] if value is None else value
    dtype = result_dtype(mode, image.dtype)
    filled = np.empty((*shape, channels), dtype)
    with np.errstate(over="ignore"):
        for place in np.ndindex(filled.shape):
            filled[place] = out[place[0]][place[1]][place[2]]
    return (filled[:, :, 0], out_valid[:, :, 0]) if flat else (filled, out_valid)
