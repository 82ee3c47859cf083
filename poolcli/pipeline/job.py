"""What the pipeline is given and gives back: settings of a run, jobs, outcomes. Values, no work."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from poolcli import images
from poolcli.colour import Colour
from poolcli.recipe import Recipe
from poolcli.shift.asked import Shifting
from poolcli.shift.record import ShiftReport
from poolcli.stores import Place

if TYPE_CHECKING:  # loaded only when a report shows pictures
    from poolcli.look import Look, Sizes


@dataclass(frozen=True, slots=True)
class Settings:
    """What is the same for every picture of a run; `shifting` None: no report.

    `format` None: the one that the target's extension says, else the picture's own. `durable`: results are on the
    disk, not only with the system, before a job is done. `threads`: how many a large picture may use. `looks`: the
    forms of report that show pictures.
    """

    recipe: Recipe
    shifting: Shifting | None = field(default_factory=Shifting)
    to_range: str = "clip"
    reading: images.ReadOptions = field(default_factory=images.ReadOptions)
    encoding: images.EncodeOptions = field(default_factory=images.EncodeOptions)
    format: str | None = None
    durable: bool = False
    colour: Colour = field(default_factory=Colour)
    threads: int = 1
    looks: "Mapping[str, Sizes]" = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """One picture: where it comes from and where it goes, and what both are called. Streams are stdin and stdout."""

    source: Place | BinaryIO
    target: Place | BinaryIO
    name: str
    target_name: str
    sides: Mapping[str, Place] = field(default_factory=dict)  # the forms of report beside it, and their files


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job: its reports, one a frame, and notes on what was converted; or the error."""

    job: Job
    reports: tuple[ShiftReport, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None
    looks: "Mapping[str, tuple[Look, ...]]" = field(default_factory=dict)  # by form, one a frame
    kind: str | None = None  # of the error: picture, output, memory, timeout, crash
    pixels: int = 0  # of the input, all frames
    before: bool = False  # done by an earlier run
