"""Refreshing derived tables: planning their days, staging them, removing rows, and the input of an audit.

Here belongs what every derived table needs. What is true of one table only is in its declaration in `assets`.
"""
