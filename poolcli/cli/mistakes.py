"""What was meant by words that no command or option is called: loaded when there is something to say about them."""

import re
from collections.abc import Mapping, Sequence
from shlex import join

from poolcli.cli.commands import COMMANDS
from poolcli.cli.parser import Command
from poolcli.errors import UsageError, nearest
from poolcli.ops.geometry import EDGES
from poolcli.ops.modes import MODES, mode_called

# What others call a command, and which of ours does it.
COMMANDS_MEANT: Mapping[str, str] = {
    "pooling": "pool",
    "maxpool": "pool",
    "downsample": "pool",
    "shrink": "pool",
    "resize": "pool",
    "run": "pool",
    "apply": "stack",
    "layers": "stack",
    "rank": "compare",
    "ranking": "compare",
    "benchmark": "compare",
    "difference": "diff",
    "size": "shape",
    "shapes": "shape",
    "summary": "shape",
    "list": "modes",
    "ls": "modes",
    "kernels": "filters",
    "man": "help",
    "manual": "help",
    "doc": "help",
    "docs": "help",
    "topics": "help",
    "version": "--version",
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
    "--directory": "name the folder without an option",
    "--kernel-file": "write --filter FILE",
    "--compression": "write --png-level N, or --quality N",
    "--version": "write poolcli --version",
    "--config": "layers come from a file with poolcli stack --recipe FILE",
}

# How a layer of `stack` says what is an option of `pool`.
IN_LAYERS: Mapping[str, str] = {
    "mode": "avg:2",
    "k": "max:3",
    "s": "max:3/2",
    "padding": "max:3/2+1",
    "dilation": "max:3/2@2",
    "size": "avg:size=7x7",
    "ceil": "max:3/2,ceil",
    "exclude_pad": "avg:3/2+1,exclude-pad",
    "edge": "blur:3/2,edge=zero",
    "taps": "maxblur:2,taps=5",
    "p": "lp:2,p=3",
    "seed": "stochastic:2,seed=7",
    "ties": "majority:2,ties=first",
    "per_channel": "majority:2,per-channel",
    "filter": "conv:sobel-v",
    "activation": "relu",
    "filter_edge": "conv:gauss,edge=zero",
}


def no_command(words: Sequence[str]) -> UsageError:
    """For a first word that is no command: the whole command line that was meant, where that can be guessed."""
    first, rest = words[0], list(words[1:])
    if re.match(rf"({'|'.join(MODES)}|conv):", first):
        return _instead(first, ["stack", *words])
    meant = COMMANDS_MEANT.get(first.lower().replace("-", "").replace("_", ""))
    if meant:
        return _instead(first, [meant, *rest])
    mode = mode_called(first)
    if mode:
        return _instead(first, ["pool", *rest, "--mode", mode])
    of_pool = first.partition("=")[0] in COMMANDS["pool"].spelled()
    if of_pool or first == "-" or re.search(r"[./\\*]", first):
        return _instead(first, ["pool", *words])
    near = nearest(first, COMMANDS)
    if near:
        return _instead(first, [near, *rest])
    kind = "option" if first.startswith("-") else "command"
    return UsageError(f"unknown {kind} '{first}', allowed are {', '.join(COMMANDS)}; see poolcli --help")


def _instead(first: str, words: Sequence[str]) -> UsageError:
    return UsageError(f"'{first}' is no command, did you mean this? {join(['poolcli', *words])}")


def no_option(command: Command, spelling: str, given: Sequence[str], value: str) -> UsageError:
    """For an option that `command` has not: what means the same, then what is spelled nearly so.

    `given` are the arguments before it, `value` is the word that would be its value.
    """
    what = f"{command.name} has no option {spelling}"
    see = f"ee poolcli {command.name} --help"
    if spelling in OPTIONS_MEANT:
        return UsageError(f"{what}: {OPTIONS_MEANT[spelling]}")
    if command.name == "stack":
        name = COMMANDS["pool"].spelled().get(spelling)
        if name and name in IN_LAYERS:
            return UsageError(f"{what}, which is part of a layer here: write {_in_layer(name, given, value)}")
    near = nearest(spelling, [each for each in command.spelled() if each.startswith("--")], cutoff=0.7)
    owners = [each.name for each in COMMANDS.values() if spelling in each.spelled()]
    if owners:
        return UsageError(f"{what}, which is one of {', '.join(owners)}: s{see}")
    if near and len(spelling) > 2:
        return UsageError(f"{what}, did you mean {near}? S{see}")
    return UsageError(f"{what}: s{see}")


def _in_layer(name: str, given: Sequence[str], value: str) -> str:
    """How a layer says an option; for an edge, the filter of the recipe that was given with it."""
    filters = [word for text in given for word in text.split() if word.startswith("conv:")]
    if name == "filter_edge" and filters and value in EDGES:
        return f"{filters[0]},edge={value}"
    return IN_LAYERS[name]
