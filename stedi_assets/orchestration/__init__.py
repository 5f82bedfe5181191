"""What Dagster sees: assets, checks, jobs, sensors and resources.

Here belongs what needs Dagster. Rules, transforms and Iceberg belong below.
"""
