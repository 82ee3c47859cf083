"""What a shift report measures, as frozen records named as in their JSON form, and what it says in words. No NumPy."""

from collections.abc import Mapping, Sequence
from dataclasses import field, fields, is_dataclass, replace
from math import isfinite
from numbers import Real
from operator import index
from typing import Any, Self

from poolcli.errors import UsageError, unknown
from poolcli.ops.geometry import LARGEST
from poolcli.records import dataclass

SCHEMA = "poolcli.shift/2"
SIDE_MARK = ".shift"  # ends the stem of what stands beside a picture: NAME.shift.json
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
        """The report of these rows, with their summary: ratios of sums over the shifts, and the worst of these."""
        totals, worst = Totals(), worst_of(rows)
        for row in rows:
            totals.add(row)
        summary = Summary(totals.absorbed, totals.gain, totals.residual, Offset(worst.dx, worst.dy))
        return cls(input, output, layers, rows, summary)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: plain dictionaries, lists, finite numbers and None."""
        shifts = [row.to_dict() for row in self.shifts]
        return {"schema": SCHEMA, **_form(self), "shifts": shifts}

    def _repr_html_(self) -> str:
        """What a notebook shows: what was done, the verdict of the worst shift, and a row for every shift."""
        from html import escape

        heads = "".join(f'<th scope="col">{head}</th>' for head in HEADS)
        rows = "".join(
            f"<tr><td>{GIVEN if row.edge == GIVEN else f'{row.dx},{row.dy}'}</td>"
            + "".join(f"<td>{escape(cell)}</td>" for cell in row_figures(row))
            + "</tr>"
            for row in self.shifts
        )
        lines = f"<p><b>{escape(title(self))}</b></p><p>{escape(verdict(worst_row(self)))}</p>"
        return f"<div>{lines}<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"

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
    """UsageError for one below 0, or NaN; TypeError for what is no number."""
    if not isinstance(tolerance, Real):
        raise TypeError(f"tolerance {tolerance!r} is no number: 0 or more is allowed")
    if not tolerance >= 0:
        raise UsageError(f"tolerance {tolerance} is not allowed: give 0 or more")


# In words: the verdict, and figures as they are read

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
    flat, spread = ("output", row.pooled.spread) if before.spread else ("picture", before.spread)
    if spread is None:
        return "no contrast known", f"no float holds the contrast of the {flat}, or no value is valid where it is taken"
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
