"""`poolcli compare`: what the papers found, and every form of telling it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import poolcli
from poolcli.batch.comparing import shifts_within
from poolcli.report.ranking import Place, Point, Ranking, sparkline
from poolcli.report.ranking_page import chart
from tests.test_page import assert_quiet


def ranked(ran):
    """The places of `--json`, by mode."""
    assert ran.code == 0, ran.err
    return {place["mode"]: place for place in ran.objects}


def test_it_shows_what_the_papers_found(samples, command):
    """On a photograph stride and max leave most, avg less, blur least; longer low-passes leave less."""
    found = ranked(command("compare", samples / "photo.jpg", "--modes", "stride,max,avg,blur,blur:5/2", "--json"))
    order = [found[mode]["residual"] for mode in ("stride", "max", "avg", "blur", "blur:5/2")]
    assert order == sorted(order, reverse=True)
    assert list(found) == ["blur:5/2", "blur", "avg", "max", "stride"]
    assert [place["rank"] for place in found.values()] == [1, 2, 3, 4, 5]
    assert found["stride"]["fidelity"] < found["avg"]["fidelity"]


def test_aps_is_exactly_equivariant_under_wrap(samples, command):
    """On sizes divisible by the stride nothing changes once the output may move along; the others do not reach that."""
    found = ranked(command("compare", samples / "photo.jpg", "--shift-edge", "wrap", "--shifts", "2", "--json"))
    assert {mode for mode, place in found.items() if place["aligned"] == 0} == {"aps", "maxaps"}


def test_the_figures_are_those_of_the_shift_report(samples, command):
    """Means over all shifts within the radius, by distance too; two pictures count alike."""
    shifts = [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy]
    paths = [samples / "colour.png", samples / "one.png"]
    place = ranked(command("compare", *paths, "--modes", "max", "--k", "3", "--s", "2", "--json"))["max"]
    reports = [poolcli.shift_report("max:3/2", np.asarray(Image.open(path)), shifts) for path in paths]
    assert place["layers"] == "max:3/2"
    for name in ("residual", "absorbed", "gain"):
        assert place[name] == pytest.approx(np.mean([getattr(report.summary, name) for report in reports])), name
    aligned = [np.mean([row.aligned.mae / row.raw.mae for row in report.shifts]) for report in reports]
    assert place["aligned"] == pytest.approx(np.mean(aligned))
    assert [point["distance"] for point in place["curve"]] == [1.0, 1.414]
    straight = [np.mean([row.residual for row in report.shifts if not row.dx or not row.dy]) for report in reports]
    assert place["curve"][0]["residual"] == pytest.approx(np.mean(straight))


@pytest.mark.parametrize("head", ["", "conv:sobel-v relu "])
def test_every_mode_has_the_figures_that_it_has_alone(samples, command, head):
    """Those after the first too, which take from it what a shift changes before them; sideways is not up and down."""
    modes, filtered = ("stride", "max", "avg", "aps"), ("--filter", "sobel-v", "--activation", "relu") if head else ()
    found = ranked(command("compare", samples / "colour.png", *filtered, "--modes", ",".join(modes), "--json"))
    image = np.asarray(Image.open(samples / "colour.png"))
    for mode in modes:
        for point in found[mode]["curve"]:
            shifts = [shift for shift in shifts_within(1) if round(np.hypot(*shift), 3) == point["distance"]]
            alone = poolcli.shift_report(found[mode]["layers"], image, shifts)
            assert point["residual"] == pytest.approx(alone.summary.residual)
        alone = poolcli.shift_report(found[mode]["layers"], image, shifts_within(1))
        for name in ("residual", "absorbed", "gain"):
            assert found[mode][name] == pytest.approx(getattr(alone.summary, name)), (mode, name)


def test_a_filter_before_is_compared_from_its_result_on(samples, command):
    """The layers say so, and the residual is that of the filtered picture."""
    filtered = ("--filter", "sobel-v", "--activation", "relu")
    place = ranked(command("compare", samples / "one.png", *filtered, "--modes", "max", "--json"))["max"]
    assert place["layers"] == "conv:sobel-v relu max:2/2"


def test_every_form(samples, command):
    """A table, a page, an array, a row for every mode on every picture."""
    files = [part for name in ("a.csv", "a.json", "sub/a.html") for part in ("-o", name)]
    ran = command("compare", samples, "--modes", "max,avg", *files)
    assert ran.code == 0
    assert "leaves least of a shift's change in value" in " ".join(ran.out.split())
    assert max(map(len, ran.out.splitlines())) <= 80
    with Path("a.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 16 and {row["name"] for row in rows} == {"max", "avg"}
    assert [place["mode"] for place in json.loads(Path("a.json").read_text())] == ["avg", "max"]
    assert "src=" not in Path("sub/a.html").read_text("utf-8")
    again = command("compare", samples, "--modes", "max", "-o", "a.csv")
    assert (again.code, "'a.csv' exists already" in again.err) == (2, True)


def test_layers_with_options_and_long_names(samples, command):
    """Their commas stay with them; a name that is long goes on below, so that no figure is cut."""
    long = "conv:gauss relu max:2 conv:sobel-v abs avg:3/2+1,exclude-pad,ceil"
    ran = command("compare", samples / "photo.jpg", "--modes", f"max,{long},blur:5/2,edge=wrap,avg", "--json")
    assert set(ranked(ran)) == {"max", long, "blur:5/2,edge=wrap", "avg"}
    shown = command("compare", samples / "photo.jpg", "--modes", long).out
    assert max(map(len, shown.splitlines())) <= 80
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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--modes", "max,mxa"), "unknown mode 'mxa', did you mean 'max'"),
        (("--modes", "max,,avg"), "empty place"),
        (("--modes", "max,max"), "'max' twice"),
        (("--modes", "max:0"), "window 0"),
        (("--shifts", "0"), "radius of 1 to"),
        (("--shift-edge", "warp"), "did you mean 'wrap'"),
        (("--tolerance", "-1"), "give 0 or more"),
        (("--jobs", "0"), "whole number from 1"),
        (("-o", "a.txt"), ".csv, .json, .html"),
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
    place = Place(1, "a", "a", 1.02, None, None, None, None, (Point(1.0, 1.02, None),))
    found = chart([place])
    assert [tick.text for tick in found.ticks] == ["0", "0.25", "0.5", "0.75", "1", "1.25"]
    one, more = found.ticks[-2].at, found.ticks[-1].at
    assert more < found.lines[0].dots[0][1] < one  # above the line that says 1, since 1.02 is
