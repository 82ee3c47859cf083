"""Every (source, destination) pair before any work, and all that can be wrong with them."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from poolcli.batch.destination import Destination, case_key, side_files
from poolcli.batch.discover import Found
from poolcli.errors import UsageError
from poolcli.pipeline import Job


def plan(found: Iterable[Found], destination: Destination, sides: Mapping[str, str]) -> Iterator[Job]:
    """A job for every input; `sides` are the forms of report beside every output, and their extensions."""
    for item in found:
        target = destination.place(item)
        yield Job(item.path, target, str(item.path), str(target), side_files(target, sides))


def check(jobs: list[Job], extra: Iterable[Path] = (), *, overwrite: bool) -> None:
    """Raise UsageError when outputs clash, would overwrite an input, or are there already; nothing is written."""
    if not jobs:
        raise UsageError("no picture among the inputs: name files, or a folder with pictures (-r for those below it)")
    inputs = {_identity(job.source): job.name for job in jobs if isinstance(job.source, Path)}
    taken: dict[str, str] = {}
    there: list[Path] = []
    for job in jobs:
        for target in (job.target, *job.sides.values()):
            if not isinstance(target, Path):
                continue
            _check_new(target, job.name, taken, inputs)
            if os.path.lexists(target):
                there.append(target)
    there += [path for path in extra if os.path.lexists(path)]
    if there and not overwrite:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(f"'{there[0]}'{more} exists already: use --overwrite, or another place with -o")


def _check_new(target: Path, name: str, taken: dict[str, str], inputs: dict[object, str]) -> None:
    other = taken.setdefault(case_key(target.absolute()), name)
    if other != name:
        raise UsageError(
            f"'{other}' and '{name}' would both be written to '{target}': run them apart, use a template such as "
            "-o 'out/{stem}-{ext}.{ext}', or --report jsonl when it is the side files that clash"
        )
    source = inputs.get(_identity(target))
    if source is not None:
        raise UsageError(f"the output '{target}' is the input '{source}': give another place with -o")


def _identity(path: Path) -> object:
    """Equal for two names of one file: device and inode where it exists, else its resolved name."""
    try:
        status = path.stat()
    except OSError:
        return case_key(Path(os.path.realpath(path)))
    return (status.st_dev, status.st_ino)
