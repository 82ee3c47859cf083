"""Fixtures that several rooms share."""

import shutil
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from poolcli.images import formats
from tests.browser import browser  # noqa: F401 (a fixture)
from tests.command import Command

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # below `nohup` or a shell's `&`: the commands would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("poolcli", deadline=None)  # a busy machine is no failure
settings.load_profile("poolcli")

SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.fixture
def command(capsys):
    """The command line in this process."""
    return Command(capsys)


@pytest.fixture
def bare(monkeypatch):
    """As if neither imagecodecs nor pillow-heif were installed."""
    for name in ("imagecodecs", "pillow_heif"):
        monkeypatch.setitem(sys.modules, name, None)
    formats.installed.cache_clear()
    yield
    formats.installed.cache_clear()


@pytest.fixture
def samples(tmp_path, monkeypatch):
    """A working directory that holds a copy of the samples in `samples/`."""
    shutil.copytree(SAMPLES, tmp_path / "samples")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "samples"
