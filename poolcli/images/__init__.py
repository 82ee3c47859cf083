"""Files and streams in, frames of pixels out, and back: the only room that imports Pillow."""

from poolcli.images.decode import DEFAULT_MAX_PIXELS, decode
from poolcli.images.encode import EncodeOptions, encode
from poolcli.images.formats import default_format, extension_of, format_of, is_picture
from poolcli.images.frame import Frame, Meta, Palette, Picture

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "EncodeOptions",
    "Frame",
    "Meta",
    "Palette",
    "Picture",
    "decode",
    "default_format",
    "encode",
    "extension_of",
    "format_of",
    "is_picture",
]
