"""The report room: what is told on the terminal, in words, in JSON; fields exactly those of the design."""

import json
import math
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

import poolcli
from poolcli.cli.app import main
from poolcli.errors import UsageError
from poolcli.report.entries import Entry
from poolcli.report.figures import count
from poolcli.report.json_form import to_json
from poolcli.report.terminal import plain_lines, print_report
from poolcli.report.verdict import WIDTH, brief, verdict
from tests.images import random_image
from tests.test_architecture import ROOT

SAMPLES = ROOT.parent / "samples"
SIDE = ["pixels", "changed", "fraction", "mae", "rmse", "max", "psnr"]
ROW = ["dx", "dy", "edge", "raw", "dense", "pooled", "aligned", "absorbed", "gain", "residual"]
FIELDS = {
    "": ["schema", "input", "output", "layers", "shifts", "summary"],
    "input": ["path", "size", "mode", "frame"],
    "output": ["path", "size", "mode"],
    "summary": ["absorbed", "gain", "residual", "worst"],
}
THE_ONE = ["--filter", "line-v", "--activation", "relu", "--k", "2", "--s", "2", "--mode", "max"]


def row_of(image, layers="max:2", shift=(-1, 0), **options):
    """The row of one shift."""
    return poolcli.shift_report(layers, np.array(image), [shift], **options).shifts[0]


def printed(report, width=80):
    """What a terminal of that width shows."""
    stream = StringIO()
    print_report(Console(file=stream, width=width, force_terminal=False), report)
    return stream.getvalue()


def test_json_has_the_fields_of_the_design_in_their_order():
    """Names and order, with `dense` and `aligned` where they are and null where they are not."""
    report = poolcli.shift_report("conv:gauss max:2", random_image(1, (12, 12), "uint8"), [(1, 0), (40, 0)])
    data = json.loads(to_json(report.to_dict()))
    for part, names in FIELDS.items():
        assert list(data[part] if part else data) == names
    first, far = data["shifts"]
    assert list(first) == ROW
    assert [list(first[side]) for side in ("raw", "dense", "pooled")] == [SIDE] * 3
    assert list(first["aligned"]) == [*SIDE, "dx", "dy"]
    assert far["aligned"] is None
    assert list(data["summary"]["worst"]) == ["dx", "dy"]
    assert data["schema"] == "poolcli.shift/1"


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint64", "float16", "float64"])
def test_every_number_is_finite_json(dtype):
    """Constant, huge, NaN and infinite pictures: figures or null, never NaN or Infinity."""
    image = random_image(2, (10, 10), dtype)
    pictures = [image, np.zeros_like(image)]
    if image.dtype.kind == "f":
        wild = image.copy()
        wild[::3, ::2], wild[1::3, 1::2] = np.nan, np.inf
        pictures += [wild, np.full_like(image, np.finfo(dtype).max), np.full_like(image, np.nan)]
    for picture in pictures:
        for layers in ("max:2", "avg:3/2", "conv:sobel-h abs max:2"):
            with np.errstate(all="ignore"):
                report = poolcli.shift_report(layers, picture, [(1, 2)])
            assert all(map(math.isfinite, numbers(json.loads(to_json(report.to_dict())))))


def numbers(value):
    """Every number in a JSON value."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from numbers(part)
    elif isinstance(value, int | float):
        yield value


def test_no_shift_is_told():
    """Nothing to measure is a sentence, not a traceback."""
    with pytest.raises(UsageError, match="no shift to measure"):
        poolcli.shift_report("max:2", [[1, 2], [3, 4]], [])


@pytest.mark.parametrize("size", [(28, 28), (3000, 4000)], ids=["small", "twelve megapixels"])
def test_the_table_fits_80_columns(size):
    """No line is longer, no cell is cut, however large the numbers are."""
    image = np.resize(random_image(3, (97, 89), "uint8"), size)
    report = poolcli.shift_report("max:2", image, [(-1, 0), (100, -100)])
    for text in (printed(report), "\n".join(plain_lines(report))):
        assert max(map(len, text.splitlines())) <= 80
        assert "…" not in text
        assert "100,-100" in text


def test_the_table_says_the_same_without_rich():
    """Word for word; only the lines between differ."""
    report = poolcli.shift_report("max:2", random_image(3, (97, 89), "uint8"), [(-1, 0), (10, -3)])
    words = [
        text.replace("─", "").replace("-" * 9, "").split() for text in (printed(report), "\n".join(plain_lines(report)))
    ]
    assert [w for w in words[0] if w.strip("-")] == [w for w in words[1] if w.strip("-")]
    rules = [bool(line) and not line.strip("-") for line in plain_lines(report)]
    assert rules == [False] * 3 + [True] + [False] * (len(rules) - 4)  # one, below the heads


def test_the_table_says_what_was_measured():
    """The "1": counts, shares, ratios and the layers, in the cells where they belong."""
    one = np.zeros((8, 8), np.uint8)
    one[2:6, 3] = 255
    report = poolcli.shift_report("conv:line-v relu max:2/2", one)
    row = report.shifts[0]
    lines = printed(report).splitlines()
    assert lines[0] == "conv:line-v relu max:2/2: 8x8 -> 4x4"
    cells = next(line for line in lines if line.lstrip().startswith("-1,0")).split()
    assert cells[:4] == ["-1,0", str(row.raw.changed), f"({100 * row.raw.fraction:.1f}", "%)"]
    assert f"{row.residual:.3g}" in cells


def test_the_verdict_on_special_cases():
    """Nothing changed; all absorbed; no fewer changed than before."""
    dot = np.zeros((8, 8), np.uint8)
    dot[4, 4] = 9
    assert "changes none of its pixels, so there is nothing to absorb" in verdict(row_of(np.full((4, 4), 5, np.uint8)))
    assert verdict(row_of(dot, "max:4", (1, 0))).endswith("the layers absorb this shift completely.")
    assert "No fewer than before: per pixel" in verdict(row_of(dot, "max:2/1", (1, 0)))
    given = replace(row_of(dot, "max:4", (1, 0)), edge="given")
    assert verdict(given).startswith("Taking the other picture changes 2 of 64 pixels")
    assert verdict(given).endswith("the layers absorb this change completely.")


def test_the_verdict_tells_count_and_per_pixel_together():
    """The figure the project began with must not pass for more than it is: 38 -> 12 is no gain."""
    from PIL import Image

    one = np.asarray(Image.open(SAMPLES / "one.png"))
    text = verdict(row_of(one, "conv:line-v relu max:2"))
    assert text == (
        "Moving the picture 1 pixel left changes 38 of 784 pixels (4.8 %), and 12 of 196 pixels (6.1 %) of the output. "
        "That is 68.4 % fewer, but the output has 4 times fewer pixels anyway, and per pixel nothing was gained: "
        "1.26 times as many change. In value, 84.4 % of the filtered picture's change is left."
    )


def test_the_verdict_in_one_line():
    """As honest as the sentences: a gain or none, by count, per pixel, in value; the worst of several is marked."""
    from PIL import Image

    one = np.asarray(Image.open(SAMPLES / "one.png"))
    report = poolcli.shift_report("conv:line-v relu max:2", one)
    told = "No gain: 38 -> 12 pixels change, 1.26x as many per pixel; value: 84.4 % left"
    assert printed(report).splitlines()[-1] == list(plain_lines(report))[-1] == told
    dot = np.zeros((8, 8), np.uint8)
    dot[4, 4] = 9
    assert brief(row_of(dot, "max:4", (1, 0))) == "Gain: 2 -> 0 pixels change, the layers absorb this shift completely"
    assert brief(row_of(dot, "max:2/1", (1, 0))).startswith("No gain: 2 -> 4 pixels change, 2.61x as many per pixel")
    assert brief(row_of(np.full((4, 4), 5, np.uint8))) == "Nothing changes, so there is nothing to absorb"
    lines = list(plain_lines(poolcli.shift_report("max:2", one, [(1, 1), (-1, 0)])))
    assert [line[:7].split() for line in lines if "*" in line] == [["1,1", "*"], ["*", "No", "ga"]]


@pytest.mark.parametrize("layers", ["max:2", "stride:2", "lp:5/4", "conv:edge max:2", "blur:7/1"])
@pytest.mark.parametrize("size", [(60, 40), (3000, 4000)], ids=["small", "twelve megapixels"])
def test_the_verdict_fits_a_line(layers, size):
    """However large the numbers are."""
    image = np.resize(random_image(3, (97, 89), "uint8"), size)
    row = row_of(image, layers, (1, 0))
    assert len(brief(row, "* ")) <= WIDTH
    assert f": {count(row.raw.changed)} -> {count(row.pooled.changed)} pixels" in brief(row, "* ")


def test_a_real_gain_is_called_one():
    """Lines at home in their windows and one dot that leaves its own: fewer change per pixel too."""
    image = np.zeros((16, 16), np.uint8)
    image[:, [0, 8]] = image[0, 7] = 200
    text = verdict(row_of(image, "max:4", (1, 0), edge="zero"))
    assert "a real gain" in text
    assert "nothing was gained" not in text


def test_only_a_gain_is_marked_as_one():
    """On a page: green is for those that absorb all or gain per pixel."""
    dot = np.zeros((8, 8), np.uint8)
    dot[4, 4] = 9
    lines = np.zeros((16, 16), np.uint8)
    lines[:, [0, 8]] = lines[0, 7] = 200
    gains = {"max:2/1": False, "max:4": True}
    for layers, gained in gains.items():
        entry = Entry(poolcli.shift_report(layers, dot, [(1, 0)]), None, (), "a.png")
        assert entry.gained == gained
    assert Entry(poolcli.shift_report("max:4", lines, [(1, 0)], edge="zero"), None, (), "a.png").gained
    assert not Entry(poolcli.shift_report("max:4", lines * 0, [(1, 0)]), None, (), "a.png").gained


def test_side_file_run_file_and_json_lines_agree(tmp_path, capsys):
    """One object beside a single output, a line a picture for a folder, the same object in --json."""
    source = tmp_path / "in"
    source.mkdir()
    for name in ("one.png", "four.png"):
        (source / name).write_bytes((SAMPLES / name).read_bytes())
    out = tmp_path / "out"
    assert main(["pool", str(source), "-o", str(out), *THE_ONE, "--report", "json", "--report", "jsonl", "--json"]) == 0
    told = [json.loads(line)["report"] for line in capsys.readouterr().out.splitlines()]  # as they are finished
    told.sort(key=lambda report: report["input"]["path"])
    lines = [json.loads(line) for line in (out / "shift-report.jsonl").read_text("utf-8").splitlines()]
    sides = [json.loads((out / f"{name}.shift.json").read_text("utf-8")) for name in ("four", "one")]
    in_order = [sorted(reports, key=lambda report: report["input"]["path"]) for reports in (told, lines)]  # as they end
    assert in_order == [sides, sides]
    one = sides[1]
    assert [one["shifts"][0][side]["changed"] for side in ("raw", "pooled")] == [38, 12]
    assert one["input"] == {"path": str(source / "one.png"), "size": [28, 28], "mode": "L", "frame": 0}
    assert one["output"]["size"] == [14, 14]
