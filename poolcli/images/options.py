"""How pictures are read and written, as checked values. No Pillow, no NumPy: a wrong option is told at once."""

from dataclasses import dataclass

from poolcli.errors import UsageError, unknown

DEFAULT_MAX_PIXELS = 1024**3 // 4 // 3  # Pillow's own: a quarter of a gigabyte of RGB
MAX_FRAMES = 10_000
LAYOUTS = ("hw", "hwc", "chw", "nchw")  # of arrays: height, width, channels, number


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What is read of a file: only number `frame` from 0, or all; at most `max_pixels` (None: any number).

    `layout` says what the axes of an array are; None: H x W or H x W x C by their number. Raises UsageError for a
    number out of its range and an unknown layout.
    """

    frame: int | None = None
    max_pixels: int | None = DEFAULT_MAX_PIXELS
    layout: str | None = None

    def __post_init__(self) -> None:
        _check_layout(self.layout)
        if self.frame is not None and self.frame < 0:
            raise UsageError(f"frame {self.frame} is not allowed: frames are numbered from 0")
        if self.max_pixels is not None and self.max_pixels < 1:
            raise UsageError(f"a limit of {self.max_pixels} pixels is not allowed: give 1 or more, or none")


@dataclass(frozen=True, slots=True)
class EncodeOptions:
    """How to write: `quality` 0-100 for JPEG, WebP and AVIF, `png_level` 0-9, `strip` leaves all metadata out.

    `layout` is that of arrays made of pictures. Raises UsageError for a number out of its range and an unknown layout.
    """

    quality: int | None = None
    png_level: int | None = None
    strip: bool = False
    layout: str | None = None

    def __post_init__(self) -> None:
        _check_layout(self.layout)
        for what, value, most in (("quality", self.quality, 100), ("png level", self.png_level, 9)):
            if value is not None and not 0 <= value <= most:
                raise UsageError(f"{what} {value} is not allowed: give 0 to {most}")


def _check_layout(layout: str | None) -> None:
    if layout is not None and layout not in LAYOUTS:
        raise unknown("layout", layout, LAYOUTS)
