"""The command line, and the one place where an error becomes a sentence and an exit code."""

import sys
from collections.abc import Sequence

from poolcli.cli.commands import COMMANDS, command
from poolcli.cli.plain import plain_values
from poolcli.cli.printer import say
from poolcli.cli.streams import abandon_streams, prepare_streams
from poolcli.errors import PoolcliError

FAILED, INTERRUPTED, CLOSED_PIPE = 1, 130, 141


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 some picture failed, 2 usage, 130, 141."""
    prepare_streams()
    try:
        return _told_code(arguments)
    finally:
        abandon_streams()


def _told_code(arguments: list[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code = _run(words)
        sys.stdout.flush()
    except PoolcliError as error:
        code = _told(str(error), error.exit_code)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except MemoryError:
        code = _told("this machine's memory is full; what is finished is whole: run with less at a time", FAILED)
    except (OSError, SystemExit) as error:  # Typer makes a broken pipe, inside a command, into the second
        code = _of_stream(error)
    if code == INTERRUPTED:
        say("interrupted; what is finished is whole, the rest was not begun")
    return int(code or 0)


def _run(words: Sequence[str]) -> int | None:
    """Run what these words say and return the exit code; Typer is loaded only where it has to read them."""
    if words and words[0] in COMMANDS:
        run = command(words[0])
        values = plain_values(run, words[1:])
        if values is not None:
            return run(**values)
    from poolcli.cli.typed import run_typed

    return run_typed(words)


def _told(sentence: str, code: int) -> int:
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
    return _told(f"{where}: {error.strerror or error}; what is finished is whole", FAILED)
