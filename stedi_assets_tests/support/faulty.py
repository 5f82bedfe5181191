"""A proxy in front of an S3 server that does to chosen requests what networks and busy servers do."""

import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

STATUS = {
    "SlowDown": 503, "InternalError": 500, "AccessDenied": 403, "InvalidAccessKeyId": 403,
    "NoSuchKey": 404, "ExpiredToken": 400, "AuthorizationHeaderMalformed": 400, "PermanentRedirect": 301,
}  # fmt: skip
RESET = "reset"
FOREVER = 10**9


@dataclass
class Fault:
    """What happens to requests, and to which.

    Attributes:
        what: An error code of S3, or RESET: the connection breaks in the middle of the body.
        methods: HTTP methods, separated by `|`.
        key: Pattern that is searched for in `/bucket/key`.
        first: The first of the matching requests that it happens to, counted from one.
        by_key: Whether the requests of each key are counted for themselves.
        times: To how many of them.
        region: The region that the server says it is in, if it says one.
        hits: To how many it has happened.
    """

    what: str
    methods: str = "GET|HEAD|PUT|POST|DELETE"
    key: str = ""
    first: int = 1
    by_key: bool = False
    times: int = FOREVER
    region: str = ""
    hits: int = 0
    _seen: Counter[str] = field(default_factory=Counter, repr=False)

    def strikes(self, method: str, path: str) -> bool:
        """Whether it happens to this request; counts it."""
        if method not in self.methods.split("|") or not re.search(self.key, path):
            return False
        counted = path if self.by_key else ""
        self._seen[counted] += 1
        struck = self.first <= self._seen[counted] < self.first + self.times
        self.hits += struck
        return struck


class FaultyServer(ThreadingHTTPServer):
    """The proxy. The signature of a request holds upstream, as its Host header is passed on unchanged."""

    daemon_threads = True
    # Arrow opens many connections at once.
    request_queue_size = 128

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream).netloc
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def fault(self, method: str, path: str) -> Fault | None:
        """What happens to a request."""
        with self._lock:
            self.requests.append((method, path))
            struck = [fault for fault in self.faults if fault.strikes(method, path)]
        return struck[0] if struck else None

    def handle_error(self, request, client_address) -> None:
        """Clients that hang up are no news."""


@contextmanager
def faulty(upstream: str) -> Iterator[FaultyServer]:
    """Runs the proxy in front of a server until the block ends."""
    with FaultyServer(upstream) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer in one packet: without these the kernel waits 40 ms for the second one.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: FaultyServer

    def handle_expect_100(self) -> bool:
        # A client waits a second for this before it sends the body nevertheless.
        go_on = super().handle_expect_100()
        self.wfile.flush()
        return go_on

    def handle_request(self) -> None:
        fault = self.server.fault(self.command, unquote(urlsplit(self.path).path))
        resets = fault is not None and fault.what == RESET
        if resets and self.command in ("PUT", "POST"):
            self.rfile.read(int(self.headers.get("Content-Length", 2)) // 2)
            self._reset()
            return
        body = self._body()
        if fault is not None and not resets:
            self._refuse(fault)
            return
        status, headers, content = self._forward(body)
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        size = dict(headers).get("Content-Length") if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(size or 0))
        self.end_headers()
        if resets:
            self.wfile.write(content[: len(content) // 2])
            self._reset()
            return
        self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_request

    def _body(self) -> bytes:
        """The body as it came, in chunks if the client sent it so."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while True:
            size = self.rfile.readline()
            body += size + self.rfile.read(int(size.split(b";")[0], 16) + 2)
            if size.strip() == b"0":
                return body

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = HTTPConnection(self.server.upstream)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("expect", "connection"):
                    upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            upstream.close()

    def _refuse(self, fault: Fault) -> None:
        content = f"<Error><Code>{fault.what}</Code><Message>injected</Message>"
        content += f"<Region>{fault.region}</Region></Error>" if fault.region else "</Error>"
        self.send_response_only(STATUS[fault.what])
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(content)))
        if fault.region:
            self.send_header("x-amz-bucket-region", fault.region)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content.encode())

    def _reset(self) -> None:
        """Closes the connection with a RST."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True
