"""What a picture is once it is read: frames of pixels, and what the file said about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from poolcli.images.tiff_pages import Page

Text = str | tuple[str, str, str]
"""A PNG text: the words alone, or the words, their language and the keyword in that language."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a palette picture: `colours` holds 3 (RGB), or 4 (RGBA, CMYK) bytes for every index.

    `transparency` is the index that is transparent, or one alpha byte for every index, or None.
    """

    colours: bytes
    mode: str = "RGB"
    transparency: int | bytes | None = None

    @property
    def transparent(self) -> bool:
        """Whether any index may be transparent.

        >>> Palette(bytes(6), transparency=1).transparent
        True
        """
        return self.transparency is not None or self.mode.endswith("A")


@dataclass(frozen=True, slots=True)
class Meta:
    """What came with the pixels and goes with them into the result, where the format has room for it.

    `exif` starts with the six bytes Exif\\0\\0 and holds no orientation, since that has been applied; `dpi` is
    (x, y), `aspect` the same without a unit; `iptc` a JPEG's IIM data; `colour` a PNG's chunks that say what values
    mean; `loop` how many times an animation plays, 0 for ever; `subsampling` Pillow's 0, 1, 2 or -1.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    aspect: tuple[int, int] | None = None
    colour: Mapping[bytes, bytes] = field(default_factory=dict)
    text: Mapping[str, Text] = field(default_factory=dict)
    comment: bytes | None = None
    loop: int | None = None
    default_image: bool = False  # an APNG's first frame, shown only where animation is not understood
    quantization: Mapping[int, Sequence[int]] | None = None
    subsampling: int = -1
    lossless: bool = False  # of formats that can be either: nothing was lost when it was written
    scale: float = 1.0  # a PFM's: what its values are to be multiplied by, which is left to who uses them


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture: `pixels` is H x W, or H x W x C with C >= 2, and may be read-only.

    `mode` is a row of `modes.MODES`, or for arrays the name of the dtype; `alpha` says that the last channel is
    alpha; `info` holds what belongs to this frame alone: duration (ms), disposal, blend. `peak` is the largest value
    of the file's depth where the dtype has room for more (1023 of 10 bits, the maxval of a PNM): values are as stored.
    `nodata` are the values that the file declares to stand for nothing, a tuple for a colour; `page` is what a TIFF
    says of this page.
    """

    pixels: NDArray[Any]
    mode: str
    alpha: bool = False
    palette: Palette | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    peak: int | None = None
    nodata: tuple[float | int | tuple[int, ...], ...] = ()
    page: "Page | None" = None


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A file as it was read: its format, its frames, and in `notes` a sentence for every conversion made.

    `stored_mode` is the mode in the file, before any conversion.
    """

    format: str
    frames: Sequence[Frame]
    stored_mode: str
    meta: Meta = field(default_factory=Meta)
    notes: tuple[str, ...] = ()
