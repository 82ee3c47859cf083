"""Ctrl-C in the middle of a batch: the pictures under way are finished, no other is begun."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

TOLD = b"poolcli: finishing the pictures under way; Ctrl-C again to leave them\n"


@contextmanager
def gently(wanted: bool) -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether Ctrl-C was pressed; a second Ctrl-C raises KeyboardInterrupt as ever.

    Leaving the block after a Ctrl-C raises KeyboardInterrupt too. Not `wanted`: every Ctrl-C raises.
    """
    pressed = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        pressed.set()
        with suppress(OSError):
            os.write(told, TOLD)  # not print: this may be in the middle of one

    if not wanted or threading.current_thread() is not threading.main_thread():  # where signals cannot be asked for
        yield pressed.is_set
        return
    told = sys.__stderr__.fileno() if sys.__stderr__ else 2  # which need not be 2, see cli/streams.py
    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed.is_set
        if pressed.is_set():
            raise KeyboardInterrupt
    finally:
        signal.signal(signal.SIGINT, before)
