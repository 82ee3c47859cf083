"""What can go wrong, as a user is told it: one sentence that says what, what was got, what is allowed, what to do.

The library raises these and never prints; `poolcli.cli` is the one place that turns them into a line and an exit code.
"""

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches


class PoolcliError(Exception):
    """Base of every error that poolcli raises on purpose; `exit_code` is what the command line ends with.

    `kind` is one word by which failures are counted.
    """

    exit_code = 1
    kind = "error"


class UsageError(PoolcliError, ValueError):
    """The request cannot be met whatever the picture: a stride of 0, an unknown mode, two outputs of one name."""

    exit_code = 2
    kind = "usage"


class PictureError(PoolcliError, ValueError):
    """This one picture cannot be read or pooled as asked; the others of a batch are done."""

    kind = "picture"


class OutputError(PoolcliError):
    """This one result cannot be written: the disk is full, the folder closed, the file there already."""

    kind = "output"


def missing(what: str, packages: Iterable[str]) -> UsageError:
    """The error for libraries that `what` needs and that are not installed, with the command that installs them.

    >>> print(missing("--report html", ["jinja2"]))
    --report html needs jinja2, which is not installed: pip install jinja2
    """
    names = list(packages)
    verb = "is" if len(names) == 1 else "are"
    return UsageError(f"{what} needs {' and '.join(names)}, which {verb} not installed: pip install {' '.join(names)}")


def unknown(kind: str, got: str, allowed: Iterable[str]) -> UsageError:
    """The error for a name that is not in a table, with the nearest name that is; of equally near ones the shortest.

    >>> print(unknown("mode", "mxa", ["max", "avg", "maxaps"]))
    unknown mode 'mxa', did you mean 'max'? Allowed: max, avg, maxaps
    """
    names = list(allowed)
    near = sorted(get_close_matches(got, names, n=5, cutoff=0.5), key=len)
    likeness = {name: round(SequenceMatcher(None, name, got).ratio(), 2) for name in near}
    guess = f", did you mean '{max(near, key=likeness.__getitem__)}'?" if near else ":"
    return UsageError(f"unknown {kind} '{got}'{guess} {'A' if near else 'a'}llowed: {', '.join(names)}")
