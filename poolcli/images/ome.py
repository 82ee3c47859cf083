"""OME: which planes of a microscope's picture its pages are, how large a pixel is, what the channels are called.

Definitions: OME-XML 2016-06 (https://docs.openmicroscopy.org/ome-model/latest/), OME-TIFF 6.3 (levels in SubIFDs).
"""

import xml.etree.ElementTree as Xml
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from fractions import Fraction
from math import isfinite

import numpy as np
from PIL import TiffTags

from poolcli.errors import PictureError
from poolcli.images import tiff
from poolcli.images.metadata import RESOLUTION
from poolcli.images.tiff_pages import Page
from poolcli.records import dataclass

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
WRITTEN = (270, *RESOLUTION, 42113)  # tags whose meaning OME has a place for, or its formats
ORDERS = ("XYZCT", "XYZTC", "XYCTZ", "XYCZT", "XYTCZ", "XYTZC")
# Micrometres of the units that OME knows and that have one; others stay as they are.
UNITS = {"m": 1e6, "cm": 1e4, "mm": 1e3, "µm": 1.0, "nm": 1e-3, "pm": 1e-6, "Å": 1e-4, "in": 25400.0}
# All units that OME has for a length.
_LENGTHS = "Ym Zm Em Pm Tm Gm Mm km hm dam m dm cm mm µm nm pm fm am zm ym Å thou li in ft yd mi ua ly pc pt pixel"
LENGTHS = frozenset((*_LENGTHS.split(), "reference frame"))
_INCH, _CENTIMETRE = 2, 3
_PER_UNIT = {_INCH: 25400, _CENTIMETRE: 10000}  # micrometres


@dataclass(frozen=True, slots=True)
class Scene:
    """Of the pages: their order, how many depths, channels and times they are, and what is known of them.

    `pixel` has the size and unit of a pixel by axis; `attributes` those of each channel, if any; `origin`
    is where the middle of the first pixel lies, by axis.
    """

    order: str = "XYZCT"
    depths: int = 1
    channels: int = 1
    times: int = 1
    name: str = ""
    pixel: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    attributes: tuple[Mapping[str, str], ...] = ()
    origin: Mapping[str, float] = field(default_factory=dict)

    @property
    def pages(self) -> int:
        """How many."""
        return self.depths * self.channels * self.times

    def micrometres(self, axis: str) -> float | None:
        """The size of a pixel, where it is a length."""
        size, unit = self.pixel.get(axis, (0.0, ""))
        return size * UNITS[unit] if size > 0 and unit in UNITS else None


def scene_of(description: str, page: Page, pages: int, samples: int) -> Scene:
    """What a description of OME says of so many pages; without one they are depths, with the page's resolution."""
    parsed = _parsed(description, pages, samples) if "<OME" in description[:2000] else None
    if parsed is not None:
        return parsed
    unit = _PER_UNIT.get(page.tags.get(RESOLUTION[2], (3, _INCH))[1])
    pixel = {}
    for axis, code in zip("XY", RESOLUTION, strict=False):
        per_unit = float(Fraction(*tiff.rational(page.tags[code][1]))) if code in page.tags else 0
        if unit is not None and per_unit > 0:
            pixel[axis] = (unit / per_unit, "µm")
    return Scene(depths=pages, pixel=pixel)


def _parsed(description: str, pages: int, samples: int) -> Scene | None:
    """None where it is broken, or of other pages than these."""
    try:
        image = Xml.fromstring(description.encode("utf-8")).find("{*}Image")
        pixels = image.find("{*}Pixels") if image is not None else None
        if image is None or pixels is None:
            return None
        depths, channels, times = (int(pixels.get(f"Size{axis}", "1")) for axis in "ZCT")
        channels //= samples if channels % samples == 0 else 1
        order = pixels.get("DimensionOrder", "XYZCT")
        sizes = {axis: float(pixels.get(f"PhysicalSize{axis}", "0")) for axis in "XYZ"}
    except (Xml.ParseError, ValueError):
        return None
    if depths * channels * times != pages or order not in ORDERS:
        return None
    pixel = {
        axis: (size, pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        for axis, size in sizes.items()
        if isfinite(size) and size
    }
    attributes = tuple(
        {name: value for name, value in channel.attrib.items() if name in ("Name", "Color", "Fluor")}
        for channel in pixels.findall("{*}Channel")
    )
    name = image.get("Name", "")
    return Scene(order, depths, channels, times, name, pixel, attributes if len(attributes) == channels else ())


def type_of(dtype: np.dtype[np.generic]) -> str:
    """What OME calls a dtype; PictureError where it has no name for it."""
    names = {
        "b": "bit",
        "f4": "float",
        "f8": "double",
        "u": f"uint{8 * dtype.itemsize}",
        "i": f"int{8 * dtype.itemsize}",
    }
    name = names.get(f"{dtype.kind}{dtype.itemsize}") or names.get(dtype.kind)
    if name is None or (dtype.kind in "ui" and dtype.itemsize == 8):
        raise PictureError(f"OME has no room for {dtype.name}: write a .tif, or an .ome.zarr")
    return name


def description(scene: Scene, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> str:
    """The OME-XML of pages of this shape, in the order of the file."""
    samples = (*shape, 1)[2]
    root = Xml.Element("OME", {"xmlns": NAMESPACE})
    image = Xml.SubElement(root, "Image", {"ID": "Image:0"} | ({"Name": scene.name} if scene.name else {}))
    facts = {"ID": "Pixels:0", "DimensionOrder": scene.order, "Type": type_of(dtype)}
    facts |= {"SizeX": str(shape[1]), "SizeY": str(shape[0]), "SizeZ": str(scene.depths)}
    facts |= {"SizeC": str(scene.channels * samples), "SizeT": str(scene.times)}
    for axis, (size, unit) in scene.pixel.items():
        if axis not in "XYZ" or unit not in LENGTHS or not size > 0:
            continue
        facts |= {f"PhysicalSize{axis}": repr(size), f"PhysicalSize{axis}Unit": unit}
    pixels = Xml.SubElement(image, "Pixels", facts)
    for number in range(scene.channels):
        known = scene.attributes[number] if scene.attributes else {}
        Xml.SubElement(pixels, "Channel", {"ID": f"Channel:0:{number}", "SamplesPerPixel": str(samples), **known})
    Xml.SubElement(pixels, "TiffData", {"IFD": "0", "PlaneCount": str(scene.pages)})
    return '<?xml version="1.0" encoding="UTF-8"?>' + Xml.tostring(root, encoding="unicode")


def with_resolution(page: Page, scene: Scene) -> Page:
    """The page with the resolution that the size of a pixel gives, if it has none of its own."""
    sizes = [scene.micrometres(axis) for axis in "XY"]
    if None in sizes or (RESOLUTION[0] in page.tags and page.tags.get(RESOLUTION[2], (3, _INCH))[1] in _PER_UNIT):
        return page
    across, down = (Fraction(10000 / size).limit_denominator(1 << 16) for size in sizes if size)
    tags = {RESOLUTION[0]: (5, across), RESOLUTION[1]: (5, down), RESOLUTION[2]: (3, _CENTIMETRE)}
    return replace(page, tags={**page.tags, **tags})


def names(codes: Iterable[int]) -> Iterator[str]:
    """Tags of a TIFF, as people know them."""
    for code in codes:
        yield f"{code} ({TiffTags.lookup(code).name})".replace(" (unknown)", "")
