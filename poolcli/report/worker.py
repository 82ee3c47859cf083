"""What runs for every picture, in whatever engine: the straight line, then the reports beside its output."""

from dataclasses import replace
from pathlib import Path

from poolcli.errors import PoolcliError
from poolcli.pipeline import Job, Outcome, Settings
from poolcli.pipeline.line import run_image
from poolcli.report.forms import write_sides
from poolcli.stores import Place


def run_and_report(settings: Settings, job: Job) -> Outcome:
    """Pool one picture, measure its shifts, write the reports beside its output; what fails is the outcome's error."""
    outcome = run_image(settings, job)
    if outcome.reports:
        try:
            write_sides(job.sides, outcome)
        except PoolcliError as error:
            outcome = replace(outcome, error=str(error), kind=error.kind, looks={})
    kept = {name: looks for name, looks in outcome.looks.items() if name not in job.sides}
    return replace(outcome, job=_named(job), looks=kept)  # what is drawn already need not go through the engine


def _named(job: Job) -> Job:
    """`job` with the names of its streams in their place: they are used up, and an outcome is kept on disk."""
    if isinstance(job.source, Place) and isinstance(job.target, Place):
        return job
    return replace(job, source=Path(job.name), target=Path(job.target_name))
