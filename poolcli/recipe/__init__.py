"""A recipe: layers as frozen, validated values, with a text form. Everything after the command line works on these."""

from poolcli.recipe.layers import Activation, Conv, Pool, Recipe
from poolcli.recipe.text import as_recipe, is_layer, parse_recipe

__all__ = ["Activation", "Conv", "Pool", "Recipe", "as_recipe", "is_layer", "parse_recipe"]
