"""A run: settings, jobs, outcomes, exit code. What `pool` and every command like it ends in."""

import sys
from contextlib import ExitStack
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

from poolcli.batch.inputs import STREAM
from poolcli.batch.job import Settings, inspect
from poolcli.cli.interrupt import Interrupted
from poolcli.cli.options import Running
from poolcli.cli.planning import Planned, planned
from poolcli.cli.printer import PREVIEW, Printer, say
from poolcli.cli.progress import progress
from poolcli.cli.request import Request
from poolcli.cli.settings import settings_of
from poolcli.cli.tally import Tally
from poolcli.cli.work import to_do, work
from poolcli.report import Outcome
from poolcli.report.forms import looks_of, run_reports

if TYPE_CHECKING:
    from poolcli.visualize import Sizes


def run(request: Request) -> int:
    """Pool every input; 0 when all is done, 1 when some picture failed. UsageError before anything is written."""
    settings, running = settings_of(request), request.running
    with ExitStack() as held:
        plan = planned(request, settings, held)
        jobs = plan.jobs
        threads = running.threads(pictures=len(jobs))
        settings = replace(settings, looks=_looks(request, len(jobs)), threads=threads)
        printed = isinstance(jobs[0].target, BytesIO) if isinstance(jobs, list) else False
        settings = replace(settings, printed=printed)
        to_stdout = running.output == STREAM or (running.output is None and request.inputs == [STREAM])
        alone, watched = len(jobs) == 1, sys.stdout.isatty() and sys.stderr.isatty()  # who sees a bar needs no names
        names = not to_stdout and (alone or running.verbose or not watched)
        printer = Printer(json=running.json, quiet=running.quiet, detailed=alone, names=names, values=printed)
        if plan.note and not running.quiet:
            say(plan.note)
        tally = Tally(len(jobs) + len(plan.closed))
        if running.dry_run:
            return _try(plan, settings, running, printer)
        with progress(tally, quiet=running.quiet) as advance:

            def tell(outcome: Outcome) -> None:
                printer.show(outcome)
                tally.add(outcome)
                advance()

            for outcome in plan.closed:
                tell(outcome)
            signal = work(plan, settings, running, tell)
        _write_reports(plan)
        if tally.total > 1 and not running.quiet:
            files = [str(path) for path in plan.files.values() if tally.done or tally.before]
            word = "report" if len(files) == 1 else "reports"
            say(tally.summary() + (f"; {word}: {', '.join(files)}" if files else ""))
        plan.state.check()
    if signal is not None:
        raise Interrupted(signal)
    return 1 if tally.failed else 0


def _try(plan: Planned, settings: Settings, running: Running, printer: Printer) -> int:
    """Print what would be done, and what the headers of pictures say that cannot be."""
    failed = 0
    for task in to_do(plan, settings, running, lambda outcome: None):
        outcome = inspect(settings, task.job)
        if outcome is None:
            printer.planned(task.job)
        else:
            failed += 1
            printer.show(outcome)
    for outcome in plan.closed:
        printer.show(outcome)
    return 1 if failed or plan.closed else 0


def _looks(request: Request, pictures: int) -> "dict[str, Sizes]":
    """What is shown of pictures, by form of the report; and of a single one on a terminal that can."""
    looks = looks_of(request.reporting.report or (), pictures=pictures)
    if request.reporting.preview and not request.running.quiet:
        from poolcli.report.preview import sizes, unable

        why = unable(sys.stderr) if pictures == 1 else f"it is for a single picture, and these are {pictures}"
        if why is None:
            looks[PREVIEW] = sizes()
        else:
            say(f"--preview is left out: {why}")
    return looks


def _write_reports(plan: Planned) -> None:
    """The reports of the whole run, in the order of the plan whatever the engine."""
    if plan.files:
        with run_reports(plan.files) as add:
            for outcome in plan.state.outcomes():
                add(outcome)
