"""Arrays in files: read by memory map, headers checked before anything is believed, never a pickle."""

import mmap
from io import BytesIO

import numpy as np
import pytest

from poolcli.errors import PictureError
from poolcli.images import decoding, encoding
from poolcli.images.arrays import DTYPES
from poolcli.images.frame import Frame, Picture


def npy_file(array, **options):
    """`array` as a .npy file in memory."""
    stream = BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def headed(header, data=b"", version=1):
    """A .npy file with this text as its header."""
    text = header.encode() + b"\n"
    size = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + data


def read(content):
    """The pixels of a .npy file in memory."""
    return decoding.decode(BytesIO(content), name="a.npy").frames[0].pixels


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_and_order_from_memory_and_by_map(tmp_path, dtype, byte_order, order):
    """The array that NumPy saved, native."""
    values = np.random.default_rng(3).integers(0, 2, (4, 5, 3)).astype(np.dtype(dtype).newbyteorder(byte_order))
    content = npy_file(np.asarray(values, order=order))
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    for have in (read(content), decoding.decode(path, name="a.npy").frames[0].pixels):
        assert have.dtype == dtype
        assert have.dtype.isnative
        assert np.array_equal(have, values)


def test_a_file_is_mapped_and_not_read(tmp_path):
    """Where its bytes are in the machine's order."""
    np.save(tmp_path / "a.npy", np.zeros((3, 4), np.float32))
    pixels = decoding.decode(tmp_path / "a.npy", name="a").frames[0].pixels
    base = pixels
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(getattr(base, "obj", base), mmap.mmap)
    assert not pixels.flags.writeable


@pytest.mark.parametrize("pixels", [np.zeros((3, 4), "bool"), np.arange(24.0).reshape(2, 3, 4), np.ones((2, 2), ">i2")])
def test_what_is_written_is_what_numpy_loads(pixels):
    """Without a pickle, C order."""
    stream = BytesIO()
    encoding.encode(Picture("NPY", (Frame(pixels, "x"),), "x"), stream, format="NPY")
    have = np.load(BytesIO(stream.getvalue()), allow_pickle=False)
    assert have.dtype == pixels.dtype
    assert np.array_equal(have, pixels)


def test_bytes_that_are_no_truth_value_are_true():
    """A file may hold anything where bool is promised."""
    content = headed("{'descr': '|b1', 'fortran_order': False, 'shape': (1, 3), }", bytes([0, 1, 7]))
    assert read(content).view(np.uint8).tolist() == [[0, 1, 1]]


LIES = {
    "promises more than there is": (
        headed("{'descr': '<f4', 'fortran_order': False, 'shape': (100000, 100000), }", b"12"),
        "promises 40000000000 bytes of array and the file holds 2",
    ),
    "a size that overflows": (
        headed("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", b"12"),
        "promises 147573952589676412928 bytes",
    ),
    "pickled objects": (npy_file(np.array([[{}]], object), allow_pickle=True), "array of object cannot be pooled"),
    "texts": (npy_file(np.array([["a"]])), r"array of <U1 cannot be pooled; allowed: bool"),
    "records": (npy_file(np.zeros((2, 2), [("x", "f4")])), "cannot be pooled"),
    "complex numbers": (npy_file(np.zeros((2, 2), complex)), "array of complex128 cannot be pooled"),
    "no pixels": (npy_file(np.zeros((0, 4))), "array of 0 x 4 has no pixels"),
    "a negative side": (headed("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 4), }"), "no pixels|header"),
    "code as a header": (headed("__import__('os').system('true')"), "header cannot be read"),
    "no header": (b"\x93NUMPY", "header cannot be read"),
    "half a header": (npy_file(np.zeros((2, 2)))[:40], "header cannot be read"),
    "a header of 4 GiB": (b"\x93NUMPY\x02\0\xff\xff\xff\xff{}", "header cannot be read"),
    "a long header": (headed("{" + " " * 60_000 + "}"), "header cannot be read"),
    "deep brackets": (headed("(" * 9_000), "header cannot be read"),
    "an unknown version": (b"\x93NUMPY\x09\0" + b"\0" * 40, "header cannot be read"),
    "a wrong dtype": (headed("{'descr': '<q9', 'fortran_order': False, 'shape': (1, 1), }"), "header cannot be read"),
}


@pytest.mark.parametrize(("content", "words"), LIES.values(), ids=LIES)
def test_headers_that_lie_are_one_sentence(content, words):
    """Nothing is allocated for them, nothing is run."""
    with pytest.raises(PictureError, match=rf"^a\.npy: [^\n]*({words})") as error:
        read(content)
    assert "\n" not in str(error.value)
