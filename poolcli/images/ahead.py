"""The decoding of a large picture, begun while NumPy and all that stands on it are still being loaded. No NumPy."""

import os
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread
from typing import BinaryIO

from PIL import Image, ImageFile

from poolcli.errors import PictureError
from poolcli.images.formats import SIGNATURES
from poolcli.images.guard import hush, opened, pixel_limit, reading
from poolcli.images.options import ReadOptions

WORTH = 1 << 18  # bytes of a file from which decoding takes longer than a thread costs


class Begun(Thread):
    """An image that is being decoded; `file`, to be closed in the end, stays open: more may come after the pixels."""

    def __init__(self, image: ImageFile.ImageFile, stream: BinaryIO, file: ExitStack, most: int | None) -> None:
        """Not started yet."""
        super().__init__(daemon=True)
        self.image, self.stream, self.file, self.whole, self._most = image, stream, file, False, most

    def run(self) -> None:
        """Decode. What is wrong with the picture is found again, and told, by who then decodes it from the file."""
        try:
            with pixel_limit(self._most), reading(""):
                self.image.load()
            self.whole = True
        except PictureError:
            self.file.close()


_begun: dict[Path, Begun] = {}


def begin(path: Path, options: ReadOptions) -> None:
    """Decode the first frame of `path` in a thread, if it is worth one; `taken` gives it."""
    if options.frame is not None:
        return
    hush()
    with suppress(PictureError, OSError), ExitStack() as file:  # who decodes it from the file will tell
        stream = file.enter_context(opened(path, ""))
        size, start = os.fstat(stream.fileno()).st_size, stream.read(8)
        formats = [format for format, signature in SIGNATURES.items() if start.startswith(signature)]
        if size < WORTH or not formats:
            return
        with pixel_limit(options.max_pixels), reading(""):
            image = Image.open(stream, formats=formats)
        several = image.format not in formats or getattr(image, "is_animated", False)
        if several or ";16" in str(image.tile):  # more bits than Pillow keeps
            return
        image.decodermaxblock = size  # JPEG: all in one piece
        begun = Begun(image, stream, file.pop_all(), options.max_pixels)
        try:
            begun.start()
        except RuntimeError:  # no thread is to be had: then it is decoded when its turn comes
            begun.file.close()
        else:
            _begun[path] = begun


def taken(path: object) -> Begun | None:
    """The picture of `path`, decoded, if that was begun and came to an end."""
    begun = _begun.pop(path, None) if isinstance(path, Path) else None
    if begun is None:
        return None
    begun.join()
    return begun if begun.whole else None
