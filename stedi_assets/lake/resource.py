"""The Lake resource: plans, stages and publishes tables, and hands out published ones."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import dagster as dg
from dagster import ResourceDependency
from dagster_pyspark import LazyPySparkResource
from pydantic import PrivateAttr

from stedi_assets.errors import LakeError
from stedi_assets.lake.iceberg.catalog import (
    SPLIT_SALT,
    check_catalog,
    create_table,
    load_table,
    open_catalog,
)
from stedi_assets.lake.iceberg.commit import Conflict, replace_files
from stedi_assets.lake.iceberg.record import Plan
from stedi_assets.lake.iceberg.staging import StagingArea
from stedi_assets.lake.iceberg.table import PinnedTable
from stedi_assets.lake.ingestion.files import LONGEST_LINE
from stedi_assets.lake.ingestion.ledger import Ledger, read_ledger
from stedi_assets.lake.ingestion.system_tables import ORDER, Changes, PinnedSystemTable, apply
from stedi_assets.lake.model import Outcome, Run
from stedi_assets.lake.progress import report
from stedi_assets.lake.pseudonym_key import PseudonymKey
from stedi_assets.lake.storage.aws import Aws
from stedi_assets.lake.storage.base import open_storage
from stedi_assets.tables import ACTIVITY, LEDGER, QUARANTINE, SYSTEM_TABLES, Tables, TableSpec, table_location
from stedi_assets.transforms import pseudonyms

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table
    from pyspark.sql import DataFrame, SparkSession


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
        region: AWS_REGION; empty where another of the standard variables says it.
        batch_files: Landing files that one batch may have.
        batch_bytes: Bytes of landing files that one batch may have; a larger file makes a batch of its own.
        longest_line: Bytes that a landing line may have.
    """

    tables: ResourceDependency[Tables]
    landing: str
    uri: str
    catalog_uri: str
    database: str
    policy: str
    pyspark: ResourceDependency[LazyPySparkResource]
    key: ResourceDependency[PseudonymKey]
    keep_days: int
    region: str = ""
    batch_files: int = 2_000
    batch_bytes: int = 2 * 1024**3
    longest_line: int = LONGEST_LINE

    _catalog: "Catalog | None" = PrivateAttr(default=None)
    _aws: Aws | None = PrivateAttr(default=None)
    _read_only: bool = PrivateAttr(default=False)
    _previews: "dict[str, DataFrame]" = PrivateAttr(default_factory=dict)
    _already_checked: set[tuple[str, str, int]] = PrivateAttr(default_factory=set)

    @property
    def catalog(self) -> "Catalog":
        """The Iceberg catalog, opened at the first use."""
        if self._catalog is None:
            open_storage(self.uri, self.aws).check(self.uri, "STEDI_LAKE", filled=False)
            self._catalog = open_catalog(self.catalog_uri, self.uri, self.aws)
        return self._catalog

    @property
    def aws(self) -> Aws:
        """AWS, for what lies there."""
        if self._aws is None:
            self._aws = Aws(self.region)
        return self._aws

    @property
    def spark(self) -> "SparkSession":
        """The engine's session, started at the first use."""
        session: SparkSession = self.pyspark.spark_session
        return session

    def check(self, tables: Collection[str], *, landing: bool = True) -> None:
        """Makes sure that landing zone, lake and catalog can be worked with, before any work starts.

        Args:
            tables: The tables to be written; who works here may be allowed to write some only.
            landing: Whether the landing zone is needed.

        Raises:
            SettingError: One cannot; the sentence names it.
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

    def pinned(self, name: str) -> PinnedTable:
        """A published table, looked at only when it is used; system tables are some, too."""
        if name in SYSTEM_TABLES:
            return self.system(SYSTEM_TABLES[name])
        spec = self.tables[name]
        return PinnedTable(spec, lambda: load_table(self.catalog, self.database, spec))

    def quarantine(self, landing_table: str | None = None) -> PinnedSystemTable:
        """The quarantined lines, of one landing table or of all."""
        return self.system(QUARANTINE, landing_table)

    def system(self, spec: TableSpec, landing_table: str | None = None) -> PinnedSystemTable:
        """A system table, or what it has of one landing table."""
        return PinnedSystemTable(spec, lambda: load_table(self.catalog, self.database, spec), landing_table)

    def ledger(self, landing_table: str) -> Ledger:
        """What became of the landing files of a table."""
        handle = self.system(LEDGER, landing_table)
        return read_ledger(landing_table, handle.table if handle.exists else None, handle.files)

    def read_only(self) -> None:
        """From now on writes nothing: what an interrupted run left is not finished either."""
        self._read_only = True

    def preview_activity(self, landing_table: str, coming: "DataFrame") -> None:
        """Counts readings that are still to come to the activity, for who only looks."""
        self._previews[landing_table] = coming

    def previewed_activity(self, landing_table: str) -> "DataFrame":
        """The activity of a landing table, with what is still to come where that is previews."""
        there = self.system(ACTIVITY, landing_table).frame(self.spark)
        coming = self._previews.get(landing_table)
        return there if coming is None else there.unionByName(coming.select(*there.columns))

    def finish_batch(self, landing_table: str) -> None:
        """Finishes a batch whose run ended between the commit of the landing table and that of the ledger."""
        handle = self.pinned(landing_table)
        record = handle.record if handle.exists else None
        if self._read_only or record is None or not record.batch:
            return
        changes = Changes.of(record.batch)
        if changes.done(self.system(LEDGER, landing_table)):
            return
        properties = {"stedi.table": landing_table, "stedi.batch": changes.batch_id, "stedi.run": record.run}
        for spec in ORDER:
            if spec.name in changes.tables:
                apply(self.existing_table(spec), landing_table, changes.tables[spec.name], properties)

    def staging_area(self, spec: TableSpec) -> StagingArea:
        """A fresh place to stage files of a table."""
        table = load_table(self.catalog, self.database, spec)
        location = self.location(spec) if table is None else table.location()
        return StagingArea.below(spec, location, open_storage(location, self.aws))

    def publish(self, outcome: Outcome) -> None:
        """Makes staged files the content of their table.

        Raises:
            Conflict: Another run published in between.
        """
        if outcome.staged is None:
            return
        spec, staged = outcome.plan.spec, outcome.staged
        report(spec.name, "publishing", outcome.content.rows)
        table = self.existing_table(spec)
        current = table.current_snapshot()
        try:
            if (current.snapshot_id if current else None) != outcome.plan.base:
                raise Conflict(f"{spec.name} was published by another run while this one worked: run again.")
            properties = outcome.record.properties()
            replace_files(table, staged.removed, staged.added, outcome.snapshot_id, properties)
        except Conflict:
            self.discard(outcome)
            raise
        staged.area.discard_folders(staged.unused)
        if outcome.batch is not None:
            self.finish_batch(spec.name)

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

    def discard(self, outcome: Outcome) -> None:
        """Removes what was staged and is not going to be published."""
        if outcome.staged is not None:
            outcome.staged.area.discard()
        for area in outcome.batch.areas if outcome.batch else ():
            area.discard()

    def published(self, spec: TableSpec) -> Outcome:
        """A table as it is, with nothing to publish.

        Raises:
            Unpublished: The table was never published.
        """
        handle = self.pinned(spec.name)
        record = handle.record
        if record is None:
            raise LakeError(
                f"{spec.name} was not published by this project's current version: run `stedi run`."
            )
        plan = Plan(spec, handle.snapshot_id, record, ())
        return Outcome(plan, handle.snapshot_id, handle.content, record, handle)

    def existing_table(self, spec: TableSpec) -> "Table":
        """The Iceberg table; it is created where it does not exist."""
        table = load_table(self.catalog, self.database, spec)
        if table is None:
            salt = {SPLIT_SALT: pseudonyms.first_salt(self.key.read()).hex()} if spec.subjects else {}
            table = create_table(self.catalog, self.database, spec, self.location(spec), salt)
        return table
