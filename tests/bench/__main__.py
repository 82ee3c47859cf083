"""Measure, print the table, write JSON and the plot."""

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from tests.bench import kernels, processes, pyramids
from tests.bench.curves import CURVES
from tests.bench.facts import FACTS as SIZES
from tests.bench.lines import Line, Result
from tests.bench.peers import missing
from tests.bench.plot import svg
from tests.bench.table import as_json, filled, markdown, show
from tests.bench.timing import interleaved


def all_lines() -> list[Line]:
    """Every line that is timed, in the order of the table."""
    return [*kernels.LINES, *processes.LINES, *pyramids.LINES]


FACTS = SIZES | pyramids.FACTS
LINES = {line.name: line for line in all_lines()}
NAMES = (*LINES, *FACTS)


def main() -> None:
    """Run the lines that are asked for."""
    os.environ.pop("OPENBLAS_CORETYPE", None)
    arguments = _arguments()
    console = Console()
    results = []
    for name in arguments.only or NAMES:
        with console.status(name):
            results.append(_measured(name, arguments.quick))
    curves = [make(arguments.quick) for make in CURVES.values()] if arguments.plot else []
    show(console, results, missing())
    if arguments.json:
        told = as_json(results, missing(), {curve.title: curve.lines for curve in curves})
        arguments.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if arguments.markdown:
        page = arguments.markdown.read_text("utf-8") if arguments.markdown.exists() else ""
        arguments.markdown.write_text(filled(page, markdown(results)), encoding="utf-8")
    if arguments.plot:
        arguments.plot.write_text(svg(curves), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help=f"lines to run: {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="three rounds a line")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables, into a page between its marks")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="measure the curves too, and draw them (SVG)")
    arguments = parser.parse_args()
    unknown = set(arguments.only or ()) - set(NAMES)
    if unknown:
        parser.error(f"no line {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    return arguments


def _measured(name: str, quick: bool) -> Result:
    if name in FACTS:
        return FACTS[name]()
    line = replace(LINES[name], rounds=3) if quick else LINES[name]
    return Result.of(line, interleaved(line.build(), rounds=line.rounds, budget=line.budget, whole=line.whole))


if __name__ == "__main__":
    main()
