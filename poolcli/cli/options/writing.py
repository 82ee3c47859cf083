"""The options of writing: format, how much it is compressed, what goes in beside the pixels."""

from dataclasses import dataclass
from typing import Annotated

from poolcli.cli.words import Option
from poolcli.errors import unknown
from poolcli.images.formats import find_writable
from poolcli.images.options import EncodeOptions
from poolcli.ops.ranges import RANGES


@dataclass(frozen=True, slots=True)
class Writing:
    """How results are written."""

    format: Annotated[
        str | None,
        Option(
            "--format",
            metavar="NAME",
            help="Format of outputs, such as png or npy; if not given, as the extension says.",
        ),
    ] = None
    quality: Annotated[
        int | None, Option("--quality", metavar="N", help="Quality of JPEG, WebP and AVIF, 0 to 100.")
    ] = None
    png_level: Annotated[
        int | None, Option("--png-level", metavar="N", help="Effort of PNG's compression, 0 to 9.")
    ] = None
    strip: Annotated[bool, Option("--strip", help="Leave out profile, EXIF, XMP, resolution and texts.")] = False
    durable: Annotated[bool, Option("--durable", help="Wait until every file is on the disk.")] = False
    to_range: Annotated[
        str, Option("--to-range", metavar="NAME", help="Filtered values as a picture: clip, abs, stretch or offset.")
    ] = "clip"

    def check(self) -> None:
        """UsageError for an unknown name or a number out of its range."""
        if self.to_range not in RANGES:
            raise unknown("range", self.to_range, RANGES)
        self.encoding()
        self.format_name()

    def encoding(self) -> EncodeOptions:
        """How pictures become files."""
        return EncodeOptions(self.quality, self.png_level, self.strip)

    def format_name(self) -> str | None:
        """The format as the table of formats calls it."""
        return None if self.format is None else find_writable(self.format)
