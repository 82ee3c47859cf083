"""Signals that end a run: Ctrl-C, SIGTERM of clusters and containers, SIGHUP of a terminal that closes.

In a batch the first one lets the pictures under way be finished and no other begun; a second one leaves them. A signal
that is ignored, as SIGHUP is below `nohup`, stays ignored.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from poolcli.batch import SIGNALS

FIRST_SIGNAL = 128  # an exit code is this and the signal's number
REPORTED = b"poolcli: finishing the pictures under way; Ctrl-C or the signal again to leave them\n"


class Interrupted(KeyboardInterrupt):
    """A signal has ended the run: `number` says which."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Stop:
    """What a batch asks before it begins another picture: `number` is the signal that came, or None."""

    number: int | None = None


received = Stop()  # the signal that ended this run at once, whatever became of the exception that it raised


def exit_code(error: KeyboardInterrupt) -> int:
    """What the process ends with: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return FIRST_SIGNAL + getattr(error, "number", signal.SIGINT)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    received.number = number
    raise Interrupted(number)


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the block every one of the signals raises Interrupted, so that what is half-written is removed."""
    received.number = None
    with _handled(_leave):
        yield


@contextmanager
def gently() -> Iterator[Stop]:
    """Give what a batch asks before it begins another picture; the second signal raises Interrupted."""
    stop = Stop()

    def note(number: int, frame: FrameType | None) -> None:
        stop.number = number
        for each in handled:
            signal.signal(each, _leave)
        with suppress(OSError):
            os.write(stderr, REPORTED)  # not print: this may be in the middle of one

    stderr = sys.__stderr__.fileno() if sys.__stderr__ else 2  # which need not be 2, see cli/streams.py
    with _handled(note) as handled:
        yield stop


@contextmanager
def _handled(handler: "signal._HANDLER") -> Iterator[list[int]]:
    """Within the block `handler` has the signals that are not ignored, in the thread that is asked; gives those."""
    before = {}
    if threading.current_thread() is threading.main_thread():  # the others cannot ask for signals
        known = {number: signal.getsignal(number) for number in SIGNALS}
        before = {number: old for number, old in known.items() if old not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, handler)
        yield list(before)
    finally:
        for number, old in before.items():
            signal.signal(number, old)
