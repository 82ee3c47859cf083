"""Feature maps: layouts, .npz archives, arrays from pictures and pictures from arrays, through the command line."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

import poolcli
from poolcli.errors import PictureError
from poolcli.images import decoding
from poolcli.images.formats import ReadOptions
from tests.pictures import animation, random_picture

# The axes of every layout, written as NumPy's transpose from rows, columns (, channels).
SHAPES = {"hw": (9, 10), "hwc": (9, 10, 5), "chw": (5, 9, 10), "nchw": (3, 5, 9, 10)}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def maps(layout, dtype="float32", seed=0):
    """Random feature maps."""
    return (np.random.default_rng(seed).standard_normal(SHAPES[layout]) * 50).astype(dtype)


def plane_by_plane(array, layout, **options):
    """The pooled array: every H x W plane by itself, put back in its place."""
    rows = {"hw": 0, "hwc": 0, "chw": 1, "nchw": 2}[layout]
    moved = np.moveaxis(array, (rows, rows + 1), (-2, -1))
    planes = [poolcli.pool(plane, **options) for plane in moved.reshape(-1, *moved.shape[-2:])]
    pooled = np.stack(planes).reshape(*moved.shape[:-2], *planes[0].shape)
    return np.moveaxis(pooled, (-2, -1), (rows, rows + 1))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("layout", SHAPES)
def test_the_output_has_the_layout_of_the_input(here, command, layout, order):
    """Pooled plane by plane, nothing mixed; a report for each picture of a batch."""
    array = maps(layout)
    np.save("in.npy", np.asarray(array, order=order))
    result = command("pool", "in.npy", "--layout", layout, "--k", "3", "--s", "2", "--json", "-o", "out.npy")
    assert result.code == 0
    assert len(result.objects) == (3 if layout == "nchw" else 1)
    assert np.array_equal(np.load("out.npy"), plane_by_plane(array, layout, k=3, s=2))


@pytest.mark.parametrize("layout", ["hwc", "chw", "nchw"])
def test_one_channel_stays_an_axis(here, command, layout):
    """H x W x 1 in, H x W x 1 out."""
    array = np.moveaxis(maps("hwc")[:, :, :1], 2, 0 if layout != "hwc" else 2)
    array = array[np.newaxis] if layout == "nchw" else array
    np.save("in.npy", array)
    assert command("pool", "in.npy", "--layout", layout, "-o", "out.npy").code == 0
    assert np.array_equal(np.load("out.npy"), plane_by_plane(array, layout, k=2))


def test_one_of_a_batch(here, command):
    """--frame takes it; the layout stays."""
    array = maps("nchw")
    np.save("in.npy", array)
    assert command("pool", "in.npy", "--layout", "nchw", "--frame", "1", "-o", "out.npy").code == 0
    assert np.array_equal(np.load("out.npy"), plane_by_plane(array[1:2], "nchw", k=2))
    err = command.refused("pool", "in.npy", "--layout", "nchw", "--frame", "3", "-o", "no.npy", code=1)
    assert "in.npy: no frame 3; the file has 3 frames, 0 to 2" in err


def test_every_array_of_an_archive(here, command):
    """By name, in order, each with its own size and dtype; equal arrays make equal bytes."""
    arrays = {"first": maps("hw"), "conv1/weight": maps("hwc", "uint8"), "ü": maps("hw", "float16", 3)}
    np.savez("in.npz", **arrays)
    assert command("pool", "in.npz", "-o", "out.npz").code == 0
    with np.load("out.npz", allow_pickle=False) as out:
        assert list(out) == list(arrays)
        for name, array in arrays.items():
            assert out[name].dtype == array.dtype
            assert np.array_equal(out[name], plane_by_plane(array, "hw" if array.ndim == 2 else "hwc", k=2))
    before = (here / "out.npz").read_bytes()
    assert command("pool", "in.npz", "-o", "out.npz", "--overwrite").code == 0
    assert (here / "out.npz").read_bytes() == before


def test_batches_in_a_compressed_archive(here, command):
    """nchw twice: the frames go back to their arrays."""
    arrays = {"a": maps("nchw", seed=1), "b": maps("nchw", seed=2)}
    np.savez_compressed("in.npz", **arrays)
    assert command("pool", "in.npz", "--layout", "nchw", "-o", "out.npz").code == 0
    with np.load("out.npz") as out:
        for name, array in arrays.items():
            assert np.array_equal(out[name], plane_by_plane(array, "nchw", k=2))


def test_pictures_become_arrays_and_back(here, command):
    """H x W x C, or the layout that is asked for; frames only as a batch."""
    picture = random_picture("RGB", (12, 8))
    picture.save("a.png")
    pooled = poolcli.pool(np.asarray(picture), 2)
    for layout, expected in (("hwc", pooled), ("chw", pooled.transpose(2, 0, 1)), (None, pooled)):
        words = ["--layout", layout] if layout else []
        assert command("pool", "a.png", "-o", "a.npy", "--overwrite", *words).code == 0
        assert np.array_equal(np.load("a.npy"), expected)
    assert command("pool", "a.npy", "-o", "b.png", "--k", "1").code == 0
    with Image.open("b.png") as back:
        assert np.array_equal(np.asarray(back), pooled)
    (here / "three.gif").write_bytes(animation("GIF").getvalue())
    err = command.refused("pool", "three.gif", "-o", "three.npy", code=1)
    assert "3 frames do not fit into one NPY; take one with --frame N, or say --layout nchw" in err
    assert command("pool", "three.gif", "-o", "three.npy", "--layout", "nchw").code == 0
    assert np.load("three.npy").shape == (3, 3, 3, 6)
    assert command("pool", "three.npy", "-o", "back.png", "--layout", "nchw", "--k", "1").code == 0
    with Image.open("back.png") as back:
        assert back.n_frames == 3


def test_filtered_arrays_stay_floats(here, command):
    """No range is forced on them."""
    np.save("a.npy", maps("hw"))
    assert command("stack", "conv:sobel-v max:2", "a.npy", "-o", "b.npy").code == 0
    assert np.array_equal(np.load("b.npy"), poolcli.apply("conv:sobel-v max:2", maps("hw")))


@pytest.mark.parametrize(
    ("shape", "layout", "words"),
    [
        ((4, 3, 8, 8), None, "an array of 4 dimensions, 4 x 3 x 8 x 8, is no picture; say --layout nchw for a batch"),
        ((8, 8), "chw", "an array of 2 dimensions, 8 x 8, is not chw"),
        ((3, 8, 8), "nchw", "an array of 3 dimensions, 3 x 8 x 8, is not nchw"),
        ((8,), None, "an array of 1 dimensions, 8, is no picture"),
        ((), None, "an array of 0 dimensions, a single value, is no picture"),
        ((0, 8), None, "an array of 0 x 8 has no pixels"),
        ((0, 3, 8, 8), "nchw", "an array of 0 x 3 x 8 x 8 has no pixels"),
    ],
)
def test_shapes_that_do_not_fit_are_told(here, command, shape, layout, words):
    """An error of that file."""
    np.save("a.npy", np.zeros(shape, "uint8"))
    err = command.refused("pool", "a.npy", "-o", "b.npy", *(["--layout", layout] if layout else []), code=1)
    assert f"poolcli: a.npy: {words}" in err


def test_an_unknown_layout_is_a_usage_error(here, command):
    """With the nearest that is known."""
    np.save("a.npy", np.zeros((2, 2)))
    err = command.refused("pool", "a.npy", "-o", "b.npy", "--layout", "nchv")
    assert "unknown layout 'nchv', did you mean 'nchw'? Allowed: hw, hwc, chw, nchw" in err


def archive_of(members, compression=zipfile.ZIP_STORED):
    """A zip archive in memory with these files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def npy(array, **options):
    """A .npy file in memory."""
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def headed(shape, data=b""):
    """A .npy file that promises bytes of this shape."""
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


ARCHIVES = {
    "no arrays": (archive_of([]), "an archive without arrays"),
    "a text": (archive_of([("a.txt", "hello")]), "'a.txt' in the archive is no array"),
    "pickled objects": (
        archive_of([("a.npy", npy(np.array([[{}]], object), allow_pickle=True))]),
        "a.npy: an array of object cannot be pooled",
    ),
    "a lying header": (archive_of([("a.npy", headed((1000, 1000), b"12"))]), "promises 1000000 bytes of array"),
    "a bomb": (
        archive_of([("a.npy", headed((1 << 16, 1 << 16)) + bytes(1 << 20))], zipfile.ZIP_DEFLATED),
        "arrays of 4294967296 values are more than the limit of 357913940",
    ),
    "small bombs": (
        archive_of([(f"{n}.npy", npy(np.zeros((1, 10), "u1"))) for n in range(5)]),
        "arrays of 50 values are more than the limit of 40",
    ),
    "cut short": (archive_of([("a.npy", npy(np.zeros((9, 9))))])[:-30], "broken|not a zip"),
    "damaged": (archive_of([("a.npy", npy(np.zeros((9, 9))))]).replace(b"\0" * 40, b"\1" * 40, 1), "broken"),
}


@pytest.mark.parametrize(("content", "words"), ARCHIVES.values(), ids=ARCHIVES)
def test_archives_that_cannot_be_trusted_are_one_sentence(content, words):
    """Nothing is unpacked beyond the limit, nothing is unpickled."""
    limit = {"max_pixels": 10} if "limit of 40" in words else {}
    with pytest.raises(PictureError, match=rf"^x: [^\n]*({words})"):
        decoding.decode(io.BytesIO(content), name="x", options=ReadOptions(**limit))


def test_an_archive_with_two_arrays_of_one_name(recwarn):
    """Which of them would it be?"""
    content = archive_of([("a.npy", npy(np.zeros((2, 2))))] * 2)
    recwarn.clear()
    with pytest.raises(PictureError, match="two arrays of the archive have one name"):
        decoding.decode(io.BytesIO(content), name="x")
