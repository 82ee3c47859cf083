"""Which output every input gets, and the plan of a run."""

import os
import stat
import unicodedata
from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import chain, pairwise
from pathlib import Path, PurePath, PurePosixPath
from string import Formatter

from poolcli.batch.inputs import Input, Named, as_place
from poolcli.batch.settings import Settings
from poolcli.errors import UsageError, empty, unknown
from poolcli.images.formats import (
    FORMATS,
    ZARR,
    check_target,
    check_tiling,
    default_format,
    format_of,
    is_picture,
    is_picture_folder,
    is_zarr,
)
from poolcli.recipe import Pool, Recipe
from poolcli.records import dataclass
from poolcli.reports import Job
from poolcli.storage import Place, Url, place_of, safe_part, stores
from poolcli.storage.files import is_device, merged, not_ours, writable

SLASHES = ("/", "\\")
FIELDS = ("stem", "ext", "parent", "mode", "k", "s", "recipe")


@dataclass(frozen=True, slots=True)
class Destination:
    """The answer to "where does this input go?": `place` gives the path, `root` is where a report of all goes.

    `folder`: `root` is a folder of outputs, in which no inputs are searched; `device`: all is written to one.
    """

    place: Callable[[Input], Place]
    root: Place
    folder: bool = False
    device: bool = False


def extension_of(format: str | None, path: Place) -> str:
    """The extension of the output for this input: its own, unless another format is wanted or it only can be read."""
    known = format_of(path)
    if format is not None:
        return path.suffix if known == format else FORMATS[format].extensions[0]
    if known is None or default_format(known) == known:
        return path.suffix
    return FORMATS[default_format(known)].extensions[0]


def destination_of(
    output: Named | None, inputs: Sequence[Named], settings: Settings, floats: str, *, listed: bool
) -> Destination:
    """What `-o` means for these inputs, and for a list of names if `listed`; UsageError where it cannot be.

    `floats`: the layers, where they give sums or shares.
    Its `place` raises UsageError for an output whose extension is of no format that is written, or not so.
    """
    chosen = _chosen(output, inputs, settings, listed=listed)
    return replace(chosen, place=lambda item: checked(chosen.place(item), item.path, settings, floats))


def checked(target: Place, source: Place | None, settings: Settings, floats: str) -> Place:
    """`target` itself; UsageError where nothing can be written there, or not so: see `check_target`."""
    if isinstance(target, Url):
        writable(target)
    check_target(target, source, settings.format, floats=floats)
    check_tiling(target, settings.format or format_of(target), settings.encoding)
    return target


def _chosen(output: Named | None, inputs: Sequence[Named], settings: Settings, *, listed: bool) -> Destination:
    extension, recipe = partial(extension_of, settings.format), settings.recipe
    folders = [each.text for each in inputs if each.in_it]
    if output is None:
        if folders or listed:
            what = f"a folder as input ('{folders[0]}')" if folders else "a list of inputs"
            raise UsageError(f"{what} needs -o: its outputs would be pooled again by the next run")
        end = recipe.file_text
        return Destination(
            lambda item: item.path.with_name(f"{item.path.stem}.{end}{extension(item.path)}"), root=Path()
        )
    text, path, in_it = output
    if "{" in text:
        return _from_template(text, recipe, extension)
    to_file = Destination(lambda item: path, path.parent)
    if isinstance(path, Path) and is_device(path):
        return replace(to_file, device=True)
    several = listed or len(inputs) != 1 or bool(folders)
    in_folder = (in_it and format_of(path) != ZARR) or text.endswith(SLASHES) or not path.suffix
    if several and not in_folder and format_of(path):
        raise UsageError(f"'{text}' is the name of one picture, for several: give a folder, as in '{path.stem}/'")
    if several or in_folder:
        return Destination(lambda item: path / item.place.with_suffix(extension(item.path)), path, folder=True)
    return to_file


def _from_template(template: str, recipe: Recipe, extension: Callable[[Place], str]) -> Destination:
    """`template` with its fields filled in, `{{` and `}}` being braces; UsageError for a field there is not.

    With a slash at its end it names folders, in which inputs have their own names and places.
    """
    parts, constants = _parts(template), _recipe_fields(recipe)
    first = next((number for number, (_, field) in enumerate(parts) if field), len(parts))
    start = "".join(text for text, _ in parts[: first + 1])  # before the first field

    def place(item: Input) -> Place:
        values = {
            **constants,
            "stem": safe_part(item.path.stem),
            "ext": safe_part(extension(item.path).removeprefix(".")),
            "parent": _parent(item.path, below=start),
        }
        filled = place_of("".join(text + values.get(field, "") for text, field in parts))
        if isinstance(filled, Url):  # whose key is taken letter by letter, the `.` of an input without a folder too
            filled = replace(filled, key="/".join(part for part in filled.key.split("/") if part != "."))
        return filled / item.place.with_suffix(extension(item.path)) if template.endswith(SLASHES) else filled

    root = place_of(start + "_").parent
    return Destination(place, root, folder=root != Path())


def _parts(template: str) -> list[tuple[str, str]]:
    """(text, the field behind it, which may be none) of a template.

    >>> _parts("{stem}-{{k}}.png")
    [('', 'stem'), ('-{', ''), ('k}', ''), ('.png', '')]
    """
    try:
        fields = list(Formatter().parse(template))
    except ValueError:
        raise UsageError(
            f"the output template '{template}' has a brace without its partner: give fields as in {{stem}}, and "
            "braces of a name twice, as in {{1}}"
        ) from None
    for _, field, form, conversion in fields:
        if field is not None and (field not in FIELDS or form or conversion):
            requested = field + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
            raise unknown("field in the output template", requested, FIELDS)
    return [(text, field or "") for text, field, _, _ in fields]


def _parent(path: Place, *, below: str) -> str:
    """The folder of an input; `below` another it is put there as tar would put it, so that no `..` leads out of it."""
    folder = PurePosixPath(path.parent.key) if isinstance(path, Url) else path.parent
    return (as_place(folder) if below else folder).as_posix()


def _recipe_fields(recipe: Recipe) -> Mapping[str, str]:
    pools = [layer for layer in recipe.layers if isinstance(layer, Pool)]
    values = {"mode": "none", "k": "1", "s": "1", "recipe": recipe.file_text}
    if pools:
        values |= {"mode": pools[-1].mode, **pools[-1].sizes}
    return values


FEW = 16  # objects that are checked one by one; of more the prefixes they lie in are listed


class Plan(Sequence[Job]):
    """The jobs of a run, in order. An input takes two texts, some hundred bytes: its job is made when it is used.

    `to_device`: everything goes to a device, which may be written to as often as wanted.
    """

    def __init__(self, inputs: Iterable[Input], destination: Destination) -> None:
        """Plan all `inputs`; one that is named twice has one job."""
        self.to_device = destination.device
        self._places: list[tuple[str | Url, str | Url]] = []  # source and target
        self._sides: Mapping[str, str] = {}
        self._whole: set[int] = set()  # numbers of the jobs whose reports bear the whole name of the output
        self.in_folder = False
        seen: dict[int, int] = {}  # numbers, by a hash of names that may be long
        for each in inputs:
            target = destination.place(each)
            source, output = _compact(each.path), exact(target)
            first = seen.setdefault(hash((source, output)), len(self._places))
            if first == len(self._places) or (source, output) != self._identity(first):
                self._places.append((source, _compact(target)))
                self.in_folder |= each.in_folder

    def _identity(self, number: int) -> tuple[str | Url, str]:
        source, target = self._places[number]
        return source, exact(_place(target))

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> Job:  # type: ignore[override]  # (a plan is not sliced)
        source, target = map(_place, self._places[number])
        sides = {} if self.to_device else side_files(target, self._sides, whole=number in self._whole)
        return Job(source, target, str(source), str(target), sides, number)

    def __iter__(self) -> Iterator[Job]:
        return map(self.__getitem__, range(len(self)))

    def add_reports(self, extensions: Mapping[str, str]) -> None:
        """From now on every job has these reports beside its output."""
        self._sides = extensions
        if not extensions or self.to_device:
            return
        taken: set[int] = set()  # hashes: of two that are alike by chance the second bears its whole name
        is_there, pictures = presence(few=len(self) <= FEW), lru_cache(maxsize=1)(_pictures)
        for number, job in enumerate(self):
            assert isinstance(job.target, Place)
            short = hash(exact(next(iter(job.sides.values()))))
            if short in taken or bears_whole_name(job.target, extensions, is_there, pictures):
                self._whole.add(number)
            else:
                taken.add(short)


def _compact(place: Place) -> str | Url:
    return place if isinstance(place, Url) else str(place)


def _place(kept: str | Url) -> Place:
    return kept if isinstance(kept, Url) else Path(kept)


def side_files(target: Place, extensions: Mapping[str, str], *, whole: bool = False) -> dict[str, Place]:
    """The reports beside an output, for instance NAME.shift.json; `whole`: NAME.EXT.shift.json."""
    name = target.name if whole else target.stem
    return {form: target.with_name(name + extension) for form, extension in extensions.items()}


def reports_of(target: Place, extensions: Mapping[str, str]) -> dict[str, Place]:
    """The reports beside the only output of a run."""
    return side_files(target, extensions, whole=bears_whole_name(target, extensions, presence(few=True)))


def _pictures(folder: Path) -> list[str]:
    """The names of the pictures in a folder."""
    try:
        return [name for name in os.listdir(folder) if is_picture(Path(name))]  # noqa: PTH208 (names alone)
    except OSError:
        return []


def bears_whole_name(
    target: Place,
    extensions: Mapping[str, str],
    is_there: Callable[[Place], bool],
    pictures: Callable[[Path], list[str]] = _pictures,
) -> bool:
    """Whether the reports of an output bear its whole name, since the short one is that of another picture's.

    Of `a.png` and `a.webp` in one folder the one that came first has `a.shift.json`, the other `a.webp.shift.json`.
    """
    if any(map(is_there, side_files(target, extensions, whole=True).values())):
        return True
    if is_there(target) or not any(map(is_there, side_files(target, extensions).values())):
        return False
    if not isinstance(target, Path):
        return False
    return any(PurePath(name).stem == target.stem and name != target.name for name in pictures(target.parent))


def check(
    jobs: Sequence[Job],
    own: Iterable[Place] = (),
    read: Iterable[tuple[str, Path]] = (),
    *,
    may_exist: bool,
    journal: Path | None = None,
    device: bool = False,
    merged: Callable[[Path, Path], bool] = merged,
) -> None:
    """Raise UsageError when outputs clash, would overwrite what is read, or are there already.

    `own` are the files that the run itself writes, beside the reports of each job and its `journal`; `read` what it
    reads beside the inputs, each with what it is called; `device`: everything goes to one. `merged` says whether a file
    system takes two paths for one.
    """
    is_there = presence(few=len(jobs) <= FEW)
    outputs = partial(_outputs, () if device else jobs, own)
    names, there = array("q"), array("q")  # hashes of a million outputs, and of the files that are in their places
    existing: list[Place] = []  # the first, and how many more
    more = 0
    folders: list[Place] = []  # that are replaced, with all that is in them
    for path, side in outputs():
        if side is not None:
            names.append(_folded(path))
        if is_there(path):
            existing, more = existing or [path], more + bool(existing)
            there.append(hash(_identity(path)))
            _check_kind(path, own=side is not False)
            folders += [path] * (format_of(path) == ZARR)
        _check_around(path)
    _check_taken(jobs, names, merged)
    if there or journal:
        inputs = ((f"input '{job.name}'", job.source) for job in jobs)
        own_file: list[tuple[Place, bool | None]] = [(journal, None)] if journal else []
        known = {*there, *(hash(_identity(path)) for path, _ in own_file)}
        for what, source in chain(read, inputs):
            if folders and isinstance(source, Path):
                check_apart(folders, what, source)
            identity = _identity(source)
            if identity is not None and hash(identity) in known:
                for path, _ in chain(own_file, outputs()):
                    if _identity(path) == identity:
                        raise UsageError(f"the output '{path}' is the {what}: give another place with -o")
    if existing and not may_exist:
        what = f"'{existing[0]}' and {more} more exist" if more else f"'{existing[0]}' exists"
        raise UsageError(f"{what} already: use --overwrite, --resume in a folder, or another place with -o")


def outputs(texts: Iterable[str], read: Iterable[tuple[str, Place]], *, overwrite: bool) -> list[Place]:
    """The places that `texts` name, to write to; `read` is what is read, each with what it is called.

    UsageError for a place that takes nothing, is or holds what is read (no input is ever written to), or is there
    already and may not be written over.
    """
    named = list(texts)
    if "" in named:
        raise empty("-o", "name a file")
    places = [writable(place_of(text)) for text in named]
    for place in places:
        _check_around(place)
        if isinstance(place, Path) and os.path.lexists(place):
            _check_kind(place, own=False)
    for what, source in read:
        check_apart(places, what, source)
    for place in places:
        if place.exists() and not overwrite:
            raise UsageError(f"'{place}' exists already: use --overwrite, or another name with -o")
    return places


def as_inputs(texts: Iterable[str]) -> list[tuple[str, Place]]:
    """The places that these inputs name, each with what it is called."""
    return [(f"input '{text}'", place_of(text)) for text in texts]


def check_apart(outputs: Iterable[Place], what: str, source: Place) -> Place:
    """`source`; UsageError where one of the outputs is that file, under whatever name, or a folder that it lies in."""
    for output in outputs:
        known = _identity(output)
        if exact(output) == exact(source) or (known is not None and known == _identity(source)):
            raise UsageError(f"the output '{output}' is the {what}: give another place with -o")
        around = Path(os.path.realpath(source)).parents if known is not None and isinstance(source, Path) else ()
        if any(_identity(folder) == known for folder in around):
            raise UsageError(f"the output '{output}' holds the {what}: give another place with -o")
    return source


def _check_around(path: Place) -> None:
    if isinstance(path, Path) and inside_zarr(path.parent):
        raise UsageError(f"the output '{path}' lies inside a Zarr: give another place with -o")


@lru_cache(maxsize=64)  # a plan goes folder by folder
def inside_zarr(folder: Path) -> bool:
    """Whether a folder is a Zarr, or lies in one."""
    return any(is_zarr(each) for each in (folder, *folder.parents))


def _outputs(jobs: Sequence[Job], own: Iterable[Place]) -> Iterator[tuple[Place, bool | None]]:
    """Where a run writes, and whether that is a report beside an output; None: one of the run itself."""
    for job in jobs:
        places = enumerate((job.target, *job.sides.values()))
        yield from ((path, number > 0) for number, path in places if isinstance(path, Place))
    yield from ((path, None) for path in own)


def _folded(path: Place) -> int:
    """A hash that is equal for paths that a file system may take for one; in stores every letter counts."""
    key = exact(path)
    return hash(key if isinstance(path, Url) else unicodedata.normalize("NFC", key).casefold())


def _check_taken(jobs: Sequence[Job], names: Sequence[int], merged: Callable[[Path, Path], bool]) -> None:
    """UsageError for two jobs that would write one file; only what has one hash with another is compared."""
    repeated = {one for one, other in pairwise(sorted(names)) if one == other}
    taken: dict[int, list[tuple[str, int]]] = {}
    for number, job in enumerate(jobs if repeated else ()):
        for path in (job.target, *job.sides.values()):
            if not isinstance(path, Place) or (folded := _folded(path)) not in repeated:
                continue
            key = exact(path)
            for other, first in taken.setdefault(folded, []):
                same = other == key and first != number
                if same or (other != key and not isinstance(path, Url) and merged(Path(other), Path(key))):
                    raise _both(jobs[first], job, path, None if same else other)
            taken[folded].append((key, number))


def _both(one: Job, other: Job, target: Place, twin: str | None) -> UsageError:
    """The error for two inputs whose outputs would be one file; `twin`: since the file system merges names."""
    merging = ""
    if twin is not None:
        a, b = next(
            parts for parts in zip(Path(twin).parts, Path(exact(target)).parts, strict=True) if parts[0] != parts[1]
        )
        merging = f", since this file system takes '{a}' and '{b}' for one name"
    return UsageError(
        f"'{one.name}' and '{other.name}' would both be written to '{target}'{merging}: {_way_out(one, other)}"
    )


def _way_out(one: Job, other: Job) -> str:
    if not (isinstance(one.source, Place) and isinstance(other.source, Place)):
        return "run them apart"
    if one.source.stem.casefold() != other.source.stem.casefold():
        return "give a folder with -o, or a template with {stem}"
    if _parent(one.source, below="-").casefold() != _parent(other.source, below="-").casefold():
        return "use a template such as -o 'out/{parent}/{stem}.{ext}', or run them apart"
    return "run them apart, into a folder each"


def _check_kind(path: Place, *, own: bool) -> None:
    """UsageError where something else than a file is in the way; the `own` files of a run are not even links."""
    if isinstance(path, Url):
        return
    if own and not stat.S_ISREG(path.lstat().st_mode):
        raise not_ours(path)
    try:
        kind = path.stat().st_mode
    except OSError:  # a link that leads nowhere yet
        return
    if format_of(path) == ZARR and stat.S_ISDIR(kind) and is_picture_folder(path) and any(path.iterdir()):
        raise UsageError(
            f"'{path}' is a folder of something else than a Zarr: remove it, or give another place with -o"
        )
    if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise UsageError(f"'{path}' is a pipe or device, in a folder of outputs: remove it, or give another place")


def presence(*, few: bool) -> Callable[[Place], bool]:
    """Gives what says whether there is something at a place: of `few` objects each is checked, of more all their
    neighbours are listed.
    """
    listed = lru_cache(maxsize=8)(_names)  # a plan goes prefix by prefix

    def is_there(place: Place) -> bool:
        if not isinstance(place, Url):
            return os.path.lexists(place)
        with stores.listing(place.parent):
            return stores.exists(place) if few else place.name in listed(place.parent)

    return is_there


def _names(prefix: Url) -> frozenset[str]:
    return frozenset(name for name, _ in stores.entries(prefix)) if stores.is_prefix(prefix) else frozenset()


def exact(place: Place) -> str:
    """Equal for two ways to one place, a link and what it points to included."""
    if isinstance(place, Url):
        return place.address
    return os.path.realpath(place) if os.path.islink(place) else os.path.abspath(place)  # noqa: PTH100, PTH114 (a million)


def _identity(source: object) -> Hashable:
    """Equal for two names of one file that is there; None where nothing is."""
    if isinstance(source, Url):
        return source.address
    try:
        if isinstance(source, Path) and os.path.islink(source):  # noqa: PTH114 (a million)
            source = Path(os.path.realpath(source))  # of a link to nowhere where it would lead
        status = source.stat() if isinstance(source, Path) else os.fstat(source.fileno())  # type: ignore[attr-defined]
    except (OSError, AttributeError):
        return None
    known = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)  # a folder: a Zarr
    return (status.st_dev, status.st_ino) if known else None
