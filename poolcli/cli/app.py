"""The entry: runs the command that the words say, turns errors and signals into sentences and exit codes."""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

from poolcli.batch import Interrupted, interruptible, received
from poolcli.cli.output import say
from poolcli.cli.parser import HELP_WORDS, UnknownOptionError
from poolcli.errors import PoolcliError, lacks_memory, unexpected
from poolcli.storage.files import abandon

FIRST_SIGNAL = 128  # an exit code is this and the signal's number
USAGE, FAILED, CLOSED_PIPE = 2, 1, 141
VERSION_WORDS = ("--version", "-V")
WITHOUT_PIXELS = ("shape", "modes", "filters", "help")
COMPLETION_WORDS = ("--install-completion", "--show-completion")


def exit_code(error: KeyboardInterrupt) -> int:
    """What the process ends with: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return FIRST_SIGNAL + getattr(error, "number", signal.SIGINT)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 some picture failed, 2 usage, 129, 130, 141, 143."""
    _prepare_streams()
    try:
        with interruptible(ends=arguments is None):
            code = _guarded(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt as error:  # while an end was being reported
        code = exit_code(error)
    finally:
        _abandon_streams()
    if arguments is None and code > FIRST_SIGNAL:  # nobody waits, for threads that have a picture in hand neither
        os._exit(code)
    return code


def _guarded(argv: Sequence[str]) -> int:
    try:
        code = _run(argv)
        sys.stdout.flush()
    except KeyboardInterrupt as error:
        return _interrupted(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a bug is a sentence, too)
        if received.number is not None:  # a library has made something else of the exception that a signal raised
            return _interrupted(Interrupted(received.number))
        return _of_error(error)
    return int(code or 0)


def _interrupted(error: KeyboardInterrupt) -> int:
    abandon()
    return _failed("interrupted; what is finished is whole, the rest was not begun", exit_code(error))


def _of_error(error: Exception | SystemExit) -> int:
    """The exit code of what went wrong, after its sentence."""
    if isinstance(error, PoolcliError):
        return _failed(str(error), error.exit_code)
    if lacks_memory(error):
        return _failed("this machine's memory is full; what is finished is whole: run with less at a time", FAILED)
    if isinstance(error, OSError | SystemExit):  # Typer makes a broken pipe into the second
        return _of_stream(error)
    return _failed(unexpected(error), FAILED)


def _run(argv: Sequence[str]) -> int | None:
    """Run what these words say and return the exit code; Typer is loaded for help and completion alone."""
    first = argv[0] if argv else ""
    if first in VERSION_WORDS:
        from poolcli import __version__

        print(f"poolcli {__version__}")
        return 0
    completes = any(name.startswith("_POOLCLI_") for name in os.environ)  # then the words are in the environment
    from poolcli.cli.commands import COMMANDS

    if completes or first in COMPLETION_WORDS or _asks_for_help(argv[:1]):
        from poolcli.cli.help import run_typer

        return run_typer(COMMANDS, argv)
    if not argv:
        from poolcli.cli.help import show_commands

        show_commands(COMMANDS)
        return USAGE
    if first not in COMMANDS:
        from poolcli.cli.mistakes import no_command

        raise no_command(COMMANDS, argv)
    if _asks_for_help(argv[1:]):
        from poolcli.cli.help import run_typer

        return run_typer(COMMANDS, [first, "--help"])
    if first not in WITHOUT_PIXELS:
        _load_numpy_within_limits()
    try:
        return COMMANDS[first](argv[1:])
    except UnknownOptionError as error:
        from poolcli.cli.mistakes import no_option

        raise no_option(COMMANDS, error) from None


def _asks_for_help(argv: Sequence[str]) -> bool:
    """Whether `--help` or `-h` stands among the words, before `--`."""
    end = argv.index("--") if "--" in argv else len(argv)
    return any(arg in HELP_WORDS for arg in argv[:end])


def _load_numpy_within_limits() -> None:
    """Where `ulimit -v` bounds the address space, see in another process whether NumPy can be loaded, then do.

    Its OpenBLAS needs memory for threads that are not used. Where it gets none it ends the process without a word, or
    sends it SIGINT. Nothing else goes on meanwhile that takes memory.
    """
    if sys.platform != "linux":  # others have no such limit, or do not keep to it
        return
    import resource

    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        return
    import subprocess

    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    argv = [sys.executable, "-I", "-c", _LOADING, str(held)]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        raise MemoryError from error
    if done.returncode:
        raise PoolcliError(TOO_LITTLE)
    import hashlib  # noqa: F401 (which prints what it cannot load)

    import numpy  # noqa: F401


# In a process that has taken as much as its parent, and a little more.
_LOADING = """
import mmap, resource, sys
import hashlib
from pathlib import Path
own = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
held = mmap.mmap(-1, max(4096, int(sys.argv[1]) - own + (8 << 20)))
import numpy
"""
TOO_LITTLE = "NumPy needs more memory than this process may have: raise the limit (ulimit -v), to 300000 at least"


def _failed(sentence: str, code: int) -> int:
    say(sentence, lines=True)  # an error in a recipe has a caret below it
    return code


def _of_stream(error: OSError | SystemExit) -> int:
    if any(isinstance(each, BrokenPipeError) for each in (error, error.__context__)):
        return CLOSED_PIPE
    if not isinstance(error, OSError):
        raise error
    where = f"'{error.filename}'" if error.filename else "standard output or a temporary file"
    if isinstance(error, FileNotFoundError) and not error.filename:
        where = "the working directory or that of temporary files"
    return _failed(f"{where}: {error.strerror or error}; what is finished is whole", FAILED)


def _prepare_streams() -> None:
    """Names that are not valid text, or not in the terminal's encoding, must not end a run, nor 0 columns hide it."""
    if os.environ.get("COLUMNS", "").strip("0") == "":  # what some say who do not know; rich would print nothing
        os.environ.pop("COLUMNS", None)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            utf8 = stream.encoding.lower().replace("-", "") == "utf8"
            with suppress(OSError):
                stream.reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")


def _abandon_streams() -> None:
    """Let what is left in the buffers go nowhere, so that the interpreter's last flush does not complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, stream.fileno())
                os.close(null)
