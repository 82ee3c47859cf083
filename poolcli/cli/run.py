"""A run: settings, jobs, outcomes, exit code. What `pool` and every command like it ends in."""

import sys
from functools import partial
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import BinaryIO

from poolcli import images
from poolcli.batch.destination import choose, side_file
from poolcli.batch.discover import STREAM, discover
from poolcli.batch.engines import serial
from poolcli.batch.plan import check, plan
from poolcli.cli.options.reporting import Reporting
from poolcli.cli.options.running import Running
from poolcli.cli.printer import Printer
from poolcli.errors import UsageError
from poolcli.execute import Shifting
from poolcli.files import publish
from poolcli.pipeline import Job, Outcome, Settings, run_image
from poolcli.recipe import Recipe
from poolcli.report.json_form import write_lines, write_side_file

RUN_REPORT = "shift-report.jsonl"


def run(recipe: Recipe, inputs: list[str], reporting: Reporting, running: Running) -> int:
    """Pool every input; 0 when all is done, 1 when some picture failed. UsageError before anything is written."""
    shifting = Shifting(reporting.shifts(), reporting.shift_edge, reporting.tolerance)
    settings = Settings(recipe, None if reporting.no_report else shifting, running.to_range)
    jobs, run_report = _jobs(recipe, inputs, reporting, running)
    to_stdout = not isinstance(jobs[0].target, Path)
    printer = Printer(json=running.json, quiet=running.quiet, detailed=len(jobs) == 1, stdout_is_taken=to_stdout)
    if running.dry_run:
        for job in jobs:
            printer.planned(job)
        return 0
    _work(settings, jobs, run_report, printer)
    printer.finish(len(jobs))
    return 1 if printer.failed else 0


def _work(settings: Settings, jobs: list[Job], run_report: Path | None, printer: Printer) -> None:
    with TemporaryFile() as lines:  # not the report's own file: a closed stdout is no error of writing it
        for outcome in serial(partial(_run_job, settings), jobs):
            if run_report:
                write_lines(lines, outcome.reports)
            printer.show(outcome)
        if run_report:
            lines.seek(0)
            with publish(run_report) as stream:
                copyfileobj(lines, stream)


def _run_job(settings: Settings, job: Job) -> Outcome:
    outcome = run_image(settings, job)
    if job.report and outcome.reports:
        write_side_file(job.report, outcome.reports)
    return outcome


def _jobs(recipe: Recipe, inputs: list[str], reporting: Reporting, running: Running) -> tuple[list[Job], Path | None]:
    """The jobs, checked, and where the report of the whole run goes."""
    forms = () if reporting.no_report else reporting.report
    if STREAM in (*inputs, running.output):
        jobs, run_report = [_stream_job(inputs, running, side_files=forms is None or "json" in forms)], None
    else:
        destination = choose(running.output, inputs, recipe, _extension)
        found = list(discover(inputs, recursive=running.recursive, is_picture=images.is_picture))
        if forms is None:
            forms = ["jsonl" if any(item.in_folder for item in found) else "json"]
        run_report = destination.root / RUN_REPORT if "jsonl" in forms else None
        jobs = list(plan(found, destination, side_files="json" in forms))
    check(jobs, [run_report] if run_report else [], overwrite=running.overwrite)
    return jobs, run_report


def _extension(path: Path) -> str:
    """The extension of the output for this input: its own, unless that is a format that only can be read."""
    known = images.format_of(path)
    if known is None or images.default_format(known) == known:
        return path.suffix
    return images.extension_of(images.default_format(known))


def _stream_job(inputs: list[str], running: Running, *, side_files: bool) -> Job:
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
    return Job(source, target, name, output, side_file(target) if side_files else None)
