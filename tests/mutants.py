"""`python -m tests.mutants`: change one line of the package at random, see whether a test notices; again and again.

A mutant is one operator, number, condition or statement changed. It is planted in a copy of the repository, where the
tests that name its module run first and the whole fast suite after them, until one fails or none has: then it has
survived, and is either the same as before for everybody, or only slower, or a test is missing.
"""

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).parent.parent
COPIED = ("poolcli", "tests", "samples", ".github", "README.md", "LICENSE", "pyproject.toml", ".gitignore")
LIKELY = 6  # test files that run before the whole suite
PYTEST = ("-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider")

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

    def source(self) -> tuple[str, str]:
        """The line before and after."""
        line = (ROOT / self.path).read_bytes().splitlines()[self.line - 1]
        return line.decode(), (line[: self.start] + self.text.encode() + line[self.stop :]).decode()

    def __str__(self) -> str:
        before, after = (line.strip() for line in self.source())
        return f"{self.path}:{self.line}\n    - {before}\n    + {after}"


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: the tests that killed it, or None; `seconds` that they took."""

    mutant: Mutant
    by: str | None
    seconds: float


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
        ast.parse(_planted((ROOT / mutant.path).read_bytes(), mutant))
    except SyntaxError:
        return False
    return True


def _planted(content: bytes, mutant: Mutant) -> bytes:
    lines = content.splitlines(keepends=True)
    line = lines[mutant.line - 1]
    lines[mutant.line - 1] = line[: mutant.start] + mutant.text.encode() + line[mutant.stop :]
    return b"".join(lines)


def sample(count: int, seed: int, below: tuple[str, ...] = ("poolcli",)) -> list[Mutant]:
    """`count` mutants of all there are in the files and folders `below`, the same for the same seed and source."""
    starts = [ROOT / start for start in below]
    files = {path for start in starts for path in ([start] if start.is_file() else start.rglob("*.py"))}
    found = [mutant for path in sorted(files) for mutant in mutants(path.relative_to(ROOT).as_posix())]
    random.Random(seed).shuffle(found)
    return list(islice(filter(compiles, found), count))


def likely_tests(path: str) -> list[str]:
    """The file itself, for its examples, and the test files that name its module most."""
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    name = module.rpartition(".")[2].strip("_")

    def score(test: Path) -> int:
        text = test.read_text("utf-8")
        return 50 * len(re.findall(re.escape(module) + r"\b", text)) + len(re.findall(rf"\b{name}", text))

    scored = sorted(((score(test), test.name) for test in (ROOT / "tests").glob("test_*.py")), reverse=True)
    return [path, *(f"tests/{test}" for points, test in scored[:LIKELY] if points)]


class Copy:
    """A copy of the repository in a folder of its own, in which one mutant at a time is planted."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made."""
        self.folder, self.number, self.said = folder, 0, ""
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, folder / name)

    def passes(self, tests: list[str], timeout: float | None) -> bool:
        """Whether these tests (none: all) pass in time, in a process group that ends with them."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONHASHSEED": "0"}
        words = [sys.executable, *PYTEST, *tests]
        with tempfile.TemporaryFile() as output:
            run = subprocess.Popen(
                words, cwd=self.folder, env=environment, stdout=output, stderr=output, start_new_session=True
            )
            try:
                return run.wait(timeout) in (0, 5)  # 5: no test there
            except subprocess.TimeoutExpired:
                return False
            finally:
                if run.poll() is None:
                    os.killpg(run.pid, 9)
                    run.wait()
                output.seek(0)
                self.said = output.read().decode("utf-8", "replace")

    def judge(self, mutant: Mutant, timeout: float) -> Verdict:
        """Plant, test, restore."""
        began = time.monotonic()
        path = self.folder / mutant.path
        content, status = path.read_bytes(), path.stat()
        self.number += 1
        path.write_bytes(_planted(content, mutant))
        os.utime(path, (1e9 + self.number, 1e9 + self.number))  # a time of its own: what was compiled before is stale
        try:
            for name, tests in (("likely tests", likely_tests(mutant.path)), ("the whole suite", [])):
                if not self.passes(tests, timeout):
                    return Verdict(mutant, name, time.monotonic() - began)
            return Verdict(mutant, None, time.monotonic() - began)
        finally:
            path.write_bytes(content)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def judged(chosen: list[Mutant], jobs: int = 1) -> Iterator[Verdict]:
    """A verdict for every mutant, as they come; AssertionError where the suite is red without any."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: Queue[Copy] = Queue()
        for number in range(jobs):
            copies.put(Copy(Path(folder, str(number))))
        first = copies.get()
        began = time.monotonic()
        assert first.passes([], None), f"the fast suite is red as it is: {first.said[-3000:]}"
        timeout = 60 + 3 * jobs * (time.monotonic() - began)
        copies.put(first)

        def judge(mutant: Mutant) -> Verdict:
            copy = copies.get()
            try:
                return copy.judge(mutant, timeout)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(judge, chosen)


def main() -> None:
    """Judge a sample and list what survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("below", nargs="*", default=["poolcli"], help="files and folders of the package to choose from")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="copies in which tests run side by side")
    parser.add_argument("--list", action="store_true", help="show the mutants and judge none")
    given = parser.parse_args()
    chosen, survived = sample(given.count, given.seed, tuple(given.below)), []
    if given.list:
        print(*chosen, sep="\n")  # noqa: T201 (a command)
        return
    for verdict in judged(chosen, given.jobs):
        survived += [verdict.mutant] * (verdict.by is None)
        fate = f"killed by {verdict.by}" if verdict.by else "SURVIVED"
        print(f"{fate}, {verdict.seconds:.0f} s: {verdict.mutant}", flush=True)  # noqa: T201
    print(f"\n{len(chosen) - len(survived)} of {len(chosen)} killed; survivors:", *survived, sep="\n")  # noqa: T201


if __name__ == "__main__":
    main()
