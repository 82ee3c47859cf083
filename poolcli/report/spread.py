"""How a figure spreads over the pictures of a run: a small histogram with its median, as shapes for an SVG."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor
from statistics import median

from poolcli.report.entries import Line
from poolcli.report.figures import figure, share

BINS = 24
WIDTH, HEIGHT = 240, 76


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, in units of the plot, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A histogram from `low` to `high`; `at` is where the median stands."""

    name: str
    meaning: str
    median: str
    alt: str
    bars: tuple[Bar, ...]
    at: float
    low: str
    high: str


def plots(lines: Sequence[Line]) -> list[Plot]:
    """The spread of absorbed, gain and residual, of those that have a figure at all."""
    wanted = (
        ("absorbed", "changed pixels that are gone, by count", [line.absorbed for line in lines], share),
        ("gain", "times fewer change per pixel; up to 1 is none", [line.gain for line in lines], figure),
        ("residual", "of the change in value is left", [line.residual for line in lines], share),
    )
    found = []
    for name, meaning, values, written in wanted:
        known = sorted(value for value in values if value is not None)
        if known:
            found.append(_plot(name, meaning, known, written))
    return found


def _plot(name: str, meaning: str, values: list[float], written: Callable[[float], str]) -> Plot:
    low, high = values[0], values[-1]
    step = (high - low) / BINS or 1.0
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, floor((value - low) / step))] += 1
    middle = median(values)
    alt = f"{name}: half of the pictures below {written(middle)}, all from {written(low)} to {written(high)}"
    bars = tuple(
        Bar(
            round(index * WIDTH / BINS + 0.5, 2),
            round(HEIGHT - HEIGHT * number / max(counts), 2),
            round(WIDTH / BINS - 1, 2),
            round(HEIGHT * number / max(counts), 2),
            f"{written(low + index * step)} to {written(low + (index + 1) * step)}: {number}",
        )
        for index, number in enumerate(counts)
        if number
    )
    at = round((middle - low) / (step * BINS) * WIDTH, 2)
    return Plot(name, meaning, written(middle), alt, bars, at, written(low), written(high))
