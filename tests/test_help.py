"""What `--help`, `poolcli help` and completion show."""

import os
import re
import subprocess
import sys

import pytest

from poolcli.cli.commands import COMMANDS
from poolcli.cli.help import PANELS, TOPICS
from tests.process import COMMAND, environment


def test_without_words_the_commands_are_shown(command):
    """With one example, on stderr, as a mistake of usage; `--help` shows the same on stdout."""
    alone, asked = command(), command("--help")
    assert (alone.code, alone.out, asked.code, asked.err) == (2, "", 0, "")
    assert alone.err == asked.out == command("-h").out
    assert "poolcli pool photo.jpg -o small.jpg" in asked.out
    for name, row in COMMANDS.items():
        assert re.search(rf"│ {name} +{row.summary.split()[0]}", asked.out), name


def test_a_command_takes_one_line(command, monkeypatch):
    """On 80 columns, where a list of completions cuts it too; switches have no values."""
    monkeypatch.setenv("COLUMNS", "80")
    page = command("--help").out
    for name, row in COMMANDS.items():
        assert re.search(rf"^│ {name} +{re.escape(row.summary)} *│$", page, re.MULTILINE), name
    assert "<bool>" not in page and re.search(r"^│ --install-completion  ", page, re.MULTILINE)


def test_help_is_seen_on_light_terminals(command, monkeypatch):
    """No yellow, and the examples as bright as the rest."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    page = command("pool", "--help").out
    assert "\x1b[" in page
    assert not re.search(r"\x1b\[(\d+;)*33m", page)
    assert not re.search(r"\x1b\[(\d+;)*2(;\d+)*m[^\x1b]*poolcli pool", page)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_of_help(command, monkeypatch, name):
    """Three examples on top, then the panels in their order, each option once, and no line wider than the terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    page = command(name, "--help").out
    assert page == command(name, "-h").out == command(name, "a.png", "--k", "3", "--help").out
    lines = page.splitlines()
    first_panel = next((at for at, line in enumerate(lines) if line.startswith("╭")), len(lines))
    examples = [line.strip() for line in lines[:first_panel] if line.startswith("   poolcli")]
    assert examples == [*COMMANDS[name].examples] and len(examples) == 3
    panels = re.findall(r"^╭─ (\w+) ─", page, re.MULTILINE)
    assert panels[-1] == "Help" and panels[:-1] == [panel for panel in PANELS if panel in panels]
    for option in COMMANDS[name].options().values():
        shown = re.findall(rf"^│ {option.spellings[0]}\s.*", page, re.MULTILINE)
        assert len(shown) == (0 if option.hidden else 1), option.spellings
        assert not shown or (option.metavar or "") in shown[0]
    assert max(map(len, lines)) <= 80
    assert "<bool>" not in page and "list[" not in page
    assert "--pads" not in page  # a second spelling, for who knows ONNX


def test_common_options_come_first_and_those_of_a_cluster_last(command):
    """Of the page that is read most."""
    page = command("pool", "--help").out
    order = ["--mode", "--k", "--s ", "--filter ", "--report", "--output", "--format", "--jobs", "--scheduler"]
    places = [page.index(f"│ {word}") for word in order]
    assert places == sorted(places)


def completed(monkeypatch, capsys, line):
    """What completes the last word of a line."""
    from poolcli.cli.app import main

    words = line.split(" ")
    monkeypatch.setenv("COLUMNS", "80")  # which completion changes
    monkeypatch.setenv("_POOLCLI_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main([])
    return capsys.readouterr().out.split()


COMPLETED = [
    ("poolcli ", list(COMMANDS)),
    ("poolcli sh", ["show", "shape"]),
    ("poolcli pool --exc", ["--exclude-pad", "--exclude"]),
    ("poolcli pool a.png --mode aps", ["aps"]),
    ("poolcli pool --mode = medi", ["median"]),
    ("poolcli pool -m maxa", ["maxaps"]),
    ("poolcli pyramid -m ma", ["max", "majority"]),
    ("poolcli diff --filter line-d", ["line-d1", "line-d2"]),
    ("poolcli stack --report j", ["json", "jsonl"]),
    ("poolcli pool --engine s", ["serial"]),
    ("poolcli pool --edge r", ["reflect", "replicate"]),
    ("poolcli compare --shift-edge c", ["crop"]),
    ("poolcli pool --format web", ["webp"]),
    ("poolcli compare --modes max,med", ["max,median"]),
    ("poolcli stack conv:sob", ["conv:sobel-v", "conv:sobel-h"]),
    ("poolcli shape 8x8 maj", ["majority:"]),
    ("poolcli help re", ["recipes", "report"]),
    ("poolcli pool a", []),  # files: the shell's own
]


@pytest.mark.parametrize(("line", "words"), COMPLETED, ids=lambda value: str(value).replace(" ", "_"))
def test_values_are_completed(monkeypatch, capsys, line, words):
    """Of commands, options, their values, and of what stands without an option."""
    assert completed(monkeypatch, capsys, line) == words


BASH = f"""
poolcli() {{ {COMMAND} "$@"; }}
eval "$(_POOLCLI_COMPLETE=source_bash poolcli | sed 's/env //')"
complete -p poolcli
COMP_WORDS=(poolcli pool a.png --mode medi); COMP_CWORD=4
_poolcli_completion poolcli
echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(sys.platform == "win32", reason="bash")
def test_bash_completes():
    """A real one, with the script that `--show-completion` prints."""
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH], env=environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.splitlines() == ["complete -o default -F _poolcli_completion poolcli", "median"], done


@pytest.mark.parametrize("name", COMMANDS)
def test_what_stands_beside_a_completion_is_one_line(monkeypatch, capsys, name):
    """However long the help of an option is: a shell takes the next line for another completion."""
    from poolcli.cli.app import main

    monkeypatch.setenv("_POOLCLI_COMPLETE", "complete_fish")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", f"poolcli {name} --")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    monkeypatch.setenv("COLUMNS", "40")
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main([])
    lines = capsys.readouterr().out.splitlines()
    shown = [option for option in COMMANDS[name].options().values() if not option.hidden]
    assert len(lines) == len(shown) + 1  # and --help
    assert all(re.match(r"--[a-z0-9-]+\t\S", line) for line in lines)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_every_shell_has_a_script(monkeypatch, capsys, shell):
    """Which asks this command."""
    from poolcli.cli.app import main

    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("_POOLCLI_COMPLETE", f"source_{shell}")
    with pytest.raises(SystemExit):
        main([])
    script = capsys.readouterr().out
    assert f"complete_{shell}" in script and "poolcli" in script


def test_the_manual_lists_its_pages(command):
    """And shows each, in a pipe without colours and within 80 columns."""
    listed = command("help")
    assert listed.code == 0
    assert [line.split()[0] for line in listed.out.splitlines()[1:] if not line.startswith(" ")] == [*TOPICS]
    for topic in TOPICS:
        page = command("help", topic)
        assert (page.code, page.err, "\x1b" in page.out) == (0, "", False)
        assert len(page.out.splitlines()) > 5


def test_a_command_that_is_no_topic_has_its_help_shown(command):
    """`poolcli help pool` is what somebody types who looks for `pool --help`."""
    assert command("help", "pool").out == command("pool", "--help").out


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
def test_a_page_on_a_terminal_goes_through_the_pager(tmp_path):
    """Whichever the user has, with colours."""
    import pty

    master, slave = pty.openpty()
    code = "import re, sys; text = sys.stdin.read(); print('PAGED', len(text), set(re.findall('[[;](3[0-9])', text)))"
    pager = f'{sys.executable} -c "{code}"'
    running = subprocess.run(
        [*COMMAND.split(), "help", "modes"],
        env=environment(TERM="xterm", PAGER=pager, MANPAGER=""),
        stdout=slave,
        stdin=slave,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(slave)
    shown = os.read(master, 10_000).decode()
    os.close(master)
    assert (running.returncode, bool(re.search(r"PAGED \d{4}", shown))) == (0, True), (running, shown)
    colours = set(re.findall(r"'(\d+)'", shown))
    assert colours == {"35", "36"}  # no yellow, which light terminals do not show, and no blue, which dark ones do not
