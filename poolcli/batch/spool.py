"""Lists longer than memory is wide: kept and sorted in a temporary file, read in order as often as wanted."""

import json
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from weakref import finalize

IN_MEMORY = 1 << 20  # bytes of a list before it goes to a file
AT_ONCE = 5_000  # names sorted at once, in memory
READ_AHEAD = 128  # values


class Spool:
    """JSON values in the order they came, a line each in a temporary file that is gone with the spool."""

    def __init__(self, values: Iterable[Any] = ()) -> None:
        """Take all of `values`."""
        self._file: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 (it lives as long as the spool)
        finalize(self, self._file.close)
        self._count = 0
        self.extend(values)

    def extend(self, values: Iterable[Any]) -> int:
        """Take `values` too; the position of the first of them, for `read`."""
        position = self._file.seek(0, 2)
        for value in values:
            self._file.write(json.dumps(value).encode() + b"\n")
            self._count += 1
        return position

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Any]:
        return self.read(0, self._count)

    def read(self, position: int, count: int) -> Iterator[Any]:
        """`count` values from `position` on; several readers do not disturb one another."""
        while count > 0:
            self._file.seek(position)
            lines = list(islice(self._file, min(count, READ_AHEAD)))
            position = self._file.tell()
            count -= len(lines)
            yield from map(json.loads, lines)


def in_order(names: Iterable[str], key: Callable[[str], Any]) -> Iterator[str]:
    """`names`, sorted by `key`; of many only some are in memory at a time.

    >>> list(in_order(["a10", "a9"], key=len))
    ['a9', 'a10']
    """
    rest = iter(names)
    first = sorted(islice(rest, AT_ONCE), key=key)
    if len(first) < AT_ONCE:
        return iter(first)
    spool, runs, some = Spool(), [], first
    while some:
        runs.append(spool.read(spool.extend(some), len(some)))
        some = sorted(islice(rest, AT_ONCE), key=key)
    return merge(*runs, key=key)
