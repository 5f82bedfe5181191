"""Engines: where a PySpark session comes from. Tables and transforms do not know which one it is."""
