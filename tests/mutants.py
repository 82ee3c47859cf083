"""`python -m tests.mutants`: change one line of the package at random, see whether a test notices; again and again.

A mutant is one operator, number, condition or statement changed. It is planted in a copy of the repository, where the
tests that run its line run, then those that run its file, until one fails, and fails again by itself: coverage.py finds
them once, at first, also in the processes that tests start. If none fails, the mutant has survived, and is either the
same as before for everybody, or only slower, or a test is missing.
"""

import argparse
import ast
import contextlib
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import cache_from_source
from itertools import accumulate, islice, pairwise
from pathlib import Path

import coverage
import pytest

ROOT = Path(__file__).parent.parent
COPIED = ("poolcli", "tests", "samples", ".github", "README.md", "LICENSE", "pyproject.toml", ".gitignore")
MOST = 150  # seconds of tests for a mutant
HANGS = (120, 360)  # seconds after which a test is stopped, in the first run and by itself
PYTEST = ("-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.mutants", "-o", "faulthandler_exit_on_timeout=true")
COVERAGE = """
[run]
source = {folder}/poolcli
data_file = {folder}/.coverage
parallel = true
core = ctrace
patch = _exit
context = ${{PYTEST_CURRENT_TEST-}}
disable_warnings = trace-changed, no-data-collected, module-not-imported, couldnt-parse
"""

OPERATORS = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.Div: ("/", "*"),
    ast.Pow: ("**", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "+"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.BitXor: ("^", "|"),
}
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "floor": "ceil", "ceil": "floor"}
SKIPPED = (ast.Raise, ast.Assert, ast.JoinedStr, ast.Import, ast.ImportFrom)  # words, and what only types need
ANNOTATIONS = ("annotation", "returns", "decorator_list", "type_params")


@dataclass(frozen=True, order=True)
class Mutant:
    """Bytes `start` to `stop` of line `line` (from 1) of the file `path`, below the root, replaced by `text`."""

    path: str
    line: int
    start: int
    stop: int
    text: str

    def planted(self, content: bytes) -> bytes:
        """Its file with it."""
        lines = content.splitlines(keepends=True)
        line = lines[self.line - 1]
        lines[self.line - 1] = line[: self.start] + self.text.encode() + line[self.stop :]
        return b"".join(lines)

    def source(self) -> tuple[str, str]:
        """The line before and after."""
        content = (ROOT / self.path).read_bytes()
        before, after = (text.splitlines()[self.line - 1].decode() for text in (content, self.planted(content)))
        return before, after

    def function(self) -> float:
        """Where the body of the innermost function around it begins; infinity: it runs at import only."""
        nodes = ast.walk(ast.parse((ROOT / self.path).read_bytes()))
        functions = (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
        bodies = ((node.body[0].lineno, node.end_lineno or 0) for node in functions)
        return max((first for first, last in bodies if first <= self.line <= last), default=math.inf)

    def __str__(self) -> str:
        before, after = self.source()
        return f"{self.path}:{self.line}\n    - {before.strip()}\n    + {after.strip()}"


def mutants(path: str) -> list[Mutant]:
    """Every mutant of one file, in order."""
    content = (ROOT / path).read_bytes()
    lines = content.splitlines()
    return sorted(Mutant(path, *change) for node in _nodes(ast.parse(content)) for change in _changes(node, lines))


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but annotations, decorators, messages and what is for type checkers alone."""
    yield node
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if name in ANNOTATIONS or not isinstance(child, ast.AST) or isinstance(child, SKIPPED):
                continue
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            yield from _nodes(child)


Change = tuple[int, int, int, str]  # line, first byte, byte behind the last, text


def _changes(node: ast.AST, lines: list[bytes]) -> Iterator[Change]:
    match node:
        case (
            ast.Compare(left=left, ops=[operator], comparators=[right]) | ast.BinOp(left=left, op=operator, right=right)
        ):
            yield from _between(left, right, operator, lines)
        case ast.BoolOp(op=operator, values=values):
            for left, right in pairwise(values):
                yield from _between(left, right, operator, lines)
        case ast.Constant(value=bool(value)):
            yield from _whole(node, str(not value))
        case ast.Constant(value=int(value) | float(value)):
            yield from _whole(node, repr(value + 1))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _whole(node, f"({_text(operand, lines)})")
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            yield from _whole(test, f"(not ({_text(test, lines)}))")
        case ast.Call(func=ast.Name(id=name) as function) if name in CALLS:
            yield from _whole(function, CALLS[name])
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            yield from _whole(node, "pass")


def _text(node: ast.expr, lines: list[bytes]) -> str:
    """A node of one line as it is written (`ast.get_source_segment` takes all of a file apart for it)."""
    return lines[node.lineno - 1][node.col_offset : node.end_col_offset].decode()


def _whole(node: ast.expr | ast.stmt, text: str) -> Iterator[Change]:
    if node.lineno == node.end_lineno and node.end_col_offset is not None:
        yield node.lineno, node.col_offset, node.end_col_offset, text


def _between(left: ast.expr, right: ast.expr, operator: ast.AST, lines: list[bytes]) -> Iterator[Change]:
    """The operator between two operands that stand in one line; brackets may stand there too."""
    old, new = OPERATORS.get(type(operator), ("", ""))
    if not old or left.end_lineno != right.lineno or left.end_col_offset is None:
        return
    at = lines[right.lineno - 1].find(old.encode(), left.end_col_offset, right.col_offset)
    if at >= 0:
        yield right.lineno, at, at + len(old), new


def compiles(mutant: Mutant) -> bool:
    """Whether the file is still Python."""
    try:
        ast.parse(mutant.planted((ROOT / mutant.path).read_bytes()))
    except SyntaxError:
        return False
    return True


def sample(count: int, seed: int, below: tuple[str, ...] = ("poolcli",)) -> list[Mutant]:
    """`count` mutants of all there are in the files and folders `below`, the same for the same seed and source."""
    starts = [ROOT / start for start in below]
    files = {path for start in starts for path in ([start] if start.is_file() else start.rglob("*.py"))}
    found = [mutant for path in sorted(files) for mutant in mutants(path.relative_to(ROOT).as_posix())]
    random.Random(seed).shuffle(found)
    return list(islice(filter(compiles, found), count))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """As a plugin of pytest: log a test as it starts, and its seconds once it has passed."""
    if measuring := coverage.Coverage.current():
        measuring.switch_context(item.nodeid)
    began, failed = time.monotonic(), item.session.testsfailed
    with Path(os.environ["MUTANTS_LOG"]).open("a", buffering=1) as log:
        print(json.dumps([item.nodeid, None]), file=log)
        result = yield
        if item.session.testsfailed == failed:
            print(json.dumps([item.nodeid, time.monotonic() - began]), file=log)
    return result


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """As a plugin of pytest: only the tests that are named, in their order; all if none is."""
    order = {test: place for place, test in enumerate(json.loads(Path(os.environ["MUTANTS_TESTS"]).read_text()))}
    if order:
        items[:] = sorted((item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid])


@dataclass(frozen=True)
class Tests:
    """The seconds of every test, and the tests that run each line of each file of the package."""

    seconds: dict[str, float]
    lines: dict[str, dict[int, set[str]]]

    def of(self, mutant: Mutant) -> list[str]:
        """Those that run its line, then those of its file (of its file, then all, where no test but the import runs the
        function around it), for MOST seconds, quickest first.
        """
        lines = self.lines[mutant.path]
        near = max((line for line, tests in lines.items() if tests and line <= mutant.line), default=0)
        file = set().union(*lines.values())
        groups = (lines.get(near, ()), file) if near >= mutant.function() else (file, self.seconds)
        tests = dict.fromkeys(test for group in groups for test in sorted(group, key=self.seconds.__getitem__))
        spent = accumulate(self.seconds[test] for test in tests)
        return [test for test, seconds in zip(tests, spent, strict=True) if seconds <= MOST]


def failing(folder: Path, tests: list[str], hangs: int, *more: str, **environment: str) -> str | None:
    """The first of these tests (none: of all) of a copy that fails or takes so many seconds; None: they pass."""
    log, named = folder / "log", folder / "tests.json"
    named.write_text(json.dumps(tests))
    log.write_text("")
    environment |= {"PYTHONPATH": str(folder), "MUTANTS_LOG": str(log), "MUTANTS_TESTS": str(named)}
    environment["PYTEST_CURRENT_TEST"] = ""  # no test around this one is what a line belongs to
    words = [sys.executable, *PYTEST, "-o", f"faulthandler_timeout={hangs}", *more]
    words += dict.fromkeys(test.split("::")[0] for test in tests)
    with (folder / "output").open("w") as output:
        environment = os.environ | environment
        run = subprocess.Popen(words, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        passed = run.wait(60 * hangs) in (0, 5)  # 5: no test there
    except subprocess.TimeoutExpired:
        passed = False
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, 9)  # what it left behind, too
        run.wait()
    return None if passed else next((test for test, took in logged(folder).items() if took is None), "the import")


def logged(folder: Path) -> dict[str, float | None]:
    """The seconds of the tests that ran last in a copy; None: failed."""
    return dict(map(json.loads, (folder / "log").read_text().splitlines()))


def measured(folder: Path) -> Tests:
    """Run the suite of a copy once under coverage.py; AssertionError where it is red without any mutant."""
    settings, start = folder / "coverage.cfg", folder / "sitecustomize.py"
    settings.write_text(COVERAGE.format(folder=folder))
    start.write_text("import coverage; coverage.process_startup()")  # in every process
    failing(folder, [], 3600, COVERAGE_PROCESS_START=str(settings))
    start.unlink()
    ran = logged(folder)
    red = [test for test, took in ran.items() if took is None]  # some are while they are measured
    if not ran or (red and failing(folder, red, HANGS[1])):
        raise AssertionError(f"the fast suite is red as it is: {(folder / 'output').read_text()[-3000:]}")
    measuring = coverage.Coverage(str(folder / ".coverage"), config_file=False)
    measuring.combine([str(folder)])
    lines: dict[str, dict[int, set[str]]] = {}
    for path in (folder / "poolcli").rglob("*.py"):
        contexts = measuring.get_data().contexts_by_lineno(str(path))
        lines[path.relative_to(folder).as_posix()] = {
            line: {re.sub(r" \((setup|call|teardown)\)$", "", context) for context in there} & ran.keys()
            for line, there in contexts.items()
        }
    return Tests({test: took or 0.0 for test, took in ran.items()}, lines)


def judge(folder: Path, mutant: Mutant, tests: list[str]) -> str | None:
    """The test that kills a mutant planted in a copy, also by itself."""
    path = folder / mutant.path
    content, compiled = path.read_bytes(), Path(cache_from_source(path))
    path.write_bytes(mutant.planted(content))
    compiled.unlink(missing_ok=True)  # its time and size may be the same
    try:
        while tests and (failed := failing(folder, tests, HANGS[0], "-x")):
            if failed not in tests or failing(folder, [failed], HANGS[1]):
                return failed
            tests = tests[tests.index(failed) + 1 :]
        return None
    finally:
        path.write_bytes(content)
        compiled.unlink(missing_ok=True)


def judged(chosen: list[Mutant]) -> Iterator[tuple[Mutant, str | None]]:
    """Every mutant and what killed it, as they come; AssertionError where the suite is red without any."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = Path(name)
        for part in COPIED:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(ROOT / part, folder / part)
        tests = measured(folder)
        for mutant in chosen:
            yield mutant, judge(folder, mutant, tests.of(mutant))


def main() -> None:
    """Judge a sample and list what survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("below", nargs="*", default=["poolcli"], help="files and folders of the package to choose from")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--list", action="store_true", help="show the mutants and judge none")
    given = parser.parse_args()
    chosen, survived = sample(given.count, given.seed, tuple(given.below)), []
    if given.list:
        print(*chosen, sep="\n")  # noqa: T201 (a command)
        return
    for mutant, killer in judged(chosen):
        survived += [mutant] * (killer is None)
        print(f"killed by {killer}" if killer else "SURVIVED", mutant, sep=": ", flush=True)  # noqa: T201
    print(f"\n{len(chosen) - len(survived)} of {len(chosen)} killed; survivors:", *survived, sep="\n")  # noqa: T201


if __name__ == "__main__":
    main()
