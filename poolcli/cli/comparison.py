"""The commands compare, diff and show."""

import locale
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

from poolcli.batch.comparing import Choices, Ranked, compare_picture, compare_two, shifts_within
from poolcli.batch.executors import Failure, Limits, find_engine, processors
from poolcli.batch.executors import run_tasks as run_engine
from poolcli.batch.inputs import STREAM, Input, named
from poolcli.batch.settings import Settings
from poolcli.cli.options import Comparing, Discovery, Reading
from poolcli.cli.output import print_objects, say
from poolcli.errors import UsageError, escaped
from poolcli.recipe import Recipe
from poolcli.reports.forms import FORMS, Form, load, run_reports, to_json, view_sizes, write_sides
from poolcli.reports.ranking import Compared, Ranking, print_ranking
from poolcli.shift.record import Shifting
from poolcli.storage import Place, place_of, publish


def run_ranking(
    recipes: Mapping[str, Recipe],
    commands: Mapping[str, str],
    inputs: list[str],
    comparing: Comparing,
    files: Mapping[Place, Form],
    discovery: Discovery,
    choices: Choices,
) -> int:
    """Rank on every input; 0 when all is done, 1 when some picture failed. `commands` pool as each recipe does."""
    if STREAM in inputs:
        raise UsageError("compare reads files: name pictures, folders or globs instead of - (stdin)")
    shifting = Shifting(shifts_within(comparing.shifts), comparing.shift_edge, comparing.tolerance)
    ranked = Ranked(recipes, shifting, choices, shows=any(form.views for form in files.values()))
    reach = f"every shift of up to {comparing.shifts} pixel{'s' * (comparing.shifts != 1)} each way"
    ranking, failed = Ranking((reach, f"edge: {comparing.shift_edge}"), commands), 0
    search = discovery.search()
    with ExitStack() as stack:
        writers = ((load(form.ranking), path) for path, form in files.items() if form.ranking)
        adders = [ranking.add, *(stack.enter_context(writer(path, ranking)) for writer, path in writers)]
        names = stack.enter_context(discovery.open_list())
        pictures = search.found(map(named, inputs), names, nul=discovery.nul)
        for compared in _compared(ranked, pictures, comparing.jobs):
            if compared.error is not None:
                failed += 1
                say(compared.error)
            for note in compared.notes:
                say(f"{compared.path}: {note}")
            for add in adders:
                add(compared)
    for _name, why in search.closed:
        failed += 1
        say(why)
    if search.note is not None:
        say(search.note)
    _print(ranking, json=comparing.json)
    return 1 if failed else 0


def _compared(ranked: Ranked, pictures: Iterator[Input], jobs: int | None) -> Iterator[Compared]:
    work = partial(_compare, ranked)
    for item, result in run_engine(find_engine(None), work, pictures, Limits(jobs or processors())):
        yield (
            Compared(str(item.path), error=f"{item.path}: {result.reason}") if isinstance(result, Failure) else result
        )


def _compare(ranked: Ranked, item: Input) -> Compared:
    return compare_picture(ranked, item.path)


def _print(ranking: Ranking, *, json: bool) -> None:
    places = ranking.places()
    if json:
        print_objects(place.to_dict() for place in places)
    elif places:
        from rich.console import Console

        print_ranking(Console(highlight=False), places, ranking.pictures)


def run_diff(
    recipe: Recipe,
    pictures: tuple[Place, Place],
    choices: Choices,
    tolerance: float,
    files: Mapping[str, Place],
    *,
    json: bool,
) -> None:
    """Compare the two and report, also in `files`, one for each form; PictureError when they cannot be compared."""
    outcome = compare_two(recipe, pictures, choices, tolerance, view_sizes(files, pictures=1))
    write_sides({name: path for name, path in files.items() if not FORMS[name].of_run}, outcome)
    with run_reports({name: path for name, path in files.items() if FORMS[name].of_run}) as add:
        add(outcome)
    if json:
        facts: dict[str, object] = {"status": "ok", "input": str(pictures[0]), "other": str(pictures[1])}
        facts |= {"notes": list(outcome.notes)} if outcome.notes else {}
        for report in outcome.reports:
            print(to_json({**facts, "report": report.to_dict()}))
        return
    from rich.console import Console

    from poolcli.reports.terminal import print_report

    for note in outcome.notes:
        say(note)
    for report in outcome.reports:
        print_report(Console(highlight=False), report)


DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def run_show(source: str | None, recipe: Recipe, reading: Reading, target: Place | None, language: str) -> None:
    """Make the page of a picture, or of the built-in story, print where it is and open it."""
    text = _story(language) if source is None else _page(source, recipe, reading, language)
    name = "poolcli" if source in (None, STREAM) else Path(str(source)).stem or "poolcli"
    place = target or Path(mkdtemp(prefix="poolcli-")) / f"{name}.html"
    with publish(place) as stream:
        stream.write(text.encode("utf-8", "replace"))
    print(escaped(str(place)), flush=True)
    if isinstance(place, Path) and _has_display() and not _opened(place):
        say(f"no browser could be opened: open '{place}' in one")


def _story(language: str) -> str:
    from poolcli.evaluate import shift_report
    from poolcli.reports.interactive import LAYERS, one, story_page

    return story_page(shift_report(LAYERS, one()).shifts[0], language)


def _page(source: str, recipe: Recipe, reading: Reading, language: str) -> str:
    """The page of the first frame of a picture."""
    from poolcli.batch.job import decoded, viewed
    from poolcli.images.inspection import read_stream
    from poolcli.reports.interactive import sample_page
    from poolcli.visualize import SHOWN

    options = reading.options()
    stream = read_stream(sys.stdin.buffer, source, options) if source == STREAM else place_of(source)
    picture = decoded(stream, source, options, indices=recipe.indices)
    sizes = {"show": SHOWN}
    settings = Settings(recipe, reading=options, labels=reading.labels, ignore=reading.ignoring(), views=sizes)
    (view,), report = viewed(settings, picture, source)
    assert view.sample is not None  # of these sizes there is one
    return sample_page(view.sample, source, report, language)


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
