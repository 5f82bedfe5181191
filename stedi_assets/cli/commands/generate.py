"""`stedi generate`: writes a landing zone of invented people."""

import sys
from pathlib import Path

import click

from stedi_assets.cli.options import Exit, settle


@click.command("generate")
@click.option("--customers", type=int, required=True, help="Number of customers.")
@click.option("--days", type=int, required=True, help="Number of days with readings.")
@click.option("--seed", type=int, required=True, help="The same seed gives the same files.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the landing zone.")
@click.option("--files-per-day", type=int, default=1, show_default=True)
@click.option("--awkward", is_flag=True, help="Add the awkward files that docs/awkward.md explains.")
def command(customers: int, days: int, seed: int, out: Path, files_per_day: int, awkward: bool) -> None:
    """Generates a landing zone of invented people."""
    settle()

    from stedi_assets.samples import generate

    try:
        made = generate(out, customers, days, seed, files_per_day=files_per_day, awkward=awkward)
    except ValueError as error:
        click.echo(error, err=True)
        sys.exit(Exit.WRONG_SETTING)
    click.echo(
        f"{made.customers:,} customer records, {made.accelerometer:,} accelerometer and "
        f"{made.step_trainer:,} step-trainer readings in {made.files:,} files, {made.bytes:,} bytes."
    )
