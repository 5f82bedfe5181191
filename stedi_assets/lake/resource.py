"""The Lake resource: where the tables are, and how they are reached.

Here belongs what every operation needs: catalog, storage, engine, tables. The operations themselves are in
`ingestion`, `refresh` and `maintenance`.
"""

import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast

import dagster as dg
from dagster import ResourceDependency
from dagster_pyspark import LazyPySparkResource
from pydantic import PrivateAttr

from stedi_assets.errors import LakeError, SettingError
from stedi_assets.lake.erasures import MARK, ErasureStore
from stedi_assets.lake.iceberg.catalog import (
    SPLIT_SALT,
    check_catalog,
    create_table,
    load_table,
    open_catalog,
    split_salt,
)
from stedi_assets.lake.iceberg.schema import add_new_columns
from stedi_assets.lake.iceberg.staging import StagingArea
from stedi_assets.lake.iceberg.table import PinnedSystemTable, PinnedTable
from stedi_assets.lake.model import Outcome, Plan, Run
from stedi_assets.lake.secret_key import SecretKey
from stedi_assets.lake.storage import Aws, LocalStorage, open_storage
from stedi_assets.locations import S3
from stedi_assets.settings import LONGEST_LINE
from stedi_assets.tables import LEDGER, SYSTEM_TABLES, Tables, TableSpec, table_location
from stedi_assets.transforms import pseudonyms

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table
    from pyspark.sql import SparkSession

OPTIONS = "refresh"
"""The resource of the options of a run, the only one that a launch may configure."""
CLOCK_TOLERANCE_MS = 60_000


class Lake(dg.ConfigurableResource[None]):
    """The tables, wherever they are.

    Attributes:
        tables: The declared tables.
        landing: URI of the landing root.
        uri: URI of the lake.
        catalog_uri: The Iceberg catalog.
        database: Database of the catalog; one for each policy.
        policy: The consent policy.
        pyspark: The engine.
        key: The pseudonym key.
        keep_days: For how many days snapshots can be read after they were replaced.
        erasure_key: The key of tombstones and receipts.
        erasure: URI of the folder with the tombstones.
        region: AWS_REGION; empty if another of the standard variables names it.
        batch_files: Landing files that one batch may have.
        batch_bytes: Bytes of landing files that one batch may have; a larger file makes a batch of its own.
        longest_line: Bytes that a landing line may have.
        access: `owner` or `group`: who may read the files of a lake in a folder.
        removal_share: Percent of the people that a run may remove without a warning.
    """

    tables: ResourceDependency[Tables]
    landing: str
    uri: str
    catalog_uri: str
    database: str
    policy: str
    pyspark: ResourceDependency[LazyPySparkResource]
    key: ResourceDependency[SecretKey]
    keep_days: int
    erasure_key: ResourceDependency[SecretKey]
    erasure: str = ""
    region: str = ""
    batch_files: int = 2_000
    batch_bytes: int = 2 * 1024**3
    longest_line: int = LONGEST_LINE
    access: str = "owner"
    removal_share: int = 20

    _catalog: "Catalog | None" = PrivateAttr(default=None)
    _aws: Aws | None = PrivateAttr(default=None)
    _read_only: bool = PrivateAttr(default=False)
    _clock_checked_by: str | None = PrivateAttr(default=None)
    _already_checked: set[tuple[str, str, int]] = PrivateAttr(default_factory=set)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Refuses a launch that changes where or how the lake works, and keeps the files to their owner.

        Raises:
            SettingError: The run configures a resource, such as the policy, instead of the settings.
        """
        config = context.run.run_config if context.run else {}
        if given := ", ".join(sorted(set(cast(Any, config).get("resources", {})) - {OPTIONS})):
            raise SettingError(
                f"The launch configures {given}, but only {OPTIONS} can be: where and how the lake works is "
                "set by the settings of the server, as docs/settings.md says."
            )
        if not self.uri.startswith(S3):
            LocalStorage().restrict(self.uri, group=self.access == "group")

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Closes the connections to the catalog: a sensor makes a lake at each tick."""
        if self._catalog is not None:
            self._catalog.close()
            self._catalog = None

    @property
    def catalog(self) -> "Catalog":
        """The Iceberg catalog, opened at the first use."""
        if self._catalog is None:
            open_storage(self.uri, self.aws).check(self.uri, "STEDI_LAKE", filled=False)
            self._catalog = open_catalog(self.catalog_uri, self.uri, self.aws)
        return self._catalog

    @property
    def aws(self) -> Aws:
        """AWS, as the standard variables describe it."""
        if self._aws is None:
            self._aws = Aws(self.region, _s3_client)
        return self._aws

    @property
    def spark(self) -> "SparkSession":
        """The engine's session, started at the first use."""
        session: SparkSession = self.pyspark.spark_session
        return session

    def check(self, tables: Collection[str], *, landing: bool = True) -> None:
        """Checks that landing zone, lake and catalog can be used, before any work starts.

        Args:
            tables: The tables that will be written; a user may have access to some of them only.
            landing: Whether the landing zone is needed.

        Raises:
            SettingError: One of them cannot be used; the sentence names it.
            LakeError: S3 is in trouble.
        """
        if landing:
            open_storage(self.landing, self.aws).check(self.landing, "STEDI_LANDING")
        check_catalog(self.catalog, self.catalog_uri)
        storage = open_storage(self.uri, self.aws)
        written = [self.tables[name] for name in tables]
        if any(spec.source for spec in written):
            written += SYSTEM_TABLES.values()
        folders = [self.location(spec) for spec in written]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda folder: storage.check_writable(folder, "STEDI_LAKE"), folders))

    def location(self, spec: TableSpec) -> str:
        """URI of a table's folder."""
        return table_location(self.uri, self.database, spec)

    def own(self, name: str) -> PinnedTable:
        """A table as this project published it last, whatever other programs did to it since."""
        pinned = self.pinned(name)
        if not pinned.exists or pinned.record is not None:
            return pinned
        own = pinned.own_snapshot_id
        return pinned if own is None else PinnedTable(pinned.spec, lambda: self.loaded(pinned.spec), own)

    def check_own(self, spec: TableSpec) -> None:
        """Checks that no other program changed the rows of a table or of the system tables.

        Raises:
            LakeError: One did; the sentence names the snapshot and the fix.
        """
        for pinned in (self.pinned(spec.name), *(self.system(system) for system in SYSTEM_TABLES.values())):
            if pinned.exists:
                pinned.check_own()

    def pinned(self, name: str) -> PinnedTable:
        """A published table, pinned at its first use; a system table may be empty."""
        if name in SYSTEM_TABLES:
            return self.system(SYSTEM_TABLES[name])
        spec = self.tables[name]
        return PinnedTable(spec, lambda: self.loaded(spec))

    def system(self, spec: TableSpec, landing_table: str | None = None) -> PinnedSystemTable:
        """A system table, or its part for one landing table."""
        return PinnedSystemTable(spec, lambda: self.loaded(spec), landing_table)

    def loaded(self, spec: TableSpec) -> "Table | None":
        """The Iceberg table as it is now; None if it was never created.

        Raises:
            LakeError: The table lies in another lake: this one is a copy, or was moved.
        """
        return load_table(self.catalog, self.database, spec.name, self.uri)

    @property
    def erasures(self) -> ErasureStore:
        """The store of tombstones."""
        return ErasureStore(self.erasure, open_storage(self.erasure, self.aws))

    def note_erasures(self) -> None:
        """Notes in the lake that it has seen all erasures."""
        ledger = self.loaded(LEDGER)
        if ledger is not None:
            ledger.transaction().set_properties({MARK: self.erasures.read().mark}).commit_transaction()

    def read_only(self) -> None:
        """Writes nothing from now on, not even the rest of an interrupted batch."""
        self._read_only = True

    @property
    def writes(self) -> bool:
        """Whether the lake may be written to."""
        return not self._read_only

    def staging_area(self, spec: TableSpec) -> StagingArea:
        """A new staging area of a table."""
        table = self.loaded(spec)
        location = self.location(spec) if table is None else add_new_columns(spec, table).location()
        return StagingArea.below(spec, location, open_storage(location, self.aws))

    def check_clock(self, run: Run) -> None:
        """Checks that no table was published more than a minute in the future.

        If one was, the clock of this machine may be behind: withdrawals would not be in effect yet, and
        people would come back.

        Raises:
            LakeError: One was, and the run does not trust the clock.
        """
        if run.trust_clock or self._clock_checked_by == run.id:
            return
        for name in self.tables:
            pinned = self.pinned(name)
            if pinned.exists and pinned.snapshot.timestamp_ms > time.time() * 1000 + CLOCK_TOLERANCE_MS:
                made = datetime.fromtimestamp(pinned.snapshot.timestamp_ms / 1000, timezone.utc)
                raise LakeError(
                    f"{name} was published at {made:%Y-%m-%d %H:%M} UTC, which is in the future: set the "
                    "clock of this machine right; if it is right, go on with `stedi run --trust-clock`."
                )
        self._clock_checked_by = run.id

    def already_checked(self, name: str, run: Run, landed: Outcome | None = None) -> bool:
        """Whether this run has looked for people who withdrew in a table, by the same records about people.

        Args:
            name: The table.
            run: The run.
            landed: The records about people, if they are staged and not published yet.
        """
        return self._check_key(name, run, landed) in self._already_checked

    def remember_checked(self, name: str, run: Run, landed: Outcome | None = None) -> None:
        """Remembers that a table has no rows of people who withdrew; see `already_checked`."""
        self._already_checked.add(self._check_key(name, run, landed))

    def _check_key(self, name: str, run: Run, landed: Outcome | None) -> tuple[str, str, int]:
        version = landed.snapshot_id if landed else self.pinned(self.tables.people.name).snapshot_id
        return (run.id, name, version)

    def published(self, spec: TableSpec) -> Outcome:
        """A published table as an outcome with nothing to publish.

        Raises:
            Unpublished: The table was never published.
        """
        pinned = self.pinned(spec.name)
        record = pinned.record
        if record is None and spec.source is None and (former := self.own(spec.name).record):
            # What it was computed from does not explain its rows any more, so all of them are made again.
            record = replace(former, inputs={}, snapshots={}, version="", checks={}, days=None)
        if record is None:
            pinned.check_own()
            raise LakeError(f"{spec.name} was published by an unknown version: run `stedi run --full`.")
        return Outcome(
            plan=Plan(spec=spec, base=pinned.snapshot_id, record=record, reasons=()),
            snapshot_id=pinned.snapshot_id,
            content=pinned.content,
            record=record,
            files=pinned,
        )

    def split_salt(self, spec: TableSpec) -> bytes:
        """The salt that assigns people to splits in a table that exists."""
        return split_salt(self.loaded(spec) or self.existing_table(spec))

    def existing_table(self, spec: TableSpec) -> "Table":
        """The Iceberg table with all columns of its model; it is created if it does not exist.

        Raises:
            LakeError: The table and its model contradict each other.
        """
        table = self.loaded(spec)
        if table is not None:
            return add_new_columns(spec, table)
        extra = {SPLIT_SALT: pseudonyms.first_salt(self.key.read()).hex()} if spec.subjects else {}
        if spec is LEDGER:
            extra[MARK] = self.erasures.read().mark
        return create_table(self.catalog, self.database, spec, self.location(spec), extra=extra)


def _s3_client(region: str) -> Any:
    from dagster_aws.s3 import S3Resource

    return S3Resource(region_name=region).get_client()
