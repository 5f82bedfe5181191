"""The guard of the Dagster UI: refuses requests that a page of another web site may have caused.

dagster-webserver has no accounts: it obeys anyone who reaches its port, and every page in a browser on this
machine does. The browser writes Host, Origin and Sec-Fetch-Site, and a page cannot forge them, so the guard
checks these. Clients that are not browsers, such as curl, work as before.
"""

from collections.abc import Iterable, Sequence

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stedi_assets.errors import inert
from stedi_assets.settings import LOOPBACK

HTTP_PORT = 80
OWN_SITE = {"same-origin", "none"}
"""Values of Sec-Fetch-Site: a page of the UI sent the request, or a person typed the address."""
GRAPHQL = "/graphql"


class Guard:
    """ASGI middleware around the app of dagster-webserver.

    Refuses with 403 and one sentence, WebSocket upgrades too:

    - a Host that is not one of the UI's: another name may resolve to this machine, too (DNS rebinding);
    - an Origin that differs from the Host;
    - a Sec-Fetch-Site other than same-origin or none. Only a link may come from elsewhere: whatever it
      names, it gets the page that all addresses of the UI share, and no other endpoint sees it;
    - GraphQL by GET, if it is not a query.

    Args:
        app: The app.
        hosts: The values of Host that are the UI's, see `hosts_of`.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or hands it to the app."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        sentence = _host_refused(request, self._hosts) or _origin_refused(request)
        if not sentence and _from_elsewhere(request):
            if _opens_page(request):
                scope = {**scope, "path": "/", "raw_path": b"/", "query_string": b""}
            else:
                sentence = "A page of another web site sent this request: open the UI itself."
        sentence = sentence or _graphql_refused(HTTPConnection(scope))
        if sentence:
            answer = PlainTextResponse(sentence, 403, {"X-Content-Type-Options": "nosniff"})
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, _unframed(send))


def hosts_of(port: int, others: Sequence[str]) -> list[str]:
    """The values of Host that are the UI's.

    Args:
        port: The TCP port on which it is served.
        others: More of them, from the setting STEDI_UI_HOSTS.
    """
    ports = [f":{port}", ""] if port == HTTP_PORT else [f":{port}"]
    return [*(name + end for name in LOOPBACK for end in ports), *others]


def _host_refused(request: HTTPConnection, hosts: frozenset[str]) -> str:
    given = request.headers.getlist("host")
    if len(given) == 1 and given[0].lower() in hosts:
        return ""
    return (
        f"The UI is not served as {inert(', '.join(given)) or 'an unnamed host'}: open it at "
        f"{', '.join(sorted(hosts))}, or add the host to STEDI_UI_HOSTS."
    )


def _origin_refused(request: HTTPConnection) -> str:
    host = request.headers["host"].lower()
    for origin in request.headers.getlist("origin"):
        if origin.lower() not in (f"http://{host}", f"https://{host}"):
            return f"A page of {inert(origin)} sent this request: only the pages of this UI may do so."
    return ""


def _from_elsewhere(request: HTTPConnection) -> bool:
    return not OWN_SITE.issuperset(request.headers.getlist("sec-fetch-site"))


def _opens_page(request: HTTPConnection) -> bool:
    """Whether the request only opens the UI in a tab or window, as a link does."""
    headers = request.headers
    return (
        (request.scope["type"], request.scope.get("method")) == ("http", "GET")
        and headers.getlist("sec-fetch-mode") == ["navigate"]
        and headers.getlist("sec-fetch-dest") == ["document"]
    )


def _graphql_refused(request: HTTPConnection) -> str:
    scope = request.scope
    if scope["type"] != "http" or scope["method"] == "POST" or scope["path"] != GRAPHQL:
        return ""
    if all(_is_query(text) for text in request.query_params.getlist("query")):
        return ""
    return "GraphQL by GET may only ask: send a mutation by POST."


def _is_query(text: str) -> bool:
    try:
        definitions = parse(text).definitions
    except (GraphQLError, RecursionError):
        return False
    return all(
        definition.operation == OperationType.QUERY
        for definition in definitions
        if isinstance(definition, OperationDefinitionNode)
    )


def _unframed(send: Send) -> Send:
    """Lets no page of another site show the UI in a frame, under a button that a person means to click."""

    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["X-Frame-Options"] = "SAMEORIGIN"
        await send(message)

    return send_with_header
