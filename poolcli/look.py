"""What a report shows of one picture: six small pictures, before and after, still and moved, and the differences."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from poolcli import images
from poolcli.execute import size_of
from poolcli.images.show import palette_png, photo, png, shown
from poolcli.ops.arrays import Array
from poolcli.ops.geometry import Axis
from poolcli.recipe import Pool, Recipe
from poolcli.shift.asked import Shifting
from poolcli.shift.move import shifted_pair
from poolcli.shift.record import Offset
from poolcli.views.heat import change, levels, palette, peak_of
from poolcli.views.parts import Region, busiest, shrunk, stretched
from poolcli.views.survivors import dots, survivors

KEEPS_PIXELS = ("max", "min")  # poolings whose results are pixels that can be pointed at
MARK_COLOURS, MARK_ALPHA = bytes((0, 0, 0, 255, 122, 0)), bytes((0, 255))


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the pictures of a report are: the longest side of a whole picture, and of the part looked at.

    A picture that fits into `whole_up_to` is its own part. `whole` 0: no whole pictures, a thumbnail is enough.
    """

    whole: int = 640
    part: int = 48
    whole_up_to: int = 64
    thumbnail: int = 0


SHEET = Sizes()
PAGE = Sizes(whole=480, thumbnail=72)
PREVIEW = Sizes(whole=160)
LONG_PAGE = Sizes(whole=0, part=24, whole_up_to=32, thumbnail=64)


@dataclass(frozen=True, slots=True)
class Panel:
    """Six encoded pictures of one region, and the layer of marks to lay over the first; `region` in input pixels.

    `factor`: how many pixels of the input, on each axis, one pixel shown stands for. `cell`: inputs from one output to
    the next. `input`, `output`: (width, height) of the pictures as they are encoded.
    """

    region: tuple[int, int, int, int]
    factor: int
    cell: tuple[float, float]
    input: tuple[int, int]
    output: tuple[int, int]
    still: bytes
    moved: bytes
    before: bytes
    pooled: bytes
    pooled_moved: bytes
    after: bytes
    marks: bytes | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What is shown of one frame for one shift: the part worth a closer look, and the whole where that is another.

    `peaks`: the change before and after that the lightest colour of the heat-maps stands for.
    """

    shift: Offset
    part: Panel
    whole: Panel | None
    thumbnail: bytes | None
    peaks: tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Scene:
    """The arrays behind a look: (still, moved) pictures and outputs, and their changes at full size."""

    frame: images.Frame
    pictures: tuple[Array, Array]
    outputs: tuple[Array, Array]
    changes: tuple[Array, Array]
    peaks: tuple[float, float]
    cell: tuple[float, float]
    marks: Callable[[Region], Array | None]


def heat_colours() -> Array:
    """The colours of the heat-maps from no change to the largest, n x 3."""
    return palette()


def look(
    recipe: Recipe,
    frame: images.Frame,
    written: Callable[[Array], Array],
    shifting: Shifting,
    shift: Offset,
    sizes: tuple[Sizes, ...],
) -> tuple[Look, ...]:
    """A look at `frame` for one shift, in every one of `sizes`; `written` makes an output what its file holds."""
    return look_at(recipe, frame, shifted_pair(frame.pixels, shift.dx, shift.dy, shifting.edge), written, shift, sizes)


def look_at(
    recipe: Recipe,
    frame: images.Frame,
    pair: tuple[Array, Array],
    written: Callable[[Array], Array],
    shift: Offset,
    sizes: tuple[Sizes, ...],
) -> tuple[Look, ...]:
    """As `look`, at two pictures of the kind of `frame`."""
    picture, moved = pair
    with np.errstate(all="ignore"):  # as in the pipeline
        outputs = recipe(picture, alpha=frame.alpha), recipe(moved, alpha=frame.alpha)
        files = written(outputs[0]), written(outputs[1])
    changes = change(picture, moved), change(*outputs)
    scene = _Scene(
        frame,
        (picture, moved),
        files,
        changes,
        (peak_of(changes[0]), peak_of(changes[1])),
        _cell(recipe, picture, outputs[0]),
        partial(_marks, recipe, frame, picture),
    )
    return tuple(_look(scene, shift, each) for each in sizes)


def _cell(recipe: Recipe, picture: Array, output: Array) -> tuple[float, float]:
    """How many inputs, down and across, one output stands for."""
    seen = recipe.footprints(*picture.shape[:2])
    if seen is None:
        return picture.shape[0] / output.shape[0], picture.shape[1] / output.shape[1]
    return float(seen[0].jump), float(seen[1].jump)


def _look(scene: _Scene, shift: Offset, sizes: Sizes) -> Look:
    picture, output = scene.pictures[0], scene.outputs[0]
    everything = Region(0, 0, *picture.shape[:2]), Region(0, 0, *output.shape[:2])
    if max(picture.shape[:2]) <= sizes.whole_up_to:
        return Look(shift, _panel(scene, *everything, sizes.whole_up_to), None, _thumbnail(scene, sizes), scene.peaks)
    cells = max(1, round(sizes.part / scene.cell[0])), max(1, round(sizes.part / scene.cell[1]))
    kept = busiest(scene.changes[1], cells)
    part = _panel(scene, kept.scaled(scene.cell, picture.shape[:2]), kept, sizes.whole_up_to)
    whole = _panel(replace(scene, marks=_no_marks), *everything, sizes.whole) if sizes.whole else None
    return Look(shift, part, whole, _thumbnail(scene, sizes), scene.peaks)


def _thumbnail(scene: _Scene, sizes: Sizes) -> bytes | None:
    if not sizes.thumbnail:
        return None
    return photo(_displayed(scene.frame, [_small(scene.frame, scene.pictures[0], sizes.thumbnail)])[0])


def _panel(scene: _Scene, region: Region, cells: Region, side: int) -> Panel:
    frame = scene.frame
    pictures = [_small(frame, region.of(picture), side) for picture in scene.pictures]
    outputs = [_small(frame, cells.of(output), side) for output in scene.outputs]
    changes = zip((region, cells), scene.changes, scene.peaks, strict=True)
    heat = [levels(shrunk(part.of(values), side, how="max"), peak) for part, values, peak in changes]
    factor = max(1, round(region.height / pictures[0].shape[0]))
    still, moved, pooled, pooled_moved = map(
        photo if factor > 1 else png, (*_displayed(frame, pictures), *_displayed(frame, outputs))
    )
    marks = scene.marks(cells)
    return Panel(
        (region.left, region.top, region.width, region.height),
        factor,
        scene.cell,
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


def _small(frame: images.Frame, pixels: Array, side: int) -> Array:
    return shrunk(pixels, side, how="first" if frame.palette is not None else "avg")


def _displayed(frame: images.Frame, parts: list[Array]) -> list[Array]:
    """Parts of a picture, or of its outputs, as a screen shows them; other than 8 bits on one common scale."""
    found = [shown(replace(frame, pixels=part)) for part in parts if part.dtype == frame.pixels.dtype]
    if len(found) == len(parts) and all(pixels is not None for pixels in found):
        return [pixels for pixels in found if pixels is not None]
    flat = [part.mean(axis=2) if part.ndim == 3 and part.shape[2] != 3 else part for part in parts]
    return list(stretched(flat))


def _marks(recipe: Recipe, frame: images.Frame, picture: Array, cells: Region) -> Array | None:
    """The pixels that the only pooling of a recipe lets through, at the outputs `cells`; None where it is not such."""
    head, tail = recipe.split()
    layer = tail.layers[0]
    if not isinstance(layer, Pool) or layer.mode not in KEEPS_PIXELS or len(tail.layers) > 1:
        return None
    dense = head(picture, alpha=frame.alpha) if head else picture
    rows, columns = layer.window.axes(*dense.shape[:2])
    if dense.shape[:2] != picture.shape[:2] or not isinstance(rows, Axis) or not isinstance(columns, Axis):
        return None
    return survivors(dense, layer(dense, alpha=frame.alpha), (rows, columns), cells)


def _no_marks(cells: Region) -> None:
    """For pictures whose pixels are too small to mark."""


def _mark_layer(marks: Array) -> bytes:
    return palette_png(dots(marks), np.frombuffer(MARK_COLOURS, np.uint8).reshape(-1, 3), MARK_ALPHA)
