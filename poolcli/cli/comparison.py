"""The commands compare, diff and show: their options, and what they do."""

import os
import sys
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from pkgutil import resolve_name

from poolcli.batch.executors import Failure, Limits, processors, run_in_order
from poolcli.batch.inputs import STREAM, named
from poolcli.batch.plan import as_inputs, check_apart, outputs
from poolcli.batch.settings import Settings
from poolcli.cli.layers import Candidates, Filtering, Pooling, pooling_of, recipe_of
from poolcli.cli.options import (
    FILES,
    JOBS,
    JSON,
    OVERWRITE,
    SHIFT_EDGE,
    TOLERANCE,
    Colouring,
    Discovery,
    Reading,
    format_argv,
    page_argv,
    read_beside,
    report_files,
)
from poolcli.cli.output import print_objects, say
from poolcli.cli.parser import Group, Option
from poolcli.errors import UsageError, any_of, empty, escaped, unknown
from poolcli.recipe import Pool, Recipe, is_layer, parse_recipe
from poolcli.recipe.layers import Layer
from poolcli.reports.forms import FORMS, NothingMeasured, form_of, run_reports, to_json, view_sizes, write_sides
from poolcli.shift.record import Shifting, check_edge, check_tolerance
from poolcli.storage import Place, place_of, publish

# What works on pixels is loaded by what runs: a mistake in the command is answered without it.

MOST_SHIFTS = 16
LANGUAGES = ("en", "ko")  # of the story and its page
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


class Comparing(Group):
    """Over which shifts a comparison goes, and where its result goes."""

    PANEL = "Report"

    shifts: int = Option(
        "--shifts", metavar="RADIUS", kind=int, help="Every shift of up to so many pixels each way; 1 if not given."
    ).default(1)
    shift_edge: str = SHIFT_EDGE.default("replicate")
    tolerance: float = TOLERANCE.default(0.0)
    output: list[str] | None = report_files(
        f"Write it: {any_of(f'.{form.name}' for form in FORMS.values() if form.ranking)}; repeatable."
    ).default(None)
    overwrite: bool = OVERWRITE.default(False)
    jobs: int | None = JOBS.default(None)
    json: bool = JSON.default(False)


def rank(
    candidates: Candidates,
    filtering: Filtering,
    comparing: Comparing,
    discovery: Discovery,
    reading: Reading,
    colouring: Colouring,
    inputs: list[str],
) -> int:
    """Rank modes on pictures; 0 when all is done, 1 when some picture failed."""
    check_edge(comparing.shift_edge)
    if not 1 <= comparing.shifts <= MOST_SHIFTS:
        raise UsageError(f"--shifts {comparing.shifts} is not allowed: give a radius of 1 to {MOST_SHIFTS} pixels")
    check_tolerance(comparing.tolerance)
    head = filtering.layers()
    tails = candidates.layers(wrap=comparing.shift_edge == "wrap", labels=reading.labels)
    recipes = {name: Recipe((*head, *layers)) for name, layers in tails.items()}
    recipes = recipes if "modes" in vars(candidates) else _with_meaning(recipes, colouring)
    beside = read_beside(*recipes.values(), listing=discovery.files_from)
    files = outputs(comparing.output or (), (*as_inputs(inputs), *beside), overwrite=comparing.overwrite)
    forms = {path: form_of(path, ranking=True) for path in files}
    commands = {name: _command(tails[name], filtering, discovery, reading, colouring, inputs) for name in recipes}
    options, ignore, colour = reading.options(), reading.ignoring(), colouring.of(*recipes.values())
    if STREAM in inputs:
        raise UsageError("compare reads files: name pictures, folders or globs instead of - (stdin)")
    from poolcli.batch.comparing import compare_picture, shifts_within
    from poolcli.reports.ranking import Compared, Ranking, print_ranking

    shifting = Shifting(shifts_within(comparing.shifts), comparing.shift_edge, comparing.tolerance)
    ways = {
        name: Settings(recipe, shifting, reading=options, colour=colour, labels=reading.labels, ignore=ignore)
        for name, recipe in recipes.items()
    }
    work = partial(compare_picture, ways, any(form.views for form in forms.values()))
    reach = f"every shift of up to {comparing.shifts} pixel{'s' * (comparing.shifts != 1)} each way"
    ranking, failed, search = Ranking((reach, f"edge: {comparing.shift_edge}"), commands), 0, discovery.search()
    with suppress(NothingMeasured), ExitStack() as stack:
        adders = [ranking.add]
        for path, form in forms.items():
            writer = resolve_name(f"poolcli.reports.{form.ranking}")
            adders.append(stack.enter_context(writer(path, ranking)))
        names = stack.enter_context(discovery.open_list())
        pictures = search.files(map(named, inputs), names, nul=discovery.nul)
        limits = Limits(comparing.jobs or processors())
        places = (check_apart(files, f"input '{each.path}'", each.path) for each in pictures)
        for item, result in run_in_order(work, places, limits):
            compared = Compared(str(item), error=f"{item}: {result.reason}") if isinstance(result, Failure) else result
            if compared.error is not None:
                failed += 1
                say(compared.error)
            for note in compared.notes:
                say(f"{compared.path}: {note}")
            for add in adders:
                add(compared)
        if not ranking.pictures:
            raise NothingMeasured
    for _name, why in search.closed:
        failed += 1
        say(why)
    if search.note is not None:
        say(search.note)
    ranked = ranking.places()
    if comparing.json:
        print_objects(place.to_dict() for place in ranked)
    elif ranked:
        from rich.console import Console

        print_ranking(Console(highlight=False), ranking, ranked)
    return 1 if failed else 0


def _with_meaning(recipes: dict[str, Recipe], colouring: Colouring) -> dict[str, Recipe]:
    """Those that what is requested of colours has a meaning with; all where there is none, to be refused."""
    able = {name: recipe for name, recipe in recipes.items() if colouring.suits(recipe)}
    if not able or able == recipes:
        return recipes
    left = ", ".join(name for name in recipes if name not in able)
    say(f"left out, since {' or '.join(colouring.argv())} has no meaning with them: {left}")
    return able


def _command(
    layers: tuple[Layer, ...],
    filtering: Filtering,
    discovery: Discovery,
    reading: Reading,
    colouring: Colouring,
    inputs: list[str],
) -> str:
    """The command that pools these inputs as a candidate does, in words that a shell reads."""
    import shlex

    only, recipe = layers[0] if len(layers) == 1 else None, Recipe((*filtering.layers(), *layers))
    pooling = pooling_of(only) if isinstance(only, Pool) else None
    arguments = ["pool", *pooling.argv(), *filtering.argv()] if pooling else ["stack", str(recipe)]
    arguments += (*discovery.argv(), *reading.argv(), *colouring.argv(), *format_argv(recipe, reading))
    several = any(named(name).in_it or any(letter in name for letter in "*?[") for name in inputs)
    if several or discovery.files_from is not None:
        arguments += ["-o", "pooled/"]
    arguments += ["--"] * any(name.startswith("-") for name in inputs)
    return shlex.join(["poolcli", *arguments, *inputs])


class Differing(Group):
    """What counts as a difference, and where the report goes."""

    PANEL = "Report"

    tolerance: float = TOLERANCE.default(0.0)
    output: list[str] | None = report_files("Write the report: .html, .png, .json ...; repeatable.").default(None)
    overwrite: bool = OVERWRITE.default(False)
    json: bool = JSON.default(False)


def diff(
    pooling: Pooling,
    filtering: Filtering,
    differing: Differing,
    reading: Reading,
    colouring: Colouring,
    pictures: list[str],
) -> None:
    """Compare two given pictures and report; PictureError when they cannot be compared."""
    recipe, options = recipe_of(pooling, filtering), reading.options()
    check_tolerance(differing.tolerance)
    if STREAM in pictures:
        raise UsageError("diff reads files: name two pictures instead of - (stdin)")
    files: dict[str, Place] = {}
    read = (*as_inputs(pictures), *read_beside(recipe))
    for path in outputs(differing.output or (), read, overwrite=differing.overwrite):
        first = files.setdefault(form_of(path).name, path)
        if first != path:
            raise UsageError(f"'{first}' and '{path}' are one form of the report: give one of them")
    colour = colouring.of(recipe)
    one, other = map(place_of, pictures)
    shifting = Shifting(((0, 0),), tolerance=differing.tolerance)
    settings = Settings(
        recipe,
        shifting,
        reading=options,
        colour=colour,
        labels=reading.labels,
        ignore=reading.ignoring(),
        views=view_sizes(files, pictures=1),
    )
    from poolcli.batch.comparing import compare_two

    outcome = compare_two(settings, (one, other))
    write_sides({name: path for name, path in files.items() if not FORMS[name].of_run}, outcome)
    with run_reports({name: path for name, path in files.items() if FORMS[name].of_run}) as add:
        add(outcome)
    if differing.json:
        facts: dict[str, object] = {"status": "ok", "input": str(one), "other": str(other)}
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


class Showing(Group):
    """Where the page goes, and how it speaks."""

    PANEL = "Report"

    output: str | None = Option(
        "--output", "-o", metavar="FILE", help="Write the page here, not into a temporary folder.", panel=FILES
    ).default(None)
    overwrite: bool = OVERWRITE.default(False)
    lang: str | None = Option(
        "--lang",
        metavar="NAME",
        help="Language of the story and of the controls: en or ko; the locale's if not given.",
        values=lambda: LANGUAGES,
    ).default(None)


def show(showing: Showing, pooling: Pooling, filtering: Filtering, reading: Reading, arguments: list[str]) -> None:
    """Make the page of a picture, or of the built-in story, print where it is and open it."""
    picture, layers = [*arguments, None, None][:2]
    given = [group.OPTIONS[name].spellings[0] for group in (pooling, filtering) for name in vars(group)]
    if given and layers is not None:
        raise UsageError(f"the layers '{layers}' and {given[0]} are two ways to say what is shown: give one of them")
    if given and picture is None:
        raise UsageError(f"the built-in story has its own layers: name a picture to show {given[0]}")
    if picture is not None and layers is not None and is_layer(picture.split(" ")[0]) and Path(layers).exists():
        import shlex

        raise UsageError(f'the picture comes first: poolcli show {shlex.quote(layers)} "{picture}"')
    if showing.lang is not None and showing.lang not in LANGUAGES:
        raise unknown("language", showing.lang, LANGUAGES)
    recipe = parse_recipe(layers) if layers is not None else recipe_of(pooling, filtering)
    settings = Settings(
        recipe,
        reading=reading.options(),
        labels=reading.labels,
        ignore=reading.ignoring(),
        argv=page_argv(recipe, reading),
    )
    if showing.output == "":
        raise empty("-o", "name a page, as in -o page.html")
    place: Place | None = None
    if showing.output:
        if not showing.output.lower().endswith((".html", ".htm")):
            raise UsageError(f"'{showing.output}' is no page: an extension of .html is allowed")
        read = (*as_inputs([picture] if picture else ()), *read_beside(recipe))
        (place,) = outputs([showing.output], read, overwrite=showing.overwrite)
    language = showing.lang or _usual_language()
    text = _story(language) if picture is None else _page(picture, settings, language)
    if place is None:
        from tempfile import mkdtemp

        name = "poolcli" if picture in (None, STREAM) else Path(str(picture)).stem or "poolcli"
        place = Path(mkdtemp(prefix="poolcli-"), f"{name}.html")
    with publish(place) as stream:
        stream.write(text.encode("utf-8", "replace"))
    print(escaped(str(place)), flush=True)
    if isinstance(place, Path) and _has_display():
        import webbrowser

        if not webbrowser.open(place.absolute().as_uri()):
            say(f"no browser could be opened: open '{place}' in one")


def _story(language: str) -> str:
    from poolcli.evaluate import shift_report
    from poolcli.reports.interactive import LAYERS, one, story_page

    return story_page(shift_report(LAYERS, one()).shifts[0], language)


def _page(source: str, settings: Settings, language: str) -> str:
    """The page of the first frame of a picture."""
    from poolcli.batch.frames import check_ignored, decoded, viewed
    from poolcli.images.inspection import read_stream
    from poolcli.reports.interactive import sample_page
    from poolcli.visualize import SHOWN

    reading = settings.reading
    stream = read_stream(sys.stdin.buffer, source, reading) if source == STREAM else place_of(source)
    picture = decoded(stream, source, reading, indices=settings.recipe.indices)
    check_ignored(settings.ignore, picture)
    (view,), report = viewed(replace(settings, views={"show": SHOWN}), picture, source)
    assert view.sample is not None  # of these sizes there is one
    return sample_page(view.sample, source, report, language)


def _has_display() -> bool:
    """Whether a window could be opened: on systems with X or Wayland only where one of them is there."""
    elsewhere = sys.platform in ("win32", "darwin") or "BROWSER" in os.environ
    return elsewhere or any(os.environ.get(name) for name in DISPLAYS)


def _usual_language() -> str:
    """The first of the languages that the user's locale says, else the first of all."""
    import locale

    given = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), None)
    said = (given or locale.getlocale()[0] or "").lower()
    return next((language for language in LANGUAGES if said.startswith(language)), LANGUAGES[0])
