"""The row counts that contenders must agree on, and those known for the public data."""

from collections.abc import Mapping
from pathlib import Path

REFERENCE_TABLES = frozenset(
    {
        "customer_trusted",
        "accelerometer_trusted",
        "customer_curated",
        "step_trainer_trusted",
        "machine_learning_curated",
    }
)
ALL_TABLES = REFERENCE_TABLES | {"customer_landing", "accelerometer_landing", "step_trainer_landing"}
# Both policies make the same rows of these.
POLICY_FREE = {"customer_landing", "accelerometer_landing", "step_trainer_landing", "customer_trusted"}

PUBLIC_LANDING = {"customer_landing": 956, "accelerometer_landing": 81_273, "step_trainer_landing": 28_680}
PUBLIC_ROWS = {
    "strict": {
        **PUBLIC_LANDING,
        "customer_trusted": 482,
        "accelerometer_trusted": 32_025,
        "customer_curated": 464,
        "step_trainer_trusted": 11_297,
        "machine_learning_curated": 32_025,
    },
    "reference": {
        **PUBLIC_LANDING,
        "customer_trusted": 482,
        "accelerometer_trusted": 40_981,
        "customer_curated": 482,
        "step_trainer_trusted": 14_460,
        "machine_learning_curated": 43_681,
    },
}


class WrongCountError(Exception):
    """A contender made other rows than it must."""


class CountChecker:
    """Remembers the count of each table, by policy where it matters, and refuses any other."""

    def __init__(self, public_data: bool) -> None:
        self.known: dict[tuple[str, str], tuple[int, str]] = {}
        for policy, tables in PUBLIC_ROWS.items() if public_data else ():
            for table, rows in tables.items():
                self.known[rule(policy, table)] = (rows, "the public data set")

    def check(self, contender: str, policy: str, tables: frozenset[str], rows: Mapping[str, int]) -> None:
        """Compares one run with what is known.

        Raises:
            WrongCountError: a table is missing, or its count differs from one known or seen before.
        """
        missing = tables - rows.keys()
        if missing:
            raise WrongCountError(f"{contender} reported no rows for {', '.join(sorted(missing))}")
        for table in sorted(tables):
            expected, source = self.known.setdefault(rule(policy, table), (rows[table], contender))
            if rows[table] != expected:
                raise WrongCountError(
                    f"{table}: {contender} has {rows[table]:,} rows, {source} has {expected:,}"
                )


def rule(policy: str, table: str) -> tuple[str, str]:
    return ("any" if table in POLICY_FREE else policy, table)


def is_public_data(landing: Path) -> bool:
    return (landing / "customer" / "landing" / "customer-1691348231425.json").exists()
