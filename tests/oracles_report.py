"""A slow oracle of the shift report, `poolcli.shift/2`, as plain loops written from the design (section 5) alone.

It knows no layer: it is given pictures, what layers made of them, which values are valid, and where windows lie.
"""

import math
from itertools import product

import numpy as np

from tests import oracles_shift


def pair(image, valid, shift, edge):
    """(picture, its validity, moved picture, its validity) that are compared under `edge`."""
    dx, dy = shift
    if edge == "crop":
        height, width = image.shape[:2]
        rows, cols = slice(max(0, dy), height + min(0, dy)), slice(max(0, dx), width + min(0, dx))
        back = slice(max(0, -dy), height + min(0, -dy)), slice(max(0, -dx), width + min(0, -dx))
        return image[rows, cols], valid[rows, cols], image[back], valid[back]
    moved = oracles_shift.shift(image, dx, dy, edge)
    if edge == "zero":  # what comes in is a number like any other
        moved_valid = ~oracles_shift.shift(~valid, dx, dy, edge)
    else:
        moved_valid = oracles_shift.shift(valid, dx, dy, edge)
    return image, valid, moved, moved_valid


def peak_of(image, valid):
    """The peak of PSNR: what an integer dtype can hold, or the range of the finite values of floats."""
    if image.dtype.kind == "b":
        return 1.0
    if image.dtype.kind in "ui":
        info = np.iinfo(image.dtype)
        return float(int(info.max) - int(info.min))
    finite = [v for v, good in zip(image.ravel().tolist(), valid.ravel().tolist(), strict=True) if good and finite_(v)]
    return max(finite) - min(finite) if finite else 0.0


def finite_(value):
    """Whether a Python number is neither NaN nor infinite."""
    return isinstance(value, int) or math.isfinite(value)


def same(a, b):
    """Whether two numbers are one: NaN is NaN, infinity of one sign infinity."""
    return a == b or (a != a and b != b)  # noqa: PLR0124 (NaN)


def channels_of(array):
    """H x W x C, whatever the axes of `array`."""
    return array[:, :, np.newaxis] if array.ndim == 2 else array


def compared(a, b, cells, tolerance, labels):
    """Of pairs of cells of two (array, valid): (changed, [(channel, difference, value of a)] where it is finite)."""
    (first, good_first), (second, good_second) = ((channels_of(x), channels_of(v)) for x, v in (a, b))
    changed, found = 0, []
    for one, other in cells:
        differs = False
        for channel in range(first.shape[2]):
            x, y = first[*one, channel].item(), second[*other, channel].item()
            valid = bool(good_first[*one, channel]), bool(good_second[*other, channel])
            if valid[0] != valid[1]:
                differs = True
            elif all(valid):
                if finite_(x) and finite_(y):
                    gap = abs(x - y)
                    differs |= gap > 0 if labels else gap > tolerance
                    if finite_(gap):
                        found.append((channel, gap, x))
                else:
                    differs |= not same(x, y)
        changed += differs
    return changed, found


def spread_of(values):
    """The mean absolute deviation of [(channel, value)] from their channel's mean; None of none."""
    if not values:
        return None
    means = {}
    for channel in {channel for channel, _ in values}:
        there = [value for c, value in values if c == channel]
        means[channel] = math.fsum(there) / len(there)
    return math.fsum(abs(value - means[channel]) for channel, value in values) / len(values)


def side(a, b, *, tolerance, peak, labels=False, inside=None, cells=None):
    """One side: what differs between two (array, valid) of one shape.

    `inside`: the cells whose windows lie inside the picture, over which spread is taken; all of them where it is None
    or empty. `cells`: pairs of cells to compare, else each with itself.
    """
    size = a[0].shape[:2]
    everywhere = list(product(range(size[0]), range(size[1])))
    cells = [(cell, cell) for cell in everywhere] if cells is None else cells
    changed, found = compared(a, b, cells, tolerance, labels)
    record = {"pixels": len(cells), "changed": changed, "fraction": changed / len(cells)}
    gaps = [gap for _, gap, _ in found]
    record |= {"compared": len(gaps), **dict.fromkeys(("mae", "rmse", "max", "psnr", "spread"))}
    if labels:
        return record
    if gaps:
        record |= {"mae": math.fsum(gaps) / len(gaps), "rmse": root_mean_square(gaps), "max": float(max(gaps))}
        if record["rmse"] and peak:
            record["psnr"] = 20 * (math.log10(peak) - math.log10(record["rmse"]))
    where = set(inside or everywhere)
    array, valid = channels_of(a[0]), channels_of(a[1])
    places = [(row, col, c) for row, col in sorted(where) for c in range(array.shape[2]) if valid[row, col, c]]
    values = [(place[2], array[place].item()) for place in places]
    record["spread"] = spread_of([(channel, value) for channel, value in values if finite_(value)])
    return record


def root_mean_square(gaps):
    """Of finite gaps, whose squares may be no float64."""
    largest = max(gaps)
    return largest * math.sqrt(math.fsum((gap / largest) ** 2 for gap in gaps) / len(gaps)) if largest else 0.0


def spans(layers, n):
    """[(first, last) input position that an output sees] along an axis, without holding it inside the picture.

    `layers` are (k, s, padding before, padding after, dilation, how many of the k are looked at: 1 by stride), outputs
    counted as PyTorch does without ceil. Also the inputs from one output to the next, and whether the outputs go round
    as the picture does: where every layer has an output for every stride.
    """
    seen, first, jump, field, size, round_ = [(i, i) for i in range(n)], 0, 1, 1, n, True
    for k, s, before, after, d, viewed in layers:
        first, field, jump = first - before * jump, field + d * (viewed - 1) * jump, jump * s
        before_it, size = size, (size + before + after - d * (k - 1) - 1) // s + 1
        round_ &= before_it == size * s
        seen = [(first + i * jump, first + i * jump + field - 1) for i in range(size)]
    return seen, jump, round_


def inside(layers, n):
    """The outputs along an axis that see no padding of any layer; `layers` as in `spans`."""
    sound = [True] * n
    for k, s, before, after, d, viewed in layers:
        size = (len(sound) + before + after - d * (k - 1) - 1) // s + 1
        taps = [[i * s - before + t * d for t in range(viewed)] for i in range(size)]
        sound = [all(0 <= place < len(sound) and sound[place] for place in places) for places in taps]
    return [i for i, good in enumerate(sound) if good]


def alignments(still, moved, axes, shift, edge, *, tolerance, peak, labels=False):
    """The `aligned` sides, best first by their `rank`. `axes`: (layers, height), (layers, width) of the pictures."""
    found, lines = [], []
    for (layers, n), d in zip(axes, reversed(shift), strict=True):
        seen, jump, goes_round = spans(layers, n)
        low, high = (0, n) if edge == "crop" else (max(0, d), n + min(0, d))
        inside = [i for i, (a, b) in enumerate(seen) if a >= 0 and b < n]
        with_picture = [i for i, (a, b) in enumerate(seen) if a >= low and b < high]
        cyclic = edge == "wrap" and goes_round and len(inside) == len(seen)
        lines.append(
            {
                o: [(i, (i + o) % len(seen) if cyclic else i + o) for i in inside if cyclic or i + o in with_picture]
                for o in {math.floor(d / jump), math.ceil(d / jump)}
            }
        )
    for (dy, rows), (dx, cols) in product(lines[0].items(), lines[1].items()):
        cells = [((i, j), (y, x)) for i, y in rows for j, x in cols]
        if cells:
            inside = [one for one, _ in cells]
            record = side(still, moved, tolerance=tolerance, peak=peak, labels=labels, inside=inside, cells=cells)
            distance = abs(dx) + abs(dy)
            if labels:
                rank = record["changed"], distance
            else:
                rank = math.inf if record["mae"] is None else record["mae"], record["changed"], distance
            found.append(record | {"dx": dx, "dy": dy, "rank": rank})
    return sorted(found, key=lambda record: record["rank"])


def relative(record):
    """The change of a side relative to its own contrast; None where there is none."""
    return record["mae"] / record["spread"] if record["mae"] is not None and record["spread"] else None


def ratios(raw, dense, pooled, labels):
    """absorbed, gain and residual of a row."""
    absorbed = 1 - pooled["changed"] / raw["changed"] if raw["changed"] else None
    gain = raw["fraction"] / pooled["fraction"] if raw["changed"] and pooled["changed"] else None
    if labels:
        residual = pooled["fraction"] / raw["fraction"] if raw["changed"] else None
    else:
        before, after = relative(dense or raw), relative(pooled)
        residual = after / before if before and after is not None else None
    return {"absorbed": absorbed, "gain": gain, "residual": residual}


def summary(rows, labels):
    """Of rows with the sides raw, dense and pooled, and the ratios: sums over sums."""
    changed = [sum(row[name]["changed"] for row in rows) for name in ("raw", "pooled")]
    pixels = [sum(row[name]["pixels"] for row in rows) for name in ("raw", "pooled")]
    shares = [count / number for count, number in zip(changed, pixels, strict=True)]
    known = [row for row in rows if row["residual"] is not None]
    if labels:
        parts = [(row["pooled"]["fraction"], row["raw"]["fraction"]) for row in known]
    else:
        parts = [(relative(row["pooled"]), relative(row["dense"] or row["raw"])) for row in known]
    after, before = (math.fsum(column) for column in zip(*parts, strict=True)) if parts else (0.0, 0.0)
    return {
        "absorbed": 1 - changed[1] / changed[0] if changed[0] else None,
        "gain": shares[0] / shares[1] if all(changed) else None,
        "residual": after / before if before else None,
    }
