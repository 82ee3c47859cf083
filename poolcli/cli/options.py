"""The options of the commands, in the groups that help shows; those of modes are in `ops.modes`."""

import re
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cached_property
from io import BytesIO
from os.path import lexists
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from poolcli import images
from poolcli.batch.executors import CLUSTER, ENGINES, USUAL, Engine, find_engine, processors
from poolcli.batch.inputs import STREAM
from poolcli.batch.job import Ignore, Settings
from poolcli.batch.plan import Destination
from poolcli.cli.parser import Group, Option
from poolcli.colour import Colour
from poolcli.errors import UsageError, unknown
from poolcli.images.formats import (
    COMPRESSIONS,
    DEFAULT_MAX_PIXELS,
    DTYPES,
    FORMATS,
    KEEP,
    LAYOUTS,
    SAME,
    WRITABLE,
    EncodeOptions,
    ReadOptions,
    check_tiling,
    find_writable,
)
from poolcli.ops.filters import RANGES
from poolcli.ops.geometry import as_size
from poolcli.ops.modes import read_number
from poolcli.recipe import Recipe
from poolcli.records import dataclass
from poolcli.reports.forms import FORMS, check_forms
from poolcli.shift.record import AUTO, NOTHING, SHIFT_EDGES, Shifting, check_edge, check_tolerance
from poolcli.storage import Place, Url, place_of
from poolcli.storage.files import writable as taking
from poolcli.storage.stores import find_store, redacted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from poolcli.batch.inputs import Input


UNLIMITED = "none"
MOST_JOBS, MOST_SHIFTS = 1024, 16
BATCH, CLUSTERS, FILES = "Batch", "Cluster", "Files"
_SCHEDULER = re.compile(r"(tcp|tls)://[^\s/@]+:\d+")
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}

OVERWRITE = Option("--overwrite", help="Replace files that exist already.", also="--force --replace")
JSON = Option("--json", help="One JSON object a line on stdout.")
JOBS = Option(
    "--jobs",
    "-j",
    metavar="N",
    help="Pictures at once; auto (if not given): as many as there are processors.",
    also="--workers --num-workers --n-jobs",
    values=lambda: (AUTO,),
    panel=BATCH,
)
SHIFT_EDGE = Option(
    "--shift-edge",
    metavar="EDGE",
    help="What comes in at the border: replicate (if not given), zero, wrap; or crop.",
    values=lambda: SHIFT_EDGES,
)


def report_files(help: str) -> Option:
    """Where a command whose result is a report writes it."""
    return Option("--output", "-o", metavar="FILE", several=True, help=help, panel=FILES)


TOLERANCE = Option(
    "--tolerance",
    metavar="NUMBER",
    kind=float,
    help="Differences up to this are no change; 0 if not given.",
    also="--tol --atol",
)


def _forms() -> str:
    return "; ".join(f"{form.name}: {form.what}" for form in FORMS.values())


class Discovery(Group):
    """Which files are meant, beside those named."""

    PANEL = "Files"

    recursive: bool = Option("--recursive", "-r", help="Folders: the pictures below them too.").default(False)
    include: list[str] | None = Option(
        "--include", metavar="PATTERN", several=True, help="Of folders, globs, lists: only these; repeatable."
    ).default(None)
    exclude: list[str] | None = Option(
        "--exclude", metavar="PATTERN", several=True, help="Of folders, globs, lists: not these; repeatable."
    ).default(None)
    files_from: str | None = Option(
        "--files-from", metavar="FILE", help="Read names, one a line, from a file or - (stdin)."
    ).default(None)
    nul: bool = Option("--null", "-0", help="Names in --files-from end in a NUL, as of find -print0.").default(False)

    def check(self, inputs: list[str], output: str | None = None) -> None:
        """UsageError when nothing is named, or nothing that can be, or stdin is named for two things; `output` is what
        -o says.
        """
        if not inputs and self.files_from is None:
            raise UsageError("no input: name a picture, a folder, a glob or - (stdin), or a list with --files-from")
        if "" in inputs:
            raise UsageError("an input is empty (''), as where a shell variable is not set: name a picture or a folder")
        if self.files_from == STREAM and STREAM in inputs:
            raise UsageError("stdin cannot be a picture and a list of names: give one of them as a file")
        if self.nul and self.files_from is None:
            raise UsageError("-0 says how the names in a list end: it needs --files-from")
        if any(not lexists(text) for text in inputs):
            from poolcli.cli.mistakes import no_input

            error = no_input(inputs, output)
            if error:
                raise error

    def open_list(self) -> AbstractContextManager[BinaryIO]:
        """The list of names, an empty one if there is none; UsageError when it cannot be read."""
        if self.files_from is None:
            return BytesIO()
        if self.files_from == STREAM:
            return nullcontext(sys.stdin.buffer)
        try:
            return Path(self.files_from).open("rb")
        except OSError as error:
            raise UsageError(
                f"the list '{self.files_from}' cannot be read ({error.strerror}): check its name"
            ) from error


class Reading(Group):
    """What is read of a file."""

    PANEL = "Pictures"

    frame: int | None = Option(
        "--frame", metavar="N", kind=int, help="Only this frame of an animation or page of a TIFF, from 0."
    ).default(None)
    layout: str | None = Option(
        "--layout",
        metavar="AXES",
        help="Axes of arrays: hw, hwc, chw, or nchw (a frame for each n).",
        values=lambda: LAYOUTS,
    ).default(None)
    max_pixels: str = Option(
        "--max-pixels",
        metavar="N",
        help=f"Refuse files of more pixels, all frames together: N ({DEFAULT_MAX_PIXELS} if not given) or none.",
    ).default(str(DEFAULT_MAX_PIXELS))
    allow_8bit: bool = Option(
        "--allow-8bit", help="Let more than 8 bits a channel become 8 where nothing else can be done."
    ).default(False)

    dtype: str = Option(
        "--dtype",
        metavar="NAME",
        help="Integers as floats before the layers: keep (if not given) what they are, float32 or float64.",
        values=lambda: DTYPES,
    ).default(KEEP)
    labels: bool = Option(
        "--labels", help="Values are labels: the report counts those that change, differences mean nothing."
    ).default(False)
    ignore: list[str] | None = Option(
        "--ignore",
        metavar="VALUE",
        several=True,
        help="What counts in no window: a number, nan, a colour R,G,B; auto (if not given), what the file declares as "
        "no-data; or none. Repeatable.",
        values=lambda: (AUTO, NOTHING),
        also="--ignore-index --ignore-label",
    ).default(None)
    min_valid: float = Option(
        "--min-valid",
        metavar="SHARE",
        kind=float,
        help="The share of values that count that a window needs; others give the ignored value. 0 if not given.",
    ).default(0.0)

    def options(self) -> ReadOptions:
        """The checked values; UsageError for what is out of range."""
        self.ignoring()
        return ReadOptions(self.frame, _limit(self.max_pixels), self.layout, self.allow_8bit, dtype=self.dtype)

    def ignoring(self) -> Ignore:
        """What counts in no window; UsageError for what is no value, and no share."""
        if not 0 <= self.min_valid <= 1:
            raise UsageError(f"--min-valid {self.min_valid:g} is no share of a window: a number from 0 to 1 is allowed")
        return Ignore(*named_values(self.ignore), self.min_valid)


Number = float | int
Values = tuple[Number | tuple[Number, ...], ...]


def named_values(texts: list[str] | None) -> tuple[Values, bool]:
    """The numbers and colours of every `--ignore`, and whether what files declare counts in no window either."""
    texts = texts or [AUTO]
    if NOTHING in texts and len(texts) > 1:
        raise UsageError(f"--ignore {NOTHING} lets every value count: leave the other --ignore out")
    return tuple(dict.fromkeys(_value(text) for text in texts if text not in (AUTO, NOTHING))), AUTO in texts


def _value(text: str) -> Number | tuple[Number, ...]:
    try:
        values = tuple(map(read_number, text.split(",")))
    except ValueError:
        raise UsageError(
            f"--ignore '{text}' is not allowed: give a number, nan, a colour R,G,B, {AUTO} or {NOTHING}"
        ) from None
    return values[0] if len(values) == 1 else values


def _limit(text: str) -> int | None:
    if text.lower() == UNLIMITED:
        return None
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"--max-pixels '{text}' is no number: a whole number or '{UNLIMITED}' is allowed") from None


class Colouring(Group):
    """How colours are averaged."""

    PANEL = "Pictures"

    linear: bool = Option("--linear", help="Pool in linear light: undo sRGB's curve, pool, redo it.").default(False)
    premultiply: bool = Option("--premultiply", help="Weigh averages by alpha.").default(False)

    def colour(self, recipes: "Iterable[Recipe]") -> Colour:
        """What is requested; UsageError where it has no meaning for one of the recipes."""
        colour = Colour(self.linear, self.premultiply)
        for recipe in recipes:
            colour.check(recipe)
        return colour


class Writing(Group):
    """How results are written."""

    PANEL = "Pictures"

    format: str | None = Option(
        "--format",
        metavar="NAME",
        help="Format of outputs, such as png or npy; if not given, as the extension says.",
        values=lambda: (FORMATS[name].extensions[0].removeprefix(".") for name in WRITABLE),
    ).default(None)
    quality: int | None = Option(
        "--quality", metavar="N", kind=int, help="Quality of JPEG, WebP, AVIF and JPEG XL, 0 to 100."
    ).default(None)
    lossless: bool = Option(
        "--lossless", help="Change no value: WebP, AVIF and JPEG XL without loss; JPEG is refused."
    ).default(False)
    png_level: int | None = Option(
        "--png-level", metavar="N", kind=int, help="Effort of PNG's compression, 0 to 9."
    ).default(None)
    tile: str | None = Option(
        "--tile", metavar="SIZE", help="Tiles of a TIFF or chunks of a Zarr, N or HxW; the input's own, or 256."
    ).default(None)
    compression: str = Option(
        "--compression",
        metavar="NAME",
        help=f"Of these: {', '.join(COMPRESSIONS)}; same (if not given): as the input has it.",
        values=lambda: COMPRESSIONS,
    ).default(SAME)
    strip: bool = Option("--strip", help="Leave out profile, EXIF, XMP, resolution and texts.").default(False)
    to_range: str | None = Option(
        "--to-range",
        metavar="NAME",
        help="Filtered values, or an array, as a picture: clip (of filters, if not given), abs, stretch or offset.",
        values=lambda: RANGES,
    ).default(None)
    exact: bool = Option(
        "--exact", help="Refuse pictures of which windows leave out rows or columns at the end."
    ).default(False)
    durable: bool = Option("--durable", help="Wait until every file is on the disk.").default(False)

    def encoding(self) -> EncodeOptions:
        """How pictures become files; UsageError for an unknown name or a number out of its range."""
        if self.to_range is not None and self.to_range not in RANGES:
            raise unknown("range", self.to_range, RANGES)
        return EncodeOptions(
            self.quality,
            self.png_level,
            self.strip,
            lossless=self.lossless,
            tile=None if self.tile is None else as_size(self.tile, "tile"),
            compression=self.compression,
        )

    def format_name(self) -> str | None:
        """The format as the table of formats calls it."""
        return None if self.format is None else find_writable(self.format)


class Reporting(Group):
    """What a shift report measures, and how it is shown."""

    PANEL = "Report"

    shift: list[str] | None = Option(
        "--shift",
        metavar="DX,DY",
        several=True,
        help="A shift to measure, -1,0 (left by one pixel) if not given; repeatable.",
    ).default(None)
    report: list[str] | None = Option(
        "--report",
        metavar="FORM",
        several=True,
        help=f"A form of the report, repeatable. {_forms()}. If not given: jsonl for a folder, else json.",
        values=lambda: FORMS,
    ).default(None)
    preview: bool = Option(
        "--preview", help="Show a single picture, its output and what changes, on a colour terminal."
    ).default(False)
    shift_edge: str = SHIFT_EDGE.default("replicate")
    tolerance: float = TOLERANCE.default(0.0)
    no_report: bool = Option("--no-report", help="Measure nothing, write no report.").default(False)

    def check(self) -> None:
        """UsageError for an unknown form, and for what contradicts."""
        check_forms(self.report or ())
        if self.report and self.no_report:
            raise UsageError("--report and --no-report contradict each other: give one of them")
        if self.preview and self.no_report:
            raise UsageError("--preview shows what the report measures: leave out --no-report")

    def forms(self, *, in_folder: bool) -> tuple[str, ...]:
        """The requested forms, without repeats; or what a folder, or a single picture, usually gets."""
        if self.no_report:
            return ()
        return tuple(dict.fromkeys(self.report or (["jsonl"] if in_folder else ["json"])))

    def shifting(self) -> Shifting | None:
        """What is measured, if anything; UsageError for a name or a number that cannot be."""
        shifting = Shifting(tuple(map(_shift, self.shift or ["-1,0"])), self.shift_edge, self.tolerance)
        return None if self.no_report else shifting


def _shift(text: str) -> tuple[int, int]:
    try:
        dx, dy = (int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"shift '{text}' is not DX,DY: two whole numbers are allowed, as in -1,0") from None
    return dx, dy


class Running(Group):
    """Where outputs go, how much is done at once, and what is printed."""

    PANEL = "Files"

    output: str | None = Option(
        "--output",
        "-o",
        metavar="PLACE",
        help="A file, a folder, a template such as '{stem}-{mode}.{ext}', or - (stdout).",
        also="--out --out-dir --outdir --out-file --output-dir --output-file --dest --destination --save",
    ).default(None)
    overwrite: bool = OVERWRITE.default(False)
    dry_run: bool = Option("--dry-run", "-n", help="Print what would be done, do nothing.").default(False)
    json: bool = JSON.default(False)
    quiet: bool = Option(
        "--quiet", "-q", help="Print nothing but errors and what --json or -o - ask for.", also="--silent"
    ).default(False)
    verbose: bool = Option(
        "--verbose", "-v", help="On a terminal too, print the name of every output of a folder."
    ).default(False)
    resume: bool = Option("--resume", help="Go on with a run into this folder, by its journal.", panel=BATCH).default(
        False
    )
    jobs: str = JOBS.default(AUTO)
    engine: str | None = Option(
        "--engine",
        metavar="NAME",
        help=f"Who does the work: {', '.join(ENGINES)}; {USUAL} if not given.",
        values=lambda: ENGINES,
        panel=BATCH,
    ).default(None)
    threads_per_image: str = Option(
        "--threads-per-image",
        metavar="N",
        help="Threads in one picture; auto: all for a single one, 1 in a batch.",
        values=lambda: (AUTO,),
        panel=BATCH,
    ).default(AUTO)
    memory: str | None = Option(
        "--memory", metavar="SIZE", help="Bound the pictures at once by their size, as in 2G.", panel=BATCH
    ).default(None)
    timeout: float | None = Option(
        "--timeout", metavar="SECONDS", kind=float, help="Give a picture up after so long (processes).", panel=BATCH
    ).default(None)
    checksum: bool = Option(
        "--checksum", help="Journal: know inputs by their content, not by size and time.", panel=BATCH
    ).default(False)
    journal: str | None = Option(
        "--journal",
        metavar="FOLDER",
        help="Keep the journal in this local folder, not with the outputs.",
        panel=BATCH,
    ).default(None)
    scheduler: str | None = Option(
        "--scheduler",
        metavar="ADDRESS",
        help="Of a dask cluster, tcp:// or tls://; if not given, one here.",
        panel=CLUSTERS,
    ).default(None)
    allowed_failures: int | None = Option(
        "--allowed-failures",
        metavar="N",
        kind=int,
        help="Give a picture up after more than N workers died on it (dask); 1 if not given.",
        panel=CLUSTERS,
    ).default(None)

    def check(self) -> None:
        """UsageError for an unknown engine, or a number that cannot be."""
        if self.resume and self.overwrite:
            raise UsageError("--resume keeps what is done and --overwrite does not: give one of them")
        if self.quiet and self.verbose:
            raise UsageError("--quiet and --verbose contradict each other: give one of them")
        engine = self.find_engine()
        self._check_cluster(engine)
        self.workers()
        self.threads(pictures=1)
        self.memory_bytes()
        if self.timeout is not None and not self.timeout > 0:
            raise UsageError(f"--timeout {self.timeout:g} is not allowed: give more than 0 seconds")

    def find_engine(self) -> Engine:
        """The engine that the options mean."""
        return find_engine(self.engine, timeout=self.timeout is not None, scheduler=self.scheduler is not None)

    def _check_cluster(self, engine: Engine) -> None:
        if self.scheduler is not None and not _SCHEDULER.fullmatch(self.scheduler):
            raise UsageError(
                f"--scheduler '{redacted(self.scheduler)}' is no address: give tcp://HOST:PORT or tls://HOST:PORT"
            )
        if self.allowed_failures is None:
            return
        if self.allowed_failures < 0:
            raise UsageError(f"--allowed-failures {self.allowed_failures} is not allowed: give 0 or more")
        if engine.name != CLUSTER or self.scheduler is not None:
            raise UsageError(
                "--allowed-failures is for workers that --engine dask starts itself; a scheduler has a setting of its "
                "own: distributed.scheduler.allowed-failures"
            )

    def workers(self) -> int | None:
        """How many; None: as many as there are processors."""
        return jobs_of(self.jobs)

    def threads(self, *, pictures: int) -> int:
        """How many threads a picture; if nothing is said, all processors for one picture, and one for each of many."""
        return _count("--threads-per-image", self.threads_per_image) or (processors() if pictures == 1 else 1)

    def memory_bytes(self) -> int | None:
        """The bytes of --memory."""
        if self.memory is None:
            return None
        match = re.fullmatch(r"(\d{1,18}(?:\.\d+)?)([KMGT]?)(?:I?B)?", self.memory.upper())
        if match is None:
            raise UsageError(f"--memory '{self.memory}' is no size: a number with K, M, G or T is allowed, as in 2G")
        return int(float(match[1]) * _UNITS[match[2]])


def jobs_of(text: str) -> int | None:
    """The number of `--jobs`; None for auto."""
    return _count("--jobs", text)


def _count(option: str, text: str) -> int | None:
    """The number given, or None for auto."""
    if text == AUTO:
        return None
    if not (re.fullmatch("[0-9]{1,4}", text) and 1 <= int(text) <= MOST_JOBS):
        raise UsageError(f"{option} '{text}' is not allowed: give a whole number from 1 to {MOST_JOBS}, or {AUTO}")
    return int(text)


class Comparing(Group):
    """Over which shifts a comparison goes, and where its result goes."""

    PANEL = "Report"

    shifts: int = Option(
        "--shifts", metavar="RADIUS", kind=int, help="Every shift of up to so many pixels each way; 1 if not given."
    ).default(1)
    shift_edge: str = SHIFT_EDGE.default("replicate")
    tolerance: float = TOLERANCE.default(0.0)
    output: list[str] | None = report_files("Write it: .html, .csv (a row a picture) or .json; repeatable.").default(
        None
    )
    overwrite: bool = OVERWRITE.default(False)
    jobs: str = JOBS.default(AUTO)
    json: bool = JSON.default(False)

    def check(self) -> None:
        """UsageError for what cannot be."""
        check_edge(self.shift_edge)
        if not 1 <= self.shifts <= MOST_SHIFTS:
            raise UsageError(f"--shifts {self.shifts} is not allowed: give a radius of 1 to {MOST_SHIFTS} pixels")
        check_tolerance(self.tolerance)
        jobs_of(self.jobs)


@dataclass(frozen=True)
class Request:
    """All that a run is made of. Raises UsageError where an option is wrong."""

    recipe: Recipe
    inputs: list[str]
    discovery: Discovery
    reading: Reading
    colouring: Colouring
    writing: Writing
    reporting: Reporting
    running: Running
    recipe_file: str | None = None  # from which the recipe was read

    def __post_init__(self) -> None:
        self.discovery.check(self.inputs, self.running.output)
        self.settings  # noqa: B018 (what it checks)
        self.reporting.check()
        self.running.check()
        self._check_places()

    @cached_property
    def settings(self) -> Settings:
        """Of every job, but for what depends on how many there are; UsageError where an option is wrong."""
        reading, writing, labels = self.reading, self.writing, self.recipe.for_labels
        encoding = replace(writing.encoding(), layout=reading.layout, allow_8bit=reading.allow_8bit, labels=labels)
        return Settings(
            self.recipe,
            reading=reading.options(),
            encoding=encoding,
            format=writing.format_name(),
            shifting=self.reporting.shifting(),
            to_range=writing.to_range or "clip",
            durable=writing.durable,
            colour=self.colouring.colour([self.recipe]),
            labels=reading.labels,
            ignore=reading.ignoring(),
            array_range=writing.to_range,
            exact=writing.exact,
        )

    def _check_places(self) -> None:
        """UsageError for a URL of a store that there is not, or that the workers would not see."""
        engine = self.running.find_engine()
        for text in (*self.inputs, self.running.output or ""):
            place = place_of(text)
            if engine.away and isinstance(place, Url) and not find_store(place.scheme).shared:
                raise UsageError(f"{place.scheme}:// is in this process alone: --engine {engine.name} would not see it")


def extension_of(format: str | None, path: Place) -> str:
    """The extension of the output for this input: its own, unless another format is wanted or it only can be read."""
    known = images.format_of(path)
    if format is not None:
        return path.suffix if known == format else images.extension_of(format)
    if known is None or images.default_format(known) == known:
        return path.suffix
    return images.extension_of(images.default_format(known))


def writable_destination(destination: Destination, settings: Settings) -> Destination:
    """`destination`, with a UsageError for an output whose extension is of no format that is written, or not so."""
    format, floats = settings.format, own_numbers(settings)

    def place(item: "Input") -> Place:
        target = images.check_target(taking(destination.place(item)), item.path, format, floats=floats)
        check_tiling(target, format or images.format_of(target), settings.encoding)
        return target

    return replace(destination, place=place)


def own_numbers(settings: Settings) -> str:
    """The layers, where what is written are sums or shares, and no values of the picture's range; else nothing."""
    return str(settings.recipe) if settings.recipe.own_dtype and settings.array_range is None else ""
