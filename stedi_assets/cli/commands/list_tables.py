"""`stedi tables`: lists the published tables."""

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from stedi_assets.cli.options import examples, format_option, lake_options, sentences, settings_of

if TYPE_CHECKING:
    from stedi_assets.lake.iceberg import PinnedTable

COLUMNS = ("table", "zone", "rows", "days", "bytes", "snapshot", "published", "run")
NOT_PUBLISHED = "not published yet"


@click.command("tables", epilog=examples("stedi tables", "stedi tables --format json"))
@format_option
@lake_options
def command(form: str, **flags: str | None) -> None:
    """Lists the published tables."""
    with sentences():
        settings = settings_of(flags, reads_only=True, there=True)

        from stedi_assets.assets import TABLES
        from stedi_assets.cli.output import print_rows
        from stedi_assets.orchestration.resources import opened_lake

        with opened_lake(settings) as lake:
            print_rows(COLUMNS, (described(lake.pinned(name)) for name in TABLES), form)


def described(table: "PinnedTable") -> tuple[Any, ...]:
    """A table under COLUMNS."""
    name, zone = table.spec.name, table.spec.zone
    if not table.exists:
        return (name, zone, NOT_PUBLISHED, *[None] * (len(COLUMNS) - 3))
    content, snapshot, record = table.content, table.snapshot, table.record
    published = datetime.fromtimestamp(snapshot.timestamp_ms / 1000, timezone.utc)
    return (
        name,
        zone,
        content.rows,
        content.days,
        content.bytes,
        snapshot.snapshot_id,
        f"{published:%Y-%m-%d %H:%M:%S}Z",
        record.run if record else None,
    )
