"""Pictures chosen by somebody else: a folder of good and malformed files, named by POOLCLI_CORPUS."""

import os
from pathlib import Path

import pytest

from poolcli import images
from poolcli.images.formats import BY_EXTENSION

FOLDER = os.environ.get("POOLCLI_CORPUS")
FILES = sorted(path for path in Path(FOLDER).rglob("*") if path.suffix.lower() in BY_EXTENSION) if FOLDER else []


@pytest.mark.slow
@pytest.mark.skipif(not FOLDER, reason="POOLCLI_CORPUS names no folder of pictures")
@pytest.mark.parametrize("path", FILES, ids=str)
def test_pooled_or_refused(path, tmp_path, command):
    """Exit 0 and outputs that decode, or exit 1, one line that names the file, and nothing left behind."""
    result = command("pool", path, "-o", tmp_path / "out", "--json", "--mode", "avg")
    left = [found for found in (tmp_path / "out").rglob("*") if not found.name.startswith(".poolcli-journal")]
    if result.code == 0:
        outputs = [name for name in left if not name.name.endswith(".shift.json")]
        assert len(outputs) == 1
        assert images.decode(outputs[0], name="output", max_pixels=None).frames
    else:
        assert result.code == 1
        assert result.err.startswith(f"poolcli: {path}: ")
        assert result.err.count("\n") == 1
        assert left == []
