"""The options of a run: where outputs go, what may be replaced, how much at once, what is told."""

import re
from dataclasses import dataclass
from typing import Annotated

from poolcli.batch.engines import CLUSTER, ENGINES, USUAL, Engine, find_engine, processors
from poolcli.cli.words import Option
from poolcli.errors import UsageError
from poolcli.stores.redact import redacted

AUTO, MOST = "auto", 1024
_SCHEDULER = re.compile(r"(tcp|tls)://[^\s/@]+:\d+")
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


@dataclass(frozen=True, slots=True)
class Running:
    """Outputs, workers, and what is told."""

    output: Annotated[
        str | None,
        Option(
            "--output",
            "-o",
            metavar="PLACE",
            help="A file, a folder, a template such as 'out/{stem}-{mode}.{ext}', or - (stdout).",
        ),
    ] = None
    overwrite: Annotated[bool, Option("--overwrite", help="Replace outputs that exist already.")] = False
    resume: Annotated[bool, Option("--resume", help="Go on with a run into this folder, by its journal.")] = False
    journal: Annotated[
        str | None,
        Option("--journal", metavar="FOLDER", help="Keep the journal in this local folder, not beside the outputs."),
    ] = None
    checksum: Annotated[
        bool, Option("--checksum", help="Journal: know inputs by their content, not by size and time.")
    ] = False
    engine: Annotated[
        str | None,
        Option("--engine", metavar="NAME", help=f"Who does the work: {', '.join(ENGINES)}; {USUAL} if not given."),
    ] = None
    jobs: Annotated[str, Option("--jobs", "-j", metavar="N", help="Pictures at once; auto: as processors.")] = AUTO
    threads_per_image: Annotated[
        str, Option("--threads-per-image", metavar="N", help="Threads in a large picture; auto: off in batches.")
    ] = AUTO
    memory: Annotated[
        str | None, Option("--memory", metavar="SIZE", help="Bound the pictures at once by their size, as in 2G.")
    ] = None
    timeout: Annotated[
        float | None, Option("--timeout", metavar="SECONDS", help="Give a picture up after so long (processes).")
    ] = None
    scheduler: Annotated[
        str | None,
        Option("--scheduler", metavar="ADDRESS", help="Of a dask cluster, tcp:// or tls://; if not given, one here."),
    ] = None
    allowed_failures: Annotated[
        int | None,
        Option("--allowed-failures", metavar="N", help="Workers that a picture may cost, and one more (dask): 1."),
    ] = None
    dry_run: Annotated[bool, Option("--dry-run", help="Print what would be done, do nothing.")] = False
    json: Annotated[bool, Option("--json", help="One JSON object a line on stdout.")] = False
    quiet: Annotated[bool, Option("--quiet", "-q", help="Print nothing but errors and what --json or -o - ask.")] = (
        False
    )

    def check(self) -> None:
        """UsageError for an unknown engine, or a number that cannot be."""
        if self.resume and self.overwrite:
            raise UsageError("--resume keeps what is done and --overwrite does not: give one of them")
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
        return _number("--jobs", self.jobs)

    def threads(self, *, pictures: int) -> int:
        """How many threads a picture; if nothing is said, all processors for one picture, and one for each of many."""
        return _number("--threads-per-image", self.threads_per_image) or (processors() if pictures == 1 else 1)

    def memory_bytes(self) -> int | None:
        """The bytes of --memory."""
        if self.memory is None:
            return None
        match = re.fullmatch(r"(\d{1,18}(?:\.\d+)?)([KMGT]?)(?:I?B)?", self.memory.upper())
        if match is None:
            raise UsageError(f"--memory '{self.memory}' is no size: a number with K, M, G or T is allowed, as in 2G")
        return int(float(match[1]) * _UNITS[match[2]])


def _number(option: str, text: str) -> int | None:
    """The number given, or None for auto."""
    if text == AUTO:
        return None
    if not (re.fullmatch("[0-9]{1,4}", text) and 1 <= int(text) <= MOST):
        raise UsageError(f"{option} '{text}' is not allowed: give a whole number from 1 to {MOST}, or {AUTO}")
    return int(text)
