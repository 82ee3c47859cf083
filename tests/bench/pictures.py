"""Pictures to measure on, computed and seeded: a photograph's falling spectrum and its sensor's noise, in any size."""

from pathlib import Path

import numpy as np
from PIL import Image

SIZES = {256: 9, 64: 4, 16: 2, 4: 1}  # of what is in the picture, in pixels, and how strong it is, in sixteenths
BAND = 256  # rows that get their noise together


def photograph(height: int, width: int, seed: int = 0) -> np.ndarray:
    """RGB uint8 with shapes of all sizes, the larger the stronger, with noise on top; no part of it comes again."""
    rng = np.random.default_rng(seed)
    picture = np.empty((height, width, 3), np.uint8)
    light, *colours = (
        sum(_clouds(rng, height, width, step) * np.uint16(weight) for step, weight in sizes.items())
        for sizes in (SIZES, {256: 3}, {256: 3}, {256: 3})
    )
    for channel, colour in enumerate(colours):
        for top in range(0, height, BAND):
            rows = slice(top, top + BAND)
            values = (light[rows] + colour[rows]).astype(np.float32) / 19
            values += rng.standard_normal(values.shape, np.float32) * 1.2
            picture[rows, :, channel] = values.clip(0, 255)
    return picture


def _clouds(rng: np.random.Generator, height: int, width: int, step: int) -> np.ndarray:
    """Random values `step` pixels apart, and smooth between them."""
    points = rng.integers(0, 256, (height // step + 2, width // step + 2), np.uint8)
    return np.asarray(Image.fromarray(points).resize((width, height), Image.Resampling.BICUBIC), np.uint16)


def segments(height: int, width: int) -> np.ndarray:
    """Labels of 1,000 kinds as uint16: bands of waves across one another, as a segmentation has areas."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    down, across = (y + 40 * np.sin(x / 90)) // 110, (x + 40 * np.cos(y / 70)) // 170
    return ((down * 13 + across * 101) % 1000).astype(np.uint16)


def save(path: Path, pixels: np.ndarray) -> Path:
    """Write a picture in the format of its extension, JPEG at quality 90."""
    Image.fromarray(pixels).save(path, quality=90)
    return path
