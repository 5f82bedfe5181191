"""The Lake resource: plans, stages and publishes tables, and hands out published ones."""

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

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
from stedi_assets.lake.evidence import Days, Evidence
from stedi_assets.lake.handles import TableContent, TableFiles, TableHandle, content_of, file_day
from stedi_assets.lake.ingest import ingest
from stedi_assets.lake.landing_files import batch_id, list_landing_files
from stedi_assets.lake.plan import WITHDRAWN, Plan, Record, check_key, plan_refresh
from stedi_assets.lake.progress import report
from stedi_assets.lake.publish import describe_files, replace_files
from stedi_assets.lake.quarantine import QuarantineHandle, StagedLines, version_of
from stedi_assets.lake.secrets import PseudonymKey
from stedi_assets.lake.staging import Frames, StagingArea, chunked_frames, day_chunks, stage
from stedi_assets.lake.storage import open_storage
from stedi_assets.tables import QUARANTINE, TABLES, TableSpec, table_location
from stedi_assets.transforms import pseudonyms
from stedi_assets.transforms.consent import Policy, person
from stedi_assets.transforms.quarantine import held_people

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
class Removal:
    """A publish that only removed rows.

    Attributes:
        table: The table.
        snapshot_id: Its snapshot now.
        rows: Rows that it has now.
        removed: Rows that are gone.
    """

    table: str
    snapshot_id: int
    rows: int
    removed: int


@dataclass(frozen=True)
class Staged:
    """What a publish does: data files out and in. The area is where the latter are."""

    removed: "list[DataFile]"
    added: "list[DataFile]"
    area: StagingArea


@dataclass(frozen=True)
class Outcome:
    """A refreshed table: staged and about to be published, or found up to date.

    Attributes:
        plan: What was planned.
        snapshot_id: The snapshot that is current once this is published.
        content: Totals of that snapshot.
        record: What that snapshot carries.
        files: The data files of that snapshot.
        staged: What was staged, if anything was.
        lines: Quarantined lines to be published with it, for tables of the landing zone.
    """

    plan: Plan
    snapshot_id: int
    content: TableContent
    record: Record
    files: TableFiles = field(repr=False)
    staged: "Staged | None" = field(default=None, repr=False)
    lines: StagedLines | None = None

    @property
    def changed(self) -> bool:
        """Whether there is something to publish."""
        return self.staged is not None

    @property
    def version(self) -> str:
        """The table's content version once this is published."""
        return self.record.version or str(self.snapshot_id)

    def audited(self, checks: Mapping[str, Any]) -> "Outcome":
        """The outcome with what an audit found, by rule, which the snapshot will carry."""
        return replace(self, record=replace(self.record, checks=checks))


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
    _cleared: set[tuple[str, str, int]] = PrivateAttr(default_factory=set)

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
        written = [TABLES[name] for name in tables]
        if any(spec.source for spec in written):
            written.append(QUARANTINE)
        folders = [self.location(spec) for spec in written]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda folder: storage.check_writable(folder, "STEDI_LAKE"), folders))

    def location(self, spec: TableSpec) -> str:
        """URI of a table's folder."""
        return table_location(self.uri, self.database, spec)

    def handle(self, name: str) -> TableHandle:
        """A published table, looked at only when it is used; the quarantine is one, too."""
        if name == QUARANTINE.name:
            return self.quarantine()
        spec = TABLES[name]
        return TableHandle(spec, lambda: load_table(self.catalog, self.database, spec))

    def quarantine(self, landing_table: str | None = None) -> QuarantineHandle:
        """The quarantined lines, of one landing table or of all."""
        return QuarantineHandle(lambda: load_table(self.catalog, self.database, QUARANTINE), landing_table)

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
        versions = {"landing files": batch, QUARANTINE.name: self.quarantine(spec.name).version}
        plan = self._plan(spec, versions, run)
        lines_area = self._quarantine_area()
        lines: list[DataFile] = []

        def write(area: StagingArea, _table: "Table") -> Record:
            counts = ingest(self.spark, spec, files, batch, area, lines_area, self.aws)
            if counts.quarantined:
                lines.extend(describe_files(self._existing_table(QUARANTINE), lines_area.staged_files()))
            if sum(file.record_count for file in lines) != counts.quarantined:
                raise LakeError(f"{spec.name}: quarantined lines were lost while staging: run again.")
            return replace(
                plan.record,
                inputs={**versions, QUARANTINE.name: version_of(lines)},
                counts=counts.as_mapping(),
                reasons=dict(counts.reasons),
            )

        try:
            outcome = self._refresh(plan, write)
        except BaseException:
            lines_area.discard()
            raise
        staged = StagedLines(spec.name, lines, lines_area)
        return replace(outcome, lines=staged) if outcome.changed else outcome

    def plan_derived(self, spec: TableSpec, inputs: Mapping[str, TableHandle], run: Run) -> Plan:
        """Plans a table that is computed from others.

        Raises:
            LakeError: An input is not published, or the pseudonym key is another one.
        """
        inputs = self._with_quarantine(spec, inputs)
        plan = self._plan(spec, {name: handle.version for name, handle in inputs.items()}, run)
        snapshots = {name: inputs[name].snapshot_id for name in spec.inputs}
        return replace(plan, record=replace(plan.record, snapshots=snapshots))

    def refresh_derived(
        self,
        plan: Plan,
        inputs: Mapping[str, TableHandle],
        run: Run,
        transform: Transform,
        next_change: Transform | None = None,
    ) -> Outcome:
        """Brings a table up to its inputs, up to the publish.

        Args:
            plan: What is to be done.
            inputs: The table's inputs by name.
            run: The run.
            transform: Makes the rows from the inputs; from a chunk of days of them where there are days.
            next_change: One row with the instant at which time alone changes the rows, if it can.

        Raises:
            LakeError: The engine stopped.
        """
        spec, inputs = plan.spec, self._with_quarantine(plan.spec, inputs)

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
        if outcome.lines is not None:
            self._publish_lines(outcome.lines, outcome.record.run)
        staged = outcome.staged
        replace_files(table, staged.removed, staged.added, outcome.snapshot_id, outcome.record.properties())

    def cleared(self, name: str, run: Run, landed: Outcome | None = None) -> bool:
        """Whether this was asked in this run before, while customer_landing was the same.

        Args:
            name: A table that is looked through for people who withdrew.
            run: The run.
            landed: customer_landing, where it is not published yet.
        """
        version = landed.snapshot_id if landed else self.handle("customer_landing").snapshot_id
        before = (run.id, name, version) in self._cleared
        self._cleared.add((run.id, name, version))
        return before

    def discard(self, outcome: Outcome) -> None:
        """Removes what was staged and is not going to be published."""
        if outcome.staged is not None:
            outcome.staged.area.discard()
        if outcome.lines is not None:
            outcome.lines.area.discard()

    def published(self, spec: TableSpec) -> Outcome:
        """A table as it is, with nothing to publish.

        Raises:
            Unpublished: The table was never published.
        """
        handle = self.handle(spec.name)
        record = handle.record
        if record is None:
            raise LakeError(
                f"{spec.name} was not published by this project's current version: run `stedi run`."
            )
        plan = Plan(spec, handle.snapshot_id, record, ())
        return Outcome(plan, handle.snapshot_id, handle.content, record, handle)

    def without_rows(
        self,
        published: Outcome,
        days: Collection[date] | None,
        remaining: Callable[[Days], "DataFrame"],
        run: Run,
    ) -> Outcome:
        """Stages a table of which some rows go; what else has changed is left for the next refresh.

        Args:
            published: The table.
            days: The days from which rows go; None where there are no days.
            remaining: Makes the rows of some days that stay.
            run: The run.
        """
        spec = published.plan.spec
        going = [file for file in published.files.files if days is None or file_day(file) in days]
        staying = [file for file in published.files.files if file not in going]
        gone = None if days is None else sorted(day.isoformat() for day in days)
        record = replace(published.record, inputs={}, checks={}, run=run.id, days=gone)
        plan = Plan(spec, published.snapshot_id, record, (WITHDRAWN,))
        chunks = (
            iter([None]) if days is None else day_chunks([TableFiles(spec, going, published.files.named)])
        )

        def write(area: StagingArea, _table: "Table") -> Record:
            for chunk in chunks:
                with engine_errors(spec.name, "removing rows"):
                    rows = remaining(chunk)
                area.write(rows)
            return record

        return self._staged(plan, write, going, staying)

    def evidence(
        self,
        outcome: Outcome,
        inputs: Mapping[str, TableFiles],
        run: Run,
        landed: Outcome | None = None,
    ) -> Evidence:
        """What an audit of a table looks at.

        Args:
            outcome: The table, staged or published.
            inputs: Inputs that are pinned already; other tables are taken as they are now.
            run: The run.
            landed: A landing table to judge by that is staged, and not published yet.

        Raises:
            LakeError: The table knows people by pseudonyms of another key.
        """
        others: dict[str, TableFiles] = {name: inputs.get(name) or self.handle(name) for name in TABLES}
        quarantine: TableFiles = self.quarantine("customer_landing")
        if landed is not None:
            others[landed.plan.spec.name] = landed.files
            if landed.lines is not None:
                quarantine = TableFiles(QUARANTINE, landed.lines.files, "the staged lines")
        spec = outcome.plan.spec

        @cache
        def subjects() -> "DataFrame":
            people = (
                others["customer_landing"].frame(self.spark).select(person("email").alias("email")).distinct()
            )
            table = self._existing_table(spec)
            check_key(spec, outcome.record.key, pseudonyms.fingerprint(self.key.read()))
            return pseudonyms.subjects(people, self.key.read(), split_salt(table))

        @cache
        def held() -> "DataFrame":
            return held_people(quarantine.frame(self.spark))

        return Evidence(
            self.spark, outcome.files, outcome.record, run.policy, run.as_of, others, held, subjects
        )

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
            return Outcome(plan, published.snapshot_id, published.content, recorded, published)
        return self._staged(plan, write, published.files if plan.base else [], [])

    def _staged(
        self,
        plan: Plan,
        write: Callable[[StagingArea, "Table"], Record],
        removed: "list[DataFile]",
        kept: "list[DataFile]",
    ) -> Outcome:
        spec = plan.spec
        table = self._existing_table(spec)
        location = table.location()
        area = StagingArea.below(spec, location, open_storage(location, self.aws))
        try:
            record = write(area, table)
            added = describe_files(table, area.staged_files())
            content = content_of(spec, [*kept, *added])
            if content.rows != record.counts.get("rows", content.rows):
                raise LakeError(
                    f"{spec.name}: {record.counts['rows']:,} landing lines were counted but "
                    f"{content.rows:,} rows staged: a landing file changed meanwhile, run again."
                )
            area.tidy()
        except BaseException:
            area.discard()
            raise
        snapshot_id = table.metadata.new_snapshot_id()
        return Outcome(
            plan,
            snapshot_id,
            content,
            replace(record, version=str(snapshot_id)),
            TableFiles(spec, added, "the staged files"),
            Staged(removed, added, area),
        )

    def _quarantine_area(self) -> StagingArea:
        table = load_table(self.catalog, self.database, QUARANTINE)
        location = self.location(QUARANTINE) if table is None else table.location()
        return StagingArea.below(QUARANTINE, location, open_storage(location, self.aws))

    def _publish_lines(self, lines: StagedLines, run: str) -> None:
        table = load_table(self.catalog, self.database, QUARANTINE)
        if table is not None:
            lines.publish(table, {"stedi.table": lines.landing_table, "stedi.run": run})

    def _with_quarantine(
        self, spec: TableSpec, inputs: Mapping[str, TableHandle]
    ) -> Mapping[str, TableHandle]:
        """The inputs with the quarantined lines that a table depends on, if it does.

        Raises:
            LakeError: The lines are not those of the landing table.
        """
        if spec.quarantine_of is None:
            return inputs
        quarantine = self.quarantine(spec.quarantine_of)
        record = inputs[spec.quarantine_of].record
        if record is None or record.inputs.get(QUARANTINE.name) != quarantine.version:
            raise LakeError(
                f"{spec.quarantine_of} and its quarantined lines were not published together: "
                f"materialize {spec.quarantine_of} first."
            )
        return {**inputs, QUARANTINE.name: quarantine}

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
