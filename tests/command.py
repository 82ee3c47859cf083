"""The command line as tests call it: in this process, with what it printed and its exit code."""

import json
from dataclasses import dataclass, replace

from poolcli.cli.app import main
from poolcli.cli.commands import COMMANDS
from poolcli.cli.layers import Filtering, Pooling, recipe_of
from poolcli.cli.options import Colouring, Discovery, Reading, Reporting, Running, RunOptions, Writing
from poolcli.cli.output import say
from poolcli.cli.run import run
from poolcli.errors import PoolcliError
from poolcli.recipe import parse_recipe

GROUPS = (Discovery, Reading, Colouring, Writing, Reporting, Running)


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

    def __call__(self, *words, **budgets):
        """Run poolcli with these words; `budgets` are as in `run_within`."""
        self.capsys.readouterr()
        words = [str(word) for word in words]
        code = run_within(words, **budgets) if budgets else main(words)
        return Result(code, *self.capsys.readouterr())

    def refused(self, *words, code=2, **budgets):
        """The sentence that these words are refused with: on stderr alone, no traceback."""
        result = self(*words, **budgets)
        assert (result.code, result.out) == (code, ""), result
        assert result.err.startswith("poolcli: ")
        assert "Traceback" not in result.err
        return result.err


def run_within(words, **budgets):
    """The exit code of `pool` or `stack` with these words and other `largest` and `band_bytes` of their Settings."""

    def begin(*given):
        *groups, inputs = given
        found = {type(group): group for group in groups}
        recipe = recipe_of(found[Pooling], found[Filtering]) if Pooling in found else parse_recipe(inputs.pop(0))
        options = RunOptions(recipe, inputs, *(found[group] for group in GROUPS))
        options.settings = replace(options.settings, **budgets)
        return run(options)

    try:
        return replace(COMMANDS[words[0]], run=begin)(words[1:])
    except PoolcliError as error:
        say(str(error))
        return error.exit_code
