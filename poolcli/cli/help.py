"""Help, completion and the manual: the declarations as Typer and rich show them. Nothing else loads Typer."""

import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from importlib.resources import files
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer import rich_utils
from typer.core import TyperCommand, TyperGroup

from poolcli.cli.output import print_table, say
from poolcli.cli.parser import HELP_WORDS, Command, Values
from poolcli.errors import unknown
from poolcli.ops.filters import FILTERS
from poolcli.ops.modes import ACTIVATIONS, MODES, takes_numbers

PANELS = ("Window", "Filter", "Report", "Files", "Pictures", "Batch", "Cluster")  # in the order of a page
TOPICS = (
    "pooling", "modes", "masks", "filters", "recipes", "report", "show", "compare", "folders", "formats", "large",
    "cluster", "python", "shell", "changes",
)  # fmt: skip
ABOUT = "CNN pooling for pictures, exact with the deep-learning libraries, and how shift-invariant it really is."
EXAMPLE = "poolcli pool photo.jpg -o small.jpg --k 2 --mode max"

# Examples as bright as the rest, and no yellow, which is not seen on a light terminal.
rich_utils.STYLE_HELPTEXT = ""
rich_utils.STYLE_TYPES = rich_utils.STYLE_USAGE = "bold"


def run_typer(commands: Mapping[str, Command], argv: Sequence[str]) -> int | None:
    """Show the help that these words request, or what completes them; the exit code."""
    _prepare_completion()
    try:
        code: int | None = typer_app(commands)(args=list(argv), prog_name="poolcli", standalone_mode=False)
    except typer.TyperException as error:
        say(error.format_message(), lines=True)
        return error.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    return code


def _prepare_completion() -> None:
    """Let what stands beside a completion be one line, since a shell takes the next one for another completion; undo
    that bash takes `--mode=ma` for three words: what completes the last one is the same.
    """
    if "_POOLCLI_COMPLETE" in os.environ:
        os.environ["COLUMNS"] = "10000"
    words = os.environ.get("COMP_WORDS", "").split(" ")
    if "=" in words[1:]:
        number = int(os.environ["COMP_CWORD"])
        os.environ["COMP_CWORD"] = str(number - words[:number].count("="))
        os.environ["COMP_WORDS"] = " ".join(word for word in words if word != "=")


def show_commands(commands: Mapping[str, Command]) -> None:
    """Print the commands on stderr, for who gave none."""
    with redirect_stdout(sys.stderr):
        run_typer(commands, ["--help"])


def typer_app(commands: Mapping[str, Command]) -> typer.Typer:
    """The commands as Typer shows and completes them."""
    app = typer.Typer(
        name="poolcli",
        cls=_ShownGroup,
        help=f"{ABOUT}\n\n{EXAMPLE}\npoolcli pool --help, poolcli help",
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": list(HELP_WORDS)},
    )
    app.callback()(_common)
    for command in commands.values():
        declared = app.command(
            command.name,
            cls=_ShownCommand,
            help=_text(command),
            short_help=escape(command.summary),
            add_help_option=False,
        )
        declared(_function(command))
    return app


def _text(command: Command) -> str:
    """The summary, the examples, what the arguments are, and more."""
    examples = "\n".join(("Examples:", *(f"  {example}" for example in command.examples)))
    arguments = "\n".join(f"{metavar.strip('[.]')}: {ARGUMENTS[metavar][0]}" for metavar in command.arguments)
    return escape("\n\n".join(filter(None, (command.summary, examples, arguments, command.about))))


class _ShownCommand(TyperCommand):
    """A command whose usage line has the arguments as they are declared."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        arguments = (param.metavar for param in self.get_params(ctx) if param.param_type_name == "argument")
        return [*filter(None, arguments), "[OPTIONS]"]


class _ShownGroup(TyperGroup):
    """The program, whose options are switches and shown so: Typer calls the values of its own `<bool>`."""

    def get_params(self, ctx: Any) -> list[Any]:
        params = super().get_params(ctx)
        for param in params:
            param.metavar = ""
        return params


def _function(command: Command) -> Any:
    """A function whose signature has the options of `command`, in the order of the panels."""

    def show(**values: Any) -> None:
        """Nothing is run by Typer."""

    parameters = [*_arguments(command), *_options(command)]
    show.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    show.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return show


def _arguments(command: Command) -> Iterator[inspect.Parameter]:
    for metavar in command.arguments:
        several = metavar.endswith("...")
        values = ARGUMENTS[metavar][1]
        argument = typer.Argument(metavar=metavar, hidden=True, autocompletion=_completion(values) if values else None)
        yield _parameter(metavar.strip("[.]").lower(), list[str] if several else str, argument)


def _options(command: Command) -> Iterator[inspect.Parameter]:
    options = [(option.panel or panel, name, option) for panel, name, option in command.declared() if not option.hidden]
    for panel, name, option in sorted(options, key=lambda each: PANELS.index(each[0])):
        shown = typer.Option(
            *option.spellings,
            help=escape(option.help),
            metavar=option.metavar or "",
            rich_help_panel=panel,
            autocompletion=_completion(option.values) if option.values else None,
        )
        yield _parameter(name, list[str] if option.several else bool if option.kind is bool else str, shown)
    text = "Show this page."
    shown = typer.Option(
        *HELP_WORDS, is_eager=True, callback=_print_help, help=text, metavar="", rich_help_panel="Help"
    )
    yield _parameter("help", bool, shown)


def _parameter(name: str, kind: Any, shown: Any) -> inspect.Parameter:
    default, annotation = (False, bool) if kind is bool else (None, kind | None)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[annotation, shown]
    )


def _completion(values: Values) -> Callable[[str], list[str]]:
    """What completes a word, or what stands after the last comma or blank of it."""

    def complete(incomplete: str) -> list[str]:
        before = incomplete[: max(incomplete.rfind(","), incomplete.rfind(" ")) + 1]
        return [before + value for value in values()]

    return complete


def _layers() -> list[str]:
    return [
        *(f"{mode}:" for mode in MODES),
        *(f"conv:{name}" for name in FILTERS),
        *(f"{name}:" if takes_numbers(name) else name for name in ACTIVATIONS),
    ]


def topics() -> dict[str, str]:
    """The pages of the manual, each with what its heading says of it."""
    lines = ((topic, _page(topic).partition("\n")[0]) for topic in TOPICS)
    return {topic: line.partition(": ")[2] for topic, line in lines}


def _page(topic: str) -> str:
    return (files("poolcli") / "manual" / f"{topic}.md").read_text("utf-8")


def _topic_about(subject: str) -> str | None:
    """The page that has this word in its title, or else in a heading, or at the start of a row of a table."""
    name = re.escape(subject.lower().strip("-").replace("_", "-").removesuffix("s"))
    for line in (rf"^# .*\b{name}", rf"^## .*\b{name}", rf"^\| [^|]*`(?:--)?{name}s?[`=:]"):
        for topic in TOPICS:
            if re.search(line, _page(topic), re.IGNORECASE | re.MULTILINE):
                return topic
    return None


def show_page(commands: Mapping[str, Command], topic: str | None) -> None:
    """Print a page of the manual, or the list of pages; on a terminal with a pager. UsageError for an unknown topic."""
    if topic is None:
        print_table(("topic", "what `poolcli help TOPIC` shows"), topics().items())
        return
    if topic not in TOPICS:
        if topic in commands:
            run_typer(commands, [topic, "--help"])
            return
        raise unknown("topic", topic, TOPICS, _topic_about(topic))
    from rich.markdown import Markdown
    from rich.theme import Theme

    # What is seen on light terminals and on dark ones: code without a background, links without blue, nothing yellow.
    theme = Theme({"markdown.code": "cyan", "markdown.link": "underline", "markdown.link_url": "underline"})
    text = re.sub(r"^```\w+$", "```", _page(topic), flags=re.MULTILINE)
    console, page = Console(highlight=False, theme=theme), Markdown(text, code_theme="ansi_dark")
    if not console.is_terminal:
        console.print(page)
        return
    os.environ.setdefault("LESS", "FRX")  # colours through, no pager for what fits the screen
    with console.pager(styles=True):
        console.print(page)


def _print_help(context: typer.Context, given: bool) -> None:
    if given:
        context.get_help()  # which prints
        raise typer.Exit


def _common(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", metavar="", help="Print the version."),  # by `app`, before Typer is loaded
    ] = False,
) -> None:
    """What stands before a command."""


# What stands without an option, by its metavar: what `--help` says of it, and what completes it.
ARGUMENTS: Mapping[str, tuple[str, Values | None]] = {
    "INPUT...": ("Pictures, .npy arrays, folders, globs; for pool and stack also - (stdin).", None),
    "LAYERS": ('The layers, as in "conv:sobel-v relu max:2".', _layers),
    "INPUT": ("A TIFF, a .npy array, a folder that is a Zarr, or any other picture.", None),
    "[INPUT]": ("A picture, a .npy array, numbers as text, or - (stdin); the built-in story if not given.", None),
    "[LAYERS]": ('The layers, as in "conv:sobel-v relu max:2", in place of the options of Window and Filter.', _layers),
    "A": ("A picture or a .npy array.", None),
    "B": ("Another of the same size and mode.", None),
    "HxW": ("The picture's height and width, as in 224x224.", None),
    "[TOPIC]": (f"One of {', '.join(TOPICS)}.", lambda: TOPICS),
}
