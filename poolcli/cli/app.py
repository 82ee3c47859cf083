"""The commands, and the one place where an error becomes a sentence and an exit code."""

import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import Annotated

import typer

from poolcli import __version__
from poolcli.cli.groups import grouped
from poolcli.cli.plain import asked_to_complete, plain_values
from poolcli.cli.printer import say
from poolcli.cli.streams import abandon_streams, prepare_streams
from poolcli.errors import PoolcliError

FAILED, INTERRUPTED, CLOSED_PIPE = 1, 130, 141

# name -> its module in `cli.commands`, loaded when it is wanted, and the first line of its help, for the list of them
COMMANDS = {
    "pool": ("pool", "Pool pictures, after a filter if wanted, and report what a shift of each picture leaves."),
    "stack": ("stack", "Run any layers, one after the other: filters, activations, poolings, as often as wanted."),
    "compare": (
        "compare",
        "Rank modes by what they leave of a shift's change, over all shifts within a radius on every picture.",
    ),
    "diff": (
        "diff",
        "Report what the layers leave of the difference of two pictures, instead of a picture and itself moved.",
    ),
    "shape": ("shape", "Print the output size, receptive field, jump and start of every layer; nothing is run."),
    "modes": ("listing", "List the pooling modes, each with its formula, the options it takes and its source."),
    "filters": ("listing", "List the filters, each with its kernel (rows, not mirrored), its formula and its source."),
}


def command(name: str) -> Callable[..., None]:
    """The command of this name, as a function of its options."""
    module = import_module(f"poolcli.cli.commands.{COMMANDS[name][0]}")
    return grouped(getattr(module, name))


@cache
def typer_app(wanted: str | None = None) -> typer.Typer:
    """The commands as Typer knows them; with a command `wanted` (or none of them, ""), the others by name alone."""
    app = typer.Typer(
        name="poolcli",
        help="CNN pooling for pictures, and how shift-invariant it really is.",
        rich_markup_mode=None,  # plain help: rich would take longer to load than everything else
        pretty_exceptions_enable=False,
        no_args_is_help=True,
    )
    app.callback()(_common)
    for name, (_, summary) in COMMANDS.items():
        known = wanted in (None, name)
        app.command(name, help=None if known else summary, short_help=summary)(command(name) if known else _named)
    return app


def _named() -> None:
    """In place of a command that is not run."""


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"poolcli {__version__}")
        raise typer.Exit


def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """CNN pooling for pictures, and how shift-invariant it really is."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 some picture failed, 2 usage, 130, 141."""
    prepare_streams()
    try:
        return _run(arguments)
    finally:
        abandon_streams()


def _run(arguments: list[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code = _run_plainly(words)
        if code is None:
            code = typer_app(_wanted(words))(args=list(words), prog_name="poolcli", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        code = _refused(error, words)
    except PoolcliError as error:
        code = _told(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except MemoryError:
        code = _told("this machine's memory is full; what is finished is whole: run with less at a time", FAILED)
    except (OSError, SystemExit) as error:  # Typer makes a broken pipe, inside a command, into the second
        code = _of_stream(error)
    if code == INTERRUPTED:
        say("interrupted; what is finished is whole, the rest was not begun")
    return int(code or 0)


def _wanted(words: Sequence[str]) -> str | None:
    """The command that these words name, "" if none; None where a shell asks for completions, which are of all."""
    if asked_to_complete():
        return None
    return words[0] if words and words[0] in COMMANDS else ""


def _run_plainly(words: Sequence[str]) -> int | None:
    """Run what these words plainly say and return the exit code; None where Typer has to read them."""
    if not words or words[0] not in COMMANDS:
        return None
    run = command(words[0])
    values = plain_values(run, words[1:])
    if values is None:
        return None
    try:
        run(**values)
    except typer.Exit as leave:
        return leave.exit_code
    return 0


def _refused(error: typer.TyperException, words: Sequence[str]) -> int:
    """What is wrong with these words, and where it says how they should be; where there are none, that itself."""
    if not words:
        print(error.format_message(), file=sys.stderr)
        return error.exit_code
    where = " ".join(filter(None, ("poolcli", _wanted(words), "--help")))
    return _told(f"{error.format_message().rstrip('. ')}; see {where}", error.exit_code)


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
