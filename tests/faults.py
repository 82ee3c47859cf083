"""Faults to inject into a run in this process: the n-th system call fails or meets a changed disk, a line raises."""

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import poolcli

PACKAGE = str(Path(poolcli.__file__).parent)
# Where an exception becomes an exit code: what is raised there, while that is done, nobody is left to catch.
OUTSIDE = (os.path.join("cli", "app.py"), "__main__.py")  # noqa: PTH118


def failing(number):
    """What a system call does that fails with errno `number`."""

    def fail():
        raise OSError(number, os.strerror(number))

    return fail


class Countdown:
    """Does `act` at the `at`-th call of `tick` (from 0); `done` says whether that has come."""

    def __init__(self, at, act):
        """`at` may lie beyond the last call: then nothing happens."""
        self.left, self.act, self.done = at, act, False

    def tick(self):
        """One more call."""
        self.left -= 1
        if self.left == -1:
            self.done = True
            self.act()


class FaultyFile:
    """A file whose reads, writes and closing are calls that may fail."""

    def __init__(self, file, countdown):
        """`file` is the real one."""
        self._file, self._countdown = file, countdown

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def fileno(self):
        """None for writing: or Pillow would go round this class."""
        if self._file.writable():
            raise io.UnsupportedOperation
        return self._file.fileno()

    def read(self, *size):
        """Read, or fail."""
        self._countdown.tick()
        return self._file.read(*size)

    def write(self, data):
        """Write all of it, or half of it and fail."""
        try:
            self._countdown.tick()
        except OSError:
            self._file.write(bytes(data)[: len(bytes(data)) // 2])
            raise
        return self._file.write(data)

    def close(self):
        """Close, then fail: a network's or a full disk's way of telling late."""
        if not self._file.closed:
            self._file.close()
            self._countdown.tick()


@contextlib.contextmanager
def faulty_disk(monkeypatch, folder, at, act):
    """At the `at`-th making, opening, reading, writing, closing or renaming of something below `folder`: `act`."""
    countdown = Countdown(at, act)
    originals = {name: getattr(Path, name) for name in ("open", "mkdir", "replace")}
    numbers = {"open": os.open, "fdopen": os.fdopen}  # of files that are opened without following links
    own = set()

    def inside(path):
        return Path(path).absolute().is_relative_to(folder)

    def opened_by_number(path, *words, **more):
        if isinstance(path, Path) and inside(path):
            countdown.tick()
            number = numbers["open"](path, *words, **more)
            own.add(number)
            return number
        return numbers["open"](path, *words, **more)

    def file_of(number, *words, **more):
        file = numbers["fdopen"](number, *words, **more)
        return FaultyFile(file, countdown) if number in own else file

    def opened(self, *words, **more):
        if not inside(self):
            return originals["open"](self, *words, **more)
        countdown.tick()
        return FaultyFile(originals["open"](self, *words, **more), countdown)

    def ticking(name):
        def call(self, *words, **more):
            if inside(self):
                countdown.tick()
            return originals[name](self, *words, **more)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", opened)
        patch.setattr(os, "open", opened_by_number)
        patch.setattr(os, "fdopen", file_of)
        for name in ("mkdir", "replace"):
            patch.setattr(Path, name, ticking(name))
        yield countdown


@dataclass
class Passed:
    """How many lines of poolcli have run, and at which one an error was raised, if at any."""

    lines: int = 0
    raised: str | None = None


@contextlib.contextmanager
def raising(kind, at):
    """The `at`-th line of poolcli that runs, from 0, raises `kind`; None: none does. Gives a Passed."""
    passed = Passed()

    def local(frame, event, _):
        if event == "line":
            if passed.lines == at:
                passed.raised = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                raise kind
            passed.lines += 1
        return local

    def tracing(frame, _event, _arg):
        name = frame.f_code.co_filename
        return local if name.startswith(PACKAGE) and not name.endswith(OUTSIDE) and not passed.raised else None

    before = sys.gettrace()
    sys.settrace(tracing)
    try:
        yield passed
    finally:
        sys.settrace(before)
