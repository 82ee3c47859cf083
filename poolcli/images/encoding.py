"""Frames of pixels to a file or stream: which encoder, at which quality, with which metadata."""

import struct
from collections.abc import Sequence
from dataclasses import replace
from io import SEEK_END, BytesIO
from itertools import pairwise
from pkgutil import resolve_name
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from poolcli.errors import OutputError, PictureError
from poolcli.images import metadata
from poolcli.images.formats import (
    ARRAYS,
    FORMATS,
    WRITABLE,
    EncodeOptions,
    Format,
    default_format,
    holding,
    installed,
    writable,
)
from poolcli.images.frame import (
    PIXEL_MODES,
    WORDS,
    Frame,
    Meta,
    Picture,
    as_pillow_mode,
    converted,
    to_image,
    way_to,
    with_palettes,
)
from poolcli.images.guard import writing

_DEFAULT = EncodeOptions()
REDUCED = "colours were reduced to 256 a frame, which is all a GIF holds"
_QUALITY = 90


def encode(
    picture: Picture, stream: BinaryIO, *, format: str | None = None, options: EncodeOptions = _DEFAULT
) -> Picture:
    """Write `picture` to `stream` in `format` (its own when None) and return it as it was written, notes added.

    `zarr.write` writes a Zarr, which is a folder.

    Raises UsageError for a format that is not written, PictureError when it cannot hold this picture,
    OutputError when Pillow fails; errors of the stream itself are left as they are.
    """
    row = _row(format or default_format(picture.format))
    if row.name in ARRAYS:
        from poolcli.images import arrays  # not loaded for pictures

        notes = note_array(picture, row, options)
        with writing(row.name):
            return arrays.write(replace(picture, notes=tuple(notes)), stream, row.name, options.layout)
    options, by_tifffile = _checked(picture, row, options)
    longest = max(max(frame.pixels.shape[:2]) for frame in picture.frames)
    if row.max_side is not None and longest > row.max_side:
        raise PictureError(
            f"a side of {longest} pixels is more than the {row.max_side} of {row.name}; write PNG or TIFF"
        )
    if by_tifffile:
        from poolcli.images import tiff

        return tiff.write(_described(picture, row, options), stream, strip=options.strip)
    notes = dict.fromkeys(picture.notes)
    frames = _uniform(tuple(_held(frame, row, options, notes) for frame in picture.frames), row, notes)
    frames = _with_palettes(frames, row, notes)
    if options.labels and REDUCED in notes:
        raise PictureError(f"labels would change in {row.name}, which holds 256 colours a frame: write PNG or TIFF")
    codec = any(_by_codec(frame, row, options) for frame in frames)
    metadata.note_frames(picture, frames, row, notes)
    meta = Meta(loop=picture.meta.loop, default_image=picture.meta.default_image)
    if not options.strip:
        keeps = frozenset[str]() if codec else row.keeps
        meta = metadata.fitted(picture.meta, row, frames[0], notes, file_mode=picture.file_mode, keeps=keeps)
    given = metadata.arguments(meta, row, picture.meta if frames[0].mode == picture.file_mode else None)
    pages: list[dict[str, Any]] = []
    if row.pages and all(frame.page is not None for frame in frames):  # as they lay in a TIFF
        from poolcli.images import tiff

        pages = [tiff.arguments(frame, notes, strip=options.strip) for frame in frames]
    written = replace(picture, format=row.name, frames=frames, meta=meta, notes=tuple(notes))
    if codec:
        from poolcli.images import codecs  # not loaded for others

        with writing(row.name):
            stream.write(codecs.encoded(frames, row.name, options.quality, lossless=options.lossless))
    else:
        _save(written, stream, row, pages[0] if pages else _arguments(given, frames[0], row, options), pages)
    return written


def _row(format: str) -> Format:
    """The row of a format that is written; UsageError for others."""
    return FORMATS[format] if format in WRITABLE else writable(format)


def note_array(picture: Picture, row: Format, options: EncodeOptions) -> dict[str, None]:
    """The notes of a picture that becomes an array, with what that has no room for."""
    notes = dict.fromkeys(picture.notes)
    if any(frame.page is not None for frame in picture.frames):
        from poolcli.images import tiff

        for frame in picture.frames:
            tiff.note_omitted(frame, row.name, notes)
    metadata.note_frames(picture, picture.frames, row, notes)
    if not options.strip:
        metadata.fitted(picture.meta, row, picture.frames[0], notes, file_mode=picture.file_mode, keeps=row.keeps)
    return notes


def _described(picture: Picture, row: Format, options: EncodeOptions) -> Picture:
    """`picture` for tifffile, with a note on what that has no room for; pages of a TIFF have their own tags."""
    if options.strip or any(frame.page is not None for frame in picture.frames):
        return picture
    notes = dict.fromkeys(picture.notes)
    keeps = row.keeps - {"exif"}
    meta = metadata.fitted(picture.meta, row, picture.frames[0], notes, file_mode=picture.file_mode, keeps=keeps)
    return replace(picture, meta=meta, notes=tuple(notes))


def _by_codec(frame: Frame, row: Format, options: EncodeOptions) -> bool:
    """Whether the library writes this frame that the format needs for it."""
    if not row.deep or (row.needs and not installed(row.needs)):
        return False
    exact = options.lossless and row.exactly and frame.mode != "L"  # of which Pillow loses nothing
    return bool(exact) or frame.mode not in row.modes or (frame.peak is not None and not row.peaks)


def _settled(picture: Picture, row: Format, options: EncodeOptions) -> EncodeOptions:
    """`options` with `lossless` where nothing may be lost; PictureError where something would be."""
    if not row.lossy or options.quality is not None:
        return options
    whole = picture.meta.lossless or not FORMATS[picture.format].lossy
    able = installed(row.needs) and len(picture.frames) == 1 if row.needs else bool(row.exactly)
    labels = options.labels or any(frame.palette is not None for frame in picture.frames)  # whose numbers are kept
    if not able and (options.lossless or (labels and whole)):
        for frame in picture.frames:
            _way(_modal(frame, row, {}), row, options)  # what no quality helps is refused for itself
        what, way = "labels would change", "give a --quality"
        if options.lossless:
            what, way = "there is no writing without loss", "leave --lossless out"
        raise PictureError(f"{what} in {row.name}: write PNG, TIFF or lossless WebP, or {way}")
    lossless = options.lossless or (whole and (labels or picture.format == row.name))
    return replace(options, lossless=lossless and able)


def check_fits(picture: Picture, format: str, options: EncodeOptions = _DEFAULT) -> None:
    """Raise PictureError when `format` can hold no picture with the frames and modes of this one, whatever its size."""
    if format in ARRAYS:
        from poolcli.images import arrays

        arrays.check_fits(picture, format, options.layout)
    else:
        _checked(picture, _row(format), options)


def _checked(picture: Picture, row: Format, options: EncodeOptions) -> tuple[EncodeOptions, bool]:
    """The options settled for this picture, and whether tifffile is to write it; PictureError where nothing can."""
    _check_frames(picture, row)
    options = _settled(picture, row, options)
    if row.pages:
        from poolcli.images import tiff

        if tiff.is_needed(picture, allow_8bit=options.allow_8bit):
            return options, True
    for frame in picture.frames:
        _way(_modal(frame, row, {}), row, options)
    return options, False


def _check_frames(picture: Picture, row: Format) -> None:
    count = len(picture.frames)
    if count > 1 and not row.animates:
        able = ", ".join(other.name for other in FORMATS.values() if other.animates)
        raise PictureError(f"{count} frames do not fit into one {row.name}; take one with --frame N, or write {able}")
    sizes = {frame.pixels.shape[:2] for frame in picture.frames}
    if len(sizes) > 1 and not row.pages:
        raise PictureError(
            f"frames of {len(sizes)} sizes are no one {row.name}; take one with --frame N, or write TIFF"
        )


def _held(frame: Frame, row: Format, options: EncodeOptions, notes: dict[str, None]) -> Frame:
    """`frame` in the nearest mode that the format holds, with a note when that is not its own."""
    frame = _modal(frame, row, notes)
    way = _way(frame, row, options)
    if way:
        notes[f"{frame.mode} was written as {way[-1]}, since {row.name} does not hold {frame.mode}"] = None
    for mode in way:
        frame = converted(frame, mode)
    if frame.peak is not None and "peak" not in row.keeps:
        full = np.iinfo(frame.pixels.dtype).max
        notes[f"values of 0 to {frame.peak} were written as they are, though {row.name} takes {full} for white"] = None
    return frame


def held(frame: Frame, format: str, options: EncodeOptions = _DEFAULT) -> Frame:
    """`frame` as a file of `format` holds it, or as its encoder is given it where that loses something: in the nearest
    mode that the format has, and with as few colours.
    """
    row = _row(format)
    if row.name in ARRAYS or row.pages:  # these hold whatever there is
        return frame
    limited = _held(frame, row, options, {})
    (reduced,) = _with_palettes((limited,), row, {})
    return limited if reduced is limited else converted(reduced, limited.mode)


def _modal(frame: Frame, row: Format, notes: dict[str, None]) -> Frame:
    """`frame` in the mode that its pixels are in `row`."""
    if frame.page is not None and not row.pages:
        from poolcli.images import tiff

        frame = tiff.leaving(frame, row.name, notes)
    return frame if frame.mode in PIXEL_MODES else as_pillow_mode(frame, row.name, row.arrays)


def _way(frame: Frame, row: Format, options: EncodeOptions) -> list[str]:
    """The conversions that lead from the mode of `frame` to one that the format holds."""
    if frame.mode in row.modes:
        return []
    deep = () if row.peaks and frame.peak not in row.peaks else (*row.deep, *row.arrays)
    allowed = {*row.modes, *(deep if not row.needs or installed(row.needs) else ())}
    way = way_to(frame, allowed, narrow=options.allow_8bit)
    if way is None:
        held = f"{row.name} cannot hold {_spelled(frame.mode)}"
        if deep and way_to(frame, deep) is not None:
            held = f"{row.name} of {_spelled(frame.mode)} takes a library to write: pip install {row.needs}"
        narrow = ", or allow 8 bits with --allow-8bit" if way_to(frame, row.modes, narrow=True) is not None else ""
        bytes_too = ", or bytes with --to-range clip or stretch" if frame.pixels.dtype.kind == "f" else ""
        raise PictureError(f"{held}; write {holding([frame.mode])}{narrow}{bytes_too}")
    return way


def _spelled(mode: str) -> str:
    return f"{WORDS[mode]} ({mode})" if mode in WORDS else mode


def _uniform(frames: tuple[Frame, ...], row: Format, notes: dict[str, None]) -> tuple[Frame, ...]:
    """The frames of an animation in one mode, the richest of theirs; pages of a TIFF may differ."""
    modes = {frame.mode for frame in frames}
    palettes_differ = not row.palettes and any(frame.palette != frames[0].palette for frame in frames)
    if row.pages or (len(modes) == 1 and not palettes_differ):
        return frames
    common = "RGBA" if any(frame.clear for frame in frames) else "RGB"
    if any(PIXEL_MODES[mode].narrow for mode in modes) and modes <= {"I;16", "LA;16", "RGB;16", "RGBA;16"}:
        common += ";16"
    elif not modes <= {"1", "L", "LA", "P", "PA", "RGB", "RGBA"}:
        raise PictureError(f"frames of modes {', '.join(sorted(modes))} are no one {row.name}; write TIFF")
    kinds = f"modes {', '.join(sorted(modes))}" if len(modes) > 1 else "several palettes"
    notes[f"frames of {kinds} were written as {common}"] = None
    return tuple(frame if frame.mode == common else converted(frame, common) for frame in frames)


def _with_palettes(frames: tuple[Frame, ...], row: Format, notes: dict[str, None]) -> tuple[Frame, ...]:
    if not row.palettes or frames[0].mode not in ("RGB", "RGBA"):
        return frames
    reduced, exact = with_palettes(frames)
    if not exact:
        notes[REDUCED] = None
    return reduced


def _arguments(given: dict[str, Any], first: Frame, row: Format, options: EncodeOptions) -> dict[str, Any]:
    """The arguments of Pillow's writer: those `given`, of what stands beside the pixels, and those of the options."""
    if row.lossy and (options.quality is not None or "qtables" not in given):
        given.pop("qtables", None)
        given.pop("subsampling", None)
        given["quality"] = _QUALITY if options.quality is None else options.quality
    if options.lossless:
        given |= row.exactly
    if row.name == "PNG" and options.png_level is not None:
        given["compress_level"] = options.png_level
    if row.name == "ICO":
        given["sizes"] = [first.pixels.shape[1::-1]]
    if row.name == "GIF":
        given["optimize"] = False  # it would renumber the labels
    if row.name == "PNG" and first.palette is not None and first.palette.transparency is not None:
        given["transparency"] = first.palette.transparency
    return given


def _save(
    picture: Picture, stream: BinaryIO, row: Format, given: dict[str, Any], pages: Sequence[dict[str, Any]]
) -> None:
    # Some writers go back to fill in their headers, and TIFF's reads what it has written.
    direct = stream.seekable() and stream.readable() and not row.buffered
    target: Any = _Checked(stream) if direct else _Buffer()
    if row.prefetched:
        target.name = f"picture{row.extensions[0]}"  # by which Pillow loads this writer, and not four others with it
    with writing(row.name):
        if row.writer:
            resolve_name(f"poolcli.images.{row.writer}")(picture, target, given)
        else:
            _save_by_pillow(picture, target, row, given, pages)
    if isinstance(target, BytesIO):
        stream.write(target.getbuffer())


def _save_by_pillow(
    picture: Picture, target: BinaryIO, row: Format, given: dict[str, Any], pages: Sequence[dict[str, Any]]
) -> None:
    images = [_image(frame) for frame in picture.frames]
    for image, page in zip(images, pages, strict=False):  # where Pillow reads what is of this page alone
        vars(image)["encoderinfo"] = page
    if len(images) == 1:
        start = target.tell()
        images[0].save(target, None if row.prefetched else row.name, **given)
        _write_density(picture.meta, row, target, start)
        return
    durations = [round(float(frame.info.get("duration") or 0)) for frame in picture.frames]
    clear = any(frame.clear for frame in picture.frames)
    whole = resolve_name(f"poolcli.images.{row.animator}") if row.animator else None
    alike = (np.array_equal(a.pixels, b.pixels) and a.palette == b.palette for a, b in pairwise(picture.frames))
    if whole is None or not (given.get("lossless") or any(alike)):
        more: dict[str, Any] = {} if row.pages else {"duration": durations}
        if row.palettes:  # each is a whole picture: none is laid over another
            more["disposal"] = 2 if clear else 1
        images[0].save(target, row.name, **given, **more, save_all=True, append_images=images[1:])
        if row.name == "WEBP" and clear and isinstance(target, BytesIO) and bytes(target.getbuffer()[12:16]) == b"VP8X":
            target.getbuffer()[20] |= 0x10  # alpha: libwebp does not say so where all frames are cut to opaque parts
        target.seek(0)
        with Image.open(target, formats=[row.name]) as back:
            count = int(getattr(back, "n_frames", 1))
        if count == len(images):
            return
        if whole is None:
            raise OutputError(f"{row.name} holds {count} of {len(images)} frames once written; try PNG or TIFF")
        target.seek(0)
        target.truncate()
    assert whole is not None
    target.write(whole(images, durations, dict(given), clear=clear))


def _write_density(meta: Meta, row: Format, target: BinaryIO, start: int) -> None:
    """Put into the header what Pillow's writer has no way to: no unit in a JPEG, another density than 100 in a PCX."""
    patch = None
    if row.name == "JPEG" and meta.aspect is not None:
        patch = 13, b"\0"  # the unit of JFIF, the first segment
    elif row.name == "PCX":
        patch = 12, struct.pack("<HH", *map(round, meta.dpi or (0, 0)))
    if patch is not None:
        target.seek(start + patch[0])
        target.write(patch[1])
        target.seek(0, SEEK_END)


class _Checked:
    """A stream without its descriptor, into which Pillow would write past it, taking what a full disk cuts short for
    whole: JPEG, TIFF, BMP, PPM, PCX and DDS would be torn without an error.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.write, self.read, self.seek, self.tell, self.flush = (
            stream.write, stream.read, stream.seek, stream.tell, stream.flush
        )  # fmt: skip


class _Buffer(BytesIO):
    """A stream in memory that may have a name."""


def _image(frame: Frame) -> Image.Image:
    image = to_image(frame)
    if frame.palette is not None and isinstance(frame.palette.transparency, int):
        image.info["transparency"] = frame.palette.transparency
    return image
