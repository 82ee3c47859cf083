"""Options as settings: what every picture of a run is read, pooled, measured and written by."""

from dataclasses import replace

from poolcli import images
from poolcli.batch.destination import Destination
from poolcli.batch.job import Settings
from poolcli.cli.request import Request
from poolcli.colour import Colour
from poolcli.recipe import Pool
from poolcli.stores import Place
from poolcli.stores.place import writable as taking

KEEPING_LABELS = ("majority", "center")  # poolings whose pictures are of labels, which no writer may change


def settings_of(request: Request) -> Settings:
    """The settings that the options stand for; UsageError where they cannot be."""
    reporting, reading, writing = request.reporting, request.reading, request.writing
    colour = Colour(request.colouring.linear, request.colouring.premultiply)
    colour.check(request.recipe)
    labels = all(isinstance(layer, Pool) and layer.mode in KEEPING_LABELS for layer in request.recipe.layers)
    return Settings(
        request.recipe,
        None if reporting.no_report else reporting.shifting(),
        writing.to_range or "clip",
        reading.options(),
        replace(writing.encoding(), layout=reading.layout, allow_8bit=reading.allow_8bit, labels=labels),
        writing.format_name(),
        writing.durable,
        colour,
        array_range=writing.to_range,
    )


def extension_of(format: str | None, path: Place) -> str:
    """The extension of the output for this input: its own, unless another format is wanted or it only can be read."""
    known = images.format_of(path)
    if format is not None:
        return path.suffix if known == format else images.extension_of(format)
    if known is None or images.default_format(known) == known:
        return path.suffix
    return images.extension_of(images.default_format(known))


def writable(destination: Destination, format: str | None) -> Destination:
    """`destination`, with a UsageError for an output whose extension is of no format that is written."""
    place = destination.place
    return replace(destination, place=lambda found: images.check_target(taking(place(found)), found.path, format))
