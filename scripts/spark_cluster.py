"""A Spark cluster on this machine: a standalone master and workers, optionally behind a Spark Connect server.

    python scripts/spark_cluster.py             # prints spark://127.0.0.1:PORT, runs until Ctrl-C
    python scripts/spark_cluster.py --connect   # prints sc://127.0.0.1:PORT

Everything comes from the installed pyspark and listens on the loopback address. A worker has one core and
1 GiB. What serves tests and trials belongs here; nothing in stedi_assets knows of it.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

LOOPBACK = "127.0.0.1"
WORKERS = 2
DAEMON_MEMORY = "256m"  # heap of the master and of each worker, which only start executors
NODE_MEMORY = "1g"  # what a worker has for executors; heap of the Connect server
STARTS_WITHIN_S = 90
STOPS_WITHIN_S = 10

PACKAGE = "org.apache.spark"
MASTER_STARTED = re.compile(r"Starting Spark master at (spark://\S+)")
WORKER_STARTED = re.compile(r"Successfully registered with master (spark://\S+)")
CONNECT_STARTED = re.compile(r"Spark Connect server started at: \S+:(\d+)")
# The names of Spark's loggers for these three lines; everything else is logged from warnings on.
LOGGING = """
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n
logger.master.name = org.apache.spark.deploy.master.Master
logger.master.level = info
logger.worker.name = org.apache.spark.deploy.worker.Worker
logger.worker.level = info
logger.connect.name = org.apache.spark.sql.connect.service.SparkConnectServer
logger.connect.level = info
"""


# Settings of the master, the workers and the Connect server; {folder} is the cluster's own. A Connect server
# needs its own setting that logs must not quote data: its clients cannot set that.
SETTINGS = """
spark.master.rest.enabled false
spark.ui.enabled false
spark.log.level OFF
spark.executor.syncLogLevel.enabled true
spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs false
spark.driver.bindAddress 127.0.0.1
spark.driver.host 127.0.0.1
spark.connect.grpc.binding.address 127.0.0.1
spark.connect.grpc.binding.port 0
spark.sql.warehouse.dir {folder}/warehouse
"""


class ClusterError(Exception):
    """The cluster did not start."""


@contextmanager
def spark_cluster(
    folder: Path, *, connect: bool = False, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """A cluster that runs for as long as the block, and ends with this process however that ends.

    Args:
        folder: An existing folder for logs, settings and scratch files.
        connect: Whether to start a Spark Connect server that has the cluster for itself.
        environment: Variables of the nodes' processes, besides those of this one.

    Yields:
        The engine's address: `spark://…`, or `sc://…` of the Connect server.

    Raises:
        ClusterError: It did not start in time.
    """
    given = {**_environment(folder), **(environment or {})}
    processes: list[subprocess.Popen[bytes]] = []

    def start(name: str, started: re.Pattern[str], memory: str, *command: str) -> str:
        log = folder / f"{name}.log"
        processes.append(_guarded(command, {**given, "SPARK_DAEMON_MEMORY": memory}, log))
        return _wait_for(started, log, processes[-1])

    def daemon(name: str, started: re.Pattern[str], role: str, *arguments: str) -> str:
        anywhere = ("--host", LOOPBACK, "--port", "0", "--webui-port", "0")
        command = (launcher, f"{PACKAGE}.deploy.{role}", *anywhere, *arguments)
        return start(name, started, DAEMON_MEMORY, *command)

    launcher = str(_spark_home() / "bin/spark-class")
    size = ("--cores", "1", "--memory", NODE_MEMORY)
    try:
        master = daemon("master", MASTER_STARTED, "master.Master")
        for name in (f"worker-{number}" for number in range(1, WORKERS + 1)):
            work = ("--work-dir", str(folder / name))
            daemon(name, WORKER_STARTED, "worker.Worker", *size, *work, master)
        if connect:
            submit = (launcher, f"{PACKAGE}.deploy.SparkSubmit", "--master", master)
            service = ("--class", f"{PACKAGE}.sql.connect.service.SparkConnectServer", "spark-internal")
            port = start("connect", CONNECT_STARTED, NODE_MEMORY, *submit, *service)
            yield f"sc://{LOOPBACK}:{port}"
        else:
            yield master
    finally:
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
        for process in processes:
            process.wait()


def guard(command: list[str]) -> None:
    """Runs a command until standard input ends, which it does also when the parent process is killed."""

    def stop_when_left() -> None:
        sys.stdin.buffer.read()
        os.killpg(0, signal.SIGTERM)
        time.sleep(STOPS_WITHIN_S)
        os.killpg(0, signal.SIGKILL)

    signal.signal(signal.SIGTERM, lambda *_: None)  # the group is to end, and we are the last of it
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=stop_when_left, daemon=True).start()
    child.wait()
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Runs a cluster until it is interrupted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--connect", action="store_true", help="put a Spark Connect server in front")
    connect = parser.parse_args().connect
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="spark-cluster-") as folder:
        try:
            with spark_cluster(Path(folder), connect=connect) as address:
                print(address, flush=True)
                print(f"Logs are in {folder}. Stop with Ctrl-C.", file=sys.stderr)
                signal.pause()
        except ClusterError as error:
            sys.exit(str(error))


def _guarded(
    command: tuple[str, ...], environment: Mapping[str, str], log: Path
) -> "subprocess.Popen[bytes]":
    with log.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, __file__, "guard", *command],
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=stream,
            env=environment,
            start_new_session=True,  # a group of its own, which Ctrl-C does not reach
        )


def _wait_for(started: re.Pattern[str], log: Path, process: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline:
        if found := started.search(log.read_text(errors="replace")):
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise ClusterError(f"{log.stem} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _environment(folder: Path) -> dict[str, str]:
    settings = folder / "conf"
    settings.mkdir()
    (settings / "log4j2.properties").write_text(LOGGING)
    (settings / "spark-defaults.conf").write_text(SETTINGS.format(folder=folder))
    return {
        **os.environ,
        "SPARK_HOME": str(_spark_home()),
        "SPARK_CONF_DIR": str(settings),
        "SPARK_LOCAL_IP": LOOPBACK,  # of web pages too
        "SPARK_LOCAL_DIRS": str(folder / "scratch"),
        # Spark's Python workers are the first python3 of the PATH, unless the driver names another.
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")]),
    }


def _spark_home() -> Path:
    import pyspark

    return Path(pyspark.__file__).parent


if __name__ == "__main__":
    if sys.argv[1:2] == ["guard"]:
        guard(sys.argv[2:])
    else:
        main()
