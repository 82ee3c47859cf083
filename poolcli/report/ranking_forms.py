"""The forms of a comparison: a table on the terminal, and files whose extension says what they hold."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from io import TextIOWrapper
from typing import TYPE_CHECKING

from poolcli.errors import UsageError, missing

if TYPE_CHECKING:
    from rich.console import Console

    from poolcli import stores
    from poolcli.report.ranking import Compared, Place, Ranking

HEADS = ("", "mode", "residual", "aligned", "absorbed", "gain", "fidelity", "by distance")
DISPENSABLE = ("absorbed", "gain", "by distance", "aligned", "fidelity")  # left out where the table is too wide
EXPLAINED = (
    "residual: what is left of the change, relative to the contrast; aligned: the same when the output may move along; "
    "absorbed, gain: changed pixels that are gone, by count, per pixel; fidelity: PSNR against the ideal down-sampling."
)


@dataclass(frozen=True, slots=True)
class RankingForm:
    """A row of the table below: `writer` (module:function of this room) gives a context for (path, ranking)."""

    writer: str
    package: str | None = None


FORMS: Mapping[str, RankingForm] = {
    ".csv": RankingForm("ranking_forms:write_csv"),
    ".json": RankingForm("ranking_forms:write_json"),
    ".html": RankingForm("ranking_page:write_ranking_page", "jinja2"),
}

Add = Callable[["Compared"], None]


def check_files(paths: "Sequence[stores.Place]", *, overwrite: bool) -> None:
    """UsageError for an extension that is no form, a form whose extra is missing, and a file that is there already."""
    for path in paths:
        form = FORMS.get(path.suffix.lower())
        if form is None:
            raise UsageError(f"'{path}' is no form of a comparison: the extensions {', '.join(FORMS)} are allowed")
        if form.package and find_spec(form.package) is None:
            raise missing(f"'{path}'", [form.package])
        if path.exists() and not overwrite:
            raise UsageError(f"'{path}' exists already: use --overwrite, or another name with -o")


def writer_of(path: "stores.Place", ranking: "Ranking") -> AbstractContextManager[Add]:
    """A context that gives a function to call with every picture; the file appears when it ends well."""
    module, name = FORMS[path.suffix.lower()].writer.split(":")
    context: AbstractContextManager[Add] = getattr(import_module(f"poolcli.report.{module}"), name)(path, ranking)
    return context


@contextmanager
def write_csv(path: "stores.Place", ranking: "Ranking") -> Iterator[Add]:
    """A row for every candidate on every picture."""
    from poolcli.report.csv_form import neutral
    from poolcli.report.ranking import FIGURES
    from poolcli.report.spool import spooled

    with spooled(path) as stream:
        text = TextIOWrapper(stream, "utf-8", errors="replace", newline="", write_through=True)
        writer = csv.writer(text)
        writer.writerow(["path", "width", "height", "name", "layers", *FIGURES])

        def add(compared: "Compared") -> None:
            for score in compared.scores:
                figures = ("" if figure is None else figure for figure in score.figures.values())
                cells = [compared.path, *compared.size, score.name, score.layers, *figures]
                writer.writerow(map(neutral, cells))

        yield add
        text.detach()


@contextmanager
def write_json(path: "stores.Place", ranking: "Ranking") -> Iterator[Add]:
    """The ranking as an array of its places."""
    from poolcli.stores import publish

    yield lambda compared: None
    with publish(path) as stream:
        places = [place.to_dict() for place in ranking.places()]
        stream.write(json.dumps(places, indent=2, allow_nan=False).encode() + b"\n")


def print_ranking(console: "Console", places: "Sequence[Place]", pictures: int) -> None:
    """The table, 80 columns wide, and what it says."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from poolcli.report.ranking import cells, top_of, words
    from poolcli.report.terminal import fitted

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    top = top_of(places)
    heads, *rows = fitted([HEADS, *(cells(place, top) for place in places)], DISPENSABLE, console.width - 1, "mode")
    for head in heads:
        left, is_name = head in ("mode", "by distance"), head == "mode"
        table.add_column(head, justify="left" if left else "right", no_wrap=not is_name, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
    console.print(Text(words(places, pictures)))
    console.print(Text(EXPLAINED, style="dim"))
    if places[0].command:
        console.print(Text(places[0].command, style="bold"), soft_wrap=True)
