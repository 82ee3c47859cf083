"""What a report says in words: figures as they are read, the verdict, and all of it as a table of HTML. No NumPy."""

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

    A count falls by itself when there are fewer pixels, so it is given per pixel too; and on photographs, where nearly
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
        if before.changed:
            return "no value changes", f"what this {change} changes is which values are valid and finite"
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


NOTHING = "-"
EXACT = 100_000  # from here on a count is written in thousands or millions, or a table would not fit


def percent(fraction: float) -> str:
    """A share in per cent, with one digit, or two significant ones when small.

    >>> percent(0.0484), percent(0.01), percent(1.0), percent(0.00021), percent(0.99999)
    ('4.8 %', '1.0 %', '100 %', '0.021 %', '>99.9 %')
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


HEADS = ("shift", "changed before", "changed after", "absorbed", "gain", "residual", "aligned")


def report_html(report: ShiftReport) -> str:
    """A report as a notebook shows it: what was done, the verdict of the worst shift, and a row for every shift."""
    from html import escape

    said = [f"<b>{escape(title(report))}</b>", escape(verdict(worst_row(report)))]
    heads = "".join(f'<th scope="col">{head}</th>' for head in HEADS)
    rows = "".join(
        f"<tr><td>{GIVEN if row.edge == GIVEN else f'{row.dx},{row.dy}'}</td>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row_figures(row))
        + "</tr>"
        for row in report.shifts
    )
    lines = "".join(f"<p>{line}</p>" for line in said)
    return f"<div>{lines}<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
