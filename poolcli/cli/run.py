"""A run: settings, jobs, outcomes, exit code. What `pool` and every command like it ends in."""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

from poolcli.batch.discover import STREAM
from poolcli.batch.kept import Kept
from poolcli.cli.interrupt import Interrupted
from poolcli.cli.planning import planned
from poolcli.cli.printer import PREVIEW, Printer, say
from poolcli.cli.progress import progress
from poolcli.cli.request import Request
from poolcli.cli.settings import settings_of
from poolcli.cli.tally import Tally
from poolcli.cli.work import to_do, work
from poolcli.report import Outcome
from poolcli.report.forms import looks_of, run_reports
from poolcli.stores import Place

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
        if running.dry_run:
            for task in to_do(plan, settings, running, lambda number, outcome: None):
                printer.planned(task.job)
            return 0
        kept, tally = Kept(), Tally(len(jobs))
        with progress(tally, quiet=running.quiet) as advance:

            def tell(number: int, outcome: Outcome) -> None:
                if plan.files:
                    kept.put(number, outcome)
                printer.show(outcome)
                tally.add(outcome)
                advance()

            signal = work(plan, settings, running, tell)
        _write_reports(plan.files, kept)
        if tally.total > 1 and not running.quiet:
            reports = "".join(f"; report: {path}" for path in plan.files.values() if tally.done or tally.before)
            say(tally.summary() + reports)
        if plan.journal:
            plan.journal.check()
    if signal is not None:
        raise Interrupted(signal)
    return 1 if tally.failed else 0


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


def _write_reports(files: Mapping[str, Place], kept: Kept) -> None:
    """The reports of the whole run, in the order of the plan whatever the engine."""
    with run_reports(files) as add:
        for outcome in kept.in_order():
            add(outcome)
