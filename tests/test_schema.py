"""The JSON Schema that is shipped, against real reports of every mode, filter, edge and kind of number."""

import copy
import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import poolcli
from poolcli.ops.modes import MODES
from poolcli.reports.forms import to_json
from poolcli.shift.record import SHIFT_EDGES
from tests.images import NEEDED, random_image

SCHEMA = json.loads(files("poolcli.reports").joinpath("schema", "shift-2.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def as_json(report):
    """The report after a way through text."""
    return json.loads(to_json(report.to_dict()))


def test_the_schema_is_one():
    """By the meta-schema of its draft."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode(mode):
    """On integers and floats, with and without channels, at every edge; constant and wild pictures too."""
    needed = "".join(f",{name}={value}" for name, value in NEEDED.get(mode, {}).items())
    pictures = [random_image(1, (12, 14), "uint8", (3,)), random_image(2, (9, 11), "float32"), np.zeros((8, 8), bool)]
    wild = random_image(3, (8, 8), "float64")
    wild[2, 3], wild[4, 5], wild[6, 6] = np.nan, np.inf, 1e308
    for image in (*pictures, wild):
        for edge in SHIFT_EDGES:
            with np.errstate(all="ignore"):
                report = poolcli.shift_report(f"{mode}:2{needed}", image, [(-1, 0), (1, 2), (0, 0)], edge=edge)
            VALIDATOR.validate(as_json(report))


def test_the_command_line(samples, command):
    """Reports of files, with paths; a filter before the pooling."""
    assert command("pool", samples, "-o", "out", "--filter", "sobel-v", "--activation", "abs", "-q").code == 0
    lines = [json.loads(line) for line in Path("out/shift-report.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) >= 8
    for line in lines:
        VALIDATOR.validate(line)


def broken(report):
    """The report with one thing wrong, one after the other."""
    for path, value in (
        (("schema",), "poolcli.shift/1"),
        (("input", "size"), [3]),
        (("output", "mode"), None),
        (("shifts",), []),
        (("shifts", 0, "dx"), 0.5),
        (("shifts", 0, "edge"), "mirror"),
        (("shifts", 0, "raw", "changed"), -1),
        (("shifts", 0, "raw", "dx"), 1),
        (("shifts", 0, "aligned", "dy"), None),
        (("shifts", 0, "aligned", "before"), 0.5),
        (("shifts", 0, "raw", "compared"), None),
        (("shifts", 0, "written"), 0),
        (("shifts", 0, "absorbed"), "0.5"),
        (("shifts", 0, "extra"), 1),
        (("summary", "worst"), None),
    ):
        changed = copy.deepcopy(report)
        place = changed
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        yield path, changed


def test_what_is_wrong_is_not_valid():
    """Otherwise the tests above would say nothing."""
    report = as_json(poolcli.shift_report("max:2", random_image(4, (12, 12), "uint8")))
    VALIDATOR.validate(report)
    for path, changed in broken(report):
        assert not VALIDATOR.is_valid(changed), path
