"""`poolcli compare`: what the papers found, and every form of telling it."""

import base64
import csv
import json
import re
import shlex
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import poolcli
from poolcli.batch.comparing import shifts_within
from poolcli.reports.page import chart
from poolcli.reports.ranking import Compared, Point, Ranked, Ranking, Score, sparkline
from tests.images import random_image
from tests.pictures import random_picture
from tests.test_page import assert_quiet


def ranked(ran):
    """The places of `--json`, by mode."""
    assert ran.code == 0, ran.err
    return {place["mode"]: place for place in ran.objects}


def test_it_shows_what_the_papers_found(samples, command):
    """On a photograph stride and max leave most, avg less, blur least; longer low-passes leave less."""
    found = ranked(command("compare", samples / "photo.jpg", "--modes", "stride,max,avg,blur,blur:5/2", "--json"))
    assert list(found) == ["blur:5/2", "blur:3/2", "avg:2/2", "max:2/2", "stride:2/2"]
    assert [place["rank"] for place in found.values()] == [1, 2, 3, 4, 5]
    residuals = [place["residual"] for place in found.values()]
    assert residuals == sorted(residuals)
    assert residuals[-1] == pytest.approx(1, abs=0.06)
    assert found["stride:2/2"]["fidelity"] < found["avg:2/2"]["fidelity"]


def test_aps_is_exactly_equivariant_under_wrap(samples, command):
    """On sizes divisible by the stride nothing changes once the output may move along; the others do not reach that."""
    found = ranked(command("compare", samples / "photo.jpg", "--shift-edge", "wrap", "--shifts", "2", "--json"))
    assert {mode.partition(":")[0] for mode, place in found.items() if place["aligned"] == 0} == {"aps", "maxaps"}


SHIFTS = shifts_within(1)


def sums(rows, after, before):
    """The ratio of sums over rows."""
    return sum(map(after, rows)) / sum(map(before, rows))


def test_the_figures_are_ratios_of_sums(samples, command):
    """Over all shifts within the radius and all pictures, and for every length of shift."""
    paths = [samples / "colour.png", samples / "one.png"]
    place = ranked(command("compare", *paths, "--modes", "max", "--k", "3", "--s", "2", "--json"))["max:3/2"]
    reports = [poolcli.shift_report("max:3/2", np.asarray(Image.open(path)), SHIFTS) for path in paths]
    rows = [row for report in reports for row in report.shifts]
    assert place["layers"] == "max:3/2"

    def relative(side):
        return lambda row: getattr(row, side).mae / getattr(row, side).spread

    assert place["residual"] == pytest.approx(sums(rows, relative("pooled"), relative("raw")))
    assert place["absorbed"] == pytest.approx(
        1 - sums(rows, lambda row: row.pooled.changed, lambda row: row.raw.changed)
    )
    before = sums(rows, lambda row: row.raw.changed, lambda row: row.raw.pixels)
    after = sums(rows, lambda row: row.pooled.changed, lambda row: row.pooled.pixels)
    assert place["gain"] == pytest.approx(before / after)
    aligned = relative("aligned")
    inner = sums(rows, aligned, lambda row: aligned(row) / row.aligned.residual)
    assert place["aligned"] == pytest.approx(inner)
    assert [point["distance"] for point in place["curve"]] == [1.0, 1.414]
    straight = [row for row in rows if not row.dx or not row.dy]
    assert place["curve"][0]["residual"] == pytest.approx(sums(straight, relative("pooled"), relative("raw")))


@pytest.mark.parametrize("edge", ["replicate", "crop"])
@pytest.mark.parametrize("head", ["", "conv:sobel-v relu ", "conv:sobel-v/2 "])
def test_every_mode_has_the_figures_that_it_has_alone(samples, command, head, edge):
    """Those after the first too, which share what stands before them; sideways is not up and down."""
    modes = [f"{head}{mode}:2" for mode in ("stride", "max", "avg", "aps")]
    words = ("--modes", ",".join(modes), "--shift-edge", edge, "--json")
    found = ranked(command("compare", samples / "colour.png", *words))
    image = np.asarray(Image.open(samples / "colour.png"))
    assert len(found) == 4
    for place in found.values():
        for point in place["curve"]:
            shifts = [shift for shift in SHIFTS if round(np.hypot(*shift), 3) == point["distance"]]
            alone = poolcli.shift_report(place["layers"], image, shifts, edge=edge)
            assert point["residual"] == pytest.approx(alone.summary.residual)
        alone = poolcli.shift_report(place["layers"], image, SHIFTS, edge=edge)
        for name in ("residual", "absorbed", "gain"):
            assert place[name] == pytest.approx(getattr(alone.summary, name)), (place["mode"], name)


@pytest.mark.parametrize("name", ["mask.png", "colour.png", "transparent.png"])
def test_a_row_does_not_depend_on_the_others(samples, command, name):
    """Palettes are colours for all, unless values are called labels: then each mode gets what it gets alone."""
    for labels in ((), ("--labels",)):
        together = ranked(command("compare", samples / name, "--modes", "stride,majority,max", *labels, "--json"))
        for mode in ("stride", "majority", "max"):
            alone = ranked(command("compare", samples / name, "--modes", mode, *labels, "--json"))
            (place,) = alone.values()
            assert {**together[place["mode"]], "rank": 1} == place
    assert together["majority:2/2"]["fidelity"] is None


def test_labels_are_counted_and_never_guessed(samples, command):
    """The residual of shares where it is asked for, of values else, for all rows of a picture alike."""
    image = np.asarray(Image.open(samples / "mask.png"))
    counted = ranked(command("compare", samples / "mask.png", "--modes", "majority", "--labels", "--json"))
    alone = poolcli.shift_report("majority:2", image, SHIFTS, labels=True)
    assert counted["majority:2/2"]["residual"] == pytest.approx(alone.summary.residual)
    valued = ranked(command("compare", samples / "mask.png", "--modes", "majority", "--json"))
    colours = np.asarray(Image.open(samples / "mask.png").convert("RGB"))
    alone = poolcli.shift_report("majority:2", colours, SHIFTS)
    assert valued["majority:2/2"]["residual"] == pytest.approx(alone.summary.residual)


def test_all_frames_or_the_one_named(tmp_path, monkeypatch, command):
    """As `pool` does: the sums go over all of them."""
    monkeypatch.chdir(tmp_path)
    frames = [random_image(seed, (24, 26), "uint8", (3,)) for seed in range(3)]
    pictures = [Image.fromarray(frame) for frame in frames]
    pictures[0].save("a.tif", save_all=True, append_images=pictures[1:])
    for number, picture in enumerate(pictures):
        picture.save(f"{number}.png")
    whole = ranked(command("compare", "a.tif", "--modes", "max", "--json"))["max:2/2"]
    parts = ranked(command("compare", "0.png", "1.png", "2.png", "--modes", "max", "--json"))["max:2/2"]
    for name in ("residual", "aligned", "absorbed", "gain", "fidelity"):
        assert whole[name] == pytest.approx(parts[name]), name
    second = ranked(command("compare", "a.tif", "--frame", "1", "--modes", "max", "--json"))["max:2/2"]
    alone = ranked(command("compare", "1.png", "--modes", "max", "--json"))["max:2/2"]
    assert {**second, "command": 0} == {**alone, "command": 0}


def test_light_and_alpha(samples, command):
    """`--linear` and `--premultiply` are part of what is compared, as of what is pooled."""
    words = ("--modes", "avg", "--k", "3", "--linear", "--premultiply")
    place = ranked(command("compare", samples / "transparent.png", *words, "--json"))["avg:3/3"]
    shift = [part for x, y in SHIFTS for part in ("--shift", f"{x},{y}")]
    ran = command(*shlex.split(place["command"])[1:], *shift, "-o", "a.png", "--json")
    summary = ran.objects[0]["report"]["summary"]
    for name in ("residual", "absorbed", "gain"):
        assert place[name] == pytest.approx(summary[name]), name
    ran = command("compare", samples / "one.png", "--modes", "max,avg", "--premultiply")
    assert (ran.code, "weighs sums by alpha" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("options", "ranks", "left"),
    [
        (["--linear"], "max avg blur maxblur aps maxaps", "--linear has no meaning with them: stride:2/2"),
        (
            ["--premultiply"],
            "avg blur",
            "--premultiply has no meaning with them: stride:2/2, max:2/2, maxblur:2/2, aps:3/2, maxaps:2/2",
        ),
        (["--linear", "--filter", "box"], "stride max avg blur maxblur aps maxaps", ""),
        (["--premultiply", "--filter", "box"], "stride avg blur", "max:2/2"),
    ],
)
def test_light_and_alpha_with_the_usual_modes(samples, command, options, ranks, left):
    """Those with which they have no meaning are left out, with a note; a mode that is named is refused."""
    ran = command("compare", samples / "transparent.png", *options, "--json")
    assert (ran.code, {name.partition(":")[0] for name in ranked(ran)}) == (0, set(ranks.split())), ran.err
    assert (left in ran.err) if left else ran.err == ""
    assert "leave out --linear" in command.refused("compare", samples / "one.png", "--modes", "stride,avg", "--linear")
    assert "leave out --linear" in command.refused("compare", samples / "one.png", "--labels", *options[:1])


COMMANDS = [
    (("--modes", "avg"), "pool --mode avg --k 2 samples/one.png"),
    (("--modes", "avg:size=7x5"), "pool --mode avg --size 7x5 samples/one.png"),
    (("--modes", "blur"), "pool --mode blur --k 3 --s 2 samples/one.png"),
    (
        ("--modes", "maxblur", "--shift-edge", "wrap", "--filter", "sobel-v", "--activation", "abs"),
        "pool --mode maxblur --k 2 --padding wrap --edge wrap --filter sobel-v --activation abs samples/one.png",
    ),
    (
        ("--modes", "avg:3x2/2+1x0@2,exclude-pad,ceil"),
        "pool --mode avg --k 3x2 --s 2 --padding 1x0 --ceil --dilation 2 --exclude-pad samples/one.png",
    ),
    (("--modes", "lp:2,p=3", "--max-pixels", "none"), "pool --mode lp --k 2 --p 3 --max-pixels none samples/one.png"),
    (("--modes", "max:2 avg:2", "--filter", "gauss"), "stack 'conv:gauss max:2/2 avg:2/2' samples/one.png"),
    (("--modes", "conv:gauss/2 relu"), "stack 'conv:gauss/2 relu' samples/one.png"),
]


@pytest.mark.parametrize(("words", "expected"), COMMANDS)
def test_it_ends_with_the_command_of_the_winner(samples, command, words, expected):
    """In words that a shell reads, that give the layers of the ranking."""
    ran = command("compare", "samples/one.png", *words)
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == f"poolcli {expected}"
    place = command("compare", "samples/one.png", *words, "--json").objects[0]
    assert place["command"] == f"poolcli {expected}"
    pooled = command(*shlex.split(expected), "-o", "out/a.npy", "--format", "npy", "--json")
    assert (pooled.code, pooled.objects[0]["report"]["layers"]) == (0, place["layers"])


def test_the_command_is_quoted_and_says_where_folders_go(samples, command):
    """Names with blanks, folders, lists; it runs as it stands."""
    Path("two words").mkdir()
    (samples / "one.png").rename("two words/it's one.png")
    ran = command("compare", "two words", "--modes", "max", "-r")
    last = ran.out.splitlines()[-1]
    assert last == "poolcli pool --mode max --k 2 --recursive -o pooled/ 'two words'"
    assert command(*shlex.split(last)[1:]).code == 0
    assert Path("pooled/it's one.png").exists()
    last = command("compare", "two words/it's one.png", "--modes", "max").out.splitlines()[-1]
    assert command(*shlex.split(last)[1:]).code == 0


def test_a_filter_before_is_compared_from_its_result_on(samples, command):
    """The layers say so, and the residual is that of the filtered picture."""
    filtered = ("--filter", "sobel-v", "--activation", "relu")
    place = ranked(command("compare", samples / "one.png", *filtered, "--modes", "max", "--json"))["max:2/2"]
    assert place["layers"] == "conv:sobel-v relu max:2/2"


def test_every_form(samples, command):
    """A table, a page, an array, a row for every mode on every picture."""
    files = [part for name in ("a.csv", "a.json", "sub/a.html") for part in ("-o", name)]
    ran = command("compare", samples, "--modes", "max,avg", *files)
    assert ran.code == 0
    assert "leaves least of a shift's change" in " ".join(ran.out.split())
    assert max(map(len, ran.out.splitlines()[:-1])) <= 80
    with Path("a.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 16 and {row["name"] for row in rows} == {"max:2/2", "avg:2/2"}
    assert [place["mode"] for place in json.loads(Path("a.json").read_text())] == ["avg:2/2", "max:2/2"]
    assert re.findall(r'src="(?!data:)', Path("sub/a.html").read_text("utf-8")) == []
    again = command("compare", samples, "--modes", "max", "-o", "a.csv")
    assert (again.code, "'a.csv' exists already" in again.err) == (2, True)


def test_layers_with_options_and_long_names(samples, command):
    """Their commas stay with them; a name that is long goes on below, so that no figure is cut."""
    long = "conv:gauss relu max:2/2 conv:sobel-v abs avg:3/2+1,ceil,exclude-pad"
    ran = command("compare", samples / "photo.jpg", "--modes", f"max,{long},blur:5/2,edge=wrap,avg", "--json")
    assert set(ranked(ran)) == {"max:2/2", long, "blur:5/2,edge=wrap", "avg:2/2"}
    shown = command("compare", samples / "photo.jpg", "--modes", long).out
    assert max(map(len, shown.splitlines()[:-1])) <= 80
    assert "…" not in shown
    assert f"{ranked(ran)[long]['fidelity']:.1f} dB" in shown
    assert "unknown mode 'edge=wrap'" in command.refused("compare", samples / "one.png", "--modes", "avg,edge=wrap")


def test_the_page_in_a_browser(browser, samples, command):
    """Nothing loaded, nothing wrong, a row and a curve for every mode."""
    assert command("compare", samples / "photo.jpg", "--shifts", "2", "-o", "a.html").code == 0
    for size, scheme in (((1200, 900), "light"), ((390, 844), "dark")):
        browser.open("a.html", size=size, scheme=scheme)
        assert_quiet(browser, "a.html")
        assert browser.run("return document.documentElement.scrollWidth") <= size[0]
    assert browser.run("return document.querySelectorAll('.ranking tbody tr').length") == 7
    assert browser.run("return document.querySelectorAll('.chart polyline').length") == 7
    assert browser.run("return document.querySelectorAll('.scatter circle').length") == 7
    assert browser.run("return document.querySelectorAll('.crops img').length") == 8
    browser.run("document.querySelector('.copy').click()")
    command_line = browser.run("return getSelection().toString()")
    said = browser.run("return document.querySelector('.copy').textContent")
    assert (command_line.startswith("poolcli pool --mode"), said in ("Copied", "Selected")) == (True, True)


def test_every_mode_is_shown_on_the_same_part(samples, command):
    """Where the outputs differ most: on noise that lies in one corner of a flat picture; each as the mode gives it."""
    pixels = np.full((256, 320), 90, np.uint8)
    pixels[160:224, 192:256] = np.random.default_rng(0).integers(0, 256, (64, 64))
    Image.fromarray(pixels).save("corner.png")
    assert command("compare", "corner.png", "--modes", "max,avg,stride", "-o", "a.html").code == 0
    page = Path("a.html").read_text("utf-8")
    x, y = map(int, re.search(r"pixels (\d+) to \d+ across, (\d+) to", page).groups())
    assert abs(x - 192) <= 32 and abs(y - 160) <= 32
    Image.fromarray(pixels).save(
        "frames.tif", save_all=True, append_images=[Image.fromarray(pixels[::-1, ::-1].copy())]
    )
    assert command("compare", "frames.tif", "--modes", "max,avg,stride", "-o", "frames.html").code == 0
    assert f"pixels {x} to" in Path("frames.html").read_text("utf-8")  # of the first frame
    shown = {}
    for data, name in re.findall(r'src="data:image/\w+;base64,([^"]+)"[^>]*alt="([^"]+)"', page):
        with Image.open(BytesIO(base64.b64decode(data))) as picture:
            shown[name] = np.asarray(picture.convert("L")).astype(int)
    part = pixels[y : y + 64, x : x + 64]
    assert np.abs(shown.pop("The picture") - part).max() <= 60  # a JPEG where that is smaller
    for name, picture in shown.items():
        expected = poolcli.pool(part, 2, mode=name.partition(":")[0])
        assert picture.shape == (32, 32) and np.abs(picture - expected).mean() < 8, name
    assert set(shown) == {"max:2/2", "avg:2/2", "stride:2/2"}


def test_a_ranking_is_the_same_whatever_the_order_of_arrival(samples, command):
    """To the last digit: the first of many pictures is the largest, and is done last where there are threads."""
    for number in range(8):
        side = 400 if number == 0 else 20 + number
        pixels = np.random.default_rng(number).integers(0, 40 + 10 * number, (side, side), dtype=np.uint8)
        Image.fromarray(pixels).save(f"{number}.png")
    names = [f"{number}.png" for number in range(8)]
    rankings = {command("compare", *names, "--modes", "max,avg,blur:3", "--json", "--jobs", n).out for n in (1, 2, 4)}
    assert len(rankings) == 1


def test_a_page_shows_few_pictures_however_many_there_are(samples, command):
    """Those in which the outputs differ most; as many bytes for ten as for a hundred."""
    for number in range(9):
        pixels = np.random.default_rng(number).integers(0, 10 * number + 20, (200, 200, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(f"{number}.png")
    assert command("compare", *(f"{number}.png" for number in range(9)), "-o", "a.html").code == 0
    page = Path("a.html").read_text("utf-8")
    assert page.count("where the outputs differ most") == 4
    assert len(page) < 600_000


def test_quartiles_and_ties():
    """By hand: of the differences 0.1, 0.2, -0.1, 0.3 the quartiles are 0.05 and 0.225, so that 0 is not among them."""
    ranking = Ranking()
    lines = {"a": (0.5, 0.5, 0.5, 0.5), "b": (0.6, 0.7, 0.4, 0.8), "c": (0.7, 0.6, 0.5, 0.8)}
    for number in range(4):
        scores = []
        for name, residuals in lines.items():
            score = Score(name, name)
            score.totals.relative = [1.0, residuals[number]]
            score.rows = 1
            scores.append(score)
        ranking.add(Compared(f"{number}.png", scores=tuple(scores)))
    ranking.add(Compared("bad.png", error="bad.png: cannot be read"))
    first, second, third = ranking.places()
    assert [place.tie for place in (first, second, third)] == [False, False, True]
    assert (first.quartiles, second.quartiles) == ((0.5, 0.5, 0.5), pytest.approx((0.55, 0.65, 0.725)))
    assert [third.to_dict()[name] for name in ("tie", "quartiles")] == [True, pytest.approx((0.575, 0.65, 0.725))]


def test_a_picture_without_a_mode_leaves_the_others_paired():
    """What one picture does not have is no difference: b - a is 0.2 and 0.4, not what lies beside it in the list."""
    ranking = Ranking()
    for name, residuals in (
        ("1", {"a": 0.1}),
        ("2", {"a": 0.5, "b": 0.7}),
        ("3", {"b": 0.1}),
        ("4", {"a": 0.2, "b": 0.6}),
    ):
        scores = [Score(each, each) for each in residuals]
        for score in scores:
            score.totals.relative = [1.0, residuals[score.name]]
        ranking.add(Compared(name, scores=tuple(scores)))
    assert [(place.mode, place.tie) for place in ranking.places()] == [("a", False), ("b", False)]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--modes", "max,mxa"), "unknown mode 'mxa', did you mean 'max'"),
        (("--modes", "max,,avg"), "empty place"),
        (("--modes", "max,max:2"), "'max:2/2' twice"),
        (("--modes", "max:0"), "window 0"),
        (("--shifts", "0"), "radius of 1 to"),
        (("--shift-edge", "warp"), "did you mean 'wrap'"),
        (("--tolerance", "-1"), "give 0 or more"),
        (("--jobs", "0"), "whole number from 1"),
        (("-o", "a.txt"), ".json, .html, .csv"),
        (("--taps", "9"), "1 to 7"),
    ],
)
def test_wrong_requests_are_one_sentence(samples, command, options, words):
    """Before any work, with exit 2."""
    ran = command("compare", samples / "one.png", *options)
    assert (ran.code, words in ran.err, ran.out) == (2, True, "")
    assert len(ran.err.splitlines()) <= 3


def test_a_bad_picture_costs_only_itself(samples, command):
    """One line that names it, exit 1, the others ranked; no picture at all is a usage error."""
    (samples / "bad.png").write_bytes(b"x")
    ran = command("compare", samples, "--modes", "max", "--json")
    assert (ran.code, len(ran.objects)) == (1, 1)
    assert ran.err.count("\n") == 1 and "bad.png" in ran.err
    Path("empty").mkdir()
    assert command("compare", "empty").code == 2


def test_curves_are_drawn_to_scale():
    """Sparklines share a top; labels of a chart do not overlap."""
    points = [Point(1.0, 0.25, None), Point(2.0, None, None), Point(3.0, 2.0, None)]
    assert sparkline(points, 2.0) == "▁▁█"
    assert sparkline(points, 0.0) == "▁▁▁"
    ranking = Ranking()
    assert chart(ranking.places()).lines == ()
    assert [tick.text for tick in chart(ranking.places()).ticks] == ["0", "0.25", "0.5", "0.75", "1"]
    place = Ranked(1, "a", "a", 1.02, None, None, None, None, (Point(1.0, 1.02, None),))
    found = chart([place])
    assert [tick.text for tick in found.ticks] == ["0", "0.25", "0.5", "0.75", "1", "1.25"]
    one, more = found.ticks[-2].at, found.ticks[-1].at
    assert more < found.lines[0].dots[0][1] < one  # above the line that says 1, since 1.02 is


def test_of_labels_the_modes_that_keep_them_are_ranked(samples, command):
    """Unless others are named."""
    mask = samples / "mask.png"
    ranked = [place["mode"] for place in command("compare", mask, "--labels", "--json").objects]
    assert sorted(ranked) == ["center:2/2", "majority:2/2", "stride:2/2"]
    ranked = [place["mode"] for place in command("compare", mask, "--labels", "--modes", "max,avg", "--json").objects]
    assert sorted(ranked) == ["avg:2/2", "max:2/2"]


def test_layers_with_numbers_between_commas_stay_whole(samples, command):
    """As `clip:0,6` among the modes of a list."""
    ran = command("compare", samples / "one.png", "--modes", "clip:0,6 max:2,avg", "--json")
    assert sorted(row["mode"] for row in ran.objects) == ["avg:2/2", "clip:0,6 max:2/2"]


def test_the_command_that_is_printed_has_the_frame(tmp_path, command):
    """Frame 0, too, which is a number like others."""
    animation = tmp_path / "a.gif"
    first, *others = (random_picture("P", seed=seed) for seed in range(3))
    first.save(animation, save_all=True, append_images=others)
    for frame in (0, 1):
        (ranking,) = command("compare", animation, "--frame", frame, "--modes", "max", "--json").objects
        assert f"--frame {frame}" in json.dumps(ranking)


def test_the_command_that_is_printed_runs(samples, command):
    """Also where a list or floats ask for more than inputs side by side do."""
    Path("list.txt").write_text("samples/colour.png\n")
    for words in (
        ("samples/one.png", "--files-from", "list.txt", "--modes", "max"),
        ("samples/colour.png", "--dtype", "float32", "--modes", "max"),
        ("samples/mask.png", "--modes", "sum"),
    ):
        (place,) = command("compare", *words, "--json").objects
        ran = command(*shlex.split(place["command"])[1:], "--overwrite")
        assert ran.code == 0, (place["command"], ran.err)


def test_who_was_measured_on_fewer_pictures_stands_behind(samples, command):
    """Where some pictures cannot be given to a mode, its figures are of others than those before it."""
    tifffile.imwrite("a.tif", random_image(0, (32, 32), "uint8"), extratags=[(42113, 2, 2, "7", True)])
    ran = command("compare", "a.tif", "samples/photo.jpg", "--modes", "aps,max,avg")
    ranked = [line.split()[1] for line in ran.out.splitlines() if line[:3].strip().isdigit()]
    assert (sorted(ranked[:2]), ranked[2]) == (["avg:2/2", "max:2/2"], "aps:3/2")
    assert "aps:3/2 was measured on 1 of 2 pictures" in " ".join(ran.out.split())


def test_nothing_is_written_where_nothing_was_measured(samples, command):
    """An empty ranking would be in the way of the next one."""
    Path("bad.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    ran = command("compare", "bad.png", "-o", "r.json", "-o", "r.html", "-o", "r.csv")
    assert (ran.code, list(Path().glob("r.*"))) == (1, [])
