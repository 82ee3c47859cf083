"""Slow oracles of the shift report, as plain loops: shift a picture, measure one side."""

import math

import numpy as np


def shift(image, dx, dy, edge):
    """Move the picture dx to the right and dy down; what is revealed follows the edge rule (design, section 5)."""
    height, width = image.shape[:2]
    out = np.zeros_like(image)
    for row in range(height):
        for col in range(width):
            y, x = row - dy, col - dx
            if edge == "wrap":
                out[row, col] = image[y % height, x % width]
            elif edge == "replicate":
                out[row, col] = image[min(max(y, 0), height - 1), min(max(x, 0), width - 1)]
            elif edge != "zero":
                raise ValueError(f"unknown edge {edge!r}")
            elif 0 <= y < height and 0 <= x < width:
                out[row, col] = image[y, x]
    return out


def difference(a, b):
    """|a - b| of two Python numbers; equal infinities, and NaN with NaN, do not differ."""
    return 0 if a == b or (math.isnan(a) and math.isnan(b)) else abs(a - b)


def side(a, b, tolerance, peak):
    """What differs between two pictures of one shape (design, section 5); psnr = 10 log10(peak^2 / mse)."""
    height, width = a.shape[:2]
    differences, changed = [], 0
    for row in range(height):
        for col in range(width):
            values = zip(a[row, col].ravel().tolist(), b[row, col].ravel().tolist(), strict=True)
            here = [difference(x, y) for x, y in values]
            differences += here
            changed += any(not d <= tolerance for d in here)  # a NaN against a number is a change
    n = len(differences)
    mse = math.fsum(d * d for d in differences) / n
    ratio = float(peak) ** 2 / mse if mse else 0.0
    return {
        "pixels": height * width,
        "changed": changed,
        "fraction": changed / (height * width),
        "mae": math.fsum(differences) / n,
        "rmse": math.sqrt(mse),
        "max": math.nan if any(map(math.isnan, differences)) else float(max(differences)),
        "psnr": 10 * math.log10(ratio) if ratio > 0 else None,  # also None where no finite psnr exists
    }
