"""One canvas for all frames: a GIF may have frames that reach beyond the screen its header names."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from poolcli.images.frame import Frame
from poolcli.images.modes import converted


def one_canvas(frames: Sequence[Frame], notes: dict[str, None]) -> tuple[Frame, ...]:
    """`frames` as they are, or in RGBA on the largest canvas of theirs, transparent where a frame has nothing."""
    sizes = {frame.pixels.shape[:2] for frame in frames}
    if len(sizes) < 2:
        return tuple(frames)
    height, width = (max(side) for side in zip(*sizes, strict=True))
    notes[f"frames of {len(sizes)} sizes were put on one canvas of {width}x{height}, transparent beyond them"] = None
    return tuple(_on_canvas(frame, height, width) for frame in frames)


def _on_canvas(frame: Frame, height: int, width: int) -> Frame:
    colours = frame if frame.mode == "RGBA" else converted(frame, "RGBA")
    rows, columns = colours.pixels.shape[:2]
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[:rows, :columns] = colours.pixels
    return replace(colours, pixels=pixels)
