"""The STEDI Step Trainer lakehouse as a Dagster asset graph."""
