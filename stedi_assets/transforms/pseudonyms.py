"""Pseudonyms and splits: keyed hashes of a person, made in Python so that no key enters a query plan.

Engines show plans in `explain`, in the Spark UI and in event logs; a key there would undo every pseudonym.
Only the hashes reach the engine.
"""

import hashlib
import hmac
from collections.abc import Iterator

from pyspark.sql import DataFrame

from stedi_assets.transforms.consent import person

SUBJECTS_SCHEMA = "_person string, subject_id string, split string"
FINGERPRINT_LENGTH = 16


def subject_id(key: bytes, email: str) -> str:
    """The pseudonym of a person: HMAC-SHA256 of the canonical email, 64 hexadecimal digits."""
    return hmac.new(key, email.encode(), hashlib.sha256).hexdigest()


def split(salt: bytes, email: str) -> str:
    """The split of a person: train, validation or test in 8 : 1 : 1, the same for all their rows."""
    tenth = int.from_bytes(hmac.new(salt, email.encode(), hashlib.sha256).digest()[:8], "big") % 10
    return "train" if tenth < 8 else "validation" if tenth == 8 else "test"


def fingerprint(key: bytes) -> str:
    """A name for a key that does not reveal it: 16 hexadecimal digits."""
    return hmac.new(key, b"stedi pseudonym key fingerprint", hashlib.sha256).hexdigest()[:FINGERPRINT_LENGTH]


def first_salt(key: bytes) -> bytes:
    """The split salt of a new lake. Lakes that start with the same key split people alike."""
    return hmac.new(key, b"stedi split salt", hashlib.sha256).digest()


def subjects(customers: DataFrame, key: bytes, salt: bytes) -> DataFrame:
    """The people of a customer table under their pseudonyms.

    Args:
        customers: A customer table, one row per person, small enough for the driver.
        key: The pseudonym key.
        salt: The lake's split salt.

    Returns:
        Columns _person (canonical email), subject_id and split; one row per person.
    """
    import pyarrow as pa

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in customers.select(person("email").alias("_person")).toArrow().to_batches():
            emails = batch.column(0).to_pylist()
            ids = [subject_id(key, email) for email in emails]
            splits = [split(salt, email) for email in emails]
            yield pa.RecordBatch.from_arrays(
                [pa.array(values, pa.string()) for values in (emails, ids, splits)], schema=schema
            )

    schema = pa.schema([(name, pa.string()) for name in ("_person", "subject_id", "split")])
    table = pa.Table.from_batches(batches(), schema=schema)
    if not table.num_rows:
        return customers.sparkSession.createDataFrame([], SUBJECTS_SCHEMA)
    return customers.sparkSession.createDataFrame(table)
