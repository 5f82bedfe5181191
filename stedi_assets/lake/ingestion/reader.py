"""Staging the rows of landing files, so that every line is accounted for.

Lines read = rows + quarantined + empty + erased, per file. There are two lanes. If every line of a file fits
the plain pattern and passes the value rules, the engine's JSON reader reads it. All other files are parsed
record by record by the engine's Python workers (see `lines`), and their faulty records go to the quarantine.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from typing import BinaryIO

from pyspark import cloudpickle
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructField, StructType

from stedi_assets.errors import LakeError
from stedi_assets.lake import erasures, packing
from stedi_assets.lake.boundary import engine_errors, s3_refusal
from stedi_assets.lake.iceberg.staging import StagingArea, side_by_side
from stedi_assets.lake.ingestion import faults, lines, records
from stedi_assets.lake.ingestion.erasing import tombstones as erasing
from stedi_assets.lake.ingestion.erasing.tombstones import ERASED, NO_ONE, ErasedRecords, Tombstones
from stedi_assets.lake.ingestion.files import LandingFile
from stedi_assets.lake.ingestion.ledger import RecordCounts
from stedi_assets.lake.ingestion.lines import EMPTY, SPARK_TYPES, parsed_lines
from stedi_assets.lake.ingestion.parsing import finder, unpacking
from stedi_assets.lake.ingestion.records import (
    Field,
    LineForm,
    line_form,
    plain_line_pattern,
    with_event_date,
)
from stedi_assets.lake.packing import bounded
from stedi_assets.lake.progress import report
from stedi_assets.lake.storage import Aws, engine_path, file_opener, streams
from stedi_assets.schemas import checks
from stedi_assets.schemas.checks import ValueRule, value_rules
from stedi_assets.settings import LONGEST_LINE
from stedi_assets.tables import TableSpec

# Bounds of one query: bytes for memory, files for the size of the query plan.
CHUNK_BYTES = 128 * 1024**2
CHUNK_FILES = 200

FOOTERS_AT_ONCE = 8
DEVICE = "serialnumber"
"""The column that names a device."""

# The parser travels to the engine's Python workers as a whole: the nodes of a cluster need only PyArrow, and
# none of them parses with the rules of another version of this package.
for _module in (checks, records, lines, faults, finder, unpacking, packing, streams, erasing, erasures):
    cloudpickle.register_pickle_by_value(_module)  # type: ignore[no-untyped-call]


def ingest(
    spark: SparkSession,
    spec: TableSpec,
    files: list[LandingFile],
    *,
    batch_id: str,
    rows: StagingArea,
    quarantine: StagingArea,
    aws: Aws,
    longest_line: int = LONGEST_LINE,
    tombstones: Tombstones = NO_ONE,
) -> dict[str, RecordCounts]:
    """Stages the rows of landing files, and their faulty lines.

    Args:
        spark: The engine's session.
        spec: A table of the landing zone.
        files: The landing files of the batch.
        batch_id: Name of the batch.
        rows: Where to stage rows.
        quarantine: Where to stage quarantined lines.
        aws: AWS, for files in S3.
        longest_line: Bytes that a line may have.
        tombstones: The people who were erased.

    Returns:
        The outcome of the lines of every file, by its path.
    """
    reader = _Reader(
        spark=spark,
        spec=spec,
        batch_id=batch_id,
        rows=rows,
        quarantine=quarantine,
        aws=aws,
        longest_line=longest_line,
        tombstones=tombstones,
    )

    def stage(numbered: tuple[int, list[LandingFile]]) -> dict[str, RecordCounts]:
        number, chunk = numbered
        with engine_errors(spec.name, "reading landing files"):
            return reader.stage(chunk, f"{number:05}")

    report(spec.name, "staging")
    chunks = bounded(files, lambda file: file.size, CHUNK_BYTES, most_items=CHUNK_FILES)
    found: dict[str, RecordCounts] = {}
    for number, counts in enumerate(side_by_side(stage, enumerate(chunks)), start=1):
        found |= counts
        report(spec.name, f"staged part {number}", sum(count.rows for count in found.values()))
    return found


def row_counts(uris: Iterable[str], open_file: Callable[[str], BinaryIO]) -> Iterator[int]:
    """Reads the number of rows of Parquet files from their footers.

    Args:
        uris: The files.
        open_file: Opens a file by URI.
    """
    import pyarrow.parquet as pq

    def count(uri: str) -> int:
        with open_file(uri) as stream:
            return int(pq.read_metadata(stream).num_rows)

    with ThreadPoolExecutor(FOOTERS_AT_ONCE) as pool:
        yield from pool.map(count, uris)


def union(frames: list[DataFrame]) -> DataFrame:
    """The rows of all frames, folded as a tree: a chain of unions is as deep as the list is long."""
    while len(frames) > 1:
        frames = [reduce(DataFrame.unionByName, frames[i : i + 2]) for i in range(0, len(frames), 2)]
    return frames[0]


def form_of(spec: TableSpec) -> LineForm:
    """The form of the lines of a table of the landing zone."""
    source = spec.source
    assert source is not None
    return line_form(source.record, spec.instant, source.person)


def erased_records(spec: TableSpec, tombstones: Tombstones) -> ErasedRecords | None:
    """Which records of a landing table are about erased people; None if no one was erased."""
    source, names = spec.source, [field.name for field in form_of(spec).fields]
    named = source and (source.person or source.who)
    if not tombstones or source is None or not isinstance(named, str):
        return None
    [key] = [field.key for field in form_of(spec).fields if field.name == named]
    return ErasedRecords(
        tombstones,
        key=key,
        place=names.index(named),
        device=named == DEVICE,
        instant=names.index(spec.instant) if spec.instant else None,
        describes=source.person is not None,
    )


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """Reads landing files of one table and stages their rows and quarantined lines; see `ingest`."""

    spark: SparkSession
    spec: TableSpec
    batch_id: str
    rows: StagingArea
    quarantine: StagingArea
    aws: Aws
    longest_line: int
    tombstones: Tombstones

    @cached_property
    def _form(self) -> LineForm:
        return form_of(self.spec)

    @cached_property
    def _erased(self) -> ErasedRecords | None:
        return erased_records(self.spec, self.tombstones)

    @cached_property
    def _rules(self) -> list[ValueRule]:
        assert self.spec.source is not None
        return [rule for rule in value_rules(self.spec.source.record) if rule.severity == "error"]

    def stage(self, files: list[LandingFile], name: str) -> dict[str, RecordCounts]:
        """Stages the rows and the quarantined lines of some files.

        Args:
            files: The files.
            name: Name of the scratch folder, unique in the batch.

        Returns:
            The outcome of the lines of every file, by its path.
        """
        counts = self._survey([file for file in files if file.plain])
        for path in self._with_erased([file for file in files if file.path in counts]):
            del counts[path]  # the parser leaves the records out
        plain = [file for file in files if file.path in counts]
        parsed = self._parse([file for file in files if file.path not in counts], name)
        counts |= _counts_by_file(parsed)
        part = self._write_rows(plain, parsed)
        if part is not None and self._staged_rows(part) != sum(count.rows for count in counts.values()):
            # Some plain lines break value rules: the parser finds which, and why.
            self.rows.discard_part(part)
            broken = self._broken(plain)
            reparsed = self._parse([file for file in plain if file.path in broken], f"{name}-broken")
            parsed += reparsed
            counts |= _counts_by_file(reparsed)
            self._write_rows([file for file in plain if file.path not in broken], parsed)
        if any(count.quarantined for count in counts.values()):
            self._write_lines(parsed)
        return {file.path: counts.get(file.path, RecordCounts(files=1)) for file in files}

    def _survey(self, files: list[LandingFile]) -> dict[str, RecordCounts]:
        """Counts the lines of those files that the engine's JSON reader can be trusted with."""
        if not files:
            return {}
        try:
            found = self._line_kinds(files).collect()
        except PySparkException as error:
            if s3_refusal(error):
                raise
            # A file that is not text makes the engine refuse all: find it by halves.
            half = len(files) // 2
            return self._survey(files[:half]) | self._survey(files[half:]) if half else {}
        return {
            row["source_file"]: RecordCounts(
                files=1, lines=row["lines"], rows=row["plain"], empty=row["empty"]
            )
            for row in found
            if row["lines"] == row["plain"] + row["empty"]
        }

    def _with_erased(self, files: list[LandingFile]) -> set[str]:
        """Paths of the plain files with records of people who were erased."""
        if not (files and self._erased):
            return set()
        named = self._form.fields[self._erased.place].name
        found = (
            self._plain_rows(files).where(F.col(named).isNotNull()).select("source_file", named).distinct()
        )
        return {row["source_file"] for row in found.collect() if self._erased.knows(row[named])}

    def _line_kinds(self, files: list[LandingFile]) -> DataFrame:
        """Lines, plain lines and empty lines of every file."""
        texts = [
            self.spark.read.text(engine_path(file.uri)).withColumn("source_file", F.lit(file.path))
            for file in files
        ]
        # In Java `$` also matches before a last line separator, which is not part of a plain line.
        plain = F.col("value").rlike(plain_line_pattern(self._form.fields)) & F.col("value").endswith("}")
        if any(field.email for field in self._form.fields):  # a domain name in ASCII stands for another one
            plain &= ~F.col("value").rlike("[xX][nN]--")
        empty = F.trim("value") == ""
        return (
            union(texts)
            .groupBy("source_file")
            .agg(
                F.count(F.lit(1)).alias("lines"),
                F.sum(plain.cast("bigint")).alias("plain"),
                F.sum(empty.cast("bigint")).alias("empty"),
            )
        )

    def _parse(self, files: list[LandingFile], name: str) -> list[DataFrame]:
        """Parses files line by line into a scratch folder, so that none is parsed twice.

        Returns:
            One frame, or none if the files have no lines.

        Raises:
            LakeError: The engine does not see all lines that it wrote to the scratch folder.
        """
        if not files:
            return []
        scratch = f"{self.rows.scratch}/{name}"
        parsed = parsed_lines(
            self.spark, self._form, files, aws=self.aws, longest_line=self.longest_line, erased=self._erased
        )
        parsed.write.parquet(engine_path(scratch))
        written = [file.uri for file in self.rows.storage.list(scratch) if file.path.endswith(".parquet")]
        if not written:
            return []
        found = self.spark.read.schema(parsed.schema).parquet(*map(engine_path, written))
        seen, expected = found.count(), self._row_count(written)
        if seen != expected:
            raise LakeError(f"{self.spec.name}: the engine sees {seen:,} of {expected:,} lines: run again.")
        return [found]

    def _write_rows(self, plain: list[LandingFile], parsed: list[DataFrame]) -> str | None:
        """Writes the valid rows of plain files and of parsed lines.

        Returns:
            The part that was staged; None if no file has lines.
        """
        columns = [*(field.name for field in self._form.fields), "source_file"]
        frames = [frame.where(F.col("_reason").isNull()).select(*columns) for frame in parsed]
        if plain:
            frames.append(self._plain_rows(plain).where(~self._breaks_a_rule).select(*columns))
        if not frames:
            return None
        rows = union(frames)
        if self.spec.instant is not None:
            rows = with_event_date(rows, self.spec.instant)
        return self.rows.write(rows.withColumn("batch_id", F.lit(self.batch_id)))

    def _write_lines(self, parsed: list[DataFrame]) -> None:
        faulty = union(parsed).where(F.col("_reason").isNotNull() & ~F.col("_reason").isin(EMPTY, ERASED))
        self.quarantine.write(
            faulty.select(
                F.lit(self.spec.name).alias("table_name"),
                "source_file",
                F.col("_line").alias("line_number"),
                F.col("_record").alias("record_number"),
                F.col("_reason").alias("reason"),
                F.col("_raw").alias("raw"),
                F.col("_people").alias("people"),
                F.lit(self.batch_id).alias("batch_id"),
            )
        )

    def _staged_rows(self, part: str) -> int:
        return self._row_count(self.rows.part_files(part))

    def _row_count(self, uris: Iterable[str]) -> int:
        return sum(row_counts(uris, file_opener(self.aws.given_region)))

    def _plain_rows(self, files: list[LandingFile]) -> DataFrame:
        fields = self._form.fields
        keys = StructType([StructField(field.key, SPARK_TYPES[field.kind]) for field in fields])
        columns = [_plain_value(field) for field in fields]
        read = self.spark.read.schema(keys)
        return union(
            [
                read.json(engine_path(file.uri)).select(*columns, F.lit(file.path).alias("source_file"))
                for file in files
            ]
        )

    @property
    def _breaks_a_rule(self) -> Column:
        return reduce(or_, (rule.broken for rule in self._rules))

    def _broken(self, files: list[LandingFile]) -> set[str]:
        """Paths of the files with plain lines that break a value rule."""
        if not files:
            return set()
        broken = self._plain_rows(files).where(self._breaks_a_rule)
        return {row["source_file"] for row in broken.select("source_file").distinct().collect()}


def _plain_value(field: Field) -> Column:
    value = F.col(field.key)
    if field.kind == "number":  # minus zero becomes zero, as in the parser
        value = F.when(value == 0, F.lit(0.0)).otherwise(value)
    return value.alias(field.name)


def _counts_by_file(parsed: list[DataFrame]) -> dict[str, RecordCounts]:
    """The outcome of the lines of each parsed file."""
    counts: dict[str, RecordCounts] = defaultdict(lambda: RecordCounts(files=1))
    for frame in parsed:
        by_reason = frame.groupBy("source_file", "_reason").agg(
            F.count(F.lit(1)).alias("lines"),
            F.sum("_unknown_keys").alias("unknown_keys"),
            F.sum("_coerced").alias("coerced"),
            F.sum((F.col("_people") == "").cast("bigint")).alias("nameless"),
        )
        for found in by_reason.collect():
            counts[found["source_file"]] += _counts(found)
    return dict(counts)


def _counts(found: Row) -> RecordCounts:
    """Counts of lines that all have one reason, or all became rows."""
    reason, lines = found["_reason"], found["lines"]
    if reason is None:
        return RecordCounts(
            lines=lines, rows=lines, unknown_keys=found["unknown_keys"], coerced=found["coerced"]
        )
    if reason == EMPTY:
        return RecordCounts(lines=lines, empty=lines)
    if reason == ERASED:
        return RecordCounts(lines=lines, erased=lines)
    return RecordCounts(
        lines=lines, quarantined=lines, nameless=found["nameless"] or 0, reasons=Counter({reason: lines})
    )
