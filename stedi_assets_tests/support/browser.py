"""The Dagster UI for tests and screenshots: a server of its own in a folder, and a browser to look at it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stedi_assets_tests.support.zones import awkward_zone

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

REPOSITORY = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

START_SECONDS = 120
STOP_SECONDS = 30
RUN_SECONDS = 240
GROUPS_KEY = "Alt+e"
# Commands that serve the UI; the port is added.
STEDI_DEV = ("-c", "from stedi_assets.cli.main import main; main()", "dev", "--port")
BARE_DEV = ("-m", "dagster", "dev", "-h", "127.0.0.1", "-w", str(REPOSITORY / "workspace.yaml"), "-p")
LAUNCH_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

LOCATIONS = """query Locations { workspaceOrError { ... on Workspace { locationEntries {
    loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } } }"""
RUNS = "query Runs { runsOrError { ... on Runs { results { runId status } } } }"
TABLES = """query Tables { assetNodes { assetKey { path } assetMaterializations(limit: 1) { runId
    metadataEntries { label ... on BoolMetadataEntry { boolValue } ... on IntMetadataEntry { intValue }
                      ... on TextMetadataEntry { text } } } } }"""
COLUMN_LINEAGE = """query ColumnLineage($table: [String!]!) { assetNodeOrError(assetKey: {path: $table}) {
    ... on AssetNode { assetMaterializations(limit: 1) { metadataEntries {
        ... on TableColumnLineageMetadataEntry { lineage { columnName columnDeps {
            assetKey { path } columnName } } } } } } } }"""
STALENESS = "query Staleness { assetNodes { assetKey { path } staleStatus } }"
EVENTS = """query Events($run: ID!) { logsForRun(runId: $run) { ... on EventConnection { events {
    __typename ... on MessageEvent { level message } } } } }"""
FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}


@dataclass(frozen=True)
class DagsterUI:
    """A UI that is served.

    Attributes:
        url: Where the UI is served.
        log: File with what the server printed.
        home: The home of Dagster.
        server: The process of the command.
    """

    url: str
    log: Path
    home: Path
    server: subprocess.Popen[bytes]

    @property
    def port(self) -> int:
        """The TCP port of the UI."""
        return int(self.url.rsplit(":", 1)[1])

    def ask(self, query: str, **variables: Any) -> Any:
        """The data that a GraphQL query gives."""
        request = urllib.request.Request(
            f"{self.url}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def runs(self) -> dict[str, str]:
        """Status of every run by its id, newest first."""
        return {run["runId"]: run["status"] for run in self.ask(RUNS)["runsOrError"]["results"]}

    def finished_run(self, known: set[str]) -> tuple[str, str]:
        """Waits for the one run that is not known yet; gives its id and how it ended."""
        deadline = time.monotonic() + RUN_SECONDS
        while time.monotonic() < deadline:
            new = {run: status for run, status in self.runs().items() if run not in known}
            assert len(new) <= 1, f"More than one run was launched: {new}"
            for run, status in new.items():
                if status in FINISHED:
                    return run, status
            time.sleep(0.5)
        raise TimeoutError(f"No run finished in {RUN_SECONDS} s: {self.runs()}")

    def problems(self, run: str) -> list[str]:
        """What a run logged as a warning or worse."""
        events = self.ask(EVENTS, run=run)["logsForRun"]["events"]
        return [
            event["message"] for event in events if event.get("level") in {"WARNING", "ERROR", "CRITICAL"}
        ]

    def materializations(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """The run and the metadata of the last materialization of every table that has one."""
        found = {}
        for node in self.ask(TABLES)["assetNodes"]:
            for last in node["assetMaterializations"]:
                metadata = {
                    entry.pop("label"): next(iter(entry.values()), None) for entry in last["metadataEntries"]
                }
                found[node["assetKey"]["path"][-1]] = (last["runId"], metadata)
        return found

    def column_lineage(self, table: str) -> dict[str, set[tuple[str, str]]]:
        """The tables and columns that every column of a table was last made from."""
        (last,) = self.ask(COLUMN_LINEAGE, table=[table])["assetNodeOrError"]["assetMaterializations"]
        (columns,) = [entry["lineage"] for entry in last["metadataEntries"] if entry]
        return {
            column["columnName"]: {
                (origin["assetKey"]["path"][-1], origin["columnName"]) for origin in column["columnDeps"]
            }
            for column in columns
        }

    def unsynced(self) -> set[str]:
        """Tables that the UI marks as unsynced."""
        nodes = self.ask(STALENESS)["assetNodes"]
        return {node["assetKey"]["path"][-1] for node in nodes if node["staleStatus"] == "STALE"}


@contextmanager
def dagster_dev(
    elsewhere: Mapping[str, str] | None = None, command: Sequence[str] = STEDI_DEV
) -> Iterator[DagsterUI]:
    """Serves the UI of this checkout on loopback, over the sample landing zone and an empty lake.

    All that it writes is in a temporary folder, which is gone afterwards, as is every process.

    Args:
        elsewhere: Settings of a lake that is somewhere else.
        command: Arguments of Python that serve the UI.

    Raises:
        RuntimeError: It does not start, with what it printed.
    """
    with tempfile.TemporaryDirectory(prefix="stedi-ui-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        home, sockets = folder / "dagster", folder / "tmp"
        home.mkdir()
        sockets.mkdir()
        shutil.copy(REPOSITORY / "stedi_assets" / "orchestration" / "dagster.yaml", home)
        port, output = free_port(), folder / "dev.log"
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("STEDI_", "DAGSTER_"))
        }
        settings = {
            "DAGSTER_HOME": str(home),
            "STEDI_LANDING": str(awkward_zone()),
            "STEDI_LAKE": str(folder / "lake"),
            "STEDI_SENSOR_SECONDS": "0",  # runs are those that a test or a picture asks for
            "PYTHONPATH": str(REPOSITORY),  # this checkout, whichever one is installed
            "TMPDIR": str(sockets),
            **(elsewhere or {}),
        }
        with output.open("w") as log:
            server = subprocess.Popen(
                [sys.executable, *command, str(port)],
                cwd=folder,
                env=inherited | settings,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A shell that runs this in the background lets it ignore the interrupt that ends the server.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        ui = DagsterUI(f"http://127.0.0.1:{port}", output, home, server)
        try:
            _wait_until_loaded(ui, server)
            yield ui
        finally:
            _stop(server)


@contextmanager
def browser_page(
    width: int = 1400, height: int = 900, scale: float = 1, *, flags: Sequence[str] = ()
) -> "Iterator[Page]":
    """A page of a headless Chromium in a light theme; closes with the block."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*LAUNCH_FLAGS, *flags])
        try:
            yield browser.new_page(
                viewport={"width": width, "height": height},
                device_scale_factor=scale,
                color_scheme="light",
                locale="en-GB",
                timezone_id="UTC",
            )
        finally:
            browser.close()


def open_lineage(page: "Page", ui: DagsterUI) -> None:
    """Opens the lineage of all assets with its groups expanded."""
    page.goto(f"{ui.url}/asset-groups")
    page.get_by_role("button", name="Materialize all").wait_for()
    graph = graph_with(page, "landing")
    graph.wait_for()
    if graph.get_by_role("img", name="unfold_more").count():
        expand_groups(page)


def expand_groups(page: "Page") -> None:
    """Expands the collapsed groups of the lineage that is open, which fits it into the window."""
    page.keyboard.press(GROUPS_KEY)
    # The longer names are shortened in a small window.
    graph_with(page, "landing").get_by_text("customer_landing", exact=True).first.wait_for()


def collapse_groups(page: "Page") -> None:
    """Collapses the expanded groups of the lineage that is open."""
    page.keyboard.press(GROUPS_KEY)
    graph_with(page, "landing").get_by_role("img", name="unfold_more").first.wait_for()


def graph_with(page: "Page", name: str) -> "Locator":
    """The drawing of a lineage graph, by the name of a group or table in it."""
    return page.locator("svg", has=page.get_by_text(name, exact=True))


def show_charts(page: "Page") -> None:
    """Opens the charts on the page of a table."""
    page.get_by_role("row").filter(has_text="charts").get_by_text("Show Markdown").click()
    page.get_by_role("img", name="Readings per day").wait_for()


def materialize_all(page: "Page", ui: DagsterUI) -> tuple[str, str]:
    """Clicks "Materialize all" once, on the page that is open; gives the run and how it ended."""
    known = set(ui.runs())
    page.get_by_role("button", name="Materialize all").click()
    return ui.finished_run(known)


def free_port() -> int:
    """A TCP port of loopback that no process has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_loaded(ui: DagsterUI, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            entries = ui.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
        except (urllib.error.URLError, ConnectionError):
            entries = []
        if entries and all(entry["loadStatus"] == "LOADED" for entry in entries):
            errors = [entry["locationOrLoadError"].get("message") for entry in entries]
            if any(errors):
                raise RuntimeError(f"The code location does not load: {errors}")
            return
        time.sleep(0.3)
    raise RuntimeError(f"The UI is not served:\n{ui.log.read_text()}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Ends the server and every process it started."""
    server.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        server.wait(STOP_SECONDS)
    while True:
        try:
            os.killpg(server.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        server.poll()
        time.sleep(0.1)
