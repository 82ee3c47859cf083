"""The page of `poolcli show`: made, put somewhere, opened."""

import locale
import os
import sys
from pathlib import Path
from tempfile import mkdtemp

from poolcli import images
from poolcli.batch.job import Settings, decoded, looked_at
from poolcli.cli.options import Reading
from poolcli.cli.printer import say
from poolcli.errors import escaped
from poolcli.recipe import Recipe
from poolcli.stores import Place, fetched, place_of, publish

STDIN = "-"
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def run_show(source: str | None, recipe: Recipe, reading: Reading, target: Place | None, language: str) -> None:
    """Make the page of a picture, or of the built-in story, print where it is and open it."""
    text = _story(language) if source is None else _page(source, recipe, reading, language)
    name = "poolcli" if source in (None, STDIN) else Path(str(source)).stem or "poolcli"
    place = target or Path(mkdtemp(prefix="poolcli-")) / f"{name}.html"
    with publish(place) as stream:
        stream.write(text.encode("utf-8", "replace"))
    print(escaped(str(place)), flush=True)
    if isinstance(place, Path) and _has_display() and not _opened(place):
        say(f"no browser could be opened: open '{place}' in one")


def _story(language: str) -> str:
    from poolcli.evaluate import shift_report
    from poolcli.report.story import LAYERS, one, story_page

    return story_page(shift_report(LAYERS, one()).shifts[0], language)


def _page(source: str, recipe: Recipe, reading: Reading, language: str) -> str:
    """The page of the first frame of a picture."""
    from poolcli.report.interactive import sample_page
    from poolcli.visualize import SHOWN

    options = reading.options()
    stream = images.read_stream(sys.stdin.buffer, source, options) if source == STDIN else fetched(place_of(source))
    picture = decoded(stream, source, options, labels=recipe.labels)
    sizes = {"show": SHOWN}
    settings = Settings(recipe, reading=options, labels=reading.labels, ignore=reading.ignore, looks=sizes)
    (look,), report = looked_at(settings, picture, source)
    assert look.sample is not None  # of these sizes there is one
    return sample_page(look.sample, source, report, language)


def _has_display() -> bool:
    """Whether a window could be opened: on systems with X or Wayland only where one of them is there."""
    elsewhere = sys.platform in ("win32", "darwin") or "BROWSER" in os.environ
    return elsewhere or any(os.environ.get(name) for name in DISPLAYS)


def _opened(place: Path) -> bool:
    import webbrowser

    return webbrowser.open(place.absolute().as_uri())


def usual_language(languages: tuple[str, ...]) -> str:
    """The first of `languages` that the user's locale says, else the first of all."""
    given = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), None)
    said = (given or locale.getlocale()[0] or "").lower()
    return next((language for language in languages if said.startswith(language)), languages[0])
