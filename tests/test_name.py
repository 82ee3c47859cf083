"""The name: the command is `poolcli`, the distribution `cnn-poolcli`, since `poolcli` on PyPI belongs to others."""

import re
import tomllib
from pathlib import Path

import poolcli

ROOT = Path(__file__).parent.parent
INSTALLS_OTHERS = re.compile(r"pip3? +(?:install|download)\b[^\n;&|`]*?[ \"']poolcli(?![\w/-])")
LEFT_OUT = {".git", ".venv", "__pycache__", ".hypothesis", ".ruff_cache", ".mypy_cache", ".pytest_cache"}


def texts():
    """(path, text) of every file of the checkout."""
    for path in ROOT.rglob("*"):
        if path.is_file() and not LEFT_OUT & {*path.relative_to(ROOT).parts} and path.stat().st_size < 2**20:
            yield path.relative_to(ROOT), path.read_text("utf-8", "replace")


def test_the_pattern_knows_the_other_package():
    """And lets this one, and paths, be."""
    own = "poolcli"
    for line in (f"pip install {own}", f'pip install -q "{own}[html]"', f"pip3 install jinja2 {own}==1"):
        assert INSTALLS_OTHERS.search(line), line
    for line in ("pip install cnn-poolcli", "pip install .; poolcli pool", "pip install ./poolcli/"):
        assert not INSTALLS_OTHERS.search(line), line


def test_nobody_is_told_to_install_the_other_package():
    """In no message, page, workflow or test."""
    found = [f"{path}: {match[0]}" for path, text in texts() for match in INSTALLS_OTHERS.finditer(text)]
    assert not found


def test_extras_that_name_the_distribution_name_this_one():
    """`all` is made of the others."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["name"] == "cnn-poolcli"
    assert project["scripts"] == {"poolcli": "poolcli.__main__:main"}
    asked = [word for words in project["optional-dependencies"].values() for word in words if "poolcli" in word]
    assert asked and all(word.startswith("cnn-poolcli[") for word in asked)
    assert re.fullmatch(r"\d+\.\d+\.\d+", poolcli.__version__)
