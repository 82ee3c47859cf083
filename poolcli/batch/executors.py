"""Executors: one process, threads, processes or a cluster do the pictures of a plan."""

import os
import signal
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from importlib.util import find_spec
from pkgutil import resolve_name
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from poolcli.batch import SIGNALS
from poolcli.errors import PoolcliError, UsageError, failure, lacks_memory, missing, unexpected, unknown
from poolcli.records import dataclass
from poolcli.storage.stores import reason_of

if TYPE_CHECKING:
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
    """Workers. `places`: how many items may be under way."""

    places: int

    def submit(self, number: int, item: Any) -> None:
        """Let a worker begin with an item."""

    def finished(self) -> tuple[int, Any]:
        """Wait for the next result, or Failure, with its item's number."""


MakeExecutor = Callable[[Callable[[Any], Any], Limits], AbstractContextManager[Executor]]


@dataclass(frozen=True, slots=True)
class Engine:
    """A row of the table; `executor` is module:class of this room. `kills`: it can end an item that takes too long.

    `away`: its workers share no memory with this process. `package` is what the extra `cluster` brings for it.
    """

    name: str
    executor: str
    kills: bool = False
    away: bool = False
    package: str | None = None

    def load(self) -> MakeExecutor:
        """The class of its executor."""
        loaded: MakeExecutor = resolve_name(f"poolcli.batch.{self.executor}")
        return loaded


ENGINES: Mapping[str, Engine] = {
    engine.name: engine
    for engine in (
        Engine("serial", "executors:Serial"),
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
    under_way: dict[int, tuple[Item, int]] = {}
    weight = 0

    def take() -> tuple[Item, Result | Failure]:
        nonlocal weight
        number, result = executor.finished()
        item, freed = under_way.pop(number)
        weight -= freed
        return item, result

    with engine.load()(function, limits) as executor:
        for number, item in enumerate(items):
            own = memory_of(item) if limits.memory is not None else 0
            while under_way and limits.memory is not None and weight + own > limits.memory:
                yield take()
            under_way[number] = item, own
            weight += own
            executor.submit(number, item)
            while len(under_way) >= executor.places:
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


class Serial:
    """One after the other, here."""

    places = 1

    def __init__(self, function: Callable[[Any], Any], limits: Limits) -> None:
        """`limits` say nothing to this one."""
        self._function = function
        self._done: deque[tuple[int, Any]] = deque()

    def __enter__(self) -> "Serial":
        return self

    def __exit__(self, *raised: object) -> None:
        return

    def submit(self, number: int, item: Any) -> None:
        """Do it now."""
        self._done.append((number, attempt(self._function, item, (OSError,))))

    def finished(self) -> tuple[int, Any]:
        """What was done first."""
        return self._done.popleft()


ROOM = 1 << 24  # bytes


def keep_memory() -> None:
    """Keep freed memory, up to ROOM a thread, for the next array (with glibc): to give it back and take it again, page
    by page, is 5 to 9 % of the time of a batch of small pictures.
    """
    import ctypes

    with suppress(AttributeError, OSError, TypeError):  # no glibc
        ctypes.CDLL(None).mallopt(-2, ROOM)  # M_TOP_PAD


class Threads:
    """Threads of this process; Pillow's codecs and NumPy let them run side by side.

    They are daemons: a run that is interrupted twice does not wait for a picture that never ends.
    """

    def __init__(self, function: Callable[[Any], Any], limits: Limits) -> None:
        """Start `limits.jobs` threads; each has one item in hand and one waiting."""
        self.places = 2 * limits.jobs
        self._function = function
        self._threads = [Thread(target=self._work, name="poolcli worker", daemon=True) for _ in range(limits.jobs)]
        self._items: SimpleQueue[tuple[int, Any] | None] = SimpleQueue()
        self._results: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()

    def __enter__(self) -> "Threads":
        keep_memory()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(Empty):
            while True:
                self._items.get_nowait()
        for _ in self._threads:
            self._items.put(None)
        if kind is not None and not issubclass(kind, KeyboardInterrupt):  # else all is done, or the user does not wait
            for thread in self._threads:
                thread.join()  # what is under way would stay half-written

    def submit(self, number: int, item: Any) -> None:
        """Let the next free thread have it."""
        self._items.put((number, item))

    def finished(self) -> tuple[int, Any]:
        """Wait for the next result; raise what the function raised."""
        while True:
            try:
                number, result, error = self._results.get(timeout=1)  # or Windows would not notice Ctrl-C
            except Empty:
                continue
            if error is not None:
                raise error
            return number, result

    def _work(self) -> None:
        while (work := self._items.get()) is not None:
            number, item = work
            try:
                self._results.put((number, attempt(self._function, item), None))
            except BaseException as error:  # noqa: BLE001 (the end of the process, raised again by `finished`)
                self._results.put((number, None, error))


# An executor of processes, each with a pipe of its own and one item at a time, so that it is known whom to blame.
# A worker that dies (a crash in a codec, the system's out-of-memory killer) or takes too long costs the item it had
# in hand and nothing else: another takes its place. Nothing here needs `fork`.

LONGEST_WAIT = 3600  # seconds in one go: no system waits for an infinite timeout
_SENT = tuple(-number for number in SIGNALS)  # exit codes of workers that these met before they were ready
TRIES = 3  # workers that may die in a row before they were ready


class Processes:
    """`limits.jobs` processes; `limits.timeout` seconds for an item, counted from when a worker has it."""

    def __init__(self, function: Callable[[Any], Any], limits: Limits) -> None:
        """`function` and the items must be values that can be sent."""
        self.places = 2 * limits.jobs  # one each in hand, one each waiting here
        self._function, self._timeout = function, limits.timeout
        self._workers: list[_Worker] = []
        self._count = limits.jobs
        self._waiting: deque[tuple[int, Any]] = deque()
        self._done: deque[tuple[int, Any]] = deque()
        self._stillborn = 0

    def __enter__(self) -> "Processes":
        warnings.filterwarnings("ignore", "resource_tracker", UserWarning)  # a signal to the whole group has ended it
        self._workers = [_Worker(self._function) for _ in range(self._count)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        hurried = kind is not None and issubclass(kind, KeyboardInterrupt)
        for worker in self._workers:
            worker.pipe.close()  # they end by themselves, after what they have in hand, which would stay half-written
            if (hurried and worker.number is not None) or not worker.ready:
                worker.process.kill()
        for worker in self._workers:
            worker.end()

    def submit(self, number: int, item: Any) -> None:
        """Put it before the workers."""
        self._waiting.append((number, item))
        self._hand_out()

    def finished(self) -> tuple[int, Any]:
        """Wait for the next result, or for the next worker that is lost."""
        while not self._done:
            self._listen()
        return self._done.popleft()

    def _hand_out(self) -> None:
        """Give what waits to those who have nothing in hand."""
        for worker in self._workers:
            if not self._waiting:
                return
            if worker.ready and worker.number is None and worker.take(*self._waiting[0], self._timeout):
                self._waiting.popleft()

    def _listen(self) -> None:
        """Wait until a worker says something, dies, or has taken too long."""
        from multiprocessing.connection import wait

        deadlines = [worker.deadline for worker in self._workers if worker.deadline is not None]
        patience = min(max(0.0, min(deadlines) - time.monotonic()), LONGEST_WAIT) if deadlines else None
        speaking = wait([worker.pipe for worker in self._workers], patience)
        now = time.monotonic()
        for place, worker in enumerate(self._workers):
            if worker.pipe in speaking:
                self._hear(place, worker)
            elif worker.deadline is not None and now >= worker.deadline:
                worker.process.kill()
                self._replace(
                    place, worker, Failure("timeout", f"took more than {self._timeout:g} seconds and was ended")
                )

    def _hear(self, place: int, worker: "_Worker") -> None:
        try:
            said = worker.pipe.recv()
        except (EOFError, OSError):
            worker.end()
            self._replace(place, worker, Failure("crash", _how_it_died(worker.process.exitcode)))
            return
        self._stillborn = 0
        if worker.number is None:
            worker.ready = True  # the first thing it says
        else:
            self._done.append((worker.number, said))
            worker.number = worker.deadline = None
        self._hand_out()

    def _replace(self, place: int, worker: "_Worker", failure: Failure) -> None:
        worker.end()
        if worker.number is not None:
            self._done.append((worker.number, failure))
        elif not worker.ready and worker.process.exitcode not in _SENT:
            self._stillborn += 1
            if self._stillborn == TRIES:
                raise PoolcliError(f"no worker process can be started: {failure.reason}; use --engine threads")
        self._workers[place] = _Worker(self._function)


class _Worker:
    """One process: `number` is the item it has in hand, `deadline` when that has to be done."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        from multiprocessing import get_context

        context = get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other, function), name="poolcli worker", daemon=True)
        self.process.start()
        other.close()  # so that its death closes the pipe
        self.ready = False
        self.number: int | None = None
        self.deadline: float | None = None

    def take(self, number: int, item: Any, timeout: float | None) -> bool:
        """Whether it has the item in hand now; one that has died idle has not, and is heard of next."""
        try:
            self.pipe.send(item)
        except OSError:
            self.ready = False
            return False
        self.number = number
        self.deadline = None if timeout is None else time.monotonic() + timeout
        return True

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
