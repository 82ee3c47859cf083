"""Pictures in, pictures out, through the whole command line: frames, formats, limits, quality."""

from pathlib import PurePath

import numpy as np
import pytest
from PIL import Image

from tests.pictures import animation, file_of, random_picture


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a GIF of three frames, a PNG and a JPEG."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "three.gif").write_bytes(animation("GIF", duration=[70, 120, 240], loop=2).getvalue())
    (tmp_path / "colour.png").write_bytes(file_of(random_picture("RGB"), "PNG", dpi=(300, 300)).getvalue())
    (tmp_path / "photo.jpg").write_bytes(file_of(random_picture("RGB", (64, 64)), "JPEG", quality=60).getvalue())
    return tmp_path


def format_and_info(path):
    """What Pillow says of a file."""
    with Image.open(path) as picture:
        return picture.format, picture.info


@pytest.mark.parametrize("extension", ["gif", "png", "webp", "tiff"])
def test_every_frame_is_pooled(folder, command, extension):
    """With durations and loop, and a report a frame."""
    result = command("pool", "three.gif", "-o", f"out.{extension}", "--mode", "avg", "--json")
    assert result.code == 0
    assert [line["report"]["input"]["frame"] for line in result.objects] == [0, 1, 2]
    with Image.open(folder / f"out.{extension}") as out:
        assert out.n_frames == 3
        assert out.size == (6, 3)
        if extension != "tiff":
            shown = []
            for number in range(3):
                out.seek(number)
                out.load()
                shown.append(out.info["duration"])
            assert shown == [70, 120, 240]


def test_one_frame(folder, command):
    """Counted from 0; one that is not there is an error of that file."""
    assert command("pool", "three.gif", "--frame", "1", "-o", "one.png", "--k", "1").code == 0
    with Image.open(folder / "one.png") as have, Image.open(folder / "three.gif") as source:
        source.seek(1)
        assert np.array_equal(np.asarray(have), np.asarray(source.convert("RGB")))
    err = command.refused("pool", "three.gif", "--frame", "3", "-o", "none.png", code=1)
    assert err == "poolcli: three.gif: no frame 3; the file has 3 frames, 0 to 2\n"
    assert not (folder / "none.png").exists()


def test_frames_into_a_format_without_are_refused_before_any_pooling(folder, command):
    """The layers are never reached, which would refuse what the picture holds."""
    Image.new("RGB", (8, 8)).save("three.tif", save_all=True, append_images=[Image.new("RGB", (8, 8))] * 2)
    words = ("pool", "three.tif", "--mode", "blur", "--ignore", "0", "-o")
    assert "--ignore none" in command.refused(*words, "flat.png", code=1)
    err = command.refused(*words, "flat.jpg", code=1)
    assert "3 frames do not fit into one JPEG; take one with --frame N, or write PNG, TIFF" in err


def test_it_is_the_output_that_has_to_fit(folder, command):
    """An ICO holds 256 pixels a side; 300 pooled by 2 are 150."""
    random_picture("RGB", (300, 300)).save(folder / "large.png")
    assert command("pool", "large.png", "-o", "small.ico").code == 0
    assert "a side of 300 pixels is more than the 256 of ICO" in command.refused(
        "pool", "large.png", "-o", "large.ico", "--k", "1", code=1
    )


def test_bits_that_do_not_fit_are_refused_before_any_pooling(folder, command):
    """16 bits into a JPEG; the layers would refuse what the picture holds."""
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(folder / "deep.png")
    words = ("pool", "deep.png", "--mode", "blur", "--ignore", "0", "-o")
    assert "--ignore none" in command.refused(*words, "out.png", code=1)
    assert "JPEG cannot hold 16-bit grey" in command.refused(*words, "deep.jpg", code=1)


@pytest.mark.parametrize(("format", "extension", "name"), [("tiff", ".tif", "TIFF"), ("JPG", ".jpg", "JPEG")])
def test_format_gives_name_and_content(folder, command, format, extension, name):
    """Beside the input, in a folder, and on stdout the content is the same."""
    assert command("pool", "colour.png", "--format", format).code == 0
    beside = folder / f"colour.max-k2s2{extension}"
    assert format_and_info(beside)[0] == name
    assert command("pool", "colour.png", "--format", format, "-o", "out/").code == 0
    assert (folder / f"out/colour{extension}").read_bytes() == beside.read_bytes()
    assert command("pool", "photo.jpg", "--format", "jpeg", "-o", "out/").code == 0
    assert (folder / "out/photo.jpg").exists()


def test_a_name_without_meaning_takes_the_format(folder, command):
    """--format decides where the extension says nothing."""
    assert command("pool", "colour.png", "--format", "webp", "-o", "result.data").code == 0
    assert format_and_info(folder / "result.data")[0] == "WEBP"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("-o", "a.psd"), "PSD is not a format that is written; allowed: PNG, JPEG"),
        (("-o", "a.xyz"), "'a.xyz': '.xyz' is no format that is written: allowed are .png .jpg"),
        (("-o", "{stem}.pdf"), "PDF is not a format that is written"),
        (("-o", "a.png", "--format", "jpeg"), "'a.png' is called a PNG and is to be written as JPEG"),
        (("--format", "psd"), "PSD is not a format that is written"),
        (("--format", "jepg"), "unknown format 'JEPG', did you mean 'JPEG'?"),
        (("--quality", "101"), "quality 101 is not allowed: give 0 to 100"),
        (("--png-level", "10"), "png level 10 is not allowed: give 0 to 9"),
        (("--frame", "-1"), "frame -1 is not allowed: frames are numbered from 0"),
        (("--max-pixels", "many"), "--max-pixels 'many' is no number: a whole number or 'none' is allowed"),
        (("--max-pixels", "0"), "a limit of 0 pixels is not allowed: give 1 or more, or none"),
    ],
)
def test_what_cannot_be_is_a_usage_error_before_any_work(folder, command, words, sentence):
    """Exit 2, nothing written."""
    before = sorted(folder.iterdir())
    assert sentence in command.refused("pool", "colour.png", *words)
    assert sorted(folder.iterdir()) == before


def test_the_limit_of_pixels_is_an_error_of_the_file(folder, command):
    """The others are done; none lifts it; frames count together."""
    result = command("pool", "colour.png", "photo.jpg", "three.gif", "-o", "out/", "--max-pixels", "100", "-q")
    assert result.code == 1
    assert (folder / "out/colour.png").exists()
    assert "photo.jpg: a picture of 4096 pixels is more than the limit of 100; if you trust the file" in result.err
    assert "three.gif: frames of 182 pixels together are more than the limit of 100" in result.err
    assert "--max-pixels" in result.err
    assert command("pool", "photo.jpg", "-o", "free/", "--max-pixels", "none").code == 0


def test_quality_level_and_strip_reach_the_encoder(folder, command):
    """Smaller files, and no note left."""

    def size(source, *words):
        assert command("pool", source, "-o", "sized." + words[0], "--k", "1", "--overwrite", *words[1:]).code == 0
        return (folder / f"sized.{words[0]}").stat().st_size

    assert size("photo.jpg", "jpg", "--quality", "20") < size("photo.jpg", "jpg")
    Image.new("RGB", (64, 64)).save("flat.png")
    assert size("flat.png", "png", "--png-level", "9") < size("flat.png", "png", "--png-level", "0")
    size("colour.png", "png")
    assert "dpi" in format_and_info(folder / "sized.png")[1]
    size("colour.png", "png", "--strip")
    assert "dpi" not in format_and_info(folder / "sized.png")[1]


def test_conversions_are_told(folder, command):
    """On stderr, and in the lines of --json."""
    random_picture("CMYK").save(folder / "ink.tif")
    result = command("pool", "ink.tif", "-o", "ink.png", "--k", 1, "--json")
    note = "CMYK was written as RGB, since PNG does not hold CMYK"
    assert f"ink.tif: {note}" in result.err
    assert [line["notes"] for line in result.objects] == [[note]]
    assert "notes" not in command("pool", "colour.png", "--k", 1, "--json").objects[0]


@pytest.mark.parametrize("words", [("pool", "--k", 3, "--s", 2), ("stack", "avg:1 max:3/2")])
def test_windows_that_leave_out_a_border(folder, command, words):
    """A note, or with --exact an error; neither where windows reach the end, by their size, padding, ceil or sizes."""
    random_picture("L", (10, 8)).save(folder / "a.png")
    left = "the windows of max:3/2 leave out the last row and the last column"
    done = command(*words, "a.png", "-o", "b.png", "--json")
    assert done.objects[0]["notes"] == [f"{left}: --exact refuses that"]
    said = command.refused(*words, "a.png", "-o", "c.png", "--exact", code=1)
    assert f"{left} of 10x8 pixels: use --ceil, padding, a --size or a crop, or leave --exact out" in said
    for more in (("--ceil",), ("--padding", "0,1,0,1"), ("--mode", "blur"), ("--mode", "aps")):
        if words[0] == "pool":
            assert (
                "notes"
                not in command(*words, "a.png", "-o", "d.png", "--exact", "--overwrite", "--json", *more).objects[0]
            )
    assert "notes" not in command("pool", "a.png", "-o", "e.png", "--size", 3, "--exact", "--json").objects[0]
    random_picture("L", (10, 8)).save(folder / "f.png")
    several = command(*words, "a.png", "f.png", "-o", "out", "--json", "--no-report")
    assert [each["notes"] for each in several.objects] == [[f"{left}: --exact refuses that"]] * 2
    assert len(several.err.splitlines()) == 1  # the summary alone
    np.save("a.npy", np.ones((9, 9)))
    assert "leave out the last row and the last column of 9x9" in command.refused(
        "pool", "a.npy", "-o", "f.npy", "--exact", code=1
    )


def test_notes_on_what_a_user_may_not_see(folder, command):
    """Channels first that are read as rows; colours of which a mean is made, however transparent. Not else."""
    np.save("chw.npy", np.ones((3, 20, 18), np.float32))
    first = command("pool", "chw.npy", "-o", "a.npy", "--k", 1, "--json").objects[0]["notes"]
    assert first == [
        "an array of 3 x 20 x 18 was read as height x width x channels: if channels come first say --layout chw"
    ]
    for name, words in (("chw.npy", ("--layout", "chw")), ("chw.npy", ("--layout", "hwc"))):
        assert "notes" not in command("pool", name, "-o", "b.npy", "--k", 1, "--overwrite", "--json", *words).objects[0]
    np.save("hwc.npy", np.ones((20, 18, 3), np.float32))
    assert "notes" not in command("pool", "hwc.npy", "-o", "c.npy", "--k", 1, "--json").objects[0]
    random_picture("RGBA", (8, 8)).save(folder / "clear.png")
    note = "colours were averaged as they are, however transparent: --premultiply weighs them by alpha"
    for mode, notes in (("avg", [note]), ("max", None)):
        done = command("pool", "clear.png", "-o", "d.png", "--mode", mode, "--overwrite", "--json").objects[0]
        assert done.get("notes") == notes
    assert "notes" not in command("pool", "clear.png", "-o", "e.png", "-m", "avg", "--premultiply", "--json").objects[0]
    for layers, notes in (("max:2 avg:2", [note]), ("avg:2 max:2", [note]), ("relu", None), ("max:2 min:2", None)):
        done = command("stack", layers, "clear.png", "-o", "f.png", "--overwrite", "--json").objects[0]
        assert done.get("notes") == notes


def test_notes_and_exact_where_a_picture_is_not_held(folder, command):
    """The same as of one that is: a border that is left out, colours averaged however transparent."""
    random_picture("RGBA", (9, 8)).save(folder / "clear.tif")
    opaque = random_picture("RGBA", (9, 8))
    opaque.putalpha(255)
    opaque.save(folder / "opaque.tif")
    for name, mode, hidden in (("clear.tif", "avg", True), ("clear.tif", "max", False), ("opaque.tif", "avg", False)):
        notes = []
        for words in ((), ("--compression", "deflate")):  # which is chosen where bands are written
            call = ("pool", name, "-o", "out.tif", "-m", mode, "--overwrite")
            notes.append(command(*call, *words, "--json").objects[0]["notes"])
            assert "leave out the last column of 9x8 pixels: use --ceil" in command.refused(
                *call, *words, "--exact", code=1
            )
        assert sorted(notes[0]) == sorted(notes[1])
        assert any("however transparent" in note for note in notes[0]) == hidden
        assert any("leave out the last column" in note for note in notes[0])


def test_folders_with_equal_names_are_never_merged(folder, command):
    """A dry run shows where each goes and says which two would meet; with a template they do not."""
    for name in ("images", "masks"):
        (folder / name).mkdir()
        random_picture("L", (4, 4)).save(folder / name / "a.png")
    tried = command("pool", "images", "masks", "-o", "out/", "--dry-run")
    both = [str(PurePath(name, "a.png")) for name in ("images", "masks", "out")]
    assert (tried.code, tried.out.splitlines()) == (2, [f"{each} -> {both[2]}" for each in both[:2]])
    assert f"'{both[0]}' and '{both[1]}' would both be written to '{both[2]}': use a template" in tried.err
    assert tried.err == command.refused("pool", "images", "masks", "-o", "out/")
    listed = command("pool", "images", "masks", "-o", "out/{parent}/{stem}.{ext}", "--dry-run")
    assert listed.out.split() == [both[0], "->", "out/images/a.png", both[1], "->", "out/masks/a.png"]
    assert not (folder / "out").exists()


def test_durable_files_are_synced(folder, command, monkeypatch):
    """The file before its new name, the folder after it."""
    calls = []
    monkeypatch.setattr("os.fsync", calls.append)
    assert command("pool", "colour.png", "-o", "safe.png", "--no-report").code == 0
    assert calls == []
    assert command("pool", "colour.png", "-o", "safe.png", "--no-report", "--durable", "--overwrite").code == 0
    assert len(calls) == 2
