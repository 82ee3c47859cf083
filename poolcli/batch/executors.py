"""Executors: one process, threads, processes or a cluster do the pictures of a plan."""

import os
import signal
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from functools import partial
from importlib.util import find_spec
from math import inf
from pkgutil import resolve_name
from queue import SimpleQueue
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from poolcli.batch import SIGNALS
from poolcli.errors import PoolcliError, UsageError, failure, lacks_memory, missing, unexpected, unknown
from poolcli.records import dataclass
from poolcli.storage.stores import reason_of

if TYPE_CHECKING:
    from concurrent.futures import Future
    from multiprocessing.connection import Connection


# Engines: ways to run a function over items. All are the same map: (item, result) pairs, as they finish.
# A row of ENGINES makes an executor, which takes items and gives results; `run_tasks` feeds it, never more than it
# has places for and never more than fits into the memory allowed, so that a million items need no more than a few.

Item = TypeVar("Item")
Result = TypeVar("Result")

ALLOWED_FAILURES = 1


def print_nothing(text: str) -> None:
    """A `log` that prints nothing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at once: `jobs` workers, `memory` bytes of decoded pictures; and `timeout` seconds an item.

    For dask: the address of a `scheduler`, or how many workers of our own an item may cost (beside the first) before
    it is blamed; `log` is called with a line for people.
    """

    jobs: int = 1
    memory: int | None = None
    timeout: float | None = None
    scheduler: str | None = None
    allowed_failures: int = ALLOWED_FAILURES
    log: Callable[[str], None] = print_nothing


@dataclass(frozen=True, slots=True)
class Failure:
    """In place of a result: the worker did not live to give it, and why; `kind` is one word for it."""

    kind: str
    reason: str


def attempt(
    function: Callable[[Item], Result], item: Item, through: tuple[type[Exception], ...] = ()
) -> Result | Failure:
    """What the function makes of an item; a bug that the item meets, or memory that it lacks, costs this item alone.

    What is raised of the kinds in `through` ends the run.
    """
    try:
        return function(item)
    except through:
        raise
    except PoolcliError as error:
        return Failure(*failure(error))
    except Exception as error:  # noqa: BLE001 (a bug, reported as one)
        if lacks_memory(error):
            return Failure(*failure(MemoryError()))
        return Failure("unexpected", unexpected(error, reason_of(error)))


class Executor(Protocol):
    """Workers, with the interface of `concurrent.futures`. `places`: how many items may be under way."""

    places: int

    def submit(self, item: Any) -> "Future[Any]":
        """Let a worker begin with an item: its result, or Failure."""

    def wait(self, futures: "Iterable[Future[Any]]") -> None:
        """Wait until one of these is done, or for a second: Windows would not notice Ctrl-C before."""


MakeExecutor = Callable[[Callable[[Any], Any], Limits], AbstractContextManager[Executor]]


@dataclass(frozen=True, slots=True)
class Engine:
    """A row of the table; `executor` is module:class of this room, None: one item after the other, here.

    `kills`: it can end an item that takes too long. `away`: its workers share no memory with this process. `package` is
    what the extra `cluster` brings for it.
    """

    name: str
    executor: str | None
    kills: bool = False
    away: bool = False
    package: str | None = None


ENGINES: Mapping[str, Engine] = {
    engine.name: engine
    for engine in (
        Engine("serial", None),
        Engine("threads", "executors:Threads"),
        Engine("processes", "executors:Processes", kills=True, away=True),
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


def run_tasks(
    engine: Engine,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    limits: Limits,
    memory_of: Callable[[Item], int] = lambda item: 0,
) -> Generator[tuple[Item, Result | Failure], None, None]:
    """Every item with what `function` made of it, or Failure, as they finish.

    An item heavier than the memory runs alone. Of what the function raises only an error of the system ends the run, in
    this thread: it is of stdout.
    """
    if engine.executor is None:
        yield from ((item, attempt(function, item, (OSError,))) for item in items)
        return
    under_way: dict[Future[Result | Failure], tuple[Item, int]] = {}
    done: SimpleQueue[Future[Result | Failure]] = SimpleQueue()  # `as_completed` takes no more than it began with
    weight = 0

    def take() -> tuple[Item, Result | Failure]:
        nonlocal weight
        while done.empty():
            executor.wait(under_way)
        future = done.get()
        item, freed = under_way.pop(future)
        weight -= freed
        return item, future.result()

    make: MakeExecutor = resolve_name(f"poolcli.batch.{engine.executor}")
    with make(function, limits) as executor:
        for item in items:
            own = memory_of(item) if limits.memory is not None else 0
            while under_way and limits.memory is not None and weight + own > limits.memory:
                yield take()
            future = executor.submit(item)
            under_way[future] = item, own
            weight += own
            future.add_done_callback(done.put)
            while len(under_way) >= executor.places:
                yield take()
        while under_way:
            yield take()


def run_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], limits: Limits
) -> Iterator[tuple[Item, Result | Failure]]:
    """As `run_tasks` in the usual engine, but in the order of the items: sums of results are the same in every run."""
    finished: dict[int, tuple[Item, Result | Failure]] = {}
    following = 0
    numbered = run_tasks(ENGINES[USUAL], lambda each: function(each[1]), enumerate(items), limits)
    for (number, item), result in numbered:
        finished[number] = item, result
        while following in finished:
            yield finished.pop(following)
            following += 1


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


ROOM = 1 << 24  # bytes


def keep_memory() -> None:
    """Keep freed memory, up to ROOM a thread, for the next array (with glibc): to give it back and take it again, page
    by page, is 5 to 9 % of the time of a batch of small pictures.
    """
    import ctypes

    with suppress(AttributeError, OSError, TypeError):  # no glibc
        ctypes.CDLL(None).mallopt(-2, ROOM)  # M_TOP_PAD


class Threads:
    """Threads of this process; Pillow's codecs and NumPy let them run side by side."""

    def __init__(self, function: Callable[[Any], Any], limits: Limits) -> None:
        """`limits.jobs` threads; each has one item in hand and one waiting."""
        from concurrent.futures import ThreadPoolExecutor

        self.places = 2 * limits.jobs
        self._function: Callable[[Any], Any] = partial(attempt, function)
        self._pool = ThreadPoolExecutor(limits.jobs, "poolcli worker")

    def __enter__(self) -> Self:
        keep_memory()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        hurried = kind is not None and issubclass(kind, KeyboardInterrupt)  # a user does not wait, nor does `main`
        self._pool.shutdown(wait=not hurried, cancel_futures=True)  # what is under way would stay half-written

    def submit(self, item: Any) -> "Future[Any]":
        """Let the next free thread have it."""
        return self._pool.submit(self._function, item)

    def wait(self, futures: "Iterable[Future[Any]]") -> None:
        """Until one is done, or a second has passed."""
        from concurrent.futures import FIRST_COMPLETED, wait

        wait(futures, timeout=1, return_when=FIRST_COMPLETED)


# Why our own processes: a crash in a codec, or the system's out-of-memory killer, breaks all of the standard library's
# pool, which does not end an item that takes too long either. Here each of its threads has a process to itself: that
# costs the item it had in hand and nothing else, and another takes its place. Nothing here needs `fork`.

LONGEST_WAIT = 3600  # seconds in one go: no system waits for an infinite timeout
_SENT = tuple(-number for number in SIGNALS)  # exit codes of workers that these met before they were ready
TRIES = 3  # workers that may die in a row before they were ready


class Processes(Threads):
    """`limits.jobs` processes; `limits.timeout` seconds for an item, counted from when a worker has it."""

    def __init__(self, function: Callable[[Any], Any], limits: Limits) -> None:
        """`function` and the items must be values that can be sent."""
        super().__init__(function, limits)
        self._worker, self._timeout, self._function = partial(_Worker, function), limits.timeout, self._do
        self._workers: set[_Worker] = set()
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._replacing = Lock()  # no system call that waits for processes is made by two threads
        self._ended = False

    def __enter__(self) -> Self:
        warnings.filterwarnings("ignore", "resource_tracker", UserWarning)  # a signal to the whole group has ended it
        for _ in range(self.places // 2):
            self._idle.put(self._started())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        hurried, self._ended = kind is not None and issubclass(kind, KeyboardInterrupt), True
        for worker in self._workers.copy():
            if not worker.ready or (hurried and worker.busy):
                worker.process.kill()
        self._pool.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.end()

    def _started(self) -> "_Worker":
        worker = self._worker()
        self._workers.add(worker)
        return worker

    def _replaced(self, worker: "_Worker") -> "_Worker":
        """A worker in the place of one that is dead or will be at once; itself where all is ended."""
        with self._replacing:
            worker.end()
            if self._ended:
                return worker
            self._workers.remove(worker)
            return self._started()

    def _do(self, item: Any) -> Any:
        """What a worker makes of an item, or Failure; one that died with nothing in hand is replaced before."""
        worker, stillborn = self._idle.get(), 0
        try:
            while not worker.take(item):
                dead, worker = worker, self._replaced(worker)
                if not dead.ready and dead.process.exitcode not in _SENT:
                    stillborn += 1
                if stillborn == TRIES or self._ended:
                    raise PoolcliError(
                        f"no worker process can be started: {_how_it_died(dead.process.exitcode)}; use --engine threads"
                    )
            try:
                return worker.result(self._timeout)
            except TimeoutError:
                kind, why = "timeout", f"took more than {self._timeout:g} seconds and was ended"
            except (EOFError, OSError):
                kind, why = "crash", ""
            dead, worker = worker, self._replaced(worker)
            return Failure(kind, why or _how_it_died(dead.process.exitcode))
        finally:
            self._idle.put(worker)


class _Worker:
    """One process; `ready`: it takes items; `busy`: it has one in hand."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        from multiprocessing import get_context

        context = get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other, function), name="poolcli worker", daemon=True)
        self.process.start()
        other.close()  # so that its death closes the pipe
        self.ready = self.busy = False

    def take(self, item: Any) -> bool:
        """Whether it has the item in hand now; one that has died before has not."""
        try:
            if not self.ready:
                self.pipe.recv()  # the first thing it says
                self.ready = True
            self.pipe.send(item)
        except (EOFError, OSError):
            return False
        self.busy = True
        return True

    def result(self, timeout: float | None) -> Any:
        """What it makes of the item; TimeoutError once it has taken too long, EOFError or OSError when it dies."""
        end = time.monotonic() + (inf if timeout is None else timeout)
        while not self.pipe.poll(min(max(0.0, end - time.monotonic()), LONGEST_WAIT)):
            if time.monotonic() >= end:
                self.process.kill()
                raise TimeoutError
        result = self.pipe.recv()
        self.busy = False
        return result

    def end(self) -> None:
        """Wait for its end, which is near, and give back what it held."""
        self.pipe.close()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _serve(pipe: "Connection", function: Callable[[Any], Any]) -> None:
    """The life of a worker: an item in, a result out, until the other end of the pipe is gone."""
    for number in SIGNALS:  # Ctrl-C, and what a scheduler sends to all, are for the process that feeds us
        signal.signal(number, signal.SIG_IGN)
    pipe.send(None)  # ready
    while True:
        try:
            item = pipe.recv()
        except (EOFError, OSError):
            return
        result = attempt(function, item)
        with suppress(OSError):  # its result is not used any more
            pipe.send(result)


def _how_it_died(code: int | None) -> str:
    """An exit code in words.

    >>> _how_it_died(-9), _how_it_died(3)
    ('ended its worker process (SIGKILL: perhaps the memory ran out)', 'ended its worker process (exit code 3)')
    """
    if code is None or code >= 0:
        return f"ended its worker process (exit code {code})"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    hint = ": perhaps the memory ran out" if name == "SIGKILL" else ""
    return f"ended its worker process ({name}{hint})"
