"""What a shift report is asked to measure, and what it says: frozen records, named as in their JSON form. No NumPy."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import index
from typing import Any

from poolcli.errors import UsageError, unknown
from poolcli.ops.geometry import LARGEST

SCHEMA = "poolcli.shift/1"
SIDE_MARK = ".shift"  # ends the stem of what stands beside a picture: NAME.shift.json
GIVEN = "given"  # in place of an edge: the other picture was not made by a shift but brought
SHIFT_EDGES = ("replicate", "zero", "wrap", "crop")  # what comes in at the border; crop: compare only what stays


@dataclass(frozen=True, slots=True)
class Side:
    """How much two arrays of one shape differ. A pixel changed if any channel differs by more than the tolerance.

    `mae`, `rmse` and `max` are in units of the values, over all values that differ by a finite amount; `psnr` in dB,
    None when nothing differs.
    """

    pixels: int
    changed: int
    fraction: float
    mae: float
    rmse: float
    max: float
    psnr: float | None


@dataclass(frozen=True, slots=True)
class Aligned(Side):
    """The least change over whole-pixel shifts (dx, dy) of the output, cells that see a border left out."""

    dx: int
    dy: int


@dataclass(frozen=True, slots=True)
class ShiftRow:
    """What one shift changed before the layers (`raw`), at full resolution (`dense`) and after them (`pooled`)."""

    dx: int
    dy: int
    edge: str
    raw: Side
    dense: Side | None
    pooled: Side
    aligned: Aligned | None
    absorbed: float | None
    gain: float | None
    residual: float | None

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> "ShiftRow":
        """The row whose fields these are."""
        sides = {name: Side(**form[name]) if form[name] else None for name in ("raw", "dense", "pooled")}
        return cls(**{**form, **sides, "aligned": Aligned(**form["aligned"]) if form["aligned"] else None})


@dataclass(frozen=True, slots=True)
class Offset:
    """A shift: `dx` pixels to the right, `dy` down."""

    dx: int
    dy: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Means over the shifts for which there is a figure, and the shift that left most of the change in value."""

    absorbed: float | None
    gain: float | None
    residual: float | None
    worst: Offset


@dataclass(frozen=True, slots=True)
class InputFacts:
    """The picture measured: `path` None for an array, `size` (width, height), `mode` as stored, `frame` from 0."""

    path: str | None
    size: tuple[int, int]
    mode: str
    frame: int = 0


@dataclass(frozen=True, slots=True)
class OutputFacts:
    """The picture written: `path` None when there is none, `size` (width, height)."""

    path: str | None
    size: tuple[int, int]
    mode: str


@dataclass(frozen=True, slots=True)
class ShiftReport:
    """Everything that is told of one picture (one frame): the record behind `poolcli.shift/1`."""

    input: InputFacts
    output: OutputFacts
    layers: str
    shifts: tuple[ShiftRow, ...]
    summary: Summary

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: plain dictionaries, lists, finite numbers and None."""
        return {"schema": SCHEMA, **asdict(self, dict_factory=_plain)}

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> "ShiftReport":
        """The record that `to_dict` gave this form of."""
        summary = form["summary"]
        return cls(
            InputFacts(**{**form["input"], "size": tuple(form["input"]["size"])}),
            OutputFacts(**{**form["output"], "size": tuple(form["output"]["size"])}),
            form["layers"],
            tuple(map(ShiftRow.from_dict, form["shifts"])),
            Summary(**{**summary, "worst": Offset(**summary["worst"])}),
        )


def _plain(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in pairs}


def summarize(rows: Sequence[ShiftRow]) -> Summary:
    """Means over the shifts; the worst shift is the one with the largest residual."""
    worst = max(rows, key=lambda row: -1.0 if row.residual is None else row.residual)
    return Summary(
        _mean([row.absorbed for row in rows]),
        _mean([row.gain for row in rows]),
        _mean([row.residual for row in rows]),
        Offset(worst.dx, worst.dy),
    )


def _mean(figures: Sequence[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) / len(known) if known else None


Shift = tuple[int, int]  # (dx, dy): (-1, 0) moves the picture left by one pixel


@dataclass(frozen=True, slots=True)
class Shifting:
    """What a shift report measures: the shifts (dx, dy), what comes in at the border, what counts as unchanged.

    UsageError where one of them cannot be.
    """

    shifts: tuple[Shift, ...] = ((-1, 0),)
    edge: str = "replicate"
    tolerance: float = 0

    def __post_init__(self) -> None:
        if not self.shifts:
            raise UsageError("no shift to measure: give at least one (dx, dy), for instance (-1, 0)")
        object.__setattr__(self, "shifts", tuple(map(_whole, self.shifts)))
        check_edge(self.edge)
        check_tolerance(self.tolerance)


def _whole(shift: Shift) -> Shift:
    """The shift in Python's own numbers."""
    try:
        dx, dy = map(index, shift)
    except (TypeError, ValueError):
        raise UsageError(f"shift {shift!r} is not (dx, dy): two whole numbers are allowed, as in (-1, 0)") from None
    if max(abs(dx), abs(dy)) > LARGEST:
        raise UsageError(f"shift {dx},{dy} is out of range: whole numbers up to {LARGEST} either way are allowed")
    return dx, dy


def check_edge(edge: str) -> None:
    """UsageError for an unknown name of what comes in at the border."""
    if edge not in SHIFT_EDGES:
        raise unknown("shift edge", edge, SHIFT_EDGES)


def check_tolerance(tolerance: float) -> None:
    """UsageError for one below 0, or NaN."""
    if not tolerance >= 0:
        raise UsageError(f"tolerance {tolerance} is not allowed: give 0 or more")
