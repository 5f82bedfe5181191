"""Dagster: assets, checks, jobs, sensors and resources.

Here belongs everything that builds or reads Dagster objects. Rules belong in `contracts`, computations in
`transforms`, tables and files in `lake`.
"""
