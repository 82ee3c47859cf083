"""What is found in stores: objects, those below a prefix, those that match a pattern."""

import glob
from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePath, PurePosixPath

from poolcli.batch.spool import in_order
from poolcli.batch.wanted import Found, Wanted, natural_key
from poolcli.errors import UsageError
from poolcli.stores import Url, access, safe_part
from poolcli.stores.table import find_store


def discover(url: Url, wanted: Wanted) -> Iterator[Found]:
    """The objects that a URL stands for. UsageError for a store that cannot be listed, a pattern without a match."""
    try:
        if is_folder(url):
            yield from _below(url, wanted)
        elif find_store(url.scheme).lists and glob.has_magic(url.key) and not access.exists(url):
            yield from _matching(url, wanted)
        elif not url.name:
            raise UsageError(f"'{url}' is not there, or you may not see it: check its name and your access to it")
        else:
            yield Found(url, PurePosixPath(safe_part(url.name)))
    except access.StoreError as error:
        raise _unlisted(url, error) from error


def _matching(pattern: Url, wanted: Wanted) -> Iterator[Found]:
    matches = sorted(access.globbed(pattern), key=lambda match: natural_key(match[0].key))
    if not matches:
        raise UsageError(f"no object matches '{pattern}': check the pattern, or name an object or a prefix")
    for url, is_folder in matches:
        if is_folder:
            yield from _below(url, wanted)
        elif wanted.takes(PurePosixPath(url.name)):
            yield Found(url, PurePosixPath(safe_part(url.name)))


def _below(top: Url, wanted: Wanted) -> Iterator[Found]:
    """The pictures directly below a prefix, then those of each prefix in it, as in a folder."""
    places = [(top, PurePosixPath())]
    while places:
        here, below = places.pop()
        folders: list[str] = []
        for name in in_order(_pictures_here(here, below, wanted, folders), natural_key):
            yield Found(here / name, below / safe_part(name), in_folder=True)
        if wanted.recursive:
            inner = sorted(folders, key=natural_key, reverse=True)
            places += ((here / name, below / safe_part(name)) for name in inner)


def _pictures_here(here: Url, below: PurePath, wanted: Wanted, folders: list[str]) -> Iterator[str]:
    for name, is_folder in access.entries(here):
        if not is_folder:
            if wanted.is_picture(here / name) and wanted.takes(below / name):
                yield name
        elif not (wanted.leaves_out(below / name) or here / name == wanted.outputs):
            folders.append(name)


def is_folder(url: Url) -> bool:
    """Whether a prefix has something below it; UsageError when the store does not say."""
    try:
        return access.is_folder(url)
    except access.StoreError as error:
        raise _unlisted(url, error) from error


class Existing:
    """What is in stores already: of a `few` objects each is asked for, of more all their neighbours are listed."""

    def __init__(self, *, few: bool) -> None:
        """Ask nothing yet."""
        self._few = few
        self._listed = lru_cache(maxsize=8)(_names)  # a plan goes prefix by prefix

    def __contains__(self, url: object) -> bool:
        assert isinstance(url, Url)
        try:
            return access.exists(url) if self._few else url.name in self._listed(url.parent)
        except access.StoreError as error:
            raise _unlisted(url.parent, error) from error


def _names(prefix: Url) -> frozenset[str]:
    return frozenset(name for name, _ in access.entries(prefix)) if access.is_folder(prefix) else frozenset()


def _unlisted(url: Url, error: access.StoreError) -> UsageError:
    return UsageError(f"'{url}' cannot be listed: {error}; check its name and your access to it")
