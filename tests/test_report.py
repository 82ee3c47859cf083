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
from poolcli.reports.entries import Entry
from poolcli.reports.forms import to_json
from poolcli.reports.terminal import WIDTH, ascii_lines, print_report
from poolcli.shift.record import judgement, row_figures, verdict
from tests.images import random_image
from tests.test_architecture import ROOT

SAMPLES = ROOT.parent / "samples"
SIDE = ["pixels", "changed", "fraction", "compared", "mae", "rmse", "max", "psnr", "spread"]
ROW = ["dx", "dy", "edge", "raw", "dense", "pooled", "written", "aligned", "absorbed", "gain", "residual"]
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
    assert list(first["aligned"]) == [*SIDE, "dx", "dy", "residual"]
    assert far["aligned"] is None
    assert list(data["summary"]["worst"]) == ["dx", "dy"]
    assert data["schema"] == "poolcli.shift/2"


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
    for text in (printed(report), "\n".join(ascii_lines(report))):
        assert max(map(len, text.splitlines())) <= 80
        assert "…" not in text
        assert "100,-100" in text


def test_the_table_says_the_same_without_rich():
    """Word for word; only the lines between differ."""
    report = poolcli.shift_report("max:2", random_image(3, (97, 89), "uint8"), [(-1, 0), (10, -3)])
    words = [
        text.replace("─", "").replace("-" * 9, "").split() for text in (printed(report), "\n".join(ascii_lines(report)))
    ]
    assert [w for w in words[0] if w.strip("-")] == [w for w in words[1] if w.strip("-")]
    rules = [bool(line) and not line.strip("-") for line in ascii_lines(report)]
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


def dot(size=8, place=(4, 4)):
    """One pixel that is not 0."""
    image = np.zeros((size, size), np.uint8)
    image[place] = 9
    return image


ONE_DOT = "less sensitive: nothing of the change is left, and no pixel changes (2 of 64 before, 0 of 4 after)"


@pytest.mark.parametrize(
    ("image", "layers", "options", "words"),
    [
        (dot(), "max:4", {"shift": (1, 0)}, ONE_DOT),
        (
            np.full((4, 4), 5), "max:2", {},
            "nothing changes: this shift changes nothing here (0 of 16 before, 0 of 4 after)",
        ),
        (
            dot(), "avg:8", {"shift": (1, 0)},
            "flat output: the output is flat, without any contrast that a change could be measured by (2 of 64 before, "
            "0 of 1 after)",
        ),
        (
            np.full((4, 4), 5), "max:2", {"edge": "zero"},
            "flat picture: the picture is flat, without any contrast that a change could be measured by (4 of 16 "
            "before, 0 of 4 after)",
        ),
        (
            np.full((8, 8), np.nan), "max:2", {},
            "nothing comparable: no value of the picture is finite and valid on both sides (0 of 64 before, 0 of 16 "
            "after)",
        ),
        (
            np.where(np.arange(8) % 4 == 1, np.nan, dot(place=(4, 7)).astype(float)), "max:4", {},
            "nothing comparable: no value of the output is finite and valid on both sides (33 of 64 before, 0 of 4 "
            "after)",
        ),
        (
            -dot().astype(float), "relu max:2", {},
            "nothing changes: what stands before the down-sampling leaves nothing of this shift (2 of 64 before, "
            "0 of 16 after)",
        ),
        (
            np.where(np.arange(8) % 4 == 1, np.nan, 5.0 * np.ones((8, 8))), "center:2", {},
            "no value changes: what this shift changes is which values are valid and finite (32 of 64 before, 8 of 16 "
            "after)",
        ),
        (
            dot(), "majority:2", {"labels": True},
            "less sensitive: nothing of the change is left, counted in pixels (2 of 64 before, 0 of 16 after)",
        ),
    ],
)  # fmt: skip
def test_the_verdict_on_special_cases(image, layers, options, words):
    """Nothing left, nothing changed, nothing to measure by, nothing to compare; labels."""
    row = row_of(image, layers, **options)
    assert verdict(row) == words
    assert verdict(replace(row, edge="given")) == words.replace("this shift", "this difference")


def test_the_verdict_on_the_one():
    """The figure the project began with must not pass for more than it is."""
    from PIL import Image

    one = np.asarray(Image.open(SAMPLES / "one.png"))
    row = row_of(one, "conv:line-v relu max:2")
    text = (
        "less sensitive: 62 % of the change is left, though per pixel 1.26x as many pixels change (38 of 784 before, "
        "12 of 196 after)"
    )
    assert verdict(row) == text
    written = replace(row, written=replace(row.pooled, changed=11))
    assert verdict(written) == f"{text}; 11 of 196 change as written"
    lines = list(ascii_lines(poolcli.shift_report("max:2", one, [(1, 1), (-1, 0)])))
    assert [line[:7].split() for line in lines if "*" in line] == [["1,1", "*"], ["*", "less"]]


def with_figures(residual, gain):
    """A row of these figures."""
    return replace(row_of(dot(), "max:2", (2, 0)), residual=residual, gain=gain)


@pytest.mark.parametrize(
    ("residual", "gain", "words"),
    [
        (0.9, 2.0, "less sensitive: 90 % of the change is left, and per pixel 2x fewer pixels change"),
        (0.052, 0.5, "less sensitive: 5.2 % of the change is left, though per pixel 2x as many pixels change"),
        (0.949, 1.0, "less sensitive: 95 % of the change is left, and per pixel as many pixels change"),
        (0.9496, 1.0, "as sensitive: 95 % of the change is left"),
        (1.0, 0.5, "as sensitive: 100 % of the change is left, and per pixel 2x as many pixels change"),
        (1.0549, 1.02, "as sensitive: 105 % of the change is left, and per pixel as many"),
        (1.056, 0.5, "more sensitive: the change has grown to 106 %, and per pixel 2x as many pixels change"),
        (4.0, 2.0, "more sensitive: the change has grown to 400 %, though per pixel 2x fewer pixels change"),
    ],
)
def test_one_rule_from_one_figure(residual, gain, words):
    """Badge, sentence and row go by the residual as it is shown; the count stands beside it, joined by its sense."""
    row = with_figures(residual, gain)
    assert verdict(row).startswith(words)
    assert words.startswith(judgement(row))
    shown = float(row_figures(row)[4])
    assert judgement(row) == (
        "less sensitive" if shown < 0.95 else "as sensitive" if shown <= 1.05 else "more sensitive"
    )


@pytest.mark.parametrize("layers", ["max:2", "stride:2", "lp:5/4", "conv:edge max:2", "blur:7/1"])
@pytest.mark.parametrize("size", [(60, 40), (3000, 4000)], ids=["small", "twelve megapixels"])
def test_the_verdict_fits_the_lines(layers, size):
    """However large the numbers are."""
    image = np.resize(random_image(3, (97, 89), "uint8"), size)
    report = poolcli.shift_report(layers, image, [(1, 0), (2, 1)])
    assert max(map(len, ascii_lines(report))) <= WIDTH


def test_only_what_is_less_sensitive_is_marked_as_good():
    """On a page: green is for those, whatever the count does."""
    lines = np.zeros((16, 16), np.uint8)
    lines[:, [0, 8]] = lines[0, 7] = 200
    cases = (
        (dot(), "max:4", True),
        (lines, "max:4", True),
        (random_image(1, (16, 16), "uint8"), "stride:2", False),
        (lines * 0, "max:4", False),
    )
    for image, layers, gained in cases:
        report = poolcli.shift_report(layers, image, [(1, 0)], edge="zero")
        entry = Entry(report, None, (), "a.png")
        assert entry.gained == gained
        assert entry.tag == judgement(report.shifts[0])


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


@pytest.mark.parametrize("layers", ["sum:2", "fraction:2,of=2"])
def test_sums_and_shares_have_no_white(layers):
    """Which PSNR would be relative to."""
    row = poolcli.shift_report(layers, np.arange(64, dtype=np.uint8).reshape(8, 8) % 5).shifts[0]
    assert row.raw.psnr is not None
    assert (row.pooled.psnr, row.aligned.psnr) == (None, None)
    assert row.pooled.rmse is not None
