"""Threads inside one picture: work cut into parts that NumPy does side by side, since it lets go of the interpreter.

One thread unless `threads` says otherwise; answers are the same to the last bit, whatever their number.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

WORTH = 1 << 21  # bytes from which a part is worth a thread (0.1 ms of work at least)
_COUNT: ContextVar[int] = ContextVar("threads", default=1)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let what is computed inside use up to `count` threads."""
    token = _COUNT.set(count)
    try:
        yield
    finally:
        _COUNT.reset(token)


def parts(length: int, size: int) -> list[range]:
    """The numbers below `length`, cut into a part for every thread that is worth it; `size` is in bytes of them all.

    >>> with threads(2):
    ...     parts(5, 1 << 30)
    [range(0, 3), range(3, 5)]
    """
    count = max(1, min(_COUNT.get(), length, size // WORTH))
    step = -(-length // count)
    return [range(start, min(start + step, length)) for start in range(0, length, step)]


def each(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """The results in the order of the items; in threads, each in a context (error states and all) like this one."""
    if _COUNT.get() < 2 or len(items) < 2:
        return [function(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    with suppress(_NoThreadError), ThreadPoolExecutor(_COUNT.get()) as pool:
        with _starting():
            futures = [pool.submit(copy_context().run, _alone, function, item) for item in items]
        return [future.result() for future in futures]
    return [function(item) for item in items]


def beside(first: Callable[[], Item], second: Callable[[], Result], size: int) -> tuple[Item, Result]:
    """Both results: `first` in a thread beside `second` where that is worth it, else one after the other.

    `size` is in bytes of what `first` works on.
    """
    if _COUNT.get() < 2 or size < WORTH:
        return first(), second()
    from concurrent.futures import ThreadPoolExecutor

    with suppress(_NoThreadError), ThreadPoolExecutor(1) as pool:
        with _starting():
            future = pool.submit(copy_context().run, first)
        result = second()
        return future.result(), result
    return first(), second()


class _NoThreadError(Exception):
    """The system gives no more of them: what they were for is done one after the other."""


@contextmanager
def _starting() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise _NoThreadError from error


def _alone(function: Callable[[Item], Result], item: Item) -> Result:
    with threads(1):
        return function(item)
