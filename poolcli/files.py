"""Files that appear whole or not at all: written under a temporary name in the target's folder, then renamed."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from poolcli.errors import OutputError

TEMPORARY_PREFIX = ".poolcli-"
TEMPORARY_SUFFIX = ".part"


@contextmanager
def publish(target: Path) -> Iterator[BinaryIO]:
    """Give a binary file to fill; rename it to `target` (its folders are made) when all ends well.

    Raises OutputError when the file cannot be written or renamed; whatever else the block raises goes through.
    """
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}{TEMPORARY_SUFFIX}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("x+b") as stream:  # the umask decides the permissions, as for any new file
            yield stream
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"cannot write '{target}': {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
