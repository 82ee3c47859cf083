"""The report as one self-contained page, made row by row as a run goes on, so that memory does not grow with it."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from poolcli import __version__
from poolcli.errors import escaped
from poolcli.report import Outcome
from poolcli.report.entries import COLUMNS, Entry, Line, entries_of, facts_of
from poolcli.report.interactive import SCRIPTS, asset, explorer, policy, sample_view
from poolcli.report.spread import plots
from poolcli.stores import Place, publish
from poolcli.visualize import heat_colours

MOST_BYTES = 24 << 20  # of rows with their pictures; the others have figures only
MOST_ROWS = 20_000
MOST_FAILURES = 1_000


@contextmanager
def write_page(path: Place) -> Iterator[Callable[[Outcome], None]]:
    """A page in `path`, whose pictures come with the outcomes."""
    with TemporaryFile() as spool:
        page = Page(spool)
        yield page.add
        with publish(path) as stream:
            page.write(stream)


class Page:
    """Entries as they come, rendered into `spool`; of each only what orders the page stays in memory."""

    def __init__(self, spool: BinaryIO) -> None:
        self.spool = spool
        self.templates = templates()
        self.lines: list[Line] = []
        self.failures: list[str] = []
        self.failed = 0
        self.first: Entry | None = None
        self.facts: tuple[str, ...] = ()

    def add(self, outcome: Outcome) -> None:
        """Render what is shown of one picture, every frame."""
        if outcome.error is not None:
            self.failed += 1
            self.failures += [outcome.error] * (len(self.failures) < MOST_FAILURES)
        for entry in entries_of(outcome, "html"):
            self.first = self.first or entry
            self.facts = self.facts or facts_of(entry.report)
            short, full = (self._render("row.html", entry=entry, full=full) for full in (False, bool(entry.panels)))
            start = self.spool.seek(0, 2)
            self.spool.write(short + full)
            self.lines.append(Line(start, len(short), len(full), *entry.figures))

    def write(self, stream: BinaryIO) -> None:
        """The whole page, worst pictures first."""
        listed = len(self.lines) > 1
        name = self.first.name if self.first and not listed else "Shift report"
        facts = (f"{len(self.lines):,} pictures", *self.facts) if listed else self.facts
        layers = self.first.report.layers if self.first else ""
        view = self._view() if not listed else None
        scripts = [asset(script) for script in ("page.js", *(SCRIPTS if view else ()))]
        stream.write(write_head(self.templates, name, facts, layers, scripts))
        notes = []
        if listed:
            notes = self._write_index(stream)
        elif self.first:
            part, live = view["part"] if view else "", explorer("view", view) if view else ""
            stream.write(self._render("alone.html", entry=self.first, part=part, live=live))
        failures = [*self.failures, *([f"and {self.failed - MOST_FAILURES} more"] * (self.failed > MOST_FAILURES))]
        stream.write(
            self._render(
                "foot.html",
                listed=listed,
                notes=notes,
                failures=failures,
                failed=self.failed,
                scripts=scripts,
                version=__version__,
            )
        )

    def _view(self) -> dict[str, Any] | None:
        """What the page of a single picture pools by itself, if it can."""
        sample = self.first.look.sample if self.first and self.first.look else None
        return sample_view(sample, self.first.file, self.first.report) if self.first and sample else None

    def _write_index(self, stream: BinaryIO) -> list[str]:
        """The spread of the figures and the table; what to say below it."""
        stream.write(self._render("index.html", plots=plots(self.lines), columns=COLUMNS))
        order = sorted(self.lines, key=lambda line: -1.0 if line.residual is None else line.residual, reverse=True)
        written = with_pictures = 0
        for line in order[:MOST_ROWS]:
            full = written + line.full <= MOST_BYTES
            with_pictures += full
            self.spool.seek(line.start + (line.short if full else 0))
            written += stream.write(self.spool.read(line.full if full else line.short))
        notes = []
        if with_pictures < len(order):
            notes.append(f"Only the first {with_pictures:,} show their pictures, or the page would be too large.")
        if len(order) > MOST_ROWS:
            notes.append(f"The {len(order) - MOST_ROWS:,} that keep least of the change are not listed.")
        return notes

    def _render(self, template: str, **values: Any) -> bytes:
        return self.templates.get_template(template).render(values).encode("utf-8", "replace")


def templates() -> Environment:
    """What pages are made of; whatever is put into them is escaped."""
    loader = PackageLoader("poolcli.report", "page")
    found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, finalize=_shown)
    found.filters["uri"] = data_uri
    return found


def _shown(value: object) -> object:
    """What a template shows of a value: text without controls, while markup stays what it is."""
    return escaped(value) if type(value) is str else value


def write_head(found: Environment, title: str, facts: Sequence[str], layers: str, scripts: Sequence[str]) -> bytes:
    """The beginning of a page, whose policy allows its own style and these scripts."""
    style = asset("page.css")
    text = found.get_template("head.html").render(
        title=title,
        facts=facts,
        layers=layers,
        colours=["#" + bytes(colour).hex() for colour in heat_colours()[::9].tolist()],
        style=style,
        policy=policy(style, scripts),
        version=__version__,
    )
    return text.encode("utf-8", "replace")


def data_uri(picture: bytes) -> Markup:
    """A PNG or JPEG as part of a page.

    >>> data_uri(b"\\x89PNG")
    Markup('data:image/png;base64,iVBORw==')
    """
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return Markup(f"data:image/{kind};base64,{b64encode(picture).decode()}")
