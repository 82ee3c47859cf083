"""Names of places: local paths, and URLs of objects, which bear the part of a path's interface that names need."""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath
from urllib.parse import unquote, urlsplit

from poolcli.errors import UsageError
from poolcli.stores.redact import redacted
from poolcli.stores.table import STORES, find_store

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


@dataclass(frozen=True, slots=True, repr=False)
class Url:
    """An object, or a prefix, in a store. `str` is what may be shown, `address` what the store is asked for.

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
        from poolcli.stores.access import StoreError, exists  # and with it fsspec

        try:
            return exists(self)
        except StoreError as error:
            raise UsageError(f"'{self}' cannot be asked for: {error}; check its name and your access to it") from error


Place = Path | Url


def safe_part(name: str) -> str:
    """`name` as one part of a path on any system, and none that leads elsewhere: `.`, `..` or with a separator in it.

    >>> safe_part("a.b"), safe_part(".."), safe_part("../b")
    ('a.b', '__', '.._b')
    """
    part = name.replace("/", "_").replace("\\", "_")
    return part.replace(".", "_") if part in (".", "..") else part


def is_url(text: str) -> bool:
    """Whether `text` names an object in a store. One letter is a drive, not a scheme.

    >>> is_url("s3://in/a.png"), is_url("C://a.png"), is_url("a.png")
    (True, False, False)
    """
    return _URL.match(text) is not None


def place_of(text: str) -> Place:
    """The place that `text` names; `file://` is a local path. UsageError for a store that there is not, or not here.

    So is a password in the URL, since URLs stand in reports and logs.
    """
    match = _URL.match(text)
    if match is None:
        return Path(text)
    scheme, rest = match[1].lower(), text[match.end() :]
    if scheme == "file":
        return _local(text)
    store = find_store(scheme)
    host, _, key = rest.partition("/")
    if "@" in host:
        raise UsageError(
            f"'{redacted(text)}': a user in a URL is not allowed: give it by the environment or fsspec's configuration"
        )
    if "::" in text:
        raise UsageError(f"'{redacted(text)}': chained URLs (::) are not allowed: name the object itself")
    if store.quoted:
        key, _, query = key.partition("?")
        return Url(store.scheme, host, key, query)
    return Url(store.scheme, host, key.rstrip("/"))


def writable(place: Place) -> Place:
    """`place` itself; UsageError where a store takes nothing."""
    if isinstance(place, Url) and not find_store(place.scheme).writes:
        raise UsageError(f"'{place}': nothing can be written to {place.scheme}://; give another place with -o")
    return place


def _local(text: str) -> Path:
    from urllib.request import url2pathname  # which takes a while to load

    parts = urlsplit(text)
    if parts.netloc not in ("", "localhost") and os.name != "nt":
        raise UsageError(f"'{text}' is a file of another machine: give file:///PATH, with three slashes")
    path = url2pathname(f"//{parts.netloc}{parts.path}" if parts.netloc and os.name == "nt" else parts.path)
    if "\0" in path:
        raise UsageError(f"'{text}' holds %00, which no file's name does: check the URL")
    return Path(path)
