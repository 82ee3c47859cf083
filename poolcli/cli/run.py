"""A run: settings, jobs, outcomes, exit code. What `pool` and every command like it ends in."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import takewhile
from pathlib import Path

from poolcli import images
from poolcli.batch.discover import STREAM
from poolcli.batch.engines import Limits, Lost, find_engine, processors
from poolcli.batch.engines import run as run_engine
from poolcli.batch.kept import Kept
from poolcli.batch.plan import Plan
from poolcli.cli.interrupt import gently
from poolcli.cli.options.running import Running
from poolcli.cli.planning import planned
from poolcli.cli.printer import Printer
from poolcli.cli.request import Request
from poolcli.cli.settings import settings_of
from poolcli.files import sweep
from poolcli.pipeline import Job, Outcome, Settings
from poolcli.recipe import Conv
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
    kept = Kept()
    for number, outcome in _outcomes(jobs, settings, running):
        if files:
            kept.put(number, outcome)
        printer.show(outcome)
    _write_reports(files, kept)
    printer.finish(len(jobs))
    return 1 if printer.failed else 0


def _outcomes(jobs: Plan | list[Job], settings: Settings, running: Running) -> Iterator[tuple[int, Outcome]]:
    """Run the jobs; each one's number in the plan and what became of it, as they finish."""
    work = partial(_work, settings)
    alone = len(jobs) == 1 and running.timeout is None
    engine = find_engine("serial" if alone else running.engine, timeout=running.timeout is not None)
    limits = Limits(running.workers() or processors(), running.memory_bytes(), running.timeout)
    with gently(engine.name != "serial") as stopped:
        items = takewhile(lambda item: not stopped(), enumerate(jobs))
        for (number, job), result in run_engine(engine, work, items, limits, partial(_weight, settings)):
            yield (number, _lost(job, result)) if isinstance(result, Lost) else result


def _work(settings: Settings, numbered: tuple[int, Job]) -> tuple[int, Outcome]:
    number, job = numbered
    return number, run_and_report(settings, job)


def _weight(settings: Settings, numbered: tuple[int, Job]) -> int:
    source, filtered = numbered[1].source, any(isinstance(layer, Conv) for layer in settings.recipe.layers)
    return images.weigh(source, filtered=filtered) if isinstance(source, Path) else 0


def _lost(job: Job, lost: Lost) -> Outcome:
    """The outcome of a job whose worker did not live to tell; what it had begun to write is swept up."""
    if isinstance(job.target, Path):
        sweep(job.target.parent)
    return Outcome(job, error=f"{job.name}: {lost.reason}", kind=lost.kind)


def _write_reports(files: Mapping[str, Path], kept: Kept) -> None:
    """The reports of the whole run, in the order of the plan whatever the engine."""
    with run_reports(files) as add:
        for outcome in kept.in_order():
            add(outcome)
