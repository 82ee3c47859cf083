"""The lines about kernels: arrays in memory, one thread."""

from collections.abc import Callable
from functools import partial

import numpy as np

import poolcli
from poolcli.ops.filters import find_kernel
from tests.bench.lines import OURS, Line, Target
from tests.bench.peers import filtering_calls, pooling_calls, present
from tests.bench.pictures import segments
from tests.bench.timing import Calls

FAST = ("np.copy", "ONNX Runtime", "OpenCV", "Pillow", "PyTorch", "pyvips")
ALL = (*FAST, "scikit-image", "SciPy")


def floats(*shape: int) -> np.ndarray:
    """float32 noise."""
    return np.random.default_rng(1).standard_normal(shape, np.float32)


def bytes_(*shape: int) -> np.ndarray:
    """uint8 noise."""
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


def _pool(mode: str, k: int, s: int, make: Callable[[], np.ndarray], peers: tuple[str, ...]) -> Callable[[], Calls]:
    def build() -> Calls:
        image = make()
        ours = partial(poolcli.pool, image, k, s, mode=mode)
        return {OURS: ours, **pooling_calls(mode, image, k, s, peers)}

    return build


def _windows(k: int) -> Callable[[], Calls]:
    """A large window at every pixel."""

    def build() -> Calls:
        image = floats(2048, 2048)
        return {OURS: partial(poolcli.pool, image, k, 1), **pooling_calls("max", image, k, 1, ("OpenCV",))}

    return build


def _filter(k: int, make: Callable[[], np.ndarray]) -> Callable[[], Calls]:
    """A Gaussian of k x k, binomial weights, to float32."""

    def build() -> Calls:
        image = make()
        ours = partial(poolcli.convolve, image, np.array(find_kernel(f"gauss{k}")))
        return {OURS: ours, **filtering_calls(image, k)}

    return build


def _votes(image: np.ndarray, k: int) -> Calls:
    """Majority of labels, and SciPy's mode of the same windows, put side by side."""
    calls = {OURS: partial(poolcli.pool, image, k, mode="majority")}
    if not present("SciPy"):
        return calls
    from scipy.stats import mode

    def blocks() -> object:
        rows, columns = (n // k for n in image.shape)
        return mode(image.reshape(rows, k, columns, k).swapaxes(1, 2).reshape(rows, columns, k * k), axis=-1)

    return calls | {"SciPy": blocks}


def noise() -> np.ndarray:
    """1,000 labels in no order, 24 million of them."""
    return np.random.default_rng(1).integers(0, 1000, (4000, 6000), np.uint16)


GRAY, RGB = partial(floats, 2048, 2048), partial(floats, 2048, 2048, 3)
PICTURE = partial(bytes_, 4096, 4096, 3)
ONNX, TORCH = "ONNX Runtime", "PyTorch"

KEEP = 1.1  # times what was measured when a line was as good as it had to be

LINES = (
    Line(
        "max2-gray",
        "max 2x2/2, 2048x2048 float32",
        _pool("max", 2, 2, GRAY, ALL),
        (Target(ONNX, 0.75 * KEEP), Target(TORCH, 0.08 * KEEP), Target("np.copy", 2.1 * KEEP)),
    ),
    Line(
        "max2-bytes",
        "max 2x2/2, 4096x4096x3 uint8",
        _pool("max", 2, 2, PICTURE, FAST),
        (Target(TORCH, 0.03 * KEEP), Target("OpenCV", 0.31 * KEEP), Target("np.copy", 1.3 * KEEP)),
        rounds=7,
    ),
    *(
        Line(
            f"max{k}-{name}",
            f"max {k}x{k}/{s}, 2048x2048{'x3' * (name == 'rgb')} float32",
            _pool("max", k, s, make, FAST),
            (Target(ONNX, 0.95),),
        )
        for k, s in ((3, 2), (8, 8))
        for name, make in (("gray", GRAY), ("rgb", RGB))
    ),
    Line(
        "avg2-bytes",
        "avg 2x2/2, 4096x4096x3 uint8",
        _pool("avg", 2, 2, PICTURE, FAST),
        (Target("Pillow", 1), Target("OpenCV", 2.5)),
        rounds=9,
    ),
    *(
        Line(
            f"avg{k}-{name}",
            f"avg {k}x{k}/{s}, 2048x2048{'x3' * (name == 'rgb')} float32",
            _pool("avg", k, s, make, FAST),
            (Target(ONNX, 0.63 * KEEP), Target(TORCH, 0.53 * KEEP)),
        )
        for k, s in ((2, 2), (3, 2), (8, 8))
        for name, make in (("gray", GRAY), ("rgb", RGB))
    ),
    *(
        Line(
            f"windows-{k}",
            f"max {k}x{k}/1, 2048x2048 float32",
            _windows(k),
            (Target("OpenCV", now * KEEP),),
            rounds=9,
        )
        for k, now in ((31, 0.86), (127, 0.2))
    ),
    *(
        Line(
            f"gauss{k}-{name}",
            f"Gaussian filter {k}x{k}, 2048x2048 {name}",
            _filter(k, make),
            (Target("OpenCV", 3),),
            rounds=9,
        )
        for k in (3, 15)
        for name, make in (("uint8", partial(bytes_, 2048, 2048)), ("float32", GRAY))
    ),
    *(
        Line(
            f"majority4-{name}",
            f"majority 4x4/4, 6000x4000 uint16, 1,000 labels, {name}",
            lambda make=make: _votes(make(), 4),
            (Target("SciPy", 1 / 10),),
            rounds=5,
        )
        for name, make in (("areas", partial(segments, 4000, 6000)), ("noise", noise))
    ),
)
