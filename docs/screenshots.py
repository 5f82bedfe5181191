"""Takes the screenshots of the documentation anew, as docs/*.png.

From the root of the repository, after `make test` has set up `.venv` and with a Chromium on the PATH:

    .venv/bin/python -m docs.screenshots

It serves the UI over the sample landing zone and an empty lake, in a temporary folder.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stedi_assets_tests.browser import (
    CHROMIUM,
    DagsterUI,
    browser_page,
    collapse_groups,
    dagster_dev,
    expand_groups,
    materialize_all,
    open_lineage,
    show_charts,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = Path(__file__).parent
WIDTH = 1400  # pixels of an image; reads well in a README
LARGEST = 300_000  # bytes of an image
GRAPH_WIDTH = 1680  # a narrower graph shows its tables without their details


def main() -> None:
    """Takes all screenshots."""
    if CHROMIUM is None:
        sys.exit("No chromium or google-chrome is on the PATH: install one.")
    with dagster_dev() as ui:
        with browser_page(GRAPH_WIDTH, 1240, WIDTH / GRAPH_WIDTH) as page:
            run = take_graph(page, ui)
        with browser_page(WIDTH) as page:
            take_asset(page, ui)
            take_charts(page)
            take_checks(page, ui)
            take_run(page, ui, run)


def take_graph(page: "Page", ui: DagsterUI) -> str:
    """The lineage of all tables after a run, which it starts; gives the run."""
    open_lineage(page, ui)
    run, status = materialize_all(page, ui)
    assert status == "SUCCESS", ui.problems(run)
    page.get_by_role("button", name="Hide navigation").click()
    page.get_by_role("button", name="panel_show_right").click()
    collapse_groups(page)
    expand_groups(page)
    page.get_by_text("Materialized", exact=True).nth(7).wait_for()
    take(page, "graph")
    return run


def take_asset(page: "Page", ui: DagsterUI) -> None:
    """The page of the machine-learning table."""
    page.set_viewport_size({"width": WIDTH, "height": 1500})
    page.goto(f"{ui.url}/assets/machine_learning_curated")
    page.get_by_role("button", name="Hide navigation").click()
    page.get_by_role("row").filter(has_text="snapshot id").wait_for()
    take(page, "asset")


def take_charts(page: "Page") -> None:
    """The charts of the machine-learning table, whose page is open."""
    page.set_viewport_size({"width": WIDTH, "height": 1100})
    show_charts(page)
    take(page, "charts")


def take_checks(page: "Page", ui: DagsterUI) -> None:
    """The checks of customer_landing: a red one, some amber ones, and green ones."""
    page.set_viewport_size({"width": WIDTH, "height": 1000})
    page.goto(f"{ui.url}/assets/customer_landing?view=checks&checkDetail=quarantine_names_people")
    page.get_by_text("If broken").wait_for()
    take(page, "checks")


def take_run(page: "Page", ui: DagsterUI, run: str) -> None:
    """The timeline of a run."""
    page.set_viewport_size({"width": WIDTH, "height": 600})
    page.goto(f"{ui.url}/runs/{run}")
    page.get_by_text("RUN_SUCCESS").wait_for()
    page.get_by_role("button", name="expand_arrows").first.click()
    take(page, "run")


def take(page: "Page", name: str) -> None:
    """Writes the screenshot of a page."""
    page.mouse.move(0, 0)  # what is under it is highlighted
    page.wait_for_timeout(1500)  # graphs move, bars grow
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path)
    size = path.stat().st_size
    print(f"{path.name}: {size:,} bytes")
    if size > LARGEST:
        raise ValueError(
            f"{path} has {size:,} bytes, but an image in the repository has at most {LARGEST:,}."
        )


if __name__ == "__main__":
    main()
