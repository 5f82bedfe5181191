"""Writes docs/rules.md, the page of all rules of all tables, anew from their definitions.

From the root of the repository:

    .venv/bin/python -m scripts.rules_page
"""

from collections.abc import Iterator
from pathlib import Path

from stedi_assets.assets import DECLARED, LakeTable
from stedi_assets.contracts import Rule

PAGE = Path(__file__).parents[1] / "docs" / "rules.md"
INTRODUCTION = """# Rules

What must hold for every table before anybody may read it. Each rule is an asset check of that name in the
Dagster UI. This page is made from the definitions by `python -m scripts.rules_page`.

- *Red, blocks*: while a row breaks the rule, nothing is published; readers keep what they have.
- *Red* and *amber*: the table is published, and the check shows the count.
- Under `reference`, rules that this policy breaks by definition are amber, with their true counts.
- A landing line that breaks a blocking rule about values goes to the quarantine under the rule's name, so
  that it holds nothing up. The person whom such a customer line names counts as not consenting.
- A missing value breaks no rule about values, only `no_missing_values`.

One check is no rule: `landing_is_quiet` of a landing table is amber when no new rows arrived for longer than
`STEDI_QUIET_HOURS`. It is kept up to date by a sensor, and holds nothing up.
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
    yield "| rule | if broken | under `reference` | what must hold, and why |"
    yield "|---|---|---|---|"
    for strict, reference in zip(
        table.contract("strict").rules, table.contract("reference").rules, strict=True
    ):
        there = "the same" if reference == strict else weight(reference)
        yield f"| `{strict.name}` | {weight(strict)} | {there} | {strict.description} |"
    yield ""


def weight(rule: Rule) -> str:
    """How much a rule weighs."""
    colour = "red" if rule.severity == "error" else "amber"
    return f"{colour}, blocks" if rule.blocking else colour


if __name__ == "__main__":
    main()
