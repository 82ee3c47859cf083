"""The commands: a row for each in the table at the end, and a function that makes a run or a table of its options."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poolcli.cli.comparison import Comparing, Differing, Showing, diff, rank, show
from poolcli.cli.layers import Candidates, Filtering, Pooling, recipe_of
from poolcli.cli.options import JSON, Colouring, Discovery, Reading, Reporting, Running, RunOptions, Writing
from poolcli.cli.output import print_objects, print_table
from poolcli.cli.parser import Command, Group, Option
from poolcli.cli.pyramid import Levels, Tiling, pyramid
from poolcli.errors import PictureError, UsageError, any_of, empty
from poolcli.ops.filters import FILTERS
from poolcli.ops.geometry import as_size, size_text
from poolcli.ops.modes import ACTIVATIONS, MODES, activation_text
from poolcli.recipe import is_layer, parse_recipe

if TYPE_CHECKING:
    from poolcli.recipe.layers import LayerShape


def pool(
    pooling: Pooling,
    filtering: Filtering,
    reporting: Reporting,
    running: Running,
    discovery: Discovery,
    writing: Writing,
    reading: Reading,
    colouring: Colouring,
    inputs: list[str],
) -> int:
    """Pool pictures, after a filter if wanted."""
    recipe = recipe_of(pooling, filtering)
    discovery.check(COMMANDS, inputs, running.output)
    options = RunOptions(recipe, inputs, discovery, reading, colouring, writing, reporting, running)
    from poolcli.cli.run import run  # NumPy and Pillow are loaded only now

    return run(options)


class RecipeFile(Group):
    """Layers from a file."""

    PANEL = "Files"

    recipe: str | None = Option(
        "--recipe", metavar="FILE", help="The layers from a TOML file (layers = [...]) instead."
    ).default(None)


def stack(
    reporting: Reporting,
    running: Running,
    recipe_file: RecipeFile,
    discovery: Discovery,
    writing: Writing,
    reading: Reading,
    colouring: Colouring,
    arguments: list[str],
) -> int:
    """Run any layers on pictures."""
    file = recipe_file.recipe
    if file == "":
        raise empty("--recipe", "name a file")
    if not file and not arguments:
        raise UsageError('no layers: give them first, as in "conv:sobel-v relu max:2", or in a file with --recipe')
    if file:
        from poolcli.recipe.text import read_recipe

        layers = read_recipe(Path(file))
    else:
        _check_layers_first(arguments)
        layers = parse_recipe(arguments[0])
    inputs = arguments if file else arguments[1:]
    loose = next((text for text in inputs if is_layer(text) and not Path(text).exists()), None)
    if loose and not file:
        whole = f'"{arguments[0]} {loose}"'
        raise UsageError(f"'{loose}' reads as a layer: put all layers into one pair of quotes, as in {whole}")
    if not inputs and discovery.files_from is None:
        raise UsageError(f"no input after the layers '{layers}': name a picture, a folder, a glob or - (stdin)")
    discovery.check(COMMANDS, inputs, running.output)
    options = RunOptions(layers, inputs, discovery, reading, colouring, writing, reporting, running, file)
    from poolcli.cli.run import run  # NumPy and Pillow are loaded only now

    return run(options)


def _check_layers_first(arguments: list[str]) -> None:
    """UsageError where the first word is a file, and so no layers."""
    first, *others = arguments
    if first and not is_layer(first.split(" ")[0]) and Path(first).exists():
        layers = next((text for text in others if is_layer(text.split(" ")[0])), "conv:sobel-v relu max:2")
        import shlex

        rest = shlex.join([first, *(text for text in others if text != layers)])
        raise UsageError(f"'{first}' is a file, and the layers come first: poolcli stack \"{layers}\" {rest}")


def compare(
    candidates: Candidates,
    filtering: Filtering,
    comparing: Comparing,
    discovery: Discovery,
    reading: Reading,
    colouring: Colouring,
    inputs: list[str],
) -> int:
    """Rank modes on pictures."""
    discovery.check(COMMANDS, inputs, output="", stdin=False)
    return rank(candidates, filtering, comparing, discovery, reading, colouring, inputs)


class Listing(Group):
    """How a table is printed."""

    PANEL = "Files"

    json: bool = JSON.default(False)


def shape(listing: Listing, arguments: list[str]) -> None:
    """Print what layers do to a size."""
    from poolcli.recipe.layers import shapes

    size, layers = arguments
    if is_layer(size.split(" ")[0]):
        raise UsageError(f'the size comes first: poolcli shape {layers} "{size}"')
    height, width = as_size(size, "size")
    if min(height, width) < 1:
        raise UsageError(f"size {size} is out of range: a height and a width from 1 are allowed, as in 224x224")
    try:
        rows = list(shapes(parse_recipe(layers), height, width))
    except PictureError as error:  # no picture is wrong here, but the request
        raise UsageError(str(error)) from None
    if listing.json:
        print_objects(map(_shape_object, rows))
    else:
        print_table(("output", "receptive field", "jump", "start", "layer"), map(_shape_cells, rows))


def _shape_object(shape: "LayerShape") -> dict[str, Any]:
    rows, columns = shape.rows, shape.columns
    return {
        "layer": str(shape.layer),
        "size": shape.size,
        "receptive_field": (rows.field, columns.field),
        "jump": (rows.jump, columns.jump),
        "start": (rows.start, columns.start),
    }


def _shape_cells(shape: "LayerShape") -> tuple[str, ...]:
    rows, columns = shape.rows, shape.columns
    sizes = ((rows.field, columns.field), (rows.jump, columns.jump), (rows.start, columns.start))
    return f"{shape.size[0]}x{shape.size[1]}", *map(size_text, sizes), str(shape.layer)


def modes(listing: Listing, _: list[str]) -> None:
    """List the modes."""
    if listing.json:
        print_objects(
            {"name": mode.name, "formula": mode.formula, "options": dict(mode.options), "source": mode.source}
            for mode in MODES.values()
        )
    else:
        rows = ((m.name, ", ".join(m.options) or "-", f"{m.formula} ({m.source})") for m in MODES.values())
        print_table(("mode", "options", "formula (source)"), rows)


def filters(listing: Listing, _: list[str]) -> None:
    """List the filters."""
    if listing.json:
        print_objects(
            {"name": row.name, "kernel": row.kernel, "formula": row.formula, "source": row.source}
            for row in FILTERS.values()
        )
    else:
        rows = ((row.name, _kernel_text(row.kernel), f"{row.formula} ({row.source})") for row in FILTERS.values())
        print_table(("filter", "kernel", "formula (source)"), rows)


def _kernel_text(kernel: tuple[tuple[float, ...], ...]) -> str:
    return "\n".join(" ".join(f"{value:.3g}" for value in row) for row in kernel)


def manual(arguments: list[str]) -> None:
    """Show a page of the manual."""
    from poolcli.cli.help import show_page

    show_page(COMMANDS, arguments[0] if arguments else None)


_RUN = (Reporting, Running, Discovery, Writing, Reading, Colouring)
COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        Command(
            "pool",
            "Pool pictures, and report how shift-invariant the results are.",
            pool,
            (Pooling, Filtering, *_RUN),
            ("INPUT...",),
            examples=(
                "poolcli pool photo.jpg -o small.jpg --k 3 --s 2 --padding 1",
                "poolcli pool one.png --filter line-v --activation relu --report html",
                "poolcli pool photos/ -r -o small/ --mode avg --k 4",
            ),
        ),
        Command(
            "stack",
            "Run filters, activations and poolings one after the other.",
            stack,
            (*_RUN[:2], RecipeFile, *_RUN[2:]),
            ("LAYERS", "INPUT..."),
            about="Any number of layers. A layer is MODE:K[xK][/S[xS]][+P[xP]][@D[xD]][,name=value], MODE:size=H[xW], "
            f"conv:FILTER[/S], {any_of(map(activation_text, ACTIVATIONS))}.",
            examples=(
                'poolcli stack "conv:sobel-v relu max:2" photo.jpg -o edges.png',
                'poolcli stack "conv:gauss,edge=zero avg:3/2+1,exclude-pad" photos/ -o small/',
                "poolcli stack --recipe layers.toml photo.jpg",
            ),
        ),
        Command(
            "compare",
            "Rank modes by what they leave of the change that shifts make.",
            compare,
            (Candidates, Filtering, Comparing, Discovery, Reading, Colouring),
            ("INPUT...",),
            about="Nothing is written but what -o names. The residual decides, the least first, over all shifts within "
            "a radius; beside it stand what aligning, counting and the ideal down-sampling say.",
            examples=(
                "poolcli compare photo.jpg",
                "poolcli compare photos/ -o ranking.html -o ranking.csv",
                "poolcli compare photo.jpg --modes max,avg,blur:5/2 --shifts 2",
            ),
        ),
        Command(
            "diff",
            "Report what pooling leaves of the difference of two pictures.",
            diff,
            (Pooling, Filtering, Differing, Reading, Colouring),
            ("A", "B"),
            about="Two frames of a film, two scans of a page, a picture and its noisy twin: of one size and mode.",
            examples=(
                "poolcli diff a.png b.png",
                "poolcli diff a.png b.png --mode avg --k 4 -o twins.html",
                "poolcli diff a.png b.png --tolerance 2 --json",
            ),
        ),
        Command(
            "show",
            "Show in a browser what pooling does, window by window.",
            show,
            (Showing, Pooling, Filtering, Reading),
            ("[INPUT]", "[LAYERS]"),
            about="Without an input it shows the built-in story of a drawn 1. The page is one file that loads nothing; "
            "without a display its path is printed.",
            examples=(
                "poolcli show",
                "poolcli show photo.jpg --filter sobel-v --k 3 --mode avg",
                'poolcli show one.png "conv:line-v relu max:2" -o one.html',
            ),
        ),
        Command(
            "shape",
            "Print output size and receptive field of every layer.",
            shape,
            (Listing,),
            ("HxW", "LAYERS"),
            about="Nothing is run. The receptive field is what one output value sees of the picture, the jump how far "
            "apart two neighbouring outputs lie, the start where the first one begins (below 0: in the padding).",
            examples=(
                "poolcli shape 224x224 max:2",
                'poolcli shape 224x224 "conv:gauss/2 max:3/2+1"',
                'poolcli shape 28x28 "conv:line-v relu avg:size=7x7" --json',
            ),
        ),
        Command(
            "pyramid",
            "Make a multi-resolution TIFF or OME-Zarr of a picture.",
            pyramid,
            (Levels, Tiling),
            ("INPUT",),
            about="Each level is what pooling the picture gives, to the last bit: windows of the factor, of its square "
            "and so on. The picture is read in tiles and never held.",
            examples=(
                "poolcli pyramid slide.tif -o slide.ome.tif",
                "poolcli pyramid labels.tif -o pyramid.tif --mode majority --compression zstd",
                "poolcli pyramid map.tif -o map.tif.ovr --mode median",
            ),
        ),
        Command(
            "modes",
            "List the pooling modes with formulas, options and sources.",
            modes,
            (Listing,),
            about="Names are taken in any case, and as other libraries call them: mean, MaxPool2d.",
            examples=("poolcli modes", "poolcli modes --json", "poolcli help modes"),
        ),
        Command(
            "filters",
            "List the filters with kernels, formulas and sources.",
            filters,
            (Listing,),
            about="Kernels are rows of weights, not mirrored. gauss5 and box9 are the same filters in other sizes; a "
            "kernel of your own comes from a file.",
            examples=("poolcli filters", "poolcli filters --json", "poolcli help filters"),
        ),
        Command(
            "help",
            "Show a page of the manual, or the list of its pages.",
            manual,
            (),
            ("[TOPIC]",),
            examples=("poolcli help", "poolcli help report", "poolcli help modes | less"),
        ),
    )
}
