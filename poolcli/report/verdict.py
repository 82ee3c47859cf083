"""The report in plain words: how much of the change the layers swallowed, as a count and per pixel."""

from poolcli.shift.record import ShiftReport, ShiftRow, Side


def verdict(row: ShiftRow) -> str:
    """One line on one shift: the counts, then what they are worth per pixel.

    A count falls by itself when there are fewer pixels, so the line never tells it alone.
    """
    if row.raw.changed == 0:
        return "The shift changes no pixel of this picture, so there is nothing to absorb."
    counts = f"{_count(row.raw)} changed before, {_count(row.pooled)} after"
    if row.pooled.changed == 0:
        return f"{counts}: the layers absorbed the shift completely."
    assert row.gain is not None
    return f"{counts}: {_absorbed(row)}, {_per_pixel(row.gain)}."


def _count(side: Side) -> str:
    return f"{side.changed} of {side.pixels} pixels ({percent(side.fraction)})"


def _absorbed(row: ShiftRow) -> str:
    assert row.absorbed is not None
    if row.absorbed < 0:
        return "more changed pixels than before"
    return f"{percent(row.absorbed)} of the changed pixels are gone"


def _per_pixel(gain: float) -> str:
    if gain >= 1.05:
        return f"and per pixel {gain:.2f} times fewer change, a real gain"
    if gain > 0.95:
        return "but per pixel as many change: the output only has fewer pixels"
    return f"but per pixel nothing was gained: {1 / gain:.2f} times as many change"


def percent(fraction: float) -> str:
    """A share in per cent, with one digit, or two significant ones when small.

    >>> percent(0.0484), percent(1.0), percent(0.00021)
    ('4.8 %', '100 %', '0.021 %')
    """
    value = 100 * fraction
    if value in (0, 100):
        return f"{value:.0f} %"
    return f"{value:.1f} %" if value >= 1 or value < 0 else f"{value:.2g} %"


def title(report: ShiftReport) -> str:
    """What was done to which picture."""
    (w, h), (ow, oh) = report.input.size, report.output.size
    return f"{report.layers}: {w}x{h} -> {ow}x{oh}"
