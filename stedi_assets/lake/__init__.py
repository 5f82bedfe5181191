"""The lake: Iceberg tables, how they are planned, staged and published, and how landing files get in.

The only package that knows PyIceberg. What is imported here is its public face; assets see nothing else.
"""

from stedi_assets.lake.boundary import engine_errors, storage_errors
from stedi_assets.lake.iceberg.commit import Conflict
from stedi_assets.lake.iceberg.record import Plan, Range, Record, counted_words
from stedi_assets.lake.iceberg.staging import side_by_side
from stedi_assets.lake.iceberg.table import PinnedTable, Unpublished
from stedi_assets.lake.ingestion.backlog import Waiting, due_change, last_arrival, waiting_files
from stedi_assets.lake.ingestion.files import LONGEST_LINE, LandingFile
from stedi_assets.lake.ingestion.staged_batch import refresh_landing, why
from stedi_assets.lake.io_manager import LakeIOManager, fail_step
from stedi_assets.lake.maintenance.maintain import TableReport, maintain
from stedi_assets.lake.model import Facts, Outcome, Run, Transform
from stedi_assets.lake.progress import PROGRESS_LOGGER, Progress, report
from stedi_assets.lake.pseudonym_key import PseudonymKey
from stedi_assets.lake.refresh.audit_input import AuditInput, Days, audit_input_of
from stedi_assets.lake.refresh.derived import refresh_derived
from stedi_assets.lake.refresh.plan import plan_derived
from stedi_assets.lake.refresh.preview import PreviewedTable, preview
from stedi_assets.lake.refresh.removal import Removal, doubtful_days, without_rows
from stedi_assets.lake.resource import Lake

__all__ = [
    "LONGEST_LINE",
    "PROGRESS_LOGGER",
    "AuditInput",
    "Conflict",
    "Days",
    "Facts",
    "Lake",
    "LakeIOManager",
    "LandingFile",
    "Outcome",
    "PinnedTable",
    "Plan",
    "PreviewedTable",
    "Progress",
    "PseudonymKey",
    "Range",
    "Record",
    "Removal",
    "Run",
    "TableReport",
    "Transform",
    "Unpublished",
    "Waiting",
    "audit_input_of",
    "counted_words",
    "doubtful_days",
    "due_change",
    "engine_errors",
    "fail_step",
    "last_arrival",
    "maintain",
    "plan_derived",
    "preview",
    "refresh_derived",
    "refresh_landing",
    "report",
    "side_by_side",
    "storage_errors",
    "waiting_files",
    "why",
    "without_rows",
]
