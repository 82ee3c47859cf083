"""A picture, its output and what changes, as half-block cells of colour: two pixels a cell, on a terminal that can."""

import os
from typing import TYPE_CHECKING, TextIO

from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

from poolcli.images.show import fitted
from poolcli.visualize import PREVIEW, Look

if TYPE_CHECKING:
    from poolcli.images.show import Pixels
    from poolcli.visualize import Sizes

UPPER_HALF = "\N{UPPER HALF BLOCK}"
WIDEST = 40  # cells of one picture
GAP = 2
HEADS = ("picture", "output", "where it changes")


def unable(stream: TextIO) -> str | None:
    """Why `stream` cannot show pictures: it needs a terminal with enough colours, and half blocks; None: it can."""
    if not stream.isatty():
        return "this is no terminal"
    if os.environ.get("NO_COLOR"):
        return "NO_COLOR is set"
    console = Console(file=stream)
    if console.color_system not in ("256", "truecolor"):
        return "this terminal has no 256 colours; see TERM"
    try:
        UPPER_HALF.encode(console.encoding)
    except (UnicodeError, LookupError):
        return f"its encoding, {console.encoding}, has no half blocks"
    return None


def sizes() -> "Sizes":
    """How large the pictures of a preview are made."""
    return PREVIEW


def print_preview(console: Console, look: Look) -> None:
    """Three pictures side by side: the whole, or what fits into a small one."""
    panel = look.whole or look.part
    width = min(WIDEST, (console.width - 2 * GAP) // 3)
    pictures = [fitted(picture, width, 2 * width) for picture in (panel.still, panel.pooled, panel.after)]
    lines = [_half_blocks(picture) for picture in pictures]
    heads = (
        Text(head[: picture.shape[1]].ljust(picture.shape[1])) for head, picture in zip(HEADS, pictures, strict=True)
    )
    console.print(Text(" " * GAP).join(heads), no_wrap=True)
    for row in range(max(map(len, lines))):
        parts = [
            drawn[row] if row < len(drawn) else Text(" " * picture.shape[1])
            for drawn, picture in zip(lines, pictures, strict=True)
        ]
        console.print(Text(" " * GAP).join(parts), no_wrap=True)


def _half_blocks(pixels: "Pixels") -> list[Text]:
    """A line of cells for every two rows of pixels."""
    lines = []
    for top in range(0, len(pixels), 2):
        line = Text()
        below = pixels[top + 1] if top + 1 < len(pixels) else [None] * pixels.shape[1]
        for upper, lower in zip(pixels[top], below, strict=True):
            back = None if lower is None else Color.from_rgb(*map(int, lower))
            line.append(UPPER_HALF, Style(color=Color.from_rgb(*map(int, upper)), bgcolor=back))
        lines.append(line)
    return lines
