"""Privacy rules: only people who agreed are published, and no person is mistaken for another.

The rules read the landing tables on a path of their own and share no code with the transforms.
"""

from stedi_assets.contracts.consent_rules.rules import (
    CUSTOMER_RECORDS,
    CUSTOMERS_LEAVE,
    DEVICES_LEAVE,
    IDENTIFIERS_HIDDEN,
    OF_DEVICES,
    OF_SUBJECTS,
    OF_USERS,
    PEOPLE_WITH_READINGS,
    SPLITS_KEPT,
    SUBJECTS_LEAVE,
    USERS_LEAVE,
)

__all__ = [
    "CUSTOMERS_LEAVE",
    "CUSTOMER_RECORDS",
    "DEVICES_LEAVE",
    "IDENTIFIERS_HIDDEN",
    "OF_DEVICES",
    "OF_SUBJECTS",
    "OF_USERS",
    "PEOPLE_WITH_READINGS",
    "SPLITS_KEPT",
    "SUBJECTS_LEAVE",
    "USERS_LEAVE",
]
