"""`poolcli` and `python -m poolcli`."""

import gc
import os
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# The modules of a start are 100,000 objects that stay: looking through them every 700 or 20,000 new ones takes 5 % of
# what one small picture does, and looking through them once more at the end 20 %.
OBJECTS = 150_000
# Seconds after which a thread that wants to go on may: one that decodes while another loads modules asks for every
# piece of its file. 15 % of the time of a JPEG of 12 megapixels, and 4 % of a batch in threads.
PATIENCE = 1e-4
# NumPy's linear algebra, which is not used here, would start a thread for every processor: 30 ms, and memory for each.
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> None:
    """Run the command line and end the process with its exit code."""
    gc.set_threshold(OBJECTS)
    sys.setswitchinterval(PATIENCE)
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    try:
        own_streams()
        if sys.argv[1:] == ["--version"] and _printed_version():
            sys.exit(0)
        from poolcli.cli.app import main as run

        code = run()
    except KeyboardInterrupt:  # before anything was begun
        code = 130
    except MemoryError:
        os.write(sys.stderr.fileno(), b"poolcli: this machine has not memory enough to begin\n")
        code = 1
    gc.freeze()
    sys.exit(code)


def _printed_version() -> bool:
    """Write the version without Typer, which takes ten times as long to load; False where that cannot be done."""
    from poolcli import __version__

    try:
        sys.stdout.write(f"poolcli {__version__}\n")
        sys.stdout.flush()
    except OSError:  # `app` meets it again and reports it
        return False
    return True


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
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)


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


if __name__ == "__main__":
    main()
