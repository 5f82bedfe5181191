"""The Dagster UI over a lake in S3 and Glue, looked at with a real browser."""

import pytest

from scripts.local_s3 import aws_services, object_store, sample_in_s3
from stedi_assets.assets import TABLES
from stedi_assets_tests.support.browser import (
    CHROMIUM,
    browser_page,
    dagster_dev,
    materialize_all,
    open_lineage,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="No chromium or google-chrome is on the PATH: install one."),
]


def test_one_click_makes_all_tables_and_their_pages_say_where_they_are():
    with object_store() as store, aws_services() as services:
        settings = sample_in_s3(store, services)
        with dagster_dev(settings) as ui, browser_page(1400, 1400) as page:
            open_lineage(page, ui)
            run, status = materialize_all(page, ui)
            assert (status, ui.problems(run)) == ("SUCCESS", [])
            assert ui.materializations().keys() == set(TABLES)
            for name, spec in TABLES.specs.items():
                page.goto(f"{ui.url}/assets/{name}")
                page.get_by_text(f"s3://lake/stedi/{spec.zone}/{name}", exact=True).first.wait_for()
                page.get_by_text(f"stedi.{name}", exact=True).first.wait_for()
            log = ui.log.read_text()
            assert settings["STEDI_PSEUDONYM_KEY"] not in log
            assert settings["AWS_SECRET_ACCESS_KEY"] not in log
