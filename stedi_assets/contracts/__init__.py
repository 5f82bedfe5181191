"""Contracts: what must hold for a table before anybody may read it, and how it is found out.

The Pandera models of `schemas` say what a row must look like; the privacy and accounting rules here say how
the tables must fit together. Nothing that breaks a blocking rule is published.
"""

from stedi_assets.contracts.audit import ColumnProfile, Profile
from stedi_assets.contracts.contract import Audit, Contract, contract
from stedi_assets.contracts.rules import Finding, Rule, Verdict

__all__ = ["Audit", "ColumnProfile", "Contract", "Finding", "Profile", "Rule", "Verdict", "contract"]
