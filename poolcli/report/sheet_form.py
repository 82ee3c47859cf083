"""The report as one picture: a contact sheet beside every output."""

from poolcli.images.sheet import PANEL, Band, Tile, draw_sheet
from poolcli.report import Outcome
from poolcli.report.entries import facts_of, title_of
from poolcli.report.panels import Shown, place, six
from poolcli.report.verdict import title, verdict, worst_row
from poolcli.shift.record import ShiftReport
from poolcli.stores import Place, publish
from poolcli.visualize import Look, Panel, heat_colours


def write_sheet(path: Place, outcome: Outcome) -> None:
    """The contact sheet of the first frame, as a PNG."""
    if not outcome.looks.get("png"):  # too large to be shown
        return
    report, look = outcome.reports[0], outcome.looks["png"][0]
    panels = [panel for panel in (look.whole, look.part) if panel]
    bands = [_band(panel, look, report, alone=len(panels) == 1) for panel in panels]
    row = worst_row(report)
    lines = [title(report), ", ".join(facts_of(report))]
    if len(outcome.reports) > 1:
        lines.append(f"frame 0 of {len(outcome.reports)}")
    picture = draw_sheet(title_of(outcome), lines, bands, verdict(row), heat_colours())
    with publish(path) as stream:
        stream.write(picture)


def _band(panel: Panel, look: Look, report: ShiftReport, *, alone: bool) -> Band:
    tiles = [_tile(shown) for shown in six(panel, look, report, worst_row(report), PANEL)]
    return Band("" if alone else place(panel, look), (tiles[:3], tiles[3:]))


def _tile(shown: Shown) -> Tile:
    scale = None if shown.peak is None else ("0", shown.peak)
    return Tile(shown.picture, shown.size, shown.heading, shown.caption, shown.marks, scale)
