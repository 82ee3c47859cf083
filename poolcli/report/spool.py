"""A report that grows while a run goes on, in a temporary file, and appears under its name when the run has ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import BinaryIO

from poolcli.stores import Place, publish


@contextmanager
def spooled(path: Place) -> Iterator[BinaryIO]:
    """Give a file to fill; copy it to `path` when the block ends well.

    Not the report's own file, so that what goes wrong meanwhile (a closed stdout) is no error of writing the report.
    """
    with TemporaryFile() as spool:
        yield spool
        spool.seek(0)
        with publish(path) as stream:
            copyfileobj(spool, stream)
