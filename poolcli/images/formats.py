"""The table of picture formats, and the options that writing them takes."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from poolcli.errors import PictureError, UsageError, missing, unknown
from poolcli.records import dataclass
from poolcli.storage import Place, Url

Item = TypeVar("Item")

HEAVIEST = 32  # bytes a pixel: four channels of 64 bits
PNG = b"\x89PNG\r\n\x1a\n"  # what these begin with
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # large ones too; some writers mix up the bytes of the number
J2K = b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  "  # a codestream, or one in a container
JXL = b"\xff\x0a", b"\0\0\0\x0cJXL "


@dataclass(frozen=True, slots=True)
class Format:
    """One file format under Pillow's name for it; `modes` are those it gives back as they were written.

    `frames` says how many pictures are read from it: "one", "first" (the others are other pictures, and are read
    by number) or "all"; `animates` that many can be written to it; `keeps` what it carries beside pixels. `deep` are
    modes for which the library `needs` has to be installed, too, and `arrays` dtypes that it writes whatever the
    channels; without modes it reads the format as well. `lossy`: values change in it if nothing forbids it. `heaviest`:
    bytes that a pixel takes at most, all its channels, however badly it is packed.

    Files begin with one of `starts`, at byte `at`. Functions of this room, as module:function: `reader` reads what
    Pillow does not, or not as it stands in the file, and gives None for what is left to Pillow; `measure` finds out how
    much of a stream belongs to it (`far`: its header may stand behind the pixels); `judge` says whether a file of a
    `lossy` format has lost nothing; `writer` writes what Pillow does not, `animator` an animation frame by frame, where
    Pillow's writer may join frames or change some. `exactly` are Pillow's arguments for no loss. `buffered`: the file
    is made in memory, since its writer joins frames, which is seen only afterwards, or writes to a full disk for ever.
    `prefetched`: it is decoded while NumPy is loaded, and if large into memory that its array takes over. `pages`: each
    may have a size, a mode and tags of its own, and any values. `palettes`: every frame has one of its own. `peaks`:
    the largest values that its `deep` modes have.
    """

    name: str
    extensions: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    frames: str = "one"
    animates: bool = False
    keeps: frozenset[str] = frozenset()
    max_side: int | None = None
    refusal: str | None = None  # why it is not read
    deep: tuple[str, ...] = ()
    needs: str = ""
    lossy: bool = False
    arrays: tuple[str, ...] = ()
    heaviest: int = HEAVIEST
    starts: tuple[bytes, ...] = ()
    at: int = 0
    reader: str = ""
    measure: str = "inspection:of_pillow"
    far: bool = False
    judge: str = ""
    writer: str = ""
    animator: str = ""
    exactly: Mapping[str, Any] = field(default_factory=dict)
    buffered: bool = False
    prefetched: bool = False
    pages: bool = False
    palettes: bool = False
    peaks: tuple[int, ...] = ()

    @property
    def holds_floats(self) -> bool:
        """Whether there are floats that it holds as they are."""
        return self.name in ARRAYS or not {"F", "RGB;32F"}.isdisjoint((*self.modes, *self.deep))

    @property
    def readable(self) -> bool:
        """Whether pictures are read from it, by what is installed here."""
        return self.refusal is None and (bool(self.modes) or not self.needs or installed(self.needs))


@cache
def installed(library: str) -> bool:
    """Whether the module of that name can be imported."""
    return find_spec(library) is not None


def _row(
    name: str, extensions: str, modes: str = "", *, keeps: str = "", deep: str = "", arrays: str = "", **facts: Any
) -> Format:
    """A row of the table, in which what has several names has them between blanks."""
    facts |= {"keeps": frozenset(keeps.split()), "deep": tuple(deep.split()), "arrays": tuple(arrays.split())}
    return Format(name, tuple(extensions.split()), tuple(modes.split()), **facts)


def _refused(
    name: str, extensions: str, *starts: bytes, refusal: str = "holds no picture that can be pooled"
) -> Format:
    return Format(name, tuple(extensions.split()), refusal=f"{refusal}; convert it to PNG first", starts=starts)


def _netpbm(kinds: bytes) -> dict[str, Any]:
    """What is common to Netpbm's formats: they begin with a P, their kind, and a blank or a comment."""
    starts = tuple(b"P%c%c" % (kind, blank) for kind in kinds for blank in b" \t\n\r\v\f#")
    return {
        "keeps": "peak",
        "starts": starts,
        "reader": "pnm:read",
        "measure": "inspection:of_pnm",
        "writer": "pnm:write",
    }


_PROGRAM = "is a program that draws, and is never run"
_RICH = "icc exif xmp"
_DEEP = "I;16 LA;16 RGB;16 RGBA;16"

FORMATS = {
    row.name: row
    for row in (
        _row("PNG", ".png .apng", "1 L LA P RGB RGBA I;16 LA;16 RGB;16 RGBA;16", frames="all", animates=True,
             keeps=f"{_RICH} dpi aspect colour text loop durations default transparency", heaviest=9,
             starts=(PNG[:4],), prefetched=True, writer="png:write"),
        _row("JPEG", ".jpg .jpeg .jpe .jfif", "L RGB CMYK", keeps=f"{_RICH} iptc dpi aspect comment", max_side=65_500,
             lossy=True, heaviest=8, starts=(b"\xff\xd8\xff",), prefetched=True),
        _row("TIFF", ".tif .tiff", "1 L LA P PA RGB RGBA CMYK YCbCr LAB I F I;16", keeps=f"{_RICH} dpi",
             frames="all", animates=True, pages=True, starts=(*TIFF, b"II\0*", b"MM*\0"), reader="tiff:read",
             measure="inspection:of_tiff", far=True),
        _row("WEBP", ".webp", "RGB RGBA", keeps=f"{_RICH} loop durations", frames="all", animates=True, max_side=16_383,
             lossy=True, heaviest=5, starts=(b"WEBP",), at=8, measure="inspection:of_webp", far=True, buffered=True,
             judge="animations:webp_is_lossless", animator="animations:webp",
             exactly={"lossless": True, "exact": True}),  # the colours of what is transparent, too
        _row("GIF", ".gif", "L P RGB RGBA", keeps="comment loop durations clear-index", frames="all", animates=True,
             max_side=65_535, heaviest=2, starts=(b"GIF8",), animator="animations:gif", buffered=True, palettes=True),
        _row("AVIF", ".avif .avifs", "L RGB RGBA", keeps=f"{_RICH} peak durations", frames="all", animates=True,
             max_side=65_536, deep=_DEEP, needs="imagecodecs", lossy=True, heaviest=8, starts=(b"ftyp",), at=4,
             reader="codecs:read", measure="inspection:of_boxes", far=True, judge="codecs:avif_is_lossless",
             buffered=True, peaks=(1023, 4095), exactly={"quality": 100}),  # which loses nothing of grey alone
        _row("BMP", ".bmp", "1 L P RGB", keeps="dpi", heaviest=5, starts=(b"BM",)),
        _row("DIB", ".dib", "1 L P RGB", keeps="dpi", heaviest=5),
        _row("PPM", ".ppm .pgm .pbm .pnm .pfm", "1 L RGB F I;16 RGB;16 RGB;32F", heaviest=24, **_netpbm(b"123456Ff")),
        _row("PAM", ".pam", "1 L LA RGB RGBA I;16 LA;16 RGB;16 RGBA;16", heaviest=8, **_netpbm(b"7")),
        _row("TGA", ".tga .icb .vda .vst", "1 L LA P RGB RGBA", max_side=65_535, heaviest=5),
        _row("JPEG2000", ".jp2 .j2k .j2c .jpc .jpf .jpx", "L LA RGB RGBA CMYK I;16", keeps="comment peak", deep=_DEEP,
             needs="imagecodecs", arrays="int8 int16 uint8 uint16", heaviest=9, starts=J2K, reader="codecs:read",
             measure="inspection:of_boxes", far=True, buffered=True),
        _row("JXL", ".jxl", deep=f"L LA RGB RGBA {_DEEP} F RGB;32F", needs="imagecodecs", keeps="peak", lossy=True,
             heaviest=16, starts=JXL, reader="codecs:read", measure="inspection:of_boxes", far=True),
        _row("HEIF", ".heic .heif .hif", needs="pillow_heif", heaviest=8),  # which begins as an AVIF does
        _row("ICO", ".ico", "1 L LA P RGB RGBA I;16", max_side=256, starts=(b"\0\0\1\0",)),
        _row("PCX", ".pcx", "1 L P RGB", keeps="dpi", max_side=65_535, heaviest=8),
        _row("SGI", ".sgi .rgb .rgba .bw", "L RGB RGBA", max_side=65_535, heaviest=12, starts=(b"\x01\xda",)),
        _row("QOI", ".qoi", "RGB RGBA", heaviest=5, starts=(b"qoif",)),
        _row("DDS", ".dds", "L LA RGB RGBA", starts=(b"DDS ",)),
        _row("MSP", ".msp", "1", max_side=65_535, heaviest=2),
        _row("XBM", ".xbm", "1", heaviest=2),
        # These hold whatever an array holds (as text: one channel): no modes.
        _row("NPY", ".npy", starts=(b"\x93NUMPY",), reader="arrays:read_array", measure="inspection:of_npy"),
        _row("NPZ", ".npz", starts=(b"PK\3\4", b"PK\5\6"), reader="arrays:read_archive",  # the second: empty
             measure="inspection:of_zip", far=True),
        _row("ZARR", ".zarr", needs="zarr"),
        _row("CSV", ".csv"),
        _row("TSV", ".tsv"),
        _row("TXT", ".txt"),
        _row("MPO", ".mpo", frames="first", heaviest=8),
        _row("FLI", ".fli .flc", frames="all"),
        _row("DCX", ".dcx", frames="all"),
        _row("BLP", ".blp"),
        _row("CUR", ".cur", starts=(b"\0\0\2\0",)),
        _row("FITS", ".fits .fit", starts=(b"SIMPLE  =",), reader="codecs:read_fits", measure="inspection:of_whole",
             far=True),
        _row("FTEX", ".ftc .ftu"),
        _row("GBR", ".gbr"),
        _row("ICNS", ".icns", starts=(b"icns",)),
        _row("IM", ".im"),
        _row("IPTC", ".iim"),
        _row("PCD", ".pcd"),
        _row("PIXAR", ".pxr"),
        _row("PSD", ".psd", starts=(b"8BPS",), reader="codecs:check_psd", far=True),
        _row("SUN", ".ras"),
        _row("XPM", ".xpm"),
        _refused("EPS", ".eps .ps", b"%!PS", b"\xc5\xd0\xd3\xc6", refusal=_PROGRAM),
        _refused("PDF", ".pdf", b"%PDF", refusal=_PROGRAM),
        _refused("WMF", ".wmf .emf", b"\xd7\xcd\xc6\x9a", refusal=_PROGRAM),
        _refused("BUFR", ".bufr", b"BUFR"),
        _refused("GRIB", ".grib", b"GRIB"),
        _refused("HDF5", ".h5 .hdf", b"\x89HDF"),
        _refused("MPEG", ".mpg .mpeg"),
    )
}  # fmt: skip

# Pictures that nothing here reads: as cameras store them, of more than a screen shows, of drawings.
RAW = frozenset(
    [".arw", ".cr2", ".cr3", ".dng", ".exr", ".hdr", ".jxr", ".nef", ".orf", ".raf", ".rw2", ".svg", ".xcf"]
)
BY_EXTENSION = {extension: row.name for row in FORMATS.values() for extension in row.extensions}
SEPARATORS = {"CSV": ",", "TSV": "\t", "TXT": " "}  # formats of numbers as text, and what they write between two
ARRAYS = ("NPY", "NPZ", "ZARR", *SEPARATORS)  # formats of arrays
SAME = "same"  # compression: that of the input
TILED = {"TIFF": ("deflate", "zstd", "jpeg", "lzw", "none"), "ZARR": ("zstd", "deflate", "none")}
COMPRESSIONS = (SAME, *TILED["TIFF"])
ZARR = "ZARR"
START = 32  # bytes at the front of a file that say what it is
WRITABLE = tuple(row.name for row in FORMATS.values() if row.modes or row.deep or row.name in ARRAYS)
REFUSED = frozenset(row.name for row in FORMATS.values() if row.refusal is not None)
_SAME = {"MPO": "JPEG", "FITS": "TIFF"}  # an MPO's pictures are JPEGs; a FITS holds what a TIFF does


def begun_by(start: bytes) -> Format | None:
    """The row of the format whose files begin with `start`; None where no row says so.

    >>> begun_by(b"GIF89a").name, begun_by(b"P5 2 2 255").name, begun_by(b"hello")
    ('GIF', 'PPM', None)
    """
    return next((row for row in FORMATS.values() if row.starts and start.startswith(row.starts, row.at)), None)


def format_of(path: Place) -> str | None:
    """The format that the extension of `path` stands for, readable or not, or None when it stands for none.

    >>> from pathlib import Path
    >>> format_of(Path("photo.JPG")), format_of(Path("map.npy")), format_of(Path("notes.md"))
    ('JPEG', 'NPY', None)
    """
    return BY_EXTENSION.get(path.suffix.lower())


def is_picture(path: Place) -> bool:
    """Whether the extension of `path` is one of a format that can be read, .npy included, text not.

    What is called .txt or .csv is read when it is named, but not taken for a picture where it is found.

    >>> from pathlib import Path
    >>> is_picture(Path("a.png")), is_picture(Path("a.eps")), is_picture(Path("a.txt"))
    (True, False, False)
    """
    name = format_of(path)
    return name is not None and FORMATS[name].readable and name not in SEPARATORS


def is_unread(extension: str) -> bool:
    """Whether files of that extension are pictures that nothing which is installed here reads.

    >>> is_unread(".cr2"), is_unread(".png"), is_unread(".txt")
    (True, False, False)
    """
    name = BY_EXTENSION.get(extension)
    return extension in RAW if name is None else not FORMATS[name].readable and FORMATS[name].refusal is None


def needed_by(extension: str) -> str | None:
    """The package that reads such files; None where there is none."""
    name = BY_EXTENSION.get(extension)
    return FORMATS[name].needs.replace("_", "-") or None if name else None


def default_format(picture_format: str) -> str:
    """The format that a picture read as `picture_format` is written in: the same where possible, else PNG.

    >>> default_format("WEBP"), default_format("MPO"), default_format("PSD")
    ('WEBP', 'JPEG', 'PNG')
    """
    same = _SAME.get(picture_format, picture_format)
    return same if same in WRITABLE else "PNG"


def writable(format: str) -> Format:
    """The row of `format`; UsageError when nothing is written in that format."""
    if format not in WRITABLE:
        if format in FORMATS:
            raise UsageError(f"{format} is not a format that is written; allowed: {', '.join(WRITABLE)}")
        raise unknown("format", format, WRITABLE)
    return FORMATS[format]


def find_writable(text: str) -> str:
    """The name of the format that a user calls `text`: its name or one of its extensions; UsageError for others.

    >>> find_writable("jpg"), find_writable("Tiff"), find_writable(".npy")
    ('JPEG', 'TIFF', 'NPY')
    """
    name = BY_EXTENSION.get(f".{text.lower().removeprefix('.')}", text.upper())
    return writable(name).name


def check_target(target: Place, source: Place | None, format: str | None, *, floats: str = "") -> Place:
    """`target` itself; UsageError when its extension is of no format that is written, or not of `format`.

    An extension that stands for nothing is taken where it is the source's own: then content decides. `floats` are
    layers that give sums or shares, if any, which not every format holds.
    """
    named = format_of(target)
    if ZARR in (format, named):
        if isinstance(target, Url):
            raise UsageError(f"'{target}': a Zarr is written to a local folder; copy it from there")
        if not installed("zarr"):
            raise missing(f"'{target}'", ["zarr"])
    if format is not None:
        if named not in (None, format):
            raise UsageError(f"'{target}' is called a {named} and is to be written as {format}: give only one of them")
    elif named is not None:
        writable(named)
    elif target.suffix and (source is None or not _keeps_end(target, source)):
        usual = " ".join(FORMATS[name].extensions[0] for name in WRITABLE)
        raise UsageError(
            f"'{target}': '{target.suffix}' is no format that is written: allowed are {usual}; or --format"
        )
    if floats:
        check_floats(str(target), format or named, floats)
    return target


def check_floats(name: str, format: str | None, layers: str) -> None:
    """UsageError where `format` holds no sums or shares, which `layers` give."""
    if format is not None and not FORMATS[format].holds_floats:
        raise UsageError(
            f"'{name}': {format} holds none of the numbers that '{layers}' gives: write .npy or .tif, or values of the "
            "picture's range with --to-range stretch or clip"
        )


def check_tiling(target: Place, format: str | None, options: "EncodeOptions") -> None:
    """UsageError where tiles or a compression are chosen for a target of a format that has none of them."""
    if options.tile is None and options.compression == SAME:
        return
    if format not in TILED:
        raise UsageError(f"'{target}': --tile and --compression are of TIFF and Zarr; leave them out, or write one")
    if options.compression not in (SAME, *TILED[format]):
        raise unknown(
            f"compression of a {'Zarr' if format == ZARR else format}", options.compression, (SAME, *TILED[format])
        )
    if format == "TIFF" and options.tile is not None and any(side % 16 for side in options.tile):
        raise UsageError(
            f"tile {'x'.join(map(str, dict.fromkeys(options.tile)))} is not allowed: multiples of 16 are, as in 256"
        )


def _keeps_end(target: Place, source: Place) -> bool:
    """Whether `target` has the extension of `source`, or none as that one: `photo.max-k2s2` for `photo`."""
    return target.suffix == source.suffix or (not source.suffix and target.name.startswith(f"{source.name}."))


def holding(modes: Iterable[str]) -> str:
    """The formats that hold every one of `modes`, as a list to read, always ending in .npy.

    >>> holding(["F"])
    'TIFF, PPM or .npy'
    """
    needed = set(modes)
    return ", ".join(row.name for row in FORMATS.values() if needed <= set(row.modes)) + " or .npy"


def is_zarr(place: object) -> TypeGuard[Place]:
    """Whether a place is a Zarr: a folder that holds an array or a group of version 2 or 3, a URL that says so."""
    if isinstance(place, Url):
        return place.suffix == ".zarr"
    try:
        return isinstance(place, Path) and any((place / name).is_file() for name in _ZARR)
    except OSError:
        return False


def is_picture_folder(path: Path) -> bool:
    """Whether a path is a folder of pictures, not one that is a picture itself; False if it cannot be read: opening it
    reports the reason.
    """
    folder = os.path.isdir(path)  # noqa: PTH112 (Path.is_dir raises for names too long and folders that are closed)
    return folder and not is_zarr(path)


_ZARR = ("zarr.json", ".zarray", ".zgroup")


DEFAULT_MAX_PIXELS = 1024**3 // 4 // 3  # Pillow's own: a quarter of a gigabyte of RGB
MAX_FRAMES = 10_000
KEEP = "keep"
DTYPES = (KEEP, "float32", "float64")  # that a picture has before the layers
LAYOUTS = ("hw", "hwc", "chw", "nchw")  # of arrays: height, width, channels, number


class HeaderRead(BaseException):  # no error: it ends a decoding that has come to the pixels
    """What the header says can be read."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What is read of a file: only number `frame` from 0, or all; at most `max_pixels` (None: any number).

    `layout` says what the axes of an array are; None: H x W or H x W x C by their number. `allow_8bit`: more bits may
    become 8 where their reader or writer has no room for more. `dtype`: integers and bool become floats of it.
    Raises UsageError for a number out of its range, an unknown layout and an unknown dtype.
    """

    frame: int | None = None
    max_pixels: int | None = DEFAULT_MAX_PIXELS
    layout: str | None = None
    allow_8bit: bool = False
    header_only: bool = False  # HeaderRead is raised where the pixels would be decoded
    dtype: str = KEEP

    def __post_init__(self) -> None:
        _check_layout(self.layout)
        if self.frame is not None and self.frame < 0:
            raise UsageError(f"frame {self.frame} is not allowed: frames are numbered from 0")
        if self.dtype not in DTYPES:
            raise unknown("dtype", self.dtype, DTYPES)
        if self.max_pixels is not None and self.max_pixels < 1:
            raise UsageError(f"a limit of {self.max_pixels} pixels is not allowed: give 1 or more, or none")


@dataclass(frozen=True, slots=True)
class EncodeOptions:
    """How to write: `quality` 0-100 for JPEG, WebP, AVIF and JPEG XL, `png_level` 0-9, `strip` leaves metadata out.

    `layout` is that of arrays made of pictures; `allow_8bit` as of ReadOptions. `lossless` changes no value; `labels`
    says that values are names, so that a picture without loss gets none unless a quality is given. `tile` (height,
    width) and `compression` are those of a TIFF in tiles or a Zarr; None and SAME: as the input has them. Raises
    UsageError for a number out of its range, an unknown layout, and a quality of what is lossless.
    """

    quality: int | None = None
    png_level: int | None = None
    strip: bool = False
    layout: str | None = None
    allow_8bit: bool = False
    lossless: bool = False
    labels: bool = False
    tile: tuple[int, int] | None = None
    compression: str = SAME

    def __post_init__(self) -> None:
        _check_layout(self.layout)
        if self.lossless and self.quality is not None:
            raise UsageError("--lossless and --quality are not allowed together: give one of them")
        if self.compression not in COMPRESSIONS:
            raise unknown("compression", self.compression, COMPRESSIONS)
        if self.lossless and self.compression == "jpeg":
            raise UsageError("--lossless and --compression jpeg are not allowed together: use deflate, zstd or lzw")
        if self.tile is not None and min(self.tile) < 1:
            raise UsageError("a tile of 0 is not allowed: give 1 or more, as in 256")
        for what, value, most in (("quality", self.quality, 100), ("png level", self.png_level, 9)):
            if value is not None and not 0 <= value <= most:
                raise UsageError(f"{what} {value} is not allowed: give 0 to {most}")


def _check_layout(layout: str | None) -> None:
    if layout is not None and layout not in LAYOUTS:
        raise unknown("layout", layout, LAYOUTS, {"channels_last": "hwc", "channels_first": "chw"}.get(layout))


KEEPS_LABELS = "; --mode majority, center or stride keeps labels"  # of a palette that is pooled as colours


@dataclass(frozen=True, slots=True)
class Request:
    """What is read of the file called `name`; `notes` collects in order, once each.

    `indices`: those of palettes, not their colours. `on_disk`: it is a file here, which can be mapped into memory.
    """

    name: str
    indices: bool = False
    options: ReadOptions = ReadOptions()
    on_disk: bool = False
    notes: dict[str, None] = field(default_factory=dict)

    def refuse(self, sentence: str) -> PictureError:
        """The error that says so of this file."""
        return PictureError(f"{self.name}: {sentence}")

    def note(self, sentence: str) -> None:
        """Say so with the result."""
        self.notes[sentence] = None

    def check_pixels(self, pixels: int, *, together: bool = False, bands: int = 1) -> None:
        """PictureError for more pixels than are allowed, of one frame or of several `together`.

        More than four `bands` were counted as so many more pixels.
        """
        most = self.options.max_pixels
        if most is not None and pixels > most:
            counted = f"{pixels} pixels{' of four bands' * (bands > 4)}"
            what = f"frames of {counted} together are" if together else f"a picture of {counted} is"
            raise self.refuse(
                f"{what} more than the limit of {most}; if you trust the file, raise it with --max-pixels"
            )
        if self.options.header_only:
            raise HeaderRead

    def chosen(self, count: int) -> range:
        """The numbers of the frames to read of a file that has `count`; PictureError for too many, or if `frame` is
        none of them.
        """
        number = self.options.frame
        if number is None and count > MAX_FRAMES:
            raise self.refuse(f"more than {MAX_FRAMES} frames; take single ones with --frame N")
        if number is None:
            return range(count)
        if number >= count:
            held = "1 frame, number 0" if count == 1 else f"{count} frames, 0 to {count - 1}"
            raise self.refuse(f"no frame {number}; the file has {held}")
        return range(number, number + 1)

    def taken(self, frames: Sequence[Item]) -> tuple[Item, ...]:
        """Those of an array's frames that are read, however many it has; PictureError as `chosen`."""
        return tuple(frames) if self.options.frame is None else (frames[self.chosen(len(frames))[0]],)

    def needs(self, what: str, *libraries: str) -> PictureError:
        """The error for what only libraries read that are not installed."""
        return self.refuse(f"{what}, which takes a library to read: pip install {' '.join(libraries)}")
