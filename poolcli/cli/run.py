"""A run: settings, jobs, outcomes, exit code. What `pool` and every command like it ends in."""

from dataclasses import replace
from functools import partial

from poolcli.batch.discover import STREAM
from poolcli.batch.engines import serial
from poolcli.cli.planning import planned
from poolcli.cli.printer import Printer
from poolcli.cli.request import Request
from poolcli.cli.settings import settings_of
from poolcli.report.forms import looks_of, run_reports
from poolcli.report.worker import run_and_report


def run(request: Request) -> int:
    """Pool every input; 0 when all is done, 1 when some picture failed. UsageError before anything is written."""
    settings, running = settings_of(request), request.running
    jobs, files = planned(request, settings)
    settings = replace(settings, looks=looks_of(request.reporting.report or (), pictures=len(jobs)))
    to_stdout = running.output == STREAM or (running.output is None and request.inputs == [STREAM])
    printer = Printer(json=running.json, quiet=running.quiet, detailed=len(jobs) == 1, stdout_is_taken=to_stdout)
    if running.dry_run:
        for job in jobs:
            printer.planned(job)
        return 0
    with run_reports(files) as add:
        for outcome in serial(partial(run_and_report, settings), jobs):
            add(outcome)
            printer.show(outcome)
    printer.finish(len(jobs))
    return 1 if printer.failed else 0
