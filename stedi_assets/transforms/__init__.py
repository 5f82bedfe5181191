"""Transforms: pure functions from frames to a frame, one for each step from the landing to the curated zone.

Here belongs how rows are computed. Dagster, files and the order of the work do not belong here, and neither
do the rules that check the result: those are in `contracts`.
"""
