"""Schemas: one Pandera model per table, the only list of its columns.

Every other form of a schema (Spark, Iceberg, Dagster) is derived from these models. A model gives the type of
a column, whether it may be null, its meaning, its checks, and in `metadata` whether it is personal. Rules
that compare tables do not belong here, but to `contracts`.
"""
