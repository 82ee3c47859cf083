"""`python -m tests.scale`: time a file and peak memory of one run over 1,000, 10,000 and 100,000 small files.

Each count is a process of its own over a folder of that many 32 x 32 pictures, with reports and a journal, then the
same again with --resume, which has nothing to do. Both figures must stay what they are, whatever the count.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.batches import draw, environment, words

DISTINCT = 50
COUNTS = (1_000, 10_000, 100_000)


def fill(folder, count):
    """`count` files in `folder`, copies of a few pictures."""
    contents = [draw(folder / "seed" / f"{seed}.png", seed, (32, 32)).read_bytes() for seed in range(DISTINCT)]
    shutil.rmtree(folder / "seed")
    for number in range(count):
        (folder / f"picture-{number}.png").write_bytes(contents[number % DISTINCT])


def measure(cwd, arguments):
    """Seconds and peak mebibytes of a command; it must succeed."""
    started = time.perf_counter()
    running = subprocess.Popen(words(*arguments), cwd=cwd, env=environment())
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if running.returncode:
        sys.exit(f"{' '.join(map(str, arguments))} ended with {running.returncode}")
    return seconds, usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def rows(counts, more):
    """A dictionary a count: milliseconds a file and mebibytes, of a run and of its resumption."""
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            fill(Path(folder, "in"), count)
            arguments = ("pool", "in", "-o", "out", "-q", *more)
            seconds, peak = measure(folder, arguments)
            again, again_peak = measure(folder, (*arguments, "--resume"))
        yield {
            "files": count,
            "ms_a_file": round(1000 * seconds / count, 3),
            "peak_mib": round(peak, 1),
            "resumed_ms_a_file": round(1000 * again / count, 3),
            "resumed_peak_mib": round(again_peak, 1),
        }


def main():
    """Measure and print, a line of JSON a count."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("more", nargs="*", help="more options for poolcli pool, after --")
    given = parser.parse_args()
    for row in rows(given.counts, given.more):
        print(json.dumps(row), flush=True)  # noqa: T201 (a command)


if __name__ == "__main__":
    main()
