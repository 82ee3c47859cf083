"""The table of stores: what a URL may begin with, and what has to be installed for it. No fsspec needed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

from poolcli.errors import missing, unknown


@dataclass(frozen=True, slots=True)
class Store:
    """One kind of store. `packages` are the modules it needs, which pip knows by the same names.

    `writes`: objects can be written, and appear whole; `lists`: what is in it can be asked; `quoted`: keys are
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
