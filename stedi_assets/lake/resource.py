"""The Lake resource: plans, stages and publishes tables, and hands out published ones."""

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import dagster as dg
from dagster import ResourceDependency
from dagster_pyspark import LazyPySparkResource
from pydantic import PrivateAttr

from stedi_assets.errors import LakeError
from stedi_assets.lake.aws import Aws
from stedi_assets.lake.boundary import engine_errors
from stedi_assets.lake.catalog import (
    SPLIT_SALT,
    check_catalog,
    create_table,
    load_table,
    open_catalog,
    split_salt,
)
from stedi_assets.lake.handles import TableContent, TableHandle, content_of
from stedi_assets.lake.ingest import ingest
from stedi_assets.lake.landing_files import batch_id, list_landing_files
from stedi_assets.lake.plan import Plan, Record, plan_refresh
from stedi_assets.lake.progress import report
from stedi_assets.lake.publish import describe_files, replace_files
from stedi_assets.lake.secrets import PseudonymKey
from stedi_assets.lake.staging import Frames, StagingArea, chunked_frames, stage
from stedi_assets.lake.storage import open_storage
from stedi_assets.tables import TABLES, TableSpec, table_location
from stedi_assets.transforms import pseudonyms
from stedi_assets.transforms.consent import Policy

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Run:
    """What holds for a whole run.

    Attributes:
        id: The Dagster run.
        as_of: The instant at which consent is judged, epoch ms.
        policy: The consent policy.
        full: Whether all days are made anew in any case.
        rekey: Whether tables may be made with another pseudonym key than before.
    """

    id: str
    as_of: int
    policy: Policy
    full: bool = False
    rekey: bool = False


@dataclass(frozen=True)
class Outcome:
    """A refreshed table: staged and about to be published, or found up to date.

    Attributes:
        plan: What was planned.
        snapshot_id: The snapshot that is current once this is published; the table's content version.
        content: Totals of that snapshot.
        record: What that snapshot carries.
        staged: Data files out and in, where something was staged.
    """

    plan: Plan
    snapshot_id: int
    content: TableContent
    record: Record
    staged: "tuple[list[DataFile], list[DataFile]] | None" = field(default=None, repr=False)

    @property
    def changed(self) -> bool:
        """Whether there is something to publish."""
        return self.staged is not None


Transform = Callable[[Frames, Run], "DataFrame"]


class Lake(dg.ConfigurableResource[None]):
    """The eight tables, wherever they are.

    Attributes:
        landing: URI of the landing root.
        uri: URI of the lake.
        catalog_uri: The Iceberg catalog.
        database: Database of the catalog; one for each policy.
        policy: The consent policy.
        pyspark: The engine.
        key: The pseudonym key.
        region: AWS_REGION; empty where another of the standard variables says it.
    """

    landing: str
    uri: str
    catalog_uri: str
    database: str
    policy: str
    pyspark: ResourceDependency[LazyPySparkResource]
    key: ResourceDependency[PseudonymKey]
    region: str = ""

    _catalog: "Catalog | None" = PrivateAttr(default=None)
    _aws: Aws | None = PrivateAttr(default=None)

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
        folders = [self.location(TABLES[name]) for name in tables]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda folder: storage.check_writable(folder, "STEDI_LAKE"), folders))

    def location(self, spec: TableSpec) -> str:
        """URI of a table's folder."""
        return table_location(self.uri, self.database, spec)

    def handle(self, name: str) -> TableHandle:
        """A published table, looked at only when it is used."""
        spec = TABLES[name]
        return TableHandle(spec, lambda: load_table(self.catalog, self.database, spec))

    def refresh_landing(self, spec: TableSpec, run: Run) -> Outcome:
        """Brings a table of the landing zone up to the landing files, up to the publish.

        Raises:
            LakeError: The landing files are gone or changed while they were read, or the engine stopped.
        """
        assert spec.source is not None
        files = list_landing_files(open_storage(self.landing, self.aws), self.landing, spec.source)
        published = self.handle(spec.name)
        if not files and published.exists and published.content.rows:
            raise LakeError(
                f"{spec.name}: {spec.source.folder} has no landing files any more, but the table has rows: "
                "check STEDI_LANDING."
            )
        batch = batch_id(files)
        plan = self._plan(spec, {"landing files": batch}, run)

        def write(area: StagingArea, _table: "Table") -> Record:
            counts = ingest(self.spark, spec, files, batch, area, self.aws)
            return replace(plan.record, counts=counts.as_mapping())

        return self._refresh(plan, write)

    def refresh_derived(
        self,
        spec: TableSpec,
        inputs: Mapping[str, TableHandle],
        run: Run,
        transform: Transform,
        next_change: Transform | None = None,
    ) -> Outcome:
        """Brings a table up to its inputs, up to the publish.

        Args:
            spec: The table.
            inputs: Its inputs by name.
            run: The run.
            transform: Makes the rows from the inputs; from a chunk of days of them where there are days.
            next_change: One row with the instant at which time alone changes the rows, if it can.

        Raises:
            LakeError: An input is not published, or the engine stopped.
        """
        versions = {name: str(handle.snapshot_id) for name, handle in inputs.items()}
        plan = self._plan(spec, versions, run)

        def write(area: StagingArea, table: "Table") -> Record:
            chunks = self._with_subjects(spec, table, chunked_frames(self.spark, spec, inputs))
            stage(area, chunks, lambda frames: transform(frames, run))
            record = plan.record
            if next_change is not None:
                frames = {name: handle.frame(self.spark) for name, handle in inputs.items()}
                with engine_errors(spec.name, "looking for the next change"):
                    [row] = next_change(frames, run).collect()
                record = replace(record, next_change=row["instant"])
            for handle in inputs.values():
                handle.check_rows(self.spark)
            return record

        return self._refresh(plan, write)

    def publish(self, outcome: Outcome) -> None:
        """Makes staged files the content of their table.

        Raises:
            LakeError: Another run published in between.
        """
        if outcome.staged is None:
            return
        spec = outcome.plan.spec
        report(spec.name, "publishing", outcome.content.rows)
        table = self._existing_table(spec)
        current = table.current_snapshot()
        if (current.snapshot_id if current else None) != outcome.plan.base:
            raise LakeError(f"{spec.name} was published by another run while this one worked: run again.")
        removed, added = outcome.staged
        replace_files(table, removed, added, outcome.snapshot_id, outcome.record.properties())

    def _plan(self, spec: TableSpec, versions: Mapping[str, str], run: Run) -> Plan:
        report(spec.name, "planning")
        record = Record(
            inputs=versions,
            policy=run.policy,
            code_version=spec.code_version,
            as_of=run.as_of,
            key=pseudonyms.fingerprint(self.key.read()) if spec.subjects else None,
            run=run.id,
        )
        table = load_table(self.catalog, self.database, spec)
        current = None if table is None else table.current_snapshot()
        return plan_refresh(spec, current, record, full=run.full, rekey=run.rekey)

    def _refresh(self, plan: Plan, write: Callable[[StagingArea, "Table"], Record]) -> Outcome:
        spec = plan.spec
        published = self.handle(spec.name)
        if plan.nothing:
            recorded = published.record
            assert recorded is not None
            report(spec.name, "up to date", published.content.rows)
            return Outcome(plan, published.snapshot_id, published.content, recorded)
        table = self._existing_table(spec)
        location = table.location()
        area = StagingArea.below(spec, location, open_storage(location, self.aws))
        try:
            record = write(area, table)
            added = describe_files(table, area.staged_files())
            content = content_of(spec, added)
            if content.rows != record.counts.get("rows", content.rows):
                raise LakeError(
                    f"{spec.name}: {record.counts['rows']:,} landing lines were counted but "
                    f"{content.rows:,} rows staged: a landing file changed meanwhile, run again."
                )
            area.tidy()
            removed = published.files if plan.base else []
        except BaseException:
            area.discard()
            raise
        return Outcome(
            plan,
            table.metadata.new_snapshot_id(),
            content,
            record,
            (removed, added),
        )

    def _existing_table(self, spec: TableSpec) -> "Table":
        table = load_table(self.catalog, self.database, spec)
        if table is None:
            salt = {SPLIT_SALT: pseudonyms.first_salt(self.key.read()).hex()} if spec.subjects else {}
            table = create_table(self.catalog, self.database, spec, self.location(spec), salt)
        return table

    def _with_subjects(self, spec: TableSpec, table: "Table", chunks: Iterator[Frames]) -> Iterator[Frames]:
        """Adds the frame `subjects` to the inputs of a table that knows people by pseudonym only."""
        if spec.subjects is None:
            yield from chunks
            return
        subjects = None
        for frames in chunks:
            if subjects is None:
                subjects = pseudonyms.subjects(frames[spec.subjects], self.key.read(), split_salt(table))
            yield {**frames, "subjects": subjects}
