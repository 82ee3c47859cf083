"""Zarr: arrays and OME-Zarr pictures read by place, and OME-Zarr 0.5 written level by level.

Definitions: Zarr 2 and 3, OME-Zarr 0.1 to 0.5 (https://ngff.openmicroscopy.org/0.5/). The library zarr does the rest:
chunks are decoded and encoded in its threads.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolcli.errors import PictureError, missing
from poolcli.images import arrays, tiff, tiff_pages
from poolcli.images.formats import ReadOptions
from poolcli.images.frame import Frame, Meta
from poolcli.images.guard import reading
from poolcli.images.ome import Scene
from poolcli.images.tiled import Place as Where
from poolcli.images.tiled import Plane
from poolcli.storage import Place, Url

Array = NDArray[Any]

VERSION = "0.5"
FILL = "_FillValue"  # the attribute that names what stands for nothing, as xarray has it
TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
UNITS = {"meter": "m", "centimeter": "cm", "millimeter": "mm", "micrometer": "µm", "nanometer": "nm",
         "picometer": "pm", "angstrom": "Å", "inch": "in"}  # fmt: skip
LAYOUTS = {"hw": "yx", "hwc": "yxs", "chw": "cyx", "nchw": "tcyx"}  # of plain arrays
TILE = (256, 256)
_OPAQUE = 255  # alpha of a colour


def library() -> Any:
    """zarr; UsageError where it is not installed."""
    try:
        import zarr
    except ImportError:
        raise missing("a Zarr", ["zarr"]) from None
    return zarr


# Reading


def planes_of(source: Place, name: str, options: ReadOptions) -> list[Plane]:
    """The pictures in a Zarr, none of them held; of OME-Zarr those of the largest level. A URL is read by fsspec.

    Raises PictureError for a group that is no OME-Zarr, and for axes of which rows and columns are not the last two.
    """
    zarr = library()
    with reading(name):
        try:
            node = zarr.open(source.address if isinstance(source, Url) else source, mode="r")
        except FileNotFoundError:
            raise PictureError(f"{name}: no Zarr is there; check its name and your access to it") from None
        if isinstance(node, zarr.Array):
            axes = LAYOUTS[arrays.layout_of(node.shape, options.layout, name)]
            scene = Scene(channels=node.shape[axes.index("y") - 1] if "c" in axes else 1,
                          times=node.shape[0] if "t" in axes else 1)  # fmt: skip
        else:
            facts = dict(node.attrs).get("ome", dict(node.attrs))
            if not facts.get("multiscales"):
                raise PictureError(f"{name}: a group without OME-Zarr's multiscales; name an array in it")
            multiscale = facts["multiscales"][0]
            node = node[multiscale["datasets"][0]["path"]]
            axes = "".join(_names(multiscale.get("axes"), node.ndim))
            scene = _scene(multiscale, facts.get("omero", {}), axes, node.shape)
        if len(axes) != node.ndim or axes.rstrip("s")[-2:] != "yx":
            raise PictureError(
                f"{name}: axes {', '.join(axes)}, of which the last two are no y and x; reorder them first"
            )
        if node.dtype.kind not in "buif" or node.dtype.itemsize > 8:
            raise PictureError(
                f"{name}: values of {node.dtype}; bool, integers and floats of up to 64 bits are allowed"
            )
        planes = list(_planes(node, axes, scene, name))
        if options.frame is None:
            return planes
        if options.frame >= len(planes):
            raise PictureError(f"{name}: no frame {options.frame}; the file has {len(planes)}, counted from 0")
        return [planes[options.frame]]


def _names(axes: Sequence[Any] | None, count: int) -> list[str]:
    """One letter for every axis: of version 0.4 and later objects, of 0.3 names, before that nothing."""
    if not axes:
        return list("tczyx"[-count:])
    return [str(axis["name"] if isinstance(axis, Mapping) else axis)[:1].lower() for axis in axes]


def _planes(array: Any, axes: str, scene: Scene, name: str) -> Iterator[Plane]:
    """A picture for every place on the axes before rows and columns, the last of them fastest."""
    rows = axes.index("y")
    shape, dtype = array.shape[rows:], array.dtype.newbyteorder("=")
    fill = array.attrs.get(FILL)
    nodata = (fill,) if isinstance(fill, int | float) and not isinstance(fill, bool) else ()
    for number, at in enumerate(product(*map(range, array.shape[:rows]))):

        def block(where: Where, at: tuple[int, ...] = at, number: int = number) -> Array:
            try:
                values: Array = np.asarray(array[(*at, *where)])
            except Exception as error:
                (down, across), why = where, " ".join(str(error).split())[:120] or type(error).__name__
                raise PictureError(
                    f"{name}: a chunk of picture {number} in rows {down.start} to {down.stop - 1}, columns "
                    f"{across.start} to {across.stop - 1} cannot be read ({why}); get it again"
                ) from error
            return values if values.dtype.isnative else values.astype(dtype)

        frame = Frame(np.broadcast_to(dtype.type(0), shape), dtype.name, info={"layout": "hw"}, nodata=nodata)
        if nodata:
            page = tiff.page_of(frame, Meta())
            frame = replace(frame, page=replace(page, tags={tiff_pages.NODATA: (2, str(fill))}))
        yield Plane(frame, block, array.chunks[rows : rows + 2], Meta(), number, scene=scene)


def _scene(multiscale: Mapping[str, Any], omero: Mapping[str, Any], axes: str, shape: tuple[int, ...]) -> Scene:
    """What OME-Zarr says of the largest level."""
    scale = [1.0] * len(axes)
    for steps in (multiscale["datasets"][0], multiscale):
        for step in steps.get("coordinateTransformations", ()):
            scale = [one * other for one, other in zip(scale, step.get("scale", [1.0] * len(axes)), strict=False)]
    units = {axis["name"][:1].lower(): UNITS.get(axis.get("unit", "")) for axis in multiscale.get("axes", ())
             if isinstance(axis, Mapping)}  # fmt: skip
    pixel = {axis.upper(): (size, units.get(axis) or "") for axis, size in zip(axes, scale, strict=True)
             if axis in "xyz" and isfinite(size) and size > 0 and units.get(axis)}  # fmt: skip
    counts = dict(zip(axes, shape, strict=True))
    channels = omero.get("channels", ())
    attributes: tuple[dict[str, str], ...] = tuple(
        {"Name": str(channel.get("label", "")), **_colour_number(channel.get("color"))} for channel in channels
    )
    known = attributes if len(attributes) == counts.get("c", 1) else ()
    name = str(multiscale.get("name", ""))
    return Scene("XYZCT", counts.get("z", 1), counts.get("c", 1), counts.get("t", 1), name, pixel, known)


def _colour_number(text: Any) -> dict[str, str]:
    """OME's number of a colour written as RRGGBB: red, green, blue and alpha in 32 bits with a sign."""
    try:
        number = (int(str(text)[:6], 16) << 8) | _OPAQUE
    except ValueError:
        return {}
    return {"Color": str(number - (1 << 32) if number >> 31 else number)}


# Writing


class ZarrFile:
    """An OME-Zarr being written into an empty folder."""

    def __init__(self, folder: Path, scene: Scene, plane: Plane, compression: str, tile: tuple[int, int]) -> None:
        """`plane` is one of the pictures, all of which are alike; their bands become channels."""
        zarr = library()
        self.group = zarr.open_group(folder, mode="w", zarr_format=3)
        self.scene, self.tile, self.bands = scene, tile, (*plane.shape, 1)[2]
        self.plane, self.levels = plane, list[tuple[Any, tuple[int, int]]]()
        channels = scene.channels * self.bands
        counts = {"t": scene.times, "c": channels, "z": scene.depths}
        self.axes = [axis for axis, count in counts.items() if count > 1]
        self._counts = [counts[axis] for axis in self.axes]
        self._compressors = {"none": None, "deflate": [zarr.codecs.GzipCodec(level=5)]}.get(
            compression, [zarr.codecs.ZstdCodec(level=3)]
        )

    def add_level(self, k: tuple[int, int], size: tuple[int, int]) -> None:
        """The array of a level that is k times smaller."""
        chunk = tuple(min(side, n) for side, n in zip(self.tile, size, strict=True))
        fill = next((value for value in self.plane.frame.nodata if not isinstance(value, tuple)), None)
        array = self.group.create_array(
            str(len(self.levels)),
            shape=(*self._counts, *size),
            chunks=(*[1] * len(self._counts), *chunk),
            dtype=self.plane.dtype.name,  # by its name: NumPy has two types of 64 bits, and zarr knows one
            compressors=self._compressors,
            dimension_names=[*self.axes, "y", "x"],
            fill_value=fill,
            attributes={} if fill is None or not isfinite(fill) else {FILL: fill},
        )
        self.levels.append((array, k))

    def outputs(self, number: int) -> "list[_Rows]":
        """What takes the rows of picture `number`, level by level."""
        order = self.scene.order[2:].lower()
        counts = {"z": self.scene.depths, "c": self.scene.channels, "t": self.scene.times}
        places = dict(zip(reversed(order), np.unravel_index(number, [counts[a] for a in reversed(order)]), strict=True))
        first = int(places["c"]) * self.bands
        at: list[int | slice] = [
            slice(first, first + self.bands) if axis == "c" and self.bands > 1 else int(places[axis])
            for axis in self.axes
        ]
        return [_Rows(array, tuple(at), self.tile[0], banded=self.bands > 1) for array, _ in self.levels]

    def close(self, facts: Mapping[str, Any]) -> None:
        """Write what the levels are; `facts` say how they were made."""
        names = {unit: name for name, unit in UNITS.items()}
        axes, scale = [], []
        for axis in (*self.axes, "y", "x"):
            size, unit = self.scene.pixel.get(axis.upper(), (1.0, ""))
            axes.append({"name": axis, "type": TYPES[axis]} | ({"unit": names[unit]} if unit in names else {}))
            scale.append(size if unit in names else 1.0)
        datasets = []
        for number, (_, k) in enumerate(self.levels):
            times = [*[1] * len(self.axes), *k]
            steps: list[dict[str, Any]] = [
                {"type": "scale", "scale": [size * n for size, n in zip(scale, times, strict=True)]}
            ]
            if max(k) > 1:  # the middle of the first pixel lies in the middle of what it stands for
                middles = [size * (n - 1) / 2 for size, n in zip(scale, times, strict=True)]
                steps.append({"type": "translation", "translation": middles})
            datasets.append({"path": str(number), "coordinateTransformations": steps})
        multiscale: dict[str, Any] = {"name": self.scene.name, "axes": axes, "datasets": datasets, **facts}
        ome: dict[str, Any] = {"version": VERSION, "multiscales": [multiscale]}
        channels = list(self._channels())
        if channels:
            ome["omero"] = {"channels": channels}
        self.group.attrs["ome"] = ome

    def _channels(self) -> Iterator[dict[str, Any]]:
        """Names and colours, where they are known; red, green and blue of a picture of colours."""
        dtype = self.plane.dtype
        if dtype.kind not in "ui":
            return
        window = {"min": int(np.iinfo(dtype).min), "max": int(np.iinfo(dtype).max)}
        window |= {"start": window["min"], "end": window["max"]}
        if self.bands == 3 and self.scene.channels == 1:
            known = [{"Name": name, "Color": color} for name, color in
                     (("red", "FF0000"), ("green", "00FF00"), ("blue", "0000FF"))]  # fmt: skip
        else:
            known = [
                {"Name": channel.get("Name", ""), "Color": _colour_text(channel.get("Color", ""))}
                for channel in (self.scene.attributes if self.bands == 1 else ())
            ]
        for channel in known:
            yield {"label": channel["Name"], "color": channel["Color"], "window": window, "active": True}


def _colour_text(number: str) -> str:
    """RRGGBB of OME's number; white where there is none."""
    try:
        return f"{(int(number) % (1 << 32)) >> 8:06X}"
    except ValueError:
        return "FFFFFF"


class _Rows:
    """Takes the rows of one picture of one level, and writes those of whole chunks together."""

    def __init__(self, array: Any, at: tuple[int | slice, ...], step: int, *, banded: bool) -> None:
        self._array, self._at, self._step, self._banded = array, at, step, banded
        self._waiting: list[Array] = []
        self._done = 0

    def put(self, rows: Array) -> None:
        """The next ones."""
        self._waiting.append(rows)
        count = sum(map(len, self._waiting))
        last = self._done + count >= self._array.shape[-2]
        whole = count if last else count // self._step * self._step
        if not whole:
            return
        held = np.concatenate(self._waiting) if len(self._waiting) > 1 else rows
        self._waiting = [held[whole:].copy()] if whole < count else []
        band = np.moveaxis(held[:whole], 2, 0) if self._banded else held[:whole]
        self._array[(*self._at, slice(self._done, self._done + whole), slice(None))] = band
        self._done += whole
