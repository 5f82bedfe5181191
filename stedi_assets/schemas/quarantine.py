"""The model of the quarantine: landing lines that could not become rows."""

import pandera.pyspark as pa
import pyspark.sql.types as T

from stedi_assets.schemas.landing import Delivered, column


class QuarantinedLine(pa.DataFrameModel):
    """A line, where it stood and what is wrong with it."""

    table_name: T.StringType = pa.Field(description="Landing table that the line was meant for.")
    line_number: T.LongType = pa.Field(description="Number of the line in its file, from 1.")
    reason: T.StringType = pa.Field(description="Why it is no row: a code, or the value rule it breaks.")
    raw: T.BinaryType = pa.Field(
        description="The line as it was, without its end; at most the first 1,000,000 bytes.",
        metadata=column(personal=True),
    )
    # Not a list: engines name its elements in ways that readers of Iceberg do not find.
    people: T.StringType = pa.Field(
        nullable=True,
        description="Canonical emails that a customer line names, with a space between; empty where it "
        "names nobody, null for readings.",
        metadata=column(personal=True),
    )


class Quarantine(Delivered, QuarantinedLine):
    """Every landing line that could not become a row."""

    class Config:
        """Pandera settings."""

        strict = True
