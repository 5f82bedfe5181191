"""Refreshing derived tables: planning their days, staging them, removing rows, and the input of an audit.

Here belongs what every derived table needs. What is true of one table only is in its declaration in `assets`.
"""

from typing import TYPE_CHECKING

from stedi_assets.lake._lazy import lazy

if TYPE_CHECKING:
    from stedi_assets.lake.model import Plan
    from stedi_assets.lake.refresh.audit_input import AuditInput, Days, audit_input_of
    from stedi_assets.lake.refresh.derived import refresh_derived
    from stedi_assets.lake.refresh.plan import plan_derived
    from stedi_assets.lake.refresh.removal import doubtful_days, without_rows

__all__ = [
    "AuditInput",
    "Days",
    "Plan",
    "audit_input_of",
    "doubtful_days",
    "plan_derived",
    "refresh_derived",
    "without_rows",
]

__getattr__ = lazy(
    __name__,
    {
        "AuditInput": f"{__name__}.audit_input",
        "Days": f"{__name__}.audit_input",
        "Plan": "stedi_assets.lake.model",
        "audit_input_of": f"{__name__}.audit_input",
        "doubtful_days": f"{__name__}.removal",
        "plan_derived": f"{__name__}.plan",
        "refresh_derived": f"{__name__}.derived",
        "without_rows": f"{__name__}.removal",
    },
)
