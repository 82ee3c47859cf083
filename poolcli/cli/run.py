"""A run: settings, jobs, outcomes, exit code. What `pool` and every command like it ends in."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from poolcli import images
from poolcli.batch.destination import choose, side_files
from poolcli.batch.discover import STREAM, discover
from poolcli.batch.engines import serial
from poolcli.batch.plan import check, plan
from poolcli.cli.options.reading import Reading
from poolcli.cli.options.reporting import Reporting
from poolcli.cli.options.running import Running
from poolcli.cli.options.writing import Writing
from poolcli.cli.printer import Printer
from poolcli.cli.settings import extension_of, settings_of, writable
from poolcli.errors import UsageError
from poolcli.pipeline import Job, Settings
from poolcli.recipe import Recipe
from poolcli.report.forms import run_paths, run_reports, side_extensions
from poolcli.report.worker import run_and_report


def run(
    recipe: Recipe, inputs: list[str], reading: Reading, writing: Writing, reporting: Reporting, running: Running
) -> int:
    """Pool every input; 0 when all is done, 1 when some picture failed. UsageError before anything is written."""
    settings = settings_of(recipe, reading, writing, reporting)
    jobs, run_files = _jobs(settings, inputs, reporting, running)
    to_stdout = not isinstance(jobs[0].target, Path)
    printer = Printer(json=running.json, quiet=running.quiet, detailed=len(jobs) == 1, stdout_is_taken=to_stdout)
    if running.dry_run:
        for job in jobs:
            printer.planned(job)
        return 0
    with run_reports(run_files) as add:
        for outcome in serial(partial(run_and_report, settings), jobs):
            add(outcome)
            printer.show(outcome)
    printer.finish(len(jobs))
    return 1 if printer.failed else 0


def _jobs(
    settings: Settings, inputs: list[str], reporting: Reporting, running: Running
) -> tuple[list[Job], dict[str, Path]]:
    """The jobs, checked, and the reports of the whole run: their forms and files."""
    if STREAM in (*inputs, running.output):
        jobs = [_stream_job(settings, inputs, running, reporting.forms(in_folder=False))]
        root, in_folder = Path(), False
    else:
        extension = partial(extension_of, settings.format)
        destination = writable(choose(running.output, inputs, settings.recipe, extension), settings.format)
        found = list(discover(inputs, recursive=running.recursive, is_picture=images.is_picture))
        root, in_folder = destination.root, any(item.in_folder for item in found)
        jobs = list(plan(found, destination, side_extensions(reporting.forms(in_folder=in_folder))))
    alone = jobs[0].target if len(jobs) == 1 and not in_folder else None
    files = run_paths(reporting.forms(in_folder=in_folder), root, alone if isinstance(alone, Path) else None)
    check(jobs, files.values(), overwrite=running.overwrite)
    return jobs, files


def _stream_job(settings: Settings, inputs: list[str], running: Running, forms: Sequence[str]) -> Job:
    """The one job of a run from stdin or to stdout; UsageError for what a stream cannot do."""
    name, output = inputs[0], running.output or STREAM
    if len(inputs) > 1 or Path(name).is_dir():
        raise UsageError("a stream (-) stands for one picture: give one input, or a folder with -o")
    source: Path | BinaryIO = sys.stdin.buffer if name == STREAM else Path(name)
    if output == STREAM:
        if running.json:
            raise UsageError("--json and the picture cannot both go to stdout: write the picture to a file with -o")
        if sys.stdout.isatty() and not running.dry_run:
            raise UsageError("a picture is not written to a terminal: redirect stdout, or name a file with -o")
        return Job(source, sys.stdout.buffer, name, STREAM)
    target = Path(output)
    if target.is_dir() or not target.suffix or "{" in output:
        raise UsageError(f"'{output}' names no file for the picture from stdin: give a name with an extension")
    images.check_target(target, None, settings.format)
    return Job(source, target, name, output, side_files(target, side_extensions(forms)))
