"""docs/security.md: every promise names a test that exists."""

import ast
import re

from stedi_assets_tests.support.lakes import REPOSITORY

TESTS = REPOSITORY / "stedi_assets_tests"
ROWS = [
    line
    for line in (REPOSITORY / "docs" / "security.md").read_text().splitlines()
    if line.startswith("| ") and "promise | test" not in line and ".py::" in line
]


def functions_of(path):
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_every_promise_names_a_test_that_exists():
    named = [name for row in ROWS for name in re.findall(r"`([\w/]+\.py)::(\w+)`", row)]
    assert len(ROWS) > 20
    assert not [f"{path}::{test}" for path, test in named if test not in functions_of(TESTS / path)]


def test_no_promise_is_without_a_test():
    page = (REPOSITORY / "docs" / "security.md").read_text()
    tables = re.findall(r"\| promise \| test \|\n\|---\|---\|\n((?:\|.*\n)+)", page)
    assert tables
    assert all(".py::" in row for table in tables for row in table.splitlines())
