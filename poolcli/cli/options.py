"""The options of the commands, in the groups that help shows; those of modes are in `ops.modes`."""

import re
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from os.path import lexists
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from poolcli.batch.executors import CLUSTER, ENGINES, USUAL, Engine, find_engine, processors
from poolcli.batch.inputs import STREAM, Inputs, named
from poolcli.batch.settings import IgnoreOptions, Settings
from poolcli.cli.parser import Command, Group, Option
from poolcli.colour import Colour
from poolcli.errors import UsageError, empty, unknown
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
    find_writable,
)
from poolcli.ops.filters import RANGES
from poolcli.ops.geometry import as_size, read_whole
from poolcli.ops.modes import read_number
from poolcli.recipe import Conv, Recipe
from poolcli.reports.forms import FORMS, check_forms
from poolcli.shift.record import SHIFT_EDGES, Shifting
from poolcli.storage import Place, Url
from poolcli.storage.stores import find_store, redacted

if TYPE_CHECKING:
    from collections.abc import Iterator


UNLIMITED = "none"
AUTO, NOTHING = "auto", "none"  # what is ignored: the values that a file declares as no-data, or nothing
MOST_JOBS = 1024
BATCH, CLUSTERS, FILES = "Batch", "Cluster", "Files"
_SCHEDULER = r"(tcp|tls)://[^\s/@]+:\d+"
_OPEN = r"/dev/std(in|out|err)|(?:/dev|/proc/self)/fd/(\d+)"  # what systems call open files
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def count_or_auto(option: str, most: int, text: str) -> int | None:
    """The number given, or None for auto."""
    try:
        number = None if text == AUTO else read_whole(text)
    except ValueError:
        number = 0
    if number is not None and not 1 <= number <= most:
        raise UsageError(f"{option} '{text}' is not allowed: give a whole number from 1 to {most}, or {AUTO}")
    return number


def _bytes(text: str) -> int:
    """The bytes of --memory."""
    match = re.fullmatch(r"(\d{1,18}(?:\.\d+)?)([KMGT]?)(?:I?B)?", text.upper())
    if match is None:
        raise UsageError(f"--memory '{text}' is no size: a number with K, M, G or T is allowed, as in 2G")
    return int(float(match[1]) * _UNITS[match[2]])


def _shift(text: str) -> tuple[int, int]:
    try:
        dx, dy = map(read_whole, text.split(","))
    except ValueError:
        raise UsageError(f"shift '{text}' is not DX,DY: two whole numbers are allowed, as in -1,0") from None
    return dx, dy


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
    read=partial(count_or_auto, "--jobs", MOST_JOBS),
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

    def check(
        self, commands: Mapping[str, Command], inputs: list[str], output: str | None, *, stdin: bool = True
    ) -> None:
        """UsageError when nothing is named, or nothing that can be, or stdin is named for two things; `output` is what
        -o says, the `commands` say which words have lost their place. `stdin`: it may be an input.
        """
        if not inputs and self.files_from is None:
            stream = ", a glob or - (stdin)" if stdin else " or a glob"
            raise UsageError(f"no input: name a picture, a folder{stream}, or a list with --files-from")
        if "" in inputs:
            raise empty("an input", "name a picture or a folder")
        if self.files_from == STREAM and STREAM in inputs:
            raise UsageError("stdin cannot be a picture and a list of names: give one of them as a file")
        if self.nul and self.files_from is None:
            raise UsageError("-0 says how the names in a list end: it needs --files-from")
        if any(not lexists(text) for text in inputs):
            from poolcli.cli.mistakes import no_input

            error = no_input(commands, inputs, output)
            if error:
                raise error

    def search(self, outputs: Place | None = None) -> Inputs:
        """The search for what is meant; there is nothing of it in the folder of `outputs`."""
        include, exclude = self.include or (), self.exclude or ()
        return Inputs(recursive=self.recursive, include=include, exclude=exclude, outputs=outputs)

    def open_list(self) -> AbstractContextManager[BinaryIO | None]:
        """The list of names, if there is one; UsageError when it cannot be read."""
        if self.files_from is None:
            return nullcontext()
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
    max_pixels: str | None = Option(
        "--max-pixels",
        metavar="N",
        help=f"Refuse files of more pixels, all frames together: N ({DEFAULT_MAX_PIXELS} if not given) or none.",
    ).default(None)
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
        most = DEFAULT_MAX_PIXELS if self.max_pixels is None else _limit(self.max_pixels)
        return ReadOptions(self.frame, most, self.layout, self.allow_8bit, dtype=self.dtype)

    def ignoring(self) -> IgnoreOptions:
        """What counts in no window; UsageError for what is no value, and no share."""
        if not 0 <= self.min_valid <= 1:
            raise UsageError(f"--min-valid {self.min_valid:g} is no share of a window: a number from 0 to 1 is allowed")
        return ignoring(self.ignore, self.min_valid)


def page_argv(recipe: Recipe, reading: Reading, to_range: str | None = None) -> tuple[str, ...]:
    """The words that stand below a page's controls, beside the layers and the shift, for the same numbers."""
    kind = ["--to-range", to_range] if to_range else format_argv(recipe, reading)
    return (*reading.argv(), *kind)


def format_argv(recipe: Recipe, reading: Reading) -> list[str]:
    """The words that name a format for what comes out: of floats, which few pictures hold."""
    return ["--format", "npy"] if recipe.own_dtype or reading.dtype != KEEP else []


def ignoring(texts: list[str] | None, min_valid: float = 0.0) -> IgnoreOptions:
    """The numbers and colours of every `--ignore`, and whether what files declare counts in no window either."""
    texts = texts or [AUTO]
    if NOTHING in texts and len(texts) > 1:
        raise UsageError(f"--ignore {NOTHING} lets every value count: leave the other --ignore out")
    values = dict.fromkeys(_value(text) for text in texts if text not in (AUTO, NOTHING))
    return IgnoreOptions(tuple(values), AUTO in texts, min_valid)


def _value(text: str) -> float | int | tuple[float | int, ...]:
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
        return read_whole(text)
    except ValueError:
        raise UsageError(f"--max-pixels '{text}' is no number: a whole number or '{UNLIMITED}' is allowed") from None


class Colouring(Group):
    """How colours are averaged."""

    PANEL = "Pictures"

    linear: bool = Option("--linear", help="Pool in linear light: undo sRGB's curve, pool, redo it.").default(False)
    premultiply: bool = Option("--premultiply", help="Weigh averages by alpha.").default(False)

    def of(self, *recipes: Recipe) -> Colour | None:
        """What is requested for these recipes, if anything is; UsageError where it has no meaning with one."""
        if not self.linear and not self.premultiply:
            return None
        colour = Colour(self.linear, self.premultiply)
        for recipe in recipes:
            colour.check(recipe)
        return colour

    def suits(self, recipe: Recipe) -> bool:
        """Whether what is requested has a meaning with a recipe."""
        try:
            self.of(recipe)
        except UsageError:
            return False
        return True


class Writing(Group):
    """How results are written."""

    PANEL = "Pictures"

    format: str | None = Option(  # as the table of formats calls it
        "--format",
        metavar="NAME",
        read=find_writable,
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
    tile: tuple[int, int] | None = Option(
        "--tile",
        metavar="SIZE",
        read=partial(as_size, name="tile"),
        help="Tiles of a TIFF or chunks of a Zarr, N or HxW; the input's own, or 256.",
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

    def forms(self, *, in_folder: bool, to_device: bool = False) -> tuple[str, ...]:
        """The requested forms, without repeats; or what a folder, or a single picture, usually gets.

        A device gets none: UsageError where one is requested.
        """
        if self.no_report:
            return ()
        if to_device and self.report:
            raise UsageError(
                f"--report {self.report[0]} stands beside an output, a device has no place for it: name a file"
            )
        return () if to_device else tuple(dict.fromkeys(self.report or (["jsonl"] if in_folder else ["json"])))


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
    jobs: int | None = JOBS.default(None)
    engine: str | None = Option(
        "--engine",
        metavar="NAME",
        help=f"Who does the work: {', '.join(ENGINES)}; {USUAL} if not given.",
        values=lambda: ENGINES,
        panel=BATCH,
    ).default(None)
    threads_per_image: int | None = Option(
        "--threads-per-image",
        metavar="N",
        help="Threads in one picture; auto: all for a single one, 1 in a batch.",
        values=lambda: (AUTO,),
        panel=BATCH,
        read=partial(count_or_auto, "--threads-per-image", MOST_JOBS),
    ).default(None)
    memory: int | None = Option(
        "--memory", metavar="SIZE", help="Bound the pictures at once by their size, as in 2G.", panel=BATCH, read=_bytes
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

    def name_stdout(self) -> None:
        """Call stdout `-` under whatever name it is the output; UsageError for stdin and stderr."""
        match = re.fullmatch(_OPEN, self.output or "")
        stream = match and (match[1] or match[2])
        if stream in ("out", "1"):
            self.output = STREAM
        elif stream in ("in", "err", "0", "2", str(sys.__stderr__.fileno() if sys.__stderr__ else 2)):
            raise UsageError(f"'{self.output}' is where poolcli reads or reports: give a file with -o, or - (stdout)")

    def find_engine(self) -> Engine:
        """The engine that the options mean; UsageError for an unknown one, a number that cannot be, a contradiction."""
        if self.resume and self.overwrite:
            raise UsageError("--resume keeps what is done and --overwrite does not: give one of them")
        if self.quiet and self.verbose:
            raise UsageError("--quiet and --verbose contradict each other: give one of them")
        engine = find_engine(self.engine, timeout=self.timeout is not None, scheduler=self.scheduler is not None)
        if self.scheduler is not None and not re.fullmatch(_SCHEDULER, self.scheduler):
            raise UsageError(
                f"--scheduler '{redacted(self.scheduler)}' is no address: give tcp://HOST:PORT or tls://HOST:PORT"
            )
        if self.allowed_failures is not None and self.allowed_failures < 0:
            raise UsageError(f"--allowed-failures {self.allowed_failures} is not allowed: give 0 or more")
        if self.allowed_failures is not None and (engine.name != CLUSTER or self.scheduler is not None):
            raise UsageError(
                "--allowed-failures is for workers that --engine dask starts itself; a scheduler has a setting of its "
                "own: distributed.scheduler.allowed-failures"
            )
        if self.timeout is not None and not self.timeout > 0:
            raise UsageError(f"--timeout {self.timeout:g} is not allowed: give more than 0 seconds")
        return engine


class RunOptions:
    """All that a run is made of, checked; `inputs` and `output` (None: beside the input, or stdout) have their places.

    `streams`: stdin or stdout is one of them. `own_numbers`: the layers, where what is written are sums or shares, not
    values of the picture's range; else nothing.
    """

    def __init__(
        self,
        recipe: Recipe,
        inputs: list[str],
        discovery: Discovery,
        reading: Reading,
        colouring: Colouring,
        writing: Writing,
        reporting: Reporting,
        running: Running,
        recipe_file: str | None = None,
    ) -> None:
        """`recipe_file`: from which the recipe was read. UsageError where an option is wrong."""
        running.name_stdout()
        self.discovery, self.reading, self.reporting, self.running = discovery, reading, reporting, running
        ignore, to_range = reading.ignoring(), writing.to_range
        if to_range is not None and to_range not in RANGES:
            raise unknown("range", to_range, RANGES)
        if reporting.report:
            check_forms(reporting.report)
        if reporting.report and reporting.no_report:
            raise UsageError("--report and --no-report contradict each other: give one of them")
        if reporting.preview and reporting.no_report:
            raise UsageError("--preview shows what the report measures: leave out --no-report")
        # What is read beside the inputs.
        self.beside = [*read_beside(recipe, recipe_file=recipe_file, listing=discovery.files_from)]
        self.engine, self.processors = running.find_engine(), processors()
        self.own_numbers = str(recipe) if to_range is None and recipe.own_dtype else ""
        options = reading.options()
        encoding = EncodeOptions(
            writing.quality,
            writing.png_level,
            writing.strip,
            reading.layout,
            reading.allow_8bit,
            writing.lossless,
            reading.labels or recipe.for_labels,
            writing.tile,
            writing.compression,
        )
        shifts = tuple(map(_shift, reporting.shift)) if reporting.shift else ((-1, 0),)
        shifting = Shifting(shifts, reporting.shift_edge, reporting.tolerance)
        self.settings = Settings(  # of every job, but for what depends on how many there are
            recipe,
            reading=options,
            encoding=encoding,
            format=writing.format,
            shifting=None if reporting.no_report else shifting,
            to_range=to_range or "clip",
            durable=writing.durable,
            colour=colouring.of(recipe),
            labels=reading.labels,
            ignore=ignore,
            array_range=to_range,
            exact=writing.exact,
        )
        if running.output == "":
            raise empty("-o", "name a file, a folder or - (stdout)")
        self.inputs = list(map(named, inputs))
        self.output = named(running.output) if running.output not in (None, STREAM) else None
        self.streams = STREAM in (*inputs, running.output)
        if self.engine.away:
            self._check_shared()

    def _check_shared(self) -> None:
        """UsageError for a store that the workers would not see."""
        for each in (*self.inputs, self.output):
            if each and isinstance(each.place, Url) and not find_store(each.place.scheme).shared:
                scheme, engine = each.place.scheme, self.engine.name
                raise UsageError(f"{scheme}:// is in this process alone: --engine {engine} would not see it")


def read_beside(
    *recipes: Recipe, recipe_file: str | None = None, listing: str | None = None
) -> "Iterator[tuple[str, Path]]":
    """The files that a run reads beside its inputs, each with what it is."""
    if recipe_file is not None:
        yield f"recipe '{recipe_file}'", Path(recipe_file)
    if listing not in (None, STREAM):
        yield f"list '{listing}'", Path(str(listing))
    for recipe in recipes:
        for layer in recipe.layers:
            if isinstance(layer, Conv) and layer.name.startswith("@"):
                yield f"kernel '{layer.name[1:]}'", Path(layer.name[1:])
