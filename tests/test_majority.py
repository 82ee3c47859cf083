"""Majority: a vote of whole pixels against plain loops, by sorting and by counting, with every rule for ties."""

import numpy as np
import pytest
from PIL import Image

import poolcli
from poolcli.errors import UsageError
from poolcli.ops.ignored import Ignored
from poolcli.recipe import as_recipe
from tests import oracles
from tests.images import DTYPES, assert_same, random_image

TIES = ("smallest", "largest", "first")
GEOMETRIES = {
    "plain": {"k": (2, 2), "s": (2, 2)},
    "overlapping": {"k": (3, 4), "s": (1, 2)},
    "padded": {"k": (3, 3), "s": (2, 2), "padding": (1, 1, 1, 1)},
    "dilated, ceil": {"k": (2, 3), "s": (2, 1), "dilation": (3, 2), "padding": (2, 1, 0, 2), "ceil_mode": True},
    "large": {"k": (9, 9), "s": (2, 3), "padding": (4, 4, 4, 4)},
    "adaptive": {"size": (3, 4)},
    "global": {"size": (1, 1)},
}


def call(image, geometry, **options):
    """pool or adaptive_pool, by the geometry."""
    if "size" in geometry:
        return poolcli.adaptive_pool(image, geometry["size"], mode="majority", **options)
    return poolcli.pool(image, **geometry, mode="majority", **options)


def recipe_of(geometry, ties):
    """The text form of the same."""
    if "size" in geometry:
        return as_recipe(f"majority:size={'x'.join(map(str, geometry['size']))},ties={ties}")
    text = {name: "x".join(map(str, value)) for name, value in geometry.items() if name != "ceil_mode"}
    padding, dilation = text.get("padding", "0"), text.get("dilation", "1")
    ceil = ",ceil" * geometry.get("ceil_mode", False)
    return as_recipe(f"majority:{text['k']}/{text['s']}+{padding}@{dilation}{ceil},ties={ties}")


def pixels(seed, dtype, channels, many):
    """Few colours, or as many as there are pixels; NaN and zeros of both signs among floats."""
    rng = np.random.default_rng(seed)
    size = 7 + seed % 4, 10 - seed % 3
    image = random_image(seed, size, dtype, (channels,))
    if many:
        return image
    colours = random_image(seed + 1, (4, channels), dtype)
    if colours.dtype.kind == "f":
        colours[0] = 0
        colours[1, 0] = np.nan
    image = colours[rng.integers(0, 4, size)]
    if image.dtype.kind == "f":
        image[image == 0] *= -1.0
    return image


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_whole_pixels_vote(geometry, ties):
    """Every dtype, one channel to nine, few colours and many."""
    for seed, dtype in enumerate(DTYPES * 2):
        image = pixels(seed, dtype, (1, 2, 3, 4, 9)[seed % 5], many=seed % 3 == 0)
        expected, enough = oracles.majority(image, geometry, ties=ties, stand_in=oracles.undefined(image.dtype))
        assert_same(call(image, geometry, ties=ties), expected)
        assert enough.any()


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_ignored_pixels_and_pixels_of_alpha_0(geometry, ties):
    """All of alpha 0 are one label, the smallest of them in the window; what is ignored has no vote."""
    for seed, dtype in enumerate(DTYPES):
        channels = (2, 4, 3)[seed % 3]
        image = pixels(seed, dtype, channels, many=seed % 2 == 0)
        if image.dtype.kind == "f":
            image = np.nan_to_num(image)
        clear = np.random.default_rng(seed).random(image.shape[:2]) < 0.5
        image[clear, -1] = 0
        hole = tuple(image[0, 0, :-1].tolist())
        valid = ~(image[:, :, :-1] == np.array(hole, image.dtype)).all(axis=2)
        min_valid = (0.0, 0.5)[seed % 2]
        expected, enough = oracles.majority(
            image, geometry, valid=valid, ties=ties, alpha=True, min_valid=min_valid, stand_in=hole
        )
        have, there = recipe_of(geometry, ties).run(image, alpha=True, ignored=Ignored((hole,), min_valid))
        assert_same(have, expected)
        assert np.array_equal(np.ones(have.shape[:2], bool) if there is None else there[:, :, 0], enough)
        assert there is None or there[:, :, -1].all()


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("channels", [1, 3])
def test_large_windows_of_many_labels_are_sorted_and_of_few_counted(channels, ties):
    """In tiles: segments, whose labels are many in the picture and few in a tile, and noise."""
    rng = np.random.default_rng(3)
    segments = np.kron(rng.integers(0, 2**62, (4, 5, channels)), np.ones((12, 12, 1), np.int64)).astype(np.uint64)
    noise = rng.integers(0, 2**16, (24, 300, channels)).astype(np.uint16)
    noise[rng.random(noise.shape[:2]) < 0.1] = 7
    for image, k, s in ((segments, (11, 13), (3, 2)), (noise, (9, 9), (5, 7)), (noise % 3, (9, 9), (3, 3))):
        geometry = {"k": k, "s": s, "padding": (4, 4, 4, 4)}
        assert_same(call(image, geometry, ties=ties), oracles.majority(image, geometry, ties=ties)[0])


def test_no_colour_is_made_up():
    """The window of seven of the definition; a mask of six colours keeps six."""
    window = [[[0, 0, 0], [0, 0, 0], [9, 1, 1], [9, 2, 2], [9, 9, 2], [2, 9, 1], [1, 1, 9]]]
    image = np.array(window, np.uint8)
    assert poolcli.pool(image, (1, 7), mode="majority").tolist() == [[[0, 0, 0]]]
    assert poolcli.pool(image, (1, 7), mode="majority", per_channel=True).tolist() == [[[9, 0, 0]]]
    rng = np.random.default_rng(1)
    colours = rng.integers(0, 256, (6, 3), dtype=np.uint8)
    for k, s in ((2, 2), (3, 1), (9, 4)):
        pooled = poolcli.pool(colours[rng.integers(0, 6, (40, 40))], k, s, mode="majority")
        assert {tuple(pixel) for pixel in pooled.reshape(-1, 3).tolist()} <= {tuple(c) for c in colours.tolist()}


def test_ties_and_their_options():
    """Smallest unless said; first is the earliest in row order, whatever comes later."""
    image = np.array([[5, 2, 9], [9, 5, 2]])
    found = {ties: poolcli.pool(image, (2, 3), mode="majority", ties=ties).item() for ties in TIES}
    assert found == {"smallest": 2, "largest": 9, "first": 5}
    assert poolcli.apply("majority:2x3,ties=first", image).item() == 5
    assert str(as_recipe("majority:2,ties=smallest,per-channel")) == "majority:2/2,per-channel"
    assert as_recipe("majority:2,ties=largest").file_text == "majority-k2s2-tieslargest"
    with pytest.raises(UsageError, match="ties=last of mode 'majority': smallest, largest or first is allowed"):
        poolcli.pool(image, 2, mode="majority", ties="last")
    with pytest.raises(UsageError, match="mode 'max' knows no option 'ties'"):
        poolcli.pool(image, 2, ties="first")


def test_channel_by_channel():
    """As votes on every channel by itself, ignored values too."""
    image = random_image(5, (9, 11), "uint8", (3,)) % 4
    for ties in TIES:
        have = poolcli.pool(image, 3, 2, mode="majority", per_channel=True, ties=ties, ignore=1)
        planes = [poolcli.pool(image[:, :, c], 3, 2, mode="majority", ties=ties, ignore=1) for c in range(3)]
        assert_same(have, np.stack(planes, axis=2))


def test_a_number_ignores_pixels_that_hold_it_in_every_channel():
    """One number, several, and a colour among them; green is no ignored value though 0 and 255 are."""
    red, green, black, white, gray = [255, 0, 0], [0, 255, 0], [0, 0, 0], [255, 255, 255], [9, 9, 9]
    image = np.array([[black, black, white, white, green, gray, gray, red]], np.uint8)

    def vote(ignore):
        return poolcli.pool(image, (1, 8), mode="majority", ignore=ignore).tolist()[0][0]

    assert vote(None) == black
    assert vote(0) == gray
    assert vote([0, 9]) == white
    assert vote([0, 9, 255]) == green
    assert vote([0, 9, 255, tuple(green)]) == red
    assert vote([tuple(green), 0, 9, 255, tuple(red)]) == green  # nothing is left: the first ignored value


def test_the_command_votes_on_whole_pixels(command, tmp_path, monkeypatch):
    """A colour mask; --ties and --per-channel go where the text form puts them."""
    monkeypatch.chdir(tmp_path)
    image = np.array([[[9, 1, 0], [9, 2, 2], [0, 2, 0], [1, 9, 2], [9, 1, 0]]], np.uint8)
    Image.fromarray(image).save("mask.png")
    call = ("pool", "mask.png", "--k", "1x5", "--mode", "majority", "--no-report", "--overwrite")
    for options, text, expected in (
        ((), "majority:1x5/1x5", [9, 1, 0]),
        (("--per-channel",), "majority:1x5/1x5,per-channel", [9, 1, 0]),
        (("--k", "1x4", "--ties", "largest"), "majority:1x4/1x4,ties=largest", [9, 2, 2]),
        (("--k", "1x4", "--per-channel", "--ties", "first"), "majority:1x4/1x4,per-channel,ties=first", [9, 2, 0]),
    ):
        assert command(*call, "-o", "small.png", *options).code == 0
        assert np.asarray(Image.open("small.png")).tolist() == [[expected]]
        assert poolcli.apply(text, image).tolist() == [[expected]]


@pytest.mark.parametrize("ties", ["smallest", "largest", "first"])
@pytest.mark.parametrize("ignore", [None, [(255, 0, 0)]])
def test_no_vote_makes_a_new_colour(ties, ignore):
    """A mask of six colours has no other after any majority of whole pixels."""
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [255, 0, 255]], np.uint8)
    image = colours[np.random.default_rng(1).integers(0, 6, (60, 70))]
    for k, s in ((2, 2), (3, 2), (4, 4), (7, 3), (13, 5)):
        pooled = poolcli.pool(image, k, s, padding=k // 2, mode="majority", ties=ties, ignore=ignore)
        assert {*map(tuple, pooled.reshape(-1, 3).tolist())} <= {*map(tuple, colours.tolist())}
