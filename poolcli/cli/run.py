"""A run: its plan, its inputs from files or a stream, its pictures one after another."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from io import BytesIO
from itertools import starmap, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from poolcli import images
from poolcli.batch.executors import (
    ALLOWED_FAILURES,
    CLUSTER,
    ENGINES,
    USUAL,
    Failure,
    Limits,
    print_nothing,
    processors,
    run_tasks,
)
from poolcli.batch.inputs import STREAM, Input, Inputs, Selection, names_in
from poolcli.batch.job import Settings, inspect, seen_from_afar, weight
from poolcli.batch.plan import Destination, Plan, check, choose, presence, reports_of
from poolcli.batch.state import MOST_DRAWN, NAME, Keys, State, Task, done_before, tasks_known, tasks_of
from poolcli.cli.app import Interrupted, finishing, received
from poolcli.cli.options import (
    Discovery,
    Request,
    Running,
    extension_of,
    own_numbers,
    writable_destination,
)
from poolcli.cli.output import PREVIEW, Counts, Printer, progress, say
from poolcli.errors import UsageError
from poolcli.images.formats import START, check_tiling, is_picture_folder
from poolcli.recipe import Conv
from poolcli.records import dataclass
from poolcli.reports import Job, Outcome
from poolcli.reports.forms import run_extensions, run_paths, run_reports, side_extensions, view_sizes
from poolcli.storage import Place, Url, place_of
from poolcli.storage.files import sweep, writable

if TYPE_CHECKING:
    from poolcli.visualize import Sizes


@dataclass(frozen=True, slots=True)
class Planned:
    """The jobs; the reports of the whole run, forms and files; and what the run keeps of its pictures.

    `keys` make tasks known to a journal; there are none where nothing can be resumed. `closed`: folders that could not
    be read, as failures; `note`: what is reported of the inputs; `printed`: the values themselves are printed.
    """

    jobs: Sequence[Job]
    files: dict[str, Place]
    state: State
    keys: Keys | None = None
    closed: tuple[Outcome, ...] = ()
    note: str | None = None
    printed: bool = False
    refusal: UsageError | None = None  # of a dry run, which shows where everything would go before


def planned(request: Request, settings: Settings, held: ExitStack) -> Planned:
    """What there is to do, checked: UsageError for what cannot be. The journal is held until `held` is left."""
    if STREAM in (*request.inputs, request.running.output):
        return _stream(request, settings, held)
    discovery, running = request.discovery, request.running
    extension = partial(extension_of, settings.format)
    listing = discovery.files_from is not None
    chosen = choose(running.output, request.inputs, settings.recipe, extension, listed=listing)
    destination = writable_destination(chosen, settings)
    search = Inputs(selection_of(discovery, destination.root if destination.folder else None))
    plan = Plan(inputs_of(search, request.inputs, discovery), destination)
    search.check(len(plan))
    forms = _forms(request, plan)
    plan.add_reports(side_extensions(forms))
    alone = plan[0].target if len(plan) == 1 and not plan.in_folder else None
    files = reports_of(alone, run_extensions(forms)) if isinstance(alone, Place) else run_paths(forms, destination.root)
    root = (
        _journal_folder(running, destination)
        if alone is None or running.resume or running.journal is not None
        else None
    )
    outputs = destination.root if destination.folder and isinstance(destination.root, Path) else None
    there = root and (running.resume or not running.dry_run) and (root / NAME).exists()
    state = held.enter_context(State(root, None if running.dry_run else outputs)) if root and there else None
    may_exist, journal = running.overwrite or running.resume, root / NAME if root else None
    refusal = None
    try:
        check(plan, files.values(), read_beside(request), may_exist=may_exist, journal=journal, device=plan.to_device)
    except UsageError as error:
        if not running.dry_run:
            raise
        refusal = error
    if root and state is None and not running.dry_run:
        state = held.enter_context(State(root, outputs, new=True))
    keys = Keys(settings, root, checksum=running.checksum) if root and state else None
    state = state or held.enter_context(State())
    return Planned(plan, files, state, keys, tuple(starmap(_closed, search.closed)), search.note(), refusal=refusal)


def _forms(request: Request, plan: Plan) -> tuple[str, ...]:
    """The forms of the report; an output device gets no reports: `--report` is refused."""
    forms = request.reporting.forms(in_folder=plan.in_folder)
    if not plan.to_device:
        return forms
    if request.reporting.report:
        raise UsageError(f"--report {forms[0]} stands beside an output, a device has no place for it: name a file")
    return ()


def _closed(name: str, why: str) -> Outcome:
    return Outcome(Job(Path(name), Path(), name, ""), error=why, kind="input")


def read_beside(request: Request) -> Iterator[tuple[str, Path]]:
    """The files that a run reads beside its inputs, each with what it is."""
    if request.recipe_file is not None:
        yield "recipe", Path(request.recipe_file)
    if request.discovery.files_from not in (None, STREAM):
        yield "list", Path(str(request.discovery.files_from))
    for layer in request.recipe.layers:
        if isinstance(layer, Conv) and layer.name.startswith("@"):
            yield "kernel", Path(layer.name[1:])


def _journal_folder(running: Running, destination: Destination) -> Path | None:
    """Where the journal is: where the user says, or the root of the outputs if that is a local folder."""
    root = destination.root if destination.folder else None
    if running.journal == "":
        raise UsageError("--journal is empty, as where a shell variable is not set: name a folder")
    chosen = place_of(running.journal) if running.journal else root
    if isinstance(chosen, Path):
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


def _stream(request: Request, settings: Settings, held: ExitStack) -> Planned:
    if request.running.resume:
        raise UsageError("--resume is for folders: a stream (-) leaves no journal")
    forms = request.reporting.forms(in_folder=False)
    job = stream_job(request, settings, forms)
    target = job.target
    files = reports_of(target, run_extensions(forms)) if isinstance(target, Place) else run_paths(forms, Path())
    check([job], files.values(), read_beside(request), may_exist=request.running.overwrite)
    return Planned([job], files, held.enter_context(State()), printed=isinstance(target, BytesIO))


def selection_of(discovery: Discovery, outputs: Place | None) -> Selection:
    include, exclude = tuple(discovery.include or ()), tuple(discovery.exclude or ())
    return Selection(recursive=discovery.recursive, include=include, exclude=exclude, outputs=outputs)


def inputs_of(search: Inputs, texts: Sequence[str], discovery: Discovery) -> Iterator[Input]:
    """What is named, and what is in the list of names."""
    yield from search.named(texts)
    with discovery.open_list() as stream:
        yield from search.listed(names_in(stream, nul=discovery.nul))


def prints_numbers(request: Request, format: str | None) -> bool:
    """Whether the input is numbers on stdin that are to be pooled and printed, since no output is named."""
    if request.inputs != [STREAM] or request.running.output is not None or format is not None:
        return False
    peek = getattr(sys.stdin.buffer, "peek", None)
    if peek is None:
        return False
    from poolcli.images.numbers import is_text

    return is_text(peek(1)[:START], STREAM)


def stream_job(request: Request, settings: Settings, forms: Sequence[str]) -> Job:
    """The job for `-` as the input, the output or both; UsageError for what a stream cannot do."""
    inputs, running, format = request.inputs, request.running, settings.format
    alone = len(inputs) == 1 and request.discovery.files_from is None
    named = place_of(inputs[0]) if alone and inputs != [STREAM] else None
    if not alone or (isinstance(named, Path) and is_picture_folder(named)):
        raise UsageError("a stream (-) stands for one picture: give one input, or a folder with -o")
    if prints_numbers(request, format):
        return Job(sys.stdin.buffer, BytesIO(), STREAM, STREAM)
    name, output = inputs[0], running.output or STREAM
    source: Place | BinaryIO = named or sys.stdin.buffer
    shown = str(source) if isinstance(source, Url) else name
    if output == STREAM:
        if running.json:
            raise UsageError("--json and the picture cannot both go to stdout: write the picture to a file with -o")
        if sys.stdout.isatty() and not running.dry_run:
            raise UsageError("a picture is not written to a terminal: redirect stdout, or name a file with -o")
        beside = list(side_extensions(request.reporting.report or ()))
        if beside:
            raise UsageError(f"--report {beside[0]} stands beside an output, stdout is none: name a file with -o")
        if own_numbers(settings):
            images.check_floats("the picture on stdout", format, own_numbers(settings))
        return Job(source, sys.stdout.buffer, shown, STREAM)
    target = writable(place_of(output))
    if (isinstance(target, Path) and is_picture_folder(target)) or not target.suffix or "{" in output:
        raise UsageError(f"'{output}' names no file for the picture from stdin: give a name with an extension")
    images.check_target(target, None, format, floats=own_numbers(settings))
    check_tiling(target, format or images.format_of(target), settings.encoding)
    return Job(
        source,
        target,
        shown,
        str(target) if isinstance(target, Url) else output,
        reports_of(target, side_extensions(forms)),
    )


OnOutcome = Callable[[Outcome], None]


def work(plan: Planned, settings: Settings, running: Running, on_outcome: OnOutcome) -> int | None:
    """Run the jobs; `on_outcome` takes what became of each, as they finish.

    Those that an earlier run has done are reported too. Gives the signal after which no other was begun, if one came.
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
    with nullcontext(received) if alone else finishing() as stop, _tidied(under_way):
        tasks = takewhile(lambda task: stop.number is None, to_do(plan, settings, running, on_outcome))
        function = partial(_work_alone, settings) if alone else partial(_work, settings, base)
        results = run_tasks(engine, function, _noted(tasks, under_way), limits, partial(weight, settings))
        with closing(results):  # when stdout is closed, say: nothing more is begun, what is under way is finished
            for task, result in results:
                del under_way[task.number]
                if (
                    isinstance(result, Failure) and received.number is not None
                ):  # a signal's exception, made into another
                    raise Interrupted(received.number)
                outcome = _failed(task, result) if isinstance(result, Failure) else result
                if plan.keys or plan.files:
                    plan.state.done(task, outcome)
                on_outcome(outcome)
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


def to_do(plan: Planned, settings: Settings, running: Running, on_outcome: OnOutcome) -> Iterator[Task]:
    """The tasks of a plan, but those that an earlier run has done: `on_outcome` takes these.

    Where a report shows pictures, those of what was done are drawn again: the worst of them, as many as a page shows.
    """
    state, keys = plan.state, plan.keys
    if keys is None:
        yield from tasks_of(plan.jobs)
        return
    if running.resume:
        state.resume()
    is_there = presence(few=False)
    drawn = state.worst(MOST_DRAWN) if settings.views else set()
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
            on_outcome(outcome)


def _work_alone(settings: Settings, task: Task) -> Outcome:
    """What becomes of the only job: a large picture is decoded while everything that works on it is being loaded.

    A JPEG of 12 megapixels takes a fifth less time so.
    """
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


def _failed(task: Task, failure: Failure) -> Outcome:
    """The outcome of a task whose worker did not live to say it; what it had begun to write is swept up."""
    job = task.job
    if isinstance(job.target, Path):
        sweep(job.target.parent)
    return task.before or Outcome(job, error=f"{job.name}: {failure.reason}", kind=failure.kind)


def run(request: Request) -> int:
    """Pool every input; 0 when all is done, 1 when some picture failed. UsageError before anything is written."""
    settings, running = request.settings, request.running
    with ExitStack() as held:
        plan = planned(request, settings, held)
        count = len(plan.jobs)
        threads, printed = running.threads(pictures=count), plan.printed
        settings = replace(settings, views=_views(request, count), threads=threads, printed=printed)
        to_stdout = running.output == STREAM or (running.output is None and request.inputs == [STREAM])
        alone, watched = count == 1, sys.stdout.isatty() and sys.stderr.isatty()  # beside a bar no names are printed
        names = not to_stdout and (alone or running.verbose or not watched)
        printer = Printer(json=running.json, quiet=running.quiet, detailed=alone, names=names, values=printed)
        if plan.note and not running.quiet:
            say(plan.note)
        counts = Counts(count + len(plan.closed))
        if running.dry_run:
            return _try(plan, settings, running, printer)
        with progress(counts, quiet=running.quiet) as advance:

            def on_outcome(outcome: Outcome) -> None:
                printer.show(outcome)
                counts.add(outcome)
                advance()

            for outcome in plan.closed:
                on_outcome(outcome)
            signal = work(plan, settings, running, on_outcome)
        _write_reports(plan)
        if counts.total > 1 and not running.quiet:
            files = [str(path) for path in plan.files.values() if counts.done or counts.before]
            noun = "report" if len(files) == 1 else "reports"
            say(counts.summary() + (f"; {noun}: {', '.join(files)}" if files else ""))
        plan.state.check()
    if signal is not None:
        raise Interrupted(signal)
    return 1 if counts.failed else 0


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
    if plan.refusal is not None:
        raise plan.refusal
    return 1 if failed or plan.closed else 0


def _views(request: Request, pictures: int) -> "dict[str, Sizes]":
    """What is shown of pictures, by form of the report; and of a single one on a terminal that can."""
    views = view_sizes(request.reporting.report or (), pictures=pictures)
    if request.reporting.preview and not request.running.quiet:
        from poolcli.reports.terminal import sizes, unable

        why = unable(sys.stderr) if pictures == 1 else f"it is for a single picture, and these are {pictures}"
        if why is None:
            views[PREVIEW] = sizes()
        else:
            say(f"--preview is left out: {why}")
    return views


def _write_reports(plan: Planned) -> None:
    """The reports of the whole run, in the order of the plan whatever the engine."""
    if plan.files:
        with run_reports(plan.files) as add:
            for outcome in plan.state.outcomes():
                add(outcome)
