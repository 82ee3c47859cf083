"""Engines: ways to run a function over items, yielding each result as it comes."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def serial(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """One after the other, here."""
    return map(function, items)
