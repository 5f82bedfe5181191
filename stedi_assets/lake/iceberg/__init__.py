"""Iceberg: the catalog, schemas, tables pinned to a snapshot, the record of a snapshot, staging and commits.

The only room that knows PyIceberg's tables. Here belongs neither Dagster nor PySpark, and no plan of a run.
"""
