"""The built-in story of `poolcli show`: a drawn "1", its filter, its pooling, 38 -> 12, what that means, and the 4 x 4.

It is told in English and Korean, since the figure comes from a Korean text book.
"""

from typing import Any

import numpy as np

from poolcli.ops.arrays import Array
from poolcli.recipe import Recipe, parse_recipe
from poolcli.report.figures import percent
from poolcli.report.interactive import Step, language_of, show_page, view_of
from poolcli.shift.record import ShiftRow

ONE = """
....##
..####
.##.##
##..##
....##
....##
....##
....##
....##
....##
....##
....##
....##
....##
....##
..######
..######
"""
FOUR = ((12, 20, 30, 0), (8, 12, 2, 0), (34, 70, 37, 4), (112, 100, 25, 12))
LAYERS = "conv:line-v relu max:2"

# Of every step: the layers, what of the controls is there, what is drawn at first. Its words are in page/LANGUAGE.json.
STEPS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", ("shift", "view"), ()),
    ("conv:line-v relu", ("filter", "view"), ()),
    (LAYERS, ("pooling", "view"), ("grid", "marks")),
    (LAYERS, ("shift", "view"), ()),
    (LAYERS, ("filter", "pooling", "shift", "view"), ()),
    ("max:2", ("pooling", "view"), ("grid", "marks")),
)


def one() -> Array:
    """The "1": 28 x 28 of uint8, white on black, with a stem of two pixels."""
    pixels = np.zeros((28, 28), np.uint8)
    for row, line in enumerate(ONE.split(), start=6):
        for column, ink in enumerate(line, start=10):
            pixels[row, column] = 255 * (ink == "#")
    return pixels


def story_page(row: ShiftRow, language: str) -> str:
    """The story as one page; `row` is what a shift by one pixel left changes of the "1" under LAYERS."""
    texts = language_of(language)
    facts = {
        "pixels": row.raw.pixels,
        "outputs": row.pooled.pixels,
        "before": row.raw.changed,
        "after": row.pooled.changed,
        "before_share": percent(row.raw.fraction),
        "after_share": percent(row.pooled.fraction),
        "residual": percent(row.residual or 0),
    }
    steps = [
        Step(heading.format(**facts), text.format(**facts), _view(layers, controls, shown))
        for (layers, controls, shown), (heading, text) in zip(STEPS, texts["steps"], strict=True)
    ]
    return show_page(texts["title"], steps, language)


def _view(layers: str, controls: tuple[str, ...], shown: tuple[str, ...]) -> dict[str, Any]:
    recipe: Recipe | None = parse_recipe(layers) if layers else None
    image = np.array(FOUR) if layers == STEPS[-1][0] else one()
    view = view_of(image, recipe, controls=controls, show=shown, figures="shift" in controls, written=None)
    assert view is not None  # small whole numbers, and a recipe that fits
    return view
