"""Files and streams in, frames of pixels out, and back: the only room that imports Pillow."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poolcli.images.decoding import decode as decode
    from poolcli.images.encoding import check_fits as check_fits
    from poolcli.images.encoding import encode as encode
    from poolcli.images.encoding import held as held
    from poolcli.images.formats import ARRAYS as ARRAYS
    from poolcli.images.formats import DEFAULT_MAX_PIXELS as DEFAULT_MAX_PIXELS
    from poolcli.images.formats import ZARR as ZARR
    from poolcli.images.formats import EncodeOptions as EncodeOptions
    from poolcli.images.formats import ReadOptions as ReadOptions
    from poolcli.images.formats import check_floats as check_floats
    from poolcli.images.formats import check_target as check_target
    from poolcli.images.formats import default_format as default_format
    from poolcli.images.formats import extension_of as extension_of
    from poolcli.images.formats import find_writable as find_writable
    from poolcli.images.formats import format_of as format_of
    from poolcli.images.formats import is_picture as is_picture
    from poolcli.images.formats import is_unread as is_unread
    from poolcli.images.formats import is_zarr as is_zarr
    from poolcli.images.formats import needed_by as needed_by
    from poolcli.images.frame import Frame as Frame
    from poolcli.images.frame import Meta as Meta
    from poolcli.images.frame import Palette as Palette
    from poolcli.images.frame import Picture as Picture
    from poolcli.images.guard import begin as begin
    from poolcli.images.inspection import inspect as inspect
    from poolcli.images.inspection import memory_needed as memory_needed
    from poolcli.images.inspection import read_stream as read_stream
    from poolcli.images.tiff_pages import rescaled as rescaled
    from poolcli.images.tiff_pages import retyped as retyped

_NAMES = {
    "decoding": "decode",
    "encoding": "encode check_fits held",
    "formats": "ARRAYS DEFAULT_MAX_PIXELS ZARR EncodeOptions ReadOptions check_floats check_target default_format "
    "extension_of find_writable format_of is_picture is_unread is_zarr needed_by",
    "frame": "Frame Meta Palette Picture",
    "guard": "begin",
    "inspection": "inspect memory_needed read_stream",
    "tiff_pages": "rescaled retyped",
}
_PLACES = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = [*_PLACES]  # noqa: PLE0604 (names, one place for them)


def __getattr__(name: str) -> object:
    """Load a name when it is first used: the tables of formats and options need no Pillow."""
    if name not in _PLACES:
        raise AttributeError(f"module 'poolcli.images' has no attribute '{name}'")
    value: object = getattr(import_module(f"poolcli.images.{_PLACES[name]}"), name)
    globals()[name] = value  # loaded once: a batch uses it a million times
    return value
