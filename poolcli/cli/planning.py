"""A request as jobs: what is named, where it goes, and the reports of the run; all checked."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from poolcli import images
from poolcli.batch.destination import Destination, choose
from poolcli.batch.discover import STREAM, discover, listed, names_in
from poolcli.batch.job import Settings
from poolcli.batch.journal import NAME as JOURNAL
from poolcli.batch.journal import Journal
from poolcli.batch.plan import Plan, check
from poolcli.batch.wanted import Found, Wanted
from poolcli.cli.options import Discovery, Running
from poolcli.cli.request import Request
from poolcli.cli.settings import extension_of, writable
from poolcli.cli.stream import stream_job
from poolcli.errors import UsageError
from poolcli.report import Job
from poolcli.report.forms import run_paths, side_extensions
from poolcli.stores import Place, place_of


@dataclass(frozen=True, slots=True)
class Planned:
    """The jobs; the reports of the whole run, forms and files; and the journal, where outputs go into a folder."""

    jobs: Plan | list[Job]
    files: dict[str, Place]
    journal: Journal | None = None


def planned(request: Request, settings: Settings, held: ExitStack) -> Planned:
    """What there is to do, checked: UsageError for what cannot be. The journal is held until `held` is left."""
    if STREAM in (*request.inputs, request.running.output):
        return _stream(request, settings)
    discovery, running = request.discovery, request.running
    extension = partial(extension_of, settings.format)
    listing = discovery.files_from is not None
    chosen = choose(running.output, request.inputs, settings.recipe, extension, listed=listing)
    destination = writable(chosen, settings.format)
    wanted = _wanted(discovery, destination.root if destination.folder else None)
    plan = Plan(chain(discover(request.inputs, wanted), _listed(discovery, wanted)), destination)
    forms = request.reporting.forms(in_folder=plan.in_folder)
    plan.sides = side_extensions(forms)
    first = next((job.target for job in plan), None)
    alone = first if len(plan) == 1 and not plan.in_folder and isinstance(first, Place) else None
    files = run_paths(forms, destination.root, alone)
    root = _journal_folder(running, destination) if alone is None or running.resume or running.journal else None
    there = root and len(plan) and (running.resume or not running.dry_run) and (root / JOURNAL).exists()
    journal = held.enter_context(Journal(root)) if root and there else None
    plan.check(files.values(), may_exist=running.overwrite or running.resume)
    if root and len(plan) and journal is None and not running.dry_run:
        journal = held.enter_context(Journal(root, new=True))
    return Planned(plan, files, journal)


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


def _stream(request: Request, settings: Settings) -> Planned:
    if request.running.resume:
        raise UsageError("--resume is for folders: a stream (-) leaves no journal")
    forms = request.reporting.forms(in_folder=False)
    job = stream_job(request, settings.format, forms)
    files = run_paths(forms, Path(), job.target if isinstance(job.target, Place) else None)
    check([job], files.values(), may_exist=request.running.overwrite)
    return Planned([job], files)


def _wanted(discovery: Discovery, outputs: Place | None) -> Wanted:
    include, exclude = tuple(discovery.include or ()), tuple(discovery.exclude or ())
    return Wanted(images.is_picture, discovery.recursive, include, exclude, outputs)


def _listed(discovery: Discovery, wanted: Wanted) -> Iterator[Found]:
    with discovery.open_list() as stream:
        yield from listed(names_in(stream, nul=discovery.nul), wanted)
