"""`stedi prune`: deletes old runs from the Dagster home."""

import time

import click

from stedi_assets.cli.options import examples, sentences, setting_options, settings_of, waiting
from stedi_assets.errors import counted_words


@click.command("prune", epilog=examples("stedi prune", "STEDI_KEEP_RUNS=30 stedi prune"))
@setting_options("lake")
def command(**flags: str | None) -> None:
    """Deletes old runs and their events. Keeps the latest of each table and check.

    STEDI_KEEP_RUNS says for how many days a run stays. The tables do not change.
    """
    with sentences():
        settings = settings_of(flags, reads_only=True, there=True)

        from stedi_assets.cli.in_process import opened_instance
        from stedi_assets.orchestration.pruning import prune

        with opened_instance(settings) as instance, waiting("Deleting runs"):
            done = prune(instance, settings.keep_runs, time.time())
        click.echo(
            f"{counted_words(done.runs, 'run was', 'runs were')} deleted; the Dagster home has "
            f"{done.after / 1e6:,.1f} MB now, and had {done.before / 1e6:,.1f} MB."
        )
