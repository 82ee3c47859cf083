"""Pictures from wherever they lie, and results that appear whole or not at all, wherever they go."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from poolcli import files
from poolcli.errors import OutputError, PictureError
from poolcli.stores.place import Place, Url


def fetched(source: Place) -> Path | BinaryIO:
    """What can be opened: the path itself, or the whole content of an object; PictureError when it cannot be read."""
    if not isinstance(source, Url):
        return source
    from poolcli.stores.access import StoreError, read

    try:
        return BytesIO(read(source))
    except StoreError as error:
        raise PictureError(f"{source}: cannot be read ({error}); check its name and your access to it") from error


@contextmanager
def publish(target: Place, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Give a binary file to fill; it is at `target` when all ends well.

    In a store an object appears when the store has all of it. Raises OutputError when that cannot be.
    """
    if not isinstance(target, Url):
        with files.publish(target, durable=durable) as stream:
            yield stream
        return
    from poolcli.stores.access import StoreError, write

    whole = BytesIO()
    yield whole
    try:
        write(target, whole.getvalue())
    except StoreError as error:
        raise OutputError(f"cannot write '{target}': {error}") from error
