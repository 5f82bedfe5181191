"""Sail, the embedded default: a Spark Connect server in this process, without a JVM.

It has no authentication, so it listens on the loopback address only. That keeps out other machines, but not
other accounts of this one, unless the process has a network of its own: a run says so where there are any.
"""

import os
import pwd
import signal
import threading
from functools import cache
from typing import Any

import dagster as dg
from dagster_pyspark import LazyPySparkResource
from pydantic import Field, PrivateAttr

from stedi_assets.engines import silence_pyspark
from stedi_assets.engines.own_network import has_own_network
from stedi_assets.lake import report

SECONDS_TO_STOP = 5.0

FIRST_ACCOUNT, LAST_ACCOUNT = 1_000, 60_000
"""User ids of people, as Linux systems give them."""


def other_accounts() -> int:
    """How many other accounts of this machine can log in."""
    return sum(
        FIRST_ACCOUNT <= account.pw_uid <= LAST_ACCOUNT
        and account.pw_uid != os.geteuid()
        and not account.pw_shell.endswith(("/nologin", "/false"))
        for account in pwd.getpwall()
    )


@cache
def warn_of_neighbours() -> None:
    """Says once what other accounts of this machine can do, if there are any and they reach the engine."""
    if not has_own_network() and (accounts := other_accounts()):
        report(
            "engine",
            f"other accounts of this machine ({accounts}) can run code as you through the port of Sail, "
            "which has no password: set STEDI_ENGINE to local[2] on a shared machine",
        )


class SailResource(LazyPySparkResource):
    """A PySpark session on an embedded Sail server, started at the first use.

    Attributes:
        memory_mb: Size of Sail's memory pool, MiB; a query that needs more fails instead of swapping.
    """

    spark_config: dict[str, Any] = Field(default_factory=dict)
    memory_mb: int

    _server: Any = PrivateAttr(default=None)

    def _init_session(self) -> None:
        if self._spark_session is not None:
            return
        os.environ["SAIL_RUNTIME__MEMORY_POOL__TYPE"] = "fair"
        os.environ["SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE"] = str(self.memory_mb * 1024**2)
        os.environ.setdefault("RUST_LOG", "off")  # Sail's own log lines quote paths and plans
        # Otherwise Sail's S3 client refuses http://, even if AWS_ENDPOINT_URL names it.
        os.environ.setdefault("AWS_ALLOW_HTTP", "true")

        # Sail's allocator keeps freed memory, several times what queries need at once. It reads these
        # variables when its library is loaded. Huge pages could only be returned as a whole.
        os.environ.setdefault("MIMALLOC_PURGE_DELAY", "0")
        os.environ.setdefault("MIMALLOC_ALLOW_THP", "0")

        from pysail.spark import SparkConnectServer
        from pyspark.sql.connect.client import DefaultChannelBuilder
        from pyspark.sql.connect.session import SparkSession

        silence_pyspark()
        warn_of_neighbours()
        self._server = SparkConnectServer(ip="127.0.0.1", port=0)
        self._server.start(background=True)
        host, port = self._server.listening_address
        # A proxy of the environment, which gRPC would ask, cannot reach this process.
        channel = DefaultChannelBuilder(f"sc://{host}:{port}", [("grpc.enable_http_proxy", 0)])
        os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"  # as PySpark does for the URL of a server
        session = SparkSession.builder.channelBuilder(channel).create()
        session.conf.set("spark.sql.session.timeZone", "UTC")
        self._spark_session = session
        if threading.current_thread() is threading.main_thread():
            # Sail, once it has answered, takes SIGINT for itself: give it back to its former handler.
            signal.signal(signal.SIGINT, signal.getsignal(signal.SIGINT))

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Stops the server, but does not wait for a query that cannot be stopped."""
        if self._spark_session is not None:
            stopping = threading.Thread(target=_stop, args=(self._spark_session, self._server), daemon=True)
            stopping.start()
            stopping.join(SECONDS_TO_STOP)
            self._spark_session = self._server = None


def _stop(session: Any, server: Any) -> None:
    session.stop()
    server.stop()
