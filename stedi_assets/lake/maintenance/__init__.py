"""Maintenance: compaction, expiry of snapshots, deletion of files that no snapshot names.

Nothing here changes the rows of a table.
"""
