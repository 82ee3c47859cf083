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
from poolcli.batch.state import MOST_DRAWN, Task, done_before, tasks_known, tasks_of
from poolcli.batch.tasks import seen_from_afar, weight
from poolcli.cli.interrupt import Interrupted, gently, received
from poolcli.cli.options import Running
from poolcli.cli.planning import Planned
from poolcli.cli.printer import say
from poolcli.files import sweep
from poolcli.report import Job, Outcome

Tell = Callable[[Outcome], None]


def work(plan: Planned, settings: Settings, running: Running, tell: Tell) -> int | None:
    """Run the jobs; `tell` what became of each, as they finish.

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
    if not running.resume:
        plan.state.begin()
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
                outcome = _lost(task, result) if isinstance(result, Lost) else result
                if plan.keys or plan.files:
                    plan.state.done(task, outcome)
                tell(outcome)
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
    """The tasks of a plan, but those that an earlier run has done: `tell` these.

    Where a report shows pictures, those of what was done are drawn again: the worst of them, as many as a page shows.
    """
    state, keys = plan.state, plan.keys
    if keys is None:
        yield from tasks_of(plan.jobs)
        return
    if running.resume:
        state.resume()
    is_there = presence(few=False)
    drawn = state.worst(MOST_DRAWN) if settings.looks else set()
    for task in tasks_known(plan.jobs, keys, tidy=not running.dry_run):
        outcome = done_before(state.find(task.output), task, is_there)
        if outcome is None:
            if not running.dry_run:
                state.begun(task)
            yield task
        elif task.output in drawn and not running.dry_run:
            yield replace(task, before=outcome)
        else:
            state.done(task, outcome)
            tell(outcome)


def _work_alone(settings: Settings, task: Task) -> Outcome:
    """What becomes of the only job: a large picture is decoded while everything that works on it is being loaded."""
    if isinstance(task.job.source, Path) and settings.threads > 1:
        images.begin(task.job.source, settings.reading)
    return _work(settings, None, task)


def _work(settings: Settings, base: Path | None, task: Task) -> Outcome:
    """What becomes of a job; `base`: where we are, for a worker that is elsewhere."""
    from poolcli.batch.job import redrawn, run_and_report  # and with it NumPy

    job = task.job if base is None else seen_from_afar(task.job, base)
    if task.before is not None:
        return redrawn(settings, job, task.before)
    outcome = run_and_report(settings, job)
    return outcome if base is None else replace(outcome, job=task.job)


def _lost(task: Task, lost: Lost) -> Outcome:
    """The outcome of a task whose worker did not live to tell; what it had begun to write is swept up."""
    job = task.job
    if isinstance(job.target, Path):
        sweep(job.target.parent)
    return task.before or Outcome(job, error=f"{job.name}: {lost.reason}", kind=lost.kind)
