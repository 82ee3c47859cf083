"""The command line as tests call it: in this process, with what it printed and its exit code."""

import json
from dataclasses import dataclass

from poolcli.cli.app import main


@dataclass(frozen=True)
class Result:
    """What a user sees of a command."""

    code: int
    out: str
    err: str

    @property
    def objects(self):
        """The lines of --json."""
        return [json.loads(line) for line in self.out.splitlines()]


class Command:
    """`command("pool", "a.png")` runs it; made by the fixture of the same name."""

    def __init__(self, capsys):
        """`capsys` is pytest's."""
        self.capsys = capsys

    def __call__(self, *words):
        """Run poolcli with these words."""
        self.capsys.readouterr()
        code = main([str(word) for word in words])
        return Result(code, *self.capsys.readouterr())

    def refused(self, *words, code=2):
        """The sentence that these words are refused with: on stderr alone, no traceback."""
        result = self(*words)
        assert (result.code, result.out) == (code, ""), result
        assert result.err.startswith("poolcli: ")
        assert "Traceback" not in result.err
        return result.err
