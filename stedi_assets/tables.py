"""The eight Glue tables and the system tables: what each is called, holds, comes from, is partitioned by.

Data only. Code that handles tables receives `Tables` and knows no table by name; what a table does with its
inputs, and the rules that hold for it, are in its declaration in `assets`.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pandera.pyspark import DataFrameModel
from pyspark.sql.types import StructType

from stedi_assets.errors import DeclarationError
from stedi_assets.schemas import curated, landing, system, trusted
from stedi_assets.settings import STRICT_DATABASE

Zone = Literal["landing", "trusted", "curated"]

OWNER = "team:stedi-data"
DAY = "event_date"


@dataclass(frozen=True)
class LandingSource:
    """Where the landing files of a table lie, and what a record in them looks like.

    Attributes:
        folder: Folder below the landing root.
        record: Pandera model of a record.
        person: JSON key of the email of the person that a record is about, if it is about one.
        who: Column that says whose reading a record is, by an email or a device, if it is one.
    """

    folder: str
    record: type[DataFrameModel]
    person: str | None = None
    who: str | None = None


@dataclass(frozen=True)
class TableSpec:
    """One table.

    Attributes:
        name: Name of the Glue table and of the asset.
        zone: Zone, and group in the Dagster UI.
        model: Pandera model, the only list of the table's columns.
        description: What the table holds and for whom, in Markdown.
        inputs: Tables it is computed from.
        source: Landing files it is computed from, for tables of the landing zone.
        instant: Column with the instant of a reading, epoch ms; such a table is partitioned by day.
        subjects: Input whose people the table knows by pseudonym only.
        quarantine_of: Landing table whose quarantined lines the rows depend on.
        activity_of: Input of which the rows only depend on who has readings in it.
        partition: Columns that the table is partitioned by, if it is not partitioned by day.
        lineage: Columns whose origin is not the column of that name in the first input that has it.
        code_version: Move it when the transform gives other rows for the same input.
    """

    name: str
    zone: Zone
    model: type[DataFrameModel]
    description: str
    inputs: tuple[str, ...] = ()
    source: LandingSource | None = None
    instant: str | None = None
    subjects: str | None = None
    quarantine_of: str | None = None
    activity_of: str | None = None
    partition: tuple[str, ...] = ()
    lineage: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    code_version: str = "1"
    owner: str = OWNER

    @property
    def schema(self) -> StructType:
        """The columns as Spark types."""
        return self.model.to_structtype()

    @property
    def columns(self) -> list[str]:
        """The columns in order."""
        return self.schema.names

    @property
    def nullable_columns(self) -> frozenset[str]:
        """The columns that may be null."""
        columns = self.model.to_schema().columns
        return frozenset(name for name, column in columns.items() if column.nullable)

    @property
    def partitioned(self) -> bool:
        """Whether the table is partitioned by day."""
        return self.instant is not None

    @property
    def partition_columns(self) -> tuple[str, ...]:
        """The columns that the table is partitioned by: the day, or those of `partition`."""
        return (DAY,) if self.partitioned else self.partition

    @property
    def references(self) -> tuple[str, ...]:
        """All tables that the table names."""
        others = (self.subjects, self.quarantine_of, self.activity_of)
        return (*self.inputs, *(name for name in others if name is not None))

    @property
    def personal_data(self) -> Literal["direct", "pseudonymous"]:
        """How closely rows point to a person."""
        return "direct" if self.subjects is None else "pseudonymous"

    @property
    def personal_columns(self) -> list[str]:
        """The columns that identify or describe a person by themselves."""
        columns = self.model.to_schema().columns
        return [name for name, column in columns.items() if (column.metadata or {}).get("personal")]


@dataclass(frozen=True)
class Tables:
    """The declared tables of a lake, each after the tables that it is computed from.

    Attributes:
        specs: The tables by name.
    """

    specs: Mapping[str, TableSpec]

    @classmethod
    def of(cls, specs: Iterable[TableSpec]) -> "Tables":
        """Puts tables in the order of the work: an input comes before what is computed from it.

        Raises:
            DeclarationError: A name is taken twice, an input is not declared, or tables need each other.
        """
        declared: dict[str, TableSpec] = {}
        for spec in specs:
            if spec.name in declared:
                raise DeclarationError(f"{spec.name} is declared twice: give one of the tables another name.")
            declared[spec.name] = spec
        for spec in declared.values():
            for name in spec.references:
                if name not in declared:
                    hint = _did_you_mean(name, declared)
                    raise DeclarationError(f"{spec.name} names the table {name}, which is not declared{hint}")
        ordered: dict[str, TableSpec] = {}
        while waiting := [spec for name, spec in declared.items() if name not in ordered]:
            ready = [spec for spec in waiting if all(name in ordered for name in spec.inputs)]
            if not ready:
                names = ", ".join(spec.name for spec in waiting)
                raise DeclarationError(f"{names} need each other as inputs: take one input out.")
            ordered[ready[0].name] = ready[0]
        return cls(ordered)

    def __getitem__(self, name: str) -> TableSpec:
        return self.specs[name]

    def __contains__(self, name: object) -> bool:
        return name in self.specs

    def __iter__(self) -> Iterator[str]:
        return iter(self.specs)

    def values(self) -> Iterable[TableSpec]:
        """The tables."""
        return self.specs.values()

    @property
    def landing(self) -> tuple[TableSpec, ...]:
        """The tables whose rows are the records of landing files."""
        return tuple(spec for spec in self.values() if spec.source is not None)

    @property
    def derived(self) -> tuple[TableSpec, ...]:
        """The tables that are made of others, in the order of work."""
        return tuple(spec for spec in self.values() if spec.inputs)

    @property
    def people(self) -> TableSpec:
        """The landing table of records about people, from which identity and consent are read.

        Raises:
            DeclarationError: There is no such table, or more than one.
        """
        found = [spec for spec in self.landing if spec.source and spec.source.person]
        if len(found) != 1:
            raise DeclarationError(
                f"{len(found)} landing tables hold records about people, but one must: "
                "set `person` in the source of one table."
            )
        return found[0]

    def customers_of(self, spec: TableSpec) -> list[str]:
        """The inputs of a table that have no days: what it knows of people and devices."""
        return [name for name in spec.inputs if not self[name].partitioned]

    def landing_table_behind(self, name: str) -> str:
        """The landing table that has the readings of a table, which may be that table itself."""
        while self[name].source is None:
            [name] = [other for other in self[name].inputs if self[other].partitioned]
        return name


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f": did you mean {close[0]}?" if close else ": declare it, or correct the name."


def table_location(lake: str, database: str, spec: TableSpec) -> str:
    """URI of a table's folder.

    Args:
        lake: URI of the lake.
        database: Database of the catalog; every one but that of the strict policy has zones of its own.
        spec: The table.
    """
    # Two levels for every database: catalogs that watch over folders allow no third.
    zone = spec.zone if database == STRICT_DATABASE else f"{database}_{spec.zone}"
    return f"{lake}/{zone}/{spec.name}"


CUSTOMER_LANDING = TableSpec(
    name="customer_landing",
    zone="landing",
    model=landing.CustomerLanding,
    source=LandingSource("customer/landing", landing.CustomerRecord, person="email"),
    description="Every customer record that the STEDI app ever sent, unchanged, consenting or not. "
    "For data engineers: the only source of identity, device ownership and consent.",
    code_version="2",
)

ACCELEROMETER_LANDING = TableSpec(
    name="accelerometer_landing",
    zone="landing",
    model=landing.AccelerometerLanding,
    source=LandingSource("accelerometer/landing", landing.AccelerometerRecord, who="user"),
    instant="timestamp",
    description="Every accelerometer reading that the mobile app ever sent, unchanged. "
    "For data engineers: it holds people who never agreed to share.",
    code_version="2",
)

STEP_TRAINER_LANDING = TableSpec(
    name="step_trainer_landing",
    zone="landing",
    model=landing.StepTrainerLanding,
    source=LandingSource("step_trainer/landing", landing.StepTrainerRecord, who="serialnumber"),
    instant="sensorreadingtime",
    description="Every distance reading that a Step Trainer ever sent, unchanged. "
    "For data engineers: it holds devices of people who never agreed to share.",
    code_version="2",
)

CUSTOMER_TRUSTED = TableSpec(
    name="customer_trusted",
    zone="trusted",
    model=trusted.CustomerTrusted,
    inputs=("customer_landing",),
    quarantine_of="customer_landing",
    description="The latest record of every person who consents to research. "
    "For analysts who may see identities.",
    code_version="2",
)

ACCELEROMETER_TRUSTED = TableSpec(
    name="accelerometer_trusted",
    zone="trusted",
    model=trusted.AccelerometerTrusted,
    inputs=("accelerometer_landing", "customer_trusted"),
    instant="timestamp",
    description="Accelerometer readings of consenting people, taken at or after their consent, without "
    "exact duplicates. For analysts who may see identities.",
)

CUSTOMER_CURATED = TableSpec(
    name="customer_curated",
    zone="curated",
    model=curated.CustomerCurated,
    inputs=("customer_trusted", "accelerometer_trusted"),
    activity_of="accelerometer_trusted",
    description="Consenting people who have accelerometer readings to share. "
    "For analysts who may see identities: the people behind the machine-learning data.",
)

STEP_TRAINER_TRUSTED = TableSpec(
    name="step_trainer_trusted",
    zone="trusted",
    model=trusted.StepTrainerTrusted,
    inputs=("step_trainer_landing", "customer_curated", "customer_landing"),
    instant="sensorreadingtime",
    description="Step-trainer readings of devices that only one person ever registered, of people in "
    "customer_curated, taken at or after their consent. For analysts who may see identities.",
)

MACHINE_LEARNING_CURATED = TableSpec(
    name="machine_learning_curated",
    zone="curated",
    model=curated.MachineLearningCurated,
    inputs=("accelerometer_trusted", "step_trainer_trusted", "customer_curated"),
    instant="timestamp",
    subjects="customer_curated",
    lineage={"subject_id": ("customer_curated.email",), "split": ("customer_curated.email",)},
    description="What the phone and the Step Trainer of one person measured in one instant, pseudonymised. "
    "For machine-learning engineers. Pseudonymous, not anonymous: most instants belong to one person, so "
    "no one should be able to read both this table and the trusted ones.",
)

QUARANTINE = TableSpec(
    name="quarantine",
    zone="landing",
    model=system.Quarantine,
    partition=("table_name",),
    description="Every landing line that could not become a row, as it was, and why. "
    "For data engineers: it holds people who never agreed to share.",
)

LEDGER = TableSpec(
    name="ledger",
    zone="landing",
    model=system.Ledger,
    partition=("table_name",),
    description="Every landing file that was ever seen, and its outcome. For data engineers.",
)

ACTIVITY = TableSpec(
    name="activity",
    zone="landing",
    model=system.Activity,
    partition=("table_name", "month"),
    description="When which person or device has readings in the landing zone: what a change of a consent "
    "touches. For data engineers: it holds people who never agreed to share.",
)

SYSTEM_TABLES: Mapping[str, TableSpec] = {spec.name: spec for spec in (QUARANTINE, LEDGER, ACTIVITY)}
"""Tables that the lake keeps for itself, under the same protection as the landing zone; no assets."""
