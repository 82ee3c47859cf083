"""A crew of processes, each with a pipe of its own and one item at a time, so that it is known whom to blame.

A worker that dies (a crash in a codec, the system's out-of-memory killer) or takes too long costs the item it had in
hand and nothing else: another takes its place. Nothing here needs `fork`.
"""

import signal
import time
import warnings
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any

from poolcli.batch import SIGNALS
from poolcli.batch.engines import Limits, Lost, attempt
from poolcli.errors import PoolcliError

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
        deadlines = [worker.deadline for worker in self._workers if worker.deadline is not None]
        patience = min(max(0.0, min(deadlines) - time.monotonic()), LONGEST_WAIT) if deadlines else None
        speaking = wait([worker.pipe for worker in self._workers], patience)
        now = time.monotonic()
        for place, worker in enumerate(self._workers):
            if worker.pipe in speaking:
                self._hear(place, worker)
            elif worker.deadline is not None and now >= worker.deadline:
                worker.process.kill()
                self._replace(place, worker, Lost("timeout", f"took more than {self._timeout:g} seconds and was ended"))

    def _hear(self, place: int, worker: "_Worker") -> None:
        try:
            said = worker.pipe.recv()
        except (EOFError, OSError):
            worker.end()
            self._replace(place, worker, Lost("crash", _how_it_died(worker.process.exitcode)))
            return
        self._stillborn = 0
        if worker.number is None:
            worker.ready = True  # the first thing it says
        else:
            self._done.append((worker.number, said))
            worker.number = worker.deadline = None
        self._hand_out()

    def _replace(self, place: int, worker: "_Worker", lost: Lost) -> None:
        worker.end()
        if worker.number is not None:
            self._done.append((worker.number, lost))
        elif not worker.ready and worker.process.exitcode not in _SENT:
            self._stillborn += 1
            if self._stillborn == TRIES:
                raise PoolcliError(f"no worker process can be started: {lost.reason}; use --engine threads")
        self._workers[place] = _Worker(self._function)


class _Worker:
    """One process: `number` is the item it has in hand, `deadline` when that has to be done."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
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


def _serve(pipe: Connection, function: Callable[[Any], Any]) -> None:
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
        with suppress(OSError):  # nobody waits for it any more
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
