"""What became of pictures, as people and machines read it: terminal, JSON, CSV, pages. No arithmetic on pixels."""

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, BinaryIO

from poolcli.records import dataclass
from poolcli.shift.record import ShiftReport
from poolcli.storage import Place

if TYPE_CHECKING:  # loaded only when a report shows pictures
    from poolcli.ops.arrays import Array
    from poolcli.visualize import View


# Ends the note on a border that no window holds. Of a folder of photographs that is true of every other: a line each
# would bury the rest, and it is in their records.
IN_RECORDS = "--exact refuses that"


@dataclass(frozen=True, slots=True)
class Job:
    """One picture: where it comes from and where it goes, and what both are called. Streams are stdin and stdout.

    `number` is that in the plan; for a journal `key` and `made_of` are digests of its output's place and of what that
    is made of. `before`: what an earlier run has made of it, so that only the pictures for a report are drawn again.
    """

    source: Place | BinaryIO
    target: Place | BinaryIO
    name: str
    target_name: str
    sides: Mapping[str, Place] = field(default_factory=dict)  # the forms of report beside it, and their files
    number: int = 0
    key: int = 0
    made_of: int = 0
    before: "Outcome | None" = None


@dataclass(frozen=True, slots=True)
class Matrices:
    """The values of one picture without channels and of its output, for readers of numbers.

    `tile`: rows and columns of the windows, where these cover the picture side by side.
    """

    input: "Array"
    output: "Array"
    tile: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job: its reports, one a frame, and notes on what was converted; or the error."""

    job: Job
    reports: tuple[ShiftReport, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None
    views: "Mapping[str, tuple[View, ...]]" = field(default_factory=dict)  # by form, one a frame
    kind: str | None = None  # of the error: picture, output, memory, timeout, crash
    pixels: int = 0  # of the input, all frames
    before: bool = False  # done by an earlier run
    matrices: Matrices | None = None  # of a small picture, or of numbers that go to the terminal
