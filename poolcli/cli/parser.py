"""The words of a command line: read without Typer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from poolcli.errors import UsageError
from poolcli.ops.geometry import read_whole
from poolcli.records import dataclass

# Words of a command line as values of options, without Typer: loading it takes longer than pooling a small picture.
# Neither argparse, which takes the value in `--shift -1,0` for an option, nor getopt, which takes `--over` for
# `--overwrite` and `-o --json` for a file of that name. Help and completion are Typer's, made of the same
# declarations.

Value = TypeVar("Value")
Values = Callable[[], Iterable[str]]
HELP_WORDS = ("--help", "-h")
_LONG_DASHES = ("\u2012", "\u2013", "\u2014", "\u2212")  # what text processors make of -- and -


class Option:
    """An option: how it is spelled, the type of its value, and what `--help` and completion show of it.

    Without a metavar it is a flag, else `kind` is str, int or float, or `read` makes a value of the text. `several`
    keeps the value of every occurrence, else the last one counts. `values` lists what completion offers. `also` are
    spellings of other programs (between blanks) that mean the same: they are accepted, but not shown, like an option
    that is `hidden`. `panel` is where `--help` shows it, if not in that of its group.
    """

    def __init__(
        self,
        *spellings: str,
        help: str,
        metavar: str | None = None,
        kind: type = str,
        read: Callable[[str], Any] | None = None,
        several: bool = False,
        values: Values | None = None,
        also: str = "",
        panel: str | None = None,
        hidden: bool = False,
    ) -> None:
        """The name that messages use comes first among the `spellings`."""
        self.spellings, self.help, self.metavar, self.panel = spellings, help, metavar, panel
        self.kind, self.read, self.several, self.values = kind if metavar else bool, read, several, values
        self.also, self.hidden = tuple(also.split()), hidden

    def default(self, value: Value) -> Value:
        """What an attribute of a group is declared with: `k: str = Option("--k", ...).default("2")`."""
        declared: Any = _Declared(self, value)
        return declared  # type: ignore[no-any-return]


class _Declared(NamedTuple):
    option: Option
    default: Any


class Group:
    """Options that belong together: a subclass declares each once, as a typed attribute with its default.

    `more` are options out of a table, by the names of their attributes; they stand behind the declared ones, and are
    None if not given.

    No dataclass: 13 of them took 15 of the 330 ms that one small picture takes.
    """

    PANEL = ""  # of `--help`, where an option says no other
    OPTIONS: Mapping[str, Option]  # by the names of their attributes

    def __init_subclass__(cls, more: Mapping[str, Option] | None = None) -> None:
        declared = {name: value for name, value in vars(cls).items() if isinstance(value, _Declared)}
        declared |= {name: _Declared(option, None) for name, option in (more or {}).items()}
        cls.OPTIONS = {name: value.option for name, value in declared.items()}
        for name, value in declared.items():
            setattr(cls, name, value.default)

    def __init__(self, **given: Any) -> None:
        """The options given, by the names of their attributes; TypeError for others."""
        if not given.keys() <= self.OPTIONS.keys():
            raise TypeError(f"{type(self).__name__} has no {', '.join(given.keys() - self.OPTIONS.keys())}")
        self.__dict__.update(given)

    def argv(self) -> list[str]:
        """The words of a command line that say what is given here."""
        argv: list[str] = []
        for name, value in vars(self).items():
            spelling = self.OPTIONS[name].spellings[0]
            for each in value if isinstance(value, list) else [value]:
                if each is True:
                    argv.append(spelling)
                elif each is not None and each is not False:  # 0 is a value
                    argv += [f"{spelling}={each}"] if str(each).startswith("-") else [spelling, str(each)]
        return argv


@dataclass(frozen=True)
class Command:
    """A command: what `--help` shows of it, the groups of options that it takes, and the function that runs it.

    `arguments` are the metavars of what stands without an option: `A`, `[TOPIC]`, `INPUT...`; `run` is called with one
    instance of every group, in their order, and the list of arguments.
    """

    name: str
    summary: str
    run: Callable[..., int | None]
    groups: tuple[type[Group], ...] = ()
    arguments: tuple[str, ...] = ()
    about: str = ""
    examples: tuple[str, ...] = ()

    def declared(self) -> list[tuple[str, str, Option]]:
        """(the panel of its group, its name, the option itself) for every option."""
        return [(group.PANEL, name, option) for group in self.groups for name, option in group.OPTIONS.items()]

    def options(self) -> dict[str, Option]:
        """Its options by name."""
        return {name: option for _, name, option in self.declared()}

    def spelled(self) -> dict[str, str]:
        """The name of an option by each of its spellings."""
        options = self.options().items()
        return {spelling: name for name, option in options for spelling in (*option.spellings, *option.also)}

    def __call__(self, argv: Sequence[str]) -> int | None:
        """Run it with these words; UsageError where they cannot be read."""
        values, arguments = parse(self, argv)
        groups = [group(**{name: values[name] for name in group.OPTIONS if name in values}) for group in self.groups]
        return self.run(*groups, arguments)


class UnknownOptionError(UsageError):
    """`command` has no option of this `spelling`; who knows the other commands can say what was meant.

    `given` are the arguments before it, `value` is the word that would be its value.
    """

    def __init__(self, command: Command, spelling: str, given: Sequence[str], value: str) -> None:
        super().__init__(f"{command.name} has no option {spelling}: see poolcli {command.name} --help")
        self.command, self.spelling, self.given, self.value = command, spelling, given, value


def parse(command: Command, argv: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """(the values of the options given, by name; the arguments); UsageError for what cannot be read."""
    reader = _Reader(command, list(argv))
    while reader.rest:
        arg = reader.rest.pop(0)
        if arg == "--":
            reader.arguments += reader.rest
            break
        if arg.startswith("--"):
            reader.long(arg)
        elif arg.startswith("-") and arg != "-":
            reader.short(arg)
        elif arg.startswith(_LONG_DASHES) and arg[1:2].isalpha():
            raise UsageError(f"'{arg}' begins with a dash that a text program made longer: type - or -- instead")
        else:
            reader.arguments.append(arg)
    _check_number(command, reader.arguments)
    return reader.values, reader.arguments


class _Reader:
    """What is read so far, and the words that follow."""

    def __init__(self, command: Command, rest: list[str]) -> None:
        self.command, self.rest = command, rest
        self.options, self.spelled = command.options(), command.spelled()
        self.values: dict[str, Any] = {}
        self.arguments: list[str] = []

    def long(self, arg: str) -> None:
        """`--json`, `--k 2` or `--k=2`."""
        spelling, equals, value = arg.partition("=")
        name = self._find(spelling.replace("_", "-"), arg)
        if self.options[name].kind is not bool:
            self._store(name, spelling, value if equals else self._following(name, spelling))
        elif equals:
            raise UsageError(f"{spelling} takes no value, got '{value}': write {spelling} alone, or leave it out")
        else:
            self.values[name] = True

    def short(self, arg: str) -> None:
        """`-q`, `-rq`, `-k 2`, `-k2` or `-k=2`."""
        if f"-{arg.partition('=')[0]}" in self.spelled and arg[2:3] not in ("", "="):
            raise UsageError(f"'{arg}' has one dash: did you mean '-{arg}'?")
        for at, letter in enumerate(arg[1:], 2):
            spelling = f"-{letter}"
            name = self._find(spelling, arg)
            if self.options[name].kind is not bool:
                value = arg[at:].removeprefix("=") or self._following(name, spelling)
                self._store(name, spelling, value)
                return
            self.values[name] = True

    def _find(self, spelling: str, arg: str) -> str:
        if spelling in self.spelled:
            return self.spelled[spelling]
        value = arg.partition("=")[2] or (self.rest[0] if self.rest else "")
        raise UnknownOptionError(self.command, spelling, self.arguments, value)

    def _following(self, name: str, spelling: str) -> str:
        """The word after an option; an option is no value, lest `-o --json` write a file of that name."""
        if not self.rest or self.rest[0].partition("=")[0] in self.spelled or self.rest[0] == "--":
            got = f"got the option {self.rest[0]}" if self.rest else "got nothing"
            option = self.options[name]
            initial = option.help[:1] if option.help[1:2] == "," else option.help[:1].lower()  # "N, HxW" stays
            what = initial + option.help[1:]
            raise UsageError(f"{spelling} needs a value, {got}: give {option.metavar}, which is: {what.rstrip('.')}")
        return self.rest.pop(0)

    def _store(self, name: str, spelling: str, text: str) -> None:
        option = self.options[name]
        if option.kind is str and option.values is not None and text.lower() in option.values():
            text = text.lower()  # names are taken in any case
        value: Any = text
        if option.read is not None:
            value = option.read(text)
        elif option.kind is not str:
            value = _number(spelling, text, whole=option.kind is int)
        if option.several:
            self.values.setdefault(name, []).append(value)
        else:
            self.values[name] = value


def _number(spelling: str, text: str, *, whole: bool) -> float:
    try:
        return read_whole(text) if whole else float(text)
    except ValueError:
        what, example = ("whole number", 3) if whole else ("number", 0.5)
        raise UsageError(f"{spelling} '{text}' is no {what}: digits are allowed, as in {spelling} {example}") from None


def _check_number(command: Command, arguments: list[str]) -> None:
    """UsageError for more arguments than the command takes, or fewer than it cannot do without."""
    several = [metavar for metavar in command.arguments if metavar.endswith("...")]
    needed = [metavar for metavar in command.arguments if metavar.isalpha()]
    if len(arguments) < len(needed) and not several:
        takes = " and ".join(needed)
        raise UsageError(f"{command.name} needs {takes}, got {len(arguments)} of them; see poolcli {command.name} -h")
    if len(arguments) > len(command.arguments) and not several:
        takes = " ".join(command.arguments) or "no arguments"
        left = arguments[len(command.arguments)]
        way = f"write -o {left} if it is an output, or see" if "output" in command.options() else "see"
        raise UsageError(f"{command.name} takes {takes}, and got '{left}' too: {way} poolcli {command.name} -h")
