"""Kernels that users bring: JSON (rows of numbers) or text (a row a line), from a file."""

import json
import os
from pathlib import Path

from poolcli.errors import UsageError
from poolcli.ops.filters import FILTERS, MOST_VALUES, Kernel, check_kernel, find_kernel

LARGEST_FILE = 32 * MOST_VALUES  # bytes: more cannot be a kernel that is allowed


def load_kernel(name: str) -> Kernel:
    """The kernel behind `name`: a filter of the table, or the file FILE of `@FILE`.

    Raises UsageError when there is no such filter, the file cannot be read, or it holds no kernel.
    """
    if name.startswith("@"):
        return read_kernel(Path(name[1:]))
    return find_kernel(name)


def filter_name(text: str) -> str:
    """The name of what `--filter` was given: a file that is not called like a filter gets its `@`."""
    there = os.path.isfile(text)  # noqa: PTH113 (Path.is_file raises for names too long and folders that are closed)
    is_file = text not in FILTERS and not text.startswith("@") and (Path(text).suffix or there)
    return f"@{text}" if is_file else text


def read_kernel(path: Path) -> Kernel:
    """The kernel in a JSON or text file; UsageError naming the file when it holds none."""
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise UsageError(f"kernel file '{path}' cannot be read: {error.strerror}") from None
    if len(data) > LARGEST_FILE:
        raise UsageError(f"kernel file '{path}' is larger than {LARGEST_FILE} bytes: give at most {MOST_VALUES} values")
    try:
        return check_kernel(parse_kernel(data.decode()))
    except UsageError as error:
        raise UsageError(f"kernel file '{path}': {error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"kernel file '{path}' is not text: JSON or rows of numbers are allowed") from None


def parse_kernel(text: str) -> Kernel:
    """Rows of numbers from JSON, or from lines with numbers between spaces or commas; `#` starts a comment.

    >>> parse_kernel("0 1 0\\n1 -4 1\\n0 1 0") == parse_kernel("[[0,1,0],[1,-4,1],[0,1,0]]")
    True
    """
    try:
        rows = json.loads(text) if text.lstrip().startswith("[") else _lines(text)
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise TypeError
        return tuple(tuple(_number(value) for value in row) for row in rows)
    except (ValueError, TypeError, RecursionError, OverflowError):  # the last: a whole number above 1e308
        raise UsageError("no kernel in it: rows of numbers are allowed, as in [[1, 2, 1], [2, 4, 2]]") from None


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return float(value)


def _lines(text: str) -> list[list[float]]:
    lines = (line.partition("#")[0].replace(",", " ").split() for line in text.splitlines())
    return [[float(value) for value in line] for line in lines if line]
