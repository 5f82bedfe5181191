"""One Pandera model per table: the only list of its columns.

Every other form of a schema (Spark, Iceberg, Dagster) is derived from these models. A model says of a
column its type, whether it may be null, what it means, and in `metadata` whether it is personal.
"""
