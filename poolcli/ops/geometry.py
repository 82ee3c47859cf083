"""Where windows lie: axes and padding, adaptive sizes, stages of a layer, and what an output sees."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from numbers import Integral, Real
from operator import index
from typing import Any, ClassVar, Literal

from poolcli.errors import PictureError, UsageError
from poolcli.records import dataclass

# Where windows lie on a picture: PyTorch's output sizes, paddings that differ by side, Keras' `same`. No NumPy.

Size = tuple[int, int]  # (height, width), as in PyTorch
Padding = tuple[int, int, int, int]  # (top, bottom, left, right)
Same = Literal["same", "same-lower", "wrap"]  # ONNX SAME_UPPER (Keras, TensorFlow) and SAME_LOWER, same going round
SAME: tuple[Same, ...] = ("same", "same-lower", "wrap")

EDGES = ("reflect", "symmetric", "replicate", "zero", "wrap")  # what lies beyond the border, for filters
Edge = str | int | float  # one of these, or the number that lies there: NumPy's constant_values, SciPy's cval

LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Axis:
    """The windows on one axis of `n` values: window i starts at `i * s - before` and takes k values, d apart.

    `slack`: all of them may start up to so much later, which the picture decides. `wraps`: beyond one border lies
    the other side. `span`: values from the first to the last of one window, k when d is 1. `end`: where the last window
    ends at the latest, behind the last value that it sees.
    """

    n: int
    k: int
    s: int
    d: int
    before: int
    after: int
    out: int
    slack: int = 0
    wraps: bool = False
    span: int = field(init=False, repr=False, compare=False)
    end: int = field(init=False, repr=False, compare=False)

    regular: ClassVar[bool] = True  # all windows have one size and lie equally far apart

    def __post_init__(self) -> None:
        span = self.d * (self.k - 1) + 1
        object.__setattr__(self, "span", span)
        object.__setattr__(self, "end", (self.out - 1) * self.s + self.slack - self.before + span)

    def inner(self, low: int, high: int, *, goes_on: bool) -> tuple[int, int]:
        """The windows (first, last + 1) that see nothing but the values low ... high - 1.

        What a picture that `goes_on` has beyond its border are values of it too, mirrored, repeated or of the other
        side.
        """
        if (low, high) == (0, self.n) and (goes_on or self.wraps):
            return 0, self.out
        last = (high - self.span - self.slack + self.before) // self.s
        return max(0, -(-(self.before + low) // self.s)), min(self.out, last + 1)

    @property
    def most(self) -> int:
        """The most values of the picture that one window may hold."""
        return min(self.k, -(-self.n // self.d))

    @property
    def cyclic(self) -> bool:
        """Whether a picture that goes round by a multiple of s gives outputs that go round: no border is seen."""
        fits = self.before <= 0 and (self.out - 1) * self.s + self.span <= self.n
        return self.out * self.s == self.n and (self.wraps or fits)

    def starts(self) -> range:
        """Where the windows begin: below 0 in the padding."""
        return range(-self.before, self.out * self.s - self.before, self.s)

    def counts(self, *, padded: bool) -> list[int]:
        """Taps of each window that lie on the values (or, `padded`, on the values or the padding)."""
        low, high = (-self.before, self.n + self.after) if padded else (0, self.n)
        whole = range(low, high - self.span + 1)  # where a window starts that goes over no border
        return [
            self.k if start in whole else _taps_between(start, self.k, self.d, low, high) for start in self.starts()
        ]

    def part(self, outputs: slice) -> tuple[slice, "Axis"]:
        """The values that the windows `outputs` see, and where those windows lie on these values alone.

        >>> Axis(9, k=3, s=2, d=1, before=1, after=1, out=5).part(slice(0, 2))
        (slice(0, 4, None), Axis(n=4, k=3, s=2, d=1, before=1, after=0, out=2, slack=0, wraps=False))
        """
        first, last = self.starts()[outputs.start], self.starts()[outputs.stop - 1]
        low, high = max(0, first), min(self.n, last + self.span)
        after = max(0, last + self.span - self.n)
        return slice(low, high), Axis(
            high - low, self.k, self.s, self.d, low - first, after, outputs.stop - outputs.start
        )


Axes = tuple[Axis, Axis]  # rows, columns


def _taps_between(start: int, k: int, d: int, low: int, high: int) -> int:
    first = max(0, -((start - low) // d))  # the first tap t with start + t * d >= low
    last = min(k - 1, (high - 1 - start) // d)
    return max(0, last - first + 1)


@dataclass(frozen=True, slots=True)
class Window:
    """A window, its stride, padding and dilation in rows and columns; validated when built.

    `padding` is (top, bottom, left, right), or `same` / `same-lower`: as much as gives ceil(n / s) outputs; `wrap` is
    as much as `same`, but holds the other side of the picture.
    Raises UsageError when a value is out of range or the padding is not smaller than the dilated window.

    >>> Window((3, 3), (2, 2), padding=(1, 1, 1, 1)).axes(224, 224)[0].out
    112
    """

    k: Size
    s: Size
    padding: Padding | Same = (0, 0, 0, 0)
    dilation: Size = (1, 1)
    ceil: bool = False

    def __post_init__(self) -> None:
        for name, value in (("window", self.k), ("stride", self.s), ("dilation", self.dilation)):
            if min(value) < 1 or max(value) > LARGEST:
                raise UsageError(
                    f"{name} {size_text(value)} is out of range: whole numbers from 1 to {LARGEST} are allowed"
                )
        if isinstance(self.padding, str):
            return
        if min(self.padding) < 0:
            raise UsageError(f"padding {self.padding} is negative: 0 or more is allowed; use a larger stride")
        for axis, sides in ((0, self.padding[:2]), (1, self.padding[2:])):
            span = self.dilation[axis] * (self.k[axis] - 1) + 1
            if max(sides) >= span:
                raise UsageError(
                    f"padding {max(sides)} is as large as the window of {span} {('rows', 'columns')[axis]}: "
                    f"at most {span - 1} is allowed, or a window would see padding only"
                )

    def axes(self, height: int, width: int) -> Axes:
        """The windows on a picture of `height` x `width`; PictureError when not one fits."""
        rows, columns = self._axis(0, height), self._axis(1, width)
        if rows.out < 1 or columns.out < 1:
            raise PictureError(
                f"a window of {columns.span}x{rows.span} pixels (width x height) does not fit a picture of "
                f"{width}x{height} with padding {padding_text(self.padding)}: use a smaller window or more padding"
            )
        if self.padding == "wrap" and any(max(axis.before, axis.after) > axis.n for axis in (rows, columns)):
            raise PictureError(
                f"a window of {columns.span}x{rows.span} pixels (width x height) with padding wrap goes round a "
                f"picture of {width}x{height} more than once: use a smaller window, or padding same"
            )
        return rows, columns

    def _axis(self, axis: int, n: int) -> Axis:
        k, s, d = self.k[axis], self.s[axis], self.dilation[axis]
        if isinstance(self.padding, str):
            out = -(-n // s)
            total = max(0, (out - 1) * s + d * (k - 1) + 1 - n)
            small, large = total // 2, total - total // 2
            before, after = (large, small) if self.padding == "same-lower" else (small, large)
        else:
            before, after = self.padding[2 * axis : 2 * axis + 2]
            free = n + before + after - d * (k - 1) - 1
            out = (-(-free // s) if self.ceil else free // s) + 1
            if self.ceil and (out - 1) * s >= n + before:
                out -= 1  # the last window has to start inside the input or the leading padding
        return Axis(n, k, s, d, before, after, out, wraps=self.padding == "wrap")


def same_sides(k: Size) -> Padding:
    """The padding that makes a filter of `k` keep the size at stride 1: (k - 1) // 2 before, the rest after."""
    height, width = k[0] - 1, k[1] - 1
    return height // 2, height - height // 2, width // 2, width - width // 2


def as_size(value: int | Sequence[int] | str, name: str) -> Size:
    """(height, width) from 2, (3, 2), "2" or "3x2"; UsageError for anything else.

    >>> as_size("3x2", "window")
    (3, 2)
    """
    numbers = _numbers(value, name, "N or HxW")
    if len(numbers) == 1:
        return numbers[0], numbers[0]
    if len(numbers) == 2:
        return numbers[0], numbers[1]
    raise UsageError(f"{name} {value!r} has {len(numbers)} numbers: N or HxW is allowed, as in 2 or 3x2")


def as_padding(value: int | Sequence[int] | str) -> Padding | Same:
    """(top, bottom, left, right) from 1, (1, 2), (0, 1, 0, 1), "1", "1x2", "0x1x0x1" or "0,1,0,1", or `same`.

    >>> as_padding("1x2"), as_padding("0,1,0,1"), as_padding("same")
    ((1, 1, 2, 2), (0, 1, 0, 1), 'same')
    """
    for name in SAME:
        if value == name:
            return name
    allowed = "N, HxW, TOP,BOTTOM,LEFT,RIGHT, same, same-lower or wrap"
    numbers = _numbers(value, "padding", allowed)
    if len(numbers) == 4:
        return numbers[0], numbers[1], numbers[2], numbers[3]
    if len(numbers) > 2:
        raise UsageError(f"padding {value!r} has {len(numbers)} numbers: {allowed} is allowed")
    rows, columns = as_size(numbers, "padding")
    return rows, rows, columns, columns


def _numbers(value: int | Sequence[int] | str, name: str, allowed: str) -> tuple[int, ...]:
    parts: Sequence[int | str]
    if isinstance(value, str):
        parts = value.lower().replace(",", "x").split("x")
    else:
        parts = value if isinstance(value, Sequence) else (value,)
    try:
        return tuple(read_whole(part) if isinstance(part, str) else index(part) for part in parts)
    except (TypeError, ValueError):
        raise UsageError(f"{name} {value!r} is not a size: {allowed} is allowed, in whole numbers") from None


def read_whole(text: str) -> int:
    """The whole number that is written in digits; ValueError for others, as for the 1_0 that Python reads."""
    if not re.fullmatch(r"[-+]?[0-9]{1,30}", text.strip()):
        raise ValueError(text)
    return int(text)


def as_python(value: Any) -> Any:
    """A number of NumPy, a bool and an array of one included, or a fraction as one of Python; all else as it is.

    >>> from fractions import Fraction
    >>> as_python(Fraction(1, 2)), as_python(True), as_python("wrap")
    (0.5, True, 'wrap')
    """
    if getattr(value, "size", None) == 1:  # no NumPy here
        value = value.item()
    if isinstance(value, Real) and not isinstance(value, int | float):
        with suppress(OverflowError):
            return int(value) if isinstance(value, Integral) else float(value)
    return value


def size_text(size: Size) -> str:
    """`2` for (2, 2), `3x2` for (3, 2)."""
    return str(size[0]) if size[0] == size[1] else f"{size[0]}x{size[1]}"


def padding_text(padding: Padding | Same) -> str:
    """`same` or another name, `1`, `1x2`, or the four sides `0x1x0x1` (top, bottom, left, right)."""
    if isinstance(padding, str):
        return padding
    top, bottom, left, right = padding
    if top == bottom and left == right:
        return size_text((top, left))
    return "x".join(map(str, padding))


# Windows that divide any picture into a wanted number of cells. Definition: PyTorch AdaptiveAvgPool2d. No NumPy.
# Cell i of `out` on an axis of n values covers floor(i * n / out) up to, not including, ceil((i + 1) * n / out).
# Where `out` divides n these are ordinary windows, side by side; elsewhere their sizes differ and they may overlap.


@dataclass(frozen=True, slots=True)
class Spans:
    """The windows on one axis of `n` values, each of a size of its own: window i takes `sizes[i]` from `firsts[i]` on.

    What an `Axis` says of windows of one size is said of the largest, and of their mean distance.
    """

    n: int
    firsts: tuple[int, ...]
    sizes: tuple[int, ...]

    before: ClassVar[int] = 0
    slack: ClassVar[int] = 0
    cyclic: ClassVar[bool] = False
    regular: ClassVar[bool] = False

    @property
    def out(self) -> int:
        """How many windows there are."""
        return len(self.firsts)

    @property
    def k(self) -> int:
        """Values of the largest window."""
        return max(self.sizes)

    @property
    def most(self) -> int:
        """As `k`: windows lie inside the picture."""
        return self.k

    @property
    def s(self) -> int:
        """The distance of the windows, as if they were evenly spread."""
        return max(1, self.n // self.out)

    @property
    def span(self) -> int:
        """Values from the first to the last of the largest window."""
        return self.k

    @property
    def end(self) -> int:
        """Where the last window ends: where the values do."""
        return self.n

    def inner(self, low: int, high: int, *, goes_on: bool) -> tuple[int, int]:
        """The windows (first, last + 1) that see nothing but the values low ... high - 1."""
        windows = zip(self.firsts, self.sizes, strict=True)
        inside = [number for number, (first, size) in enumerate(windows) if low <= first and first + size <= high]
        return (inside[0], inside[-1] + 1) if inside else (0, 0)

    def starts(self) -> tuple[int, ...]:
        """Where the windows begin."""
        return self.firsts

    def counts(self, *, padded: bool) -> list[int]:
        """Values of each window; there is no padding."""
        return list(self.sizes)

    def part(self, outputs: slice) -> tuple[slice, "Spans"]:
        """The values that the windows `outputs` see, and where those windows lie on these values alone."""
        firsts, sizes = self.firsts[outputs], self.sizes[outputs]
        low, high = firsts[0], firsts[-1] + sizes[-1]
        return slice(low, high), Spans(high - low, tuple(first - low for first in firsts), sizes)


AnyAxes = tuple[Axis | Spans, Axis | Spans]  # rows, columns


@dataclass(frozen=True, slots=True)
class Cells:
    """A wanted output size, (height, width), in place of a window; UsageError when a number is below 1.

    >>> [axis.counts(padded=False) for axis in Cells((3, 2)).axes(7, 4)]
    [[3, 3, 3], [2, 2]]
    """

    size: Size

    def __post_init__(self) -> None:
        if min(self.size) < 1 or max(self.size) > LARGEST:
            raise UsageError(f"size {size_text(self.size)} is out of range: whole numbers from 1 are allowed")

    def axes(self, height: int, width: int) -> AnyAxes:
        """The windows on a picture of `height` x `width`: any fits."""
        return _cells(height, self.size[0]), _cells(width, self.size[1])


def _cells(n: int, out: int) -> Axis | Spans:
    if n % out == 0:
        return Axis(n, n // out, n // out, 1, 0, 0, out)
    firsts = tuple(i * n // out for i in range(out))
    return Spans(n, firsts, tuple(-(-(i + 1) * n // out) - first for i, first in enumerate(firsts)))


def staying(d: int, n: int) -> tuple[int, int]:
    """(begin, end) of what of `n` values is there too when they move by d; by -d: where it is then."""
    return max(0, d), n + min(0, d)


# What one output value sees: Araujo, Norris & Sim, Computing Receptive Fields of CNNs, 2019.


@dataclass(frozen=True, slots=True)
class Footprint:
    """On one axis: output i sees `field` inputs from `start + i * jump` on; there are `size` outputs.

    `slack`: it may see as many from up to so much later, for all outputs alike. `cyclic`: what an output sees beyond
    the border, if anything, is the other side. Not `regular`: the fields differ, `jump` and `field` are as if not.
    """

    size: int
    jump: int = 1
    field: int = 1
    start: int = 0
    slack: int = 0
    cyclic: bool = True
    regular: bool = True

    def interior(self, low: int, high: int) -> tuple[int, int]:
        """The outputs, as (first, last + 1), that see nothing but the inputs low ... high - 1, wherever they begin.

        >>> Footprint(4, jump=2, field=3, start=-1).interior(0, 8)
        (1, 4)
        >>> Footprint(4, jump=2, field=3, start=-1, slack=1).interior(0, 8)
        (1, 3)
        """
        first = -((self.start - low) // self.jump)
        last = (high - self.field - self.slack - self.start) // self.jump
        return max(0, first), min(self.size, last + 1)

    def moving(self, o: int, d: int, n: int, edge: str, *, goes_round: bool) -> tuple[int, int]:
        """The outputs (first, last + 1) that see nothing but a picture of `n`, and whose counterparts, `o` on, see
        nothing but what is there when it has moved by `d`; under `crop` nothing else is left of pictures.

        All where the output `goes_round` with the picture.

        >>> Footprint(4, jump=2, field=3, start=-1).moving(0, 1, 8, "zero", goes_round=True)
        (1, 4)
        """
        if edge == "wrap" and goes_round:
            return 0, self.size
        first, last = self.interior(0, n)
        low, high = (first, last) if edge == "crop" else self.interior(*staying(d, n))
        return max(first, low - o), min(last, high - o)

    def overlaps(self, d: int, n: int, edge: str) -> list[tuple[int, int, int]]:
        """(o, first, last + 1) of `moving` for the whole shifts `o` of the output that a shift of the input can cause.

        Those next to d / jump, with `slack` too: phases differ by less than a jump.

        >>> Footprint(9, jump=2, slack=1).overlaps(-3, 19, "zero"), Footprint(9, jump=2).overlaps(4, 19, "zero")
        ([(-2, 2, 9), (-1, 1, 9)], [(2, 0, 7)])
        """
        shifts = sorted({d // self.jump, -(-d // self.jump)})
        return [(o, *self.moving(o, d, n, edge, goes_round=self.cyclic)) for o in shifts]

    def after(self, axis: Axis | Spans) -> "Footprint":
        """The footprint with one more layer of windows behind it.

        >>> Footprint(8).after(Axis(8, k=3, s=2, d=1, before=1, after=1, out=4))
        Footprint(size=4, jump=2, field=3, start=-1, slack=0, cyclic=False, regular=True)
        """
        return Footprint(
            size=axis.out,
            jump=self.jump * axis.s,
            field=self.field + (axis.span - 1) * self.jump,
            start=self.start - axis.before * self.jump,
            slack=self.slack + axis.slack * self.jump,
            cyclic=self.cyclic and axis.cyclic,
            regular=self.regular and axis.regular,
        )


# Where the windows of a mode lie: one stage for a window, two where a dense maximum comes before a low-pass. No NumPy.
# Sizes, receptive fields and the alignment of the shift report come from these, and the kernels of the modes get them.

Stages = Callable[[Any, Mapping[str, Any], int, int], list[AnyAxes]]


def windowed(window: Window | Cells, options: Mapping[str, Any], height: int, width: int) -> list[AnyAxes]:
    """The windows as they are."""
    return [window.axes(height, width)]


def taken(axes: AnyAxes, *, middle: bool) -> AnyAxes:
    """The value that is taken of every window, the first or number k // 2 on each axis, as windows of one value."""
    rows, columns = (_taken(axis, middle=middle) for axis in axes)
    return rows, columns


def _taken(axis: Axis | Spans, *, middle: bool) -> Axis | Spans:
    if isinstance(axis, Axis):
        return Axis(axis.n, 1, axis.s, 1, axis.before - (axis.k // 2 * axis.d if middle else 0), 0, axis.out)
    places = (size // 2 if middle else 0 for size in axis.sizes)
    return Spans(axis.n, tuple(map(sum, zip(axis.firsts, places, strict=True))), (1,) * axis.out)


def blurred(
    window: Window,
    options: Mapping[str, Any],
    height: int,
    width: int,
    *,
    dense_maximum: bool = False,
    picks: bool = False,
) -> list[AnyAxes]:
    """A low-pass of as many taps as the window has values, of which every s-th value is kept, from the first.

    `dense_maximum`: of `taps` taps, after a maximum at every pixel. `picks`: the picture decides which value is the
    first.
    """
    taps, stages = window.k, list[AnyAxes]()
    if dense_maximum:
        rows, columns = Window(window.k, (1, 1), window.padding, window.dilation).axes(height, width)
        taps, stages, height, width = (options["taps"], options["taps"]), [(rows, columns)], rows.out, columns.out
    top, bottom, left, right = same_sides(taps)
    down, across = (
        Axis(n, k, s, 1, before, after, -(-n // s), slack=s - 1 if picks else 0, wraps=options["edge"] == "wrap")
        for n, k, s, before, after in (
            (height, taps[0], window.s[0], top, bottom),
            (width, taps[1], window.s[1], left, right),
        )
    )
    return [*stages, (down, across)]
