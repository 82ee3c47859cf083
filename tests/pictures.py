"""Small Pillow pictures of every mode, and files of them in memory, for the tests of the room `images`."""

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image

SIZE = (13, 7)
ALPHA = {"LA", "La", "PA", "RGBA", "RGBa"}


def random_picture(mode, size=SIZE, seed=0):
    """A Pillow picture of `mode` with random pixels; palettes have 16 colours."""
    rng = np.random.default_rng(seed)
    shape = size[::-1]
    if mode == "1":
        return Image.fromarray(rng.random(shape) < 0.5)
    if mode.startswith("I;16"):
        picture = Image.fromarray(rng.integers(0, 1 << 16, shape, np.uint16))
        return picture if mode == "I;16" else Image.frombytes(mode, size, picture.tobytes("raw", mode))
    if mode == "I":
        return Image.fromarray(rng.integers(-(1 << 30), 1 << 30, shape, np.int32))
    if mode == "F":
        return Image.fromarray((rng.standard_normal(shape) * 100).astype(np.float32))
    if mode in ("P", "PA"):
        return random_palette_picture(mode, size, rng)
    channels = len(Image.new(mode, (1, 1)).getbands())
    data = rng.integers(0, 256, (*shape, channels), np.uint8).tobytes()
    return Image.frombytes(mode, size, data)


def random_palette_picture(mode, size, rng):
    """Indices 0 ... 15 of 16 different colours."""
    picture = Image.frombytes("P", size, rng.integers(0, 16, size[::-1], np.uint8).tobytes())
    picture.putpalette(bytes(np.arange(48, dtype=np.uint8) * 5))
    if mode == "P":
        return picture
    both = np.stack([np.asarray(picture), rng.integers(0, 256, size[::-1], np.uint8)], 2)
    picture = Image.frombytes("PA", size, both.tobytes())
    picture.putpalette(bytes(np.arange(48, dtype=np.uint8) * 5))
    return picture


def file_of(picture, format, **options):
    """`picture` as a file of `format` in memory."""
    stream = BytesIO()
    picture.save(stream, format, **options)
    stream.seek(0)
    return stream


def animation(format, modes=("RGB", "RGB", "RGB"), **options):
    """A file of as many frames as `modes` has, all different."""
    frames = [random_picture(mode, seed=number) for number, mode in enumerate(modes)]
    return file_of(frames[0], format, save_all=True, append_images=frames[1:], **options)


def chunk(kind, data):
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(size, *, depth=8, colour=0, rows=None, before=(), after=()):
    """A PNG file written by hand: `rows` are the bytes of the unfiltered rows, `before` and `after` more chunks."""
    width, height = size
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    data = rows if rows is not None else bytes((width * channels * depth + 7) // 8) * height
    step = len(data) // height if height else 1
    lines = b"".join(b"\0" + data[start : start + step] for start in range(0, len(data), step or 1))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), *before, chunk(b"IDAT", zlib.compress(lines)), *after, chunk(b"IEND", b"")]
    )
