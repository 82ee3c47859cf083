"""README and manual as tests read them: their commands, and what these print.

`python -m tests.pages` runs all commands and writes what they print into the pages: a block `text` behind a block `sh`.
It also draws the pictures of the README from the samples, those of pages with Chromium.
"""

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import PIL
from PIL import Image, features
from PIL.PngImagePlugin import PngInfo

from poolcli.cli.app import main
from tests.browser import running

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
MANUAL = sorted((ROOT / "poolcli" / "manual").glob("*.md"))
LONGEST = 300  # seconds a block may take
_BLOCKS = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*) -->\n)?^```sh\n(?P<script>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)
_PACE = re.compile(r"in [\d.]+ (?:m?s|min)(?: \d+ s)?, [\d.e+-]+ megapixels/s")


@dataclass(frozen=True)
class Block:
    """Commands of a page, what it says they print (None if nothing), and where that stands."""

    script: str
    output: str | None
    start: int
    end: int

    @property
    def lines(self):
        """The commands."""
        return self.script.replace("\\\n", " ").splitlines()

    @property
    def needs_shell(self):
        """Whether they are more than calls of poolcli."""
        return any(not line.startswith("poolcli ") or re.search(r"[|<>;&$`()]", line) for line in self.lines)


def blocks(page):
    """The blocks of a page that are run: of one that installs, what it runs then."""
    for match in _BLOCKS.finditer(page.read_text("utf-8")):
        script = match["script"]
        if match["mark"]:
            script = "".join(line for line in script.splitlines(keepends=True) if line.startswith("poolcli "))
        if script and not script.startswith("."):
            yield Block(script, match["output"], *match.span("output"))


def prepared(folder):
    """A folder with the samples and, first on the path, this poolcli; the environment for it."""
    shutil.copytree(ROOT / "samples", folder / "samples")
    command = folder / ".bin" / "poolcli"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m poolcli "$@"\n')
    command.chmod(0o755)
    path = os.pathsep.join((str(command.parent), os.environ["PATH"]))
    own = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PATH": path, "PYTHONPATH": own, "COLUMNS": "80"}


def run(block, folder, environment):
    """(exit code, what it printed on both streams); in this process where a shell has nothing to do."""
    if block.needs_shell:
        return run_by_shell(block, folder, environment)
    before, printed, code = Path.cwd(), io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True), 0
    os.chdir(folder)
    try:
        with mock.patch.dict(os.environ, environment), redirect_stdout(printed), redirect_stderr(printed):
            for line in block.lines:
                code = code or main(shlex.split(line)[1:])
    finally:
        os.chdir(before)
    return code, printed.buffer.getvalue().decode()


def run_by_shell(block, folder, environment):
    """The same, by a shell that stops at the first error."""
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", block.script],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=LONGEST,
    )
    return done.returncode, done.stdout


def tidy(text):
    """Without what differs from run to run, and blanks at the ends of lines."""
    lines = _PACE.sub("in 0.5 s, 1 megapixels/s", text).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def rewrite(page):
    """Run a page and put what its commands print into it."""
    text, moved = page.read_text("utf-8"), 0
    with tempfile.TemporaryDirectory() as folder:
        environment = prepared(Path(folder))
        for block in blocks(page):
            code, printed = run(block, folder, environment)
            if code:
                sys.stderr.write(f"{page.name}: exit {code} of\n{block.script}{printed}\n")
            elif block.output is not None and tidy(printed) != tidy(block.output):
                new = f"{tidy(printed)}\n"
                text = text[: block.start + moved] + new + text[block.end + moved :]
                moved += len(new) - (block.end - block.start)
    page.write_text(text, "utf-8")


PICTURES = ROOT / ".github" / "pictures"


DECODED = """
  const done = arguments[arguments.length - 1];
  Promise.all([...document.images].map((image) => image.decode())).then(() => done(true));"""
# What tells one set of fonts from another: how wide it makes a line.
FONTS = """
const canvas = document.createElement("canvas").getContext("2d");
return ["system-ui, sans-serif", "ui-monospace, monospace"].map((family) => {
  canvas.font = `16px ${family}`;
  return `${canvas.measureText("Which down-sampling? 0.615").width.toFixed(2)} px`;
}).join(" and ");
"""
MOST_SHOTS = 8


@dataclass(frozen=True)
class Drawing:
    """A picture of the README: the command, the file it makes, and of a page how it is opened (None: a picture)."""

    command: str
    made: str
    window: tuple[int, int] | None = None


FILTERED = "samples/one.png --filter line-v --activation relu"
DRAWINGS = {
    "one.shift.png": Drawing(f"pool {FILTERED} --report png -q -o out/", "out/one.shift.png"),
    "show.png": Drawing(f"show {FILTERED} -o show.html", "show.html", (1100, 1120)),
    "compare.png": Drawing("compare samples/photo.jpg samples/colour.png -o compare.html", "compare.html", (1100, 860)),
}


def drawn(drawing, folder, browser=None):
    """(pixels, what drew the letters) of a drawing, whose command is run in `folder`; `browser` opens pages."""
    environment = prepared(folder)
    code, printed = run(Block(f"poolcli {drawing.command}\n", None, 0, 0), folder, environment)
    if code:
        raise RuntimeError(printed)
    if drawing.window is None:
        with Image.open(folder / drawing.made) as picture:
            return picture.convert("RGB"), f"FreeType {features.version('freetype2')}, Pillow {PIL.__version__}"
    browser.open(folder / drawing.made, size=drawing.window)
    browser.call("execute/async", {"script": DECODED, "args": []})
    shots = [browser.screenshot()]
    while len(shots) < MOST_SHOTS and (len(shots) < 2 or shots[-1] != shots[-2]):  # until all of it is painted
        shots.append(browser.screenshot())
    with Image.open(io.BytesIO(shots[-1])) as picture:
        return picture.convert("RGB"), f"{browser.devtools('Browser.getVersion')['product']}, {browser.run(FONTS)}"


def redraw():
    """Draw all pictures anew; each says what drew its letters."""
    with running() as browser:
        for name, drawing in DRAWINGS.items():
            with tempfile.TemporaryDirectory() as folder:
                picture, by = drawn(drawing, Path(folder), browser)
            note = PngInfo()
            note.add_text("Letters", by)
            picture.save(PICTURES / name, optimize=True, pnginfo=note)


if __name__ == "__main__":
    for each in (README, *MANUAL):
        rewrite(each)
    redraw()
