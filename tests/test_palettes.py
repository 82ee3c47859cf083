"""Colours as palettes, for GIF: exact up to 256, holes kept, and what Pillow's writer would take for a hole avoided."""

from io import BytesIO

import numpy as np
import pytest

from poolcli.images import decoding, encoding
from poolcli.images.frame import Frame, Picture, with_palettes


def colours_of(frame):
    """What the indices of a P frame stand for, as H x W x 4."""
    table = np.frombuffer(frame.palette.colours, np.uint8).reshape(-1, 3)
    rgba = np.concatenate([table, np.full((len(table), 1), 255, np.uint8)], 1)
    if frame.palette.transparency is not None:
        rgba[frame.palette.transparency] = 0
    return rgba[frame.pixels]


def distinct(count, holes=0):
    """An RGBA row of `count` different colours and `holes` transparent pixels."""
    numbers = np.arange(count)
    row = np.stack([numbers % 256, numbers // 256, numbers % 7, np.full(count, 255)], 1).astype(np.uint8)
    return np.concatenate([row, np.zeros((holes, 4), np.uint8)])[np.newaxis]


@pytest.mark.parametrize(("count", "holes", "exact"), [(1, 0, True), (256, 0, True), (257, 0, False), (255, 3, True),
                                                       (256, 1, False), (0, 5, True)])  # fmt: skip
def test_up_to_256_colours_are_exact(count, holes, exact):
    """A hole takes one of them."""
    pixels = distinct(count, holes)
    (frame,), told = with_palettes([Frame(pixels, "RGBA", alpha=True)])
    assert told is exact
    have = colours_of(frame)
    assert np.array_equal(have[..., 3], pixels[..., 3])
    if exact:
        assert np.array_equal(have[pixels[..., 3] == 255], pixels[pixels[..., 3] == 255])


def test_half_transparent_pixels_become_all_or_nothing():
    """From 128 on opaque; that is not exact."""
    pixels = np.array([[[9, 9, 9, 127], [9, 9, 9, 128]]], np.uint8)
    (frame,), exact = with_palettes([Frame(pixels, "RGBA", alpha=True)])
    assert colours_of(frame)[0, :, 3].tolist() == [0, 255]
    assert not exact


def test_every_frame_has_its_own_palette_and_holes_a_colour_of_no_frame():
    """Pillow's GIF writer tells holes by colour."""
    frames = [Frame(distinct(200, 1), "RGBA", alpha=True), Frame(distinct(100, 1)[:, :, [1, 2, 0, 3]], "RGBA")]
    reduced, exact = with_palettes(frames)
    assert exact
    used = {tuple(c) for f in frames for c in f.pixels[f.pixels[..., 3] == 255][:, :3].tolist()}
    for frame in reduced:
        table = np.frombuffer(frame.palette.colours, np.uint8).reshape(-1, 3)
        assert tuple(table[frame.palette.transparency].tolist()) not in used


def test_photographs_are_reduced_with_a_note():
    """256 a frame, never far from what they were."""
    ramp = np.add.outer(np.arange(64), np.arange(64)) * 2
    pixels = np.stack([ramp, ramp[::-1], ramp[:, ::-1]], 2).clip(0, 255).astype(np.uint8)
    stream = BytesIO()
    written = encoding.encode(Picture("PNG", (Frame(pixels, "RGB"),), "RGB"), stream, format="GIF")
    assert written.notes == ("colours were reduced to 256 a frame, which is all a GIF holds",)
    stream.seek(0)
    after = decoding.decode(stream, name="x").frames[0].pixels[..., :3].astype(int)
    assert np.abs(after - pixels).mean() < 12


def test_other_modes_stay_as_they_are():
    """Grey and palette frames need nothing."""
    frame = Frame(np.zeros((2, 2), np.uint8), "L")
    assert encoding.held(frame, "GIF") is frame
