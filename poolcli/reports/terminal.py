"""Reports on the terminal: the table, matrices of numbers, small pictures."""

import os
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, TextIO

from poolcli.shift.record import GIVEN, HEADS, ShiftReport, row_figures, title, verdict, worst_row

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from poolcli.images.sheet import Pixels
    from poolcli.reports import Matrices
    from poolcli.visualize import View


UPPER_HALF = "\N{UPPER HALF BLOCK}"
WIDEST = 40  # cells of one picture
PICTURE_GAP = 2
VIEW_HEADS = ("picture", "output", "where it changes")


def unable(stream: TextIO) -> str | None:
    """Why `stream` cannot show pictures: it needs a terminal with enough colours, and half blocks; None: it can."""
    if not stream.isatty():
        return "this is no terminal"
    if os.environ.get("NO_COLOR"):
        return "NO_COLOR is set"
    from rich.console import Console

    console = Console(file=stream)
    if console.color_system not in ("256", "truecolor"):
        return "this terminal has no 256 colours; see TERM"
    try:
        UPPER_HALF.encode(console.encoding)
    except (UnicodeError, LookupError):
        return f"its encoding, {console.encoding}, has no half blocks"
    return None


def print_preview(console: "Console", view: "View") -> None:
    """Three pictures side by side: the whole, or what fits into a small one."""
    from rich.text import Text

    from poolcli.images.sheet import fitted

    panel = view.whole or view.part
    width = min(WIDEST, (console.width - 2 * PICTURE_GAP) // 3)
    pictures = [fitted(picture, width, 2 * width) for picture in (panel.still, panel.pooled, panel.after)]
    lines = [_half_blocks(picture) for picture in pictures]
    widths = [picture.shape[1] for picture in pictures]
    heads = (Text(head[:width].ljust(width)) for head, width in zip(VIEW_HEADS, widths, strict=True))
    console.print(Text(" " * PICTURE_GAP).join(heads), no_wrap=True)
    for row in range(max(map(len, lines))):
        parts = [
            drawn[row] if row < len(drawn) else Text(" " * width) for drawn, width in zip(lines, widths, strict=True)
        ]
        console.print(Text(" " * PICTURE_GAP).join(parts), no_wrap=True)


def _half_blocks(pixels: "Pixels") -> "list[Text]":
    """A line of cells for every two rows of pixels."""
    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    lines = []
    for top in range(0, len(pixels), 2):
        line = Text()
        below = pixels[top + 1] if top + 1 < len(pixels) else [None] * pixels.shape[1]
        for upper, lower in zip(pixels[top], below, strict=True):
            back = None if lower is None else Color.from_rgb(*map(int, lower))
            line.append(UPPER_HALF, Style(color=Color.from_rgb(*map(int, upper)), bgcolor=back))
        lines.append(line)
    return lines


WIDTH = 80  # characters of a line
DISPENSABLE = ("absorbed", "aligned", "gain")  # columns left out one after the other where the table is too wide
WORST = "*"  # marks the row of several that the verdict is on
GAP = 2  # characters between two columns


def print_report(console: "Console", report: ShiftReport) -> None:
    """A row for every shift, then the verdict on the worst."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    console.print(Text(_heading(report), style="bold"))
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    heads, *rows = fit_columns([HEADS, *_rows(report)], DISPENSABLE, console.width)
    for column in heads:
        table.add_column(column, justify="left" if column == "shift" else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print(Text(_verdict(report)))


def fit_columns(
    table: Sequence[tuple[str, ...]], dispensable: Sequence[str], width: int, folding: str | None = None
) -> list[tuple[str, ...]]:
    """`table`, whose first row names its columns, without the first of the `dispensable` ones until it fits `width`.

    The column `folding` goes on below where it is too narrow: it needs the room of its longest word.

    >>> fit_columns([("shift", "gain", "residual"), ("-1,0", "1.51", "0.62")], ["gain"], 16)
    [('shift', 'residual'), ('-1,0', '0.62')]
    """
    columns = list(zip(*table, strict=True))
    for name in dispensable:
        cells = ((" ".join(column).split() if column[0] == folding else column) for column in columns)
        if sum(max(map(len, texts)) + GAP for texts in cells) - GAP <= width:
            break
        columns = [column for column in columns if column[0] != name]
    return list(zip(*columns, strict=True))


def ascii_lines(report: ShiftReport, width: int = WIDTH) -> Iterator[str]:
    """The same without rich, which takes longer to load than a small picture to be pooled."""
    table = fit_columns([HEADS, *_rows(report)], DISPENSABLE, width)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    yield from wrap(_heading(report), width)
    yield ""
    for number, (first, *rest) in enumerate(table):
        cells = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        yield "  ".join((first.ljust(widths[0]), *cells))
        if number == 0:
            yield "-" * (sum(widths) + GAP * (len(widths) - 1))
    yield ""
    yield from wrap(_verdict(report), width)


def _heading(report: ShiftReport) -> str:
    return title(report) + (f", frame {report.input.frame}" if report.input.frame else "")


def _rows(report: ShiftReport) -> Iterator[tuple[str, ...]]:
    marked = worst_row(report) if len(report.shifts) > 1 else None
    for row in report.shifts:
        shift = GIVEN if row.edge == GIVEN else f"{row.dx},{row.dy}"
        yield f"{shift} {WORST}" if row is marked else shift, *row_figures(row)


def _verdict(report: ShiftReport) -> str:
    return (f"{WORST} " if len(report.shifts) > 1 else "") + verdict(worst_row(report))


ARROW = "  ->  "
MARKS = (
    "\N{BOX DRAWINGS LIGHT VERTICAL}",
    "\N{BOX DRAWINGS LIGHT HORIZONTAL}",
    "\N{BOX DRAWINGS LIGHT VERTICAL AND HORIZONTAL}",
)
ASCII_MARKS = ("|", "-", "+")  # for terminals without these


def matrix_lines(matrices: "Matrices", width: int = WIDTH, *, ascii_only: bool = False) -> list[str]:
    """The values before and after, side by side where `width` columns have room for both; windows that lie side by
    side are set off. `ascii_only`: in ASCII.
    """
    before = _drawn(matrices.input.tolist(), matrices.tile, ASCII_MARKS if ascii_only else MARKS)
    after = _drawn(matrices.output.tolist(), None, ASCII_MARKS)
    if len(before[0]) + len(ARROW) + len(after[0]) > width:
        return [*before, ARROW.strip(), *after]
    rows = dict(zip(_heights(len(after), matrices.tile), after, strict=True))
    middle = (len(before) - 1) // 2
    lines = (
        f"{line}{ARROW if n == middle else ' ' * len(ARROW)}{rows.get(n, '')}"
        for n, line in enumerate([*before, *[" " * len(before[0])] * (max(rows) + 1 - len(before))])
    )
    return [line.rstrip() for line in lines]


def _heights(after: int, tile: tuple[int, int] | None) -> list[int]:
    """On which line each row of the output stands: beside the middle of its windows, where these lie side by side."""
    step, first = (tile[0] + (tile[0] > 1), (tile[0] - 1) // 2) if tile and tile != (1, 1) else (1, 0)
    return [first + row * step for row in range(after)]


def _drawn(rows: list[list[float]], tile: tuple[int, int] | None, marks: tuple[str, str, str]) -> list[str]:
    """Numbers in columns of one width, with lines between the tiles."""
    cells = [[value_text(value) for value in row] for row in rows]
    size = max(len(cell) for row in cells for cell in row)
    across, down, cross = marks
    tile = None if tile == (1, 1) else tile
    lines = []
    for y, row in enumerate(cells):
        if tile and y and y % tile[0] == 0 and tile[0] > 1:
            lines.append(_joined([down * size] * len(row), tile[1], down, f"{down}{cross}{down}"))
        lines.append(_joined([cell.rjust(size) for cell in row], tile[1] if tile else 0, " ", f" {across} "))
    return lines


def _joined(cells: list[str], every: int, between: str, border: str) -> str:
    """Cells in a line, `border` after so many of them."""
    text = cells[0]
    for number, cell in enumerate(cells[1:], 1):
        text += (border if every > 1 and number % every == 0 else between) + cell
    return text


def value_text(value: float) -> str:
    """A value in little room: whole numbers as they are, others to six digits.

    >>> value_text(112), value_text(19.5), value_text(1 / 3), value_text(True)
    ('112', '19.5', '0.333333', '1')
    """
    return str(int(value)) if isinstance(value, int) else f"{value:.6g}"
