"""The report in plain words: how much of the change is left, as a count, per pixel, and in value."""

from poolcli.report.figures import count, direction, figure, percent
from poolcli.shift.record import GIVEN, ShiftReport, ShiftRow, Side

REAL_GAIN = 1.05  # below it the share of pixels that change is the same for all anybody can see
GAIN = ("all absorbed", "gain per pixel")  # judgements that are good news
WIDTH = 80  # characters of a terminal's line


def verdict(row: ShiftRow) -> str:
    """What one shift did, for somebody who has never seen such a report.

    A count falls by itself when there are fewer pixels, so it is never told without what it is worth per pixel; and
    on photographs, where nearly every pixel changes a little, only the change in value says something.
    """
    moved = "Taking the other picture" if row.edge == GIVEN else f"Moving the picture {direction(row.dx, row.dy)}"
    if row.raw.changed == 0:
        return f"{moved} changes none of its pixels, so there is nothing to absorb."
    before = f"{moved} changes {_count(row.raw)}"
    if row.pooled.changed == 0:
        return f"{before}, and the output not at all: the layers absorb this {_cause(row)} completely."
    return f"{before}, and {_count(row.pooled)} of the output. {_worth(row)} {_in_value(row)}".rstrip()


def brief(row: ShiftRow, mark: str = "") -> str:
    """The verdict in one line of a terminal, behind `mark`: whether it is a gain, by count, per pixel and in value."""
    if row.raw.changed == 0:
        return f"{mark}Nothing changes, so there is nothing to absorb"
    counts = f"{count(row.raw.changed)} -> {count(row.pooled.changed)} pixels change"
    if row.pooled.changed == 0:
        return f"{mark}Gain: {counts}, the layers absorb this {_cause(row)} completely"
    assert row.gain is not None
    if row.gain >= REAL_GAIN:
        text = f"{mark}Gain: {counts}, {figure(row.gain)}x fewer per pixel"
    else:
        times = "" if row.gain > 1 / REAL_GAIN else f"{figure(1 / row.gain)}x "
        text = f"{mark}No gain: {counts}, {times}as many per pixel"
    if row.residual is not None:
        text += f"; value: {percent(row.residual)}{' left' if row.residual <= 1 else ', grown'}"
    return text if len(text) <= WIDTH else text.replace(" change,", ",")


def judgement(row: ShiftRow) -> str:
    """The verdict in a few words."""
    if row.raw.changed == 0:
        return "nothing changes"
    if row.pooled.changed == 0:
        return "all absorbed"
    assert row.gain is not None
    return "gain per pixel" if row.gain >= REAL_GAIN else "no gain per pixel"


def _cause(row: ShiftRow) -> str:
    return "change" if row.edge == GIVEN else "shift"


def _count(side: Side) -> str:
    return f"{side.changed:,} of {side.pixels:,} pixels ({percent(side.fraction)})"


def _worth(row: ShiftRow) -> str:
    """What the fall of the count is worth once the smaller output is taken into account."""
    assert row.absorbed is not None
    assert row.gain is not None
    if row.absorbed <= 0:
        return f"No fewer than before: per pixel {_times(1 / row.gain)} as many change."
    fewer = f"That is {percent(row.absorbed)} fewer"
    if row.gain >= REAL_GAIN:
        return f"{fewer}, and per pixel of the smaller output too: {_times(row.gain)} fewer change, a real gain."
    smaller = f"but the output has {_times(row.raw.pixels / row.pooled.pixels)} fewer pixels anyway"
    as_many = "just" if row.gain > 1 / REAL_GAIN else _times(1 / row.gain)
    return f"{fewer}, {smaller}, and per pixel nothing was gained: {as_many} as many change."


def _in_value(row: ShiftRow) -> str:
    if row.residual is None:
        return ""
    of = "the filtered picture's change" if row.dense else "the change"
    if row.residual > 1:
        return f"In value, {of} has grown to {percent(row.residual)}."
    return f"In value, {percent(row.residual)} of {of} is left."


def _times(factor: float) -> str:
    return f"{factor:.3g} times"


def title(report: ShiftReport) -> str:
    """What was done to which picture."""
    (w, h), (ow, oh) = report.input.size, report.output.size
    return f"{report.layers}: {w}x{h} -> {ow}x{oh}"


def worst_row(report: ShiftReport) -> ShiftRow:
    """The row of the shift that the summary calls the worst."""
    worst = report.summary.worst
    return next(row for row in report.shifts if (row.dx, row.dy) == (worst.dx, worst.dy))
