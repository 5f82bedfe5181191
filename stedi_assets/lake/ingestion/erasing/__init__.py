"""Erasing people: which records are theirs, and how they leave landing tables and landing files.

Here belongs what ingestion and erasure share. Plans, receipts and requests do not: they are in `erasure`.
"""

from typing import TYPE_CHECKING

from stedi_assets.lake._lazy import lazy

if TYPE_CHECKING:
    from stedi_assets.lake.ingestion.erasing.finding import (
        customer_records,
        delivered,
        email_forms,
        gone_of,
        landing_hits,
        rewrite,
        stage_erased,
    )
    from stedi_assets.lake.ingestion.erasing.tombstones import Tombstones

__all__ = [
    "Tombstones",
    "customer_records",
    "delivered",
    "email_forms",
    "gone_of",
    "landing_hits",
    "rewrite",
    "stage_erased",
]

__getattr__ = lazy(
    __name__,
    {
        "Tombstones": f"{__name__}.tombstones",
        "customer_records": f"{__name__}.finding",
        "delivered": f"{__name__}.finding",
        "email_forms": f"{__name__}.finding",
        "gone_of": f"{__name__}.finding",
        "landing_hits": f"{__name__}.finding",
        "rewrite": f"{__name__}.finding",
        "stage_erased": f"{__name__}.finding",
    },
)
