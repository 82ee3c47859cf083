"""The recipe value: its text form and back, its file-safe form, its errors, its shapes and receptive fields."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import poolcli
from poolcli.errors import PictureError, UsageError
from poolcli.recipe import Activation, Conv, Pool, Recipe, parse_recipe
from poolcli.recipe.layers import shapes
from poolcli.recipe.text import read_kernel, read_recipe

TEXTS = {
    "max:2": ("max:2/2", "max-k2s2"),
    "max:3/2+1": ("max:3/2+1", "max-k3s2p1"),
    "avg:3x2/2x1+1@2x1": ("avg:3x2/2x1+1@2x1", "avg-k3x2s2x1p1d2x1"),
    "avg:3/2+same,exclude-pad,ceil": ("avg:3/2+same,ceil,exclude-pad", "avg-k3s2psame-ceil-exclude-pad"),
    "max:3+0x1x2x1": ("max:3/3+0x1x2x1", "max-k3s3p0x1x2x1"),
    "  conv:line-v   relu max:2 ": ("conv:line-v relu max:2/2", "line-v_relu_max-k2s2"),
    "conv:gauss5/2,edge=wrap abs": ("conv:gauss5/2,edge=wrap abs", "gauss5-s2-wrap_abs"),
    "conv:box,edge=-1.50 blur:3,edge=255.0": ("conv:box,edge=-1.5 blur:3/3,edge=255", "box-edge-1.5_blur-k3s3-edge255"),
    "CLIP:-1.50,+6.0 relu6": ("clip:-1.5,6 relu6", "clip-1.5to6_relu6"),
    f"clip:-inf,{2**63}": (f"clip:-inf,{2**63}", f"clip-infto{2**63}"),
    "conv:gauss:1.5/2 max:2": ("conv:gauss:1.5/2 max:2/2", "gauss1.5-s2_max-k2s2"),
    "blur:3/2,edge=1e20": ("blur:3/2,edge=1e+20", "blur-k3s2-edge1e+20"),
}


@pytest.mark.parametrize(("text", "forms"), TEXTS.items(), ids=str)
def test_text_form_and_back(text, forms):
    """What is printed is what is read, and fit for a file name."""
    recipe = parse_recipe(text)
    assert (str(recipe), recipe.file_text) == forms
    assert parse_recipe(str(recipe)) == recipe


sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))


@given(sizes, sizes, sizes, st.booleans(), st.booleans(), st.sampled_from(["max", "avg"]))
def test_every_pooling_is_its_text_form(k, s, dilation, ceil, same, mode):
    """parse(str(pool)) == pool."""
    layer = Pool.of(mode, k, s, dilation=dilation, ceil=ceil, padding="same" if same else (0, k[0] - 1, k[1] - 1, 0))
    assert parse_recipe(str(layer)).layers == (layer,)


@pytest.mark.parametrize("name", ["plain.json", "two words.json", "한글 폴더,x/k.json", "dir/2"])
def test_kernel_files_of_any_name(tmp_path, monkeypatch, name):
    """Blanks, commas and what looks like a stride: quoted in the text form."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("[[0, 1], [2, 3]]")
    recipe = parse_recipe(f'conv:@"{name}"/3 max:2')
    assert recipe.layers[0] == Conv(f"@{name}", ((0, 1), (2, 3)), (3, 3))
    assert parse_recipe(str(recipe)) == recipe


def test_long_recipes_are_cut_and_hashed():
    """File names stay short, and different recipes different."""
    one, other = (parse_recipe("max:3/1+1 " * 20 + last) for last in ("max:2", "max:3"))
    assert len(one.file_text) == len(other.file_text) == 80
    assert one.file_text != other.file_text


ERRORS = {
    "": "no layers",
    "mxa:2": "did you mean 'max'? Allowed",
    "max": "needs a colon",
    "max:": "not a window",
    "max:2y": "not a size",
    "max:0": "window 0 is out of range",
    "max:2/0": "stride 0 is out of range",
    "max:2@0": "dilation 0 is out of range",
    "max:2+2": "padding 2 is as large as the window of 2 rows",
    "max:2,blob": "unknown option 'blob'",
    "max:2,exclude-pad": "knows no option 'exclude-pad'",
    "avg:2,exclude-pad=1": "cannot be read: the name alone is allowed",
    "conv:": "not a filter",
    "conv:sobl-v": "did you mean 'sobel-v'",
    "conv:box,edge=wrp": "unknown edge 'wrp', did you mean 'wrap'",
    "conv:box,edge=constant": "allowed: reflect, symmetric, replicate, zero, wrap, a number",
    "clip": "'clip': write it as clip:LOW,HIGH, with numbers as in clip:0,6",
    "clip:3": "'clip:3': write it as clip:LOW,HIGH",
    "clip:1,2,3": "'clip:1,2,3': write it as clip:LOW,HIGH",
    "clip:0,nan": "'clip:0,nan': write it as clip:LOW,HIGH",
    "clip:0,x": "'clip:0,x' cannot be read: numbers are allowed, as in clip:0,6",
    "clip:6,-1": "'clip:6,-1' has its higher number first: write clip:-1,6",
    "relu:1": "'relu' takes nothing after a colon, and got '1': write relu",
    "conv:gauss:0": "a Gaussian of sigma 0: above 0 and below 15.875 pixels is allowed, a kernel of up to 127 x 127",
    "conv:gauss:15.875": "a Gaussian of sigma 15.875: above 0 and below 15.875",
    "conv:gauss:1e3": "filter 'gauss:1e3': a width is for gauss, a number of pixels, as in gauss:1.5",
    "conv:box:2": "filter 'box:2': a width is for gauss",
    "conv:gaus:2": "did you mean 'gauss'",
    "blur:2,edge=nan": "unknown edge 'nan', allowed:",
    "conv:box,edge=1e999": "unknown edge '1e999', allowed:",
    f"conv:box,edge={2**64}": "allowed: reflect",
    "conv:box/0": "stride 0 of a filter",
    "conv:@missing.json": "cannot be read: No such file",
}


@pytest.mark.parametrize(("text", "words"), ERRORS.items(), ids=str)
def test_errors_say_what_is_allowed(text, words):
    """And point at the layer, in the middle of the others."""
    with pytest.raises(UsageError) as error:
        parse_recipe(f"relu {text} max:2" if text else "")
    message = str(error.value)
    assert words in message
    if text:
        assert message.splitlines()[1:] == [f"  relu {text} max:2", "       " + "^" * len(text)]


def test_a_recipe_file(tmp_path):
    """A list of texts with comments, or one text."""
    path = tmp_path / "recipe.toml"
    path.write_text('layers = [\n  "conv:sobel-v", # edges\n  "relu max:2",\n]\n')
    assert str(read_recipe(path)) == "conv:sobel-v relu max:2/2"
    path.write_text('layers = "avg:3"')
    assert str(read_recipe(path)) == "avg:3/3"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        (b"layers = [", "not TOML"),
        (b"\xff\xfe", "not TOML"),
        (b"layer = 1", "holds no layers"),
        (b"layers = [1]", "holds no layers"),
        (b"layers = ''", "no layers"),
        (b"layers = 'max:0'", "window 0"),
    ],
)
def test_a_recipe_file_that_is_none(tmp_path, content, words):
    """The file is named."""
    path = tmp_path / "recipe.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=words) as error:
        read_recipe(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[[1, 2], [3]]", "unequal length"),
        ("[[1, NaN]]", "NaN or infinity"),
        ("1 2\n3 x", "no kernel in it"),
        ('[["a"]]', "no kernel in it"),
        ("[[true]]", "no kernel in it"),
        ("[[[1]]]", "no kernel in it"),
        ("[" * 100_000, "no kernel in it"),
        ("", "rows of unequal length or none"),
        ("1 " * 20_000, "too large"),
        (" " * 600_000, "larger than"),
        (b"\xff\x00", "not text"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_kernel_file_that_is_none(tmp_path, content, words):
    """The file is named."""
    path = tmp_path / "kernel.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=words) as error:
        read_kernel(path)
    assert str(path) in str(error.value)


def test_text_kernels_have_comments_and_commas(tmp_path):
    """What a spreadsheet writes is read too."""
    path = tmp_path / "kernel.csv"
    path.write_text("# edges\n1, 2, 1\n\n0 0 0  # middle\n-1 -2 -1\n")
    assert read_kernel(path) == ((1, 2, 1), (0, 0, 0), (-1, -2, -1))


def test_layers_run_one_after_the_other():
    """A recipe is the composition of its layers."""
    image = np.arange(48, dtype=np.float32).reshape(6, 8) % 7
    have = poolcli.apply("conv:sobel-v relu max:2 avg:3x2", image)
    step = np.maximum(poolcli.convolve(image, "sobel-v"), 0)
    assert np.array_equal(have, poolcli.pool(poolcli.pool(step, 2), (3, 2), mode="avg"))


def test_filters_and_activations_leave_alpha_alone():
    """Alpha is thinned out with the rest, not filtered."""
    image = np.dstack([np.full((4, 4), 9), np.arange(16).reshape(4, 4)]).astype(np.uint8)
    recipe = Recipe((parse_recipe("conv:laplace/2").layers[0], Activation("relu")))
    result = recipe(image, alpha=True)
    assert np.array_equal(result[..., 1], image[::2, ::2, 1])
    assert np.array_equal(result[..., 0], np.zeros((2, 2)))


CHAINS = [
    "max:2",
    "max:3/2+1 avg:2",
    "conv:gauss5/2 relu max:3/2+1 avg:3x2/1",
    "max:3/2@2 conv:gauss max:2x3",
    "avg:3/2+same",
]


@pytest.mark.parametrize("text", CHAINS)
def test_receptive_fields_are_what_outputs_see(text):
    """Change one row at a time and see which outputs move: exactly those whose field holds it."""
    recipe, height, width = parse_recipe(text), 41, 37
    last = list(shapes(recipe, height, width))[-1]
    random = np.random.default_rng(1)
    image = random.random((height, width))
    still = recipe(image)
    assert still.shape == last.size
    for axis, seen in enumerate((last.rows, last.columns)):
        reached = np.zeros((seen.size, image.shape[axis]), bool)
        for position in range(image.shape[axis]):
            touched = image.copy()
            for value in (-1e3, 1e3):
                touched.swapaxes(0, axis)[position] = value
                reached[:, position] |= (recipe(touched) != still).any(1 - axis)
        for output in range(seen.size):
            first, end = seen.start + output * seen.jump, seen.start + output * seen.jump + seen.field
            inside = np.flatnonzero(reached[output])
            assert first <= inside.min() and inside.max() < end, (output, first, end, inside)
            if first >= 0 and end <= image.shape[axis]:
                assert (inside.min(), inside.max()) == (first, end - 1)


def test_shapes_of_a_known_network():
    """The start of ResNet, 7x7/2 and 3x3/2: sizes 112 and 56, fields 7 and 11, starts -3 and -5."""
    found = list(shapes(parse_recipe("avg:7/2+3 max:3/2+1"), 224, 224))
    assert [(s.size[0], s.rows.field, s.rows.jump, s.rows.start) for s in found] == [(112, 7, 2, -3), (56, 11, 4, -5)]
    with pytest.raises(PictureError):
        list(shapes(parse_recipe("max:2 max:9"), 8, 8))
