"""The command `stedi`: its options, what it prints, and running jobs in this process.

Here belongs what a person at a terminal needs. What a run does to tables is in `orchestration`.
"""
