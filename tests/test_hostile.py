"""Files that want to do harm, through the real command line: one sentence each, the rest done, memory bounded."""

import os
import shutil
import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from poolcli.batch.state import NAME as JOURNAL
from poolcli.images.inspection import CHUNK
from tests.batches import draw, environment
from tests.bench.facts import PEAK
from tests.pictures import chunk, file_of, png, random_picture
from tests.process import shell
from tests.test_npy import headed, npy_file

MIB = 1 << 20


def frames_of_a_gif(count):
    """A GIF of so many frames of one pixel, eight bytes of overhead each."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    return head + (b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00") * count + b";"


def pages_of_a_tiff(count):
    """A TIFF of so many pages of one pixel."""
    tags = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
            (277, 3, 1, 1), (278, 3, 1, 1), (279, 4, 1, 1)]  # fmt: skip
    out = bytearray(b"II*\0" + struct.pack("<I", 12) + bytes(4))
    for number in range(count):
        here = len(out)
        size = 2 + 12 * len(tags) + 4
        following = here + size if number < count - 1 else 0
        out += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHIHH", *tag[:3], tag[3], 0) for tag in tags)
        out += struct.pack("<I", following)
    return bytes(out)


def tiff_of_too_many_channels():
    """A TIFF of which Pillow logs an error before it gives up."""
    data = bytearray(pages_of_a_tiff(1))
    at = data.index(struct.pack("<HHI", 277, 3, 1)) + 8
    data[at : at + 2] = b"\xff\xff"
    return bytes(data)


def promised_apng(frames):
    """A PNG that says it has so many frames and has one."""
    return png((4, 4), before=[chunk(b"acTL", struct.pack(">II", frames, 0))])


def bitmap_of(width, height):
    """A BMP that says it is so large."""
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 16, 0, 0, 54) + head + bytes(16)


def icon_of(size):
    """An ICO around a PNG that says it is size x size."""
    inside = png((size, size), rows=b"")
    return struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(inside), 22) + inside


WHOLE = file_of(random_picture("RGB", (60, 50)), "PNG").getvalue()

HOSTILE = {
    "empty.png": (lambda: b"", "empty, 0 bytes"),
    "text.png": (lambda: b"hello", "not a picture"),
    "half.png": (lambda: WHOLE[: len(WHOLE) // 2], "broken or cut short"),
    "half.jpg": (lambda: file_of(random_picture("RGB", (60, 50)), "JPEG").getvalue()[:700], "broken or cut short"),
    "nothing-wide.png": (lambda: png((0, 4)), "."),
    "nothing-high.bmp": (lambda: bitmap_of(4, 0), "."),
    "bomb.png": (lambda: png((70_000, 70_000), rows=b""), "4900000000 pixels is more than the limit of 89478485"),
    "bomb.bmp": (lambda: bitmap_of(60_000, 60_000), "3600000000 pixels is more than the limit"),
    "bomb.ico": (lambda: icon_of(60_000), "."),
    "zeros.png": (lambda: png((9_000, 9_000), rows=bytes(9_000))[:-40], "."),
    "frames.gif": (lambda: frames_of_a_gif(20_000), "more than 10000 frames; take single ones with --frame N"),
    "pages.tif": (lambda: pages_of_a_tiff(10_001), "more than 10000 frames"),
    "channels.tif": (tiff_of_too_many_channels, "."),
    "promise.apng": (lambda: promised_apng(1_000_000), "."),
    "pickle.npy": (lambda: npy_file(np.array([[{}]], object), allow_pickle=True), "array of object cannot be pooled"),
    "lie.npy": (
        lambda: headed("{'descr': '<f4', 'fortran_order': False, 'shape': (100000, 100000), }", b"12"),
        "promises 40000000000 bytes",
    ),
    "script.eps": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(a) run", "never run"),
    "한글\x1b[2J.png": (lambda: b"no", "not a picture"),
}


WORDY = (("wordy.png", 1, 20 * MIB, "larger than 1 MiB"), ("wordier.png", 100, MIB, "one too many"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory with one good picture."""
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "in/good.png")
    return tmp_path


def outputs(folder):
    """What a run has left in its folder, but for its journal."""
    return sorted(path.name for path in folder.iterdir() if path.name != JOURNAL)


@pytest.mark.parametrize("name", HOSTILE)
def test_each_is_one_line_that_names_it_and_the_rest_is_done(here, command, name):
    """Exit 1; the good picture before and after it is pooled; nothing else is left."""
    build, words = HOSTILE[name]
    Path("in", name).write_bytes(build())
    draw(here / "in/zz.png")
    result = command("pool", "in/good.png", f"in/{name}", "in/zz.png", "-o", "out", "-q", "--no-report")
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert name.replace("\x1b", "\\x1b") in result.err
    assert words == "." or words in result.err
    assert outputs(here / "out") == ["good.png", "zz.png"]


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from poolcli.cli.app import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
@pytest.mark.parametrize(("name", "count", "size", "words"), WORDY)
def test_texts_that_unpack_to_too_much_are_left_out(here, command, name, count, size, words):
    """They are notes on a sound picture, which is pooled."""
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(size), 9))
    Path("in", name).write_bytes(png((4, 4), before=[text] * count))
    result = command("pool", f"in/{name}", "-o", "out/", "--no-report")
    assert result.code == 0
    assert f"a text was left out, since it is {words}" in result.err
    assert outputs(here / "out") == [name]


def test_all_of_them_at_once_in_bounded_memory(here):
    """A folder of nothing but harm and one good picture, in 2 GiB of address space."""
    for name, (build, _) in HOSTILE.items():
        if name != "pages.tif":  # 200 pages are no harm
            Path("in", name).write_bytes(build())
    Path("in/folder.png").mkdir()
    os.mkfifo("in/pipe.png")
    Path("in/zero.png").symlink_to("/dev/zero")
    Path("in/nowhere.png").symlink_to("missing")
    Path("in", os.fsdecode(b"\xff\xfe.png")).write_bytes(b"no")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "pool", "in", "-o", "out", "-q", "--no-report"],
        env=environment(),
        capture_output=True,
        check=False,
        timeout=100,
    )
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    assert done.returncode == 1
    assert all(line.startswith("poolcli: ") for line in lines), lines
    bad = {path.name for path in Path("in").iterdir()} - {"good.png", "folder.png", "script.eps"}
    assert len(lines) == len(bad), lines
    assert outputs(here / "out") == ["good.png"]


def array_of(*shape):
    """The header of a .npy of so many float64."""
    return headed(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}")


def saved(format, size=(100, 100), mode="RGB"):
    """The bytes of a random picture."""
    return file_of(random_picture(mode, size), format).getvalue()


ENDLESS = {  # what comes before zeros without end: what is said of it, and how many MiB may be in memory at most
    "zeros": (lambda: b"", "not a picture that Pillow can read", 60),
    "text": (lambda: b"1 2 3\n", "not a picture that Pillow can read", 60),
    "png": (lambda: saved("PNG")[:2000], "more than 100 x 100 pixels in PNG can take", 130),
    "jpeg": (lambda: saved("JPEG")[:-500], "more than 100 x 100 pixels in JPEG can take", 130),
    "tiff": (lambda: saved("TIFF")[:-500], "more than a TIFF with these tags can take", 130),
    "pgm": (lambda: b"P5 100 100 255\n", "more than 100 x 100 pixels in Netpbm can take", 130),
    "npy": (lambda: array_of(100, 100), "more than an array of 100 x 100 float64 can take", 130),
    "huge npy": (lambda: array_of(10**7, 10**5), "may take 80000", 60),
    "large png": (lambda: png((10_000, 10_000), rows=b""), "a picture of 100000000 pixels is more than the limit", 60),
    "tiff, tags of zeros": (lambda: b"II*\0\x08\0\0\0", "page 0 has no size", 60),
}
ENDLESS_TOO = {
    "whole png": (lambda: saved("PNG"), "more than 100 x 100 pixels in PNG can take", 130),
    "png of one endless text": (lambda: saved("PNG")[:33] + b"\x7f\xff\xff\xfftEXt", "the header of a PNG", 130),
    "jpeg without a size": (lambda: b"\xff\xd8\xff\xe0", "the header of a JPEG", 80),
    "gif": (lambda: saved("GIF"), "100 x 100 pixels in GIF", 310),
    "webp": (lambda: saved("WEBP"), "a WebP with this header", 130),
    "avif": (lambda: saved("AVIF"), "its boxes", 130),
    "jpeg 2000": (lambda: saved("JPEG2000"), "its boxes", 130),
    "bmp": (lambda: saved("BMP"), "100 x 100 pixels in BMP", 130),
    "tga": (lambda: saved("TGA")[:1000], "100 x 100 pixels in TGA", 130),
    "psd": (lambda: b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 100, 100, 8, 3), "100 pixels in PSD", 130),
    "npz": (lambda: archived(np.zeros((100, 100))), "the files of this archive", 130),
    "tiff, tags far away": (lambda: b"II*\0" + struct.pack("<I", 300_000_000), "page 0 has no size", 400),
}


def archived(*arrays):
    """A .npz."""
    stream = BytesIO()
    np.savez(stream, *arrays)
    return stream.getvalue()


def endless(often, seldom):
    """Rows for parametrize: half a second each, so most run only when asked for."""
    marked = [(row, ()) for row in often.items()] + [(row, pytest.mark.slow) for row in seldom.items()]
    return [pytest.param(*row, marks=marks, id=name) for (name, row), marks in marked]


@pytest.mark.skipif(sys.platform != "linux", reason="an endless file, and memory as Linux counts it")
@pytest.mark.parametrize(("build", "words", "most"), endless(ENDLESS, ENDLESS_TOO))
def test_an_endless_stream_ends(here, build, words, most):
    """Where the header of its format says that a picture ends; in one sentence and little memory."""
    Path("start").write_bytes(build())
    with subprocess.Popen(["cat", "start", "/dev/zero"], stdout=subprocess.PIPE) as source:
        running = subprocess.run(
            [sys.executable, "-c", PEAK, "peak", "pool", "-", "-o", "out.png"],
            env=environment(),
            stdin=source.stdout,
            stderr=subprocess.PIPE,
            timeout=100,
            check=False,
        )
        source.stdout.close()
    told = running.stderr.decode()
    assert (running.returncode, len(told.splitlines())) == (1, 1), told
    assert told.startswith("poolcli: -: ") and words in told
    assert int(Path("peak").read_text()) < most << 10
    assert not Path("out.png").exists()


@pytest.mark.parametrize("command", ["pool - -o out.png", "show - -o out.html"])
def test_endless_numbers_end(here, command):
    """At the most that is read of a text."""
    done = shell(f"yes '1 2 3' | poolcli {command}; exit ${{PIPESTATUS[1]}}")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1), done.stderr
    assert b"numbers in more than 16 MiB of text" in done.stderr


def tiff_with_tags_at_its_end(pixels):
    """As libtiff writes it."""
    height, width = pixels.shape
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: pixels.size}
    entries = b"".join(struct.pack("<HHII", code, 4, 1, value) for code, value in tags.items())
    start = b"II*\0" + struct.pack("<I", 8 + pixels.size)
    return start + pixels.tobytes() + struct.pack("<H", len(tags)) + entries + bytes(4)


LARGE = {
    "png": lambda: saved("PNG", (1500, 1400)),
    "tif": lambda: tiff_with_tags_at_its_end(np.asarray(random_picture("L", (1500, 1400)))),
    "npy": lambda: npy_file(np.random.default_rng(1).random((700, 800))),
    "jpg": lambda: saved("JPEG", (2500, 2400)),
    "npz": lambda: archived(np.random.default_rng(1).random((700, 800))),
    "gif": lambda: saved("GIF", (1500, 1400), "L"),
    "webp": lambda: file_of(random_picture("RGB", (900, 800)), "WEBP", lossless=True).getvalue(),
    "avif": lambda: file_of(random_picture("RGB", (900, 800)), "AVIF", quality=100).getvalue(),
    "jp2": lambda: saved("JPEG2000", (900, 800)),
    "ppm": lambda: saved("PPM", (900, 800)),
    "bmp": lambda: saved("BMP", (900, 800)),
    "tga": lambda: saved("TGA", (900, 800)),
}


@pytest.mark.parametrize(
    "extension", [*list(LARGE)[:3], *(pytest.param(name, marks=pytest.mark.slow) for name in list(LARGE)[3:])]
)
def test_a_large_stream_is_taken_whole(here, extension):
    """More than is read before its header is looked at; as the same file."""
    source = Path(f"large.{extension}")
    source.write_bytes(LARGE[extension]())
    assert source.stat().st_size > CHUNK
    named = shell(f"poolcli pool {source} -o a.npy --no-report")
    done = shell(f"cat {source} | poolcli pool - -o b.npy --no-report")
    assert (named.returncode, done.returncode) == (0, 0)
    assert done.stderr == named.stderr.replace(source.name.encode(), b"-")  # what an array has no room for
    assert Path("a.npy").read_bytes() == Path("b.npy").read_bytes()


KERNELS = {
    "nan.json": (b"[[1, NaN], [1, 1]]", "."),
    "nan.txt": (b"1 nan\n1 1", "."),
    "infinite.txt": (b"1e999", "."),
    "ragged.txt": (b"1 2\n3", "."),
    "empty.txt": (b"", "."),
    "words.txt": (b"one two", "no kernel in it"),
    "object.json": (b'[{"a": 1}]', "no kernel in it"),
    "deep.json": (b"[" * 100_000, "no kernel in it"),
    "binary.txt": (bytes(range(256)), "."),
    "large.txt": (b"1 " * (10_000 * 10_000 // 100) + b"\n", "."),
}


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_that_are_none_are_a_usage_error(here, command, name):
    """Exit 2, before anything is read or written."""
    content, words = KERNELS[name]
    Path(name).write_bytes(content)
    err = command.refused("pool", "in/good.png", "--filter", name, "-o", "out.png")
    assert name in err
    assert words == "." or words in err
    assert err.count("\n") == 1
    assert not Path("out.png").exists()


def test_a_kernel_of_ten_thousand_by_ten_thousand_is_not_read(here, command):
    """A file of 200 MB, sparse."""
    with Path("huge.txt").open("wb") as stream:
        stream.truncate(200_000_000)
    assert "'huge.txt' is larger than" in command.refused("pool", "in/good.png", "--filter", "huge.txt", "-o", "o.png")


DIGITS = "9" * 5000
HEADS = {  # the sides of an array that nothing holds, each as NumPy takes it or raises something of its own
    "true": "(True, 4)",
    "float": "(2.0, 4)",
    "negative": "(-2, 4)",
    "both": "(-2, -4)",
    "empty": f"({2**70}, 0)",
    "huge": f"({2**70}, 4)",
    "none": "(None, 4)",
    "text": "('2', '4')",
    "digits": f"({DIGITS}, 4)",
    "many": f"({'1, ' * 70})",
}


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("budgets", [{}, {"largest": 1}], ids=["held", "in bands"])
def test_sides_that_are_none_cost_that_array_alone(here, command, name, budgets):
    """One line that names it, whichever way it is read; the rest of the batch is done."""
    header = f"{{'descr': '<u2', 'fortran_order': False, 'shape': {HEADS[name]}, }}"
    Path("in/bad.npy").write_bytes(headed(header, bytes(16)))
    words = ("pool", "in/good.png", "in/bad.npy", "in/good.png", "-o", "out", "-q", "--memory", "1G")
    result = command(*words, **budgets)
    assert (result.code, result.err.count("\n")) == (1, 1), result.err
    assert result.err.startswith("poolcli: in/bad.npy: ")
    assert (here / "out/good.png").exists()


NO_NUMBERS = {
    "1e308.json": f"[[1{'0' * 400}, 1]]",
    "digits.json": f"[[{DIGITS}, 1]]",
    "digits.txt": f"1 {DIGITS}",
}


@pytest.mark.parametrize("name", NO_NUMBERS)
def test_kernel_numbers_that_no_float_holds(here, command, name):
    """Whole numbers above 1e308, and of more digits than Python reads."""
    Path(name).write_text(NO_NUMBERS[name])
    assert f"kernel file '{name}': " in command.refused("pool", "in/good.png", "--filter", name, "-o", "o.png")


RECIPES = {
    "digits": (f"layers = {DIGITS}", "it is not TOML"),
    "key": ('layers = "max:2"\nlayer = "avg:2"', "it holds 'layer', which no recipe has"),
    "table": ('layers = "max:2"\n[more]\nx = 1', "it holds 'more'"),
    "number": ("layers = 3", "it holds no layers"),
    "list": ("layers = [3]", "it holds no layers"),
    "nothing": ("", "it holds no layers"),
    "deep": ("x = " + "[" * 30_000, "it is not TOML"),
    "large": ('layers = "max:2"\n' + "#" * (1 << 16), "it is larger than 65536 bytes"),
    "dots": (".".join("a" * 30_000) + " = 1", "a line of it holds 29999 dots"),
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_files_that_are_none(here, command, name):
    """Exit 2, one line, nothing read or written."""
    text, words = RECIPES[name]
    Path("recipe.toml").write_text(text)
    err = command.refused("stack", "--recipe", "recipe.toml", "in/good.png", "-o", "o.png")
    assert "recipe file 'recipe.toml': " in err and words in err, err


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
def test_dotted_keys_take_no_gigabytes(here):
    """TOML's reader keeps every prefix of a dotted key."""
    lines = ['layers = "max:2"', *(".".join([f"a{number}", *"b" * 180]) + " = 1" for number in range(170))]
    Path("recipe.toml").write_text("\n".join(lines))
    assert Path("recipe.toml").stat().st_size < 1 << 16
    limited = LIMITED.replace("2 << 30", "300 << 20")
    words = [sys.executable, "-c", limited, "stack", "--recipe", "recipe.toml", "in/good.png", "-o", "o.png"]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "it holds 'a0', which no recipe has" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["pool", "in/good.png", "--shift", f"1,-{'9' * 400}"],
        ["pool", "in/good.png", "--shift", f"{'9' * 4000},0"],
        ["stack", f"conv:gauss/{'9' * 400}", "in/good.png"],
    ],
)
def test_numbers_that_no_picture_has(here, command, words):
    """They are read, and then nothing could be done with them."""
    assert "allowed" in command.refused(*words, "-o", "o.png")


UNNAMED = {
    "zeros": (["--files-from", "/dev/zero"], "holds a NUL"),
    "zeros ended": (["--files-from", "/dev/zero", "-0"], "nothing but empty names"),
    "letters": (["--files-from", "letters"], "longer than 65536 bytes"),
    "letters ended": (["--files-from", "letters", "-0"], "longer than 65536 bytes"),
}


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no endless file here")
@pytest.mark.parametrize("name", UNNAMED)
def test_a_list_that_is_none_ends(here, name):
    """Before it fills the memory."""
    words, sentence = UNNAMED[name]
    Path("letters").write_bytes(b"a" * (16 << 20))
    limited = LIMITED.replace("2 << 30", "300 << 20")
    done = subprocess.run(
        [sys.executable, "-c", limited, "pool", *words, "-o", "out"],
        env=environment(), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, sentence in done.stderr, done.stderr.count("\n")) == (2, True, 1), done.stderr


@pytest.mark.parametrize("template", ["out/{stem}/x.png", "out/{stem}/{stem}.{ext}", "out/{parent}/{stem}/x.png"])
def test_no_name_leads_out_of_a_template(here, command, template):
    """A file called `...png` has the stem `..`."""
    shutil.copy("in/good.png", "in/...png")
    result = command("pool", "in/...png", "-o", template, "--no-report")
    assert result.code == 0, result.err
    assert sorted(path.name for path in here.iterdir()) == ["in", "out"]
    assert len([path for path in (here / "out").rglob("*") if path.is_file()]) == 1


@pytest.mark.skipif(os.name == "nt", reason="no such name there")
def test_a_separator_in_a_name_is_none_in_a_template(here, command):
    """A backslash separates folders elsewhere."""
    shutil.copy("in/good.png", "in/..\\..\\b.png")
    result = command("pool", "in/..\\..\\b.png", "-o", "out/{stem}.{ext}", "--no-report")
    assert (result.code, outputs(here / "out")) == (0, [".._.._b.png"])


NARROW = {  # kilobytes of address space, and how many threads OpenBLAS is told to start
    "too narrow for NumPy": ("60000", "1"),
    "for its threads": ("125000", "2"),
    "for a picture": ("160000", "1"),
    "for a picture in threads": ("200000", "2"),
}
NARROWER = {f"{limit} {threads}": (str(limit), threads) for limit in range(20_000, 500_000, 24_000) for threads in "14"}
LITTLE = [
    *(pytest.param(*row, "pool large.png -o out.png", id=name) for name, row in NARROW.items()),
    pytest.param("180000", "1", "pool - -o - <large.png >/dev/null", id="for linear algebra"),
    *(
        pytest.param(*row, words, id=f"{words} {name}", marks=pytest.mark.slow)
        for name, row in NARROWER.items()
        for words in (
            "pool large.png -o out.jpg --report html",
            "pool large.png -o out.png --mode majority --filter gauss",
            "pool - -o - <large.png >/dev/null",
            "compare in/good.png",
            "show in/good.png -o out.html",
        )
    ),
]


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A picture of 12 megapixels."""
    return draw(tmp_path_factory.mktemp("large") / "large.png", 1, (3000, 4000))


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
@pytest.mark.parametrize(("limit", "threads", "words"), LITTLE)
def test_in_little_memory_it_is_done_or_refused_in_a_sentence(here, large, limit, threads, words):
    """Whatever library is the one that gets none."""
    Path("large.png").symlink_to(large)
    done = shell(f"ulimit -v {limit}; poolcli {words}", OPENBLAS_NUM_THREADS=threads)
    told = done.stderr.decode()
    assert done.returncode in (0, 1), told
    assert "Traceback" not in told and "unexpected" not in told
    if done.returncode:
        most = 1 + ("--report" in words)  # whose page may not fit either
        assert all(line.startswith("poolcli: ") for line in told.splitlines()), told
        assert 1 <= len(told.splitlines()) <= most, told
        assert not list(here.glob("out*"))
    assert not list(here.rglob("*.part"))
