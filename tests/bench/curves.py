"""Cost against size, window, jobs and number of files: straight lines on log-log paper, if all is well."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

import poolcli as library
from tests.bench.kernels import bytes_
from tests.bench.processes import folder, poolcli

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Curve:
    """One panel of the plot: `points` gives (what it costs against, seconds) for every line in it."""

    title: str
    across: str
    lines: dict[str, Points]


def _seconds(call: Callable[[], object], clock: Callable[[], float], least: float = 0.1) -> float:
    """The best of several calls, after one that warms up."""
    call()
    best, begin = float("inf"), time.perf_counter()
    while time.perf_counter() - begin < least:
        start = clock()
        call()
        best = min(best, clock() - start)
    return best


def sizes(quick: bool) -> Curve:
    """0.1 to 100 megapixels, RGB uint8."""
    megapixels = (0.1, 0.3, 1, 3, 10, 30, 100)[: 5 if quick else 7]
    whole = bytes_(int(1e3 * megapixels[-1] ** 0.5), int(1e3 * megapixels[-1] ** 0.5), 3)
    lines: dict[str, Points] = {}
    for name, arguments in {
        "max 2x2/2": {"k": 2},
        "avg 2x2/2": {"k": 2, "mode": "avg"},
        "max 9x9/1": {"k": 9, "s": 1},
    }.items():
        lines[name] = []
        for size in megapixels:
            side = int(1e3 * size**0.5)
            image = np.ascontiguousarray(whole[:side, :side])
            lines[name].append((size, _seconds(lambda a=arguments, i=image: library.pool(i, **a), time.process_time)))  # type: ignore[misc]
    return Curve("RGB uint8, one thread", "megapixels", lines)


def windows(quick: bool) -> Curve:
    """2 to 255, stride 1 and stride k, on 4 megapixels of float32."""
    image = np.random.default_rng(1).standard_normal((2048, 2048), np.float32)
    sides = (2, 3, 5, 8, 16, 31, 64, 127, 255)[:: 2 if quick else 1]
    lines: dict[str, Points] = {}
    for mode in ("max", "avg"):
        for name, stride in (("stride 1", 1), ("stride k", None)):
            lines[f"{mode}, {name}"] = [
                (k, _seconds(lambda k=k, m=mode, s=stride: library.pool(image, k, s, mode=m), time.process_time))  # type: ignore[misc]
                for k in sides
            ]
    return Curve("2048 x 2048 float32, one thread", "window", lines)


def jobs(quick: bool) -> Curve:
    """200 small PNGs by 1, 2 and 4 jobs, whole process."""
    words = ("pool", folder() / "many", "-o", folder() / "out" / "jobs", "--overwrite", "--jobs")
    points = [
        (float(n), _seconds(partial(poolcli, *words, n), time.perf_counter, 0.1 if quick else 3)) for n in (1, 2, 4)
    ]
    return Curve("200 PNGs of 400x300, whole process", "jobs", {"threads": points})


def files(quick: bool) -> Curve:
    """10 to 10,000 tiny PNGs, whole process, 2 jobs."""
    return Curve("28x28 PNGs, whole process, 2 jobs", "files", {"report included": list(_files(quick))})


def _files(quick: bool) -> Iterator[tuple[float, float]]:
    one = Path(library.__file__).parent.parent / "samples" / "one.png"
    for count in (10, 100, 1_000, 10_000)[: 3 if quick else 4]:
        source = folder() / f"files-{count}"
        source.mkdir()
        for number in range(count):
            shutil.copy(one, source / f"{number}.png")
        out = folder() / "out" / source.name
        start = time.perf_counter()
        poolcli("pool", source, "-o", out, "--overwrite", "--jobs", 2)
        yield count, time.perf_counter() - start


CURVES = {"sizes": sizes, "windows": windows, "jobs": jobs, "files": files}
