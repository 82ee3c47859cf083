"""The one way to run a recipe: on arrays, whole or band by band, and on shifted pictures for the shift report."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from poolcli.ops.arrays import Array, Rows, as_image
from poolcli.ops.footprint import Footprint
from poolcli.ops.geometry import Axis, Window
from poolcli.ops.ignored import run_on
from poolcli.recipe import Conv, Pool, Recipe, as_recipe
from poolcli.recipe.layers import Layer
from poolcli.recipe.shapes import shapes
from poolcli.shift.difference import RowLayers, measure
from poolcli.shift.record import InputFacts, OutputFacts, Shift, Shifting, ShiftReport, ShiftRow, summarize

BAND_BYTES = (
    1 << 21
)  # of a moved picture, made when it is read; smaller bands cost more calls (avg:2 of RGB: 23 ms, not 18)


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
    return run_on(image, ignore, 0.0, lambda array, valid, ignored: layers.run(array, valid, ignored=ignored))


def shift_report(
    recipe: Recipe | str,
    image: ArrayLike,
    shifts: Iterable[Shift] = ((-1, 0),),
    *,
    edge: str = "replicate",
    tolerance: float = 0,
) -> ShiftReport:
    """Measure how shift-invariant the layers of a recipe are on an image.

    `image` is H x W or H x W x C; a shift is (dx, dy) in pixels, (-1, 0) moves the picture left. `edge` is what comes
    in at the border (replicate, zero, wrap) or crop. Figures are in units of the values, PSNR in dB. Raises UsageError
    and PictureError as `apply`, and when `crop` leaves nothing.

    >>> shift_report("max:2", [[0, 0, 9, 0], [0, 0, 9, 0]]).shifts[0].absorbed
    0.5
    """
    array = as_image(image)
    layers = as_recipe(recipe)
    dense, pooled = run_layers(layers, array)
    rows = measure_layers(layers, array, (dense, pooled), Shifting(tuple(shifts), edge, tolerance))
    return ShiftReport(
        InputFacts(None, size_of(array), str(array.dtype)),
        OutputFacts(None, size_of(pooled), str(pooled.dtype)),
        str(layers),
        rows,
        summarize(rows),
    )


def run_layers(recipe: Recipe, image: Array, *, alpha: bool = False) -> tuple[Array, Array]:
    """(the picture after its layers at full resolution, the output); `alpha`: the last channel is, and not filtered."""
    head, tail = recipe.split()
    dense = head(image, alpha=alpha) if head else image
    return dense, tail(dense, alpha=alpha)


def measure_layers(
    recipe: Recipe,
    image: Array,
    still: tuple[Array, Array],
    shifting: Shifting | None,
    *,
    alpha: bool = False,
    alike: Sequence[ShiftRow] | None = None,
) -> tuple[ShiftRow, ...]:
    """A row for every shift of `image`, for which `run_layers` gave `still`; none where nothing is to be shifted.

    `alike` are the rows of another recipe that begins with the same layers at full resolution.
    """
    if shifting is None:
        return ()
    head, tail = recipe.split()
    return measure(
        image,
        shifting,
        head=partial(head, alpha=alpha) if head else None,
        tail=partial(tail, alpha=alpha),
        footprints=recipe.footprints,
        still=still,
        by_rows=_by_rows(recipe, image, alpha=alpha) if head is None else None,
        alike=alike,
    )


def _by_rows(recipe: Recipe, image: Array, *, alpha: bool) -> RowLayers | None:
    """The recipe on pictures like `image` given by their rows, if that is worth it and changes no bit."""
    if image.nbytes < 2 * BAND_BYTES:
        return None
    if not is_exact(recipe):
        return None
    most = max(1, BAND_BYTES * len(image) // image.nbytes)
    return lambda size, rows: run_in_bands(recipe, size, rows, most, alpha=alpha)


def size_of(image: Array) -> tuple[int, int]:
    """(width, height) of an image array."""
    return image.shape[1], image.shape[0]


_NOT_LOCAL = ("stochastic", "aps", "maxaps")  # these draw or choose once for the whole picture
_NOT_EXACT = ("soft",)  # NumPy's exponentials are rounded by where a value lies in a vector


def is_local(recipe: Recipe) -> bool:
    """Whether every output depends on the values of its windows alone, wherever the picture begins and ends."""
    return all(map(_is_local, recipe.layers))


def _is_local(layer: Layer) -> bool:
    if isinstance(layer, Pool):
        edge, window = dict(layer.options).get("edge"), layer.window
        goes_on = isinstance(window, Window) and "wrap" not in (window.padding, edge)
        return layer.mode not in _NOT_LOCAL and goes_on
    return not isinstance(layer, Conv) or layer.edge != "wrap"


def is_exact(recipe: Recipe) -> bool:
    """Whether bands give what the whole picture gives, to the last bit."""
    return is_local(recipe) and not any(isinstance(layer, Pool) and layer.mode in _NOT_EXACT for layer in recipe.layers)


def bands(recipe: Recipe, size: tuple[int, int], rows: Rows, most: int, *, alpha: bool = False) -> Iterator[Array]:
    """The output of a local `recipe` on a picture of `size` (height, width), top to bottom.

    `rows` reads the picture; it is asked for about `most` rows at a time, more where one output sees more. A picture
    of no more rows is one band. `alpha`: the last channel is. Raises PictureError when a window does not fit.
    """
    if size[0] <= most:
        yield recipe(rows(0, size[0]), alpha=alpha)
        return
    recipe = _settled(recipe, size)
    *_, whole = shapes(recipe, *size)
    seen = whole.rows
    step = max(most // seen.jump, seen.field // seen.jump, 1)
    for first in range(0, seen.size, step):
        last = min(first + step, seen.size)
        low, high = _needed(seen, first, last, size[0])
        skipped = low // seen.jump
        yield recipe(rows(low, high), alpha=alpha)[first - skipped : last - skipped]


def run_in_bands(recipe: Recipe, size: tuple[int, int], rows: Rows, most: int, *, alpha: bool = False) -> Array:
    """What `bands` gives, put together."""
    found = bands(recipe, size, rows, most, alpha=alpha)
    band = next(found)
    whole = np.empty((output_size(recipe, size)[0], *band.shape[1:]), band.dtype)
    whole[: len(band)] = band
    done = len(band)
    for band in found:
        whole[done : done + len(band)] = band
        done += len(band)
    return whole


def output_size(recipe: Recipe, size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of the output of `recipe` on a picture of `size`."""
    *_, whole = shapes(recipe, *size)
    return whole.size


def _settled(recipe: Recipe, size: tuple[int, int]) -> Recipe:
    """The recipe with the paddings called `same` as the numbers that they are for the whole picture."""
    sizes = (size, *(shape.size for shape in shapes(recipe, *size)))
    return replace(recipe, layers=tuple(map(_with_numbers, recipe.layers, sizes)))


def _with_numbers(layer: Layer, size: tuple[int, int]) -> Layer:
    if not isinstance(layer, Pool) or not isinstance(layer.window, Window):
        return layer
    rows, columns = layer.stages(*size)[0]
    if not isinstance(layer.window.padding, str) or not isinstance(rows, Axis) or not isinstance(columns, Axis):
        return layer
    sides = (rows.before, rows.after, columns.before, columns.after)
    return replace(layer, window=replace(layer.window, padding=sides))


def _needed(seen: Footprint, first: int, last: int, height: int) -> tuple[int, int]:
    """The input rows for the outputs first ... last - 1, with one more field around them for what edges mirror."""
    low = max(0, (seen.start + first * seen.jump - seen.field) // seen.jump * seen.jump)
    high = min(height, seen.start + (last - 1) * seen.jump + 2 * seen.field)
    return low, high
