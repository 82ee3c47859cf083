"""How commands declare their options and arguments, in annotations; `cli.typed` makes Typer's own of them.

Words that need none of Typer's judgement are read without it (`cli.plain`): a small picture is pooled 10 ms sooner.
"""


class Option:
    """An option: how it is spelled, `--name` first, and what `--help` says of it and of its value."""

    def __init__(self, *words: str, help: str, metavar: str | None = None) -> None:
        """The value's type is that of the annotation."""
        self.words, self.help, self.metavar = words, help, metavar


class Argument:
    """What stands without a word before it."""

    def __init__(self, *, metavar: str, help: str) -> None:
        """The value's type is that of the annotation."""
        self.help, self.metavar = help, metavar
