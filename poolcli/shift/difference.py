"""How much two evaluations of the same layers differ: sums over bands of rows, then the row of a shift report.

Knows no layer, only arrays and where outputs lie. Measured on one thread, in bands that stay in the cache: the steps
are so short that two threads spend twice the time, on waiting for each other.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import floor, hypot, inf, isfinite, log10, sqrt
from typing import Any, Generic, NamedTuple, Self, TypeVar

import numpy as np

from poolcli.ops.arrays import Array, full_range
from poolcli.ops.geometry import Footprint
from poolcli.ops.reduce import finite_range
from poolcli.records import dataclass
from poolcli.shift.record import Aligned, Shift, ShiftRow, Side

BAND_VALUES = 1 << 17
FEW_BYTES = 256  # whose sum 16 bits hold, and that of their squares 32 bits
FEW = 8  # channels
# Filtered bytes are multiples of a power of two: float32 holds sums of SUMMED such values of up to LARGEST_FIXED.
PER_ONE, LARGEST_FIXED, SUMMED = 1 << 8, 1 << 12, 16
INT16 = (1 << 15) - 1
FEW_VALUES = 512  # in a row: to have more rows in one call costs less than to sum in float64
SAFE = 1e-140, 1e140  # sizes of differences whose squares neither vanish nor overflow, nor do sums of them

Footprints = tuple[Footprint, Footprint]  # what outputs see, in rows and in columns


class Rectangle(NamedTuple):
    """Rows `top` ... `bottom` - 1 and columns `left` ... `right` - 1 of a picture."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def whole(cls, shape: tuple[int, ...]) -> Self:
        """All of an array of this shape."""
        return cls(0, shape[0], 0, shape[1])

    @property
    def rows(self) -> slice:
        """Its rows."""
        return slice(self.top, self.bottom)

    @property
    def columns(self) -> slice:
        """Its columns."""
        return slice(self.left, self.right)

    @property
    def area(self) -> int:
        """How many pixels it has."""
        return max(0, self.bottom - self.top) * max(0, self.right - self.left)

    def around(self, inner: "Rectangle") -> "list[Rectangle]":
        """What of it lies around `inner`: above, below, to the left and to the right, if anything does.

        >>> Rectangle(0, 4, 0, 4).around(Rectangle(0, 4, 0, 3))
        [Rectangle(top=0, bottom=4, left=3, right=4)]
        """
        pieces = [
            Rectangle(self.top, inner.top, self.left, self.right),
            Rectangle(inner.bottom, self.bottom, self.left, self.right),
            Rectangle(inner.top, inner.bottom, self.left, inner.left),
            Rectangle(inner.top, inner.bottom, inner.right, self.right),
        ]
        return [piece for piece in pieces if piece.area]


class Piece(NamedTuple):
    """Some rows of an array from row `first` on, and where they are valid (None: everywhere)."""

    first: int
    values: Array
    valid: Array | None = None

    @property
    def last(self) -> int:
        """The row after the last."""
        return self.first + len(self.values)

    def part(self, rows: slice, columns: slice = slice(None)) -> "Piece":
        """Those of its rows that are among `rows` of the whole array."""
        cut = slice(max(rows.start - self.first, 0), max(rows.stop - self.first, 0)), columns
        valid = None if self.valid is None else self.valid[cut]
        return Piece(max(rows.start, self.first), self.values[cut], valid)


T = TypeVar("T")


class Sides(NamedTuple, Generic[T]):
    """The picture, the features before the first down-sampling (None: the picture's own values), and the output."""

    picture: T
    features: T | None
    output: T


Band = Sides[Piece]  # rows of a picture with the features and outputs that stand on them


def like(whole: Band, band: Band) -> Band:
    """The rows of each side of `whole` that `band` has."""
    picture, features, output = (
        side and rows and side.part(slice(rows.first, rows.last)) for side, rows in zip(whole, band, strict=True)
    )
    assert picture
    assert output
    return Sides(picture, features, output)


# Sums of differences


@dataclass(frozen=True, slots=True)
class Sums:
    """What is summed up of a part of two arrays; sums of parts are the sum of the whole.

    `total`, `squares` and `largest` are of the finite differences. `extreme` holds (scale, total, squares) of those
    that are so large or so small that they were divided by `scale` first.
    """

    pixels: int = 0
    changed: int = 0
    compared: int = 0
    total: float = 0.0
    squares: float = 0.0
    largest: float = 0.0
    extreme: tuple[tuple[float, float, float], ...] = ()

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.pixels + other.pixels,
            self.changed + other.changed,
            self.compared + other.compared,
            self.total + other.total,
            self.squares + other.squares,
            max(self.largest, other.largest),
            self.extreme + other.extreme,
        )

    @property
    def mae(self) -> float | None:
        """The mean of the differences; None where nothing could be compared."""
        if not self.compared:
            return None
        extreme = sum(scale * (total / self.compared) for scale, total, _ in self.extreme)
        return min(self.total / self.compared + extreme, self.largest)

    @property
    def rmse(self) -> float | None:
        """The root of the mean of their squares."""
        if not self.compared:
            return None
        if not self.extreme:
            return sqrt(self.squares / self.compared)
        parts = [sqrt(self.squares / self.compared)]
        parts += (scale * sqrt(squares / self.compared) for scale, _, squares in self.extreme)
        return min(hypot(*parts), self.largest)

    def side(self, peak: float, spread: float | None, *, labels: bool) -> Side:
        """The record of these sums: of `labels` the counts alone."""
        fraction = self.changed / self.pixels
        if labels or not self.compared:
            return Side(self.pixels, self.changed, fraction, self.compared, None, None, None, None, spread)
        rmse = self.rmse
        psnr = 20 * (log10(peak) - log10(rmse)) if rmse and peak and isfinite(peak) else None
        return Side(self.pixels, self.changed, fraction, self.compared, self.mae, rmse, self.largest, psnr, spread)


def differ(
    still: Piece, moved: Piece, tolerance: float, *, whole: bool = False, band_values: int = BAND_VALUES
) -> Sums:
    """How much two arrays of one shape (H x W or H x W x C) differ, in bands that stay in the cache.

    `whole`: floats are known to be whole numbers of at most LARGEST_FIXED. NaN against NaN and infinity against itself
    have not changed, and cannot be compared. What is valid on one side only has changed, and has no difference.

    >>> still, moved = (Piece(0, np.array([values], np.uint8)) for values in ([1, 2], [1, 5]))
    >>> differ(still, moved, 0).mae
    1.5
    """
    a, b = still.values, moved.values
    if a.size == 0:
        return Sums()
    step = max(1, band_values * len(a) // a.size)
    sums = Sums()
    for low in range(0, len(a), step):
        rows = slice(low, low + step)
        gaps = gaps_of(a[rows], b[rows], whole=whole)
        over = _over(gaps, tolerance)
        if still.valid is not None or moved.valid is not None:
            one_sided, both = _validity(still.valid, moved.valid, rows, gaps.shape)
            over = over & both | one_sided
            gaps = np.where(both, gaps, np.nan)
        sums += _summed(gaps, over)
    return sums


def visible(labels: Piece) -> Piece:
    """Labels with an alpha channel, without the colours of what is transparent: all of that is one label."""
    return labels._replace(values=np.where(labels.values[..., -1:] == 0, 0, labels.values))


def _validity(one: Array | None, other: Array | None, rows: slice, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Where values are valid on one side only, and where on both."""
    first = np.ones(shape, np.bool_) if one is None else np.broadcast_to(one[rows], shape)
    second = np.ones(shape, np.bool_) if other is None else np.broadcast_to(other[rows], shape)
    return first ^ second, first & second


def _summed(gaps: Array, over: Array) -> Sums:
    """The sums of one band, of which the values `over` have changed."""
    pixels, changed = gaps.shape[0] * gaps.shape[1], _count_pixels(over)
    if gaps.dtype == np.uint8:
        return Sums(pixels, changed, gaps.size, *_byte_figures(gaps))
    largest = float(gaps.max(initial=0))
    finite = gaps.ravel().astype(np.float64, copy=False)
    if not isfinite(largest):
        finite = finite[np.isfinite(finite)]
        largest = float(finite.max(initial=0))
    if largest and not SAFE[0] <= largest <= SAFE[1]:
        finite = finite / largest
        scaled = largest, float(finite.sum()), float(np.einsum("i,i->", finite, finite))
        return Sums(pixels, changed, finite.size, largest=largest, extreme=(scaled,))
    return Sums(pixels, changed, finite.size, float(finite.sum()), float(np.einsum("i,i->", finite, finite)), largest)


def gaps_of(a: Array, b: Array, *, whole: bool = False) -> Array:
    """The size of every difference; of integers and `whole` numbers in an unsigned type that holds them all.

    Infinite where one value is not finite or floats hold no such difference, NaN where the same is on both sides.
    """
    if a.dtype.kind == "b":
        return (a ^ b).view(np.uint8)
    if a.dtype.kind in "ui":
        unsigned = np.dtype(f"u{a.dtype.itemsize}")
        gaps: Array = np.maximum(a, b).view(unsigned) - np.minimum(a, b).view(unsigned)
        return gaps
    if whole and a.dtype == np.float32:
        whole_gaps: Array = np.abs(a - b).astype(np.uint16)  # a third of the time of float64
        return whole_gaps
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.subtract(a.astype(np.float64, copy=False), b)
    np.abs(distance, out=distance)
    if isfinite(distance.max(initial=0)):
        return distance
    same = (a == b) & np.isinf(a) | (np.isnan(a) & np.isnan(b))
    return np.where(same, np.nan, np.where(np.isnan(distance), np.inf, distance))


def _byte_figures(gaps: Array) -> tuple[float, float, float]:
    """Sum, sum of squares and maximum of bytes, in the narrowest integers, a few bytes at a time."""
    whole = gaps.size // FEW_BYTES * FEW_BYTES
    line, total, squares = gaps.reshape(-1), 0, 0
    for rows in filter(np.size, (line[:whole].reshape(-1, FEW_BYTES), line[np.newaxis, whole:])):
        total += int(np.add.reduce(rows, axis=1, dtype=np.uint16).sum(dtype=np.int64))
        squared = np.multiply(rows, rows, dtype=np.uint16)
        squares += int(np.add.reduce(squared, axis=1, dtype=np.uint32).sum(dtype=np.int64))
    return float(total), float(squares), float(gaps.max(initial=0))


def _over(gaps: Array, tolerance: float) -> Array:
    """Where a gap is above the tolerance."""
    if gaps.dtype.kind == "u":  # whole numbers are compared as they are, not as the floats that a float makes of them
        tolerance = min(floor(min(tolerance, 2.0**64)), int(np.iinfo(gaps.dtype).max))
    over: Array = gaps > tolerance
    return over


def _count_pixels(over: Array) -> int:
    """Pixels of which any channel is true."""
    if over.ndim == 2:
        return int(np.count_nonzero(over))
    channels = over.shape[2]
    if channels > FEW:
        return int(np.count_nonzero(over.any(axis=2)))
    line = over.reshape(-1)  # one pass a channel along the line is faster than pixel by pixel
    changed = line[: line.size - channels + 1].copy()
    for channel in range(1, channels):
        changed |= line[channel : channel + changed.size]
    return int(np.count_nonzero(changed[::channels]))


# The contrast of one side


class Contrast:
    """How far the values of one side lie from their channel's mean, in rectangles of it; each is worked out once.

    Integers of up to 32 bits, and float32 that are multiples of 1 / PER_ONE, are summed exactly, by column; rows that
    are most of the array by taking the others away: a shift report asks for the whole and for the interior. Filtered
    photographs take a sixth of the time of reading each rectangle twice, their reports half.
    """

    def __init__(
        self, piece: Piece, peak: float | None = None, largest: int = 0, *, band_values: int = BAND_VALUES
    ) -> None:
        """Of an array in memory; `peak`: what PSNR is relative to, where it is not all that the dtype holds.

        `largest`: the size of the largest value of float32 that are known to be whole numbers; 0: they are not.
        """
        self._piece, self.whole, self._band_values = piece, Rectangle.whole(piece.values.shape), band_values
        self._spreads: dict[Rectangle, float | None] = {}
        self._columns_of: dict[tuple[Rectangle, tuple[int, ...] | None], Array] = {}
        self._peak = None if peak is None else float(peak)
        self._largest = largest if piece.values.dtype == np.float32 and piece.valid is None else 0
        self._per_one = 1 if self._largest else None  # what makes integers of the values; 0: nothing, None: unknown

    def spread(self, rectangle: Rectangle) -> float | None:
        """The mean absolute deviation in a rectangle; None where nothing in it is valid and finite."""
        if rectangle not in self._spreads:
            if self._per_one is None:
                self._per_one = self._units()
            if self._per_one:
                self._spreads[rectangle] = self._exact(rectangle) / self._per_one
            else:
                deviations = Deviations([rectangle], band_values=self._band_values)
                deviations.add(self._piece)
                deviations.deviate(self._piece)
                self._spreads |= deviations.spreads()
        return self._spreads[rectangle]

    @property
    def peak(self) -> float:
        """What PSNR is relative to: all that an integer dtype can hold, or the range of the finite values of floats."""
        if self._peak is None:
            _, values, valid = self._piece
            self._peak = value_range(values if valid is None else values[np.broadcast_to(valid, values.shape)])
        return self._peak

    def _units(self) -> int:
        values = self._piece.values
        if self._piece.valid is not None or values.itemsize > 4 or (values.dtype.kind == "f" and values.itemsize < 4):
            return 0
        if values.dtype.kind != "f":
            return 1
        for units in (1, PER_ONE):  # the fewest, so that two rectangles have more often one floor
            if all(
                _are_multiples(piece.values, units) for piece in self._pieces(self.whole, values[0].size, len(values))
            ):
                return units
        return 0

    # Sum |v - m| = 2 sum of (v - m) over v > m, which follows from the sum of max(v, floor(m)) and how many are above.

    def _exact(self, rectangle: Rectangle) -> float:
        """The mean absolute deviation, in units."""
        count = rectangle.area
        totals, _ = self._totals(rectangle, None)
        floors = tuple(total // count for total in totals)
        numerator = 0
        for total, low, maxima, above in zip(totals, floors, *self._totals(rectangle, floors), strict=True):
            numerator += (maxima - low * count) * count - (total - low * count) * above
        return 2 * numerator / (count * count * len(totals))

    def _totals(self, rectangle: Rectangle, floors: tuple[int, ...] | None) -> list[list[int]]:
        """For every channel the sum of the values, or of their maxima with `floors`, and how many are above these."""
        whole, own = self.whole, rectangle._replace(left=0, right=self.whole.right)
        if 0 < 2 * (whole.area - own.area) < own.area:
            around = [self._by_column(part, floors) for part in whole.around(own)]
            columns = self._by_column(whole, floors) - sum(around)
        else:
            columns = self._by_column(own, floors)
        totals: list[list[int]] = columns[:, rectangle.columns].sum(axis=1).tolist()
        return totals

    def _by_column(self, rows: Rectangle, floors: tuple[int, ...] | None) -> Array:
        """These figures of all columns of some rows, 2 x W x C in int64; they are kept."""
        key = rows, floors
        if key not in self._columns_of:
            self._columns_of[key] = self._counted(rows, floors)
        return self._columns_of[key]

    def _counted(self, rows: Rectangle, floors: tuple[int, ...] | None) -> Array:
        values, units = self._piece.values, self._per_one or 1
        width, channels = values.shape[1], values.shape[2] if values.ndim == 3 else 1
        few = width * channels < FEW_VALUES
        dtype = np.dtype(np.int16 if self._largest else np.uint8 if values.dtype.kind == "b" else values.dtype)
        # What holds the sums of how many rows: 255 bytes in an eighth of the time of 64 bits.
        narrow: dict[str, tuple[Any, int]] = {
            "u1": (np.uint16, 255),
            "f4": (np.float64, 255) if few else (np.float32, SUMMED),
            "i2": (np.int64, 255) if few or not self._largest else (np.int16, INT16 // self._largest),
        }
        in_bands, most = narrow.get(dtype.str[1:], (np.int64, 255))
        threshold = None if floors is None else np.tile((np.array(floors) / units).astype(dtype), width)
        sums = np.zeros(width * channels, np.result_type(in_bands, np.int64))
        above = np.zeros(width * channels, np.int64)
        for piece in self._pieces(rows, width * channels, most):
            band = piece.values.reshape(len(piece.values), -1).astype(dtype, copy=False)
            if threshold is not None:
                above += np.add.reduce((band > threshold).view(np.uint8), axis=0, dtype=np.uint8)
                band = np.maximum(band, threshold)
            sums += np.add.reduce(band, axis=0, dtype=in_bands)
        return np.stack([(sums * units).astype(np.int64), above]).reshape(2, width, channels)

    def _pieces(self, rectangle: Rectangle, row_values: int, most: int) -> Iterator[Piece]:
        """Some rows at a time, `most` or as many as stay in the cache."""
        step = max(1, min(most, self._band_values // row_values))
        for low in range(rectangle.top, rectangle.bottom, step):
            yield self._piece.part(slice(low, min(low + step, rectangle.bottom)), rectangle.columns)


def _are_multiples(band: Array, per_one: int) -> bool:
    """Whether some float32 are multiples of 1 / `per_one`, none larger than LARGEST_FIXED."""
    if not (band.min() >= -LARGEST_FIXED and band.max() <= LARGEST_FIXED):
        return False
    units = band * np.float32(per_one)
    return np.array_equal(np.rint(units), units)


class KnownContrast(Contrast):
    """The contrast of a side that is not held, worked out already."""

    def __init__(self, spreads: Mapping[Rectangle, float | None], peak: float) -> None:
        """`peak`: what PSNR is relative to."""
        self._spreads, self._peak = dict(spreads), peak


class Deviations:
    """The mean absolute deviations of rectangles, in two readings: all rows for the means, and all again.

    Means are taken from the first value on, which gives the same mean for equal values, and a deviation of 0.
    """

    def __init__(self, rectangles: Iterable[Rectangle], *, band_values: int = BAND_VALUES) -> None:
        self._band_values = band_values
        self._rectangles = list(dict.fromkeys(rectangles))
        self._middles = [_Middle() for _ in self._rectangles]
        self.low, self.high = inf, -inf  # of all finite values

    def add(self, piece: Piece) -> None:
        """First reading: some rows."""
        for middle, values, there in self._parts(piece):
            finite = values if there is None else values[there]
            self.low = min(self.low, float(finite.min(initial=inf)))
            self.high = max(self.high, float(finite.max(initial=-inf)))
            middle.add(values, there)

    def deviate(self, piece: Piece) -> None:
        """Second reading: the same rows."""
        for middle, values, there in self._parts(piece):
            middle.deviate(values, there)

    def spreads(self) -> dict[Rectangle, float | None]:
        """The deviations, by rectangle."""
        return {each: middle.spread for each, middle in zip(self._rectangles, self._middles, strict=True)}

    def _parts(self, piece: Piece) -> "Iterator[tuple[_Middle, Array, Array | None]]":
        """For every rectangle a copy of its values among some rows, H x W x C in float64, and which are valid and
        finite; None: all are, which takes a quarter of the time of looking at each.
        """
        step = max(1, self._band_values * len(piece.values) // max(1, piece.values.size))
        for low in range(piece.first, piece.last, step):
            rows = piece.part(slice(low, low + step))
            for rectangle, middle in zip(self._rectangles, self._middles, strict=True):
                part = rows.part(rectangle.rows, rectangle.columns)
                if part.values.size:
                    values = part.values.astype(np.float64).reshape(*part.values.shape[:2], -1)
                    if part.valid is None and isfinite(values.sum()):
                        yield middle, values, None
                        continue
                    there = np.isfinite(values)
                    if part.valid is not None:
                        there &= part.valid.reshape(*part.valid.shape[:2], -1)
                    yield middle, values, there


class _Middle:
    """The mean of every channel, and how far values lie from it."""

    def __init__(self) -> None:
        self._origin: Array | None = None
        self._total: Any = 0.0
        self._count: Any = 0
        self._deviation = 0.0

    def add(self, values: Array, there: Array | None) -> None:
        """Take some rows into the mean; `values` are changed."""
        if there is None and (self._origin is None or not np.isnan(self._origin).any()):
            self._origin = values[0, 0].copy() if self._origin is None else self._origin
            values -= self._origin
            self._total = self._total + values.sum(axis=0).sum(axis=0)
            self._count = self._count + np.full(values.shape[2], values.shape[0] * values.shape[1])
            return
        known = np.ones(values.shape, np.bool_) if there is None else there
        flat, known = values.reshape(-1, values.shape[2]), known.reshape(-1, values.shape[2])
        if self._origin is None:
            self._origin = np.full(values.shape[2], np.nan)
        if np.isnan(self._origin).any():
            firsts = flat[known.argmax(axis=0), np.arange(flat.shape[1])]
            self._origin = np.where(np.isnan(self._origin) & known.any(axis=0), firsts, self._origin)
        self._total = self._total + (flat - self._origin).sum(axis=0, where=known)
        self._count = self._count + known.sum(axis=0)

    def deviate(self, values: Array, there: Array | None) -> None:
        """Sum up how far some rows lie from the mean, once all are in it; `values` are changed."""
        values -= self._origin
        values -= self._total / np.maximum(self._count, 1)
        np.abs(values, out=values)
        self._deviation += float(values.sum() if there is None else values.sum(where=there))

    @property
    def spread(self) -> float | None:
        """The mean deviation over all channels; None where there is none, or no float holds it."""
        count = int(np.sum(self._count))
        return self._deviation / count if count and isfinite(self._deviation) else None


def value_range(image: Array) -> float:
    """The peak of PSNR: what an integer dtype can hold, or the range of the finite values of floats."""
    if image.dtype.kind != "f":
        return float(full_range(image.dtype))
    low, high = finite_range(image)
    return high - low


# The row of one shift


@dataclass(frozen=True, slots=True)
class Lattice:
    """One side: its shape, what its values see of the picture (None: they lie on no regular grid), and `inside`, the
    rectangle of those whose windows lie in the picture: all of them where none does.

    `largest`: the size of the largest value where they are whole numbers, at most LARGEST_FIXED; 0: it is not known.
    `own_units`: its values are sums or shares, of which the picture's white is no measure.
    """

    shape: tuple[int, ...]
    seen: Footprints | None
    inside: Rectangle
    largest: int = 0
    own_units: bool = False


class Comparison:
    """Sums for the row of one shift, from bands of what the same layers make of the still and of the moved picture."""

    def __init__(
        self,
        lattices: Sides[Lattice],
        shift: Shift,
        edge: str,
        *,
        tolerance: float = 0,
        labels: bool = False,
        alpha: bool = False,
        alike: "Comparison | None" = None,
    ) -> None:
        """`labels`: the values are labels, whose differences mean nothing; `alpha`: their last channel is alpha.

        `alike`: the finished comparison of the same shift for other layers that begin with the same: what changes
        before the first down-sampling is taken from it.
        """
        self.shift, self.edge, self.labels = shift, edge, labels
        self._lattices, self._tolerance, self._hides = lattices, 0 if labels else tolerance, labels and alpha
        features, output = lattices.features, lattices.output
        self._overlaps: list[_Overlap] = []
        if output.seen:  # the shifts of the output that the shift can have caused, and the cells that see no border
            (down, across), (height, width) = output.seen, lattices.picture.shape[:2]
            rows, columns = down.overlaps(shift[1], height, edge), across.overlaps(shift[0], width, edge)
            cells = [(Rectangle(*ys, *xs), (ox, oy)) for oy, *ys in rows for ox, *xs in columns]
            self._overlaps = [_Overlap(*each, output) for each in cells if each[0].area]
        interior = self._interior(lattices.picture)
        self._is_new = alike is None or alike.raw.interior != interior
        self.raw: _PartSums = _PartSums(lattices.picture, interior)
        self.dense: _PartSums | None = _PartSums(features, self._interior(features)) if features else None
        if alike is not None and not self._is_new:
            self.raw, self.dense = alike.raw, alike.dense
        unmoved = next((each.cells for each in self._overlaps if each.offset == (0, 0)), None)
        self.pooled = _PartSums(lattices.output, unmoved)

    def add(self, still: Band, moved: Band) -> None:
        """Rows of both, the same of each side; bands come from top to bottom."""
        if self._hides:
            still, moved = (
                Sides(visible(band.picture), band.features and visible(band.features), visible(band.output))
                for band in (still, moved)
            )
        if self._is_new:
            self.raw.add(still.picture, moved.picture, self._tolerance)
            if self.dense and still.features and moved.features:
                self.dense.add(still.features, moved.features, self._tolerance)
        self.pooled.add(still.output, moved.output, self._tolerance)
        for overlap in self._overlaps:
            if overlap.offset == (0, 0):
                overlap.sums = self.pooled.inner
            else:
                overlap.add(still.output, moved.output, self._tolerance)

    def rectangles(self) -> tuple[list[Rectangle], list[Rectangle], list[Rectangle]]:
        """The parts of picture, features and output whose contrast the row needs."""
        if self.labels:
            return [], [], []
        best = self._best()
        features = self._lattices.features
        return (
            [self._lattices.picture.inside, *filter(None, [self.raw.interior])],
            [features.inside, *filter(None, [self.dense.interior])] if features and self.dense else [],
            [self._lattices.output.inside, *([best.cells] if best else [])],
        )

    def row(self, contrasts: Sides[Contrast], *, written: Side | None = None) -> ShiftRow:
        """The row, once all bands are through."""
        peak = 0.0 if self.labels else contrasts.picture.peak
        raw = self._side(self.raw.whole, peak, contrasts.picture, self._lattices.picture.inside)
        dense = None
        if self.dense and contrasts.features and self._lattices.features:
            dense = self._side(self.dense.whole, peak, contrasts.features, self._lattices.features.inside)
        if self._lattices.output.own_units:
            peak = 0.0
        pooled = self._side(self.pooled.whole, peak, contrasts.output, self._lattices.output.inside)
        aligned = self._aligned(contrasts, peak)
        return ShiftRow.of(self.shift, self.edge, (raw, dense, pooled), written=written, aligned=aligned)

    def _side(self, sums: Sums, peak: float, contrast: Contrast, rectangle: Rectangle) -> Side:
        return sums.side(peak, None if self.labels else contrast.spread(rectangle), labels=self.labels)

    def _aligned(self, contrasts: Sides[Contrast], peak: float) -> Aligned | None:
        best = self._best()
        if best is None:
            return None
        side = self._side(best.sums, peak, contrasts.output, best.cells)
        sums, contrast = self.raw, contrasts.picture
        if self.dense and contrasts.features and not self.labels:
            sums, contrast = self.dense, contrasts.features
        before = self._side(sums.inner, peak, contrast, sums.interior) if sums.interior else None
        return Aligned.of(side, best.offset, before)

    def _best(self) -> "_Overlap | None":
        """The least change in value (of labels: the fewest pixels), then the fewest pixels, then the shortest shift."""

        def order(overlap: _Overlap) -> tuple[float, int, int]:
            mae = None if self.labels else overlap.sums.mae
            return inf if mae is None else mae, overlap.sums.changed, sum(o * o for o in overlap.offset)

        return min(self._overlaps, key=order, default=None)

    def _interior(self, side: Lattice) -> Rectangle | None:
        """What of a side before the down-sampling sees no border, in place, still and moved."""
        output, (dx, dy), (height, width) = self._lattices.output.seen, self.shift, self._lattices.picture.shape[:2]
        if not self._overlaps or output is None or side.seen is None:
            return None
        down = side.seen[0].moving(0, dy, height, self.edge, goes_round=output[0].cyclic)
        across = side.seen[1].moving(0, dx, width, self.edge, goes_round=output[1].cyclic)
        interior = Rectangle(*down, *across)
        return interior if interior.area else None


class _PartSums:
    """The sums of one side, in its interior and around it."""

    def __init__(self, side: Lattice, interior: Rectangle | None) -> None:
        whole = Rectangle.whole(side.shape)
        self.interior, self._whole = interior, side.largest > 0
        self._rectangles = [interior, *whole.around(interior)] if interior else [whole]
        self._sums = [Sums()] * len(self._rectangles)

    def add(self, still: Piece, moved: Piece, tolerance: float) -> None:
        """More rows, the same of both."""
        for number, part in enumerate(self._rectangles):
            if part.top < still.last and still.first < part.bottom:
                one, other = (piece.part(part.rows, part.columns) for piece in (still, moved))
                self._sums[number] += differ(one, other, tolerance, whole=self._whole)

    @property
    def whole(self) -> Sums:
        """All of it."""
        return sum(self._sums, Sums())

    @property
    def inner(self) -> Sums:
        """The interior alone, or all of it where there is none."""
        return self._sums[0]


class _Overlap:
    """The sums of `cells` of the still output against those of the moved one `offset` (x, y) on, as bands come.

    What goes round is up to four rectangles that do not. Rows that the other output has not reached are kept.
    """

    def __init__(self, cells: Rectangle, offset: Shift, output: Lattice) -> None:
        self.cells, self.offset, self.sums, whole = cells, offset, Sums(), output.largest > 0
        rows = list(_rounds(cells.top, cells.bottom, offset[1], output.shape[0]))
        columns = list(_rounds(cells.left, cells.right, offset[0], output.shape[1]))
        self._lags = [_Lag(Rectangle(*down, *across), (x, y), whole) for *down, y in rows for *across, x in columns]

    def add(self, still: Piece, moved: Piece, tolerance: float) -> None:
        """More rows, the same of both."""
        for lag in self._lags:
            self.sums += lag.add(still, moved, tolerance)


def _rounds(low: int, high: int, o: int, n: int) -> Iterator[tuple[int, int, int]]:
    """Cells low ... high - 1 with counterparts `o` on, on an axis of n that goes round, as (low, high, offset)."""
    for turn in (o - n * round(o / n) - n, o - n * round(o / n), o - n * round(o / n) + n):
        first, last = max(low, -turn), min(high, n - turn)
        if first < last:
            yield first, last, turn


class _Lag:
    """Cells against cells, that need not come at the same time."""

    def __init__(self, cells: Rectangle, offset: Shift, whole: bool) -> None:
        self.cells, self.offset, self._whole = cells, offset, whole
        self._next = cells.top
        self._waiting: list[list[Piece]] = [[], []]

    def add(self, still: Piece, moved: Piece, tolerance: float) -> Sums:
        """The sums of what can be compared now."""
        cells, (x, y) = self.cells, self.offset
        counterparts = Rectangle(cells.top + y, cells.bottom + y, cells.left + x, cells.right + x)
        pieces = [
            joined([*waiting, piece.part(part.rows, part.columns)])
            for waiting, piece, part in zip(self._waiting, (still, moved), (cells, counterparts), strict=True)
        ]
        first, last = self._next, min(cells.bottom, still.last, moved.last - y)
        sums = Sums()
        if first < last:
            one, other = pieces[0].part(slice(first, last)), pieces[1].part(slice(first + y, last + y))
            sums = differ(one, other, tolerance, whole=self._whole)
            self._next = last
        rest = self._next
        self._waiting = [
            [piece.part(slice(rest + dy, cells.bottom + dy))] for piece, dy in zip(pieces, (0, y), strict=True)
        ]
        return sums


def joined(pieces: list[Piece]) -> Piece:
    """Rows that follow one another."""
    pieces = [piece for piece in pieces if len(piece.values)] or pieces[-1:]
    if len(pieces) == 1:
        return pieces[0]
    valid = None
    if any(piece.valid is not None for piece in pieces):
        valid = np.concatenate(
            [np.ones(piece.values.shape, np.bool_) if piece.valid is None else piece.valid for piece in pieces]
        )
    return Piece(pieces[0].first, np.concatenate([piece.values for piece in pieces]), valid)
