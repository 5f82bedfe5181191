"""Erasure: who is asked for, the plan of what goes, its execution, and the receipt.

How records leave tables and files belongs to the lake. Who looks afterwards is the `scanner`, which shares no
code with this package.
"""
