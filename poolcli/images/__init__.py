"""Files and streams in, frames of pixels out, and back: the only room that imports Pillow."""
