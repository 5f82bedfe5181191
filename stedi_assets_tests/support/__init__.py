"""Shared by test modules: lakes, landing files, people, servers, and the steps at which runs are interrupted.

No test module imports another one; what two of them need belongs here.
"""
