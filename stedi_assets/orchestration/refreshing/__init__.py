"""Refreshing a table as a Dagster asset: the gate before a publish, check results, metadata and charts."""
