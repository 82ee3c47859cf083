"""Results that come in any order, kept on disk and given back in the order of their items."""

import pickle
from array import array
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from weakref import finalize

IN_MEMORY = 1 << 20  # bytes before they go to a file


class Kept:
    """Values by number: eight bytes of memory each, the rest in a temporary file that is gone with this."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._file: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 (it lives as long as this)
        finalize(self, self._file.close)
        self._places = array("q")

    def put(self, number: int, value: Any) -> None:
        """Keep `value` as number `number`."""
        self._places.extend([-1] * (number + 1 - len(self._places)))
        self._places[number] = self._file.seek(0, 2)
        pickle.dump(value, self._file)

    def in_order(self) -> Iterator[Any]:
        """What was put, by number.

        >>> kept = Kept()
        >>> for number in (2, 0): kept.put(number, str(number))
        >>> list(kept.in_order())
        ['0', '2']
        """
        for place in self._places:
            if place >= 0:
                self._file.seek(place)
                yield pickle.load(self._file)  # our own file, which nobody else can open
