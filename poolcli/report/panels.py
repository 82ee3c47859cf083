"""The words and sizes around the pictures of a report, the same on a contact sheet and on a page."""

from collections.abc import Iterator
from dataclasses import dataclass

from poolcli.report.figures import direction, figure, percent
from poolcli.shift.record import GIVEN, ShiftReport, ShiftRow, Side
from poolcli.visualize import Look, Panel


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture with what stands around it; `size` is what it is enlarged to, `peak` the top of a heat-map."""

    kind: str
    picture: bytes
    size: tuple[int, int]
    heading: str
    caption: str
    marks: bytes | None = None
    peak: str | None = None

    @property
    def alt(self) -> str:
        """What is to be seen, in words."""
        if self.peak is None:
            return self.heading
        return f"{self.heading}, as a heat-map from 0 (dark) to {self.peak} (light). {self.caption}".strip()


def six(panel: Panel, look: Look, report: ShiftReport, row: ShiftRow, side: int) -> Iterator[Shown]:
    """The six pictures of a panel: before, moved, their change; the same after the layers.

    `side`: how large they are enlarged at most. The part of a picture is told no figures of the whole.
    """
    given = row.edge == GIVEN
    moved = "The other picture" if given else f"Picture moved {direction(row.dx, row.dy)}"
    moved_output = f"Output of the {'other' if given else 'moved'} picture"
    is_part = panel is look.part and look.whole is not None
    large, small = enlarged(panel, side)
    (w, h), (ow, oh) = report.input.size, report.output.size
    peaks = [figure(peak) for peak in look.peaks]
    sizes = ("", "") if is_part else (f"{w} x {h} pixels", f"{ow} x {oh} pixels")
    counts = ("", "") if is_part else (counted(row.raw), counted(row.pooled))
    dots = "Dots: the pixels that survive the pooling" if panel.marks else sizes[0]
    yield Shown("still", panel.still, large, "Picture", dots, panel.marks)
    yield Shown("moved", panel.moved, large, moved, sizes[0])
    yield Shown("before", panel.before, large, "Where it changes", counts[0], peak=peaks[0])
    yield Shown("pooled", panel.pooled, small, "Output", sizes[1])
    yield Shown("pooled-moved", panel.pooled_moved, small, moved_output, sizes[1])
    yield Shown("after", panel.after, small, "Where the output changes", counts[1], peak=peaks[1])


def counted(side: Side) -> str:
    """How many pixels changed."""
    return f"{side.changed:,} of {side.pixels:,} pixels change ({percent(side.fraction)})"


def enlarged(panel: Panel, side: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """How large to show the pictures and the outputs of a panel: whole times, an output over the inputs it covers."""
    (w, h), (ow, oh) = panel.input, panel.output
    if max(w, h) > side // 2:
        fitted = max(1, round(w * side / max(w, h))), max(1, round(h * side / max(w, h)))
        return fitted, fitted
    times = side // max(w, h)
    down, across = panel.cell
    return (w * times, h * times), (max(1, round(ow * across * times)), max(1, round(oh * down * times)))


def place(panel: Panel, look: Look) -> str:
    """Which part of the picture a panel shows."""
    x, y, w, h = panel.region
    if panel is look.whole:
        return "The whole picture" + (f", {panel.factor} times smaller" if panel.factor > 1 else "")
    return f"Pixels {x} to {x + w - 1} across and {y} to {y + h - 1} down, where the output changes most"
