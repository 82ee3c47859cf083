"""From what a user named to jobs and through them: discover inputs, plan where each goes, run; what ends a run."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

# What ends a run: Ctrl-C, SIGTERM of clusters and containers, SIGHUP of a terminal that closes. One that is ignored, as
# SIGHUP is below `nohup`, stays ignored.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(KeyboardInterrupt):
    """A signal has ended the run: `number` says which."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Stop:
    """What a batch checks before it begins another picture: `number` is the signal that came, or None."""

    number: int | None = None


received = Stop()  # the signal that ended this run at once, whatever became of the exception that it raised


def leave(number: int, frame: FrameType | None) -> NoReturn:
    """End the run at once, as the handler of a signal."""
    received.number = number
    raise Interrupted(number)


@contextmanager
def interruptible(*, ends: bool = False) -> Iterator[None]:
    """Within the block every one of the signals raises Interrupted, so that what is half-written is removed.

    `ends`: the process does behind it, and a signal that comes so late changes nothing.
    """
    received.number = None
    with handled(leave, afterwards=signal.SIG_IGN if ends else None):
        yield


@contextmanager
def handled(handler: "signal._HANDLER", afterwards: "signal._HANDLER | None" = None) -> Iterator[list[int]]:
    """Within the block `handler` has the signals that are not ignored, in the main thread; gives those.

    `afterwards` has them behind it; None: what had them before.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():  # the others get no signals
        known = {number: signal.getsignal(number) for number in SIGNALS}
        before = {number: old for number, old in known.items() if old not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, handler)
        yield list(before)
    finally:
        for number, old in before.items():
            signal.signal(number, old if afterwards is None else afterwards)
