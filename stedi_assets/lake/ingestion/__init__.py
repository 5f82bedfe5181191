"""Ingestion: landing files become rows of a landing table, and every record is accounted for.

Here belong listing and reading landing files, batches, the ledger and the other system tables. How rows are
published belongs to `lake.iceberg`, how derived tables follow belongs to `lake.refresh`.
"""
