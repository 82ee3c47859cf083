"""Our `dataclass` against that of the standard library: whatever is done with one gives the same with the other."""

import copy
import dataclasses
import pickle
from dataclasses import field
from types import SimpleNamespace
from typing import ClassVar

import pytest

from poolcli import records


def family(dataclass):
    """The same classes, made by either."""

    @dataclass(frozen=True, slots=True)
    class Base:
        """With a default, a factory, a field that is not compared and one that is not shown."""

        a: int
        b: str = "b"
        c: list = field(default_factory=list)
        d: int = field(default=0, compare=False)
        e: int = field(default=1, repr=False)
        kind: ClassVar[str] = "base"

    @dataclass(frozen=True, slots=True)
    class Child(Base):
        """Fields of its own after those of its base."""

        f: float = 0.5

        def __post_init__(self):
            object.__setattr__(self, "a", self.a + 1)

    @dataclass(frozen=True)
    class One:
        """A single field, no slots."""

        a: object

    @dataclass(frozen=True, slots=True, eq=False, repr=False)
    class Plain:
        """Itself alone is equal to it."""

        a: int = 1

    @dataclass(frozen=True, slots=True)
    class Own:  # noqa: PLW1641 (the hash is what is tested)
        """With methods of its own."""

        a: int

        def __eq__(self, other):
            return True

        def __repr__(self):
            return "own"

    @dataclass(frozen=True, slots=True)
    class Empty:
        """No field at all."""

    @dataclass(slots=True)
    class Open:
        """Not frozen."""

        a: int = 1

    return SimpleNamespace(base=Base, child=Child, one=One, plain=Plain, own=Own, empty=Empty, open=Open)


OURS, THEIRS = family(records.dataclass), family(dataclasses.dataclass)
for made in (*vars(OURS).values(), *vars(THEIRS).values()):
    made.__qualname__ = made.__name__
globals().update({made.__name__: made for made in vars(OURS).values()})  # where pickle looks

ACTIONS = {
    "text": lambda c: [*map(repr, (c.base(1), c.base(1, "x", [2], 3, 4), c.child(1, f=2.0), c.one([]), c.own(1)))],
    "equal": lambda c: [
        *(c.base(1) == c.base(1), c.base(1) == c.base(2), c.base(1, d=5) == c.base(1, d=6)),
        *(c.base(1, e=5) == c.base(1, e=6), c.base(1) == c.child(0), c.one(1) == c.one(1), c.one(1) == 1),
        *(c.plain() == c.plain(), c.own(1) == c.own(2), c.empty() == c.empty()),
    ],
    "hashed": lambda c: [
        *(len({c.one(1), c.one(1), c.one(2)}), len({c.empty(), c.empty()}), len({c.plain(), c.plain()})),
        hash(c.own(1)) == hash(c.own(1)),
    ],
    "unhashable": lambda c: hash(c.base(1)),
    "replaced": lambda c: repr([dataclasses.replace(c.base(1), b="c"), dataclasses.replace(c.child(1), c=[1])]),
    "as a dictionary": lambda c: dataclasses.asdict(c.child(1, c=[1, {2: 3}])),
    "matched": lambda c: [each.__match_args__ for each in vars(c).values()],
    "fields": lambda c: [[f.name for f in dataclasses.fields(each)] for each in vars(c).values()],
    "copied": lambda c: repr([copy.copy(c.child(1)), copy.deepcopy(c.base(1, c=[1])), copy.copy(c.one(2))]),
    "fresh factories": lambda c: c.base(1).c is c.base(1).c,
    "set": lambda c: setattr(c.base(1), "a", 2),
    "set, no slots": lambda c: setattr(c.one(1), "a", 2),
    "deleted": lambda c: delattr(c.base(1), "a"),
    "too few": lambda c: c.base(),
    "unknown": lambda c: c.base(1, z=1),
    "too many": lambda c: c.base(1, 2, 3, 4, 5, 6),
    "open": lambda c: (setattr(opened := c.open(), "a", 2), repr(opened)),
}


def outcome(action, made):
    """What an action gives, or the error that it raises."""
    try:
        return action(made)
    except (TypeError, AttributeError) as error:
        return type(error), str(error).replace("family.<locals>.", "")


@pytest.mark.parametrize("name", ACTIONS)
def test_ours_does_what_that_of_the_standard_library_does(name):
    """Values, errors and their sentences."""
    assert outcome(ACTIONS[name], OURS) == outcome(ACTIONS[name], THEIRS)


@pytest.mark.parametrize("value", [OURS.base(1, "x", [2], 3, 4), OURS.child(1, f=2.0), OURS.one((1, 2))], ids=repr)
def test_records_go_through_pickles(value):
    """As processes and clusters send them."""
    sent = pickle.loads(pickle.dumps(value))
    assert (repr(sent), sent) == (repr(value), value)
