"""The curves as one SVG, log-log, written by hand: a panel each, a line each, its name at its end."""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from math import ceil, floor, log10

from tests.bench.curves import Curve, Points

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420, 280, 58, 96, 34, 40
Place = Callable[[float, float], tuple[float, float]]
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # Okabe and Ito: told apart by colour-blind people too


def svg(curves: Sequence[Curve]) -> str:
    """All panels, two in a row."""
    rows = -(-len(curves) // 2)
    panels = "".join(
        f'<g transform="translate({WIDTH * (i % 2)} {HEIGHT * (i // 2)})">{"".join(_panel(curve))}</g>\n'
        for i, curve in enumerate(curves)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT * rows}" role="img" '
        f'font-family="sans-serif" font-size="11"><title>What poolcli costs, log-log</title>\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{panels}</svg>\n'
    )


def _panel(curve: Curve) -> Iterator[str]:
    points = [point for line in curve.lines.values() for point in line]
    across, up = _decades([x for x, _ in points]), _decades([y for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        right = (log10(x) - across[0]) / (across[-1] - across[0]) * (WIDTH - LEFT - RIGHT)
        above = (log10(y) - up[0]) / (up[-1] - up[0]) * (HEIGHT - TOP - BOTTOM)
        return LEFT + right, HEIGHT - BOTTOM - above

    yield f'<text x="{LEFT}" y="18" font-weight="bold">{escape(curve.title)}</text>\n'
    for decade in across:
        x, _ = place(10**decade, 10 ** up[0])
        yield f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>'
        yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{10**decade:,g}</text>\n'
    for decade in up:
        _, y = place(10 ** across[0], 10**decade)
        yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_time(decade)}</text>\n'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(curve.across)}</text>\n'
    yield from _lines(curve.lines, place)


def _lines(lines: dict[str, Points], place: Place) -> Iterator[str]:
    """The lines, and their names at their ends, moved apart where they would cover one another."""
    free = 0.0
    ends = sorted(lines, key=lambda name: place(*lines[name][-1])[1])
    for name in ends:
        colour = COLOURS[list(lines).index(name) % len(COLOURS)]
        dots = [place(*point) for point in lines[name]]
        yield f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in dots)}" fill="none" stroke="{colour}"/>'
        yield "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in dots)
        free = max(free + 13, dots[-1][1] + 4)
        yield f'<text x="{dots[-1][0] + 7:.1f}" y="{free:.1f}" fill="{colour}">{escape(name)}</text>\n'


def _decades(values: Sequence[float]) -> range:
    """Powers of ten around the values, two at least."""
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return range(low, max(high, low + 1) + 1)


def _time(decade: int) -> str:
    for unit, exponent in (("s", 0), ("ms", -3), ("µs", -6)):
        if decade >= exponent:
            return f"{10 ** (decade - exponent):,} {unit}"
    return f"1e{decade} s"
