"""How signed floats become a picture again: the table behind `--to-range`, which can be read without NumPy."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from poolcli.ops.arrays import Array


def clip(values: "Array", span: int) -> "Array":
    """As they are: what lies outside the range is held at its ends."""
    return values


def size(values: "Array", span: int) -> "Array":
    """Their size, so that both directions of an edge are bright."""
    result: Array = abs(values)
    return result


def stretch(values: "Array", span: int) -> "Array":
    """The smallest finite value becomes 0, the largest the end of the range; one value alone becomes 0."""
    import numpy as np

    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    scale = span / (high - low) if high > low else 0.0
    return (values - low) * scale


def offset(values: "Array", span: int) -> "Array":
    """Around the middle of the range: 0 becomes 128 of 0 ... 255."""
    return values + (span + 1) // 2


RANGES: "Mapping[str, Callable[[Array, int], Array]]" = {
    "clip": clip,
    "abs": size,
    "stretch": stretch,
    "offset": offset,
}


def array_bytes(values: "Array", how: str) -> "Array":
    """The values of an array as bytes, rounded half up and held in 0 ... 255; `how` names a row of RANGES.

    >>> import numpy as np
    >>> [array_bytes(np.array([[-1, 300, 7]]), how).tolist() for how in ("clip", "stretch")]
    [[[0, 255, 7]], [[0, 255, 7]]]
    """
    import numpy as np

    floats = values if values.dtype.kind == "f" else values.astype(np.float64)
    return to_dtype(floats, np.dtype(np.uint8), how)


def to_dtype(
    values: "Array", dtype: "np.dtype[Any]", how: str, *, alpha: bool = False, peak: int | None = None
) -> "Array":
    """Floats as values of an integer `dtype`, rounded half up and held in its range; `how` names a row of RANGES.

    With `alpha` the last channel is only rounded. `peak`: the largest value, where it is less than the dtype's. What
    has the dtype already, and what is to be floats, only changes its type.

    >>> import numpy as np
    >>> to_dtype(np.array([[-10.0, 300.0]]), np.dtype(np.uint8), "abs").tolist()
    [[10, 255]]
    """
    import numpy as np

    from poolcli.ops.arrays import full_range, to_integers

    if values.dtype == dtype:
        return values
    if dtype.kind == "f" or values.dtype.kind != "f":
        return values.astype(dtype)
    span = full_range(dtype) if peak is None else peak
    ranged = RANGES[how](values[..., :-1] if alpha else values, span)
    if alpha:
        ranged = np.concatenate([ranged, values[..., -1:]], axis=2)
    if peak is not None:
        ranged = np.minimum(ranged, peak)
    return to_integers(ranged, dtype)
