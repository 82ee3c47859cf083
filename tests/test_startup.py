"""What is loaded when: a question answered without NumPy or Pillow; work without Typer, pydantic or rich."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

HEAVY = ("typer", "numpy", "PIL", "rich", "pydantic", "dask", "jinja2", "tifffile", "imagecodecs")
PLUGINS = ("PIL.PngImagePlugin", "PIL.JpegImagePlugin", "PIL.GifImagePlugin")
PROBE = """
import json, os, sys
sys.argv = ["poolcli", *json.loads(sys.argv[1])]
from poolcli.__main__ import main
try:
    main()
finally:
    loaded = [name for name in json.loads(os.environ["HEAVY"]) if name in sys.modules]
    print("\\n" + json.dumps({"loaded": loaded, "threads": os.environ.get("OPENBLAS_NUM_THREADS")}))
"""


def loaded_by(*words, cwd=None, **environment):
    """Which of HEAVY a process has loaded at its end, and how many threads NumPy's linear algebra may start."""
    have = os.environ | {"HEAVY": json.dumps(HEAVY)} | environment
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(words)], env=have, cwd=cwd, capture_output=True, text=True, check=False
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["pool"],
        ["pool", "a.png", "--mode", "mxa"],
        ["pool", "a.png", "--no-such-option"],
        ["pool", "a.png", "-k"],
        ["pool", "a.png", "--k=0"],
        ["stack", "max:2 mxa:2", "a.png"],
        ["nonsense"],
        ["a.png"],
        ["modes", "--json"],
        ["filters", "--json"],
        ["shape", "8x8", "max:2", "--json"],
    ],
    ids=" ".join,
)
def test_questions_and_mistakes_load_nothing(words):
    """Neither what works on pictures nor what prints pages."""
    assert loaded_by(*words)["loaded"] == []


@pytest.mark.parametrize("words", [[], ["--help"], ["pool", "-h"], ["help", "modes"]], ids=" ".join)
def test_help_needs_neither_numpy_nor_pillow(words):
    """It is Typer's and rich's alone."""
    assert set(loaded_by(*words)["loaded"]) <= {"typer", "pydantic", "rich"}


def test_completion_needs_neither_numpy_nor_pillow():
    """A shell waits for it at every press of the tab key."""
    environment = {"_POOLCLI_COMPLETE": "complete_bash", "COMP_WORDS": "poolcli pool --mo", "COMP_CWORD": "2"}
    assert set(loaded_by(**environment)["loaded"]) <= {"typer", "pydantic", "rich"}


@pytest.mark.parametrize("spelling", [["--overwrite"], ["--overwrite", "--k=2", "-qs2"]], ids=" ".join)
def test_one_picture_loads_what_it_needs(tmp_path, spelling):
    """However its words are spelled; linear algebra with one thread, or as the user says."""
    np.save(tmp_path / "a.npy", np.eye(4, dtype=np.float32))
    words = ("pool", "a.npy", "-o", "b.npy", *spelling)
    assert loaded_by(*words, cwd=tmp_path) == {"loaded": ["numpy", "PIL"], "threads": "1"}
    assert loaded_by(*words, cwd=tmp_path, OPENBLAS_NUM_THREADS="2")["threads"] == "2"


@pytest.mark.parametrize("name", ["large.png", "small.png", "large.jpg", "small.jpg"])
def test_a_picture_with_its_report_loads_its_own_plugin_alone(tmp_path, name):
    """Pillow loads five, where it is not said by a name which one is needed; no temporary file is made elsewhere."""
    height = 900 if name.startswith("large") else 4  # decoded while NumPy loads, and not
    pixels = np.random.default_rng(0).integers(0, 256, (height, 500, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / name)
    heavy = json.dumps([*HEAVY, *PLUGINS, "tempfile"])
    loaded = loaded_by("pool", name, "-o", f"out-{name}", cwd=tmp_path, HEAVY=heavy)["loaded"]
    assert loaded == ["numpy", "PIL", *PLUGINS[: 1 + name.endswith("jpg")]]


def test_what_runs_pictures_loads_numpy_with_the_first_of_them():
    """The file of the only picture is decoded while NumPy loads: what plans the run must not load it before."""
    for modules, loaded in (("poolcli.cli.run", "[]"), ("poolcli.cli.run, poolcli.images.guard", "['PIL']")):
        asked = f"import sys, {modules}; print([name for name in ('numpy', 'PIL') if name in sys.modules])"
        done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == loaded
