"""Animations: APNG composed as its specification says, and what the frames of others lie on."""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from PIL import GifImagePlugin, Image

from poolcli.images.formats import PNG, Request
from poolcli.images.frame import Array, Frame, Palette, converted, with_alpha
from poolcli.images.metadata import EXIF_HEAD
from poolcli.images.png import Chunk, Head, chunks, write_chunks
from poolcli.records import dataclass


def one_canvas(frames: Sequence[Frame], notes: dict[str, None]) -> tuple[Frame, ...]:
    """`frames` as they are, or in RGBA on the largest canvas of theirs, transparent where a frame has nothing."""
    sizes = {frame.pixels.shape[:2] for frame in frames}
    if len(sizes) < 2:
        return tuple(frames)
    height, width = (max(side) for side in zip(*sizes, strict=True))
    notes[f"frames of {len(sizes)} sizes were put on one canvas of {width}x{height}, transparent beyond them"] = None
    placed = []
    for frame in frames:
        colours = frame if frame.mode == "RGBA" else converted(frame, "RGBA")
        rows, columns = colours.pixels.shape[:2]
        beyond = (0, height - rows), (0, width - columns), (0, 0)
        placed.append(replace(colours, pixels=np.pad(colours.pixels, beyond)))
    return tuple(placed)


BACKGROUND, PREVIOUS = 1, 2  # what is done with a frame once it has been shown; 0: nothing
# Animated PNG: frames composed as the specification says, in the depth of the file.
# Source: PNG specification, third edition, 11.3.6 (animation) and 13.16 (alpha compositing). Pillow composes some
# frames in other ways: it lays them over what a disposal to PREVIOUS should have restored.

OVER = 1  # how it is laid on what is there; 0: it replaces that
_WITH_ALPHA = {"1": "LA", "L": "LA", "I;16": "LA;16", "RGB": "RGBA", "RGB;16": "RGBA;16"}


@dataclass(frozen=True, slots=True)
class _Control:
    """The fields of a fcTL, and the chunks that hold its pixels; the hidden first picture has no fields."""

    width: int
    height: int
    left: int
    top: int
    duration: float | None
    dispose: int
    blend: int
    data: tuple[Chunk, ...] = ()


def frames_of(
    stream: BinaryIO, head: Head, request: Request, still: Callable[[BinaryIO, bool], Frame]
) -> tuple[list[Frame], bool, int]:
    """The requested frames, composed; whether the first is hidden (shown only where animation is unknown);
    and how often they play, 0 for ever.

    `still` decodes a PNG of one picture, its palette as indices if its second argument says so. Raises PictureError for
    frames that are missing or reach beyond the picture.
    """
    controls = _controls(stream, head, request)
    hidden = controls[0].duration is None
    plays = struct.unpack_from(">I", head.chunks[b"acTL"], 4)[0]
    numbers = request.chosen(len(controls))
    request.check_pixels(head.width * head.height * len(numbers), together=len(numbers) > 1)
    if request.indices:
        labels = _composed(stream, head, controls, numbers, lambda file: still(file, True))
        if labels is not None:
            return labels, hidden, plays
        request.note("the frames of this animated PNG are pooled as colours, not as labels")
    composed = _composed(stream, head, controls, numbers, lambda file: still(file, False))
    assert composed is not None
    return composed, hidden, plays


def _controls(stream: BinaryIO, head: Head, request: Request) -> list[_Control]:
    """Every frame of the file in order, with a hidden first picture as one more; as many as the header promises."""
    promised: int = struct.unpack_from(">I", head.chunks[b"acTL"])[0]
    controls: list[_Control] = []
    sequence = 0
    for chunk in chunks(stream):
        if chunk.name in (b"fcTL", b"fdAT"):
            front = chunk if chunk.name == b"fcTL" else chunk._replace(length=min(4, chunk.length))
            data = front.data(stream)
            if len(data) < 4 or struct.unpack_from(">I", data)[0] != sequence:
                raise request.refuse("the frames are numbered wrongly, so some are missing; get the file again")
            sequence += 1
        if chunk.name == b"fcTL":
            controls.append(_control(data, head, request))
        elif chunk.name == b"IDAT" and not controls:
            controls.append(_Control(head.width, head.height, 0, 0, None, 0, 0))
        if chunk.name in (b"IDAT", b"fdAT") and controls:
            controls[-1] = replace(controls[-1], data=(*controls[-1].data, chunk))
    there = len(controls) - sum(control.duration is None for control in controls)
    if there < promised or not all(control.data for control in controls):
        raise request.refuse(f"{promised} frames are promised and {there} are there; get the file again")
    if there > promised:
        request.note(f"the file holds {there} frames and says {promised}; the others were left out")
    return controls[: len(controls) - there + promised]


def _control(data: bytes, head: Head, request: Request) -> _Control:
    if len(data) < 26:
        raise request.refuse("a frame's header is cut short; get the file again")
    width, height, left, top, delay, unit, dispose, blend = struct.unpack_from(">IIIIHHBB", data, 4)
    if not (width and height and left + width <= head.width and top + height <= head.height):
        raise request.refuse("a frame lies outside the picture; get the file again")
    return _Control(width, height, left, top, 1000 * delay / (unit or 100), dispose, blend)


def without_animation(stream: BinaryIO) -> BytesIO:
    """The file as who knows no animation sees it: one picture, and all the notes on it."""
    file = BytesIO()
    rest = (chunk for chunk in chunks(stream) if chunk.name not in (b"acTL", b"fcTL", b"fdAT"))
    write_chunks(file, ((chunk.name, chunk.data(stream)) for chunk in rest))
    return file


def _alone(stream: BinaryIO, head: Head, control: _Control) -> BytesIO:
    """One frame as a PNG of its own."""
    stream.seek(len(PNG) + 8)
    header = struct.pack(">II", control.width, control.height) + stream.read(13)[8:]
    data = b"".join(chunk.data(stream)[4 * (chunk.name == b"fdAT") :] for chunk in control.data)
    parts = [(b"IHDR", header), *((name, head.chunks[name]) for name in (b"PLTE", b"tRNS") if name in head.chunks)]
    file = BytesIO()
    write_chunks(file, [*parts, (b"IDAT", data), (b"IEND", b"")])
    file.seek(0)
    return file


def _composed(
    stream: BinaryIO, head: Head, controls: Sequence[_Control], numbers: range, decode: Callable[[BinaryIO], Frame]
) -> list[Frame] | None:
    """The frames `numbers`, each as it is shown; None for labels that are no labels once they are laid over another."""
    canvas: _Canvas | None = None
    shown: list[tuple[Frame, Array]] = []
    first = int(controls[0].duration is None)
    for number, control in enumerate(controls[: numbers.stop]):
        frame = decode(_alone(stream, head, control))
        if control.duration is None:
            if number in numbers:
                shown.append((frame, np.ones(frame.pixels.shape[:2], bool)))
            continue
        canvas = canvas or _Canvas(frame, (head.height, head.width))
        before = canvas.laid(frame, control)
        if before is None:
            return None
        if number in numbers:
            info = {"duration": control.duration}
            shown.append((replace(frame, pixels=canvas.pixels.copy(), info=info), canvas.filled.copy()))
        canvas.dispose(control, before, first=number == first)
    return _opened(shown)


def _opened(shown: list[tuple[Frame, Array]]) -> list[Frame] | None:
    """The frames, all of them with alpha where some pixel of one was never painted; None for such palettes."""
    if all(filled.all() for _, filled in shown) or shown[0][0].alpha:
        return [frame for frame, _ in shown]
    mode = _WITH_ALPHA.get(shown[0][0].mode)
    if mode is None:
        return None
    white = np.uint8(255 if shown[0][0].mode == "1" else 1)
    return [replace(frame, pixels=with_alpha(frame.pixels * white, filled), mode=mode, alpha=True)
            for frame, filled in shown]  # fmt: skip


class _Canvas:
    """What is shown: nothing at first. `filled` says where pixels without alpha have been painted."""

    def __init__(self, frame: Frame, size: tuple[int, int]) -> None:
        """As large as the picture, of the kind of `frame`."""
        self.pixels = np.zeros((*size, *frame.pixels.shape[2:]), frame.pixels.dtype)
        self.filled = np.zeros(size, bool)

    def laid(self, frame: Frame, control: _Control) -> tuple[Array, Array] | None:
        """Paint `frame`, and give back what was there; None for labels that would have to be mixed."""
        place = _place(control)
        before = self.pixels[place].copy(), self.filled[place].copy()
        pixels = frame.pixels
        if control.blend != OVER:
            self.pixels[place] = pixels
            self.filled[place] = True
        elif frame.palette is not None:
            alpha = _alphas(frame.palette)[pixels]
            if np.any((alpha > 0) & (alpha < 255)):
                return None
            self.pixels[place] = np.where(alpha > 0, pixels, before[0])
            self.filled[place] |= alpha > 0
        elif frame.alpha:
            self.pixels[place] = over(pixels, before[0])
            self.filled[place] = True
        else:
            self.pixels[place] = pixels
            self.filled[place] = True
        return before

    def dispose(self, control: _Control, before: tuple[Array, Array], *, first: bool) -> None:
        """Take the frame away again, as it asks: PREVIOUS has nothing to restore under the first one."""
        place = _place(control)
        if control.dispose == BACKGROUND or (control.dispose == PREVIOUS and first):
            self.pixels[place], self.filled[place] = 0, False
        elif control.dispose == PREVIOUS:
            self.pixels[place], self.filled[place] = before


def _place(control: _Control) -> tuple[slice, slice]:
    return (
        slice(control.top, control.top + control.height),
        slice(control.left, control.left + control.width),
    )


def _alphas(palette: Palette) -> Array:
    """The opacity of every index."""
    alphas = np.full(256, 255, np.uint8)
    if isinstance(palette.transparency, int):
        alphas[palette.transparency] = 0
    elif palette.transparency is not None:
        alphas[: len(palette.transparency)] = list(palette.transparency)
    return alphas


def over(above: Array, below: Array) -> Array:
    """`above` laid over `below`, both with alpha last and not multiplied by it; rounded once, half up.

    >>> over(np.array([[[200, 128]]], np.uint8), np.array([[[100, 255]]], np.uint8)).tolist()
    [[[150, 255]]]
    """
    most = int(np.iinfo(above.dtype).max)
    a, b = above[..., -1:].astype(np.int64), below[..., -1:].astype(np.int64)
    upper, lower = a * most, b * (most - a)  # the weights of both, whose sum is the alpha times `most`
    total = upper + lower
    mixed = upper * above[..., :-1] + lower * below[..., :-1]
    colours = (2 * mixed + total) // np.maximum(2 * total, 1)
    alpha = (2 * total + most) // (2 * most)
    return np.concatenate([colours, alpha], axis=2).astype(above.dtype)


_ICC, _ALPHA, _EXIF, _XMP, _ANIMATED = 0x20, 0x10, 0x08, 0x04, 0x02  # flags of a WebP
# Animations of GIF and WebP frame by frame, for pictures that Pillow's writers would join or change.
# Both write only what changes from frame to frame, and nothing for a frame that equals the one before it (WebP: that
# nearly equals it). Here every frame is a whole picture, written alone by Pillow and put into the file as it is.
# Sources: the GIF89a specification; the WebP container specification
# (developers.google.com/speed/webp/docs/riff_container).


def webp_chunks(data: bytes, at: int = 12) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a WebP and their data, from a byte of it on; what is in a frame is given after the frame."""
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        content = data[at + 8 : at + 8 + size]
        yield name, content
        if name == b"ANMF":
            yield from webp_chunks(content, 16)
        at += 8 + size + size % 2


def webp_is_lossless(stream: BinaryIO) -> bool:
    """Whether every picture in a WebP is written without loss."""
    stream.seek(0)
    kinds = {name for name, _ in webp_chunks(stream.read())}
    return b"VP8L" in kinds and b"VP8 " not in kinds


def webp(images: Sequence[Image.Image], durations: Sequence[int], given: dict[str, Any], *, clear: bool) -> bytes:
    """A WebP of whole frames, written with Pillow's arguments `given`; `clear`: some pixels may be transparent."""
    said = {kind: given.pop(key, None) for kind, key in ((b"ICCP", "icc_profile"), (b"EXIF", "exif"), (b"XMP ", "xmp"))}
    loop = given.pop("loop", 0)
    exif = said[b"EXIF"]
    if exif is not None:
        said[b"EXIF"] = exif.removeprefix(EXIF_HEAD)
    flags = _ANIMATED | _ALPHA * clear
    flags |= _ICC * bool(said[b"ICCP"]) | _EXIF * bool(said[b"EXIF"]) | _XMP * bool(said[b"XMP "])
    width, height = images[0].size
    parts = [(b"VP8X", bytes([flags, 0, 0, 0]) + _three(width - 1) + _three(height - 1))]
    if said[b"ICCP"]:
        parts.append((b"ICCP", said[b"ICCP"]))
    parts.append((b"ANIM", struct.pack("<IH", 0, loop)))
    for image, duration in zip(images, durations, strict=True):
        file = BytesIO()
        image.save(file, "WEBP", **given)
        pixels = [part for part in webp_chunks(file.getvalue()) if part[0] in (b"ALPH", b"VP8 ", b"VP8L")]
        place = bytes(6) + _three(width - 1) + _three(height - 1) + _three(min(duration, (1 << 24) - 1))
        parts.append((b"ANMF", place + b"\2" + _joined(pixels)))  # 2: it replaces what was there
    parts += [(kind, said[kind]) for kind in (b"EXIF", b"XMP ") if said[kind]]
    body = b"WEBP" + _joined(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _three(value: int) -> bytes:
    return value.to_bytes(3, "little")


def _joined(parts: Sequence[tuple[bytes, bytes]]) -> bytes:
    return b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in parts)


class ColourGif(GifImagePlugin.GifImageFile):
    """A GIF whose first frame is one of colours, even where these are all greys."""

    def _is_palette_needed(self, p: bytes) -> bool:
        return True


def with_colours(data: bytes) -> BytesIO:
    """The GIF `data`, with 256 greys as its colours where it has none."""
    if data[10] & 0x80:
        return BytesIO(data)
    greys = bytes(value for value in range(256) for _ in range(3))
    return BytesIO(data[:10] + bytes([data[10] & 0x78 | 0x87]) + data[11:13] + greys + data[13:])


def gif(images: Sequence[Image.Image], durations: Sequence[int], given: dict[str, Any], *, clear: bool) -> bytes:
    """A GIF of whole frames, each with its own colours; `clear`: some pixels may be transparent."""
    loop, comment = given.get("loop"), given.get("comment") or b""
    file = BytesIO()
    for number, (image, duration) in enumerate(zip(images, durations, strict=True)):
        alone = BytesIO()
        image.save(alone, "GIF", optimize=False, interlace=0)
        screen, colours, pixels = _gif_parts(alone.getvalue())
        if number == 0:
            file.write(b"GIF89a" + screen + colours)
            file.write(b"" if loop is None else b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", loop) + b"\0")
            file.write(b"!\xfe" + _sub_blocks(comment) if comment else b"")
        key = image.info.get("transparency")
        flags = (8 if clear else 4) | (key is not None)  # disposed to the background, or left
        file.write(b"!\xf9\x04" + struct.pack("<BHB", flags, min(duration // 10, 65_535), key or 0) + b"\0")
        local = 0x80 | (screen[4] & 7) if colours and number else 0
        file.write(b"," + struct.pack("<4HB", 0, 0, *image.size, local) + (colours if local else b"") + pixels)
    file.write(b";")
    return file.getvalue()


def _gif_parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    """The screen, the colours and the compressed pixels of a GIF of one picture."""
    screen = data[6:13]
    size = 3 << (screen[4] & 7) + 1 if screen[4] & 0x80 else 0
    at = 13 + size
    while data[at : at + 1] == b"!":
        at = _after(data, at + 2)
    start = at + 10
    local = data[at + 9]
    if local & 0x80:
        start += 3 << (local & 7) + 1
    return screen, data[13 : 13 + size], data[start : _after(data, start + 1)]


def _after(data: bytes, at: int) -> int:
    """Where the sub-blocks that begin at `at` end."""
    while data[at]:
        at += 1 + data[at]
    return at + 1


def _sub_blocks(data: bytes) -> bytes:
    pieces = (data[at : at + 255] for at in range(0, len(data), 255))
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"
