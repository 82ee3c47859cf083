"""A request as jobs: what is named, where it goes, and the reports of the run; all checked."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import starmap
from pathlib import Path

from poolcli.batch.destination import Destination, choose
from poolcli.batch.inputs import STREAM, Input, Inputs, Selection, names_in
from poolcli.batch.job import Settings
from poolcli.batch.plan import Plan, check, reports_of
from poolcli.batch.state import NAME, Keys, State
from poolcli.cli.options import Discovery, Running
from poolcli.cli.request import Request
from poolcli.cli.settings import extension_of, writable
from poolcli.cli.stream import stream_job
from poolcli.errors import UsageError
from poolcli.recipe import Conv
from poolcli.report import Job, Outcome
from poolcli.report.forms import run_extensions, run_paths, side_extensions
from poolcli.stores import Place, place_of


@dataclass(frozen=True, slots=True)
class Planned:
    """The jobs; the reports of the whole run, forms and files; and what the run keeps of its pictures.

    `keys` make tasks known to a journal; there are none where nothing can be resumed. `closed`: folders that could not
    be looked into, as failures; `note`: what is to be said of the inputs.
    """

    jobs: Sequence[Job]
    files: dict[str, Place]
    state: State
    keys: Keys | None = None
    closed: tuple[Outcome, ...] = ()
    note: str | None = None


def planned(request: Request, settings: Settings, held: ExitStack) -> Planned:
    """What there is to do, checked: UsageError for what cannot be. The journal is held until `held` is left."""
    if STREAM in (*request.inputs, request.running.output):
        return _stream(request, settings, held)
    discovery, running = request.discovery, request.running
    extension = partial(extension_of, settings.format)
    listing = discovery.files_from is not None
    chosen = choose(running.output, request.inputs, settings.recipe, extension, listed=listing)
    destination = writable(chosen, settings.format)
    search = Inputs(selection_of(discovery, destination.root if destination.folder else None))
    plan = Plan(found_by(search, request.inputs, discovery), destination)
    search.check(len(plan))
    forms = _forms(request, plan)
    plan.add_reports(side_extensions(forms))
    alone = plan[0].target if len(plan) == 1 and not plan.in_folder else None
    files = reports_of(alone, run_extensions(forms)) if isinstance(alone, Place) else run_paths(forms, destination.root)
    root = _journal_folder(running, destination) if alone is None or running.resume or running.journal else None
    outputs = destination.root if destination.folder and isinstance(destination.root, Path) else None
    there = root and (running.resume or not running.dry_run) and (root / NAME).exists()
    state = held.enter_context(State(root, None if running.dry_run else outputs)) if root and there else None
    may_exist, journal = running.overwrite or running.resume, root / NAME if root else None
    check(plan, files.values(), read_beside(request), may_exist=may_exist, journal=journal, device=plan.to_device)
    if root and state is None and not running.dry_run:
        state = held.enter_context(State(root, outputs, new=True))
    keys = Keys(settings, root, checksum=running.checksum) if root and state else None
    state = state or held.enter_context(State())
    return Planned(plan, files, state, keys, tuple(starmap(_closed, search.closed)), search.note())


def _forms(request: Request, plan: Plan) -> tuple[str, ...]:
    """The forms of the report; of what goes to a device there are those of a run alone, if they are asked for."""
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
    job = stream_job(request, settings.format, forms)
    target = job.target
    files = reports_of(target, run_extensions(forms)) if isinstance(target, Place) else run_paths(forms, Path())
    check([job], files.values(), read_beside(request), may_exist=request.running.overwrite)
    return Planned([job], files, held.enter_context(State()))


def selection_of(discovery: Discovery, outputs: Place | None) -> Selection:
    include, exclude = tuple(discovery.include or ()), tuple(discovery.exclude or ())
    return Selection(recursive=discovery.recursive, include=include, exclude=exclude, outputs=outputs)


def found_by(search: Inputs, texts: Sequence[str], discovery: Discovery) -> Iterator[Input]:
    """What is named, and what is in the list of names."""
    yield from search.named(texts)
    with discovery.open_list() as stream:
        yield from search.listed(names_in(stream, nul=discovery.nul))
