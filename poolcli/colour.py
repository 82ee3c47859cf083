"""Colour done right where a user asks: averages in linear light, and averages weighted by alpha. What is asked for."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from poolcli.errors import PictureError, UsageError
from poolcli.recipe import Conv, Pool, Recipe

if TYPE_CHECKING:  # what is asked for is checked without NumPy
    import numpy as np

LIGHT = ("L", "LA", "RGB", "RGBA", "I;16", "uint8", "uint16")  # modes and dtypes whose values are taken for sRGB's
WEIGHTED = ("avg", "blur", "stride")  # poolings that are sums of weighted values


@dataclass(frozen=True, slots=True)
class Colour:
    """What is asked for. `check` raises UsageError for layers that have no meaning with it."""

    linear: bool = False
    premultiply: bool = False

    def __bool__(self) -> bool:
        return self.linear or self.premultiply

    @property
    def words(self) -> str:
        """What a report says after the layers."""
        return " in linear light" * self.linear + " weighted by alpha" * self.premultiply

    def check(self, recipe: Recipe) -> None:
        """UsageError for labels in linear light, and for what is no weighted sum under `premultiply`."""
        if self and recipe.labels:
            raise UsageError(f"'{recipe}' keeps values as they are: leave out --linear and --premultiply")
        for layer in recipe.layers if self.premultiply else ():
            if isinstance(layer, Pool) and layer.mode not in WEIGHTED:
                allowed = ", ".join(WEIGHTED)
                raise UsageError(f"--premultiply weighs sums by alpha, '{layer}' is none: allowed are {allowed}")
            if isinstance(layer, Conv) and min(map(min, layer.kernel)) < 0:
                raise UsageError(f"--premultiply has no weights below 0, as in '{layer}': use box, gauss or the like")

    def around(self, recipe: Recipe, mode: str, dtype: "np.dtype[Any]", *, alpha: bool) -> Recipe:
        """`recipe` between the functions that a picture of this mode and dtype needs; PictureError where none do."""
        if self.linear and mode not in LIGHT:
            raise PictureError(f"values of {mode} have no linear light: grey and RGB of 8 or 16 bits do; convert it")
        weighted = self.premultiply and alpha and mode not in ("La", "RGBa")
        if not self.linear and not weighted:
            return recipe
        from poolcli.light import Coloured
        from poolcli.ops.arrays import full_range

        peak = float(full_range(dtype)) if dtype.kind == "u" else 1.0
        return Coloured(recipe.layers, self.linear, weighted, peak)
