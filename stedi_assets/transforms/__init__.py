"""The rules of the design as pure functions from frames to a frame: no Dagster, no I/O."""
