"""Slow oracles: every pooling as plain loops, written from its definition and knowing nothing of poolcli.

Arrays are H x W or H x W x C, channels are handled one after another; k, s, dilation and size are (h, w), padding is
(top, bottom, left, right). Integers stay Python integers, floats are Python floats (float64) until the final cast.
"""

import math
from collections import Counter
from fractions import Fraction

import numpy as np


def out_size(n, k, s, before, after, d, ceil):
    """Windows along one axis (PyTorch, MaxPool2d "Shape" and pooling_output_shape)."""
    room = n + before + after - d * (k - 1) - 1
    if not ceil:
        return room // s + 1
    size = -(-room // s) + 1
    if (size - 1) * s >= n + before:  # the last window must start inside the input or the leading padding
        size -= 1
    return size


def out_shape(shape, k, s, padding, dilation, ceil):
    """Both axes of out_size; a window that does not fit is an error."""
    top, bottom, left, right = padding
    rows = out_size(shape[0], k[0], s[0], top, bottom, dilation[0], ceil)
    cols = out_size(shape[1], k[1], s[1], left, right, dilation[1], ceil)
    if rows < 1 or cols < 1:
        raise ValueError(f"window {k} with dilation {dilation} does not fit {shape} with padding {padding}")
    return rows, cols


def taps_at(index, k, s, before, d):
    """The k positions window number `index` looks at along one axis; those outside 0..n-1 are not in the picture."""
    return [index * s - before + i * d for i in range(k)]


def windows(image, k, s, padding, dilation, ceil):
    """Yield (row, col, values truly in the window, taps in picture or padding) for one H x W plane."""
    height, width = image.shape
    top, bottom, left, right = padding
    plane = image.tolist()
    rows, cols = out_shape(image.shape, k, s, padding, dilation, ceil)
    for row in range(rows):
        for col in range(cols):
            values, counted = [], 0
            for y in taps_at(row, k[0], s[0], top, dilation[0]):
                for x in taps_at(col, k[1], s[1], left, dilation[1]):
                    if y < height + bottom and x < width + right:
                        counted += 1
                    if 0 <= y < height and 0 <= x < width:
                        values.append(plane[y][x])
            yield row, col, values, counted


def per_channel(image, function):
    """Apply a function of one H x W plane to every channel."""
    if image.ndim == 2:
        return function(image)
    return np.stack([function(image[:, :, c]) for c in range(image.shape[2])], axis=2)


def is_float(dtype):
    """Floats are averaged as they are, everything else is rounded half up."""
    return np.issubdtype(dtype, np.floating)


def limits(dtype):
    """Lowest and highest value of a dtype: infinities for floats."""
    if is_float(dtype):
        return -math.inf, math.inf
    if dtype == np.bool_:
        return 0, 1
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def undefined(dtype):
    """What stands for "no value": NaN, or 0 where there is no NaN."""
    return math.nan if is_float(dtype) else 0


def total(values):
    """Exactly rounded sum of floats; infinities and overflow follow IEEE instead of raising."""
    values = list(values)
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return sum(values)


def rounded(value, dtype):
    """Round half up and clip to an integer dtype."""
    low, high = limits(dtype)
    half = Fraction(1, 2) if isinstance(value, Fraction) else 0.5
    return min(max(math.floor(value + half), low), high)


def largest(values, dtype):
    """Maximum, NaN wins (PyTorch max_pool2d: padding is minus infinity)."""
    best = limits(dtype)[0]
    for value in values:
        if value > best or math.isnan(value):
            best = value
    return best


def smallest(values, dtype):
    """Minimum, NaN wins (max pooling of the negated picture)."""
    best = limits(dtype)[1]
    for value in values:
        if value < best or math.isnan(value):
            best = value
    return best


def mean(values, dtype, divisor):
    """Sum over divisor (PyTorch avg_pool2d); integers rounded half up, exactly."""
    if divisor == 0:
        return undefined(dtype)
    if is_float(dtype):
        return total(values) / divisor
    return (2 * sum(values) + divisor) // (2 * divisor)


def middle(values, dtype):
    """Middle value, or the mean of the middle two (numpy.median); integers rounded half up."""
    if not values or any(math.isnan(value) for value in values):
        return undefined(dtype)
    ordered = sorted(values)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    a, b = ordered[half - 1], ordered[half]
    return (a + b) / 2 if is_float(dtype) else (2 * (a + b) + 2) // 4


def power_mean(values, dtype, p):
    """(sum |x|^p)^(1/p) (ONNX LpPool); 0 for no value; raises OverflowError where |x|^p leaves float64."""
    norm = total(float(abs(value)) ** p for value in values) ** (1 / p)
    return norm if is_float(dtype) else rounded(norm, dtype)


def commonest(values, dtype):
    """Most frequent value, ties to the smallest; all NaN count as one value above every number (numpy.unique)."""
    best, most = undefined(dtype), 0
    for candidate in sorted({value for value in values if not math.isnan(value)}):
        count = values.count(candidate)
        if count > most:
            best, most = candidate, count
    nans = sum(math.isnan(value) for value in values)
    return math.nan if nans > most else best


def softened(values, dtype):
    """sum(exp(x) x) / sum(exp(x)) (SoftPool, Stergiou et al. 2021); integers on the scale x / dtype maximum."""
    if not values:
        return undefined(dtype)
    top = max(values)
    if is_float(dtype):
        weights = [math.exp(x - top) for x in values]
        return total(w * x for w, x in zip(weights, values, strict=True)) / total(weights)
    below = [top - value for value in values]  # exact, whatever the bits
    weights = [Fraction(math.exp(-step / limits(dtype)[1])) for step in below]
    result = top - sum(w * step for w, step in zip(weights, below, strict=True)) / sum(weights)
    return rounded(result, dtype)


def reduce_window(values, counted, dtype, *, mode, count_include_pad=True, p=2.0):
    """One window to one value."""
    table = {
        "max": lambda: largest(values, dtype),
        "min": lambda: smallest(values, dtype),
        "avg": lambda: mean(values, dtype, counted if count_include_pad else len(values)),
        "median": lambda: middle(values, dtype),
        "lp": lambda: power_mean(values, dtype, p),
        "majority": lambda: commonest(values, dtype),
        "soft": lambda: softened(values, dtype),
        "stride": lambda: values[0],
        "center": lambda: values[0],
    }
    return table[mode]()


def filled(cells, shape, dtype):
    """An array from (row, col, value) triples; an integer that does not fit its dtype raises."""
    out = np.empty(shape, dtype)
    with np.errstate(over="ignore"):  # a float64 result beyond float32 is infinity
        for row, col, value in cells:
            out[row, col] = value
    return out


def pool(image, k, s, *, mode, padding=(0, 0, 0, 0), dilation=(1, 1), ceil_mode=False, count_include_pad=True, p=2.0):
    """Windowed pooling (PyTorch geometry, one reduction a mode)."""
    if mode == "stride" and any(padding):
        raise ValueError("stride takes the first pixel of every window: padding has none")
    if mode == "majority" and image.ndim == 3:
        geometry = {"k": k, "s": s, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
        return majority(image, geometry, stand_in=undefined(image.dtype))[0]

    def plane(channel):
        cells = (
            (row, col, reduce_window(v, n, image.dtype, mode=mode, count_include_pad=count_include_pad, p=p))
            for row, col, v, n in windows(channel, k, s, padding, dilation, ceil_mode)
        )
        return filled(cells, out_shape(channel.shape, k, s, padding, dilation, ceil_mode), image.dtype)

    return per_channel(image, plane)


def max_indices(image, k, s, *, padding=(0, 0, 0, 0), dilation=(1, 1), ceil_mode=False):
    """Flat index row*W+col of the first maximum, or of the last NaN (torch.nn.MaxPool2d(return_indices=True)).

    A window with no value gets torch's starting index: its first non-negative row and column, perhaps no pixel at all.
    """
    height, width = image.shape[:2]
    shape = out_shape((height, width), k, s, padding, dilation, ceil_mode)

    def position(values, row, col):
        ys = [y for y in taps_at(row, k[0], s[0], padding[0], dilation[0]) if y >= 0]
        xs = [x for x in taps_at(col, k[1], s[1], padding[2], dilation[1]) if x >= 0]
        index, best = None, None
        for y in ys:
            for x in xs:
                if y < height and x < width:
                    value = values[y][x]
                    if index is None or value > best or math.isnan(value):
                        index, best = y * width + x, value
        return ys[0] * width + xs[0] if index is None else index

    def plane(channel):
        values = channel.tolist()
        cells = ((r, c, position(values, r, c)) for r in range(shape[0]) for c in range(shape[1]))
        return filled(cells, shape, np.int64)

    return per_channel(image, plane)


def adaptive(image, size, *, mode, p=2.0):
    """Windows floor(i*n/out) up to ceil((i+1)*n/out) (PyTorch AdaptiveMaxPool2d, AdaptiveAvgPool2d)."""

    if mode == "majority" and image.ndim == 3:
        return majority(image, {"size": size})[0]

    def span(i, n, out):
        return range(i * n // out, -(-(i + 1) * n // out))

    def plane(channel):
        height, width = channel.shape
        values = channel.tolist()
        cells = []
        for row in range(size[0]):
            for col in range(size[1]):
                window = [values[y][x] for y in span(row, height, size[0]) for x in span(col, width, size[1])]
                cells.append((row, col, reduce_window(window, len(window), image.dtype, mode=mode, p=p)))
        return filled(cells, size, image.dtype)

    return per_channel(image, plane)


def border(i, n, edge):
    """Where position i of an axis of n pixels is read from (numpy.pad); None: nowhere, a zero or a number is there."""
    if 0 <= i < n:
        return i
    if edge == "zero" or not isinstance(edge, str):
        return None
    if edge == "replicate":
        return 0 if i < 0 else n - 1
    if edge == "wrap":
        return i % n
    if edge == "symmetric":  # the border pixel is repeated
        while not 0 <= i < n:
            i = -1 - i if i < 0 else 2 * n - 1 - i
        return i
    if edge != "reflect":
        raise ValueError(f"unknown edge {edge!r}")
    while n > 1 and not 0 <= i < n:  # bounce until inside, the border pixel is not repeated
        i = -i if i < 0 else 2 * (n - 1) - i
    return i if n > 1 else 0


def pixel(values, y, x, edge):
    """The value at (y, x) of a list of rows, by the edge rule outside."""
    row, col = border(y, len(values), edge), border(x, len(values[0]), edge)
    if row is None or col is None:
        return 0 if edge == "zero" else edge
    return values[row][col]


def correlated(values, kernel, row, col, edge):
    """The products of a kernel laid at (row, col): (k-1)//2 before, the rest after."""
    up, back = (len(kernel) - 1) // 2, (len(kernel[0]) - 1) // 2
    return [
        weight * pixel(values, row + i - up, col + j - back, edge)
        for i, line in enumerate(kernel)
        for j, weight in enumerate(line)
    ]


def convolve(image, kernel, *, stride=(1, 1), edge="reflect"):
    """'Same' cross-correlation in float64, every stride-th value from the first (what CNNs call convolution)."""
    weights = np.asarray(kernel).tolist()

    def plane(channel):
        rows, cols = range(0, channel.shape[0], stride[0]), range(0, channel.shape[1], stride[1])
        values = channel.astype(np.float64).tolist()
        return np.array([[total(correlated(values, weights, y, x, edge)) for x in cols] for y in rows], np.float64)

    return per_channel(image, plane)


def blur(image, s, *, taps, edge="reflect"):
    """Binomial low-pass, then every s-th value from the first (BlurPool, Zhang 2019)."""
    line = [math.comb(taps - 1, i) for i in range(taps)]
    weights = [[a * b for b in line] for a in line]
    n = 4 ** (taps - 1)

    def plane(channel):
        values = channel.tolist()
        cells = [
            (row, col, mean(correlated(values, weights, y, x, edge), image.dtype, n))
            for row, y in enumerate(range(0, channel.shape[0], s[0]))
            for col, x in enumerate(range(0, channel.shape[1], s[1]))
        ]
        return filled(cells, (-(-channel.shape[0] // s[0]), -(-channel.shape[1] // s[1])), image.dtype)

    return per_channel(image, plane)


def maxblur(image, k, s, *, taps, padding=(0, 0, 0, 0), dilation=(1, 1), edge="reflect"):
    """Dense max, then blur (MaxBlurPool, Zhang 2019)."""
    return blur(pool(image, k, (1, 1), mode="max", padding=padding, dilation=dilation), s, taps=taps, edge=edge)


def extended(image, s, edge):
    """The picture continued at the bottom and right by the edge rule, to whole multiples of the stride."""

    def plane(channel):
        values = channel.tolist()
        rows, cols = -(-channel.shape[0] // s[0]) * s[0], -(-channel.shape[1] // s[1]) * s[1]
        cells = ((y, x, pixel(values, y, x, edge)) for y in range(rows) for x in range(cols))
        return filled(cells, (rows, cols), image.dtype)

    return per_channel(image, plane)


def aps(image, s, *, taps, edge="wrap"):
    """Of the low-passed polyphase components the one with the largest l2 norm (Chaman & Dokmanic 2021)."""
    low = extended(blur(image, (1, 1), taps=taps, edge=edge), s, edge)
    best, most = None, None
    for j in range(s[1]):
        for i in range(s[0]):  # the row offset runs first: (0,0), (1,0), (0,1), (1,1)
            component = low[i :: s[0], j :: s[1]]
            squares = [value * value for value in component.ravel().tolist()]
            energy = total(squares) if is_float(image.dtype) else sum(squares)
            if most is None or energy > most:
                best, most = component, energy
    return best


def maxaps(image, k, s, *, taps, padding=(0, 0, 0, 0), dilation=(1, 1), edge="wrap"):
    """Dense max, then aps (Chaman & Dokmanic 2021)."""
    return aps(pool(image, k, (1, 1), mode="max", padding=padding, dilation=dilation), s, taps=taps, edge=edge)


def equals_ignored(value, ignored):
    """Whether a Python number is an ignored one; NaN is NaN."""
    return value == ignored or (math.isnan(value) and math.isnan(ignored))


def spans(geometry, height, width):
    """For rows and columns: (out, function of an output to the range of its taps, the picture's size, padding after).

    `geometry` is {"size": (h, w)} for adaptive windows, else k, s, padding, dilation, ceil_mode.
    """
    found = []
    for axis, n in enumerate((height, width)):
        if "size" in geometry:
            out = geometry["size"][axis]
            found.append((out, lambda i, n=n, out=out: range(i * n // out, -(-(i + 1) * n // out)), n, 0))
            continue
        k, s, d = (geometry.get(name, (1, 1))[axis] for name in ("k", "s", "dilation"))
        before, after = geometry.get("padding", (0, 0, 0, 0))[2 * axis : 2 * axis + 2]
        out = out_size(n, k, s, before, after, d, geometry.get("ceil_mode", False))
        found.append((out, lambda i, k=k, s=s, b=before, d=d: range(i * s - b, i * s - b + k * d, d), n, after))
    if found[0][0] < 1 or found[1][0] < 1:
        raise ValueError("no window fits")
    return found


def held(taps, n):
    """The taps (a range) that lie on an axis of n values."""
    return [i for i in (taps if len(taps) <= n else range(n)) if 0 <= i < n and i in taps]


def pool_without(image, valid, geometry, *, mode, min_valid=0.0, stand_in=0, **options):
    """Pooling of the valid values of every window; (result, where it is valid). `valid` has the shape of `image`.

    An output is valid if its window holds a valid value, and `min_valid` of the picture's values in it are; others are
    `stand_in` (a number, or one a channel).
    """
    pixels, mask = np.atleast_3d(image), np.atleast_3d(valid)
    (rows, down, height, below), (cols, across, width, beside) = spans(geometry, *pixels.shape[:2])
    out = np.empty((rows, cols, pixels.shape[2]), image.dtype)
    enough = np.ones(out.shape, bool)
    for channel in range(pixels.shape[2]):
        values, there = pixels[:, :, channel].tolist(), mask[:, :, channel].tolist()
        for row, col in np.ndindex(rows, cols):
            ys, xs = down(row), across(col)
            inside = [(y, x) for y in held(ys, height) for x in held(xs, width)]
            taps = len(range(ys.start, min(ys.stop, height + below), ys.step)) * len(
                range(xs.start, min(xs.stop, width + beside), xs.step)
            )
            if mode == "stride":
                inside = inside[:1]
            if mode == "center":
                inside = [(ys[len(ys) // 2], xs[len(xs) // 2])]
            kept = [values[y][x] for y, x in inside if there[y][x]]
            counted = taps - len(inside) + len(kept)
            if not kept or len(kept) / len(inside) < min_valid:
                enough[row, col, channel] = False
                out[row, col, channel] = stand_in if np.ndim(stand_in) == 0 else stand_in[channel]
            else:
                with np.errstate(over="ignore"):
                    out[row, col, channel] = reduce_window(kept, counted, image.dtype, mode=mode, **options)
    return out.reshape(out.shape[: image.ndim]), enough.reshape(out.shape[: image.ndim])


def key(pixel):
    """A pixel as something that orders as pixels do: channel by channel, NaN above every number."""
    return tuple((math.isnan(value), 0 if math.isnan(value) else value) for value in pixel)


def winner(pixels, *, ties="smallest", alpha=False):
    """The most frequent of some pixels (tuples, in row order), and of one at least.

    With `alpha` those of alpha 0 count as one, which is the smallest of them.
    """
    clear = min((key(pixel) for pixel in pixels if alpha and pixel[-1] == 0), default=None)
    votes = [clear if alpha and pixel[-1] == 0 else key(pixel) for pixel in pixels]
    counts = Counter(votes)
    most = max(counts.values())
    best = [label for label in counts if counts[label] == most]
    label = {"smallest": min, "largest": max, "first": lambda labels: min(labels, key=votes.index)}[ties](best)
    return tuple(math.nan if is_nan else value for is_nan, value in label)


def majority(image, geometry, *, valid=None, ties="smallest", alpha=False, min_valid=0.0, stand_in=0):
    """A vote of whole pixels; `valid` is H x W. (result, where it is valid), both as `pool_without`.

    Where no pixel is valid and `alpha` says that the last channel is, that channel is voted on by all pixels.
    """
    pixels = np.atleast_3d(image)
    (rows, down, height, _), (cols, across, width, _) = spans(geometry, *pixels.shape[:2])
    values = [[tuple(pixel) for pixel in row] for row in pixels.tolist()]
    out = np.empty((rows, cols, pixels.shape[2]), image.dtype)
    enough = np.ones((rows, cols), bool)
    for row, col in np.ndindex(rows, cols):
        inside = [(y, x) for y in held(down(row), height) for x in held(across(col), width)]
        kept = [values[y][x] for y, x in inside if valid is None or valid[y, x]]
        if kept:
            out[row, col] = winner(kept, ties=ties, alpha=alpha)
        if not kept or len(kept) / len(inside) < min_valid:
            enough[row, col] = False
            seen = [values[y][x] for y, x in inside]
            colours = pixels.shape[2] - alpha
            if alpha and not kept and seen:
                out[row, col, -1] = winner([(pixel[-1],) for pixel in seen], ties=ties)[0]
            out[row, col, :colours] = stand_in if np.ndim(stand_in) == 0 else stand_in[:colours]
    return out.reshape(out.shape[: image.ndim]), enough
