"""The ONNX backend's node tests for pooling in two dimensions, which the `onnx` package brings, through poolcli."""

from importlib import import_module

import numpy as np
import onnx
import pytest
from onnx.backend.test.case import base

import poolcli
from tests.images import assert_close, assert_same

OPERATORS = {"MaxPool": "max", "AveragePool": "avg", "LpPool": "lp", "GlobalMaxPool": "max", "GlobalAveragePool": "avg"}
PLACE = "onnx.backend.test.case.node"
EXPECTED = {"MaxPool": 14, "AveragePool": 13, "LpPool": 6, "GlobalMaxPool": 2, "GlobalAveragePool": 2}


class Exporter(base._Exporter):
    """Makes the cases as ONNX does, but for those of one and three dimensions, which take five seconds."""

    def __init__(cls, name, bases, members):  # noqa: N805 (of a class of classes)
        """The members called export... make the cases."""
        super().__init__(
            name, bases, {key: value for key, value in members.items() if "1d" not in key and "3d" not in key}
        )


def two_dimensional():
    """Every case of the five operators on N x C x H x W."""
    made = import_module(PLACE)._NodeTestCases
    plain, base.Base = base.Base, Exporter("Base", (), {})
    try:
        for operator in OPERATORS:
            import_module(f"{PLACE}.{operator.lower()}")
    finally:
        base.Base = plain
    cases = [case for case in made if case.model.graph.node[0].op_type in OPERATORS]
    return {case.name: case for case in cases if case.data_sets[0][0][0].ndim == 4}


CASES = two_dimensional()


def facts(case):
    """(operator, attributes) of the one node of a case."""
    node = case.model.graph.node[0]
    return node.op_type, {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}


def arguments(operator, attributes):
    """What the attributes are called by poolcli.pool; an attribute that nobody knows is an error of this test."""
    known = {"mode": OPERATORS[operator], "s": 1}
    names = {"kernel_shape": "k", "strides": "s", "dilations": "dilation", "p": "p"}
    for name, value in attributes.items():
        if name in names:
            known[names[name]] = value
        elif name == "pads":
            top, left, bottom, right = value
            known["padding"] = (top, bottom, left, right)
        elif name == "auto_pad":
            known["padding"] = {b"SAME_UPPER": "same", b"SAME_LOWER": "same-lower", b"NOTSET": 0, b"VALID": 0}[value]
        elif name == "ceil_mode":
            known["ceil_mode"] = bool(value)
        elif name not in ("count_include_pad", "storage_order"):
            raise AssertionError(f"attribute {name} of {operator}")
    if operator == "AveragePool":
        known["count_include_pad"] = bool(attributes.get("count_include_pad", 0))
    return known


def by_picture(tensor, function):
    """A function of H x W x C for every picture of an N x C x H x W tensor."""
    return np.stack([np.moveaxis(function(np.moveaxis(picture, 0, 2)), 2, 0) for picture in tensor])


@pytest.mark.parametrize("name", CASES)
def test_every_case_of_two_dimensions(name):
    """The first output of the node; integers and maxima exactly."""
    case = CASES[name]
    operator, attributes = facts(case)
    for (image, *_), (expected, *_) in case.data_sets:
        if operator.startswith("Global"):
            have = by_picture(image, lambda x: poolcli.adaptive_pool(x, 1, mode=OPERATORS[operator]))
        else:
            have = by_picture(image, lambda x: poolcli.pool(x, **arguments(operator, attributes)))
        same = assert_same if OPERATORS[operator] == "max" else assert_close
        if name == "test_averagepool_2d_ceil_last_window_starts_on_pad":
            assert have.shape == expected.shape  # its expected value is written with four digits
            np.testing.assert_allclose(have, expected, rtol=0, atol=1e-4)
        else:
            same(have, expected)


@pytest.mark.parametrize("name", [name for name in CASES if "argmax" in name])
def test_the_indices_of_maxima(name):
    """ONNX counts over the whole tensor, and by columns first where storage_order is 1."""
    operator, attributes = facts(CASES[name])
    for (image,), (_, expected) in CASES[name].data_sets:
        count, channels, height, width = image.shape
        have = by_picture(image, lambda x: poolcli.pool(x, **arguments(operator, attributes), return_indices=True)[1])
        if attributes.get("storage_order"):
            have = have % width * height + have // width
        planes = np.arange(count * channels).reshape(count, channels, 1, 1)
        assert_same(have + planes * height * width, expected)


def test_all_of_them_are_here():
    """As many as onnx 1.23 brings, or more: none is left out in silence."""
    found = [facts(case)[0] for case in CASES.values()]
    for operator, least in EXPECTED.items():
        assert found.count(operator) >= least, operator


def test_on_the_command_line(command, tmp_path, monkeypatch):
    """N x C x H x W goes in and comes out as such."""
    monkeypatch.chdir(tmp_path)
    case = CASES["test_maxpool_2d_pads"]
    (image,), (expected,) = case.data_sets[0]
    np.save("x.npy", image)
    assert facts(case)[1] == {"kernel_shape": [3, 3], "pads": [2, 2, 2, 2]}
    words = ("--layout", "nchw", "--k", 3, "--s", 1, "--padding", 2, "-o", "y.npy", "--no-report")
    assert command("pool", "x.npy", *words).code == 0
    assert_same(np.load("y.npy"), expected)
