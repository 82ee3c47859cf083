"""How shift-invariant is it? Move a picture, run the same layers, measure what is left of the change."""
