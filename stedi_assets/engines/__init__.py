"""Engines: the sources of PySpark sessions.

Here belongs how a session is started and configured. Tables and transforms do not know which engine runs.
"""

import logging

# PySpark logs the text of an engine's error before it raises it, and engines quote the data they fail on.
_TALKATIVE = ("DataFrameQueryContextLogger", "SQLQueryContextLogger", "pyspark.sql.connect.logging")


def silence_pyspark() -> None:
    """Keeps PySpark's log records about errors off standard error."""
    from pyspark.logger import PySparkLogger

    for name in _TALKATIVE:
        # Not by `disabled`, which Dagster resets when it sets up logging.
        PySparkLogger.getLogger(name).addFilter(_nothing)


def _nothing(_record: logging.LogRecord) -> bool:
    return False
