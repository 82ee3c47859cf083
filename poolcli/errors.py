"""What can go wrong, each in one sentence for the user: what, what was got, what is allowed, what to do.

The library raises these and never prints; `poolcli.cli` is the one place that turns them into a line and an exit code.
"""

from collections.abc import Iterable

_PACKAGE = __file__.removesuffix("errors.py")


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
    """This one picture cannot be read or pooled as requested; the others of a batch are done."""

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


def any_of(names: Iterable[str]) -> str:
    """Names of which one is to be taken.

    >>> any_of(["a"]), any_of(["a", "b"]), any_of(["a", "b", "c"])
    ('a', 'a or b', 'a, b or c')
    """
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def said(error: BaseException, most: int | None = 200) -> str:
    """What an error says, on one line of at most so many characters; its kind where it says nothing."""
    return " ".join(str(error).split())[:most] or type(error).__name__


def failure(error: PoolcliError | OSError | MemoryError, *names: str) -> tuple[str, str]:
    """(kind, sentence) for a picture that fails by this error. The first of its `names` begins the sentence, unless
    poolcli's own error has one of them.
    """
    if isinstance(error, PoolcliError):
        kind, sentence = error.kind, str(error)
        names = () if any(name in sentence for name in names) else names
    elif isinstance(error, MemoryError):
        kind, sentence = "memory", "too large for the memory of this machine: use a crop of it"
    else:
        kind, sentence = "picture", f"cannot be read ({error.strerror or error}); try it again"
    return kind, f"{names[0]}: {sentence}" if names else sentence


# What Python says where memory is too little for a library that it loads or a thread that it starts, and of a function
# in C that got none and does not say so.
_NO_MEMORY = (
    "failed to map segment", "annot allocate memory", "can't start new thread", "unsupported hash type",
    "error return without exception set",
)  # fmt: skip


def lacks_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it came of, says that memory is short.

    >>> lacks_memory(MemoryError()), lacks_memory(RuntimeError("can't start new thread")), lacks_memory(KeyError(1))
    (True, True, False)
    >>> lacks_memory(SystemError("error return without exception set"))
    True
    """
    if error is None:
        return False
    says = isinstance(error, ImportError | RuntimeError | ValueError | OSError | SystemError)
    short = isinstance(error, MemoryError) or (says and any(phrase in str(error) for phrase in _NO_MEMORY))
    return short or lacks_memory(error.__cause__ or error.__context__)


def unexpected(error: Exception, text: str = "") -> str:
    """The sentence for an unforeseen error: what it is, where in poolcli it was met, what to do.

    `text` is what it says, where that must not be taken as it is.
    """
    trace, where = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(_PACKAGE):
            where = f", {file.removeprefix(_PACKAGE)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"unexpected {type(error).__name__} ({text or said(error)}{where}); please report it, with the command"


def escaped(text: str) -> str:
    """`text` without control characters and what turns the reading round, so that no name can play with a terminal or
    a page, or pass for another line.

    >>> escaped("a\\x1b[2J\\u202e.png")
    'a\\\\x1b[2J\\\\u202e.png'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def empty(what: str, way: str) -> UsageError:
    """The error for an empty word, whatever it is; `way` says what to give."""
    return UsageError(f"{what} is empty, as where a shell variable is not set: {way}")


def nearest(got: str, names: Iterable[str], cutoff: float = 0.5) -> str | None:
    """The name that is spelled most like `got`, of equally near ones the shortest; None where none is near.

    >>> nearest("mxa", ["max", "avg", "maxaps"])
    'max'
    """
    from difflib import SequenceMatcher, get_close_matches

    near = sorted(get_close_matches(got, list(names), n=5, cutoff=cutoff), key=len)
    likeness = {name: round(SequenceMatcher(None, name, got).ratio(), 2) for name in near}
    return max(near, key=likeness.__getitem__) if near else None


def unknown(kind: str, got: str, allowed: Iterable[str], meant: str | None = None) -> UsageError:
    """The error for a name that is not in a table, with the one that is `meant` by it, or else the nearest.

    Raises TypeError for what is no text.

    >>> print(unknown("mode", "mxa", ["max", "avg", "maxaps"]))
    unknown mode 'mxa', did you mean 'max'? Allowed: max, avg, maxaps
    >>> print(unknown("mode", "mean", ["avg", "median"], meant="avg"))
    unknown mode 'mean', did you mean 'avg'? Allowed: avg, median
    """
    names = list(allowed)
    if not isinstance(got, str):
        raise TypeError(f"{kind} {got!r} is no name: a text is allowed, one of {', '.join(names)}")
    guess = meant or nearest(got, names)
    ending = f", did you mean '{guess}'? Allowed" if guess else ", allowed"
    return UsageError(f"unknown {kind} '{got}'{ending}: {', '.join(names)}")
