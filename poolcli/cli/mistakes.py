"""What was meant by words that no command or option is called: loaded when there is something to say about them."""

import re
from collections.abc import Mapping, Sequence
from os.path import lexists
from pathlib import Path
from shlex import join, quote

from poolcli.cli.parser import Command, UnknownOptionError
from poolcli.errors import UsageError, nearest
from poolcli.ops.filters import FILTERS
from poolcli.ops.geometry import EDGES
from poolcli.ops.modes import MODES, OPTIONS, mode_called

Commands = Mapping[str, Command]  # the table, by their names

# What others call a command, and the words with which ours does it.
COMMANDS_MEANT: Mapping[str, str] = {
    "pooling": "pool",
    "maxpool": "pool",
    "downsample": "pool",
    "shrink": "pool",
    "resize": "pool",
    "convert": "pool",
    "run": "pool",
    "filter": "pool --filter sobel-v",
    "convolve": "pool --k 1 --filter sobel-v",
    "apply": "stack",
    "layers": "stack",
    "rank": "compare",
    "ranking": "compare",
    "benchmark": "compare",
    "view": "show",
    "open": "show",
    "preview": "show",
    "explore": "show",
    "visualize": "show",
    "difference": "diff",
    "overview": "pyramid",
    "overviews": "pyramid",
    "cog": "pyramid",
    "size": "shape",
    "shapes": "shape",
    "summary": "shape",
    "mode": "modes",
    "list": "modes",
    "ls": "modes",
    "info": "help",
    "kernels": "filters",
    "man": "help",
    "manual": "help",
    "doc": "help",
    "docs": "help",
    "topics": "help",
    "version": "--version",
    "v": "--version",
}

# What others call an option, where ours means something a little different, and so is not simply taken for it.
OPTIONS_MEANT: Mapping[str, str] = {
    "--count-include-pad": "padding counts in averages unless --exclude-pad is given",
    "--divisor-override": "averages are divided by the number of values, with --exclude-pad by that without padding",
    "--return-indices": "indices are for Python: poolcli.pool(image, 2, return_indices=True)",
    "--data-format": "write --layout hwc for channels_last, --layout chw for channels_first",
    "--padding-mode": "write --padding wrap, or --edge for blur, maxblur, aps and maxaps",
    "--global": "write --size 1",
    "--adaptive": "write --size N or --size HxW",
    "--scale": "write --k N: the output is N times smaller",
    "--factor": "write --k N: the output is N times smaller",
    "--resize": "write --size HxW",
    "--width": "write --size HxW",
    "--height": "write --size HxW",
    "--page": "write --frame N, the first page is 0",
    "--pages": "write --frame N, the first page is 0",
    "--threads": "write --jobs N for pictures at once, --threads-per-image N for one large picture",
    "--input": "name the inputs without an option",
    "--inputs": "name the inputs without an option",
    "--image": "name the inputs without an option",
    "--images": "name the inputs without an option",
    "-i": "name the inputs without an option",
    "--directory": "name the folder without an option",
    "--kernel-file": "write --filter FILE",
    "--compress-level": "write --png-level N, or --quality N",
    "--version": "write poolcli --version",
    "--config": "layers come from a file with poolcli stack --recipe FILE",
    "--device": "all work is done by the processor: leave it out",
    "--cuda": "all work is done by the processor: leave it out",
    "--gpu": "all work is done by the processor: leave it out",
    "--in-place": "inputs are never written to: name the outputs with -o",
    "--inplace": "inputs are never written to: name the outputs with -o",
    "-y": "write --overwrite",
    "--yes": "write --overwrite",
    "--relu": "write --activation relu",
    "--abs": "write --activation abs",
    "--report-format": "write --report FORM, as in --report html",
    "--no-data": "write --ignore VALUE",
    "--nodata": "write --ignore VALUE",
}

# What words among the inputs are no files, and what is to be done with them.
STRAY: Mapping[str, str] = {
    r"\d+([x,]\d+)*": "a number belongs to an option, as in --k 3 or --k 3x2",
    "true|false|yes|no|on|off": "an option such as --ceil takes no value, give it alone or leave it out",
    "[kmgt]i?b?|px|s|sec|seconds": "a unit stands behind its number without a blank, as in --memory 2G",
}

# The same of single commands.
OF_COMMAND: Mapping[tuple[str, str], str] = {
    ("compare", "--report"): "write -o ranking.html, -o ranking.csv or another form of the ranking",
    ("diff", "--report"): "write -o twins.html, -o twins.png or another form of the report",
    ("pyramid", "--k"): "write --factor N, from level to level",
    ("pyramid", "--s"): "write --factor N, from level to level",
}

# How a layer of `stack` says what is an option of `pool`.
IN_LAYERS: Mapping[str, str] = {
    "mode": "avg:2",
    "k": "max:3",
    "s": "max:3/2",
    "padding": "max:3/2+1",
    "dilation": "max:3/2@2",
    "size": "avg:size=7x7",
    **{name.replace("-", "_"): option.in_layer for name, option in OPTIONS.items()},
    "filter": "conv:sobel-v",
    "activation": "relu",
    "filter_edge": "conv:gauss,edge=zero",
}


def no_command(commands: Commands, argv: Sequence[str]) -> UsageError:
    """For a first word that is no command: the whole command line that was meant, where that can be guessed."""
    first = argv[0]
    meant = _command_meant(commands, first, list(argv[1:]))
    if meant:
        return UsageError(f"'{first}' is no command, did you mean this? {join(['poolcli', *meant])}")
    kind = "option" if first.startswith("-") else "command"
    return UsageError(f"unknown {kind} '{first}', allowed are {', '.join(commands)}; see poolcli --help")


def _command_meant(commands: Commands, first: str, rest: list[str]) -> list[str] | None:
    """The words that were meant: by what they look like, by what others call them, by how they are spelled."""
    if re.match(rf"({'|'.join(MODES)}|conv):", first):
        return ["stack", first, *rest]
    called = COMMANDS_MEANT.get(first.lower().replace("-", "").replace("_", ""))
    if called:
        command, *options = called.split()
        return [command, *rest, *options] if rest or not options else ["filters"]
    mode = mode_called(first)
    if mode:
        return ["pool", *rest, "--mode", mode]
    of_pool = first.partition("=")[0] in commands["pool"].spelled()
    if of_pool or first == "-" or re.search(r"[./\\*]", first):
        return ["pool", first, *rest]
    near = nearest(first, commands, cutoff=0.55)
    return [near, *rest] if near else None


def no_option(commands: Commands, error: UnknownOptionError) -> UsageError:
    """For an option that a command has not: what means the same, then what is spelled nearly so."""
    command, spelling = error.command, error.spelling
    what, see = f"{command.name} has no option {spelling}", f"ee poolcli {command.name} --help"
    own, meant = command.spelled(), _option_meant(command, spelling)
    name = commands["pool"].spelled().get(spelling, "") if command.name == "stack" else ""
    if meant:
        return UsageError(f"{what}: {meant}")
    if name in IN_LAYERS:
        return UsageError(f"{what}, which is part of a layer here: write {_in_layer(name, error.given, error.value)}")
    owners = [each.name for each in commands.values() if spelling in each.spelled()]
    if owners:
        return UsageError(f"{what}, which is one of {', '.join(owners)}: s{see}")
    near = _spelled_like(spelling, own)
    return UsageError(f"{what}, did you mean {near}? S{see}" if near else f"{what}: s{see}")


def _option_meant(command: Command, spelling: str) -> str | None:
    """What is to be written for an option that others have, or for a name that is the value of an option."""
    name, options = spelling.lstrip("-"), command.options()
    if (command.name, spelling) in OF_COMMAND:
        return OF_COMMAND[command.name, spelling]
    meant = OPTIONS_MEANT.get(spelling)
    if meant and ("poolcli " in meant or {*re.findall(r"--[a-z-]+", meant)} <= command.spelled().keys()):
        return meant  # what this command can do
    if "mode" in options and mode_called(name) and spelling.lower() not in command.spelled():
        return f"write --mode {mode_called(name)}"
    return f"write --filter {name}" if "filter" in options and name in FILTERS else None


def _spelled_like(spelling: str, own: Mapping[str, str]) -> str | None:
    """The option of these that differs in case, or in few letters."""
    if len(spelling) == len("-k"):
        return spelling.swapcase() if spelling.swapcase() in own else None
    named = {each.removeprefix("--"): each for each in own if each.startswith("--")}  # dashes are like one another
    near = nearest(spelling.lower().lstrip("-"), named, cutoff=0.65)
    return named[near] if near else None


def _in_layer(name: str, given: Sequence[str], value: str) -> str:
    """How a layer says an option; for an edge, the filter of the recipe that was given with it."""
    filters = [argument for text in given for argument in text.split() if argument.startswith("conv:")]
    if name == "filter_edge" and filters and value in EDGES:
        return f"{filters[0]},edge={value}"
    return IN_LAYERS[name]


def no_input(commands: Commands, texts: Sequence[str], output: str | None) -> UsageError | None:
    """For inputs of which one is no file but a word that has lost its place: a value, a mode, the name of an output or
    a part of a name with blanks; None where there is none. `output` is what -o says.
    """
    for at, text in enumerate(texts):
        if not Path(text).suffix and _is_missing(text):
            meant = _whole_name(texts[at:]) or _meant_by_argument(commands, text)
            if meant:
                return UsageError(f"'{text}' is no file: {meant}")
    last = texts[-1] if len(texts) == 2 and output is None and not _is_missing(texts[0]) else ""
    if (Path(last).suffix or last.endswith("/")) and _is_missing(last):
        return UsageError(f"'{last}' is no file: check its name, or write -o {quote(last)} if it is an output")
    return None


def _is_missing(text: str) -> bool:
    """Whether this can only be the name of a local file, and there is none."""
    return text != "-" and not re.search(r"[*?[]|://", text) and not lexists(text)


def _whole_name(texts: Sequence[str]) -> str | None:
    """What is said where the next words, with blanks between them, are the name of a file."""
    names = (" ".join(texts[:count]) for count in range(2, len(texts) + 1))
    whole = next((name for name in names if lexists(name)), None)
    return whole and f"the name '{whole}' has blanks, put it into quotes"


def _meant_by_argument(commands: Commands, text: str) -> str | None:
    """What is to be written for a word that is part of an option."""
    name, equals, value = text.partition("=")
    if equals and f"--{name}" in commands["pool"].spelled():
        return f"write --{name} {value}"
    if mode_called(text):
        return f"write --mode {mode_called(text)}, or for compare a list, as in --modes max,avg"
    if text in FILTERS:
        return f"write --filter {text}"
    if text.lower() in commands:
        return "the command is given once, as the first word"
    return next((meant for pattern, meant in STRAY.items() if re.fullmatch(pattern, text.lower())), None)
