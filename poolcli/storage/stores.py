"""Objects in stores: read, written and listed by fsspec, and tried again; their table of schemes; secrets redacted.

universal-pathlib would carry paths and listings; what is our own here (redaction, retries, whole objects, versions for
--resume) it has not, and it would be one more package of the extra.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import PurePath, PurePosixPath
from typing import Any, TypeVar
from urllib.parse import unquote

from poolcli.errors import PoolcliError, UsageError, missing, said, unknown
from poolcli.records import dataclass

# What may be a secret, and what is shown in its place.
_SECRETS = (
    (r"(?<=://)[^\s/?#'\"<>]*@", "***@"),
    (r"(://[^\s?'\"<>]*\?)[^\s'\"<>]+", r"\1***"),
    (r"(?i)\b(authorization['\"]?\s*[=:]\s*['\"]?)[^'\"\n]+", r"\1***"),
    (
        r"(?i)\b((?:x-amz-|x-goog-)?(?:signature|credential|security-token|secret[\w-]*|password|passwd|token|sig"
        r"|access_?key[\w-]*|aws_[\w]*key[\w]*))(['\"]?\s*[=:]\s*['\"]?)[^\s'\",&;)]+",
        r"\1\2***",
    ),
)


def redacted(text: str) -> str:
    """`text` without what may be a secret in it.

    >>> redacted("cannot read https://me:word@host/a.png?X-Amz-Signature=abc, 403")
    'cannot read https://***@host/a.png?*** 403'
    """
    for pattern, shown in _SECRETS:
        text = re.sub(pattern, shown, text)
    return text


def reason_of(error: BaseException) -> str:
    """What an error says, without secrets; cut last, lest half of one stay that no pattern knows."""
    return redacted(said(error, None))[:200]


@dataclass(frozen=True, slots=True)
class Store:
    """One kind of store. `packages` are the modules it needs, which pip knows by the same names.

    `writes`: objects can be written, and appear whole; `lists`: its objects can be listed; `quoted`: keys are
    percent-encoded and may end in a query; `shared`: other processes see the same objects.
    """

    scheme: str
    packages: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    writes: bool = True
    lists: bool = True
    quoted: bool = False
    shared: bool = True


_ROWS = (
    Store("s3", ("fsspec", "s3fs"), aliases=("s3a",)),
    Store("gs", ("fsspec", "gcsfs"), aliases=("gcs",)),
    Store("az", ("fsspec", "adlfs"), aliases=("abfs", "abfss")),
    Store("https", ("fsspec", "aiohttp"), writes=False, lists=False, quoted=True),
    Store("http", ("fsspec", "aiohttp"), writes=False, lists=False, quoted=True),
    Store("memory", ("fsspec",), shared=False),
)
STORES: Mapping[str, Store] = {scheme: row for row in _ROWS for scheme in (row.scheme, *row.aliases)}


@cache
def find_store(scheme: str) -> Store:
    """The store of this scheme; UsageError when there is none, or what it needs is not installed."""
    if scheme not in STORES:
        raise unknown("kind of URL", f"{scheme}://", (f"{name}://" for name in (*STORES, "file")))
    store = STORES[scheme]
    absent = [package for package in store.packages if find_spec(package) is None]
    if absent:
        raise missing(f"{scheme}://", absent)
    return store


def safe_part(name: str) -> str:
    """`name` as one part of a path on any system, and none that leads elsewhere: `.`, `..` or with a separator in it.

    >>> safe_part("a.b"), safe_part(".."), safe_part("../b")
    ('a.b', '__', '.._b')
    """
    part = name.replace("/", "_").replace("\\", "_")
    return part.replace(".", "_") if part in (".", "..") else part


@dataclass(frozen=True, slots=True, repr=False)
class Url:
    """An object, or a prefix, in a store. `str` is what may be shown, `address` what is sent to the store.

    >>> url = Url("s3", "bucket", "photos/a.b.png")
    >>> url.name, url.stem, url.suffix, str(url.parent), str(url.with_name("c.png")), str(url / "d.png")
    ('a.b.png', 'a.b', '.png', 's3://bucket/photos', 's3://bucket/photos/c.png', 's3://bucket/photos/a.b.png/d.png')
    """

    scheme: str
    host: str  # a bucket, or a host with its port
    key: str = ""
    query: str = ""

    @property
    def address(self) -> str:
        """The whole URL; its query may be a signature, so that it is for the store alone."""
        return f"{self.scheme}://{self.host}/{self.key}".removesuffix("/") + (self.query and f"?{self.query}")

    def __str__(self) -> str:
        return redacted(self.address)

    def __repr__(self) -> str:  # tracebacks and logs of others show it
        return f"Url({str(self)!r})"

    @property
    def name(self) -> str:
        """The last part; empty for a whole bucket."""
        last = self.key.rstrip("/").rpartition("/")[2]
        return safe_part(unquote(last)) if STORES[self.scheme].quoted else last

    @property
    def stem(self) -> str:
        """The name without its extension."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The extension, with its dot."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> "Url":
        """What it lies in; a bucket lies in itself."""
        return replace(self, key=self.key.rstrip("/").rpartition("/")[0], query="")

    def with_name(self, name: str) -> "Url":
        """Its neighbour of that name."""
        return self.parent / name

    def __truediv__(self, below: str | PurePath) -> "Url":
        below = below if isinstance(below, str) else below.as_posix()
        return replace(self, key=f"{self.key}/{below}" if self.key else below, query="")

    def exists(self) -> bool:
        """Whether there is such an object; UsageError when the store does not say."""
        try:
            return exists(self)
        except StoreError as error:
            raise UsageError(f"'{self}' cannot be asked for: {error}; check its name and your access to it") from error


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
    """A store failed every try of a request; says why, not which request."""


def read(url: Url, first: int | None = None) -> bytes:
    """The whole object, or its `first` bytes."""
    content: bytes = tried(lambda: _system(url.scheme).cat_file(url.address, end=first))
    return content


def write(url: Url, content: bytes) -> None:
    """Make `content` the object, whole or not at all; done twice it is the same object."""
    if not find_store(url.scheme).writes:
        raise StoreError(f"nothing can be written to {url.scheme}://")
    tried(lambda: _system(url.scheme).pipe_file(url.address, content))


def exists(url: Url) -> bool:
    """Whether there is such an object."""
    return bool(tried(lambda: _system(url.scheme).exists(url.address)))


_VERSIONS = ("ETag", "etag", "md5Hash", "content_md5", "LastModified", "updated", "last_modified", "created")


def version(url: Url) -> tuple[str, ...]:
    """What changes when the object does, or one below a prefix: sizes, and what the store says of content and time."""
    known: dict[str, Any] = tried(lambda: _system(url.scheme).info(url.address))
    if known.get("type") == "directory":
        below: dict[str, dict[str, Any]] = tried(lambda: _system(url.scheme).find(url.address, detail=True))
        return tuple(part for name in sorted(below) for part in (name, *_version(below[name])))
    return _version(known)


def _version(known: Mapping[str, Any]) -> tuple[str, ...]:
    return str(known.get("size")), *(str(known[name]) for name in _VERSIONS if known.get(name))


@contextmanager
def listing(url: Url) -> Iterator[None]:
    """UsageError, which names `url`, where a store does not list what the block reads of it."""
    try:
        yield
    except StoreError as error:
        raise UsageError(f"'{url}' cannot be listed: {error}; check its name and your access to it") from error


def is_prefix(url: Url) -> bool:
    """Whether something lies below a URL."""
    return find_store(url.scheme).lists and bool(tried(lambda: _system(url.scheme).isdir(url.address)))


def entries(url: Url) -> Iterator[tuple[str, bool]]:
    """The name of everything directly below a prefix, and whether it is a prefix itself."""
    for entry in tried(lambda: _system(url.scheme).ls(url.address, detail=True)):
        name = entry["name"].rstrip("/").rpartition("/")[2]
        itself = entry["name"].strip("/") == f"{url.host}/{url.key}".strip("/")  # a marker that the folder is there
        if name and not itself:
            yield name, entry["type"] == "directory"


def globbed(url: Url) -> Iterator[tuple[Url, bool]]:
    """What matches a pattern, and whether it is a prefix."""
    listing: dict[str, Any] = tried(lambda: _system(url.scheme).glob(url.address, detail=True))
    for path, entry in listing.items():
        host, _, key = path.strip("/").partition("/")
        yield replace(url, host=host, key=key), entry["type"] == "directory"


def tried(work: Callable[[], Result]) -> Result:
    """What `work` gives, tried again for a while if the store fails; StoreError when that does not help."""
    from random import uniform

    for number in range(TRIES):
        try:
            return work()
        except Exception as error:
            if number == TRIES - 1 or _is_final(error):
                raise StoreError(_reason(error, number + 1)) from error
        time.sleep(min(FIRST_WAIT * 2**number, LONGEST_WAIT) * uniform(0.5, 1))
    raise AssertionError("unreachable")


def _is_final(error: Exception) -> bool:
    status = getattr(error, "status", None)  # of HTTP
    if isinstance(status, int):
        return 400 <= status < 500 and status not in _PASSING_STATUS
    return isinstance(error, _FINAL) or type(error).__name__ in _FINAL_NAMES


def _reason(error: Exception, tries: int) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such object"
    reason = reason_of(error)
    return f"{reason}, tried {tries} times" if tries > 1 else reason


@lru_cache
def _system(scheme: str) -> Any:
    import fsspec

    try:
        return fsspec.filesystem(scheme, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        raise UsageError(f"{scheme}:// cannot be used: {redacted(str(error))}") from error
