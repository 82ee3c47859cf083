"""Numbers as text: rows of them are an array, as it is typed, a spreadsheet saves it or a script prints it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from poolcli.errors import PictureError
from poolcli.images.formats import SEPARATORS, Request, format_of
from poolcli.images.frame import Frame, Picture

LARGEST_TEXT = 1 << 24  # bytes: a larger array is better off in .npy
SHOWN = 20  # characters of what is no number
ROW = "/"
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?|inf|infinity|nan)", re.ASCII | re.IGNORECASE)
_NUMBER_FIRST = rb"(?i)(\xef\xbb\xbf)?\s*(# |[-+]?(\.?[0-9]|nan|inf))"
_BLANKS = re.compile(r"[^\s,;]\s+[^\s,;]")  # that separate two numbers
_TEXT = rb"[\t\n\r\x20-\x7e\x80-\xff]*"


def is_text(start: bytes, name: str) -> bool:
    """Whether a file called `name` (`-`: stdin) that begins with `start` holds numbers as text.

    >>> is_text(b"12 / 8", "-"), is_text(b"12 20", "a.csv"), is_text(b"12 20", "a.png"), is_text(b"8BPS\\0", "-")
    (True, True, False, False)
    """
    if not re.fullmatch(_TEXT, start):
        return False
    return bool(re.match(_NUMBER_FIRST, start)) if name == "-" else format_of(Path(name)) in SEPARATORS


def read(stream: BinaryIO, request: Request) -> Picture:
    """The array in a text: H x W of int64 (uint64 where that is too small), or of float64 where one is no whole number.

    Rows end with their line or with `/`, numbers are separated by blanks (tabs too), by commas or by semicolons, but
    not by several of these: `1,5 2,5` may be two numbers or four. What follows `#` is a comment. Raises PictureError
    for what is no number, for rows of unequal length, and for more than fits.
    """
    data = stream.read(LARGEST_TEXT + 1)
    if len(data) > LARGEST_TEXT:
        raise request.refuse(
            f"numbers in more than {LARGEST_TEXT >> 20} MiB of text: give a .npy, which is read faster"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise request.refuse(f"line {line} is not text in UTF-8: save it as plain text again") from None
    request.chosen(1)
    rows = list(_rows(text, request))
    if not rows:
        raise request.refuse("no numbers in it: give rows of them, as in 12 20 / 8 12")
    request.check_pixels(len(rows) * len(rows[0]))
    pixels = _array(rows, request)
    named = format_of(Path(request.name))
    format = named if named in SEPARATORS else "CSV"
    return Picture(str(format), (Frame(pixels, pixels.dtype.name, info={"layout": "hw"}),), file_mode=pixels.dtype.name)


def _rows(text: str, request: Request) -> Iterator[list[str]]:
    """The numbers of every row as they are written, checked to be numbers and equally many."""
    separators: set[str] = set()
    width = 0
    for line, whole in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        content = whole.partition("#")[0].strip()
        if not content:
            continue
        for row in content.removesuffix(ROW).split(ROW):
            separators |= {mark for mark in ",;" if mark in row} | ({" "} if _BLANKS.search(row) else set())
            if len(separators) > 1:
                raise request.refuse(
                    f"line {line} mixes separators, so that it may be read in two ways: separate numbers by blanks, "
                    "commas or semicolons alone, with a point before decimals"
                )
            cells = [cell.strip() for cell in row.split(next(iter(separators - {" "}), None))]
            _check(cells or [""], line, width, request)
            width = len(cells)
            yield cells


def _check(cells: list[str], line: int, width: int, request: Request) -> None:
    """PictureError for what is no number, and for a row that is not as long as those before it."""
    for column, cell in enumerate(cells, 1):
        if not _FLOAT.fullmatch(cell):
            what = f"'{cell[:SHOWN]}' is no number" if cell else "there is no number"
            raise request.refuse(f"line {line}, column {column}: {what}; allowed are 12, -0.5, 1e3, nan and inf")
    if width and len(cells) != width:
        raise request.refuse(f"line {line} has {len(cells)} numbers and the row before it {width}: give equally many")


def _array(rows: list[list[str]], request: Request) -> NDArray[Any]:
    if not all(_INTEGER.fullmatch(cell) for row in rows for cell in row):
        floats = np.array([[float(cell) for cell in row] for row in rows])
        named = np.array([["inf" in cell.lower() for cell in row] for row in rows])
        if (np.isinf(floats) & ~named).any():
            row, column = np.argwhere(np.isinf(floats) & ~named)[0]
            raise request.refuse(
                f"{rows[row][column][:SHOWN]} is beyond the largest float64; write inf if that is meant"
            )
        exact = np.array([[_INTEGER.fullmatch(c) is None or int(float(c)) == int(c) for c in row] for row in rows])
        if not exact.all():
            row, column = np.argwhere(~exact)[0]
            raise request.refuse(
                f"{rows[row][column][:SHOWN]} has more digits than float64 holds, which other numbers of this text "
                "need: write it with a point if it may be rounded, or whole numbers only"
            )
        return floats
    longest = max(len(cell) for row in rows for cell in row)
    values = [[int(cell) for cell in row] for row in rows] if longest < 100 else []
    for dtype in (np.int64, np.uint64) if values else ():
        limits = np.iinfo(dtype)
        if limits.min <= min(map(min, values)) <= max(map(max, values)) <= limits.max:
            return np.array(values, dtype)
    raise request.refuse(
        "a whole number of more than 64 bits, or one above 2^63 - 1 beside a negative one: write it with a point, as a "
        "float, or scale it"
    )


def check_fits(picture: Picture, format: str) -> None:
    """PictureError when the frames of `picture` are no rows and columns of numbers."""
    if len(picture.frames) > 1:
        raise PictureError(
            f"{len(picture.frames)} frames do not fit into one {format}; take one with --frame N, or write .npy"
        )
    pixels = picture.frames[0].pixels
    if pixels.ndim == 3:
        raise PictureError(
            f"{pixels.shape[2]} channels are no rows and columns of numbers: write .npy instead of {format}"
        )


def write(pixels: NDArray[Any], stream: BinaryIO, format: str) -> None:
    """A row a line; every value as the shortest decimal that is read as it, bool as 0 and 1."""
    values = pixels.astype(np.uint8) if pixels.dtype == bool else pixels
    for row in values:
        stream.write((SEPARATORS[format].join(map(str, row.tolist())) + "\n").encode())
