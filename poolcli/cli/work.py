"""The work of a run: the jobs that are to be done go through an engine and into the journal, the others are told."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import takewhile
from pathlib import Path

from poolcli import images
from poolcli.batch.engines import (
    ALLOWED_FAILURES,
    CLUSTER,
    ENGINES,
    USUAL,
    Limits,
    Lost,
    print_nothing,
    processors,
    run,
)
from poolcli.batch.job import Settings
from poolcli.batch.plan import presence
from poolcli.batch.resuming import Keys, done_before, note, note_begun, numbered
from poolcli.batch.tasks import Task, seen_from_afar, weight
from poolcli.cli.interrupt import Interrupted, gently, received
from poolcli.cli.options import Running
from poolcli.cli.planning import Planned
from poolcli.cli.printer import say
from poolcli.files import sweep
from poolcli.report import Job, Outcome

Tell = Callable[[int, Outcome], None]


def work(plan: Planned, settings: Settings, running: Running, tell: Tell) -> int | None:
    """Run the jobs; `tell` each one's number in the plan and what became of it, as they finish.

    Those that an earlier run has done are told too. Gives the signal after which no other was begun, if one came.
    """
    engine = running.find_engine()
    alone = len(plan.jobs) == 1 and running.engine is None and engine.name == USUAL
    engine = ENGINES["serial"] if alone else engine
    limits = Limits(
        running.workers() or processors(),
        running.memory_bytes(),
        running.timeout,
        running.scheduler,
        ALLOWED_FAILURES if running.allowed_failures is None else running.allowed_failures,
        print_nothing if running.quiet else say,
    )
    base = Path.cwd() if engine.name == CLUSTER else None
    if plan.journal and not running.resume:
        plan.journal.begin()
    under_way: dict[int, Job] = {}
    with nullcontext(received) if alone else gently() as stop, _tidied(under_way):
        tasks = takewhile(lambda task: stop.number is None, to_do(plan, settings, running, tell))
        function = partial(_work_alone, settings) if alone else partial(_work, settings, base)
        results = run(engine, function, _noted(tasks, under_way), limits, partial(weight, settings))
        with closing(results):  # when stdout is closed, say: nothing more is begun, what is under way is finished
            for task, result in results:
                del under_way[task.number]
                if isinstance(result, Lost) and received.number is not None:  # a signal's exception, made into another
                    raise Interrupted(received.number)
                outcome = _lost(task.job, result) if isinstance(result, Lost) else result
                if plan.journal:
                    note(plan.journal, task, outcome)
                tell(task.number, outcome)
    return stop.number


def _noted(tasks: Iterable[Task], under_way: dict[int, Job]) -> Iterator[Task]:
    for task in tasks:
        under_way[task.number] = task.job
        yield task


@contextmanager
def _tidied(under_way: dict[int, Job]) -> Iterator[None]:
    """Remove what workers had begun to write who were ended by a second signal."""
    try:
        yield
    except KeyboardInterrupt:
        for folder in {job.target.parent for job in under_way.values() if isinstance(job.target, Path)}:
            sweep(folder)
        raise


def to_do(plan: Planned, settings: Settings, running: Running, tell: Tell) -> Iterator[Task]:
    """The tasks of a plan, but those that an earlier run has done: `tell` these."""
    journal = plan.journal
    if journal is None:
        yield from numbered(plan.jobs, None, tidy=False)
        return
    if running.resume:
        journal.resume()
    is_there = presence(few=False)
    keys = Keys(settings, journal.path.parent, checksum=running.checksum)
    for task in numbered(plan.jobs, keys, tidy=not running.dry_run):
        outcome = done_before(journal, task, is_there)
        if outcome is None:
            if not running.dry_run:
                note_begun(journal, task)
            yield task
        else:
            tell(task.number, outcome)


def _work_alone(settings: Settings, task: Task) -> Outcome:
    """What becomes of the only job: a large picture is decoded while everything that works on it is being loaded."""
    if isinstance(task.job.source, Path) and settings.threads > 1:
        images.begin(task.job.source, settings.reading)
    return _work(settings, None, task)


def _work(settings: Settings, base: Path | None, task: Task) -> Outcome:
    """What becomes of a job; `base`: where we are, for a worker that is elsewhere."""
    from poolcli.batch.job import run_and_report  # and with it NumPy

    if base is None:
        return run_and_report(settings, task.job)
    return replace(run_and_report(settings, seen_from_afar(task.job, base)), job=task.job)


def _lost(job: Job, lost: Lost) -> Outcome:
    """The outcome of a job whose worker did not live to tell; what it had begun to write is swept up."""
    if isinstance(job.target, Path):
        sweep(job.target.parent)
    return Outcome(job, error=f"{job.name}: {lost.reason}", kind=lost.kind)
