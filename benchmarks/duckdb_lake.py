"""The eight tables under the `strict` policy, written by hand for DuckDB: the yardstick for the work.

It writes the same rows and the same day folders as `stedi run`, and nothing else: no snapshots, ledger,
quarantine, checks or incremental plan. It expects clean landing lines, keyed as in the current exports.

Run: python duckdb_lake.py LANDING OUT [--memory-limit 4GB]
"""

import argparse
import hmac
import json
import secrets
import time
from pathlib import Path

import duckdb

READINGS = {
    "accelerometer_landing",
    "step_trainer_landing",
    "accelerometer_trusted",
    "step_trainer_trusted",
    "machine_learning_curated",
}

CUSTOMER_LANDING = """
SELECT customerName AS customername, email, phone, birthDay AS birthday, serialNumber AS serialnumber,
       registrationDate AS registrationdate, lastUpdateDate AS lastupdatedate,
       shareWithResearchAsOfDate AS sharewithresearchasofdate,
       shareWithPublicAsOfDate AS sharewithpublicasofdate,
       shareWithFriendsAsOfDate AS sharewithfriendsasofdate, filename AS source_file
FROM read_json($files, format = 'newline_delimited', filename = true, columns = {
    customerName: 'VARCHAR', email: 'VARCHAR', phone: 'VARCHAR', birthDay: 'VARCHAR', serialNumber: 'VARCHAR',
    registrationDate: 'BIGINT', lastUpdateDate: 'BIGINT', shareWithResearchAsOfDate: 'BIGINT',
    shareWithPublicAsOfDate: 'BIGINT', shareWithFriendsAsOfDate: 'BIGINT'})
"""

ACCELEROMETER_LANDING = """
SELECT "user", "timestamp", x, y, z, filename AS source_file, epoch_ms("timestamp")::DATE AS event_date
FROM read_json($files, format = 'newline_delimited', filename = true, columns = {
    user: 'VARCHAR', timestamp: 'BIGINT', x: 'DOUBLE', y: 'DOUBLE', z: 'DOUBLE'})
"""

STEP_TRAINER_LANDING = """
SELECT sensorReadingTime AS sensorreadingtime, serialNumber AS serialnumber,
       distanceFromObject AS distancefromobject, filename AS source_file,
       epoch_ms(sensorReadingTime)::DATE AS event_date
FROM read_json($files, format = 'newline_delimited', filename = true, columns = {
    sensorReadingTime: 'BIGINT', serialNumber: 'VARCHAR', distanceFromObject: 'BIGINT'})
"""

# Among records of the same instant the one without consent wins, then the later consent: it publishes less.
CUSTOMER_TRUSTED = """
WITH judged AS (
    SELECT * EXCLUDE source_file, lower(trim(email)) AS person,
           coalesce(sharewithresearchasofdate BETWEEN 1 AND getvariable('as_of'), false) AS consents
    FROM customer_landing
    WHERE lastupdatedate <= getvariable('as_of')
), latest AS (
    FROM judged
    QUALIFY row_number() OVER (
        PARTITION BY person
        ORDER BY lastupdatedate DESC, consents, sharewithresearchasofdate DESC, serialnumber) = 1
)
SELECT * EXCLUDE (person, consents) FROM latest WHERE consents
"""

ACCELEROMETER_TRUSTED = """
SELECT DISTINCT "user", "timestamp", x, y, z, event_date
FROM accelerometer_landing
JOIN consent ON lower(trim("user")) = person AND "timestamp" >= since
"""

CUSTOMER_CURATED = """
FROM customer_trusted
SEMI JOIN (SELECT DISTINCT lower(trim("user")) AS person FROM accelerometer_trusted) AS readers
    ON lower(trim(email)) = person
"""

STEP_TRAINER_TRUSTED = """
SELECT DISTINCT sensorreadingtime, serialnumber, distancefromobject, event_date
FROM step_trainer_landing
JOIN device USING (serialnumber)
WHERE sensorreadingtime >= since
"""

# The owner, by the device of their latest record, joins the step-trainer side first: the smaller to widen.
MACHINE_LEARNING_CURATED = """
WITH distances AS (
    SELECT person, subject_id, split, sensorreadingtime, distancefromobject
    FROM step_trainer_trusted
    JOIN (SELECT lower(trim(email)) AS person, serialnumber FROM customer_curated) USING (serialnumber)
    JOIN subject USING (person)
)
SELECT subject_id, "timestamp", x, y, z, distancefromobject, split, event_date
FROM accelerometer_trusted
JOIN distances ON person = lower(trim("user")) AND sensorreadingtime = "timestamp"
"""

CONSENT = """
CREATE TABLE consent AS
SELECT lower(trim(email)) AS person, sharewithresearchasofdate AS since FROM customer_trusted
"""

# A device counts when one person alone ever registered it, over all records, consenting or not.
DEVICE = """
CREATE TABLE device AS
WITH owned AS (
    SELECT serialnumber, any_value(lower(trim(email))) AS person
    FROM customer_landing
    GROUP BY serialnumber
    HAVING count(DISTINCT lower(trim(email))) = 1
)
SELECT serialnumber, person, since
FROM owned JOIN consent USING (person)
WHERE person IN (SELECT lower(trim(email)) FROM customer_curated)
"""


class Lake:
    """Writes tables as Parquet under one folder and reads them back as views of the same name."""

    def __init__(self, root: Path, memory_limit: str | None) -> None:
        self.root = root
        self.rows: dict[str, int] = {}
        self.db = duckdb.connect(config={"memory_limit": memory_limit} if memory_limit else {})
        self.db.execute("SET preserve_insertion_order = false")
        self.db.execute("SET temp_directory = $folder", {"folder": str(root / "spill")})

    def write(self, table: str, query: str, files: list[str] | None = None) -> None:
        folder = self.root / table
        if table in READINGS:
            target, layout = folder, ", PARTITION_BY (event_date)"
        else:
            folder.mkdir(parents=True)
            target, layout = folder / f"{table}.parquet", ""
        statement = f"COPY ({query}) TO {quoted(target)} (FORMAT parquet, COMPRESSION zstd{layout})"
        [(self.rows[table],)] = self.db.execute(statement, {"files": files} if files else None).fetchall()
        pattern = folder / ("*/*.parquet" if table in READINGS else "*.parquet")
        self.db.execute(f"CREATE VIEW {table} AS FROM read_parquet({quoted(pattern)})")


def quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def landing_files(landing: Path, source: str) -> list[str]:
    return sorted(
        str(path)
        for path in (landing / source / "landing").rglob("*")
        if path.is_file() and path.name.endswith((".json", ".json.gz"))
    )


def write_subjects(db: duckdb.DuckDBPyConnection) -> None:
    """Names and splits every curated person; the keys stay in Python and never enter a query."""
    key, salt = secrets.token_bytes(32), secrets.token_bytes(32)
    people = [
        person for (person,) in db.execute("SELECT lower(trim(email)) FROM customer_curated").fetchall()
    ]
    db.execute(
        """
        CREATE TABLE subject AS
        SELECT unnest($people) AS person, unnest($ids) AS subject_id, unnest($splits) AS split
        """,
        {
            "people": people,
            "ids": [hmac.digest(key, person.encode(), "sha256").hex() for person in people],
            "splits": [split_of(person, salt) for person in people],
        },
    )


def split_of(person: str, salt: bytes) -> str:
    tenth = int.from_bytes(hmac.digest(salt, person.encode(), "sha256")[:8], "big") % 10
    return "train" if tenth < 8 else "validation" if tenth == 8 else "test"


def build(landing: Path, lake: Lake) -> None:
    lake.db.execute("SET VARIABLE as_of = $as_of::BIGINT", {"as_of": time.time_ns() // 1_000_000})
    lake.write("customer_landing", CUSTOMER_LANDING, landing_files(landing, "customer"))
    lake.write("accelerometer_landing", ACCELEROMETER_LANDING, landing_files(landing, "accelerometer"))
    lake.write("step_trainer_landing", STEP_TRAINER_LANDING, landing_files(landing, "step_trainer"))
    lake.write("customer_trusted", CUSTOMER_TRUSTED)
    lake.db.execute(CONSENT)
    lake.write("accelerometer_trusted", ACCELEROMETER_TRUSTED)
    lake.write("customer_curated", CUSTOMER_CURATED)
    lake.db.execute(DEVICE)
    write_subjects(lake.db)
    lake.write("step_trainer_trusted", STEP_TRAINER_TRUSTED)
    lake.write("machine_learning_curated", MACHINE_LEARNING_CURATED)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("landing", type=Path)
    parser.add_argument("out", type=Path, help="folder that does not hold these tables yet")
    parser.add_argument("--memory-limit", help="DuckDB's limit, such as 4GB; beyond it DuckDB spills to disk")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    lake = Lake(options.out, options.memory_limit)
    started = time.perf_counter()
    build(options.landing, lake)
    seconds = time.perf_counter() - started
    print(
        json.dumps(
            {
                "tables": {name: {"rows": rows} for name, rows in lake.rows.items()},
                "seconds": round(seconds, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
