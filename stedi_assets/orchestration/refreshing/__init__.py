"""The refresh of a table as a Dagster asset: the gate before a publish, check results, metadata, charts.

Here belongs the order of a refresh, and how its outcome looks in Dagster. Planning, staging and committing
belong in `lake`, rules in `contracts`.
"""
