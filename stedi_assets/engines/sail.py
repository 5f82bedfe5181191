"""Sail, the embedded default: a Spark Connect server in this process, without a JVM.

It has no authentication, so it listens on the loopback address only.
"""

import os
import signal
import threading
from typing import Any

import dagster as dg
from dagster_pyspark import LazyPySparkResource
from pydantic import Field, PrivateAttr

from stedi_assets.engines import silence_pyspark

SECONDS_TO_STOP = 5.0


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
