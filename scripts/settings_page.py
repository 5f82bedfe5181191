"""Writes docs/settings.md, the page of all settings, from their table.

From the root of the repository:

    .venv/bin/python -m scripts.settings_page
"""

from pathlib import Path

from stedi_assets.cli.options import EXIT_CODES
from stedi_assets.settings import SETTINGS, Setting

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
INTRODUCTION = """# Settings

Every setting is an environment variable. Commands of `stedi` have flags for some of them; a flag wins over
the variable. Paths are relative to the current folder. If a setting is unknown, malformed or contradicts
another one, nothing is loaded, and one sentence names the setting and the fix.

This page is made from the table in [settings.py](../stedi_assets/settings.py) by
`python -m scripts.settings_page`.

| setting | flag | default | meaning |
|---|---|---|---|
"""
DETAILS = """
Each lake has a history of its own. `DAGSTER_HOME` is the home of the Dagster instance that keeps it, for its
owner alone (0700). If it is not set, `stedi` and `make dev` take one beside the lake (`.stedi/dagster` for
`.stedi/lake`, `NAME.dagster` for `NAME`), or below `.stedi` for a lake in S3. A run of another lake in the
same home is refused by name.
A new home gets a copy of [dagster.yaml](../stedi_assets/orchestration/dagster.yaml), which makes runs that
write tables wait for each other. An existing home keeps its own file. If it comes from an earlier version
or from another instance, copy `concurrency`, `run_queue` and `run_monitoring` to it. In any case, if two
runs change a table at once, only one of them can publish.

A run has two options, as flags of `stedi run` or in the launchpad of the job `refresh`, which offers nothing
else:

| flag | config | meaning |
|---|---|---|
| `--full` | `full: true` | Rebuild all rows, even if nothing changed. |
| `--days A..B` | `days: A..B` | Rebuild these days too, such as `2024-03-01..2024-03-31`. |

Two flags are for the command line: `--explain --as-of MS` explains a run at another time (epoch ms), as runs
publish the present, and `--trust-clock` publishes although a snapshot lies in the future of this machine.
`stedi quarantine retry`, or the job `retry_quarantine`, reads files with quarantined lines again.

`stedi rekey` replaces the pseudonym key. It rebuilds `machine_learning_curated` under every policy with the
key in `STEDI_PSEUDONYM_KEY`, or with a new random key if the key is kept beside the lake. Splits stay the
same. The old pseudonyms stay in old data files until maintenance deletes them. Where the server has got
another key by its settings, the job `rekey` of the UI does this for its policy; it asks for a confirmation.

## Exit codes

| code | meaning |
|---|---|
EXIT_CODES
## Maintenance

`stedi maintain`, and weekly the schedule `weekly_maintenance`, compacts small files, expires snapshots that
were replaced more than `STEDI_KEEP_DAYS` ago, and deletes files that no snapshot names. It prints what it
did to every table, needs no pseudonym key, and changes no row. If a run publishes at the same moment, one of
the two commits is refused, and the next run or maintenance does the work.

Rows that left a table, those of people who withdrew and those with old pseudonyms, stay in old data files
until maintenance deletes them. The first maintenance that runs `STEDI_KEEP_DAYS` after they left deletes
them, but never files that are less than 24 hours old. In a bucket with versioning, deleted files live on as
former versions until a lifecycle rule removes them.

## S3

Region, profile, role, credentials and endpoint come from the standard AWS variables and files
(`AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL_S3`, …), never from a setting above. A server other than AWS
is addressed by path. Give its endpoint as a variable, because the engine does not read it from a profile.
`AWS_ENDPOINT_URL` would send the requests for Glue there too; `AWS_ENDPOINT_URL_S3` does not.

Other options of a REST catalog are given in PyIceberg's variables, such as
`PYICEBERG_CATALOG__STEDI__TOKEN` or `PYICEBERG_CATALOG__STEDI__WAREHOUSE` (by default the URI of the lake).
Requests to catalogs of AWS are signed.

Before it starts, a run checks that it can list the landing prefix and can write to every table that it may
change. For the latter it starts an upload below the table's `data/` and aborts it, which creates no object.
It needs `s3:ListBucket`, `s3:GetObject`, `s3:PutObject`, `s3:DeleteObject` and `s3:AbortMultipartUpload` in
the lake, and the first two in the landing zone.

    make s3     # a local S3 with Glue and a REST catalog; prints the settings to use

Runs create the tables in Glue, with their comments, zone, owner and personal columns. `stedi ddl` prints
Athena's DDL of a table, to create one of the same shape elsewhere; it opens no lake. For a landing table it
also prints the external table of the raw JSON files, which has the same name and is in a database of its
own (`CREATE DATABASE stedi_raw`); with `--external` it prints only that one. If the settings name no place
in S3, `your-bucket` stands for yours.

    stedi ddl customer_trusted
    stedi ddl customer_landing --external --location s3://some-bucket/customer/landing

[queries.md](queries.md) has queries for Athena or `stedi sql`. The DDL of the external tables is in
[ddl](ddl): [customer_landing.sql](ddl/customer_landing.sql),
[accelerometer_landing.sql](ddl/accelerometer_landing.sql),
[step_trainer_landing.sql](ddl/step_trainer_landing.sql).

## Engines

The embedded engine has no authentication and listens on 127.0.0.1 only.

Spark needs Java 17. The nodes of a cluster need the same minor version of Python with pyarrow, and must see
the landing root and the lake under the same paths. Engines quote the data on which they fail, so our
sessions turn their logs off, those of the executors too. A Spark Connect server does not accept that from
its clients: start it with `spark.log.level OFF` and `spark.executor.syncLogLevel.enabled true`.

If landing files or lake are in S3, Spark needs `hadoop-aws` of the version of its Hadoop. A cluster usually
has it. The driver is `stedi` itself, with pyspark's Hadoop 3.5.0; it gets the library, like the nodes, with
`PYSPARK_SUBMIT_ARGS="--packages org.apache.hadoop:hadoop-aws:3.5.0 pyspark-shell"`. Region and endpoint are
passed on to S3A, and Spark passes on the credentials in the variables of the driver. The nodes need the AWS
variables or roles too, because they run our parser for landing files with odd lines. A Spark Connect server
is set up for S3 on its own side.

    make spark-test                             # Spark against Sail, row for row, on public and sample data
    make spark-s3-test                          # the same in S3; fetches 700 MB from Maven
    .venv/bin/python scripts/spark_cluster.py   # a cluster of two workers on this machine, to try things out
"""


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page())


def page() -> str:
    """The page."""
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    return (
        INTRODUCTION
        + "".join(f"{row(setting)}\n" for setting in SETTINGS)
        + DETAILS.replace("EXIT_CODES", codes)
    )


def row(setting: Setting) -> str:
    """The line about a setting."""
    return f"| {code(setting.name)} | {code(setting.flag)} | {code(default(setting))} | {setting.meaning} |"


def default(setting: Setting) -> str:
    """The default as the page shows it; empty if there is none."""
    return setting.shown_default or setting.default


def code(text: str) -> str:
    """Text as code; nothing for no text."""
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    main()
