"""The page's own pooling (page/engine.js), in a real browser: the numbers of the tool, for random settings."""

import json
import random
import re
from importlib.resources import files

import numpy as np
import pytest

import poolcli
from poolcli.errors import PoolcliError
from poolcli.ops.modes import MODES, OPTIONS
from poolcli.recipe import parse_recipe
from poolcli.reports.interactive import PAGE_MODES, page_layers, page_picture

ENGINE = files("poolcli.reports").joinpath("page", "engine.js").read_text("utf-8")
DTYPES = ["bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))]
DTYPES += ["float16", "float32", "float64"]
FILTERS = [
    "identity",
    "box",
    "gauss",
    "sharpen",
    "laplace",
    "edge",
    "sobel-v",
    "prewitt-h",
    "scharr-v",
    "line-d1",
    "box5",
]
EDGES = ["", ",edge=symmetric", ",edge=zero", ",edge=wrap", ",edge=replicate"]
RUN = """
  const number = (value) => typeof value === "string" ? Number(value) : value;
  return JSON.parse(arguments[0]).map(({picture, layers}) => {
    const out = engine.run(engine.unpacked(picture), layers).at(-1);
    return [out.height, out.width, out.dtype, Array.from(out.values, (v) => Number.isFinite(v) ? v : String(v))];
  });"""


MEASURE = """
  return JSON.parse(arguments[0]).map(({picture, layers, shift}) => {
    const found = engine.measure(engine.unpacked(picture), layers, shift);
    const side = (each) => each && Object.fromEntries(
      ["pixels", "changed", "fraction", "compared", "mae", "spread"].map((name) => [name, each[name]]));
    return {...found, stages: null, raw: side(found.raw), dense: side(found.dense), pooled: side(found.pooled)};
  });"""


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """A page that holds nothing but the engine's functions, which every script may call."""
    path = tmp_path_factory.mktemp("engine") / "engine.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><title>engine</title><script>{ENGINE}</script>", "utf-8")
    browser.open(path)
    return browser


def ask(page, script, cases):
    """What a script returns for these cases."""
    return page.run(script, json.dumps(cases))


def random_picture(choose, dtype):
    """A small one: few values or many, now and then one that is no number."""
    draw = np.random.default_rng(choose.getrandbits(32))
    shape = (choose.randint(1, 14), choose.randint(1, 14), *choose.choice([(), (3,), (4,)]))
    few = choose.random() < 0.5
    if dtype == "bool":
        return draw.integers(0, 2, shape).astype(bool)
    if dtype.startswith("float"):
        image = draw.integers(-2, 3, shape).astype(float) if few else draw.normal(0, 10, shape)
        if choose.random() < 0.2:
            image.flat[draw.integers(0, image.size, 2)] = choose.choice([np.nan, np.inf, -np.inf])
        return image.astype(dtype)
    limits = np.iinfo(dtype)
    low, high = (max(limits.min, -2), 3) if few else (max(limits.min, -(2**33)), min(limits.max, 2**33))
    return draw.integers(low, high, shape, endpoint=True).astype(dtype)


def random_pooling(choose):
    """Any mode, window, stride, padding and option that the page computes."""
    mode, most = choose.choice([*PAGE_MODES]), choose.choice([4, 6, 11])
    k = choose.randint(1, most), choose.randint(1, most)
    if mode == "blur":
        k = choose.randint(1, 7), choose.randint(1, 7)
    text = f"{mode}:{k[0]}x{k[1]}" + choose.choice(["", "/1", "/2", "/3"])
    if mode == "blur":
        return text + choose.choice(EDGES)
    if mode == "stride":
        return text
    sides = "x".join(str(choose.randint(0, each - 1)) for each in (k[0], k[0], k[1], k[1]))
    text += choose.choice(["", "", "", "+same", "+same-lower", "+wrap", f"+{sides}"])
    text += choose.choice(["", "", "", "@2"]) + choose.choice(["", "", ",ceil"])
    if mode == "majority":
        return text + choose.choice(["", "", ",per-channel", ",ties=largest", ",ties=first"])
    return text + (",exclude-pad" if mode == "avg" and choose.random() < 0.3 else "")


def random_recipe(choose):
    """Perhaps a filter, perhaps an activation, one pooling or two."""
    layers = []
    if choose.random() < 0.5:
        layers.append(f"conv:{choose.choice(FILTERS)}{choose.choice(['', '', '/2'])}{choose.choice(EDGES)}")
        layers += choose.choice([[], ["relu"], ["abs"]])
    return " ".join([*layers, *(random_pooling(choose) for _ in range(choose.choice([1, 1, 2])))])


def random_cases(choose, count):
    """(text, picture, whether its last channel is alpha, output) of settings that the tool takes."""
    while count:
        text, image = random_recipe(choose), random_picture(choose, choose.choice(DTYPES))
        alpha = image.shape[2:] == (4,) and choose.random() < 0.5
        try:
            with np.errstate(all="ignore"):
                yield text, image, alpha, parse_recipe(text)(image, alpha=alpha)
        except PoolcliError:
            continue
        count -= 1


def gap(have, expected):
    """The largest difference: in units of the last place for floats of 32 bits, relative for 64, any for the others."""
    same = (have == expected) | (np.isnan(have) & np.isnan(expected))
    if same.all():
        return 0.0
    if expected.dtype == np.float32:
        order = [np.where(bits < 0, np.int64(-(2**31)) - bits, bits) for bits in
                 (values.view(np.int32).astype(np.int64) for values in (have, expected))]  # fmt: skip
        return float(np.abs(order[0] - order[1]).max())
    if expected.dtype == np.float64:
        with np.errstate(all="ignore"):
            return float((np.abs(have - expected) / np.abs(expected) / 1e-12)[~same].max())
    return np.inf


@pytest.mark.parametrize("seed", range(4))
def test_a_page_pools_as_the_tool_does(page, seed):
    """Size, dtype and values: whole numbers and float16 equal, float32 within an ulp, float64 within 1e-12."""
    cases = list(random_cases(random.Random(seed), 200))
    forms = [
        {"picture": page_picture(image, alpha=alpha), "layers": page_layers(parse_recipe(text))}
        for text, image, alpha, _ in cases
    ]
    for (text, image, alpha, expected), (height, width, dtype, values) in zip(
        cases, ask(page, RUN, forms), strict=True
    ):
        name = f"{text} on {image.dtype} {image.shape} {alpha=}"
        assert ((height, width), dtype) == (expected.shape[:2], expected.dtype.name), name
        have = np.array(
            [float(value.replace("Infinity", "inf")) if isinstance(value, str) else value for value in values]
        )
        have = have.astype(expected.dtype).reshape(expected.shape)
        assert gap(have, expected) <= 1, f"{name}\n{have}\n{expected}"


@pytest.mark.parametrize(("mode", "name"), [(mode, name) for mode in PAGE_MODES for name in MODES[mode].options])
def test_a_page_leaves_to_the_tool_what_its_engine_does_not_know(mode, name):
    """A layer with an option that the engine never reads would be computed as if it were not there."""
    layers = page_layers(parse_recipe(OPTIONS[name].in_layer.replace(OPTIONS[name].in_layer.split(":")[0], mode)))
    assert layers is None or re.search(rf"\blayer(\.{name}\b|\[\"{name}\"\])", ENGINE)


def test_a_page_sums_means_as_the_tool_does_where_values_are_to_be_ignored(page):
    """In float64, to the last bit, though none is; and not so where none are to be."""
    image = (np.random.default_rng(1).standard_normal((64, 64)) * 1000).astype(np.float32)
    layers = page_layers(parse_recipe("avg:3 avg:2"))
    forms = [{"picture": page_picture(image, wide=wide), "layers": layers} for wide in (True, False)]
    wide, narrow = (np.array(values, np.float32).reshape(size) for *size, _, values in ask(page, RUN, forms))
    assert np.array_equal(wide, poolcli.apply("avg:3 avg:2", image, ignore=-9999))
    assert not np.array_equal(wide, narrow)


def random_shifts(choose, count):
    """(text, picture, shift, row of the report) of settings that the tool takes."""
    while count:
        text, image = random_recipe(choose), random_picture(choose, choose.choice(DTYPES))
        shift = {
            "dx": choose.randint(-3, 3),
            "dy": choose.randint(-3, 3),
            "edge": choose.choice(["replicate", "zero", "wrap", "crop"]),
            "tolerance": choose.choice([0, 0, 1, 2.5]),
            "labels": choose.random() < 0.2,
        }
        options = {name: shift[name] for name in ("edge", "tolerance", "labels")}
        try:
            report = poolcli.shift_report(text, image, [(shift["dx"], shift["dy"])], **options)
        except PoolcliError:
            continue
        yield text, image, shift, report.shifts[0]
        count -= 1


def assert_same(have, expected, name):
    """Counts are equal, other figures to 1e-11, and what there is not is null."""
    if expected is None or have is None or isinstance(expected, int):
        assert have == expected, f"{name}: {have} for {expected}"
    else:
        assert have == pytest.approx(expected, rel=1e-11, abs=1e-300), name


@pytest.mark.parametrize("seed", range(3))
def test_a_page_measures_as_the_tool_does(page, seed):
    """Changed pixels, mean change and contrast of every side, what is absorbed, the gain, the residual."""
    cases = list(random_shifts(random.Random(100 + seed), 150))
    forms = [
        {"picture": page_picture(image), "layers": page_layers(parse_recipe(text)), "shift": shift}
        for text, image, shift, _ in cases
    ]
    measured = 0
    for (text, image, shift, row), have in zip(cases, ask(page, MEASURE, forms), strict=True):
        name = f"{text} on {image.dtype} {image.shape}, {shift}"
        for side in ("raw", "dense", "pooled"):
            expected = getattr(row, side)
            assert (have[side] is None) == (expected is None), f"{name}: {side}"
            for field in ("pixels", "changed", "fraction", "compared", "mae", "spread") if expected else ():
                assert_same(have[side][field], getattr(expected, field), f"{name}: {side}.{field}")
        for field in ("absorbed", "gain", "residual"):
            assert_same(have[field], getattr(row, field), f"{name}: {field}")
        measured += row.residual is not None
    assert measured > 75
