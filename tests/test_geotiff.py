"""GeoTIFF: no-data values read as the dtype holds them, and the place on the map of what is pooled."""

import shutil
import subprocess
from io import BytesIO

import numpy as np
import pytest
import tifffile

from poolcli.images import decoding
from tests.images import assert_same
from tests.test_tiff import paged

NODATA = 42113


def declared(text, dtype, **page):
    """What `decoding.decode` says of the no-data values of a file that declares `text`."""
    data = np.zeros((4, 4), dtype)
    tags = [(NODATA, 2, None, text.encode() + b"\0", False)]
    content = paged([{"data": data, "photometric": "minisblack", "extratags": tags} | page])
    return decoding.decode(BytesIO(content), name="x").frames[0].nodata


@pytest.mark.parametrize(
    ("text", "dtype", "values"),
    [
        ("0", "uint8", (0,)),
        ("255.0", "uint8", (255,)),
        (" 2.55e2 ", "uint8", (255,)),
        ("256", "uint8", ()),
        ("-9999", "uint8", ()),
        ("0.5", "uint8", ()),
        ("nan", "uint8", ()),
        ("no data", "int16", ()),
        ("-9999", "int16", (-9999,)),
        ("9223372036854775807", "int64", (2**63 - 1,)),
        ("18446744073709551615", "uint64", (2**64 - 1,)),
        ("-3.4028234663852886e+38", "float32", (float(np.finfo(np.float32).min),)),
        ("-3.40282346638529e+38", "float32", (float(np.finfo(np.float32).min),)),
        ("-1e39", "float32", ()),
        ("-1.7976931348623157e+308", "float64", (float(np.finfo(np.float64).min),)),
        ("-inf", "float32", (-np.inf,)),
        ("1", "bool", (1,)),
        ("2", "bool", ()),
    ],
)
def test_no_data_values_are_those_of_the_dtype(text, dtype, values):
    """Whole numbers exactly; floats as the nearest; what the dtype cannot hold stands for nothing."""
    assert declared(text, dtype) == values


def test_no_data_may_be_nan():
    """Which equals nothing, itself neither."""
    (value,) = declared("nan", "float32")
    assert np.isnan(value)


def test_no_data_is_inverted_with_the_pixels():
    """Of WhiteIsZero."""
    assert declared("255", "uint8", photometric="miniswhite") == (0,)
    assert declared("1", "uint16", photometric="miniswhite") == (65534,)


def test_no_data_of_a_palette_is_its_colour_if_no_other_index_has_it():
    """Where it is pooled as colours."""
    colours = np.zeros((3, 256), np.uint16)
    colours[:, 1:] = np.arange(1, 256) * 257
    assert declared("7", "uint8", photometric="palette", colormap=colours) == ((7, 7, 7),)
    colours[:, 8] = colours[:, 7]
    assert declared("7", "uint8", photometric="palette", colormap=colours) == ()


HEIGHT, WIDTH, ACROSS, DOWN, WEST, NORTH = 24, 30, 10.0, 5.0, 500_000.0, 4_100_000.0
AREA, POINT = 1, 2  # what GTRasterTypeGeoKey says of the numbers of pixels


def placed(kind=AREA, matrix=False, **page):
    """A map whose two bands hold the row and the column of each pixel, the outer corner of the first at (WEST, NORTH).

    `matrix`: with a transformation in place of scale and tie point.
    """
    half = 0.5 if kind == POINT else 0
    west, north = WEST + half * ACROSS, NORTH - half * DOWN
    place = [
        (33550, 12, 3, (ACROSS, DOWN, 0.0), False),
        (33922, 12, 6, (0.0, 0.0, 0.0, west, north, 0.0), False),
    ]
    if matrix:
        numbers = (ACROSS, 0.0, 0.0, west, 0.0, -DOWN, 0.0, north, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
        place = [(34264, 12, 16, numbers, False)]
    keys = (34735, 3, 8, (1, 1, 0, 1, 1025, 0, 1, kind), False)
    data = np.stack(np.mgrid[:HEIGHT, :WIDTH]).astype(np.float32)
    return paged(
        [{"data": data, "photometric": "minisblack", "planarconfig": "separate", "extratags": [*place, keys]} | page]
    )


def where(path):
    """(row, column) of the middles of the pixels of a map, in pixels of `placed`; and the pixels."""
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        tags, data = (
            {code: page.tags[code].value for code in (33550, 33922, 34264, 34735) if code in page.tags},
            page.asarray(),
        )
    half = 0.5 if tags[34735][7] == AREA else 0
    i, j = (np.arange(n) + half for n in data.shape[-2:])
    if 34264 in tags:
        matrix = np.reshape(tags[34264], (4, 4))
        (across, west), (down, north) = (matrix[0, 0], matrix[0, 3]), (-matrix[1, 1], matrix[1, 3])
    else:
        (across, down, _), (at, above, _, west, north, _) = tags[33550], tags[33922]
        i, j = i - above, j - at
    rows, columns = (NORTH - (north - i * down)) / DOWN, (west + j * across - WEST) / ACROSS
    return rows - 0.5, columns - 0.5, data


LINEAR = [
    *("avg:2", "avg:3/2+1", "avg:3x2/2x3", "avg:2/3@2", "stride:3", "stride:3/2@2", "avg:2 avg:3/2"),
    *("blur:3/2", "blur:4/2", "blur:5x3/3x2", "conv:box/2", "conv:box blur:3/2", "stride:2 blur:3/2"),
    *("aps:3/2", "aps:2/3", "avg:2 aps:3/2", "aps:3/2 aps:3/2"),
]


@pytest.mark.parametrize("kind", [AREA, POINT])
@pytest.mark.parametrize("matrix", [False, True])
@pytest.mark.parametrize("recipe", LINEAR)
def test_outputs_lie_on_the_map_where_what_they_see_lies(tmp_path, command, recipe, kind, matrix):
    """The mean of the rows and columns that an output sees is its value here; so it stands where its value says."""
    (tmp_path / "a.tif").write_bytes(placed(kind, matrix))
    result = command("stack", recipe, tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--no-report")
    assert result.code == 0, result.err
    rows, columns, data = where(tmp_path / "b.tif")
    inside = slice(2, -3)  # where nothing beyond the border is seen
    assert np.allclose(data[0, inside, 2], rows[inside], atol=1e-4)
    assert np.allclose(data[1, 2, inside], columns[inside], atol=1e-4)


@pytest.mark.parametrize("recipe", ["avg:2", "avg:3/2+1", "stride:3"])
def test_a_tie_point_may_be_any_pixel(tmp_path, command, recipe):
    """Not the first one alone: what is at its place on the map is another pixel then."""
    at, above = 7.0, 9.0
    place = [
        (33550, 12, 3, (ACROSS, DOWN, 0.0), False),
        (33922, 12, 6, (at, above, 0.0, WEST + at * ACROSS, NORTH - above * DOWN, 0.0), False),
        (34735, 3, 8, (1, 1, 0, 1, 1025, 0, 1, AREA), False),
    ]
    (tmp_path / "a.tif").write_bytes(placed(extratags=place))
    assert command("stack", recipe, tmp_path / "a.tif", "-o", tmp_path / "b.tif").code == 0
    rows, columns, data = where(tmp_path / "b.tif")
    assert np.allclose(data[0, 1:-1, 2], rows[1:-1])
    assert np.allclose(data[1, 2, 1:-1], columns[1:-1])


@pytest.mark.parametrize("kind", [AREA, POINT])
def test_output_sizes_keep_the_extent(tmp_path, command, kind):
    """Windows of differing sizes lie on no regular grid; the picture does not move."""
    (tmp_path / "a.tif").write_bytes(placed(kind))
    for recipe, height, width in (("avg:size=7x5", 7, 5), ("avg:2 max:size=5", 5, 5), ("max:size=6x10", 6, 10)):
        assert command("stack", recipe, tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--overwrite").code == 0
        rows, columns, _ = where(tmp_path / "b.tif")
        for middles, count, size in ((rows, height, HEIGHT), (columns, width, WIDTH)):
            assert np.allclose(middles, (np.arange(count) + 0.5) * size / count - 0.5)


def test_control_points_become_pixels_of_other_numbers(tmp_path, command):
    """Tie points without a scale: the points of the map stay."""
    points = (0.0, 0.0, 0.0, 7.0, 50.0, 0.0, 30.0, 0.0, 0.0, 8.0, 50.0, 0.0, 0.0, 24.0, 0.0, 7.0, 49.0, 0.0)
    (tmp_path / "a.tif").write_bytes(placed(extratags=[(33922, 12, 18, points, False)]))
    assert (
        command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--k", "3", "--s", "2", "--padding", "1").code
        == 0
    )
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        found = np.reshape(file.pages[0].tags[33922].value, (3, 6))
    expected = np.reshape(points, (3, 6))
    expected[:, :2] = (expected[:, :2] + 0.5) / 2  # the first window begins at -1, so that its pixel begins at -1/2
    assert np.array_equal(found, expected)


def test_the_map_is_pooled_as_the_case_says(tmp_path, command):
    """Pixel scale 10 to 20, origin and no-data value kept; what was true of the values before goes, the rest stays."""
    kept = '<GDALMetadata>\n  <Item name="what">dem</Item>\n</GDALMetadata>'
    about = kept.replace(">\n  <", '>\n  <Item name="STATISTICS_MEAN" sample="0">5</Item>\n  <', 1).encode()
    tags = [
        (33550, 12, 3, (10.0, 10.0, 0.0), False),
        (33922, 12, 6, (0.0, 0.0, 0.0, WEST, NORTH, 0.0), False),
        (42112, 2, None, about + b"\0", False),
        (NODATA, 2, None, b"-9999\0", False),
    ]
    for dtype in ("float32", "int16"):  # by Pillow and by tifffile
        (tmp_path / "a.tif").write_bytes(
            paged([{"data": np.ones((4, 4), dtype), "photometric": "minisblack", "extratags": tags}])
        )
        assert command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--overwrite").code == 0
        with tifffile.TiffFile(tmp_path / "b.tif") as file:
            found = {code: file.pages[0].tags[code].value for code in (33550, 33922, 42112, NODATA)}
        assert found[33550] == (20.0, 20.0, 0.0)
        assert found[33922] == (0.0, 0.0, 0.0, WEST, NORTH, 0.0)
        assert found[NODATA] == "-9999"
        assert found[42112] == kept


def test_what_other_formats_lose_of_a_map_is_named(tmp_path, command):
    """The place and the no-data value."""
    tags = [(33550, 12, 3, (10.0, 10.0, 0.0), False), (NODATA, 2, None, b"0\0", False)]
    (tmp_path / "a.tif").write_bytes(paged([{"data": np.ones((4, 4), np.uint8), "extratags": tags}]))
    result = command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.png", "--no-report")
    for what in ("the place on the map", "the no-data value"):
        assert f"{what} was dropped, since PNG has no room for it" in result.err
    result = command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.npy", "--no-report")
    assert "the no-data value was dropped, since NPY has no room for it" in result.err


@pytest.mark.parametrize(
    ("dtype", "photometric"),
    [("uint8", "miniswhite"), *((dtype, "minisblack") for dtype in ("uint8", "int16", "float32", "float64"))],
)
def test_no_data_counts_in_no_window_and_comes_out_where_nothing_is_valid(tmp_path, command, dtype, photometric):
    """The mean of the valid values, in every dtype and in stored values of WhiteIsZero; the tag stays as it was."""
    rng = np.random.default_rng(5)
    data = rng.integers(1, 120, (8, 10)).astype(dtype)
    data[rng.random(data.shape) < 0.4], data[:2, :2] = 200, 200
    tags = [(NODATA, 2, None, b"200\0", False)]
    (tmp_path / "a.tif").write_bytes(paged([{"data": data, "photometric": photometric, "extratags": tags}]))
    assert command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--mode", "min", "--no-report").code == 0
    windows = data.reshape(4, 2, 5, 2).swapaxes(1, 2).reshape(4, 5, 4)
    best = max if photometric == "miniswhite" else min  # the darkest of brightness
    expected = [[best([v for v in window if v != 200], default=200) for window in row] for row in windows.tolist()]
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert np.array_equal(file.pages[0].asarray(), np.array(expected, dtype))
        assert file.pages[0].tags[NODATA].value == "200"


def test_a_place_that_would_not_be_true_is_dropped(tmp_path, command):
    """Of a picture that is turned upright, or in numbers that mean nothing."""
    scale, points = (33550, 12, 3, (10.0, 10.0, 0.0), False), (33922, 12, 6, (0.0,) * 6, False)
    for tags, words in (
        ([scale, points, (274, 3, 1, 6, False)], "is that of a turned picture"),
        ([points, (33550, 12, 2, (1.0, 1.0), False)], "is broken"),
    ):
        (tmp_path / "a.tif").write_bytes(paged([{"data": np.ones((4, 6), np.int16), "extratags": tags}]))
        result = command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--no-report", "--overwrite")
        assert f"the place on the map was dropped, since it {words}" in result.err
        with tifffile.TiffFile(tmp_path / "b.tif") as file:
            assert not {33550, 33922} & {tag.code for tag in file.pages[0].tags}


def warped(tmp_path, command, image, mode, k):
    """(ours, gdalwarp's) of a map of whole blocks that declares -9999."""
    height, width = image.shape[:2]
    place = [(33550, 12, 3, (1.0, 1.0, 0.0), False), (33922, 12, 6, (0.0, 0.0, 0.0, 0.0, float(height), 0.0), False)]
    page = {"data": image, "photometric": "rgb" if image.ndim == 3 else "minisblack"}
    (tmp_path / "a.tif").write_bytes(paged([page | {"extratags": [*place, (NODATA, 2, None, b"-9999\0", False)]}]))
    ours = command("pool", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "-m", mode, "--k", k, "--no-report")
    assert ours.code == 0, ours.err
    way = {"avg": "average", "majority": "mode"}[mode]
    words = ["gdalwarp", "-q", "-r", way, "-tr", str(k), str(k), "-te", "0", "0", str(width), str(height)]
    subprocess.run([*words, tmp_path / "a.tif", tmp_path / "c.tif"], check=True, timeout=60)
    return tuple(tifffile.imread(tmp_path / name) for name in ("b.tif", "c.tif"))


def with_holes(rng, image, k):
    """A third of the values is no-data, and everything in the first windows."""
    image[rng.random(image.shape) < 0.3] = -9999
    image[: 2 * k, : 2 * k] = -9999
    return image


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gdalwarp") is None, reason="gdal-bin")
@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("k", [2, 3, 4, 5, 7, 8, 9, 16])
def test_means_are_those_of_gdal(tmp_path, command, k, channels, holes):
    """To the last bit of float32, of values small and large; also where a no-data value is only declared."""
    rng = np.random.default_rng(k)
    size = (12 * k, 15 * k, *channels)
    image = (rng.standard_normal(size) * 10.0 ** rng.integers(-3, 6, size)).astype(np.float32)
    have, expected = warped(tmp_path, command, with_holes(rng, image, k) if holes else image, "avg", k)
    assert have.shape == (12, 15, *channels)
    assert (have == -9999).any() == holes
    assert_same(have, expected)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gdalwarp") is None, reason="gdal-bin")
@pytest.mark.parametrize("k", [2, 4, 5])
def test_votes_are_counted_without_no_data(tmp_path, command, k):
    """As a plain count has it, which is GDAL's wherever one value has most votes."""
    rng = np.random.default_rng(k)
    image = with_holes(rng, rng.integers(0, 5, (12 * k, 15 * k)).astype(np.float32), k)
    have, expected = warped(tmp_path, command, image, "majority", k)
    assert have.shape == expected.shape == (12, 15)
    for row, col in np.ndindex(have.shape):
        values = image[row * k : (row + 1) * k, col * k : (col + 1) * k].ravel().tolist()
        counts = {value: values.count(value) for value in {*values} - {-9999.0}} or {-9999.0: 1}
        best = sorted(value for value, count in counts.items() if count == max(counts.values()))
        assert have[row, col] == best[0]
        assert len(best) > 1 or expected[row, col] == best[0]
