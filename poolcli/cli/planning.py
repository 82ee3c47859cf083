"""A request as jobs: what is named, where it goes, and the reports of the run; all checked."""

from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from poolcli import images
from poolcli.batch.destination import choose
from poolcli.batch.discover import STREAM, Found, Wanted, discover, listed, names_in
from poolcli.batch.plan import Plan, check
from poolcli.cli.options.discovery import Discovery
from poolcli.cli.request import Request
from poolcli.cli.settings import extension_of, writable
from poolcli.cli.stream import stream_job
from poolcli.pipeline import Job, Settings
from poolcli.report.forms import run_paths, side_extensions


def planned(request: Request, settings: Settings) -> tuple[Plan | list[Job], dict[str, Path]]:
    """The jobs, and the reports of the whole run: their forms and files. UsageError for what cannot be."""
    if STREAM in (*request.inputs, request.running.output):
        return _stream(request, settings)
    discovery, output = request.discovery, request.running.output
    extension = partial(extension_of, settings.format)
    chosen = choose(output, request.inputs, settings.recipe, extension, listed=discovery.files_from is not None)
    destination = writable(chosen, settings.format)
    wanted = _wanted(discovery, destination.root if destination.folder else None)
    plan = Plan(chain(discover(request.inputs, wanted), _listed(discovery, wanted)), destination)
    forms = request.reporting.forms(in_folder=plan.in_folder)
    plan.sides = side_extensions(forms)
    alone = None if len(plan) > 1 or plan.in_folder else next((Path(job.target_name) for job in plan), None)
    files = run_paths(forms, destination.root, alone)
    plan.check(files.values(), may_exist=request.running.overwrite)
    return plan, files


def _stream(request: Request, settings: Settings) -> tuple[list[Job], dict[str, Path]]:
    forms = request.reporting.forms(in_folder=False)
    job = stream_job(request, settings.format, forms)
    files = run_paths(forms, Path(), job.target if isinstance(job.target, Path) else None)
    check([job], files.values(), may_exist=request.running.overwrite)
    return [job], files


def _wanted(discovery: Discovery, outputs: Path | None) -> Wanted:
    include, exclude = tuple(discovery.include or ()), tuple(discovery.exclude or ())
    return Wanted(images.is_picture, discovery.recursive, include, exclude, outputs)


def _listed(discovery: Discovery, wanted: Wanted) -> Iterator[Found]:
    with discovery.open_list() as stream:
        yield from listed(names_in(stream, nul=discovery.nul), wanted)
