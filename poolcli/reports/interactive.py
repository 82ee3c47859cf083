"""The interactive page of one picture, and the built-in story."""

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from poolcli import __version__
from poolcli.errors import PictureError, escaped
from poolcli.images.frame import Palette
from poolcli.ops.arrays import Array
from poolcli.ops.convolve import separate
from poolcli.ops.filters import FILTERS
from poolcli.ops.geometry import EDGES, Cells
from poolcli.ops.ignored import Ignored
from poolcli.ops.modes import find_mode
from poolcli.recipe import Activation, Conv, Pool, Recipe, as_recipe, parse_recipe
from poolcli.recipe.layers import shapes
from poolcli.records import dataclass
from poolcli.shift.move import Source, still_and_moved
from poolcli.shift.record import Shift, Shifting, ShiftReport, ShiftRow, percent
from poolcli.visualize import Sample, array_sample, palette

# The built-in story of `poolcli show`: a drawn "1", its filter, its pooling, 38 -> 12, what that means, and the 4 x
# 4.
# It is written in English and Korean, since the figure comes from a Korean text book.

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


# What page/engine.js computes: modes with these of their options, activations. The tool does all others.
PAGE_MODES: Mapping[str, set[str]] = {
    "max": set(), "avg": {"exclude-pad"}, "min": set(), "median": set(), "majority": {"per-channel", "ties"},
    "stride": set(), "blur": {"edge"},
}  # fmt: skip
PAGE_ACTIVATIONS = ("relu", "relu6", "abs")
LARGEST_KERNEL = 49  # values: larger kernels may run as transforms, which the page does not
EXACT = 2**38  # whole numbers up to this size can be added up in a page's floats
MOST_OUTPUTS = 40_000  # bytes of the outputs of a recipe that the page does not compute
SCRIPTS = ("engine.js", "explorer.js")


def page_layers(recipe: Recipe) -> list[dict[str, Any]] | None:
    """The layers for page/engine.js; None where one is not among those that it computes."""
    if type(recipe) is not Recipe:  # it works on other values than those of the picture
        return None
    layers = [_page_layer(layer) for layer in recipe.layers]
    return None if None in layers else [layer for layer in layers if layer]


def _page_layer(layer: Conv | Activation | Pool) -> dict[str, Any] | None:
    if layer.edge not in (*EDGES, None):
        return None
    if isinstance(layer, Activation):
        return {"kind": "activation", "name": layer.name} if layer.name in PAGE_ACTIVATIONS else None
    if isinstance(layer, Conv):
        if len(layer.kernel) * len(layer.kernel[0]) > LARGEST_KERNEL:
            return None
        form = {"kind": "conv", "name": layer.name, "s": layer.stride, "edge": layer.edge}
        return {**form, "passes": passes(layer.kernel)}
    known, usual = PAGE_MODES.get(layer.mode), find_mode(layer.mode).options
    given = {name for name, value in layer.options if value != usual[name]}
    if known is None or not given <= known or isinstance(layer.window, Cells):
        return None
    window = layer.window
    form = {"kind": "pool", "mode": layer.mode, "k": window.k, "s": window.s, "d": window.dilation}
    return {**form, "padding": window.padding, "ceil": window.ceil, **dict(layer.options)}


def passes(kernel: Any) -> list[list[list[float]]]:
    """A kernel as the tool runs it: as one, or as a column and a row."""
    return [part.tolist() for part in separate(np.array(kernel, np.float64))]


def filters(recipe: Recipe | None) -> Mapping[str, list[list[list[float]]]]:
    """Every filter of the table, and of a recipe, by its name, as `passes`."""
    own = {layer.name: layer.kernel for layer in recipe.layers if isinstance(layer, Conv)} if recipe else {}
    return {
        name: passes(kernel) for name, kernel in ({name: row.kernel for name, row in FILTERS.items()} | own).items()
    }


def page_picture(image: Array, *, alpha: bool = False, wide: bool = False) -> dict[str, Any] | None:
    """The values of a picture (H x W or H x W x C); None for whole numbers too large for a page's floats.

    `wide`: means are summed in float64, as where values are to be ignored.
    """
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
        "wide": wide,
        "data": b64encode(data).decode(),
    }


def view_of(
    image: Array, recipe: Recipe | None, *, alpha: bool = False, ignored: Ignored | None = None, **more: Any
) -> dict[str, Any] | None:
    """What an explorer shows: a picture and the layers on it (None: none yet); `more` are fields of its own.

    None where a page cannot: the values are too large for it, or the recipe does not fit the picture. None of the
    values is `ignored`, but they might be.
    """
    how: dict[str, Any] = {"alpha": alpha, "ignored": ignored}
    picture = page_picture(image, alpha=alpha, wide=ignored is not None)
    if picture is None:
        return None
    view = {
        "picture": picture,
        "layers": page_layers(recipe) if recipe else [],
        "modes": [*PAGE_MODES],
        "filters": filters(recipe),
        "heat": palette().tolist(),
        "shift": (-1, 0),
        "edge": "replicate",
        "written": "clip",
        **more,
    }
    try:
        if recipe and view["layers"] is None:
            view["fixed"] = _outputs(image, recipe, view.get("shifts", [view["shift"]]), view["edge"], how)
        elif recipe:
            list(shapes(recipe, *image.shape[:2]))
    except PictureError:
        return None
    return view


def _outputs(
    image: Array, recipe: Recipe, shifts: Sequence[tuple[int, int]], edge: str, how: Mapping[str, Any]
) -> dict[str, Any]:
    """What a recipe that the page does not compute makes of a picture, and of it moved: some shifts, by their size."""
    outputs: dict[str, Any] = {}
    size = 0
    seen = recipe.footprints(*image.shape[:2])
    with np.errstate(all="ignore"):
        for dx, dy in shifts:
            sources = still_and_moved(Source.of(image), (dx, dy), edge)
            still, moved = (recipe(each.rows(0, each.shape[0]), **how) for each in sources)
            size += 2 * still.nbytes
            if outputs and size > MOST_OUTPUTS:
                break
            outputs[f"{dx},{dy}"] = [page_picture(each, alpha=how["alpha"]) for each in (still, moved)]
    feet = [
        {"size": out, "jump": n / out, "field": 0, "start": 0} if foot is None
        else {"size": out, "jump": foot.jump, "field": foot.field, "start": foot.start}
        for out, n, foot in zip(still.shape, image.shape, seen or (None, None), strict=False)
    ]  # fmt: skip
    return {"name": str(recipe), "options": recipe.argv, "feet": feet, "outputs": outputs}


def sample_view(sample: Sample, name: str, report: ShiftReport, *, call: str | None = None) -> dict[str, Any] | None:
    """The explorer of a part of a picture, moved as the worst shift of its report.

    None where a page cannot hold its values or some are ignored, or the recipe does not fit the part.
    """
    if not sample.valid:
        return None
    if page_layers(sample.recipe) is None:
        lighter = _lighter(sample)
        if lighter is None:
            return None
        sample = lighter
    x, y, width, height = sample.region
    place = f"Pixels {x} to {x + width - 1} across and {y} to {y + height - 1} down, as a picture of its own"
    worst = report.summary.worst
    more: dict[str, Any] = {
        "name": escaped(name),
        "shift": (worst.dx, worst.dy),
        "shifts": [(row.dx, row.dy) for row in report.shifts],
        "edge": report.shifts[0].edge,
        "written": sample.to_range,
        "peak": sample.how.peak,
        "palette": _colours(sample.palette),
        "modes": [mode for mode in PAGE_MODES if sample.palette is None or find_mode(mode).keeps_values],
        "labels": sample.how.labels,
        "tolerance": sample.tolerance,
        "options": sample.argv,
        "call": call,
        "part": "" if sample.whole else place,
    }
    if sample.other is not None:
        more |= {"other": page_picture(sample.other, wide=sample.how.ignored is not None), "edge": "replicate"}
    return view_of(sample.pixels, sample.recipe, alpha=sample.how.alpha, ignored=sample.how.ignored, **more)


def _lighter(sample: Sample) -> Sample | None:
    """The upper left of a sample whose outputs are too large to be held; None where those of any part are."""
    height, width = sample.pixels.shape[:2]
    before = 0
    with np.errstate(all="ignore"), suppress(PictureError):
        while (size := 2 * sample.recipe(sample.pixels[:height, :width], alpha=sample.how.alpha).nbytes) > MOST_OUTPUTS:
            if size == before:  # the recipe says how large an output is, whatever the picture
                return None
            before = size
            height, width = max(1, height * 3 // 4), max(1, width * 3 // 4)
    if (height, width) == sample.pixels.shape[:2]:
        return sample
    other = None if sample.other is None else sample.other[:height, :width]
    region = (*sample.region[:2], width, height)
    return replace(sample, region=region, whole=False, pixels=sample.pixels[:height, :width], other=other)


def _colours(palette: Palette | None) -> list[list[int]] | None:
    """The colours of a palette as red, green and blue."""
    if palette is None:
        return None
    step = len(palette.mode)
    return [list(palette.colours[at : at + 3]) for at in range(0, len(palette.colours), step)]


@dataclass(frozen=True, slots=True)
class Inline:
    """A page that a notebook shows in a frame of its own, `height` pixels high; `html` is the page."""

    html: str
    height: int

    def _repr_html_(self) -> str:
        """The page as the frame's text: it sees nothing of the notebook, and the notebook's styles do not reach it."""
        return (
            f'<iframe srcdoc="{escape(self.html)}" sandbox="allow-scripts" title="poolcli" '
            f'style="width: 100%; height: {self.height}px; border: 0; resize: vertical"></iframe>'
        )


def show(
    image: ArrayLike,
    layers: Recipe | str = "max:2",
    shifts: Iterable[Shift] = ((-1, 0),),
    *,
    edge: str = "replicate",
    tolerance: float = 0,
    labels: bool = False,
    height: int = 800,
) -> Inline:
    """The interactive page of what the layers of a recipe do to an image, for a notebook.

    `image` is H x W or H x W x C; of one larger than 128 x 128 the page holds the part whose output changes most.
    `shifts`, `edge`, `tolerance` and `labels` are as in `shift_report`; the page begins with the shift that leaves most
    of the change. `height` is that of the frame, in pixels of the screen. Raises as `shift_report`, and PictureError
    where a page cannot hold the values.

    >>> show([[12, 20], [8, 12]]).html[:15]
    '<!doctype html>'
    """
    shifting = Shifting(tuple(shifts), edge, tolerance)
    sample, report = array_sample(as_recipe(layers), image, shifting, labels=labels)
    (width, rows), dtype = report.input.size, report.input.mode
    return Inline(
        sample_page(sample, f"Array of {width} x {rows}, {dtype}", report, "en", call="image"),
        height,
    )


def explorer(name: str, view: Mapping[str, Any]) -> str:
    """The markup of an explorer: where it goes, and its data."""
    return f'<div class="explorer" data-view="{name}"></div>{script_data(name, view)}'


def script_data(name: str, value: Any) -> str:
    """A value for a page's script, under an id: text that no markup can come out of."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return f'<script type="application/json" id="{name}">{text}</script>'


def asset(name: str) -> str:
    """A file of the folder `page`; a script without its comments and indents, a sixth of it."""
    text = files("poolcli.reports").joinpath("page", name).read_text("utf-8")
    if not name.endswith(".js"):
        return text
    lines = (line.strip() for line in text.splitlines())  # no text of a script goes over several lines
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def language_of(name: str) -> dict[str, Any]:
    """The words of a language: the story's title and steps, and those of the controls by their English."""
    translations: dict[str, Any] = json.loads(asset(f"{name}.json"))
    return translations


def page_top(title: str, scripts: Sequence[str], language: str = "en") -> str:
    """The beginning of any page up to its body, whose policy allows its own style and these scripts."""
    style = asset("page.css")
    return Template(asset("top.html")).substitute(
        lang=language,
        title=escape(escaped(title)),
        version=__version__,
        style=style,
        policy=policy(style, scripts),
    )


def policy(style: str, scripts: Sequence[str]) -> str:
    """A Content-Security-Policy that allows this style and these scripts and nothing else."""
    allowed = " ".join(_hash(script) for script in scripts) or "'none'"
    return (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {allowed}; base-uri 'none'; "
        "form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@dataclass(frozen=True, slots=True)
class Step:
    """An explorer with what is said of it; both texts may be empty."""

    title: str
    text: str
    view: Mapping[str, Any]


def sample_page(sample: Sample, name: str, report: ShiftReport, language: str, *, call: str | None = None) -> str:
    """The page of one picture; PictureError where a page cannot show it.

    `call`: what an array is called in the line of Python that does the same.
    """
    view = sample_view(sample, name, report, call=call)
    if view is None:
        (width, height), dtype = sample.region[2:], sample.pixels.dtype
        why = (
            f"its values ({width} x {height} of {dtype}) or its outputs are too large, or {sample.recipe} does not fit"
        )
        if not sample.valid:
            why = "some of its values are ignored, which a page does not know: use --ignore none"
        raise PictureError(f"{name}: cannot be shown, since {why}")
    return show_page(name, [Step("", view["part"], view)], language)


def show_page(title: str, steps: Sequence[Step], language: str = "en") -> str:
    """A page of explorers, one after the other; a single one takes the whole width."""
    scripts = [asset(name) for name in SCRIPTS]
    translations = language_of(language)["words"]
    parts = [_step_markup(number, len(steps), step, translations) for number, step in enumerate(steps, 1)]
    return Template(asset("show.html")).substitute(
        top=page_top(title, scripts, language),
        title=escape(escaped(title)),
        version=__version__,
        content="\n".join(parts),
        scripts="".join(f"<script>{script}</script>" for script in scripts),
    )


def _step_markup(number: int, count: int, step: Step, translations: Mapping[str, str]) -> str:
    live = explorer(f"view-{number}", {**step.view, "words": translations})
    title, text = escape(escaped(step.title)), escape(escaped(step.text))
    if count == 1:
        return f'<section class="card">{f"<p>{text}</p>" if text else ""}{live}</section>'
    following = (
        f'<p><a class="next" href="#step-{number + 1}" aria-label="{number + 1}">&#8595;</a></p>'
        if number < count
        else ""
    )
    return (
        f'<section class="card step" id="step-{number}"><div class="said"><p class="muted">{number} / {count}</p>'
        f"<h2>{title}</h2><p>{text}</p>{following}</div><div>{live}</div></section>"
    )
