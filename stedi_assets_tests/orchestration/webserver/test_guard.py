"""Requests as browsers send them for pages of other sites, to the real app of dagster-webserver."""

import json
import re
import threading
import time
from urllib.parse import quote

import dagster as dg
import pytest
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from stedi_assets.orchestration.webserver.guard import Guard, hosts_of
from stedi_assets.orchestration.webserver.launcher import bound
from stedi_assets_tests.support.requests import answer

EVIL = "http://evil.example"
REPORT = "/report_asset_materialization/asset"
QUERY = "/graphql?query=" + quote("{ version }")
MUTATION = "mutation { wipeAssets(assetPartitionRanges: []) { __typename } }"
BY_GET = "/graphql?query=" + quote(MUTATION)
NONCE = re.compile("[0-9a-f]{32}")
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": "text/html"}


class Served:
    """The guarded app on a port of its own, without code locations."""

    def __init__(self, instance, listener, server):
        self.instance, self.server = instance, server
        self.port = listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"

    def ask(self, path="/", method="GET", headers=None, **more):
        """The answer to a request as a page of the UI sends it, but for `headers`."""
        given = {"Host": self.host, "Sec-Fetch-Site": "same-origin"} | (headers or {})
        named = {name: value for name, value in given.items() if value is not None}
        return answer(self.port, named, method=method, path=path, **more)

    def reported(self):
        """Events that were reported from outside."""
        return len(self.instance.fetch_materializations(dg.AssetKey("asset"), limit=100).records)

    def websocket(self, **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return connect(
            f"ws://{self.host}/graphql", additional_headers=names, subprotocols=["graphql-ws"], proxy=None
        )


@pytest.fixture(scope="module")
def ui():
    with (
        dg.instance_for_test() as instance,
        bound(0) as listener,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget(), "a version") as context,
    ):
        hosts = hosts_of(listener.getsockname()[1], ("stedi.example.org", "localhost:8080"))
        app = Guard(create_app_from_workspace_process_context(context), hosts)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Served(instance, listener, server)
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "localhost",
        "127.0.0.1:1",
        "localhost:8081",
        "localhost.evil.example:{port}",
        "127.0.0.1:{port}.evil.example",
        "user@127.0.0.1:{port}",
        "0.0.0.0:{port}",
        "stedi.example.org:{port}",
        "",
        None,
    ],
)
@pytest.mark.parametrize("path", ["/", QUERY, "/server_info"])
def test_a_host_that_is_not_the_ui_is_refused(ui, host, path):
    """A name of the attacker may resolve to this machine after its page has loaded (DNS rebinding)."""
    status, text, _ = ui.ask(path, headers={"Host": host and host.format(port=ui.port)})
    assert status == 403
    assert "STEDI_UI_HOSTS" in text
    assert len(text.splitlines()) == 1


def test_two_hosts_are_refused(ui):
    assert answer(ui.port, [("Host", ui.host), ("Host", "evil.example")])[0] == 403


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:{port}",
        "localhost:{port}",
        "LOCALHOST:{port}",
        "[::1]:{port}",
        "stedi.example.org",
        "localhost:8080",
    ],
)
def test_the_hosts_of_the_ui_are_served(ui, host):
    host = host.format(port=ui.port)
    for origin in (None, f"http://{host}", f"https://{host}"):
        status, text, _ = ui.ask(QUERY, headers={"Host": host, "Origin": origin})
        assert (status, json.loads(text)["data"]) == (200, {"version": "a version"})


def test_on_port_80_the_host_has_no_port():
    assert {"localhost", "localhost:80", "127.0.0.1", "[::1]:80"} < set(hosts_of(80, ()))


ORIGINS = [
    EVIL,
    "https://evil.example",
    "null",
    "",
    "http://localhost:{port}",  # another name of this UI, but another origin
    "http://127.0.0.1:1",
    "http://127.0.0.1",
    "http://127.0.0.1:{port}.evil.example",
    "chrome-extension://abcdef",
]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_what_another_origin_posts_is_refused(ui, origin, content_type):
    """These content types need no permission of the server; old browsers send no Sec-Fetch-Site."""
    headers = {
        "Origin": origin.format(port=ui.port),
        "Content-Type": content_type,
        "Sec-Fetch-Site": None,
    }
    for path in (REPORT, BY_GET, QUERY):
        assert ui.ask(path, "POST", headers, body="{}")[0] == 403
    assert ui.reported() == 0


def test_no_permission_is_given_to_another_origin(ui):
    headers = {"Origin": EVIL, "Access-Control-Request-Method": "POST", "Sec-Fetch-Site": "cross-site"}
    status, _, answered = ui.ask("/graphql", "OPTIONS", headers)
    assert status == 403
    assert not [name for name in answered if name.lower().startswith("access-control")]


ENDPOINTS = [
    *("/", "/runs/abc?x=1", QUERY, BY_GET, "/server_info"),
    *("/logs/a/b.out", "/download_debug/run", "/notebook", "/favicon.png"),
]


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "Same-Origin", "same-origin, cross-site"])
@pytest.mark.parametrize("destination", ["image", "script", "iframe", "frame", "object", "empty"])
def test_what_a_page_elsewhere_loads_is_refused(ui, site, destination):
    mode = "navigate" if destination in ("iframe", "frame", "object") else "no-cors"
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}
    for path in ENDPOINTS:
        assert ui.ask(path, headers=headers)[0] == 403


def test_a_form_on_a_page_elsewhere_is_refused(ui):
    headers = NAVIGATION | {"Sec-Fetch-Site": "cross-site", "Origin": None}
    assert ui.ask(REPORT, "POST", headers)[0] == 403
    assert ui.reported() == 0


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_link_elsewhere_gets_the_page_of_the_ui_and_nothing_else(ui, path):
    status, text, headers = ui.ask(path, headers=NAVIGATION | {"Sec-Fetch-Site": "cross-site"})
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert NONCE.sub("", text) == NONCE.sub("", ui.ask("/")[1])


MUTATIONS = [
    MUTATION,
    "subscription { capturedLogs(logKey: []) { stdout } }",
    "query Q { version } " + MUTATION.replace("mutation", "mutation M"),
    "fragment F on Query { version } " + MUTATION,
    "not GraphQL",
    "{" * 5_000,
]


@pytest.mark.parametrize("text", MUTATIONS)
@pytest.mark.parametrize("site", ["same-origin", "none", None])
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_a_mutation_by_get_is_refused_from_anywhere(ui, text, site, accept):
    for path in (f"/graphql?query={quote(text)}", f"/graphql?query={quote('{version}')}&query={quote(text)}"):
        status, body, _ = ui.ask(
            path + "&operationName=Q", headers={"Sec-Fetch-Site": site, "Accept": accept}
        )
        assert (status, body) == (403, "GraphQL by GET may only ask: send a mutation by POST.")


def test_an_encoded_path_is_the_same_path(ui):
    assert ui.ask(BY_GET.replace("/graphql", "/%67raphql"))[0] == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
def test_a_mutation_by_any_other_method_is_not_executed(ui, method):
    assert ui.ask(BY_GET, method)[0] == 403


def test_a_query_by_get_is_answered(ui):
    assert (
        ui.ask("/graphql?query=" + quote("query A { version } query B { __typename }") + "&operationName=A")[
            0
        ]
        == 200
    )


def test_pages_of_the_ui_may_post(ui):
    headers = {"Origin": f"http://{ui.host}", "Content-Type": "application/json"}
    body = json.dumps({"query": "{ version }"})
    assert json.loads(ui.ask("/graphql", "POST", headers, body=body)[1])["data"] == {"version": "a version"}


def test_clients_that_are_no_browsers_may_post(ui):
    before = ui.reported()
    assert answer(ui.port, {"Host": ui.host}, method="POST", path=REPORT)[0] == 200
    assert ui.reported() == before + 1
    ui.instance.wipe_assets([dg.AssetKey("asset")])


def test_pages_of_the_ui_are_shown_in_no_frame_of_another_site(ui):
    assert ui.ask("/")[2]["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize("origin", [EVIL, "null", "http://localhost:{port}", "http://127.0.0.1:1"])
def test_a_websocket_of_another_origin_is_refused(ui, origin):
    with pytest.raises(InvalidStatus) as refused, ui.websocket(Origin=origin.format(port=ui.port)):
        pass
    assert refused.value.response.status_code == 403
    assert b"only the pages of this UI may" in refused.value.response.body


@pytest.mark.parametrize("headers", [{"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}])
def test_a_websocket_from_elsewhere_without_origin_is_refused(ui, headers):
    headers = headers | {name.replace("-", "_"): value for name, value in NAVIGATION.items()}
    with pytest.raises(InvalidStatus) as refused, ui.websocket(**headers):
        pass
    assert refused.value.response.status_code == 403


def test_a_websocket_of_the_ui_is_opened(ui):
    with ui.websocket(Origin=f"http://{ui.host}", Sec_Fetch_Site="same-origin") as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv(timeout=30)) == {"type": "connection_ack"}


def test_what_a_stranger_sends_is_shown_as_inert_text(ui):
    _, text, headers = ui.ask(headers={"Host": "\x9b31m<script>evil"})
    assert "\\x9b31m<script>evil" in text
    assert headers["content-type"].startswith("text/plain")
    assert headers["x-content-type-options"] == "nosniff"
