"""A slow oracle of the shift report, as plain loops over Python's numbers: move a picture, work out a row.

What layers make of a picture is poolcli's own (other oracles hold that); everything that is measured is worked out here
from the definitions of the record, cell by cell, with the pixels that each cell sees listed one by one.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

import poolcli
from poolcli.ops.ignored import as_ignored
from poolcli.recipe import as_recipe


@dataclass(frozen=True)
class Layer:
    """One layer on either axis: `reach` is how far its window begins before a cell's first pixel.

    `edge`: what lies beyond the border, for layers that have such a thing. `sees_first`: only the first value is seen.
    """

    text: str
    k: int = 1
    s: int = 1
    reach: int = 0
    d: int = 1
    edge: str | None = None
    sees_first: bool = False

    @property
    def strides(self):
        """Whether there are fewer outputs than inputs."""
        return self.s > 1


@dataclass(frozen=True)
class Cell:
    """What one output sees on one axis: pixels of the picture, and what lies beyond its border."""

    seen: frozenset
    beyond: bool = False  # anything at all that is no pixel of the picture at its place
    padded: bool = False  # padding or zeros, which are no values of the picture


def cells(layers, n, outs):
    """(a `Cell` for every output on an axis of n pixels, whether they go round with a picture that does).

    `outs` gives the number of outputs of every layer.
    """
    here, goes_round = [Cell(frozenset([i])) for i in range(n)], True
    for layer, out in zip(layers, outs, strict=True):
        there = []
        border = False
        for i in range(out):
            taps = [i * layer.s - layer.reach + t * layer.d for t in range(1 if layer.sees_first else layer.k)]
            inside = [here[t] for t in taps if 0 <= t < len(here)]
            over = len(inside) < len(taps)
            border |= over and layer.edge != "wrap"
            all_seen = frozenset().union(*(cell.seen for cell in inside))
            padded = any(cell.padded for cell in inside) or (over and layer.edge in (None, "zero"))
            there.append(Cell(all_seen, over or any(cell.beyond for cell in inside), padded))
        goes_round &= out * layer.s == len(here) and not border
        here = there
    return here, goes_round


def shift(image, dx, dy, edge):
    """Move the picture dx to the right and dy down; what is revealed follows the edge rule (design, section 5)."""
    height, width = image.shape[:2]
    out = np.zeros_like(image)
    for row in range(height):
        for col in range(width):
            y, x = row - dy, col - dx
            if edge == "wrap":
                out[row, col] = image[y % height, x % width]
            elif edge == "replicate":
                out[row, col] = image[min(max(y, 0), height - 1), min(max(x, 0), width - 1)]
            elif edge != "zero":
                raise ValueError(f"unknown edge {edge!r}")
            elif 0 <= y < height and 0 <= x < width:
                out[row, col] = image[y, x]
    return out


def pair(image, dx, dy, edge):
    """The still and the moved picture; under crop what both have."""
    if edge != "crop":
        return image, shift(image, dx, dy, edge)
    height, width = image.shape[:2]
    rows = [y for y in range(height) if 0 <= y - dy < height]
    cols = [x for x in range(width) if 0 <= x - dx < width]
    still = np.array([[image[y, x] for x in cols] for y in rows])
    moved = np.array([[image[y - dy, x - dx] for x in cols] for y in rows])
    return still, moved


def values(array, place):
    """The channels of one pixel, as Python's numbers."""
    return np.atleast_1d(array[place]).tolist()


def same(a, b):
    """Whether two numbers are one: NaN is NaN here."""
    return a == b or (math.isnan(a) and math.isnan(b))


def side(pairs, tolerance, peak, spread, *, labels=False):
    """A side from pairs of pixels: each is two lists of (value, valid) for every channel."""
    gaps, changed = [], 0
    for one, other in pairs:
        differs = False
        for (a, a_valid), (b, b_valid) in zip(one, other, strict=True):
            if a_valid != b_valid:
                differs = True
            elif a_valid:
                gap = abs(a - b) if math.isfinite(a) and math.isfinite(b) else math.nan
                differs |= not same(a, b) if math.isnan(gap) else gap > tolerance
                if math.isfinite(gap):
                    gaps.append(gap)
        changed += differs
    none = labels or not gaps
    largest = 0.0 if none else float(max(gaps))
    mean = None if none else float(sum(map(Fraction, gaps)) / len(gaps))  # exactly: equal ones are least together
    rmse = None if none else largest and largest * math.sqrt(math.fsum((g / largest) ** 2 for g in gaps) / len(gaps))
    return {
        "pixels": len(pairs),
        "changed": changed,
        "fraction": changed / len(pairs),
        "compared": len(gaps),
        "mae": mean,
        "rmse": rmse,
        "max": None if none else largest,
        "psnr": 20 * (math.log10(peak) - math.log10(rmse)) if rmse and peak else None,
        "spread": None if labels else spread,
    }


def deviation(array, valid, places):
    """The mean absolute deviation of the valid finite values from the mean of their channel."""
    channels = array.shape[2] if array.ndim == 3 else 1
    total, count = 0.0, 0
    for channel in range(channels):
        here = [
            value[channel]
            for place in places
            for value, there in [(values(array, place), np.broadcast_to(np.atleast_1d(valid[place]), channels))]
            if there[channel] and math.isfinite(value[channel])
        ]
        if here:
            mean = here[0] + math.fsum(value - here[0] for value in here) / len(here)
            total += math.fsum(abs(value - mean) for value in here)
            count += len(here)
    return total / count if count else None


def ratio(part, whole):
    """part / whole, or None."""
    return None if part is None or not whole else part / whole


def relative(figures, *, labels):
    """The change of a side relative to its contrast; of labels the share of changed pixels."""
    return figures["fraction"] if labels else ratio(figures["mae"], figures["spread"])


def row(image, layers, move, edge, *, tolerance=0, labels=False, ignore=None):
    """The whole row of one shift (dx, dy), as the JSON form has it, for a picture that no layer makes larger."""
    dx, dy = move
    text = " ".join(layer.text for layer in layers)
    first = next((i for i, layer in enumerate(layers) if layer.strides), 0)
    before = list(layers[:first])
    if layers[first].strides and layers[first].text.startswith("conv:"):
        name = layers[first].text.partition("/")[0]
        before.append(Layer(name, layers[first].k, 1, layers[first].reach, edge=layers[first].edge))
    still, moved = pair(image, dx, dy, edge)
    ignored = as_ignored(ignore)

    def run(recipe, picture):
        everywhere = np.ones(picture.shape, bool)
        if not recipe:
            hits = [np.equal(picture, value) for value in (ignored.values if ignored else ())]
            return picture, everywhere & ~np.any([~everywhere, *hits], axis=0)
        output, valid = as_recipe(" ".join(layer.text for layer in recipe)).run(picture, ignored=ignored)
        return output, np.ones(output.shape, bool) if valid is None else valid

    def counts(recipe, picture):
        shapes, at = [], picture
        for number in range(len(recipe)):
            at = run(recipe[: number + 1], picture)[0]
            shapes.append(at.shape)
        return [shape[0] for shape in shapes], [shape[1] for shape in shapes]

    everything = run([], still)
    peak = full_range(everything[0], everything[1])
    sides, looks = {}, {}
    for name, recipe in (("raw", []), ("dense", before), ("pooled", list(layers))):
        if name == "dense" and not recipe:
            sides[name] = None
            continue
        (a, a_valid), (b, b_valid) = run(recipe, still), run(recipe, moved)
        down, across = counts(recipe, still)
        (rows, down_round), (cols, across_round) = (
            cells(recipe, still.shape[0], down),
            cells(recipe, still.shape[1], across),
        )
        looks[name] = (a, a_valid, b, b_valid, rows, cols)
        goes_round = [edge == "wrap" and round_ for round_ in (down_round, across_round)]
        everything = [(y, x) for y in range(len(rows)) for x in range(len(cols))]
        inside = [(y, x) for y, x in everything if not rows[y].padded and not cols[x].padded]
        spread = deviation(a, a_valid, inside or everything)
        sides[name] = side([both(looks[name], at, at) for at in everything], tolerance, peak, spread, labels=labels)
    start = "raw" if labels or sides["dense"] is None else "dense"
    raw, pooled = sides["raw"], sides["pooled"]
    pooled_ratio, before_ratio = relative(pooled, labels=labels), relative(sides[start], labels=labels)
    return {
        **sides,
        "aligned": aligned(looks, start, layers, (dx, dy), edge, tolerance, peak, goes_round, labels=labels),
        "absorbed": 1 - pooled["changed"] / raw["changed"] if raw["changed"] else None,
        "gain": ratio(raw["fraction"], pooled["fraction"]) if raw["changed"] else None,
        "residual": ratio(pooled_ratio, before_ratio),
        "text": text,
    }


def both(look, at, there):
    """The channels of a still cell and of a moved one, each (value, valid)."""
    a, a_valid, b, b_valid, _, _ = look
    return channels(a, a_valid, at), channels(b, b_valid, there)


def channels(array, valid, place):
    """(value, valid) of every channel of a pixel."""
    here = values(array, place)
    return list(zip(here, np.broadcast_to(np.atleast_1d(valid[place]), len(here)).tolist(), strict=True))


def aligned(looks, start, layers, move, edge, tolerance, peak, goes_round, *, labels):
    """The least change over the output shifts that a move can have caused, where neither side sees a border."""
    jump = math.prod(layer.s for layer in layers)
    a, a_valid, _, _, rows, cols = looks["pooled"]
    sizes = looks["raw"][0].shape[:2]
    found = []
    shifts = [sorted({math.floor(d / jump), math.ceil(d / jump)}) for d in move]
    for oy in shifts[1]:
        for ox in shifts[0]:
            places = [
                ((y, x), there)
                for y in range(len(rows))
                for x in range(len(cols))
                if (there := counterpart(y, x, oy, ox, rows, cols, move, edge, sizes, goes_round))
            ]
            if places:
                spread = deviation(a, a_valid, [at for at, _ in places])
                pairs = [both(looks["pooled"], at, there) for at, there in places]
                figures = side(pairs, tolerance, peak, spread, labels=labels)
                found.append({**figures, "dx": ox, "dy": oy})
    if not found:
        return None
    least = "changed" if labels else "mae"
    best = min(
        found,
        key=lambda each: (
            math.inf if each[least] is None else each[least],
            each["changed"],
            each["dx"] ** 2 + each["dy"] ** 2,
        ),
    )
    a, a_valid, _, _, rows, cols = looks[start]
    inner = [
        (y, x)
        for y in range(len(rows))
        for x in range(len(cols))
        if counterpart(y, x, 0, 0, rows, cols, move, edge, sizes, goes_round)
    ]
    before = None
    if inner:
        pairs = [both(looks[start], at, at) for at in inner]
        before = relative(side(pairs, tolerance, peak, deviation(a, a_valid, inner), labels=labels), labels=labels)
    return {**best, "residual": ratio(relative(best, labels=labels), before)}


def counterpart(y, x, oy, ox, rows, cols, move, edge, sizes, goes_round):
    """Where the moved cell of a still one lies, if both see nothing but what is there in their picture; else None."""
    place = []
    for i, o, axis, d, n, round_ in zip((y, x), (oy, ox), (rows, cols), reversed(move), sizes, goes_round, strict=True):
        if round_:
            place.append((i + o) % len(axis))
            continue
        low, high = (0, n) if edge == "crop" else (max(0, d), n + min(0, d))
        if not 0 <= i + o < len(axis) or axis[i].beyond or axis[i + o].beyond:
            return None
        if min(axis[i + o].seen) < low or max(axis[i + o].seen) >= high:
            return None
        place.append(i + o)
    return tuple(place)


def full_range(image, valid):
    """What PSNR is relative to: of floats the range of the valid ones."""
    if image.dtype.kind == "b":
        return 1
    if image.dtype.kind == "f":
        finite = [
            v for v, there in zip(image.ravel().tolist(), valid.ravel(), strict=True) if there and math.isfinite(v)
        ]
        return max(finite) - min(finite) if finite else 0
    return int(np.iinfo(image.dtype).max) - int(np.iinfo(image.dtype).min)


def report_row(image, layers, move, edge, **options):
    """The row that poolcli gives, in its JSON form."""
    text = " ".join(layer.text for layer in layers)
    with np.errstate(all="ignore"):
        return poolcli.shift_report(text, image, [move], edge=edge, **options).to_dict()["shifts"][0]
