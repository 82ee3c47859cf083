"""GeoTIFF: no-data values read as the dtype holds them, and the place on the map of what is pooled."""

from io import BytesIO

import numpy as np
import pytest

from poolcli import images
from tests.test_tiff import paged

NODATA = 42113


def declared(text, dtype, **page):
    """What `images.decode` says of the no-data values of a file that declares `text`."""
    data = np.zeros((4, 4), dtype)
    tags = [(NODATA, 2, None, text.encode() + b"\0", False)]
    return (
        images.decode(BytesIO(paged([{"data": data, "photometric": "minisblack", "extratags": tags} | page])), name="x")
        .frames[0]
        .nodata
    )


@pytest.mark.parametrize(
    ("text", "dtype", "values"),
    [
        ("0", "uint8", (0,)),
        ("255.0", "uint8", (255,)),
        (" 2.55e2 ", "uint8", (255,)),
        ("256", "uint8", ()),
        ("-9999", "uint8", ()),
        ("0.5", "uint8", ()),
        ("nan", "uint8", ()),
        ("no data", "int16", ()),
        ("-9999", "int16", (-9999,)),
        ("9223372036854775807", "int64", (2**63 - 1,)),
        ("18446744073709551615", "uint64", (2**64 - 1,)),
        ("-3.4028234663852886e+38", "float32", (float(np.finfo(np.float32).min),)),
        ("-3.40282346638529e+38", "float32", (float(np.finfo(np.float32).min),)),
        ("-1e39", "float32", ()),
        ("-1.7976931348623157e+308", "float64", (float(np.finfo(np.float64).min),)),
        ("-inf", "float32", (-np.inf,)),
        ("1", "bool", (1,)),
        ("2", "bool", ()),
    ],
)
def test_no_data_values_are_those_of_the_dtype(text, dtype, values):
    """Whole numbers exactly; floats as the nearest; what the dtype cannot hold stands for nothing."""
    assert declared(text, dtype) == values


def test_no_data_may_be_nan():
    """Which equals nothing, itself neither."""
    (value,) = declared("nan", "float32")
    assert np.isnan(value)


def test_no_data_is_inverted_with_the_pixels():
    """Of WhiteIsZero."""
    assert declared("255", "uint8", photometric="miniswhite") == (0,)
    assert declared("1", "uint16", photometric="miniswhite") == (65534,)


def test_no_data_of_a_palette_is_its_colour_if_no_other_index_has_it():
    """Where it is pooled as colours."""
    colours = np.zeros((3, 256), np.uint16)
    colours[:, 1:] = np.arange(1, 256) * 257
    assert declared("7", "uint8", photometric="palette", colormap=colours) == ((7, 7, 7),)
    colours[:, 8] = colours[:, 7]
    assert declared("7", "uint8", photometric="palette", colormap=colours) == ()
