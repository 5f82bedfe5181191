"""Ingestion: landing files become rows of a landing table, and every line is accounted for.

Lines read = rows + quarantined + empty, per file. Files whose every line fits the plain pattern and keeps
the value rules take the engine's JSON reader; the others are parsed line by line, by the engine's Python
workers, and their faulty lines go to the quarantine.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from pyspark import cloudpickle
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType, DoubleType, LongType, StringType, StructField, StructType

from stedi_assets.errors import LakeError
from stedi_assets.lake.boundary import engine_errors, s3_refusal
from stedi_assets.lake.iceberg.staging import StagingArea, side_by_side
from stedi_assets.lake.ingestion import faults, files, records
from stedi_assets.lake.ingestion.files import EMPTY, LONGEST_LINE, LandingFile, parse_file, parsed_batches
from stedi_assets.lake.ingestion.records import (
    Field,
    LineForm,
    line_form,
    plain_line_pattern,
    with_event_date,
)
from stedi_assets.lake.progress import report
from stedi_assets.lake.storage import Aws, engine_path, file_opener, streams
from stedi_assets.schemas import checks
from stedi_assets.schemas.checks import value_rules
from stedi_assets.tables import LandingSource, TableSpec

if TYPE_CHECKING:
    from pyarrow import RecordBatch

# Bounds of what is read by one query: bytes for memory, files for the size of the query plan.
CHUNK_BYTES = 128 * 1024**2
CHUNK_FILES = 200

SPARK_TYPES = {"string": StringType(), "integer": LongType(), "number": DoubleType()}
PARSERS = 16  # tasks that parse files line by line
FOOTERS_AT_ONCE = 8

# The parser travels to the engine's Python workers as a whole: the nodes of a cluster need pyarrow only,
# and none of them parses with the rules of another version of this package.
for _module in (checks, records, files, faults, streams):
    cloudpickle.register_pickle_by_value(_module)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class LineCounts:
    """What became of the lines of landing files; lines = rows + quarantined + empty.

    Attributes:
        nameless: Quarantined lines about a person that name nobody.
        reasons: Quarantined lines by reason.
    """

    files: int = 0
    lines: int = 0
    rows: int = 0
    quarantined: int = 0
    empty: int = 0
    unknown_keys: int = 0
    nameless: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "LineCounts") -> "LineCounts":
        return LineCounts(*(getattr(self, part.name) + getattr(other, part.name) for part in fields(self)))

    def as_mapping(self) -> Mapping[str, int]:
        """The counts by name, without those by reason."""
        return {part.name: getattr(self, part.name) for part in fields(self) if part.name != "reasons"}


def ingest(
    spark: SparkSession,
    spec: TableSpec,
    files: list[LandingFile],
    batch_id: str,
    area: StagingArea,
    lines: StagingArea,
    aws: Aws,
    longest_line: int = LONGEST_LINE,
) -> dict[str, LineCounts]:
    """Stages the rows of landing files, and their lines that are none.

    Args:
        spark: The engine's session.
        spec: A table of the landing zone.
        files: The landing files of the batch.
        batch_id: Name of the batch.
        area: Where to stage rows.
        lines: Where to stage quarantined lines.
        aws: Where files in S3 are.
        longest_line: Bytes that a line may have.

    Returns:
        What became of the lines of every file, by its path.
    """
    assert spec.source is not None
    reader = _Reader(spark, spec, spec.source, batch_id, area, lines, aws, longest_line)

    def write(numbered: tuple[int, list[LandingFile]]) -> dict[str, LineCounts]:
        number, chunk = numbered
        with engine_errors(spec.name, "reading landing files"):
            return reader.stage(chunk, f"{number:05}")

    report(spec.name, "staging")
    found: dict[str, LineCounts] = {}
    for number, counts in enumerate(side_by_side(write, enumerate(file_chunks(files))), start=1):
        found |= counts
        report(spec.name, f"staged part {number}", sum(count.rows for count in found.values()))
    return found


def file_chunks(files: list[LandingFile]) -> Iterator[list[LandingFile]]:
    """Consecutive files within the bounds of one query; a larger file stands alone."""
    chunk: list[LandingFile] = []
    size = 0
    for file in files:
        if chunk and (size + file.size > CHUNK_BYTES or len(chunk) == CHUNK_FILES):
            yield chunk
            chunk, size = [], 0
        chunk.append(file)
        size += file.size
    if chunk:
        yield chunk


def union(frames: list[DataFrame]) -> DataFrame:
    """The rows of all frames, folded as a tree: a chain of unions is as deep as the list is long."""
    while len(frames) > 1:
        frames = [reduce(DataFrame.unionByName, frames[i : i + 2]) for i in range(0, len(frames), 2)]
    return frames[0]


class _Reader:
    """Reads landing files of one table and stages what is in them."""

    def __init__(
        self,
        spark: SparkSession,
        spec: TableSpec,
        source: LandingSource,
        batch_id: str,
        area: StagingArea,
        lines: StagingArea,
        aws: Aws,
        longest_line: int,
    ) -> None:
        self._spark = spark
        self._spec = spec
        self._batch_id = batch_id
        self._area = area
        self._lines = lines
        self._aws = aws
        self._longest_line = longest_line
        self._form = line_form(source.record, spec.instant, source.person)
        self._rules = [rule for rule in value_rules(source.record) if rule.severity == "error"]

    def stage(self, files: list[LandingFile], name: str) -> dict[str, LineCounts]:
        """Stages the rows and the quarantined lines of some files; tells what became of the lines of each."""
        counts = self._survey([file for file in files if file.plain])
        clean = [file for file in files if file.path in counts]
        parsed = self._parse([file for file in files if file.path not in counts], name)
        counts |= _count(parsed)
        part = self._write_rows(clean, parsed)
        if part is not None and self._staged_rows(part) != sum(count.rows for count in counts.values()):
            # Plain lines break value rules; the parser tells which.
            self._area.discard_part(part)
            broken = self._broken(clean)
            again = self._parse([file for file in clean if file.path in broken], f"{name}-broken")
            clean = [file for file in clean if file.path not in broken]
            parsed += again
            counts |= _count(again)
            self._write_rows(clean, parsed)
        if any(count.quarantined for count in counts.values()):
            self._write_lines(parsed)
        return {file.path: counts.get(file.path, LineCounts(files=1)) for file in files}

    def _write_rows(self, clean: list[LandingFile], parsed: list[DataFrame]) -> str | None:
        """Writes the rows of clean files that break no rule, and all parsed ones; gives the part."""
        columns = [*(field.name for field in self._form.fields), "source_file"]
        frames = [frame.where(F.col("_reason").isNull()).select(*columns) for frame in parsed]
        if clean:
            frames.append(self._plain_rows(clean).where(~self._breaks_a_rule).select(*columns))
        if not frames:
            return None
        rows = union(frames)
        if self._spec.instant is not None:
            rows = with_event_date(rows, self._spec.instant)
        return self._area.write(rows.withColumn("batch_id", F.lit(self._batch_id)))

    def _write_lines(self, parsed: list[DataFrame]) -> None:
        lines = union(parsed).where(F.col("_reason").isNotNull() & (F.col("_reason") != EMPTY))
        self._lines.write(
            lines.select(
                F.lit(self._spec.name).alias("table_name"),
                "source_file",
                F.col("_line").alias("line_number"),
                F.col("_reason").alias("reason"),
                F.col("_raw").alias("raw"),
                F.col("_people").alias("people"),
                F.lit(self._batch_id).alias("batch_id"),
            )
        )

    def _staged_rows(self, part: str) -> int:
        return self._rows(self._area.part_files(part))

    def _rows(self, uris: Iterable[str]) -> int:
        """Rows of Parquet files, by their footers."""
        import pyarrow.parquet as pq

        open_file = file_opener(self._aws.given_region)

        def count(uri: str) -> int:
            with open_file(uri) as stream:
                return int(pq.read_metadata(stream).num_rows)

        with ThreadPoolExecutor(FOOTERS_AT_ONCE) as pool:
            return sum(pool.map(count, uris))

    @property
    def _breaks_a_rule(self) -> Column:
        return reduce(or_, (rule.broken for rule in self._rules))

    def _broken(self, files: list[LandingFile]) -> set[str]:
        """Which files have plain lines that break a value rule."""
        broken = self._plain_rows(files).where(self._breaks_a_rule) if files else None
        found = broken.select("source_file").distinct().collect() if broken is not None else []
        return {row["source_file"] for row in found}

    def _survey(self, files: list[LandingFile]) -> dict[str, LineCounts]:
        """Counts the lines of those files that the engine's JSON reader can be trusted with."""
        if not files:
            return {}
        texts = [
            self._spark.read.text(engine_path(file.uri)).withColumn("source_file", F.lit(file.path))
            for file in files
        ]
        # In Java `$` also matches before a last line separator, which is no part of a plain line.
        plain = F.col("value").rlike(plain_line_pattern(self._form.fields)) & F.col("value").endswith("}")
        empty = F.trim("value") == ""
        surveyed = (
            union(texts)
            .groupBy("source_file")
            .agg(
                F.count(F.lit(1)).alias("lines"),
                F.sum(plain.cast("bigint")).alias("plain"),
                F.sum(empty.cast("bigint")).alias("empty"),
            )
        )
        try:
            found = surveyed.collect()
        except PySparkException as error:
            if s3_refusal(error):
                raise
            # A file that is no text makes the engine refuse all: find it, by halves.
            half = len(files) // 2
            return self._survey(files[:half]) | self._survey(files[half:]) if half else {}
        return {
            row["source_file"]: LineCounts(files=1, lines=row["lines"], rows=row["plain"], empty=row["empty"])
            for row in found
            if row["lines"] == row["plain"] + row["empty"]
        }

    def _plain_rows(self, files: list[LandingFile]) -> DataFrame:
        fields = self._form.fields
        keys = StructType([StructField(field.key, SPARK_TYPES[field.kind]) for field in fields])
        columns = [_plain_value(field) for field in fields]
        read = self._spark.read.schema(keys)
        return union(
            [
                read.json(engine_path(file.uri)).select(*columns, F.lit(file.path).alias("source_file"))
                for file in files
            ]
        )

    def _parse(self, files: list[LandingFile], name: str) -> list[DataFrame]:
        """Parses files line by line into a scratch folder, so that none is parsed twice.

        Returns:
            One frame, or none where the files have no lines.

        Raises:
            LakeError: The engine does not see all lines that it wrote to the scratch folder.
        """
        if not files:
            return []
        scratch = f"{self._area.scratch}/{name}"
        parsed = parsed_lines(self._spark, self._form, files, self._aws, self._longest_line)
        parsed.write.parquet(engine_path(scratch))
        written = [file.uri for file in self._area.storage.list(scratch) if file.path.endswith(".parquet")]
        if not written:
            return []
        lines = self._spark.read.schema(parsed.schema).parquet(*map(engine_path, written))
        seen, expected = lines.count(), self._rows(written)
        if seen != expected:
            raise LakeError(f"{self._spec.name}: the engine sees {seen:,} of {expected:,} lines: run again.")
        return [lines]


def parsed_lines(
    spark: SparkSession, form: LineForm, files: list[LandingFile], aws: Aws, longest_line: int
) -> DataFrame:
    """The lines of landing files as the parser has them, see `line_parser`; lazily, and parsed at every look.

    Args:
        spark: The engine's session.
        form: What the lines must look like.
        files: The files.
        aws: Where files in S3 are.
        longest_line: Bytes that a line may have.
    """
    schema = StructType(
        [
            *(StructField(field.name, SPARK_TYPES[field.kind]) for field in form.fields),
            StructField("source_file", StringType()),
            StructField("_line", LongType()),
            StructField("_reason", StringType()),
            StructField("_unknown_keys", LongType()),
            StructField("_raw", BinaryType()),
            StructField("_people", StringType()),
        ]
    )
    if not files:
        return spark.createDataFrame([], schema)
    paths = [(file.path, file.uri) for file in files]
    listed = spark.createDataFrame(paths, "path string, uri string")
    parse = line_parser(form, aws.given_region, longest_line)
    return listed.repartition(min(len(files), PARSERS)).mapInArrow(parse, schema)


def line_parser(
    form: LineForm, region: str = "", longest_line: int = LONGEST_LINE
) -> "Callable[[Iterator[RecordBatch]], Iterator[RecordBatch]]":
    """A function for `mapInArrow`: files (path, URI) in, one row per line out.

    It is sent to the engine's workers, so it holds no credential: they find theirs by themselves.
    The rows have the source fields (null where the line is no row), source_file, _line, _reason (null where
    it is a row), _unknown_keys, and of quarantined lines _raw and _people.
    """

    def parse(batches: "Iterator[RecordBatch]") -> "Iterator[RecordBatch]":
        import pyarrow as pa

        types = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64()}
        schema = pa.schema(
            [
                *((field.name, types[field.kind]) for field in form.fields),
                ("source_file", pa.string()),
                ("_line", pa.int64()),
                ("_reason", pa.string()),
                ("_unknown_keys", pa.int64()),
                ("_raw", pa.binary()),
                ("_people", pa.string()),
            ]
        )
        nothing = [None] * len(form.fields)
        open_file = file_opener(region)
        for batch in batches:
            for path, uri in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                for some in parsed_batches(parse_file(open_file, uri, form, longest_line)):
                    rows = [
                        [
                            *(line.values or nothing),
                            *(path, line.number, line.reason, line.unknown_keys, line.raw, line.people),
                        ]
                        for line in some
                    ]
                    columns = zip(*rows, strict=True)
                    arrays = [pa.array(*typed) for typed in zip(columns, schema.types, strict=True)]
                    yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return parse


def _plain_value(field: Field) -> Column:
    value = F.col(field.key)
    if field.kind == "number":  # minus zero is zero, as the parser has it
        value = F.when(value == 0, F.lit(0.0)).otherwise(value)
    return value.alias(field.name)


def _count(parsed: list[DataFrame]) -> dict[str, LineCounts]:
    """What became of the lines of each parsed file."""
    counts: dict[str, LineCounts] = defaultdict(lambda: LineCounts(files=1))
    for frame in parsed:
        counted = frame.groupBy("source_file", "_reason").agg(
            F.count(F.lit(1)).alias("lines"),
            F.sum("_unknown_keys").alias("unknown_keys"),
            F.sum((F.col("_people") == "").cast("bigint")).alias("nameless"),
        )
        for found in counted.collect():
            counts[found["source_file"]] += _counts(
                found["_reason"], found["lines"], found["unknown_keys"], found["nameless"] or 0
            )
    return dict(counts)


def _counts(reason: str | None, lines: int, unknown_keys: int, nameless: int) -> LineCounts:
    """Lines that all ended for one reason, or as rows."""
    if reason is None:
        return LineCounts(lines=lines, rows=lines, unknown_keys=unknown_keys)
    if reason == EMPTY:
        return LineCounts(lines=lines, empty=lines)
    return LineCounts(lines=lines, quarantined=lines, nameless=nameless, reasons=Counter({reason: lines}))
