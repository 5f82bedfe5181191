"""The lake: Iceberg tables, how they are planned, staged and published, and how landing files get in.

The only package that knows PyIceberg. What is imported here is its public face; assets see nothing else.
"""

from stedi_assets.lake.boundary import engine_errors, storage_errors
from stedi_assets.lake.evidence import Days, Evidence, evidence_of
from stedi_assets.lake.foresight import Foreseen, foresee
from stedi_assets.lake.handles import TableHandle, Unpublished
from stedi_assets.lake.io_manager import LakeIOManager, fail_step
from stedi_assets.lake.landing import refresh_landing, why
from stedi_assets.lake.landing_files import LONGEST_LINE, LandingFile
from stedi_assets.lake.maintenance import TableReport, maintain
from stedi_assets.lake.outcomes import Follows, Outcome, Removal, Run, Transform
from stedi_assets.lake.plan import Plan, Range, Record, counted_words
from stedi_assets.lake.planning import days_of, plan_derived, recorded_facts
from stedi_assets.lake.progress import PROGRESS_LOGGER, Progress, report
from stedi_assets.lake.refresh import refresh_derived, without_rows
from stedi_assets.lake.resource import Lake
from stedi_assets.lake.secrets import PseudonymKey
from stedi_assets.lake.staging import side_by_side
from stedi_assets.lake.waiting import Waiting, due_change, last_arrival, waiting_files

__all__ = [
    "LONGEST_LINE",
    "PROGRESS_LOGGER",
    "Days",
    "Evidence",
    "Follows",
    "Foreseen",
    "Lake",
    "LakeIOManager",
    "LandingFile",
    "Outcome",
    "Plan",
    "Progress",
    "PseudonymKey",
    "Range",
    "Record",
    "Removal",
    "Run",
    "TableHandle",
    "TableReport",
    "Transform",
    "Unpublished",
    "Waiting",
    "counted_words",
    "days_of",
    "due_change",
    "engine_errors",
    "evidence_of",
    "fail_step",
    "foresee",
    "last_arrival",
    "maintain",
    "plan_derived",
    "recorded_facts",
    "refresh_derived",
    "refresh_landing",
    "report",
    "side_by_side",
    "storage_errors",
    "waiting_files",
    "why",
    "without_rows",
]
