"""A ranking: pictures found, compared side by side, the ranking printed and written."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from poolcli.batch.comparing import Choices, Ranked, compare_picture, shifts_within
from poolcli.batch.engines import Limits, Lost, find_engine, processors
from poolcli.batch.engines import run as run_engine
from poolcli.batch.inputs import STREAM, Input, Inputs
from poolcli.cli.options import Comparing, Discovery, jobs_of
from poolcli.cli.planning import found_by, selection_of
from poolcli.cli.printer import say
from poolcli.cli.tables import print_objects
from poolcli.errors import UsageError
from poolcli.recipe import Recipe
from poolcli.report.ranking import Compared, Ranking
from poolcli.report.ranking_forms import print_ranking, writer_of
from poolcli.shift.record import Shifting
from poolcli.stores import Place


def run_ranking(
    recipes: Mapping[str, Recipe],
    commands: Mapping[str, str],
    inputs: list[str],
    comparing: Comparing,
    files: Sequence[Place],
    discovery: Discovery,
    choices: Choices,
) -> int:
    """Rank on every input; 0 when all is done, 1 when some picture failed. `commands` pool as each recipe does."""
    if STREAM in inputs:
        raise UsageError("compare reads files: name pictures, folders or globs instead of - (stdin)")
    shifting = Shifting(shifts_within(comparing.shifts), comparing.shift_edge, comparing.tolerance)
    ranked = Ranked(recipes, shifting, choices)
    reach = f"every shift of up to {comparing.shifts} pixel{'s' * (comparing.shifts != 1)} each way"
    ranking, failed = Ranking((reach, f"edge: {comparing.shift_edge}"), commands), 0
    search = Inputs(selection_of(discovery, None))
    with ExitStack() as stack:
        adders = [ranking.add, *(stack.enter_context(writer_of(path, ranking)) for path in files)]
        pictures = found_by(search, inputs, discovery)
        for compared in _compared(ranked, pictures, jobs_of(comparing.jobs)):
            if compared.error is not None:
                failed += 1
                say(compared.error)
            for note in compared.notes:
                say(f"{compared.path}: {note}")
            for add in adders:
                add(compared)
        search.check(ranking.pictures + failed)
    for _name, why in search.closed:
        failed += 1
        say(why)
    left_out = search.note()
    if left_out is not None:
        say(left_out)
    _print(ranking, json=comparing.json)
    return 1 if failed else 0


def _compared(ranked: Ranked, pictures: Iterator[Input], jobs: int | None) -> Iterator[Compared]:
    work = partial(_compare, ranked)
    for found, result in run_engine(find_engine(None), work, pictures, Limits(jobs or processors())):
        yield Compared(str(found.path), error=f"{found.path}: {result.reason}") if isinstance(result, Lost) else result


def _compare(ranked: Ranked, found: Input) -> Compared:
    return compare_picture(ranked, found.path)


def _print(ranking: Ranking, *, json: bool) -> None:
    places = ranking.places()
    if json:
        print_objects(place.to_dict() for place in places)
    elif places:
        from rich.console import Console

        print_ranking(Console(highlight=False), places, ranking.pictures)
