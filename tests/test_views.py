"""What a report shows: heat-maps, surviving pixels, the part looked at, and the contact sheet made of them."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import poolcli
from poolcli import visualize as heat
from poolcli.evaluate import How, differences, evaluate
from poolcli.images.frame import Frame
from poolcli.recipe import Pool, Recipe, as_recipe
from poolcli.reports.entries import enlarged
from poolcli.shift.move import Source
from poolcli.shift.record import Offset, Shifting
from poolcli.visualize import (
    LONG_PAGE,
    MARK,
    PAGE,
    SHEET,
    Region,
    busiest,
    dots,
    draw_views,
    shrunk,
    stretched,
    survivors,
)
from tests.images import random_image

THE_ONE = ("--filter", "line-v", "--activation", "relu", "--k", "2", "--mode", "max")


def decoded(data):
    """The pixels of an encoded picture: indices where it has a palette."""
    with Image.open(BytesIO(data)) as image:
        return np.asarray(image)


def test_the_colours_grow_lighter_with_the_change():
    """So that they are read without telling red from green, and in gray too."""
    red, green, blue = heat.palette().astype(float).T
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert (np.diff(luminance) > 0).all()


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint64", "float32"])
def test_change_is_the_largest_of_any_channel(dtype):
    """By loops, on unsigned numbers too, which must not wrap."""
    a, b = random_image(1, (7, 5), dtype, (3,)), random_image(2, (7, 5), dtype, (3,))
    have = heat.change(a, b)
    for row, column in np.ndindex(7, 5):
        pairs = zip(a[row, column].tolist(), b[row, column].tolist(), strict=True)
        assert have[row, column] == pytest.approx(max(abs(x - y) for x, y in pairs), rel=1e-6)


def test_every_change_shows_and_nothing_else_does():
    """Level 0 is kept for what does not change; the smallest change is already another colour; NaN against 1 is too."""
    a = np.array([[0, 1, 5, np.nan, np.nan, np.inf]])
    b = np.array([[0, 1.001, 1005, np.nan, 1, np.inf]])
    changes = heat.change(a, b)
    assert heat.levels(changes, heat.peak_of(changes)).tolist() == [[0, 1, heat.LEVELS - 1, 0, heat.LEVELS - 1, 0]]


@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("geometry", [(2, 2, 0, 1), (3, 2, 1, 1), (3, 1, 0, 2), (2, 3, 0, 1)])
def test_survivors_are_the_first_largest_of_every_window(geometry, channels):
    """Window by window in loops; few values, so that there are ties."""
    k, s, p, d = geometry
    image = random_image(3, (9, 11), "uint8", channels) // 128
    layer = Pool.of("max", k, s, padding=p, dilation=d)
    pooled = Recipe((layer,))(image)
    cells = Region(1, 0, pooled.shape[0] - 1, pooled.shape[1] - 2)
    expected = np.zeros(image.shape[:2], bool)
    for i, j in np.ndindex(cells.height, cells.width):
        for plane in np.atleast_3d(image).transpose(2, 0, 1):
            taps = [
                (y, x)
                for y in range((i + 1) * s - p, (i + 1) * s - p + d * k, d)
                for x in range(j * s - p, j * s - p + d * k, d)
                if 0 <= y < 9 and 0 <= x < 11
            ]
            if len(taps) == 1 or len({int(plane[place]) for place in taps}) > 1:  # no blank window
                expected[max(taps, key=lambda place: (plane[place], -taps.index(place)))] = True
    assert np.array_equal(survivors(image, pooled, layer.window.axes(9, 11), cells), expected)


def test_dots_stand_in_the_middle():
    """One pixel becomes MARK x MARK, its border left free."""
    layer = dots(np.array([[False, True]]))
    assert layer.shape == (MARK, 2 * MARK)
    assert layer.sum() == (MARK - 2) ** 2
    assert layer[1, MARK + 1] == 1


def test_the_part_looked_at_is_where_most_changes():
    """A planted patch is in it; where nothing changes it is the middle; it never leaves the picture."""
    changes = np.zeros((60, 80), np.float32)
    changes[33:38, 61:66] = 9
    kept = busiest(changes, (24, 24))
    assert kept.of(changes).sum() == changes.sum()
    assert busiest(np.zeros((60, 80), np.float32), (20, 20)) == Region(20, 30, 20, 20)
    assert busiest(np.full((5, 9), np.inf, np.float32), (24, 24)) == Region(0, 0, 5, 9)


def test_pictures_are_made_smaller_by_whole_numbers():
    """By mean, by maximum (no change may get lost), or by the first label of a block."""
    image = random_image(4, (20, 31), "uint8")
    assert shrunk(image, 31) is image
    assert np.array_equal(shrunk(image, 10, how="max"), poolcli.pool(image, 4))
    assert np.array_equal(shrunk(image, 10, how="first"), image[::4, ::4])
    assert shrunk(random_image(4, (1, 900), "uint8"), 10).shape == (1, 10)


def test_other_numbers_are_shown_on_one_scale():
    """Smallest black, largest white, of both pictures together; NaN does not spoil it."""
    one, other = stretched([np.array([[-1.0, 0.0, np.nan]]), np.array([[3.0, 2.0, np.inf]])])
    assert (one[0, :2].tolist(), other.tolist()) == ([0, 64], [[255, 191, 255]])


def looks(layers, frame, shift, edge, sizes):
    """What is shown of a frame for one shift."""
    still = evaluate(as_recipe(layers), Source.of(frame.pixels), How(alpha=frame.alpha))
    ((_, *pair),) = differences(still, Shifting((shift,), edge))
    return draw_views(frame, tuple(pair), lambda out: out.values, "clip", Offset(*shift), sizes)


@given(
    st.sampled_from(["max:2", "avg:3/2+1", "conv:gauss/2 relu max:2", "max:2 max:3/2", "max:5/1"]),
    st.tuples(st.integers(5, 90), st.integers(5, 90)),
    st.sampled_from(["L", "RGB", "RGBA", "float32"]),
    st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
    st.sampled_from(["replicate", "wrap", "crop"]),
)
@settings(max_examples=40, deadline=None)
def test_every_panel_decodes_and_lies_inside(layers, size, mode, shift, edge):
    """Whatever the geometry: six pictures of the sizes they say, the region inside the picture."""
    channels = {"RGB": (3,), "RGBA": (4,)}.get(mode, ())
    pixels = random_image(5, size, "float32" if mode == "float32" else "uint8", channels)
    frame = Frame(pixels, mode, mode == "RGBA")
    try:
        poolcli.apply(layers, pixels[3:, 3:] if edge == "crop" else pixels)
    except poolcli.errors.PictureError:
        return
    for each in looks(layers, frame, shift, edge, (SHEET, PAGE, LONG_PAGE)):
        for panel in filter(None, (each.part, each.whole)):
            left, top, width, height = panel.region
            assert 0 <= left < left + width <= size[1] and 0 <= top < top + height <= size[0]
            for name in ("still", "moved", "before"):
                assert decoded(getattr(panel, name)).shape[:2] == panel.input[::-1]
            for name in ("pooled", "pooled_moved", "after"):
                assert decoded(getattr(panel, name)).shape[:2] == panel.output[::-1]


def test_the_figure_of_the_beginning_is_there_to_see(samples):
    """38 marked pixels of the "1", below them 12; a dot for every window that is not blank."""
    with Image.open(samples / "one.png") as image:
        frame = Frame(np.asarray(image), "L")
    (seen,) = looks("conv:line-v relu max:2", frame, (-1, 0), "replicate", (SHEET,))
    assert [np.count_nonzero(decoded(part)) for part in (seen.part.before, seen.part.after)] == [38, 12]
    windows = poolcli.apply("conv:line-v relu", frame.pixels).reshape(14, 2, 14, 2)
    uneven = np.count_nonzero(windows.max((1, 3)) > windows.min((1, 3)))
    assert 0 < uneven < 40
    assert np.count_nonzero(decoded(seen.part.marks)) == uneven * (MARK - 2) ** 2


@pytest.mark.parametrize(
    "name", ["one.png", "photo.jpg", "transparent.png", "deep.png", "mask.png", "colour.png", "features.npy"]
)
def test_a_contact_sheet_of_every_kind_of_picture(samples, command, name):
    """It opens, is as wide as three panels, and stands beside the output."""
    assert command("pool", samples / name, "-o", "out/", "--report", "png", "-q").code == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [name, f"{Path(name).stem}.shift.png"]
    with Image.open(Path("out") / f"{Path(name).stem}.shift.png") as sheet:
        sheet.load()
        assert sheet.width == 1048
        assert len(set(sheet.convert("L").tobytes())) > 20


def test_labels_have_distinct_colours_and_change_or_not(tmp_path, monkeypatch, command):
    """A gray mask of labels 0 to 5 is no black panel; a heat-map of it has two colours and no scale."""
    monkeypatch.chdir(tmp_path)
    labels = np.repeat(np.repeat(np.arange(6, dtype=np.uint8).reshape(2, 3), 8, 0), 8, 1)
    Image.fromarray(labels).save("mask.png")
    for mode, colours in (("majority", {tuple(c) for c in heat.label_colours(np.arange(6)[None])[0].tolist()}),
                          ("max", {(0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4), (5, 5, 5)})):  # fmt: skip
        words = ("--k", "2", "--mode", mode, "--report", "png", "-q", "--overwrite")
        assert command("pool", "mask.png", *words, "-o", "out.png").code == 0
        with Image.open("out.shift.png") as sheet:
            pixels = np.asarray(sheet.convert("RGB"))
        shown = {tuple(colour) for colour in np.unique(pixels[:, :344].reshape(-1, 3), axis=0).tolist()}
        assert colours <= shown, mode
        scale = {tuple(colour) for colour in heat.palette()[10:50:10].tolist()}
        found = {tuple(colour) for colour in np.unique(pixels[:, 704:].reshape(-1, 3), axis=0).tolist()}
        assert (scale & found == set()) == (mode == "majority")


def test_the_sheet_shows_the_heat_in_its_colours(samples, command):
    """The "1": yellow cells above, of 121 pixels each, 38 of them."""
    assert command("pool", samples / "one.png", *THE_ONE, "-o", "out/", "--report", "png", "-q").code == 0
    with Image.open("out/one.shift.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    yellow = (pixels[:, 704:] == heat.palette()[-1]).all(axis=2)
    assert yellow[140:448].sum() == 38 * 11 * 11


def test_a_sheet_for_a_folder_and_odd_names(samples, command):
    """Beside every output; long names and foreign letters are no trouble, nor is a picture one pixel high."""
    folder = samples / "한글 폴더"
    folder.mkdir()
    (folder / ("a b" * 60 + ".png")).write_bytes((samples / "one.png").read_bytes())
    Image.new("L", (900, 2), 7).save(folder / "<b>.png")
    assert command("pool", folder, "-o", "out", "--report", "png", "--report", "jsonl", "-q").code == 0
    sheets = [np.asarray(Image.open(sheet).convert("RGB")) for sheet in Path("out").glob("*.shift.png")]
    assert [bool((sheet[:, -23:] == sheet[0, 0]).all()) for sheet in sheets] == [True, True]  # the margin, but frames
    assert Path("out/shift-report.jsonl").exists()


PLACES = {  # of a picture of 28 x 28: (size, place) of the picture and of the output, and the room of both
    "max:2": (((308, 308), (0, 0)), ((308, 308), (0, 0)), (308, 308)),
    "max:3/1": (((308, 308), (0, 0)), ((286, 286), (11, 11)), (308, 308)),
    "max:3/2": (((308, 308), (0, 0)), ((286, 286), (6, 6)), (308, 308)),
    "max:4/2+1": (((308, 308), (0, 0)), ((308, 308), (0, 0)), (308, 308)),
    "max:2/1+1": (((308, 308), (6, 6)), ((319, 319), (0, 0)), (319, 319)),
}


@pytest.mark.parametrize("layers", PLACES)
def test_outputs_lie_around_the_centres_of_their_windows(layers):
    """With window 3 and stride 1 the first output stands over pixel (1, 1), not over (0, 0): 11 times as large."""
    frame = Frame(random_image(1, (28, 28), "uint8"), "L")
    (seen,) = looks(layers, frame, (-1, 0), "replicate", (SHEET,))
    assert enlarged(seen.part, 320) == PLACES[layers]


def test_the_sheet_has_room_around_an_output(samples, command):
    """Three outputs of 26 x 26 in the room of 28 x 28, in each of them a band as wide as one pixel all around."""
    assert command("pool", samples / "one.png", "--k", "3", "--s", "1", "-o", "out/", "--report", "png", "-q").code == 0
    with Image.open("out/one.shift.png") as sheet:
        room = (np.asarray(sheet.convert("RGB")) == (0xEE, 0xF1, 0xF4)).all(axis=2)
    frame = 4 * 287  # a line of one pixel around each output lies in its room
    assert room.sum() == 3 * (308**2 - 286**2 - frame)
