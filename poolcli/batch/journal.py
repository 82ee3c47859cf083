"""The journal of a folder of outputs: what was done with which input and settings, so that a run can be resumed.

One JSON object a line, written when an output is whole under its name. A run holds the lock of its journal, and the
system drops it when the run ends, however it ends. Only the last line can be torn, by a kill in the middle of it; it
is cut off. The last line about an output is what counts. In memory are sixteen bytes a line: a digest of the output's
place, and where the line is.
"""

import errno
import json
import os
import re
from array import array
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from poolcli.errors import OutputError, UsageError

if TYPE_CHECKING:  # loaded only when a run resumes
    import numpy as np
    from numpy.typing import NDArray

NAME = ".poolcli-journal.jsonl"
_START = re.compile(rb'\{"key": "([0-9a-f]{16})", ')
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
_LOCKLESS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)  # what file systems say that know no locks
_LOCKED = 1 << 40  # where Windows locks a byte: beyond all that is written, or nobody could read it


class Journal:
    """An open journal. Use as a context; `begin` or `resume` it before anything else."""

    def __init__(self, root: Path, *, new: bool = False) -> None:
        """The journal of the outputs below `root`; UsageError when another run holds it.

        `new`: there was none when the plan was checked, so that one with lines in it is another run's.
        """
        self.path = root / NAME
        try:
            root.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = open(os.open(self.path, _FLAGS, 0o666), "r+b")  # noqa: PTH123, SIM115
            free = _lock(self._file.fileno()) and not (new and self._file.seek(0, os.SEEK_END))
        except OSError as error:
            raise OutputError(f"cannot write '{self.path}': {error.strerror}") from error
        if not free:
            self._file.close()
            raise UsageError(f"another run is writing into '{root}': wait for its end, or give another place with -o")
        self._keys, self._places = array("Q"), array("Q")
        self._order: NDArray[np.intp] | None = None  # of the keys that were there when the run resumed
        self._end = 0
        self._broken: OSError | None = None

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *raised: object) -> None:
        with suppress(OSError):  # every line has been handed over
            self._file.close()

    def begin(self) -> None:
        """Forget all that was done."""
        self._file.truncate(0)

    def resume(self) -> None:
        """Learn what was done. A last line that is torn is written over."""
        import numpy as np

        self._file.seek(0)
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            if start := _START.match(line):
                self._keys.append(int(start[1], 16))
                self._places.append(self._end)
            self._end += len(line)
        self._order = np.argsort(np.frombuffer(self._keys, np.uint64), kind="stable")

    def find(self, key: int) -> Mapping[str, Any] | None:
        """The last line about this output that was there when the run resumed; None too if a power cut spoilt it."""
        if self._order is None:
            return None
        import numpy as np

        keys = np.frombuffer(self._keys, np.uint64)
        found = int(np.searchsorted(keys, np.uint64(key), side="right", sorter=self._order)) - 1
        if found < 0 or self._keys[self._order[found]] != key:
            return None
        self._file.seek(self._places[self._order[found]])
        try:
            entry: Mapping[str, Any] = json.loads(self._file.readline())
        except ValueError:
            return None
        return entry

    def note(self, key: int, entry: Mapping[str, Any]) -> None:
        """Write a line, and let the system have it at once. When that cannot be, no more is written: see `check`."""
        if self._broken:
            return
        line = json.dumps({"key": f"{key:016x}", **entry}, allow_nan=False).encode() + b"\n"
        try:
            if self._file.seek(0, os.SEEK_END) != self._end:
                self._file.truncate(self._end)
                self._file.seek(self._end)
            self._file.write(line)
            self._file.flush()
            self._end += len(line)
        except OSError as error:
            self._broken = error

    def check(self) -> None:
        """OutputError when a line could not be written: pictures are lost to a later run, not to this one."""
        if self._broken:
            said = self._broken.strerror
            raise OutputError(
                f"cannot write '{self.path}': {said}; the pictures are done, but --resume would do some again"
            )


def _lock(descriptor: int) -> bool:
    """Whether nobody else holds the lock of this file; then we do, as long as it is open (if the file system can)."""
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(descriptor, _LOCKED, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        if error.errno not in _LOCKLESS:
            raise
    return True
