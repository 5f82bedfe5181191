"""Contracts: what must hold for a table before anybody may read it, and how it is found out.

The Pandera models of `schemas` say what a row must look like; the privacy and accounting rules here say how
the tables must fit together. Nothing that breaks a blocking rule is published.
"""

from stedi_assets.contracts.contract import Audit, Contract
from stedi_assets.contracts.profile import FEWEST_PEOPLE, ColumnProfile, Distribution, Profile
from stedi_assets.contracts.rule import RemovalRule, Rule, RuleCounts, RuleGroup, RuleResult

__all__ = [
    "FEWEST_PEOPLE",
    "Audit",
    "ColumnProfile",
    "Contract",
    "Distribution",
    "Profile",
    "RemovalRule",
    "Rule",
    "RuleCounts",
    "RuleGroup",
    "RuleResult",
]
