"""Zarr: arrays and OME-Zarr pictures read by place; arrays, and OME-Zarr 0.5 level by level, written row by row.

Definitions: Zarr 2 and 3, OME-Zarr 0.1 to 0.5 (https://ngff.openmicroscopy.org/0.5/). The library zarr does the rest:
chunks are decoded and encoded in its threads.
"""

import struct
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import product
from math import isfinite, prod
from pathlib import Path
from typing import Any

import numpy as np

from poolcli.errors import PictureError, missing, said
from poolcli.images import arrays, ome, tiff, tiff_pages
from poolcli.images.encoding import note_array
from poolcli.images.formats import FORMATS, SAME, ZARR, EncodeOptions, ReadOptions, Request
from poolcli.images.frame import Array, Frame, Meta, Picture
from poolcli.images.guard import reading
from poolcli.images.ome import Scene
from poolcli.images.tiff_pages import Spacing
from poolcli.images.tiled import Block, Plane, Waiting
from poolcli.records import dataclass
from poolcli.storage import Place, Url

VERSION = "0.5"
FILL = "_FillValue"  # the attribute that names what stands for nothing, as xarray has it
# The attributes without which values are read wrongly, as CF and GDAL call them: they stay whatever else is left out.
NEEDED = frozenset((FILL, "missing_value", "scale_factor", "add_offset", "units", "calendar", "_Unsigned",
                    "_ARRAY_DIMENSIONS", "_CRS"))  # fmt: skip
# Those of stored values, of which sums and shares are none.
VALUES = NEEDED - {FILL, "_ARRAY_DIMENSIONS", "_CRS"} | {"valid_min", "valid_max", "valid_range"}
# Those that say where the pixels of the input lie, as GDAL, rioxarray and GeoZarr call them: outputs lie elsewhere.
PLACES = frozenset(("GeoTransform", "transform", "spatial:transform", "spatial:shape", "proj:transform", "proj:shape"))
TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
UNITS = {"meter": "m", "centimeter": "cm", "millimeter": "mm", "micrometer": "µm", "nanometer": "nm",
         "picometer": "pm", "angstrom": "Å", "inch": "in"}  # fmt: skip
LAYOUTS = {"hw": "yx", "hwc": "yxs", "chw": "syx", "nchw": "nsyx"}  # axes of plain arrays; s: samples of a pixel
_AXES = {"y": "y", "x": "x", "lat": "y", "lon": "x", "latitude": "y", "longitude": "x", "row": "y", "column": "x",
         **dict.fromkeys(("c", "channel", "channels", "band", "bands", "s", "sample", "samples"), "s")}  # fmt: skip
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


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """The array that a picture lies in, and its axes: what is made of the picture lies likewise.

    `scene` is what OME-Zarr says of it, None of a plain array.
    """

    array: Any
    axes: str
    scene: Scene | None

    @property
    def before(self) -> str:
        """The axes along which there is a picture for every place, the last of them fastest."""
        return self.axes[: self.axes.index("y")].rstrip("s")

    @property
    def counts(self) -> tuple[int, ...]:
        """How many places these have."""
        counts: tuple[int, ...] = self.array.shape[: len(self.before)]
        return counts

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and samples of every picture."""
        sides = dict(zip(self.axes, self.array.shape, strict=True))
        return sides["y"], sides["x"], sides.get("s", 1)


def planes_of(source: Place, name: str, options: ReadOptions) -> list[Plane]:
    """The pictures in a Zarr, none of them held; of OME-Zarr those of the largest level. A URL is read by fsspec.

    Raises PictureError for a group that is no OME-Zarr, and for axes of which rows and columns are not the last two.
    """
    with reading(name):
        original = _opened(source, name, options)
        alone = original.scene is not None and (options.frame is not None or prod(original.counts) == 1)
        return [*Request(name, options=options).taken(list(_planes(original, name, alone=alone)))]


def weight(source: Place, name: str, options: ReadOptions) -> tuple[int, int]:
    """(pixels, bytes) of the pictures that are read."""
    planes = planes_of(source, name, options)
    return _pixels(planes), sum(plane.dtype.itemsize * prod(plane.shape) for plane in planes)


def _pixels(planes: Sequence[Plane]) -> int:
    return sum(tiff.weight_of(*plane.size, (*plane.shape, 1)[2]) for plane in planes)


def read(source: Place, request: Request) -> Picture:
    """The pictures in a Zarr, held; of the header alone nothing but what they are."""
    planes = planes_of(source, request.name, replace(request.options, max_pixels=None))
    pixels, most = _pixels(planes), request.options.max_pixels
    if most is not None and pixels > most:
        counted = f"{pixels} pixels{' of four bands' * (planes[0].shape[2:] > (4,))}"
        what, way = f"{len(planes)} pictures of {counted} together are", "take one with --frame N, or"
        if len(planes) == 1:
            what, way = f"a picture of {counted} is", "if you trust the file,"
        raise request.refuse(f"{what} more than the limit of {most}; {way} raise it with --max-pixels")
    held = [
        plane.frame if request.options.header_only else replace(plane.frame, pixels=plane.rows(0, plane.size[0]))
        for plane in planes
    ]
    return Picture("ZARR", tuple(held), planes[0].dtype.name)


def _opened(source: Place, name: str, options: ReadOptions) -> Original:
    zarr = library()
    try:
        node = zarr.open(source.address if isinstance(source, Url) else source, mode="r")
    except FileNotFoundError:
        raise PictureError(f"{name}: no Zarr is there; check its name and your access to it") from None
    scene = None
    if isinstance(node, zarr.Array):
        axes = _axes_named(node) if options.layout is None else ""
        axes = axes or LAYOUTS[arrays.layout_of(node.shape, options.layout, name)]
    else:
        facts = dict(node.attrs).get("ome", dict(node.attrs))
        if not facts.get("multiscales"):
            raise PictureError(f"{name}: a group without OME-Zarr's multiscales; name an array in it")
        try:
            multiscale = facts["multiscales"][0]
            node = node[multiscale["datasets"][0]["path"]]
            axes = "".join(_names(multiscale.get("axes"), node.ndim))
            scene = _scene(multiscale, facts.get("omero", {}), axes, node.shape)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise PictureError(f"{name}: its description by OME is broken ({error}); name an array in it") from error
    if len(axes) != node.ndim or (scene and axes[-2:] != "yx") or len({*axes}) < len(axes):
        raise PictureError(f"{name}: axes {', '.join(axes)}, of which the last two are no y and x; reorder them first")
    before = axes[: axes.index("y")]
    if scene and before != "".join(axis for axis in "tcz" if axis in before):
        raise PictureError(
            f"{name}: axes {', '.join(axes)}, which are not t, c, z, y, x in this order; reorder them first"
        )
    if min(node.shape) < 1:
        raise PictureError(
            f"{name}: an array of {arrays.spelled(node.shape)} has no pixels; every side must be 1 or more"
        )
    if node.dtype.kind not in "buif" or node.dtype.itemsize > 8:
        raise PictureError(f"{name}: values of {node.dtype}; bool, integers and floats of up to 64 bits are allowed")
    return Original(node, axes, scene)


def _axes_named(array: Any) -> str:
    """The axes by the names that a plain array has for them, as xarray writes them; empty where they do not say it.

    The axis before rows is that of samples if it is called so; all others before are those of pictures.
    """
    names = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS") or ()
    letters = "".join(_AXES.get(str(name).lower(), "-") for name in names)
    y = letters.find("yx")
    if len(letters) != array.ndim or y < 0 or len(letters) > y + 3:
        return ""
    sampled = letters[:y].endswith("s") and len(letters) == y + 2
    before = "abdefghijklmnop"[: y - sampled]
    return before + "s" * sampled + "yx" + "s" * (len(letters) - y - 2)


def _names(axes: Sequence[Any] | None, count: int) -> list[str]:
    """One letter for every axis: of version 0.4 and later objects, of 0.3 names, before that nothing."""
    if not axes:
        return list("tczyx"[-count:])
    return [str(axis["name"] if isinstance(axis, Mapping) else axis)[:1].lower() for axis in axes]


def _planes(original: Original, name: str, *, alone: bool) -> Iterator[Plane]:
    """Every picture; `alone`: none but one of an OME-Zarr is read."""
    array = original.array
    high, wide, samples = original.size
    shape, dtype = (high, wide, samples)[: 2 + (samples > 1)], array.dtype.newbyteorder("=")
    nodata = _declared(array.attrs.get(FILL), dtype)
    scene = original.scene or Scene(times=prod(original.counts))
    layouts = {axes: layout for layout, axes in LAYOUTS.items()}
    info = {"layout": layouts.get(original.axes[-2:] if alone else original.axes), "zarr": original}
    frame = Frame(np.broadcast_to(dtype.type(0), shape), dtype.name, info=info, nodata=nodata)
    if nodata:
        page = tiff.page_of(frame, Meta())
        frame = replace(frame, page=replace(page, tags={tiff_pages.NODATA: (2, str(nodata[0]))}))
    y = original.axes.index("y")
    for number, at in enumerate(product(*map(range, original.counts))):
        frame = replace(frame, info={**info, "at": at})
        yield Plane(frame, _reader(original, at, name, number), array.chunks[y : y + 2], number=number, scene=scene)


def _declared(fill: Any, dtype: np.dtype[Any]) -> tuple[float | int, ...]:
    """The value that stands for nothing, as `dtype` holds it: a number, or as xarray writes floats into Zarr 3."""
    if isinstance(fill, str) and dtype.kind == "f":
        with suppress(NoBase64, struct.error):
            (fill,) = struct.unpack("<d", b64decode(fill, validate=True))
    if isinstance(fill, bool) or not isinstance(fill, int | float | str):
        return ()
    value = tiff_pages.held_as(str(fill), dtype)
    return () if value is None else (value,)


def _reader(original: Original, at: tuple[int, ...], name: str, number: int) -> Callable[[Block], Array]:
    array, samples_first = original.array, "sy" in original.axes
    index = (*at, *[slice(None)] * samples_first)

    def block(where: Block) -> Array:
        try:
            values: Array = np.asarray(array[(*index, *where)])
        except Exception as error:
            down, across = where
            raise PictureError(
                f"{name}: a chunk of picture {number} in rows {down.start} to {down.stop - 1}, columns "
                f"{across.start} to {across.stop - 1} cannot be read ({said(error, 120)}); get it again"
            ) from error
        values = np.moveaxis(values, 0, 2) if samples_first else values
        return np.ascontiguousarray(arrays.native(values[..., 0] if values.shape[2:] == (1,) else values))

    return block


def _scene(multiscale: Mapping[str, Any], omero: Mapping[str, Any], axes: str, shape: tuple[int, ...]) -> Scene:
    """What OME-Zarr says of the largest level."""
    scale, origin = [1.0] * len(axes), [0.0] * len(axes)
    for steps in (multiscale["datasets"][0], multiscale):
        for step in steps.get("coordinateTransformations", ()):
            times, added = step.get("scale", [1.0] * len(axes)), step.get("translation", [0.0] * len(axes))
            scale = [one * other for one, other in zip(scale, times, strict=True)]
            origin = [one * other + more for one, other, more in zip(origin, times, added, strict=True)]
    units = {axis["name"][:1].lower(): axis.get("unit", "") for axis in multiscale.get("axes", ())
             if isinstance(axis, Mapping)}  # fmt: skip
    pixel = {axis.upper(): (size, UNITS.get(units.get(axis, ""), units.get(axis, "")))
             for axis, size in zip(axes, scale, strict=True)}  # fmt: skip
    counts = dict(zip(axes, shape, strict=True))
    channels = omero.get("channels", ())
    attributes: tuple[dict[str, str], ...] = tuple(
        {"Name": str(channel.get("label", "")), **_colour_number(channel.get("color"))} for channel in channels
    )
    known = attributes if len(attributes) == counts.get("c", 1) else ()
    name = str(multiscale.get("name", ""))
    places = {axis.upper(): at for axis, at in zip(axes, origin, strict=True) if at}
    return Scene("XYZCT", counts.get("z", 1), counts.get("c", 1), counts.get("t", 1), name, pixel, known, places)


def _colour_number(text: Any) -> dict[str, str]:
    """OME's number of a colour written as RRGGBB: red, green, blue and alpha in 32 bits with a sign."""
    try:
        number = (int(str(text)[:6], 16) << 8) | _OPAQUE
    except ValueError:
        return {}
    return {"Color": str(number - (1 << 32) if number >> 31 else number)}


# Writing

_COMPRESSIONS: Mapping[str, Callable[[Any], Any]] = {
    "none": lambda codecs: None,
    "deflate": lambda codecs: [codecs.GzipCodec(level=5)],
    "zstd": lambda codecs: [codecs.ZstdCodec(level=3)],
}


def _codecs(compression: str) -> Any:
    """What packs chunks of Zarr 3."""
    return _COMPRESSIONS["zstd" if compression == SAME else compression](library().codecs)


def _fill(frame: Frame) -> dict[str, Any]:
    """The fill value and the attribute of what stands for nothing."""
    nodata = next((value for value in frame.nodata if not isinstance(value, tuple)), None)
    return {"fill_value": nodata, "attributes": {} if nodata is None or not isfinite(nodata) else {FILL: nodata}}


class ArrayFile:
    """A plain array being written into an empty folder: with chunks, codecs and attributes of the one it comes from."""

    def __init__(self, folder: Path, frames: Sequence[Frame], options: EncodeOptions) -> None:
        """`frames` are the pictures, all of one size and kind; where they come from says how the array lies."""
        first = frames[0]
        self.folder, self.options, self.array = folder, options, None
        self.original: Original | None = first.info.get("zarr")
        samples = "s" * (first.pixels.ndim > 2)
        self.axes = LAYOUTS[first.info.get("layout") or options.layout or ("hwc" if samples else "hw")]
        self.counts: tuple[int, ...] = (len(frames),) * self.axes.startswith("n")
        if self.original is not None:
            whole = prod(self.original.counts) == len(frames)  # else one of them was chosen
            self.axes = self.original.axes
            self.counts = self.original.counts if whole else (1,) * len(self.original.counts)

    def output(self, number: int, frame: Frame) -> "_Rows":
        """What takes the rows of picture `number`, which are of this kind and size, with its bands if it has any."""
        if self.array is None:
            self.array = self._created(frame)
        at = np.unravel_index(number, self.counts) if self.counts else ()
        return _Rows(self.array, self.axes, dict(zip(self.axes, map(int, at), strict=False)))

    def _created(self, frame: Frame) -> Any:
        """The array, whose fill value is that of the one it comes from, or what stands for nothing."""
        pixels, original, tile = frame.pixels, self.original, self.options.tile
        sides = {"y": pixels.shape[0], "x": pixels.shape[1], "s": (*pixels.shape, 1)[2]}
        shape = (*self.counts, *(sides[axis] for axis in self.axes[len(self.counts) :]))
        chunk = {"y": (tile or TILE)[0], "x": (tile or TILE)[1], "s": sides["s"]}
        given: dict[str, Any] = {
            "chunks": tuple(min(chunk.get(axis, 1), n) for axis, n in zip(self.axes, shape, strict=True)),
            "dtype": pixels.dtype.name,
            "compressors": _codecs(self.options.compression),
            **_fill(frame),
        }
        if original is not None:
            given |= _likewise(original, frame, self.options)
        return library().create_array(self.folder, shape=shape, **given)

    def close(self) -> None:
        """Nothing is left to do."""


def _likewise(original: Original, frame: Frame, options: EncodeOptions) -> dict[str, Any]:
    """How an array lies as the original does; of another dtype without what packs that of its values."""
    array, like = original.array, dict[str, Any]()
    version, same = array.metadata.zarr_format, array.dtype.newbyteorder("=") == frame.pixels.dtype
    like["zarr_format"] = version
    like["attributes"] = {
        key: value
        for key, value in array.attrs.asdict().items()
        if (key != FILL or frame.nodata)
        and not (key in PLACES or ("other_values" in frame.info and key in VALUES))
        and (key in NEEDED or not options.strip)
    }
    if version == 2:
        like |= {"order": array.order, "compressors": array.compressors or None}
        like["chunk_key_encoding"] = {"name": "v2", "separator": array.metadata.dimension_separator}
    else:
        like |= {"compressors": array.compressors or None, "dimension_names": array.metadata.dimension_names}
        like["chunk_key_encoding"] = array.metadata.chunk_key_encoding.to_dict()
    if options.compression != SAME:
        packed = {"none": None, "zstd": {"id": "zstd", "level": 3}, "deflate": {"id": "zlib", "level": 5}}
        like["compressors"] = packed[options.compression] if version == 2 else _codecs(options.compression)
    if options.tile is None:
        like |= {"chunks": array.chunks, "shards": array.shards}
    if same:
        like |= {"dtype": array.dtype, "fill_value": array.fill_value}
        if array.filters:
            like["filters"] = array.filters
        if version == 3:
            like["serializer"] = array.serializer
    return like


class ZarrFile:
    """An OME-Zarr being written into an empty folder."""

    def __init__(self, folder: Path, scene: Scene, frame: Frame, options: EncodeOptions, axes: str = "") -> None:
        """`frame` is one of the pictures, all of which are alike; their bands become channels.

        `axes` are there even if they are of one place.
        """
        self.group = library().open_group(folder, mode="w", zarr_format=3)
        self.scene, self.tile, self.bands = scene, options.tile or TILE, (*frame.pixels.shape, 1)[2]
        self.frame, self.levels = frame, list[tuple[Any, tuple[Spacing, Spacing]]]()
        counts = {"t": scene.times, "c": scene.channels * self.bands, "z": scene.depths}
        self.axes = "".join(axis for axis, count in counts.items() if count > 1 or axis in axes) + "yx"
        self._counts = [counts[axis] for axis in self.axes[:-2]]
        self.codecs = _codecs(options.compression)

    def add_level(self, frame: Frame, spacing: tuple[Spacing, Spacing]) -> None:
        """The array of a level of this kind and size, whose pixels lie so in the picture (rows, columns)."""
        size = frame.pixels.shape[:2]
        chunk = tuple(min(side, n) for side, n in zip(self.tile, size, strict=True))
        array = self.group.create_array(
            str(len(self.levels)),
            shape=(*self._counts, *size),
            chunks=(*[1] * len(self._counts), *chunk),
            dtype=frame.pixels.dtype.name,  # by its name: NumPy has two types of 64 bits, and zarr knows one
            compressors=self.codecs,
            dimension_names=[*self.axes],
            **_fill(frame),
        )
        self.levels.append((array, spacing))

    def outputs(self, number: int) -> "list[_Rows]":
        """What takes the rows of picture `number`, level by level."""
        order = self.scene.order[2:].lower()
        counts = {"z": self.scene.depths, "c": self.scene.channels, "t": self.scene.times}
        at = np.unravel_index(number, [counts[axis] for axis in reversed(order)])
        places: dict[str, int | slice] = dict(zip(reversed(order), map(int, at), strict=True))
        axes = self.axes
        if self.bands > 1:
            first = int(at[order[::-1].index("c")]) * self.bands
            places["c"] = slice(first, first + self.bands)
            axes = axes.replace("c", "s")
            places["s"] = places.pop("c")
        return [_Rows(array, axes, places) for array, _ in self.levels]

    def output(self, number: int, frame: Frame) -> "_Rows":
        """What takes the rows of picture `number` where there is but one level, of this kind and size."""
        if not self.levels:
            self.add_level(frame, frame.info.get("spacing", ((1, 0), (1, 0))))
        return self.outputs(number)[0]

    def close(self, facts: Mapping[str, Any] | None = None) -> None:
        """Write what the levels are; `facts` say how they were made."""
        names = {unit: name for name, unit in UNITS.items()}
        axes, sizes, origin = [], [], []
        for axis in self.axes:
            size, unit = self.scene.pixel.get(axis.upper(), (1.0, ""))
            axes.append({"name": axis, "type": TYPES[axis]} | ({"unit": names.get(unit, unit)} if unit else {}))
            sizes.append(size)
            origin.append(self.scene.origin.get(axis.upper(), 0.0))
        datasets = []
        for number, (_, spacing) in enumerate(self.levels):
            spacings = [*[(1, 0)] * (len(axes) - 2), *spacing]
            scale = [size * jump for size, (jump, _) in zip(sizes, spacings, strict=True)]
            steps: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
            middles = [
                at + size * (edge + (jump - 1) / 2)  # that of the first pixel is that of what it stands for
                for at, size, (jump, edge) in zip(origin, sizes, spacings, strict=True)
            ]
            if any(middles):
                steps.append({"type": "translation", "translation": middles})
            datasets.append({"path": str(number), "coordinateTransformations": steps})
        multiscale: dict[str, Any] = {"name": self.scene.name, "axes": axes, "datasets": datasets, **(facts or {})}
        ome_facts: dict[str, Any] = {"version": VERSION, "multiscales": [multiscale]}
        channels = list(self._channels())
        if channels:
            ome_facts["omero"] = {"channels": channels}
        self.group.attrs["ome"] = ome_facts

    def _channels(self) -> Iterator[dict[str, Any]]:
        """Names and colours, where they are known; red, green and blue of a picture of colours."""
        dtype = self.frame.pixels.dtype
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
    """Takes the rows of one picture, and writes those of whole chunks (or shards) together."""

    def __init__(self, array: Any, axes: str, places: Mapping[str, int | slice]) -> None:
        """`places`: where the picture lies on the other axes; `s` are its samples."""
        self._array, self._axes, self._places = array, axes, places
        self._row = axes.index("y")
        self._waiting = Waiting((array.shards or array.chunks)[self._row], array.shape[self._row])
        self._done = 0

    def put(self, rows: Array) -> None:
        """The next ones, H x W or H x W x C."""
        band = self._waiting.add(rows)
        whole = len(band)
        if not whole:
            return
        if "s" in self._axes:
            band = band if band.ndim == 3 else band[..., np.newaxis]
            band = np.moveaxis(band, 2, 0) if self._axes.index("s") < self._row else band
        rows_there = slice(self._done, self._done + whole)
        self._array[
            tuple(self._places.get(axis, rows_there if axis == "y" else slice(None)) for axis in self._axes)
        ] = band
        self._done += whole


def is_plain(name: str, frame: Frame) -> bool:
    """Whether a Zarr of this name that is made of `frame` is no OME-Zarr."""
    original: Original | None = frame.info.get("zarr")
    return not (original and original.scene) and not name.lower().endswith(".ome.zarr")


def file_for(folder: Path, name: str, frames: Sequence[Frame], options: EncodeOptions) -> ArrayFile | ZarrFile:
    """What takes the pictures that are made of `frames`: an OME-Zarr where they come from one or `name` says so.

    Raises PictureError where they are no one array.
    """
    first = frames[0]
    if any(frame.pixels.shape != first.pixels.shape or frame.pixels.dtype != first.pixels.dtype for frame in frames):
        raise PictureError("the frames differ in size or kind, and a Zarr has one for all: take one with --frame N")
    original: Original | None = first.info.get("zarr")
    scene = original.scene if original else None
    if is_plain(name, first):
        return ArrayFile(folder, frames, options)
    axes = original.before if original and scene else ""
    if scene is None:
        page = tiff.page_of(first, Meta())
        page = replace(page, tags=tiff_pages.needed(page.tags)) if options.strip else page
        scene = ome.scene_of("", page, len(frames), (*first.pixels.shape, 1)[2])
    elif scene.pages != len(frames):  # one of them was chosen
        scene = _of_one(scene, dict(zip(axes, first.info["at"], strict=True)))
    if original is not None:
        options = replace(options, tile=options.tile or original.array.chunks[-2:])
    called = "" if options.strip else scene.name
    file = ZarrFile(folder, replace(scene, name=called or name.partition(".")[0]), first, options, axes)
    if original is not None and options.compression == SAME and original.array.metadata.zarr_format == 3:
        file.codecs = original.array.compressors or None
    return file


def _of_one(scene: Scene, at: Mapping[str, int]) -> Scene:
    """What is known of one picture alone, which lies there on the axes before rows."""
    origin = dict(scene.origin)
    for axis in "TZ":
        origin[axis] = origin.get(axis, 0.0) + at.get(axis.lower(), 0) * scene.pixel.get(axis, (1.0, ""))[0]
    channel = at.get("c", 0)
    attributes = scene.attributes[channel : channel + 1]
    return replace(scene, depths=1, channels=1, times=1, attributes=attributes, origin=origin)


def omitted(
    frame: Frame, format: str, *, strip: bool = False, plain: bool = False, other_values: bool = False
) -> Iterator[str]:
    """A note on every attribute of the Zarr that a frame comes from that its output has not, unless it is to be so.

    `plain`: the output is a plain Zarr, of `other_values` than those that are stored: sums or shares.
    """
    original: Original | None = frame.info.get("zarr")
    for name in sorted(original.array.attrs.asdict().keys() - {FILL, "_ARRAY_DIMENSIONS"}) if original else ():
        why = "it is of the input's pixels" if name in PLACES else f"{format} has no room for it"
        if plain and name not in PLACES:
            why = "it is of the input's values" if other_values and name in VALUES else ""
        if why and (name in NEEDED or name in PLACES or not strip):
            yield f"the attribute '{name}' was left out, since {why}"


def write(picture: Picture, folder: Path, name: str, options: EncodeOptions) -> Picture:
    """Write pictures that are held, and return them as written."""
    file, notes = file_for(folder, name, picture.frames, options), note_array(picture, FORMATS[ZARR], options)
    first = picture.frames[0]
    plain, other = isinstance(file, ArrayFile), "other_values" in first.info
    notes |= dict.fromkeys(omitted(first, ZARR, strip=options.strip, plain=plain, other_values=other))
    for number, frame in enumerate(picture.frames):
        file.output(number, frame).put(frame.pixels)
    file.close()
    frames = tuple(replace(frame, mode=frame.pixels.dtype.name, palette=None) for frame in picture.frames)
    return replace(picture, format="ZARR", frames=frames, meta=Meta(), notes=tuple(notes))
