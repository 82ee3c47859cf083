"""Figures as people read them: shares, ratios, counts, and a shift in words."""

from poolcli.shift.record import ShiftRow, Side

NOTHING = "-"
EXACT = 100_000  # from here on a count is told in thousands or millions, or a table would not fit


def percent(fraction: float) -> str:
    """A share in per cent, with one digit, or two significant ones when small.

    >>> percent(0.0484), percent(1.0), percent(0.00021), percent(0.99999)
    ('4.8 %', '100 %', '0.021 %', '>99.9 %')
    """
    value = 100 * fraction
    if value in (0, 100):
        return f"{value:.0f} %"
    if 99.95 <= value < 100:
        return ">99.9 %"
    return f"{value:.1f} %" if value >= 1 or value < 0 else f"{value:.2g} %"


def share(fraction: float | None) -> str:
    """A share in per cent, or a dash where there is none."""
    return NOTHING if fraction is None else percent(fraction)


def figure(value: float | None) -> str:
    """A figure to three digits, or a dash where there is none."""
    return NOTHING if value is None else f"{value:.3g}"


def count(number: int) -> str:
    """A number of pixels, the exact one being in the JSON.

    >>> count(25795), count(102724), count(11482113)
    ('25,795', '103 k', '11.5 M')
    """
    if number < EXACT:
        return f"{number:,}"
    return f"{number / 1e3:.0f} k" if number < 1e6 else f"{number / 1e6:.1f} M"


def changed(side: Side) -> str:
    """How many pixels changed, and which share of them all."""
    return f"{count(side.changed)} ({percent(side.fraction)})"


def row_figures(row: ShiftRow) -> tuple[str, ...]:
    """What changed before and after, absorbed, gain, residual, and the residual that aligning leaves."""
    return (
        changed(row.raw),
        changed(row.pooled),
        share(row.absorbed),
        figure(row.gain),
        figure(row.residual),
        figure(row.aligned.residual if row.aligned else None),
    )


def direction(dx: int, dy: int) -> str:
    """A shift in words.

    >>> direction(-1, 0), direction(2, -3), direction(0, 0)
    ('1 pixel left', '2 pixels right and 3 up', 'by nothing')
    """
    steps = [(abs(dx), "left" if dx < 0 else "right"), (abs(dy), "up" if dy < 0 else "down")]
    parts = [(size, way) for size, way in steps if size]
    if not parts:
        return "by nothing"
    size, way = parts[0]
    first = f"{size} pixel{'s' * (size != 1)} {way}"
    return " and ".join([first, *(f"{size} {way}" for size, way in parts[1:])])
