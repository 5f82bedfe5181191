"""Writes docs/rules.md, the page of all rules of all tables, from their definitions.

From the root of the repository:

    .venv/bin/python -m scripts.rules_page
"""

from collections.abc import Iterator
from pathlib import Path

from stedi_assets.assets import DECLARED, LakeTable
from stedi_assets.contracts import Rule

PAGE = Path(__file__).parents[1] / "docs" / "rules.md"
INTRODUCTION = """# Rules

The rules that every table must keep before anyone may read it. Each rule is an asset check of that name in
the Dagster UI. `python -m scripts.rules_page` writes this page from the definitions.

- *failed, blocks*: while a row breaks the rule, the check fails and nothing is published; readers keep the
  rows that they have.
- *failed* and *warned*: the check fails or warns and shows the count, and the table is published.
- Under `reference`, rules that this policy breaks by definition only warn, with the true counts.
- A landing line that breaks a blocking rule about values goes to the quarantine under the name of the rule,
  so that it blocks nothing. If a customer line cannot be read but names a person, that person counts as not
  consenting until the line is fixed.
- A missing value breaks no rule about values, only `no_missing_values`.

One check is not a rule: `landing_is_quiet` of a landing table warns when no new rows arrived for longer than
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
    yield "| rule | if broken | under `reference` | what must be true, and why |"
    yield "|---|---|---|---|"
    for strict, reference in zip(
        table.contract("strict").rules, table.contract("reference").rules, strict=True
    ):
        there = "the same" if reference == strict else consequence(reference)
        yield f"| `{strict.name}` | {consequence(strict)} | {there} | {strict.description} |"
    yield ""


def consequence(rule: Rule) -> str:
    """The result of the check of a rule if the rule is broken, and whether it blocks a publish."""
    outcome = "failed" if rule.severity == "error" else "warned"
    return f"{outcome}, blocks" if rule.blocking else outcome


if __name__ == "__main__":
    main()
