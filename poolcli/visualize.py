"""What a report shows of one picture: six small pictures, before and after, still and moved, and the differences.

Heat-maps of how much every pixel changes, the pixels that survive a pooling, the part to show enlarged.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from math import ceil
from operator import attrgetter

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolcli.evaluate import Evaluation, How, evaluate, shift_report, shifted, size_of
from poolcli.images.frame import Frame, Palette
from poolcli.images.sheet import palette_png, photo, png, shown
from poolcli.ops.arrays import Array, as_image
from poolcli.ops.geometry import Axis
from poolcli.ops.ignored import validity
from poolcli.ops.modes import find_mode
from poolcli.ops.pooling import pool
from poolcli.ops.reduce import taps_of
from poolcli.recipe import Pool, Recipe
from poolcli.records import dataclass
from poolcli.shift.difference import Band, Piece, gaps_of, visible
from poolcli.shift.move import Source
from poolcli.shift.record import Offset, Shifting, ShiftReport

LEVELS = 64
BAND_VALUES = 1 << 18

# Nine colours of viridis (van der Walt & Smith 2015), evenly spaced; what lies between is interpolated.
_ANCHORS = "440154 472d7b 3b528b 2c728e 21918c 28ae80 5ec962 addc30 fde725"


def palette() -> NDArray[np.uint8]:
    """The colours of the levels, LEVELS x 3, from no change (dark) to the largest (light).

    >>> palette()[[0, -1]].tolist()
    [[68, 1, 84], [253, 231, 37]]
    """
    anchors = np.array([list(bytes.fromhex(anchor)) for anchor in _ANCHORS.split()])
    position = np.linspace(0, len(anchors) - 1, LEVELS)
    channels = [np.interp(position, range(len(anchors)), anchors[:, channel]) for channel in range(3)]
    colours: NDArray[np.uint8] = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return colours


def change(a: Array, b: Array) -> NDArray[np.float32]:
    """The largest difference of any channel, for every pixel of two pictures of one shape (H x W [x C]).

    NaN equals NaN; a number against NaN or infinity is an infinite change.
    """
    out = np.empty(a.shape[:2], np.float32)
    step = max(1, BAND_VALUES * len(a) // a.size)
    for start in range(0, len(a), step):
        gaps = gaps_of(a[start : start + step], b[start : start + step])
        if gaps.dtype.kind == "f":  # NaN where the same is on both sides
            gaps = np.nan_to_num(gaps, nan=0, posinf=np.inf)
        if gaps.ndim == 3:  # channel by channel: a tenth of the time of max(axis=2)
            gaps = np.maximum.reduce([gaps[:, :, channel] for channel in range(gaps.shape[2])])
        with np.errstate(over="ignore"):
            out[start : start + step] = gaps
    return out


def peak_of(values: NDArray[np.float32]) -> float:
    """The largest finite change."""
    finite = values[np.isfinite(values)]
    return float(finite.max(initial=0))


def levels(values: NDArray[np.float32], peak: float) -> NDArray[np.uint8]:
    """Changes as indices into the palette: 0 only where nothing changes, the last from `peak` on."""
    if peak <= 0:
        return np.where(values > 0, LEVELS - 1, 0).astype(np.uint8)
    scaled: NDArray[np.uint8] = np.ceil(np.minimum(values / np.float32(peak), 1) * (LEVELS - 1)).astype(np.uint8)
    return scaled


Size = tuple[int, int]  # (height, width)


@dataclass(frozen=True, slots=True)
class Region:
    """Rows `top` ... `top + height` and columns `left` ... `left + width` of a picture."""

    top: int
    left: int
    height: int
    width: int

    def of(self, image: Array) -> Array:
        """That part of `image`, a view."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]

    def scaled(self, jump: tuple[float, float], limit: Size) -> "Region":
        """The part of the input that the outputs of this region stand on, `jump` inputs apart, within `limit`."""
        top, left = int(self.top * jump[0]), int(self.left * jump[1])
        bottom = min(ceil((self.top + self.height) * jump[0]), limit[0])
        right = min(ceil((self.left + self.width) * jump[1]), limit[1])
        return Region(top, left, max(1, bottom - top), max(1, right - left))


def busiest(changes: NDArray[np.float32], size: Size) -> Region:
    """The region of `size` (cut to the picture's) in which most changes; the middle where nothing does.

    Found on a grid of half its size, which is near enough to be shown.
    """
    height, width = min(size[0], changes.shape[0]), min(size[1], changes.shape[1])
    finite = np.minimum(changes, np.finfo(np.float32).max / changes.size)
    steps = max(1, height // 2), max(1, width // 2)
    means = pool(finite, (height, width), steps, mode="avg")
    if means.max() <= 0:
        return Region((changes.shape[0] - height) // 2, (changes.shape[1] - width) // 2, height, width)
    row, column = np.unravel_index(means.argmax(), means.shape)
    return Region(int(row) * steps[0], int(column) * steps[1], height, width)


def shrunk(image: Array, side: int, *, how: str = "avg") -> Array:
    """`image` made a whole number of times smaller, so that no side is longer than `side`; itself where none is.

    `how` is avg, max, or `first`: the first pixel of every block, for labels, which have no mean.
    """
    factor = ceil(max(image.shape[:2]) / side)
    if factor <= 1:
        return image
    if how == "first":
        return image[::factor, ::factor]
    return pool(image, (min(factor, image.shape[0]), min(factor, image.shape[1])), mode=how)


def stretched(images: list[Array]) -> list[NDArray[np.uint8]]:
    """Pictures of any numbers as 8 bits on one common scale, from their smallest finite value to their largest."""
    finite = [image[np.isfinite(image)] if image.dtype.kind == "f" else image for image in images]
    low = min((float(values.min()) for values in finite if values.size), default=0.0)
    high = max((float(values.max()) for values in finite if values.size), default=0.0)
    span = high - low or 1.0
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = [np.nan_to_num((image.astype(np.float64) - low) * (255 / span)) for image in images]
    return [np.clip(np.rint(image), 0, 255).astype(np.uint8) for image in scaled]


def label_colours(labels: Array) -> NDArray[np.uint8]:
    """Labels H x W as distinct colours, H x W x 3: hues a golden angle apart, 0 nearly black, what is no number gray.

    They are those of the interactive page, and the same in every picture.

    >>> label_colours(np.array([[0, 1, 2]])).tolist()
    [[[24, 28, 36], [85, 231, 128], [143, 32, 223]]]
    """
    distinct, places = np.unique(labels, return_inverse=True)
    values = distinct.astype(np.float64)
    with np.errstate(invalid="ignore"):
        angles, lightness = (values * 137.508) % 360, np.where(values % 2 != 0, 0.62, 0.5)
    reach = 0.75 * np.minimum(lightness, 1 - lightness)
    turns = (np.array([[0], [8], [4]]) + angles / 30) % 12
    colours = lightness - reach * np.clip(np.minimum(turns - 3, 9 - turns), -1, 1)
    colours = np.floor(255 * np.nan_to_num(colours, nan=128 / 255) + 0.5).astype(np.uint8).T
    colours[values == 0] = (24, 28, 36)
    return np.ascontiguousarray(colours[places.reshape(labels.shape)])


MARK = 4  # every pixel becomes MARK x MARK, of which the middle is marked


def survivors(image: Array, pooled: Array, axes: tuple[Axis, Axis], cells: Region) -> NDArray[np.bool_]:
    """H x W truths: the pixels of `image` whose value is what a window of `cells` (outputs) keeps, in any channel.

    `pooled` is the result of pooling `image`, with windows that lie as `axes` say. In a blank window, whose values are
    all equal, none survives rather than another.
    """
    marks = np.zeros(image.shape[:2], bool)
    out = cells.of(pooled if pooled.ndim == 3 else pooled[:, :, None])
    values = image if image.ndim == 3 else image[:, :, None]
    down, across = (
        taps_of(axis, slice(first, first + count))
        for axis, first, count in zip(axes, (cells.top, cells.left), (cells.height, cells.width), strict=True)
    )
    taps = list(product(zip(*down, strict=True), zip(*across, strict=True)))
    missing, several = np.zeros(out.shape, bool), np.zeros(out.shape, np.int32)
    for (y, y_inside), (x, x_inside) in taps:
        inside = (y_inside[:, None] & x_inside)[:, :, None]
        missing |= inside & (values[np.ix_(y, x)] != out)
        several += inside
    missing |= several == 1
    for (y, y_inside), (x, x_inside) in taps:
        here = missing & (values[np.ix_(y, x)] == out) & (y_inside[:, None] & x_inside)[:, :, None]
        missing &= ~here
        if here.any():
            marked = np.argwhere(here.any(axis=2))
            marks[y[marked[:, 0]], x[marked[:, 1]]] = True
    return marks


def dots(marks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """1 in the middle of every marked pixel, 0 elsewhere, MARK times as large: a layer to lay over the picture."""
    dot = np.zeros((MARK, MARK), np.uint8)
    dot[1:-1, 1:-1] = 1
    return np.kron(marks.astype(np.uint8), dot)


MARK_COLOURS, MARK_ALPHA = bytes((0, 0, 0, 255, 122, 0)), bytes((0, 255))


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the pictures of a report are: the longest side of a whole picture, and of the part that is enlarged.

    A picture that fits into `whole_up_to` is its own part. `whole` 0: no whole pictures, a thumbnail is enough;
    `bytes`: whole pictures are made smaller until these, the part and the sample are together no longer than this.
    `sample`: the longest side of the part whose values are kept too, for a page that pools.
    """

    whole: int = 640
    part: int = 48
    whole_up_to: int = 64
    bytes: int | None = None
    thumbnail: int = 0
    sample: int = 0


SHEET = Sizes()
PAGE = Sizes(whole=480, thumbnail=72)
SHOWN = Sizes(whole=0, part=16, whole_up_to=16, sample=128)  # the values alone are wanted
ONE_PAGE = Sizes(whole=480, bytes=180_000, thumbnail=72, sample=128)  # of 400 KB, text and scripts included
PREVIEW = Sizes(whole=160)
# Of the values that a page holds (128 x 128 in colour, 64 x 64 in colour of 64 bits); half as many of two pictures.
SAMPLE_BYTES = 100_000
LONG_PAGE = Sizes(whole=0, part=24, whole_up_to=32, thumbnail=64)


@dataclass(frozen=True, slots=True)
class Panel:
    """Six encoded pictures of one region, and the layer of marks to lay over the first; `region` in input pixels.

    `factor`: how many pixels of the input, on each axis, one pixel shown stands for. `cell`: inputs from one output to
    the next, `lead`: where the first output begins in the region, if each lies around the centre of its window; both
    (down, across). `input`, `output`: (width, height) of the pictures as they are encoded.
    """

    region: tuple[int, int, int, int]
    factor: int
    cell: tuple[float, float]
    lead: tuple[float, float]
    input: tuple[int, int]
    output: tuple[int, int]
    still: bytes
    moved: bytes
    before: bytes
    pooled: bytes
    pooled_moved: bytes
    after: bytes
    marks: bytes | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The values of a part of a picture (`region`: x, y, width, height), for a page that runs the recipe on them.

    `whole`: it is all of the picture. `other` is the same part of the second of two given pictures, `to_range` how
    floats become the file's integers (None: they stay floats). `valid`: nothing in it is ignored. Differences up to
    `tolerance` are no change. `argv`: the words of a command line that read the picture so.
    """

    region: tuple[int, int, int, int]
    whole: bool
    pixels: Array
    other: Array | None
    recipe: Recipe
    how: How
    palette: Palette | None
    to_range: str | None
    valid: bool
    tolerance: float = 0
    argv: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of one frame for one shift: the part to show enlarged, and the whole where that is another.

    Of what is not held the part is the whole, too. `peaks`: the change before and after that the lightest colour of the
    heat-maps stands for; None of labels, which have changed or not.
    """

    shift: Offset
    part: Panel
    whole: Panel | None
    thumbnail: bytes | None
    peaks: tuple[float, float] | None
    sample: Sample | None = None


@dataclass(frozen=True, slots=True)
class _Scene:
    """The arrays behind a view: (still, moved) pictures and outputs, and their changes at full size.

    Or `factor` times smaller, of what is not held, which has no `sample`. `marks`: None where pixels are too small.
    """

    frame: Frame
    labels: bool
    pictures: tuple[Array, Array]
    outputs: tuple[Array, Array]
    changes: tuple[Array, Array]
    peaks: tuple[float, float]
    cell: tuple[float, float]
    lead: tuple[float, float]
    marks: Callable[[Region], Array | None] | None = None
    other: Array | None = None
    sample: Callable[[Region], Sample] | None = None
    factor: float = 1.0


def draw_views(
    frame: Frame,
    evaluations: tuple[Evaluation, Evaluation],
    written: Callable[[Piece], Array],
    to_range: str | None,
    shift: Offset,
    sizes: tuple[Sizes, ...],
    *,
    given: bool = False,
    tolerance: float = 0,
    argv: tuple[str, ...] = (),
) -> tuple[View, ...]:
    """The View of each size, from two evaluations of pictures of the kind of `frame`.

    Nothing is run again. `written` makes of an output what its file holds, by `to_range` (None: as it is). `given`: the
    other picture is no moved one, so that a page that pools needs its values too. `argv`: words of a command line
    that read the picture so.
    """
    pictures = evaluations[0].whole.picture, evaluations[1].picture
    outputs = evaluations[0].output, evaluations[1].output
    labels = evaluations[0].how.labels
    how = evaluations[0].how
    changes = _changes(*pictures, how), _changes(*outputs, how)
    other = pictures[1].values if given else None
    scene = _Scene(
        frame,
        labels,
        _shown_values(pictures),
        _shown_values(tuple(piece._replace(values=written(piece)) for piece in outputs)),
        changes,
        (peak_of(changes[0]), peak_of(changes[1])),
        _cell(evaluations[0].recipe, pictures[0].values, outputs[0].values),
        _lead(evaluations[0].recipe, pictures[0].values),
        partial(_marks, evaluations[0]),
        other,
        partial(_sample, evaluations[0], frame, other, to_range, tolerance, argv),
    )
    return tuple(_view(scene, shift, each) for each in sizes)


class _Reduced:
    """Rows of a picture made a whole number of times smaller as they come, as `shrunk` makes all of it."""

    def __init__(self, size: tuple[int, ...], side: int, how: str) -> None:
        from poolcli.images.tiled import Waiting  # loaded already, by what is not held

        factor = max(1, ceil(max(size) / side))
        self._how, self._window = how, (min(factor, size[0]), min(factor, size[1]))
        self._waiting = Waiting(self._window[0], size[0])
        self._rows: list[Array] = []

    def add(self, rows: Array) -> None:
        """The next ones; of the last windows, which may reach beyond the picture, `first` takes the part there is."""
        band, (high, wide) = self._waiting.add(rows), self._window
        if self._how == "first":
            self._rows.append(band[::high, ::wide].copy())
        elif len(band) >= high:
            self._rows.append(pool(band, self._window, mode=self._how))

    @property
    def pixels(self) -> Array:
        """All of it."""
        return np.concatenate(self._rows)


class Overview:
    """What is shown of a picture that is not held, and of one shift of it: all of it, reduced as its bands come."""

    def __init__(
        self, frame: Frame, still: Evaluation, written: Callable[[Piece], Array], sizes: tuple[Sizes, ...]
    ) -> None:
        """`written` makes of an output what its file holds."""
        self._frame, self._still, self._written, self._sizes = frame, still, written, sizes
        self._labels, side = still.how.labels, max(max(each.whole, each.whole_up_to, each.thumbnail) for each in sizes)
        how = "first" if self._labels or frame.palette is not None else "avg"
        picture, output = (lattice.shape[:2] for lattice in (still.lattices.picture, still.lattices.output))
        self._reduced = [_Reduced(size, side, how) for size in (picture, picture, output, output)]
        self._changes = [_Reduced(size, side, "max") for size in (picture, output)]
        self._peaks = [0.0, 0.0]

    def add(self, still: Band, moved: Band) -> None:
        """Some rows of the picture and of the moved one."""
        shown = [*_shown_values((still.picture, moved.picture)), *_shown_values(
            tuple(piece._replace(values=self._written(piece)) for piece in (still.output, moved.output))
        )]  # fmt: skip
        for reduced, rows in zip(self._reduced, shown, strict=True):
            reduced.add(rows)
        for number, pieces in enumerate(((still.picture, moved.picture), (still.output, moved.output))):
            changes = _changes(*pieces, self._still.how)
            self._peaks[number] = max(self._peaks[number], peak_of(changes))
            self._changes[number].add(changes)

    def views(self, shift: Offset) -> tuple[View, ...]:
        """The View of each size."""
        still, moved, pooled, pooled_moved = (reduced.pixels for reduced in self._reduced)
        before, after = (reduced.pixels for reduced in self._changes)
        size = self._still.lattices.picture.shape[:2]
        picture, output = (np.broadcast_to(0, shape[:2]) for shape in (size, self._still.lattices.output.shape))
        peaks = self._peaks[0], self._peaks[1]
        cell, lead = _cell(self._still.recipe, picture, output), _lead(self._still.recipe, picture)
        scene = _Scene(
            self._frame, self._labels, (still, moved), (pooled, pooled_moved), (before, after), peaks, cell, lead,
            factor=size[0] / len(still),
        )  # fmt: skip
        everything = Region(0, 0, *still.shape[:2]), Region(0, 0, *pooled.shape[:2])
        views = []
        for sizes in self._sizes:
            panel = _whole(scene, everything, sizes.whole or sizes.whole_up_to, sizes.bytes)
            assert panel is not None
            panel = replace(panel, region=(0, 0, size[1], size[0]))
            views.append(View(shift, panel, panel, _thumbnail(scene, sizes), None if self._labels else peaks))
        return tuple(views)


def array_sample(
    recipe: Recipe, image: ArrayLike, shifting: Shifting, *, labels: bool = False
) -> tuple[Sample, ShiftReport]:
    """The sample of an array, for the worst of the shifts, and its report. Raises as `poolcli.shift_report`."""
    array = as_image(image)
    report = shift_report(
        recipe, array, shifting.shifts, edge=shifting.edge, tolerance=shifting.tolerance, labels=labels
    )
    worst = report.summary.worst
    with np.errstate(all="ignore"):
        still = evaluate(recipe, Source.of(array), How(labels=labels))
        evaluations = shifted(still, (worst.dx, worst.dy), shifting.edge)
        frame = Frame(array, array.dtype.name)
        held, tolerance = attrgetter("values"), shifting.tolerance
        (shown,) = draw_views(frame, evaluations, held, None, worst, (SHOWN,), tolerance=tolerance)
    assert shown.sample is not None  # of these sizes there is one
    return shown.sample, report


@dataclass(frozen=True, slots=True)
class Crop:
    """One part of a picture (`region`: x, y, width, height) and what several recipes make of it, side by side.

    `outputs` by the name of each: its encoded picture and how large it is shown, where the part is `size` large.
    `apart`: how much the outputs differ there, as a share of all values. `whole`: it is all of the picture.
    """

    region: tuple[int, int, int, int]
    size: tuple[int, int]
    picture: bytes
    outputs: Mapping[str, tuple[bytes, tuple[int, int]]]
    apart: float
    whole: bool


CROP, CROP_SHOWN = 64, 192  # the longest side of the part, in pixels of the picture and of the screen


def crop_of(frame: Frame, evaluations: Mapping[str, Evaluation]) -> Crop:
    """The part of a frame in which the outputs of some recipes differ most, and these."""
    values = {name: _shown_value(each.output) for name, each in evaluations.items()}
    cells = {name: _cell(each.recipe, frame.pixels, values[name]) for name, each in evaluations.items()}
    labels = any(each.how.labels for each in evaluations.values())
    gaps = _gaps_between(list(values.values()), labels=labels)
    whole = frame.pixels.shape[0] / gaps.shape[0], frame.pixels.shape[1] / gaps.shape[1]
    part = busiest(gaps, (max(1, int(CROP / whole[0])), max(1, int(CROP / whole[1]))))
    region = part.scaled(whole, frame.pixels.shape[:2])
    crops = {name: _over(region, cells[name], each) for name, each in values.items()}
    times = max(1, CROP_SHOWN // max(region.height, region.width))
    shown = zip(crops, _displayed(frame, list(crops.values()), labels=labels), strict=True)
    outputs = {
        name: (
            photo(pixels),
            (
                max(1, round(pixels.shape[1] * cells[name][1] * times)),
                max(1, round(pixels.shape[0] * cells[name][0] * times)),
            ),
        )
        for name, pixels in shown
    }
    return Crop(
        (region.left, region.top, region.width, region.height),
        (region.width * times, region.height * times),
        photo(_displayed(frame, [region.of(frame.pixels)], labels=labels)[0]),
        outputs,
        float(part.of(gaps).mean()),
        (region.height, region.width) == frame.pixels.shape[:2],
    )


def _over(region: Region, cell: tuple[float, float], output: Array) -> Array:
    """The outputs that stand for a region of the picture, at least one."""
    top, left = (
        min(int(at / each), n - 1) for at, each, n in zip((region.top, region.left), cell, output.shape, strict=False)
    )
    return output[
        top : top + max(1, round(region.height / cell[0])), left : left + max(1, round(region.width / cell[1]))
    ]


def _gaps_between(outputs: list[Array], *, labels: bool) -> NDArray[np.float32]:
    """Largest less smallest value of several outputs at every cell of the smallest, as a share of all values."""
    height, width = (min(each.shape[axis] for each in outputs) for axis in (0, 1))
    places = [np.arange(n) for n in (height, width)]

    def alike(output: Array) -> Array:
        """An output in cells of the smallest, without a copy where it is as large."""
        if output.shape[:2] == (height, width):
            return output.reshape(height, width, -1)
        rows, columns = (place * output.shape[axis] // len(place) for axis, place in enumerate(places))
        return output[np.ix_(rows, columns)].reshape(height, width, -1)

    first, *others = map(alike, outputs)
    if labels:
        differs = np.zeros((height, width), np.bool_)
        for each in others:
            differs |= (each != first).any(axis=2)
        return differs.astype(np.float32)
    low = first.astype(np.float32)
    high = low.copy()
    with np.errstate(all="ignore"):
        for each in others:
            np.fmin(low, each, out=low, casting="same_kind")
            np.fmax(high, each, out=high, casting="same_kind")
        finite = high[np.isfinite(high)]
        span = float(np.ptp(finite)) if finite.size else 0.0
        gaps = np.nan_to_num((high - low).max(axis=2) / np.float32(span or 1), nan=0, posinf=1, neginf=0)
    return np.asarray(gaps, np.float32)


def _changes(one: Piece, other: Piece, how: How) -> NDArray[np.float32]:
    """How much every pixel changes: of labels 1 or 0, infinite where it is valid on one side only."""
    if how.labels:
        if how.alpha:
            one, other = visible(one), visible(other)
        differs: Array = one.values != other.values
        return np.asarray(differs if differs.ndim == 2 else differs.any(axis=2), np.float32)
    if one.valid is None and other.valid is None:
        return change(one.values, other.values)
    first, second = (
        np.ones(piece.values.shape, np.bool_) if piece.valid is None else piece.valid for piece in (one, other)
    )
    both, one_sided = first & second, first ^ second
    gaps = change(np.where(both, one.values, 0), np.where(both, other.values, 0))
    gaps[one_sided if one_sided.ndim == 2 else one_sided.any(axis=2)] = np.inf
    return gaps


def _shown_values(pieces: tuple[Piece, ...]) -> tuple[Array, Array]:
    """The values of two pictures; what is not valid is nothing on a common scale."""
    return _shown_value(pieces[0]), _shown_value(pieces[1])


def _shown_value(piece: Piece) -> Array:
    if piece.valid is None or (piece.values.dtype.kind != "f" and piece.values.itemsize == 1):
        return piece.values
    return np.where(piece.valid, piece.values, np.nan)


def _sample(
    still: Evaluation,
    frame: Frame,
    other: Array | None,
    to_range: str | None,
    tolerance: float,
    argv: tuple[str, ...],
    region: Region,
) -> Sample:
    sides = zip(frame.pixels.shape[:2], still.source.shape[:2], strict=True)
    high, wide = (side - part for side, part in sides)  # what `crop` took off, and the page will
    region = replace(region, height=region.height + high, width=region.width + wide)
    pixels, how = region.of(frame.pixels).copy(), still.how  # a view would keep all of the picture
    return Sample(
        (region.left, region.top, region.width, region.height),
        pixels.shape == frame.pixels.shape,
        pixels,
        None if other is None else region.of(other).copy(),
        still.recipe,
        how,
        frame.palette,
        to_range,
        how.ignored is None or validity(pixels, how.ignored, alpha=how.alpha) is None,
        0 if how.labels else tolerance,
        argv,
    )


def _cell(recipe: Recipe, picture: Array, output: Array) -> tuple[float, float]:
    """How many inputs, down and across, one output stands for."""
    seen = recipe.footprints(*picture.shape[:2])
    if seen is None:
        return picture.shape[0] / output.shape[0], picture.shape[1] / output.shape[1]
    return float(seen[0].jump), float(seen[1].jump)


def _lead(recipe: Recipe, picture: Array) -> tuple[float, float]:
    """Where the first output begins in the picture, down and across, if it lies around the centre of its window."""
    seen = recipe.footprints(*picture.shape[:2])
    if seen is None:
        return 0.0, 0.0
    down, across = (foot.start + (foot.field - foot.jump) / 2 for foot in seen)
    return down, across


def _view(scene: _Scene, shift: Offset, sizes: Sizes) -> View:
    picture, output = scene.pictures[0], scene.outputs[0]
    everything = Region(0, 0, *picture.shape[:2]), Region(0, 0, *output.shape[:2])
    thumbnail, sample = _thumbnail(scene, sizes), _sample_of(scene, sizes.sample)
    if max(picture.shape[:2]) <= sizes.whole_up_to:
        part, whole = _panel(scene, *everything, sizes.whole_up_to), None
    else:
        part = _panel(scene, *_part(scene, sizes.part), sizes.whole_up_to)
        room = None if sizes.bytes is None else sizes.bytes - _bytes_of(part) - _held_by(sample)
        whole = _whole(scene, everything, sizes.whole, room)
    return View(shift, part, whole, thumbnail, None if scene.labels else scene.peaks, sample)


def _sample_of(scene: _Scene, side: int) -> Sample | None:
    """The sample of at most `side` x `side` pixels, and no more than SAMPLE_BYTES of them; None for a side of 0."""
    if not side or scene.sample is None:
        return None
    picture = scene.pictures[0]
    room = SAMPLE_BYTES // (1 if scene.other is None else 2)
    most = int((room * picture.shape[0] * picture.shape[1] / picture.nbytes) ** 0.5)
    return scene.sample(_part(scene, max(1, min(side, most)))[0])


def _part(scene: _Scene, side: int) -> tuple[Region, Region]:
    """The part of the picture of about `side` pixels in whose outputs most changes, and these outputs."""
    picture, output = scene.pictures[0], scene.outputs[0]
    if max(picture.shape[:2]) <= side:
        return Region(0, 0, *picture.shape[:2]), Region(0, 0, *output.shape[:2])
    cells = max(1, int(side / scene.cell[0])), max(1, int(side / scene.cell[1]))
    cells_shown = busiest(scene.changes[1], cells)
    return cells_shown.scaled(scene.cell, picture.shape[:2]), cells_shown


def _whole(scene: _Scene, everything: tuple[Region, Region], side: int, room: int | None) -> Panel | None:
    """The whole pictures, if there are to be any, as large as the room for their bytes allows."""
    panel = None
    while side and (panel is None or (room is not None and _bytes_of(panel) > room and side > 64)):
        panel = _panel(replace(scene, marks=None), *everything, side)
        side = side * 3 // 4
    return panel


def _held_by(sample: Sample | None) -> int:
    """The bytes of its values."""
    if sample is None:
        return 0
    return sample.pixels.nbytes + (0 if sample.other is None else sample.other.nbytes)


def _bytes_of(panel: Panel) -> int:
    parts = panel.still, panel.moved, panel.before, panel.pooled, panel.pooled_moved, panel.after
    return sum(map(len, parts))


def _thumbnail(scene: _Scene, sizes: Sizes) -> bytes | None:
    if not sizes.thumbnail:
        return None
    small = _small(scene.frame, scene.pictures[0], sizes.thumbnail, labels=scene.labels)
    return photo(_displayed(scene.frame, [small], labels=scene.labels)[0])


def _panel(scene: _Scene, region: Region, cells: Region, side: int) -> Panel:
    frame, labels = scene.frame, scene.labels
    pictures = [_small(frame, region.of(picture), side, labels=labels) for picture in scene.pictures]
    outputs = [_small(frame, cells.of(output), side, labels=labels) for output in scene.outputs]
    changes = zip((region, cells), scene.changes, scene.peaks, strict=True)
    heat = [levels(shrunk(part.of(values), side, how="max"), peak) for part, values, peak in changes]
    factor = max(1, round(region.height * scene.factor / pictures[0].shape[0]))
    still, moved, pooled, pooled_moved = map(
        photo if factor > 1 else png,
        (*_displayed(frame, pictures, labels=labels), *_displayed(frame, outputs, labels=labels)),
    )
    marks = scene.marks(cells) if scene.marks else None
    return Panel(
        (region.left, region.top, region.width, region.height),
        factor,
        scene.cell,
        (
            scene.lead[0] + cells.top * scene.cell[0] - region.top,
            scene.lead[1] + cells.left * scene.cell[1] - region.left,
        ),
        size_of(pictures[0]),
        size_of(outputs[0]),
        still,
        moved,
        palette_png(heat[0], palette()),
        pooled,
        pooled_moved,
        palette_png(heat[1], palette()),
        None if marks is None else _mark_layer(region.of(marks)),
    )


def _small(frame: Frame, pixels: Array, side: int, *, labels: bool) -> Array:
    return shrunk(pixels, side, how="first" if labels or frame.palette is not None else "avg")


def _displayed(frame: Frame, parts: list[Array], *, labels: bool) -> list[Array]:
    """Parts of a picture, or of its outputs, as a screen shows them; other than 8 bits on one common scale.

    Labels of one channel have their palette's colours, or distinct ones.
    """
    if labels and frame.palette is None and all(part.ndim == 2 for part in parts):
        return [label_colours(part) for part in parts]
    drawn = [shown(replace(frame, pixels=part)) for part in parts if part.dtype == frame.pixels.dtype]
    if len(drawn) == len(parts) and all(pixels is not None for pixels in drawn):
        return [pixels for pixels in drawn if pixels is not None]
    flat = [part.mean(axis=2) if part.ndim == 3 and part.shape[2] != 3 else part for part in parts]
    return list(stretched(flat))


def _marks(evaluation: Evaluation, cells: Region) -> Array | None:
    """The pixels that the only pooling of a recipe lets through, at the outputs `cells`; None where it is not such."""
    tail = evaluation.recipe.tail
    layer = tail.layers[0]
    if not isinstance(layer, Pool) or not find_mode(layer.mode).picks or len(tail.layers) > 1:
        return None
    picture, features, output = evaluation.whole
    dense = (features or picture).values
    rows, columns = layer.window.axes(*dense.shape[:2])
    if dense.shape[:2] != picture.values.shape[:2] or not isinstance(rows, Axis) or not isinstance(columns, Axis):
        return None
    return survivors(dense, output.values, (rows, columns), cells)


def _mark_layer(marks: Array) -> bytes:
    return palette_png(dots(marks), np.frombuffer(MARK_COLOURS, np.uint8).reshape(-1, 3), MARK_ALPHA)
