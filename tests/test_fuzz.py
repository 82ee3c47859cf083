"""Damaged files through the real command line: POOLCLI_FUZZ of them, 400 if it does not say."""

import io
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from poolcli.ops.modes import MODES
from tests.mutations import mutated
from tests.seeds import picture, seeds
from tests.trial import Ran, complaints, try_bytes

INPUTS = int(os.environ.get("POOLCLI_FUZZ", "400"))
FIRST = int(os.environ.get("POOLCLI_FUZZ_FIRST", "0"))  # the number of the first input: another one, other inputs
KEPT = os.environ.get("POOLCLI_FUZZ_KEEP")  # a folder for the inputs that were handled wrongly

WORDS = (
    (),
    ("--k", "3", "--s", "2", "--padding", "1"),
    ("--k", "2", "--ceil", "--shift-edge", "crop", "--shift", "1,1"),
    ("--filter", "sobel-v", "--to-range", "offset", "--shift-edge", "wrap"),
    ("--filter", "gauss", "--activation", "relu", "--k", "1", "--no-report"),
    ("--k", "1", "--s", "1", "--json"),
    ("--padding", "same", "--k", "3", "--report", "jsonl", "-q"),
    ("--size", "2", "--report", "csv", "-q"),
    ("--size", "3x2", "--report", "png", "-q"),
    ("--report", "html", "-q"),
    ("--linear", "--premultiply", "--mode", "avg"),
    ("--strip", "--quality", "10", "--png-level", "0"),
    ("--frame", "1", "--durable"),
    ("--layout", "chw"),
    ("--layout", "nchw"),
)
TARGETS = (None, None, "out.png", "out.tif", "out.gif", "out.webp", "out.jpg", "out.npy", "out.bmp", "out.ppm", "out/")


@pytest.fixture(scope="module")
def good():
    """The files to damage."""
    return seeds()


def trial(number, good, folder):
    """Damage one file, pool it, and tell what is wrong; the same for the same number."""
    rng = random.Random(number)
    name, other = rng.choice(sorted(good)), rng.choice(sorted(good))
    data = mutated(number, good[name], good[other]) if rng.random() < 0.85 else good[name]
    extension = Path(rng.choice((name, name, name, other))).suffix  # or mislabelled
    target = rng.choice(TARGETS)
    words = ("--max-pixels", "2000000", "--mode", rng.choice([*MODES]), *rng.choice(WORDS))
    words = (*words, *(("-o", f"{folder}/{target}") if target else ()))
    folder.mkdir()
    ran, wrong = try_bytes(folder, f"bad picture{extension}", data, words)
    if wrong and KEPT:
        (Path(KEPT) / f"{number}{extension}").write_bytes(data)
    shutil.rmtree(folder)
    return [f"input {number} ({name}, {' '.join(words)}): {each}\n{ran.err}" for each in wrong]


def test_damaged_files_are_pooled_or_refused(good, tmp_path, monkeypatch):
    """Exit 0 and an output that decodes, or exit 1 and one line that names the file; nothing else, ever."""
    monkeypatch.chdir(tmp_path)
    wrong = []
    for number in range(FIRST, FIRST + INPUTS):
        wrong += trial(number, good, tmp_path / "here")
    assert not wrong, f"{len(wrong)} of {INPUTS}\n" + "\n".join(wrong[:200])


def _jpeg_with_broken_exif():
    stream = io.BytesIO()
    picture("RGB").save(stream, "JPEG", exif=b"Exif\0\0M\xcb76 nothing that TIFF readers know")
    return stream.getvalue()


def _array_of_open_brackets():
    header = b"{'shape': (3, 2".ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(6)


def _signalling_nan():
    """Whose mere conversion to another float is an invalid operation."""
    stream = io.BytesIO()
    np.save(stream, np.full((6, 6), 0x7F800001, np.uint32).view(np.float32))
    return stream.getvalue()


FOUND = {
    ("exif.jpg", "out.tif"): (_jpeg_with_broken_exif, 0),
    ("brackets.npy", "out.npy"): (_array_of_open_brackets, 1),
    ("nan.npy", "out.npy"): (_signalling_nan, 0),
}


@pytest.mark.parametrize(("names", "case"), FOUND.items(), ids=[name for name, _ in FOUND])
def test_what_fuzzing_found_stays_mended(tmp_path, names, case):
    """The smallest forms of what once ended in a traceback."""
    (name, target), (data, code) = names, case
    ran, wrong = try_bytes(tmp_path, name, data(), ("-o", tmp_path / target, "--report", "png", "-q"))
    assert (ran.code, wrong) == (code, []), ran.err


TALKATIVE = ("RGB-2.tif", "L-8.tif", "YCbCr-5.tif", "1-6.tif", "L-3.jp2", "RGB-2.png")


@pytest.mark.parametrize("name", TALKATIVE)
def test_a_process_tells_one_line_too(good, tmp_path, name):
    """What libraries print themselves (libtiff does, on descriptor 2) does not stand beside the one sentence."""
    source = tmp_path / name
    middle = len(good[name]) // 2
    source.write_bytes(good[name][:middle] + b"\xff" * 40 + good[name][middle + 40 :])
    words = [sys.executable, "-m", "poolcli", "pool", source, "-o", tmp_path / "out.png", "-q"]
    began = time.monotonic()
    done = subprocess.run(words, capture_output=True, check=False, timeout=60)
    ran = Ran(done.returncode, done.stdout, done.stderr.decode(), (), time.monotonic() - began)
    assert complaints(ran, name, tmp_path, {source: source.read_bytes()}) == []
    assert ran.code == 0 or ran.err
