"""Measure, print the table, write JSON and the plot."""

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from tests.bench import kernels
from tests.bench.lines import Line, Result
from tests.bench.peers import missing
from tests.bench.table import as_json, markdown, show
from tests.bench.timing import interleaved


def all_lines() -> list[Line]:
    """Every line, in the order of the table."""
    return [*kernels.LINES]


LINES = {line.name: line for line in all_lines()}


def main() -> None:
    """Run the lines that are asked for."""
    os.environ.pop("OPENBLAS_CORETYPE", None)
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help=f"lines to run: {', '.join(LINES)}")
    parser.add_argument("--quick", action="store_true", help="three rounds a line")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table of the README")
    arguments = parser.parse_args()
    unknown = set(arguments.only or ()) - set(LINES)
    if unknown:
        parser.error(f"no line {', '.join(sorted(unknown))}; there are {', '.join(LINES)}")
    console = Console()
    results = []
    for name in arguments.only or LINES:
        line = LINES[name] if not arguments.quick else replace(LINES[name], rounds=3)
        with console.status(line.what):
            results.append(Result.of(line, interleaved(line.build(), rounds=line.rounds, budget=line.budget)))
    show(console, results, missing())
    if arguments.json:
        arguments.json.write_text(json.dumps(as_json(results, missing(), {}), indent=1) + "\n", encoding="utf-8")
    if arguments.markdown:
        arguments.markdown.write_text(markdown(results) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
