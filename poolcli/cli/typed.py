"""The command line as Typer knows it, for all that is not plainly said: help, completion, `--k=2`, mistakes."""

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any, get_args

import typer

from poolcli import __version__
from poolcli.cli.commands import COMMANDS, command
from poolcli.cli.groups import dressed
from poolcli.cli.plain import asked_to_complete
from poolcli.cli.printer import say
from poolcli.cli.words import Argument, Option


def run_typed(words: Sequence[str]) -> int | None:
    """Run what Typer makes of these words and return the exit code; what it refuses is told."""
    try:
        code: int | None = typer_app(_wanted(words))(args=list(words), prog_name="poolcli", standalone_mode=False)
    except typer.TyperException as error:
        return _refused(error, words)
    except typer.Abort:
        raise KeyboardInterrupt from None
    return code


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
        app.command(name, help=None if known else summary, short_help=summary)(
            typed(command(name)) if known else _named
        )
    return app


def typed(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """`function`, a command as `grouped` made it, with Typer's options and arguments in its annotations."""
    parameters = inspect.signature(function).parameters.values()

    def run(**values: Any) -> int | None:
        return function(**values)

    return dressed(run, function, [each.replace(annotation=_typed(each.annotation)) for each in parameters])


def _typed(annotation: Any) -> Any:
    kind, word = get_args(annotation)
    if isinstance(word, Option):
        return Annotated[kind, typer.Option(*word.words, help=word.help, metavar=word.metavar)]
    assert isinstance(word, Argument)
    return Annotated[kind, typer.Argument(help=word.help, metavar=word.metavar)]


def _wanted(words: Sequence[str]) -> str | None:
    """The command that these words name, "" if none; None where a shell asks for completions, which are of all."""
    if asked_to_complete():
        return None
    return words[0] if words and words[0] in COMMANDS else ""


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


def _refused(error: typer.TyperException, words: Sequence[str]) -> int:
    """What is wrong with these words, and where it says how they should be; where there are none, that itself."""
    if not words:
        print(error.format_message(), file=sys.stderr)
        return error.exit_code
    where = " ".join(filter(None, ("poolcli", _wanted(words), "--help")))
    say(f"{error.format_message().rstrip('. ')}; see {where}", lines=True)
    return error.exit_code
