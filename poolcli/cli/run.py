"""A run: its plan, its inputs from files or a stream, its pictures one after another."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from io import BytesIO
from itertools import starmap
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, BinaryIO

from poolcli.batch import Interrupted, Stop, handled, leave, received
from poolcli.batch.executors import (
    ALLOWED_FAILURES,
    CLUSTER,
    ENGINES,
    USUAL,
    Failure,
    Limits,
    print_nothing,
    run_tasks,
)
from poolcli.batch.inputs import STREAM
from poolcli.batch.plan import Plan, check, checked, destination_of, presence, reports_of
from poolcli.batch.settings import Settings, seen_from_afar, weight
from poolcli.batch.state import MOST_DRAWN, NAME, Keys, State, done_before
from poolcli.cli.options import Running, RunOptions, page_argv
from poolcli.cli.output import PREVIEW, Counts, Printer, progress, say
from poolcli.errors import UsageError, empty
from poolcli.images.formats import START, check_floats
from poolcli.records import dataclass
from poolcli.reports import Job, Outcome
from poolcli.reports.forms import RUN_NAME, extensions, run_reports, view_sizes
from poolcli.storage import Place, Url, place_of
from poolcli.storage.files import sweep

if TYPE_CHECKING:
    from poolcli.visualize import Sizes


@dataclass(frozen=True, slots=True)
class Planned:
    """The jobs; the reports of the whole run, forms and files; and what the run keeps of its pictures.

    `keys` make tasks known to a journal; there are none where nothing can be resumed. `closed`: folders that could not
    be read, as failures; `note`: what is reported of the inputs; `printed`: the values themselves are printed.
    """

    jobs: Sequence[Job]
    count: int
    files: dict[str, Place]
    state: State
    keys: Keys | None = None
    closed: tuple[Outcome, ...] = ()
    note: str | None = None
    printed: bool = False
    refusal: UsageError | None = None  # of a dry run, which shows where everything would go before


def planned(options: RunOptions, held: ExitStack) -> Planned:
    """What there is to do, checked: UsageError for what cannot be. The journal is held until `held` is left."""
    if options.streams:
        return _stream(options, held)
    discovery, running = options.discovery, options.running
    listing = discovery.files_from is not None
    destination = destination_of(options.output, options.inputs, options.settings, options.own_numbers, listed=listing)
    folder = destination.root if destination.folder else None
    with discovery.open_list() as names:
        search = discovery.search(folder)
        plan = Plan(search.files(options.inputs, names, nul=discovery.nul), destination)
    sides, of_run = extensions(options.reporting.forms(in_folder=plan.in_folder, to_device=plan.to_device))
    plan.add_reports(sides)
    count = len(plan)
    alone = plan[0].target if count == 1 and not plan.in_folder else None
    if isinstance(alone, Place):
        files = reports_of(alone, of_run)
    else:
        files = {form: destination.root / f"{RUN_NAME}.{form}" for form in of_run}
    journaled = alone is None or running.resume or running.journal is not None
    root = _journal_folder(running, folder) if journaled else None
    outputs = folder if isinstance(folder, Path) else None
    there = root and (running.resume or not running.dry_run) and (root / NAME).exists()
    state = held.enter_context(State(root, None if running.dry_run else outputs)) if root and there else None
    may_exist, journal = running.overwrite or running.resume, root / NAME if root else None
    refusal = None
    try:
        check(plan, files.values(), options.beside, may_exist=may_exist, journal=journal, device=plan.to_device)
    except UsageError as error:
        if not running.dry_run:
            raise
        refusal = error
    if root and state is None and not running.dry_run:
        state = held.enter_context(State(root, outputs, new=True))
    keys = Keys(options.settings, root, checksum=running.checksum) if root and state else None
    state = state or held.enter_context(State())
    return Planned(
        plan, count, files, state, keys, tuple(starmap(_closed, search.closed)), search.note, refusal=refusal
    )


def _closed(name: str, why: str) -> Outcome:
    return Outcome(Job(Path(name), Path(), name, ""), error=why, kind="input")


def _journal_folder(running: Running, outputs: Place | None) -> Path | None:
    """Where the journal is: where the user says, or the folder of the outputs if that is a local one."""
    if running.journal == "":
        raise empty("--journal", "name a folder")
    chosen = place_of(running.journal) if running.journal else outputs
    if isinstance(chosen, Path):
        if running.journal and chosen.is_file():
            raise UsageError(f"--journal '{chosen}' is a file: name the folder in which the journal is")
        return chosen
    if running.journal:
        raise UsageError(f"--journal '{chosen}': a journal grows line by line, which no store can: give a local folder")
    if running.resume and chosen:
        raise UsageError(
            "--resume needs the journal, which is no object in a store: keep it local with --journal FOLDER"
        )
    if running.resume:
        raise UsageError("--resume needs the folder that the journal is in: give it with -o")
    return None


def _stream(options: RunOptions, held: ExitStack) -> Planned:
    if options.running.resume:
        raise UsageError("--resume is for folders: a stream (-) leaves no journal")
    sides, of_run = extensions(options.reporting.forms(in_folder=False))
    job = stream_job(options, sides)
    target = job.target
    if isinstance(target, Place):
        files = reports_of(target, of_run)
    else:
        files = {form: Path(f"{RUN_NAME}.{form}") for form in of_run}
    check([job], files.values(), options.beside, may_exist=options.running.overwrite)
    return Planned([job], 1, files, held.enter_context(State()), printed=isinstance(target, BytesIO))


def prints_numbers(options: RunOptions) -> bool:
    """Whether the input is numbers on stdin that are to be pooled and printed, since no output is named."""
    if options.running.output is not None or options.settings.format is not None:
        return False
    peek = getattr(sys.stdin.buffer, "peek", None)
    if peek is None:
        return False
    from poolcli.images.numbers import is_text

    return is_text(peek(1)[:START], STREAM)


def stream_job(options: RunOptions, sides: Mapping[str, str]) -> Job:
    """The job for `-` as the input, the output or both; UsageError for what a stream cannot do."""
    inputs, running, settings = options.inputs, options.running, options.settings
    if len(inputs) != 1 or options.discovery.files_from is not None or inputs[0].in_it:
        raise UsageError("a stream (-) stands for one picture: give one input, or a folder with -o")
    name, place, _ = inputs[0]
    if name == STREAM and prints_numbers(options):
        return Job(sys.stdin.buffer, BytesIO(), STREAM, STREAM)
    source: Place | BinaryIO = sys.stdin.buffer if name == STREAM else place
    shown, floats = str(place) if isinstance(place, Url) else name, options.own_numbers
    if options.output is None:
        if running.json:
            raise UsageError("--json and the picture cannot both go to stdout: write the picture to a file with -o")
        if sys.stdout.isatty() and not running.dry_run:
            raise UsageError("a picture is not written to a terminal: redirect stdout, or name a file with -o")
        if options.reporting.report and sides:
            form = next(iter(sides))
            raise UsageError(f"--report {form} stands beside an output, stdout is none: name a file with -o")
        if floats:
            check_floats("the picture on stdout", settings.format, floats)
        return Job(source, sys.stdout.buffer, shown, STREAM)
    output, target, is_folder = options.output
    if (isinstance(target, Path) and is_folder) or not target.suffix or "{" in output:
        raise UsageError(f"'{output}' names no file for the picture from stdin: give a name with an extension")
    checked(target, None, settings, floats)
    named = str(target) if isinstance(target, Url) else output
    return Job(source, target, shown, named, reports_of(target, sides))


REPORTED = b"poolcli: finishing the pictures under way; Ctrl-C or the signal again to leave them\n"


@contextmanager
def finishing() -> Iterator[Stop]:
    """Give what a batch checks before it begins another picture: the first signal lets those under way be finished and
    no other begun, the second one raises Interrupted.
    """
    stop = Stop()

    def note(number: int, frame: FrameType | None) -> None:
        stop.number = number
        for each in signals:
            signal.signal(each, leave)
        with suppress(OSError):
            os.write(stderr, REPORTED)  # not print: this may be in the middle of one

    stderr = sys.__stderr__.fileno() if sys.__stderr__ else 2  # which need not be 2, see `own_streams`
    with handled(note) as signals:
        yield stop


def work(plan: Planned, options: RunOptions, settings: Settings, show: Callable[[Outcome], None]) -> int | None:
    """Run the jobs; `show` takes what became of each, as they finish.

    Those that an earlier run has done are shown too. Gives the signal after which no other was begun, if one came.
    """
    running, engine = options.running, options.engine
    alone = plan.count == 1 and running.engine is None and engine.name == USUAL
    engine = ENGINES["serial"] if alone else engine
    limits = Limits(
        running.jobs or options.processors,
        running.memory,
        running.timeout,
        running.scheduler,
        ALLOWED_FAILURES if running.allowed_failures is None else running.allowed_failures,
        print_nothing if running.quiet else say,
    )
    function = partial(_work, settings, Path.cwd() if engine.name == CLUSTER else None, prefetch=alone)
    if plan.keys and not running.resume:
        plan.state.begin()
    under_way: dict[int, Job] = {}
    with nullcontext(received) if alone else finishing() as stop:

        def begun() -> Iterator[Job]:
            for job in to_do(plan, settings, running, show):
                if stop.number is not None:
                    return
                under_way[job.number] = job
                yield job

        results = run_tasks(engine, function, begun(), limits, partial(weight, settings))
        with closing(results):  # when stdout is closed, say: nothing more is begun, what is under way is finished
            try:
                for job, result in results:
                    del under_way[job.number]
                    if isinstance(result, Failure) and received.number is not None:
                        raise Interrupted(received.number)  # a signal's exception, made into another
                    outcome = _failed(job, result) if isinstance(result, Failure) else result
                    if plan.keys or plan.files:
                        plan.state.done(job, outcome)
                    show(outcome)
            except KeyboardInterrupt:  # a second signal ends workers, and what they had begun to write is left
                for folder in {job.target.parent for job in under_way.values() if isinstance(job.target, Path)}:
                    sweep(folder)
                raise
    return stop.number


def to_do(plan: Planned, settings: Settings, running: Running, show: Callable[[Outcome], None]) -> Iterator[Job]:
    """The jobs of a plan, but those that an earlier run has done: `show` takes these.

    What dead runs left beside outputs is swept up. Where a report shows pictures, those of what was done are drawn
    again: the worst of them, as many as a page shows.
    """
    state, keys = plan.state, plan.keys
    if keys is None:
        yield from plan.jobs
        return
    if running.resume:
        state.resume()
    is_there = presence(few=False)
    drawn = state.worst(MOST_DRAWN) if settings.views else set()
    swept = set()
    for job in map(keys.known, plan.jobs):
        if not running.dry_run and isinstance(job.target, Path) and job.target.parent not in swept:
            swept.add(job.target.parent)
            sweep(job.target.parent, begun=False)
        outcome = done_before(state.find(job.key), job, is_there)
        if outcome is None:
            if not running.dry_run:
                state.begun(job)
            yield job
        elif job.key in drawn and not running.dry_run:
            yield replace(job, before=outcome)
        else:
            state.done(job, outcome)
            show(outcome)


def _work(settings: Settings, base: Path | None, job: Job, *, prefetch: bool = False) -> Outcome:
    """What becomes of a job; `base`: where we are, for a worker that is elsewhere.

    `prefetch`: a large picture is decoded while everything that works on it is being loaded. A JPEG of 12 megapixels
    takes a fifth less time so.
    """
    if prefetch and isinstance(job.source, Path) and settings.threads > 1:
        from poolcli.images.guard import begin  # and with it Pillow

        begin(job.source, settings.reading)
    from poolcli.batch.job import redrawn, run_and_report  # and with it NumPy

    here = job if base is None else seen_from_afar(job, base)
    if job.before is not None:
        return redrawn(settings, here, job.before)
    outcome = run_and_report(settings, here)
    return outcome if base is None else replace(outcome, job=job)


def _failed(job: Job, failure: Failure) -> Outcome:
    """The outcome of a job whose worker did not live to say it; what it had begun to write is swept up."""
    if isinstance(job.target, Path):
        sweep(job.target.parent)
    return job.before or Outcome(job, error=f"{job.name}: {failure.reason}", kind=failure.kind)


def run(options: RunOptions) -> int:
    """Pool every input; 0 when all is done, 1 when some picture failed. UsageError before anything is written."""
    running = options.running
    with ExitStack() as held:
        plan = planned(options, held)
        alone, printed = plan.count == 1, plan.printed
        views = _views(options, plan.count) if options.reporting.report or options.reporting.preview else {}
        threads = running.threads_per_image or (options.processors if alone else 1)
        settings = replace(options.settings, views=views, threads=threads, printed=printed)
        if views:
            settings = replace(settings, argv=page_argv(settings.recipe, options.reading, settings.array_range))
        to_stdout = options.streams and options.output is None
        watched = sys.stdout.isatty() and sys.stderr.isatty()  # beside a bar no names are printed
        names = not to_stdout and (alone or running.verbose or not watched)
        counts = Counts(plan.count + len(plan.closed))
        printer = Printer(counts, json=running.json, quiet=running.quiet, detailed=alone, names=names, values=printed)
        if plan.note and not running.quiet:
            say(plan.note)
        if running.dry_run:
            return _try(plan, settings, running, printer)
        with progress(counts, quiet=running.quiet) as printer.advance:
            for outcome in plan.closed:
                printer.show(outcome)
            number = work(plan, options, settings, printer.show)
        if plan.files:
            with run_reports(plan.files) as add:
                for outcome in plan.state.outcomes():
                    add(outcome)
        if counts.total > 1 and not running.quiet:
            files = [str(path) for path in plan.files.values() if counts.done or counts.before]
            noun = "report" if len(files) == 1 else "reports"
            say(counts.summary() + (f"; {noun}: {', '.join(files)}" if files else ""))
        plan.state.check()
    if number is not None:
        raise Interrupted(number)
    return 1 if counts.failures else 0


def _try(plan: Planned, settings: Settings, running: Running, printer: Printer) -> int:
    """Print what would be done, and what the headers of pictures say that cannot be."""
    from poolcli.batch.job import inspect

    failed = 0
    for job in to_do(plan, settings, running, lambda outcome: None):
        outcome = inspect(settings, job)
        if outcome is None:
            printer.planned(job)
        else:
            failed += 1
            printer.show(outcome)
    for outcome in plan.closed:
        printer.show(outcome)
    if plan.refusal is not None:
        raise plan.refusal
    return 1 if failed or plan.closed else 0


def _views(options: RunOptions, pictures: int) -> "dict[str, Sizes]":
    """What is shown of pictures, by form of the report; and of a single one on a terminal that can."""
    views = view_sizes(options.reporting.report or (), pictures=pictures)
    if options.reporting.preview and not options.running.quiet:
        from poolcli.reports.terminal import unable

        why = unable(sys.stderr) if pictures == 1 else f"it is for a single picture, and these are {pictures}"
        if why is None:
            from poolcli import visualize  # and with it NumPy

            views[PREVIEW] = visualize.PREVIEW
        else:
            say(f"--preview is left out: {why}")
    return views
