"""Small pictures in folders, and the command line as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image


def draw(path, seed=0, size=(8, 6)):
    """A small random grey picture at `path`, its folders made; the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
    Image.fromarray(values).save(path)
    return path


def draw_many(folder, count, size=(8, 6)):
    """`count` pictures 0.png, 1.png ... in `folder`, each with its own content."""
    return [draw(folder / f"{number}.png", number, size) for number in range(count)]


def words(*arguments):
    """The command line of a process of its own."""
    return [sys.executable, "-m", "poolcli", *map(str, arguments)]


def environment(**changed):
    """This process's variables, so that a process started in another folder finds the package."""
    root = str(Path(__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": root, **changed}


def process(*arguments, cwd=None, **options):
    """Run a command as a process of its own, to its end."""
    return subprocess.run(
        words(*arguments), cwd=cwd, env=environment(), capture_output=True, timeout=60, check=False, **options
    )


def contents(folder):
    """Path below `folder` -> bytes, for every file in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }
