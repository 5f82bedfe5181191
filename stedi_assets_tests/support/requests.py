"""Requests whose Host and other headers are chosen freely, which no HTTP client allows."""

import http.client
from collections.abc import Mapping

SECONDS = 30


def answer(
    port: int,
    headers: Mapping[str, str] | list[tuple[str, str]],
    *,
    method: str = "GET",
    path: str = "/",
    body: str = "",
) -> tuple[int, str, Mapping[str, str]]:
    """Sends a request to a port of loopback.

    Args:
        port: The port.
        headers: All headers, Host too.
        method: The method.
        path: The target.
        body: The body.

    Returns:
        Status, body and headers of the answer.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in [*(headers.items() if isinstance(headers, Mapping) else headers)]:
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body.encode())))
        connection.endheaders(body.encode())
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace"), dict(response.getheaders())
    finally:
        connection.close()
