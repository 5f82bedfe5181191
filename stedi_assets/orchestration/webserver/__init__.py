"""The Dagster UI that takes no orders from other web pages, and the processes that it needs.

Here belongs what serves the UI. What it shows belongs in the rest of `orchestration`.
"""
