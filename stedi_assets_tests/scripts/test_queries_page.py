"""docs/queries.md says what its queries give now, and Athena can read them."""

import pytest
import sqlglot

from scripts.queries_page import KEY, PAGE, QUESTIONS, page
from stedi_assets_tests.support.public import public


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.title)
def test_athena_reads_the_query(question):
    assert sqlglot.parse_one(question.sql, dialect="athena")


@pytest.mark.slow
@public
def test_the_page_says_what_the_queries_give(tmp_path, monkeypatch):
    monkeypatch.setenv("STEDI_PSEUDONYM_KEY", KEY)
    assert page(tmp_path) == PAGE.read_text(), "run it again: .venv/bin/python -m scripts.queries_page"
