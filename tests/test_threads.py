"""Threads inside one picture: the same bits whatever their number, off in batches, no warning from another thread."""

import warnings
from threading import Event, current_thread

import numpy as np
import pytest

import poolcli
from poolcli.batch.executors import processors
from poolcli.errors import PictureError
from poolcli.ops import arrays
from tests.images import assert_same, random_image

WORK = {
    "max": lambda image: poolcli.pool(image, 3, 2, padding=1),
    "large max": lambda image: poolcli.pool(image, 17, 1),
    "avg": lambda image: poolcli.pool(image, 2, mode="avg"),
    "padding left out": lambda image: poolcli.pool(image, 3, 2, mode="avg", padding=1, count_include_pad=False),
    "filter": lambda image: poolcli.convolve(image, "sobel-v", stride=2),
    "large filter": lambda image: poolcli.convolve(image, np.random.default_rng(1).standard_normal((24, 25))),
    "report": lambda image: np.array(
        [str(poolcli.shift_report("conv:gauss max:2", image, [(-1, 0), (2, 3)], tolerance=1).to_dict())]
    ),
}


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_any_number_of_threads_gives_the_same_bits(work, dtype):
    """Two, three, and more than there are rows; every part is worth one, however small."""
    image = random_image(1, (61, 47), dtype, (3,))
    expected = work(image)
    for count in (2, 3, 100):
        with arrays.threads(count, worth=1):
            have = work(image)
        assert (have == expected).all() if have.dtype.kind == "U" else assert_same(have, expected) is None


def test_error_states_and_errors_come_through():
    """NumPy's error states belong to a thread; so do exceptions."""
    image = np.full((40, 4), np.finfo(np.float32).max, np.float32)
    with warnings.catch_warnings(), arrays.threads(3, worth=1):
        warnings.simplefilter("error")
        assert (poolcli.pool(image, 2, mode="avg") == image[0, 0]).all()  # the sums of float32 overflow

    def fail(item):
        if item == 2:
            raise PictureError("the third")
        return item

    with arrays.threads(3), pytest.raises(PictureError, match="the third"):
        arrays.each(fail, range(4))


def test_parts_are_worth_a_thread():
    """A small picture stays whole; within a part nothing is cut again."""
    with arrays.threads(4):
        assert arrays.parts(100, arrays.WORTH) == [range(100)]
        assert arrays.parts(100, 2 * arrays.WORTH) == [range(50), range(50, 100)]
        cut = arrays.each(lambda _: len(arrays.parts(100, 9 * arrays.WORTH)), range(3))
    assert cut == [1, 1, 1]
    assert arrays.parts(100, 9 * arrays.WORTH) == [range(100)]


def test_off_in_batches_unless_asked_for(samples, command, monkeypatch):
    """One picture has all processors, each of many has one: the jobs take the others."""
    given = []

    def nothing(_engine, function, *_):
        given.append(function.args[0].threads)
        yield from ()

    monkeypatch.setattr("poolcli.cli.run.run_tasks", nothing)
    one, two = ["pool", samples / "one.png", "-o", "out/"], ["pool", samples / "one.png", samples, "-o", "out/"]
    for words in (two, one, [*two, "--threads-per-image", "3"], [*one, "--threads-per-image", "3"]):
        command(*words, "--overwrite")
    assert given == [1, processors(), 3, 3]


def test_a_number_that_cannot_be(command):
    """Refused in a sentence."""
    for number in ("0", "-1", "x", "1.5"):
        said = command.refused("pool", "a.png", "--threads-per-image", number)
        assert f"--threads-per-image '{number}' is not allowed: give a whole number from 1 to 1024, or auto" in said


@pytest.mark.parametrize("count", [1, 2, 3, 20])
def test_results_come_in_the_order_of_the_items(count):
    """Also where the first one takes longest: it waits until the last one is done, unless it runs alone."""
    done = Event()

    def work(item):
        if item == 9:
            done.set()
        elif item == 0 and count > 1:
            assert done.wait(20)
        return item * item

    with arrays.threads(count):
        assert arrays.each(work, range(10)) == [number * number for number in range(10)]


def test_two_things_at_once_where_they_are_worth_it():
    """A small picture starts no thread; either way both results come back, and an error of either."""
    here = current_thread()
    for count, size, alone in ((1, arrays.WORTH, True), (2, arrays.WORTH - 1, True), (2, arrays.WORTH, False)):
        with arrays.threads(count):
            first, second = arrays.beside(current_thread, current_thread, size)
        assert (first is here, second) == (alone, here)
    with arrays.threads(2), pytest.raises(ZeroDivisionError):
        arrays.beside(lambda: 1 // 0, current_thread, arrays.WORTH)
    with arrays.threads(2), pytest.raises(ZeroDivisionError):
        arrays.beside(current_thread, lambda: 1 // 0, arrays.WORTH)
