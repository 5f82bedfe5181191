"""The model of the ledger: what became of every landing file that was ever seen."""

import pandera.pyspark as pa
import pyspark.sql.types as T

from stedi_assets.schemas.landing import column

OUTCOMES = ("ingested", "duplicate", "superseded", "refused")


class Ledger(pa.DataFrameModel):
    """One version of a landing file, and what became of its lines."""

    table_name: T.StringType = pa.Field(description="Landing table that the file is for.")
    path: T.StringType = pa.Field(description="Landing file, relative to the landing root.")
    version: T.StringType = pa.Field(description="What the storage calls this version of the file.")
    content: T.StringType = pa.Field(
        nullable=True, description="SHA-256 of its bytes, in hex; null where it could not be read."
    )
    size: T.LongType = pa.Field(description="Bytes.", ge=0)
    modified: T.LongType = pa.Field(description="When it was written, epoch ms.")
    outcome: T.StringType = pa.Field(
        description="What became of it: `ingested`, or a `duplicate` of the content of another file; "
        "`superseded` by a newer version; or `refused` as a whole.",
        isin=list(OUTCOMES),
        metadata=column(form="ingested, duplicate, superseded or refused"),
    )
    reason: T.StringType = pa.Field(nullable=True, description="Why it was refused, in words.")
    lines: T.LongType = pa.Field(description="Lines.", ge=0)
    rows: T.LongType = pa.Field(description="Lines that became rows.", ge=0)
    quarantined: T.LongType = pa.Field(description="Lines that went to the quarantine.", ge=0)
    empty_lines: T.LongType = pa.Field(description="Lines without anything in them.", ge=0)
    nameless: T.LongType = pa.Field(description="Quarantined lines about a person that name nobody.", ge=0)
    unknown_keys: T.LongType = pa.Field(description="Keys of rows that nobody asked for.", ge=0)
    reasons: T.StringType = pa.Field(description="Quarantined lines by reason, as JSON.")
    days: T.StringType = pa.Field(
        nullable=True, description="Days of its rows, YYYY-MM-DD with a space between; null without days."
    )
    batch_id: T.StringType = pa.Field(
        description="The batch that brought it.",
        str_matches="^[0-9a-f]{32}$",
        metadata=column(form="32 hexadecimal digits"),
    )
    run: T.StringType = pa.Field(description="The Dagster run that brought it.")
    seen: T.LongType = pa.Field(description="When that run began, epoch ms.")
    deleted: T.LongType = pa.Field(
        nullable=True, description="When it was first found to be gone, epoch ms; its rows stay."
    )
    code_version: T.StringType = pa.Field(description="Code version of the landing table at that time.")

    class Config:
        """Pandera settings."""

        strict = True
