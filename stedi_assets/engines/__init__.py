"""Engines: where a PySpark session comes from. Tables and transforms do not know which one it is."""

# PySpark logs the text of an engine's error before it raises it, and engines quote the data they fail on.
_TALKATIVE = ("DataFrameQueryContextLogger", "SQLQueryContextLogger")


def silence_pyspark() -> None:
    """Keeps what PySpark logs about errors off standard error."""
    from pyspark.logger import PySparkLogger

    for name in _TALKATIVE:
        PySparkLogger.getLogger(name).disabled = True
