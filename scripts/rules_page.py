"""Writes docs/rules.md, the page of all rules of all tables, from their definitions.

From the root of the repository:

    .venv/bin/python -m scripts.rules_page
"""

from collections.abc import Iterator
from pathlib import Path

from stedi_assets.assets import DECLARED, LakeTable
from stedi_assets.contracts import Check, Rule

PAGE = Path(__file__).parents[1] / "docs" / "rules.md"
INTRODUCTION = """# Rules

The rules that every table must keep before anyone may read it, under the asset checks that show them in the
Dagster UI: a check lists its rules with what was checked and broken. `stedi check TABLE --show RULE` prints
the rows that break a rule. `python -m scripts.rules_page` writes this page from the definitions.

- *failed, blocks*: while a row breaks the rule, the check fails and nothing is published; readers keep the
  rows that they have.
- *failed* and *warned*: the check fails or warns and shows the count, and the table is published.
- Under `reference`, rules that this policy breaks by definition only warn, with the true counts.
- A landing line that breaks a blocking rule about values goes to the quarantine under the name of the rule,
  so that it blocks nothing. If a customer line cannot be read but names a person, that person counts as not
  consenting until the line is fixed.
- Rules about values that only warn are checked where values enter the lake, not again downstream.
- A missing value breaks no rule about values, only `no_missing_values`.

One check is not a rule: `rows_arrive` of a landing table warns when no new rows arrived for longer than
`STEDI_QUIET_HOURS`. A sensor keeps it up to date. It blocks nothing.
"""


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page())


def page() -> str:
    """The page."""
    return "\n".join((INTRODUCTION, *(line for table in DECLARED for line in section(table))))


def section(table: LakeTable) -> Iterator[str]:
    """The lines about a table."""
    yield f"## {table.spec.name}"
    yield ""
    yield "| check | rule | if broken | under `reference` | what must be true, and why |"
    yield "|---|---|---|---|---|"
    reference = {rule.name: rule for rule in table.contract("reference").rules}
    for check in Check.of(table.contract("strict").rules):
        for number, rule in enumerate(check.rules):
            name = "" if number else f"`{check.name}`"
            there = "the same" if reference[rule.name] == rule else consequence(reference[rule.name])
            yield f"| {name} | `{rule.name}` | {consequence(rule)} | {there} | {rule.description} |"
    yield ""


def consequence(rule: Rule) -> str:
    """The result of the check of a rule if the rule is broken, and whether it blocks a publish."""
    outcome = "failed" if rule.severity == "error" else "warned"
    return f"{outcome}, blocks" if rule.blocking else outcome


if __name__ == "__main__":
    main()
