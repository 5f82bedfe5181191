"""Engines: where a PySpark session comes from. Tables and transforms do not know which one it is."""

import logging

# PySpark logs the text of an engine's error before it raises it, and engines quote the data they fail on.
_TALKATIVE = ("DataFrameQueryContextLogger", "SQLQueryContextLogger", "pyspark.sql.connect.logging")


def silence_pyspark() -> None:
    """Keeps what PySpark logs about errors off standard error."""
    from pyspark.logger import PySparkLogger

    for name in _TALKATIVE:
        # Not by `disabled`, which Dagster's set-up of logging resets.
        PySparkLogger.getLogger(name).addFilter(_nothing)


def _nothing(_record: logging.LogRecord) -> bool:
    return False
