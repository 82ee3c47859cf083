"""The lines about whole processes: started, run and ended, wall time and peak memory."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import cache, partial
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image

from tests.bench.lines import FOLDER, HUGE, OURS, PICTURE, Line, Target
from tests.bench.peers import present
from tests.bench.pictures import photograph, save, segments
from tests.bench.timing import CPU, Calls

PYTHON = sys.executable
MANY, JOBS = 200, 2
SIDES = {12: (3000, 4000), 113: (9400, 12000)}  # height and width of so many megapixels
_NUMBERS = count()
TORCH = """
import sys, numpy, torch
from PIL import Image
torch.set_num_threads(1)
image = torch.from_numpy(numpy.asarray(Image.open(sys.argv[1])).copy()).permute(2, 0, 1)[None].float()
pooled, moved = (torch.nn.functional.max_pool2d(x, 2) for x in (image, torch.roll(image, -1, 3)))
print((pooled - moved).abs().mean())
Image.fromarray(pooled[0].permute(1, 2, 0).byte().numpy()).save(sys.argv[2])
"""
SCIPY = """
import sys, numpy, scipy.stats
from PIL import Image
image = numpy.asarray(Image.open(sys.argv[1]))
rows, columns = image.shape[0] // 4, image.shape[1] // 4
windows = image.reshape(rows, 4, columns, 4).swapaxes(1, 2).reshape(rows, columns, 16)
Image.fromarray(scipy.stats.mode(windows, axis=-1).mode).save(sys.argv[2])
"""
PYVIPS = """
import sys, concurrent.futures, pathlib, pyvips
def shrink(path):
    pyvips.Image.new_from_file(str(path), access="sequential").shrink(2, 2).write_to_file(sys.argv[2] + "/" + path.name)
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    list(pool.map(shrink, sorted(pathlib.Path(sys.argv[1]).glob("*.png"))))
"""


@cache
def folder() -> Path:
    """A temporary folder with the pictures, removed when the process ends."""
    held = tempfile.TemporaryDirectory(prefix="poolcli-bench-")
    folder.held = held  # type: ignore[attr-defined]
    root = Path(held.name)
    for name in ("many", "out"):
        (root / name).mkdir()
    for number in range(MANY):
        path = root / "many" / f"{number:03}.png"
        if number < 20:
            save(path, photograph(300, 400, number))
        else:
            shutil.copy(root / "many" / f"{number % 20:03}.png", path)
    return root


@cache
def photo(extension: str, megapixels: int) -> Path:
    """A photograph of 12 or 113 megapixels."""
    return save(folder() / f"photo-{megapixels}.{extension}", _pixels(megapixels))


@cache
def _pixels(megapixels: int) -> np.ndarray:
    return photograph(*SIDES[megapixels])


def fresh(name: str) -> Path:
    """A path in a folder of its own: to replace what is there costs a file system more than to write anew."""
    new = folder() / "out" / str(next(_NUMBERS))
    new.mkdir()
    return new / name


def run(*words: object, cwd: Path | None = None) -> None:
    """Run a command to its end; what it prints goes nowhere. Compiled Python is kept, as in an installation."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment.pop("OPENBLAS_CORETYPE", None)
    subprocess.run(list(map(str, words)), check=True, capture_output=True, env=environment, cwd=cwd)


def poolcli(*words: object) -> None:
    """Our command line, as it is started by its users."""
    run(PYTHON, "-m", "poolcli", *words)


def python(code: str, *words: object) -> None:
    """A Python program."""
    run(PYTHON, "-c", code, *words)


def those_present(calls: Mapping[str, tuple[str | None, Callable[[], object]]]) -> Calls:
    """The calls whose peer is installed (None: no peer is needed)."""
    return {name: call for name, (peer, call) in calls.items() if peer is None or present(peer)}


def _questions() -> Calls:
    return {
        "--version": partial(poolcli, "--version"),
        "--help": partial(poolcli, "--help"),
        "import typer": partial(python, "import typer"),
    }


def _small() -> Calls:
    source = folder() / "many" / "000.png"
    return those_present(
        {
            OURS: (None, lambda: poolcli("pool", source, "-o", fresh("small.png"))),
            "imports": (None, partial(python, "import numpy, PIL.Image, typer")),
            "PyTorch": ("PyTorch", lambda: python(TORCH, source, fresh("small.png"))),
        }
    )


def _large(extension: str, megapixels: int) -> Calls:
    name, quality = f"photo.{extension}", "[Q=90]" if extension == "jpg" else ""
    source, words = photo(extension, megapixels), ("--max-pixels", 10**9)
    return those_present(
        {
            OURS: (None, lambda: poolcli("pool", source, "-o", fresh(name), *words)),
            "no report": (None, lambda: poolcli("pool", source, "-o", fresh(name), *words, "--no-report")),
            "vips": ("vips", lambda: run("vips", "shrink", source, f"{fresh(name)}{quality}", 2, 2)),
        }
    )


def _filtered() -> Calls:
    words = ("pool", photo("jpg", 12), "--filter", "line-v", "-o")
    return {
        OURS: lambda: poolcli(*words, fresh("photo.jpg")),
        "no report": lambda: poolcli(*words, fresh("photo.jpg"), "--no-report"),
    }


def labels() -> Path:
    """24 million labels as a GeoTIFF, without compression; made once."""
    path = folder() / "labels.tif"
    if not path.exists():
        image = Image.fromarray(segments(4000, 6000))
        image.save(path, tiffinfo={33550: (1.0, 1.0, 0.0), 33922: (0.0, 0.0, 0.0, 0.0, 4000.0, 0.0)})
    return path


def _labels() -> Calls:
    source = labels()
    words = ("pool", source, "-m", "majority", "--k", 4, "-o")
    return those_present(
        {
            OURS: (None, lambda: poolcli(*words, fresh("labels.tif"))),
            "SciPy": ("SciPy", lambda: python(SCIPY, source, fresh("labels.tif"))),
            "gdalwarp": ("gdalwarp", lambda: run("gdalwarp", "-r", "mode", "-tr", 4, 4, source, fresh("labels.tif"))),
        }
    )


def _many() -> Calls:
    source = folder() / "many"
    files = sorted(source.glob("*.png"))

    def one_by_one() -> None:
        out = fresh("")
        for path in files:
            run("vips", "shrink", path, out / path.name, 2, 2)

    return those_present(
        {
            OURS: (None, lambda: poolcli("pool", source, "-o", fresh("all"), "--jobs", JOBS)),
            "pyvips": ("pyvips", lambda: python(PYVIPS, source, fresh(""))),
            "mogrify": ("mogrify", lambda: run("mogrify", "-scale", "50%", "-path", fresh(""), *files)),
            "vips a file": ("vips", one_by_one),
        }
    )


LINES = (
    Line(
        "questions",
        "poolcli --version, --help",
        _questions,
        (Target("import typer", 0.5, "--version"), Target("import typer", 1.3, "--help")),
        whole=True,
        subject=PICTURE,
    ),
    Line(
        "small",
        "one 400x300 PNG, report included",
        _small,
        (Target("imports", 1.2), Target(f"imports{CPU}", 1.2, OURS + CPU), Target("PyTorch", 1 / 6)),
        rounds=15,
        whole=True,
        subject=PICTURE,
    ),
    *(
        Line(
            f"photo-{megapixels}-{extension}",
            f"one {megapixels}-megapixel photograph, {extension.upper()} to {extension.upper()}, report included",
            partial(_large, extension, megapixels),
            (Target("vips", most), Target(f"vips{CPU}", most, OURS + CPU), Target("no report", 1 / 0.75)),
            rounds=9 if megapixels == 12 else 3,
            budget=30,
            whole=True,
            subject=PICTURE if megapixels == 12 else HUGE,
        )
        for megapixels, extension, most in ((12, "jpg", 1.2), (12, "png", 0.95), (113, "jpg", 1.0), (113, "png", 0.95))
    ),
    Line(
        "filter",
        "one 12-megapixel JPG, filtered by line-v, report included",
        _filtered,
        (Target("no report", 2),),
        rounds=9,
        whole=True,
        subject=PICTURE,
    ),
    Line(
        "labels",
        "24-megapixel uint16 labels, TIFF to TIFF, majority 4x4, report included",
        _labels,
        (Target("gdalwarp", 1), Target("SciPy", 1)),
        rounds=5,
        budget=30,
        whole=True,
        subject=PICTURE,
    ),
    Line(
        "many",
        f"{MANY} PNGs of 400x300, {JOBS} jobs, reports included",
        _many,
        (
            *(Target("pyvips", 1.2), Target(f"pyvips{CPU}", 1.2, OURS + CPU)),
            *(Target("mogrify", 0.4), Target(f"mogrify{CPU}", 0.4, OURS + CPU), Target("vips a file", 1 / 10)),
        ),
        rounds=7,
        budget=60,
        whole=True,
        subject=FOLDER,
    ),
)
