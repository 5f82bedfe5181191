"""Privacy rules: only people who agreed are published, and no person is mistaken for another.

Here belong the rules and the facts that they need. The rules read the landing tables themselves and share no
logic with the transforms, so that a mistake in a transform is not repeated here. A table names the rules of
the kind of person or device in its rows, and the removal that goes with them.
"""

from stedi_assets.contracts.consent_rules.linkability import Linkability
from stedi_assets.contracts.consent_rules.removals import Removals
from stedi_assets.contracts.consent_rules.rules import (
    CUSTOMERS,
    DEVICES,
    PEOPLE_WITH_READINGS,
    SUBJECTS,
    USERS,
    PrivacyRules,
)

__all__ = [
    "CUSTOMERS",
    "DEVICES",
    "PEOPLE_WITH_READINGS",
    "SUBJECTS",
    "USERS",
    "Linkability",
    "PrivacyRules",
    "Removals",
]
