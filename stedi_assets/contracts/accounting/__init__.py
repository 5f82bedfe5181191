"""Accounting rules: every landing record and every row of a table is explained by the inputs of the table.

Here belongs how records and rows are counted and compared. Whether a row may be published is a privacy rule.
"""

from stedi_assets.contracts.accounting.pairs import PairedReadings
from stedi_assets.contracts.accounting.record_counts import CUSTOMER_RECORDS, READING_RECORDS
from stedi_assets.contracts.accounting.rows import (
    Accelerometer,
    CuratedCustomers,
    Customers,
    Reconciled,
    StepTrainer,
)

__all__ = [
    "CUSTOMER_RECORDS",
    "READING_RECORDS",
    "Accelerometer",
    "CuratedCustomers",
    "Customers",
    "PairedReadings",
    "Reconciled",
    "StepTrainer",
]
