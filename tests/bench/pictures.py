"""Pictures to measure on, computed and seeded: a photograph's spectrum and its sensor's noise, in any size."""

from pathlib import Path

import numpy as np
from PIL import Image

TILE = 1024


def photograph(height: int, width: int, seed: int = 0) -> np.ndarray:
    """RGB uint8 whose amplitudes fall as 1 / frequency, as they do in photographs, with noise on top."""
    rng = np.random.default_rng(seed)
    rows, columns = np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :]
    falling = 1 / np.maximum(np.hypot(rows, columns), 1 / TILE) ** 1.8
    planes = [np.fft.irfft2(falling * np.exp(2j * np.pi * rng.random(falling.shape)), (TILE, TILE)) for _ in range(3)]
    tile = np.stack([planes[0] + 0.3 * plane for plane in planes], axis=2)
    tile = 128 + 45 * (tile - tile.mean()) / tile.std()
    mirrored = np.concatenate([tile, tile[::-1]]).astype(np.float32)
    mirrored = np.concatenate([mirrored, mirrored[:, ::-1]], axis=1)
    whole = np.tile(mirrored, (-(-height // len(mirrored)), -(-width // len(mirrored)), 1))[:height, :width]
    noisy = whole + rng.normal(0, 1.2, whole.shape).astype(np.float32)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def segments(height: int, width: int) -> np.ndarray:
    """Labels of 1,000 kinds as uint16: bands of waves across one another, as a segmentation has areas."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    down, across = (y + 40 * np.sin(x / 90)) // 110, (x + 40 * np.cos(y / 70)) // 170
    return ((down * 13 + across * 101) % 1000).astype(np.uint16)


def save(path: Path, pixels: np.ndarray) -> Path:
    """Write a picture in the format of its extension, JPEG at quality 90."""
    Image.fromarray(pixels).save(path, quality=90)
    return path
