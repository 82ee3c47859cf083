"""How pictures are read and written, as checked values. No Pillow, no NumPy: a wrong option is told at once."""

from dataclasses import dataclass, field

from poolcli.errors import PictureError, UsageError, unknown

DEFAULT_MAX_PIXELS = 1024**3 // 4 // 3  # Pillow's own: a quarter of a gigabyte of RGB
MAX_FRAMES = 10_000
LAYOUTS = ("hw", "hwc", "chw", "nchw")  # of arrays: height, width, channels, number


class HeaderRead(BaseException):  # no error: it ends a decoding that has come to the pixels
    """What the header says can be read."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What is read of a file: only number `frame` from 0, or all; at most `max_pixels` (None: any number).

    `layout` says what the axes of an array are; None: H x W or H x W x C by their number. `allow_8bit`: more bits may
    become 8 where whoever reads or writes them has no room for more. Raises UsageError for a number out of its range
    and an unknown layout.
    """

    frame: int | None = None
    max_pixels: int | None = DEFAULT_MAX_PIXELS
    layout: str | None = None
    allow_8bit: bool = False
    header_only: bool = False  # HeaderRead is raised where the pixels would be decoded

    def __post_init__(self) -> None:
        _check_layout(self.layout)
        if self.frame is not None and self.frame < 0:
            raise UsageError(f"frame {self.frame} is not allowed: frames are numbered from 0")
        if self.max_pixels is not None and self.max_pixels < 1:
            raise UsageError(f"a limit of {self.max_pixels} pixels is not allowed: give 1 or more, or none")


@dataclass(frozen=True, slots=True)
class EncodeOptions:
    """How to write: `quality` 0-100 for JPEG, WebP and AVIF, `png_level` 0-9, `strip` leaves all metadata out.

    `layout` is that of arrays made of pictures; `allow_8bit` as of ReadOptions. `lossless` changes no value; `labels`
    says that values are names, so that a picture without loss gets none unless a quality is given. Raises UsageError
    for a number out of its range, an unknown layout, and a quality of what is lossless.
    """

    quality: int | None = None
    png_level: int | None = None
    strip: bool = False
    layout: str | None = None
    allow_8bit: bool = False
    lossless: bool = False
    labels: bool = False

    def __post_init__(self) -> None:
        _check_layout(self.layout)
        if self.lossless and self.quality is not None:
            raise UsageError("--lossless and --quality are not allowed together: give one of them")
        for what, value, most in (("quality", self.quality, 100), ("png level", self.png_level, 9)):
            if value is not None and not 0 <= value <= most:
                raise UsageError(f"{what} {value} is not allowed: give 0 to {most}")


def _check_layout(layout: str | None) -> None:
    if layout is not None and layout not in LAYOUTS:
        raise unknown("layout", layout, LAYOUTS, {"channels_last": "hwc", "channels_first": "chw"}.get(layout))


KEEPS_LABELS = "; --mode majority alone keeps labels"  # of a palette that is pooled as colours


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the file called `name`; `labels`: palettes as indices. `notes` collects in order, once each."""

    name: str
    labels: bool = False
    options: ReadOptions = ReadOptions()
    notes: dict[str, None] = field(default_factory=dict)

    def refuse(self, sentence: str) -> PictureError:
        """The error that says so of this file."""
        return PictureError(f"{self.name}: {sentence}")

    def note(self, sentence: str) -> None:
        """Say so with the result."""
        self.notes[sentence] = None

    def check_pixels(self, pixels: int, *, together: bool = False) -> None:
        """PictureError for more pixels than are allowed, of one frame or of several `together`."""
        most = self.options.max_pixels
        if most is not None and pixels > most:
            what = f"frames of {pixels} pixels together are" if together else f"a picture of {pixels} pixels is"
            raise self.refuse(
                f"{what} more than the limit of {most}; if you trust the file, raise it with --max-pixels"
            )
        if self.options.header_only:
            raise HeaderRead

    def chosen(self, count: int) -> range:
        """The numbers of the frames to read of a file that has `count`; PictureError when the one asked for is none."""
        number = self.options.frame
        if number is None:
            if count > MAX_FRAMES:
                raise self.refuse(f"more than {MAX_FRAMES} frames; take single ones with --frame N")
            return range(count)
        if number >= count:
            held = "1 frame, number 0" if count == 1 else f"{count} frames, 0 to {count - 1}"
            raise self.refuse(f"no frame {number}; the file has {held}")
        return range(number, number + 1)

    def needs(self, what: str, *libraries: str) -> PictureError:
        """The error for what only libraries read that are not installed."""
        return self.refuse(f"{what}, which takes a library to read: pip install {' '.join(libraries)}")
