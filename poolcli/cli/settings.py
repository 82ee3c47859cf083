"""Options as settings: what every picture of a run is read, pooled, measured and written by."""

from dataclasses import replace

from poolcli import images
from poolcli.batch.destination import Destination
from poolcli.batch.job import Settings
from poolcli.cli.request import Request
from poolcli.stores import Place
from poolcli.stores.place import writable as taking


def settings_of(request: Request) -> Settings:
    """The settings that the options stand for; UsageError where they cannot be."""
    reporting, reading, writing = request.reporting, request.reading, request.writing
    encoding = replace(writing.encoding(), layout=reading.layout, allow_8bit=reading.allow_8bit)
    return Settings(
        request.recipe,
        None if reporting.no_report else reporting.shifting(),
        writing.to_range or "clip",
        reading.options(),
        replace(encoding, labels=request.recipe.for_labels),
        writing.format_name(),
        writing.durable,
        request.colouring.colour([request.recipe]),
        reading.labels,
        reading.ignore,
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
