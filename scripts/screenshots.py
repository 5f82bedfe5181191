"""Takes the screenshots of the documentation, docs/*.png.

From the root of the repository, after `make test` has set up `.venv` and with a Chromium on the PATH:

    .venv/bin/python -m scripts.screenshots

It serves the UI over the sample landing zone and an empty lake, in a temporary folder.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from stedi_assets_tests.support.browser import (
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
from stedi_assets_tests.support.lakes import AS_OF
from stedi_assets_tests.support.zones import awkward_zone

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = Path(__file__).parents[1] / "docs"
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
    with tempfile.TemporaryDirectory() as folder:
        landing = Path(folder) / "landing"
        shutil.copytree(awkward_zone(), landing)
        with dagster_dev({"STEDI_LANDING": str(landing), "STEDI_SENSOR_SECONDS": "10"}) as ui:
            arrive(ui, landing)
            with browser_page(WIDTH) as page:
                take_sensor(page, ui)
                take_quarantined(page, ui)


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
    """The checks of customer_landing: one that failed, some that warned, and some that passed."""
    page.set_viewport_size({"width": WIDTH, "height": 1000})
    page.goto(f"{ui.url}/assets/customer_landing?view=checks&checkDetail=rows_name_people")
    page.get_by_text("If broken").wait_for()
    take(page, "checks")


def take_run(page: "Page", ui: DagsterUI, run: str) -> None:
    """The timeline of a run."""
    page.set_viewport_size({"width": WIDTH, "height": 600})
    page.goto(f"{ui.url}/runs/{run}")
    page.get_by_text("RUN_SUCCESS").wait_for()
    page.get_by_role("button", name="expand_arrows").first.click()
    take(page, "run")


def arrive(ui: DagsterUI, landing: Path) -> None:
    """Drops a file into the landing folder of a lake that is up to date, and waits for the run."""
    run, status = ui.finished_run(set())
    assert status == "SUCCESS", ui.problems(run)
    day = "".join(
        json.dumps({"user": "ada@example.com", "timestamp": AS_OF + n, "x": 0.1, "y": 0.2, "z": 0.9}) + "\n"
        for n in range(0, 60_000, 1_000)
    )
    arrived = landing / "accelerometer/landing/accelerometer-2024-03-05-00.json"
    arrived.write_text(day + '{"user": "ada@exam\n-- end of export --\n')
    _, status = ui.finished_run({run})
    assert status == "SUCCESS"


def take_sensor(page: "Page", ui: DagsterUI) -> None:
    """The ticks of the sensor that found the landing files."""
    page.set_viewport_size({"width": WIDTH, "height": 760})
    page.goto(f"{ui.url}/locations/__repository__@stedi_assets/sensors/landing_files")
    page.get_by_role("button", name="Hide navigation").click()
    page.get_by_text("runs requested").first.wait_for()
    take(page, "sensor")


def take_quarantined(page: "Page", ui: DagsterUI) -> None:
    """What the lines in the quarantine are, by reason."""
    page.set_viewport_size({"width": WIDTH, "height": 1000})
    page.goto(f"{ui.url}/assets/accelerometer_landing?view=checks&checkDetail=rows_quarantined")
    page.get_by_text("not_json").wait_for()
    take(page, "quarantined")


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
