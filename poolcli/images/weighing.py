"""What the header of a file says: whether it can be read, how large it is, how much memory it will take."""

from pathlib import Path
from typing import BinaryIO

from poolcli.errors import PictureError
from poolcli.images import metadata, npy
from poolcli.images.decoding import decode, identified
from poolcli.images.formats import START, TIFF
from poolcli.images.guard import hush, opened, pixel_limit, reading
from poolcli.images.options import HeaderRead, ReadOptions, Request

PLAIN, FILTERED = 12, 40  # bytes a pixel; measured on 12 megapixels of RGB: 9, and 37 with a filter's floats


def weigh(source: Path | BinaryIO, *, filtered: bool) -> int:
    """Bytes that pooling the picture at `source`, all its frames, takes at most, about, with a report of one shift.

    Its first bytes are enough. What is no picture, .npy too, which is read piecemeal, weighs its file.
    """
    hush()
    try:
        with opened(source, "") as stream, reading(""), pixel_limit(None):
            if stream.read(START).startswith(TIFF):
                from poolcli.images.tiff_pages import pages  # not loaded for others

                bits = sum(
                    max(24, page.samples * page.bits) * page.height * page.width for page in pages(stream, Request(""))
                )
                return bits // 24 * (FILTERED if filtered else PLAIN)
            stream.seek(0)
            image = identified(stream)
            if image is not None:
                pixels = image.width * image.height * int(vars(image).get("n_frames", 1))
                return pixels * (FILTERED if filtered else PLAIN)
            if isinstance(source, Path):
                return source.stat().st_size
            stream.seek(0)
            return npy.read_header(stream, "").size
    except (PictureError, OSError):
        return 0  # its job will tell


def inspect(source: Path, name: str, options: ReadOptions) -> tuple[int, int] | None:
    """(height, width) of the first frame, upright, where the header says it; PictureError as from `decode`.

    Pixels are not decoded: what is broken behind the header is not found.
    """
    try:
        picture = decode(
            source,
            name=name,
            max_pixels=options.max_pixels,
            frame=options.frame,
            layout=options.layout,
            allow_8bit=options.allow_8bit,
            header_only=True,
        )
    except HeaderRead:
        return _size(source)
    height, width = picture.frames[0].pixels.shape[:2]
    return height, width


def _size(source: Path) -> tuple[int, int] | None:
    try:
        with opened(source, "") as stream, reading(""), pixel_limit(None):
            image = identified(stream)
            if image is None:
                return None
            turned = metadata.orientation_of(image, "", {}) >= 5  # rows and columns change places
            return (image.width, image.height) if turned else (image.height, image.width)
    except PictureError:
        return None
