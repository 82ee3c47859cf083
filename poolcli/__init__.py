"""CNN pooling for pictures and arrays, exact with the deep-learning libraries, on NumPy and Pillow alone."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poolcli.evaluate import apply as apply
    from poolcli.evaluate import shift_report as shift_report
    from poolcli.ops.convolve import convolve as convolve
    from poolcli.ops.pooling import adaptive_pool as adaptive_pool
    from poolcli.ops.pooling import pool as pool
    from poolcli.reports.interactive import show as show

__version__ = "0.2.0"

_PLACES = {
    "pool": "ops.pooling",
    "adaptive_pool": "ops.pooling",
    "convolve": "ops.convolve",
    "apply": "evaluate",
    "shift_report": "evaluate",
    "show": "reports.interactive",
}
__all__ = [*_PLACES]  # noqa: PLE0604 (names, one place for them)


def __dir__() -> list[str]:
    """What is there before it is loaded, for completion."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    """Load a name when it is first used: `poolcli --version` does not need NumPy."""
    if name not in _PLACES:
        raise AttributeError(f"module 'poolcli' has no attribute '{name}'")
    return getattr(import_module(f"poolcli.{_PLACES[name]}"), name)
