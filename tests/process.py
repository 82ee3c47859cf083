"""The command line as a process of its own: its streams, its signals, its rights."""

import ctypes
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
POOLCLI = (sys.executable, "-m", "poolcli")
COMMAND = shlex.join(POOLCLI)
LONGEST = 60  # seconds

_DROP_FROM_BOUNDING_SET, _DAC_OVERRIDE, _DAC_READ_SEARCH = 24, 1, 2  # <linux/prctl.h>, <linux/capability.h>


def environment(**more):
    """This process's, with this poolcli first."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def shell(script, **more):
    """A line for bash, in which `poolcli` is this one; what ran, bytes captured."""
    return subprocess.run(
        ["bash", "-c", f'poolcli() {{ {COMMAND} "$@"; }}; {script}'],
        env=environment(**more),
        capture_output=True,
        check=False,
        timeout=LONGEST,
    )


def started(*words, ignoring=(), **more):
    """poolcli with pipes, running; no signal is ignored, as they are below `nohup` or a shell's `&`."""

    def prepared():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        for number in ignoring:
            signal.signal(number, signal.SIG_IGN)

    return subprocess.Popen(
        [*POOLCLI, *map(str, words)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=prepared,  # noqa: PLW1509
        bufsize=0,  # or lines that were read ahead would be lost to `communicate`
        **more,
    )


def without_override():
    """In a child before its program starts: root that is bound by permissions like everybody else."""
    if os.getuid() == 0:
        libc = ctypes.CDLL(None)
        for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
            libc.prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)


def bound(*words, program=POOLCLI):
    """A program under permissions that hold."""
    return subprocess.run(
        [*program, *map(str, words)],
        env=environment(),
        capture_output=True,
        check=False,
        timeout=LONGEST,
        preexec_fn=without_override,
    )
