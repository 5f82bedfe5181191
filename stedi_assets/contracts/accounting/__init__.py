"""Accounting rules: every landing record and every row of a table is explained by the inputs of the table."""
