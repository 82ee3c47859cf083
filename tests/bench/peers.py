"""The peers: which are there, and the same pooling in each of them, one thread each."""

import shutil
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from math import comb
from typing import Any

import numpy as np
from PIL import Image

from tests.bench.timing import Calls

MODULES = {
    "PyTorch": "torch",
    "ONNX Runtime": "onnxruntime",
    "ONNX": "onnx",
    "OpenCV": "cv2",
    "scikit-image": "skimage",
    "SciPy": "scipy",
    "pyvips": "pyvips",
    "dask": "dask",
}
PROGRAMS = {name: name for name in ("vips", "mogrify", "gdaladdo", "gdalwarp")}
Pool = Callable[[str, np.ndarray, int, int], Callable[[], object] | None]


def missing() -> list[str]:
    """The peers that are not installed here."""
    absent = [name for name, module in MODULES.items() if find_spec(module) is None]
    return absent + [name for name, program in PROGRAMS.items() if shutil.which(program) is None]


def present(name: str) -> bool:
    """Whether a peer is installed."""
    return name not in missing()


def pooling_calls(mode: str, image: np.ndarray, k: int, s: int, names: Iterable[str]) -> Calls:
    """`mode` (max or avg) of windows of k, s apart, in every peer of `names` that is there and can do it."""
    calls = {}
    for name in names:
        if name in ("Pillow", "np.copy") or present(name):
            call = POOLS[name](mode, image, k, s)
            if call is not None:
                calls[name] = call
    return calls


def _copy(mode: str, image: np.ndarray, k: int, s: int) -> Callable[[], object]:
    return partial(np.copy, image)


def _torch(mode: str, image: np.ndarray, k: int, s: int) -> Callable[[], object] | None:
    if mode == "avg" and image.dtype.kind != "f":
        return None  # "avg_pool2d" not implemented for 'Byte'
    import torch

    torch.set_num_threads(1)
    function = {"max": torch.nn.functional.max_pool2d, "avg": torch.nn.functional.avg_pool2d}[mode]
    batch = torch.from_numpy(nchw(image))

    def call() -> object:
        with torch.inference_mode():
            return function(batch, k, s)

    return call


def _onnx(mode: str, image: np.ndarray, k: int, s: int) -> Callable[[], object] | None:
    if image.dtype != np.float32 or not present("ONNX"):
        return None
    import onnxruntime
    from onnx import TensorProto, helper

    batch = nchw(image)
    kind = {"max": "MaxPool", "avg": "AveragePool"}[mode]
    node = helper.make_node(kind, ["x"], ["y"], kernel_shape=[k, k], strides=[s, s])
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy"]
    graph = helper.make_graph([node], "pool", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return partial(session.run, None, {"x": batch})


def _opencv(mode: str, image: np.ndarray, k: int, s: int) -> Callable[[], object] | None:
    cv2: Any = import_module("cv2")  # its stubs are not what it is
    cv2.setNumThreads(1)
    if mode == "avg":
        if k != s:
            return None
        size = (image.shape[1] // s, image.shape[0] // s)
        return partial(cv2.resize, image, size, interpolation=cv2.INTER_AREA)
    element = np.ones((k, k), np.uint8)

    def call() -> object:
        return np.ascontiguousarray(cv2.dilate(image, element, anchor=(0, 0))[::s, ::s])

    return call


def filtering_calls(image: np.ndarray, k: int) -> Calls:
    """A binomial filter of k x k, floats of it, the border mirrored."""
    if not present("OpenCV"):
        return {}
    cv2: Any = import_module("cv2")
    cv2.setNumThreads(1)
    line = np.array([comb(k - 1, i) / 2 ** (k - 1) for i in range(k)])
    return {"OpenCV": partial(cv2.sepFilter2D, image, cv2.CV_32F, line, line, borderType=cv2.BORDER_REFLECT_101)}


def _skimage(mode: str, image: np.ndarray, k: int, s: int) -> Callable[[], object] | None:
    if k != s:
        return None
    from skimage.measure import block_reduce

    block = (k, k) + (1,) * (image.ndim - 2)
    return partial(block_reduce, image, block, {"max": np.max, "avg": np.mean}[mode])


def _scipy(mode: str, image: np.ndarray, k: int, s: int) -> Callable[[], object]:
    from scipy import ndimage

    function = {"max": ndimage.maximum_filter, "avg": ndimage.uniform_filter}[mode]
    size = (k, k) + (1,) * (image.ndim - 2)

    def call() -> object:
        return np.ascontiguousarray(function(image, size)[::s, ::s])

    return call


def _pillow(mode: str, image: np.ndarray, k: int, s: int) -> Callable[[], object] | None:
    colour_floats = image.ndim == 3 and image.dtype.kind == "f"  # Pillow has no such mode
    if mode != "avg" or k != s or colour_floats:
        return None
    return partial(Image.fromarray(image).reduce, k)


def _pyvips(mode: str, image: np.ndarray, k: int, s: int) -> Callable[[], object] | None:
    if mode != "avg" or k != s:
        return None
    pyvips: Any = import_module("pyvips")
    whole = pyvips.Image.new_from_array(image)
    return lambda: whole.shrink(k, k).write_to_memory()


def nchw(image: np.ndarray) -> np.ndarray:
    """The picture as a batch of one, channels first, contiguous: what the deep-learning libraries are given."""
    channels = image[np.newaxis] if image.ndim == 2 else image.transpose(2, 0, 1)
    return np.ascontiguousarray(channels[np.newaxis])


POOLS: dict[str, Pool] = {
    "np.copy": _copy,
    "PyTorch": _torch,
    "ONNX Runtime": _onnx,
    "OpenCV": _opencv,
    "scikit-image": _skimage,
    "SciPy": _scipy,
    "Pillow": _pillow,
    "pyvips": _pyvips,
}
