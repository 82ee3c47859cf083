"""The README under test: its commands run, and it names every command and option."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from poolcli.cli.commands import COMMANDS

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"(?:^<!-- ([^\n]*) -->\n)?^```sh\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_two_commands_are_there():
    """The one that runs the main job, and the one that .ci/run reads and runs."""
    marked = {mark: block for mark, block in BLOCKS if mark}
    assert "poolcli pool samples/one.png" in marked["command: main"]
    assert "-m pytest" in marked["command: test"]


def runnable():
    """The blocks whose every line is a poolcli command or feeds one."""
    return [block for mark, block in BLOCKS if not mark and "poolcli" in block and "install" not in block]


@pytest.mark.skipif(sys.platform == "win32", reason="the README's blocks are for a POSIX shell")
def test_the_examples_run(samples, tmp_path):
    """One after the other in a folder that holds the samples, by a shell that stops at the first error."""
    script = tmp_path / "bin" / "poolcli"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m poolcli "$@"\n')
    script.chmod(0o755)
    assert runnable()
    path = os.pathsep.join((str(script.parent), os.environ["PATH"]))
    paths = os.pathsep.join(filter(None, (str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH"))))
    for block in runnable():
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", block],
            env={**os.environ, "PATH": path, "PYTHONPATH": paths},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{block}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}"


def options():
    """(command, its words) for every command and every option of the command line."""
    for name, command in COMMANDS.items():
        yield name, f"poolcli {name}"
        for option in (each for each in command.options().values() if not each.hidden):
            for spelling in option.spellings:
                yield name, spelling


@pytest.mark.parametrize(("command", "words"), sorted(set(options())), ids=str)
def test_every_command_and_option_is_in_it(command, words):
    """As a word of its own."""
    assert re.search(rf"(?<![\w-]){re.escape(words)}(?![\w-])", README), f"{words} of {command} is not in the README"
