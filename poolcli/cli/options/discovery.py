"""The options that say which files are meant."""

import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Annotated, BinaryIO

from poolcli.cli.words import Argument, Option
from poolcli.errors import UsageError

Inputs = Annotated[
    list[str] | None, Argument(metavar="INPUT", help="Pictures, .npy arrays, folders, globs, or - (stdin).")
]
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Discovery:
    """Which files are meant, beside those named."""

    recursive: Annotated[bool, Option("--recursive", "-r", help="Folders: the pictures below them too.")] = False
    files_from: Annotated[
        str | None, Option("--files-from", metavar="FILE", help="Read names, one a line, from a file or - (stdin).")
    ] = None
    nul: Annotated[bool, Option("--null", "-0", help="Names in --files-from end in a NUL, as of find -print0.")] = False
    include: Annotated[
        list[str] | None, Option("--include", metavar="PATTERN", help="Of folders, globs, lists: only these.")
    ] = None
    exclude: Annotated[
        list[str] | None, Option("--exclude", metavar="PATTERN", help="Of folders, globs, lists: not these.")
    ] = None

    def check(self, inputs: list[str]) -> None:
        """UsageError when nothing is named, or nothing that can be, or stdin is asked for two things."""
        if not inputs and self.files_from is None:
            raise UsageError("no input: name a picture, a folder, a glob or - (stdin), or a list with --files-from")
        if "" in inputs:
            raise UsageError("an input is empty (''), as where a shell variable is not set: name a picture or a folder")
        if self.files_from == STDIN and STDIN in inputs:
            raise UsageError("stdin cannot be a picture and a list of names: give one of them as a file")
        if self.nul and self.files_from is None:
            raise UsageError("-0 tells how the names in a list end: it needs --files-from")

    def open_list(self) -> AbstractContextManager[BinaryIO]:
        """The list of names, an empty one if there is none; UsageError when it cannot be read."""
        if self.files_from is None:
            return BytesIO()
        if self.files_from == STDIN:
            return nullcontext(sys.stdin.buffer)
        try:
            return Path(self.files_from).open("rb")
        except OSError as error:
            raise UsageError(
                f"the list '{self.files_from}' cannot be read ({error.strerror}): check its name"
            ) from error
