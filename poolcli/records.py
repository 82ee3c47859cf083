"""A faster `dataclass` for frozen classes.

Why our own: `dataclasses` writes six methods of every frozen class as text and compiles each. Those 70 that one small
picture needs were a third of all that its process does; here `__init__` alone is compiled.
"""

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, **options):
        """As `dataclasses.dataclass`: the same fields, equality, hash, text, pickles and errors.

        >>> @dataclass(frozen=True, slots=True)
        ... class Size:
        ...     width: int
        ...     height: int = 1
        >>> Size(3), Size(3) == Size(3, 1)
        (Size(width=3, height=1), True)
        """
        make = _frozen if frozen else dataclasses.dataclass
        return (lambda cls: make(cls, **options)) if cls is None else make(cls, **options)


def _frozen(cls: type, *, eq: bool = True, repr: bool = True, slots: bool = False) -> Any:
    made: Any = dataclasses.dataclass(cls, init=False, eq=False, repr=False, slots=slots)
    methods: dict[str, Any] = {"__init__": _init(made), "__setattr__": _refuse, "__delattr__": _refuse}
    if slots:
        methods |= {"__getstate__": _state, "__setstate__": _restore}
    if eq:
        methods |= _comparing([field.name for field in dataclasses.fields(made) if field.compare])
    if repr:
        methods["__repr__"] = _text
    for name, method in methods.items():
        if made.__dict__.get(name) is None:  # an `__eq__` of the class's own leaves None for `__hash__`
            setattr(made, name, method)
    return made


def _init(made: Any) -> Callable[..., None]:
    names: dict[str, Any] = {"put": object.__setattr__, "missing": dataclasses.MISSING}
    parameters, lines = ["self"], []
    for field in (each for each in dataclasses.fields(made) if each.init):
        name = value = field.name
        default = ""
        if field.default is not dataclasses.MISSING:
            names[f"default_{name}"], default = field.default, f"=default_{name}"
        elif field.default_factory is not dataclasses.MISSING:
            names[f"make_{name}"], default = field.default_factory, "=missing"
            value = f"make_{name}() if {name} is missing else {name}"
        parameters.append(name + default)
        lines.append(f"    put(self, {name!r}, {value})")
    if hasattr(made, "__post_init__"):
        lines.append("    self.__post_init__()")
    exec("\n".join([f"def __init__({', '.join(parameters)}):", *lines, "    return"]), names)
    method: Callable[..., None] = names["__init__"]
    method.__qualname__ = f"{made.__qualname__}.__init__"
    return method


def _refuse(self: Any, name: str, *value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot {'assign to' if value else 'delete'} field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


def _comparing(names: list[str]) -> dict[str, Any]:
    values = attrgetter(*names) if len(names) > 1 else attrgetter("__class__", *names)  # always a tuple

    def equal(self: Any, other: Any) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return {"__eq__": equal, "__hash__": lambda self: hash(values(self))}


def _text(self: Any) -> str:
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in dataclasses.fields(self) if each.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"
