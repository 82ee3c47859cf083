"""The table of stores: what a URL may begin with, and what has to be installed for it. No fsspec needed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

from poolcli.errors import UsageError, unknown


@dataclass(frozen=True, slots=True)
class Store:
    """One kind of store. `packages` are the modules it needs, `install` what pip is asked for.

    `writes`: objects can be written, and appear whole; `lists`: what is in it can be asked; `quoted`: keys are
    percent-encoded and may end in a query; `shared`: other processes see the same objects.
    """

    scheme: str
    packages: tuple[str, ...]
    install: str = "poolcli[cluster]"
    aliases: tuple[str, ...] = ()
    writes: bool = True
    lists: bool = True
    quoted: bool = False
    shared: bool = True


_ROWS = (
    Store("s3", ("fsspec", "s3fs"), aliases=("s3a",)),
    Store("gs", ("fsspec", "gcsfs"), '"poolcli[cluster]" gcsfs', aliases=("gcs",)),
    Store("az", ("fsspec", "adlfs"), '"poolcli[cluster]" adlfs', aliases=("abfs", "abfss")),
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
    missing = [package for package in store.packages if find_spec(package) is None]
    if missing:
        raise UsageError(missing_text(f"{scheme}://", missing, store.install))
    return store


def missing_text(what: str, missing: list[str], install: str) -> str:
    """The sentence for an extra that is not there.

    >>> missing_text("s3://", ["s3fs"], "poolcli[cluster]")
    's3:// needs s3fs, which is not installed: pip install "poolcli[cluster]"'
    """
    quoted = install if '"' in install else f'"{install}"'
    return f"{what} needs {' and '.join(missing)}, which is not installed: pip install {quoted}"
