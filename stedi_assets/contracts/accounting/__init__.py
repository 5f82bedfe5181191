"""Accounting rules: every landing record and every row of a table is explained by the inputs of the table."""

from stedi_assets.contracts.accounting.pairs import PairedReadings
from stedi_assets.contracts.accounting.record_counts import CUSTOMER_LINES, READING_LINES
from stedi_assets.contracts.accounting.rows import (
    Accelerometer,
    CuratedCustomers,
    Customers,
    Reconciled,
    StepTrainer,
)

__all__ = [
    "CUSTOMER_LINES",
    "READING_LINES",
    "Accelerometer",
    "CuratedCustomers",
    "Customers",
    "PairedReadings",
    "Reconciled",
    "StepTrainer",
]
