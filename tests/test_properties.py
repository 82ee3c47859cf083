"""What holds for every picture: constants, order, shifts by the stride, and what polyphase sampling promises."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import poolcli
from poolcli.ops.modes import MODES
from poolcli.ops.sampling import energy
from tests.images import NEEDED, random_image

DTYPES = ("uint8", "int16", "uint16", "float16", "float32", "float64")
SIZES = st.tuples(st.integers(1, 12), st.integers(1, 12))
MODES_OF_MEANS = ("max", "avg", "min", "median", "majority", "soft", "stochastic", "stride", "blur", "aps")


@st.composite
def pictures(draw, sizes=SIZES):
    """Random values, few or many, with one channel or three."""
    image = random_image(draw(st.integers(0, 2**32)), draw(sizes), draw(st.sampled_from(DTYPES)), draw(channels))
    return image % 4 if image.dtype.kind in "ui" and draw(st.booleans()) else image


channels = st.sampled_from([(), (3,)])


@st.composite
def geometries(draw):
    """A window, a stride, a padding smaller than the window, a dilation."""
    k = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    padding = tuple(draw(st.integers(0, k[side // 2] - 1)) for side in range(4))
    s = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return {"k": k, "s": s, "padding": padding, "ceil_mode": draw(st.booleans())}


def fits(image, geometry):
    """Whether a window fits the picture."""
    top, bottom, left, right = geometry["padding"]
    return image.shape[0] + top + bottom >= geometry["k"][0] and image.shape[1] + left + right >= geometry["k"][1]


@given(st.sampled_from(MODES_OF_MEANS), SIZES, st.integers(1, 5), st.integers(1, 4), st.sampled_from(DTYPES))
def test_a_constant_stays_the_constant(mode, size, k, s, dtype):
    """No mode that makes a mean or picks a value invents one."""
    assume(min(size) >= k)
    image = np.full(size, 117, dtype)
    have = poolcli.pool(image, k, s, mode=mode)
    assert have.dtype == dtype
    assert np.allclose(have.astype(float), 117, rtol=1e-3 if dtype == "float16" else 1e-6)


@given(pictures(), geometries())
def test_max_is_at_least_every_mean_and_every_mean_at_least_min(image, geometry):
    """Padding never wins a maximum or a minimum, and none of these takes it in."""
    assume(fits(image, geometry))
    low, high = (poolcli.pool(image, **geometry, mode=mode) for mode in ("min", "max"))
    means = {mode: poolcli.pool(image, **geometry, mode=mode) for mode in ("median", "majority", "stochastic", "soft")}
    means["avg"] = poolcli.pool(image, **geometry, mode="avg", count_include_pad=False)
    seen = low <= high  # windows of padding only are the wrong way round, or NaN
    slack = 1e-2 if image.dtype == np.float16 else 1e-5 if image.dtype.kind == "f" else 0
    for mode, mean in means.items():
        inside = (low <= mean + slack * np.abs(mean)) & (mean <= high + slack * np.abs(high))
        assert inside[seen].all(), mode


@given(
    pictures(st.tuples(st.integers(14, 24), st.integers(14, 24))),
    st.sampled_from([mode for mode in MODES if "aps" not in mode and mode != "stochastic"]),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(0, 2),
)
def test_a_shift_by_the_stride_shifts_the_output(image, mode, k, s, down, across):
    """To the last bit where no border is seen: cut off the first rows and columns, and the outputs move up and left."""
    needed = NEEDED.get(mode, {})
    assume(mode != "sum" or image.dtype.itemsize < 8 or image.dtype.kind == "f")  # it may leave 64 bits
    whole = poolcli.pool(image, k, s, mode=mode, **needed)
    part = poolcli.pool(image[down * s :, across * s :], k, s, mode=mode, **needed)
    border = (k if mode == "blur" else k + 3) // s + 1 if "blur" in mode else 0
    rows, columns = min(len(part), len(whole) - down), min(part.shape[1], whole.shape[1] - across)
    inside = slice(border, rows - border), slice(border, columns - border)
    moved = whole[down : down + rows, across : across + columns]
    if part.dtype.kind == "f" and mode in ("avg", "lp", "soft", "sum"):  # sums of bands end where the picture does
        np.testing.assert_allclose(part[inside], moved[inside], rtol=1e-3, atol=1e-3)
    else:
        assert np.array_equal(part[inside], moved[inside])


def ties(image, k, s, mode):
    """Whether two polyphase components have the same norm, so that only their order decides."""
    dense = poolcli.pool(image, k, 1, mode="blur", edge="wrap") if mode == "aps" else image
    if mode == "maxaps":
        dense = poolcli.pool(poolcli.pool(image, k, 1, padding="wrap"), 3, 1, mode="blur", edge="wrap")
    norms = [energy(dense[i :: s[0], j :: s[1]]) for i in range(s[0]) for j in range(s[1])]
    return len(set(norms)) < len(norms)


@settings(max_examples=200)
@given(
    st.data(),
    st.sampled_from(["aps", "maxaps"]),
    st.tuples(st.integers(2, 4), st.integers(2, 4)),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.integers(1, 5),
    st.tuples(st.integers(-30, 30), st.integers(-30, 30)),
)
def test_aps_of_a_shifted_picture_is_a_shifted_aps(data, mode, s, cells, k, shift):
    """Under wrap, on sizes that the stride divides: to the last bit, whatever the shift (Chaman & Dokmanic 2021)."""
    image = data.draw(pictures(st.just((s[0] * cells[0], s[1] * cells[1]))))
    assume(not ties(image, k, s, mode))
    padding = {"padding": "wrap"} if mode == "maxaps" else {}
    still = poolcli.pool(image, k, s, mode=mode, edge="wrap", **padding)
    moved = poolcli.pool(np.roll(image, shift, (0, 1)), k, s, mode=mode, edge="wrap", **padding)
    places = ((dy, dx) for dy in range(cells[0]) for dx in range(cells[1]))
    assert any(np.array_equal(np.roll(still, place, (0, 1)), moved) for place in places)
