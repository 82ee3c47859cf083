"""Colour done right where a user asks: averages in linear light, and averages weighted by alpha.

A recipe is put between two functions: stored values to light (or weights), the layers in floats,
and back, rounded once. Source of the curve: IEC 61966-2-1 (sRGB).
"""

from typing import TYPE_CHECKING, Any

from poolcli.errors import PictureError, UsageError
from poolcli.ops.modes import MODES, find_mode
from poolcli.recipe import Activation, Conv, Pool, Recipe
from poolcli.records import dataclass

if TYPE_CHECKING:  # options are checked without NumPy
    from types import EllipsisType

    import numpy as np

    from poolcli.ops.arrays import Array
    from poolcli.ops.ignored import Ignored

LIGHT = ("L", "LA", "RGB", "RGBA", "I;16", "LA;16", "RGB;16", "RGBA;16", "uint8", "uint16")  # taken for sRGB's values


@dataclass(frozen=True, slots=True)
class Colour:
    """What is requested: `str` is what a report says after the layers."""

    linear: bool = False
    premultiply: bool = False

    def __str__(self) -> str:
        return " in linear light" * self.linear + " weighted by alpha" * self.premultiply

    def check(self, recipe: Recipe) -> None:
        """UsageError for labels in linear light, and for what is no weighted sum under `premultiply`."""
        if recipe.keeps_values:
            raise UsageError(f"'{recipe}' keeps values as they are: leave out --linear and --premultiply")
        if recipe.own_dtype:
            raise UsageError(f"'{recipe}' gives no colours: leave out --linear and --premultiply")
        for layer in recipe.layers:
            if layer.holds_value:
                raise UsageError(f"'{layer}' holds a value of the picture: leave out --linear and --premultiply")
        for layer in recipe.layers if self.premultiply else ():
            if isinstance(layer, Pool) and not find_mode(layer.mode).weighted:
                sums = any(not each.keeps_values for each in recipe.layers if each is not layer)
                allowed = ", ".join(
                    row.name for row in MODES.values() if row.weighted and (sums or not row.keeps_values)
                )
                raise UsageError(f"--premultiply weighs sums by alpha, '{layer}' is none: allowed are {allowed}")
            if isinstance(layer, Conv) and min(map(min, layer.kernel)) < 0:
                raise UsageError(f"--premultiply has no weights below 0, as in '{layer}': use box, gauss or the like")

    def around(
        self, recipe: Recipe, mode: str, dtype: "np.dtype[Any]", *, alpha: bool, peak: int | None = None
    ) -> Recipe:
        """`recipe` between the functions that a picture of this mode and dtype needs; PictureError where none do.

        `peak`: the value that stands for white, where it is not the largest of the dtype.
        """
        if self.linear and mode not in LIGHT:
            raise PictureError(f"values of {mode} have no linear light: grey and RGB of 8 or 16 bits do; convert it")
        weighted = self.premultiply and alpha and not mode.startswith(("La", "RGBa"))  # which hold weighted values
        if not self.linear and not weighted:
            return recipe
        from poolcli.ops.arrays import full_range

        white = float(peak or full_range(dtype)) if dtype.kind == "u" else 1.0
        return Coloured(recipe.layers, self.linear, weighted, white)


_GRID = 1 << 20  # so that a mean of 7.5 is not 7.4999999999 and rounded down


@dataclass(frozen=True, slots=True)
class Coloured(Recipe):
    """A recipe whose layers see light instead of stored values (`linear`), colours times alpha (`weighted`), or both.

    Takes and gives stored values up to `peak`: integers come back as integers unless a filter makes floats of them.
    """

    linear: bool = False
    weighted: bool = False
    peak: float = 255.0

    def __post_init__(self) -> None:
        Recipe.__post_init__(self)
        object.__setattr__(self, "ignores", self.ignores and not self.weighted)  # a sum weighted by alpha cannot

    @property
    def argv(self) -> list[str]:
        return ["--linear"] * self.linear + ["--premultiply"] * self.weighted

    def run(
        self,
        image: "Array",
        valid: "Array | EllipsisType | None" = ...,
        *,
        alpha: bool = False,
        ignored: "Ignored | None" = None,
    ) -> "tuple[Array, Array | None]":
        """Run the layers on `image` between the two functions; what is ignored are stored values."""
        from poolcli.ops.arrays import to_integers
        from poolcli.ops.ignored import refuse, validity, write_stand_in

        if valid is ...:
            valid = validity(image, ignored, alpha=alpha) if ignored else None
        if self.weighted and valid is not None:
            raise refuse("an average weighted by alpha", ignored, "leave out --premultiply")
        weighs = alpha and not self.weighted
        light, enough = Recipe.run(self, self._before(image, alpha), valid, alpha=weighs, ignored=ignored)
        pooled = self._after(light, alpha)
        if not any(isinstance(layer, Conv) for layer in self.layers) and image.dtype.kind != "f":
            pooled = to_integers(pooled, image.dtype)
        write_stand_in(pooled, enough, ignored)
        return pooled, enough

    def _before(self, image: "Array", alpha: bool) -> "Array":
        values = image.astype("float64")
        colours = values[..., :-1] if alpha else values
        if self.linear:
            colours[...] = to_linear(colours / self.peak)
        if self.weighted:
            colours *= values[..., -1:]
        return values

    def _after(self, values: "Array", alpha: bool) -> "Array":
        import numpy as np

        colours = values[..., :-1] if alpha else values
        if self.weighted:
            weights = values[..., -1:]
            np.divide(colours, weights, out=colours, where=weights > 0)
            gain = np.prod([_sum(layer) for layer in self.layers])
            colours *= gain
            weights /= gain
        if self.linear:
            colours[...] = from_linear(colours) * self.peak
        snapped: Array = np.rint(values * _GRID) / _GRID
        return snapped


def _sum(layer: Conv | Activation | Pool) -> float:
    """What a layer makes of a constant 1."""
    return sum(map(sum, layer.kernel)) or 1.0 if isinstance(layer, Conv) else 1.0


def to_linear(values: "Array") -> "Array":
    """sRGB's values (0 to 1) as light; below 0 the same mirrored.

    >>> import numpy as np
    >>> float(to_linear(np.array(0.5)).round(6))
    0.214041
    """
    import numpy as np

    size = np.abs(values)
    light: Array = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    return np.copysign(light, values)


def from_linear(light: "Array") -> "Array":
    """Light as sRGB's values, the other way round.

    >>> import numpy as np
    >>> float(from_linear(np.array(0.214041)).round(6))
    0.5
    """
    import numpy as np

    size = np.abs(light)
    values: Array = np.where(size <= 0.0031308, size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055)
    return np.copysign(values, light)
