"""The report in plain words, by one rule for the terminal, pages and sheets: what is left of the change, and counts."""

from poolcli.report.figures import figure
from poolcli.shift.record import GIVEN, ShiftReport, ShiftRow, Side

LESS, SAME = 0.95, 1.05  # a residual below the first: less sensitive; up to the second: as sensitive
GOOD = "less sensitive"  # the judgement that is good news


def judgement(row: ShiftRow) -> str:
    """The verdict in two words, from the residual as the row shows it."""
    if row.residual is None:
        return _without_residual(row)[0]
    shown = float(figure(row.residual))
    return GOOD if shown < LESS else "as sensitive" if shown <= SAME else "more sensitive"


def verdict(row: ShiftRow) -> str:
    """What one shift did: what is left of the change relative to the contrast, then how many pixels change.

    A count falls by itself when there are fewer pixels, so it is told per pixel too; and on photographs, where nearly
    every pixel changes a little, only the change in value says something.
    """
    if row.residual is None:
        text = ": ".join(_without_residual(row))
    else:
        text = f"{judgement(row)}: {_left(row.residual)}{_per_pixel(row, row.residual)}"
    text += f" ({_count(row.raw)} before, {_count(row.pooled)} after)"
    return text if row.written is None else f"{text}; {_count(row.written)} change as written"


def _without_residual(row: ShiftRow) -> tuple[str, str]:
    """In two words, and more: why there is no residual."""
    change = "difference" if row.edge == GIVEN else "shift"
    before = row.raw if row.dense is None or row.raw.counts_only else row.dense
    for side, where in ((before, "picture"), (row.pooled, "output")):
        if not side.compared:
            return "nothing comparable", f"no value of the {where} is finite and valid on both sides"
    if not (before.fraction if before.counts_only else before.mae):
        if row.raw.changed:
            return "nothing changes", f"what stands before the down-sampling leaves nothing of this {change}"
        return "nothing changes", f"this {change} changes nothing here"
    flat = "output" if before.spread else "picture"
    return f"flat {flat}", f"the {flat} is flat, without any contrast that a change could be measured by"


def _left(residual: float) -> str:
    share = 100 * residual
    shown = f"{share:.0f}" if share >= 10 else f"{share:.2g}"
    if residual == 0:
        return "nothing of the change is left"
    if float(figure(residual)) > SAME:
        return f"the change has grown to {shown} %"
    return f"{shown} % of the change is left"


def _per_pixel(row: ShiftRow, residual: float) -> str:
    """How many pixels change per pixel, joined by what it means beside the residual; of labels that is the residual."""
    if row.raw.counts_only:
        return ", counted in pixels"
    if row.pooled.changed == 0:
        return ", and no pixel changes" if residual <= SAME else ", though no pixel changes"
    if row.gain is None:
        return ", though pixels change where none did"
    if 1 / SAME <= row.gain <= SAME:
        return ", and per pixel as many pixels change"
    more = row.gain < 1
    joined = "though" if more == (judgement(row) == GOOD) else "and"
    times = f"{1 / row.gain:.3g}x as many" if more else f"{row.gain:.3g}x fewer"
    return f", {joined} per pixel {times} pixels change"


def _count(side: Side) -> str:
    return f"{side.changed:,} of {side.pixels:,}"


def title(report: ShiftReport) -> str:
    """What was done to which picture."""
    (w, h), (ow, oh) = report.input.size, report.output.size
    return f"{report.layers}: {w}x{h} -> {ow}x{oh}"


def worst_row(report: ShiftReport) -> ShiftRow:
    """The row of the shift that the summary calls the worst."""
    worst = report.summary.worst
    return next(row for row in report.shifts if (row.dx, row.dy) == (worst.dx, worst.dy))
