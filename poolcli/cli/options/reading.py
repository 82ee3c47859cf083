"""The options of reading: which frame, how many pixels, what the axes mean."""

from dataclasses import dataclass
from typing import Annotated

from poolcli.cli.words import Option
from poolcli.errors import UsageError
from poolcli.images.options import DEFAULT_MAX_PIXELS, ReadOptions

UNLIMITED = "none"


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read of a file."""

    frame: Annotated[
        int | None, Option("--frame", metavar="N", help="Only this frame of an animation or TIFF, from 0.")
    ] = None
    max_pixels: Annotated[
        str, Option("--max-pixels", metavar="N", help="Refuse files of more pixels (all frames together): N or none.")
    ] = str(DEFAULT_MAX_PIXELS)
    layout: Annotated[
        str | None,
        Option(
            "--layout", metavar="AXES", help="Axes of .npy and .npz arrays: hw, hwc, chw, or nchw (a frame for each n)."
        ),
    ] = None

    def options(self) -> ReadOptions:
        """The checked values; UsageError for what is out of range."""
        return ReadOptions(self.frame, _limit(self.max_pixels), self.layout)


def _limit(text: str) -> int | None:
    if text.lower() == UNLIMITED:
        return None
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"--max-pixels '{text}' is no number: a whole number or '{UNLIMITED}' is allowed") from None
