"""The streams of the process: closed ones, unbuffered ones and full ones are made safe to use."""

import os
import sys
from contextlib import suppress
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_MODES = {"stdin": "r", "stdout": "w", "stderr": "w"}


class _Deaf(FileIO):
    """A stderr that drops what its disk has no room for."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError:
            return len(memoryview(data))


def own_streams() -> None:
    """Make the process's streams safe to use; once, before anything else is opened.

    A closed stream is opened again as one that can only fail: else its number would go to the next file, and what a
    library prints on stderr would end up in a picture. What C libraries print (libtiff writes warnings to
    descriptor 2) goes nowhere, since every picture has its own one sentence; what Python prints goes where it went.
    """
    _buffer_stdout()
    if os.name != "posix":
        return
    for number, (name, mode) in enumerate(_MODES.items()):
        if not _is_open(number):
            os.open(os.devnull, os.O_WRONLY if mode == "r" else os.O_RDONLY)  # the lowest free number is this one
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
    own = TextIOWrapper(BufferedWriter(_Deaf(os.dup(2), "w")), sys.stderr.encoding, line_buffering=True)
    sys.stderr = sys.__stderr__ = own  # type: ignore[misc]
    _point_nowhere(2)


def _buffer_stdout() -> None:
    """Give stdout the buffer that PYTHONUNBUFFERED takes: without one it writes what it can, and the rest is lost."""
    if isinstance(sys.stdout, TextIOWrapper) and isinstance(sys.stdout.buffer, FileIO):
        encoding, raw = sys.stdout.encoding, sys.stdout.detach()
        own = TextIOWrapper(BufferedWriter(raw), encoding, line_buffering=True)
        sys.stdout = sys.__stdout__ = own  # type: ignore[misc]


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def prepare_streams() -> None:
    """Names that are not valid text, or not in the terminal's encoding, must not end a run, nor 0 columns hide it."""
    if os.environ.get("COLUMNS", "").strip("0") == "":  # what some say who do not know; rich would print nothing
        os.environ.pop("COLUMNS", None)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            utf8 = stream.encoding.lower().replace("-", "") == "utf8"
            with suppress(OSError):
                stream.reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")


def abandon_streams() -> None:
    """Let what is left in the buffers go nowhere, so that the interpreter's last flush does not complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError):
                _point_nowhere(stream.fileno())


def _point_nowhere(number: int) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)
