"""What a shift report measures, and what it says: frozen records, named as in their JSON form. No NumPy."""

from collections.abc import Mapping, Sequence
from dataclasses import field, fields, is_dataclass, replace
from math import isfinite
from operator import index
from typing import Any, Self

from poolcli.errors import UsageError, unknown
from poolcli.ops.geometry import LARGEST
from poolcli.records import dataclass

SCHEMA = "poolcli.shift/2"
SIDE_MARK = ".shift"  # ends the stem of what stands beside a picture: NAME.shift.json
AUTO, NOTHING = "auto", "none"  # what is ignored: the values that a file declares as no-data, or nothing
GIVEN = "given"  # in place of an edge: the other picture was not made by a shift but brought
SHIFT_EDGES = ("replicate", "zero", "wrap", "crop")  # what comes in at the border; crop: compare only what stays


@dataclass(frozen=True, slots=True)
class Side:
    """How much two arrays of one shape differ. A pixel changed if any channel differs by more than the tolerance.

    `mae`, `rmse` and `max` are in units of the values, over the `compared` values that are valid on both sides and
    differ by a finite amount; `psnr` in dB. `spread` is the mean absolute deviation of the unshifted side's values from
    their channel's mean, where windows lie inside the picture. None where there is no such figure: of labels, whose
    numbers mean nothing, there is none of these five.
    """

    pixels: int
    changed: int
    fraction: float
    compared: int
    mae: float | None
    rmse: float | None
    max: float | None
    psnr: float | None
    spread: float | None

    @property
    def counts_only(self) -> bool:
        """Whether labels were compared."""
        return self.mae is None and self.compared > 0

    @property
    def relative(self) -> float | None:
        """The change relative to the contrast: mae / spread, or the share of changed pixels of labels."""
        return self.fraction if self.counts_only else quotient(self.mae, self.spread)


@dataclass(frozen=True, slots=True)
class Aligned(Side):
    """The least change over whole-pixel shifts (dx, dy) of the output, over cells that see no border on either side.

    `residual` is relative to the change `before` (relative to its spread) of what sees no border either.
    """

    dx: int
    dy: int
    residual: float | None
    before: float | None = field(default=None, metadata={"json": False})  # for summaries alone

    @classmethod
    def of(cls, side: Side, offset: "Shift", before: Side | None) -> Self:
        """`side`, which that shift of the output leaves, and what stood `before` in the interior, if there is one."""
        figures = {each.name: getattr(side, each.name) for each in fields(Side)}
        relative = before.relative if before else None
        residual = quotient(side.relative, relative)
        return cls(**figures, dx=offset[0], dy=offset[1], residual=residual, before=relative)


@dataclass(frozen=True, slots=True)
class ShiftRow:
    """What one shift changed before the layers (`raw`), at full resolution (`dense`) and after them (`pooled`).

    `written` is `pooled` of what is written to files, where that is not the same.
    """

    dx: int
    dy: int
    edge: str
    raw: Side
    dense: Side | None
    pooled: Side
    written: Side | None
    aligned: Aligned | None
    absorbed: float | None
    gain: float | None
    residual: float | None

    @classmethod
    def of(
        cls,
        shift: "Shift",
        edge: str,
        sides: tuple[Side, Side | None, Side],
        *,
        written: Side | None = None,
        aligned: Aligned | None = None,
    ) -> "ShiftRow":
        """The row of these sides (raw, dense, pooled), with the ratios that follow from them."""
        raw, _, pooled = sides
        absorbed = 1 - pooled.changed / raw.changed if raw.changed else None
        gain = raw.fraction / pooled.fraction if raw.changed and pooled.changed else None
        row = cls(*shift, edge, raw, sides[1], pooled, written, aligned, absorbed, gain, None)
        return replace(row, residual=quotient(pooled.relative, row.before))

    @property
    def before(self) -> float | None:
        """The relative change before the first down-sampling."""
        return self.raw.relative if self.dense is None or self.raw.counts_only else self.dense.relative

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        form: dict[str, Any] = _form(self)
        if self.aligned:
            del form["aligned"]["before"]
        return form

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> "ShiftRow":
        """The row whose fields these are."""
        sides = {name: Side(**form[name]) if form[name] else None for name in ("raw", "dense", "pooled", "written")}
        return cls(**{**form, **sides, "aligned": Aligned(**form["aligned"]) if form["aligned"] else None})


def names_of(record: type[Side | ShiftRow]) -> tuple[str, ...]:
    """The names of a record's fields in its JSON form, in order."""
    return tuple(each.name for each in fields(record) if each.metadata.get("json", True))


def quotient(part: float | None, whole: float | None) -> float | None:
    """`part` / `whole`; None where one of them is missing, `whole` is 0 or no float holds the result."""
    if part is None or not whole:
        return None
    ratio = part / whole
    return ratio if isfinite(ratio) else None


@dataclass(frozen=True, slots=True)
class Offset:
    """A shift: `dx` pixels to the right, `dy` down."""

    dx: int
    dy: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The ratios of sums over the shifts (see `Totals`), and the shift that left most of the change."""

    absorbed: float | None
    gain: float | None
    residual: float | None
    worst: Offset


@dataclass(slots=True)
class Totals:
    """Sums over rows, of one picture or of many: ratios of sums, so that a shift that leaves nothing counts too."""

    raw_changed: int = 0
    raw_pixels: int = 0
    changed: int = 0
    pixels: int = 0
    relative: list[float] = field(default_factory=lambda: [0.0, 0.0])  # before, after
    relative_aligned: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def add(self, row: ShiftRow) -> None:
        """One more row; only what has figures both before and after counts for what is left of the change."""
        self.raw_changed += row.raw.changed
        self.raw_pixels += row.raw.pixels
        self.changed += row.pooled.changed
        self.pixels += row.pooled.pixels
        _add(self.relative, row.before, row.pooled.relative)
        if row.aligned:
            _add(self.relative_aligned, row.aligned.before, row.aligned.relative)

    def merge(self, other: "Totals") -> None:
        """Sums over other rows."""
        self.raw_changed += other.raw_changed
        self.raw_pixels += other.raw_pixels
        self.changed += other.changed
        self.pixels += other.pixels
        _add(self.relative, *other.relative)
        _add(self.relative_aligned, *other.relative_aligned)

    @property
    def absorbed(self) -> float | None:
        """The share of changed pixels that are gone."""
        return 1 - self.changed / self.raw_changed if self.raw_changed else None

    @property
    def gain(self) -> float | None:
        """How many times fewer pixels change, per pixel."""
        if not self.raw_changed or not self.changed:
            return None
        return (self.raw_changed / self.raw_pixels) / (self.changed / self.pixels)

    @property
    def residual(self) -> float | None:
        """What is left of the change relative to the contrast."""
        return quotient(self.relative[1], self.relative[0])

    @property
    def aligned(self) -> float | None:
        """The same when the output may move along."""
        return quotient(self.relative_aligned[1], self.relative_aligned[0])


def _add(sums: list[float], before: float | None, after: float | None) -> None:
    if before is not None and after is not None:
        sums[0] += before
        sums[1] += after


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
    """Everything that is measured on one picture (one frame): the record behind `poolcli.shift/2`."""

    input: InputFacts
    output: OutputFacts
    layers: str
    shifts: tuple[ShiftRow, ...]
    summary: Summary

    @classmethod
    def of(cls, input: InputFacts, output: OutputFacts, layers: str, rows: tuple[ShiftRow, ...]) -> "ShiftReport":
        """The report of these rows, with their summary."""
        return cls(input, output, layers, rows, summarize(rows))

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: plain dictionaries, lists, finite numbers and None."""
        shifts = [row.to_dict() for row in self.shifts]
        return {"schema": SCHEMA, **_form(self), "shifts": shifts}

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict and a table of the shifts."""
        from poolcli.shift.verdict import report_html

        return report_html(self)

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


def _form(value: Any) -> Any:
    """A record as dictionaries and lists; `asdict` copies every number too, which takes ten times as long."""
    if isinstance(value, tuple):
        return list(value)
    kind = type(value)
    if kind not in _NAMES:
        _NAMES[kind] = tuple(each.name for each in fields(kind)) if is_dataclass(kind) else ()
    names = _NAMES[kind]
    return {name: _form(getattr(value, name)) for name in names} if names else value


_NAMES: dict[type, tuple[str, ...]] = {}  # of the fields of a record; none of what is no record


def summarize(rows: Sequence[ShiftRow]) -> Summary:
    """Ratios of sums over the shifts; the worst is the one with the largest residual, or that changes most pixels."""
    totals = Totals()
    for row in rows:
        totals.add(row)
    worst = worst_of(rows)
    return Summary(totals.absorbed, totals.gain, totals.residual, Offset(worst.dx, worst.dy))


def worst_of(rows: Sequence[ShiftRow]) -> ShiftRow:
    """The row with the largest residual, or, of those without, in which most pixels change; of equal ones the first."""
    return max(rows, key=lambda row: (-1.0 if row.residual is None else row.residual, row.pooled.fraction))


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
