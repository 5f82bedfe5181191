"""Writes docs/queries.md: queries over the tables with their answers on the public data.

From the root of the repository, after `make test` has set up `.venv` and with the public data beside it:

    .venv/bin/python -m scripts.queries_page

Answers are counts; none holds a value of a person.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from stedi_assets.assets import TABLES
from stedi_assets.cli.commands.sql import parse_query, run_query
from stedi_assets.orchestration.resources import opened_lake
from stedi_assets_tests.support.lakes import PUBLIC, TestLake
from stedi_assets_tests.support.public import AS_OF, COUNTS

PAGE = Path(__file__).parents[1] / "docs" / "queries.md"
KEY = "a key for the docs that keeps no secret"
HEAD = """\
# Queries

Queries over the tables, with their answers on the [public data](public-data.md). They are plain SQL: run them
with `stedi sql "…"`, or in Athena with the database `stedi` (`stedi_reference` for the policy `reference`).
`python -m scripts.queries_page` writes this page; a test compares it with the answers.
"""


@dataclass(frozen=True)
class Question:
    """A query, and what it is for."""

    title: str
    reason: str
    sql: str


QUESTIONS = (
    Question(
        "Rows of the landing zone",
        "Every line of the landing files, unchanged.",
        """
        SELECT
            (SELECT count(*) FROM customer_landing) AS customer_landing,
            (SELECT count(*) FROM accelerometer_landing) AS accelerometer_landing,
            (SELECT count(*) FROM step_trainer_landing) AS step_trainer_landing
        """,
    ),
    Question(
        "Rows of the trusted zone",
        "`strict` keeps readings taken at or after the person's consent, `reference` all of them.",
        """
        SELECT
            (SELECT count(*) FROM customer_trusted) AS customer_trusted,
            (SELECT count(*) FROM accelerometer_trusted) AS accelerometer_trusted,
            (SELECT count(*) FROM step_trainer_trusted) AS step_trainer_trusted
        """,
    ),
    Question(
        "Rows of the curated zone",
        "People with readings to share, and pairs of readings of both sensors at the same time.",
        """
        SELECT
            (SELECT count(*) FROM customer_curated) AS customer_curated,
            (SELECT count(*) FROM machine_learning_curated) AS machine_learning_curated
        """,
    ),
    Question(
        "Customers without consent in the landing zone",
        "Their `shareWithResearchAsOfDate` is missing. They stay in the landing zone.",
        """
        SELECT count(*) AS without_consent
        FROM customer_landing
        WHERE sharewithresearchasofdate IS NULL
        """,
    ),
    Question(
        "Customers without consent in the trusted zone",
        "There must be none.",
        """
        SELECT count(*) AS without_consent
        FROM customer_trusted
        WHERE sharewithresearchasofdate IS NULL
        """,
    ),
    Question(
        "Records, people and devices",
        "A person may have several records; from the trusted zone on there is one row per person.",
        """
        SELECT
            'customer_landing' AS name, count(*) AS records,
            count(DISTINCT lower(trim(email))) AS people, count(DISTINCT serialnumber) AS devices
        FROM customer_landing
        UNION ALL
        SELECT 'customer_trusted', count(*), count(DISTINCT lower(trim(email))), count(DISTINCT serialnumber)
        FROM customer_trusted
        UNION ALL
        SELECT 'customer_curated', count(*), count(DISTINCT lower(trim(email))), count(DISTINCT serialnumber)
        FROM customer_curated
        ORDER BY records DESC, name DESC
        """,
    ),
    Question(
        "Devices with more than one owner",
        "Under `strict`, no readings of such a device are trusted.",
        """
        SELECT count(*) AS shared_devices
        FROM (
            SELECT serialnumber
            FROM customer_landing
            GROUP BY serialnumber
            HAVING count(DISTINCT lower(trim(email))) > 1
        ) AS shared
        """,
    ),
    Question(
        "Exact duplicates among the landed readings",
        "Rows beyond the first that are equal in every source column; they stay in the landing zone.",
        """
        SELECT
            (SELECT count(*) FROM accelerometer_landing) - (
                SELECT count(*)
                FROM (SELECT DISTINCT a.user, a.timestamp, a.x, a.y, a.z FROM accelerometer_landing AS a) AS d
            ) AS accelerometer,
            (SELECT count(*) FROM step_trainer_landing) - (
                SELECT count(*)
                FROM (
                    SELECT DISTINCT s.sensorreadingtime, s.serialnumber, s.distancefromobject
                    FROM step_trainer_landing AS s
                ) AS d
            ) AS step_trainer
        """,
    ),
    Question(
        "Trusted readings of people without consent",
        "Compared with the landing zone, not with the input of the table. There must be none.",
        """
        SELECT count(*) AS readings
        FROM accelerometer_trusted AS a
        WHERE lower(trim(a.user)) NOT IN (
            SELECT lower(trim(c.email))
            FROM customer_landing AS c
            WHERE c.sharewithresearchasofdate IS NOT NULL
        )
        """,
    ),
    Question(
        "Trusted readings taken before the consent",
        "None under `strict`; `reference` keeps them, as most public solutions of this exercise do.",
        """
        SELECT count(*) AS readings
        FROM accelerometer_trusted AS a
        JOIN customer_trusted AS c ON lower(trim(c.email)) = lower(trim(a.user))
        WHERE a.timestamp < c.sharewithresearchasofdate
        """,
    ),
    Question(
        "Consenting customers without readings to share",
        "They are in customer_trusted, but not in customer_curated.",
        """
        SELECT count(*) AS customers
        FROM customer_trusted
        WHERE email NOT IN (SELECT email FROM customer_curated)
        """,
    ),
    Question(
        "Step-trainer readings per zone",
        "The curated zone has them joined to what the phone measured.",
        """
        SELECT
            (SELECT count(*) FROM step_trainer_landing) AS landing,
            (SELECT count(*) FROM step_trainer_trusted) AS trusted,
            (SELECT count(DISTINCT serialnumber) FROM step_trainer_landing) AS landing_devices,
            (SELECT count(DISTINCT serialnumber) FROM step_trainer_trusted) AS trusted_devices
        """,
    ),
    Question(
        "Trusted step-trainer readings of devices of no one in customer_curated",
        "There must be none.",
        """
        SELECT count(*) AS readings
        FROM step_trainer_trusted
        WHERE serialnumber NOT IN (SELECT serialnumber FROM customer_curated)
        """,
    ),
    Question(
        "Rows that mix two people",
        "Every row of machine_learning_curated should pair readings of one person at one time. "
        "`reference` joins by time alone, which adds pairs of one person's phone with another's device.",
        """
        SELECT
            m.machine_learning_rows, p.pairs_of_one_person,
            m.machine_learning_rows - p.pairs_of_one_person AS mixed
        FROM (SELECT count(*) AS machine_learning_rows FROM machine_learning_curated) AS m
        CROSS JOIN (
            SELECT count(*) AS pairs_of_one_person
            FROM accelerometer_trusted AS a
            JOIN step_trainer_trusted AS s ON s.sensorreadingtime = a.timestamp
            JOIN customer_curated AS c ON c.serialnumber = s.serialnumber AND c.email = a.user
        ) AS p
        """,
    ),
    Question(
        "Machine-learning rows that lack a value",
        "There must be none.",
        """
        SELECT count(*) AS incomplete
        FROM machine_learning_curated AS m
        WHERE m.subject_id IS NULL OR m.timestamp IS NULL OR m.x IS NULL OR m.y IS NULL OR m.z IS NULL
            OR m.distancefromobject IS NULL OR m.split IS NULL
        """,
    ),
    Question(
        "Splits",
        "80/10/10 by person. The assignment depends on the pseudonym key, so it differs in another lake.",
        """
        SELECT split, count(*) AS machine_learning_rows, count(DISTINCT subject_id) AS subjects
        FROM machine_learning_curated
        GROUP BY split
        ORDER BY machine_learning_rows DESC
        """,
    ),
    Question(
        "Subjects in more than one split",
        "There must be none, or a model would be tested on people it was trained with.",
        """
        SELECT count(*) AS subjects
        FROM (
            SELECT subject_id
            FROM machine_learning_curated
            GROUP BY subject_id
            HAVING count(DISTINCT split) > 1
        ) AS spread
        """,
    ),
    Question(
        "Days",
        "All public readings are of one day.",
        """
        SELECT
            (SELECT count(DISTINCT event_date) FROM accelerometer_landing) AS accelerometer_landing,
            (SELECT count(DISTINCT event_date) FROM step_trainer_landing) AS step_trainer_landing,
            (SELECT count(DISTINCT event_date) FROM machine_learning_curated) AS machine_learning_curated
        """,
    ),
)

Rows = list[Sequence[Any]]


def page(folder: Path) -> str:
    """The page, from lakes of both policies that it builds in a folder."""
    answers = {policy: answered(folder / policy, policy) for policy in COUNTS}
    parts = [HEAD]
    for number, question in enumerate(QUESTIONS):
        columns, _ = answers["strict"][number]
        rows = {policy: given[number][1] for policy, given in answers.items()}
        if len({repr(each) for each in rows.values()}) == 1:
            rows = {"both": rows["strict"]}
        parts.append(f"## {question.title}\n\n{question.reason}\n")
        parts.append(f"```sql\n{dedent(question.sql).strip()}\n```\n")
        parts.append(grid(columns, rows))
    return "\n".join(parts)


def answered(folder: Path, policy: str) -> list[tuple[list[str], Rows]]:
    """The columns and rows that each query gives under a policy."""
    lake = TestLake(folder, PUBLIC, {"STEDI_POLICY": policy, "STEDI_PSEUDONYM_KEY": KEY})
    lake.built(as_of=AS_OF)
    with opened_lake(lake.environment) as opened:
        found = (run_query(opened, parse_query(each.sql, opened.database, TABLES)) for each in QUESTIONS)
        return [(columns, list(rows)) for columns, rows in found]


def grid(columns: Sequence[str], rows: dict[str, Rows]) -> str:
    """Answers as a Markdown table, of which the first column is the policy."""
    lines = [["policy", *columns], ["---", *["---:"] * len(columns)]]
    lines += [[policy, *map(shown, row)] for policy, answers in rows.items() for row in answers]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def shown(value: Any) -> str:
    """A count, or the name of what was counted."""
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    """Writes the page."""
    if not PUBLIC.is_dir():
        sys.exit(f"The public data is not in {PUBLIC}: docs/public-data.md says how to get it.")
    with tempfile.TemporaryDirectory(prefix="stedi-queries-") as folder:
        os.environ |= {"STEDI_PSEUDONYM_KEY": KEY, "DAGSTER_HOME": folder}
        PAGE.write_text(page(Path(folder)))


if __name__ == "__main__":
    main()
