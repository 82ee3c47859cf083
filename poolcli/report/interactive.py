"""The interactive page: a picture's values and a recipe, in a form that the page's own script (page/engine.js) can run."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np

from poolcli import __version__
from poolcli.ops.arrays import Array
from poolcli.ops.convolve import separate
from poolcli.ops.filters import FILTERS
from poolcli.ops.geometry import Window
from poolcli.recipe import Activation, Conv, Pool, Recipe
from poolcli.visualize import heat_colours

MODES = ("max", "avg", "min", "median", "majority", "stride", "blur")  # those that page/engine.js computes
LARGEST_KERNEL = 49  # values: larger kernels may run as transforms, which the page does not
EXACT = 2**38  # whole numbers up to this size can be added up in a page's floats
SCRIPTS = ("engine.js", "explorer.js")


def page_layers(recipe: Recipe) -> list[dict[str, Any]] | None:
    """The layers for page/engine.js; None where one is not among those that it computes."""
    layers = [_page_layer(layer) for layer in recipe.layers]
    return None if None in layers else [layer for layer in layers if layer]


def _page_layer(layer: Conv | Activation | Pool) -> dict[str, Any] | None:
    if isinstance(layer, Activation):
        return {"kind": "activation", "name": layer.name}
    if isinstance(layer, Conv):
        if len(layer.kernel) * len(layer.kernel[0]) > LARGEST_KERNEL:
            return None
        form = {"kind": "conv", "name": layer.name, "s": layer.stride, "edge": layer.edge}
        return {**form, "passes": passes(layer.kernel)}
    window = layer.window
    if layer.mode not in MODES or not isinstance(window, Window):
        return None
    form = {"kind": "pool", "mode": layer.mode, "k": window.k, "s": window.s, "d": window.dilation}
    return {**form, "padding": window.padding, "ceil": window.ceil, **dict(layer.options)}


def passes(kernel: Any) -> list[list[list[float]]]:
    """A kernel as the tool runs it: as one, or as a column and a row."""
    return [part.tolist() for part in separate(np.array(kernel, np.float64))]


def filters() -> Mapping[str, list[list[list[float]]]]:
    """Every filter of the table by its name, as `passes`."""
    return {name: passes(row.kernel) for name, row in FILTERS.items()}


def page_picture(image: Array, *, alpha: bool = False) -> dict[str, Any] | None:
    """The values of a picture (H x W or H x W x C); None for whole numbers too large for a page's floats."""
    if image.dtype.kind in "iu" and image.size and max(abs(int(image.min())), abs(int(image.max()))) > EXACT:
        return None
    height, width, *channels = image.shape
    data = np.ascontiguousarray(image, image.dtype.newbyteorder("<")).tobytes()
    return {
        "height": height,
        "width": width,
        "channels": channels[0] if channels else 1,
        "dtype": image.dtype.name,
        "alpha": alpha,
        "data": b64encode(data).decode(),
    }


def view_of(image: Array, recipe: Recipe | None, **more: Any) -> dict[str, Any]:
    """What an explorer shows: a picture and the layers on it (None: none yet). `more` are fields of its own."""
    view = {
        "picture": page_picture(image),
        "layers": page_layers(recipe) if recipe else [],
        "modes": MODES,
        "filters": filters(),
        "heat": heat_colours().tolist(),
        "shift": (-1, 0),
        "edge": "replicate",
        "written": "clip",
    }
    return {**view, **more}


def script_data(name: str, value: Any) -> str:
    """A value for a page's script, under an id: text that no markup can come out of."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return f'<script type="application/json" id="{name}">{text}</script>'


def asset(name: str) -> str:
    """A file of the folder `page`."""
    return files("poolcli.report").joinpath("page", name).read_text("utf-8")


def content_hash(text: str) -> str:
    """What a Content-Security-Policy calls this text, so that it allows nothing else."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def show_page(title: str, views: Sequence[tuple[str, dict[str, Any]]], *, lang: str = "en") -> str:
    """A page of explorers, each with the markup that stands before it. Titles are text, what stands before is markup."""
    style, scripts = asset("page.css"), [asset(name) for name in SCRIPTS]
    parts = [
        f'{before}<div class="explorer" data-view="view-{number}"></div>{script_data(f"view-{number}", view)}'
        for number, (before, view) in enumerate(views)
    ]
    return Template(asset("show.html")).substitute(
        lang=lang,
        title=escape(title),
        version=__version__,
        style=style,
        style_hash=content_hash(style),
        script_hashes=" ".join(f"'{content_hash(script)}'" for script in scripts),
        content="\n".join(f'<section class="card">{part}</section>' for part in parts),
        scripts="".join(f"<script>{script}</script>" for script in scripts),
    )
