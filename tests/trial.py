"""One run of the command line on one input, and all that must be so after it, whatever the input was."""

import contextlib
import io
import os
import re
import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import tifffile
from PIL import Image

from poolcli.cli.app import main
from tests.command import run_within

LONGEST = 20  # seconds for one input, on a machine that others use too
NOT_TOLD = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)  # Python keeps these quiet


@dataclass(frozen=True)
class Ran:
    """What a run left: exit code, the two streams Python's warnings, seconds."""

    code: int
    out: bytes
    err: str
    warned: tuple[str, ...]
    seconds: float


@contextlib.contextmanager
def _captured():
    """What goes to stdout and stderr, and what C libraries write to descriptor 2: [out, err, noise] after the block.

    The process itself (`own_streams`) tells the last two apart; here, as there, `sys.stderr` is not descriptor 2.
    """
    caught, old, kept = [], (sys.stdout, sys.stderr), os.dup(2)
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(TemporaryFile()) for _stream in range(3)]
        sys.stdout, sys.stderr = (io.TextIOWrapper(file, "utf-8", write_through=True) for file in files[:2])
        os.dup2(files[2].fileno(), 2)
        try:
            yield caught
        finally:
            streams = sys.stdout, sys.stderr
            sys.stdout, sys.stderr = old
            os.dup2(kept, 2)
            os.close(kept)
            for stream in streams:
                stream.flush()
            for file in files:
                file.seek(0)
                caught.append(file.read())


def run(words, **budgets):
    """`main` with these words in this process; `budgets` are as in `run_within`."""
    began = time.monotonic()
    with warnings.catch_warnings(record=True) as told, _captured() as caught:
        warnings.simplefilter("always")
        for kind in NOT_TOLD:
            warnings.simplefilter("ignore", kind)
        try:
            words = [str(word) for word in words]
            code = run_within(words, **budgets) if budgets else main(words)
        except BaseException:  # noqa: BLE001 (what would be a user's traceback is told as one)
            code = -1
            traceback.print_exc()
    out, err, noise = caught
    warned = tuple(f"{each.category.__name__}: {each.message}" for each in told)
    return Ran(code, out, err.decode("utf-8", "replace"), (*warned, *_from_python(noise)), time.monotonic() - began)


def _from_python(noise):
    text = noise.decode("utf-8", "replace")
    return [line for line in text.splitlines() if ("Warning: " in line and ".py:" in line) or "Traceback" in line]


def complaints(ran, name, folder, inputs, allowed=(0, 1)):
    """What is wrong after a run: `inputs` are {path: bytes} from before, `name` is what an error has to tell."""
    found = list(_about_streams(ran, name, allowed))
    found += [f"input {path} was changed" for path, data in inputs.items() if path.read_bytes() != data]
    made = [path for path in folder.rglob("*") if path.is_file() and path not in inputs]
    found += [f"left behind: {path.name}" for path in made if path.name.startswith(".")]
    if ran.code:
        found += [f"failed and wrote {path.name}" for path in made if not path.name.startswith(".")]
    else:
        found += [f"{path.name}: {why}" for path in made if (why := _undecodable(path))]
    return found


def _about_streams(ran, name, allowed):
    if ran.code not in allowed:
        yield f"exit code {ran.code}"
    if "Traceback" in ran.err or re.search(r"\w+Warning:", ran.err) or ran.warned:
        yield f"traceback or warning {ran.warned}"
    if ran.seconds > LONGEST:
        yield f"took {ran.seconds:.0f} s"
    lines = ran.err.splitlines()
    if ran.code == 1 and not (len(lines) == 1 and lines[0].startswith("poolcli: ") and name in lines[0]):
        yield f"not one line that names {name}"
    if any(not line.isprintable() for line in lines):
        yield "control characters on the terminal"


def _undecodable(path):
    """Why an output cannot be read back, or None."""
    try:
        if path.read_bytes().startswith((b"\x93NUMPY", b"PK\3\4")):
            np.load(path, allow_pickle=False)
        elif path.suffix in (".json", ".jsonl", ".csv", ".html"):
            path.read_text("utf-8")
        elif path.suffix == ".tif":  # of layouts that Pillow does not read, too
            with tifffile.TiffFile(path) as pages:
                for page in pages.pages[:50]:
                    page.asarray()
        else:
            with warnings.catch_warnings(), Image.open(path) as picture:
                warnings.simplefilter("ignore")
                for frame in range(min(getattr(picture, "n_frames", 1), 50)):
                    picture.seek(frame)
                    picture.load()
    except Exception as error:  # noqa: BLE001 (whatever it is, it is what the test wants to tell)
        return f"{type(error).__name__}: {error}"
    return None


def try_bytes(folder, name, data, words):
    """Write `data` as `name` into the empty `folder`, run `pool` on it; (what ran, complaints)."""
    folder = Path(folder)
    source = folder / name
    source.write_bytes(data)
    ran = run(["pool", source, *words])
    return ran, complaints(ran, name, folder, {source: data}, allowed=(0, 1, 2))
