"""Progress on stderr: a bar on a terminal, now and then a line elsewhere, nothing where it is not wanted."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from poolcli.cli.printer import say
from poolcli.cli.tally import Tally

if TYPE_CHECKING:
    from poolcli.cli.pyramid import Tiles

EVERY = 30.0  # seconds between two lines


@contextmanager
def progress(tally: "Tally | Tiles", *, quiet: bool) -> Iterator[Callable[[], None]]:
    """Give a function to call after every outcome."""
    if quiet or tally.total < 2:
        yield lambda: None
    elif sys.stderr.isatty():
        with _bar(tally) as advance:
            yield advance
    else:
        yield _lines(tally)


def _lines(tally: "Tally | Tiles", clock: Callable[[], float] = time.monotonic) -> Callable[[], None]:
    following = clock() + EVERY

    def advance() -> None:
        nonlocal following
        if clock() >= following and tally.told < tally.total:
            following = clock() + EVERY
            say(tally.line())

    return advance


@contextmanager
def _bar(tally: "Tally | Tiles") -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TextColumn("[red]{task.fields[failed]}"),
        TimeRemainingColumn(),
    )
    # What goes to stdout is left alone, unless it goes to the same terminal: then it is put above the bar.
    bar = Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty(), expand=True
    )
    with bar:
        task = bar.add_task("", total=tally.total, speed="", failed="")

        def advance() -> None:
            failed = f"{tally.failed} failed" if tally.failed else ""
            bar.update(task, total=tally.total, completed=tally.told, speed=tally.speed, failed=failed)

        yield advance
