"""Recipes on arrays: run the layers, measure what a shift of the picture leaves. No files."""

from collections.abc import Iterable, Sequence
from functools import partial

from numpy.typing import ArrayLike

from poolcli.ops.arrays import Array, as_image
from poolcli.recipe import Recipe, as_recipe
from poolcli.shift.asked import Shift, Shifting
from poolcli.shift.measure import RowLayers, measure
from poolcli.shift.record import InputFacts, OutputFacts, ShiftReport, ShiftRow, summarize

BAND_BYTES = (
    1 << 21
)  # of a moved picture, made when it is read; smaller bands cost more calls (avg:2 of RGB: 23 ms, not 18)


def apply(recipe: Recipe | str, image: ArrayLike) -> Array:
    """Run the layers of a recipe, or of its text, on an image.

    `image` is H x W or H x W x C and the result has as many axes; filters give floats, poolings keep the dtype.
    Raises UsageError when the text is no recipe, PictureError when a window does not fit.

    >>> apply("conv:line-v relu max:2", [[0, 9, 0, 0], [0, 9, 0, 0]]).tolist()
    [[54.0, 0.0]]
    """
    return as_recipe(recipe)(as_image(image))


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
    from poolcli.banded import is_exact, run_in_bands  # not loaded for small pictures

    if not is_exact(recipe):
        return None
    most = max(1, BAND_BYTES * len(image) // image.nbytes)
    return lambda size, rows: run_in_bands(recipe, size, rows, most, alpha=alpha)


def size_of(image: Array) -> tuple[int, int]:
    """(width, height) of an image array."""
    return image.shape[1], image.shape[0]
