"""How the tests themselves are laid out."""

import re

from stedi_assets_tests.support.lakes import REPOSITORY

TESTS = "stedi_assets_tests"
IMPORT = re.compile(rf"\b{TESTS}(\.\w+)*\.test_\w+|\b{TESTS}[.\w]* import [^#\n]*\btest_\w+")


def test_nothing_imports_a_test_module():
    modules = [*(REPOSITORY / TESTS).rglob("*.py"), *(REPOSITORY / "scripts").glob("*.py")]
    found = [str(module.relative_to(REPOSITORY)) for module in modules if IMPORT.search(module.read_text())]
    assert found == [], f"what test modules share belongs to {TESTS}/support"


def test_the_search_finds_such_an_import():
    assert IMPORT.search(f"from {TESTS}.lake.test_places import upload")
    assert IMPORT.search(f"from {TESTS}.lake import test_places")
    assert not IMPORT.search(f"from {TESTS}.support.lakes import TestLake")
