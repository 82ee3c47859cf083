"""The commands, a file each: options in, a run or a table out."""

from collections.abc import Callable
from importlib import import_module

from poolcli.cli.groups import grouped

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


def command(name: str) -> Callable[..., int | None]:
    """The command of this name, as a function of its options."""
    module = import_module(f"poolcli.cli.commands.{COMMANDS[name][0]}")
    return grouped(getattr(module, name))
