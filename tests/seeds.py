"""Small good files of every format that Pillow writes, and of arrays: what the fuzz suite starts from."""

import io
import struct
import warnings
import zipfile

import numpy as np
from PIL import Image, PngImagePlugin

from tests.conftest import SAMPLES

SIZE = (13, 9)
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I", "F", "I;16")
FORMATS = {
    "png": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "jpg": ("L", "RGB", "CMYK"),
    "gif": ("L", "P", "RGB"),
    "webp": ("RGB", "RGBA"),
    "bmp": ("1", "L", "P", "RGB", "RGBA"),
    "ppm": ("1", "L", "RGB", "I;16", "F"),
    "tga": ("L", "LA", "P", "RGB", "RGBA"),
    "ico": ("L", "P", "RGBA"),
    "pcx": ("1", "L", "P", "RGB"),
    "jp2": ("L", "LA", "RGB", "RGBA", "I;16"),
    "avif": ("RGB", "RGBA"),
    "sgi": ("L", "RGB", "RGBA"),
    "dds": ("L", "RGB", "RGBA"),
    "qoi": ("RGB", "RGBA"),
    "msp": ("1",),
    "xbm": ("1",),
    "im": ("L", "RGB", "F", "CMYK"),
    "tif": MODES,
}
VARIANTS = {
    "tif": [
        {"compression": name}
        for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4", "lzma", "zstd", "webp")
    ],
    "jpg": [{"progressive": True}, {"quality": 100, "subsampling": 0}, {"optimize": True, "comment": b"hello"}],
    "webp": [{"lossless": True}],
    "sgi": [{"bpc": 2}],
    "dds": [{"pixel_format": "DXT1"}, {"pixel_format": "DXT5"}, {"pixel_format": "BC5"}],
    "tga": [{"compression": "tga_rle"}],
    "ico": [{"bitmap_format": "bmp"}],
    "jp2": [{"no_jp2": True}, {"tile_size": (8, 8)}, {"irreversible": True}],
    "png": [{"transparency": 3}, {"dpi": (72, 72)}],
}
ANIMATED = ("png", "gif", "webp", "tif", "avif")


def picture(mode, seed=0, size=SIZE):
    """A picture of `mode` with smooth and noisy parts."""
    rng = np.random.default_rng(seed)
    noisy = rng.integers(0, 256, (size[1], size[0], 4), np.uint8)
    noisy[:, : size[0] // 2] = np.linspace(0, 255, size[1], dtype=np.uint8)[:, None, None]
    whole = Image.fromarray(noisy)
    if mode in ("I", "F", "I;16"):
        return Image.fromarray(noisy[..., 0].astype({"I": "int32", "F": "float32", "I;16": "uint16"}[mode]) * 200)
    if mode in ("CMYK", "YCbCr", "LAB"):
        rgb = whole.convert("RGB")
        return rgb.convert(mode) if mode != "LAB" else Image.merge("LAB", rgb.split())
    return whole.convert("RGB").quantize(16) if mode == "P" else whole.convert(mode)


def _saved(image, extension, **options):
    """The bytes of `image` in the format of `extension`, or None where Pillow here cannot write it so."""
    stream = io.BytesIO()
    try:
        image.save(stream, Image.registered_extensions()[f".{extension}"], **options)
    except (KeyError, OSError, ValueError, RuntimeError, SystemError):
        return None
    return stream.getvalue()


def _pictures():
    Image.init()
    for extension, modes in FORMATS.items():
        size = (16, 16) if extension in ("dds", "ico") else SIZE
        for mode in modes:
            image = picture(mode, size=size)
            for number, options in enumerate([{}, *VARIANTS.get(extension, ())]):
                yield f"{mode.replace(';', '-')}-{number}.{extension}", _saved(image, extension, **options)
    frames = [picture("RGBA", seed) for seed in range(4)]
    for extension in ANIMATED:
        options = {"save_all": True, "append_images": frames[1:], "duration": [20, 30, 40, 50], "loop": 2}
        yield f"moving.{extension}", _saved(frames[0], extension, **options)
    yield "moving-p.gif", _saved(picture("P"), "gif", save_all=True, append_images=[picture("P", 1)], duration=50)
    yield "several.mpo", _saved(picture("RGB"), "mpo", save_all=True, append_images=[picture("RGB", 1)])


def _described():
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a picture"
    exif.get_ifd(0x8769)[0x9003] = "2026:01:01 00:00:00"
    with Image.open(SAMPLES / "photo.jpg") as photo:
        icc = photo.info.get("icc_profile")
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Title", "a title")
    chunks.add_text("Comment", "x" * 300, zip=True)
    chunks.add_itxt("Author", "김", "ko", "저자")
    for extension in ("jpg", "png", "webp", "tif", "avif"):
        extra = {"pnginfo": chunks} if extension == "png" else {}
        xmp = b'<x xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
        data = _saved(picture("RGB"), extension, exif=exif, icc_profile=icc, xmp=xmp, **extra)
        yield f"described.{extension}", data
    clear = bytes([0, 128] + [255] * 14)
    yield "clear-bytes.png", _saved(picture("P"), "png", transparency=clear)
    yield "clear-index.gif", _saved(picture("P"), "gif", transparency=2)
    yield "clear-colour.png", _saved(picture("RGB"), "png", transparency=(1, 2, 3))


def _by_hand():
    """Formats that Pillow reads and does not write, or writes large."""
    png, pcx = _saved(picture("RGBA", size=(16, 16)), "png"), _saved(picture("L"), "pcx")
    yield "one.icns", b"icns" + struct.pack(">I", len(png) + 16) + b"icp4" + struct.pack(">I", len(png) + 8) + png
    ico = _saved(picture("RGBA", size=(16, 16)), "ico", bitmap_format="bmp")
    yield "arrow.cur", ico[:2] + b"\2" + ico[3:]
    yield "two.dcx", struct.pack("<4I", 987654321, 16, 16 + len(pcx), 0) + pcx + pcx
    yield "rows.ras", struct.pack(">8I", 0x59A66A95, 8, 4, 24, 96, 1, 0, 0) + bytes(range(96))
    cards = ("SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 8", "NAXIS2  = 4", "END")
    header = "".join(card.ljust(80) for card in cards).ljust(2880)
    yield "stars.fits", header.encode() + bytes(range(32)).ljust(2880, b"\0")
    yield (
        "words.xpm",
        b"/* XPM */\nstatic char *x[] = {\n" + b'"2 2 2 1",\n"a c #ff0000",\n"b c #00ff00",\n"ab",\n"ba"};\n',
    )


def _arrays():
    rng = np.random.default_rng(0)
    arrays = {
        "uint8": rng.integers(0, 255, (9, 13, 3), np.uint8),
        "bool": rng.random((9, 13)) > 0.5,
        "int64": rng.integers(-(2**60), 2**60, (9, 13)),
        "float16": rng.standard_normal((9, 13)).astype(np.float16),
        "float32": rng.standard_normal((9, 13, 5)).astype(np.float32),
        "float64": np.asfortranarray(rng.standard_normal((9, 13))),
        "big-endian": rng.integers(0, 9, (9, 13)).astype(">u2"),
        "special": np.array([[np.nan, np.inf, -np.inf, 1e308], [0, -0.0, 1e-320, 3]]),
    }
    for name, array in arrays.items():
        stream = io.BytesIO()
        np.save(stream, array)
        yield f"{name}.npy", stream.getvalue()
    for name, write in (("stored", np.savez), ("deflated", np.savez_compressed)):
        stream = io.BytesIO()
        write(stream, **{key: arrays[key] for key in ("uint8", "float32")})
        yield f"{name}.npz", stream.getvalue()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../../outside.npy", b"nothing")
    yield "outside.npz", stream.getvalue()


def _samples():
    for path in sorted(SAMPLES.iterdir()):
        if path.suffix != ".py":
            yield f"sample-{path.name}", path.read_bytes()


def seeds():
    """name -> bytes, as many formats, modes and variants as Pillow here writes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow will not write some of these for ever
        made = [*_samples(), *_pictures(), *_described(), *_by_hand(), *_arrays()]
    return {name: data for name, data in made if data}
