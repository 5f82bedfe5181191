"""Publishing: staged files become the content of a table in one commit, and a batch is completed.

The commit insists on the snapshot that was planned from. On a conflict the step runs again and plans again.
"""

from stedi_assets.errors import LakeError
from stedi_assets.lake.iceberg.commit import Conflict, replace_files
from stedi_assets.lake.ingestion.system_tables import finish_batch
from stedi_assets.lake.model import Outcome
from stedi_assets.lake.progress import report
from stedi_assets.lake.resource import Lake


def publish(lake: Lake, outcome: Outcome) -> None:
    """Makes staged files the content of their table; does nothing if nothing was staged.

    Raises:
        Conflict: Another run published in between.
        LakeError: The table and its model contradict each other.
    """
    if outcome.staged is None:
        return
    spec, staged = outcome.plan.spec, outcome.staged
    report(spec.name, "publishing", outcome.content.rows)
    try:
        table = lake.existing_table(spec)
        current = table.current_snapshot()
        if (current.snapshot_id if current else None) != outcome.plan.base:
            raise Conflict(f"{spec.name} was published by another run while this one worked: run again.")
        replace_files(
            table,
            staged.removed,
            staged.added,
            snapshot_id=outcome.snapshot_id,
            properties=outcome.record.properties(),
        )
    except LakeError:
        outcome.discard()
        raise
    staged.area.discard_folders(staged.unused)
    if outcome.batch is not None:
        finish_batch(lake, spec.name)
