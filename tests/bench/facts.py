"""The lines that are no times: peak memory, and how large the files are."""

import sys
from functools import partial
from pathlib import Path

from tests.bench.lines import HUGE, PICTURE, Line, Result, Target, Verdict
from tests.bench.peers import present
from tests.bench.processes import PYTHON, SIDES, folder, labels, photo, run

PEAK = """
import re, sys
from pathlib import Path
from poolcli.__main__ import main
report = sys.argv.pop(1)
try:
    main()
finally:
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
    Path(report).write_text(peak)
"""
SPARE = 96 << 20


def _judged(name: str, what: str, target: Target, ratio: float | None, subject: str = PICTURE) -> Result:
    return Result(Line(name, what, dict, (target,), subject=subject), {}, (Verdict(target, ratio),))


def _peak(extension: str, megapixels: int) -> Result:
    """Peak memory by what is allowed: the input as Pillow holds it, the output, and 96 MiB."""
    target, subject = Target("input + output + 96 MiB", 1, "peak"), PICTURE if megapixels == 12 else HUGE
    name = f"memory-{megapixels}-{extension}"
    what = f"peak memory, {megapixels}-megapixel {extension.upper()}, report included"
    if not sys.platform.startswith("linux"):
        return _judged(name, what, target, None, subject)
    told, source = folder() / "peak", photo(extension, megapixels)
    words = ("pool", source, "-o", folder() / "out" / f"peak.{extension}", "--overwrite", "--max-pixels", 10**9)
    run(PYTHON, "-c", PEAK, told, *words)
    height, width = SIDES[megapixels]
    allowed = 4 * height * width + 3 * (height // 2) * (width // 2) + SPARE
    return _judged(name, what, target, int(told.read_text()) * 1024 / allowed, subject)


def _peak_of_labels() -> Result:
    """Peak memory of a vote over 24 million labels."""
    target = Target("300 MiB", 1, "peak")
    what = "peak memory, 24-megapixel uint16 labels, majority 4x4, report included"
    if not sys.platform.startswith("linux"):
        return _judged("memory-labels", what, target, None)
    report, words = folder() / "peak", ("-m", "majority", "--k", 4, "-o", folder() / "out" / "peak.tif", "--overwrite")
    run(PYTHON, "-c", PEAK, report, "pool", labels(), *words)
    return _judged("memory-labels", what, target, int(report.read_text()) / (300 << 10))


def _size(peer: str, *level: str) -> Result:
    """The size of our PNG by that of a peer (or of our own level 6)."""
    source, out = photo("png", 12), folder() / "out"
    ours, other = out / "size.png", out / "other.png"
    words = (PYTHON, "-m", "poolcli", "pool", source, "--mode", "avg", "--overwrite", "--no-report", "-o")
    target = Target(peer, 1.05 if level else 1, "size")
    what = "size of the PNG, 12-megapixel photograph, averaged"
    name = "size-level-6" if level else "size-vips"
    if not level and not present("vips"):
        return _judged(name, what, target, None)
    run(*words, ours)
    run(*words, other, *level) if level else run("vips", "shrink", source, other, 2, 2)
    return _judged(name, what, target, _bytes(ours) / _bytes(other))


def _bytes(path: Path) -> int:
    return path.stat().st_size


FACTS = {
    **{
        f"memory-{megapixels}-{extension}": partial(_peak, extension, megapixels)
        for megapixels in SIDES
        for extension in ("jpg", "png")
    },
    "memory-labels": _peak_of_labels,
    "size-vips": partial(_size, "vips"),
    "size-level-6": partial(_size, "level 6", "--png-level", "6"),
}
