"""One module for each command of `stedi`: its flags as `command`, and the code that only this command needs.

What several commands share is in `stedi_assets.cli`. Modules here import Dagster, the lake and the
engine inside functions only.
"""
