"""Engines: ways to run a function over items. All are the same map: (item, result) pairs, as they finish.

A row of ENGINES makes a crew, which takes items and gives results; `run` feeds it, never more than it has places for
and never more than fits into the memory allowed, so that a million items need no more than a few.
"""

import os
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, TypeVar

from poolcli.errors import PoolcliError, UsageError, lacks_memory, missing, unexpected, unknown
from poolcli.stores.redact import redacted

Item = TypeVar("Item")
Result = TypeVar("Result")

ALLOWED_FAILURES = 1


def print_nothing(text: str) -> None:
    """For whom nobody listens to."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at once: `jobs` workers, `memory` bytes of decoded pictures; and `timeout` seconds an item.

    For dask: the address of a `scheduler`, or how many workers of our own an item may cost (beside the first) before
    it is blamed; `tell` is called with a line for people.
    """

    jobs: int = 1
    memory: int | None = None
    timeout: float | None = None
    scheduler: str | None = None
    allowed_failures: int = ALLOWED_FAILURES
    tell: Callable[[str], None] = print_nothing


@dataclass(frozen=True, slots=True)
class Lost:
    """In place of a result: the worker did not live to give it, and why; `kind` is one word for it."""

    kind: str
    reason: str


def attempt(function: Callable[[Item], Result], item: Item, through: tuple[type[Exception], ...] = ()) -> Result | Lost:
    """What the function makes of an item; a bug that the item meets, or memory that it lacks, costs this item alone.

    What is raised of the kinds in `through` ends the run.
    """
    try:
        return function(item)
    except through:
        raise
    except PoolcliError as error:
        return Lost(error.kind, str(error))
    except Exception as error:  # noqa: BLE001 (a bug, reported as one)
        if lacks_memory(error):
            return Lost("memory", "too large for the memory of this machine: use a crop of it")
        return Lost("unexpected", redacted(unexpected(error)))


class Crew(Protocol):
    """Workers. `places`: how many items may be under way."""

    places: int

    def submit(self, number: int, item: Any) -> None:
        """Let a worker begin with an item."""

    def finished(self) -> tuple[int, Any]:
        """Wait for the next result, or Lost, with its item's number."""


Recruit = Callable[[Callable[[Any], Any], Limits], AbstractContextManager[Crew]]


@dataclass(frozen=True, slots=True)
class Engine:
    """A row of the table; `crew` is module:class of this room. `kills`: it can end an item that takes too long.

    `away`: its workers share no memory with this process. `package` is what the extra `cluster` brings for it.
    """

    name: str
    crew: str
    kills: bool = False
    away: bool = False
    package: str | None = None

    def load(self) -> Recruit:
        """The class of its crew."""
        module, name = self.crew.split(":")
        found: Recruit = getattr(import_module(f"poolcli.batch.{module}"), name)
        return found


ENGINES: Mapping[str, Engine] = {
    engine.name: engine
    for engine in (
        Engine("serial", "crews:Serial"),
        Engine("threads", "crews:Threads"),
        Engine("processes", "processes:Processes", kills=True, away=True),
        Engine("dask", "cluster:Dask", away=True, package="distributed"),
    )
}
USUAL, KILLING, CLUSTER = "threads", "processes", "dask"


def find_engine(name: str | None, *, timeout: bool = False, scheduler: bool = False) -> Engine:
    """The engine of this name, or the usual one.

    UsageError when there is none, it cannot keep to a timeout or has no scheduler, or what it needs is not installed.
    """
    if name is None:
        name = CLUSTER if scheduler else KILLING if timeout else USUAL
    if name not in ENGINES:
        raise unknown("engine", name, ENGINES)
    if timeout and not ENGINES[name].kills:
        able = " or ".join(engine.name for engine in ENGINES.values() if engine.kills)
        raise UsageError(f"--timeout cannot end a picture in the engine '{name}': use --engine {able}")
    if scheduler and name != CLUSTER:
        raise UsageError(f"--scheduler is for --engine {CLUSTER}: leave one of them out")
    package = ENGINES[name].package
    if package and find_spec(package) is None:
        raise missing(f"--engine {name}", [package])
    return ENGINES[name]


def run(
    engine: Engine,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    limits: Limits,
    weigh: Callable[[Item], int] = lambda item: 0,
) -> Generator[tuple[Item, Result | Lost], None, None]:
    """Every item with what `function` made of it, or Lost, as they finish. An item heavier than the memory runs alone.

    Of what the function raises only an error of the system ends the run, in this thread: it is of stdout.
    """
    under_way: dict[int, tuple[Item, int]] = {}
    weight = 0

    def take() -> tuple[Item, Result | Lost]:
        nonlocal weight
        number, result = crew.finished()
        item, freed = under_way.pop(number)
        weight -= freed
        return item, result

    with engine.load()(function, limits) as crew:
        for number, item in enumerate(items):
            own = weigh(item) if limits.memory is not None else 0
            while under_way and limits.memory is not None and weight + own > limits.memory:
                yield take()
            under_way[number] = item, own
            weight += own
            crew.submit(number, item)
            while len(under_way) >= crew.places:
                yield take()
        while under_way:
            yield take()


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
