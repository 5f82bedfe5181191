"""`stedi dev`: serves the Dagster UI on this machine, guarded against other web pages."""

import sys

import click

from stedi_assets.cli.options import sentences
from stedi_assets.settings import Settings


@click.command("dev")
@click.option("--port", type=click.IntRange(1, 65_535), default=3000, show_default=True, help="TCP port.")
def command(port: int) -> None:
    """Serves the Dagster UI. New landing files are ingested meanwhile."""
    with sentences():
        settings = Settings.from_process()  # a wrong setting is reported before anything starts

        from stedi_assets.orchestration.home import prepare_home
        from stedi_assets.orchestration.webserver.launcher import bound, serve_until_interrupted

        with bound(port) as listener:
            prepare_home(settings.dagster_home)
            click.echo("The Dagster UI starts; that takes some seconds.", err=True)
            sys.exit(serve_until_interrupted(listener))
