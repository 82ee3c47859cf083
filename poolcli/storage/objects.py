"""Objects in stores by fsspec: reading, listing, trying again."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

from poolcli.errors import PoolcliError, UsageError
from poolcli.storage.places import Place, Url, find_store, redacted

Result = TypeVar("Result")

TRIES = 5
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0  # seconds; doubled after every try, and drawn so that workers do not march in step

# What another try would not change. Everything else may be the network or a busy store.
_FINAL = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError,
          NotImplementedError, ImportError, TypeError, ValueError, MemoryError)  # fmt: skip
_FINAL_NAMES = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "ParamValidationError",
    "ProfileNotFound",
    "InvalidURL",
)
_PASSING_STATUS = (408, 425, 429)


class StoreError(PoolcliError):
    """A store did not do what it was asked for, as often as it was asked; says why, not what for."""


def read(url: Url, first: int | None = None) -> bytes:
    """The whole object, or its `first` bytes."""
    content: bytes = tried(lambda: _system(url).cat_file(url.address, end=first))
    return content


def write(url: Url, content: bytes) -> None:
    """Make `content` the object, whole or not at all; done twice it is the same object."""
    if not find_store(url.scheme).writes:
        raise StoreError(f"nothing can be written to {url.scheme}://")
    tried(lambda: _system(url).pipe_file(url.address, content))


def exists(url: Url) -> bool:
    """Whether there is such an object."""
    return bool(tried(lambda: _system(url).exists(url.address)))


_VERSIONS = ("ETag", "etag", "md5Hash", "content_md5", "LastModified", "updated", "last_modified", "created")


def version(url: Url) -> tuple[str, ...]:
    """What changes when the object does, or one below a prefix: sizes, and what the store says of content and time."""
    known: dict[str, Any] = tried(lambda: _system(url).info(url.address))
    if known.get("type") == "directory":
        below: dict[str, dict[str, Any]] = tried(lambda: _system(url).find(url.address, detail=True))
        return tuple(part for name in sorted(below) for part in (name, *_version(below[name])))
    return _version(known)


def _version(known: Mapping[str, Any]) -> tuple[str, ...]:
    return str(known.get("size")), *(str(known[name]) for name in _VERSIONS if known.get(name))


def is_folder(place: Place) -> bool:
    """Whether a place is a folder, or a prefix with something below it."""
    if not isinstance(place, Url):
        return place.is_dir()
    return find_store(place.scheme).lists and bool(tried(lambda: _system(place).isdir(place.address)))


def entries(url: Url) -> Iterator[tuple[str, bool]]:
    """The name of everything directly below a prefix, and whether it is a prefix itself."""
    for entry in tried(lambda: _system(url).ls(url.address, detail=True)):
        name = entry["name"].rstrip("/").rpartition("/")[2]
        itself = entry["name"].strip("/") == f"{url.host}/{url.key}".strip("/")  # a marker that the folder is there
        if name and not itself:
            yield name, entry["type"] == "directory"


def globbed(url: Url) -> Iterator[tuple[Url, bool]]:
    """What matches a pattern, and whether it is a prefix."""
    listing: dict[str, Any] = tried(lambda: _system(url).glob(url.address, detail=True))
    for path, entry in listing.items():
        host, _, key = path.strip("/").partition("/")
        yield replace(url, host=host, key=key), entry["type"] == "directory"


def tried(work: Callable[[], Result]) -> Result:
    """What `work` gives, tried again for a while if the store fails; StoreError when that does not help."""
    for number in range(TRIES):
        try:
            return work()
        except Exception as error:
            if number == TRIES - 1 or _is_final(error):
                raise StoreError(_reason(error, number + 1)) from error
        time.sleep(min(FIRST_WAIT * 2**number, LONGEST_WAIT) * random.uniform(0.5, 1))
    raise AssertionError("unreachable")


def _is_final(error: Exception) -> bool:
    status = getattr(error, "status", None)  # of HTTP
    if isinstance(status, int):
        return 400 <= status < 500 and status not in _PASSING_STATUS
    return isinstance(error, _FINAL) or type(error).__name__ in _FINAL_NAMES


def _reason(error: Exception, tries: int) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such object"
    said = redacted(" ".join(str(error).split()))[:200] or type(error).__name__
    return f"{said}, tried {tries} times" if tries > 1 else said


@lru_cache
def _system_of(scheme: str) -> Any:
    import fsspec

    try:
        return fsspec.filesystem(scheme, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        raise UsageError(f"{scheme}:// cannot be used: {redacted(str(error))}") from error


def _system(url: Url) -> Any:
    return _system_of(url.scheme)
