"""Files that appear whole or not at all: written under a temporary name in the target's folder, then renamed."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from poolcli.errors import OutputError

TEMPORARY_PREFIX = ".poolcli-"
TEMPORARY_SUFFIX = ".part"


@contextmanager
def publish(target: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Give a binary file to fill; rename it to `target` (its folders are made) when all ends well.

    `durable` waits until file and name are on the disk, so that a power cut cannot tear them. Raises OutputError when
    the file cannot be written or renamed; whatever else the block raises goes through.
    """
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}{TEMPORARY_SUFFIX}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("x+b") as stream:  # the umask decides the permissions, as for any new file
            yield stream
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        temporary.replace(target)
        if durable:
            _sync_folder(target.parent)
    except OSError as error:
        raise OutputError(f"cannot write '{target}': {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _sync_folder(folder: Path) -> None:
    """Bring the names in `folder` to the disk, where a folder can be opened for that (not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
