"""Contracts: the rules that a table must keep before anyone may read it, and the audit that checks them.

The Pandera models of `schemas` say what a row must look like; the privacy and accounting rules here say how
the tables must fit together. While rows break a blocking rule, nothing is published. Here belong no table
declarations (`assets`) and no publishing (`orchestration`, `lake`).
"""

from stedi_assets.contracts.contract import Contract
from stedi_assets.contracts.profile import FEWEST_PEOPLE, Distribution, Profile
from stedi_assets.contracts.rule import Check, Rule, RuleGroup, RuleResult
from stedi_assets.contracts.withdrawal import RemovalRule, Withdrawal

__all__ = [
    "FEWEST_PEOPLE",
    "Check",
    "Contract",
    "Distribution",
    "Profile",
    "RemovalRule",
    "Rule",
    "RuleGroup",
    "RuleResult",
    "Withdrawal",
]
