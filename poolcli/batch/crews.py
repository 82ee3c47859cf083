"""The crews that live in this process: nobody but ourselves, or threads."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any

from poolcli.batch.engines import Limits, attempt


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
        if kind is not None and not issubclass(kind, KeyboardInterrupt):  # else all is done, or nobody wants to wait
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
