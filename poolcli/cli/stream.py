"""The one job of a run from stdin or to stdout."""

import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from poolcli import images
from poolcli.batch.inputs import STREAM
from poolcli.batch.plan import reports_of
from poolcli.cli.request import Request
from poolcli.errors import UsageError
from poolcli.files import is_folder
from poolcli.images.formats import START
from poolcli.report import Job
from poolcli.report.forms import side_extensions
from poolcli.stores import Place, Url, place_of
from poolcli.stores.place import writable


def prints_numbers(request: Request, format: str | None) -> bool:
    """Whether the input is numbers on stdin that are to be pooled and printed, since no output is named."""
    if request.inputs != [STREAM] or request.running.output is not None or format is not None:
        return False
    peek = getattr(sys.stdin.buffer, "peek", None)
    if peek is None:
        return False
    from poolcli.images.numbers import is_text

    return is_text(peek(1)[:START], STREAM)


def stream_job(request: Request, format: str | None, forms: Sequence[str]) -> Job:
    """The job for `-` as the input, the output or both; UsageError for what a stream cannot do."""
    inputs, running = request.inputs, request.running
    alone = len(inputs) == 1 and request.discovery.files_from is None
    named = place_of(inputs[0]) if alone and inputs != [STREAM] else None
    if not alone or (isinstance(named, Path) and is_folder(named)):
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
        return Job(source, sys.stdout.buffer, shown, STREAM)
    target = writable(place_of(output))
    if (isinstance(target, Path) and is_folder(target)) or not target.suffix or "{" in output:
        raise UsageError(f"'{output}' names no file for the picture from stdin: give a name with an extension")
    images.check_target(target, None, format)
    return Job(
        source,
        target,
        shown,
        str(target) if isinstance(target, Url) else output,
        reports_of(target, side_extensions(forms)),
    )
