"""Models of the system tables, which the lake keeps for itself: ledger, quarantine and activity."""

import pandera.pyspark as pa
import pyspark.sql.types as T

from stedi_assets.schemas.columns import column
from stedi_assets.schemas.landing import Delivered

# What may happen to a landing file.
OUTCOMES = INGESTED, DUPLICATE, SUPERSEDED, REFUSED, IGNORED = (
    *("ingested", "duplicate", "superseded", "refused"),
    "ignored",
)


class Ledger(pa.DataFrameModel):
    """One version of a landing file, and the outcome of its lines."""

    table_name: T.StringType = pa.Field(description="Landing table that the file is for.")
    path: T.StringType = pa.Field(description="Landing file, relative to the landing root.")
    version: T.StringType = pa.Field(description="Version of the file, as the storage names it.")
    content: T.StringType = pa.Field(
        nullable=True, description="SHA-256 of its bytes, in hex; null if it could not be read."
    )
    size: T.LongType = pa.Field(description="Bytes.", ge=0)
    modified: T.LongType = pa.Field(description="When it was written, epoch ms.")
    outcome: T.StringType = pa.Field(
        description="Its outcome: `ingested`, or a `duplicate` of the content of another file; "
        "`superseded` by a newer version; `refused` as a whole; or `ignored`, because another program "
        "left it.",
        isin=list(OUTCOMES),
        metadata=column(form="ingested, duplicate, superseded, refused or ignored"),
    )
    reason: T.StringType = pa.Field(nullable=True, description="Why it was refused, in words.")
    lines: T.LongType = pa.Field(description="Lines.", ge=0)
    rows: T.LongType = pa.Field(description="Lines that became rows.", ge=0)
    quarantined: T.LongType = pa.Field(description="Lines that went to the quarantine.", ge=0)
    empty_lines: T.LongType = pa.Field(description="Empty lines.", ge=0)
    nameless: T.LongType = pa.Field(description="Quarantined lines about a person that name no one.", ge=0)
    unknown_keys: T.LongType = pa.Field(description="Unknown keys of rows.", ge=0)
    coerced: T.LongType = pa.Field(
        nullable=True,
        description="Values of rows on which nothing depends, and which landed as their text or as null "
        "because they came otherwise than they should. Null before they were counted.",
        ge=0,
    )
    reasons: T.StringType = pa.Field(description="Quarantined lines by reason, as JSON.")
    days: T.StringType = pa.Field(
        nullable=True, description="Days of its rows, YYYY-MM-DD with a space between; null without days."
    )
    batch_id: T.StringType = pa.Field(
        description="The batch that ingested it.",
        str_matches="^[0-9a-f]{32}$",
        metadata=column(form="32 hexadecimal digits"),
    )
    run: T.StringType = pa.Field(description="The Dagster run that ingested it.")
    seen: T.LongType = pa.Field(description="When that run started, epoch ms.")
    deleted: T.LongType = pa.Field(
        nullable=True, description="When it was first found deleted, epoch ms; its rows stay."
    )
    code_version: T.StringType = pa.Field(description="Code version of the landing table at that time.")
    parser: T.StringType = pa.Field(
        nullable=True,
        description="Version of the parser of records at that time; a later one reads files with quarantined "
        "records again. Null before there were versions.",
    )

    erased: T.LongType = pa.Field(
        nullable=True,
        description="Records of people who were erased; they are kept nowhere. Null before they were "
        "counted.",
        ge=0,
    )
    former: T.StringType = pa.Field(
        nullable=True,
        description="Keyed hashes of contents that the file had before people were erased from it, with a "
        "space between; null if it had no other.",
    )

    class Config:
        """Pandera settings."""

        strict = True


class QuarantinedLine(pa.DataFrameModel):
    """A line, its place and its fault."""

    table_name: T.StringType = pa.Field(description="Landing table that the line was meant for.")
    line_number: T.LongType = pa.Field(description="Number of the line on which it begins, from 1.")
    reason: T.StringType = pa.Field(
        description="Why it is not a row: a code, or the value rule that it breaks."
    )
    raw: T.BinaryType = pa.Field(
        description="The line, unchanged and without its end; at most the first 1,000,000 bytes.",
        metadata=column(personal=True),
    )
    # Not a list: engines name its elements in ways that Iceberg readers do not recognise.
    people: T.StringType = pa.Field(
        nullable=True,
        description="Canonical emails that a customer line names, with a space between; empty if it "
        "names no one, null for readings.",
        metadata=column(personal=True),
    )
    record_number: T.LongType = pa.Field(
        nullable=True,
        description="Number of the record in its file, from 1; null for lines of earlier versions.",
    )


class Quarantine(Delivered, QuarantinedLine):
    """Every landing line that could not become a row."""

    class Config:
        """Pandera settings."""

        strict = True


class Activity(pa.DataFrameModel):
    """Readings of one person or device on one day, in the landing zone: exact duplicates count."""

    table_name: T.StringType = pa.Field(description="Landing table that has the readings.")
    month: T.StringType = pa.Field(
        description="Month of the day, UTC.",
        str_matches="^[0-9]{4}-[0-9]{2}$",
        metadata=column(form="YYYY-MM"),
    )
    who: T.StringType = pa.Field(
        description="Canonical email of the person, or serial number of the device as received.",
        metadata=column(personal=True),
    )
    event_date: T.DateType = pa.Field(description="UTC calendar day of the readings.")
    reading_count: T.LongType = pa.Field(description="Readings on the day.", ge=1)
    first_instant: T.LongType = pa.Field(description="Time of the first one, epoch ms.")
    last_instant: T.LongType = pa.Field(description="Time of the last one, epoch ms.")

    class Config:
        """Pandera settings."""

        strict = True
