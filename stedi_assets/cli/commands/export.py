"""`stedi export`: the readings for training as files that stand by themselves."""

import time

import click

from stedi_assets.cli.options import examples, format_of, lake_options, sentences, settings_of, waiting

COLUMNS = ("file", "rows", "bytes", "sha256")
LICENCE = "For research only, as the people in it agreed; not to be passed on."


@click.command(
    "export",
    epilog=examples("stedi export --out readings", "stedi export --out s3://bucket/readings-2026-11"),
)
@click.option("--out", required=True, help="Folder or s3://bucket/prefix of the export; it must be empty.")
@click.option("--snapshot", default=None, help="Id or citation of a snapshot; the current one by default.")
@click.option("--licence", default=LICENCE, show_default=True, help="URL or text of the licence.")
@format_of()
@lake_options
def command(out: str, snapshot: str | None, licence: str, form: str, **flags: str | None) -> None:
    """Copies the readings for training to a folder.

    Writes a Parquet file per split, croissant.json (Croissant 1.1), a data card (README.md) and SHA256SUMS.
    The lake notes where: `stedi erase plan` names every export, as no erasure reaches it.
    """
    with sentences():
        settings = settings_of(flags, reads_only=True, there=True)

        from stedi_assets.cli.output import print_rows
        from stedi_assets.locations import place
        from stedi_assets.ml.exporting import export_readings
        from stedi_assets.orchestration.clock import present

        with waiting("Exporting"):
            export = export_readings(
                settings,
                place("--out", out),
                snapshot=snapshot,
                licence=licence,
                at=present(time.time()),
            )
        print_rows(COLUMNS, [(file.path, file.rows, file.bytes, file.sha256) for file in export.files], form)
        click.echo(f"Cite it as {export.citation}.", err=True)
