"""The one way to run a recipe: whole or band by band, on pictures and on shifted pictures; and what a shift leaves."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from poolcli.ops.arrays import Array
from poolcli.ops.geometry import Axis, Footprint, Window
from poolcli.ops.ignored import Ignored, run_on, validity
from poolcli.ops.modes import find_mode
from poolcli.ops.pooling import checked
from poolcli.recipe import Conv, Pool, Recipe, as_recipe
from poolcli.recipe.layers import Layer, on_grid, seen_through, shapes
from poolcli.records import dataclass
from poolcli.shift.difference import (
    LARGEST_FIXED,
    Band,
    Comparison,
    Contrast,
    Deviations,
    Footprints,
    KnownContrast,
    Lattice,
    Piece,
    Rectangle,
    Sides,
    Sums,
    differ,
    like,
    value_range,
    visible,
)
from poolcli.shift.move import Source, still_and_moved
from poolcli.shift.record import (
    GIVEN,
    InputFacts,
    OutputFacts,
    Shift,
    Shifting,
    ShiftReport,
    ShiftRow,
    Side,
)

Size = tuple[int, int]  # (height, width)

BAND_BYTES = 1 << 21  # of a moved picture; smaller bands cost more calls (avg:2 of RGB: 23 ms, not 18)


@dataclass(frozen=True, slots=True)
class How:
    """How a recipe is run and what is counted, the same for all evaluations that are compared.

    `alpha`: the last channel is alpha, and no filter touches it. `ignored` are values that count in no window.
    `labels`: the values are labels, of which only the changed are counted. `peak`: the largest value, where it is not
    the dtype's. `large`: nothing is held whole, `band_bytes` at a time.
    """

    alpha: bool = False
    ignored: Ignored | None = None
    labels: bool = False
    peak: int | None = None
    large: bool = False
    band_bytes: int = BAND_BYTES


def apply(recipe: Recipe | str, image: ArrayLike, *, ignore: Any = None) -> Array:
    """Run the layers of a recipe, or of its text, on an image.

    `image` is H x W or H x W x C and the result has as many axes; filters give floats, poolings keep the dtype.
    `ignore` is as in `pool`: what counts in no window of any layer. Masked values of a `numpy.ma` array do not either,
    and the result is masked where no value was left. Raises UsageError when the text is no recipe, PictureError when a
    window does not fit, and when a layer without windows meets ignored values.

    >>> apply("conv:line-v relu max:2", [[0, 9, 0, 0], [0, 9, 0, 0]]).tolist()
    [[54.0, 0.0]]
    """
    layers = as_recipe(recipe)

    def run(array: Array, valid: Array | None, ignored: Ignored | None) -> tuple[Array, Array | None]:
        result = layers.run(array, valid, ignored=ignored)
        return checked(*result) if layers.own_dtype else result

    return run_on(image, ignore, 0.0, run, whole=layers.votes)


def shift_report(
    recipe: Recipe | str,
    image: ArrayLike,
    shifts: Iterable[Shift] = ((-1, 0),),
    *,
    edge: str = "replicate",
    tolerance: float = 0,
    ignore: Any = None,
    labels: bool = False,
) -> ShiftReport:
    """Measure how shift-invariant the layers of a recipe are on an image.

    `image` is H x W or H x W x C; a shift is (dx, dy) in pixels, (-1, 0) moves the picture left. `edge` is what comes
    in at the border (replicate, zero, wrap) or crop. Figures are in units of the values, PSNR in dB. `ignore` is as in
    `pool`, and masked values of a `numpy.ma` array count in no window either. `labels`: the values are labels, of
    which only the changed are counted. Raises UsageError and PictureError as `apply`, and when `crop` leaves nothing.

    >>> shift_report("max:2", [[0, 0, 9, 0], [0, 0, 9, 0]]).shifts[0].absorbed
    0.5
    """
    if not isinstance(shifts, Iterable):
        raise TypeError(f"shifts {shifts!r} are no list: (dx, dy) in a list are allowed, as in [(-1, 0)]")
    layers, shifting = as_recipe(recipe), Shifting(tuple(shifts), edge, tolerance)
    reports: list[ShiftReport] = []

    def run(array: Array, valid: Array | None, ignored: Ignored | None) -> tuple[Array, Array | None]:
        how = How(ignored=ignored, labels=labels)
        with np.errstate(all="ignore"):  # sums beyond the largest float are infinite: an answer
            still = evaluate(layers, Source.of(array, valid), how)
            rows = shift_rows(still, shifting)
        output = still.output
        before = InputFacts(None, size_of(array), str(array.dtype))
        after = OutputFacts(None, size_of(output.values), str(output.values.dtype))
        reports.append(ShiftReport.of(before, after, str(layers), rows))
        return output.values, output.valid

    run_on(image, ignore, 0.0, run, whole=layers.votes)
    return reports[0]


def size_of(image: Array) -> tuple[int, int]:
    """(width, height) of an image array."""
    return image.shape[1], image.shape[0]


# Evaluations


class Evaluation:
    """What a recipe makes of a source: the features before the first down-sampling and the output, with what is valid.

    `before` are the layers that make the features: of a strided filter the same filter unstrided; None where the
    features are the picture itself, or they are not needed.
    """

    def __init__(
        self, recipe: Recipe, source: Source, how: How, before: Recipe | None, lattices: Sides[Lattice] | None = None
    ) -> None:
        """Nothing is run yet. Raises PictureError when a window does not fit. `lattices`: where they are known."""
        self.recipe, self.source, self.how, self.before = recipe, source, how, before
        self.lattices: Sides[Lattice] = lattices or Sides(
            _lattice(None, source), None if before is None else _lattice(before, source), _lattice(recipe, source)
        )
        self._whole: Band | None = None
        self._held: Piece | None = None
        self._contrasts: Sides[Contrast] | None = None

    @property
    def is_cut(self) -> bool:
        """Whether it is run in bands: where nothing can be held, or a moved picture is made as it is read.

        A moved picture of which features are wanted is held: filters use their threads on the whole.
        """
        source, band = self.source, self.how.band_bytes
        if self.how.large:
            return source.nbytes > band and is_local(self.recipe)
        return source.array is None and self.before is None and source.nbytes >= 2 * band and is_exact(self.recipe)

    def bands(self, *, hold: bool = True) -> Iterator[Band]:
        """Picture, features and output from top to bottom: some rows at a time, or all at once.

        `hold`: the output is wanted whole afterwards. Fresh memory for that is a fifth of the time of a report.
        """
        if self._whole is not None or not self.is_cut:
            yield self.whole
            return
        self._held = None
        for band in _bands(self, max(1, self.how.band_bytes * self.source.shape[0] // self.source.nbytes)):
            if hold and not self.how.large:
                self._hold(band.output)
            yield band

    def _hold(self, rows: Piece) -> None:
        """Keep some rows of the output, in one array from the first on: put together later they would stand twice."""
        if self._held is None:
            shape = self.lattices.output.shape[0], *rows.values.shape[1:]
            self._held = Piece(0, np.empty(shape, rows.values.dtype), None)
        _, values, valid = self._held
        where = slice(rows.first, rows.first + len(rows.values))
        values[where] = rows.values
        if rows.valid is not None:
            if valid is None:
                valid = np.ones((len(values), *rows.valid.shape[1:]), np.bool_)
                self._held = Piece(0, values, valid)
            valid[where] = rows.valid

    @property
    def whole(self) -> Band:
        """All of it, held in memory."""
        if self._whole is None:
            picture = self.piece(0, self.source.shape[0])
            self._whole = _run_layers(self.recipe, self.before, picture, self.how)
        return self._whole

    def drop_features(self) -> None:
        """Give their memory back, once they have been compared."""
        if self._whole is not None:
            self._whole = self._whole._replace(features=None)

    def sharing(self, recipe: Recipe) -> "Evaluation":
        """What other layers that begin with the same make of the same source; features are not made again."""
        other = Evaluation(recipe, self.source, self.how, self.before)
        picture, features, _ = self.whole
        other._whole = _run_layers(recipe, self.before, picture, self.how, features)
        other._contrasts = self.contrasts._replace(
            output=Contrast(other._whole.output, largest=other.lattices.output.largest)
        )
        return other

    @property
    def picture(self) -> Piece:
        """The picture, whole, whether it was run in bands or not."""
        return self.piece(0, self.source.shape[0]) if self._whole is None else self._whole.picture

    def piece(self, low: int, high: int) -> Piece:
        """Rows of the picture, and where they are valid: as the source says, or by the ignored values."""
        source, ignored = self.source, self.how.ignored
        values = source.rows(low, high) if source.array is None else source.array[low:high]
        if source.valid is not None:
            return Piece(low, values, source.valid(low, high))
        return Piece(low, values, validity(values, ignored, alpha=self.how.alpha) if ignored else None)

    @property
    def output(self) -> Piece:
        """The output, whole; of bands put together."""
        if self._whole is None and self._held is None:
            for _ in self.bands():
                pass
        if self._whole is not None:
            return self._whole.output
        assert self._held is not None  # or there are no bands, and it is whole
        return self._held

    @property
    def contrasts(self) -> Sides[Contrast]:
        """How far the values of each side lie from their mean; of what is held."""
        if self._contrasts is None:
            (picture, features, output), lattices, dense = self.whole, self.lattices, None
            if features and lattices.features:
                peak = self.how.peak if features.values.dtype == self.source.dtype else None
                dense = Contrast(features, peak, lattices.features.largest)
            contrast = Contrast(output, largest=lattices.output.largest)
            self._contrasts = Sides(Contrast(picture, self.how.peak), dense, contrast)
        return self._contrasts


def evaluate(recipe: Recipe, source: Source, how: How | None = None, *, features: bool = True) -> Evaluation:
    """What `recipe` makes of `source`, whole or band by band, whichever gives the same values sooner.

    `features`: those before the first down-sampling are wanted too, for a report. Raises PictureError when a window
    does not fit; what is run later raises it where a layer cannot leave ignored values out.
    """
    return Evaluation(recipe, source, how or How(), before_downsampling(recipe) if features else None)


def before_downsampling(recipe: Recipe) -> Recipe | None:
    """The layers whose output is at full resolution, with the unstrided twin of a filter that down-samples.

    None where the first layer down-samples, or none does: what changes before is measured on the picture itself.
    """
    first = recipe.tail.layers[0]
    layers = recipe.head.layers if recipe.head else ()
    if isinstance(first, Conv) and first.downsamples:
        layers += (replace(first, stride=(1, 1)),)
    return replace(recipe, layers=layers) if layers else None


def after_features(evaluation: Evaluation) -> Footprints | None:
    """What outputs see of the features, in rows and in columns: where the ideal down-sampling lies."""
    features = evaluation.lattices.features
    tail = evaluation.recipe.tail
    if features is None or evaluation.before == evaluation.recipe.head:
        return tail.footprints(*(features or evaluation.lattices.picture).shape[:2])
    strides = tail.layers[0].stages(*features.shape[:2])[0]  # of the filter whose unstrided twin made the features
    taken = (Footprint(axis.n).after(Axis(axis.n, 1, axis.s, 1, 0, 0, axis.out)) for axis in strides)
    return on_grid(*seen_through(tail.layers[1:], *taken))


def _run_layers(recipe: Recipe, before: Recipe | None, picture: Piece, how: How, features: Piece | None = None) -> Band:
    """What the layers make of a picture, or of a part of one; `features`, where they are known, are not made again."""
    keywords: dict[str, Any] = {"alpha": how.alpha, "ignored": how.ignored}
    if before is not None and features is None:
        features = Piece(picture.first, *before.run(picture.values, picture.valid, **keywords))
    layers, start = recipe, picture
    if features is not None and recipe.head == before and type(recipe) is Recipe:  # others round once, at their end
        layers, start = recipe.tail, features
        if before and before.own_dtype and how.ignored:
            keywords["ignored"] = replace(how.ignored, values=())
    return Sides(picture, features, Piece(0, *layers.run(start.values, start.valid, **keywords)))


# Where outputs lie


def _lattice(recipe: Recipe | None, source: Source) -> Lattice:
    """Where the outputs of a recipe lie, or the pixels of the picture."""
    largest, (height, width) = _largest(recipe, source), source.shape[:2]
    rows, columns, inside = Footprint(height), Footprint(width), (0, height, 0, width)
    for layer in recipe.layers if recipe else ():
        stages = layer.sees(rows.size, columns.size)
        for number, (down, across) in enumerate(stages, start=1):
            goes_on = number == len(stages) and isinstance(layer.edge, str) and layer.edge != "zero"
            inside = down.inner(*inside[:2], goes_on=goes_on) + across.inner(*inside[2:], goes_on=goes_on)
            rows, columns = rows.after(down), columns.after(across)
    top, bottom, left, right = inside
    if top >= bottom or left >= right:
        inside = 0, rows.size, 0, columns.size
    seen = (rows, columns) if rows.regular and columns.regular else None
    return Lattice(
        (rows.size, columns.size, *source.shape[2:]),
        seen,
        Rectangle(*inside),
        largest,
        bool(recipe and recipe.own_dtype),
    )


def _largest(recipe: Recipe | None, source: Source) -> int:
    """The size of the largest value where outputs are whole numbers even as floats; 0: not known, or too large."""
    if type(recipe) is not Recipe or source.dtype.kind == "f":
        return 0
    largest = 1 << 8 * source.dtype.itemsize
    for layer in recipe.layers:
        largest = largest and layer.whole(largest)
    return largest if largest <= LARGEST_FIXED else 0


def is_local(recipe: Recipe) -> bool:
    """Whether every output depends on the values of its windows alone, wherever the picture begins and ends."""
    poolings = [layer for layer in recipe.layers if isinstance(layer, Pool)]
    windows = [layer.window for layer in poolings if isinstance(layer.window, Window) and find_mode(layer.mode).local]
    goes_round = any(layer.edge == "wrap" for layer in recipe.layers) or any(each.padding == "wrap" for each in windows)
    return len(windows) == len(poolings) and not goes_round


def is_exact(recipe: Recipe) -> bool:
    """Whether bands give what the whole picture gives, to the last bit."""
    poolings = [find_mode(layer.mode) for layer in recipe.layers if isinstance(layer, Pool)]
    return is_local(recipe) and all(mode.exact_in_bands for mode in poolings)


# Bands: the recipe run on a part of the picture, cut where the windows of every layer begin (a multiple of all strides)
# and with as many rows around it as one output sees, so that no output that is taken sees the cut.


def _bands(evaluation: Evaluation, most: int) -> Iterator[Band]:
    """An evaluation of a local recipe, about `most` rows of the picture at a time, more where one output sees more."""
    height, *_ = size = evaluation.source.size
    recipe = _settled(evaluation.recipe, size)
    before = evaluation.before and _settled(evaluation.before, size)
    seen, head = _row_windows(recipe, size), _row_windows(before, size)
    step = max(most // seen.jump, seen.field // seen.jump, 1)
    for first in range(0, seen.size, step):
        last = min(first + step, seen.size)
        ends = [n if last == seen.size else min(last * seen.jump, n) for n in (height, head.size)]
        begins = [min(first * seen.jump, n) for n in (height, head.size)]
        low = min(seen.start + first * seen.jump - seen.field, *begins)  # one more field, for what edges mirror
        high = max(seen.start + (last - 1) * seen.jump + 2 * seen.field, ends[0], ends[1] + head.start + 2 * head.field)
        low = max(0, low // seen.jump * seen.jump)
        picture, features, output = _run_layers(
            recipe, before, evaluation.piece(low, min(height, high)), evaluation.how
        )
        yield Sides(
            picture.part(slice(begins[0], ends[0])),
            features and features.part(slice(begins[1], ends[1])),
            output._replace(first=low // seen.jump).part(slice(first, last)),
        )


def _row_windows(recipe: Recipe | None, size: Size) -> Footprint:
    """What an output's windows cover of the rows of a picture."""
    rows, columns = (Footprint(n) for n in size)
    for layer in recipe.layers if recipe else ():
        for down, across in layer.stages(rows.size, columns.size):
            rows, columns = rows.after(down), columns.after(across)
    return rows


def _settled(recipe: Recipe, size: Size) -> Recipe:
    """The recipe with the paddings called `same` as the numbers that they are for the whole picture."""
    layers: list[Layer] = []
    sizes = [size, *(shape.size for shape in shapes(recipe, *size))]
    for layer, (height, width) in zip(recipe.layers, sizes, strict=False):
        if isinstance(layer, Pool) and isinstance(layer.window, Window) and isinstance(layer.window.padding, str):
            dense = layer.window if layer.ignores else replace(layer.window, s=(1, 1))  # of a maximum at every pixel
            rows, columns = dense.axes(height, width)
            sides = rows.before, rows.after, columns.before, columns.after
            layers.append(replace(layer, window=replace(layer.window, padding=sides)))
        else:
            layers.append(layer)
    return replace(recipe, layers=tuple(layers))


# Differences


def compared(
    reference: Evaluation,
    other: Evaluation,
    shift: Shift = (0, 0),
    *,
    edge: str = GIVEN,
    tolerance: float = 0,
    alike: Comparison | None = None,
    hold: bool = True,
) -> Comparison:
    """The sums behind a row: how much two evaluations differ, before and after the layers.

    `shift` is what has made the other picture of the reference's, under `edge`; `given`: another picture, not moved.
    `alike`: the sums of the same shift for other layers that begin with the same. `hold`: keep the other output whole.
    """
    how = reference.how
    comparison = Comparison(
        reference.lattices, shift, edge, tolerance=tolerance, labels=how.labels, alpha=how.alpha, alike=alike
    )
    for band in other.bands(hold=hold):
        comparison.add(like(reference.whole, band), band)
    return comparison


Written = Callable[[Piece], tuple[Array, int | None]]  # an output as a file holds it, and white if not the dtype's


def differences(
    still: Evaluation, shifting: Shifting, written: Written | None = None, *, hold: bool = True
) -> Iterator[tuple[ShiftRow, Evaluation, Evaluation]]:
    """For every shift its row, and the two evaluations that it compares; under `crop` the still one is of a part too.

    `written` makes of an output what stands in its file: where that is not the same, the row says what changes there.
    Raises PictureError when `crop` leaves nothing.
    """
    for shift in shifting.shifts:
        reference, other = shifted(still, shift, shifting.edge)
        comparison = compared(
            reference, other, shift, edge=shifting.edge, tolerance=shifting.tolerance, hold=hold or written is not None
        )
        if not hold:
            other.drop_features()
        side = _written_side(reference, other, written, shifting.tolerance) if written else None
        yield comparison.row(reference.contrasts, written=side), reference, other


def shift_rows(still: Evaluation, shifting: Shifting) -> tuple[ShiftRow, ...]:
    """A row for every shift of what is held in memory."""
    return tuple(row for row, _, _ in differences(still, shifting, hold=False))


def shifted(still: Evaluation, shift: Shift, edge: str) -> tuple[Evaluation, Evaluation]:
    """The evaluations of a picture and of the same moved; not run yet, but for the one that is there."""
    source, how = still.source, still.how
    zero = validity(np.zeros((1, 1, *source.shape[2:]), source.dtype), how.ignored) if how.ignored else None
    sources = still_and_moved(source, shift, edge, True if zero is None else zero)
    if sources[0] is source:
        return still, Evaluation(still.recipe, sources[1], how, still.before, still.lattices)
    reference, other = (Evaluation(still.recipe, each, how, still.before) for each in sources)
    return reference, other


def _written_side(reference: Evaluation, other: Evaluation, written: Written, tolerance: float) -> Side | None:
    files, labels = _Files(written, reference.how, tolerance), reference.how.labels
    file = files.add(reference.output, other.output)
    if files.same or file is None:
        return None
    spread = None if labels else Contrast(file).spread(reference.lattices.output.inside)
    return files.sums.side(float(files.white or value_range(file.values)), spread, labels=labels)


def _same(file: Array, output: Array) -> bool:
    """Whether a file holds an output; where that is the very array, nothing of its size is needed to see that."""
    if file is output:
        return True
    step, nan = max(1, BAND_BYTES // output[0].nbytes), file.dtype.kind == output.dtype.kind == "f"
    parts = (slice(low, low + step) for low in range(0, len(output), step))  # what differs does so from the start
    return file.shape == output.shape and all(np.array_equal(file[part], output[part], equal_nan=nan) for part in parts)


def _in_file(output: Piece, values: Array) -> Piece:
    """An output with the values of its file, whose channels may be others."""
    valid = output.valid
    if valid is not None and values.shape != output.values.shape:
        pixels = np.asarray(valid.reshape(*valid.shape[:2], -1).all(axis=2))
        valid = pixels if values.ndim == 2 else pixels[:, :, np.newaxis]
    return Piece(0, values, valid)


def shift_rows_of_large(
    still: Evaluation,
    shifting: Shifting,
    take: Callable[[Band], None],
    written: Written | None = None,
    watch: Callable[[int, Band, Band], None] | None = None,
) -> tuple[ShiftRow, ...]:
    """A row for every shift of what is not held: all side by side, band by band; `take` gets the still bands.

    `written` makes of some rows of an output what stands in its file, as in `differences`. `watch` gets, of the shift
    of each number, the bands that are compared.
    """
    evaluations = [shifted(still, shift, shifting.edge) for shift in shifting.shifts]
    how, tolerance = still.how, shifting.tolerance
    comparisons = [
        Comparison(reference.lattices, shift, shifting.edge, tolerance=tolerance, labels=how.labels, alpha=how.alpha)
        for shift, (reference, _) in zip(shifting.shifts, evaluations, strict=True)
    ]
    files = [_Files(written, how, tolerance) for _ in evaluations]

    def compare(number: int, band: Band, other: Band) -> None:
        comparisons[number].add(band, other)
        files[number].add(band.output, other.output)
        if watch is not None:
            watch(number, band, other)

    alone = [number for number, (reference, _) in enumerate(evaluations) if reference is not still]
    beside = [number for number in range(len(evaluations)) if number not in alone]
    for band, *moved in zip(still.bands(), *(evaluations[number][1].bands() for number in beside), strict=True):
        take(band)
        for number, other in zip(beside, moved, strict=True):
            compare(number, band, other)
    for number in alone:
        for band, other in zip(*(each.bands() for each in evaluations[number]), strict=True):
            compare(number, band, other)
    shared = _read_contrasts(still, [comparisons[n] for n in beside], [files[n] for n in beside]) if beside else None
    rows = []
    for comparison, file, (reference, _) in zip(comparisons, files, evaluations, strict=True):
        read = shared if shared and reference is still else _read_contrasts(reference, [comparison], [file])
        peak, spread = read[1]
        side = None
        if not file.same:
            side = file.sums.side(float(file.white or peak), None if how.labels else spread, labels=how.labels)
        rows.append(comparison.row(read[0], written=side))
    return tuple(rows)


class _Files:
    """Sums of what differs between two written files, and whether they hold the very outputs."""

    def __init__(self, written: Written | None, how: How, tolerance: float) -> None:
        self.written, self.same, self.sums = written, True, Sums()
        self.white: int | None = None
        self._tolerance, self._hides = 0 if how.labels else tolerance, how.labels and how.alpha

    def piece(self, output: Piece) -> Piece:
        """Rows of an output as they stand in the file."""
        assert self.written
        values, self.white = self.written(output)
        return _in_file(output, values)._replace(first=output.first)

    def add(self, still: Piece, moved: Piece) -> Piece | None:
        """More rows, the same of both; the still ones as they stand in the file."""
        if self.written is None:
            return None
        moved_file, still_file = self.piece(moved), self.piece(still)
        sides = (still_file, still), (moved_file, moved)
        self.same = self.same and all(_same(file.values, output.values) for file, output in sides)
        hides = self._hides and still_file.values.ndim == 3
        compared = (visible(still_file), visible(moved_file)) if hides else (still_file, moved_file)
        self.sums += differ(*compared, self._tolerance)
        return still_file


def _read_contrasts(
    evaluation: Evaluation, comparisons: list[Comparison], files: list[_Files]
) -> tuple[Sides[Contrast], tuple[float, float | None]]:
    """What the rows of these comparisons need of contrasts, from two more readings of what is not held.

    And (peak, spread) of the file, where it holds other values than the output.
    """
    needed = [
        list(chain.from_iterable(side)) for side in zip(*(each.rectangles() for each in comparisons), strict=True)
    ]
    file, cells = next((each for each in files if not each.same), None), evaluation.lattices.output
    readings = [Deviations(side) for side in (*needed, [cells.inside, Rectangle.whole(cells.shape)])]
    dtypes = [evaluation.source.dtype] * 2
    for take in (Deviations.add, Deviations.deviate):
        for band in evaluation.bands():
            last = None if file is None else file.piece(band.output)
            dtypes[1] = dtypes[1] if last is None else last.values.dtype
            for reading, side in zip(readings, (*band, last), strict=True):
                if side is not None:
                    take(reading, side)
    peaks = [_peak(reading, dtype) for reading, dtype in zip((readings[0], readings[3]), dtypes, strict=True)]
    peaks[0] = peaks[0] if evaluation.how.peak is None else evaluation.how.peak
    picture, features, output = (KnownContrast(reading.spreads(), peaks[0]) for reading in readings[:3])
    return Sides(picture, features, output), (peaks[1], readings[3].spreads()[cells.inside])


def _peak(reading: Deviations, dtype: np.dtype[Any]) -> float:
    """What PSNR is relative to: the range of the values read, or all that an integer dtype holds."""
    return max(0.0, reading.high - reading.low) if dtype.kind == "f" else value_range(np.empty(0, dtype))
