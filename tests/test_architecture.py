"""The rooms of the design: arrows point down only, siblings do not know one another, one place for each claim."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import poolcli

ROOT = Path(poolcli.__file__).parent

# room -> the rooms it may import; `errors` and `records` everybody may.
ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "records": set(),
    "storage": set(),
    "ops": set(),
    "recipe": {"ops"},
    "images": {"storage"},
    "shift": {"ops"},
    "evaluate": {"ops", "recipe", "shift"},
    "colour": {"ops", "recipe"},
    "visualize": {"evaluate", "images", "ops", "recipe", "shift"},
    "reports": {"images", "ops", "recipe", "shift", "storage", "visualize"},
    "batch": {"colour", "evaluate", "images", "ops", "recipe", "reports", "shift", "storage", "visualize"},
    "cli": {"batch", "colour", "evaluate", "images", "ops", "recipe", "reports", "shift", "storage", "visualize"},
    "__init__": {"evaluate", "ops", "reports"},
    "__main__": {"cli"},
}
FILES = sorted(ROOT.rglob("*.py"))


def name_of(path):
    """`ops.means` for poolcli/ops/means.py."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def module_of(path):
    """`poolcli.ops.means` for poolcli/ops/means.py, `poolcli.ops` for poolcli/ops/__init__.py."""
    return f"poolcli.{name_of(path)}".removesuffix(".__init__")


def run(node):
    """The nodes below this one, but for what type checkers alone read."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from run(child)


def imports(path, walk=ast.walk):
    """Every module that a file imports anywhere in it, with the names taken from it."""
    for node in walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms(path):
    """The rooms of poolcli that a file imports."""
    for module in imports(path):
        first, _, rest = module.partition(".")
        room = rest.split(".")[0]
        if first == "poolcli" and room in ARROWS:
            yield room


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_arrows_point_down(path):
    """A file imports its own room and the rooms below it, nothing else of poolcli."""
    own = name_of(path).split(".")[0]
    allowed = ARROWS[own] | {own, "errors", "records"}
    assert {room for room in rooms(path) if room not in allowed} == set()


def test_no_module_needs_itself():
    """Not by way of others either; imports inside functions count, those for type checkers do not."""
    modules = {module_of(path) for path in FILES}
    graph = {
        module_of(path): {name if name in modules else name.rpartition(".")[0] for name in imports(path, run)} & modules
        for path in FILES
    }
    assert graph["poolcli.cli.app"] >= {"poolcli.batch", "poolcli.cli.commands"}, "a package, and a late import"
    TopologicalSorter(graph).prepare()  # CycleError names a circle


HOMES = [
    *(("PIL", "images"), ("tifffile", "images"), ("imagecodecs", "images"), ("zarr", "images")),
    *(("typer", "cli"), ("rich", "reports cli"), ("fsspec", "storage"), ("distributed", "batch")),
]


def test_frozen_classes_are_made_by_our_own_dataclass():
    """That of the standard library takes four times as long, for every class of a start."""
    users = {name_of(path) for path in FILES if "dataclasses.dataclass" in imports(path)}
    assert users == {"records"}


@pytest.mark.parametrize(("package", "room"), HOMES)
def test_packages_have_one_room(package, room):
    """Pillow is known to `images` alone, Typer to the command line, rich to what is printed."""
    users = {name_of(path).split(".")[0] for path in FILES if any(m.split(".")[0] == package for m in imports(path))}
    assert users <= set(room.split())


def test_only_the_command_line_prints_or_exits():
    """The library raises; `cli` and `__main__` tell."""
    for path in FILES:
        calls = {ast.unparse(n.func) for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)}
        if name_of(path).split(".")[0] not in ("cli", "__main__"):
            assert not calls & {"print", "sys.exit", "exit", "sys.stdout.write", "sys.stderr.write"}, path


def test_click_is_never_imported():
    """Typer brings its own since 0.26."""
    assert not [path for path in FILES if any(module.split(".")[0] == "click" for module in imports(path))]
